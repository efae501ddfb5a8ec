"""A desk at which Dina plans: it was read under rules that act on nobody yet, and its people can save."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from agent.app import App
from agent.clock import SystemClock
from agent.config import load_settings
from agent.store import plans, waiting
from agent.store.database import open_database
from agent.store.plans import PlanState
from agent.store.states import RowState
from agent.who import Who
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.call import Answer
from rules.instants import written
from tests.agent.command_line import ORGANISATION, RULES, Desk, Said, desk, real_time

LATER = RULES.replace("15 minutes", "3 hours")
"""No ticket of the desk is so old."""
IGNORE = ORGANISATION.replace("existing_tickets: all", "existing_tickets: ignore")
READS = ("/search/jql", "/bulkfetch")
"""Ends of paths whose POST only asks."""
DINA = Who("dina", "a test", "it was looked at")


class Site(JiraSandbox):
    """Notes each request that reaches it, and lets people save."""

    seen: list[tuple[str, str]]

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.__dict__.setdefault("seen", []).append((method, path))
        return super().dispatch(method, path, query, headers, body)

    @property
    def unsafe(self) -> list[tuple[str, str]]:
        """Requests that change something, or could."""
        return [(method, path) for method, path in self.seen if method not in {"GET", "HEAD"} and not path.endswith(READS)]

    def saves(self, person: str, key: str, **changed: object) -> None:
        """A person's own save."""
        known = self.credentials(person)
        signed = base64.b64encode(f"{known['username']}:{known['token']}".encode()).decode()
        headers = {"authorization": f"Basic {signed}", "Authorization": f"Basic {signed}", "content-type": "application/json"}
        answer = super().dispatch("PUT", f"/rest/api/3/issue/{key}", "", headers, json.dumps({"fields": changed}).encode())
        assert answer.status == 204, answer


@contextmanager
def planned_desk(folder: Path, ahead: list[int]) -> Iterator[Desk]:
    """All clocks are `ahead` of the real time by so many milliseconds."""
    with desk(folder, kind=Site, clock=lambda: real_time() + ahead[0]) as made:
        made.write(rules=LATER)
        assert made.hoist("run", "--once").code == 0
        yield made


def site(it: Desk) -> Site:
    assert isinstance(it.sandbox, Site)
    return it.sandbox


def plan(it: Desk, *arguments: str, organisation: str = ORGANISATION, rules: str = RULES) -> tuple[str, Said]:
    """Make a plan of changed rules that lie beside those in force; gives its name."""
    draft = it.folder / "draft"
    draft.mkdir(exist_ok=True)
    (draft / "organisation.yaml").write_text(organisation, encoding="utf-8")
    (draft / "rules.yaml").write_text(rules, encoding="utf-8")
    said = it.hoist("plan", "--protocol", draft, *arguments)
    return next((word for word in said.words.split() if word.startswith("plan-")), ""), said


def rows(it: Desk) -> list[tuple[RowState, str]]:
    with closing(open_database(it.folder / "hoist.db")) as database, database.reading() as db:
        return [(row.state, row.problem) for row in waiting.of_source(db, "jira")]


def applied(it: Desk) -> list[PlanState]:
    """What became of all plans, the first one first."""
    with closing(open_database(it.folder / "hoist.db")) as database, database.reading() as db:
        return [row.state for row in reversed(plans.latest(db))]


def settings(it: Desk, **more: object) -> None:
    """hoist.yaml with further settings."""
    said = json.loads(it.config.read_text(encoding="utf-8"))
    it.config.write_text(json.dumps(said | more), encoding="utf-8")


@contextmanager
def agent(it: Desk) -> Iterator[App]:
    """hoist run in this process, turned by hand."""
    with (
        closing(open_database(it.folder / "hoist.db")) as database,
        closing(App(load_settings(it.config, {}), database, SystemClock())) as app,
    ):
        app.start()
        yield app


def looks_around(app: App) -> None:
    """As after the seconds in which changed rules are taken over, and everything that follows from it."""
    app._next_reload = 0
    app.turn()
    app.finish()
    app.turn()
    app.finish()


def at(milliseconds: int) -> str:
    return written(real_time() + milliseconds)
