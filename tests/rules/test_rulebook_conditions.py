"""The conditions of the language: what each form means to the core, and what is said of forms that mean nothing."""

from __future__ import annotations

import pytest

from rules.instants import DAY, HOUR, MINUTE
from rules.language.problems import Problem
from rules.protocol.conditions import (
    Acknowledged,
    All,
    Amount,
    AnyOf,
    AnyWord,
    Clock,
    Condition,
    Count,
    Counted,
    FirstReply,
    Held,
    Hours,
    InList,
    InWindow,
    Not,
    OneOf,
    State,
    Target,
    Unchanged,
)
from rules.protocol.durations import CALENDAR_OF_REQUESTER, CALENDAR_OF_TEAM, Duration
from rules.rulebook import RulebookError, load
from rules.ticket import Kind

ORGANISATION = """
format: 1
defaults: {calendar: office}
priorities: [{name: P1, jira: Highest}, {name: P2, jira: High}]
calendars:
  always: {hours: all}
  office: {time_zone: Europe/Amsterdam, hours: {mon-fri: "09:00-17:30"}}
teams:
  desk: {jira: Desk, calendar: office}
  ops: {jira: Ops, lead: bob@example.com}
roles: {duty-manager: duty@example.com}
chains: {line: [desk, ops]}
lists: {vip: {entries: [ruth@example.com], calendar: always}}
windows: {repairs: [{from: 2026-12-24 18:00, to: 2026-12-25 08:00}]}
"""
OPEN = State("status", OneOf(("open",)))


def rule(text: str) -> Condition:
    """The condition of a rule that is written so, all but its id and what it does."""
    indented = "\n".join(f"    {line}" for line in text.strip().splitlines())
    (made,) = load(
        {"organisation.yaml": ORGANISATION, "rules.yaml": f"rules:\n  - rule: it\n{indented}\n    do: {{label: x}}\n"}
    ).rulebook.rules
    return made.condition


def when(text: str) -> Condition:
    return rule(f"when: {{{text}}}")


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(RulebookError) as caught:
        rule(text)
    return tuple(caught.value.problems)


def hours(number: int) -> Duration:
    return Duration(number * HOUR)


FORMS: dict[str, Condition] = {
    "requester: {in: vip}": State("requester", InList("vip")),
    "organisation: [Acme, nothing]": State("organisation", OneOf(("Acme", None))),
    "request_type: {not: Question}": Not(State("request_type", OneOf(("Question",)))),
    "approval: waiting": State("approval", OneOf(("waiting",))),
    "last_comment: {any_word: urgent}": State("last_comment", AnyWord(("urgent",))),
    "native: {customfield_10050: Gold}": State("native.customfield_10050", OneOf(("Gold",))),
    "native: {Story points: {at_least: 3, at_most: 8}}": State("native.Story points", Amount(3, 8)),
    "first_reply: none": Not(FirstReply()),
    "first_reply: given": FirstReply(),
    "acknowledged: true": Acknowledged(),
    "acknowledged: false": Not(Acknowledged()),
    "acknowledged: {expires: 2 hours}": Acknowledged(hours(2)),
    "unchanged: {status: 4 hours}": Unchanged("status", hours(4)),
    "unchanged: {team: 1 business day, native.stage: 1 day}": All(
        (Unchanged("team", Duration(business_days=1, calendar="office")), Unchanged("native.stage", Duration(DAY)))
    ),
    "target: {name: Time to resolution, due_within: 1 hour}": Target("Time to resolution", hours(1)),
    "target: {name: Reply, used: 75 percent}": Target("Reply", percent=75),
    "target: {name: Reply, used: 75%, calendar: office}": Target("Reply", percent=75, calendar="office"),
    "target: {name: Reply, passed: true}": Target("Reply", Duration()),
    "window: repairs": InWindow("repairs"),
    "related: {at_least: 5, same: service}": Held(State("related.service", Amount(5)), Duration()),
    "related: 5": AnyOf(
        (
            Held(State("related.service", Amount(5)), Duration()),
            Held(State("related.organisation", Amount(5)), Duration()),
        )
    ),
    "queue_of_team: {longer_than: 40}": State("queue", Amount(at_least=41)),
    "queue_of_team: {shorter_than: 5}": State("queue", Amount(at_most=4)),
    "came_back: {at_least: 2, within: 30 days, by: requester, count_follow_ups: true, ignore_thanks: true}": Count(
        Counted.CAME_BACK, 2, Duration(30 * DAY), by=Kind.REQUESTER, ignore_thanks=True
    ),
    "came_back: {at_least: 2, count_follow_ups: false}": Count(Counted.REOPENED, 2),
    "requester_chased: 2": Count(Counted.REQUESTER_CHASED, 2),
    "handed_back: {at_least: 1, again: each further one}": Count(Counted.HANDED_BACK, 1, again=True),
    "back_to_first_line: 2": Count(Counted.BACK_TO_FIRST_LINE, 2),
    "priority_lowered: {at_least: 1, by: staff}": Count(Counted.PRIORITY_LOWERED, 1, by=Kind.STAFF),
    "reassigned: {at_least: 3, by: anyone}": Count(Counted.REASSIGNED, 3, by_anyone=True),
    "clock: {time: 1 hour, of: team, while: {status: open}, stop_when: {acknowledged: true}}": Clock(
        OPEN, hours(1), stop=Acknowledged(), of_team=True
    ),
    "status: open, for: 2 business hours": Held(OPEN, Duration(2 * HOUR, calendar="office")),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_means_what_the_page_says(form: str) -> None:
    """A condition as it is written becomes the one that the engine judges."""
    assert when(form) == FORMS[form]


def test_hours_of_the_day_are_let_out_of_what_must_last() -> None:
    """The hours say when a rule may act; the state is what must have lasted, or begins the episode where nothing must."""
    closed = Hours("office", outside=True)
    asked = "when: {status: open, time: {outside: office}}"
    assert rule(asked + "\nfor: 1 hour") == All((Held(OPEN, hours(1)), closed))
    assert rule(asked) == All((Held(OPEN, Duration()), closed))
    assert rule(asked + "\nclock: 1 hour") == All((OPEN, closed, Clock(OPEN, hours(1))))
    assert when("any: [{status: open, time: {outside: office}, for: 1 hour}]") == All((Held(OPEN, hours(1)), closed))


def test_times_of_day_are_those_of_the_rules_calendar() -> None:
    """`from` and `to` are local times where the rule's calendar, or else that of `defaults`, is."""
    morning = Hours(days=(0, 1, 2, 3, 4), start=8 * 60, end=12 * 60, time_zone="Europe/Amsterdam")
    text = 'when: {status: open, time: {days: mon-fri, from: "08:00", to: "12:00"}}'
    assert rule(text) == rule(text + "\ncalendar: calendar of requester") == All((Held(OPEN, Duration()), morning))
    elsewhere = rule("when: {time: {days: [sat, sun], time_zone: Asia/Tokyo}}")
    assert elsewhere == All((Held(All(()), Duration()), Hours(days=(5, 6), time_zone="Asia/Tokyo")))


def test_a_calendar_that_the_ticket_gives_can_stand_for_a_name() -> None:
    """Business time then counts on the hours of the team, the tier or the requester."""
    assert rule("when: {status: open}\nfor: 4 business hours\ncalendar: calendar of requester") == Held(
        OPEN, Duration(4 * HOUR, calendar=CALENDAR_OF_REQUESTER)
    )
    clock = "clock: {time: 30 business minutes, calendar: Calendar_of  team, while: {status: open}}"
    assert when(clock) == Clock(OPEN, Duration(30 * MINUTE, calendar=CALENDAR_OF_TEAM))
    assert when("time: {inside: calendar of team}, status: open") == All((Held(OPEN, Duration()), Hours(CALENDAR_OF_TEAM)))


MISTAKES = {
    "unchanged: {stauts: 4 hours}": ("stauts", "status"),
    "unchanged: {labels: 4 hours}": ("labels", ""),
    "acknowledged: maybe": ("maybe", ""),
    "first_reply: gven": ("gven", "given"),
    "time: {outside: office, days: mon}": ("days", ""),
    "time: {outside: always}": ("outside", ""),
    'time: {from: "25:00"}': ("25:00", ""),
    "time: {time_zone: UTC}": ("time_zone", ""),
    "window: repair": ("repair", "repairs"),
    "requester: {in: vips}": ("vips", "vip"),
    "approval: rejected": ("rejected", "declined"),
    "native: {a: {at_least: 9, at_most: 3}}": ("at_least: 9", ""),
    "queue_of_team: {longer_than: 4, shorter_than: 5}": ("longer_than: 4", ""),
    "related: {at_least: 5, same: servce}": ("servce", "service"),
    "target: {name: Reply}": ("name: Reply", ""),
    "target: {name: Reply, used: 75}": ("75", "75 percent"),
    "target: {name: Reply, passed: true, calendar: office}": ("calendar", ""),
    "came_back: {at_least: 1, by: me}": ("me", ""),
    "came_back: {at_least: 1, again: yes}": ("yes", ""),
    "clock: {time: 1 hour, of: teem, while: {status: open}}": ("teem", "team"),
    "clock: {time: 1 business day, while: {status: open}}": ("1 business day", ""),
    "provider_case: {turn: ours}": ("turn: ours", ""),
    "list: vip": ("list", ""),
    "clock: {time: 1 business hour, calendar: calendar of manager, while: {status: open}}": (
        "calendar of manager",
        "calendar of tier",
    ),
    "clock: {time: 1 business hour, calendar: calendar of teem, while: {status: open}}": ("calendar of teem", "calendar of team"),
}


@pytest.mark.parametrize("form", MISTAKES)
def test_each_slip_is_shown_with_what_was_meant(form: str) -> None:
    """A form that means nothing is refused where it stands, with the nearest that does."""
    (problem,) = problems(f"when: {{{form}}}")
    assert (problem.text, problem.hint) == MISTAKES[form]
    assert problem.line == 3
