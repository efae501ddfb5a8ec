"""A desk at which Dina plans: it was read under rules that act on nobody yet, and its people can save."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update

from agent.app import App
from agent.clock import SystemClock
from agent.config import load_settings
from agent.store import plans, tables, waiting
from agent.store.database import open_database
from agent.store.plans import PlanState
from agent.store.states import RowState
from agent.who import Who
from connectors.jira.site.catalog import TEAM
from rules.instants import written
from tests.agent.command_line import ORGANISATION, RULES, Desk, Said, desk, real_time
from tests.agent.noting_site import NotingSite

LATER = RULES.replace("15 minutes", "3 hours")
"""No ticket of the desk is so old."""
IGNORE = ORGANISATION.replace("existing_tickets: all", "existing_tickets: ignore")
DINA = Who("dina", "a test", "it was looked at")


class Site(NotingSite):
    """Lets people save, and administrators rename teams."""

    @property
    def teams(self) -> dict[str, str]:
        """What it calls its teams, by id; whoever changes it renames them."""
        return self._site.catalog.options[TEAM]

    def saves(self, person: str, key: str, **changed: object) -> None:
        """A person's own save."""
        known = self.credentials(person)
        signed = base64.b64encode(f"{known['username']}:{known['token']}".encode()).decode()
        headers = {"authorization": f"Basic {signed}", "Authorization": f"Basic {signed}", "content-type": "application/json"}
        answer = super().dispatch("PUT", f"/rest/api/3/issue/{key}", "", headers, json.dumps({"fields": changed}).encode())
        assert answer.status == 204, answer


@pytest.fixture
def moved_on(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """By how many milliseconds all clocks are ahead of the real time."""
    ahead = [0]
    monkeypatch.setattr(SystemClock, "now", lambda _: real_time() + ahead[0])
    return ahead


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved_on: list[int]) -> Iterator[Desk]:
    """Dina's desk; plans are saved in its folder."""
    monkeypatch.chdir(tmp_path)
    with desk(tmp_path, kind=Site, clock=lambda: real_time() + moved_on[0]) as made:
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
    app.rules.next_look = 0
    app.turn()
    app.finish()
    app.turn()
    app.finish()


def let_its_instant_come(it: Desk) -> None:
    """As if the instants of all plans that wait had come."""
    with closing(open_database(it.folder / "hoist.db")) as database, database.transaction() as db:
        db.execute(update(tables.plans).where(tables.plans.c.state == PlanState.WAITS).values(at=real_time()))


def at(milliseconds: int) -> str:
    return written(real_time() + milliseconds)
