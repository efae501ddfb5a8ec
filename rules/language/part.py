"""A part of the protocol as a typed model: how a block of YAML becomes one, and what is said about a block that can't.

Everything wrong is reported where it stands, by the part or the word that sees it; the error that is raised then merely ends
that branch, and pydantic goes on with the others, so that one reading finds all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, TypeAdapter, ValidationError, ValidationInfo, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.problems import Place, Report, folded, listed, nearest

VALUE: Final = "="
"""The key under which a part's plain value is kept; YAML's own word for it, and never written by anybody."""


@dataclass(slots=True)
class Names:
    """What the organisation's files define, gathered before anything refers to it. `whole`: all of the files could be read."""

    priorities: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()  # those that the priorities have a column for
    teams: Mapping[str, bool] = field(default_factory=dict)  # whether it has a lead
    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the teams of each
    roles: frozenset[str] = frozenset()
    calendars: Mapping[str, bool] = field(default_factory=dict)  # whether it is open round the clock
    zones: Mapping[str, str] = field(default_factory=dict)  # the time zone of each calendar that says one
    lists: frozenset[str] = frozenset()
    windows: frozenset[str] = frozenset()
    providers: Mapping[str, str] = field(default_factory=dict)  # the calendar of each, "" where it has none
    contacts: frozenset[str] = frozenset()  # the providers that name one
    rotas: Mapping[str, str] = field(default_factory=dict)  # the rota of each team and role that has one
    whole: bool = True

    def hours_of_provider(self, calendar: str) -> str:
        """What `calendar of aws` stands for; "" where it names no provider that has one."""
        of, _, provider = " ".join(calendar.split()).rpartition(" ")
        return self.providers.get(provider, "") if of.casefold() == "calendar of" else ""


class Reading:
    """What the words of a file are checked against, and where their problems go."""

    def __init__(self, report: Report, names: Names, calendar: str | None = None) -> None:
        self.report = report
        self.names = names
        self.calendar = calendar
        self.time_zone: str | None = None  # the organisation's, where `defaults` says one
        self.outer: str | None = None  # the calendar in reach but for the innermost
        self.business = 0  # business durations read so far

    @contextmanager
    def on(self, calendar: str | None) -> Iterator[None]:
        """Within it, business durations count on this calendar; None leaves the one in reach."""
        before = self.calendar, self.outer
        if calendar:
            self.calendar, self.outer = self.names.hours_of_provider(calendar) or calendar, self.calendar
        try:
            yield
        finally:
            self.calendar, self.outer = before

    def refused(self, node: Node, expected: str, hint: str = "") -> PydanticCustomError:
        """Report a value; the error is to be raised, and ends this branch alone."""
        self.report.problem(node.place, shown(node), expected, hint)
        return self.ended()

    def block(self, node: Node, what: str) -> Block:
        """The node as a block; an empty one where nothing is written, or where it is reported."""
        if isinstance(node, Block):
            return node
        if node:
            hyphens = ", without hyphens" if isinstance(node, Items) else ""
            self.report.problem(node.place, shown(node), f"expected {what}, one to a line: `name: ...`{hyphens}")
        return Block(node.place)

    def items(self, node: Node, what: str) -> Items:
        """The node as a list; an empty one where nothing is written, or where it is reported."""
        if isinstance(node, Items):
            return node
        if node:
            self.report.problem(node.place, shown(node), f"expected a list of {what}, each after a hyphen: `- ...`")
        return Items(node.place)

    @staticmethod
    def ended() -> PydanticCustomError:
        """Ends a branch whose problems were reported already."""
        return PydanticCustomError("reported", "reported")

    def text(self, node: object, expected: str) -> Text:
        """The node as text; a list, a block or nothing at all is refused with what was expected."""
        if isinstance(node, Text) and node.strip():
            return node
        if isinstance(node, Block) and len(node) == 1 and not next(iter(node.values())):
            expected += "; a text that begins with a brace needs quotes"
        raise self.refused(marked(node), f"expected {expected}")

    def one_of(self, node: object, known: Mapping[str, Any] | frozenset[str] | tuple[str, ...], what: str) -> Text:
        """The node as one of the names that the organisation defines."""
        word = self.text(node, f"the name of a {what}")
        if word not in known and self.names.whole:
            raise self.refused(word, f"there is no such {what}; there are: {listed(known)}", nearest(word, known))
        return word


def marked(node: object) -> Node:
    """The node as it was read. Raises TypeError for what did not come from a file: that is hoist's own mistake."""
    if isinstance(node, Text | Items | Block):
        return node
    raise TypeError(f"{node!r} was not read from a file")


def shown(node: Node) -> str:
    """A node in a message: a text as it is, a list in brackets, a block by its first line."""
    if isinstance(node, Items):
        return "[" + ", ".join(shown(item) for item in node[:5]) + "]"
    if isinstance(node, Block):
        return next((f"{key}: {value if isinstance(value, Text) else '...'}" for key, value in node.items()), "{}")
    return node


def key_of(node: Node, name: str) -> Node:
    """The key of a block under which something is written, in whatever spelling; the block itself where it is not."""
    return next((key for key in node if folded(key) == name), node) if isinstance(node, Block) else node


def reading(info: ValidationInfo) -> Reading:
    """The reading that a validator works for."""
    if not isinstance(info.context, Reading):
        raise TypeError("a part of the protocol is read with a Reading as its context")
    return info.context


T = TypeVar("T")


def read_part(adapter: TypeAdapter[T], node: Node, context: Reading) -> T | None:
    """The node as the adapter's type; None if it can't be, and the report says why."""
    try:
        return adapter.validate_python(node, context=context)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_input=False):
            if found["type"] not in {"reported", "missing"}:  # a part names its missing keys itself
                context.report.problem(*_at(node, found["loc"]), f"expected something else: {found['msg']}")
        return None


def _at(node: Node, loc: tuple[int | str, ...]) -> tuple[Place, str]:
    for step in loc:
        if isinstance(node, Items) and isinstance(step, int) and step < len(node):
            node = node[step]
        elif isinstance(node, Block):
            node = next((value for key, value in node.items() if key == step), node)
    return node.place, shown(node)


class Part(BaseModel):
    """A block with known keys. Keys in other spellings are taken with a hint; keys of a later hoist are named as such."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False, arbitrary_types_allowed=True)

    short: ClassVar[str] = ""  # the key that a plain value or list stands for
    named: ClassVar[str] = "block"  # what people call it
    later: ClassVar[Mapping[str, str]] = {}  # keys that this version refuses, and what to write instead
    synonyms: ClassVar[Mapping[str, str]] = {}  # other words for keys, as good as those
    slips: ClassVar[Mapping[str, str]] = {}  # what other tools call a key, which is refused with the right word
    proposed: ClassVar[Mapping[str, str]] = {}  # what to write for a plain value that people try
    stands_for: ClassVar[Mapping[str, str]] = {}  # required keys that a key of a later hoist would make unnecessary
    may_be_empty: ClassVar[bool] = False

    @classmethod
    def keys(cls) -> dict[str, bool]:
        """The keys that can be written, and whether each must be."""
        return {
            name: known.is_required()
            for field_name, known in cls.model_fields.items()
            if (name := known.alias or field_name) != VALUE
        }

    @classmethod
    def open_keys(cls) -> bool:
        """Any other key is a name of the organisation's own (a source)."""
        return cls.model_config.get("extra") == "allow"

    @classmethod
    def tidy(cls, block: Block, context: Reading) -> dict[str, Node]:
        """The block with its keys in their one form; keys that are not known are reported and left out, missing ones reported."""
        found: dict[str, Node] = {}
        for key, value in block.items():
            if name := cls._key(key, context):
                if name in found:
                    context.report.problem(key.place, key, f"the same as `{name}`, which this block has already")
                found[name] = value
        # What was misspelt, or is said in a way of a later hoist, is not missing as well.
        meant = {cls.stands_for.get(folded(key)) or cls.meant(key, cls.keys()) for key in block if folded(key) not in found}
        for name, required in cls.keys().items():
            if required and name not in found and name not in meant:
                context.report.problem(block.place, shown(block), f"`{name}` is missing in this {cls.named}")
        return found

    @classmethod
    def _key(cls, key: Text, context: Reading) -> str:
        known = cls.keys()
        name = folded(key)
        if key in known or (cls.open_keys() and name not in known):
            return str(key)
        if name in known or name in cls.synonyms:
            name = cls.synonyms.get(name, name)
            if key not in cls.synonyms:
                context.report.hint(key.place, key, f"taken as `{name}`", name)
            return name
        if name in cls.later:
            context.report.problem(key.place, key, f"`{name}` is not available in this version of hoist: {cls.later[name]}")
        else:
            every = [*known, *cls.synonyms, *cls.later]
            context.report.problem(
                key.place, key, f"not a key of a {cls.named}; there are: {listed(known)}", cls.meant(key, every)
            )
        return ""

    @classmethod
    def meant(cls, key: str, known: Iterable[str]) -> str:
        """The key that was probably meant by one that is not known; "" where none was."""
        return cls.slips.get(folded(key)) or nearest(key, known)

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, node: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        context = reading(info)
        if type(node) is dict:  # pydantic 2.14 wraps a self-referring model twice: this is what the outer call tidied
            return handler(node)
        node = marked(node)
        if isinstance(node, Block):
            if not node and not cls.may_be_empty:
                raise context.refused(node, f"nothing is in this {cls.named}; its keys are: {listed(cls.keys())}")
            found = cls.tidy(node, context)
        elif cls.short:
            found = {cls.short: node}
        elif cls.may_be_empty and node == "":
            found = {}
        else:
            raise context.refused(node, cls._instead(node), cls.proposed.get(folded(node), "") if isinstance(node, Text) else "")
        cls.check_keys(found, node, context)
        calendar = found.get("calendar")
        with context.on(calendar if isinstance(calendar, Text) else None):
            part = handler(found)
            part.check(node, context)
        return part

    @classmethod
    def _instead(cls, node: Node) -> str:
        """What to write in place of a plain value or a list."""
        if not isinstance(node, Items):
            return f"expected a {cls.named}, a block with keys: {listed(cls.keys())}"
        several = ", or put the list under `all:` or `any:`" if {"all", "any"} <= cls.keys().keys() else ""
        return f"a list where one {cls.named} belongs: leave out the hyphens, so that its keys stand under each other{several}"

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        """Report keys that can't stand together."""

    def check(self, node: Node, context: Reading) -> None:
        """Refuse values that can't stand together."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The block's schema with everything that it can say; where a plain value can stand for the block, either of the two.

        `errorMessage` and `doNotSuggest` are words of the YAML editors: https://github.com/microsoft/vscode-json-languageservice
        """
        written = handler(schema)
        definition = handler.resolve_ref_schema(written)
        block = dict(definition)
        properties = dict(block.get("properties", {}))
        plain = properties.get(cls.short)
        for word, name in cls.synonyms.items():
            properties[word] = properties[name]
            block["required"] = [key for key in block.get("required", []) if key != name]
        for word, instead in cls.later.items():
            properties[word] = {
                "not": {},
                "errorMessage": f"not available in this version of hoist: {instead}",
                "doNotSuggest": True,
            }
        properties.pop(VALUE, None)
        block["properties"] = properties
        definition.clear()
        definition.update(block if plain is None else {"anyOf": [plain, block] if properties or cls.open_keys() else [plain]})
        return written


class Several:
    """Marks a tuple that may be written as one value or as a list."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.with_info_before_validator_function(_as_list, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several | {"minItems": 1}]}


def _as_list(node: object, info: ValidationInfo) -> Items:
    if isinstance(node, Items) and node:
        return node
    if isinstance(node, Items):
        raise reading(info).refused(node, "an empty list; expected at least one value")
    one = Items(marked(node).place)
    one.append(marked(node))
    return one
