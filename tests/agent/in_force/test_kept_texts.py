"""`on_change: keep`: a rule is changed, and escalations under way go on under the text under which they began."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.store import episodes
from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import AddLabel, Comment, Escalate
from rules.protocol.conditions import All, Condition, Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.rule import Mode, OnChange, Rule, Step
from tests.agent.desk import OPEN, SOURCE, Desk, again, rule

NOBODY: Final = State("assignee", OneOf((None,)))


def held(minutes: int, *more: Condition) -> Condition:
    return Held(All((OPEN, NOBODY, *more)), Duration(minutes * MINUTE))


def keeping(condition: Condition, *steps: Step, **more: object) -> Rule:
    return replace(rule(condition=condition, steps=steps, on_change=OnChange.KEEP), **more)  # type: ignore[arg-type]


def says(text: str, after: int = 0) -> Step:
    return Step((Comment(text),), Duration(after * MINUTE) if after else None)


def recorded(desk: Desk, ticket: str) -> list[EpisodeRow]:
    with desk.database.reading() as db:
        return episodes.of_tickets(db, SOURCE, [ticket]).get(ticket, [])


def notes(desk: Desk, ticket: str) -> list[str]:
    return [note.text.splitlines()[1] for note in desk.notes(ticket)]


OLD: Final = keeping(held(15), says("old one"), says("old two", 60), says("old three", 120))
NEW: Final = keeping(held(20), says("new one"), says("new two", 40))


def test_an_escalation_under_way_goes_on_under_its_old_text(tmp_path: Path) -> None:
    """Its next steps are those of the rule as it was; a ticket that comes later is escalated by the rule as it is now."""
    desk = Desk(tmp_path, OLD)
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.rule_by(NEW)
    late = desk.ticket()
    desk.run(3 * HOUR)
    assert notes(desk, early) == ["old one", "old two", "old three"]
    assert notes(desk, late) == ["new one", "new two"]
    assert len(recorded(desk, early)) == 1


def test_the_journal_names_the_text(tmp_path: Path) -> None:
    """It says which escalations go on under which text, and of each write under which text it was decided."""
    desk = Desk(tmp_path, OLD)
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.rule_by(NEW)
    desk.run(3 * HOUR)
    (line,) = desk.journal("rule-kept")
    assert line.data["rule"] == OLD.id
    (row,) = recorded(desk, early)
    assert line.data["text"] == row.text != line.data["now"]
    texts = [line.data["texts"] for line in desk.journal("escalated")]
    assert [set(each.values()) for each in texts] == [{row.text}] * 3


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    """What it began under is in the store, not in the process."""
    desk = Desk(tmp_path, OLD)
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.rule_by(NEW)
    desk.run(30 * MINUTE)
    desk.start()
    desk.run(3 * HOUR)
    assert notes(desk, early) == ["old one", "old two", "old three"]


def test_without_keep_it_moves(tmp_path: Path) -> None:
    """Unless the rule says keep, the next step is that of the rule as it is now."""
    desk = Desk(tmp_path, replace(OLD, on_change=OnChange.MOVE))
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.rule_by(replace(NEW, on_change=OnChange.MOVE))
    desk.run(3 * HOUR)
    assert notes(desk, early) == ["old one", "new two"]
    assert desk.journal("rule-kept") == []


def test_a_rule_that_says_move_at_last_takes_them_all_over(tmp_path: Path) -> None:
    """Taking `keep` out moves what was kept, for good: saying `keep` again later brings no former text back."""
    desk = Desk(tmp_path, OLD)
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.rule_by(replace(NEW, on_change=OnChange.MOVE))
    desk.run(10 * MINUTE)
    desk.rule_by(NEW)
    desk.run(3 * HOUR)
    assert notes(desk, early) == ["old one", "new two"]
    (line,) = desk.journal("rule-moved")
    assert line.data["why"] == "the rule says on_change: move"


def test_switching_a_rule_off_stops_what_was_kept(tmp_path: Path) -> None:
    """The mode is that of the rule as it is now: nothing is written under a former text of a rule that only watches."""
    desk = Desk(tmp_path, OLD)
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.rule_by(replace(NEW, mode=Mode.WATCH))
    desk.run(3 * HOUR)
    assert notes(desk, early) == ["old one"]


def test_a_text_that_fits_no_longer_moves_and_is_named(tmp_path: Path) -> None:
    """Where the old text names a chain that is gone, the escalation moves to the present text, and the journal says why."""
    climbs = keeping(held(15), says("old one"), Step((Escalate("line"),), Duration(60 * MINUTE)))
    desk = Desk(tmp_path, climbs)
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.organisation = replace(desk.organisation, chains={})
    desk.rule_by(NEW)
    desk.run(3 * HOUR)
    assert notes(desk, early) == ["old one", "new two"]
    (line,) = desk.journal("rule-moved")
    assert "there is no chain 'line'" in line.data["why"]


def test_a_new_text_does_not_escalate_again_what_the_old_one_has_done(tmp_path: Path) -> None:
    """Where the old text's condition has ended and the new one's still holds, nothing more is done this time."""
    desk = Desk(tmp_path, keeping(held(15, State("priority", OneOf(("P3",)))), says("old one"), says("old two", 60)))
    early = desk.ticket()
    desk.run(20 * MINUTE)
    desk.rule_by(NEW)
    desk.helpdesk.change(early, "anna", priority="p2")
    desk.run(3 * HOUR)
    assert notes(desk, early) == ["old one"]


CONDITIONS: Final = (
    held(15),
    held(25),
    held(15, State("priority", OneOf(("P3",)))),
    All((OPEN, NOBODY)),
    Held(OPEN, Duration(30 * MINUTE)),
)
STEPS: Final = (
    (says("one"),),
    (says("one"), says("two", 30)),
    (says("one"), says("two", 45), Step((AddLabel("late"),), Duration(90 * MINUTE))),
    (says("one", 10), replace(says("two", 30), unless=State("priority", OneOf(("P1",))))),
)
ACTS: Final = (
    *({"assignee": "anna"}, {"assignee": None}, {"priority": "p1"}, {"priority": "p3"}),
    *({"status": "pending"}, {"status": "open"}),
)


@st.composite
def texts(draw: st.DrawFn) -> Rule:
    repeat = draw(st.sampled_from([None, again(20, 2)]))
    return keeping(draw(st.sampled_from(CONDITIONS)), *draw(st.sampled_from(STEPS)), repeat=repeat)


@settings(max_examples=10)
@given(
    old=texts(),
    new=texts(),
    changed_at=st.integers(5, 100),
    acts=st.lists(st.tuples(st.integers(1, 200), st.sampled_from(ACTS)), max_size=6),
)
def test_what_is_kept_does_what_the_old_rules_alone_would_have_done(
    tmp_path_factory: pytest.TempPathFactory, old: Rule, new: Rule, changed_at: int, acts: list[tuple[int, dict[str, str | None]]]
) -> None:
    """Every escalation that began before the change takes the same steps at the same instants as if nothing had been changed."""

    def told(second: Rule) -> tuple[list[EpisodeRow], list[RowState]]:
        desk = Desk(tmp_path_factory.mktemp("desk"), old)
        ticket = desk.ticket()
        at = 0
        for when, act in sorted([*acts, (changed_at, {})], key=lambda each: each[0]):
            desk.run((when - at) * MINUTE)
            at = when
            if act:
                desk.helpdesk.change(ticket, "anna", **act)
            else:
                desk.rule_by(second)
        desk.run((240 - at) * MINUTE)
        began = desk.clock.now() - (240 - changed_at) * MINUTE
        before = [row for row in recorded(desk, ticket) if row.firings[0].confirmed < began]
        kept = {row.number for row in before}
        return before, [row.state for row in desk.rows(ticket) if row.key.episode in kept]

    assert told(new) == told(old)
