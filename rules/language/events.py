"""Counts of events as people write them: `reassigned: 3`, `came_back: {at_least: 2, within: 30 days, by: requester}`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from rules.language.field_tests import Asked
from rules.language.marked_yaml import Node
from rules.language.misspelt_counts import how_often
from rules.language.part import Reading, reading
from rules.language.problems import folded, listed, nearest
from rules.language.words import A_NUMBER, ChainName, Span, Truth
from rules.protocol.conditions import Condition, Count, Counted
from rules.ticket import Kind

EACH_FURTHER_ONE: Final = "each further one"
A_COUNT: Final = "a whole number from 1 to 999999, or {at_least: 3, within: 7 days}"

_MAKERS: Final[dict[str, Kind | None]] = {
    "people": None,
    "anyone": None,
    "staff": Kind.STAFF,
    "requester": Kind.REQUESTER,
    "automation": Kind.AUTOMATION,
}


def _maker(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, f"one of {listed(_MAKERS)}")
    if folded(word) not in _MAKERS:
        raise reading(info).refused(word, f"expected one of {listed(_MAKERS)}", nearest(word, _MAKERS))
    return folded(word)


def _times(node: object, info: ValidationInfo) -> int:
    word = reading(info).text(node, A_COUNT)
    if re.fullmatch("[0-9]{1,6}", word) and int(word):
        return int(word)
    raise reading(info).refused(word, f"expected {A_COUNT}", how_often(word))


def _again(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, EACH_FURTHER_ONE)
    if " ".join(word.casefold().split()) != EACH_FURTHER_ONE:
        raise reading(info).refused(word, f"expected `{EACH_FURTHER_ONE}`", nearest(word, (EACH_FURTHER_ONE,)))
    return True


Maker = Annotated[
    str,
    PlainValidator(_maker, json_schema_input_type=Literal["people", "anyone", "staff", "requester", "automation"]),
]
Times = Annotated[int, PlainValidator(_times), A_NUMBER]
Again = Annotated[bool, PlainValidator(_again, json_schema_input_type=Literal["each further one"])]


class Counting(Asked):
    """From the n-th such event on, until `within` has forgotten it."""

    short: ClassVar[str] = "at_least"
    named: ClassVar[str] = "count of events"
    synonyms: ClassVar = {"by": "made_by"}
    slips: ClassVar = {
        **dict.fromkeys(("more_than", "min", "minimum", "times", "count", "number"), "at_least"),
        **dict.fromkeys(("in", "during", "last", "period"), "within"),
    }
    later: ClassVar = {"at_most": "count with at_least, and put it under `not:`"}
    at_least: Times = Field(description="How many events", examples=[3])
    within: Span | None = Field(None, description="Events longer ago than this do not count", examples=["7 days"])
    made_by: Maker = Field("people", description="people (the default), staff, requester, automation, or anyone")
    again: Again = Field(default=False, description="each further one: every further event begins anew")

    def condition(self, key: str) -> Condition:
        """The count of the events that the key names."""
        return self.counted(Counted(key))

    def counted(self, event: Counted) -> Count:
        """The count of these events."""
        anyone = self.made_by == "anyone"
        return Count(event, self.at_least, self.within, by_anyone=anyone, again=self.again, by=_MAKERS[self.made_by])


class CountingMoves(Counting):
    """From the n-th move between teams on, until `within` has forgotten it."""

    ignore_stays_shorter_than: Span | None = Field(None, description="A team that had it for less is a slip and does not count")

    def counted(self, event: Counted) -> Count:
        return replace(super().counted(event), ignore_stays_shorter_than=self.ignore_stays_shorter_than)


class CountingDown(CountingMoves):
    """From the n-th move to the first line of a chain on, until `within` has forgotten it."""

    chain: ChainName | None = Field(None, description="The chain; can be left out where there is only one")

    def check(self, node: Node, context: Reading) -> None:
        chains = context.names.chains
        if self.chain is None and len(chains) != 1 and context.names.whole:
            raise context.refused(node, f"the first line of which chain? write {{at_least: 1, chain: ...}}: {listed(chains)}")

    def counted(self, event: Counted) -> Count:
        return replace(super().counted(event), chain=self.chain)


class CountingReturns(Counting):
    """From the n-th time on that what was done came back, until `within` has forgotten it."""

    ignore_thanks: Truth = Field(default=False, description="true: not what came back by a message that only says thanks")

    def counted(self, event: Counted) -> Count:
        return replace(super().counted(event), ignore_thanks=self.ignore_thanks)


class CameBack(CountingReturns):
    """From the n-th time on that it was reopened, or that a further ticket was made of it."""

    count_follow_ups: Truth = Field(default=True, description="false: only the ticket itself, not one that was made of it")

    def condition(self, key: str) -> Condition:
        return self.counted(Counted(key) if self.count_follow_ups else Counted.REOPENED)
