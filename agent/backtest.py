"""`hoist backtest`: what rules would have done on past tickets. Reads a log or the mirror, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from agent.config import length_of_time
from agent.errors import ConfigError
from agent.past import Past, Wanted, opened
from rules.backtest import Backtest, Question, judge
from rules.binding import BoundRules
from rules.instants import HOUR, Instant, instant, written
from rules.ticket import Ticket
from rules.what_if import with_writes

AT_ONCE: Final = 500
"""Tickets between two words of progress."""
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


def backtest(options: Options, told: Told, stopped: Callable[[], bool] = lambda: False) -> Backtested:
    """Judge the past. Raises ConfigError for what can't be asked."""
    with ExitStack() as stack:
        pasts = [stack.enter_context(opened(options.past))]
        if options.against is not None:
            pasts.append(stack.enter_context(opened(replace(options.past, protocol=options.against))))
        question = _question(options, pasts[0])
        whole = sum(past.count for past in pasts)
        judged, done = [], 0
        for past in pasts:
            found = Backtest()
            for piece in _pieces(past.tickets()):
                if stopped():
                    break
                found.join(_judged(piece, past.rules, question, what_if=options.what_if))
                done += len(piece)
                told(done, whole)
            judged.append(Judged(past.rules, found))
        return Backtested(pasts[0].told, question, _notes(pasts), tuple(judged), options.what_if, stopped())


def _judged(tickets: list[Ticket], rules: BoundRules, question: Question, *, what_if: bool) -> Backtest:
    if what_if:
        tickets = [with_writes(ticket, rules, question.since, question.until) for ticket in tickets]
    return judge(tickets, rules, question)


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
