from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.app import App
from agent.clock import SteppedClock
from agent.config import load_settings
from agent.errors import ConfigError
from agent.status import status
from agent.store import journal
from agent.store.database import Database, open_database
from connectors.errors import TryLater
from rules.instants import MINUTE, SECOND, Instant, instant, moment
from rules.language.problems import RulebookError
from rules.world import Directory
from tests.agent.command_line import RULES, Desk, desk

MONDAY = instant(moment(0).replace(year=2026, month=3, day=2, hour=9))


class Running:
    """The agent beside a desk, on a clock that the test moves."""

    def __init__(self, it: Desk, clock: SteppedClock, database: Database) -> None:
        self.it, self.clock, self.database = it, clock, database
        self.app = App(load_settings(it.config, {}), database, clock)

    def wait(self, milliseconds: int) -> None:
        """Let time pass, and the agent do what is due then."""
        self.clock.jump(self.clock.now() + milliseconds)
        self.app.turn()

    def refused(self) -> str:
        return status(self.database, self.clock.now(), {}).refused_rules

    def rules(self, text: str) -> None:
        """Write the rules anew; the size of the file tells that it changed, whatever the file system's stamps are."""
        (self.it.folder / "protocol" / "rules.yaml").write_text(text, encoding="utf-8")


@contextmanager
def running(folder: Path, at: Instant = MONDAY) -> Iterator[Running]:
    clock = SteppedClock(at)
    with desk(folder, clock=clock.now) as it, closing(open_database(folder / "hoist.db")) as database:
        yield Running(it, clock, database)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as made:
        yield made


SECOND_RULE = """\
  - rule: waits-long
    title: Waits long
    when: {status: open, assignee: {not: nobody}}
    for: 1 hour
    do:
      - comment: "Still open."
"""


def test_a_malformed_rulebook_never_starts_the_agent(run: Running) -> None:
    """With a mistake in the rules nothing starts, nothing is noted and nothing is written."""
    run.rules(RULES.replace("do:", "od:"))
    with pytest.raises(RulebookError, match="did you mean"):
        run.app.start()
    assert run.app.pipelines == []
    assert status(run.database, MONDAY, {}).sources == ()
    assert run.it.untouched()


def test_a_malformed_change_stops_nothing(run: Running) -> None:
    """Changed rules with a mistake are refused, said by the status until they are mended, and the former ones go on."""
    run.app.start()
    run.wait(2 * SECOND)
    assert len(run.it.record()[1]) == 1
    run.rules(RULES + SECOND_RULE.replace("when:", "whn:"))
    run.wait(10 * SECOND)
    assert 'did you mean "when"' in run.refused()
    assert not status(run.database, run.clock.now(), {}).healthy
    assert run.app.pipelines[0].ruling.rules.by_id.keys() == {"nobody-took-it"}
    run.wait(10 * SECOND)
    assert "whn" in run.refused()
    run.rules(RULES + SECOND_RULE)
    run.wait(10 * SECOND)
    assert run.refused() == ""
    assert run.app.pipelines[0].ruling.rules.by_id.keys() == {"nobody-took-it", "waits-long"}
    run.wait(2 * SECOND)
    assert sorted(comment.text.splitlines()[0] for comment in run.it.record()[1]) == ["Nobody took it", "Waits long"]


def test_a_mistake_taken_back_is_no_longer_said(run: Running) -> None:
    """Where the former text comes back, the refusal is over too."""
    run.app.start()
    run.rules("rules: 1")
    run.wait(10 * SECOND)
    assert run.refused()
    run.rules(RULES)
    run.wait(10 * SECOND)
    assert run.refused() == ""


def test_rules_that_do_not_fit_the_helpdesk_are_refused_like_misspelt_ones(run: Running) -> None:
    """A change that names what the helpdesk does not have leaves the former rules in force."""
    run.app.start()
    organisation = run.it.folder / "protocol" / "organisation.yaml"
    organisation.write_text(organisation.read_text(encoding="utf-8").replace("jira: Network", "jira: Netwerk"), encoding="utf-8")
    run.wait(10 * SECOND)
    assert "jira has no team 'Netwerk'; did you mean 'Network'?" in run.refused()


RESTRICTED = RULES.replace("do:\n", "do:\n      - restrict: network\n")


def test_what_the_helpdesk_can_not_do_keeps_hoist_from_starting(run: Running) -> None:
    """The source is named with the rule and its line; nothing is read, noted or written."""
    run.rules(RESTRICTED)
    said = r"rules\.yaml:2, rule nobody-took-it: jira \(jira .*\) can't restrict who reads a ticket"
    with pytest.raises(ConfigError, match=said):
        run.app.start()
    assert run.app.pipelines == []
    assert run.it.untouched()


def test_what_the_helpdesk_can_not_do_is_refused_of_changed_rules_too(run: Running) -> None:
    """The former rules stay in force, and go on acting, until the new ones are mended."""
    run.app.start()
    before = run.app.pipelines[0].ruling.rules.version
    run.rules(RESTRICTED)
    run.wait(10 * SECOND)
    assert "jira (jira as it is set up here) can't restrict who reads a ticket" in run.refused()
    assert run.app.pipelines[0].ruling.rules.version == before
    assert len(run.it.record()[1]) == 1


def test_a_protocol_that_vanishes_stops_nothing(run: Running) -> None:
    """Somebody who moves the folder away for a while is told, and the agent goes on."""
    run.app.start()
    protocol = run.it.folder / "protocol"
    protocol.rename(run.it.folder / "away")
    run.wait(10 * SECOND)
    assert "organisation.yaml" in run.refused()
    (run.it.folder / "away").rename(protocol)
    run.wait(10 * SECOND)
    assert run.refused() == ""


def test_a_team_that_the_helpdesk_has_got_meanwhile_is_found(run: Running) -> None:
    """Changed rules may name a team made after hoist was started: the helpdesk is asked again before they are refused."""
    run.app.start()
    # The sandbox's teams are fixed, so what hoist knew at the start is made older instead.
    known = run.app.rules.directories["jira"]
    run.app.rules.directories["jira"] = Directory({}, known.priorities, known.statuses, known.people, "older")
    run.rules(RULES + SECOND_RULE)
    run.wait(10 * SECOND)
    assert run.refused() == ""
    assert "waits-long" in run.app.pipelines[0].ruling.rules.by_id


def test_while_the_helpdesk_does_not_answer_new_names_wait(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the helpdesk can't be asked about an unknown name, the change waits and is taken over once it answers."""
    run.app.start()
    known = run.app.rules.directories["jira"]
    run.app.rules.directories["jira"] = Directory({}, known.priorities, known.statuses, known.people, "older")
    run.rules(RULES + SECOND_RULE)

    def silent() -> Directory:
        raise TryLater("jira: it can't be reached", 30)

    with monkeypatch.context() as patched:
        patched.setattr(run.app.pipelines[0].connector, "directory", silent)
        run.wait(10 * SECOND)
        assert "could not be compared with the helpdesk's names yet" in run.refused()
    run.wait(10 * SECOND)
    assert run.refused() == ""


def test_another_instance_is_not_taken_for_the_same(run: Running, tmp_path: Path) -> None:
    """A store that was filled from one site refuses another under the same name, before anything is read or written."""
    run.app.start()
    run.wait(MINUTE)
    other = tmp_path / "other"
    other.mkdir()
    with desk(other, clock=run.clock.now) as it:
        settings = load_settings(it.config, {"HOIST_STORE": str(tmp_path / "hoist.db")})
        with pytest.raises(ConfigError, match="but the store was filled from"):
            App(settings, run.database, run.clock).start()
        assert it.untouched()


ROTA = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART:20260105T000000Z
DTEND:20260112T000000Z
RRULE:FREQ=WEEKLY
ATTENDEE:mailto:nora@example.com
END:VEVENT
END:VCALENDAR
"""


def with_outside(run: Running) -> None:
    """The organisation names a list and a rota in files; a rule comments tickets while a window is on."""
    protocol = run.it.folder / "protocol"
    (protocol / "vip.txt").write_text("vera@example.com\n", encoding="utf-8")
    (protocol / "network.ics").write_text(ROTA, encoding="utf-8")
    organisation = protocol / "organisation.yaml"
    text = organisation.read_text(encoding="utf-8").replace("{jira: Network}", "{jira: Network, on_call: network.ics}")
    organisation.write_text(text + "lists: {vip: {file: vip.txt}}\n", encoding="utf-8")


def outside_lines(run: Running) -> list[tuple[str, object]]:
    with run.database.reading() as db:
        return [(line.kind, line.data.get("name") or line.data["said"]) for line in journal.lines(db, source="")]


def test_a_list_that_changes_while_hoist_runs_counts_at_once(run: Running) -> None:
    """F13: tickets are looked at again under the new list; the change is in the journal."""
    with_outside(run)
    run.app.start()
    before = run.app.pipelines[0].ruling
    assert before.rules.world.lists == {"vip": {"vera@example.com"}}
    (run.it.folder / "protocol" / "vip.txt").write_text("vera@example.com\nwim@example.com\n", encoding="utf-8")
    run.wait(10 * SECOND)
    after = run.app.pipelines[0].ruling
    assert after.rules.world.lists == {"vip": {"vera@example.com", "wim@example.com"}}
    assert after.generation == before.generation + 1
    assert sorted(outside_lines(run)) == [
        ("outside-read", "network.ics"),
        ("outside-read", "vip.txt"),
        ("outside-read", "vip.txt"),
    ]


def test_a_rota_that_changes_while_hoist_runs_names_the_next_one_without_a_sweep(run: Running) -> None:
    """F13, F14: who is on duty matters when something is written, so no ticket has to be looked at again."""
    with_outside(run)
    run.app.start()
    before = run.app.pipelines[0].ruling
    assert before.rules.world.rotas["network.ics"].on_duty(MONDAY) == ("nora@example.com",)
    (run.it.folder / "protocol" / "network.ics").write_text(ROTA.replace("nora@", "wim-2@"), encoding="utf-8")
    run.wait(10 * SECOND)
    after = run.app.pipelines[0].ruling
    assert after.rules.world.rotas["network.ics"].on_duty(MONDAY) == ("wim-2@example.com",)
    assert after.generation == before.generation


def test_a_rota_that_vanishes_stops_nothing(run: Running) -> None:
    """The last good copy goes on, it is said once, and tickets are escalated as before."""
    with_outside(run)
    run.app.start()
    (run.it.folder / "protocol" / "network.ics").unlink()
    for _ in range(3):
        run.wait(10 * SECOND)
    assert run.app.pipelines[0].ruling.rules.world.rotas["network.ics"].on_duty(MONDAY) == ("nora@example.com",)
    (said,) = [said for kind, said in outside_lines(run) if kind == "outside-unreadable"]
    assert "the rota network.ics can't be read" in str(said)
    assert len(run.it.record()[1]) == 1
