"""What a rule can do, as people write it; and what is refused, with what to write instead."""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml

from rules.instants import HOUR
from rules.protocol.actions import (
    Action,
    AddLabel,
    Arbiter,
    Assign,
    AtProvider,
    Comment,
    Digest,
    Escalate,
    Proposal,
    Propose,
    ProviderDeed,
    RaisePriority,
    Restrict,
    SetField,
    Tell,
)
from rules.protocol.durations import Duration
from rules.rulebook import Problem, RulebookError, load
from tests.rules import protocol_texts
from tests.shared import shared

TEAMS: Final = "network-ops: {lead: bob@example.com, on_call: rotas/network.ics, language: nl, "
ORGANISATION: Final = protocol_texts.ORGANISATION.replace("network-ops: {", TEAMS)


def rules(deed: str, more: str = "") -> str:
    return f"rules:\n  - rule: it\n    when: {{status: open}}\n{more}    do:\n      - {deed}\n"


def actions(deed: str) -> tuple[Action, ...]:
    (rule,) = protocol_texts.loaded(rules(deed), ORGANISATION).rulebook.rules
    return rule.actions


def problems(deed: str, more: str = "") -> tuple[Problem, ...]:
    return protocol_texts.problems(rules(deed, more), ORGANISATION)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("escalate: network", Escalate("network")),
        ("escalate: {chain: network, enter_at: service-desk}", Escalate("network", "service-desk")),
        ("escalate: {chain: network, to: network-eng}", Escalate("network", to="network-eng")),
        ("escalate: {chain: network, from: last resolving team}", Escalate("network", from_last_resolving_team=True)),
        ("assign: network-ops", Assign("network-ops")),
        ("raise_priority: 1", RaisePriority(1)),
        ("raise_priority: {by: 2, not_above: P1}", RaisePriority(2, None, "P1")),
        ("raise_priority: {to: P2}", RaisePriority(0, "P2")),
        ("set: {native.u_hot: true}", SetField("native.u_hot", "true")),
        ("tag: ping-pong", AddLabel("ping-pong")),
        ("comment: 'Open for {held}.'", Comment("Open for {held}.")),
        ("comment: {en: Hello, nl: Hallo}", Comment("Hello", (("en", "Hello"), ("nl", "Hallo")))),
        ("tell: duty-manager", Tell("duty-manager")),
        ("tell: zoe@example.com", Tell("zoe@example.com")),
        ("tell: on call of network-ops", Tell("on_call of network-ops")),
        ("tell: lead of the current team", Tell("lead of current team")),
        ("tell: on_call of current team", Tell("on_call of current team")),
        ("tell: manager of the assignee", Tell("manager of assignee")),
        ("tell: the requester's manager", Tell("manager of requester")),
        ("tell: Assignee", Tell("assignee")),
        ("page: duty-manager", Tell("duty-manager", urgent=True)),
        (
            "page: {who: on_call of network-ops, at_most: 2 per night}",
            Tell("on_call of network-ops", urgent=True, at_most_per_night=2),
        ),
        ("remind: duty-manager", Tell("duty-manager", reminder=True)),
        ("digest: {to: lead of network-ops, title: Weekend hand-over}", Digest("lead of network-ops", "Weekend hand-over")),
        ("digest: duty-manager", Digest("duty-manager", "")),
        ("arbiter: lead of service-desk", Arbiter("lead of service-desk")),
        (
            "arbiter: {who: duty-manager, within: 4 business hours}",
            Arbiter("duty-manager", Duration(4 * HOUR, calendar="office")),
        ),
        ("propose_parent: true", Propose(Proposal.PARENT)),
        ("propose_major_incident: true", Propose(Proposal.MAJOR_INCIDENT)),
        ("restrict: network-eng", Restrict("network-eng")),
        ("open_case: aws", AtProvider(ProviderDeed.OPEN_CASE, "aws")),
        ("open_case: {provider: aws, template: aws-open}", AtProvider(ProviderDeed.OPEN_CASE, "aws", "aws-open")),
        ("chase_provider: {template: aws-chase}", AtProvider(ProviderDeed.CHASE, "", "aws-chase")),
        ("remind: the approver", Tell("approver", reminder=True)),
        ("tell: approver's deputy", Tell("deputy of approver")),
        ("ask_provider_severity: one higher", AtProvider(ProviderDeed.ASK_SEVERITY, severity="one higher")),
    ],
)
def test_an_action_is_written_so(written: str, meant: Action) -> None:
    """Each form that the page on rules names means one thing."""
    assert actions(written) == (meant,)


def test_what_is_not_wanted_is_nothing() -> None:
    """`propose_parent: false` proposes nothing."""
    assert actions("propose_parent: no") == ()


@pytest.mark.parametrize(
    ("written", "text", "said", "hint"),
    [
        ("escalate: {chain: network, to: service-desk}", "chain: network", "nothing climbs to it", ""),
        ("escalate: {chain: network, to: netwrk-eng}", "netwrk-eng", "there is no such team", "network-eng"),
        ("escalate: {chain: network, from: team}", "team", "expected `last resolving team`", "last resolving team"),
        ("set: {status: open}", "status", "hoist never writes a status", ""),
        ("set: {native.state: 3}", "native.state", "hoist never writes a status", ""),
        ("set: {priority: P1}", "priority", "`raise_priority:`", ""),
        ("set: {assignee: anna}", "assignee", "to no person", ""),
        ("set: {u_hot: 1}", "u_hot", "as native.NAME", "native.u_hot"),
        ("set: {native.x: [1, 2]}", "[1, 2]", "expected a text", ""),
        ("status: closed", "status", "hoist never writes a status", ""),
        ("comment: {English: Hello}", "English", "the code of a language", ""),
        ("comment: {en: 'Hello {wrld}'}", "{wrld}", "nothing that a comment can fill in", ""),
        ("tell: on_call of netwrk-ops", "on_call of netwrk-ops", "no such team", "on_call of network-ops"),
        ("tell: lead of network-eng", "lead of network-eng", "has no `lead:`", ""),
        ("tell: account contact of provider", "account contact of provider", "`providers: {aws: {contact:", ""),
        ("tell: duty-mangr", "duty-mangr", "or a role: duty-manager", "duty-manager"),
        ("page: {who: duty-manager, at_most: two}", "two", "2 per night", ""),
        ("page: {who: duty-manager, at_most: 0 per night}", "0 per night", "2 per night", ""),
        ("chase_provider: {provider: aws}", "provider: aws", "`template` is missing", ""),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(written: str, text: str, said: str, hint: str) -> None:
    """Every refusal names the text, and what to write instead; there is one for each mistake."""
    (problem,) = problems(written)
    assert (problem.text, problem.hint) == (text, hint)
    assert said in problem.expected


def test_a_team_without_a_rota_has_nobody_on_call_and_that_is_said() -> None:
    """The rule may be written before the rota is; until then each check of the rules says that nobody is found."""
    (hint,) = protocol_texts.loaded(rules("page: on_call of service-desk"), ORGANISATION).hints
    assert "the team service-desk has no `on_call:`" in hint.expected


# --- confidential rules, and where tickets may go -----------------------------------------------------------------------


@pytest.mark.parametrize("written", ["label: security", "tag: security", "set: {native.x: security}", "digest: duty-manager"])
def test_a_confidential_rule_leaves_nothing_in_the_open(written: str) -> None:
    """A speaking label, field or list is refused when the rule is loaded."""
    (problem,) = problems(written, "    confidential: true\n")
    assert problem.text == written.partition(":")[0]
    assert "a confidential rule leaves nothing" in problem.expected


def test_the_text_of_a_confidential_rule_is_not_written_and_that_is_said() -> None:
    """Its author learns at once that the note says another sentence."""
    found = protocol_texts.loaded(rules("comment: Security matter.", "    confidential: true\n"), ORGANISATION)
    assert found.rulebook.rules[0].confidential
    (hint,) = found.hints
    assert 'the note says "Handled under a confidential procedure."' in hint.expected


def test_a_label_in_the_condition_of_a_confidential_rule_is_no_deed() -> None:
    """What a rule looks at leaves no trace."""
    text = rules("page: duty-manager", "    confidential: true\n").replace("{status: open}", "{label: security}")
    assert protocol_texts.problems(text, ORGANISATION) == ()


@pytest.mark.parametrize(
    "written", ["assign: network-eng", "restrict: network-eng", "escalate: {chain: network, to: network-eng}"]
)
def test_a_move_needs_its_target_among_the_allowed_teams(written: str) -> None:
    """A rule whose own `only_to` leaves out the team that it names is refused."""
    (problem,) = problems(written, "    only_to: [network-ops]\n")
    assert "the rule names network-eng" in problem.expected
    assert problems("escalate: network", "    only_to: [network-ops]\n") == ()


# --- the protocols that people asked for ----------------------------------------------------------------------------------

NOT_YET: Final = {
    "account contact of provider",
}
ROLES: Final = ("duty-manager", "service-delivery-manager", "head-of-it", "privacy-officer", "problem-manager")
ASKED_FOR: Final = f"""\
format: 1
defaults: {{calendar: always}}
priorities: [{{name: P1}}, {{name: P2}}]
calendars: {{always: {{hours: all}}}}
teams:
  service-desk: {{lead: anna@example.com}}
  network-ops: {{lead: bob@example.com, on_call: rotas/ops.ics}}
  network-eng: {{on_call: rotas/eng.ics}}
  csirt: {{on_call: rotas/csirt.ics}}
chains: {{network: [service-desk, network-ops, network-eng], security: [service-desk, csirt]}}
roles: {{{", ".join(f"{role}: {role}@example.com" for role in ROLES)}}}
"""


def _deeds(node: Any) -> list[Any]:
    """Everything under `do`, `then` and `at_next_opening`, however deep."""
    if isinstance(node, list):
        return [deed for item in node for deed in _deeds(item)]
    if not isinstance(node, dict):
        return []
    found = []
    for key, value in node.items():
        if key in {"do", "then", "at_next_opening"}:
            found += value if isinstance(value, list) else [value]
        else:
            found += _deeds(value)
    return found


def test_every_action_of_the_protocols_that_people_asked_for_can_be_written() -> None:
    """Nine published protocols: each of their actions parses, but for the contact of a provider that goes without a name."""
    page = (shared() / "users.md").read_text(encoding="utf-8")
    (text,) = [part for part in page.split("```") if part.startswith("yaml\nrules:") and "p1-ladder" in part]
    deeds = _deeds(yaml.load(text.removeprefix("yaml\n"), Loader=yaml.BaseLoader))  # noqa: S506 - makes nothing but text
    assert len(deeds) > 25
    refused = set()
    for deed in deeds:
        rule = {"rules": [{"rule": "it", "when": {"status": "open"}, "do": [deed]}]}
        try:
            load({"organisation.yaml": ASKED_FOR, "rules.yaml": yaml.safe_dump(rule)})
        except RulebookError as error:
            refused |= {problem.text for problem in error.problems}
    assert refused == NOT_YET
