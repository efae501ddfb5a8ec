"""Whatever somebody does to the journal behind hoist's back is found, with its line and in words."""

# ruff: noqa: S608 - the statements are those of somebody who tampers, and all of their words stand here
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from agent.errors import ConfigError
from agent.journal.erasure import erase
from agent.journal.sealing import seal, trim
from agent.journal.verification import GivenHead, Verified, given_head, shown, verify
from agent.store import chain, journal
from agent.store.database import Database, open_database
from agent.store.installation import read_or_make
from agent.store.journal import Head, Personal
from rules.instants import DAY

KEY: Final = b"k" * 64
LINES: Final = 8
COLUMNS: Final = ("kind", "source", "ticket", "data", "previous", "hash")


def told(database: Database, first: int = 1, last: int = LINES) -> None:
    with database.transaction() as db:
        for number in range(first, last + 1):
            journal.append(
                db,
                f"kind {number % 3}",
                number * 1_000,
                "desk",
                f"{number % 2}",
                note=f"öfter {number}",
                by=Personal(f"anna {number}"),
            )


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Eight sealed lines, which no test changes for good."""
    opened = open_database(tmp_path_factory.mktemp("journal") / "hoist.db")
    told(opened)
    seal(opened, "here", 10_000)
    yield opened
    opened.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "hoist.db")
    yield opened
    opened.close()


@contextmanager
def behind_its_back(database: Database) -> Iterator[Connection]:
    """What is done within is undone afterwards. Nothing in the table stands in the way, as one who has the file can see to it."""
    with database.engine.connect() as db:
        db.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            db.exec_driver_sql("DROP INDEX journal_by_position")
            yield db
        finally:
            db.exec_driver_sql("ROLLBACK")


def verified(database: Database, head: GivenHead | None = None, key: bytes | None = None) -> Verified:
    with database.reading() as db:
        return verify(db, head, key)


def given_of(database: Database) -> GivenHead:
    with database.reading() as db:
        return given_head(str(journal.head(db)))


# --- what is whole ---------------------------------------------------------------------------------------------------------


def test_a_whole_journal_is_whole(sealed: Database) -> None:
    """Nothing is found; the sealed and the fresh are counted, and the head is where the chain ends."""
    found = verified(sealed, given_of(sealed))
    assert found.findings == ()
    assert (found.sealed, found.fresh, found.erased, found.first, found.signed) == (LINES, 0, 0, 1, None)
    assert found.head.position == LINES


def test_fresh_lines_are_no_error(database: Database) -> None:
    """What was committed since the last sealing is counted; an empty journal is whole, too."""
    assert verified(database).findings == ()
    told(database)
    found = verified(database)
    assert (found.findings, found.sealed, found.fresh) == ((), 0, LINES)
    seal(database, "here", 10_000)
    told(database, LINES + 1, LINES + 3)
    found = verified(database)
    assert (found.findings, found.sealed, found.fresh) == ((), LINES, 3)


# --- what was done behind its back -----------------------------------------------------------------------------------------


@st.composite
def one_byte_other(draw: st.DrawFn, before: bytes) -> bytes:
    """The same bytes with one changed, taken out or put in."""
    at = draw(st.integers(0, len(before) - 1))
    way = draw(st.sampled_from(("change", "remove", "insert")))
    other = draw(st.integers(0, 255).filter(lambda byte: byte != before[at]))
    rest = {"change": bytes([other]) + before[at + 1 :], "remove": before[at + 1 :], "insert": bytes([other]) + before[at:]}
    return before[:at] + rest[way]


@given(st.data())
def test_every_single_byte_of_every_text_counts(sealed: Database, data: st.DataObject) -> None:
    """One byte changed, removed or added in any column of any line: that line is named."""
    line, column = data.draw(st.integers(1, LINES)), data.draw(st.sampled_from(COLUMNS))
    with behind_its_back(sealed) as db:
        before = db.exec_driver_sql(f"SELECT CAST({column} AS BLOB) FROM journal WHERE line = {line}").scalar_one()
        made = data.draw(one_byte_other(before))
        db.exec_driver_sql(f"UPDATE journal SET {column} = CAST(? AS TEXT) WHERE line = {line}", (made,))
        found = verify(db)
    assert line in {finding.line for finding in found.findings}


@given(st.integers(1, LINES), st.sampled_from(COLUMNS), st.booleans())
def test_other_kinds_of_the_same_bytes_count(sealed: Database, line: int, column: str, nothing: bool) -> None:
    """A text that became a BLOB of the same bytes, or nothing at all, is found: a query would miss such a line."""
    with behind_its_back(sealed) as db:
        if nothing and column in ("previous", "hash"):
            db.exec_driver_sql(f"UPDATE journal SET {column} = NULL WHERE line = {line}")
        else:
            db.exec_driver_sql(f"UPDATE journal SET {column} = CAST({column} AS BLOB) WHERE line = {line}")
        found = verify(db)
    assert found.findings[0].line == line


@given(
    st.integers(1, LINES),
    st.sampled_from(("line", "position", "at")),
    st.one_of(st.integers(-(2**40), 2**40), st.floats(0, 1e6).map(lambda number: number + 0.5), st.text("abc", min_size=1)),
)
def test_every_number_counts(sealed: Database, line: int, column: str, other: float | str) -> None:
    """Another number, a fraction or a word in place of a line's number, position or instant is found."""
    with behind_its_back(sealed) as db:
        before = db.exec_driver_sql(f"SELECT {column} FROM journal WHERE line = {line}").scalar_one()
        taken = set(db.exec_driver_sql("SELECT line FROM journal").scalars())
        if other == before or (column == "line" and (other in taken or not isinstance(other, int))):
            return
        db.exec_driver_sql(f"UPDATE journal SET {column} = ? WHERE line = {line}", (other,))
        assert verify(db).findings


@given(st.integers(1, LINES - 1), st.integers(1, LINES - 1))
def test_every_removal_counts(sealed: Database, first: int, length: int) -> None:
    """One line or several in a row, from the beginning, the middle or the end: what is missing is named."""
    last = min(first + length - 1, LINES)
    with behind_its_back(sealed) as db:
        db.exec_driver_sql(f"DELETE FROM journal WHERE line BETWEEN {first} AND {last}")
        found = verify(db)
    missing = f"line {first}" if first == last else f"lines {first} to {last}"
    assert any(missing in finding.said for finding in found.findings)


@given(st.lists(st.integers(1, LINES), min_size=2, max_size=2, unique=True), st.booleans())
def test_every_swap_counts(sealed: Database, two: list[int], whole: bool) -> None:
    """Two lines that change places are found, with their place in the chain or without it."""
    one, other = two
    columns = "at, kind, source, ticket, data" + (", previous, hash" if whole else "")
    with behind_its_back(sealed) as db:
        query = f"SELECT {columns} FROM journal WHERE line = ?"
        rows = {to: db.exec_driver_sql(query, (of,)).one() for to, of in ((one, other), (other, one))}
        for line, row in rows.items():
            settings = ", ".join(f"{name} = ?" for name in columns.split(", "))
            db.exec_driver_sql(f"UPDATE journal SET {settings} WHERE line = ?", (*row, line))
        found = verify(db)
    assert {one, other} <= {finding.line for finding in found.findings}


@given(st.integers(1, LINES), st.booleans())
def test_every_insertion_counts(sealed: Database, place: int, linked: bool) -> None:
    """A line put in is found, even with a hash of its own that follows from the one before it."""
    with behind_its_back(sealed) as db:
        before = db.exec_driver_sql("SELECT hash FROM journal WHERE line = ?", (place,)).scalar_one()
        row = chain.Stored(LINES + 1, place + 1, 1, b"forged", b"desk", b"1", b"{}", None, None, "")
        made = chain.linked(place + 1, before, row) if linked else "0" * 64
        values = (LINES + 1, place + 1, 1, "forged", "desk", "1", "{}", before, made)
        names = "line, position, at, kind, source, ticket, data, previous, hash"
        db.exec_driver_sql(f"INSERT INTO journal ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        assert verify(db).findings


@given(st.integers(1, LINES), st.sampled_from(("salt", "subject", "value", "commitment", "line")), st.data())
def test_every_byte_of_a_personal_value_counts(sealed: Database, line: int, column: str, data: st.DataObject) -> None:
    """A value that is kept beside its line is the one that was told."""
    with behind_its_back(sealed) as db:
        if column == "line":
            db.exec_driver_sql("UPDATE journal_personal SET line = line + 1 WHERE line = ?", (line,))
        else:
            before = db.exec_driver_sql(
                f"SELECT CAST({column} AS BLOB) FROM journal_personal WHERE line = ?", (line,)
            ).scalar_one()
            made = data.draw(one_byte_other(before))
            db.exec_driver_sql(f"UPDATE journal_personal SET {column} = CAST(? AS TEXT) WHERE line = ?", (made, line))
        assert line in {finding.line for finding in verify(db).findings}


def test_a_personal_value_that_just_went_is_found(sealed: Database) -> None:
    """Without a line that says it was erased, a missing value was taken away; one that belongs nowhere was put there."""
    with behind_its_back(sealed) as db:
        db.exec_driver_sql("DELETE FROM journal_personal WHERE line = 3")
        (finding,) = verify(db).findings
    assert (finding.line, finding.said) == (3, "a personal value beside it is gone, and no line says that it was erased")
    with behind_its_back(sealed) as db:
        db.exec_driver_sql("INSERT INTO journal_personal VALUES (?, 4, '00', 'bert', '\"bert\"')", ("f" * 64,))
        (finding,) = verify(db).findings
    assert "stands beside line 4, which does not hold it" in finding.said


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ("DELETE FROM journal WHERE line = 10", 11),
        ("UPDATE journal SET data = '{' WHERE line = 10", 10),
        ("UPDATE journal SET kind = x'00' WHERE line = 10", 10),
        ("UPDATE journal SET position = NULL, previous = NULL, hash = NULL WHERE line = 4", 4),
    ],
)
def test_fresh_lines_are_looked_at_as_well(database: Database, edit: str, line: int) -> None:
    """Before it is sealed, a line that is gone from between two others, or can't be read, is found."""
    told(database)
    seal(database, "here", 10_000)
    told(database, LINES + 1, LINES + 4)
    with behind_its_back(database) as db:
        db.exec_driver_sql(edit)
        assert line in {finding.line for finding in verify(db).findings}


def test_a_line_that_went_before_it_was_sealed_is_found_afterwards(database: Database) -> None:
    """Sealing what is left does not heal it."""
    told(database)
    with database.transaction() as db:
        db.execute(text("DELETE FROM journal WHERE line = 4"))
        db.execute(text("DELETE FROM journal_personal WHERE line = 4"))
    seal(database, "here", 10_000)
    (finding,) = verified(database).findings
    assert str(finding).startswith(
        "line 5: line 4 is missing before it, taken out before it was sealed; look for what removed it"
    )


def test_many_findings_are_counted(database: Database) -> None:
    """After fifty, findings are counted only."""
    told(database, 1, 80)
    seal(database, "here", 10_000)
    with behind_its_back(database) as db:
        db.exec_driver_sql("UPDATE journal SET kind = 'forged'")
        found = verify(db)
    assert (len(found.findings), found.further) == (50, 30)
    assert list(shown(found))[-1] == "and 30 more"


# --- made anew -------------------------------------------------------------------------------------------------------------


def rewritten(db: Connection, up_to: int = LINES) -> None:
    """What one does who knows how hoist seals: another line 2, and all that follows sealed anew, with the head."""
    db.exec_driver_sql("UPDATE journal SET data = '{}' WHERE line = 2")
    db.exec_driver_sql("DELETE FROM journal_personal WHERE line = 2")
    db.exec_driver_sql("DELETE FROM journal WHERE line > ?", (up_to,))
    db.exec_driver_sql("DELETE FROM journal_personal WHERE line > ?", (up_to,))
    db.exec_driver_sql("UPDATE journal SET position = NULL, previous = NULL, hash = NULL")
    before = journal.head(db)
    db.exec_driver_sql("DELETE FROM journal_heads")
    chain.keep_head(db, "sealed", replace(chain.seal(db, list(chain.waiting(db)), 1), signature=before.signature))


def test_a_journal_made_anew_is_found_by_a_head(sealed: Database) -> None:
    """One who makes all of it anew leaves no trace in it; a head that was kept elsewhere shows it, with its hash alone, too."""
    given = given_of(sealed)
    with behind_its_back(sealed) as db:
        rewritten(db)
        assert verify(db).findings == ()
        (finding,) = verify(db, given).findings
        (by_hash,) = verify(db, GivenHead(None, given.hash)).findings
    assert finding.said == "at position 8 the chain has another hash than the head that was given"
    assert by_hash.said == "no line of the chain has the hash of the head that was given"


def test_a_tail_that_was_taken_off_is_found_by_a_head(sealed: Database) -> None:
    """Without the lines and with another head kept, the chain is whole; the one that was given away is longer."""
    given = given_of(sealed)
    with behind_its_back(sealed) as db:
        rewritten(db, up_to=5)
        (finding,) = verify(db, given).findings
    assert finding.said == "the head that was given is that of position 8, and the chain ends at 5: lines were taken off its end"


@given(st.integers(1, LINES - 1))
def test_a_removed_tail_is_found_by_the_kept_head(sealed: Database, left: int) -> None:
    """Who only takes lines off the end is found without any head from elsewhere."""
    with behind_its_back(sealed) as db:
        db.exec_driver_sql("DELETE FROM journal WHERE line > ?", (left,))
        db.exec_driver_sql("DELETE FROM journal_personal WHERE line > ?", (left,))
        (finding,) = verify(db).findings
    assert "at the end of the chain" in finding.said


def test_an_earlier_head_goes_on_being_good(database: Database) -> None:
    """A head given away long ago is met in the middle of the chain."""
    told(database)
    seal(database, "here", 10_000)
    earlier = given_of(database)
    told(database, LINES + 1, LINES + 5)
    seal(database, "here", 11_000)
    assert verified(database, earlier).findings == ()
    assert verified(database, GivenHead(None, earlier.hash)).findings == ()


@pytest.mark.parametrize(
    "edit", ["DELETE FROM journal_heads", "UPDATE journal_heads SET hash = x'ff00'", "UPDATE journal_heads SET line = 3"]
)
def test_a_head_that_was_tampered_with_is_found(sealed: Database, edit: str) -> None:
    """What hoist keeps of the chain's end must be its end."""
    with behind_its_back(sealed) as db:
        db.exec_driver_sql(edit)
        (finding,) = verify(db).findings
    assert finding.said == "the kept head is not that of the last sealed line, 8"


@pytest.mark.parametrize("written", ["", "8", "8:abc", "x:" + "0" * 64, "8:" + "0" * 64 + ":1"])
def test_what_is_no_head_is_said(written: str) -> None:
    """A head that was cut off, or is something else, is wrong use."""
    with pytest.raises(ConfigError, match="is no head of a journal: write it as"):
        given_head(written)


# --- signatures ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed(database: Database) -> Database:
    told(database, 1, LINES - 1)
    with database.transaction() as db:
        read_or_make(db)
    seal(database, "here", 10_000, KEY)
    return database


def test_a_signed_journal_is_whole(signed: Database) -> None:
    """The signature of the kept head and of one that was given away are those of the key; the beginning of signing is told."""
    given = given_of(signed)
    assert given.signature
    found = verified(signed, given, KEY)
    assert (found.findings, found.signed, found.sealed) == ((), True, LINES)
    with signed.reading() as db:
        assert len(list(journal.lines(db, kind="journal-signed-from-here"))) == 1


def test_a_journal_made_anew_without_the_key_is_found(signed: Database) -> None:
    """One who can write to the store and has not the key makes no journal that passes, not even after hoist went on sealing."""
    with signed.transaction() as db:
        rewritten(db)
    for last in (LINES, LINES + 1, LINES + 2):
        found = verified(signed, key=KEY)
        assert found.signed is False
        assert [finding.said for finding in found.findings] == [
            "the kept head is not signed by this key: whoever wrote the chain last had not the key"
        ]
        told(signed, last + 1, last + 1)
        seal(signed, "here", 20_000, KEY)


def test_another_key_or_store_is_not_ours(signed: Database) -> None:
    """A head that was signed with another key, or for another store, does not count."""
    given = given_of(signed)
    assert verified(signed, given, b"x" * 64).signed is False
    with behind_its_back(signed) as db:
        db.exec_driver_sql("UPDATE installation SET value = 'another' WHERE name = 'identity'")
        assert len(verify(db, given, KEY).findings) == 2


def test_a_head_without_signature_is_found(signed: Database) -> None:
    """While a key is set, an unsigned head is not hoist's."""
    with behind_its_back(signed) as db:
        chain.keep_head(db, "sealed", replace(journal.head(db), signature=""))
        (finding,) = verify(db, None, KEY).findings
    assert finding.said.startswith("the kept head is not signed: ")


# --- removed for its age, and erased ---------------------------------------------------------------------------------------


def test_what_was_removed_for_its_age_leaves_a_chain(database: Database) -> None:
    """The rest follows from where the removed ended; heads from before are told apart from wrong ones."""
    told(database)
    seal(database, "here", 10_000)
    early = given_of(database)
    assert trim(database, "here", 4_000 + 5 * DAY, 5 * DAY) == 3
    told(database, LINES + 1, LINES + 1)
    seal(database, "here", 20_000)
    found = verified(database, early)
    assert (found.findings, found.first, found.sealed) == ((), 4, LINES - 3 + 2)
    (finding,) = verified(database, GivenHead(2, "1" * 64)).findings
    assert finding.said == "the head that was given is that of position 2, and lines are kept from 4 on, so it can't be compared"
    with behind_its_back(database) as db:
        db.exec_driver_sql("DELETE FROM journal WHERE line = 4")
        assert {finding.line for finding in verify(db).findings} >= {5}


def test_a_beginning_that_somebody_cut_off_is_found(sealed: Database) -> None:
    """A kept end of what was removed does not help without the line in which hoist says that it removed it."""
    with behind_its_back(sealed) as db:
        row = db.exec_driver_sql("SELECT hash FROM journal WHERE line = 3").scalar_one()
        chain.keep_head(db, "trimmed", Head(3, row, 1, line=3))
        db.exec_driver_sql("DELETE FROM journal WHERE line <= 3")
        db.exec_driver_sql("DELETE FROM journal_personal WHERE line <= 3")
        (finding,) = verify(db).findings
    assert finding.said == "lines up to position 3 are gone, and no line says that hoist removed them for their age"


def test_what_was_erased_leaves_a_chain(database: Database) -> None:
    """After an erasure the journal is whole and says how many values went; one value more than that is found."""
    told(database)
    seal(database, "here", 10_000)
    given = given_of(database)
    erase(database, "Anna 3", 11_000)
    assert verified(database, given).findings == ()
    seal(database, "here", 12_000)
    found = verified(database, given)
    assert (found.findings, found.erased, found.sealed) == ((), 1, LINES + 1)
    with behind_its_back(database) as db:
        db.exec_driver_sql("DELETE FROM journal_personal WHERE line = 4")
        (finding,) = verify(db).findings
    assert finding.line == 4
