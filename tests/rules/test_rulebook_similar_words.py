"""Similar words only propose: what a rule that looks at them may do, and what is refused, where it stands."""

import pytest

from rules.phrases import phrase
from rules.protocol.actions import AddLabel, Proposal, Propose, Tell
from rules.protocol.conditions import Amount, Held, State
from rules.protocol.durations import Duration
from tests.rules.protocol_texts import loaded, marked, problems

WORDS = Held(State("related.words", Amount(5)), Duration())
PROPOSES = """\
rules:
  - rule: alike
    when:
      status: [new, open]
      related: {at_least: 5, same: words}
    do:
      - propose_parent: true
"""


def test_similar_words_are_a_number_of_related_tickets() -> None:
    """`same: words` is a build-up like the same service; unless it is said, words are not looked at."""
    (rule,) = loaded(PROPOSES).rulebook.rules
    assert WORDS in rule.condition.parts  # type: ignore[union-attr]
    (other,) = loaded(PROPOSES.replace("{at_least: 5, same: words}", "5")).rulebook.rules
    assert "words" not in str(other.condition)
    assert phrase(WORDS.part) == "the number of other open tickets that say much the same is at least 5"


def test_similar_words_stand_beside_a_service() -> None:
    """A rule may ask for the same service and similar words, either or both."""
    (either,) = loaded(PROPOSES.replace("same: words", "same: [service, words]")).rulebook.rules
    assert "related.service" in str(either.condition)
    assert "related.words" in str(either.condition)


@pytest.mark.parametrize(
    "deed",
    [
        "tell: duty-manager",
        "page: duty-manager",
        "remind: duty-manager",
        "comment: Others say the same.",
        "label: alike",
        "propose_major_incident: true",
        "digest: {to: duty-manager, title: Alike}",
        "arbiter: duty-manager",
    ],
)
def test_whoever_only_tells_may_look_at_similar_words(deed: str) -> None:
    """Telling, paging, commenting, labelling and proposing leave the decision to people."""
    assert problems(PROPOSES.replace("propose_parent: true", deed)) == ()


@pytest.mark.parametrize(
    "deed",
    [
        "escalate: network",
        "assign: network-ops",
        "raise_priority: 1",
        "set: {native.u_hot: 'true'}",
        "restrict: network-ops",
        "open_case: aws",
    ],
)
def test_what_similar_words_may_not_decide_is_refused(deed: str) -> None:
    """A guess moves no ticket, sets no priority and no field, and shuts nobody out: refused by name and place."""
    text, line, column = marked(PROPOSES.replace("propose_parent: true", f"»{deed}"))
    (problem,) = problems(text)
    assert (problem.line, problem.column, problem.text) == (line, column, deed.split(":", 1)[0])
    assert "only a guess" in problem.expected


@pytest.mark.parametrize(
    "where",
    [
        "    unless:\n      - related: {at_least: 5, same: words}\n    for: 15 minutes\n    do: [»escalate: network]\n",
        "    until: [{any: [{related: {at_least: 5, same: words}}, {label: x}]}]\n    do: [»assign: network-ops]\n",
        "    hold_while: [{related: {at_least: 5, same: words}}]\n    do: [»raise_priority: 1]\n",
        "    steps: [{after: 0 minutes, unless: [{related: {at_least: 5, same: words}}], do: [»assign: network-ops]}]\n",
        "    clock: 1 hour\n    pause_while: [{related: {at_least: 5, same: words}}]\n    do: [»assign: network-ops]\n",
    ],
)
def test_wherever_a_rule_looks_at_similar_words(where: str) -> None:
    """An exception, an end, a gate or a pause that rests on similar words decides as well."""
    text, line, column = marked(f"rules:\n  - rule: alike\n    when: {{status: [new, open]}}\n{where}")
    (problem,) = problems(text)
    assert (problem.line, problem.column) == (line, column)
    assert "same: words" in problem.expected


def test_a_rule_that_must_keep_people_informed_moves_nothing_either() -> None:
    """What a rule does besides, under a key of its own, is bound by the same."""
    more = "    keep_informed: {silence_of: 30 minutes, then: [»escalate: network]}\n"
    text, line, column = marked(PROPOSES + more)
    (problem,) = problems(text)
    assert (problem.line, problem.column) == (line, column)


def test_the_ready_protocol_for_a_snowball_takes_similar_words() -> None:
    """`snowball` with `same: words` proposes and tells; it can't be asked to raise the priority then."""
    use = "use:\n  - protocol: snowball\n    with: {others: 6, same: words, tell: duty-manager}\n"
    (rule,) = loaded(use).rulebook.rules
    assert Propose(Proposal.PARENT) in rule.actions
    assert {Tell("duty-manager"), AddLabel("snowball")} <= set(rule.actions)
    assert "related.words" in str(rule.condition)
    (problem,) = problems(use.replace("tell:", "priority: P1, tell:"))
    assert (problem.file, problem.line, problem.text) == ("rules.yaml", 2, "raise_priority")
    assert "same: words" in problem.expected
