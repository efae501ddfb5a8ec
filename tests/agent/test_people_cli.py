"""Managers and members that no helpdesk tells, from the protocol's folder to the ticket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.command_line import ORGANISATION, Desk, desk

RULES = """\
rules:
  - rule: taken-and-left
    title: Taken and left
    when: {status: [new, open], assignee: {not: nobody}}
    for: 15 minutes
    do: [{tell: manager of assignee}]
  - rule: nobody-of-the-team
    when: {status: [new, open], assignee: {not: nobody}, acknowledged: false}
    do: [{label: not-theirs}]
"""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def test_a_manager_that_jira_does_not_tell_is_asked_for_by_name(it: Desk) -> None:
    """Jira Cloud knows no managers: that is said before anything runs, with where to write them."""
    it.write(rules=RULES)
    said = it.hoist("check")
    assert said.code == 1
    refused = "rule taken-and-left: tells the manager of assignee, and jira (jira as it is set up here) does not say who that is"
    assert refused in said.words
    assert "name them under `people:` in organisation.yaml" in said.words
    assert it.hoist("run", "--once").code != 0
    assert it.untouched()


def test_managers_and_members_come_from_a_spreadsheet(it: Desk) -> None:
    """A CSV file beside the protocol names them: the manager is told, and a team acknowledges through its people alone."""
    it.write(organisation=ORGANISATION + "people:\n  - {file: staff.csv}\n", rules=RULES)
    staff = it.folder / "protocol" / "staff.csv"
    staff.write_text("who,manager,teams\nNora First-Line,henk@example.com,desk\n", encoding="utf-8")
    assert it.hoist("check").code == 0
    it.hoist("run", "--once")
    saves, (comment,) = it.record()
    assert "To be told: manager of assignee (henk@example.com)." in comment.text
    assert saves == []
    elsewhere = "who,manager,teams\nNora First-Line,henk@example.com,network\nolga,henk@example.com,desk\n"
    staff.write_text(elsewhere, encoding="utf-8")
    it.hoist("run", "--once")
    saves, _ = it.record()
    assert [[item[0] for item in save.items] for save in saves] == [["labels"]]
