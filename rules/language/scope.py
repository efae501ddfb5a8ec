"""Where a rule applies: sources, projects, types, organisations; and whether it begins again."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from rules.language.part import Part, reading
from rules.language.problems import listed, nearest
from rules.language.words import OneOrMany, Words
from rules.protocol.conditions import Condition, OneOf, State

_EACH_FURTHER_ONE: Final = "each further one"


def _again(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, _EACH_FURTHER_ONE)
    if " ".join(word.casefold().split()) != _EACH_FURTHER_ONE:
        raise reading(info).refused(word, f"expected `{_EACH_FURTHER_ONE}`", nearest(word, (_EACH_FURTHER_ONE,)))
    return True


def _source(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "the name of a source")
    known = reading(info).names.sources
    if known and word not in known and reading(info).names.whole:
        raise reading(info).refused(word, f"there is no such source; there are: {listed(sorted(known))}", nearest(word, known))
    return str(word)


AgainWord = Annotated[bool, PlainValidator(_again), WithJsonSchema({"const": _EACH_FURTHER_ONE})]
SourceName = Annotated[str, PlainValidator(_source, json_schema_input_type=str)]


class Scope(Part):
    """Where a rule applies."""

    named: ClassVar[str] = "scope"
    sources: OneOrMany[SourceName] | None = Field(None, description="Only in these sources")
    projects: OneOrMany[Words] | None = Field(None, description="Only tickets of these projects, tables or brands")
    types: OneOrMany[Words] | None = Field(None, description="Only tickets of these types", examples=["change"])
    organisations: OneOrMany[Words] | None = Field(None, description="Only tickets of these customers or companies")

    def conditions(self) -> list[Condition]:
        """What a ticket must be; the sources left out."""
        asked = {"project": self.projects, "type": self.types, "organisation": self.organisations}
        return [State(name, OneOf(values)) for name, values in asked.items() if values]
