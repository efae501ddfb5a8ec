"""What lint finds in chains, in dates and exceptions, and between rules."""

from datetime import date
from itertools import combinations
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.conditions.tree import walk
from rules.lint import findings
from rules.lint_shadows import implies
from rules.protocol.conditions import Held
from rules.rulebook import RulebookError
from tests.rules.protocol_texts import ORGANISATION, RULES, loaded

TODAY = date(2026, 11, 23)


def found(rules: str, organisation: str = ORGANISATION, today: date | None = None) -> list[str]:
    return [f"{finding.subject}: {finding.sentence}" for finding in findings(loaded(rules, organisation).rulebook, today)]


def rule(name: str, when: str, more: str = "do: [{escalate: network}]") -> str:
    return f"  - {{rule: {name}, when: {when}, {more}}}\n"


# --- chains --------------------------------------------------------------------------------------------------------------


def test_a_tier_that_no_rule_leads_to_is_named() -> None:
    """Every rule looks at the desk alone, so the third tier never gets a ticket, and its target nothing."""
    rules = "rules:\n" + rule("desk", "{team: service-desk, priority: P1}", "for: 1 hour, do: [{escalate: network}]")
    assert found(rules) == [
        "network: no rule leads to the tier network-eng: none looks at tickets of network-ops",
        "network: network-ops has 30 minutes to acknowledge, and no rule looks at its tickets afterwards",
        "network: network-eng has 2 business hours to acknowledge, and no rule looks at its tickets afterwards",
    ]


@pytest.mark.parametrize(
    "second",
    [
        rule("ops", "{tier: {chain: network, in: network-ops}, priority: P1}", "for: 2 hours, do: [{escalate: network}]"),
        rule("ops", "{team: {not: service-desk}, priority: P1}", "for: 2 hours, do: [{escalate: network}]"),
        rule("ops", "{label: hard}", "do: [{assign: network-eng}]"),
        rule("ops", "{label: hard, team: service-desk}", "do: [{escalate: {chain: network, to: network-eng}}]"),
    ],
)
def test_a_tier_that_a_rule_leads_to_is_not(second: str) -> None:
    """From the tier below, by its name, or by giving it the ticket whatever its tier."""
    rules = "rules:\n" + rule("desk", "{team: service-desk, priority: P1}", "for: 1 hour, do: [{escalate: network}]") + second
    assert [said for said in found(rules) if "no rule leads" in said] == []


def test_a_target_that_a_rule_asks_for_is_used() -> None:
    """A rule that looks whether somebody acknowledged is what a target is for."""
    rules = "rules:\n" + rule("desk", "{team: service-desk, priority: P1}", "for: 1 hour, do: [{escalate: network}]")
    rules += rule("late", "{acknowledged: false}", "for: 30 minutes, do: [{tell: duty-manager}]")
    assert [said for said in found(rules) if "to acknowledge" in said] == []


# --- rules that take the team from others --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{status: [new, open], for: 1 hour}", "{status: open, for: 1 hour}"),
        ("{status: open, for: 1 hour}", "{status: open, priority: P1, for: 1 hour}"),
        ("{priority: {at_least: P2}, for: 1 hour}", "{priority: P1, for: 1 hour}"),
        ("{not: {status: [resolved, closed]}, for: 1 hour}", "{status: new, for: 1 hour}"),
        ("{any: [{label: a}, {label: b}]}", "{label: a}"),
        ("{reassigned: 3}", "{reassigned: 3, priority: P1}"),
    ],
)
def test_a_wider_rule_before_a_narrower_one_takes_its_team(first: str, second: str) -> None:
    """The later rule's own move is never what is written; the other way round all is well."""
    wide, narrow = rule("wide", first), rule("narrow", second, "do: [{assign: network-eng}]")
    shadowed = "narrow: every ticket that fulfils it fulfils wide as well, which stands before it and takes the team"
    assert any(said.startswith(shadowed) for said in found("rules:\n" + wide + narrow))
    assert not any("takes the team" in said for said in found("rules:\n" + narrow + wide))


@pytest.mark.parametrize(
    ("first", "second", "deed"),
    [
        ("{status: open, for: 1 hour}", "{status: open, priority: P1, for: 2 hours}", "{assign: network-eng}"),  # a ladder
        ("{status: open, for: 1 hour}", "{status: new, priority: P1, for: 1 hour}", "{assign: network-eng}"),
        ("{status: open, for: 1 hour}", "{status: open, priority: P1, for: 1 hour}", "{label: x}"),  # moves nothing
        ("{labels: {not: a}}", "{labels: b}", "{assign: network-eng}"),  # a ticket can have both
        ("{priority: P1, for: 1 hour}", "{priority: {at_least: P2}, for: 1 hour}", "{assign: network-eng}"),
    ],
)
def test_rules_that_do_not_meet_shadow_nothing(first: str, second: str, deed: str) -> None:
    """Another waiting time, another gate, or nothing that both want."""
    rules = "rules:\n" + rule("one", first) + rule("two", second, f"do: [{deed}]")
    assert not any("takes the team" in said for said in found(rules))


def test_a_rule_that_only_watches_takes_nothing_from_a_live_one() -> None:
    """It is left out when moves are merged."""
    wide = rule("wide", "{status: open}", "mode: watch, do: [{escalate: network}]")
    narrow = rule("narrow", "{status: open, priority: P1}", "mode: live, do: [{assign: network-eng}]")
    assert not any("takes the team" in said for said in found("rules:\n" + wide + narrow))


# --- dates and exceptions ------------------------------------------------------------------------------------------------


def test_a_review_that_is_due_and_a_rule_past_its_life_are_named() -> None:
    """With the date of the day; without one nothing is said of time."""
    dated = RULES.replace("    mode: watch", "    owner: anna@example.com\n    review_by: 2026-11-01\n    expires: 2026-11-23")
    assert found(dated) == []
    assert found(dated, today=TODAY) == [
        "nobody-took-it: was to be reviewed by anna@example.com by 2026-11-01; set a new `review_by:` once it was",
        "nobody-took-it: expired on 2026-11-23 and only watches since; take it out, or give it more time",
    ]
    assert found(dated, today=date(2026, 10, 31)) == []


EXCEPTIONS = """\
lists:
  calm: {entries: [ruth@example.com]}
  vip: {entries: [eva@example.com]}
windows:
  freeze: {file: freeze.ics, owner: anna@example.com}
"""
EXCEPTED = """\
    unless:
      - window: freeze
      - requester: {in: calm}
"""


def test_an_exception_without_an_end_or_an_owner_is_named() -> None:
    """A list or window that keeps rules away; a list that brings tickets in is no exception."""
    rules = RULES.replace("    for: 15 minutes\n", EXCEPTED + "    for: 15 minutes\n")
    rules += rule("vip", "{requester: {in: vip}, silent: 1 hour}", "do: [{label: vip}]")
    organisation = ORGANISATION + EXCEPTIONS
    assert sorted(found(rules, organisation)) == [
        "calm: the list is an exception of nobody-took-it and has no end (`until:`) and no owner (`owner:`)",
        "freeze: the window is an exception of nobody-took-it and has no end (`until:`)",
    ]
    ended = organisation.replace("{file: freeze.ics,", "{file: freeze.ics, until: 2026-11-01,")
    assert "freeze: ended on 2026-11-01; take it out, or give it more time" in found(rules, ended, TODAY)


def test_a_calendar_that_stays_closed_is_named() -> None:
    """Business time on it would not go on for months; one that never opens at all is refused when it is read."""
    days = ", ".join(f"2026-{day:%m-%d}" for day in (date.fromordinal(TODAY.toordinal() + n) for n in range(39)))
    more = ", ".join(date.fromordinal(date(2027, 1, 1).toordinal() + n).isoformat() for n in range(40))
    closed = ORGANISATION.replace("    holidays: NL\n", f"    holidays: NL\n    also_closed: [{days}, {more}]\n")
    assert found(RULES, closed, TODAY) == ["office: has no open hours for 60 days from 2026-11-23 on"]
    with pytest.raises(RulebookError, match=r"never opens|no open"):
        loaded(RULES, ORGANISATION.replace('{mon-fri: "09:00-17:30"}', "{}"))


def test_a_text_that_a_comment_sign_cuts_is_noticed() -> None:
    """`#5` goes on with the text, and so does whatever leaves a bracket open; a remark behind a text is one."""
    for cut in ("Room #5", "Ask {team # 2} first", 'He said "wait # and see"'):
        (hint,) = loaded(RULES.replace("title: Urgent ticket without an owner", f"title: {cut}")).hints
        assert "put the whole of it in quotes" in hint.expected
    assert loaded(RULES.replace("    mode: watch", "    mode: watch # until May")).hints == ()


def test_a_source_that_hoist_yaml_does_not_know_is_named_with_the_nearest() -> None:
    """A slip in the priorities would make a new source without a word; every place that names it first has its line."""
    organisation = ORGANISATION.replace("jira-cloud: Highest", "jira-clod: Highest")
    strange = ("is no source of hoist.yaml", "organisation.yaml:4")
    said = findings(loaded(RULES, organisation).rulebook, None, ["jira-cloud", "snow-prod"])
    (found,) = [finding for finding in said if strange[0] in finding.sentence]
    assert (found.subject, found.place) == ("jira-clod", strange[1])
    assert found.sentence.endswith('; did you mean "jira-cloud"?')
    assert not any(strange[0] in finding.sentence for finding in findings(loaded().rulebook, None, ["jira-cloud"]))
    assert not any(strange[0] in finding.sentence for finding in findings(loaded(RULES, organisation).rulebook))


def test_what_is_found_in_the_organisation_has_its_line() -> None:
    """An editor goes there: a team, a chain, a calendar, a priority."""
    organisation = ORGANISATION.replace("    holidays: NL\n", "") + "  spare: [service-desk]\n"
    organisation = organisation.replace("teams:\n", "teams:\n  nobodys: {}\n")
    rules = (
        RULES.replace("15 minutes", "15 business minutes").replace("[P1, P2]", "P2").replace("mode", "calendar: office\n    mode")
    )
    lines = organisation.splitlines()
    for finding in findings(loaded(rules, organisation).rulebook, TODAY):
        file, _, line = finding.place.partition(":")
        assert finding.subject in lines[int(line) - 1] if file == "organisation.yaml" else file == "rules.yaml"
    named = {finding.subject for finding in findings(loaded(rules, organisation).rulebook, TODAY)}
    assert {"nobodys", "spare", "office", "P1"} <= named


# --- many rules ----------------------------------------------------------------------------------------------------------

STATES = ("P1", "P2", "[P1, P2]", "{at_least: P2}", "{not: P3}")
WHENS = st.builds(
    lambda priority, label, more: "{" + ", ".join(filter(None, (f"priority: {priority}", label, more))) + "}",
    st.sampled_from(STATES),
    st.sampled_from(["", "label: a", "labels: [a, b]", "labels: {not: a}"]),
    st.sampled_from(["", "assignee: nobody", "any: [{status: open}, {label: a}]", "not: {label: b}", "status: [new, open]"]),
)


@given(st.lists(st.tuples(WHENS, st.sampled_from(["for: 1 hour, ", "for: 2 hours, ", ""])), min_size=2, max_size=9))
@settings(max_examples=50)
def test_no_rule_that_takes_the_team_is_overlooked(made: list[tuple[str, str]]) -> None:
    """Every pair would find the same as the few that are compared."""
    rules = "rules:\n" + "".join(rule(f"r{n}", when, f"{held}do: [{{escalate: network}}]") for n, (when, held) in enumerate(made))
    rulebook = loaded(rules).rulebook
    shadowed: dict[str, str] = {}
    for first, second in combinations(rulebook.rules, 2):
        waits = [
            sorted(part.duration.milliseconds for part in walk(each.condition) if isinstance(part, Held))
            for each in (first, second)
        ]
        twins = first.condition == second.condition
        if waits[0] == waits[1] and not twins and implies(second.condition, first.condition, rulebook.organisation):
            shadowed.setdefault(second.id, first.id)
    told = {
        finding.subject: finding.sentence.split()[6] for finding in findings(rulebook) if "takes the team" in finding.sentence
    }
    assert told == shadowed


def test_a_thousand_rules_are_looked_through_at_once() -> None:
    """However alike they are: twice the rules take about twice the time, and not four times."""
    rules = "".join(rule(f"r{n}", f"{{priority: P{n % 3 + 1}, status: [new, open], label: l{n}}}") for n in range(1_000))
    rulebook = loaded("rules:\n" + rules).rulebook
    begun = process_time()
    findings(rulebook, TODAY, ["jira-cloud"])
    assert process_time() - begun < 2.0
