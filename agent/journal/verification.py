"""Verifying the journal: every edit, gap, insertion, reorder or removal since a line was sealed, by line and in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from agent.errors import ConfigError
from agent.store import chain, journal, told
from agent.store.chain import Stored
from agent.store.installation import installation_identity
from agent.store.journal import COMMITTED, ROOT, Head

SHOWN: Final = 50
"""Findings that are told one by one; further ones are counted."""
SHORT: Final = 16
"""Characters by which a commitment is named where its value was erased."""

COMPARE: Final = "compare it with a backup or an earlier export; somebody or something other than hoist wrote to the store"
RESTORE: Final = "look for what removed it, and restore the line from a backup or an earlier export to see what it said"
GIVEN: Final = "the chain since that head was made anew, or this is another store: compare it with a backup or an earlier export"
CHANGED_BY_HAND: Final = "somebody or something other than hoist changed it: put it back, or restore a backup"
NEVER_TOLD: Final = "hoist journal erase would have left a line that names it; compare with a backup"

_HEAD: Final = re.compile(r"(?:(\d{1,15}):)?([0-9a-f]{64})(?::([0-9a-f]{64}))?")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a line (None: with an end of the chain), and what to do about it."""

    line: int | None
    said: str
    cure: str

    def __str__(self) -> str:
        where = "" if self.line is None else f"line {self.line:,}: "
        return f"{where}{self.said}; {self.cure}"


@dataclass(frozen=True, slots=True)
class Verified:
    """The journal as it was found.

    `sealed` lines are in the chain, `fresh` ones wait for the sealer, `erased` counts personal values that were erased, `first`
    is the position from which lines are kept. `signed`: whether the head's signature is right, None without a key.
    """

    sealed: int
    fresh: int
    erased: int
    first: int
    head: Head
    signed: bool | None
    findings: tuple[Finding, ...]
    further: int


@dataclass(frozen=True, slots=True)
class GivenHead:
    """A head that was kept elsewhere: its position (None where only the hash was kept), hash and signature, empty without one."""

    position: int | None
    hash: str
    signature: str = ""


def given_head(text: str) -> GivenHead:
    """A head as `hoist journal head` shows it, or its hash alone. Raises ConfigError."""
    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigError(f"{text!r} is no head of a journal: write it as hoist journal head shows it, POSITION:HASH[:SIGNATURE]")
    return GivenHead(int(found[1]) if found[1] else None, found[2], found[3] or "")


def verify(db: Connection, given: GivenHead | None = None, key: bytes | None = None) -> Verified:
    """Look through the whole journal; memory stays flat however long it is.

    `given`: a head that was kept outside of the store. `key`: that of the signatures.
    """
    return _Verification(db, given, key).verified()


@dataclass(slots=True)
class _Place:
    """Where the walk along the chain stands: the last line that was seen."""

    position: int
    line: int
    hash: str


@dataclass(slots=True)
class _Values:
    """Personal values: those beside lines, those that are gone, and those that a line says were erased."""

    beside: int = 0
    gone: dict[str, int] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)


class _Verification:
    """One walk along one journal."""

    def __init__(self, db: Connection, given: GivenHead | None, key: bytes | None) -> None:
        self.db, self.given, self.key = db, given, key
        self.end, self.trimmed = journal.head(db), journal.trimmed(db)
        self.beside = chain.Beside(db)
        self.findings: list[Finding] = []
        self.further = 0
        self.values = _Values()
        self.trims: set[tuple[object, object]] = set()
        self.met = False  # the given head was found where it says

    def verified(self) -> Verified:
        place = _Place(self.trimmed.position, self.trimmed.line, self.trimmed.hash)
        self._meet(place.position, place.hash)
        sealed = fresh = 0
        for row in chain.chained(self.db):
            sealed += 1
            place = self._sealed(row, place)
        self._end(place)
        line = place.line
        for row in chain.waiting(self.db):
            fresh += 1
            line = self._fresh(row, line)
        self._trimming()
        self._beside()
        self._states()
        self._given(place)
        signed = self._signatures()
        erased = sum(made[:SHORT] in self.values.erased for made in self.values.gone)
        first = self.trimmed.position + 1
        return Verified(sealed, fresh, erased, first, self.end, signed, tuple(self.findings), self.further)

    def _find(self, line: int | None, said: str, cure: str) -> None:
        if len(self.findings) < SHOWN:
            self.findings.append(Finding(line, said, cure))
        else:
            self.further += 1

    # --- lines -----------------------------------------------------------------------------------------------------

    def _sealed(self, row: Stored, before: _Place) -> _Place:
        """A line of the chain. What is wrong with it is told once; the walk goes on from what it says of itself."""
        line = row.line if isinstance(row.line, int) else before.line + 1
        position = row.position if isinstance(row.position, int) else before.position + 1
        said_hash = (row.hash or b"").decode(errors="replace")
        if row.kinds != chain.SEALED:
            self._find(line, "it is not stored as hoist stores a line, so it was changed after it was sealed", COMPARE)
        elif position <= before.position:
            self._find(line, f"position {position:,} of the chain stands there twice: a line was put in", COMPARE)
        elif position > before.position + 1:
            self._find(line, f"{_missing(before.position + 1, position - 1)} before it", RESTORE)
        elif (row.previous or b"").decode(errors="replace") != before.hash:
            self._find(line, "it does not follow from the line before: one of the two was changed, moved or put in", COMPARE)
        if row.kinds == chain.SEALED and chain.linked(position, (row.previous or b"").decode(errors="replace"), row) != said_hash:
            self._find(line, "it was changed after it was sealed: what it holds does not give its hash", COMPARE)
        elif line != before.line + 1 and position == before.position + 1:
            # One writer at a time leaves no gap in the numbers of lines, not even where a transaction was rolled back.
            self._find(line, f"{_missing(before.line + 1, line - 1)} before it, taken out before it was sealed", RESTORE)
        self._contents(row, line)
        self._meet(position, said_hash)
        return _Place(position, line, said_hash)

    def _fresh(self, row: Stored, before: int) -> int:
        line = row.line if isinstance(row.line, int) else before + 1
        if row.kinds != chain.FRESH:
            self._find(line, "it waits for the sealer, and is not stored as hoist stores a line", COMPARE)
        elif line <= before:
            self._find(line, "it stands among sealed lines and is not sealed: it was put in, or its seal was taken away", COMPARE)
        elif line != before + 1:
            self._find(line, f"{_missing(before + 1, line - 1)} before it, not sealed yet", RESTORE)
        self._contents(row, line)
        return max(line, before)

    def _contents(self, row: Stored, line: int) -> None:
        """What the walk must know of what a line says: personal values, erasures, what was removed for its age."""
        if row.position is not None and row.kind not in _TELLING and COMMITTED.encode() not in row.data:
            return
        try:
            data = json.loads(row.data)
        except ValueError:
            if row.position is None:
                self._find(line, "it waits for the sealer, and can't be read", COMPARE)
            return
        if row.kind in _TELLING and isinstance(data, dict):
            self.values.erased.update(map(str, data.get("values", ())))
            self.trims.add((data.get("position"), data.get("hash")))
        self._personal(line, data)

    def _personal(self, line: int, data: object) -> None:
        beside = self.beside.of(line)
        for made in journal.commitments(data):
            if made not in beside:
                self.values.gone[made] = line
                continue
            self.values.beside += 1
            if beside[made] != made:
                self._find(line, "a personal value beside it was changed: it does not give its commitment", COMPARE)

    # --- ends ------------------------------------------------------------------------------------------------------

    def _end(self, last: _Place) -> None:
        if last.position < self.end.position:
            self._find(None, f"{_missing(last.position + 1, self.end.position)} at the end of the chain", RESTORE)
        elif (last.position, last.hash, last.line) != (self.end.position, self.end.hash, self.end.line):
            self._find(None, f"the kept head is not that of the last sealed line, {last.line:,}", COMPARE)

    def _trimming(self) -> None:
        removed = self.trimmed
        if removed.position and (removed.position, removed.hash) not in self.trims:
            said = f"lines up to position {removed.position:,} are gone, and no line says that hoist removed them for their age"
            self._find(None, said, RESTORE)

    def _beside(self) -> None:
        """Personal values that are gone without an erasure, and those that no line holds."""
        for made, line in self.values.gone.items():
            if made[:SHORT] not in self.values.erased:
                self._find(line, "a personal value beside it is gone, and no line says that it was erased", NEVER_TOLD)
        if chain.count_beside(self.db) != self.values.beside:
            for found in chain.strays(self.db, SHOWN):
                self._find(None, f"a personal value stands beside line {found}, which does not hold it", COMPARE)

    def _states(self) -> None:
        """The store's own states, which nothing but the journal vouches for."""
        for each in told.untold(self.db, SHOWN):
            said = f"the {each.what} {each.name} is {each.kept} in the store, and the journal says {each.told}"
            self._find(each.line, said, CHANGED_BY_HAND)

    def _meet(self, position: int, made: str) -> None:
        if self.given is not None and made == self.given.hash and self.given.position in (None, position):
            self.met = True

    def _given(self, last: _Place) -> None:
        given = self.given
        if given is None or self.met:
            return
        if given.position is None:
            self._find(None, "no line of the chain has the hash of the head that was given", GIVEN)
        elif given.position > last.position:
            said = f"the head that was given is that of position {given.position:,}, and the chain ends at {last.position:,}"
            self._find(None, f"{said}: lines were taken off its end", GIVEN)
        elif given.position < self.trimmed.position:
            said = f"the head that was given is that of position {given.position:,}, and lines are kept from"
            self._find(None, f"{said} {self.trimmed.position + 1:,} on, so it can't be compared", "give a later head")
        else:
            self._find(None, f"at position {given.position:,} the chain has another hash than the head that was given", GIVEN)

    def _signatures(self) -> bool | None:
        if self.key is None:
            return None
        right = True
        identity = installation_identity(self.db)
        given = self.given
        if given is not None and given.signature and given.position is not None:
            kept = Head(given.position, given.hash, signature=given.signature)
            if not chain.signed_by(self.key, identity, kept):
                right = False
                self._find(None, "the head that was given is not signed by this key for this store", _KEYS)
        if self.end.hash != ROOT and not chain.signed_by(self.key, identity, self.end):
            right = False
            said = "the kept head is not signed" if not self.end.signature else "the kept head is not signed by this key"
            self._find(None, f"{said}: whoever wrote the chain last had not the key", _KEYS)
        return right


_KEYS: Final = (
    "if the key was set or changed since, sign anew with hoist journal head --sign-anew; if not, the chain was made anew by"
    " somebody without the key"
)
_TELLING: Final = (b"journal-erased", b"journal-trimmed")


def _missing(first: int, last: int) -> str:
    if first >= last:
        return f"line {first:,} is missing"
    return f"lines {first:,} to {last:,} are missing"


def shown(found: Verified) -> Iterator[str]:
    """Each finding as a sentence, and how many more there are."""
    yield from map(str, found.findings)
    if found.further:
        yield f"and {found.further:,} more"
