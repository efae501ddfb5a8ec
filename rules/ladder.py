"""The ladder of a rule: which step of an episode is due next, which missed ones go with it, and when to look again.

Steps are counted from 0, the rule's own first, then the repetitions of its last one. Each has a nominal instant in the episode:
the start of the episode, or the instant at which its `begins` came to hold in it, then its `after`, then an opening; never before
that of a step above it. Three things move it from there:

- A step never follows a firing sooner than the policy has it: the ladder stands at the highest step that was taken, and from the
  *application* of the last firing on as much time goes by as lies between that step's nominal instant and this one's, counted on
  the step's own calendar. A tier that got a ticket late has no less time for it.
- A step is passed over while its `unless` may hold, and due when that surely ends, later steps taken meanwhile or not.
- Steps that are due together are one firing, named by the highest of them, which does what any of them does: whoever should
  know by now is told, and the ticket moves once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from rules.calendars import Calendar
from rules.conditions.tree import durations_of, walk
from rules.engine import Episode, Evaluation
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals, contains, unbroken
from rules.protocol.actions import Action, Assign, Escalate
from rules.protocol.conditions import Condition
from rules.protocol.rule import Rule, Step

Steps = tuple[int, ...]
"""The steps that one firing stands for, in order; the last of them names it."""


@dataclass(slots=True, unsafe_hash=True)  # see rules.ticket: faster than frozen
class Due:
    """A firing that is due: its steps, and since when all of them have been."""

    steps: Final[Steps]
    since: Final[Instant]

    @property
    def step(self) -> int:
        """The one that names it."""
        return self.steps[-1]


@dataclass(slots=True, unsafe_hash=True)
class Ahead:
    """What an episode's ladder asks for: the firing that is due now, if any, and when another step is due if nothing changes."""

    due: Final[Due | None]
    next_look: Final[Instant]


NOTHING = Ahead(None, FOREVER)


def ahead(evaluation: Evaluation, episode: Episode, taken: Sequence[Steps], applied_at: Instant | None, now: Instant) -> Ahead:
    """Where an episode's ladder stands at `now`.

    `taken` are the firings that took effect, the last of them at `applied_at`, which is None where there are none. That the
    episode holds at `now` is the caller's to know; while a firing is under way no other one may be begun.
    """
    bound = evaluation.bound(episode.rule)
    if bound.at_once and not taken:
        return Ahead(Due((0,), episode.start), FOREVER)
    return _Ladder(evaluation, episode, bound.rule).ahead(frozenset(chain.from_iterable(taken)), applied_at, now)


def joined(rule: Rule, steps: Steps) -> tuple[Action, ...]:
    """What one firing does for all of its steps: everything once, and of the moves to another team the latest."""
    if len(steps) == 1:
        return _step(rule, steps[0]).actions
    done = dict.fromkeys(action for step in steps for action in _step(rule, step).actions)
    moves = [action for action in done if isinstance(action, Escalate | Assign)]
    return tuple(action for action in done if action not in moves[:-1])


def step_name(rule: Rule, step: int) -> str:
    """What people call a step: `step 2 of 4`, `reminder 1 of 3`; `escalation` where the rule has no others."""
    if step >= len(rule.steps):
        of = f" of {rule.repeat.at_most}" if rule.repeat is not None else ""
        return f"reminder {step - len(rule.steps) + 1}{of}"
    return "escalation" if len(rule.steps) == 1 else f"step {step + 1} of {len(rule.steps)}"


def _step(rule: Rule, step: int) -> Step:
    return rule.steps[min(step, len(rule.steps) - 1)]


class _Ladder:
    """One episode's ladder."""

    def __init__(self, evaluation: Evaluation, episode: Episode, rule: Rule) -> None:
        self.evaluation, self.episode, self.rule = evaluation, episode, rule
        self.nominal: list[Instant] = []
        for step in rule.steps:
            self.nominal.append(max(self._nominal(step), *self.nominal[-1:], episode.start))

    def ahead(self, taken: frozenset[int], applied_at: Instant | None, now: Instant) -> Ahead:
        due: list[tuple[int, Instant]] = []
        next_look = FOREVER
        for step, earliest in self._open(taken, applied_at):
            held_back = self._held_back(_step(self.rule, step))
            if earliest <= now and not contains(held_back, now):
                due.append((step, max(earliest, _free_since(held_back, now))))
            else:
                next_look = min(next_look, _free_from(held_back, max(earliest, now)))
        if not due:
            return Ahead(None, next_look)
        return Ahead(Due(tuple(step for step, _ in due), max(since for _, since in due)), next_look)

    def _open(self, taken: frozenset[int], applied_at: Instant | None) -> list[tuple[int, Instant]]:
        """The steps that were not taken, each with the instant before which it can't be, its `unless` left aside."""
        stands_at = max(taken, default=None)
        last = len(self.rule.steps) - 1
        steps = [(step, self._earliest(step, stands_at, applied_at)) for step in range(last + 1) if step not in taken]
        repeat = self.rule.repeat
        if repeat is not None and stands_at is not None and applied_at is not None and last <= stands_at < last + repeat.at_most:
            steps.append((stands_at + 1, self._calendar(repeat.every.calendar).after(applied_at, repeat.every)))
        return steps

    def _earliest(self, step: int, stands_at: int | None, applied_at: Instant | None) -> Instant:
        nominal = self.nominal[step]
        if stands_at is None or applied_at is None or nominal == FOREVER:
            return nominal
        lower, upper = sorted((nominal, self.nominal[min(stands_at, len(self.nominal) - 1)]))
        if upper == FOREVER:  # the ladder went higher by what was known then: there is no distance to keep
            return nominal
        calendar = self._counted_on(self.rule.steps[step])
        return max(nominal, calendar.add(applied_at, calendar.between(lower, upper)))

    # --- one step --------------------------------------------------------------------------------------------------------

    def _nominal(self, step: Step) -> Instant:
        at = self.episode.start if step.begins is None else self._beginning(step.begins)
        if step.after is not None and at < FOREVER:
            at = self._calendar(step.after.calendar).after(at, step.after)
        if step.at_opening and at < FOREVER:
            at = self._calendar(step.opening_of or self.rule.calendar).next_opening(at)
        return at

    def _beginning(self, begins: Condition) -> Instant:
        """The first instant of the episode at which the condition surely holds; FOREVER if none is."""
        surely, _, anchors = self.evaluation.holds(begins)
        start, end = self.episode.start, self.episode.end
        for n in range(len(surely) // 2):
            same = anchors is None or anchors[n] == self.episode.anchor
            if same and surely[2 * n + 1] > start and surely[2 * n] < end:
                return max(start, surely[2 * n])
        return FOREVER

    def _held_back(self, step: Step) -> Intervals:
        return [] if step.unless is None else unbroken(self.evaluation.holds(step.unless)[1])

    def _counted_on(self, step: Step) -> Calendar:
        """The calendar on which a step keeps its distance: that of its own duration, or of what it waits for."""
        if step.after is not None:
            return self._calendar(step.after.calendar)
        durations = (d for part in walk(step.begins) for d in durations_of(part)) if step.begins is not None else ()
        return self._calendar(next((d.calendar for d in durations), None))

    def _calendar(self, name: str | None) -> Calendar:
        return self.evaluation.rules.program.calendar(name, self.evaluation.timeline)


def _free_from(held_back: Intervals, at: Instant) -> Instant:
    """The first instant from `at` on that lies in none of the intervals, no two of which touch."""
    place = bisect_right(held_back, at)
    return held_back[place] if place % 2 else at


def _free_since(held_back: Intervals, at: Instant) -> Instant:
    """When the gap between the intervals began in which `at` lies; 0 where none of them is before it."""
    place = bisect_right(held_back, at)
    return held_back[place - 1] if place else 0
