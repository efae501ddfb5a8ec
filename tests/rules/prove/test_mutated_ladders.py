"""Ready protocols with a step lost, a time shrunk or a chain swapped: what that uncovers, or sets going for ever, is said."""

from dataclasses import replace

import pytest

from rules.protocol.rulebook import Rulebook
from rules.prove import Kind, Question, prove, read_guard
from tests.rules.protocol_texts import ORGANISATION, loaded, problems
from tests.rules.worlds import world_of

LADDER = """\
use:
  - protocol: p1-ladder
    with: {priority: P1, chain: network, page: duty-manager, manager: duty-manager, head: head@example.com}
"""
NOT_TAKEN_OVER = "priority: P1, status: [new, open], not: {labels: taken-over}"
BACK = """\
  back:
    - network-eng
    - network-ops
    - service-desk
"""
STUCK = """\
use:
  - protocol: stuck-at-tier
    with: {chain: network, team: service-desk}
  - protocol: stuck-at-tier
    rule: stuck-higher-up
    with: {chain: CHAIN, team: network-ops}
"""


def with_steps(*kept: int) -> Rulebook:
    """The ladder with these steps alone."""
    rulebook = loaded(LADDER).rulebook
    ladder = rulebook.rules[0]
    return replace(rulebook, rules=(replace(ladder, steps=tuple(ladder.steps[n] for n in kept)),))


@pytest.mark.parametrize(
    ("kept", "within"),
    [
        pytest.param((0, 1, 2, 3), "within no time", id="whole"),
        pytest.param((1, 2, 3), "within 30 minutes", id="nobody paged"),
        pytest.param((1, 3), "within 1 hour", id="manager lost"),
        pytest.param((1,), "", id="nothing but the climb"),
    ],
)
def test_a_ladder_that_lost_a_step_covers_later_or_not_at_all(kept: tuple[int, ...], within: str) -> None:
    """Without those who are told, a ticket at the top of the chain is a hole; until then the next step is what it waits for."""
    rulebook = with_steps(*kept)
    guard = read_guard(NOT_TAKEN_OVER, None, rulebook)
    answers = [p for p in prove(rulebook, world_of(rulebook), [guard]) if p.question is Question.COVERED]
    if within:
        (answer,) = answers
        assert answer.kind is Kind.PROVED
        assert f"is escalated {within} if nobody acts" in answer.sentence
    else:
        assert {answer.kind for answer in answers} == {Kind.FOUND}
        assert any("team network-eng is escalated by no rule" in answer.sentence for answer in answers)


def test_a_time_that_shrank_below_the_step_before_is_refused() -> None:
    """A step that would come before the one above it is no step that is never taken, but a mistake of its line."""
    (problem,) = problems(LADDER.replace("with: {", "with: {head_after: 10 minutes, "))
    assert "does not come after the step above it" in f"{problem.text} {problem.expected}"


@pytest.mark.parametrize(("chain", "kind"), [("network", Kind.PROVED), ("back", Kind.FOUND)])
def test_a_swapped_chain_sends_tickets_round_for_ever(chain: str, kind: Kind) -> None:
    """Two protocols that climb one chain end at its top; where one of them climbs another, downwards, they undo each other."""
    rulebook = loaded(STUCK.replace("CHAIN", chain), ORGANISATION + BACK).rulebook
    guard = read_guard("priority: P1, status: [new, open]", None, rulebook)
    (fight,) = [p for p in prove(rulebook, world_of(rulebook), [guard]) if p.question is Question.FIGHT]
    assert fight.kind is kind
    if kind is Kind.FOUND:
        assert set(fight.subject.split(", ")) == {"stuck-at-tier", "stuck-higher-up"}
        assert fight.story is not None
