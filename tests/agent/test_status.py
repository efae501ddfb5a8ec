import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from agent.store import quarantine, refused_rules, sources
from agent.store.database import open_database
from agent.store.quarantine import QuarantineRow
from connectors.jira.sandbox import JiraSandbox
from connectors.sandboxes.history import History
from rules.instants import Instant
from tests.agent.command_line import FORGOTTEN, ORGANISATION, Desk, desk, real_time


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def test_before_the_first_run_status_says_what_comes_first(it: Desk) -> None:
    """Without a store `hoist status` names hoist run, and exits with 2."""
    said = it.hoist("status")
    assert said.code == 2
    assert "hoist run makes it" in said.err


def test_after_a_turn_all_is_well(it: Desk) -> None:
    """The status tells how far was read, how many tickets, and what was written; then the exit code is 0."""
    it.hoist("run", "--once")
    said = it.hoist("status")
    assert said.code == 0, said.out
    for sentence in ("tickets 3 rule", "nobody-took-it: 1 escalation", "changes 1 applied", "All is well."):
        assert sentence in said.words
    [source] = it.hoist("status", "--json").json["sources"]
    assert source["tickets"] == 3
    assert source["lag_seconds"] < 60
    assert source["healthy"]


def test_a_parked_change_is_named_by_its_tickets_key(it: Desk) -> None:
    """People know tickets by their keys: the platform's own id is not told in its place, nor before the reason."""
    it.hoist("run", "--once")
    database = open_database(it.folder / "hoist.db")
    with database.transaction() as db:
        db.exec_driver_sql("UPDATE outbox SET state = 'parked', problem = source || ':' || ticket || ': no right to edit'")
    database.close()
    said = it.hoist("status")
    assert f"PARKED {FORGOTTEN} nobody-took-it: no right to edit" in said.words
    [source] = it.hoist("status", "--json").json["sources"]
    assert [each["ticket"] for each in source["parked"]] == [FORGOTTEN]


def test_what_needs_a_person_is_named_and_counted(it: Desk) -> None:
    """A source that stands still, a ticket that could not be mapped and refused rules each show, and the exit code is 1."""
    it.hoist("run", "--once")
    database = open_database(it.folder / "hoist.db")
    with database.transaction() as db:
        sources.set_problem(db, "jira", "jira: 401: renew the token")
        quarantine.put(db, QuarantineRow("jira", "10009", "IT-9", "it has no status", "{}", real_time()))
        refused_rules.refuse(db, 'rules.yaml:3:5: "whn": not a key of a rule')
    database.close()
    said = it.hoist("status")
    assert said.code == 1
    for sentence in (
        "STANDS STILL jira: 401: renew the token",
        "QUARANTINED IT-9: it has no status",
        "REFUSED the changed rules are not in force, the former ones are; mend this:",
        '"whn": not a key of a rule',
        "Something needs a person",
    ):
        assert sentence in said.words
    found = it.hoist("status", "--json").json
    assert not found["healthy"]
    assert found["refused_rules"] == ['rules.yaml:3:5: "whn": not a key of a rule']


class Lossy(JiraSandbox):
    """A site that does what it is asked to and never says so."""

    def __init__(self, *, clock: Callable[[], Instant], history: History, withheld: Collection[str]) -> None:
        super().__init__(clock=clock, history=history, withheld=withheld, faults={"lost-answer": 1})


def test_a_list_that_can_not_be_read_is_named_with_its_last_good_copy(it: Desk) -> None:
    """Since when an old copy counts, or that there never was one: on the screen and in JSON, until it can be read again."""
    vip = it.folder / "protocol" / "vip.txt"
    it.write(organisation=ORGANISATION + "lists: {vip: {file: vip.txt}, pilots: {file: pilots.txt}}\n")
    vip.write_text("vera@example.com\n", encoding="utf-8")
    it.hoist("run", "--once")
    vip.unlink()
    it.hoist("run", "--once")
    said = it.hoist("status")
    assert said.code == 1
    assert re.search(r"NOT READ the list vip\.txt can't be read .*; what it said at .* goes on counting", said.words)
    assert re.search(r"NOT READ the list pilots\.txt can't be read .*; until then it is empty", said.words)
    assert len(it.hoist("status", "--json").json["unread"]) == 2
    for name in ("vip", "pilots"):
        vip.with_name(f"{name}.txt").write_text("vera@example.com\n", encoding="utf-8")
    it.hoist("run", "--once")
    assert it.hoist("status", "--json").json["unread"] == []
    assert it.hoist("status").code == 0


def test_what_was_sent_without_an_answer_is_counted(tmp_path: Path) -> None:
    """Writes whose answer was lost are counted with the instant from which hoist looks for its mark; hoist why says the same."""
    with desk(tmp_path, kind=Lossy) as it:
        it.hoist("run", "--once")
        said = it.hoist("status")
        assert re.search(r" 1 sent without an answer, looked for from [0-9: -]+ UTC on", said.words)
        [source] = it.hoist("status", "--json").json["sources"]
        assert source["sent_without_an_answer"] == 1
        look_at = source["looked_for_from"]
        why = it.hoist("why", f"jira:{FORGOTTEN}")
        assert f"was sent without an answer; hoist looks for its mark from {look_at[:10]} {look_at[11:19]} UTC on" in why.words
        [rule] = it.hoist("why", f"jira:{FORGOTTEN}", "--json").json["rules"]
        assert rule["next"].endswith("and writes it again only if it is not there")
        assert rule["next_at"] == look_at


def test_where_every_answer_came_nothing_is_said_of_lost_ones(it: Desk) -> None:
    """Without a lost answer the status has no line about any."""
    it.hoist("run", "--once")
    assert "without an answer" not in it.hoist("status").words


def test_a_source_that_is_no_longer_read_is_behind(it: Desk) -> None:
    """Where hoist run has not read a source for long, the status says that it fell behind and asks about hoist run."""
    it.hoist("run", "--once")
    database = open_database(it.folder / "hoist.db")
    with database.transaction() as db:
        row = sources.source_row(db, "jira")
        sources.set_cursor(db, "jira", str(row.cursor), row.polled_at - 3_600_000, None)
    database.close()
    said = it.hoist("status")
    assert said.code == 1
    assert "1 hour" in said.words
    assert "BEHIND it was not read for long: does hoist run still run" in said.words
