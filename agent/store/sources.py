"""One row per source: how far it was read, under which rules it was last looked at, and since when each rule is active there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import Prepared
from agent.store.states import RowState
from agent.store.tables import activations, outbox, sources
from rules.instants import Instant
from rules.protocol.rule import Mode
from rules.world import Directory, Person

_MOVE = Prepared(
    update(sources)
    .where(sources.c.source == bindparam("at_source"))
    .values(cursor=bindparam("to"), polled_at=bindparam("at"), horizon=func.max(sources.c.horizon, bindparam("up_to")))
)
"""Once per page, hence prepared. SQLite's `max` of two values is the larger one."""
_TURNS = Prepared(
    select(activations.c.rule)
    .where(
        activations.c.source == bindparam("source"),
        activations.c.queued > literal_column("0"),
        activations.c.next_turn <= bindparam("at"),
    )
    .order_by(activations.c.rule)
)
_CLOCK_AHEAD = Prepared(update(sources).where(sources.c.source == bindparam("at_source")).values(clock_ahead=bindparam("to")))


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What the store knows of a source. `cursor` None: it was never read."""

    source: str
    instance: str
    account: str
    cursor: str | None
    horizon: Instant
    polled_at: Instant
    generation: int
    looked_with: str
    problem: str
    clock_ahead: int | None = None  # milliseconds, None before it was first heard


def source_row(db: Connection, source: str) -> SourceRow:
    """The row of a source, made empty where there is none."""
    db.execute(insert(sources).values(source=source).on_conflict_do_nothing())
    return found_source(db, source) or SourceRow(source, "", "", None, 0, 0, 0, "", "")


def found_source(db: Connection, source: str) -> SourceRow | None:
    """The row of a source, or None; writes nothing."""
    row = db.execute(select(sources).where(sources.c.source == source)).one_or_none()
    if row is None:
        return None
    return SourceRow(
        row.source,
        row.instance,
        row.account,
        row.cursor,
        _number(row.horizon),
        _number(row.polled_at),
        _number(row.generation),
        row.looked_with,
        row.problem,
        row.clock_ahead,
    )


def _number(stored: object) -> int:
    """Where a damaged row says something else, nothing is known: the source is read from the beginning."""
    return stored if isinstance(stored, int) else 0


def rows(db: Connection) -> list[SourceRow]:
    """The rows of all sources, by name."""
    names = db.execute(select(sources.c.source).order_by(sources.c.source)).scalars()
    return [row for name in names if (row := found_source(db, name)) is not None]


def active_modes(db: Connection, source: str) -> dict[str, Mode]:
    """The rules that were last in force on a source, and their modes."""
    found = db.execute(select(activations.c.rule, activations.c.mode).where(activations.c.source == source))
    return {row.rule: Mode(row.mode) for row in found}


def active_since(db: Connection, source: str) -> dict[str, Instant]:
    """Since when each rule is active on a source."""
    found = db.execute(select(activations.c.rule, activations.c.activated_at).where(activations.c.source == source))
    return {row.rule: row.activated_at for row in found}


def wordings(db: Connection, source: str) -> dict[str, tuple[str, Instant]]:
    """How each rule was last worded on a source, and since when where it was worded otherwise before (0: it was not)."""
    found = db.execute(select(activations).where(activations.c.source == source))
    return {row.rule: (row.wording, row.reworded_at) for row in found}


def version_in_force(db: Connection, source: str) -> str:
    """The version of the rulebook under which a source was last looked at; "" where it never was."""
    row = found_source(db, source)
    return "" if row is None else row.looked_with.partition("/")[0]


def set_identity(db: Connection, source: str, *, instance: str, account: str, directory: Directory) -> None:
    """Keep who hoist is there, in which instance, and what the directory says."""
    values = {"instance": instance, "account": account, "directory": _directory_text(directory)}
    db.execute(update(sources).where(sources.c.source == source).values(values))


def set_directory(db: Connection, source: str, directory: Directory) -> None:
    """Keep a directory that was read anew."""
    db.execute(update(sources).where(sources.c.source == source).values(directory=_directory_text(directory)))


def set_cursor(db: Connection, source: str, cursor: str, polled_at: Instant, horizon: Instant | None) -> None:
    """Move the cursor; `horizon` only where a run is complete. The horizon never goes back."""
    _MOVE(db, at_source=source, to=cursor, at=polled_at, up_to=0 if horizon is None else horizon)


def read_anew(db: Connection, source: str) -> None:
    """Read a source from the beginning; what is mirrored already costs little."""
    db.execute(update(sources).where(sources.c.source == source).values(cursor=None))


def set_clock_ahead(db: Connection, source: str, milliseconds: int) -> None:
    """Keep how far the source's clock is ahead of this machine's."""
    _CLOCK_AHEAD(db, at_source=source, to=milliseconds)


def set_problem(db: Connection, source: str, problem: str) -> None:
    """Keep why a source stands still; empty once it goes."""
    db.execute(update(sources).where(sources.c.source == source).values(problem=problem))


def new_generation(db: Connection, source: str, looked_with: str) -> int:
    """The generation of these versions: the present one if they are the same, else the next."""
    row = source_row(db, source)
    if row.looked_with == looked_with:
        return row.generation
    values = {"generation": row.generation + 1, "looked_with": looked_with}
    db.execute(update(sources).where(sources.c.source == source).values(values))
    return row.generation + 1


def activate(db: Connection, source: str, modes: Mapping[str, Mode], at: Instant) -> dict[str, Instant]:
    """Note since when each rule is active here: from `at` where it is new or has just gone live, else as noted before.

    Rules that are no longer in the rulebook lose their note: coming back, they begin anew. Gives the instant per rule.
    """
    noted = {row.rule: row for row in db.execute(select(activations).where(activations.c.source == source))}
    for rule, mode in modes.items():
        known = noted.get(rule)
        goes_live = known is not None and known.mode != mode and mode is Mode.LIVE
        if known is None or goes_live:
            row = {"source": source, "rule": rule, "mode": mode, "activated_at": at, "queued": _queued(db, source, rule)}
            changed = {"mode": mode, "activated_at": at}
            db.execute(insert(activations).values(row).on_conflict_do_update(index_elements=["source", "rule"], set_=changed))
        elif known.mode != mode:
            db.execute(update(activations).where(activations.c.source == source, activations.c.rule == rule).values(mode=mode))
    gone = [rule for rule in noted if rule not in modes]
    if gone:
        db.execute(delete(activations).where(activations.c.source == source, activations.c.rule.in_(gone)))
    return {row.rule: row.activated_at for row in db.execute(select(activations).where(activations.c.source == source))}


def reword(db: Connection, source: str, wordings: Mapping[str, str], at: Instant) -> dict[str, Instant]:
    """Note how each active rule is worded; gives since when, where it was worded otherwise before. After `activate`."""
    place = activations.c.source == source
    for row in db.execute(select(activations.c.rule, activations.c.wording).where(place)).all():
        if row.wording != (now := wordings.get(row.rule, row.wording)):
            values = {"wording": now, "reworded_at": at} if row.wording else {"wording": now}
            db.execute(update(activations).where(place, activations.c.rule == row.rule).values(values))
    found = db.execute(select(activations.c.rule, activations.c.reworded_at).where(place, activations.c.reworded_at > 0))
    return {row.rule: row.reworded_at for row in found}


def _queued(db: Connection, source: str, rule: str) -> int:
    place = (outbox.c.source == source, outbox.c.rule == rule, outbox.c.state == RowState.QUEUED)
    return int(db.execute(select(func.count()).select_from(outbox).where(*place)).scalar_one())


def queue(db: Connection, source: str, rule: str, number: int) -> None:
    """So many more steps of a rule's backlog wait for their turn."""
    place = (activations.c.source == source, activations.c.rule == rule)
    db.execute(update(activations).where(*place).values(queued=activations.c.queued + number))


def turns(db: Connection, source: str, now: Instant) -> list[str]:
    """The rules whose backlog has a turn now."""
    return list(_TURNS(db, source=source, at=now).scalars())


def next_turns(db: Connection, source: str) -> dict[str, Instant]:
    """By rule the instant before which its backlog has no turn."""
    found = db.execute(select(activations.c.rule, activations.c.next_turn).where(activations.c.source == source))
    return {row.rule: row.next_turn for row in found if row.next_turn}


def take_turn(db: Connection, source: str, rule: str, next_turn: Instant) -> None:
    """A turn of a rule's backlog has passed; the next is not before `next_turn`."""
    place = (activations.c.source == source, activations.c.rule == rule)
    db.execute(update(activations).where(*place).values(queued=_queued(db, source, rule), next_turn=next_turn))


_GENERATION = Prepared(select(sources.c.generation).where(sources.c.source == bindparam("source")))


def generation(db: Connection, source: str) -> int:
    """The generation under which a source is to be looked at now; 0 where it never was. Asked at each look, hence prepared."""
    return _number(_GENERATION(db, source=source).scalar())


def directory(db: Connection, source: str) -> Directory:
    """The directory as it was last read from the source; empty where it never was."""
    text = db.execute(select(sources.c.directory).where(sources.c.source == source)).scalar() or "{}"
    found = json.loads(text)
    if not found:
        return Directory({}, {})
    members = found.get("members")
    people = {key: Person(key, *known) for key, known in found["people"].items()}
    return Directory(
        found["teams"],
        found["priorities"],
        found["statuses"],
        people,
        found["version"],
        teams_listed=found.get("teams_listed", True),
        managers=found.get("managers", {}),
        members=None if members is None else {team: frozenset(people) for team, people in members.items()},
        labels=None if found.get("labels") is None else frozenset(found["labels"]),
    )


def _directory_text(directory: Directory) -> str:
    people = {key: (person.name, person.active, person.email) for key, person in directory.people.items()}
    parts = {"teams": dict(directory.teams), "priorities": dict(directory.priorities), "statuses": dict(directory.statuses)}
    members = None if directory.members is None else {team: sorted(known) for team, known in directory.members.items()}
    rest = {"people": people, "version": directory.version, "teams_listed": directory.teams_listed}
    labels = None if directory.labels is None else sorted(directory.labels)
    people_too = {**rest, "managers": dict(directory.managers), "members": members, "labels": labels}
    return json.dumps({**parts, **people_too}, ensure_ascii=False)
