"""Lines are sealed once, in the order of their commits, whoever seals and whenever it dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import text

from agent.errors import ConfigError
from agent.journal.sealing import LEASE_LENGTH, Sealer, seal, sign_anew, trim
from agent.journal.verification import verify
from agent.settings import JournalSettings
from agent.store import chain, journal, leases
from agent.store.database import Database, open_database
from agent.store.journal import ROOT, Personal
from connectors.errors import AskAdmin
from connectors.secrets import Secret
from rules.instants import DAY, SECOND

KEY = b"k" * 64


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "hoist.db")
    yield opened
    opened.close()


def told(database: Database, number: int = 1, at: int = 1_000) -> None:
    with database.transaction() as db:
        for each in range(number):
            journal.append(db, "said", at + each, "desk", "7", words=f"line {each}")


def whole(database: Database) -> tuple[int, int]:
    """Sealed and fresh lines of a journal in which nothing is wrong."""
    with database.reading() as db:
        found = verify(db)
    assert found.findings == ()
    return found.sealed, found.fresh


def test_each_line_follows_from_the_one_before(database: Database) -> None:
    """Positions count from one, the first line follows the root, the head is the last one's, with the instant of sealing."""
    told(database, 3)
    assert seal(database, "here", 5_000) == 3
    with database.reading() as db:
        lines = list(journal.lines(db))
        head = journal.head(db)
    assert [line.position for line in lines] == [1, 2, 3]
    assert [line.previous for line in lines] == [ROOT, *(line.hash for line in lines[:-1])]
    assert (head.position, head.hash, head.at, head.signature) == (3, lines[-1].hash, 5_000, "")
    assert str(head) == f"3:{head.hash}"


def test_what_is_sealed_stays_as_it_is(database: Database) -> None:
    """Sealing again seals what is new, and writes nothing where nothing is."""
    told(database, 2)
    seal(database, "here", 5_000)
    with database.reading() as db:
        before = list(journal.lines(db))
    assert seal(database, "here", 6_000) == 0
    told(database)
    assert seal(database, "here", 7_000) == 1
    with database.reading() as db:
        assert list(journal.lines(db))[:2] == before
    assert whole(database) == (3, 0)


def test_what_was_committed_when_hoist_died_is_sealed_by_the_next(database: Database, tmp_path: Path) -> None:
    """A crash between commit and seal leaves lines that wait; after the dead one's lease they are sealed by another process."""
    told(database, 2)
    assert seal(database, "dead", 1_000) == 2
    told(database, 3)
    database.close()
    again = open_database(tmp_path / "hoist.db")
    assert whole(again) == (2, 3)
    assert seal(again, "next", 1_000 + LEASE_LENGTH - 1) == 0
    assert whole(again) == (2, 3)
    assert seal(again, "next", 1_000 + LEASE_LENGTH) == 3
    assert whole(again) == (5, 0)
    again.close()


def test_a_sealing_that_dies_half_way_sealed_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links and head are of one transaction: no crash leaves one without the other."""
    told(database, 3)

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(chain, "keep_head", full)
        with pytest.raises(OSError, match="full"):
            seal(database, "here", 5_000)
    assert whole(database) == (0, 3)
    assert seal(database, "here", 5_000) == 3


def test_two_processes_never_fork_the_chain(database: Database, tmp_path: Path) -> None:
    """Two sealers and two writers on one store at once, with leases that end meanwhile: one chain, every line in it once."""
    other = open_database(tmp_path / "hoist.db")
    barrier = Barrier(4)

    def write(store: Database) -> None:
        barrier.wait()
        for _ in range(30):
            told(store, 3)

    def work(store: Database, holder: str) -> None:
        barrier.wait()
        for turn in range(60):
            seal(store, holder, 1_000 + turn * LEASE_LENGTH)

    threads = [Thread(target=write, args=(store,)) for store in (database, other)]
    threads += [Thread(target=work, args=(store, name)) for store, name in ((database, "one"), (other, "two"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal(database, "last", 10**9)
    assert whole(database) == (180, 0)
    with database.reading() as db:
        assert [line.line for line in journal.lines(db)] == [line.position for line in journal.lines(db)]
    other.close()


def test_a_head_that_somebody_took_away_stops_nobody(database: Database) -> None:
    """hoist goes on and seals; verifying tells what happened."""
    told(database, 3)
    seal(database, "here", 5_000)
    with database.transaction() as db:
        db.execute(text("DELETE FROM journal_heads"))
    told(database, 1)
    assert seal(database, "here", 6_000) == 1
    with database.reading() as db:
        (finding,) = verify(db).findings
    assert (finding.line, finding.said) == (
        4,
        "it does not follow from the line before: one of the two was changed, moved or put in",
    )


def test_sealing_costs_little(database: Database) -> None:
    """Ten thousand lines are sealed in well under a second of work, and appending one takes some hundredths of a millisecond."""
    begun = time.process_time()
    told(database, 10_000)
    appended = time.process_time() - begun
    begun = time.process_time()
    assert seal(database, "here", 5_000) == 10_000
    assert time.process_time() - begun < 1.5
    assert appended < 1.5


# --- retention -----------------------------------------------------------------------------------------------------------


def test_only_the_beginning_is_removed(database: Database) -> None:
    """A line that is to be kept keeps all behind it, whatever the clocks of their sources say; what is not sealed stays."""
    for at in (1_000, 2_000, 9_000, 3_000):
        told(database, at=at)
    seal(database, "here", 10_000)
    told(database, at=1_500)
    assert trim(database, "here", DAY + 5_000, DAY) == 2
    assert trim(database, "here", DAY + 5_000, DAY) == 0
    with database.reading() as db:
        assert [line.at for line in journal.lines(db, "desk")] == [9_000, 3_000, 1_500]
        (told_of,) = journal.lines(db, kind="journal-trimmed")
    assert (told_of.data["position"], told_of.data["lines"]) == (2, 2)
    assert whole(database) == (2, 2)


def test_all_may_be_older_than_is_kept(database: Database) -> None:
    """After a long pause nothing is left but the line that says so; the chain goes on from it."""
    told(database, 5)
    seal(database, "here", 10_000)
    assert trim(database, "here", 3 * DAY, DAY) == 5
    seal(database, "here", 3 * DAY)
    assert whole(database) == (1, 0)
    told(database, 1, at=3 * DAY)
    seal(database, "here", 3 * DAY)
    assert trim(database, "here", 30 * DAY, DAY) == 2
    seal(database, "here", 30 * DAY)
    with database.reading() as db:
        found = verify(db)
    assert (found.findings, found.first, found.sealed) == ((), 8, 1)


def test_personal_values_go_with_their_lines(database: Database, tmp_path: Path) -> None:
    """What was removed for its age leaves none of its values behind, not even as bytes in the file."""
    with database.transaction() as db:
        journal.append(db, "approved", 1_000, "desk", by=Personal("zqanna@example.com"))
    seal(database, "here", 10_000)
    trim(database, "here", 3 * DAY, DAY)
    database.close()
    assert b"zqanna" not in (tmp_path / "hoist.db").read_bytes()


# --- the sealer of hoist run -----------------------------------------------------------------------------------------------


def test_a_turn_seals_at_most_once_a_second(database: Database) -> None:
    """Turns that follow each other closely cost nothing; a clock that is set back stops nothing."""
    sealer = Sealer(database, JournalSettings(), "here")
    for now, sealed in ((100 * SECOND, 1), (100 * SECOND + 999, 1), (101 * SECOND, 3), (50 * SECOND, 4)):
        told(database)
        sealer.turn(now)
        assert whole(database)[0] == sealed


def test_the_end_of_a_run_lets_the_next_begin(database: Database) -> None:
    """What the last turn told is sealed, and another process need not wait for the lease."""
    sealer = Sealer(database, JournalSettings(), "here")
    told(database)
    sealer.turn(SECOND)
    told(database)
    sealer.end(SECOND + 1)
    assert whole(database) == (2, 0)
    with database.transaction() as db:
        assert leases.take(db, "journal", "next", SECOND + 2, LEASE_LENGTH) is not None


def test_what_is_too_old_goes_once_a_day(database: Database) -> None:
    """With `keep`, hoist run removes what is older; without it nothing ever goes."""
    told(database, at=DAY)
    Sealer(database, JournalSettings(), "here").turn(900 * DAY)
    assert whole(database) == (1, 0)
    sealer = Sealer(database, JournalSettings(400 * DAY), "here")
    sealer.turn(400 * DAY)
    assert whole(database) == (1, 0)
    sealer.turn(401 * DAY - 1)
    assert whole(database) == (1, 0), "a day has not gone by"
    sealer.turn(401 * DAY + 1)
    sealer.turn(401 * DAY + SECOND + 1)
    with database.reading() as db:
        assert [line.kind for line in journal.lines(db)] == ["journal-trimmed"]


# --- keys ----------------------------------------------------------------------------------------------------------------


def test_a_key_that_is_none_is_said_at_once(tmp_path: Path) -> None:
    """A key that is missing or short stops hoist with what to do, and the sentence does not repeat it."""
    file = tmp_path / "key"
    settings = JournalSettings(signing_key=Secret(f"file:{file}"))
    with pytest.raises(AskAdmin, match="is not there: write the secret into it"):
        settings.key()
    file.write_text("zq-short")
    with pytest.raises(ConfigError, match="shorter than 32 characters: make one with") as said:
        settings.key()
    assert "zq" not in str(said.value)
    file.write_text("k" * 64)
    assert settings.key() == KEY


def test_a_key_that_was_changed_is_taken_over_by_a_person(database: Database) -> None:
    """With a new key hoist goes on and does not sign; sign_anew does, and the journal says that signing began anew."""
    other = b"o" * 64
    told(database)
    seal(database, "here", 1_000, KEY)
    told(database)
    seal(database, "here", 2_000, other)
    with database.reading() as db:
        assert verify(db, None, other).signed is False
    head = sign_anew(database, "here", 3_000, other)
    assert head is not None
    with database.reading() as db:
        found = verify(db, None, other)
        assert (found.signed, found.findings, found.fresh) == (True, (), 0)
        assert len(list(journal.lines(db, kind="journal-signed-from-here"))) == 2
    assert sign_anew(database, "somebody else", 3_001, other) is None


def test_signing_begins_without_a_new_line(database: Database) -> None:
    """Once a key is set, the head is signed at the next turn, though nothing happened."""
    told(database)
    seal(database, "here", 1_000)
    assert seal(database, "here", 2_000, KEY) == 1
    assert seal(database, "here", 3_000, KEY) == 0
    with database.reading() as db:
        assert verify(db, None, KEY).signed is True
