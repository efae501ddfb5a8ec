"""When the turn of tickets comes that were so already, as forecasts say it."""

from __future__ import annotations

from datetime import datetime

from agent.plan.turns import Waits, turns
from rules.instants import HOUR, MINUTE, instant
from tests.agent.command_line import ORGANISATION, Desk, real_time
from tests.agent.plan.planned import plan

NOW = 100 * HOUR


def waits(due: int = 0, urgency: int = 1, rule: str = "a", per_hour: int = 20) -> Waits:
    return Waits("desk", rule, per_hour, urgency, NOW - due, NOW)


def test_the_most_urgent_goes_first_and_then_the_longest_due() -> None:
    """Three minutes apart at 20 an hour, whatever the order in which they are asked for."""
    found = turns([[waits(due=MINUTE)], [waits(due=HOUR)], [waits(urgency=0)]])
    assert found == [NOW + 6 * MINUTE, NOW + 3 * MINUTE, NOW]


def test_a_ticket_of_two_rules_goes_with_the_one_whose_turn_is_first() -> None:
    """Each rule has turns of its own, and one that has had one lately waits for its next; what does not wait has none."""
    found = turns([[waits(rule="a"), waits(rule="b")], [waits(rule="b", due=HOUR)], []], {("desk", "a"): NOW + MINUTE})
    assert found == [NOW + MINUTE, NOW, None]


OLD = """\
rules:
  - rule: too-old
    title: It is old
    when: {status: [new, open]}
    for: 1 hour
    do: [{label: old}]
"""


def test_a_forecast_tells_of_a_turn_that_comes_later(it: Desk) -> None:
    """What is queued stands in the hour of its turn, and beyond the end of the forecast it is only counted."""
    slowly = ORGANISATION.replace("existing_tickets: all", "existing_tickets: at most 1 per hour")
    name, said = plan(it, organisation=slowly, rules=OLD)
    assert "2 changes of too-old at 1 an hour, the last after 1 hour" in said.words
    assert it.hoist("apply", name).code == 0
    assert it.hoist("run", "--once").code == 0  # the first one's turn
    (expected,) = it.hoist("forecast", "--json").json["escalations"]
    assert expected["or_later"]
    assert instant(datetime.fromisoformat(expected["at"])) - real_time() > 55 * MINUTE
    said = it.hoist("forecast", "--for", "30m")
    assert "LOOK 1 more wait for their turn until after the end" in said.words
    assert "Nothing escalates." in said.words
