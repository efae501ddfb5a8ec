"""Pauses, approvals and snoozes as a person at a terminal meets them, beside a sandbox of Jira."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.jira.site.catalog import TEAM
from tests.agent.command_line import FORGOTTEN, ORGANISATION, RULES, TAKEN, Desk, Said, desk, hoist
from tests.agent.undo.test_undo_cli import asks

WATCHED = ORGANISATION.replace("existing_tickets: all", "existing_tickets: ignore")
SECOND = """\
  - rule: say-so
    title: Say so
    when: {status: [new, open], assignee: nobody}
    for: 20 minutes
    do:
      - label: seen
"""


@pytest.fixture
def helpdesk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def changes(helpdesk: Desk, command: str, *arguments: str) -> Said:
    return hoist("changes", command, "--config", helpdesk.config, *arguments)


def limit(helpdesk: Desk, **limits: str) -> None:
    """Limits in hoist.yaml."""
    settings = json.loads(helpdesk.config.read_text(encoding="utf-8"))
    helpdesk.config.write_text(json.dumps(settings | {"limits": limits}), encoding="utf-8")


def test_a_paused_hoist_writes_nothing(helpdesk: Desk) -> None:
    """The status says who paused it and why; resumed, what had fallen due is listed with its values, and written on a word."""
    helpdesk.write(organisation=WATCHED)
    helpdesk.hoist("run", "--once")
    paused = helpdesk.hoist("pause", "--all", "--for", "2h", "--why", "the network is rebuilt", "--as", "Petra")
    assert paused.code == 0, paused.words
    helpdesk.hoist("run", "--once")
    assert helpdesk.untouched()
    status = helpdesk.hoist("status")
    assert "PAUSED" in status.out
    assert "All is well" not in status.words
    assert "by Petra: the network is rebuilt" in status.words
    assert "by Petra: the network is rebuilt" in helpdesk.hoist("why", f"jira:{FORGOTTEN}").words
    assert helpdesk.hoist("resume", "--all", "--why", "done").code == 0
    again = helpdesk.hoist("resume", "--all", "--why", "done")
    assert again.code == 2
    assert "everything is not paused; nothing is" in again.words


def test_existing_tickets_are_approved_by_name(helpdesk: Desk) -> None:
    """A ticket of before the rule: listed with the exact values, left alone by itself, written when somebody says so."""
    helpdesk.write(organisation=WATCHED)
    helpdesk.hoist("run", "--once")
    assert helpdesk.untouched()
    found = changes(helpdesk, "list", "--json").json
    (each,) = found["changes"]
    assert (each["ticket"], each["rule"], each["state"], each["can_be_approved"]) == (
        FORGOTTEN,
        "nobody-took-it",
        "backlog",
        True,
    )
    assert [field["field"] for field in each["fields"]] == ["team"]
    assert each["labels"] == ["lifted"]
    assert "Without an owner for" in each["note"]
    shown = changes(helpdesk, "show", f"jira:{FORGOTTEN}")
    assert "Service Desk -> Network" in shown.words
    assert "label lifted" in shown.words
    wrong = changes(helpdesk, "approve", f"jira:{FORGOTTEN}", "--shown", "0" * 12, "--why", "yes")
    assert (wrong.code, helpdesk.untouched()) == (2, True)
    said = changes(helpdesk, "approve", f"jira:{FORGOTTEN}", "--shown", found["shown"], "--why", "it was forgotten")
    assert (said.code, "Approved: 1 change." in said.out) == (0, True), said.words
    helpdesk.hoist("run", "--once")
    saves, comments = helpdesk.record()
    assert saves
    assert len(comments) == 1
    assert changes(helpdesk, "list").words.startswith("Nothing waits for anybody.")
    nothing = changes(helpdesk, "approve", f"jira:{FORGOTTEN}", "--why", "again")
    assert (nothing.code, "hoist changes list" in nothing.words) == (2, True)


def test_a_held_run_is_rejected(helpdesk: Desk) -> None:
    """Two rules at once are more than the limit of one: the run is held, named in the status, shown, and rejected."""
    helpdesk.write(rules=f"{RULES}{SECOND}")
    limit(helpdesk, per_source_and_hour="1", canary="0 percent", urgent="1 per hour")
    helpdesk.hoist("run", "--once")
    assert helpdesk.untouched()
    status = helpdesk.hoist("status")
    assert status.code == 1
    assert "HELD run 1, 2 of all rules: 0 were written within the last hour and 2 more are due" in status.words
    shown = changes(helpdesk, "show", "1")
    assert "nothing goes on, since the rules were new at" in shown.words
    said = changes(helpdesk, "reject", "1", "--why", "a mistake in the rule", "--as", "Petra")
    assert (said.code, "Rejected: 2 changes." in said.out) == (0, True), said.words
    helpdesk.hoist("run", "--once")
    assert helpdesk.untouched()
    assert "rejected" in helpdesk.hoist("why", f"jira:{FORGOTTEN}").words
    assert helpdesk.hoist("status").code == 0
    lines = hoist("journal", "export", "--config", helpdesk.config).out.splitlines()
    rejected = [json.loads(line) for line in lines if '"rejected"' in line]
    assert len(rejected) == 2


def test_machines_are_told_the_same(helpdesk: Desk) -> None:
    """Pause, resume and snooze answer in JSON, too."""
    helpdesk.hoist("run", "--once")
    paused = helpdesk.hoist("pause", "jira", "--for", "2h", "--why", "x", "--json").json
    assert (paused["paused"], paused["until"] is None) == ("everything in jira", False)
    assert helpdesk.hoist("resume", "jira", "--why", "x", "--json").json["goes_on"] == "everything in jira"
    snoozed = helpdesk.hoist("snooze", f"jira:{FORGOTTEN}", "--why", "x", "--json").json
    assert (snoozed["ticket"], snoozed["until"] is None) == (f"jira:{FORGOTTEN}", False)
    assert helpdesk.hoist("snooze", f"jira:{FORGOTTEN}", "--off", "--why", "x", "--json").json["until"] is None


def held(helpdesk: Desk) -> Said:
    """Two rules at once are more than the limit of one; the run as it is shown."""
    helpdesk.write(rules=f"{RULES}{SECOND}")
    limit(helpdesk, per_source_and_hour="1", canary="0 percent", urgent="1 per hour")
    helpdesk.hoist("run", "--once")
    return changes(helpdesk, "show", "1", "--json")


def test_what_was_shown_is_what_is_approved(helpdesk: Desk) -> None:
    """The code that `show` prints holds for exactly these values; approved, they are written, and nothing waits any more."""
    shown = held(helpdesk)
    code = shown.json["shown"]
    assert f"--shown {code}" in changes(helpdesk, "show", "1").words
    assert changes(helpdesk, "list", "--json").json["waiting"]["jira"] == {
        "held": 2,
        "left_to_a_person": 0,
        "queued": 0,
        "parked": 0,
        "existing": {},
    }
    assert "2 changes held with a run" in changes(helpdesk, "list").words
    said = changes(helpdesk, "approve", "1", "--shown", code, "--why", "it is right")
    assert (said.code, "Approved: 2 changes." in said.out) == (0, True), said.words
    helpdesk.hoist("run", "--once")
    assert len(helpdesk.record()[1]) == 1
    assert helpdesk.hoist("status").code == 0


def test_a_value_that_moved_since_it_was_approved_is_refused_by_name(helpdesk: Desk) -> None:
    """Somebody moves the ticket in between: what was approved is held again with both values, and the former code is refused."""
    code = held(helpdesk).json["shown"]
    assert changes(helpdesk, "approve", "1", "--shown", code, "--why", "it is right").code == 0
    asks(helpdesk, "PUT", f"issue/{FORGOTTEN}", "nora", fields={TEAM: {"value": "Network"}})
    helpdesk.hoist("run", "--once")
    found = changes(helpdesk, "show", "1")
    assert "changed since it was approved: fields none instead of" in found.words, found.words
    assert [comment.text[:6] for comment in helpdesk.record()[1]] == ["Say so"], "the other rule's change was as it was approved"
    late = changes(helpdesk, "approve", "1", "--shown", code, "--why", "it is right")
    assert (late.code, "what waits there has changed since it was shown" in late.words) == (2, True), late.words


def test_what_nobody_approves_in_time_is_dropped_and_told(helpdesk: Desk) -> None:
    """After `expire_after` the run is over: nothing was written, the journal and `why` say why, and the status is calm again."""
    held(helpdesk)
    with closing(sqlite3.connect(helpdesk.folder / "hoist.db")) as db:  # a day goes by
        db.execute("UPDATE outbox SET not_before = not_before - 86460000 WHERE state = 'held'")
        db.commit()
    helpdesk.hoist("run", "--once")
    assert helpdesk.untouched()
    lines = [json.loads(line) for line in hoist("journal", "export", "--config", helpdesk.config).out.splitlines()]
    dropped = [line["data"]["said"] for line in lines if line["kind"] == "superseded"]
    assert len(dropped) == 2
    assert all(said.startswith("nobody approved it in time: held for approval with run 1") for said in dropped)
    assert "nobody approved it in time" in helpdesk.hoist("why", f"jira:{FORGOTTEN}").words
    assert changes(helpdesk, "list").words.startswith("Nothing waits for anybody.")
    assert helpdesk.hoist("status").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--page", "2"), "--page 2: there is one page"),
        (("list", "--limit", "0"), "--limit"),
        (("show", "7"), "there is no run 7"),
        (("show", "jira:IT-99"), "is not mirrored"),
        (("approve", f"jira:{TAKEN}", "--why", "x"), f"nothing of jira:{TAKEN} waits for anybody"),
        (("approve", "1", "--why", " "), "say why"),
        (("approve", "1", "--rate", "soon", "--why", "x"), "is no rate"),
        (("retry", f"jira:{TAKEN}", "--why", "x"), "was refused, and no brake of it has tripped"),
        (("reject", "jra:IT-1", "--why", "x"), "did you mean jira:IT-1?"),
    ],
)
def test_a_slip_is_said(helpdesk: Desk, arguments: tuple[str, ...], said: str) -> None:
    """Whatever is not there is named, with what to do; the exit code is 2."""
    helpdesk.hoist("run", "--once")
    found = changes(helpdesk, *arguments)
    assert (found.code, said in found.words) == (2, True), found.words


def test_a_store_that_is_not_there_is_said(helpdesk: Desk) -> None:
    """Before hoist ever ran, every command says what comes first."""
    for command in (("changes", "list"), ("journal", "verify"), ("journal", "replay", "1"), ("journal", "export"), ("status",)):
        found = hoist(*command, "--config", helpdesk.config)
        assert (found.code, "hoist run makes it" in found.words) == (2, True), found.words


def test_a_snoozed_ticket_is_left_alone(helpdesk: Desk) -> None:
    """`hoist snooze` keeps hoist away, `--off` takes that back."""
    helpdesk.write(organisation=WATCHED)
    helpdesk.hoist("run", "--once")
    helpdesk.write()
    said = helpdesk.hoist("snooze", f"jira:{FORGOTTEN}", "--for", "2h", "--why", "the part is ordered")
    assert said.code == 0, said.words
    helpdesk.hoist("run", "--once")
    assert helpdesk.untouched()
    assert "the part is ordered" in helpdesk.hoist("why", f"jira:{FORGOTTEN}").words
    assert f"{FORGOTTEN} until" in helpdesk.hoist("status").words
    assert helpdesk.hoist("snooze", f"jira:{FORGOTTEN}", "--off", "--why", "it came").code == 0
    assert helpdesk.hoist("snooze", f"jira:{FORGOTTEN}", "--off", "--why", "it came").code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pause", "--why", "x"), "say what is paused"),
        (("pause", "jra", "--why", "x"), "did you mean jira?"),
        (("pause", "--rule", "nobody-took", "--why", "x"), "did you mean nobody-took-it?"),
        (("pause", "--all", "--for", "soon", "--why", "x"), "is no length of time"),
        (("pause", "--all", "--why", " "), "say why"),
        (("snooze", f"jira:{TAKEN}x", "--why", "x"), "is not mirrored"),
    ],
)
def test_what_is_not_there_is_said(helpdesk: Desk, arguments: tuple[str, ...], said: str) -> None:
    """A mistake is named with what would be right, and nothing is done."""
    helpdesk.hoist("run", "--once")
    found = helpdesk.hoist(*arguments)
    assert found.code == 2
    assert said in found.words


def test_limits_have_their_mistakes_listed(helpdesk: Desk) -> None:
    """Each wrong limit with its place and what is expected there."""
    limit(helpdesk, canary="lots", urgent="often", per_rule_and_hour="0", per_rule_an_hour="5", expire_after="never")
    found = helpdesk.hoist("run", "--once")
    assert found.code == 2
    for said in (
        "limits.canary: expected a share like 5 percent",
        "limits.urgent: expected a rate like 20 per hour",
        "limits.per_rule_and_hour: expected a number",
        "did you mean per_rule_and_hour?",
        "limits.expire_after: 'never' is no length of time",
    ):
        assert said in found.words


def a_clock_behind(helpdesk: Desk) -> None:
    """A command takes the source's clock for five seconds later than the hoist that runs next will."""
    with closing(sqlite3.connect(helpdesk.folder / "hoist.db")) as db:
        db.execute("UPDATE sources SET clock_ahead = clock_ahead + 5000")
        db.commit()


def test_a_word_counts_at_once_whoever_knows_the_clock_better(helpdesk: Desk) -> None:
    """Two processes know a source's clock to a second, each by itself: what is said in one is done by the next that runs."""
    helpdesk.write(organisation=WATCHED)
    helpdesk.hoist("run", "--once")
    a_clock_behind(helpdesk)
    assert changes(helpdesk, "approve", f"jira:{FORGOTTEN}", "--why", "it was forgotten").code == 0
    helpdesk.hoist("run", "--once")
    assert len(helpdesk.record()[1]) == 1


def test_a_ticket_that_is_woken_is_looked_at_at_once(helpdesk: Desk) -> None:
    """Taken off its snooze a ticket is written by the next run, though its clock is a little behind the command's."""
    helpdesk.write(rules=RULES.replace("15 minutes", "30 days"))
    helpdesk.hoist("run", "--once")
    assert helpdesk.hoist("snooze", f"jira:{FORGOTTEN}", "--for", "2h", "--why", "Nora is at it").code == 0
    helpdesk.write()
    helpdesk.hoist("run", "--once")
    assert helpdesk.untouched()
    a_clock_behind(helpdesk)
    assert helpdesk.hoist("snooze", f"jira:{FORGOTTEN}", "--off", "--why", "she is not").code == 0
    helpdesk.hoist("run", "--once")
    assert len(helpdesk.record()[1]) == 1
