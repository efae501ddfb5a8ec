"""What one process at a time may do is done by one, and goes on after that one has died."""

from __future__ import annotations

from threading import Barrier, Thread

from agent.store import leases
from agent.store.database import Database
from agent.store.leases import Lease

LENGTH = 30_000


def taken(database: Database, holder: str, now: int, length: int = LENGTH) -> Lease | None:
    with database.transaction() as db:
        return leases.take(db, "seal", holder, now, length)


def test_one_holds_it_until_it_ends(database: Database) -> None:
    """A second process gets the lease at its end and not a millisecond before; the fence rises."""
    assert taken(database, "one", 1_000) == Lease("seal", "one", 1, 31_000)
    assert taken(database, "two", 30_999) is None
    assert taken(database, "two", 31_000) == Lease("seal", "two", 2, 61_000)
    assert taken(database, "one", 31_001) is None


def test_the_holder_extends_its_own(database: Database) -> None:
    """As long as it comes back in time it keeps the lease and its fence; too late, it is as new."""
    first = taken(database, "one", 1_000)
    assert taken(database, "one", 20_000) == Lease("seal", "one", 1, 50_000)
    late = taken(database, "one", 50_000)
    assert late == Lease("seal", "one", 2, 80_000)
    assert first is not None
    assert late is not None
    with database.reading() as db:
        assert not leases.holds(db, first, 50_001)
        assert leases.holds(db, late, 50_001)
        assert not leases.holds(db, late, 80_000)


def test_what_is_released_is_free(database: Database) -> None:
    """Whoever stops in good order keeps nobody waiting, and releases nobody else's lease."""
    taken(database, "one", 1_000)
    with database.transaction() as db:
        leases.release(db, "seal", "two")
    assert taken(database, "two", 1_001) is None
    with database.transaction() as db:
        leases.release(db, "seal", "one")
    assert taken(database, "two", 1_002) == Lease("seal", "two", 2, 31_002)


def test_a_clock_that_was_wrong_holds_nobody_up(database: Database) -> None:
    """A lease taken while the clock ran a year ahead is over once the clock is right again."""
    taken(database, "one", 31_536_000_000)
    assert taken(database, "two", 1_000) == Lease("seal", "two", 2, 31_000)


def test_leases_of_other_names_are_others(database: Database) -> None:
    """Two jobs are held by two processes at once."""
    taken(database, "one", 1_000)
    with database.transaction() as db:
        assert leases.take(db, "other", "two", 1_000, LENGTH) is not None
        assert leases.found(db, "nobody's") is None


def test_of_many_at_once_one_gets_it(database: Database) -> None:
    """Eight threads ask in the same moment: one of them holds it."""
    barrier, found = Barrier(8), list[Lease | None]()

    def ask(holder: str) -> None:
        barrier.wait()
        found.append(taken(database, holder, 1_000))

    threads = [Thread(target=ask, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([lease for lease in found if lease is not None]) == 1


def test_no_two_processes_have_one_name() -> None:
    """A name for this process stays the same and tells where it runs."""
    assert leases.this_process() == leases.this_process()
    assert len(leases.this_process().split("/")) == 3
