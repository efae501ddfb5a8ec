"""Conditions, instants and lengths of time in plain words, for comments, the journal and the screen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant, moment
from rules.protocol import (
    All,
    AnyOf,
    AnyWord,
    Clock,
    Condition,
    Count,
    Counted,
    Due,
    Held,
    Level,
    Matches,
    Not,
    OneOf,
    Silent,
    State,
    Unanswered,
)
from rules.ticket import Kind

_LAST_DATE: Final = 253_402_300_799_000  # the end of the year 9999, the last that a date can have
_PEOPLE_FIELDS: Final = frozenset(("assignee", "team", "requester"))
_COUNTED: Final = {
    Counted.REASSIGNED: "moved to another team",
    Counted.RETURNED: "returned to a former team",
    Counted.OWNER_CHANGED: "given to another person",
    Counted.REOPENED: "reopened",
    Counted.PRIORITY_RAISED: "raised in priority",
    Counted.PRIORITY_LOWERED: "lowered in priority",
    Counted.REQUESTER_WROTE: "written to by the requester",
}
_KINDS: Final = {
    Kind.STAFF: "the staff",
    Kind.REQUESTER: "the requester",
    Kind.AUTOMATION: "an automation",
    Kind.HOIST: "hoist",
    Kind.OWN_ACCOUNT: "hoist's account",
}


@lru_cache(maxsize=1_000)
def stamp(at: Instant) -> str:
    """`2012-05-07 06:00 UTC`, with seconds where there are any; `never` for what no date can name."""
    if at > _LAST_DATE:
        return "never"
    return moment(at).strftime("%Y-%m-%d %H:%M:%S UTC" if at % MINUTE else "%Y-%m-%d %H:%M UTC")


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
        case All(parts) | AnyOf(parts):
            joined = (" and " if isinstance(condition, All) else " or ").join(_bracketed(part) for part in parts)
            return joined or "nothing is asked for"
        case Not(part):
            return f"it is not so that {_bracketed(part)}"
        case Held(part, duration):
            return f"for {duration} {_bracketed(part)}"
        case Clock():
            return _clock(condition)
        case Count():
            return _count(condition)
        case Silent(duration, kinds, replies_only):
            did = "wrote" if replies_only else "touched the ticket"
            return f"for {duration} nobody of {_listed((_KINDS[kind] for kind in kinds), 'and')} {did}"
        case Unanswered(duration, waiting_for, touch_answers):
            did = "answered or touched the ticket" if touch_answers else "answered"
            return f"{_KINDS[waiting_for]} has not {did} for {duration}"
        case Due(field, within):
            near = f"at most {within} ahead or " if within.milliseconds or within.business_days else ""
            return f"the instant in {field} is {near}past"


def _state(condition: State) -> str:
    field = condition.field if condition.chain is None else f"{condition.field} in chain {condition.chain}"
    match condition.test:
        case OneOf(values):
            nobody = "nobody" if field in _PEOPLE_FIELDS else "nothing"
            verb = "include" if field == "labels" else "is"
            return f"the {field} {verb} {_listed((nobody if value is None else value for value in values), 'or')}"
        case Level(at_least, at_most):
            bounds = [f"at least {at_least}"] if at_least is not None else []
            bounds += [f"at most {at_most}"] if at_most is not None else []
            return f"the {field} is {' and '.join(bounds) or 'any'}"
        case AnyWord(words):
            return f"the {field} has the words {_listed((repr(word) for word in words), 'or')}"
        case Matches(pattern):
            return f"the {field} matches {pattern!r}"


def _clock(condition: Clock) -> str:
    text = f"{condition.duration} are on the clock that runs while {_bracketed(condition.running)}"
    if condition.pause_while is not None:
        text += f", stands while {_bracketed(condition.pause_while)}"
    if condition.reset is not None:
        text += f", and begins anew when {_bracketed(condition.reset)}"
    return text


def _count(condition: Count) -> str:
    times = "once" if condition.at_least == 1 else f"{condition.at_least} times"
    text = f"it was {_COUNTED[condition.event]} at least {times}"
    if condition.within is not None:
        text += f" within {condition.within}"
    if condition.ignore_stays_shorter_than is not None:
        text += f", stays shorter than {condition.ignore_stays_shorter_than} left out"
    return text


def _bracketed(condition: Condition) -> str:
    text = phrase(condition)
    return f"({text})" if isinstance(condition, All | AnyOf | Clock) else text


def _listed(words: Iterable[str], last: str) -> str:
    *most, end = list(words) or ["nothing"]
    return f"{', '.join(most)} {last} {end}" if most else end
