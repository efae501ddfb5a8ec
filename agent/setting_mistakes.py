"""What pydantic found wrong with a source's settings, as sentences with their places in hoist.yaml.

What was written there is never repeated: it may be a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.problems import nearest

_EXPECTED: Final = {
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "model_type": "expected a block of keys and values",
    "string_type": "expected a text",
    "string_pattern_mismatch": "this is not how such a name is written",
    "too_short": "the list is empty",
}
"""pydantic's words for what a person writes in YAML."""


def mistakes(error: ValidationError, name: Text, entry: Block, model: type[BaseModel], shared: Iterable[str] = ()) -> list[str]:
    """A sentence for each mistake in the `entry` of the source with this name, read as this model.

    `shared`: the keys that every platform's entry may have beside those of the model.
    """
    found = error.errors(include_input=False)
    # That a list is too short follows from what is wrong with its items.
    first = [each for each in found if not any(_within(other["loc"], each["loc"]) for other in found)]
    return [_sentence(name, entry, model, each, shared) for each in first]


def _sentence(name: Text, entry: Block, model: type[BaseModel], found: ErrorDetails, shared: Iterable[str]) -> str:
    where = ".".join([str(name), *(str(part) for part in found["loc"])])
    place = f"{_deepest(name, entry, found['loc']).place}:"
    if found["type"] == "missing":
        return f"{place} {where} is missing{_like(model, found['loc'])}"
    if found["type"] == "extra_forbidden":
        near = nearest(str(found["loc"][-1]), [*model.model_fields, *shared])
        return f"{place} {where} is no setting of this platform" + (f"; did you mean {near}?" if near else "")
    return f"{place} {where}: {_expected(found)}{_like(model, found['loc'])}"


def _deepest(name: Text, entry: Block, loc: Sequence[int | str]) -> Node:
    """The node that a finding of pydantic speaks of, or the nearest one above it that was written."""
    node: Node = entry
    for part in loc:
        below: Node | None = None
        if isinstance(node, Block):
            below = cast("Mapping[str, Node]", node).get(str(part))
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node):
            below = node[part]
        if below is None:
            break
        node = below
    return name if node is entry else node


def _expected(found: ErrorDetails) -> str:
    if found["type"] == "literal_error":
        return f"expected {found['msg'].removeprefix('Input should be ')}"
    return _EXPECTED.get(found["type"], found["msg"].removeprefix("Value error, "))


def _within(loc: Sequence[int | str], other: Sequence[int | str]) -> bool:
    return len(loc) > len(other) and loc[: len(other)] == other


def _like(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """An example of a setting, or of the one that it is a part of, where its model has one."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    examples: Sequence[Any] = ()
    for part in loc:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        node = schema.get("$defs", {}).get(str(node.get("$ref", "")).rpartition("/")[2], node)
        examples = node.get("examples", examples)
    return f"; write it like {json.dumps(examples[0])}" if examples else ""
