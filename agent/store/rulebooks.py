"""Every version of the rules that was in force, with the texts of its files; a text that did not change is kept once.

A version goes when nothing refers to it any more: no line of the journal, no plan, no source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import listed, one_of
from agent.store.tables import journal, plans, protocol_texts, rulebooks, sources
from rules.instants import DAY, Instant

ERASED: Final = "(erased)"
"""In place of a text that named a person who was erased."""


class Texts(NamedTuple):
    """File name -> text, of the protocol and of the library of ready protocols that was there with it."""

    files: Mapping[str, str]
    library: Mapping[str, str]


def keep(db: Connection, version: str, texts: Texts, at: Instant) -> None:
    """Keep a version with its texts; one that is there stays as it is. `at`: since when, on this machine's clock."""
    if db.execute(select(rulebooks.c.version).where(rulebooks.c.version == version)).scalar() is not None:
        return
    named = [{name: _hash(text) for name, text in part.items()} for part in texts]
    rows = [{"hash": _hash(text), "text": text} for part in texts for text in part.values()]
    if rows:
        db.execute(insert(protocol_texts).on_conflict_do_nothing(), rows)
    db.execute(insert(rulebooks).values(version=version, at=at, texts=json.dumps(named)))


def found(db: Connection, version: str) -> Texts | None:
    """The texts of a version; None where it was never kept. Raises ValueError where they are not as they were kept."""
    row = db.execute(select(rulebooks.c.texts).where(rulebooks.c.version == version)).scalar()
    if row is None:
        return None
    files, library = json.loads(row)
    wanted = {"hashes": listed([*files.values(), *library.values()])}
    rows = db.execute(select(protocol_texts).where(one_of(protocol_texts.c.hash, "hashes")), wanted)
    kept = {each.hash: each.text for each in rows}
    if ERASED in kept.values():
        raise ValueError(f"a text of the rules {version[:12]} was erased, since it named a person")
    texts = {made: text for made, text in kept.items() if _hash(text) == made}
    try:
        return Texts(*({name: texts[made] for name, made in part.items()} for part in (files, library)))
    except KeyError as error:
        raise ValueError(f"a text of the rules {version[:12]} is missing or was changed") from error


def in_force(db: Connection) -> set[str]:
    """The versions by which sources are judged."""
    return {looked_with.partition("/")[0] for (looked_with,) in db.execute(select(sources.c.looked_with))}


def forget(db: Connection, present: str) -> int:
    """Let go of former versions that nothing refers to, and of their texts; how many versions those were.

    A line of the journal tells of each version that came into force, so what is younger than the oldest line is referred to.
    """
    oldest = db.execute(select(func.min(journal.c.at))).scalar()
    old = select(rulebooks.c.version).where(rulebooks.c.at < (0 if oldest is None else oldest - DAY))
    gone = [each for each in db.execute(old).scalars() if each not in in_force(db) | {present} and not _is_named(db, each)]
    if gone:
        db.execute(delete(rulebooks).where(rulebooks.c.version == bindparam("at_version")), [{"at_version": v} for v in gone])
        used = _hashes(db, None)
        db.execute(delete(protocol_texts).where(~one_of(protocol_texts.c.hash, "used")), {"used": listed(used)})
    return len(gone)


def _is_named(db: Connection, version: str) -> bool:
    planned = exists().where(or_(plans.c.version == version, plans.c.base == version))
    told = exists().where(func.instr(journal.c.data, version) > 0)
    return bool(db.execute(select(or_(planned, told))).scalar())


def naming(db: Connection, words: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Texts in which one of the words stands: hashes of those of former versions, file names of those that are in force."""
    present = _hashes(db, in_force(db))
    former, files = [], dict[str, None]()
    for made, text in db.execute(select(protocol_texts.c.hash, protocol_texts.c.text)):
        if words.search(text):
            files |= dict.fromkeys([present[made]] if made in present else [])
            former += [] if made in present else [made]
    return former, list(files)


def erase(db: Connection, hashes: Sequence[str]) -> None:
    """What these texts said is gone; that there were such stays."""
    db.execute(update(protocol_texts).where(one_of(protocol_texts.c.hash, "made")).values(text=ERASED), {"made": listed(hashes)})


def _hashes(db: Connection, versions: Collection[str] | None) -> dict[str, str]:
    """hash -> file name, of the texts of these versions; of all, where None."""
    found: dict[str, str] = {}
    for version, texts in db.execute(select(rulebooks.c.version, rulebooks.c.texts)):
        if versions is None or version in versions:
            found |= {made: name for part in json.loads(texts) for name, made in part.items()}
    return found


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
