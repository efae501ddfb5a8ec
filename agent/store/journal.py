"""The journal: append-only lines, each committed with what it records. A sealer chains them afterwards (`agent.journal.sealing`).

Appending is part of every write's transaction, so it does nothing but insert. What tells of a person is named as `Personal`: the
line then holds a commitment in its place, and the value stands beside it, where it can be erased without breaking the chain.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select

from agent.store.statements import carried_out, carried_out_for_each, insert_text
from agent.store.tables import journal, journal_personal
from rules.instants import Instant

ROOT: Final = "0" * 64
"""What the first line follows."""
COMMITTED: Final = "$personal"
"""The key of the object that stands in a line in the place of a personal value; it holds the commitment."""
ERASED: Final = "(erased)"
"""What is read in the place of a value that was erased."""
AT_ONCE: Final = 1_000
"""Rows that are fetched at once where all of the journal is read."""

PERSONAL_FIELDS: Final = frozenset({"assignee", "requester"})
"""Fields of a ticket whose values are people's ids."""
SENTENCES: Final = ("because", "said", "reason", "why")
"""Parts of a line's data that are put in words, and may thus name anybody: hoist's own, a platform's, a person's."""
ANYBODY: Final = " "
"""The subject of sentences: they are found by the names in them. No id, address or name is written so."""

random_bytes: Callable[[int], bytes] = os.urandom
"""Where salts come from; a simulation that must be the same each time brings its own."""


class Personal:
    """A value that tells of a person, anywhere within a line's data: plain JSON.

    `of`: the id, address or name by which that person is found when their values are to be erased; unless given, the value is it.
    (No dataclass: the encoder knows how to write those, and this one must never be written as it is.)
    """

    __slots__ = ("of", "value")

    def __init__(self, value: Any, of: str = "") -> None:
        self.value, self.of = value, of


class Entry(NamedTuple):
    """A line to be; `at` is on the source's clock, `data` plain JSON without secrets but for what is `Personal`."""

    kind: str
    at: Instant
    source: str
    ticket: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """`at` is on the source's clock; `data` is plain JSON without secrets. The last three are None until the line is sealed."""

    line: int
    at: Instant
    kind: str
    source: str
    ticket: str
    data: Mapping[str, Any]
    previous: str | None
    hash: str | None
    position: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """An end of the chain: the position and hash of its last line, and when that was sealed, on this machine's clock.

    `signature`: of the key outside the database, empty where none is set.
    """

    position: int = 0
    hash: str = ROOT
    at: Instant = 0
    signature: str = ""
    line: int = 0

    def __str__(self) -> str:
        """How a head is given away, and how `hoist journal verify --head` takes it."""
        return ":".join((str(self.position), self.hash, *([self.signature] if self.signature else [])))


_INSERT = insert_text(insert(journal), ["at", "kind", "source", "ticket", "data"])
_INSERT_PERSONAL = insert_text(insert(journal_personal))


def append(db: Connection, kind: str, at: Instant, source: str, ticket: str = "", **data: Any) -> None:
    """Add a line in the caller's transaction. Personal values are named by wrapping them: `by=Personal("anna@example.com")`."""
    values: list[tuple[str, str, str, str]] = []
    text = written(data, values)
    line = carried_out(db, _INSERT, (at, kind, source, ticket, text)).lastrowid
    if values:
        rows = [(commitment, line, salt, subject, value) for commitment, salt, subject, value in values]
        carried_out_for_each(db, _INSERT_PERSONAL, rows)


def append_all(db: Connection, entries: Sequence[Entry]) -> None:
    """Add many lines in the caller's transaction: two statements, however many there are."""
    if not entries:
        return
    rows: list[tuple[Any, ...]] = []
    beside: list[tuple[int, list[tuple[str, str, str, str]]]] = []
    for place, entry in enumerate(entries):
        values: list[tuple[str, str, str, str]] = []
        rows.append((entry.at, entry.kind, entry.source, entry.ticket, written(entry.data, values)))
        if values:
            beside.append((place, values))
    carried_out_for_each(db, _INSERT, rows)
    if beside:
        # one writer at a time, and lines are numbered one after the other
        first = carried_out(db, "SELECT max(line) FROM journal").fetchone()[0] - len(rows) + 1
        personal = [(made, first + place, salt, of, value) for place, values in beside for made, salt, of, value in values]
        carried_out_for_each(db, _INSERT_PERSONAL, personal)


def of_field(field: str, value: Any) -> Any:
    """A ticket's value as a line holds it: personal, where the field's values are people."""
    return Personal(value) if field in PERSONAL_FIELDS and isinstance(value, str) else value


def in_words(said: Any) -> Personal:
    """What is said in words, a text or a list of them: whoever is named in it can be erased with all of it."""
    return said if isinstance(said, Personal) else Personal(said, ANYBODY)


def written(data: Mapping[str, Any], values: list[tuple[str, str, str, str]]) -> str:
    """The one text of a line's data; (commitment, salt, subject, value) of each personal value is added to `values`."""

    def committed(found: Any) -> dict[str, str]:
        if not isinstance(found, Personal):
            raise TypeError(f"a line of the journal can't hold {type(found).__name__}")
        value = text_of(found.value)
        subject = (
            found.of if found.of is ANYBODY else _writable(found.of or (found.value if isinstance(found.value, str) else value))
        )
        salt = random_bytes(32).hex()
        made = commitment(salt, subject, value)
        values.append((made, salt, subject, value))
        return {COMMITTED: made}

    told = dict(sorted(data.items()))
    for name in SENTENCES:
        if said := told.get(name):
            told[name] = (
                {key: committed(in_words(of_one)) for key, of_one in sorted(said.items())}
                if isinstance(said, dict)
                else committed(in_words(said))
            )
    so_far = len(values)
    try:
        return to_json(told, fallback=committed).decode()
    except PydanticSerializationError:  # half a surrogate pair, or what no line can hold: said by whoever can
        del values[so_far:]
        return _writable(json.dumps(told, separators=(",", ":"), ensure_ascii=False, default=committed))


def commitment(salt: str, subject: str | bytes, value: str | bytes) -> str:
    """What stands in a line for a personal value: HMAC-SHA256, keyed with the salt's bytes, over subject and value (JSON)."""
    try:
        key = bytes.fromhex(salt)
    except ValueError:
        return ""  # a salt that hoist did not write, so no commitment of its
    return hmac.digest(key, fields(subject, value), "sha256").hex()


def fields(*values: str | int | bytes) -> bytes:
    """Several values as one, without doubt where each ends: each as its length in bytes, a colon, its UTF-8, a comma."""
    made = [value if isinstance(value, bytes) else str(value).encode() for value in values]
    return b"".join([b"%d:%b," % (len(value), value) for value in made])


def lines(db: Connection, source: str | None = None, ticket: str | None = None, kind: str | None = None) -> Iterator[Line]:
    """Lines in order, of a source, a ticket or a kind where given, with their personal values as far as these were kept.

    Raises ValueError where a line is no longer readable.
    """
    query = select(journal).order_by(journal.c.line)
    for column, wanted in ((journal.c.source, source), (journal.c.ticket, ticket), (journal.c.kind, kind)):
        if wanted is not None:
            query = query.where(column == wanted)
    for row in db.execute(query).yield_per(AT_ONCE):
        yield line_of(row, personal_values(db, row))


def line(db: Connection, number: int) -> Line | None:
    """The line with a number; None where there is none. Raises ValueError where it is no longer readable."""
    row = db.execute(select(journal).where(journal.c.line == number)).one_or_none()
    return None if row is None else line_of(row, personal_values(db, row))


def latest(db: Connection, since: Instant) -> Iterator[Line]:
    """Lines from the end on backwards, down to the first that is older than `since`, without their personal values."""
    for row in db.execute(select(journal).order_by(journal.c.line.desc())).yield_per(AT_ONCE):
        if row.at < since:
            return
        yield line_of(row, {})


def line_of(row: Row[Any], personal: Mapping[str, Row[Any]]) -> Line:
    """A row of the journal's table as a line, with these values. Raises ValueError where it is no longer readable."""
    data = json.loads(row.data)
    if COMMITTED in row.data:
        data = _filled_in(data, personal)
    return Line(row.line, row.at, row.kind, row.source, row.ticket, data, row.previous, row.hash, row.position)


def personal_values(db: Connection, row: Row[Any]) -> dict[str, Row[Any]]:
    """What stands beside a row of the journal: each personal value that was not erased, by its commitment."""
    if COMMITTED not in row.data:
        return {}
    return {beside.commitment: beside for beside in db.execute(_BESIDE, {"at_line": row.line})}


def commitments(data: Any) -> Iterator[str]:
    """All commitments within a line's data."""
    if isinstance(data, dict):
        if isinstance(data.get(COMMITTED), str):
            yield data[COMMITTED]
        else:
            for value in data.values():
                yield from commitments(value)
    elif isinstance(data, list):
        for value in data:
            yield from commitments(value)


def head(db: Connection) -> Head:
    """The end of the chain. Given away, it shows later whether anything up to there was changed or taken away."""
    return _head(db, "sealed")


def trimmed(db: Connection) -> Head:
    """The last line that is no longer kept, from whose hash the chain goes on; position 0 where all lines are kept."""
    return _head(db, "trimmed")


def unsealed(db: Connection) -> int:
    """Lines that wait for the sealer."""
    return int(db.execute(_UNSEALED).scalar_one())


def _head(db: Connection, name: str) -> Head:
    """Somebody may have written anything there: it is read all the same, for verifying to tell."""
    row = db.exec_driver_sql(_HEAD, (name,)).one_or_none()
    if row is None:
        return Head()
    made, signature = (text.decode(errors="replace") for text in (row[1], row[3]))
    return Head(row[0], made, row[2], signature, row[4])


_HEAD: Final = """\
SELECT CAST(position AS INTEGER), CAST(hash AS BLOB), CAST(at AS INTEGER), CAST(signature AS BLOB), CAST(line AS INTEGER)
FROM journal_heads WHERE name = ?"""
_UNSEALED: Final[Select[Any]] = select(func.count()).select_from(journal).where(journal.c.position.is_(None))
_BESIDE: Final = select(journal_personal).where(journal_personal.c.line == bindparam("at_line"))


def _filled_in(data: Any, values: Mapping[str, Row[Any]]) -> Any:
    if isinstance(data, dict):
        made = data.get(COMMITTED)
        if isinstance(made, str):
            return json.loads(values[made].value) if made in values else ERASED
        return {key: _filled_in(value, values) for key, value in data.items()}
    return [_filled_in(value, values) for value in data] if isinstance(data, list) else data


def text_of(data: Any) -> str:
    """Plain JSON as text, short and the same each time; of half a surrogate pair, which no store can hold, a question mark."""
    try:
        return to_json(data).decode()
    except PydanticSerializationError:
        return _writable(json.dumps(data, separators=(",", ":"), ensure_ascii=False))


def _writable(text: str) -> str:
    """Half a surrogate pair, which JSON of a platform may hold, is no text in UTF-8: a question mark takes its place."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text
