"""Jira and ServiceNow call hoist as well: put in, called, read, mirrored."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests

from agent.app import App
from agent.clock import SystemClock
from agent.config import load_settings
from agent.hooks import opening
from agent.store import mirrored
from agent.store.database import open_database
from connectors.jira.sandbox import JiraSandbox
from connectors.servicenow.sandbox import ServiceNowSandbox
from tests.agent.command_line import hoist, real_time, small_desk
from tests.connectors.jira.sandbox_caller import Caller as JiraCaller
from tests.connectors.servicenow.sandbox_caller import Caller as ServiceNowCaller

ORGANISATION = """\
format: 1
defaults: {mode: watch, calendar: always}
calendars: {always: {hours: all}}
"""
RULES = """\
rules:
  - rule: without-an-owner
    title: Without an owner
    when: {assignee: nobody}
    for: 1 hour
    do: [{comment: "Nobody has it."}]
"""


class Running:
    """hoist that was started and has read everything once, its door open; `turn` reads what it was told of."""

    def __init__(self, app: App, url: str) -> None:
        self.app, self.url = app, url

    def turn(self) -> None:
        self.app.turn()

    def shows(self, ticket: str, field: str) -> object:
        """What the mirror has of it."""
        with self.app.database.reading() as db:
            return mirrored.mirrored(db, "desk", [ticket])[ticket].ticket.fields[field]


@contextmanager
def running(folder: Path, source: dict[str, Any]) -> Iterator[Running]:
    settings = {"sources": {"desk": source | {"poll_every": "12 hours"}}, "hooks": {"listen": "127.0.0.1:0"}}
    (folder / "hoist.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "protocol").mkdir()
    (folder / "protocol" / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    (folder / "protocol" / "rules.yaml").write_text(RULES, encoding="utf-8")
    loaded = load_settings(folder / "hoist.yaml", {})
    assert loaded.hooks is not None
    with closing(open_database(loaded.store)) as database, closing(App(loaded, database, SystemClock())) as app:
        assert app.start() == {}
        app.turn()
        assert app.intake is not None
        listener = opening.listening(loaded.hooks)
        serving = opening.serving(loaded.hooks, listener, app.intake, database, app.clock, app.pipelines)
        try:
            yield Running(app, serving.url)
        finally:
            serving.stop()


def keep_in(folder: Path) -> Any:
    def keep(name: str, value: str) -> str:
        (folder / name).write_text(value, encoding="utf-8")
        return f"file:{folder / name}"

    return keep


def test_jira_calls_and_hoist_reads(tmp_path: Path) -> None:
    """An issue that somebody changes in Jira is as they left it in hoist's mirror, half a day before the next poll."""
    sandbox = JiraSandbox(clock=real_time, history=small_desk(real_time()))
    secret = "a secret of some thirty characters"
    with sandbox.serve():
        source = sandbox.hoist_settings(keep_in(tmp_path)) | {"webhook": {"secret": keep_in(tmp_path)("hook", secret)}}
        with running(tmp_path, source) as it:
            call, id_ = JiraCaller(sandbox), sandbox.issue_id("forgotten")
            given = {"name": "hoist", "url": f"{it.url}/hooks/desk", "events": ["jira:issue_updated"], "secret": secret}
            call("POST", "/rest/webhooks/1.0/webhook", given)
            call("PUT", f"issue/{id_}", {"fields": {"labels": ["vip"]}})
            assert sandbox.settle()
            it.turn()
            assert it.shows(id_, "labels") == ("vip",)
            told = requests.get(f"{it.url}/metrics", timeout=30).text
    assert 'hoist_webhook_calls_total{outcome="accepted",source="desk"} 1.0' in told
    assert 'hoist_webhook_hints_waiting{source="desk"} 0.0' in told
    assert 'hoist_source_lag_seconds{source="desk"}' in told


def test_servicenow_calls_and_hoist_reads(tmp_path: Path) -> None:
    """The same for an instance that has hoist's business rule."""
    sandbox = ServiceNowSandbox(clock=real_time, history=small_desk(real_time()))
    key = b64encode(b"k" * 32).decode()
    with sandbox.serve():
        source = sandbox.hoist_settings(keep_in(tmp_path)) | {"webhook": {"secret": keep_in(tmp_path)("hook", key)}}
        with running(tmp_path, source) as it:
            sandbox.announce_to(f"{it.url}/hooks/desk", key)
            id_ = sandbox.issue_id("forgotten")
            ServiceNowCaller(sandbox)("PATCH", f"table/incident/{id_}", {"assigned_to": sandbox.user_id("nora")})
            assert sandbox.settle()
            it.turn()
            assert it.shows(id_, "assignee") == sandbox.user_id("nora")


def test_install_says_that_it_only_says() -> None:
    """`hoist install --help` tells that nothing is done without --yes."""
    said = hoist("install", "--help")
    assert said.code == 0
    assert "says first what it would do" in said.words
