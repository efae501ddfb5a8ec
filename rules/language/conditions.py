"""Conditions as people write them: field states, counts of events, silence, due dates, clocks; and all, any, not of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo

from rules.language.field_tests import (
    FieldTest,
    NameTest,
    PersonTest,
    PriorityTest,
    StatusTest,
    TeamTest,
    TextTest,
    TierTest,
    WordsTest,
    together,
)
from rules.language.marked_yaml import Block, Items, Node
from rules.language.part import VALUE, Part, Reading, Several, marked, reading
from rules.language.problems import folded, nearest
from rules.language.words import CalendarName, MadeBy, Number, OneOrMany, Side, Span, Truth
from rules.protocol import AnyOf, Clock, Condition, Count, Counted, Due, Duration, Held, Not, Silent, Unanswered
from rules.ticket import FIELDS, Kind

_LISTS: Final = "named lists come later; name the values one by one"
_LATER: Final = {
    "window": "name a label or a field that tells such times",
    "list": _LISTS,
    "first_reply": "use `unanswered:`",
    "came_back": "use `reopened:`",
    "time": "hours of the day can't be asked for yet; use business durations",
    "native": "of a source's own fields, `native_status:` alone can be asked for yet",
    "related": "related tickets are not counted yet",
    "approval": "approvals are not read yet",
    "provider_case": "cases at providers are not read yet",
    "request_type": "use `type:`",
    "target": "of dates, `due:` alone can be asked for yet",
    "acknowledged": "ask for the assignee: `not: {assignee: nobody}`",
}


class Counting(Part):
    """From the n-th such event on, until `within` has forgotten it."""

    short: ClassVar[str] = "at_least"
    named: ClassVar[str] = "count of events"
    synonyms: ClassVar = {"by": "made_by"}
    later: ClassVar = {"at_most": "count with at_least, and put it under `not:`"}
    at_least: Number = Field(description="How many events", examples=[3])
    within: Span | None = Field(None, description="Events longer ago than this do not count", examples=["7 days"])
    made_by: MadeBy = Field(default=False, description="people (the default) or anyone, automation included")

    def condition(self, key: str) -> Condition:
        """The count of the events that the key names."""
        return Count(Counted(key), self.at_least, self.within, by_anyone=self.made_by)


class CountingMoves(Counting):
    """From the n-th move between teams on, until `within` has forgotten it."""

    ignore_stays_shorter_than: Span | None = Field(None, description="A team that had it for less is a slip and does not count")

    def condition(self, key: str) -> Condition:
        """The count of the moves that the key names."""
        ignored = self.ignore_stays_shorter_than
        return Count(Counted(key), self.at_least, self.within, by_anyone=self.made_by, ignore_stays_shorter_than=ignored)


class Silence(Part):
    """Nobody touched the ticket for so long."""

    short: ClassVar[str] = "for"
    named: ClassVar[str] = "silence"
    for_: Span = Field(alias="for", description="How long")
    who: OneOrMany[Side] = Field(
        (Kind.STAFF, Kind.REQUESTER), description="Whose touch ends the silence: staff, requester or both"
    )
    replies_only: Truth = Field(default=False, description="true: only a message ends it, other changes do not")

    def condition(self, _key: str) -> Condition:
        """Silence of these people."""
        return Silent(self.for_, self.who, self.replies_only)


class Waiting(Part):
    """The first unanswered message of the other side has waited for so long."""

    short: ClassVar[str] = "for"
    named: ClassVar[str] = "wait for an answer"
    for_: Span = Field(alias="for", description="How long")
    by: Side = Field(Kind.STAFF, description="Who owes the answer: staff (the default) or requester")
    touch_answers: Truth = Field(default=False, description="true: any change by the staff counts as an answer")

    def check(self, node: Node, context: Reading) -> None:
        if self.touch_answers and self.by is Kind.REQUESTER:
            raise context.refused(node, "`touch_answers` is for answers of the staff; a requester answers with a message")

    def condition(self, _key: str) -> Condition:
        """An answer is owed."""
        return Unanswered(self.for_, self.by, self.touch_answers)


def _within(node: object, info: ValidationInfo) -> Duration:
    word = reading(info).text(node, "passed")
    if folded(word) != "passed":
        raise reading(info).refused(
            word, "expected `passed`, or {within: 1 hour} for what is due soon", nearest(word, ["passed"])
        )
    return Duration(text=str(word))


def _field(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "a field with a date")
    if word != "due":
        known = "; that field holds no date" if word in FIELDS else ""
        raise reading(info).refused(
            word, f"expected due, the one date that a ticket carries in this version of hoist{known}", "due"
        )
    return str(word)


Passed = Annotated[Duration, PlainValidator(_within, json_schema_input_type=str)]
DateField = Annotated[str, PlainValidator(_field, json_schema_input_type=str)]


class DueDate(Part):
    """A date that the ticket carries has passed, or lies no further ahead than `within`."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "due date"
    passed: Passed | None = Field(None, alias=VALUE)
    within: Span | None = Field(None, description="At most so far ahead", examples=["1 hour"])
    field: DateField = Field("due", description="The field that holds the date")

    def condition(self, _key: str) -> Condition:
        """Due within, or passed."""
        return Due(self.field, self.within or Duration(text="passed"))


def _each(node: object) -> Items:
    """Under `any`, a block lists alternatives as well as a list does: each of its keys is one."""
    node = marked(node)
    if isinstance(node, Items):
        return node
    each = Items(node.place)
    if not isinstance(node, Block):
        each.append(node)
        return each
    for key, value in node.items():
        alternative = Block(key.place)
        alternative[key] = value
        each.append(alternative)
    return each


class ClockTime(Part):
    """The time in which `while` held, added up over interruptions, has reached this much."""

    named: ClassVar[str] = "clock"
    synonyms: ClassVar = {"for": "time"}
    calendar: CalendarName | None = Field(None, description="For business time, in place of the rule's own calendar")
    time: Span = Field(description="How much", examples=["4 business hours"])
    while_: When = Field(alias="while", description="The clock runs while these hold")
    pause_while: OneOrMany[When] | None = Field(None, description="The clock stands while one of these holds")
    reset_when: OneOrMany[When] | None = Field(None, description="The clock goes back to nought when one of these begins to hold")

    def condition(self, _key: str) -> Condition:
        """The clock has reached its time."""
        pause, reset = either(self.pause_while), either(self.reset_when)
        return Clock(self.while_.condition(), self.time, pause, reset)


class When(Part):
    """Conditions that hold together: all of them, unless they stand under `any` or `not`."""

    named: ClassVar[str] = "condition"
    synonyms: ClassVar = {"label": "labels"}
    later: ClassVar = _LATER

    status: StatusTest | None = Field(None, description="new, open, pending, on_hold, resolved or closed")
    native_status: NameTest | None = Field(None, description="The status as the source calls it")
    priority: PriorityTest | None = Field(None, description="A priority of the organisation", examples=["P1", {"at_least": "P2"}])
    team: TeamTest | None = Field(None, description="The team that has the ticket, or nobody")
    tier: TierTest | None = Field(None, description="Where the ticket stands in a chain")
    assignee: PersonTest | None = Field(None, description="The person who has the ticket, or nobody")
    requester: PersonTest | None = Field(None, description="The person who asked")
    labels: NameTest | None = Field(None, description="One of these labels is on the ticket")
    type: NameTest | None = Field(None, description="The source's ticket type")
    project: NameTest | None = Field(None, description="The source's project, table or brand")
    service: TextTest | None = Field(None, description="Component, service or product")
    subject: TextTest | None = Field(None, description="The title of the ticket")
    description: TextTest | None = Field(None, description="The first text of the ticket")
    text: WordsTest | None = Field(None, description="Words in the subject or in the description")
    reassigned: CountingMoves | None = Field(None, description="The team changed")
    returned_to_former_team: CountingMoves | None = Field(None, description="The ticket went back to a team that had it before")
    owner_changed: Counting | None = Field(None, description="The assignee changed to another person")
    reopened: Counting | None = Field(None, description="From resolved or closed to anything else")
    priority_raised: Counting | None = Field(None, description="The priority became more urgent")
    priority_lowered: Counting | None = Field(None, description="The priority became less urgent")
    requester_wrote: Counting | None = Field(None, description="The requester wrote a message")
    silent: Silence | None = Field(None, description="Nobody touched the ticket for so long")
    unanswered: Waiting | None = Field(None, description="The other side has waited for an answer for so long")
    due: DueDate | None = Field(
        None, description="The due date has passed, or is near", examples=["passed", {"within": "1 hour"}]
    )
    clock: ClockTime | None = Field(None, description="Time added up over interruptions")
    all_: OneOrMany[When] | None = Field(None, alias="all", description="All of these hold")
    any_: Annotated[tuple[When, ...], Several(), BeforeValidator(_each)] | None = Field(
        None, alias="any", description="At least one of these holds"
    )
    not_: When | None = Field(None, alias="not", description="These do not hold together")
    for_: Span | None = Field(None, alias="for", description="All that stands beside it has held without a break for so long")

    def condition(self) -> Condition:
        """All of the block's conditions; with `for`, held so long."""
        parts: list[Condition] = []
        for name, known in type(self).model_fields.items():
            written = getattr(self, name)
            if isinstance(written, FieldTest | WordsTest | TierTest | Counting | Silence | Waiting | DueDate | ClockTime):
                parts.append(written.condition(known.alias or name))
        parts += [part.condition() for part in self.all_ or ()]
        if (some := either(self.any_)) is not None:
            parts.append(some)
        if self.not_ is not None:
            parts.append(Not(self.not_.condition()))
        return together(parts) if self.for_ is None else Held(together(parts), self.for_)

    @classmethod
    def check_keys(cls, _found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if isinstance(node, Block) and all(folded(key) == "for" for key in node):
            raise context.refused(node, "expected a condition, such as `status: open`")


def either(parts: Sequence[When] | None) -> Condition | None:
    """At least one of these holds; None where there are none."""
    if not parts:
        return None
    return parts[0].condition() if len(parts) == 1 else AnyOf(tuple(part.condition() for part in parts))
