import pytest

from rules.protocol.conditions import All, Not, OneOf, State
from rules.protocol.rulebook import Rulebook
from rules.prove import Guard, Kind, Proof, read_guard
from rules.rulebook import RulebookError
from tests.rules.protocol_texts import loaded
from tests.rules.prove.enumeration import asked
from tests.rules.worlds import world_of

URGENT = All((State("priority", OneOf(("P1",))), State("status", OneOf(("new", "open")))))
OWNER = """\
rules:
  - rule: nobody-took-it
    mode: live
    when: {status: [new, open], priority: {at_least: P2}}
    for: 15 minutes
    do: [{tell: duty-manager}]
"""


def p1(rulebook: Rulebook, within: str | None = None) -> list[Proof]:
    """The answers about urgent tickets."""
    return asked(rulebook, world_of(rulebook), [read_guard("priority: P1, status: [new, open]", within, rulebook)])


def test_every_urgent_ticket_is_covered_within_the_shortest_time() -> None:
    """The sentence names the bound, and that nobody but hoist acts."""
    (proof,) = p1(loaded(OWNER).rulebook)
    assert proof.kind is Kind.PROVED
    assert "is escalated within 15 minutes if nobody acts" in proof.sentence


def test_the_usual_guards_are_the_two_most_urgent_priorities() -> None:
    """Without guards of one's own, P1 and P2 are asked for."""
    rulebook = loaded(OWNER).rulebook
    subjects = [proof.subject for proof in asked(rulebook, world_of(rulebook))]
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
    (proof,) = asked(rulebook, world_of(rulebook), [read_guard("silent: 2 hours", None, rulebook)])
    assert proof.kind is Kind.UNDECIDED


def test_a_guard_with_a_wrong_word_is_refused_with_the_nearest() -> None:
    """Guards are read like rules."""
    with pytest.raises(RulebookError, match="P4"):
        read_guard("priority: P4", None, loaded(OWNER).rulebook)


KEEPS = """\
  - rule: secret
    mode: live
    confidential: true
    when: {label: security, status: [new, open]}
    only_to: [network-eng]
    do: [{comment: "Nothing more."}]
"""
MOVES = OWNER.replace("tell: duty-manager", "assign: network-ops").replace("    for:", "    only_to: [network-ops]\n    for:")


def test_a_ticket_that_a_confidential_rule_keeps_from_all_others_is_a_hole() -> None:
    """As long as such a rule holds nobody else moves the ticket out of its teams: who has nothing else for it leaves it there."""
    elsewhere = Guard("urgent", All((URGENT, Not(State("team", OneOf(("network-ops",)))))))
    rulebook = loaded(MOVES + KEEPS).rulebook
    found = asked(rulebook, world_of(rulebook), [elsewhere])
    assert [proof.kind for proof in found] == [Kind.FOUND]
    assert found[0].story is not None
    assert found[0].story.ticket.fields["labels"] == ("security",)
    without = loaded(MOVES).rulebook
    (proof,) = asked(without, world_of(without), [elsewhere])
    assert proof.kind is Kind.PROVED
    reached = loaded(MOVES + KEEPS.replace("only_to: [network-eng]", "only_to: [network-ops, network-eng]")).rulebook
    assert [proof.kind for proof in asked(reached, world_of(reached), [elsewhere])] == [Kind.PROVED]


def test_a_confidential_rule_leaves_it_to_others_to_tell_somebody() -> None:
    """It keeps moves to its own teams, and nothing else: the proof that all are covered stands."""
    secret = "  - {rule: secret, confidential: true, when: {label: security}, do: [{assign: network-eng}]}\n"
    (proof,) = p1(loaded(OWNER + secret).rulebook)
    assert proof.kind is Kind.PROVED
    assert "confidential" not in proof.sentence
