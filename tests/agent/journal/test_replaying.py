"""An auditor makes decisions once more: by the rules of then, on the ticket as it was known then, the same must come out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from rules.as_known import as_known, as_read
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef
from tests.agent.command_line import FORGOTTEN, RULES, SOLVED, Desk, Said, desk, hoist


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One ticket was escalated; then a person took it, and the rules were changed."""
    with desk(tmp_path_factory.mktemp("desk")) as made:
        made.hoist("run", "--once")
        made.write(rules=RULES.replace("15 minutes", "3 hours"))
        assert made.hoist("run", "--once").code == 0
        yield made


def replay(helpdesk: Desk, *wanted: str) -> Said:
    return hoist("journal", "replay", "--config", helpdesk.config, *wanted)


def test_everything_that_was_decided_comes_out_the_same(written: Desk) -> None:
    """Plan and escalation of a ticket, after it was written to and the rules were changed: same reasons, same values."""
    found = replay(written, f"jira:{FORGOTTEN}", "--json")
    assert found.code == 0, found.words
    assert [(each["kind"], each["came"]) for each in found.json] == [("planned", "same"), ("escalated", "same")]
    assert found.json[1]["said"] == ["nobody-took-it: due, for the same reasons", "the same fields, from and to"]
    shown = replay(written, f"jira:{FORGOTTEN}")
    assert (shown.code, "2 of 2 decisions came out the same." in shown.words) == (0, True)
    line = str(found.json[1]["line"])
    assert replay(written, line, "--json").json == [found.json[1]]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("99999", "the journal has no line 99999"),
        ("1", "line 1 (rules) tells of no decision that can be made once more"),
        (f"jira:{SOLVED}", f"the journal tells of no decision on jira:{SOLVED}"),
        ("jira:NO-1", "is not mirrored"),
        ("jra:IT-1", "did you mean jira:IT-1?"),
        ("IT-1", "names no ticket"),
    ],
)
def test_what_is_not_there_is_said(written: Desk, wanted: str, said: str) -> None:
    """A line or ticket that is not there, or of which nothing was decided, is wrong use, in a sentence."""
    found = replay(written, wanted)
    assert (found.code, said in found.words) == (2, True), found.words


@pytest.mark.parametrize(
    ("tampering", "came", "said"),
    [
        ("DELETE FROM rulebooks", "unknown", "are not kept"),
        ("UPDATE protocol_texts SET text = text || ' '", "unknown", "is missing or was changed"),
        ("DELETE FROM tickets", "unknown", ""),
        (
            "UPDATE journal SET data = replace(data, '\"history\":[', '\"history\":[1')",
            "unknown",
            "the helpdesk has corrected it",
        ),
        ("UPDATE journal SET data = replace(data, '[\"team\",', '[\"priority\",')", "otherwise", "it would write team"),
        ("UPDATE journal SET data = replace(data, '/1/0', '/2/0')", "otherwise", "does not hold"),
        ("UPDATE journal_personal SET value = '[\"it is Monday\"]' WHERE subject = ' '", "otherwise", "other reasons"),
    ],
)
def test_what_can_not_be_had_is_never_taken_for_the_same(written: Desk, tampering: str, came: str, said: str) -> None:
    """Rules that are not kept, a history that is another one by now, a line that says otherwise: each is told for what it is."""
    store = written.folder / "hoist.db"
    line = replay(written, f"jira:{FORGOTTEN}", "--json").json[1]["line"]
    with closing(sqlite3.connect(store)) as kept:
        before = kept.serialize()
        kept.execute(tampering)
        kept.commit()
    try:
        found = replay(written, str(line), "--json")
        assert (found.code, [each["came"] for each in json.loads(found.out)]) == (1, [came]), found.words
        assert said in found.words
    finally:
        for name in ("hoist.db-wal", "hoist.db-shm"):
            (written.folder / name).unlink(missing_ok=True)
        store.write_bytes(before)


# --- a ticket as it was known ---------------------------------------------------------------------------------------------


def test_a_ticket_goes_back_to_what_was_known() -> None:
    """What was first seen later is not there: changes, messages, values, and that it went."""
    anna = Actor("anna", Kind.STAFF)

    def change(at: int, known: int, field: str, old: str | None, new: str | None) -> Change:
        return Change(at, known, at, str(at), field, old, new, anna)

    changes = (
        change(10, 20, "team", "a", "b"),
        change(15, 40, "priority", "1", "2"),  # seen late
        change(30, 40, "team", "b", "c"),
        change(50, 60, "assignee", None, "anna"),
    )
    messages = (Message(12, 20, "1", anna, public=True), Message(35, 40, "2", anna, public=True))
    fields = {"team": "c", "priority": "2", "assignee": "anna", "status": "open"}
    whole = Ticket(TicketRef("desk", "7"), "D-7", "", "9", 0, 70, fields, changes, messages, gone=70)
    then = as_known(whole, 20)
    assert then.fields == {"team": "b", "priority": "1", "assignee": None, "status": "open"}
    assert ([c.at for c in then.changes], [m.id for m in then.messages], then.gone, then.known) == ([10], ["1"], None, 20)
    later = as_known(whole, 40)
    assert later.fields == {"team": "c", "priority": "2", "assignee": None, "status": "open"}
    assert as_known(whole, 70) == whole


def test_what_was_written_and_read_back_within_the_second_of_a_decision_is_no_part_of_it() -> None:
    """Server times are of whole seconds: by its number of changes a read is told from the one right after hoist's own write."""
    hoist_, anna = Actor("h", Kind.HOIST), Actor("anna", Kind.STAFF)
    changes = (
        Change(10_500, 12_000, 1, "1", "team", "x", "a", anna),
        Change(12_300, 12_000, 2, "2", "priority", "2", "1", anna),
        Change(12_600, 12_000, 3, "3", "team", "a", "b", hoist_),
    )
    messages = (Message(12_700, 12_000, "1", hoist_, public=False),)
    whole = Ticket(TicketRef("desk", "7"), "D-7", "", "9", 0, 13_000, {"team": "b", "priority": "1"}, changes, messages)
    then = as_read(whole, 12_000, 2, 0)
    assert ([each.save for each in then.changes], then.messages, then.fields) == (["1", "2"], (), {"team": "a", "priority": "1"})
    assert as_read(whole, 12_000, 3, 1) == as_known(whole, 12_000)
    assert len(as_read(whole, 12_000, 0, 1).changes) == 1, "what came about before that second was known by then"
