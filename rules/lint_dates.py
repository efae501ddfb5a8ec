"""What is probably not meant with dates: exceptions that never end or belong to nobody, rules past their review or their life."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Final

from rules.calendars import calendar
from rules.conditions.tree import walk
from rules.findings import Finding
from rules.instants import DAY, instant
from rules.language.problems import listed
from rules.protocol.conditions import Clock, Condition, InList, InWindow, Not, State
from rules.protocol.organisation import NamedList, NamedWindow
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook

_LONGEST_CLOSURE_DAYS: Final = 60


def findings_of_dates(rulebook: Rulebook, today: date | None) -> Iterator[Finding]:
    """Exceptions without an end or an owner; with `today`, also whatever has passed."""
    yield from _open_exceptions(rulebook)
    if today is not None:
        yield from _passed(rulebook, today.isoformat())
        yield from _closed_calendars(rulebook, today)


def _open_exceptions(rulebook: Rulebook) -> Iterator[Finding]:
    """An exception that nobody ends keeps tickets from escalating long after its reason is gone."""
    organisation = rulebook.organisation
    users: dict[tuple[str, str], list[str]] = {}
    for rule in rulebook.rules:
        for exception in dict.fromkeys(_exceptions(rule)):
            users.setdefault(exception, []).append(rule.id)
    for (kind, name), rules in users.items():
        if kind == "list" and (known := organisation.lists.get(name)) is not None:
            ends, owner = bool(known.until), known.owner
        elif kind == "window" and (window := organisation.windows.get(name)) is not None:
            ends, owner = bool(window.until or window.stretches), window.owner
        else:
            continue
        missing = [what for what, there in (("end (`until:`)", ends), ("owner (`owner:`)", owner)) if not there]
        if missing:
            sentence = f"the {kind} is an exception of {listed(rules)} and has no {' and no '.join(missing)}"
            yield Finding(name, sentence, organisation.place(kind, name))


def _exceptions(rule: Rule) -> Iterator[tuple[str, str]]:
    """The lists and windows that keep a rule from acting."""
    for part in walk(rule.condition):
        if isinstance(part, Not):
            yield from _named(part.part)
        elif isinstance(part, Clock) and part.pause_while is not None:
            yield from _named(part.pause_while)
    held_back = [rule.hold_while, *(step.unless for step in rule.steps)]
    for condition in held_back:
        if condition is not None:
            yield from _named(condition)


def _named(condition: Condition) -> Iterator[tuple[str, str]]:
    for part in walk(condition):
        if isinstance(part, InWindow):
            yield "window", part.name
        elif isinstance(part, State) and isinstance(part.test, InList):
            yield "list", part.test.name


def _passed(rulebook: Rulebook, today: str) -> Iterator[Finding]:
    for rule in rulebook.rules:
        if rule.review_by and rule.review_by < today:
            owner = f" by {rule.owner}" if rule.owner else ""
            yield Finding(
                rule.id, f"was to be reviewed{owner} by {rule.review_by}; set a new `review_by:` once it was", rule.place
            )
        if rule.expires and rule.expires <= today and rule.mode is not Mode.DRAFT:
            yield Finding(
                rule.id, f"expired on {rule.expires} and only watches since; take it out, or give it more time", rule.place
            )
    ended: list[NamedList | NamedWindow] = [*rulebook.organisation.lists.values(), *rulebook.organisation.windows.values()]
    for exception in ended:
        if exception.until and exception.until <= today:
            kind = "list" if isinstance(exception, NamedList) else "window"
            place = rulebook.organisation.place(kind, exception.name)
            yield Finding(exception.name, f"ended on {exception.until}; take it out, or give it more time", place)


def _closed_calendars(rulebook: Rulebook, today: date) -> Iterator[Finding]:
    start = instant(datetime.combine(today, time(), UTC))
    for hours in rulebook.organisation.calendars.values():
        if calendar(hours).next_opening(start) > start + _LONGEST_CLOSURE_DAYS * DAY:
            place = rulebook.organisation.place("calendar", hours.name)
            yield Finding(hours.name, f"has no open hours for {_LONGEST_CLOSURE_DAYS} days from {today.isoformat()} on", place)
