"""Ladders, dates, scopes, duties and deadlines as people write them, and what is said about those that can't be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rules.instants import HOUR, MINUTE
from rules.protocol.actions import Comment, Escalate, Tell
from rules.protocol.conditions import (
    Acknowledged,
    All,
    AnyOf,
    Clock,
    Condition,
    Count,
    Counted,
    Ever,
    Held,
    Hours,
    Lingering,
    Not,
    OneOf,
    Silent,
    State,
    Target,
    Until,
)
from rules.protocol.durations import Duration
from rules.protocol.rule import AppliesTo, Repeat, Rule, Step
from rules.rulebook import RulebookError
from rules.ticket import Kind
from tests.rules.protocol_texts import loaded

P1 = State("priority", OneOf(("P1",)))
OPEN = State("status", OneOf(("open",)))
DUTY = Tell("duty-manager")


def minutes(number: int) -> Duration:
    return Duration(number * MINUTE)


def labelled(label: str) -> State:
    return State("labels", OneOf((label,)))


def rules(body: str) -> tuple[Rule, ...]:
    """The rules that one with this body (keys beside `rule`) stands for."""
    return loaded("rules:\n  - rule: one\n" + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())).rulebook.rules


def problems(body: str) -> list[str]:
    with pytest.raises(RulebookError) as refused:
        rules(body)
    return [str(problem) for problem in refused.value.problems]


LADDER = """
when: {priority: P1}
until: [{label: taken-over}]
steps:
  - {after: 0 minutes, do: [{page: duty-manager}]}
  - after: 15 minutes
    unless: acknowledged
    do: [{escalate: network}, {comment: "Up."}]
  - {after: 1 hour, unless: [acknowledged, {label: known}], do: {tell: duty-manager}}
repeat: {every: 30 minutes, at_most: 2}
"""


def test_a_ladder_means_what_it_says() -> None:
    """Each step with its time, its exception and its actions; the rule ends for good with `until`."""
    (rule,) = rules(LADDER)
    assert rule.condition == Until(P1, labelled("taken-over"))
    assert rule.steps == (
        Step((Tell("duty-manager", urgent=True),)),
        Step((Escalate("network"), Comment("Up.")), minutes(15), unless=Acknowledged()),
        Step((DUTY,), Duration(HOUR), unless=AnyOf((Acknowledged(), labelled("known")))),
    )
    assert [step.said for step in rule.steps] == ["after 0 minutes", "after 15 minutes", "after 1 hour"]
    assert rule.repeat == Repeat(minutes(30), 2)


def on_the_clock(minutes_: int) -> Condition:
    return All((OPEN, Clock(OPEN, minutes(minutes_))))


def test_shares_of_a_clock() -> None:
    """The rule begins with its first share; the others wait for theirs, and `after` counts from the whole of it."""
    steps = "[{at: 75 percent, do: {tell: duty-manager}}, {at: 100%, do: {label: a}}, {after: 4 hours, do: {label: b}}]"
    (rule,) = rules(f"when: {{status: open}}\nclock: 4 hours\nsteps: {steps}")
    assert rule.condition == on_the_clock(180)
    assert [(step.after, step.begins) for step in rule.steps] == [
        (None, None),
        (None, on_the_clock(240)),
        (Duration(4 * HOUR), on_the_clock(240)),
    ]


def test_shares_of_a_target() -> None:
    """A target of the platform is counted in shares as well."""
    steps = "[{at: 50 percent, do: {label: a}}, {at: 90 percent, do: {label: b}}]"
    (rule,) = rules(f"when: {{status: open}}\ntarget: Time to resolution\nsteps: {steps}")
    assert rule.condition == All((OPEN, Target("Time to resolution", percent=50)))
    assert rule.steps[1].begins == All((OPEN, Target("Time to resolution", percent=90)))


def test_at_the_next_opening_of_the_rules_hours() -> None:
    """A step of its own after the others, for the calendar that the rule counts on."""
    (rule,) = rules("when: {priority: P1}\ncalendar: office\ndo: {tell: duty-manager}\nat_next_opening: [{escalate: network}]")
    assert rule.steps == (Step((DUTY,)), Step((Escalate("network"),), at_opening=True, opening_of="office"))


def test_a_rule_about_the_night_ends_with_its_opening() -> None:
    """Outside the office's hours, on a calendar round the clock: the office's opening is meant, and the rule lasts until then."""
    body = """
when: {priority: P1, time: {outside: office}}
for: 1 hour
calendar: always
do: {tell: duty-manager}
at_next_opening: {escalate: network}
"""
    (rule,) = rules(body)
    assert rule.condition == Lingering(All((Held(P1, Duration(HOUR)), Hours("office", outside=True))), P1)
    assert rule.steps[1] == Step((Escalate("network"),), at_opening=True, opening_of="office")


def test_scope_dates_and_secrecy() -> None:
    """Where and from when to when a rule writes, who sees it, and what holds its writing back."""
    body = """
when: {priority: P1}
applies_to: {sources: jira-cloud, types: [incident, change], projects: IT, organisations: [Acme]}
live_from: 2027-01-01
expires: 2027-02-01
review_by: 2027-06-30
owner: anna@example.com
confidential: true
only_to: network-eng
hold_while: {label: change-freeze}
do: {tell: duty-manager}
"""
    (rule,) = rules(body)
    scope = (
        State("project", OneOf(("IT",))),
        State("type", OneOf(("incident", "change"))),
        State("organisation", OneOf(("Acme",))),
    )
    assert rule.condition == All((P1, *scope))
    assert rule.applies_to == AppliesTo(("jira-cloud",))
    assert (rule.live_from, rule.expires, rule.review_by, rule.owner) == (
        "2027-01-01",
        "2027-02-01",
        "2027-06-30",
        "anna@example.com",
    )
    assert (rule.confidential, rule.only_to, rule.hold_while) == (True, ("network-eng",), labelled("change-freeze"))


def test_each_further_one() -> None:
    """Every further counted event begins anew."""
    (rule,) = rules("when: {any: [{reopened: 2}, {priority: P1}]}\nagain: each further one\ndo: {tell: duty-manager}")
    assert rule.condition == AnyOf((Count(Counted.REOPENED, 2, again=True), P1))


def test_keeping_people_informed_is_a_rule_of_its_own() -> None:
    """The same tickets, as long as the rule lasts; silence of the staff; its own id."""
    duty = "keep_informed: {who: assignee, silence_of: 30 minutes, then: {tell: duty-manager}}\nformerly: zero"
    rule, informed = rules(f"{LADDER}{duty}")
    silent = All((P1, Silent(minutes(30), (Kind.STAFF,), replies_only=True)))
    assert informed.condition == Until(silent, labelled("taken-over"))
    assert (informed.id, informed.formerly, informed.title) == (
        "one-keep-informed",
        ("zero-keep-informed",),
        "one: nobody was kept informed",
    )
    assert (informed.steps, informed.repeat) == ((Step((DUTY,)),), None)
    assert (rule.order, informed.order) == (0, 1)


DEADLINE = "deadline: {name: privacy notification, time: 72 hours, warn: [48 hours, 24 hours], tell: duty-manager}"


def test_a_deadline_survives_the_ticket() -> None:
    """It runs from the first instant on, whatever becomes of the status; an exception alone ends it."""
    _, deadline = rules(
        f"when: {{label: security}}\nunless: {{label: checked}}\nconfidential: true\ndo: {{escalate: network}}\n{DEADLINE}"
    )
    begun = All((labelled("security"), Not(labelled("checked"))))
    assert deadline.condition == All((Ever(begun), Not(labelled("checked"))))
    assert (deadline.id, deadline.confidential) == ("one-deadline", True)
    assert [step.after for step in deadline.steps] == [Duration(hours * HOUR) for hours in (24, 48, 72)]
    assert [action for action in deadline.steps[2].actions if isinstance(action, Tell)] == [replace(DUTY, urgent=True)]
    assert "24 hours of 72 hours" in str(deadline.steps[0].actions[0])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("when: {priority: P1}", "`do` is missing in this rule"),
        ("when: {priority: P1}\ndo: {label: a}\nsteps: [{after: 1 hour, do: {label: b}}]", "`do` and `steps` exclude each other"),
        ("when: {priority: P1}\nsteps: []", "an empty list"),
        ("when: {priority: P1}\nsteps: [{do: {label: b}}]", "when is it taken?"),
        ("when: {priority: P1}\nsteps: [{at: 75 percent, do: {label: b}}]", "a share of what?"),
        ("when: {priority: P1}\nclock: 2 hours\nsteps: [{at: 75, do: {label: b}}]", "such as 75 percent"),
        (
            "when: {priority: P1}\nclock: 2 hours\nsteps: [{at: 5%, after: 1 hour, do: {label: b}}]",
            "`after` and `at` exclude each other",
        ),
        ("when: {priority: P1}\nclock: 2 business days\nsteps: [{at: 5%, do: {label: b}}]", "write it in business hours"),
        (
            "when: {priority: P1}\nsteps: [{after: 1 hour, do: {label: b}}, {after: 30 minutes, do: {label: c}}]",
            "does not come after the step above it",
        ),
        (
            "when: {priority: P1}\nclock: 2 hours\nsteps: [{at: 90%, do: {label: b}}, {at: 80%, do: {label: c}}]",
            "does not come after the step above it",
        ),
        ("when: {priority: P1}\nsteps: [{after: 0 minutes, unless: acknowleged, do: {label: b}}]", "expected `acknowledged`"),
        ("when: {priority: P1}\nfor: 1 hour\ntarget: x\ndo: {label: b}", "`for` and `target` exclude each other"),
        ("when: {priority: P1}\nagain: each further one\ndo: {label: b}", "`again` is for rules that count"),
        ("when: {reopened: 1}\nagain: always\ndo: {label: b}", "expected `each further one`"),
        ("when: {priority: P1}\nlive_from: 1 January\ndo: {label: b}", "expected a date such as 2027-01-31"),
        ("when: {priority: P1}\nlive_from: 2027-02-30\ndo: {label: b}", "expected a date such as 2027-01-31"),
        ("when: {priority: P1}\nlive_from: 2027-02-01\nexpires: 2027-02-01\ndo: {label: b}", "not later than `live_from`"),
        ("when: {priority: P1}\napplies_to: {sources: jira-clod}\ndo: {label: b}", "there is no such source"),
        ("when: {priority: P1}\nonly_to: nobody-knows\ndo: {label: b}", "there is no such team"),
        ("when: {priority: P1}\ncalendar: always\nat_next_opening: {label: b}", "whose opening?"),
        (
            "when: {priority: P1}\ndo: {label: b}\nkeep_informed: {who: ruth, silence_of: 1 hour, then: {label: c}}",
            "expected one of",
        ),
        (f"when: {{priority: P1}}\ndo: {{label: b}}\n{DEADLINE.replace('48', '80')}", "not before the end"),
        ("when: {priority: P1}\ndo: {label: b}\ndeadline: {name: '{law}', time: 1 hour, tell: duty-manager}", "braces"),
        (
            f"when: {{priority: P1}}\ndo: {{label: b}}\n{DEADLINE}\nformerly: one-deadline",
            "this id is taken",
        ),
    ],
)
def test_what_can_not_be_is_said(body: str, said: str) -> None:
    """Every mistake in a ladder or around it is named where it stands, once."""
    found = problems(body)
    assert len(found) == 1, found
    assert said in found[0]
