"""hoist changes undo and hoist rehearse as a person at a terminal uses them, beside a sandbox of Jira."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.catalog import TEAM, account_id
from tests.agent.command_line import FORGOTTEN, TAKEN, Desk, Said, hoist
from tests.agent.command_line import desk as a_desk

RULES = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody}
    for: 15 minutes
    do:
      - escalate: it
      - raise_priority: {by: 1}
      - label: lifted
      - comment: "Without an owner for {held}. Moved to {team}."
"""
YES = ("--yes", "--why", "wrong team", "--as", "eva")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as made:
        made.write(rules=RULES)
        yield made


def undo(desk: Desk, *arguments: str) -> Said:
    return hoist("changes", "undo", *arguments, "--config", desk.config)


def rehearse(desk: Desk, *arguments: str) -> Said:
    return hoist("rehearse", *arguments, "--config", desk.config)


def asks(desk: Desk, method: str, path: str, person: str = "", **body: Any) -> Any:
    """A call of somebody's own to the helpdesk."""
    signed = desk.sandbox.credentials(person)
    session = requests.Session()
    session.trust_env = False
    answer = session.request(
        method, f"{signed['url']}/rest/api/3/{path}", json=body or None, auth=(signed["username"], signed["token"]), timeout=30
    )
    answer.raise_for_status()
    return answer.json() if answer.content else None


def fields(desk: Desk, key: str = FORGOTTEN) -> tuple[str, str, list[str]]:
    """What the helpdesk itself shows of a ticket: team, priority, labels."""
    shown = asks(desk, "GET", f"issue/{key}")["fields"]
    return shown[TEAM]["value"], shown["priority"]["name"], shown["labels"]


def test_what_hoist_wrote_is_taken_back(desk: Desk) -> None:
    """Dry it says now -> then; with --yes it is done in one save, read back, and known as undone from then on."""
    was = fields(desk)
    assert desk.hoist("run", "--once").code == 0
    written = desk.record()
    dry = undo(desk, f"jira:{FORGOTTEN}")
    assert dry.code == 0, dry.words
    assert "team: Network -> Service Desk" in dry.words
    assert "priority: Highest -> High" in dry.words
    assert "label lifted: taken off" in dry.words
    assert "internal note: it may have been read by now" in dry.words
    assert "Nothing was written" in dry.words
    assert desk.record() == written
    done = undo(desk, f"jira:{FORGOTTEN}", *YES, "--json")
    assert done.code == 0, done.words
    assert done.json["tickets"][0]["state"] == "done"
    assert fields(desk) == was
    saves, comments = desk.record()
    assert (len(saves), len(comments)) == (2, 1)
    assert desk.hoist("run", "--once").code == 0
    assert desk.record() == (saves, comments)
    assert "by order of eva: wrong team" in desk.hoist("why", f"jira:{FORGOTTEN}").words
    again = undo(desk, f"jira:{FORGOTTEN}")
    assert (again.code, "not taken back yet" in again.words) == (2, True)


def test_what_a_person_changed_stays(desk: Desk) -> None:
    """Nora raised the priority after hoist did: hers stays, and the rest goes back."""
    assert desk.hoist("run", "--once").code == 0
    asks(desk, "PUT", f"issue/{FORGOTTEN}", "nora", fields={"priority": {"name": "High"}})
    dry = undo(desk, "--rule", "nobody-took-it", "--since", "2020-01-01T00:00:00Z")
    assert "priority: Nora First-Line changed it at" in dry.words
    assert undo(desk, "--rule", "nobody-took-it", "--since", "2020-01-01T00:00:00Z", *YES).code == 0
    assert fields(desk) == ("Service Desk", "High", [])


def test_whoever_took_the_ticket_meanwhile_keeps_it(desk: Desk) -> None:
    """Nora takes it after the dry run: with --yes the team stays under her, and the exit code says what became of it."""
    assert desk.hoist("run", "--once").code == 0
    assert "team: Network -> Service Desk" in undo(desk, f"jira:{FORGOTTEN}").words
    asks(desk, "PUT", f"issue/{FORGOTTEN}/assignee", "nora", accountId=account_id("nora"))
    done = undo(desk, f"jira:{FORGOTTEN}", *YES)
    assert "team: Nora First-Line took it at" in done.words
    assert fields(desk) == ("Network", "High", [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what to take back"),
        (("--rule", "nobody-took-it"), "say what to take back"),
        ((f"jira:{FORGOTTEN}", "--yes"), "say why"),
        (("--rule", "nobdy-took-it", "--since", "2020-01-01T00:00:00Z"), "did you mean nobody-took-it"),
        (("jira:IT-99",), "not mirrored"),
        ((f"jira:{TAKEN}",), "hoist wrote nothing for"),
    ],
)
def test_what_is_not_clear_is_asked_for(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    """Nothing is guessed: what to take back must be named, and why."""
    assert desk.hoist("run", "--once").code == 0
    answer = undo(desk, *arguments)
    assert (answer.code, said in answer.words) == (2, True), answer.words


def test_a_running_hoist_carries_it_out(desk: Desk) -> None:
    """While hoist run holds the store, the command orders it there, waits, and tells what came of it."""
    was = fields(desk)
    assert desk.hoist("run", "--once").code == 0
    with desk.running() as agent:
        agent.wait_until_it_runs()
        done = undo(desk, f"jira:{FORGOTTEN}", *YES)
        assert done.code == 0, done.words
    assert fields(desk) == was


@pytest.mark.parametrize("running", [False, True])
def test_a_pause_is_the_time_to_take_back(desk: Desk, *, running: bool) -> None:
    """While all is paused hoist writes nothing of its own; what a person orders is carried out, whoever carries it out."""
    was = fields(desk)
    assert desk.hoist("run", "--once").code == 0
    assert desk.hoist("pause", "--all", "--why", "the rule is wrong").code == 0
    with desk.running() if running else nullcontext() as agent:
        if agent is not None:
            agent.wait_until_it_runs()
        done = undo(desk, f"jira:{FORGOTTEN}", *YES)
    assert (done.code, "DONE" in done.words) == (0, True), done.words
    assert fields(desk) == was
    assert "PAUSED" in desk.hoist("status").out


# --- a rehearsal ---------------------------------------------------------------------------------------------------------


def test_a_rehearsal_leaves_the_ticket_as_it_was(desk: Desk) -> None:
    """One raise and one note: written, read back, proven internal, taken back; each step said, all of it journaled."""
    was = fields(desk)
    dry = rehearse(desk, f"jira:{FORGOTTEN}")
    assert dry.code == 0, dry.words
    assert "priority: High -> Highest" in dry.words
    assert desk.untouched()
    done = rehearse(desk, f"jira:{FORGOTTEN}", "--yes")
    assert done.code == 0, done.words
    for said in (
        "ok wrote priority: High -> Highest, and found it in the helpdesk's record under hoist's mark",
        "ok a second read says that the note is internal",
        "ok took everything back but the note",
        "ok read again: the ticket's fields are as before",
    ):
        assert said in done.words
    assert fields(desk) == was
    saves, (comment,) = desk.record()
    assert (len(saves), comment.public) == (2, False)
    told = hoist("journal", "export", "--config", desk.config).out
    assert all(f'"kind": "{kind}"' in told or f'"kind":"{kind}"' in told for kind in ("rehearsal-ordered", "rehearsed"))


def test_a_rules_first_step_is_rehearsed(desk: Desk) -> None:
    """On a ticket that the rule would leave alone, with its own text; afterwards the rule escalates as if nothing had been."""
    was = fields(desk, TAKEN)
    done = rehearse(desk, f"jira:{TAKEN}", "--rule", "nobody-took-it", "--yes", "--json")
    assert done.code == 0, done.words
    assert done.json["ok"] is True
    assert "team: Service Desk -> Network" in done.json["plan"]
    assert "label lifted: set" in done.json["plan"]
    assert fields(desk, TAKEN) == was
    rehearse(desk, f"jira:{FORGOTTEN}", "--rule", "nobody-took-it", "--yes")
    assert desk.hoist("run", "--once").code == 0
    assert fields(desk) == ("Network", "Highest", ["lifted"])


class LeakyJira(JiraSandbox):
    """Shows every comment to the requester, whatever was asked for."""

    def dispatch(self, *call: Any) -> Any:
        answer = super().dispatch(*call)
        body = getattr(answer, "body", b"")
        if isinstance(body, bytes) and b'"jsdPublic"' in body:
            return replace(answer, body=re.sub(rb'"jsdPublic": ?false', b'"jsdPublic":true', body))
        return answer


def test_a_note_that_the_requester_sees_is_found_out(tmp_path: Path) -> None:
    """Where the helpdesk shows hoist's note to the requester, the rehearsal says so and ends with 1; fields still go back."""
    with a_desk(tmp_path, kind=LeakyJira) as desk:
        was = fields(desk)
        done = rehearse(desk, f"jira:{FORGOTTEN}", "--yes")
        assert done.code == 1
        assert "a second read says that the note is NOT internal" in done.words
        assert fields(desk) == was
