"""What stands still is noticed, and the heartbeat that others wait for stops."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Connection, update

from agent.heartbeat import Heart, post
from agent.settings import HeartbeatSettings
from agent.store import journal, stalled
from agent.store.tables import tickets
from agent.watchdog import STALLED_AFTER, Stage, Watchdog, sealing, stages_of
from connectors.errors import TryLater
from rules.instants import HOUR, MINUTE
from tests.agent.desk import NEVER, Desk

ALIVE = Stage("desk", "writing", due=True, mark=0)


def stages(desk: Desk) -> Sequence[Stage]:
    with desk.database.transaction() as db:
        return stages_of(db, desk.pipeline)


def test_work_without_progress_is_a_stall() -> None:
    """A stage that is due and gets no further for ten minutes has stalled; one step forward, and it has not."""
    watchdog = Watchdog()
    assert watchdog.look([ALIVE], 0) == []
    assert watchdog.look([ALIVE], STALLED_AFTER) == []
    [said] = watchdog.look([ALIVE], STALLED_AFTER + MINUTE)
    assert said == "desk: writing has got no further for 11 minutes although there is work for it"
    assert watchdog.look([Stage("desk", "writing", due=True, mark=1)], STALLED_AFTER + 2 * MINUTE) == []


def test_nothing_to_do_is_no_stall() -> None:
    """A quiet night stalls nothing, and the time is counted from when there was work."""
    watchdog = Watchdog()
    idle = Stage("desk", "writing", due=False, mark=0)
    for minute in range(0, 100, 10):
        assert watchdog.look([idle], minute * MINUTE) == []
    assert watchdog.look([ALIVE], 100 * MINUTE) == []
    assert watchdog.look([ALIVE], 105 * MINUTE) == []


def test_a_desk_at_work_never_stalls(tmp_path: Path) -> None:
    """Hours of ordinary work stall no stage."""
    desk, watchdog = Desk(tmp_path), Watchdog()
    said: list[str] = []

    def meanwhile() -> None:
        if desk.turns % 20 == 0:
            desk.ticket()
        said.extend(watchdog.look(stages(desk), desk.clock.now()))

    desk.run(4 * HOUR, meanwhile=meanwhile)
    assert said == []


def test_a_source_that_does_not_answer_stalls_reading(tmp_path: Path) -> None:
    """A helpdesk that gives nothing for long stalls the reading, and by name."""
    desk, watchdog = Desk(tmp_path, NEVER), Watchdog()
    desk.run(10 * MINUTE)
    for _ in range(200):
        desk.helpdesk.fail_next(TryLater("down", 60.0), on="search")
    said: list[str] = []
    desk.run(HOUR, meanwhile=lambda: said.extend(watchdog.look(stages(desk), desk.clock.now())))
    assert {each.partition(" has ")[0] for each in said} == {"desk: reading"}


def test_tickets_that_nobody_looks_at_are_noticed(tmp_path: Path) -> None:
    """A due ticket that is not looked at is a stall of looking."""
    desk, watchdog = Desk(tmp_path, NEVER), Watchdog()
    desk.ticket()
    desk.run(10 * MINUTE)
    with desk.database.transaction() as db:
        db.execute(update(tickets).values(next_look=desk.clock.now() - MINUTE))
    begun = desk.clock.now()
    watchdog.look(stages(desk), begun)
    said = watchdog.look(stages(desk), begun + 2 * STALLED_AFTER)
    assert any("looking" in each for each in said)


def test_lines_that_nobody_seals_are_noticed(tmp_path: Path) -> None:
    """A journal whose lines are never sealed is a stall."""
    desk, watchdog = Desk(tmp_path, NEVER), Watchdog()
    with desk.database.transaction() as db:
        journal.append(db, "rules", desk.clock.now(), "desk")
    with desk.database.reading() as db:
        assert watchdog.look([sealing(db)], 0) == []
        [said] = watchdog.look([sealing(db)], 2 * STALLED_AFTER)
    assert said.startswith("sealing the journal has got no further")


class Beats:
    """A heart whose outward beats are counted."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.sent, self.stages = desk, list[bytes](), [ALIVE]
        self.file = folder / "alive"
        settings = HeartbeatSettings(self.file, "https://example.com/ping/secret", MINUTE)
        self.heart = Heart(desk.database, desk.clock, desk.store, settings, "abcd", lambda _, body: self.sent.append(body))

    def wait(self, milliseconds: int) -> None:
        self.desk.clock.jump(self.desk.clock.now() + milliseconds)
        self.heart.turn(self.of)

    def of(self, _: Connection) -> Sequence[Stage]:
        return self.stages


@pytest.fixture
def beats(tmp_path: Path) -> Beats:
    return Beats(Desk(tmp_path, NEVER), tmp_path)


def test_the_heart_beats_once_a_minute_and_carries_the_head(beats: Beats) -> None:
    """File and URL get who hoist is, when, and the head of the journal's chain."""
    for _ in range(10):
        beats.wait(MINUTE // 2)
    assert len(beats.sent) == 5
    with beats.desk.database.reading() as db:
        head = journal.head(db)
    told = json.loads(beats.sent[-1])
    assert (told["installation"], told["journal"]) == ("abcd", {"position": head.position, "hash": head.hash})
    assert json.loads(beats.file.read_text())["at"].startswith("2026-03-02T08:0")


def test_the_heart_stops_with_a_stalled_stage(beats: Beats) -> None:
    """Once a stage has stalled nobody is told that all is well, and the status knows why; when it goes on, the heart beats."""
    for _ in range(40):
        beats.wait(MINUTE // 2)
    before = len(beats.sent)
    assert before < 13
    beats.wait(MINUTE)
    assert len(beats.sent) == before
    with beats.desk.database.reading() as db:
        [said] = stalled.kept(db)
    assert "desk: writing" in said
    beats.stages = [Stage("desk", "writing", due=True, mark=1)]
    beats.wait(MINUTE)
    assert len(beats.sent) == before + 1
    with beats.desk.database.reading() as db:
        assert stalled.kept(db) == ()


def test_a_file_that_can_not_be_written_stops_nothing(beats: Beats, caplog: pytest.LogCaptureFixture) -> None:
    """A heartbeat file in a folder that is gone is said in the log; hoist goes on."""
    beats.heart._settings = HeartbeatSettings(beats.file / "no" / "such", "", MINUTE)
    beats.wait(MINUTE)
    assert "can't be written" in caplog.text


@contextmanager
def listening(status: int) -> Iterator[tuple[str, list[bytes]]]:
    """A dead-man switch on loopback that answers with a status."""
    got: list[bytes] = []

    class Switch(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Switch)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ping/secret", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_switch_gets_the_beat() -> None:
    """A beat reaches the URL as it is."""
    with listening(200) as (url, got):
        post(url, b'{"at":"now"}')
    assert got == [b'{"at":"now"}']


@pytest.mark.parametrize("status", [302, 404, 503])
def test_a_switch_that_refuses_is_said_without_its_secret(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """What the switch answers is said in the log, the URL's secret path is not."""
    with listening(status) as (url, _):
        post(url, b"{}")
    assert str(status) in caplog.text
    assert "secret" not in caplog.text


def test_a_switch_that_is_not_there_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody at the URL: a line in the log, and no error."""
    with listening(200) as (url, _):
        pass
    post(url, b"{}")
    assert "was not taken" in caplog.text
    assert "secret" not in caplog.text
