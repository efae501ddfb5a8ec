"""Two rulebooks in words: what a service-desk lead reads before changed rules come into force."""

from __future__ import annotations

import pytest

from rules.comparison import Comparison, Sign, compared
from rules.rulebook import load

ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: office}
priorities: [{name: P1, jira: Highest}, {name: P2, jira: High}]
calendars:
  office: {time_zone: Europe/Amsterdam, hours: {mon-fri: "09:00-17:30"}, holidays: NL}
teams:
  desk: {jira: Service Desk, lead: anna@example.com}
  network: {jira: Network}
chains: {it: [desk, network]}
roles: {duty: duty@example.com}
"""
RULES = """\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {status: [new, open], assignee: nobody, priority: [P1]}
    for: 15 minutes
    do: [{escalate: it}, {comment: "Without an owner."}]
  - rule: ladder
    title: Ladder
    when: {priority: P1}
    steps:
      - {after: 15 minutes, do: [{tell: duty}]}
      - {after: 60 minutes, do: [{escalate: it}]}
"""


def compare(old: tuple[str, str], new: tuple[str, str]) -> Comparison:
    before, after = (load({"organisation.yaml": each[0], "rules.yaml": each[1]}).rulebook for each in (old, new))
    return compared(before, after)


def said(before: str, after: str, rules: str = RULES) -> list[tuple[str, str, tuple[str, ...]]]:
    """What is said where one text of the rules is replaced by another."""
    assert before in rules
    found = compare((ORGANISATION, rules), (ORGANISATION, rules.replace(before, after)))
    return [(each.sign.value, each.rule, each.said) for each in found.rules]


@pytest.mark.parametrize(
    ("before", "after", "clause"),
    [
        ("for: 15 minutes", "for: 10 minutes", "waits 10 minutes instead of 15 minutes"),
        ("priority: [P1]}", "priority: [P1, P2]}", "asks now: the priority is P1 or P2"),
        (", priority: [P1]}", "}", "asks no longer: the priority is P1"),
        ("{escalate: it}, ", "", "no longer: the next tier of the chain it gets it"),
        ("Without an owner.", "Nobody.", 'an internal comment says "Nobody."'),
        (
            "    for: 15 minutes\n",
            "    for: 15 minutes\n    repeat: {every: 1 hour, at_most: 2}\n",
            "repeats every 1 hour, 2 times",
        ),
        ("    for: 15 minutes\n", "    for: 15 minutes\n    existing_tickets: all\n", "existing tickets: all instead of ignore"),
        ("title: Nobody took it", "title: Forgotten", "title: Forgotten instead of Nobody took it"),
        ("    for: 15 minutes\n", "    for: 15 minutes\n    expires: 2027-01-01\n", "expires: 2027-01-01 instead of none"),
    ],
)
def test_a_change_is_said_in_the_words_of_the_rules(before: str, after: str, clause: str) -> None:
    """Each part of a rule that is another one is named with what it was."""
    ((sign, rule, clauses),) = said(before, after)
    assert (sign, rule) == ("~", "nobody-took-it")
    assert clause in "; ".join(clauses)


def test_another_calendar_is_said_once() -> None:
    """What counts on the rule's calendar counts on another one with it; its times are not said to be others."""
    rules = RULES.replace("15 minutes\n", "15 business minutes\n", 1).replace(
        "when: {priority: P1}", "when: {priority: P1, unanswered: 4 business hours}"
    )
    always = "calendars:\n  always: {hours: all}\n"
    organisations = [ORGANISATION.replace("calendars:\n", always), ORGANISATION.replace("calendars:\n", always)]
    organisations[1] = organisations[1].replace("calendar: office}", "calendar: always}")
    found = compare((organisations[0], rules), (organisations[1], rules))
    assert [each.said for each in found.rules] == [("counts on the calendar always instead of office",)] * 2


def test_steps_are_told_apart() -> None:
    """Of a ladder the step is named that comes at another time or does something else."""
    ((_, _, clauses),) = said("{after: 15 minutes, do: [{tell: duty}]}", "{after: 20 minutes, do: [{page: duty}]}")
    assert clauses[0].startswith("step 1: comes ")
    assert clauses[1:] == ("step 1: duty is paged", "step 1: no longer: duty is told")


def test_going_live_and_no_longer_stand_out() -> None:
    """The sign in front says what matters most: a rule that begins to write, or ceases to."""
    watching = RULES.replace("    for: 15 minutes\n", "    for: 15 minutes\n    mode: watch\n")
    assert [(sign, said_[0]) for sign, _, said_ in said("    mode: watch\n", "", watching)] == [("^", "watch -> live")]
    mode = "    for: 15 minutes\n    mode: watch\n"
    assert [(sign, said_[0]) for sign, _, said_ in said("    for: 15 minutes\n", mode)] == [("v", "live -> watch")]


def test_rules_come_and_go_and_are_renamed() -> None:
    """A new rule, one that is gone, and one that has another id and is the same."""
    assert [each[:2] for each in said("rule: ladder", "rule: stairs")] == [("+", "stairs"), ("-", "ladder")]
    renamed = "rule: stairs\n    formerly: [ladder]"
    assert [(sign, rule, clauses) for sign, rule, clauses in said("rule: ladder", renamed)] == [
        ("~", "stairs", ("was called ladder",))
    ]


def test_the_organisation_is_compared_as_well() -> None:
    """Teams, chains, calendars, roles and priorities: what is new, gone, or another one."""
    changed = (
        ORGANISATION.replace("anna@example.com", "bert@example.com")
        .replace("it: [desk, network]", "it: [desk, network, third]")
        .replace("  network: {jira: Network}", "  network: {jira: Network}\n  third: {jira: Third}")
        .replace("09:00", "08:00")
        .replace("roles: {duty: duty@example.com}", "roles: {duty: other@example.com}")
    )
    found = compare((ORGANISATION, RULES), (changed, RULES))
    assert found.rules == ()
    assert "team desk: lead bert@example.com instead of anna@example.com" in found.organisation
    assert "team third is new" in found.organisation
    assert "chain it: tiers desk, network, third instead of desk, network" in found.organisation
    assert "role duty: other@example.com instead of duty@example.com" in found.organisation
    assert any(each.startswith("calendar office: hours") for each in found.organisation)


def test_the_order_of_rules_is_part_of_what_they_mean() -> None:
    """Of rules that meet the first one wins the team: another order is told, the same rules are not."""
    first, second = RULES.index("  - rule: nobody"), RULES.index("  - rule: ladder")
    turned = RULES[:first] + RULES[second:] + RULES[first:second]
    found = compare((ORGANISATION, RULES), (ORGANISATION, turned))
    assert found.rules == ()
    assert ["ladder comes earlier" in each for each in found.organisation] == [True]
    assert compare((ORGANISATION, RULES), (ORGANISATION, RULES.replace("title: Ladder", 'title: "Ladder"'))).none


def test_of_confidential_rules_nothing_is_said() -> None:
    """That one has changed may be known, and no more."""
    secret = RULES.replace("    title: Ladder\n", "    title: Ladder\n    confidential: true\n")
    found = compare((ORGANISATION, secret), (ORGANISATION, secret.replace("60 minutes", "90 minutes")))
    assert [(each.sign, each.said) for each in found.rules] == [(Sign.CHANGED, ("confidential: what differs is told nowhere",))]


def test_only_what_changes_what_hoist_does_acts_otherwise() -> None:
    """Another owner or reason is shown and moves no ticket."""
    for before, after, acts in (
        ("rules:", "rules:", None),
        ("title: Ladder", "title: Ladder\n    owner: bert@example.com", False),
    ):
        found = compare((ORGANISATION, RULES), (ORGANISATION, RULES.replace(before, after)))
        assert [each.acts_otherwise for each in found.rules] == ([] if acts is None else [acts])
    found = compare((ORGANISATION, RULES), (ORGANISATION, RULES.replace("for: 15 minutes", "for: 16 minutes")))
    assert [each.acts_otherwise for each in found.rules] == [True]
