"""Numbers that many tickets make together: related open tickets, and the length of a team's queue.

A number belongs to its cluster, not to its tickets: it is kept once, as events of the cluster, and only when a threshold is
crossed that some rule names. A storm of five thousand tickets is then one event and not twelve million changes. What a ticket
carries is laid over it when it is evaluated: the events of the clusters that it belonged to, dated when hoist saw them. Tickets
of all sources are counted together; where a confidential rule holds, a ticket is counted nowhere. What tickets say is counted by
`agent.similar`, each ticket a cluster of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from agent import similar
from agent.similar import WORDS
from agent.store import clusters
from agent.store import similar as stored_similar
from agent.store.clusters import Cluster, Event
from rules.binding import BoundRules
from rules.instants import FOREVER, Instant
from rules.ticket import CLUSTERED, RELATED, UNKNOWN, Actor, Change, Kind, Status, Ticket, Value

_DONE: Final = frozenset({Status.RESOLVED.value, Status.CLOSED.value})
_SEEN_BY: Final = Actor("", Kind.AUTOMATION)


def asked_for(db: Connection, rules: BoundRules) -> bool:
    """Whether the rules ask for any number, or something is counted that they no longer ask for."""
    return bool(rules.thresholds or clusters.fields(db))


def prepare(db: Connection, rules: BoundRules) -> bool:
    """Count what the rules ask for, and nothing else. True where numbers are not complete yet."""
    counted = clusters.fields(db)
    for field in counted.keys() - rules.thresholds.keys():
        clusters.end(db, field)
        if field == WORDS:
            stored_similar.forget(db)
    for field in rules.thresholds.keys() - counted.keys():
        clusters.begin(db, field)
    return any(since is None for since in clusters.fields(db).values())


def complete(db: Connection, now: Instant) -> None:
    """Every ticket has been counted: from now on the numbers are known, and all that belong to a cluster are looked at again."""
    for field in clusters.complete(db, now):
        if field == WORDS:
            stored_similar.look_again_at_all(db, now)
        else:
            clusters.look_again(db, now, field)


def count(db: Connection, tickets: Sequence[Ticket], rules: BoundRules, now: Instant, key: bytes) -> None:
    """Count these tickets of one source as they are now. Where a threshold is crossed, its members are looked at again.

    `key` is that of the installation, under which hashes of words are kept.
    """
    if not rules.thresholds or not tickets:
        return
    source = tickets[0].ref.source
    counted = {ticket.ref.id for ticket in tickets if _counts(ticket, rules, now)}
    if WORDS in rules.thresholds:
        said = {ticket.ref.id: similar.spoken(ticket, key) if ticket.ref.id in counted else None for ticket in tickets}
        _count_words(db, source, said, rules, now)
    before = clusters.members(db, source, [ticket.ref.id for ticket in tickets])
    joining: list[tuple[str, Cluster]] = []
    leaving: list[tuple[str, str]] = []
    touched: set[Cluster] = set()
    for ticket in tickets:
        name = ticket.ref.id
        was, now_in = before.get(name, {}), _belongs(ticket, rules) if name in counted else {}
        touched |= {Cluster(*item) for item in (*was.items(), *now_in.items())}
        joining += [(name, Cluster(*item)) for item in now_in.items() if was.get(item[0]) != item[1]]
        leaving += [(name, field) for field in was if field not in now_in]
    clusters.leave(db, source, leaving)
    clusters.join(db, source, joining)
    for cluster in _cross(db, {cluster: _size(db, cluster) for cluster in touched}, rules, now):
        clusters.look_again(db, now, cluster.field, cluster.name)


def laid_over(db: Connection, tickets: Iterable[Ticket], rules: BoundRules) -> list[Ticket]:
    """The tickets with the numbers of their clusters, past ones too, as fields."""
    found = list(tickets)
    since = {field: at for field, at in clusters.fields(db).items() if field in rules.thresholds} if rules.thresholds else {}
    if not since:
        return found
    stays = {ticket.ref: {field: _stays(ticket, field, rules) for field in since} for ticket in found}
    among = {
        Cluster(field, name)
        for of_ticket in stays.values()
        for field, of_field in of_ticket.items()
        for _, name in of_field
        if isinstance(name, str)
    }
    recorded = clusters.events(db, among)
    return [_with_numbers(ticket, stays[ticket.ref], recorded, since) for ticket in found]


def _count_words(db: Connection, source: str, said: Mapping[str, frozenset[int] | None], rules: BoundRules, now: Instant) -> None:
    found = similar.count(db, source, said, rules.thresholds[WORDS][-1])
    clusters_of = {similar.cluster_of(ticket): ticket for ticket in found}
    crossed = _cross(db, {cluster: found[ticket] for cluster, ticket in clusters_of.items()}, rules, now)
    stored_similar.look_again(db, now, [clusters_of[cluster] for cluster in crossed])


def _size(db: Connection, cluster: Cluster) -> int:
    # of related tickets the ticket itself is left out
    return max(clusters.size(db, cluster) - (1 if cluster.field.startswith(RELATED) else 0), 0)


def _cross(db: Connection, numbers: Mapping[Cluster, int], rules: BoundRules, now: Instant) -> list[Cluster]:
    """Record the numbers that crossed a threshold since the last one recorded; gives their clusters."""
    recorded, crossed = clusters.events(db, numbers.keys()), []
    for cluster, number in numbers.items():
        edges, last = rules.thresholds[cluster.field], recorded[cluster][-1] if recorded[cluster] else Event(now, 0)
        if bisect_right(edges, number) != bisect_right(edges, last.number):
            clusters.add_event(db, cluster, Event(max(now, last.at), number))
            crossed.append(cluster)
    return crossed


def _counts(ticket: Ticket, rules: BoundRules, now: Instant) -> bool:
    """Whether a ticket is counted at all: an open one on which no confidential rule holds."""
    status = ticket.fields.get("status", UNKNOWN)
    if ticket.gone is not None or status in _DONE or not isinstance(status, str):
        return False
    return not any(bound.rule.confidential for bound in rules.present.holding(ticket, now))


def _belongs(ticket: Ticket, rules: BoundRules) -> dict[str, str]:
    """The clusters that count a ticket, if it is counted: field -> name."""
    fields = rules.thresholds.keys() - {WORDS}
    named = ((field, _name(field, ticket.fields.get(CLUSTERED[field], UNKNOWN), rules)) for field in sorted(fields))
    return {field: name for field, name in named if isinstance(name, str)}


def _name(field: str, value: Value, rules: BoundRules) -> Value:
    """The name of the cluster of a field's value, the same in all sources; None for none."""
    if not isinstance(value, str):
        return UNKNOWN if value is UNKNOWN else None
    if field != "queue":
        return value.casefold()
    team = next((team for team, ids in rules.teams.items() if value in ids), None)
    return f"{rules.source}:{value}" if team is None else team


def _stays(ticket: Ticket, field: str, rules: BoundRules) -> list[tuple[Instant, Value]]:
    """To which cluster a ticket belonged from when on."""
    base = CLUSTERED[field]
    if field == WORDS:
        known = isinstance(ticket.fields.get(base, UNKNOWN), str)
        return [(ticket.created, similar.cluster_of(ticket.ref).name if known else UNKNOWN)]
    changes = sorted((c for c in ticket.changes if c.field == base), key=lambda c: (c.at, c.sequence))
    first = changes[0].old if changes else ticket.fields.get(base, UNKNOWN)
    return [(ticket.created, _name(field, first, rules)), *((c.at, _name(field, c.new, rules)) for c in changes)]


def _with_numbers(
    ticket: Ticket,
    stays: Mapping[str, Sequence[tuple[Instant, Value]]],
    recorded: Mapping[Cluster, Sequence[Event]],
    since: Mapping[str, Instant | None],
) -> Ticket:
    fields, changes = dict(ticket.fields), list(ticket.changes)
    for field, of_field in stays.items():
        known_from = since[field]
        steps = list(_numbers(field, of_field, recorded)) if known_from is not None else []
        value: Value = UNKNOWN
        for at, number in _known(steps, ticket.created, FOREVER if known_from is None else known_from):
            if number != value and at > ticket.created:
                changes.append(Change(at, at, 0, f"{field} {at}", field, value, number, _SEEN_BY))
            value = number
        fields[field] = value
    return replace(ticket, fields=fields, changes=tuple(sorted(changes, key=lambda change: (change.at, change.sequence))))


def _numbers(
    field: str, stays: Sequence[tuple[Instant, Value]], recorded: Mapping[Cluster, Sequence[Event]]
) -> Iterator[tuple[Instant, Value]]:
    """From when on which number, while the ticket went from cluster to cluster; none recorded is fewer than any threshold."""
    ends = [*(start for start, _ in stays[1:]), FOREVER]
    for (start, name), end in zip(stays, ends, strict=True):
        if not isinstance(name, str):
            yield start, name
            continue
        known = recorded[Cluster(field, name)]
        place = bisect_right(known, start, key=lambda event: event.at)
        yield start, known[place - 1].number if place else 0
        yield from ((event.at, event.number) for event in known[place:] if event.at < end)


def _known(steps: Sequence[tuple[Instant, Value]], created: Instant, since: Instant) -> Iterator[tuple[Instant, Value]]:
    """The steps, not known before `since`."""
    if since > created:
        yield created, UNKNOWN
        before = [value for at, value in steps if at <= since]
        if before:
            yield since, before[-1]
    yield from ((at, value) for at, value in steps if at > since or since <= created)
