"""Opening hours as people write them: `{mon-fri: "09:00-12:00, 13:00-17:30", sat: "10:00-14:00"}`, or `all`."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, PlainValidator, ValidationInfo

from rules.calendars import calendar
from rules.language.dates import Dated
from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.part import Part, Reading, marked, reading
from rules.language.problems import nearest
from rules.language.sources import AN_EXAMPLE, of_source
from rules.language.words import OneOrMany
from rules.opening_hours import time_zone, week
from rules.protocol.organisation import CalendarHours

Shifts = tuple[tuple[int, int], ...]

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHIFT: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*[-\u2013]\s*([0-9]{1,2}):([0-9]{2})", re.ASCII)
_ROUND_THE_CLOCK: Final[dict[int, Shifts]] = dict.fromkeys(range(7), ((0, 24 * 60),))
_PROBE: Final = "here"


def _zone(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "a time zone, such as Europe/Amsterdam")
    return _checked(word, info, CalendarHours(_PROBE, always=True, time_zone=word))


def _country(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "the code of a country, such as NL or DE-BY")
    return _checked(word, info, CalendarHours(_PROBE, always=True, holidays=word))


def _checked(word: Text, info: ValidationInfo, hours: CalendarHours) -> str:
    try:
        time_zone(hours)
        week(hours)
    except ValueError as error:
        raise reading(info).refused(word, str(error).removeprefix(f"calendar {_PROBE}: ")) from error
    return str(word)


def _hours(node: object, info: ValidationInfo) -> dict[int, Shifts]:
    context, node = reading(info), marked(node)
    if isinstance(node, Text) and node.strip().casefold() == "all":
        return dict(_ROUND_THE_CLOCK)
    if not isinstance(node, Block):
        raise context.refused(node, 'expected all, or hours for days, such as {mon-fri: "09:00-17:30"}')
    hours: dict[int, Shifts] = {}
    failed = False
    for key, value in node.items():
        days, shifts = days_of(key, context), _shifts(value, context)
        for twice in set(days) & set(hours):
            context.report.problem(key.place, key, f"{_DAYS[twice]} has its hours already")
        failed = failed or not days or shifts is None
        hours.update(dict.fromkeys(days, shifts or ()))
    if failed:
        raise context.ended()
    return hours


def days_of(key: Text, context: Reading) -> list[int]:
    """The weekdays that a key names: `mon`, `mon-fri`, `sat, sun`."""
    days: list[int] = []
    for word in re.split(r"\s*,\s*", key.strip()):
        ends = [_day(name) for name in re.split(r"\s*[-\u2013]\s*", word)]
        if not all(ends) or len(ends) > 2:
            expected = f"expected days, such as mon, mon-fri or sat-sun; days are: {', '.join(_DAYS)}"
            context.report.problem(key.place, key, expected, _meant_days(key))
            return []
        first, last = ends[0] - 1, ends[-1] - 1
        days += [(first + step) % 7 for step in range((last - first) % 7 + 1)]
    return days


def _meant_days(text: str) -> str:
    """Days that are cut to two letters, or misspelt, as they are written here; "" where one of them is none."""
    words = re.findall(r"[^\W\d_]+", text)
    days = [next((day for day in _DAYS if word.casefold() == day[:2]), "") or nearest(word, _FULL_DAYS)[:3] for word in words]
    form = re.sub(r"[^\W\d_]+", "{}", " ".join(text.split()).replace("{", "").replace("}", ""))
    return form.format(*days) if days and all(days) else ""


def _day(name: str) -> int:
    """1 for Monday to 7 for Sunday, 0 for anything else."""
    name = name.casefold()
    return next((number for number, names in enumerate(zip(_DAYS, _FULL_DAYS, strict=True), 1) if name in names), 0)


def _shifts(node: Node, context: Reading) -> Shifts | None:
    if isinstance(node, Block):
        context.report.problem(node.place, "{", 'expected hours in quotes, such as "09:00-17:30"')
        return None
    texts = node if isinstance(node, Items) else [node]
    shifts: list[tuple[int, int]] = []
    for text in texts:
        for word in re.split(r"\s*,\s*", text.strip()) if isinstance(text, Text) else [""]:
            shift = _shift(word)
            if shift is None:
                context.report.problem(
                    text.place, word, 'expected hours in quotes, such as "09:00-17:30" or "09:00-12:00, 13:00-17:00"'
                )
                return None
            shifts.append(shift)
    return tuple(sorted(shifts))


def _shift(word: str) -> tuple[int, int] | None:
    found = _SHIFT.fullmatch(word)
    if not found:
        return None
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    in_minutes = int(found[2]) < 60 and int(found[4]) < 60
    return (start, end) if in_minutes and start < 24 * 60 and end <= 24 * 60 else None


def _schedule(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, AN_EXAMPLE)
    return of_source(word, reading(info))


TimeZone = Annotated[str, PlainValidator(_zone, json_schema_input_type=str)]
Country = Annotated[str, PlainValidator(_country, json_schema_input_type=str)]
Schedule = Annotated[str, PlainValidator(_schedule, json_schema_input_type=str)]
Hours = Annotated[dict[int, Shifts], PlainValidator(_hours, json_schema_input_type=str | dict[str, Any])]


class WrittenCalendar(Part):
    """Business hours."""

    named: ClassVar[str] = "calendar"
    time_zone: TimeZone | None = Field(None, description="The zone of the hours", examples=["Europe/Amsterdam"])
    hours: Hours = Field(description="all, or hours for days", examples=["all", {"mon-fri": "09:00-12:00, 13:00-17:30"}])
    holidays: Country | None = Field(None, description="Public holidays of a country or a part of it", examples=["NL", "DE-BY"])
    also_closed: OneOrMany[Dated] | None = Field(None, description="Days off beside those", examples=[["2026-12-24"]])
    open_anyway: OneOrMany[Dated] | None = Field(None, description="Public holidays on which work is done")
    schedule: Schedule | None = Field(
        None,
        description="A schedule of a helpdesk, which takes the place of all else here as soon as it was read",
        examples=["source://snow-prod/8-5 weekdays"],
    )

    def check(self, node: Node, context: Reading) -> None:
        if self.time_zone is None and self.hours != _ROUND_THE_CLOCK:
            raise context.refused(node, "`time_zone` is missing in this calendar: hours need one, such as Europe/Amsterdam")
        try:
            calendar(self.value(_PROBE))
        except ValueError as error:
            raise context.refused(node, str(error).removeprefix(f"calendar {_PROBE}").lstrip(": ")) from error

    def value(self, name: str) -> CalendarHours:
        """The calendar as the core sees it."""
        return CalendarHours(
            name=name,
            time_zone=self.time_zone or "UTC",
            hours=self.hours,
            always=self.hours == _ROUND_THE_CLOCK,
            holidays=self.holidays,
            also_closed=self.also_closed or (),
            open_anyway=self.open_anyway or (),
            schedule=self.schedule or "",
        )
