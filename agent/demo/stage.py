"""Everything the demo plays with, set up in one folder: sandbox, hoist.yaml, protocol, store, and the agent beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.app import App
from agent.clock import SteppedClock
from agent.config import Settings, load_settings
from agent.demo.organisation import SOURCE, protocol
from agent.protocol_files import load_protocol
from agent.store.database import Database, open_database
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.history import History
from rules.protocol import Mode
from rules.rulebook import Loaded

POLL_EVERY = "60 seconds"


@dataclass(frozen=True)
class Stage:
    """The parts of a running demo."""

    clock: SteppedClock
    sandbox: JiraSandbox
    settings: Settings
    database: Database
    app: App
    url: str
    username: str
    token: str


@contextmanager
def set_up(folder: Path, history: History, start: int, own_rules: Path | None) -> Iterator[Stage]:
    """A stage in a folder that exists. Raises ConfigError or RulebookError where the rules do not fit."""
    clock = SteppedClock(start)
    sandbox = JiraSandbox(clock=clock.now, history=history)
    with sandbox.serve() as serving:
        credentials = sandbox.credentials()
        _write_protocol(folder / "protocol", protocol(history, own_rules))
        config = _write_config(folder, sandbox, credentials)
        settings = load_settings(config, {})
        database = open_database(settings.store)
        try:
            app = App(settings, database, clock, load=load_all_live)
            yield Stage(
                clock, sandbox, settings, database, app, serving.url, str(credentials["username"]), str(credentials["token"])
            )
        finally:
            database.close()


def load_all_live(place: Path) -> Loaded:
    """The protocol with every rule live that is not a draft."""
    loaded = load_protocol(place)
    rules = tuple(rule if rule.mode is Mode.DRAFT else replace(rule, mode=Mode.LIVE) for rule in loaded.rulebook.rules)
    return replace(loaded, rulebook=replace(loaded.rulebook, rules=rules))


def _write_protocol(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _write_config(folder: Path, sandbox: JiraSandbox, credentials: Mapping[str, str]) -> Path:
    """hoist.yaml for the sandbox. JSON is YAML too, and needs no quoting rules."""
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(str(credentials["token"]), encoding="utf-8")
    source = {
        "platform": "jira",
        "poll_every": POLL_EVERY,
        "url": credentials["url"],
        "username": credentials["username"],
        "token": f"file:{token.resolve()}",
        "requests_per_second": "100000",  # a stepped clock stands while requests are under way
        "limits": "none",  # nobody is there to approve anything
        **sandbox.source_settings(),
    }
    config = folder / "hoist.yaml"
    text = json.dumps({"store": "hoist.db", "protocol": "protocol", "sources": {SOURCE: source}}, indent=2, ensure_ascii=False)
    config.write_text(text + os.linesep, encoding="utf-8")
    return config
