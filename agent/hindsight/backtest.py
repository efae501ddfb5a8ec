"""`hoist backtest`: what rules would have done on past tickets. Reads a log or the mirror, and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from agent.collector import spare_the_collector
from agent.config import length_of_time
from agent.errors import ConfigError
from agent.hindsight.past import Past, Wanted, opened
from agent.judging_pool import in_processes
from rules.backtest import Backtest, Question, judge
from rules.binding import BoundRules
from rules.instants import HOUR, Instant, instant, written
from rules.ticket import Ticket
from rules.what_if import with_writes

AT_ONCE: Final = 500
"""Tickets between two words of progress."""
ROWS: Final = 2_000
"""Rows of a mirror that a process takes at a time."""
SMALL: Final = 20_000
"""Tickets up to which further processes would take longer to start than they save."""
SOON: Final = HOUR

Told = Callable[[int, int], None]
"""Is told how many tickets of how many were judged."""


@dataclass(frozen=True)
class Options:
    """What a backtest is asked, as on the command line; `since` is an instant or a length of time before the end."""

    past: Wanted
    against: Path | None = None
    since: str | None = None
    until: str | None = None
    soon: str | None = None
    what_if: bool = False


@dataclass(frozen=True)
class Judged:
    """What one rulebook would have done."""

    rules: BoundRules
    found: Backtest


@dataclass(frozen=True)
class Backtested:
    """What came of it, by one rulebook or by two; `stopped` after a part of the tickets."""

    told: str
    question: Question
    notes: tuple[str, ...]
    judged: tuple[Judged, ...]
    what_if: bool
    stopped: bool = False


def backtest(
    options: Options, told: Told, stopped: Callable[[], bool] = lambda: False, processes: int | None = None
) -> Backtested:
    """Judge the past; a large mirror in as many processes as there are cores, unless a number is named.

    Raises ConfigError for what can't be asked.
    """
    with ExitStack() as stack:
        asked = [options.past]
        if options.against is not None:
            asked.append(replace(options.past, protocol=options.against))
        pasts = [stack.enter_context(opened(wanted)) for wanted in asked]
        question = _question(options, pasts[0])
        whole = sum(past.count for past in pasts)
        judged, done = [], 0
        for wanted, past in zip(asked, pasts, strict=True):
            found = Backtest()
            task = _Task(wanted, past.rules.version, question, options.what_if)
            with closing(_found(task, past, processes)) as pieces:
                while not stopped() and (piece := next(pieces, None)) is not None:
                    found.join(piece)
                    done += piece.tickets
                    told(done, whole)
            judged.append(Judged(past.rules, found))
        return Backtested(pasts[0].told, question, _notes(pasts), tuple(judged), options.what_if, stopped())


@dataclass(frozen=True)
class _Task:
    """What is judged, and by which version of which rules: as any process can have it."""

    wanted: Wanted
    version: str
    question: Question
    what_if: bool

    def judged(self, tickets: Iterable[Ticket], rules: BoundRules) -> Backtest:
        question = self.question
        if self.what_if:
            tickets = (with_writes(ticket, rules, question.since, question.until) for ticket in tickets)
        return judge(tickets, rules, question)


@dataclass(frozen=True)
class _Desk:
    """The past as a process of the pool has it; open for as long as that process lives."""

    task: _Task
    past: Past
    kept_open: ExitStack


def _found(task: _Task, past: Past, processes: int | None) -> Generator[Backtest, None, None]:
    """What is found, piece by piece."""
    many = processes or (1 if past.count <= SMALL or not past.rows else os.cpu_count() or 1)
    if many == 1:
        yield from (task.judged(piece, past.rules) for piece in _pieces(past.tickets()))
        return
    starts = range(past.rows.start, past.rows.stop, ROWS)
    rows = [(start, min(start + ROWS, past.rows.stop)) for start in starts]
    yield from in_processes(partial(_start, task), _judge, rows, many)


def _start(task: _Task) -> _Desk:
    spare_the_collector()
    kept_open = ExitStack()
    past = kept_open.enter_context(opened(task.wanted))
    if past.rules.version != task.version:
        raise ConfigError("the rules were changed while they were tried: once more, please")
    return _Desk(task, past, kept_open)


def _judge(desk: _Desk, rows: tuple[int, int]) -> Backtest:
    return desk.task.judged(desk.past.tickets(rows), desk.past.rules)


def _pieces(tickets: Iterator[Ticket]) -> Iterator[list[Ticket]]:
    while piece := list(islice(tickets, AT_ONCE)):
        yield piece


def _notes(pasts: list[Past]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for past in pasts for note in past.notes))


def _question(options: Options, past: Past) -> Question:
    zone = past.rules.zone
    until = past.until if options.until is None else min(past.until, instant_of("--until", options.until, zone))
    since = past.first if options.since is None else since_of(options.since, until, zone)
    if since >= until:
        span = f"between {written(since)} and {written(until)}, the end of what is known"
        raise ConfigError(f"nothing lies {span}: take an earlier --since")
    return Question(since, until, SOON if options.soon is None else length_in("--soon", options.soon))


def since_of(text: str, until: Instant, zone: ZoneInfo) -> Instant:
    """A date, or a length of time before the end."""
    return instant_of("--since", text, zone) if "-" in text else until - length_in("--since", text)


def instant_of(option: str, text: str, zone: ZoneInfo) -> Instant:
    """A date or an instant; without a zone of its own in that of the organisation. Raises ConfigError."""
    try:
        moment = datetime.fromisoformat(text)
        return instant(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise ConfigError(f"{option}: {text!r} is no date; write it like 2026-10-01 or 2026-10-01T08:00") from None


def length_in(option: str, text: str) -> int:
    """Milliseconds. Raises ConfigError for what is no length of time."""
    try:
        return length_of_time(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error
