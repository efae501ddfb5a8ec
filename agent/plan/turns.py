"""When the turn comes of changes that wait for it (`existing_tickets: at most N per hour`), as far as it can be told ahead.

Of each rule the most urgent ticket goes first, then the one that has been due for longest: `agent.store.waiting.next_queued`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from rules.instants import HOUR, Instant


class Waits(NamedTuple):
    """A firing that waits for its rule's turn, of which there are so many an hour; it can't go before `at`."""

    source: str
    rule: str
    per_hour: int
    urgency: int
    due: Instant
    at: Instant


def turns(
    writes: Sequence[Sequence[Waits]], next_turns: Mapping[tuple[str, str], Instant] = MappingProxyType({})
) -> list[Instant | None]:
    """The instant of each write's first turn; None for those of which nothing waits.

    `next_turns`: by source and rule, where one is known.
    """
    queues: dict[tuple[str, str], list[tuple[Waits, int]]] = {}
    for place, write in enumerate(writes):
        for firing in write:
            queues.setdefault((firing.source, firing.rule), []).append((firing, place))
    found: list[Instant | None] = [None] * len(writes)
    for name, queue in queues.items():
        turn = next_turns.get(name, 0)
        for firing, place in sorted(queue, key=lambda waits: (waits[0].urgency, waits[0].due)):
            at, known = max(turn, firing.at), found[place]
            found[place] = at if known is None else min(at, known)
            turn = at + HOUR // firing.per_hour
    return found
