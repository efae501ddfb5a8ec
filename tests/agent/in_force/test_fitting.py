"""A rulebook that asks a source for what it can't do is refused when it is loaded, not when it fires."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from agent.in_force.fitting import fitted
from connectors.contract import Capabilities, Guard, Once, Promise
from rules.binding import BindingError
from rules.escalation import OperationKind
from rules.protocol.organisation import Employee
from rules.protocol.rulebook import Rulebook
from rules.rulebook import load
from rules.world import Directory, World

PROMISES = dict.fromkeys(OperationKind, Promise(Guard.PUT_BACK, Once.MARKER, "its record"))
EVERYTHING = frozenset({"team", "assignee", "priority", "labels", "comment", "native", "restriction"})
READ = frozenset({"status", "priority", "team", "assignee", "labels"})
ABLE = Capabilities("jira", EVERYTHING, READ, PROMISES, 300.0)
DIRECTORY = Directory({"10": "Service Desk", "11": "Network"}, {"1": "High", "2": "Low"})
FILES = {
    "organisation.yaml": """\
format: 1
defaults: {mode: live}
priorities: [{name: P1, desk: High}, {name: P2, desk: Low}]
teams: {service-desk: {desk: Service Desk}, network: {desk: Network}}
chains: {it: [service-desk, network]}
""",
    "rules.yaml": """\
rules:
  - rule: nobody
    when: {assignee: nobody}
    for: 10 minutes
    do: [{escalate: it}, {raise_priority: 1}, {label: late}]
""",
}


def rulebook(**files: str) -> Rulebook:
    return load(FILES | {name.replace("_", "."): text for name, text in files.items()}).rulebook


def test_a_rulebook_that_fits_is_bound() -> None:
    """Where the platform can do all that the rules ask for, the rules are bound to it."""
    bound = fitted(rulebook(), "desk", DIRECTORY, ABLE, World())
    assert bound.teams == {"service-desk": ("10",), "network": ("11",)}


def test_a_label_that_nobody_has_made_is_named_with_its_rule() -> None:
    """A platform that takes only labels that were made before is no place for others: said at load, not by a parked write."""
    made = replace(DIRECTORY, labels=frozenset({"late", "vip"}))
    assert fitted(rulebook(), "desk", made, ABLE, World()).directory.labels == frozenset({"late", "vip"})
    with pytest.raises(BindingError, match="the label late, which nobody has made in desk: make it there") as refused:
        fitted(rulebook(), "desk", replace(DIRECTORY, labels=frozenset({"vip"})), ABLE, World())
    assert "rule nobody" in refused.value.problems[0]


ABILITIES = [("team", "move a ticket"), ("priority", "set a priority"), ("labels", "set labels")]


@pytest.mark.parametrize(("field", "words"), ABILITIES)
def test_an_action_that_the_platform_lacks_is_named_with_its_rule(field: str, words: str) -> None:
    """An administrator reads which rule asks for what, before anything was written."""
    lacking = replace(ABLE, writes=ABLE.writes - {field})
    with pytest.raises(BindingError, match=words) as refused:
        fitted(rulebook(), "desk", DIRECTORY, lacking, World())
    assert "rule nobody" in refused.value.problems[0]


@pytest.mark.parametrize(
    "condition",
    ["request_type: VPN", "native: {u_vendor: ours}", "target: {name: Time to resolution, due_within: 1 hour}", "due: passed"],
)
def test_a_condition_on_what_the_platform_does_not_read_is_refused(condition: str) -> None:
    """A rule that could never hold, since nobody reads its field there, is named before it is waited for."""
    rules = FILES["rules.yaml"].replace("{assignee: nobody}", f"{{{condition}}}")
    with pytest.raises(BindingError, match="does not read it") as refused:
        fitted(rulebook(rules_yaml=rules), "desk", DIRECTORY, ABLE, World())
    assert "rule nobody" in refused.value.problems[0]


def test_twins_need_a_field_that_the_platform_reads() -> None:
    """F35: where hoist could not tell which one leads, nothing would be escalated: that is said when rules are loaded."""
    organisation = f"{FILES['organisation.yaml']}twins: {{desk: {{field: u_follows}}}}\n"
    with pytest.raises(BindingError, match="can't tell which ticket leads"):
        fitted(rulebook(organisation_yaml=organisation), "desk", DIRECTORY, ABLE, World())
    able = replace(ABLE, reads=ABLE.reads | {"native."})
    bound = fitted(rulebook(organisation_yaml=organisation), "desk", DIRECTORY, able, World())
    assert len(bound.rules) == 1


def test_a_condition_on_related_tickets_needs_what_relates_them() -> None:
    """Related tickets are counted by hoist itself, where the source tells the service they share."""
    rules = FILES["rules.yaml"].replace("{assignee: nobody}", "{related: {at_least: 5, same: service}}")
    with pytest.raises(BindingError, match="does not read it"):
        fitted(rulebook(rules_yaml=rules), "desk", DIRECTORY, ABLE, World())
    able = replace(ABLE, reads=READ | {"service"})
    assert len(fitted(rulebook(rules_yaml=rules), "desk", DIRECTORY, able, World()).rules) == 1


def test_unknown_names_and_missing_abilities_are_told_together() -> None:
    """Everything that does not fit is in one list."""
    lacking = replace(ABLE, writes=frozenset({"team", "comment", "labels"}))
    gone = replace(DIRECTORY, teams={"10": "Service Desk"})
    with pytest.raises(BindingError) as refused:
        fitted(rulebook(), "desk", gone, lacking, World())
    assert len(refused.value.problems) == 2
    assert "'Network'" in refused.value.problems[1]


def test_a_draft_may_ask_for_anything() -> None:
    """A rule that is only being written stops nothing."""
    draft = FILES["rules.yaml"].replace("rule: nobody", "rule: nobody\n    mode: draft")
    assert fitted(rulebook(rules_yaml=draft), "desk", DIRECTORY, replace(ABLE, writes=frozenset()), World()).rules == ()


def test_where_a_source_cannot_list_its_teams_their_ids_are_taken_as_written() -> None:
    """Jira names no Atlassian teams to a program: the organisation writes the team's id, and hoist starts before it saw one."""
    unlisted = Directory({}, DIRECTORY.priorities, teams_listed=False)
    bound = fitted(rulebook(), "desk", unlisted, ABLE, World())
    assert bound.teams["network"] == ("Network",)


EVERY_DEED = """\
rules:
  - rule: everything
    applies_to: {sources: [SOURCE]}
    when: {assignee: nobody}
    do:
      - set: {native.u_hot: true}
      - restrict: network
      - tell: zoe@example.com
      - digest: zoe@example.com
      - arbiter: zoe@example.com
      - propose_parent: true
      - open_case: aws
"""


def test_fields_of_its_own_and_restrictions_need_a_source_that_has_them() -> None:
    """A source that can do neither is named with both, and with what to write instead."""
    book = rulebook(rules_yaml=EVERY_DEED.replace("SOURCE", "desk"))
    assert fitted(book, "desk", DIRECTORY, ABLE, World()).rules
    with pytest.raises(BindingError) as refused:
        fitted(book, "desk", DIRECTORY, replace(ABLE, writes=EVERYTHING - {"native", "restriction"}), World())
    said = " can't {}; take that action out, or leave this source out with `applies_to:`"
    assert [problem.partition("rule everything: ")[2] for problem in refused.value.problems] == [
        "desk (jira as it is set up here)" + said.format("set a field of its own"),
        "desk (jira as it is set up here)" + said.format("restrict who reads a ticket"),
    ]
    with pytest.raises(BindingError, match="write comments"):
        fitted(book, "desk", DIRECTORY, replace(ABLE, writes=EVERYTHING - {"comment"}), World())


def test_a_source_that_a_rule_is_not_for_need_not_be_able() -> None:
    """`applies_to` keeps a rule off the sources that can't do what it asks for."""
    two = FILES["organisation.yaml"].replace("desk: High", "desk: High, other: High")
    book = rulebook(organisation_yaml=two, rules_yaml=EVERY_DEED.replace("SOURCE", "other"))
    assert fitted(book, "desk", DIRECTORY, replace(ABLE, writes=frozenset()), World()).rules == ()


@pytest.mark.parametrize(
    "holds_back",
    ["hold_while: {service: Mail}\n    do: {label: x}", "steps: [{after: 0 minutes, unless: {service: Mail}, do: {label: x}}]"],
)
def test_a_field_that_only_holds_a_step_back_must_be_read_too(holds_back: str) -> None:
    """What is never known would hold it back for ever, and nobody would be told."""
    rules = f"rules:\n  - rule: one\n    when: {{assignee: nobody}}\n    {holds_back}\n"
    with pytest.raises(BindingError, match="asks for service, and desk"):
        fitted(rulebook(rules_yaml=rules), "desk", DIRECTORY, ABLE, World())


def telling(who: str) -> Rulebook:
    return rulebook(rules_yaml=f"rules:\n  - {{rule: one, when: {{assignee: nobody}}, do: [{{tell: {who}}}]}}\n")


@pytest.mark.parametrize("who", ["manager of assignee", "deputy of assignee"])
def test_a_manager_whom_nobody_names_is_refused_by_the_name_of_the_source(who: str) -> None:
    """A helpdesk without managers can't have them told; where the organisation names them, it can."""
    with pytest.raises(BindingError, match=f"tells the {who}, and desk .* name them under `people:`"):
        fitted(telling(who), "desk", DIRECTORY, ABLE, World())
    people = (Employee("anna@example.com", manager="henk@example.com", deputy="bob@example.com"),)
    assert fitted(telling(who), "desk", DIRECTORY, ABLE, World(people=people)).rules


def test_an_approver_is_told_only_where_approvers_are_read() -> None:
    """Where the source does not tell who approves, neither can they be reminded, nor their hours be counted."""
    with pytest.raises(BindingError, match="asks for approver, and desk"):
        fitted(telling("approver"), "desk", DIRECTORY, ABLE, World())
    counts = "for: 2 business hours, calendar: calendar of approver, do: [{label: x}]"
    hours = f"rules:\n  - {{rule: one, when: {{assignee: nobody}}, {counts}}}\n"
    with pytest.raises(BindingError, match="asks for approver, and desk"):
        fitted(rulebook(rules_yaml=hours), "desk", DIRECTORY, ABLE, World())
    able = replace(ABLE, reads=READ | {"approver"})
    assert fitted(telling("approver"), "desk", DIRECTORY, able, World()).rules
    assert fitted(rulebook(rules_yaml=hours), "desk", DIRECTORY, able, World()).rules


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        ("provider_case: aws", "case.aws"),
        ("target: {name: next answer of aws, due_within: 1 hour}", "next answer of aws"),
    ],
)
def test_a_case_at_a_provider_is_asked_for_only_where_cases_are_read(when: str, asked: str) -> None:
    """Whose turn it is at a provider, and the provider's own clock, are refused by the name of a source that can't tell.

    One that knows whose turn it is need not know when the provider will answer.
    """
    rules = f"rules:\n  - {{rule: one, when: {{{when}}}, do: [{{chase_provider: aws-chase}}]}}\n"
    reads = replace(ABLE, reads=READ | {"target."})
    with pytest.raises(BindingError, match=rf"asks for {re.escape(asked)}, and desk .* does not read it"):
        fitted(rulebook(rules_yaml=rules), "desk", DIRECTORY, reads, World())
    assert fitted(rulebook(rules_yaml=rules), "desk", DIRECTORY, replace(ABLE, reads=READ | {asked}), World()).rules
