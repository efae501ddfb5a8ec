"""Everything the demo plays with, set up in one folder: sandboxes, hoist.yaml, protocol, store, and the agent beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.app import App
from agent.clock import SteppedClock
from agent.config import Settings, load_settings
from agent.demo.organisation import Place, protocol
from agent.in_force.protocol_files import load_protocol
from agent.pipeline import Pipeline
from agent.secret_files import in_files
from agent.store.database import Database, open_database
from connectors import registry
from connectors.sandboxes.history import History
from connectors.sandboxes.sandbox import Sandbox
from rules.protocol.actions import AddLabel
from rules.protocol.rule import Mode
from rules.rulebook import Loaded

POLL_EVERY = "60 seconds"


@dataclass(frozen=True)
class Stage:
    """The parts of a running demo. `sandboxes` by the name of their source."""

    clock: SteppedClock
    sandboxes: Mapping[str, Sandbox]
    settings: Settings
    database: Database
    app: App

    def desks(self) -> Iterator[tuple[Pipeline, Sandbox]]:
        """Each helpdesk: hoist's side of it, and its own."""
        return ((pipeline, self.sandboxes[pipeline.source]) for pipeline in self.app.pipelines)


@contextmanager
def set_up(folder: Path, histories: Mapping[str, History], start: int, own_rules: Path | None) -> Iterator[Stage]:
    """A stage in a folder that exists, with a history for each platform.

    Raises ConfigError or RulebookError where the rules don't fit.
    """
    clock = SteppedClock(start)
    with ExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        for platform, history in histories.items():
            sandbox = registry.sandbox_class(platform)(clock=clock.now, history=history)
            stack.enter_context(sandbox.serve())
            sandboxes[sandbox.SOURCE] = sandbox
        places = [Place(source, sandbox.history, sandbox.priorities) for source, sandbox in sandboxes.items()]
        _write_protocol(folder / "protocol", protocol(places, own_rules))
        settings = load_settings(_write_config(folder, sandboxes), {})
        labels = _labels_given(load_all_live(settings.protocol))
        for sandbox in sandboxes.values():
            sandbox.make_labels(labels)
        database = stack.enter_context(closing(open_database(settings.store)))
        yield Stage(clock, sandboxes, settings, database, App(settings, database, clock, load=load_all_live))


def load_all_live(place: Path) -> Loaded:
    """The protocol with every rule live that is not a draft."""
    loaded = load_protocol(place)
    rules = tuple(rule if rule.mode is Mode.DRAFT else replace(rule, mode=Mode.LIVE) for rule in loaded.rulebook.rules)
    return replace(loaded, rulebook=replace(loaded.rulebook, rules=rules))


def _labels_given(loaded: Loaded) -> list[str]:
    """The labels that any rule gives."""
    actions = (action for rule in loaded.rulebook.rules for action in rule.actions)
    return sorted({action.label for action in actions if isinstance(action, AddLabel)})


def _write_protocol(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _write_config(folder: Path, sandboxes: Mapping[str, Sandbox]) -> Path:
    """hoist.yaml for the sandboxes. JSON is YAML too, and needs no quoting rules."""
    for_all = {
        "poll_every": POLL_EVERY,
        "requests_per_second": "100000",  # a stepped clock stands while requests are under way
        "limits": "none",  # nobody is there to approve anything
    }
    settings = {source: sandbox.hoist_settings(in_files(Path(f"{folder / source}."))) for source, sandbox in sandboxes.items()}
    sources = {source: {**own, **for_all} for source, own in settings.items()}
    config = folder / "hoist.yaml"
    text = json.dumps({"store": "hoist.db", "protocol": "protocol", "sources": sources}, indent=2, ensure_ascii=False)
    config.write_text(text + os.linesep, encoding="utf-8")
    return config
