"""Conditions, instants and lengths of time in plain words, for comments, the journal and the screen."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant
from rules.protocol.conditions import (
    Acknowledged,
    All,
    Amount,
    AnyOf,
    AnyWord,
    Clock,
    Condition,
    Count,
    Counted,
    Due,
    Ever,
    FirstReply,
    Held,
    Hours,
    InList,
    InWindow,
    Level,
    Lingering,
    Matches,
    Not,
    OneOf,
    Silent,
    State,
    Target,
    Unanswered,
    Unchanged,
    Until,
)
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.ticket import CASE, NATIVE, RELATED, Kind

_LAST_DATE: Final = 253_402_300_799_000 - DAY  # the end of the year 9999, the last that a date can have, in any zone
_SHARED_ABBREVIATIONS: Final = frozenset(("CDT", "CST", "IST", "KST", "MSK", "PDT", "PST"))
"""Those that the tz database has given to more than one offset since 1990: CST is the time of Chicago, Havana and Shanghai."""
_PEOPLE_FIELDS: Final = frozenset(("assignee", "team", "requester"))
_COUNTED: Final = {
    Counted.REASSIGNED: "moved to another team",
    Counted.RETURNED: "returned to a former team",
    Counted.OWNER_CHANGED: "given to another person",
    Counted.REOPENED: "reopened",
    Counted.PRIORITY_RAISED: "raised in priority",
    Counted.PRIORITY_LOWERED: "lowered in priority",
    Counted.REQUESTER_WROTE: "wrote",
    Counted.REQUESTER_CHASED: "wrote again without an answer",
    Counted.CAME_BACK: "reopened or followed up",
    Counted.HANDED_BACK: "given back to the team that had just handed it over",
    Counted.BACK_TO_FIRST_LINE: "sent back to the first line",
}
_OF_REQUESTER: Final = frozenset((Counted.REQUESTER_WROTE, Counted.REQUESTER_CHASED))
_FIELDS: Final = {
    "native_status": "native status",
    "request_type": "request type",
    "last_comment": "last comment",
    "queue": "number of open tickets of its team",
}
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_A_DAY: Final = 1440
_KINDS: Final = {
    Kind.STAFF: "the staff",
    Kind.REQUESTER: "the requester",
    Kind.AUTOMATION: "an automation",
    Kind.HOIST: "hoist",
    Kind.OWN_ACCOUNT: "hoist's account",
}


@lru_cache(maxsize=4_096)
@lru_cache(4_096)  # the parts of a condition begin to hold together, and so do tickets
def stamp(at: Instant, zone: ZoneInfo) -> str:
    """`2012-05-07 08:00 CEST`, with seconds where there are any; `never` for what no date can name.

    What follows the time names one offset: the zone's abbreviation, which of an hour that the clocks show twice tells the first
    from the second. Where there is none it is `UTC-3`, where other zones use it otherwise both: `PST (UTC-8)`.
    """
    if at > _LAST_DATE:
        return "never"
    local = datetime.fromtimestamp(at // SECOND, zone)
    return f"{local.isoformat(' ')[: 19 if at % MINUTE else 16]} {_abbreviation(local)}"


def _abbreviation(local: datetime) -> str:
    name = local.tzname() or ""
    if name.isalpha() and name not in _SHARED_ABBREVIATIONS:
        return name
    offset = f"{local:%z}"  # +0530
    hours, minutes = int(offset[1:3]), offset[3:5]
    said = f"UTC{offset[0]}{hours}{'' if minutes == '00' else f':{minutes}'}"
    return f"{name} ({said})" if name.isalpha() else said


def length(milliseconds: int) -> str:
    """The two largest units of a length of time: `2 days 3 hours`, `15 minutes`, `0 seconds`; above two minutes no seconds."""
    if milliseconds > 2 * MINUTE:
        milliseconds -= milliseconds % MINUTE  # a confirming read comes a second late, which is not worth a word
    parts: list[tuple[int, str]] = []
    for name, unit in (("day", DAY), ("hour", HOUR), ("minute", MINUTE), ("second", SECOND)):
        number, milliseconds = divmod(milliseconds, unit)
        if number or (parts and len(parts) < 2):
            parts.append((number, name))
        if len(parts) == 2:
            break
    said = [f"{number} {name}{'' if number == 1 else 's'}" for number, name in parts if number]
    return " ".join(said) or "0 seconds"


def phrase(condition: Condition) -> str:
    """The condition as a clause: `the status is new or open`."""
    match condition:
        case State():
            return _state(condition)
        case AnyOf((State("subject", test), State("description", same))) if test == same:
            return _state(State("subject or description", test))
        case All(parts) | AnyOf(parts):
            joined = (" and " if isinstance(condition, All) else " or ").join(_bracketed(part) for part in parts)
            return joined or "nothing is asked for"
        case Not(part):
            return _negated(part)
        case Held() | Lingering() | Until() | Ever() | Clock():
            return _of_parts(condition)
        case Count():
            return _count(condition)
        case Silent() | Unanswered() | Due() | Target() | Unchanged():
            return _over_time(condition)
        case Acknowledged() | FirstReply() | Hours() | InWindow():
            return _gate(condition)


def _of_parts(condition: Held | Lingering | Until | Ever | Clock) -> str:
    match condition:
        case Held(part, duration):
            return f"for {_lasting(duration)} {_bracketed(part)}" if _some(duration) else phrase(part)
        case Lingering(part, still):
            return f"{_bracketed(part)}, or was so and still {_bracketed(still)}"
        case Until(part, ended):
            return f"{phrase(part)}, until {_bracketed(ended)}"
        case Ever(part):
            return f"it was once so that {_bracketed(part)}"
        case Clock():
            return _clock(condition)


def _over_time(condition: Silent | Unanswered | Due | Target | Unchanged) -> str:
    match condition:
        case Silent(duration, kinds, replies_only):
            did = "wrote" if replies_only else "touched the ticket"
            return f"for {_lasting(duration)} nobody of {_listed((_KINDS[kind] for kind in kinds), 'and')} {did}"
        case Unanswered(duration, waiting_for, touch_answers):
            did = "answered or touched the ticket" if touch_answers else "answered"
            return f"{_KINDS[waiting_for]} has not {did} for {_lasting(duration)}"
        case Due(field, within, passed_for):
            if passed_for is not None:
                return f"the instant in {_named(field)} passed {_lasting(passed_for)} ago"
            near = f"at most {_lasting(within)} ahead or " if _some(within) else ""
            return f"the instant in {_named(field)} is {near}past"
        case Target(name, within, percent, calendar):
            if percent is not None:
                counted = "" if calendar is None else f" on the calendar {calendar}"
                return f"{percent} percent of the target {name} are used up{counted}"
            if within is not None and _some(within):
                return f"the target {name} is due within {_lasting(within)} or missed"
            return f"the target {name} is missed"
        case Unchanged(field, duration):
            return f"the {_named(field)} has been what it is for {_lasting(duration)}"


def _gate(condition: Acknowledged | FirstReply | Hours | InWindow) -> str:
    match condition:
        case Acknowledged(expires):
            recent = "" if expires is None else f", no longer than {_lasting(expires)} ago"
            return f"somebody of the team that has it has touched it since it came to that team{recent}"
        case FirstReply():
            return "the staff has written to the requester"
        case InWindow(name):
            return f"the window {name} is on"
        case Hours(calendar=None):
            days = _listed((_DAYS[day] for day in condition.days), "or") if len(condition.days) < len(_DAYS) else ""
            hours = (
                ""
                if condition.end - condition.start == _A_DAY
                else f"between {_of_day(condition.start)} and {_of_day(condition.end)}"
            )
            when = " ".join(part for part in (days and f"a {days}", hours) if part) or "any time"
            said = f"it is {when} in {condition.time_zone}"
            return f"it is not so that {said}" if condition.outside else said
        case Hours(calendar, outside):
            return f"it is {'outside' if outside else 'within'} the hours of {_calendar(str(calendar))}"


def _state(condition: State) -> str:
    field = _named(condition.field) if condition.chain is None else f"{condition.field} in chain {condition.chain}"
    match condition.test:
        case OneOf(values) if condition.field.startswith(CASE):
            turn = f", and the turn is {values[0]}" if len(values) == 1 else ""
            return f"a case is open at {condition.field.removeprefix(CASE)}{turn}"
        case OneOf(values):
            nobody = "nobody" if field in _PEOPLE_FIELDS else "nothing"
            verb = "include" if field == "labels" else "is"
            return f"the {field} {verb} {_listed((nobody if value is None else value for value in values), 'or')}"
        case Level(at_least, at_most) | Amount(at_least, at_most):
            bounds = [f"at least {at_least}"] if at_least is not None else []
            bounds += [f"at most {at_most}"] if at_most is not None else []
            return f"the {field} is {' and '.join(bounds) or 'any'}"
        case AnyWord(words):
            return f"the {field} has the words {_listed((repr(word) for word in words), 'or')}"
        case Matches(pattern):
            return f"the {field} matches {pattern!r}"
        case InList(name):
            return f"the {field} is in the list {name}"


def _negated(part: Condition) -> str:
    match part:
        case FirstReply():
            return "the staff has not written to the requester yet"
        case InWindow(name):
            return f"the window {name} is not on"
        case Acknowledged(None):
            return "nobody of the team that has it has touched it since it came to that team"
        case State(field=name, test=OneOf() as test, chain=chain) if not name.startswith(CASE):
            return _not_one_of(name, test, chain)
        case _:
            return f"it is not so that {_bracketed(part)}"


def _not_one_of(name: str, test: OneOf, chain: str | None) -> str:
    field = _named(name) if chain is None else f"{name} in chain {chain}"
    nobody = "nobody" if field in _PEOPLE_FIELDS else "nothing"
    values = [nobody if value is None else value for value in test.values]
    if field == "labels":
        return f"the labels do not include {_listed(values, 'or')}"
    return f"the {field} is not {values[0]}" if len(values) == 1 else f"the {field} is neither {_listed(values, 'nor')}"


def _clock(condition: Clock) -> str:
    owner = " of the team that has it" if condition.of_team else ""
    text = f"{_lasting(condition.duration)} are on the clock{owner} that runs while {_bracketed(condition.running)}"
    if condition.pause_while is not None:
        text += f", stands while {_bracketed(condition.pause_while)}"
    if condition.stop is not None:
        text += f", stops for good when {_bracketed(condition.stop)}"
    if condition.reset is not None:
        text += f", and begins anew when {_bracketed(condition.reset)}"
    return text


def _count(condition: Count) -> str:
    times = "once" if condition.at_least == 1 else f"{condition.at_least} times"
    subject = "the requester" if condition.event in _OF_REQUESTER else "it was"
    text = f"{subject} {_COUNTED[condition.event]} at least {times}"
    if condition.chain is not None:
        text += f" in chain {condition.chain}"
    if condition.by is not None:
        text += f" by {_KINDS[condition.by]}"
    if condition.within is not None:
        text += f" within {_lasting(condition.within)}"
    if condition.ignore_stays_shorter_than is not None:
        text += f", stays shorter than {_lasting(condition.ignore_stays_shorter_than)} left out"
    if condition.ignore_thanks:
        text += ", mere thanks left out"
    return text + (", each further time anew" if condition.again else "")


def _named(field: str) -> str:
    """What people call a field: a source's own by its name, a number of related tickets by what they share."""
    if field in _FIELDS:
        return _FIELDS[field]
    if field == f"{RELATED}words":
        return "number of other open tickets that say much the same"
    if field.startswith(RELATED):
        return f"number of other open tickets of the same {field.removeprefix(RELATED)}"
    return f"field {field.removeprefix(NATIVE)}" if field.startswith(NATIVE) else field


def _lasting(duration: Duration) -> str:
    """A duration, with the calendar that the ticket gives where it counts on one."""
    return f"{duration} on the {duration.calendar}" if duration.calendar in CALENDARS_OF_THE_TICKET else str(duration)


def _calendar(name: str) -> str:
    return f"the {name}" if name in CALENDARS_OF_THE_TICKET else name


def _some(duration: Duration) -> bool:
    return bool(duration.milliseconds or duration.business_days)


def _of_day(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _bracketed(condition: Condition) -> str:
    text = phrase(condition)
    return f"({text})" if isinstance(condition, All | AnyOf | Clock | Lingering | Until) else text


def _listed(words: Iterable[str], last: str) -> str:
    *most, end = list(words) or ["nothing"]
    return f"{', '.join(most)} {last} {end}" if most else end
