"""One row per source: how far it was read, under which rules it was last looked at, and since when each rule is active there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import activations, sources
from rules.instants import Instant
from rules.protocol import Mode
from rules.world import Directory, Person


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
        row.horizon,
        row.polled_at,
        row.generation,
        row.looked_with,
        row.problem,
    )


def set_identity(db: Connection, source: str, *, instance: str, account: str, directory: Directory) -> None:
    values = {"instance": instance, "account": account, "directory": _directory_text(directory)}
    db.execute(update(sources).where(sources.c.source == source).values(values))


def set_cursor(db: Connection, source: str, cursor: str, polled_at: Instant, horizon: Instant | None) -> None:
    """Move the cursor; `horizon` only where a run is complete. The horizon never goes back."""
    values: dict[str, object] = {"cursor": cursor, "polled_at": polled_at}
    if horizon is not None:
        values["horizon"] = horizon
    db.execute(update(sources).where(sources.c.source == source).values(values))


def set_problem(db: Connection, source: str, problem: str) -> None:
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
            row = {"source": source, "rule": rule, "mode": mode, "activated_at": at}
            changed = {"mode": mode, "activated_at": at}
            db.execute(insert(activations).values(row).on_conflict_do_update(index_elements=["source", "rule"], set_=changed))
        elif known.mode != mode:
            db.execute(update(activations).where(activations.c.source == source, activations.c.rule == rule).values(mode=mode))
    gone = [rule for rule in noted if rule not in modes]
    if gone:
        db.execute(delete(activations).where(activations.c.source == source, activations.c.rule.in_(gone)))
    return {row.rule: row.activated_at for row in db.execute(select(activations).where(activations.c.source == source))}


def directory(db: Connection, source: str) -> Directory:
    """The directory as it was last read from the source; empty where it never was."""
    text = db.execute(select(sources.c.directory).where(sources.c.source == source)).scalar() or "{}"
    found = json.loads(text)
    if not found:
        return Directory({}, {})
    people = {key: Person(key, name, active) for key, (name, active) in found["people"].items()}
    return Directory(found["teams"], found["priorities"], found["statuses"], people, found["version"])


def _directory_text(directory: Directory) -> str:
    people = {key: (person.name, person.active) for key, person in directory.people.items()}
    parts = {"teams": dict(directory.teams), "priorities": dict(directory.priorities), "statuses": dict(directory.statuses)}
    return json.dumps({**parts, "people": people, "version": directory.version}, ensure_ascii=False)
