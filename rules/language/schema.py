"""The JSON Schema as editors need it: keys that may be left out are never null, and defaults are in the descriptions."""

from __future__ import annotations

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class AsWritten(GenerateJsonSchema):
    """Leaves out what a file can't say: null, and values that only the program sees."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])
