"""hoist at a terminal beside a Zendesk account: checked, run once, explained, and its journal verified."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.app import App
from agent.clock import SteppedClock
from agent.config import load_settings
from agent.store.database import open_database
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.history import Event, History
from connectors.zendesk.sandbox import PLANS, Terms, ZendeskSandbox
from rules.instants import HOUR, MINUTE, SECOND, Instant
from tests.agent.command_line import hoist, real_time, small_desk
from tests.connectors.sandbox_desk import START
from tests.desk_history import desk_history

ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: always, existing_tickets: all}
priorities:
  - {name: P1, zen: urgent}
  - {name: P2, zen: high}
  - {name: P3, zen: normal}
  - {name: P4, zen: low}
calendars:
  always: {hours: all}
teams:
  desk: {zen: Service Desk}
  network: {zen: Network}
chains:
  it: [desk, network]
"""
RULES = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody}
    for: 15 minutes
    do:
      - escalate: it
      - raise_priority: {by: 1, not_above: P1}
      - label: lifted
      - comment: "Without an owner for {held}. Moved to {team}."
"""


class Desk:
    """An account that listens, and the folder with hoist.yaml and protocol/ beside it."""

    def __init__(self, folder: Path, sandbox: ZendeskSandbox) -> None:
        self.folder, self.sandbox = folder, sandbox
        self.source = sandbox.hoist_settings(self.secret) | {"requests_per_second": 1000}
        (folder / "protocol").mkdir()
        (folder / "protocol" / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
        (folder / "protocol" / "rules.yaml").write_text(RULES, encoding="utf-8")
        self.write()

    def secret(self, name: str, value: str) -> str:
        (self.folder / name).write_text(value, encoding="utf-8")
        return f"file:{self.folder / name}"

    def write(self, **more: object) -> None:
        settings = {"sources": {"zen": self.source | more}}
        (self.folder / "hoist.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def hoist(self, *arguments: str) -> Any:
        return hoist(*arguments, "--config", self.folder / "hoist.yaml")

    def ask(self, path: str) -> Any:
        """What the account answers its administrator."""
        known = self.sandbox.credentials()
        signed = b64encode(f"{known['username']}/token:{known['token']}".encode()).decode()
        answer = self.sandbox.dispatch("GET", f"/api/v2/{path}", "", {"authorization": f"Basic {signed}"}, b"")
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def audits(self, ticket: int) -> list[dict[str, Any]]:
        return list(self.ask(f"tickets/{ticket}/audits")["audits"])


def served(folder: Path, terms: Terms) -> Iterator[Desk]:
    sandbox = ZendeskSandbox(clock=real_time, history=small_desk(real_time()), terms=terms)
    with sandbox.serve():
        yield Desk(folder, sandbox)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from served(tmp_path, Terms())


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Desk]:
    yield from served(tmp_path, Terms(variants=frozenset({"additional-tags-ignored", "oauth-200", "null-cursor"})))


def forgotten_and_taken(desk: Desk) -> tuple[dict[str, Any], dict[str, Any]]:
    tickets = {row["subject"]: row for row in desk.ask("tickets")["tickets"]}
    return tickets["No mail since noon"], tickets["Printer jams"]


def test_a_ticket_that_nobody_took_is_escalated_once(desk: Desk) -> None:
    """The forgotten ticket moves to the next team with a higher priority and an internal comment, in one update, once."""
    checked = desk.hoist("check")
    assert checked.code == 0, checked.words
    assert "zen" in checked.words
    for _ in range(2):
        assert desk.hoist("run", "--once").code == 0
    forgotten, taken = forgotten_and_taken(desk)
    assert forgotten["group_id"] == desk.sandbox.group_id("Network")
    assert (forgotten["priority"], forgotten["status"]) == ("urgent", "new")
    assert "lifted" in forgotten["tags"]
    own = [audit for audit in desk.audits(forgotten["id"]) if audit["metadata"]["custom"].get("hoist")]
    assert len(own) == 1
    (comment,) = [event for event in own[0]["events"] if event["type"] == "Comment"]
    assert comment["public"] is False
    assert "Without an owner for" in comment["body"]
    assert not [audit for audit in desk.audits(taken["id"]) if audit["metadata"]["custom"].get("hoist")]
    said = desk.hoist("why", f"zen:{forgotten['id']}")
    assert said.code == 0
    assert "Nobody took it" in said.words or "nobody-took-it" in said.words
    assert desk.hoist("status").code == 0
    assert desk.hoist("journal", "verify").code == 0


def test_what_the_documentation_leaves_open_harms_nothing(odd: Desk) -> None:
    """An account that ignores additional tags in an update, and answers otherwise where it may, is escalated all the same."""
    for _ in range(2):
        assert odd.hoist("run", "--once").code == 0
    forgotten, _ = forgotten_and_taken(odd)
    assert "lifted" in forgotten["tags"]
    said = [event for audit in odd.audits(forgotten["id"])[1:] for event in audit["events"] if event["type"] == "Comment"]
    assert len(said) == 1
    assert odd.hoist("journal", "verify").code == 0


def test_an_api_token_works_and_its_end_is_told(desk: Desk) -> None:
    """With an API token hoist runs, and `hoist check` says on which day that ends and what to do."""
    known = desk.sandbox.credentials()
    desk.write(auth={"kind": "api_token", "email": known["username"], "token": desk.secret("token", known["token"])})
    checked = desk.hoist("check")
    assert "API tokens stop working on 30 April 2027" in checked.words
    assert "oauth_client_credentials" in checked.words
    assert desk.hoist("run", "--once").code == 0
    forgotten, _ = forgotten_and_taken(desk)
    assert forgotten["priority"] == "urgent"


def test_a_wrong_secret_is_said_and_nothing_is_written(desk: Desk) -> None:
    """A client secret that is wrong is named with what to check, and never repeated."""
    desk.secret("client_secret", "a-wrong-secret")
    said = desk.hoist("check")
    assert said.code == 1
    assert "check client_id, client_secret" in said.words
    assert "a-wrong-secret" not in said.words
    assert desk.hoist("run", "--once").code != 0


BUSY = 130
"""Escalations that are due at once: more than the account takes in a minute, and three times hoist's share of it."""


def busy_desk(now: Instant, tickets: int) -> History:
    new: dict[str, str | None] = {"status": "Open", "team": "Service Desk", "line": "L1", "priority": "High", "assignee": None}
    new |= {"component": "Mail", "description": "", "summary": "No mail since noon"}
    return desk_history([Event(now - HOUR - number, f"mail-{number}", "rick", new) for number in range(tickets)])


class Minutes(ZendeskSandbox):
    """A professional account that notes when hoist changes tickets, what it is asked for besides, and what it refuses."""

    def __init__(self, clock: SteppedClock, tickets: int) -> None:
        super().__init__(clock=clock.now, history=busy_desk(clock.now(), tickets), terms=Terms(plan=PLANS["professional"]))
        self.clock, self.changed, self.asked, self.refused = clock, list[Instant](), 0, 0

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        if method == "PUT":
            self.changed.append(self.clock.now())
        self.asked += bool(self.changed) and method == "GET"
        self.refused += answer.status == 429
        return answer


def escalated(folder: Path, sandbox: Minutes, tickets: int, minutes: int, requests_per_second: float) -> None:
    """hoist beside an account until all is written, or so many minutes are over."""
    with sandbox.serve():
        desk = Desk(folder, sandbox)
        desk.write(requests_per_second=requests_per_second, limits="none")
        settings = load_settings(folder / "hoist.yaml", {})
        with closing(open_database(settings.store)) as database:
            app = App(settings, database, sandbox.clock)
            assert app.start() == {}
            while sandbox.clock.now() < START + minutes * MINUTE and len(sandbox.changed) < tickets:
                app.turn()
                sandbox.clock.jump(max(app.next_due(), sandbox.clock.now() + SECOND))
            app.close()


def test_many_escalations_at_once_keep_to_hoists_share(tmp_path: Path) -> None:
    """Of a hundred updates a minute hoist takes forty at the most, the account refuses none, and every ticket gets its turn."""
    sandbox = Minutes(SteppedClock(START), BUSY)
    escalated(tmp_path, sandbox, BUSY, 15, 5.0)
    busiest = max(sum(at <= each < at + MINUTE for each in sandbox.changed) for at in set(sandbox.changed))
    assert (len(sandbox.changed), busiest, sandbox.refused) == (BUSY, 40, 0)
    assert max(sandbox.changed) - min(sandbox.changed) <= 5 * MINUTE
    assert sandbox.asked <= 6 * BUSY


def test_a_slow_account_is_written_all_the_same(tmp_path: Path) -> None:
    """Where hoist may ask once a second, it reads no more tickets at once than it can write while the reads are young."""
    sandbox = Minutes(SteppedClock(START), 30)
    escalated(tmp_path, sandbox, 30, 10, 1.0)
    assert (len(sandbox.changed), sandbox.refused) == (30, 0)
