"""Which computed episode is which recorded one: what keeps a firing from happening twice when changes arrive late or reordered.

Numbers of episodes are given once and for ever, and every firing happened at a known instant. After each evaluation the
firings are laid over the episodes as they look now. An episode that finds one on itself goes on with the number of that firing;
only one that finds none is new. So whatever arrives late, no episode gets a step that, by what is known then, it had already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rules.engine import Episode
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class Recorded:
    """An episode as the store holds it.

    `confirmed` are the server times of the reads that confirmed its firings, one for each step, oldest first; of a firing that
    no fresh read has confirmed yet, the instant at which it was decided. So many of the last ones are `pending`: they have not
    taken effect.
    """

    rule: str
    number: int
    anchor: Instant
    confirmed: tuple[Instant, ...]
    pending: int = 0

    @property
    def reach(self) -> tuple[int, int]:
        """How far it has come: steps that took effect, then its number."""
        return len(self.confirmed) - self.pending, self.number

    @property
    def that_took_effect(self) -> Recorded:
        """The same without the firings that have not taken effect."""
        return replace(self, confirmed=self.confirmed[: len(self.confirmed) - self.pending], pending=0)


def match(recorded: Sequence[Recorded], computed: Sequence[Episode]) -> tuple[Recorded | None, ...]:
    """For each computed episode the recorded one that it continues, or None where it is new.

    A firing belongs to the computed episode of its rule that holds at the firing's instant; where none does, to one that ended at
    that very instant (hoist's own write may bear the stamp of the read it rests on, and ends what it was about); else to the one
    that had begun to grow by then and is not over (the latest anchor, where several are).

    Where firings of several recorded episodes turn out to belong to one, the one that has come furthest goes on, so that no step
    is taken twice. Where those of one recorded episode turn out to belong to several, each of these continues it: every one of
    them has had its firing, and no two of them ever hold at the same instant.
    """
    continued: list[Recorded | None] = [None] * len(computed)
    for known in recorded:
        for fired in known.confirmed:
            place = _owner(known.rule, fired, computed)
            if place is not None:
                other = continued[place]
                if other is None or known.reach > other.reach:
                    continued[place] = known
    return tuple(continued)


def _owner(rule: str, fired: Instant, computed: Sequence[Episode]) -> int | None:
    ended = grown = None
    for place, episode in enumerate(computed):
        if episode.rule == rule and episode.anchor <= fired <= episode.end:
            if episode.holds_at(fired):
                return place
            if any(end == fired for _, end in episode.stretches):
                ended = place
            elif fired < episode.end and (grown is None or episode.anchor > computed[grown].anchor):
                grown = place
    return grown if ended is None else ended
