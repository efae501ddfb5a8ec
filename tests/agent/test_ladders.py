"""A ladder at a real desk: who is told and moved at which minute, what an outage does to it, and wherever hoist dies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from agent.store import episodes
from agent.store.states import RowState
from agent.why import why
from connectors.errors import OutcomeUnknown
from rules.instants import HOUR, MINUTE, SECOND
from rules.protocol.actions import Comment, Escalate, RaisePriority, Tell
from rules.protocol.conditions import Acknowledged, Condition, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain, Tier
from rules.protocol.rule import Existing, Mode, Repeat, Rule, Step
from tests.agent.desk import MONDAY, OPEN, ORGANISATION, TEAMS, UNOWNED, Desk, Killed, Mortal, again, rule

TAKEN = State("labels", OneOf(("taken",)))
FROZEN = State("labels", OneOf(("frozen",)))


def step(minutes: int, *actions: Any, unless: Condition | None = None) -> Step:
    said = Comment(f"{minutes} minutes.")
    return Step((said, *actions), Duration(minutes * MINUTE), unless=unless)


def ladder(name: str = "ladder", **more: Any) -> Rule:
    steps = (step(0), step(15, Escalate("line"), unless=TAKEN), step(30), step(60, Escalate("line")))
    return rule(name, OPEN, **{"steps": steps} | more)


class DeskWithTimes(Desk):
    """Operations have half an hour to acknowledge what they get."""

    tiers = tuple(Tier(key, Duration(30 * MINUTE) if key == "ops" else None) for key in TEAMS)
    organisation = replace(ORGANISATION, chains={"line": Chain("line", tiers)})


def told(desk: Desk, ticket: str) -> list[tuple[int, str]]:
    """(minute, what hoist said), for each of its notes."""
    notes = desk.notes(ticket)
    return [((note.at - MONDAY) // MINUTE, note.text.split("\n")[1]) for note in notes]


def moves(desk: Desk, ticket: str) -> list[tuple[int, object]]:
    """(minute, new team) for each move that hoist made."""
    saves = desk.saves(ticket)
    return [((save.at - MONDAY) // MINUTE, item.new) for save in saves for item in save.items if item.field == "team"]


def steps_of(desk: Desk, ticket: str) -> list[tuple[int, RowState]]:
    return [(row.key.step, row.state) for row in desk.rows(ticket)]


def fired(desk: Desk, ticket: str) -> list[tuple[int, ...]]:
    """The steps of each firing."""
    with desk.database.reading() as db:
        return [f.steps for row in episodes.of_tickets(db, "desk", [ticket]).get(ticket, ()) for f in row.firings]


def test_each_step_at_its_minute(tmp_path: Path) -> None:
    """Told at once, moved after 15 minutes, told after 30, moved after an hour: four firings, each once."""
    desk = Desk(tmp_path, ladder())
    ticket = desk.ticket()
    desk.run(3 * HOUR)
    assert told(desk, ticket) == [(0, "0 minutes."), (15, "15 minutes."), (30, "30 minutes."), (60, "60 minutes.")]
    assert moves(desk, ticket) == [(15, "ops"), (60, "eng")]
    assert steps_of(desk, ticket) == [(n, RowState.APPLIED) for n in range(4)]


def test_what_an_outage_missed_is_one_write(tmp_path: Path) -> None:
    """hoist comes back after 70 minutes: one note with what each step says, one tier up, and nothing more (F6)."""
    desk = Desk(tmp_path, ladder())
    ticket = desk.ticket()
    desk.clock.jump(MONDAY + 70 * MINUTE)
    desk.run(3 * HOUR)
    (note,) = desk.notes(ticket)
    assert all(f"{minutes} minutes." in note.text for minutes in (0, 15, 30, 60))
    assert moves(desk, ticket) == [(70, "ops")]
    assert (steps_of(desk, ticket), fired(desk, ticket)) == ([(3, RowState.APPLIED)], [(0, 1, 2, 3)])


def test_a_step_is_passed_over_while_somebody_has_it(tmp_path: Path) -> None:
    """Taken after ten minutes, given back after fifty: told on time, moved at the next poll, and again half an hour later."""
    desk = Desk(tmp_path, ladder())
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "anna", labels=("taken",))
    desk.run(40 * MINUTE)
    assert moves(desk, ticket) == []
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(3 * HOUR)
    assert [minute for minute, _ in told(desk, ticket)] == [0, 30, 55, 85]
    assert moves(desk, ticket) == [(55, "ops"), (85, "eng")]


def test_taken_between_decision_and_write(tmp_path: Path) -> None:
    """Somebody takes it after the step became due and before it was written: it is not moved, and is when that ends."""
    desk = Desk(tmp_path, ladder())
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    desk.clock.jump(MONDAY + 15 * MINUTE + 2 * SECOND)
    assert desk.pipeline.look()
    desk.helpdesk.change(ticket, "anna", labels=("taken",))
    desk.run(20 * MINUTE)
    assert [minute for minute, _ in told(desk, ticket)] == [0, 30]
    assert moves(desk, ticket) == []
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(30 * MINUTE)
    assert [team for _, team in moves(desk, ticket)] == ["ops"]


def test_a_touch_of_the_team_acknowledges(tmp_path: Path) -> None:
    """Bert takes what operations have, and they are told and it is not moved; what nobody touched is moved."""
    steps = (step(15, Escalate("line"), unless=Acknowledged()), step(60))
    desk = Desk(tmp_path, ladder(steps=steps))
    touched, alone = desk.ticket(team="ops"), desk.ticket(team="ops")
    desk.run(5 * MINUTE)
    desk.helpdesk.change(touched, "bert", assignee="bert")
    desk.run(2 * HOUR)
    assert [[team for _, team in moves(desk, ticket)] for ticket in (touched, alone)] == [[], ["eng"]]
    assert [len(desk.notes(ticket)) for ticket in (touched, alone)] == [1, 2]


def test_the_last_step_is_repeated(tmp_path: Path) -> None:
    """Reminders follow the last step, each after the one before was written, and say which they are."""
    desk = Desk(tmp_path, ladder(steps=(step(0), step(10)), repeat=Repeat(Duration(20 * MINUTE), 2)))
    ticket = desk.ticket()
    desk.run(3 * HOUR)
    assert [minute for minute, _ in told(desk, ticket)] == [0, 10, 30, 50]
    assert "reminder 2" in desk.notes(ticket)[-1].text


def test_held_back_while_it_is_frozen(tmp_path: Path) -> None:
    """Nothing is written under `hold_while`; when it ends, what is due by then is written at once, in one note."""
    desk = Desk(tmp_path, ladder(hold_while=FROZEN))
    ticket = desk.ticket(labels=("frozen",))
    desk.run(40 * MINUTE)
    assert (steps_of(desk, ticket), desk.notes(ticket)) == ([(0, RowState.HELD)], [])
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(10 * MINUTE)
    assert (steps_of(desk, ticket), fired(desk, ticket)) == ([(2, RowState.APPLIED)], [(0, 1, 2)])
    assert moves(desk, ticket) == [(45, "ops")]


def test_what_is_no_longer_true_is_not_written_when_the_hold_ends(tmp_path: Path) -> None:
    """Resolved while it was held back: the row says so, and nothing is written."""
    desk = Desk(tmp_path, ladder(hold_while=FROZEN))
    ticket = desk.ticket(labels=("frozen",))
    desk.run(20 * MINUTE)
    desk.helpdesk.change(ticket, "anna", status="resolved")
    desk.helpdesk.change(ticket, "anna", labels=())
    desk.run(HOUR)
    assert (desk.states(ticket), desk.notes(ticket)) == ([RowState.SUPERSEDED], [])


def test_a_team_keeps_what_it_has_just_got(tmp_path: Path) -> None:
    """Stuck at the first line: moved to operations and without an owner there; that rule waits their half hour (F7 a)."""
    stuck = rule("stuck", State("team", OneOf(("sd",))))
    desk = DeskWithTimes(tmp_path, stuck, rule("nobody", UNOWNED))
    ticket = desk.ticket(assignee="anna")
    desk.run(3 * HOUR)
    assert moves(desk, ticket) == [(0, "ops"), (30, "eng")]


def test_a_person_who_hands_over_gives_the_same_time(tmp_path: Path) -> None:
    """Whoever moved it: the team has its time. What only tells does not wait."""
    tell = rule("tell", UNOWNED, actions=(Tell("lead"), Comment("Nobody.")))
    raise_it = rule("raise", UNOWNED, actions=(RaisePriority(by=1),))
    desk = DeskWithTimes(tmp_path, rule("nobody", UNOWNED), tell, raise_it)
    ticket = desk.ticket()
    desk.run(10 * MINUTE)
    desk.helpdesk.change(ticket, "anna", team="ops")
    desk.run(29 * MINUTE)
    assert (told(desk, ticket), moves(desk, ticket)) == ([(15, "Nobody.")], [])
    assert sorted(desk.states(ticket)) == [RowState.APPLIED, RowState.HELD, RowState.HELD]
    desk.run(HOUR)
    assert moves(desk, ticket) == [(40, "eng")]
    assert desk.stored(ticket).fields["priority"] == "p2"


def test_what_is_taken_within_its_time_is_not_moved(tmp_path: Path) -> None:
    """Somebody of the team takes it within the half hour: the other rule is no longer true, and never was written."""
    stuck = rule("stuck", State("team", OneOf(("sd",))))
    desk = DeskWithTimes(tmp_path, stuck, rule("nobody", UNOWNED))
    ticket = desk.ticket()
    desk.run(20 * MINUTE)
    desk.helpdesk.change(ticket, "bert", assignee="bert")
    desk.run(HOUR)
    assert moves(desk, ticket) == [(0, "ops")]


def test_the_next_step_of_the_same_ladder_does_not_wait(tmp_path: Path) -> None:
    """The ladder that handed it over has its own times; a confidential rule waits for nobody."""
    climb = rule("climb", OPEN, repeat=again(10, 1))
    desk = DeskWithTimes(tmp_path, climb)
    ticket = desk.ticket()
    desk.run(HOUR)
    assert moves(desk, ticket) == [(0, "ops"), (10, "eng")]
    secret = DeskWithTimes(tmp_path / "..", rule("secret", UNOWNED, confidential=True))
    ticket = secret.ticket()
    secret.run(10 * MINUTE)
    secret.helpdesk.change(ticket, "anna", team="ops")
    secret.run(20 * MINUTE)
    assert [team for _, team in moves(secret, ticket)] == ["eng"]


def test_a_dated_rule_writes_on_its_days_only(tmp_path: Path) -> None:
    """Before `live_from` and from `expires` on it watches; what was so before it went live is left as `existing_tickets` says."""
    desk = Desk(tmp_path, rule("campaign", OPEN, live_from="2026-03-03", expires="2026-03-04"))
    before = desk.ticket()
    desk.run(16 * HOUR + MINUTE)
    during = desk.ticket()
    desk.run(24 * HOUR)
    after = desk.ticket()
    desk.run(HOUR)
    assert [len(desk.notes(ticket)) for ticket in (before, during, after)] == [0, 1, 0]
    assert desk.states(before) == [RowState.WATCHED]


def test_why_tells_of_the_next_step(tmp_path: Path) -> None:
    """Which step was done, which comes next and when, and what holds it back."""
    desk = Desk(tmp_path, ladder(hold_while=FROZEN))
    ticket = desk.ticket()
    desk.run(5 * MINUTE)

    def said() -> tuple[tuple[str, ...], str]:
        (answer,) = why(desk.database, desk.pipeline.ruling.rules, ticket, desk.clock.now()).rules
        return answer.done, answer.next

    done, following = said()
    assert "step 1 of 4" in done[0]
    assert following == "step 2 of 4 at 2026-03-02 08:15:01 UTC if it is still so"
    desk.helpdesk.change(ticket, "anna", labels=("frozen",))
    desk.run(15 * MINUTE)
    done, following = said()
    assert "is held back" in done[1]
    assert "held back while the labels include frozen" in following


# --- wherever it dies ----------------------------------------------------------------------------------------------------


def nothing(desk: Desk) -> None:
    """All goes well until the end."""


def lost_answer(desk: Desk) -> None:
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write")


def lost_request(desk: Desk) -> None:
    desk.helpdesk.fail_next(OutcomeUnknown("no answer"), on="write")


def climbs(desk: Desk, trouble: Callable[[Desk], None], dies_at: int) -> bool:
    """An outage of 20 minutes, two steps at once, then a third; hoist dies at a place. False where it died."""
    ticket = desk.ticket()
    born = desk.clock.now()
    desk.clock.jump(born + 20 * MINUTE)
    trouble(desk)
    mortal = Mortal(dies_at)
    try:
        desk.restart(mortal)
        desk.run(2 * HOUR)
    except Killed:
        desk.restart()
        desk.run(2 * HOUR)
    teams = [item.new for save in desk.saves(ticket) for item in save.items if item.field == "team"]
    assert teams == ["ops", "eng"], desk.said()
    assert [note.text.count("minutes.") for note in desk.notes(ticket)] == [2, 1, 1], desk.said()
    assert desk.states(ticket) == [RowState.APPLIED] * 3, desk.said()
    assert fired(desk, ticket) == [(0, 1), (2,), (3,)]
    apart = [b.at - a.at for a, b in pairwise(desk.notes(ticket))]
    assert apart[0] >= 15 * MINUTE - SECOND
    assert apart[1] >= 30 * MINUTE - SECOND
    return mortal.places < dies_at


@pytest.mark.parametrize(("first", "trouble"), [(1, nothing), (2, lost_answer), (3, lost_request)])
def test_death_at_any_place_of_a_ladder(tmp_path: Path, first: int, trouble: Callable[[Desk], None]) -> None:
    """Wherever hoist is killed, every step is taken once, in order, and with its distance from the one before."""
    desk = Desk(tmp_path, ladder(), poll=2 * HOUR)
    lived = next(place for place in count(first, 3) if climbs(desk, trouble, place))
    assert lived > 30, "there were places to die at"


# --- a rule that watches -----------------------------------------------------------------------------------------------


def watched(desk: Desk, ticket: str) -> list[tuple[int, int]]:
    """(step, minute) of each row that was noted and not written."""
    rows = [row for row in desk.rows(ticket) if row.state is RowState.WATCHED]
    return [(row.key.step, (row.instant - MONDAY) // MINUTE) for row in rows]


def test_a_rule_that_watches_notes_every_step_at_its_time(tmp_path: Path) -> None:
    """As if each had been carried out when it was due; nothing is written."""
    desk = Desk(tmp_path, ladder(mode=Mode.WATCH, repeat=Repeat(Duration(20 * MINUTE), 2)))
    ticket = desk.ticket()
    desk.run(50 * MINUTE)
    assert watched(desk, ticket) == [(0, 0), (1, 15), (2, 30)]
    desk.run(3 * HOUR)
    assert watched(desk, ticket) == [(0, 0), (1, 15), (2, 30), (3, 60), (4, 80), (5, 100)]
    assert not desk.asked("write")


def test_what_an_outage_missed_is_noted_when_it_would_have_been_due(tmp_path: Path) -> None:
    """Missed steps are one, and reminders follow it at their distance."""
    desk = Desk(tmp_path, ladder(mode=Mode.WATCH, repeat=Repeat(Duration(20 * MINUTE), 2)))
    ticket = desk.ticket()
    desk.clock.jump(MONDAY + 5 * HOUR)
    desk.run(MINUTE)
    assert watched(desk, ticket) == [(3, 60), (4, 80), (5, 100)]
    assert fired(desk, ticket) == [(0, 1, 2, 3), (4,), (5,)]


def test_nothing_that_was_only_watched_counts_as_done(tmp_path: Path) -> None:
    """Gone live for existing tickets too: what was missed is one write, and what comes after it keeps its distance."""
    desk = Desk(tmp_path, ladder(mode=Mode.WATCH))
    ticket = desk.ticket()
    desk.run(40 * MINUTE)
    desk.rule_by(ladder(existing=Existing(None)))
    desk.run(2 * MINUTE)
    assert moves(desk, ticket) == [(40, "ops")]
    assert fired(desk, ticket) == [(0, 1, 2)]
    desk.run(HOUR)
    assert moves(desk, ticket) == [(40, "ops"), (70, "eng")]
    assert steps_of(desk, ticket) == [(2, RowState.APPLIED), (3, RowState.APPLIED)]


def test_reminders_that_were_only_watched_are_written_once_their_rule_is_live(tmp_path: Path) -> None:
    """The first step is written when the rule goes live, and its reminders after it, although they were noted before."""
    desk = Desk(tmp_path, rule(condition=OPEN, mode=Mode.WATCH, repeat=again(20, 2)))
    ticket = desk.ticket()
    desk.run(HOUR)
    assert watched(desk, ticket) == [(0, 0), (1, 20), (2, 40)]
    desk.rule_by(rule(condition=OPEN, repeat=again(20, 2), existing=Existing(1)))
    desk.run(3 * HOUR)
    assert steps_of(desk, ticket) == [(step, RowState.APPLIED) for step in range(3)]
    assert [(minute - 60) // 20 for minute, _ in told(desk, ticket)] == [0, 1, 2]


def test_what_a_rule_noted_while_it_watched_stays_readable(tmp_path: Path) -> None:
    """Gone live for existing tickets too: each step that it noted stands in journal and `why`, beside what was written."""
    desk = Desk(tmp_path, ladder(mode=Mode.WATCH))
    ticket = desk.ticket()
    desk.run(40 * MINUTE)
    noted = [(row.key.step, row.instant, list(row.because)) for row in desk.rows(ticket)]
    assert len(noted) == 3
    desk.rule_by(ladder(existing=Existing(None)))
    desk.run(2 * MINUTE)
    lines = desk.journal("watched-before")
    assert sorted((line.data["step"], line.data["due"], line.data["because"]) for line in lines) == sorted(noted)
    (answer,) = why(desk.database, desk.pipeline.ruling.rules, ticket, desk.clock.now()).rules
    assert sum("was noted and not written: the rule only watched until 2026-03-02 08:4" in said for said in answer.done) == 3
    assert sum("was written at" in said for said in answer.done) == 1
    (answer,) = why(desk.database, desk.pipeline.ruling.rules, ticket, MONDAY + 20 * MINUTE).rules
    assert sum("only watched" in said for said in answer.done) == 2, "as it was known then"
    desk.run(HOUR)
    assert len(desk.journal("watched")) == 3, "once each"


def test_back_to_watching_a_ladder_goes_on_where_it_stood(tmp_path: Path) -> None:
    """A rule that has expired notes the steps that would have followed what it wrote, and writes none of them."""
    desk = Desk(tmp_path, ladder(expires="2026-03-03"))
    desk.run(16 * HOUR - 30 * MINUTE)
    ticket = desk.ticket()
    desk.run(2 * HOUR)
    assert steps_of(desk, ticket) == [(0, RowState.APPLIED), (1, RowState.APPLIED), (2, RowState.WATCHED), (3, RowState.WATCHED)]
    assert len(desk.notes(ticket)) == 2
    desk.rule_by(ladder())
    desk.run(2 * HOUR)
    assert len(desk.notes(ticket)) == 2, "what was so before it went live again is left alone"


def test_why_tells_what_a_rule_that_watches_would_do_next(tmp_path: Path) -> None:
    """Which step would come next, and once the rule is live, that what it watched is left alone."""
    desk = Desk(tmp_path, ladder(mode=Mode.WATCH))
    ticket = desk.ticket()
    desk.run(20 * MINUTE)

    def following() -> str:
        (answer,) = why(desk.database, desk.pipeline.ruling.rules, ticket, desk.clock.now()).rules
        return answer.next

    assert following() == "step 3 of 4 at 2026-03-02 08:30 UTC if it is still so"
    desk.rule_by(ladder())
    desk.run(20 * MINUTE)
    assert following() == "nothing while this lasts: it was so before the rule went live (existing_tickets)"


def test_before_its_first_day_a_rule_notes_its_steps(tmp_path: Path) -> None:
    """What it noted before `live_from` is treated from then on as `existing_tickets` says."""
    for existing, notes in ((Existing(0), 0), (Existing(None), 1)):
        folder = tmp_path / str(existing.limit)
        folder.mkdir()
        desk = Desk(folder, ladder(live_from="2026-03-03", existing=existing))
        desk.run(15 * HOUR)
        ticket = desk.ticket()
        desk.run(HOUR - 5 * MINUTE)
        assert [step for step, _ in watched(desk, ticket)] == [0, 1, 2]
        desk.run(30 * MINUTE)
        assert len(desk.notes(ticket)) == notes
