"""The one function behind live running, backtest, forecast, plan and why: a timeline and bound rules give episodes.

Pure and total: no clock is read and no I/O is done; the same timeline and rules always give the same episodes. The world
(calendars, directory) is bound into the rules.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from rules.binding import BoundRule, BoundRules
from rules.conditions.judge import Holds, Memo
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals, contains
from rules.protocol.conditions import Condition, Count
from rules.timeline import Timeline


class Episode(NamedTuple):
    """One anchor of one rule on one ticket: the stretches [a, b) in which the rule surely holds, future included."""

    rule: str
    anchor: Instant
    stretches: tuple[tuple[Instant, Instant], ...]  # in order, at least one; FOREVER ends one that has no end

    @property
    def start(self) -> Instant:
        """When it fires."""
        return self.stretches[0][0]

    @property
    def end(self) -> Instant:
        """The end of its last stretch; FOREVER if it has none."""
        return self.stretches[-1][1]

    def since(self, at: Instant) -> Instant:
        """When the stretch began that holds at an instant; some stretch must."""
        return next(start for start, end in self.stretches if start <= at < end)

    def holds_at(self, at: Instant) -> bool:
        """Whether the rule surely holds at an instant because of this episode."""
        for start, end in self.stretches:  # noqa: SIM110 - asked of every episode at every look, and a generator is dear
            if start <= at < end:
                return True
        return False


_new: Final = tuple.__new__
"""Makes an episode in half the time that calling its class takes; most rules give one on most tickets."""


class Told(NamedTuple):
    """The sentences by which a rule's condition is explained, the same at each instant from `since` on and before `until`."""

    since: Instant
    until: Instant
    sentences: tuple[str, ...]


class Evaluation:
    """What all rules say of one ticket.

    `episodes` are ordered by rule, as in the file, then by start. `next_look` is the earliest instant after `now` at which a
    stretch of any rule starts, FOREVER if none does: nothing fires before it unless the ticket changes.
    `told` are the last sentences that were asked for of each rule (`rules.explain`).
    """

    __slots__ = ("_memo", "episodes", "next_look", "rules", "timeline", "told")

    def __init__(
        self, timeline: Timeline, rules: BoundRules, memo: Memo, episodes: tuple[Episode, ...], next_look: Instant
    ) -> None:
        self.timeline = timeline
        self.episodes = episodes
        self.next_look = next_look
        self.rules = rules
        self.told: dict[str, Told] = {}
        self._memo = memo

    def episodes_of(self, rule: str) -> tuple[Episode, ...]:
        """The episodes of one rule, by start."""
        return tuple(episode for episode in self.episodes if episode.rule == rule)

    def surely(self, rule: str) -> Intervals:
        """Where a rule surely holds, as a flat list [a0, b0, a1, b1, ...]. Raises KeyError for a rule that is not bound."""
        return self._ask(self.rules.rule(rule).number)[0]

    def may(self, rule: str) -> Intervals:
        """Where a rule may hold, all that is sure included. Raises KeyError for a rule that is not bound."""
        return self._ask(self.rules.rule(rule).number)[1]

    def bound(self, rule: str) -> BoundRule:
        """A rule as it was bound. Raises KeyError for a rule that is not."""
        return self.rules.rule(rule)

    def holds(self, condition: Condition) -> Holds:
        """What was found for a condition of a bound rule, or for a part of one. Raises KeyError for any other."""
        return self._ask(self.rules.program.number(condition))

    def found(self, number: int) -> Holds:
        """What was found for the condition of this number in the program."""
        known: Holds | None = self._memo[number]
        return self._ask(number) if known is None else known

    def truth(self, condition: Condition, at: Instant) -> bool | None:
        """Whether a part of a bound rule holds at an instant; None where that is not known."""
        surely, may, _ = self.holds(condition)
        return truth(surely, may, at)

    def events(self, count: Count) -> list[Instant]:
        """The events that a count of a bound rule surely saw. Raises KeyError for any other."""
        program = self.rules.program
        return list(program.ask(program.events_number(count), self.timeline, self._memo).sure)

    def _ask(self, number: int) -> Holds:
        found: Holds = self.rules.program.ask(number, self.timeline, self._memo)
        return found


def truth(surely: Intervals, may: Intervals, at: Instant) -> bool | None:
    """Whether an instant lies where something surely holds; None where it may."""
    if contains(surely, at):
        return True
    return None if contains(may, at) else False


def evaluate(timeline: Timeline, rules: BoundRules, now: Instant, among: Sequence[BoundRule] | None = None) -> Evaluation:
    """The episodes of all rules on one ticket, or of some `among` them, past and future, if nothing changes any more.

    `now` is the source's clock and only decides what the next look is.
    """
    judges = rules.program.judges
    memo: Memo = [None] * len(judges)
    episodes: list[Episode] = []
    next_look = FOREVER
    for rule in rules.rules if among is None else among:
        number = rule.number
        found = memo[number]
        if found is None:
            found = memo[number] = judges[number](timeline, memo)
        surely, _, anchors = found
        if surely:
            if len(surely) == 2:
                start, end = surely
                episodes.append(_new(Episode, (rule.id, start if anchors is None else anchors[0], ((start, end),))))
            else:
                episodes += _episodes(rule.id, surely, surely[::2] if anchors is None else anchors)
            if surely[-2] > now:
                place = bisect_right(surely, now)
                start = surely[place + (place & 1)]
                if start < next_look:  # noqa: PLR1730 - a call of `min` is dear
                    next_look = start
    return Evaluation(timeline, rules, memo, tuple(episodes), next_look)


def _episodes(rule: str, surely: Intervals, anchors: list[Instant]) -> list[Episode]:
    stretches: dict[Instant, list[tuple[Instant, Instant]]] = {}
    for n, anchor in enumerate(anchors):
        stretches.setdefault(anchor, []).append((surely[2 * n], surely[2 * n + 1]))
    return [Episode(rule, anchor, tuple(of_anchor)) for anchor, of_anchor in stretches.items()]
