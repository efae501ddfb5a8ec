"""hoist at a terminal beside a service project of Jira: its SLAs and approvals are what rules look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rules.instants import HOUR, MINUTE
from tests.agent.command_line import FORGOTTEN, RULES, TAKEN, desk

ON_TARGET = """\
rules:
  - rule: due-soon
    title: Its SLA ends within the hour
    when: {target: {name: Time to resolution, due_within: 1 hour}, assignee: nobody}
    do:
      - label: due-soon
      - comment: "The SLA ends soon."
  - rule: waits-for-approval
    title: Waits for an approval
    when: {approval: waiting, request_type: Ask for access}
    for: 1 minute
    do: [{label: approval-waits}]
"""


def labels(made: Any, key: str) -> list[str]:
    return list(made.sandbox._site.issues.find(key).fields["labels"])


def test_a_ticket_is_escalated_before_its_sla_is_missed(tmp_path: Path) -> None:
    """Once the settings name the SLA, a rule over it acts on the ticket that nobody has, and `why` names the clock."""
    with desk(tmp_path) as made:
        made.sandbox.set_goal(1, 2 * HOUR + 30 * MINUTE)
        asked = {"targets": ["Time to resolution"], "request_facts": ["approval", "request_type"]}
        made.write(made.settings() | asked, rules=ON_TARGET)
        checked = made.hoist("check")
        assert checked.code == 0, checked.words
        assert made.hoist("run", "--once").code == 0
        assert (labels(made, FORGOTTEN), labels(made, TAKEN)) == (["due-soon"], [])
        (comment,) = made.record()[1]
        assert "The SLA ends soon." in comment.text
        assert not comment.public
        said = made.hoist("why", f"jira:{FORGOTTEN}")
        assert "Time to resolution" in said.words


def test_a_rule_over_what_is_not_read_is_refused(tmp_path: Path) -> None:
    """A rule over an SLA or an approval that the settings do not name is refused by its line, and nothing is written."""
    with desk(tmp_path) as made:
        made.write(rules=ON_TARGET)
        said = made.hoist("check")
        assert said.code == 1
        assert "rule due-soon: asks for" in said.words
        assert "rule waits-for-approval: asks for" in said.words
        assert made.untouched()


def test_a_misspelt_sla_stops_hoist_before_it_writes(tmp_path: Path) -> None:
    """hoist names the SLA that there is, and does not run on a name that nothing answers to."""
    with desk(tmp_path) as made:
        made.write(made.settings() | {"targets": ["Time to resolve"]}, rules=RULES)
        assert "did you mean 'Time to resolution'?" in made.hoist("check").words
        assert made.hoist("run", "--once").code != 0
        assert made.untouched()
