"""Binding a protocol to a source: an organisation's words in the source's ids, and every misfit told at once."""

from __future__ import annotations

import pytest

from rules.binding import BindingError, BoundRules, bind
from rules.engine import Evaluation, evaluate
from rules.instants import HOUR
from rules.protocol.actions import Assign, Escalate, RaisePriority
from rules.protocol.conditions import (
    All,
    Amount,
    AnyWord,
    Clock,
    Condition,
    Count,
    Counted,
    Held,
    Level,
    Matches,
    OneOf,
    Silent,
    State,
)
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain, Organisation, PriorityLevel, Team, Tier
from rules.protocol.rule import AppliesTo, Mode, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.ticket import Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, World

SOURCE = "snow-prod"
DIRECTORY = Directory(
    teams={"g1": "Service Desk", "g2": "NET-OPS", "g3": "NET-ENG", "g4": "Facilities"},
    priorities={"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "9": "9 - Odd"},
)
ORGANISATION = Organisation(
    priorities=(
        PriorityLevel("P1", {SOURCE: ("1 - Critical",)}),
        PriorityLevel("P2", {SOURCE: ("2",)}),
        PriorityLevel("P3", {SOURCE: ("3 - Moderate",)}),
    ),
    teams={
        "service-desk": Team("service-desk", {SOURCE: ("Service Desk", "g4")}),
        "network-ops": Team("network-ops", {SOURCE: ("NET-OPS",)}),
        "network-eng": Team("network-eng", {"jira-cloud": ("Network Engineering",)}),
    },
    chains={"network": Chain("network", (Tier("service-desk"), Tier("network-ops"), Tier("network-eng")))},
)


def rulebook(*rules: Rule, organisation: Organisation = ORGANISATION) -> Rulebook:
    return Rulebook(organisation, rules, "v1")


def rule(condition: Condition, name: str = "rule", **more: object) -> Rule:
    steps = (Step(more.pop("actions", ())),)  # type: ignore[arg-type]
    return Rule(name, name, condition, steps, **more)  # type: ignore[arg-type]


def bound(*rules: Rule) -> BoundRules:
    return bind(rulebook(*rules), SOURCE, DIRECTORY, World())


def problems(*rules: Rule, organisation: Organisation = ORGANISATION) -> tuple[str, ...]:
    with pytest.raises(BindingError) as caught:
        bind(rulebook(*rules, organisation=organisation), SOURCE, DIRECTORY, World())
    return caught.value.problems


def judged(condition: Condition, **fields: Value) -> Evaluation:
    one = Ticket(TicketRef(SOURCE, "1"), "INC1", "", "", 0, 1, fields)
    return evaluate(timeline(one), bound(rule(condition)), 0)


def holds(condition: Condition, **fields: Value) -> bool | None:
    return judged(condition, **fields).truth(condition, 5)


def test_a_team_is_found_by_name_or_id_and_may_have_several() -> None:
    """A row names a team as people see it or by its id; all its names are the same team."""
    desk = State("team", OneOf(("service-desk",)))
    assert [holds(desk, team=team) for team in ("g1", "g4", "g2", None)] == [True, True, False, False]
    assert bound().teams == {"service-desk": ("g1", "g4"), "network-ops": ("g2",), "network-eng": ()}


def test_priorities_are_compared_on_the_organisations_scale() -> None:
    """At least P2 is P2 and whatever is more urgent; a level that no row names is not known to be either."""
    assert [holds(State("priority", Level(at_least="P2")), priority=p) for p in ("1", "2", "3", "9", None)] == [
        True, True, False, None, False,
    ]  # fmt: skip
    assert [holds(State("priority", Level(at_most="P2")), priority=p) for p in ("1", "2", "3")] == [False, True, True]
    assert [holds(State("priority", OneOf(("P1",))), priority=p) for p in ("1", "9")] == [True, False]
    rules = bound()
    assert [(level.word, level.ids) for level in rules.levels] == [("P1", ("1",)), ("P2", ("2",)), ("P3", ("3",))]
    assert rules.urgency == {"1": 0, "2": 1, "3": 2}


def test_a_tier_is_known_from_the_team() -> None:
    """F17: tiers are numbered from the first line; nobody's and other people's tickets are outside the chain."""
    assert [holds(State("tier", OneOf(("1",)), "network"), team=t) for t in ("g1", "g2", "g3")] == [True, False, False]
    assert [holds(State("tier", Level(at_least="2"), "network"), team=t) for t in ("g1", "g2")] == [False, True]
    assert [holds(State("tier", OneOf((None,))), team=t) for t in ("g1", "g3", None)] == [False, True, True]
    assert holds(State("tier", OneOf(("network-ops",))), team="g2") is True


def test_words_are_found_whole_in_either_case() -> None:
    """`mail` is not found in `mailbox`, `Data  breach` is found as written across a line."""
    test = AnyWord(("mail", "data breach", "c++"))
    subjects = ("No MAIL today", "mailbox full", "A data\nBreach!", "c++ crashes", "")
    assert [holds(State("subject", test), subject=s) for s in subjects] == [True, False, True, True, False]
    assert holds(State("subject", Matches(r"^VPN\b")), subject="VPN down") is True
    assert holds(State("subject", AnyWord(("end",))), subject="x " * 6_000 + "end") is False


def test_labels_are_tested_one_by_one() -> None:
    """A ticket has a label among others, or none at all."""
    vip = State("labels", OneOf(("vip", "board")))
    assert [holds(vip, labels=labels) for labels in (("a", "vip"), ("a",), ())] == [True, False, False]
    assert holds(State("labels", OneOf((None,))), labels=()) is True


def test_all_misfits_are_told_at_once_with_the_nearest_name() -> None:
    """One run shows everything that has to be put right, each with what was probably meant."""
    organisation = Organisation(
        priorities=(*ORGANISATION.priorities, PriorityLevel("P4", {SOURCE: ("4 - Moderate",)})),
        teams=dict(ORGANISATION.teams) | {"facilities": Team("facilities", {SOURCE: ("Facilites",)})},
        chains=ORGANISATION.chains,
    )
    condition = Held(State("team", OneOf(("network-opps",))), Duration(HOUR, calendar="alway"))
    found = problems(
        rule(
            condition, "first", actions=(Escalate("netwerk"), Assign("network-eng"), RaisePriority(to="P0")), place="rules.yaml:3"
        ),
        rule(Clock(State("priority", Level(at_least="P7")), Duration(business_days=2, calendar="always")), "second"),
        rule(State("team", OneOf(("network-eng",))), "third"),
        organisation=organisation,
    )
    assert found == (
        "organisation, team facilities: snow-prod has no team 'Facilites'; did you mean 'Facilities'?",
        "organisation, priority P4: snow-prod has no priority '4 - Moderate'; did you mean '3 - Moderate'?",
        "rules.yaml:3, rule first: there is no team 'network-opps'; did you mean 'network-ops'?",
        "rules.yaml:3, rule first: there is no calendar 'alway'; did you mean 'always'?",
        "rules.yaml:3, rule first: there is no chain 'netwerk'; did you mean 'network'?",
        "rules.yaml:3, rule first: team network-eng has no name in this source, so it cannot be given tickets there",
        "rules.yaml:3, rule first: there is no priority 'P0'",
        "rule second: a clock sums up hours, not business days; write 0 ms in business hours",
        "rule second: there is no priority 'P7'",
        "rule third: team network-eng has no name in snow-prod, so this could never hold",
    )


def test_a_team_of_another_source_is_no_misfit_beside_one_that_is_here() -> None:
    """A protocol shared by three platforms names teams that live on one of them."""
    either = State("team", OneOf(("network-eng", "network-ops")))
    assert holds(either, team="g2") is True


def test_a_name_that_two_teams_share_is_refused() -> None:
    """hoist does not guess which of two teams gets the tickets."""
    directory = Directory({"g1": "Service Desk", "g2": "NET-OPS", "g4": "x", "g9": "NET-OPS"}, DIRECTORY.priorities)
    with pytest.raises(BindingError, match="'NET-OPS' names 2 in snow-prod; give an id: g2, g9"):
        bind(rulebook(), SOURCE, directory, World())


def test_what_can_never_be_counted_is_refused() -> None:
    """Counting from nought, business days without a calendar, broken patterns and tiers that are not there are told as such."""
    assert problems(rule(Count(Counted.REOPENED, 0))) == ("rule rule: a count of at least 0 would always hold; count from 1 on",)
    assert "needs a calendar" in problems(rule(Silent(Duration(business_days=1))))[0]
    assert "is not a regular expression" in problems(rule(State("subject", Matches("("))))[0]
    assert "has no tier '5'" in problems(rule(State("tier", OneOf(("5",)), "network")))[0]


def test_drafts_are_left_out() -> None:
    """A draft decides nothing, so it can't keep the other rules from being bound either."""
    draft = rule(State("team", OneOf(("nonsense",))), "draft", mode=Mode.DRAFT)
    assert [one.id for one in bound(draft, rule(Silent(Duration(HOUR)), "live")).rules] == ["live"]


def test_a_rule_is_left_out_where_it_does_not_apply() -> None:
    """A rule for other sources may name what this one has not."""
    elsewhere = rule(State("team", OneOf(("nonsense",))), "elsewhere", applies_to=AppliesTo(("jira-cloud",)))
    here = rule(Silent(Duration(HOUR)), "here", applies_to=AppliesTo((SOURCE, "jira-cloud")))
    assert [one.id for one in bound(elsewhere, here).rules] == ["here"]


def test_numbers_of_many_tickets_are_counted_for_the_thresholds_of_all_rules() -> None:
    """Those of rules for other sources too, since tickets of all sources are counted together; drafts ask for nothing."""
    rules = bound(
        rule(State("queue", Amount(at_least=30)), "one"),
        rule(All((State("queue", Amount(at_most=9)), State("related.service", Amount(at_least=5)))), "two"),
        rule(State("queue", Amount(at_least=7)), "elsewhere", applies_to=AppliesTo(("jira-cloud",))),
        rule(State("queue", Amount(at_least=99)), "draft", mode=Mode.DRAFT),
    )
    assert rules.thresholds == {"queue": (7, 10, 30), "related.service": (5,)}
    assert bound().thresholds == {}


def test_tickets_related_by_what_is_not_counted_are_refused() -> None:
    """The sentence names what is."""
    assert problems(rule(State("related.colour", Amount(at_least=5)))) == (
        "rule rule: tickets related by colour are not counted; there are: service, organisation, words",
    )
