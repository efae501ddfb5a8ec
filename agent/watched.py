"""What a rule did while it only watched: how often it would have escalated, and what people did by themselves then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Final

from sqlalchemy import Connection

from agent.store import mirrored, waiting
from agent.store.states import RowState
from rules.instants import DAY, Instant
from rules.ticket import Kind, Ticket

_TOGETHER: Final = 500
_ACTS: Final = frozenset({"team", "assignee", "status", "priority"})


@dataclass(frozen=True, slots=True)
class Watched:
    """`times` it noted something, on so many `tickets`, the first time at `since`. `instants` are when.

    On `acted` of the tickets people moved it, took it, answered or ended it within a day afterwards, after `gained` milliseconds
    in the middle: so much earlier hoist would have been.
    """

    times: int = 0
    tickets: int = 0
    since: Instant | None = None
    instants: tuple[Instant, ...] = ()
    acted: int = 0
    gained: int | None = None


def watched(db: Connection, ids: Mapping[str, str], now: Mapping[str, Instant]) -> Watched:
    """Of one rule, by the id under which it runs on each source."""
    instants: list[Instant] = []
    delays: list[int] = []
    tickets = 0
    for source, rule in ids.items():
        rows = [row for row in waiting.of_source(db, source, (RowState.WATCHED,)) if row.key.rule == rule]
        instants += [row.instant for row in rows if row.instant <= now[source]]
        first: dict[str, Instant] = {}
        for row in rows:
            first.setdefault(row.key.ticket, row.instant)
        tickets += len(first)
        delays += _delays(db, source, first)
    gained = round(median(delays)) if delays else None
    return Watched(len(instants), tickets, min(instants, default=None), tuple(instants), len(delays), gained)


def _delays(db: Connection, source: str, first: Mapping[str, Instant]) -> Iterator[int]:
    """After how long people did something about it, of the tickets on which they did."""
    names = iter(first)
    while some := list(islice(names, _TOGETHER)):
        for name, known in mirrored.mirrored(db, source, some).items():
            acted = _first_act(known.ticket, first[name])
            if acted is not None and acted - first[name] <= DAY:
                yield acted - first[name]


def _first_act(ticket: Ticket, after: Instant) -> Instant | None:
    acts = [c.at for c in ticket.changes if c.at > after and c.by.kind is Kind.STAFF and c.field in _ACTS]
    acts += [m.at for m in ticket.messages if m.at > after and m.by.kind is Kind.STAFF and m.public]
    return min(acts, default=None)
