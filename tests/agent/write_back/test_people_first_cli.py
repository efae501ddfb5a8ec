"""A person is first by a moment, as it looks at a terminal beside a sandbox of Jira: theirs stands, and hoist says so."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.call import Answer
from connectors.sandboxes.history import History
from tests.agent.command_line import FORGOTTEN, Desk, hoist
from tests.agent.command_line import desk as a_desk
from tests.agent.undo.test_undo_cli import RULES, fields


class Crowded(JiraSandbox):
    """A site where somebody saves right before hoist's write arrives: after its fresh read, and no read of its own shows it."""

    interlopers: ClassVar[list[Callable[[Crowded], None]]] = []

    def __init__(self, *, history: History, **more: Any) -> None:
        super().__init__(history=replace(history, priorities=(*history.priorities, "Low")), **more)

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method == "PUT" and b'"fields"' in body and self.interlopers:
            self.interlopers.pop()(self)
        return super().dispatch(method, path, query, headers, body)

    def saves(self, person: str, key: str, **changed: object) -> None:
        """A person's own save."""
        credentials = self.credentials(person)
        signed = base64.b64encode(f"{credentials['username']}:{credentials['token']}".encode()).decode()
        headers = {"authorization": f"Basic {signed}", "Authorization": f"Basic {signed}", "content-type": "application/json"}
        body = json.dumps({"fields": changed}).encode()
        answer = super().dispatch("PUT", f"/rest/api/3/issue/{key}", "", headers, body)
        assert answer.status == 204, answer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    Crowded.interlopers.clear()
    with a_desk(tmp_path, kind=Crowded) as made:
        made.write(rules=RULES)
        yield made
    Crowded.interlopers.clear()


def test_a_priority_that_somebody_set_in_between_is_put_back(desk: Desk) -> None:
    """Nora sets it to Low while hoist's raise is on its way: hers stands in the end, no note speaks of it, all of it is told."""
    Crowded.interlopers.append(lambda site: site.saves("nora", FORGOTTEN, priority={"name": "Low"}))
    ran = desk.hoist("run", "--once")
    assert ran.code == 0, ran.words
    assert fields(desk)[1] == "Low"
    saves, comments = desk.record()
    assert (len(saves), comments) == (2, []), "the write, and what was put back"
    said = desk.hoist("why", f"jira:{FORGOTTEN}").words
    assert "met a person's change at" in said
    assert "a person's change was overwritten, and put back" in said
    lines = [json.loads(line) for line in hoist("journal", "export", "--config", desk.config).out.splitlines()]
    kinds = [line["kind"] for line in lines if line["key"] == FORGOTTEN]
    assert kinds.index("fields-overwrote") < kinds.index("fields-applied") < kinds.index("overruled")
    assert "comment-dropped" in kinds
    again = desk.hoist("run", "--once")
    assert (again.code, fields(desk)[1], len(desk.record()[0])) == (0, "Low", 2), "and it is left alone from then on"


def test_another_field_of_the_same_moment_is_nobodys_trouble(desk: Desk) -> None:
    """Nora labels the ticket while hoist's write is on its way: her label stands beside hoist's, and the escalation is whole."""
    Crowded.interlopers.append(lambda site: site.saves("nora", FORGOTTEN, labels=["hers"]))
    assert desk.hoist("run", "--once").code == 0
    team, priority, labels = fields(desk)
    assert (team, priority, {*labels}) == ("Network", "Highest", {"hers", "lifted"})
    assert len(desk.record()[1]) == 1
