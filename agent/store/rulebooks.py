"""Every version of the rules that was in force, with the texts of its files; a text that did not change is kept once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from agent.store.statements import listed, one_of
from agent.store.tables import protocol_texts, rulebooks
from rules.instants import Instant


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
    texts = {each.hash: each.text for each in rows if _hash(each.text) == each.hash}
    try:
        return Texts(*({name: texts[made] for name, made in part.items()} for part in (files, library)))
    except KeyError as error:
        raise ValueError(f"a text of the rules {version[:12]} is missing or was changed") from error


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
