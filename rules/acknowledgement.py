"""How soon a team takes a ticket that it was given, against the time that its chain gives it.

Taken is a ticket when anybody of the staff touches it after the hand-over, while the team has it. That is what a history shows of
every platform: who is in which team, it often does not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from rules.engine import Evaluation
from rules.evidence import Evidence
from rules.instants import Instant
from rules.spread import Spread
from rules.ticket import Kind, Ticket


class Stay(NamedTuple):
    """A tier's team had the ticket from `start` on; taken at `taken`, None where it never was.

    `waited` is the time until then (or until it had it no more) on the calendar of the tier's target; `met` whether that was
    kept, None where the time is not over yet.
    """

    tier: str
    start: Instant
    taken: Instant | None
    waited: int
    met: bool | None


def stays(ticket: Ticket, evaluation: Evaluation, known_until: Instant) -> Iterator[Stay]:
    """The stays of a ticket with teams whose tiers have a target: each that began with a hand-over."""
    targets, line = evaluation.rules.to_acknowledge, evaluation.timeline
    moves = [change for change in ticket.changes if change.field == "team"]
    touches = line.touches(Kind.STAFF)
    for place, move in enumerate(moves):
        ended = moves[place + 1].at if place + 1 < len(moves) else min(known_until, line.gone)
        for tier, target in targets.get(move.new, ()):
            calendar = evaluation.rules.program.calendar(target.calendar, line)
            later = bisect_right(touches, move.at)
            taken = touches[later] if later < len(touches) and touches[later] <= ended else None
            over = calendar.after(move.at, target)
            met = taken <= over if taken is not None else (False if over < ended else None)
            yield Stay(tier, move.at, taken, calendar.between(move.at, ended if taken is None else taken), met)


@dataclass
class OfTier:
    """How soon one tier took what it was given."""

    waited: Spread = field(default_factory=Spread)
    met: int = 0
    missed: Evidence = field(default_factory=Evidence)

    @property
    def judged(self) -> int:
        """Those of which it is known."""
        return self.met + self.missed.number


@dataclass
class Acknowledgements:
    """Of all tiers, counted."""

    of_tier: dict[str, OfTier] = field(default_factory=dict)

    def add(self, key: str, stay: Stay) -> None:
        """Count a stay of the ticket with this key."""
        tier = self.of_tier.setdefault(stay.tier, OfTier())
        if stay.taken is not None:
            tier.waited.add(stay.waited)
        tier.met += stay.met is True
        if stay.met is False:
            tier.missed.add(key, stay.start)
