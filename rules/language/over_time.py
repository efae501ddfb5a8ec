"""Conditions over time as people write them: silence, waits, dates, targets, stays, attention, hours of the day, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, PlainValidator, PrivateAttr, ValidationInfo

from rules.language.field_tests import Asked, together
from rules.language.hours import TimeZone, days_of
from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.part import VALUE, Part, Reading, key_of, marked, reading
from rules.language.problems import folded, listed, nearest
from rules.language.words import CalendarName, Number, OneOrMany, Percent, RuleCalendar, Side, Span, Truth, Words
from rules.protocol.conditions import (
    Acknowledged,
    Amount,
    AnyOf,
    Condition,
    Due,
    FirstReply,
    Held,
    Hours,
    InWindow,
    Not,
    Silent,
    State,
    Target,
    Unanswered,
    Unchanged,
)
from rules.protocol.durations import Duration
from rules.ticket import FIELDS, NATIVE, RELATED, Kind

_NO_TIME: Final = Duration(text="0 minutes")
_CLUSTERS: Final = ("service", "organisation", "words")
_UNLESS_SAID: Final = ("service", "organisation")
_NEVER_STANDS: Final = frozenset({"labels", "subject", "description", "last_comment", "due", "queue", "follow_ups"})
_STANDING: Final = tuple(field for field in FIELDS if field not in _NEVER_STANDS)


class Silence(Asked):
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


class Waiting(Asked):
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
        raise reading(info).refused(word, f"expected due, the one date that every ticket can carry{known}", "due")
    return str(word)


Passed = Annotated[Duration, PlainValidator(_within, json_schema_input_type=str)]
DateField = Annotated[str, PlainValidator(_field, json_schema_input_type=str)]


class DueDate(Asked):
    """A date that the ticket carries has passed (`passed_for` so long ago), or lies no further ahead than `within`."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "due date"
    passed: Passed | None = Field(None, alias=VALUE)
    within: Span | None = Field(None, description="At most so far ahead", examples=["1 hour"])
    passed_for: Span | None = Field(None, description="At least so long ago", examples=["2 days"])
    field: DateField = Field("due", description="The field that holds the date")

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if "within" in found and "passed_for" in found:
            raise context.refused(node, "`within` and `passed_for` exclude each other: the one looks ahead, the other back")

    def condition(self, _key: str) -> Condition:
        """Due within, or passed."""
        return Due(self.field, self.within or Duration(text="passed"), self.passed_for)


class PlatformTarget(Asked):
    """A target that the platform itself keeps is near, used up so far, or missed."""

    named: ClassVar[str] = "target"
    stands_for: ClassVar = {"percent": "used"}
    name: Words = Field(description="The platform's name of it", examples=["Time to resolution"])
    due_within: Span | None = Field(None, description="It is due no later than this, or missed", examples=["1 hour"])
    used: Percent | None = Field(None, description="So much of it is used up", examples=["75 percent"])
    passed: Truth | None = Field(None, description="true: it is missed")
    calendar: CalendarName | None = Field(None, description="The calendar that `used` is counted on; round the clock unless said")

    def check(self, node: Node, context: Reading) -> None:
        said = [name for name in ("due_within", "used", "passed") if getattr(self, name) is not None]
        if len(said) != 1:
            raise context.refused(node, "what about it? write one of `due_within: 1 hour`, `used: 75 percent`, `passed: true`")
        if self.calendar is not None and self.used is None:
            raise context.refused(marked(key_of(node, "calendar")), "`calendar` is for `used`; a duration says `business` itself")

    def condition(self, _key: str) -> Condition:
        """Near, used up so far, or missed."""
        if self.used is not None:
            return Target(self.name, percent=self.used, calendar=self.calendar)
        missed = Target(self.name, self.due_within or Duration(text="passed"))
        return Not(missed) if self.passed is False else missed


class Stay(Part):
    """How long a field has had its present value."""

    short: ClassVar[str] = "for"
    for_: Span = Field(alias="for", description="How long")


class StandingFields(Asked):
    """Fields that have had their present value, whatever it is, for so long."""

    model_config = ConfigDict(extra="allow")
    named: ClassVar[str] = "block of fields and durations"
    __pydantic_extra__: dict[str, Stay]

    def check(self, node: Node, context: Reading) -> None:
        for key in node if isinstance(node, Block) else ():
            if key not in _STANDING and not (key.startswith(NATIVE) and len(key) > len(NATIVE)):
                expected = f"not a field that stands for a time; there are: {listed(_STANDING)}, and `native.` with a name"
                raise context.refused(key, expected, nearest(key, _STANDING))

    def condition(self, _key: str) -> Condition:
        """All of them."""
        return together([Unchanged(name, stay.for_) for name, stay in self.__pydantic_extra__.items()])


class Noticed(Asked):
    """Somebody of the team that has the ticket touched it since it came to that team."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "acknowledgement"
    so: Truth | None = Field(None, alias=VALUE)
    expires: Span | None = Field(None, description="So long after the last touch it is as if there had been none")

    def condition(self, _key: str) -> Condition:
        """Acknowledged, or (`false`) not."""
        return Not(Acknowledged()) if self.so is False else Acknowledged(self.expires)


def _given(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, "none or given")
    if folded(word) not in {"none", "given"}:
        raise reading(info).refused(word, "expected none or given", nearest(word, ("none", "given")))
    return folded(word) == "given"


Given = Annotated[bool, PlainValidator(_given, json_schema_input_type=Literal["none", "given"])]


class Replied(Asked):
    """The staff has written to the requester, or has not yet."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "first reply"
    given: Given = Field(alias=VALUE)

    def condition(self, _key: str) -> Condition:
        """Given, or none."""
        return FirstReply() if self.given else Not(FirstReply())


def _window(node: object, info: ValidationInfo) -> str:
    return str(reading(info).one_of(node, reading(info).names.windows, "window"))


WindowName = Annotated[str, PlainValidator(_window, json_schema_input_type=str)]


class Windows(Asked):
    """One of these named windows is on."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "window"
    names: OneOrMany[WindowName] = Field(alias=VALUE)

    def condition(self, _key: str) -> Condition:
        """One of them is on."""
        windows = [InWindow(name) for name in self.names]
        return windows[0] if len(windows) == 1 else AnyOf(tuple(windows))


_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_LAST_MINUTE: Final = 24 * 60
_HOURS: Final = '`inside: office`, `outside: office`, or {days: mon-fri, from: "08:00", to: "12:00"}'


def _minute(node: object, info: ValidationInfo) -> int:
    word = reading(info).text(node, 'a time of day in quotes, such as "08:00"')
    found = _TIME.fullmatch(word.strip())
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else _LAST_MINUTE + 1
    if minute > _LAST_MINUTE:
        raise reading(info).refused(word, 'expected a time of day in quotes, such as "08:00"')
    return minute


def _weekdays(node: object, info: ValidationInfo) -> tuple[int, ...]:
    context, node = reading(info), marked(node)
    texts = node if isinstance(node, Items) else [node]
    days = {day for text in texts for day in days_of(context.text(text, "days, such as mon-fri"), context)}
    if not days:
        raise context.ended()  # what they are was reported
    return tuple(sorted(days))


Minute = Annotated[int, PlainValidator(_minute, json_schema_input_type=str)]
Weekdays = Annotated[tuple[int, ...], PlainValidator(_weekdays, json_schema_input_type=str | list[str])]


class TimeOfDay(Asked):
    """The hour and the day: inside or outside of a calendar's hours, or between two times on some days."""

    named: ClassVar[str] = "time of day"
    proposed: ClassVar = {
        **dict.fromkeys(("weekend", "weekends", "at_weekends"), '{days: "sat, sun"}'),
        **dict.fromkeys(("weekday", "weekdays", "workdays"), "{days: mon-fri}"),
        **dict.fromkeys(("night", "nights", "at_night"), '{from: "18:00", to: "08:00"}'),
    }
    inside: RuleCalendar | None = Field(None, description="While this calendar is open", examples=["office"])
    outside: RuleCalendar | None = Field(None, description="While this calendar is closed", examples=["office"])
    days: Weekdays | None = Field(None, description="On these days", examples=["mon-fri"])
    from_: Minute | None = Field(None, alias="from", description="From this time of day on", examples=["08:00"])
    to: Minute | None = Field(None, description="Up to this time; one that is not later lies on the next day", examples=["12:00"])
    time_zone: TimeZone | None = Field(None, description="That of the rule's calendar, else the organisation's, unless said")
    _zone: str = PrivateAttr("UTC")

    @classmethod
    def _instead(cls, node: Node) -> str:
        return super()._instead(node) if isinstance(node, Items) else f"expected {_HOURS}"

    @classmethod
    def _weekly(cls, node: Node) -> Iterator[Text]:
        for key in node if isinstance(node, Block) else ():
            if folded(key) in {"days", "from", "to", "time_zone"}:
                yield key

    def check(self, node: Node, context: Reading) -> None:
        weekly = list(self._weekly(node))
        if sum((self.inside is not None, self.outside is not None, bool(weekly))) != 1:
            raise context.refused(weekly[0] if weekly else node, f"expected one of {_HOURS}")
        named = self.inside or self.outside
        if named is not None and context.names.calendars.get(named):
            raise context.refused(marked(key_of(node, "inside" if self.inside else "outside")), f"{named} never closes")
        if not weekly:
            return
        if self.days is None and self.from_ is None and self.to is None:
            raise context.refused(weekly[0], "which time? write `days: mon-fri`, or `from` and `to`")
        zones = (context.names.zones.get(name or "", "") for name in (context.calendar, context.outer))
        zone = self.time_zone or next(filter(None, zones), context.time_zone)
        if not zone:
            raise context.refused(node, "`time_zone` is missing: no calendar in reach gives one, such as Europe/Amsterdam")
        self._zone = zone

    def condition(self, _key: str) -> Condition:
        """The time of day is so."""
        if self.inside or self.outside:
            return Hours(self.inside or self.outside, outside=self.outside is not None)
        days = self.days if self.days is not None else tuple(range(7))
        return Hours(days=days, start=self.from_ or 0, end=_LAST_MINUTE if self.to is None else self.to, time_zone=self._zone)


def _cluster(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, f"one of {listed(_CLUSTERS)}")
    if word not in _CLUSTERS:
        raise reading(info).refused(word, f"expected one of {listed(_CLUSTERS)}", nearest(word, _CLUSTERS))
    return str(word)


Cluster = Annotated[str, PlainValidator(_cluster, json_schema_input_type=Literal["service", "organisation", "words"])]


class RelatedTickets(Asked):
    """So many other open tickets share the ticket's service, or its organisation, or say much the same."""

    short: ClassVar[str] = "at_least"
    named: ClassVar[str] = "count of related tickets"
    at_least: Number = Field(description="How many others", examples=[5])
    same: OneOrMany[Cluster] = Field(
        _UNLESS_SAID,
        description="What they share: service, organisation; either unless said. words: they say much the same",
    )

    def condition(self, _key: str) -> Condition:
        """From when there are so many on: the anchor is that instant."""
        numbers = tuple(Held(State(f"{RELATED}{shared}", Amount(at_least=self.at_least)), _NO_TIME) for shared in self.same)
        return numbers[0] if len(numbers) == 1 else AnyOf(numbers)


class QueueLength(Asked):
    """The team that has the ticket has this many open ones."""

    named: ClassVar[str] = "length of a queue"
    longer_than: Number | None = Field(None, description="More than so many", examples=[40])
    shorter_than: Number | None = Field(None, description="Fewer than so many")

    def check(self, node: Node, context: Reading) -> None:
        if self.longer_than is None and self.shorter_than is None:
            raise context.refused(node, "expected `longer_than: 40`, or `shorter_than`")
        if self.longer_than is not None and self.shorter_than is not None and self.shorter_than - self.longer_than < 2:
            raise context.refused(node, f"never true: no number is above {self.longer_than} and below {self.shorter_than}")

    def condition(self, _key: str) -> Condition:
        """A state: an aggregate guards, and begins nothing."""
        low, high = self.longer_than, self.shorter_than
        return State("queue", Amount(None if low is None else low + 1, None if high is None else high - 1))
