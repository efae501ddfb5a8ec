"""What an administrator sees of the census, of outages and of what stands still, through the program itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.store import outages, sources, stalled
from agent.store.database import Database, open_database
from agent.store.tables import tickets
from rules.instants import DAY, HOUR, MINUTE
from tests.agent.command_line import TAKEN, Desk, desk, hoist, real_time


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def store(it: Desk) -> closing[Database]:
    return closing(open_database(it.folder / "hoist.db"))


def settings(it: Desk, **more: Any) -> None:
    """hoist.yaml with more in it."""
    written = json.loads(it.config.read_text())
    it.config.write_text(json.dumps({**written, **more}))


def test_status_tells_that_nothing_was_missed(it: Desk) -> None:
    """A turn after the first one counts every ticket: missed 0 of 3, lost 0, and the clocks agree."""
    it.hoist("run", "--once")
    assert "missed not known" in it.hoist("status").words, "what was just read for the first time proves nothing"
    it.hoist("run", "--once")
    said = it.hoist("status")
    assert "missed 0 of 3, census of" in said.words
    assert "lost 0" in said.words
    assert "clock as this machine's, within a second" in said.words
    assert said.code == 0
    source = it.hoist("status", "--json").json["sources"][0]
    assert source["census"]["listed"] == 3
    assert (source["census"]["missed"], source["census"]["lost"], source["census"]["gone"]) == (0, 0, 0)
    assert abs(source["clock_ahead_seconds"]) <= 1


def test_a_missed_ticket_is_counted(it: Desk) -> None:
    """A ticket that the mirror has lost is found by the next census, counted, and read."""
    it.hoist("run", "--once")
    it.hoist("run", "--once")
    with store(it) as database, database.transaction() as db:
        db.execute(tickets.delete().where(tickets.c.key == TAKEN))
        db.exec_driver_sql("UPDATE censuses SET started_at = started_at - ?", (2 * DAY,))
    it.hoist("run", "--once")
    assert "missed 1 of 3" in it.hoist("status").words
    assert it.hoist("why", f"jira:{TAKEN}").code == 0


def test_a_wrong_clock_is_shown(it: Desk) -> None:
    """How far the helpdesk's clock is from this machine's stands in the status."""
    it.hoist("run", "--once")
    with store(it) as database, database.transaction() as db:
        sources.set_clock_ahead(db, "jira", -40 * 1000)
    assert "clock 40 seconds behind this machine's" in it.hoist("status").words


def test_an_outage_is_listed(it: Desk) -> None:
    """After a night without hoist the status lists what fell due and waits for a person, and exits with 1."""
    it.write(rules=RULES_LATER)
    it.hoist("run", "--once")
    assert it.untouched()
    with store(it) as database, database.transaction() as db:
        db.exec_driver_sql(
            "UPDATE installation SET value = ? WHERE name = 'life'",
            (json.dumps({"number": 1, "at": real_time() - 3 * HOUR}),),
        )
        db.exec_driver_sql("UPDATE activations SET activated_at = 0")
    (it.folder / "hoist.db.life").unlink()
    it.write()
    settings(it, after_outage="report only")
    it.hoist("run", "--once")
    said = it.hoist("status")
    assert said.code == 1
    assert "1 fell due meanwhile, 1 of them left to you" in said.words
    assert "nobody-took-it" in said.words
    assert it.untouched()
    assert it.hoist("status", "--json").json["sources"][0]["outage"]["left"] == 1


RULES_LATER = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody}
    for: 90 days
    do: [{escalate: it}]
"""


def test_a_store_that_was_put_back_says_so(it: Desk) -> None:
    """A life file that is ahead of the store: what was written before is read back, and not written again."""
    it.hoist("run", "--once")
    saves, comments = it.record()
    assert (len(saves), len(comments)) == (1, 1)
    life = json.loads((it.folder / "hoist.db.life").read_text())
    for name in ("hoist.db", "hoist.db.life"):
        (it.folder / name).unlink()
    # The store of before the first run: the same installation, the sources known, nothing decided yet.
    it.write(rules=RULES_LATER)
    it.hoist("run", "--once")
    with store(it) as database, database.transaction() as db:
        db.exec_driver_sql("UPDATE installation SET value = ? WHERE name = 'identity'", (life["installation"],))
        db.exec_driver_sql("UPDATE activations SET activated_at = 0")
    (it.folder / "hoist.db.life").write_text(json.dumps({**life, "number": 1_000}))
    it.write()
    it.hoist("run", "--once")
    assert it.record()[0] == saves
    said = it.hoist("status")
    assert said.code == 1
    assert "1 of them left to you" in said.words


def test_a_stalled_stage_is_named(it: Desk) -> None:
    """What gets no further stands in the status in capitals, and the exit code is 1."""
    it.hoist("run", "--once")
    with store(it) as database, database.transaction() as db:
        stalled.keep(db, ["jira: writing has got no further for 11 minutes although there is work for it"])
    said = it.hoist("status")
    assert said.code == 1
    assert "STALLED jira: writing has got no further" in said.words
    assert it.hoist("status", "--json").json["stalled"] == [
        "jira: writing has got no further for 11 minutes although there is work for it"
    ]


def test_the_heartbeat_file_is_written(it: Desk) -> None:
    """With `heartbeat: {file: ...}` a run leaves the head of the journal there, as verify prints it."""
    settings(it, heartbeat={"file": "alive.json", "every": "30 seconds"})
    it.hoist("run", "--once")
    told = json.loads((it.folder / "alive.json").read_text())
    assert told["journal"]["position"] > 0
    with store(it) as database, database.reading() as db:
        life = outages.last_sign(db)
    assert life is not None
    assert real_time() - life.at < HOUR


def test_nobody_accepts_what_has_not_vanished(it: Desk) -> None:
    """`hoist census accept` without an alarm, or for a source that is not there, says so and exits with 2."""
    it.hoist("run", "--once")
    for source in ("jira", "snow"):
        said = hoist("census", "accept", source, "--config", it.config)
        assert said.code == 2
        assert source in said.err


def test_an_administrator_accepts_what_has_vanished(it: Desk) -> None:
    """After the administrator's word the tickets count as gone, with who said it in the journal, and the alarm ends."""
    it.hoist("run", "--once")
    with store(it) as database, database.transaction() as db:
        for number in range(90_000, 90_030):
            db.exec_driver_sql(
                "INSERT INTO tickets SELECT source, ?, 'IT-' || ?, version, 1, known - 1000, gone, urgency, next_look, "
                "generation, body FROM tickets WHERE key = ?",
                (str(number), number, TAKEN),
            )
        db.exec_driver_sql("UPDATE censuses SET started_at = started_at - ?", (2 * DAY,))
    said = it.hoist("run", "--once")
    assert "of 32 open tickets have vanished at once" in said.words
    assert said.code == it.hoist("status").code == 1
    said = hoist("census", "accept", "jira", "--config", it.config)
    assert (said.code, "open tickets that vanished count as gone" in said.words) == (0, True)
    it.hoist("run", "--once")
    said = it.hoist("status")
    assert said.code == 0, said.out
    export = hoist("journal", "export", "--config", it.config).out
    assert '"kind": "census-accepted"' in export
    assert '"known_by": "system account ' in export


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("after_outage: sometimes", "after_outage: expected all, report only, or"),
        ("after_outage: catch_up younger than never", "'never' is no length of time"),
        ("heartbeat: {every: 5 minutes}", "heartbeat: needs a file, a url, or both"),
        ("heartbeat: {url: ftp}", "heartbeat.url: expected a URL, or where it is kept"),
        ("heartbeat: {fil: x}", "fil is not known; did you mean file?"),
    ],
)
def test_mistakes_in_the_settings_are_named(it: Desk, text: str, said: str) -> None:
    """A misspelt policy or heartbeat is said with its place, and nothing is started."""
    found = json.loads(it.config.read_text())
    it.config.write_text(yaml.safe_dump(found) + text + "\n")
    answer = it.hoist("status")
    assert answer.code == 2
    assert said in " ".join(answer.err.split())


def test_every_source_may_be_counted_more_often(it: Desk) -> None:
    """`census_every` is a length of time of each source."""
    found = json.loads(it.config.read_text())
    found["sources"]["jira"]["census_every"] = "often"
    it.config.write_text(json.dumps(found))
    assert "jira.census_every: 'often' is no length of time" in " ".join(it.hoist("status").err.split())
    assert MINUTE < HOUR
