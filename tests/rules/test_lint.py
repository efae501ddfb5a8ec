"""What is valid in a protocol and yet probably not meant."""

import pytest

from rules.lint import Finding, findings
from tests.rules.protocol_texts import ORGANISATION, RULES, loaded


def found(rules: str = RULES, organisation: str = ORGANISATION) -> list[str]:
    return [f"{finding.subject}: {finding.sentence}" for finding in findings(loaded(rules, organisation).rulebook)]


def test_a_protocol_in_good_shape_has_no_findings() -> None:
    """The sample protocol gives nothing to look at."""
    assert found() == []


def test_a_protocol_without_rules_does_nothing() -> None:
    """No rule at all, and drafts only, are both said."""
    assert "rules: there is no rule yet" in found("")
    assert "rules: every rule is a draft: nothing is decided, noted or written" in found(RULES.replace("watch", "draft"))


@pytest.mark.parametrize(
    ("priority", "covered"),
    [
        ("[P1, P2]", True),
        ("[P2, P3]", False),
        ("{at_least: P2}", True),
        ("{at_most: P2}", False),
        ("{not: P1}", False),
        ("{not: [P2, P3]}", True),
    ],
)
def test_a_protocol_that_overlooks_urgent_tickets_is_noticed(priority: str, covered: bool) -> None:
    """Somebody should hear of a P1; the check reads lists, scales and exceptions."""
    missing = "P1: no rule looks at tickets of the most urgent priority"
    assert (missing not in found(RULES.replace("[P1, P2]", priority))) is covered


def test_a_draft_covers_nothing() -> None:
    """A second rule for the less urgent does not help if the one for P1 is a draft."""
    second = RULES.removeprefix("rules:\n").replace("nobody-took-it", "later").replace("[P1, P2]", "P3")
    rules = RULES.replace("mode: watch", "mode: draft") + second
    assert found(rules) == ["P1: no rule looks at tickets of the most urgent priority"]
    anyone = RULES.replace("      priority: [P1, P2]\n", "      any: [{priority: P3}, {label: vip}]\n")
    assert found(anyone) == []


def test_a_team_without_a_name_can_get_no_ticket() -> None:
    """A team that no source knows is named, and so is the tier that nobody reaches."""
    organisation = ORGANISATION.replace("network-eng: {jira-cloud: Network Engineering}", "network-eng:")
    assert found(organisation=organisation) == [
        "network-eng: has no name in any source, so no ticket can be in it or go to it",
        "network: in jira-cloud the tier network-eng has no name: tickets there are never moved to it",
    ]


def test_two_teams_with_one_name_are_noticed() -> None:
    """Their tickets can't be told apart."""
    organisation = ORGANISATION.replace("jira-cloud: Network Engineering", "jira-cloud: [Network Engineering, Service Desk]")
    (sentence,) = found(organisation=organisation)
    assert (
        sentence == "network-eng: is called Service Desk in jira-cloud, and so is service-desk; one team gets the tickets of both"
    )


def test_two_priorities_with_one_name_are_noticed() -> None:
    """No helpdesk is needed to see that tickets of the one would be tickets of the other."""
    (sentence,) = found(organisation=ORGANISATION.replace("{name: P2, jira-cloud: High}", "{name: P2, jira-cloud: Highest}"))
    assert sentence == "P2: is called Highest in jira-cloud, and so is P1: such a protocol is refused there"


def test_a_source_without_a_column_in_the_priorities_is_noticed() -> None:
    """Conditions on the priority would never be true there."""
    organisation = ORGANISATION.replace("{jira-cloud: Network Engineering}", "{jira-cloud: Eng, zendesk: Eng}")
    assert "zendesk: has teams but no column in the priorities: conditions on the priority are never true there" in found(
        organisation=organisation
    )
    organisation = ORGANISATION.replace("name: P1, jira-cloud: Highest", "name: P1, jira-cloud: Highest, snow: 1 - Critical")
    assert "P2: has no name in snow: no ticket there has this priority" in found(organisation=organisation)


def test_a_chain_that_no_rule_climbs_is_noticed() -> None:
    """It is either forgotten or not needed."""
    assert found(organisation=ORGANISATION + "  other: [network-ops]\n") == ["other: no rule escalates along this chain"]


def test_a_repetition_within_the_time_to_acknowledge_is_noticed() -> None:
    """The team is promised half an hour, and the rule wants to move on after ten minutes."""
    sentence = "nobody-took-it: is repeated every 10 minutes, while network-ops has 30 minutes to acknowledge"
    assert found(RULES.replace("every: 30 minutes", "every: 10 minutes")) == [sentence]


def test_a_raise_to_the_least_urgent_priority_is_noticed() -> None:
    """It never changes anything."""
    (sentence,) = found(RULES.replace("      - comment:", "      - raise_priority: {to: P3}\n      - comment:"))
    assert sentence == "nobody-took-it: raises the priority to P3 at most, the least urgent: it never changes it"


def test_a_calendar_without_holidays_is_noticed() -> None:
    """Business time that goes on through Christmas is seldom meant."""
    (sentence,) = found(organisation=ORGANISATION.replace("    holidays: NL\n", ""))
    assert sentence.startswith("office: knows no holidays")


def test_twins_are_noticed_where_they_stand() -> None:
    """Two rules with the same conditions act twice on one ticket; how a duration is spelt makes no difference."""
    second = RULES.removeprefix("rules:\n").replace("nobody-took-it", "again").replace("15 minutes", "15  Minutes")
    (finding,) = findings(loaded(RULES + second).rulebook)
    assert finding == Finding("again", "has the same conditions as nobody-took-it; one rule can do what both do", "rules.yaml:14")
    assert str(finding) == f"rules.yaml:14: again: {finding.sentence}"


def test_who_expects_a_message_is_told_that_none_is_sent() -> None:
    """That nobody gets a message yet is said once, with all the rules that count on one."""
    rules = RULES.replace(
        "      - comment:", "      - page: duty-manager\n      - tell: [lead of service-desk, duty-manager]\n      - comment:"
    )
    (finding,) = findings(loaded(rules).rulebook)
    names = "this version of hoist sends no message: who is told or paged is named in the internal note only (nobody-took-it)"
    assert finding == Finding("messages", names, "rules.yaml:2")


@pytest.mark.parametrize(
    ("placeholder", "old", "new", "why"),
    [
        ("count", "assignee: nobody", "reassigned: 3", "the rule counts nothing"),
        ("count", "assignee: nobody", "any: [{label: vip}, {reopened: 2}]", "the rule counts nothing"),
        ("chain", "assign: network-ops", "escalate: network", "the rule escalates along no chain"),
        ("deadline", "assign: network-ops", "arbiter: lead of service-desk", "nobody decides beside it with `arbiter:`"),
        ("provider", "assign: network-ops", "open_case: aws", "no provider is named beside it"),
    ],
)
def test_a_placeholder_that_its_rule_cannot_fill_is_noticed(placeholder: str, old: str, new: str, why: str) -> None:
    """Nobody should read "(not known)" in a comment; a rule that can fill the placeholder gives no finding."""
    rules = RULES.replace("{held}", "{" + placeholder + "}").replace("escalate: network", "assign: network-ops")
    sentence = f"nobody-took-it: its comment says {{{placeholder}}}, and {why}: it would read (not known)"
    assert sentence in found(rules)
    assert sentence not in found(rules.replace(old, new))
