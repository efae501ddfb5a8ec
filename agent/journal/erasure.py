"""Erasing a person from the journal, the reasons of changes and former rules: what tells of them goes, lines and chain stay.

A line holds a commitment to each personal value, and to each sentence, for it may name anybody; value and salt stand beside it.
Without the salt nobody can tell from the commitment what the value was, not even by trying every name. A line of the journal
tells that values were erased, and by their commitments which; it does not tell whose they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from agent.errors import ConfigError
from agent.in_force.kept_texts import MOVED
from agent.journal.verification import SHORT
from agent.store import erasing, journal, rule_texts, rulebooks, sources
from agent.store.database import Database
from rules.instants import Instant
from rules.world import Person

NAMED_AT_ONCE: Final = 1_000
"""Erased values that one line of the journal names."""
SHORTEST: Final = 4
"""Characters of a name that is looked for within sentences: shorter ones are in every other word."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing a person takes away, or took: `lines` in which `values` values stand.

    `subjects`: the ids, addresses and names that stand for the person. `mentions`: lines, of an older hoist, that name them in
    words which are part of the chain itself; they stay until they are older than what is kept. `changes`: how many changes,
    waiting or written, name them among their reasons. `texts`: how many texts of former rules name them; `in_force`: the files
    of the present ones that do, which stay until somebody has changed them. `done`: False where it was only looked at.
    """

    subjects: tuple[str, ...]
    lines: tuple[int, ...]
    values: int
    mentions: tuple[int, ...]
    done: bool
    changes: int = 0
    texts: int = 0
    in_force: tuple[str, ...] = ()


def erasure(db: Connection, person: str) -> Erasure:
    """What erasing this person would take away. Raises ConfigError where the name is that of several people."""
    subjects = _subjects(db, person)
    found = _values(db, subjects)
    lines = tuple(sorted({line for _, line in found}))
    names = _names(subjects)
    changes = len(erasing.changes_of(db, names))
    files, rules, in_force = _texts(db, names)
    mentions = tuple(erasing.mentions(db, names))
    texts = len(files) + len(rules)
    return Erasure(
        tuple(subjects), lines, len(found), mentions, done=False, changes=changes, texts=texts, in_force=tuple(in_force)
    )


def erase(database: Database, person: str, now: Instant) -> Erasure:
    """Erase what tells of this person, in one transaction with the lines that tell of it; the bytes leave the file, too.

    Raises ConfigError where the name is that of several people.
    """
    with erasing.thoroughly(database) as db:
        found = erasure(db, person)
        values = _values(db, found.subjects)
        erasing.erase(db, [made for made, _ in values])
        erasing.reword(db, erasing.changes_of(db, _names(found.subjects)))
        _erase_texts(db, _names(found.subjects), now)
        for first in range(0, len(values), NAMED_AT_ONCE):
            named = [made[:SHORT] for made, _ in values[first : first + NAMED_AT_ONCE]]
            journal.append(db, "journal-erased", now, "", values=named)
    return replace(found, done=True)


def _texts(db: Connection, names: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Hashes of former files and versions of former rules that name the person, and names of files in force that do."""
    if not names:
        return [], [], []
    words = erasing.one_of_words(names)
    former, in_force = rulebooks.naming(db, words)
    return former, rule_texts.naming(db, words), in_force


def _erase_texts(db: Connection, names: Sequence[str], now: Instant) -> None:
    files, rules, _ = _texts(db, names)
    rulebooks.erase(db, files)
    for source, rule in rule_texts.erase(db, rules):
        journal.append(db, MOVED, now, source, rule=rule, why="the text under which they began named a person who was erased")


def _values(db: Connection, subjects: Sequence[str]) -> list[tuple[str, int]]:
    """(commitment, line) of what goes by the person, and of each sentence that names them."""
    found = [*erasing.values_of(db, subjects), *erasing.sentences_of(db, _names(subjects))]
    return sorted(dict.fromkeys(found), key=lambda each: each[::-1])


def _names(subjects: Iterable[str]) -> list[str]:
    return [name for name in subjects if len(name) >= SHORTEST and not name.isdigit()]


def _subjects(db: Connection, person: str) -> list[str]:
    """Every word that stands for a person: what was asked for, as it was written, and what the helpdesks call them.

    An id or an address is one person's. A name may be several people's: then it is asked whose.
    """
    wanted = person.strip().casefold()
    if not wanted:
        raise ConfigError("nobody is named: give the id, the address or the name of a person")
    subjects = {person.strip()}
    for row in sources.rows(db):
        people = sources.directory(db, row.source).people.values()
        surely = [known for known in people if wanted in (known.id.casefold(), known.email.casefold())]
        named = [known for known in people if known.name.casefold() == wanted]
        if not surely and len(named) > 1:
            ids = ", ".join(known.id for known in named)
            raise ConfigError(f"in {row.source} there are {len(named)} people called {person}: name one by id, {ids}")
        for known in surely or named:
            subjects.update(_words(known, people))
    folded = {subject.casefold() for subject in subjects}
    return sorted(subjects | {kept for kept in erasing.subjects(db) if kept.casefold() in folded})


def _words(person: Person, people: Iterable[Person]) -> Sequence[str]:
    """What stands for a person in one source; the name only where nobody else has it."""
    alone = sum(other.name.casefold() == person.name.casefold() for other in people) == 1
    return [word for word in (person.id, person.email, person.name if alone else "") if word]
