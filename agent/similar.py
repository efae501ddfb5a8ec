"""The number of other open tickets that say much the same, kept once per ticket and only when it crosses a threshold.

Likeness is no cluster: of three tickets the first may be like the second and the second like the third alone. So each ticket has
a number of its own, as events of a cluster of one. What a change costs does not grow with the number of tickets: a number is
counted up to the highest threshold and no further, and where more tickets than that have a hash, all of them are past it and
stay there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from agent.store import similar
from agent.store.clusters import Cluster
from rules.similar_words import hashes
from rules.ticket import UNKNOWN, Ticket, TicketRef

WORDS: Final = "related.words"
"""The field in which the number stands."""


def cluster_of(ticket: TicketRef) -> Cluster:
    """The cluster of one under which a ticket's number is kept."""
    return Cluster(WORDS, str(ticket))


def spoken(ticket: Ticket, key: bytes) -> frozenset[int]:
    """The hashes of what a ticket says; none where its subject is not known."""
    subject, description = ticket.fields.get("subject", UNKNOWN), ticket.fields.get("description")
    return hashes(subject, description if isinstance(description, str) else "", key) if isinstance(subject, str) else frozenset()


def count(db: Connection, source: str, now: Mapping[str, frozenset[int] | None], enough: int) -> dict[TicketRef, int]:
    """Keep the hashes of these tickets, None for one that is not counted.

    Gives the numbers that may have changed by that, and those of the tickets themselves, up to `enough`. The last number of one
    that is not counted stays.
    """
    before = similar.of_tickets(db, source, now)
    after = {name: each or frozenset() for name, each in now.items()}
    touched = {each for name, theirs in after.items() for each in theirs ^ before.get(name, frozenset())}
    few = similar.rare(db, touched, enough)
    similar.change(db, source, before, after)
    few |= similar.rare(db, touched, enough)
    among = similar.members(db, few) | {TicketRef(source, name) for name, each in now.items() if each is not None}
    return {ticket: similar.others(db, ticket, enough) for ticket in among}
