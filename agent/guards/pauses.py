"""Pauses of one source: nothing of what is paused is sent, and afterwards nothing is written unasked that fell due meanwhile.

A pause counts before the next request: it is looked up when work is handed out, and again right before each write. What is due
of a paused rule waits as planned, other rules' changes of the same ticket go on. When a pause is over, what had fallen due
before its end goes the way of existing tickets: by default it is left to a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from agent import outbox
from agent.clock import Clock, SourceClock, steady
from agent.in_force.ruling import FELL_DUE_IN_A_PAUSE, Ruling
from agent.store import journal, pauses, sources, waiting
from agent.store.database import Database
from agent.store.pauses import Lull, Pause
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from rules.instants import FOREVER, Instant, written

FRESH: Final = 200
"""Milliseconds for which it is not asked again whether a source is paused: before each request that is asked apart."""


def said(pause: Pause, when: Callable[[Instant], str] = written) -> str:
    """A pause as a sentence, instants written by `when`."""
    what = f"the rule {pause.rule} is paused" if pause.rule else "paused"
    until = "" if pauses.open_ended(pause) else f" until {when(pause.until)}"
    return f"{what} since {when(pause.since)}{until} by {pause.by}: {pause.why}"


class Pausing:
    """The pauses that concern one source."""

    def __init__(
        self, source: str, database: Database, clocks: tuple[Clock, SourceClock], when: Callable[[Instant], str] = written
    ) -> None:
        """`clocks`: this machine's and the source's; `when` writes instants for people."""
        self._source, self._database, self._when = source, database, when
        self._clock, self._source_clock = clocks
        self._everything: Pause | None = None
        self._asked_at = -FRESH

    def standing(self) -> str:
        """Why nothing at all may be written; empty where no pause says so."""
        if not self._asked_at <= steady(self._clock) < self._asked_at + FRESH:
            with self._database.reading() as db:
                self._everything = pauses.of_everything(db, self._source, self._clock.now())
            self._asked_at = steady(self._clock)
        return "" if self._everything is None else said(self._everything, self._when)

    def bars(self, escalation: int) -> str:
        """Why nothing of an escalation may be sent; asked right before each request, by whichever thread sends it."""
        with self._database.reading() as db:
            pause = pauses.that_bars(db, self._source, escalation, self._clock.now())
        return "" if pause is None else said(pause, self._when)

    def over(self, db: Connection) -> bool:
        """Whether a pause is over after which the source has not gone on yet."""
        return bool(pauses.ended(db, self._source, self._clock.now()))

    def hold_up(self, db: Connection, now: Instant) -> None:
        """Let what is due of paused rules wait; `now` on the source's clock."""
        for pause in pauses.in_force(db, self._source, self._clock.now()):
            if pause.rule:
                pauses.hold_up(db, self._source, pause, self._there(pause.until, now), now, said(pause, self._when))

    def lulls(self, db: Connection, now: Instant) -> tuple[Lull, ...]:
        """The pauses that still bear on what is decided."""
        return pauses.lulls(db, self._source, now)

    def release(self, db: Connection, ruling: Ruling, now: Instant) -> None:
        """Go on after the pauses that are over."""
        for pause in pauses.ended(db, self._source, self._clock.now()):
            lull = Lull(pause.rule, self._there(pause.since, now), self._there(pause.until, now))
            pauses.release(db, pause, self._source, lull)
            done = Counter(self._after(db, row, ruling, lull, now) for row in self._fell_due(db, lull))
            pauses.go_on(db, self._source, now + outbox.LEASE, now)
            for (rule, to), number in done.items():
                if to is RowState.QUEUED:
                    sources.queue(db, self._source, rule, number)
            left, queued, planned = (
                sum(number for (_, to), number in done.items() if to is state)
                for state in (RowState.BACKLOG, RowState.QUEUED, RowState.PLANNED)
            )
            journal.append(db, "pause-ended", now, self._source, rule=pause.rule, left=left, queued=queued, goes_on=planned)

    def _fell_due(self, db: Connection, lull: Lull) -> list[WaitingRow]:
        rows = waiting.of_source(db, self._source, (RowState.PLANNED,))
        return [row for row in rows if lull.rule in ("", row.key.rule) and row.instant < lull.until]

    def _after(self, db: Connection, row: WaitingRow, ruling: Ruling, lull: Lull, now: Instant) -> tuple[str, RowState]:
        """One firing that fell due before the end of a pause."""
        to = ruling.existing_state(row.key.rule) if row.let_at is None else RowState.PLANNED
        if to is RowState.PLANNED:
            if row.problem:  # the pause held it up; what somebody approved at a rate keeps its time
                waiting.delay_row(db, row, now)
        else:
            fell_due = FELL_DUE_IN_A_PAUSE.format(until=ruling.when(lull.until))
            waiting.move(db, row, to, now, problem=fell_due if to is RowState.BACKLOG else "")
        return row.key.rule, to

    def _there(self, at: Instant, now: Instant) -> Instant:
        """An instant of this machine's on the source's clock."""
        return FOREVER if at >= FOREVER else at + now - self._clock.now()
