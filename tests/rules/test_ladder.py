"""A ladder of steps: in order, each once, never closer together than the policy has it, whatever kept hoist from taking them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.binding import bind
from rules.calendars import ALWAYS, calendar
from rules.engine import evaluate
from rules.instants import DAY, FOREVER, HOUR, MINUTE, Instant
from rules.ladder import Ahead, Due, Steps, ahead, joined, step_name
from rules.protocol.actions import Assign, Comment, Escalate, Tell
from rules.protocol.conditions import All, Clock, Condition, OneOf, State
from rules.protocol.durations import CALENDAR_OF_TEAM, Duration
from rules.protocol.organisation import CalendarHours, Organisation, Team
from rules.protocol.rule import Mode, Repeat, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, World

MONDAY: Instant = 1_772_438_400_000  # 2026-03-02T08:00:00Z
OPEN = State("status", OneOf(("open",)))
TAKEN = State("labels", OneOf(("taken",)))
OFFICE = calendar(CalendarHours("office", "UTC", dict.fromkeys(range(5), ((9 * 60, 17 * 60),))))
ANNA = Actor("anna", Kind.STAFF)


def tell(who: str) -> Tell:
    return Tell(f"{who}@example.com")


def after(minutes: int, who: str = "", unless: Condition | None = None) -> Step:
    return Step((tell(who or f"after-{minutes}"),), Duration(minutes * MINUTE), unless=unless)


def ladder(*steps: Step, condition: Condition = OPEN, **more: object) -> Rule:
    return replace(Rule("ladder", "Ladder", condition, steps, Mode.LIVE), **more)  # type: ignore[arg-type]


P1 = ladder(after(0), after(15, unless=TAKEN), after(30), after(60))


def ticket(*acts: tuple[int, str, Value]) -> Ticket:
    """A ticket of Monday, 08:00, that is open, and what Anna does to it so many minutes later."""
    present: dict[str, Value] = {"status": "open", "assignee": None, "team": "sd", "priority": "p1", "labels": ()}
    changes = []
    for n, (minutes, name, new) in enumerate(acts):
        at = MONDAY + minutes * MINUTE
        changes.append(Change(at, at, n, str(n), name, present[name], new, ANNA))
        present[name] = new
    return Ticket(TicketRef("desk", "7"), "SD-7", "", "", MONDAY, MONDAY + 30 * DAY, present, tuple(changes))


@dataclass
class Run:
    """An episode's ladder as it is climbed: what was taken, in minutes from the ticket's creation."""

    rule: Rule
    ticket: Ticket = field(default_factory=ticket)
    taken: list[tuple[Steps, float]] = field(default_factory=list)
    organisation: Organisation = field(default_factory=Organisation)

    def look(self, minutes: float) -> Ahead:
        now = MONDAY + round(minutes * MINUTE)
        world = World({"always": ALWAYS, "office": OFFICE})
        bound = bind(Rulebook(self.organisation, (self.rule,), "1"), "desk", Directory({"sd": "Desk"}, {}), world)
        evaluation = evaluate(timeline(self.ticket), bound, now)
        episode = next(each for each in evaluation.episodes if each.holds_at(now))
        applied = MONDAY + round(self.taken[-1][1] * MINUTE) if self.taken else None
        return ahead(evaluation, episode, [steps for steps, _ in self.taken], applied, now)

    def due(self, minutes: float) -> Steps:
        found = self.look(minutes).due
        return () if found is None else found.steps

    def next(self, minutes: float) -> float:
        found = self.look(minutes).next_look
        return float("inf") if found == FOREVER else (found - MONDAY) / MINUTE

    def take(self, minutes: float, delay: float = 0) -> Steps:
        """Take what is due, which is applied so much later."""
        steps = self.due(minutes)
        if steps:
            self.taken.append((steps, minutes + delay))
        return steps


def test_steps_come_at_their_minutes() -> None:
    """Looked at in time, each step is due at the minute that the policy names, and hoist knows when to look again."""
    run = Run(P1)
    assert [(run.take(at), run.next(at)) for at in (0, 15, 30, 60)] == [
        ((0,), 15),
        ((1,), 30),
        ((2,), 60),
        ((3,), float("inf")),
    ]


def test_before_its_first_step_nothing_is_due() -> None:
    """A ladder may begin later than its episode."""
    run = Run(ladder(after(10), after(20)))
    assert (run.due(9), run.next(9), run.due(10)) == ((), 10, (0,))


def test_missed_steps_are_one_firing_of_the_latest() -> None:
    """F6: after an outage of 70 minutes everybody is told at once, in one firing under the key of the highest step."""
    run = Run(P1)
    assert run.look(70) == Ahead(Due((0, 1, 2, 3), MONDAY + 60 * MINUTE), FOREVER)
    assert joined(P1, run.due(70)) == (tell("after-0"), tell("after-15"), tell("after-30"), tell("after-60"))


def test_a_step_that_was_applied_late_leaves_the_next_its_time() -> None:
    """The first step is carried out after 40 minutes: the others keep their distances from there (F6)."""
    run = Run(P1)
    run.take(0, delay=40)
    assert (run.due(54), run.next(54), run.take(55)) == ((), 55, (1,))
    assert (run.due(69), run.take(70), run.due(99), run.take(100)) == ((), (2,), (), (3,))


def test_an_acknowledged_step_is_passed_over_and_taken_when_that_ends() -> None:
    """While somebody has taken it the move is left out, others are told on time; taken no more, it moves after all."""
    run = Run(P1, ticket((10, "labels", ("taken",)), (50, "labels", ())))
    run.take(0)
    assert run.due(15) == ()
    assert run.next(15) == 30
    assert run.take(30) == (2,)
    assert run.next(31) == 50
    assert run.take(50) == (1,)


def test_a_step_that_was_overtaken_keeps_its_distance_too() -> None:
    """A step above it has just moved the ticket: the one that had been passed over does not follow in the same minute."""
    run = Run(P1, ticket((10, "labels", ("taken",)), (31, "labels", ())))
    run.take(0)
    run.take(30)
    assert (run.due(44), run.next(31), run.take(45)) == ((), 45, (1,))


def test_what_is_passed_over_never_comes_if_that_never_ends() -> None:
    """As things are, there is no instant to look at again for it."""
    run = Run(ladder(after(0), after(15, unless=TAKEN)), ticket((10, "labels", ("taken",))))
    run.take(0)
    assert (run.due(600), run.next(600)) == ((), float("inf"))


def test_the_last_step_is_repeated() -> None:
    """Repetitions count on from the ladder, each from the application of the one before, so many times and no more."""
    run = Run(ladder(after(0), after(15, unless=TAKEN), repeat=Repeat(Duration(20 * MINUTE), 2)))
    run.take(0)
    assert run.next(1) == 15
    run.take(15, delay=5)
    assert (run.next(20), run.take(40)) == (40, (2,))
    assert (run.take(300), run.due(900)) == ((3,), ())
    assert joined(run.rule, (3,)) == (tell("after-15"),)
    assert [step_name(run.rule, n) for n in range(4)] == ["step 1 of 2", "step 2 of 2", "reminder 1 of 2", "reminder 2 of 2"]


def test_a_reminder_of_an_acknowledged_step_waits_too() -> None:
    """What is repeated is the step with its exception."""
    rule = ladder(after(0, unless=TAKEN), repeat=Repeat(Duration(20 * MINUTE), 3))
    run = Run(rule, ticket((10, "labels", ("taken",)), (90, "labels", ())))
    run.take(0)
    assert (run.due(20), run.next(20), run.due(90)) == ((), 90, (1,))


def test_distances_are_kept_on_the_calendar_of_the_step() -> None:
    """Four business hours after a step that was taken on Monday instead of Friday are over on Monday, not on Thursday."""
    four_hours = Duration(4 * HOUR, calendar="office", text="4 business hours")
    friday, monday = 4 * 24 * 60 + 8 * 60, 7 * 24 * 60 + 60  # Friday at 16:00, Monday at 09:00
    run = Run(ladder(after(0), Step((tell("lead"),), four_hours)), ticket((1, "status", "pending"), (friday, "status", "open")))
    assert run.next(friday) == monday + 3 * 60
    run.take(monday)
    assert run.next(monday) == monday + 4 * 60


def test_an_opening_is_waited_for() -> None:
    """What is to be done at the next opening is done at nine, or at once while it is open."""
    rule = ladder(after(0), Step((tell("lead"),), at_opening=True), calendar="office")
    run = Run(rule)
    run.take(0)
    assert (run.next(0), run.due(59), run.due(60)) == (60, (), (1,))
    open_already = Run(rule, ticket((1, "status", "pending"), (120, "status", "open")))
    assert open_already.due(120) == (0, 1)


def test_the_opening_may_be_of_another_calendar() -> None:
    """A rule round the clock waits for the office's opening where its step says so."""
    run = Run(ladder(Step((tell("lead"),), at_opening=True, opening_of="office"), calendar="always"))
    assert (run.due(59), run.next(0), run.due(60)) == ((), 60, (0,))


def on_the_clock(hours: float) -> Condition:
    return All((OPEN, Clock(OPEN, Duration(int(hours * HOUR)))))


PERCENT = ladder(
    Step((tell("owner"),)),
    Step((tell("lead"),), begins=on_the_clock(4)),
    Step((tell("head"),), Duration(HOUR), begins=on_the_clock(4)),
    condition=on_the_clock(3),
)


def test_steps_at_percents_of_a_clock_stand_still_with_it() -> None:
    """The rule begins at 75 percent of four hours; the second step waits for the whole, pauses left out; then an hour more."""
    run = Run(PERCENT, ticket((200, "status", "pending"), (300, "status", "open")))
    assert run.take(180) == (0,)
    assert (run.next(185), run.due(339), run.take(340)) == (340, (), (1,))
    assert (run.next(341), run.take(400)) == (400, (2,))


def test_one_move_of_all_that_were_missed() -> None:
    """F6: two missed hand-overs along a chain are one: a tier at a time; of different ones the latest stands, all are told."""
    said = Comment("Moved to {team}.")
    rule = ladder(
        Step((Escalate("line"), said)),
        Step((Escalate("line"), tell("lead")), Duration(HOUR)),
        Step((Assign("eng"),), Duration(DAY)),
    )
    assert joined(rule, (0, 1)) == (Escalate("line"), said, tell("lead"))
    assert joined(rule, (0, 1, 2)) == (said, tell("lead"), Assign("eng"))


# --- whatever happens ----------------------------------------------------------------------------------------------------

minutes = st.integers(1, 40)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Run, list[tuple[float, float]]]:
    """A ladder, somebody who takes the ticket and gives it back, and the looks of a hoist that is often away.

    A look is (minutes since the one before, minutes from decision to effect).
    """
    gaps = draw(st.lists(st.integers(0, 40), min_size=1, max_size=5))
    steps, at = [], 0
    for n, gap in enumerate(gaps):
        at += gap
        steps.append(after(at, f"step-{n}", TAKEN if draw(st.booleans()) else None))
    acts: list[tuple[int, str, Value]] = []
    at = 0
    for n, gap in enumerate(draw(st.lists(minutes, max_size=6))):
        at += gap
        acts.append((at, "labels", () if n % 2 else ("taken",)))
    repeat = draw(st.none() | st.builds(Repeat, minutes.map(lambda m: Duration(m * MINUTE)), st.integers(1, 3)))
    looks = st.tuples(st.floats(0.1, 60), st.floats(0, 60) | st.just(0.0))
    return Run(ladder(*steps, repeat=repeat), ticket(*acts)), draw(st.lists(looks, min_size=1, max_size=12))


def has_it(run: Run, at: float) -> bool:
    """Whether somebody has the ticket."""
    return [change.new == ("taken",) for change in run.ticket.changes if change.at <= MONDAY + round(at * MINUTE)][-1:] == [True]


@given(stories())
def test_whatever_the_delays_the_ladder_is_climbed_as_written(story: tuple[Run, list[tuple[float, float]]]) -> None:
    """F6: no step twice; none before one below it that could have been taken; distances kept; due together is one firing."""
    run, looks = story
    steps, now, applied, taken = run.rule.steps, 0.0, 0.0, set[int]()
    nominal = [step.after.milliseconds / MINUTE for step in steps if step.after is not None]
    for wait, delay in looks:
        now = max(now + wait, applied)
        firing = run.take(now, delay)
        excepted = {n for n, step in enumerate(steps) if step.unless is not None and has_it(run, now)}
        assert not taken & set(firing), "no step twice"
        own = [n for n in firing if n < len(steps)]
        assert not excepted & set(own), "not while somebody has it"
        for n in own:
            below = set(range(n)) - taken - excepted - set(firing)
            assert all(max(taken, default=-1) > m for m in below), "in order"
            if taken:
                distance = abs(nominal[n] - nominal[min(max(taken), len(steps) - 1)])
                assert now >= applied + distance - 0.001, "the distances of the policy"
        if firing:
            assert set(joined(run.rule, firing)) == {a for n in firing for a in steps[min(n, len(steps) - 1)].actions}
            taken |= set(firing)
            applied = now + delay


@given(stories(), st.floats(0, 300))
def test_the_next_look_misses_nothing(story: tuple[Run, list[tuple[float, float]]], at: float) -> None:
    """Where nothing is due now, nothing is due before the next look, and something is at it."""
    run, looks = story
    for wait, _ in looks[:3]:
        run.take(wait)
    at += max((applied for _, applied in run.taken), default=0)
    if run.due(at):
        return
    next_look = run.next(at)
    assert next_look > at
    if next_look == float("inf"):
        assert run.due(at + 5_000) == ()
    else:
        assert run.due((at + next_look) / 2) == ()
        assert run.due(next_look) != ()


@pytest.mark.parametrize("step", range(3))
def test_a_climb_is_a_tier_at_a_time(step: int) -> None:
    """However many steps of a chain were missed, one application moves the ticket by one of them."""
    rule = ladder(*(Step((Escalate("line"),), Duration(n * HOUR)) for n in range(4)))
    assert joined(rule, tuple(range(step, 4))) == (Escalate("line"),)


def test_steps_keep_the_hours_of_the_team_that_has_the_ticket() -> None:
    """A repetition and an opening count on the calendar of the team, which at eight in the morning is not there yet."""
    teams = {"sd": Team("sd", {"desk": ("sd",)}, calendar="office")}
    again = Repeat(Duration(2 * HOUR, calendar=CALENDAR_OF_TEAM), 2)
    run = Run(ladder(after(0), repeat=again, calendar=CALENDAR_OF_TEAM), organisation=Organisation(teams=teams))
    assert (run.take(0), run.next(0)) == ((0,), 3 * 60)
    assert (run.take(3 * 60), run.next(3 * 60)) == ((1,), 5 * 60)
    opens = Run(ladder(Step((tell("desk"),), at_opening=True), calendar=CALENDAR_OF_TEAM), organisation=Organisation(teams=teams))
    assert (opens.due(0), opens.next(0), opens.due(60)) == ((), 60, (0,))
