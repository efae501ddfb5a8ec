"""Clusters of open tickets: who belongs to one, how many there are, and when their number crossed a threshold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import listed, one_of
from agent.store.tables import cluster_events, cluster_fields, cluster_members, tickets
from rules.instants import Instant


class Cluster(NamedTuple):
    """The tickets that have one value of a field in common; `field` is that in which their number stands."""

    field: str
    name: str


class Event(NamedTuple):
    """From `at` on there were so many tickets, on the other side of some threshold than before."""

    at: Instant
    number: int


_MEMBERS = select(cluster_members).where(
    cluster_members.c.source == bindparam("source"), one_of(cluster_members.c.ticket, "tickets")
)


def fields(db: Connection) -> dict[str, Instant | None]:
    """What is counted, and since when the numbers are right."""
    return {row.field: row.since for row in db.execute(select(cluster_fields))}


def begin(db: Connection, field: str) -> None:
    """Count this from now on; its numbers are not known until `complete`."""
    db.execute(insert(cluster_fields).values(field=field).on_conflict_do_nothing())


def end(db: Connection, field: str) -> None:
    """No rule asks for this any more: what was counted grows wrong from here on, so it is forgotten."""
    for table in (cluster_members, cluster_events, cluster_fields):
        db.execute(delete(table).where(table.c.field == field))


def complete(db: Connection, at: Instant) -> list[str]:
    """All tickets have been counted: the numbers are right from `at` on. Gives the fields of which that is news."""
    found = [field for field, since in fields(db).items() if since is None]
    db.execute(update(cluster_fields).where(cluster_fields.c.since.is_(None)).values(since=at))
    return found


def members(db: Connection, source: str, among: Collection[str]) -> dict[str, dict[str, str]]:
    """The clusters to which these tickets belong: ticket -> field -> name."""
    found: dict[str, dict[str, str]] = {}
    for row in db.execute(_MEMBERS, {"source": source, "tickets": listed(among)}):
        found.setdefault(row.ticket, {})[row.field] = row.cluster
    return found


def join(db: Connection, source: str, joining: Iterable[tuple[str, Cluster]]) -> None:
    """These tickets belong to these clusters now, and to no other of the same field."""
    rows = [{"source": source, "ticket": name, "field": into.field, "cluster": into.name} for name, into in joining]
    if rows:
        made = insert(cluster_members)
        keys = ["source", "ticket", "field"]
        db.execute(made.on_conflict_do_update(index_elements=keys, set_={"cluster": made.excluded.cluster}), rows)


def leave(db: Connection, source: str, leaving: Iterable[tuple[str, str]]) -> None:
    """These (ticket, field) belong to no cluster any more."""
    statement = delete(cluster_members).where(
        cluster_members.c.source == source,
        cluster_members.c.ticket == bindparam("left"),
        cluster_members.c.field == bindparam("of"),
    )
    rows = [{"left": name, "of": field} for name, field in leaving]
    if rows:
        db.execute(statement, rows)


def size(db: Connection, cluster: Cluster) -> int:
    """How many tickets belong to it."""
    place = (cluster_members.c.field == cluster.field, cluster_members.c.cluster == cluster.name)
    return int(db.execute(select(func.count()).select_from(cluster_members).where(*place)).scalar_one())


def events(db: Connection, among: Collection[Cluster]) -> Mapping[Cluster, list[Event]]:
    """The events of these clusters, in order."""
    found: dict[Cluster, list[Event]] = {cluster: [] for cluster in among}
    by_field: dict[str, list[str]] = {}
    for cluster in found:
        by_field.setdefault(cluster.field, []).append(cluster.name)
    for field, names in by_field.items():
        place = (cluster_events.c.field == field, one_of(cluster_events.c.cluster, "names"))
        query = select(cluster_events).where(*place).order_by(cluster_events.c.at)
        for row in db.execute(query, {"names": listed(names)}):
            found[Cluster(field, row.cluster)].append(Event(row.at, row.number))
    return found


def add_event(db: Connection, cluster: Cluster, event: Event) -> None:
    """The cluster's number crossed a threshold; of two events of one instant the later one counts."""
    row = {"field": cluster.field, "cluster": cluster.name, "at": event.at, "number": event.number}
    keys = ["field", "cluster", "at"]
    db.execute(insert(cluster_events).values(row).on_conflict_do_update(index_elements=keys, set_={"number": event.number}))


def look_again(db: Connection, at: Instant, field: str, cluster: str | None = None) -> None:
    """Bring the next look of all members of a cluster, or of all of a field, forward to `at`."""
    chosen = select(cluster_members.c.source, cluster_members.c.ticket).where(cluster_members.c.field == field)
    if cluster is not None:
        chosen = chosen.where(cluster_members.c.cluster == cluster)
    among = tuple_(tickets.c.source, tickets.c.id).in_(chosen)
    db.execute(update(tickets).where(among, tickets.c.next_look > at).values(next_look=at))
