"""What `hoist changes list / show / approve / reject / retry` do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agent.clock import SystemClock
from agent.commands import existing_store, named_ticket
from agent.config import Settings, load_settings
from agent.errors import ConfigError
from agent.guards.changes import Answered, Counted, Waiting, approve, counted, of_run, reject, retry, waiting_changes
from agent.guards.changes import page as page_of
from agent.in_force.ruling import Ruling
from agent.last_read import ruling, there
from agent.store import mirrored, runs, sources
from agent.store.runs import Run
from agent.store.statements import Place
from agent.store_damage import refuse_unknown_states
from agent.who import Who
from agent.why import named
from rules.world import Directory

ON_A_PAGE: Final = 100
"""Changes that a page of the list holds."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Changes that wait for a person, the runs that hold some of them (with how many), and each source's names."""

    changes: tuple[Waiting, ...]
    runs: tuple[tuple[Run, int], ...]
    counts: Mapping[str, Counted] = field(default_factory=dict)  # by source, where all of it was asked for
    page: int = 1
    pages: int = 1
    directories: dict[str, Directory] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    @property
    def digest(self) -> str:
        """Stands for the changes with exactly these values."""
        said = sorted(f"{each.row.key}={each.proposal.values}" for each in self.changes)
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]


def listed(config: Path | None, page: int = 1, number: int = ON_A_PAGE) -> Shown:
    """How much waits for a person, and a page of it with the values: only the tickets of that page are looked at.

    Raises ConfigError where there is no such page.
    """
    with _opened(config) as (settings, db):
        places = [_Place(settings, db, source) for source in _read_sources(settings, db)]
        counts = {place.source: counted(db, place.source, place.ruling) for place in places}
        pages = max(1, ceil(sum(each.total for each in counts.values()) / number))
        if not 1 <= page <= pages:
            raise ConfigError(f"--page {page}: there {'is one page' if pages == 1 else f'are {pages:,} pages'}")
        found = [each for place in places for each in _on_page(db, place, counts, Place((page - 1) * number, number))]
        opened = [run for place in places for run in runs.opened(db, place.source)]
        return replace(_shown(db, places, found, opened), counts=counts, page=page, pages=pages)


def _on_page(db: Connection, place: _Place, counts: Mapping[str, Counted], wanted: Place) -> list[Waiting]:
    """What a page of all sources, one after the other, holds of one source."""
    names = list(counts)
    before = sum(counts[name].total for name in names[: names.index(place.source)])
    first, last = max(0, wanted.first - before), min(counts[place.source].total, wanted.first + wanted.number - before)
    return page_of(db, place.source, place.ruling, place.now, Place(first, last - first)) if first < last else []


def shown(config: Path | None, targets: Sequence[str]) -> Shown:
    """What waits in these runs (by number) and tickets (SOURCE:KEY). Raises ConfigError where there is nothing."""
    with _opened(config) as (settings, db):
        return _chosen(settings, db, targets)


def approved(config: Path | None, targets: Sequence[str], who: Who, per_hour: int | None, digest: str | None) -> Answered:
    """Let what waits there be written, with the values that it shows now.

    `digest`: as it was shown; raises ConfigError where something has changed since.
    """
    with _opened(config, writing=True) as (settings, db):
        found = _chosen(settings, db, targets)
        if digest is not None and digest != found.digest:
            raise ConfigError(f"what waits there has changed since it was shown (then {digest}, now {found.digest}): look again")
        now = SystemClock().now()
        by_source = _by_source(found)
        return _all(approve(db, own, who, there(db, source, now), per_hour) for source, own in by_source.items())


def rejected(config: Path | None, targets: Sequence[str], who: Who) -> Answered:
    """Let nothing of what waits there be written, for as long as it stays so."""
    with _opened(config, writing=True) as (settings, db):
        now, by_source = SystemClock().now(), _by_source(_chosen(settings, db, targets))
        return _all(reject(db, own, who, there(db, source, now)) for source, own in by_source.items())


def retried(config: Path | None, tickets: Sequence[str], who: Who) -> Answered:
    """Try again what was refused of these tickets, and let go of their brakes. Raises ConfigError where there is nothing."""
    with _opened(config, writing=True) as (settings, db):
        answers = []
        for name in tickets:
            source, key = named_ticket(name, [each.name for each in settings.sources])
            known = mirrored.mirrored(db, source, [named(db, source, key).ref.id])
            now = there(db, source, SystemClock().now())
            answers += [retry(db, source, ticket, who, now) for ticket in known.values()]
        found = _all(answers)
        if not found.done:
            raise ConfigError(f"nothing of {', '.join(tickets)} was refused, and no brake of it has tripped")
        return found


def per_hour(text: str | None) -> int | None:
    """The number in `20/h`, `20 per hour` or `20`. Raises ConfigError."""
    if text is None:
        return None
    number = text.strip().removesuffix("h").removesuffix("hour").strip().removesuffix("/").removesuffix("per").strip()
    if not number.isdecimal() or int(number) == 0:
        raise ConfigError(f"--rate: {text!r} is no rate; write it like 20/h")
    return int(number)


# --- which ones --------------------------------------------------------------------------------------------------------


class _Place:
    """One source as it was last read."""

    def __init__(self, settings: Settings, db: Connection, source: str) -> None:
        self.source, self.now = source, there(db, source, SystemClock().now())
        self.ruling: Ruling = ruling(settings, db, source, self.now)


@contextmanager
def _opened(config: Path | None, *, writing: bool = False) -> Iterator[tuple[Settings, Connection]]:
    settings = load_settings(config)
    with closing(existing_store(settings)) as database, database.transaction() if writing else database.reading() as db:
        refuse_unknown_states(db, settings.store)
        yield settings, db


def _read_sources(settings: Settings, db: Connection) -> list[str]:
    return [each.name for each in settings.sources if sources.found_source(db, each.name) is not None]


def _chosen(settings: Settings, db: Connection, targets: Sequence[str]) -> Shown:
    places: dict[str, _Place] = {}
    found: dict[object, Waiting] = {}
    opened: list[Run] = []
    for target in targets:
        if target.isdecimal():
            run = runs.named(db, int(target))
            if run is None or run.source not in {each.name for each in settings.sources}:
                raise ConfigError(f"there is no run {target}: hoist changes list names those that are held")
            place = places.setdefault(run.source, _Place(settings, db, run.source))
            own = of_run(db, run, place.ruling, place.now)
            opened.append(run)
        else:
            source, key = named_ticket(target, [each.name for each in settings.sources])
            place = places.setdefault(source, _Place(settings, db, source))
            own = waiting_changes(db, source, place.ruling, place.now, [named(db, source, key).ref.id])
        if not own:
            raise ConfigError(f"nothing of {target} waits for anybody: hoist changes list names what does")
        found |= {each.row.key: each for each in own}
    return _shown(db, list(places.values()), list(found.values()), opened)


def _shown(db: Connection, places: Sequence[_Place], found: Sequence[Waiting], opened: Sequence[Run]) -> Shown:
    directories = {place.source: place.ruling.rules.directory for place in places}
    zone = places[0].ruling.rules.zone if places else ZoneInfo("UTC")
    held = tuple((run, runs.count_held(db, run)) for run in opened)
    return Shown(tuple(found), held, directories=directories, zone=zone)


def _by_source(found: Shown) -> dict[str, list[Waiting]]:
    made: dict[str, list[Waiting]] = {}
    for each in found.changes:
        made.setdefault(each.row.key.source, []).append(each)
    return made


def _all(answers: Iterator[Answered] | Sequence[Answered]) -> Answered:
    made = 0
    problems: list[str] = []
    for each in answers:
        made += each.done
        problems += each.problems
    return Answered(made, tuple(problems))
