"""Suggested changes of the protocol's files, whatever they are laid out like."""

from __future__ import annotations

import pytest

from agent.hindsight.suggestion import Suggestions
from agent.in_force.protocol_files import library
from rules.protocol.durations import Duration
from rules.rulebook import load

HEAD = """\
format: 1
priorities: [{name: P1, old: high}]
calendars: {office: {time_zone: UTC, hours: {mon-fri: "09:00-17:00"}}}
defaults: {calendar: office}
teams:
  desk: {old: Desk}
  network: {old: Network, lead: lea@example.com}
  experts:
    old: Experts
"""
CHAINS = {
    "flow": "chains: {it: [desk, network, experts]}\n",
    "block": "chains:\n  it:\n  - desk\n  # the second line\n  - network  # by day\n"
    "  - team: experts\n    acknowledge_within: 1 hour\n",
    "last": "chains:\n  it: [desk, {team: network, acknowledge_within: 5 minutes}, experts] # who is next",
}
RULES = {
    "block": "rules:\n- rule: slow\n  when: {status: new}\n  for: 1 hour  # long enough\n  do:\n  - escalate: it\n",
    "flow": "rules: [{rule: slow, when: {status: new}, for: 1 hour, do: {escalate: {chain: it}}}]\n",
    "odd": 'rules:\n  -   "rule": slow\n      When: {status: new}\n      FOR:   "1 hour"\n      do: {escalate: it}',
    "use": "use:\n  - protocol: went-silent\n    rule: slow\n    with: {chain: it, after: 1 hour}\n",
    "by default": "use: [{protocol: went-silent, rule: slow, with: {chain: it}}]\n",
}


def suggested(chains: str = "flow", rules: str = "block") -> Suggestions:
    return Suggestions(load({"organisation.yaml": HEAD + CHAINS[chains], "rules.yaml": RULES[rules]}, library()))


def lines(diff: str) -> list[str]:
    """What comes and goes."""
    return [line for line in diff.splitlines() if line[:1] in {"+", "-"} and not line.startswith(("+++", "---"))]


@pytest.mark.parametrize("chains", sorted(CHAINS))
@pytest.mark.parametrize("team", ["desk", "network", "experts"])
def test_any_tier_of_any_chain_can_go_swap_and_come(chains: str, team: str) -> None:
    """First, last or in between, in one line or in several: the chain is what was meant, and the remarks are still there."""
    change = suggested(chains)
    kept = [each for each in ("desk", "network", "experts") if each != team]
    for diff in (
        change.best(change.without_tier("it", team)),
        change.best(change.swapped("it", team, kept[0])),
        change.best([*change.with_team("night shift", "old", "Night"), *change.with_tier("it", team, "night shift")]),
    ):
        assert lines(diff)
        assert not [line for line in lines(diff) if line.startswith("-") and line.lstrip("- ").startswith("#")]


@pytest.mark.parametrize("rules", sorted(RULES))
def test_a_rule_gets_a_mode_and_twice_its_time_wherever_it_is_written(rules: str) -> None:
    """In a block, in one line, with other spellings, as the use of a ready protocol with and without that parameter."""
    change = suggested(rules=rules)
    assert any("mode: live" in line for line in lines(change.best(change.with_mode("slow", "live"))))
    before, twice = ("8 business hours", "16 business hours") if rules == "by default" else ("1 hour", "2 hours")
    assert any(twice in line for line in lines(change.best(change.longer("slow", Duration(text=before)))))


def test_what_can_not_be_loaded_or_changes_nothing_is_not_suggested() -> None:
    """The next change is tried; where none works there is none."""
    change = suggested()
    assert change.best(change.with_mode("slow", "asleep")) == ""
    assert change.best(change.with_lead("network", "lea@example.com")) == ""
    assert change.best(change.with_mode("nobody knows it", "watch"), change.with_lead("network", None)) != ""


def test_no_more_changes_are_tried_than_a_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a protocol with hundreds of rules that do not fit, an audit does not load hundreds of variants."""
    monkeypatch.setattr("agent.hindsight.suggestion.MOST", 2)
    change = suggested()
    found = [change.best(change.with_lead("network", lead)) for lead in ("a@example.com", "b@example.com", "c@example.com")]
    assert [bool(each) for each in found] == [True, True, False]
