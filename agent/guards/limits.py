"""Limits of one source: how much is written unasked. Above them the run is held until somebody approves it.

All is counted from the store, in the transaction that hands work out, so that neither a restart nor a second worker changes it.
While a run is held, tickets of the most urgent priority and a canary share go on at a rate, unless the run looks like hoist's
own fault. A held run is journaled as `held-run`; what nobody approves in time is dropped, and journaled, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import ceil
from typing import Final

from sqlalchemy import Connection

from agent import outbox
from agent.settings import Limits
from agent.store import censuses, journal, runs, waiting
from agent.store.runs import Run, Scope
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from rules.instants import DAY, HOUR, SECOND, Instant, written

log = logging.getLogger("hoist")

OWN_FAULT: Final = HOUR
"""So long after a new rulebook, or after tickets vanished at once, a run is taken for hoist's own fault."""
REMINDED_AFTER: Final = (50, 90)
"""Shares of the time that a run may wait, in per cent, after which it is told again; the last one as an error."""
EVERY: Final = 10 * SECOND
"""How often runs are looked after."""


class Limiting:
    """The limits of one source; without any, nothing is held."""

    def __init__(self, source: str, limits: Limits | None, when: Callable[[Instant], str] = written) -> None:
        """`when` writes instants for people."""
        self._source, self._limits, self._when = source, limits, when
        self._next: Instant = 0
        self._reminded: dict[int, int] = {}

    # --- when work is handed out ---------------------------------------------------------------------------------------

    def hold_what_is_too_much(self, db: Connection, now: Instant) -> None:
        """Hold what is due beyond a limit, before anything of it is claimed."""
        due = runs.due_by_rule(db, self._source, now) if self._limits is not None else {}
        if self._limits is None or not due:
            return
        opened = {(run.scope, run.name): run for run in runs.opened(db, self._source)}
        if (run := opened.get((Scope.SOURCE, ""))) is not None:
            self._hold(db, run, now)
            return
        sent, left = runs.sent_by_rule(db, self._source, now - HOUR), 0
        for rule, number in due.items():
            run = opened.get((Scope.RULE, rule))
            if run is None and sent.get(rule, 0) + number > self._limits.per_rule_and_hour:
                limit = f"the limit is {self._limits.per_rule_and_hour:,} per rule and hour"
                run = self._open(db, Scope.RULE, rule, _counted(sent.get(rule, 0), number, limit), now)
            if run is None:
                left += number
            else:
                self._hold(db, run, now)
        before = sum(sent.values())
        if left and before + left > self._limits.per_source_and_hour:
            limit = f"the limit is {self._limits.per_source_and_hour:,} per source and hour"
            self._hold(db, self._open(db, Scope.SOURCE, "", _counted(before, left, limit), now), now)

    def _open(self, db: Connection, scope: Scope, name: str, why: str, now: Instant) -> Run:
        run = runs.add(db, self._source, scope, name, now, why, self._own_fault(db, now))
        told = {"run": run.id, "of": scope.value, "name": name, "why": why, "fault": run.fault}
        journal.append(db, "held-run", now, self._source, name if scope is Scope.TICKET else "", **told)
        if scope is not Scope.TICKET:
            of = f"the rule {name}" if scope is Scope.RULE else "all rules"
            log.warning("%s: changes of %s are held for approval: %s: hoist changes show %d", self._source, of, why, run.id)
        return run

    def _hold(self, db: Connection, run: Run, now: Instant) -> None:
        expires = now + (self._limits.expire_after if self._limits is not None else DAY)
        runs.hold(db, run, now, expires, f"held for approval with run {run.id}: {run.why}")
        self._next = now

    def _own_fault(self, db: Connection, now: Instant) -> str:
        """Why a run looks like hoist's own fault; empty where it does not."""
        census = censuses.latest(db, self._source, finished=False) or censuses.latest(db, self._source, finished=True)
        if census is not None and census.alarm and (census.finished_at is None or census.finished_at > now - OWN_FAULT):
            return "many tickets vanished at once"
        for line in journal.latest(db, now - OWN_FAULT):
            if line.source == self._source and line.kind == "rules":
                return f"the rules were new at {self._when(line.at)}"
        return ""

    # --- one ticket ----------------------------------------------------------------------------------------------------

    def of_one_day(self, db: Connection, ticket: str, rows: list[WaitingRow], now: Instant) -> list[WaitingRow]:
        """Of claimed rows of a ticket those that may be written today; the others are held until the day has passed."""
        if self._limits is None or all(row.approved for row in rows):
            return rows
        times = runs.written_to(db, self._source, ticket, now - DAY)
        if len(times) < self._limits.per_ticket_and_day:
            return rows
        until = times[-self._limits.per_ticket_and_day] + DAY
        why = f"hoist has changed this ticket {len(times):,} times within a day; until {self._when(until)}"
        opened = {(run.scope, run.name): run for run in runs.opened(db, self._source)}
        run = opened.get((Scope.TICKET, ticket)) or self._open(db, Scope.TICKET, ticket, why, now)
        for row in rows:
            if not row.approved:
                waiting.move(db, row, RowState.HELD, now, run=run.id, not_before=until, problem=why)
        return [row for row in rows if row.approved]

    # --- runs that are held --------------------------------------------------------------------------------------------

    def busy(self, db: Connection, now: Instant) -> bool:
        """Whether it is time to look after the runs."""
        if now < self._next:
            return False
        self._next = now + EVERY
        return bool(runs.opened(db, self._source))

    def turn(self, db: Connection, now: Instant) -> None:
        """Drop what nobody approved in time, and let on what may go on."""
        self._next = now + EVERY
        opened = {run.id: run for run in runs.opened(db, self._source)}
        for row in runs.expired(db, self._source, now):
            run = opened.get(row.run or 0)
            if run is not None and run.scope is Scope.TICKET:
                waiting.move(db, row, RowState.PLANNED, now, not_before=now, run=None, problem="")
            else:
                outbox.supersede(db, row, now, f"nobody approved it in time: {row.problem}", run=row.run)
        for run in opened.values():
            if run.scope is not Scope.TICKET and not run.fault:
                self._let_some_through(db, run, now)
        runs.close_empty(db, self._source, now)
        for run in runs.opened(db, self._source):
            if run.scope is not Scope.TICKET:
                self._remind(db, run, now)

    def _remind(self, db: Connection, run: Run, now: Instant) -> None:
        """Say again, and then louder, what waits and until when; once more after each start."""
        expires = run.since + (self._limits.expire_after if self._limits is not None else DAY)
        level = sum(now >= run.since + (expires - run.since) * share // 100 for share in REMINDED_AFTER)
        if level <= self._reminded.get(run.id, 0):
            return
        self._reminded[run.id] = level
        held = runs.count_held(db, run)
        journal.append(db, "held-run-waits", now, self._source, run=run.id, held=held, until=written(expires))
        loud = log.error if level == len(REMINDED_AFTER) else log.warning
        said = "%s: %d changes still wait, and are dropped from %s on: hoist changes show %d"
        loud(said, self._source, held, self._when(expires), run.id)

    def _let_some_through(self, db: Connection, run: Run, now: Instant) -> None:
        limits = self._limits or Limits()
        may = limits.urgent - runs.let_through(db, run, now - HOUR, urgent=True)
        if may <= 0:
            return
        canary = ceil(limits.canary * runs.count(db, run)) - runs.let_through(db, run, 0, urgent=False)
        for row in runs.held(db, run, may):
            if row.urgency > 0:
                canary -= 1
                if canary < 0:
                    break
            waiting.move(db, row, RowState.PLANNED, now, not_before=now, let_at=now, problem="")


def _counted(before: int, due: int, limit: str) -> str:
    return f"{before:,} were written within the last hour and {due:,} more are due; {limit}"
