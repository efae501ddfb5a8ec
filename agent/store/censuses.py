"""The censuses of each source: one row each, and the tickets of the one under way with what is known of them so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, literal, null, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import insert_text, listed, one_of
from agent.store.tables import census_rows, censuses, quarantine, tickets
from connectors.contract import Listed
from rules.instants import Instant
from rules.ticket import Status


class Phase(StrEnum):
    """How far a census has come."""

    LISTING = "listing"  # what does the source list?
    READING = "reading"  # what it lists and the mirror has not, or has in an older version, is read
    SEEKING = "seeking"  # what the mirror has and the source does not list is read by id
    JUDGING = "judging"  # is there anything that should have been decided, and was not?


class Seen(StrEnum):
    """What is known of a ticket of the census under way."""

    LISTED = "listed"  # and mirrored as it is
    WANTING = "wanting"  # listed, and not mirrored so: to be read
    READ = "read"  # listed, and read by the census
    UNLISTED = "unlisted"  # mirrored and not listed: to be read
    FOUND = "found"  # not listed, and there all the same
    VANISHED = "vanished"  # open in the mirror, and the source no longer gives it
    VANISHED_CLOSED = "vanished-closed"  # the same of one that was resolved or closed
    BURIED = "buried"  # it is gone, and the mirror says so


_LISTED: Final = (Seen.LISTED, Seen.WANTING, Seen.READ)
UNDECIDED: Final = (Seen.WANTING, Seen.UNLISTED, Seen.VANISHED, Seen.VANISHED_CLOSED)
VANISHED: Final = (Seen.VANISHED, Seen.VANISHED_CLOSED)
_INSERT = insert(census_rows)
_NOTE = insert_text(
    _INSERT.on_conflict_do_update(
        index_elements=["source", "id"], set_={name: _INSERT.excluded[name] for name in ("updated", "state")}
    ),
    ["source", "id", "updated", "state", "why"],
)
_MIRRORED = select(tickets.c.id, tickets.c.version, tickets.c.known, tickets.c.gone).where(
    tickets.c.source == bindparam("source"), one_of(tickets.c.id, "ids")
)
_QUARANTINED = select(quarantine.c.id).where(quarantine.c.source == bindparam("source"), one_of(quarantine.c.id, "ids"))
_OPEN: Final = func.json_extract(tickets.c.body, "$[1].status").not_in([Status.RESOLVED.value, Status.CLOSED.value])


@dataclass(frozen=True, slots=True)
class Census:
    """One census. `lost`: what was true, not written and in no named state, until the census found it.

    `open`: the open tickets that the mirror held when the listing ended; 0 where nothing depended on it.
    """

    source: str
    number: int
    started_at: Instant
    finished_at: Instant | None
    phase: Phase
    cursor: str | None
    listed: int
    missed: int
    returned: int
    gone: int
    lost: int
    open: int
    alarm: str
    accepted_by: str


@dataclass(frozen=True, slots=True)
class Row:
    """A ticket of the census under way; `updated` as it was listed."""

    id: str
    updated: Instant | None
    state: Seen
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """What the mirror holds of a ticket."""

    version: str
    known: Instant
    gone: Instant | None


def latest(db: Connection, source: str, *, finished: bool) -> Census | None:
    """The last census that was finished, or the one under way."""
    ended = censuses.c.finished_at.is_not(None) if finished else censuses.c.finished_at.is_(None)
    query = select(censuses).where(censuses.c.source == source, ended).order_by(censuses.c.number.desc()).limit(1)
    row = db.execute(query).one_or_none()
    if row is None:
        return None
    values: list[Any] = list(row)
    values[4] = Phase(row.phase)
    return Census(*values)


def begin(db: Connection, source: str, at: Instant) -> Census:
    """A new census; what an earlier one had noted is forgotten."""
    _forget(db, source)
    number = db.execute(select(func.coalesce(func.max(censuses.c.number), 0)).where(censuses.c.source == source)).scalar_one()
    values = {"source": source, "number": number + 1, "started_at": at, "phase": Phase.LISTING.value}
    db.execute(insert(censuses).values(values))
    return Census(source, number + 1, at, None, Phase.LISTING, None, 0, 0, 0, 0, 0, 0, "", "")


def change(db: Connection, census: Census, **values: Any) -> None:
    """Set columns of a census."""
    db.execute(update(censuses).where(*_place(census)).values(values))


def add(db: Connection, census: Census, **numbers: int) -> None:
    """Count further tickets."""
    counted = {name: censuses.c[name] + number for name, number in numbers.items() if number}
    if counted:
        db.execute(update(censuses).where(*_place(census)).values(counted))


def finish(db: Connection, census: Census, at: Instant) -> None:
    """The census has ended; its tickets are forgotten, its numbers stay."""
    change(db, census, finished_at=at, cursor=None)
    _forget(db, census.source)


def note(db: Connection, source: str, found: Mapping[str, Listed], wanting: Collection[str]) -> None:
    """Tickets were listed; those of `wanting` are to be read."""
    rows = [(source, id_, each.updated, str(Seen.WANTING if id_ in wanting else Seen.LISTED), "") for id_, each in found.items()]
    if rows:
        db.exec_driver_sql(_NOTE, rows)


def note_unlisted(db: Connection, census: Census) -> None:
    """The mirrored tickets that were read before the census began and that it did not list are to be sought."""
    known = exists().where(census_rows.c.source == tickets.c.source, census_rows.c.id == tickets.c.id)
    place = (tickets.c.source == census.source, tickets.c.gone.is_(None), tickets.c.known < census.started_at, ~known)
    found = select(tickets.c.source, tickets.c.id, null(), literal(Seen.UNLISTED.value), literal("")).where(*place)
    db.execute(insert(census_rows).from_select(["source", "id", "updated", "state", "why"], found))


def set_state(db: Connection, source: str, ids: Collection[str], state: Seen, why: str = "") -> None:
    """This was found out about these tickets."""
    if ids:
        place = (census_rows.c.source == source, one_of(census_rows.c.id, "ids"))
        db.execute(update(census_rows).where(*place).values(state=state.value, why=why), {"ids": listed(ids)})


def rows(db: Connection, source: str, states: Sequence[Seen], limit: int, past: str = "") -> list[Row]:
    """Some tickets of the census in these states, whose ids come after one."""
    place = (census_rows.c.source == source, census_rows.c.state.in_(states), census_rows.c.id > past)
    query = select(census_rows.c.id, census_rows.c.updated, census_rows.c.state, census_rows.c.why)
    found = db.execute(query.where(*place).order_by(census_rows.c.state, census_rows.c.id).limit(limit))
    return [Row(row.id, row.updated, Seen(row.state), row.why) for row in found]


def count(db: Connection, source: str, states: Sequence[Seen] = _LISTED) -> int:
    """How many tickets of the census are in these states; by default those that the source listed."""
    place: tuple[ColumnElement[bool], ...] = (census_rows.c.source == source, census_rows.c.state.in_(states))
    return int(db.execute(select(func.count()).select_from(census_rows).where(*place)).scalar_one())


def held(db: Connection, source: str, ids: Collection[str]) -> dict[str, Held]:
    """What the mirror holds of these tickets, those that are gone included."""
    found = db.execute(_MIRRORED, {"source": source, "ids": listed(ids)})
    return {row.id: Held(row.version, row.known, row.gone) for row in found}


def quarantined(db: Connection, source: str, ids: Collection[str]) -> set[str]:
    """Of these tickets those that are in quarantine: they are known, and can't be mapped."""
    return set(db.execute(_QUARANTINED, {"source": source, "ids": listed(ids)}).scalars())


def count_open(db: Connection, source: str) -> int:
    """How many open tickets the mirror holds. Looks at every row: not for each turn."""
    place = (tickets.c.source == source, tickets.c.gone.is_(None), _OPEN)
    return int(db.execute(select(func.count()).select_from(tickets).where(*place)).scalar_one())


def opened(db: Connection, source: str, ids: Collection[str]) -> set[str]:
    """Of these tickets those that are open in the mirror."""
    query = select(tickets.c.id).where(tickets.c.source == source, one_of(tickets.c.id, "ids"), _OPEN)
    return set(db.execute(query, {"ids": listed(ids)}).scalars())


def _place(census: Census) -> tuple[ColumnElement[bool], ...]:
    return censuses.c.source == census.source, censuses.c.number == census.number


def _forget(db: Connection, source: str) -> None:
    db.execute(delete(census_rows).where(census_rows.c.source == source))
