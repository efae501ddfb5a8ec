"""How a field's value is tested: a value, a list of which any will do, `not`, and the operators of ordered fields and of text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, PlainValidator, PrivateAttr, ValidationInfo

from rules.language.foreign_patterns import compiled
from rules.language.marked_yaml import Block, Node, Text
from rules.language.part import VALUE, Part, Reading, reading
from rules.language.patterns import work_of
from rules.language.problems import folded, listed
from rules.language.words import FREE_TEXT, ChainName, Number, OneOrMany, PriorityWord, StatusWord, TeamName, Words, word_of
from rules.protocol.conditions import All, Amount, AnyOf, AnyWord, Condition, InList, Level, Matches, Not, OneOf, State, Test
from rules.ticket import NATIVE

NOBODY: Final = "nobody"
NOTHING: Final = "nothing"

_LONGEST_PATTERN: Final = 500


def together(parts: Sequence[Condition]) -> Condition:
    """All of these in one; one alone stands for itself."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, All) else (part,))]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


class Asked(Part):
    """What one key of `when:` asks for."""

    def condition(self, key: str) -> Condition:
        """The condition on what the key names."""
        raise NotImplementedError


class FieldTest(Asked):
    """A test of one field's value."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "test of a field"
    nothing: ClassVar[str] = NOTHING

    def tests(self) -> list[Test]:
        """What the value must pass."""
        raise NotImplementedError

    def excluded(self) -> FieldTest | None:
        """What it must not pass."""
        raise NotImplementedError

    def condition(self, field: str) -> Condition:
        parts: list[Condition] = [State(field, test) for test in self.tests()]
        if (excluded := self.excluded()) is not None:
            parts.append(Not(excluded.condition(field)))
        return together(parts)

    def one_of(self, values: tuple[str, ...] | None) -> list[Test]:
        """The values as a test; the word for an empty field becomes None."""
        return [OneOf(tuple(None if value == self.nothing else value for value in values))] if values else []


class StatusTest(FieldTest):
    """One of the six states that hoist tells apart, whatever the helpdesk calls its own."""

    values: OneOrMany[StatusWord] | None = Field(None, alias=VALUE)
    not_: StatusTest | None = Field(None, alias="not")

    def tests(self) -> list[Test]:
        return self.one_of(self.values)

    def excluded(self) -> StatusTest | None:
        return self.not_


_AT_LEAST: Final = re.compile(r"(?:>=?|at\s+least)\s*(\S+)|(\S+)\s+(?:(?:or|and)\s+)?(?:higher|above|up)|(\S+)\+", re.IGNORECASE)
_AT_MOST: Final = re.compile(r"(?:<=?|at\s+most)\s*(\S+)|(\S+)\s+(?:(?:or|and)\s+)?(?:lower|below|down)", re.IGNORECASE)
_SEVERAL: Final = re.compile(r"(\S+?)\s*([-\u2013/,|]|\bor\b|\band\b|\bto\b)\s*(\S+)", re.IGNORECASE)


def _asked_priority(node: object, info: ValidationInfo) -> str:
    context = reading(info)
    known = context.names.priorities
    word = context.text(node, "the name of a priority")
    if word not in known and (meant := _meant_priorities(word, known)):
        raise context.refused(word, f"there is no such priority; there are: {listed(known)}", meant)
    return str(context.one_of(node, known, "priority"))


def _meant_priorities(text: str, known: Sequence[str]) -> str:
    """Priorities as other tools write them (`>= P2`, `P1-P3`, `P2 or higher`), in hoist's words; "" where none are meant."""
    for pattern, operator in ((_AT_LEAST, "at_least"), (_AT_MOST, "at_most")):
        found = pattern.fullmatch(text.strip())
        named = next(filter(None, found.groups()), "") if found else ""
        if named in known:
            return f"{{{operator}: {named}}}"
    found = _SEVERAL.fullmatch(text.strip())
    if not found or found[1] not in known or found[3] not in known:
        return ""
    first, last = sorted((known.index(found[1]), known.index(found[3])))
    between = found[2] in "-\u2013" or found[2].casefold() == "to"
    return f"[{', '.join(known[first : last + 1] if between else (found[1], found[3]))}]"


AskedPriority = Annotated[str, PlainValidator(_asked_priority), FREE_TEXT]


class PriorityTest(FieldTest):
    """A priority of the organisation. P1 being the most urgent, `at_least: P2` is P2 and P1."""

    values: OneOrMany[AskedPriority] | None = Field(None, alias=VALUE)
    not_: PriorityTest | None = Field(None, alias="not")
    at_least: PriorityWord | None = Field(None, description="This priority or a more urgent one")
    at_most: PriorityWord | None = Field(None, description="This priority or a less urgent one")

    def check(self, node: Node, context: Reading) -> None:
        order = context.names.priorities
        if self.at_least in order and self.at_most in order and order.index(self.at_least) < order.index(self.at_most):
            raise context.refused(node, f"never true: {self.at_least} is more urgent than {self.at_most}")

    def tests(self) -> list[Test]:
        scale: list[Test] = [Level(self.at_least, self.at_most)] if self.at_least or self.at_most else []
        return [*self.one_of(self.values), *scale]

    def excluded(self) -> PriorityTest | None:
        return self.not_


def _list(node: object, info: ValidationInfo) -> str:
    return str(reading(info).one_of(node, reading(info).names.lists, "list"))


ListName = Annotated[str, PlainValidator(_list, json_schema_input_type=str)]


def in_list(name: str | None) -> list[Test]:
    """The test of standing in a named list, if one is named."""
    return [] if name is None else [InList(name)]


def _or_empty(word: Text, empty: str, context: Reading) -> str:
    """The word as it is written; that for an empty field however it is: hardly anybody is called Nobody."""
    if word == empty or folded(word) != empty:
        return str(word)
    context.report.hint(word.place, word, f"taken as `{empty}`", empty)
    return empty


def _team_or_nobody(node: object, info: ValidationInfo) -> str:
    known = (*reading(info).names.teams, NOBODY)
    return str(reading(info).one_of(node, known, "team"))


def _person_or_nobody(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, f"a person, or {NOBODY}")
    if word.casefold() in {"none", "null", "~", "nil", "empty", "unassigned", NOTHING}:
        raise reading(info).refused(word, "no person's name", NOBODY)
    return _or_empty(word, NOBODY, reading(info))


TeamOrNobody = Annotated[str, PlainValidator(_team_or_nobody, json_schema_input_type=str)]
PersonOrNobody = Annotated[str, PlainValidator(_person_or_nobody), FREE_TEXT]


class TeamTest(FieldTest):
    """A team of the organisation, or nobody."""

    nothing: ClassVar[str] = NOBODY
    values: OneOrMany[TeamOrNobody] | None = Field(None, alias=VALUE)
    not_: TeamTest | None = Field(None, alias="not")

    def tests(self) -> list[Test]:
        return self.one_of(self.values)

    def excluded(self) -> TeamTest | None:
        return self.not_


class PersonTest(FieldTest):
    """A person as the source knows them, one on a named list, or nobody."""

    nothing: ClassVar[str] = NOBODY
    values: OneOrMany[PersonOrNobody] | None = Field(None, alias=VALUE)
    not_: PersonTest | None = Field(None, alias="not")
    in_: ListName | None = Field(None, alias="in", description="Stands in this named list: by id, name or e-mail address")

    def tests(self) -> list[Test]:
        return [*self.one_of(self.values), *in_list(self.in_)]

    def excluded(self) -> PersonTest | None:
        return self.not_


_NOT: Final = re.compile(r"(?:not\s+|!=?\s*|<>\s*)(\S.*)", re.IGNORECASE)


def _name(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "a name")
    if found := _NOT.fullmatch(word):
        reading(info).report.hint(word.place, word, f"taken as a name as a whole; for every other one write {{not: {found[1]}}}")
    return _or_empty(word, NOTHING, reading(info))


def _value(node: object, info: ValidationInfo) -> str:
    return _or_empty(reading(info).text(node, "a text"), NOTHING, reading(info))


Name = Annotated[str, PlainValidator(_name), FREE_TEXT]
FieldValue = Annotated[str, PlainValidator(_value), FREE_TEXT]


class NameTest(FieldTest):
    """A label, or a name that the source gives; one on a named list; or nothing."""

    values: OneOrMany[Name] | None = Field(None, alias=VALUE)
    not_: NameTest | None = Field(None, alias="not")
    in_: ListName | None = Field(None, alias="in", description="Stands in this named list")

    def tests(self) -> list[Test]:
        return [*self.one_of(self.values), *in_list(self.in_)]

    def excluded(self) -> NameTest | None:
        return self.not_


def _pattern(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "a regular expression")
    if len(word) > _LONGEST_PATTERN:
        raise reading(info).refused(word, f"longer than {_LONGEST_PATTERN} characters")
    try:
        compiled(word)
        work_of(word)
    except (re.error, OverflowError, RecursionError) as error:
        raise reading(info).refused(word, f"not a regular expression: {error}") from error
    except ValueError as refused:  # an unsafe one among them
        raise reading(info).refused(word, str(refused)) from refused
    return str(word)


Pattern = Annotated[str, PlainValidator(_pattern, json_schema_input_type=str)]
_APPROVALS: Final = ("waiting", "approved", "declined", NOTHING)


def _approval(node: object, info: ValidationInfo) -> str:
    return str(word_of(node, reading(info), _APPROVALS, {"pending": "waiting", "rejected": "declined", "none": NOTHING}))


ApprovalWord = Annotated[
    str, PlainValidator(_approval, json_schema_input_type=Literal["waiting", "approved", "declined", "nothing"])
]


class ApprovalTest(FieldTest):
    """Where an approval stands; nothing where none is asked for."""

    values: OneOrMany[ApprovalWord] | None = Field(None, alias=VALUE)
    not_: ApprovalTest | None = Field(None, alias="not")

    def tests(self) -> list[Test]:
        return self.one_of(self.values)

    def excluded(self) -> ApprovalTest | None:
        return self.not_


class TextTest(FieldTest):
    """The text as a whole, words in it, or a pattern found in it; or nothing."""

    values: OneOrMany[FieldValue] | None = Field(None, alias=VALUE)
    not_: TextTest | None = Field(None, alias="not")
    any_word: OneOrMany[Words] | None = Field(None, description="One of these words or phrases occurs, as whole words")
    matches: Pattern | None = Field(None, description="This regular expression is found")
    in_: ListName | None = Field(None, alias="in", description="Stands in this named list")

    def tests(self) -> list[Test]:
        words: list[Test] = [AnyWord(self.any_word)] if self.any_word else []
        pattern: list[Test] = [Matches(self.matches)] if self.matches else []
        return [*self.one_of(self.values), *words, *pattern, *in_list(self.in_)]

    def excluded(self) -> TextTest | None:
        return self.not_


class NativeTest(FieldTest):
    """A source's own field: its value, words in it, a pattern, bounds of a number, a named list; or nothing."""

    named: ClassVar[str] = "test of a source's own field"
    values: OneOrMany[FieldValue] | None = Field(None, alias=VALUE)
    not_: NativeTest | None = Field(None, alias="not")
    any_word: OneOrMany[Words] | None = Field(None, description="One of these words or phrases occurs, as whole words")
    matches: Pattern | None = Field(None, description="This regular expression is found")
    at_least: Number | None = Field(None, description="A number no smaller than this")
    at_most: Number | None = Field(None, description="A number no greater than this")
    in_: ListName | None = Field(None, alias="in", description="Stands in this named list")

    def check(self, node: Node, context: Reading) -> None:
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise context.refused(node, f"never true: {self.at_least} is more than {self.at_most}")

    def tests(self) -> list[Test]:
        words: list[Test] = [AnyWord(self.any_word)] if self.any_word else []
        pattern: list[Test] = [Matches(self.matches)] if self.matches else []
        bounds: list[Test] = [Amount(self.at_least, self.at_most)] if self.at_least or self.at_most else []
        return [*self.one_of(self.values), *words, *pattern, *bounds, *in_list(self.in_)]

    def excluded(self) -> NativeTest | None:
        return self.not_


class NativeFields(Asked):
    """Tests of a source's own fields, each by the source's own name of it; all of them must hold."""

    model_config = ConfigDict(extra="allow")
    named: ClassVar[str] = "block of a source's own fields"
    __pydantic_extra__: dict[str, NativeTest]

    def condition(self, _key: str) -> Condition:
        """All of the tests."""
        return together([test.condition(f"{NATIVE}{name}") for name, test in self.__pydantic_extra__.items()])


class WordsTest(Asked):
    """Words or a pattern in the subject or in the description."""

    named: ClassVar[str] = "test of the text"
    any_word: OneOrMany[Words] | None = Field(None, description="One of these words or phrases occurs, as whole words")
    matches: Pattern | None = Field(None, description="This regular expression is found")

    def condition(self, _key: str) -> Condition:
        """Each test holds for the subject or for the description."""
        words: list[Test] = [AnyWord(self.any_word)] if self.any_word else []
        pattern: list[Test] = [Matches(self.matches)] if self.matches else []
        return together([AnyOf((State("subject", test), State("description", test))) for test in words + pattern])


class TierTest(Asked):
    """The ticket stands at one of these tiers of a chain; without `in`, at any of them."""

    short: ClassVar[str] = "in"
    named: ClassVar[str] = "test of the tier"
    chain: ChainName | None = Field(None, description="The chain; can be left out where the teams stand in one chain alone")
    teams: OneOrMany[TeamName] | None = Field(None, alias="in", description="The teams whose tiers are meant")
    _chain: str = PrivateAttr("")
    _teams: tuple[str, ...] = PrivateAttr(())

    def check(self, node: Node, context: Reading) -> None:
        chains = context.names.chains
        where = node.get("in", node) if isinstance(node, Block) else node  # type: ignore[call-overload]
        if self.chain is None:
            possible = [name for name, teams in chains.items() if set(self.teams or ()) <= set(teams)]
            if len(possible) > 1:
                raise context.refused(node, f"in more than one chain ({listed(possible)}); write {{chain: ..., in: ...}}")
            if not possible and context.names.whole:
                raise context.refused(where, f"no chain has these tiers; chains are: {listed(chains)}")
            self._chain = possible[0] if possible else ""
        else:
            self._chain = self.chain
        self._teams = self.teams or chains.get(self._chain, ())
        for team in self._teams:
            if self._chain in chains and team not in chains[self._chain]:
                raise context.refused(
                    where, f"{team} is no tier of the chain {self._chain}; its tiers are: {listed(chains[self._chain])}"
                )

    def condition(self, field: str) -> Condition:
        """A state of the tier in the chain."""
        return State(field, OneOf(self._teams), self._chain)
