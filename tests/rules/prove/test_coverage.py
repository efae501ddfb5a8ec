from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.instants import DAY, HOUR, MINUTE, Instant
from rules.protocol import Duration, Rulebook
from rules.prove import Guard, Kind, Proof, Years, read_guard
from rules.prove.coverage import coverage, usual_guards
from rules.prove.replay import ticket_of, written
from rules.prove.setting import Setting
from rules.rulebook import RulebookError
from rules.ticket import Value
from tests.rules.protocol_texts import loaded
from tests.rules.worlds import world_of

OWNER = """\
rules:
  - rule: nobody-took-it
    mode: live
    when: {status: [new, open], priority: {at_least: P2}}
    for: 15 minutes
    do: [{tell: duty-manager}]
"""
YEAR = Years(2026, 2026)
TEAMS: tuple[Value, ...] = ("service-desk", "network-ops", "network-eng", "another", None)


def asked(rulebook: Rulebook, *guards: Guard, years: Years = YEAR) -> list[Proof]:
    """The answers about some guards; about the usual ones where there are none."""
    named = guards or usual_guards(rulebook)
    return list(coverage(Setting(rulebook, world_of(rulebook), [guard.condition for guard in named], years, 5.0), named))


def p1(rulebook: Rulebook, within: str | None = None) -> list[Proof]:
    """The answers about urgent tickets."""
    return asked(rulebook, read_guard("priority: P1, status: [new, open]", within, rulebook))


def test_every_urgent_ticket_is_covered_within_the_shortest_time() -> None:
    """The sentence names the bound, and that nobody but hoist acts."""
    (proof,) = p1(loaded(OWNER).rulebook)
    assert proof.kind is Kind.PROVED
    assert "is escalated within 15 minutes if nobody acts" in proof.sentence


def test_the_usual_guards_are_the_two_most_urgent_priorities() -> None:
    """Without guards of one's own, P1 and P2 are asked for."""
    subjects = [proof.subject for proof in asked(loaded(OWNER).rulebook)]
    assert subjects == ["priority: P1, status: [new, open]", "priority: P2, status: [new, open]"]


def test_a_swapped_bound_uncovers_the_most_urgent() -> None:
    """`at_most` in the place of `at_least` leaves P1 out, and a P1 ticket is shown."""
    (proof,) = p1(loaded(OWNER.replace("at_least", "at_most")).rulebook)
    assert proof.kind is Kind.FOUND
    assert proof.sentence.startswith("a P1 ticket with status new")
    assert proof.story is not None
    assert proof.story.ticket.fields["priority"] == "P1"


def test_an_exception_is_a_hole_of_its_own() -> None:
    """Tickets with an owner and tickets with a label are told apart."""
    text = OWNER.replace("at_least: P2}}", "at_least: P2}, assignee: nobody}\n    unless: [{label: planned}]")
    found = p1(loaded(text).rulebook)
    assert [proof.kind for proof in found] == [Kind.FOUND, Kind.FOUND]
    assert "somebody as assignee" in found[0].sentence
    assert "the label planned" in found[1].sentence


def test_business_hours_leave_the_weekend_uncovered() -> None:
    """An example arrives when the wait is longest, and the first escalation is named with its wait."""
    text = OWNER.replace("15 minutes", "15 business minutes")
    (proof,) = p1(loaded(text).rulebook, "1 hour")
    assert proof.kind is Kind.FOUND
    assert "is escalated by no rule within 1 hour" in proof.sentence
    assert "the first is nobody-took-it, after" in proof.sentence


def test_rules_that_take_turns_cover_together() -> None:
    """One for the hours and one for the rest: neither is enough, both are."""
    one = OWNER.replace("for: 15 minutes", "for: 30 business minutes")
    both = one + OWNER.partition("rules:\n")[2].replace("nobody-took-it", "at-night").replace("15 minutes", "14 hours")
    (alone,), (together,) = p1(loaded(one).rulebook, "14 hours"), p1(loaded(both).rulebook, "14 hours")
    assert (alone.kind, together.kind) == (Kind.FOUND, Kind.PROVED)


def test_a_move_that_goes_nowhere_covers_nobody() -> None:
    """A ticket outside the chain is not moved, and counts as not escalated."""
    text = OWNER.replace("{tell: duty-manager}", "{escalate: network}")
    assert {proof.kind for proof in p1(loaded(text).rulebook)} == {Kind.FOUND}


def test_what_another_rule_writes_first_is_reckoned_with() -> None:
    """A label that one rule adds and another excepts uncovers the ticket; the engine shows it."""
    text = (
        OWNER.replace("15 minutes\n", "15 minutes\n    unless: [{label: seen}]\n")
        + """\
  - rule: mark
    mode: live
    when: {status: [new, open]}
    for: 5 minutes
    do: [{label: seen}]
"""
    )
    (proof,) = p1(loaded(text).rulebook)
    assert proof.kind is Kind.FOUND


def test_a_guard_that_takes_time_is_refused_by_name() -> None:
    """What can't be asked is said, not guessed."""
    rulebook = loaded(OWNER).rulebook
    (proof,) = asked(rulebook, read_guard("silent: 2 hours", None, rulebook))
    assert proof.kind is Kind.UNDECIDED


def test_a_guard_with_a_wrong_word_is_refused_with_the_nearest() -> None:
    """Guards are read like rules."""
    with pytest.raises(RulebookError, match="P4"):
        read_guard("priority: P4", None, loaded(OWNER).rulebook)


# --- brute force -------------------------------------------------------------------------------------------------------


WHEN = ("", ", priority: P1", ", priority: {at_most: P2}", ", assignee: nobody", ", label: x")
WAITS = ("", ", silent: 2 hours", ", silent: 4 business hours", ", unanswered: 90 minutes", ", team: network-ops")
UNLESS = ("", "    unless: [{label: x}]\n", "    unless: [{assignee: nobody}]\n")
LASTING = (
    "",
    "    for: 30 minutes\n",
    "    for: 3 business hours\n",
    "    clock: 1 business hours\n",
    "    for: 1 business day\n",
)
DONE = ("tell: duty-manager", "escalate: network", "raise_priority: {by: 1, not_above: P1}", "label: x")


def _rule(draw: st.DrawFn, number: int) -> str:
    when, waits, unless, lasting, done = (draw(st.sampled_from(words)) for words in (WHEN, WAITS, UNLESS, LASTING, DONE))
    asked_for = f"    when: {{status: [new, open]{when}{waits}}}\n{unless}{lasting}"
    return f"  - rule: r{number}\n    mode: live\n{asked_for}    do: [{{{done}}}]\n"


@st.composite
def rulebooks(draw: st.DrawFn) -> Rulebook:
    """Small protocols."""
    return loaded("rules:\n" + "".join(_rule(draw, n) for n in range(draw(st.integers(1, 3))))).rulebook


@settings(max_examples=12, deadline=None)
@given(rulebooks())
def test_no_ticket_of_a_little_world_waits_longer_than_was_proved(rulebook: Rulebook) -> None:
    """What is proved holds for every ticket and arrival that was tried; what is found is late by the engine too."""
    setting = Setting(rulebook, world_of(rulebook), [], YEAR, 5.0)
    bound = setting.bound
    among = [bound.rule(rule.id) for rule in setting.rules]
    tried: list[int | None] = []
    for arrival in _arrivals():
        for team, assignee, labels in product(TEAMS, ("anna", None), ((), ("x",))):
            values: dict[str, Value] = dict(priority="P1", status="new", team=team, assignee=assignee, labels=labels)
            steps = written(bound, ticket_of(bound, values, arrival), among)
            first = next((step for step in steps if step.escalates), None)
            tried.append(None if first is None else first.at - arrival)
    found = p1(rulebook)
    if None in tried:
        assert found[0].kind is not Kind.PROVED
    worst = max((each for each in tried if each is not None), default=0)
    if found[0].kind is Kind.PROVED and worst:
        guard = Guard("it", usual_guards(rulebook)[0].condition, Duration(worst - 1, text="so long"))
        assert any(proof.kind is Kind.FOUND for proof in asked(rulebook, guard))


def _arrivals() -> list[Instant]:
    start = YEAR.start + 90 * DAY
    return [start + n * 11 * HOUR + 17 * MINUTE for n in range(14)]
