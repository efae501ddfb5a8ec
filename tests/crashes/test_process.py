"""The process is stopped and goes on, the clock is set, two of them run on one store, and a proxy drops answers."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path

from agent.store import sources
from agent.store.database import open_database
from rules.instants import HOUR, MINUTE
from tests.crashes.proxy import dropping
from tests.crashes.stage import NONE, SOURCE, Stage, stage, until


def problem(it: Stage) -> str:
    """Why the source stands still, by the store."""
    with closing(open_database(it.store)) as database, database.reading() as db:
        row = sources.found_source(db, SOURCE)
    return row.problem if row else ""


def test_a_process_that_stood_still_for_longer_than_its_lease_repeats_nothing(tmp_path: Path) -> None:
    """SIGSTOP for four minutes with writes under way, then SIGCONT: it goes on, and each escalation is there once."""
    with stage(tmp_path, 20, faults=NONE) as it:
        it.ahead.go_on(3 * MINUTE)
        with it.running() as hoist:
            hoist.wait_until_it_runs()
            it.until_written(1)
            hoist.process.send_signal(signal.SIGSTOP)
            it.ahead.go_on(4 * MINUTE)
            hoist.process.send_signal(signal.SIGCONT)
            before = len(it.ask("record")["effects"])
            it.until_written(before + 2)
        it.come_to_rest()
        assert it.judge()["escalations"] >= 16


def test_a_clock_that_is_set_forward_and_back_changes_nothing_in_the_end(tmp_path: Path) -> None:
    """Three hours ahead nothing is written, and the status says why; set right again, hoist goes on by itself."""
    with stage(tmp_path, 20, faults=NONE) as it:
        with it.running() as hoist:
            hoist.wait_until_it_runs()
            it.until_written(2)
            for milliseconds in (3 * HOUR, -5 * HOUR):
                it.ahead.set_the_wall_clock(milliseconds)
                until(lambda: "clock is" in problem(it), "the wrong clock is noticed")
            it.ahead.set_the_wall_clock(2 * HOUR)
            it.ahead.go_on(MINUTE)
            it.until_written(4)
            hoist.process.send_signal(signal.SIGTERM)
            _, log = hoist.rest()
        assert hoist.process.returncode == 0, log
        it.come_to_rest()
        assert it.judge()["escalations"] >= 16


def test_two_on_one_store_where_the_lock_was_taken_away_write_each_escalation_once(tmp_path: Path) -> None:
    """The second one is refused; where somebody deletes the lock, leases in the store still keep them apart."""
    with stage(tmp_path, 20, faults=NONE) as it:
        it.ahead.go_on(3 * MINUTE)
        with it.running() as first:
            first.wait_until_it_runs()
            refused = it.hoist("run", "--once")
            assert refused.code == 2
            assert "another hoist is running" in refused.words
            it.store.with_name("hoist.db.lock").unlink()
            with it.running() as second:
                second.wait_until_it_runs()
                it.ahead.go_on(MINUTE)
                it.until_written(24)
                for each in (first, second):
                    each.process.send_signal(signal.SIGTERM)
                logs = [each.rest()[1] for each in (first, second)]
        assert [first.process.returncode, second.process.returncode] == [0, 0], logs
        it.come_to_rest()
        assert it.judge()["escalations"] >= 16


def test_a_proxy_that_drops_answers_makes_nothing_happen_twice(tmp_path: Path) -> None:
    """Every sixth answer never arrives, of reads and writes alike: hoist goes on, and each escalation is there once."""
    with stage(tmp_path, 12, faults=NONE) as it, dropping(it.told["settings"]["url"], every=6) as url:
        it.write(url)
        it.ahead.go_on(3 * MINUTE)
        with it.running() as hoist:
            try:
                hoist.wait_until_it_runs()
                it.until_written(4)
            finally:
                hoist.process.kill()
        it.write()
        it.come_to_rest()
        assert it.judge()["escalations"] >= 9


def test_told_to_stop_it_leaves_nothing_open(tmp_path: Path) -> None:
    """SIGTERM in the middle of many writes: what is under way is finished, and nothing has to be looked for."""
    with stage(tmp_path, 12, faults=NONE) as it:
        it.ahead.go_on(3 * MINUTE)
        with it.running() as hoist:
            hoist.wait_until_it_runs()
            it.until_written(1)
            hoist.process.send_signal(signal.SIGTERM)
            hoist.rest()
        assert hoist.process.returncode == 0
        assert not {"sent", "unknown", "claimed"} & it.unsettled().keys()
