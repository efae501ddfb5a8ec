"""Ready protocols: rules with parameters, which a use fills in. What doesn't fit is shown where the use says it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, PlainValidator, TypeAdapter, ValidationInfo

from rules.language.field_tests import ListName
from rules.language.marked_yaml import Block, Items, Node, Text, read
from rules.language.part import Part, Reading, marked, read_part, reading, shown
from rules.language.people import Who
from rules.language.problems import folded, listed, nearest
from rules.language.rule import ADDITIONS, OVERRIDES, Use
from rules.language.words import (
    ChainName,
    Label,
    ModeWord,
    Number,
    OneOrMany,
    PriorityWord,
    RuleCalendar,
    Span,
    StatusWord,
    TeamName,
    Truth,
    Words,
)

TYPES: Final[Mapping[str, TypeAdapter[Any]]] = {
    "duration": TypeAdapter(Span),
    "number": TypeAdapter(Number),
    "text": TypeAdapter(Words),
    "text list": TypeAdapter(OneOrMany[Words]),
    "truth": TypeAdapter(Truth),
    "label": TypeAdapter(Label),
    "status list": TypeAdapter(OneOrMany[StatusWord]),
    "priority": TypeAdapter(PriorityWord),
    "priority list": TypeAdapter(OneOrMany[PriorityWord]),
    "team": TypeAdapter(TeamName),
    "team list": TypeAdapter(OneOrMany[TeamName]),
    "chain": TypeAdapter(ChainName),
    "calendar": TypeAdapter(RuleCalendar),
    "mode": TypeAdapter(ModeWord),
    "who": TypeAdapter(Who),
    "who list": TypeAdapter(OneOrMany[Who]),
    "list": TypeAdapter(ListName),
}
"""What a parameter can be."""

_PLACE_OF_A_PARAMETER: Final = re.compile(r"\$\{([a-z_]+)\}")


def _type(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "the type of a parameter")
    if word not in TYPES:
        raise reading(info).refused(word, f"expected one of {listed(TYPES)}", nearest(word, TYPES))
    return str(word)


class Parameter(Part):
    """What a use can say."""

    named: ClassVar[str] = "parameter"
    name: Words = Field(description="Its key in `with:`")
    type: Annotated[str, PlainValidator(_type, json_schema_input_type=str)] = Field(description="What it must be")
    description: Words | None = Field(None, description="What it is for")
    default: Any = Field(None, description="What it is where a use does not say it")
    optional: Truth = Field(default=False, description="true: where a use does not say it, the keys that it fills are left out")


class ReadyProtocol(Part):
    """Rules with parameters."""

    named: ClassVar[str] = "ready protocol"
    protocol: Words = Field(description="Its name")
    title: Words = Field(description="What people read")
    why: Words = Field(description="Why it exists")
    parameters: tuple[Parameter, ...] = Field((), description="What a use can say")
    rules: Any = Field(description="Rules, with ${name} where a parameter is filled in")


class Library:
    """The ready protocols, by name."""

    def __init__(self, files: Mapping[str, str], context: Reading) -> None:
        self._protocols: dict[str, ReadyProtocol] = {}
        adapter = TypeAdapter(ReadyProtocol)
        for file in sorted(files):
            node = read(file, files[file], context.report)
            protocol = read_part(adapter, node, context) if node is not None else None
            if protocol is not None:
                self._protocols[protocol.protocol] = protocol
                _check_parameters(protocol, context)

    def rules(self, use: Use, node: Block, context: Reading) -> Iterator[Block]:
        """The rules that a use stands for, as blocks. None, where the use is wrong: the report says why."""
        name = next(value for key, value in node.items() if folded(key) == "protocol")
        protocol = self._protocols.get(use.protocol)
        if protocol is None:
            expected = f"no ready protocol of that name; there are: {listed(self._protocols)}"
            context.report.problem(name.place, use.protocol, expected, nearest(use.protocol, self._protocols))
            return
        with context.on(use.calendar):
            arguments = _arguments(protocol, use, name, context)
        if arguments is None:
            return
        rules = context.items(marked(protocol.rules), "rules")
        for rule in rules:
            filled = _filled(rule, arguments)
            if isinstance(filled, Block):
                yield _with_overrides(filled, node, name, protocol, alone=len(rules) == 1)


def _check_parameters(protocol: ReadyProtocol, context: Reading) -> None:
    known = [parameter.name for parameter in protocol.parameters]
    for text in _texts(marked(protocol.rules)):
        for name in _PLACE_OF_A_PARAMETER.findall(text):
            if name not in known:
                expected = f"no parameter of this protocol; there are: {listed(known)}"
                context.report.problem(text.place, name, expected, nearest(name, known))


def _texts(node: Node) -> Iterator[Text]:
    if isinstance(node, Text):
        yield node
    else:
        for inner in node.values() if isinstance(node, Block) else node:
            yield from _texts(inner)


def _arguments(protocol: ReadyProtocol, use: Use, name: Node, context: Reading) -> dict[str, Node | None] | None:
    """The value of each parameter, None for one that is left out; None if any of them does not fit."""
    given: dict[str, Node] = {}
    known = {parameter.name: parameter for parameter in protocol.parameters}
    right = True
    for key, value in context.block(marked(use.with_), f"parameters of {use.protocol}").items() if use.with_ is not None else ():
        if folded(key) not in known:
            context.report.problem(
                key.place, key, f"no parameter of {use.protocol}; there are: {listed(known)}", nearest(key, known)
            )
            right = False
        given[folded(key)] = value
    arguments: dict[str, Node | None] = {}
    for parameter in protocol.parameters:
        argument: Node | None = given.get(parameter.name, parameter.default)
        if argument is not None:
            right = read_part(TYPES[parameter.type], argument, context) is not None and right
        elif not parameter.optional:
            what = f": {parameter.description}" if parameter.description else ""
            context.report.problem(
                name.place, shown(name), f"`{parameter.name}` is missing in its `with:` ({parameter.type}){what}"
            )
            right = False
        arguments[parameter.name] = argument
    return arguments if right else None


def _filled(node: Node, arguments: Mapping[str, Node | None]) -> Node | None:
    """The node with its parameters filled in; None where an optional one was left out."""
    if isinstance(node, Text):
        return _filled_text(node, arguments)
    if isinstance(node, Items):
        items = Items(node.place)
        items.extend(filled for item in node if (filled := _filled(item, arguments)) is not None)
        return items or None
    block = Block(node.place)
    for key, value in node.items():
        if (filled := _filled(value, arguments)) is not None:
            block[key] = filled
    return block or None


def _filled_text(text: Text, arguments: Mapping[str, Node | None]) -> Node | None:
    whole = _PLACE_OF_A_PARAMETER.fullmatch(text)
    if whole and whole[1] in arguments:
        return arguments[whole[1]]

    if any(arguments.get(name, text) is None for name in _PLACE_OF_A_PARAMETER.findall(text)):
        return None  # half a sentence says nothing

    def value(found: re.Match[str]) -> str:
        argument = arguments.get(found[1])
        return found[0] if argument is None else shown(argument).strip("[]")

    return Text(_PLACE_OF_A_PARAMETER.sub(value, text), text.place)


def _with_overrides(rule: Block, use: Block, name: Node, protocol: ReadyProtocol, *, alone: bool) -> Block:
    """The rule under the use's own id, with whatever else the use says; its title and reason are the protocol's by default."""
    said = {folded(key): value for key, value in use.items()}
    own = said.get("rule", name)
    full = Block(use.place)
    for key, value in (("title", protocol.title), ("why", protocol.why)):
        full[Text(key, name.place)] = Text(value, name.place)
    full.update(rule)
    for key in OVERRIDES:
        if key in said:
            full[Text(key, name.place)] = said[key]
    for key in ADDITIONS:
        if key in said:
            full[Text(key, name.place)] = _added(full.get(Text(key, name.place)), said[key])
    inner = next((value for key, value in rule.items() if key == "rule"), None)
    full[Text("rule", name.place)] = own if alone or inner is None else Text(f"{shown(own)}-{shown(inner)}", own.place)
    return full


def _added(own: Node | None, said: Node) -> Node:
    """What a use says under a key, beside what the protocol's rule says there: a block's keys, or a list's items."""
    if isinstance(own, Items):
        items = Items(said.place)
        items.extend([*own, *(said if isinstance(said, Items) else [said])])
        return items
    if isinstance(own, Block) and isinstance(said, Block):
        block = Block(said.place)
        block.update({**own, **said})
        return block
    return said
