"""What holds back the writing of a firing that is due: the rule's `hold_while`, and a team that has just received the ticket.

A gate says nothing about whether the firing is due. It is asked again whenever the ticket changes and when it opens; what is
still true then is written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from rules.engine import Evaluation
from rules.instants import DAY, FOREVER, HOUR, MINUTE, Instant
from rules.intervals import unbroken
from rules.phrases import phrase, stamp
from rules.protocol.actions import Action, Assign, Escalate, RaisePriority
from rules.protocol.rule import Rule
from rules.ticket import Change, Kind, Ticket, Value

HOLD_LABEL: Final = "hoist-hold"
"""Whoever gives a ticket this label keeps hoist away from it; with `-4h` or `-2d` appended for so long."""
_HOLD_FOR: Final = re.compile(r"hoist-hold-([0-9]{1,3})([mhd])")
LONGEST_WRITE = 2 * MINUTE
"""From the read that confirms a firing to its effect in the ticket."""


class Closed(NamedTuple):
    """Nothing is written before `until` (FOREVER: unless the ticket changes), and why: `while ...`, `because ...`.

    `zone` is the time zone in which people read it.
    """

    until: Instant
    because: str
    zone: ZoneInfo

    def __str__(self) -> str:
        return self.because if self.until == FOREVER else f"{self.because}, until {stamp(self.until, self.zone)}"


class Keeping(NamedTuple):
    """The team that got the ticket at `since` keeps it until then, so that it can acknowledge it."""

    team: str
    since: Instant
    until: Instant
    by_hoist: bool


class Held(NamedTuple):
    """Somebody gave the ticket this label, which keeps hoist away from it until then (FOREVER: as long as it is there)."""

    label: str
    until: Instant


def held_by_label(ticket: Ticket, at: Instant) -> Held | None:
    """The label by which somebody exempts this ticket, from inside the helpdesk, at an instant; of several the longest one."""
    labels = ticket.fields.get("labels")
    if not isinstance(labels, tuple):
        return None
    held = [Held(label, _lasts(ticket, label)) for label in labels if label.startswith(HOLD_LABEL)]
    if not held:
        return None
    return max((each for each in held if each.until > at), key=lambda each: each.until, default=None)


def _lasts(ticket: Ticket, label: str) -> Instant:
    """When a label ceases to hold: `hoist-hold-2d` two days after it was set, where the history tells when that was."""
    if label == HOLD_LABEL:
        return FOREVER
    length = _HOLD_FOR.fullmatch(label)
    if length is None:
        return 0
    return _set_at(ticket, label) + int(length[1]) * {"m": MINUTE, "h": HOUR, "d": DAY}[length[2]]


def _set_at(ticket: Ticket, label: str) -> Instant:
    for change in reversed(ticket.changes):
        if change.field == "labels" and _has(change.new, label) and not _has(change.old, label):
            return change.at
    return ticket.created


def _has(labels: Value, label: str) -> bool:
    return isinstance(labels, tuple) and label in labels


def closed(
    evaluation: Evaluation, rule: Rule, actions: Iterable[Action], ticket: Ticket, wrote: Sequence[Instant], now: Instant
) -> Closed | None:
    """What holds back a firing with these actions at `now`; None where nothing does.

    `wrote`: server times of the reads that confirmed the earlier firings of the same episode.
    """
    if rule.hold_while is not None:
        may = unbroken(evaluation.holds(rule.hold_while)[1])
        place = bisect_right(may, now)
        if place % 2:
            return Closed(may[place], f"while {phrase(rule.hold_while)}", evaluation.rules.zone)
    if rule.confidential or not _moves(actions):
        return None
    kept = keeping(ticket, evaluation)
    if kept is None or kept.until <= now or (kept.by_hoist and any(at <= kept.since <= at + LONGEST_WRITE for at in wrote)):
        return None  # the next step of the ladder that handed it over has waited as long as its policy says
    said = f"because {kept.team} has just received the ticket and has time to acknowledge it"
    return Closed(kept.until, said, evaluation.rules.zone)


def keeping(ticket: Ticket, evaluation: Evaluation) -> Keeping | None:
    """The last hand-over, whoever made it, to a team with a time to acknowledge; of several tiers the longest time counts.

    None where the ticket is with the team that it was created with, or no tier of the team names a time.
    """
    for change in reversed(ticket.changes):
        if change.field == "team":
            return _kept(change, evaluation)
    return None


def _kept(change: Change, evaluation: Evaluation) -> Keeping | None:
    times = evaluation.rules.to_acknowledge.get(change.new)
    if times is None:
        return None
    calendar, timeline = evaluation.rules.program.calendar, evaluation.timeline
    until, team = max((calendar(time.calendar, timeline).after(change.at, time), team) for team, time in times)
    return Keeping(team, change.at, until, change.by.kind is Kind.HOIST)


_MOVES: Final = (Escalate, Assign, RaisePriority)


def _moves(actions: Iterable[Action]) -> bool:
    for action in actions:  # noqa: SIM110 - asked of every firing, and a generator is dear
        if isinstance(action, _MOVES):
            return True
    return False
