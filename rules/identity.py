"""Which computed episode is which recorded one: what keeps a firing from happening twice when changes arrive late or reordered.

The numbers of episodes are given once and for ever. After each evaluation the episodes it computed are laid over those that the
store holds: one computed episode takes over each recorded one, and an episode that takes over none is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.engine import Episode
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class Recorded:
    """An episode as the store holds it.

    `confirmed` are the server times of the reads that confirmed its firings, oldest first; of a firing that no fresh read has
    confirmed yet, the instant at which it was decided.
    """

    rule: str
    number: int
    anchor: Instant
    confirmed: tuple[Instant, ...]


def match(recorded: Sequence[Recorded], computed: Sequence[Episode]) -> tuple[Recorded | None, ...]:
    """For each computed episode the recorded one that it continues, or None where it is new.

    A computed episode continues a recorded one if one of its stretches contains the time at which a firing of that one was
    confirmed (the latest firing first); where no stretch of the rule contains any, if that time lies between its anchor and its
    last end (the latest anchor first). Where several recorded episodes turn out to be one, the highest number goes on.
    """
    continued: list[Recorded | None] = [None] * len(computed)
    if not recorded:
        return tuple(continued)
    for known in sorted(recorded, key=lambda r: (r.rule, r.number)):
        place = _place(known, computed)
        if place is not None:
            continued[place] = known
    return tuple(continued)


def _place(known: Recorded, computed: Sequence[Episode]) -> int | None:
    of_rule = [n for n, episode in enumerate(computed) if episode.rule == known.rule]
    for confirmed in reversed(known.confirmed):
        for n in of_rule:
            if computed[n].holds_at(confirmed):
                return n
    latest_first = sorted(of_rule, key=lambda n: computed[n].anchor, reverse=True)
    for confirmed in reversed(known.confirmed):
        for n in latest_first:
            if computed[n].anchor <= confirmed < computed[n].end:
                return n
    return None
