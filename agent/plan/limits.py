"""What the limits would make of a plan: which changes wait for somebody's word, and how long a queue at a rate is.

Played over the writes that the plan brings about, as `agent.guards.limits` counts them. What the rules in force write at the same
time counts there, too, and no helpdesk takes all at one instant: what is held is said as the least, and when as the earliest.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from agent.plan.consequences import Touched
from agent.settings import Limits
from rules.instants import HOUR, MINUTE, Instant


@dataclass(frozen=True, slots=True)
class HeldRun:
    """So many changes of a rule ("": of all rules) wait for approval from `at` on, being more than `limit` in an hour."""

    source: str
    rule: str
    number: int
    at: Instant
    limit: int


@dataclass(frozen=True, slots=True)
class Queue:
    """So many changes of tickets that were so already wait for their turns, of which a rule has `rate` an hour."""

    source: str
    rule: str
    number: int
    rate: int

    @property
    def lasts(self) -> int:
        """Milliseconds until the last one's turn."""
        return (self.number - 1) * (HOUR // self.rate)


def queues(writes: Iterable[Touched]) -> list[Queue]:
    """The queues that writes at a rate form, the longest first."""
    numbers = Counter((each.source, firing.rule, firing.rate) for each in writes for firing in each.firings if firing.rate)
    found = [Queue(source, rule, number, rate or 1) for (source, rule, rate), number in numbers.items()]
    return sorted(found, key=lambda queue: (-queue.lasts, queue.source, queue.rule))


def held_runs(source: str, writes: Sequence[Touched], limits: Limits | None) -> list[HeldRun]:
    """The runs that are held of a source's writes, if nobody approves any; in the order in which they are."""
    if limits is None:
        return []
    play = _Play(limits)
    for minute, together in groupby(sorted(_due(writes)), key=lambda due: due[0]):
        play.hand_out(minute * MINUTE, Counter(rule for _, rule in together))
    return [HeldRun(source, rule, number, play.since[rule], play.limit(rule)) for rule, number in play.held.items()]


def _due(writes: Iterable[Touched]) -> Iterator[tuple[int, str]]:
    """(minute, rule) of every change; each rule's queue in the order of its turns."""
    turns: Counter[str] = Counter()
    for each in sorted(writes, key=lambda each: (each.urgency, each.at)):
        for firing in each.firings:
            later = turns[firing.rule] * (HOUR // firing.rate) if firing.rate else 0
            turns[firing.rule] += firing.rate is not None
            yield (each.at + later) // MINUTE, firing.rule


_EVERYTHING: Final = ""


class _Play:
    """What is handed out of one source, minute by minute."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.sent: deque[tuple[Instant, Counter[str]]] = deque()
        self.held: Counter[str] = Counter()
        self.since: dict[str, Instant] = {}

    def limit(self, rule: str) -> int:
        return self.limits.per_rule_and_hour if rule else self.limits.per_source_and_hour

    def hand_out(self, now: Instant, due: Counter[str]) -> None:
        while self.sent and self.sent[0][0] <= now - HOUR:
            self.sent.popleft()
        lately = sum((number for _, number in self.sent), Counter[str]())
        for rule in [rule for rule in due if rule in self.held or lately[rule] + due[rule] > self.limits.per_rule_and_hour]:
            self._hold(_EVERYTHING if _EVERYTHING in self.held else rule, due.pop(rule), now)
        too_much = due and lately.total() + due.total() > self.limits.per_source_and_hour
        if _EVERYTHING in self.held or too_much:
            self._hold(_EVERYTHING, due.total(), now)
        else:
            self.sent.append((now, due))

    def _hold(self, rule: str, number: int, now: Instant) -> None:
        if number:
            self.since.setdefault(rule, now)
            self.held[rule] += number
