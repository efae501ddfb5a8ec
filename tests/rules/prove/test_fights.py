from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.prove import Kind, Proof, Question, Years, prove
from rules.prove.fights import doubts, fights
from rules.prove.setting import Setting
from tests.rules.protocol_texts import ORGANISATION, loaded
from tests.rules.worlds import world_of

TEAMS = ("service-desk", "network-ops", "network-eng")


def found(rules: str) -> list[Proof]:
    """The fights of a protocol."""
    rulebook = loaded(f"rules:\n{rules}").rulebook
    return list(fights(Setting(rulebook, world_of(rulebook), [], Years(), 5.0)))


def rule(name: str, when: str, do: str, rest: str = "    for: 1 hour\n", mode: str = "live") -> str:
    return f"  - rule: {name}\n    mode: {mode}\n    when: {{{when}}}\n{rest}    do: [{do}]\n"


UP = rule("up", "status: open, team: service-desk", "{escalate: network}")
DOWN = rule("down", "status: open, team: network-ops", "{assign: service-desk}")


def test_two_rules_that_assign_back_and_forth_are_shown_with_their_story() -> None:
    """Rules, places and times are told as the engine ran them: network-eng has two hours to take what it has just got."""
    (fight,) = found(
        rule("there", "team: service-desk", "{assign: network-eng}") + rule("back", "team: network-eng", "{assign: service-desk}")
    )
    assert (fight.kind, fight.question) == (Kind.FOUND, Question.FIGHT)
    assert set(fight.subject.split(", ")) == {"there", "back"}
    assert "undo each other for ever" in fight.sentence
    assert "the first round takes 3 hours" in fight.sentence
    assert fight.story is not None
    assert any("team network-eng -> service-desk" in line for line in fight.story.lines)


def test_escalating_and_assigning_back_is_a_fight() -> None:
    """`escalate` never goes down, and `assign` does."""
    (fight,) = found(UP + DOWN)
    assert fight.kind is Kind.FOUND


def test_rules_that_only_watch_are_taken_as_if_they_were_live() -> None:
    """A fight is found before it is let loose."""
    (fight,) = found(UP.replace("live", "watch") + DOWN.replace("live", "watch"))
    assert fight.kind is Kind.FOUND


def test_a_round_of_three_is_found() -> None:
    """The shortest round may be longer than two."""
    rounds = "".join(
        rule(f"r{n}", f"status: open, team: {team}", f"{{assign: {TEAMS[(n + 1) % 3]}}}") for n, team in enumerate(TEAMS)
    )
    (fight,) = found(rounds)
    assert set(fight.subject.split(", ")) == {"r0", "r1", "r2"}


@pytest.mark.parametrize(
    "down",
    [
        DOWN.replace("status: open", "status: pending"),
        DOWN.replace("    for: 1 hour\n", "    for: 1 hour\n    unless: [{status: [new, open]}]\n"),
        DOWN.replace("{assign: service-desk}", "{escalate: network}"),
        DOWN.replace("team: network-ops", "team: network-ops, silent: 3 hours").replace("    for: 1 hour\n", ""),
        DOWN.replace("team: network-ops", "team: network-ops, reassigned: 1").replace("    for: 1 hour\n", ""),
        DOWN.replace("mode: live", "mode: draft"),
    ],
)
def test_rules_that_do_not_meet_twice_do_not_fight(down: str) -> None:
    """Other tickets, moves up only, what grows from people's acts and so fires once, drafts."""
    assert [proof.kind for proof in found(UP + down)] == [Kind.PROVED]


def test_a_label_that_ends_the_round_ends_the_fight() -> None:
    """Once the label is there, one of the rules holds no longer."""
    marked = DOWN.replace("{assign: service-desk}", "{assign: service-desk}, {label: seen}")
    assert [p.kind for p in found(UP.replace("    for:", "    unless: [{label: seen}]\n    for:") + marked)] == [Kind.PROVED]


def test_rules_of_different_sources_never_meet() -> None:
    """A ticket lives in one source."""
    rules = "".join(
        each.replace("    do:", f"    applies_to: {{sources: [{source}]}}\n    do:")
        for each, source in ((UP, "jira-cloud"), (DOWN, "snow-prod"))
    )
    rulebook = loaded(f"rules:\n{rules}", _two_sources()).rulebook
    answers = list(fights(Setting(rulebook, world_of(rulebook), [], Years(), 5.0)))
    assert [proof.kind for proof in answers] == [Kind.PROVED]


def _two_sources() -> str:
    return (
        ORGANISATION.replace("jira-cloud: Highest}", "jira-cloud: Highest, snow-prod: 1}")
        .replace("jira-cloud: Service Desk,", "jira-cloud: Service Desk, snow-prod: SD,")
        .replace("[Network Operations, Network Night]}", "[Network Operations, Network Night], snow-prod: OPS}")
    )


def test_the_same_protocol_gets_the_same_answers() -> None:
    """Seeds are fixed, so a proof can be repeated."""
    rulebook = loaded(f"rules:\n{UP}{DOWN}").rulebook
    assert [str(p) for p in prove(rulebook, world_of(rulebook))] == [str(p) for p in prove(rulebook, world_of(rulebook))]


# --- brute force -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mover:
    """At a team for so many hours, with or without a label: the ticket goes to another one, and perhaps gets the label."""

    team: str
    hours: int
    label: bool | None
    to: str
    adds: bool

    def written(self, name: str) -> str:
        when = f"team: {self.team}" + (", label: x" if self.label else "")
        unless = "    unless: [{label: x}]\n" if self.label is False else ""
        do = f"{{assign: {self.to}}}" + (", {label: x}" if self.adds else "")
        return rule(name, when, do, f"{unless}    for: {self.hours} hours\n")


def goes_round(movers: list[Mover]) -> bool:
    """Whether some ticket moves for ever, walked through hour by hour."""
    return any(_moves_for_ever(movers, team, label) for team, label in product(TEAMS, (False, True)))


def _moves_for_ever(movers: list[Mover], team: str, label: bool) -> bool:
    moves = 0
    held = [0] * len(movers)
    for _ in range(400):
        due = [m for m, hours in zip(movers, held, strict=True) if _fits(m, team, label) and hours == m.hours]
        if due:
            going = next((mover.to for mover in due if mover.to != team), team)
            moves += going != team
            before = (team, label)
            label = label or any(mover.adds for mover in due)
            team = going
            held = [hours if _fits(m, *before) and _fits(m, team, label) else 0 for m, hours in zip(movers, held, strict=True)]
        held = [hours + 1 if _fits(m, team, label) else 0 for m, hours in zip(movers, held, strict=True)]
    return moves > 20


def _fits(mover: Mover, team: str, label: bool) -> bool:
    return team == mover.team and mover.label in {None, label}


MOVERS = st.builds(
    Mover,
    team=st.sampled_from(TEAMS),
    hours=st.integers(1, 4),
    label=st.sampled_from((None, None, True, False)),
    to=st.sampled_from(TEAMS),
    adds=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(MOVERS, min_size=1, max_size=4))
def test_fights_are_found_where_a_walk_through_all_tickets_goes_round(movers: list[Mover]) -> None:
    """The answer is that of moving every ticket of a little world by hand, hour by hour."""
    answers = found("".join(mover.written(f"r{n}") for n, mover in enumerate(movers)))
    assert any(proof.kind is Kind.FOUND for proof in answers) is goes_round(movers)


def test_rounds_over_one_rule_are_one_line() -> None:
    """Where nothing is known of seventeen ways round, all of them over a confidential rule, that is said once."""
    hub = {frozenset(("security", f"r{n}")) for n in range(9)} | {frozenset(("security", f"r{n}", f"r{n + 1}")) for n in range(8)}
    lines = dict(doubts(hub | {frozenset(("a", "b"))}))
    assert list(lines) == ["security", "a, b"]
    assert "r0, r1, r2, r3, r4, r5, r6, r7 and r8; 17 ways round" in lines["security"]
    assert "they undo each other" in lines["a, b"]
