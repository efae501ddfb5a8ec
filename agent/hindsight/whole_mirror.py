"""The whole mirror for the pool that judges it: cut into pieces, and what each process makes of the rules by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from agent.in_force.kept_texts import former_texts
from agent.in_force.protocol_files import outside_of
from agent.store import mirrored
from agent.store.database import Database
from agent.store.installation import installation_key
from agent.store.mirrored import Mirrored
from agent.store.rulebooks import Texts
from rules.binding import BoundRules, bind
from rules.instants import Instant
from rules.protocol.rulebook import Rulebook
from rules.rulebook import load
from rules.world import Directory, World

PIECE: Final = 1_000
"""Rows that a process takes at a time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A set of rules as any process can have it: the texts, and the folder whose lists, windows and rotas they name.

    `here` is the instant (this machine's clock) as of which those are read.
    """

    texts: Texts
    place: Path
    copies: Path
    here: Instant

    def rulebook(self) -> Rulebook:
        return load(self.texts.files, self.texts.library).rulebook

    def world(self, rulebook: Rulebook) -> World:
        return outside_of(rulebook, self.place, self.copies).world(rulebook.organisation, self.here)


def bound(db: Connection, rulebook: Rulebook, world: World, source: str, directory: Directory) -> BoundRules:
    """The rules in a source's names, as `hoist run` would bind them. Raises BindingError."""
    return bind(rulebook, source, directory, world, installation_key(db), former_texts(db, source, rulebook))


def pieces(database: Database) -> list[range]:
    """The rows of the mirror, as they lie on the disk."""
    with database.reading() as db:
        end = mirrored.rows_end(db)
    return [range(first, min(first + PIECE, end)) for first in range(1, end, PIECE)]


def by_source(db: Connection, piece: range, known: Mapping[str, object]) -> Iterator[tuple[str, list[Mirrored]]]:
    """The tickets of a piece that are not gone, those of known sources."""
    found: dict[str, list[Mirrored]] = {}
    for each in mirrored.between(db, piece.start, piece.stop):
        found.setdefault(each.ticket.ref.source, []).append(each)
    yield from ((source, own) for source, own in found.items() if source in known)
