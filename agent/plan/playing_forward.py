"""One ticket played forward in memory: what hoist would do on it, and when, if nobody acts but hoist.

The very stages of the agent decide (`agent.evaluate`), confirm (`agent.write_back.confirming`) and merge (`rules.merge`);
only the store is a few dictionaries, and the helpdesk a ticket that changes as hoist means it to. A write takes no time, and
is never refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from agent.evaluate import Again, Decision, decide
from agent.in_force.ruling import Ruling
from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from agent.store.waiting import Planned, WaitingRow
from agent.write_back.confirming import confirmed
from rules.due_step import DueStep
from rules.engine import Episode
from rules.escalation import Escalation, FieldChange, FiringKey
from rules.instants import SECOND, Instant
from rules.merge import merge
from rules.ticket import Actor, Change, Kind, Message, Ticket, Value

_MOST_WRITES: Final = 50
"""Of one ticket; rules that lift it more often than that within a day or two are told of so far."""
_WAITS: Final = (RowState.PLANNED, RowState.QUEUED, RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN)
_ACCOUNT: Final = Actor("hoist", Kind.HOIST)


@dataclass(frozen=True, slots=True)
class Cause:
    """A firing that is part of a write: its rule, the anchor of its episode, since when it is due, and why.

    `queued`: it waits for its rule's turn (`existing_tickets: at most N per hour`), whose instant nobody foresees.
    """

    key: FiringKey
    anchor: Instant
    due: Instant
    because: tuple[str, ...]
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Something that hoist would do on a ticket at an instant. `ticket` is what it finds then, the writes before it done."""

    at: Instant
    ticket: Ticket
    escalation: Escalation
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Resting:
    """A firing that would not be written by itself: `state` is `backlog` (left alone), `held`, or only `watched`."""

    rule: str
    state: RowState
    anchor: Instant
    due: Instant
    because: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Future:
    """What becomes of a ticket up to some instant: writes in order, what rests at its end, and what the ticket is then."""

    last: Ticket
    writes: tuple[Foreseen, ...] = ()
    resting: tuple[Resting, ...] = ()


@dataclass(frozen=True, slots=True)
class Past:
    """What the store has of a ticket: recorded episodes, rows of the outbox, and when somebody let go of a rule's brake."""

    recorded: Sequence[EpisodeRow] = ()
    rows: Sequence[WaitingRow] = ()
    released: Mapping[str, Instant] = field(default_factory=dict)


def future(ticket: Ticket, past: Past, ruling: Ruling, now: Instant, until: Instant) -> Future:
    """What hoist would do on a ticket from `now` to `until` (the source's clock)."""
    return _Play(ticket, past, ruling).played(now, until)


def begins(ticket: Ticket, now: Instant) -> Instant:
    """The instant from which a ticket is played: a helpdesk's clock as it was last read may lie behind what a ticket shows."""
    return max(now, ticket.last_act)


class _Play:
    """One ticket, with what a store would hold of it."""

    def __init__(self, ticket: Ticket, past: Past, ruling: Ruling) -> None:
        self.ticket, self.ruling, self.released = ticket, ruling, past.released
        self.episodes = {(row.rule, row.number): row for row in past.recorded}
        self.rows = {row.key: row for row in past.rows}
        self.ids = -1
        self.writes: list[Foreseen] = []

    def played(self, now: Instant, until: Instant) -> Future:
        at = begins(self.ticket, now)
        until = max(at, until)
        while at <= until and len(self.writes) < _MOST_WRITES:
            at = max(self._look(at), at) + SECOND  # a write rests on a read that is later than what is due
        return Future(self.ticket, tuple(self.writes), tuple(self._resting(now)))

    def _look(self, at: Instant) -> Instant:
        """Decide, write what may be written, and decide on what that left; gives when to look again."""
        while True:
            decision = decide(self.ticket, list(self.episodes.values()), list(self.rows.values()), self.ruling, at, self.released)
            self._record(decision, at)
            if not self._write(decision, at):
                early = (max(row.instant, row.not_before) for row in self.rows.values() if row.state in _WAITS)
                return min([decision.next_look, *(turn for turn in early if turn >= at)])
            if len(self.writes) >= _MOST_WRITES:
                return decision.next_look

    # --- what a store would record ---------------------------------------------------------------------------------------

    def _record(self, decision: Decision, at: Instant) -> None:
        self.episodes |= decision.records
        self.episodes |= {(row.rule, row.number): row for row in decision.episodes}
        for row in decision.out_of_backlog:
            self._put(replace(self.episodes[row.rule, row.number], backlog=False))
        for row, due in decision.anew:
            last = row.last._replace(steps=due.steps, applied_at=None, watched=False)
            self._put(replace(self.episodes[row.rule, row.number], firings=(*row.written, last)))
        for row_over in decision.over:
            self.rows[row_over.key] = replace(row_over, state=RowState.SUPERSEDED)
        for forgotten in decision.forgotten:
            self.rows.pop(forgotten.key, None)
        for planned in decision.planned:
            self._plan(planned)
        for state, again in (
            *((RowState.PLANNED, each) for each in decision.revived),
            *((RowState.QUEUED, each) for each in decision.queued),
            *((RowState.BACKLOG, each) for each in decision.left),
        ):
            self._take_up(again, state, at)

    def _put(self, row: EpisodeRow) -> None:
        self.episodes[row.rule, row.number] = row

    def _plan(self, planned: Planned) -> None:
        self.ids -= 1
        times = (planned.instant, planned.planned_at, planned.not_before)
        said, none = (planned.because, planned.problem), None
        row = WaitingRow(self.ids, planned.key, planned.state, *times, planned.urgency, 0, none, none, none, 0, *said)
        self.rows[planned.key] = row

    def _take_up(self, again: Again, state: RowState, at: Instant) -> None:
        row, due, why = again
        self.rows.pop(row.key, None)
        key = replace(row.key, step=due.step)
        self.rows[key] = replace(row, key=key, state=state, instant=due.since, planned_at=at, problem=why)

    # --- what a source would be asked to do ------------------------------------------------------------------------------

    def _write(self, decision: Decision, at: Instant) -> bool:
        """Carry out what is due, merged as it is when it is written; False where nothing is."""
        due = [row for row in self.rows.values() if row.state in _WAITS and row.not_before <= at]
        if not due:
            return False
        verdict = confirmed(due, self.ticket, decision, self.ruling, at)
        for row, gate in verdict.held:
            self.rows[row.key] = replace(row, state=RowState.HELD, problem=str(gate), not_before=gate.until)
        for row, why in verdict.left:
            self.rows[row.key] = replace(row, state=RowState.BACKLOG, problem=why)
        for row, why in verdict.over:
            self.rows[row.key] = replace(row, state=RowState.SUPERSEDED, problem=why)
        if not verdict.steps:
            return False
        holding = [self.ruling.rule(rule) for rule, _ in decision.holding]
        escalation = merge(self.ticket, [step for _, step in verdict.steps], self.ruling.rules, at, holding)
        causes = tuple(self._cause(row, step, decision.holding) for row, step in verdict.steps)
        self.writes.append(Foreseen(at, self.ticket, escalation, causes))
        for row, step in verdict.steps:
            self._applied(row, step, at)
        restriction = () if escalation.restriction is None else (escalation.restriction,)
        fields, noted = (*restriction, *escalation.changes), escalation.comment is not None
        self.ticket = written_to(self.ticket, fields, escalation.add_labels, at, noted=noted)
        return True

    def _cause(self, row: WaitingRow, step: DueStep, holding: Mapping[tuple[str, int], Episode]) -> Cause:
        anchor = holding[row.key.rule, row.key.episode].anchor
        return Cause(step.key, anchor, row.instant, step.because, row.state is RowState.QUEUED)

    def _applied(self, row: WaitingRow, step: DueStep, at: Instant) -> None:
        episode = self.episodes[row.key.rule, row.key.episode]
        *before, last = episode.firings
        fired = last._replace(steps=step.steps, confirmed=at, applied_at=at)
        self._put(replace(episode, firings=(*before, fired)))
        del self.rows[row.key]

    # --- what is left ------------------------------------------------------------------------------------------------------

    def _resting(self, now: Instant) -> Iterator[Resting]:
        resting = (RowState.BACKLOG, RowState.HELD, RowState.WATCHED)
        for key, row in self.rows.items():
            if row.state in resting and (episode := self.episodes.get((key.rule, key.episode))) is not None:
                yield Resting(key.rule, row.state, episode.anchor, row.instant, row.because, row.problem)
        for episode in self.episodes.values():
            if episode.backlog and episode.rule in self.ruling.rules.by_id and episode.fired_at <= now:
                yield Resting(episode.rule, RowState.BACKLOG, episode.anchor, episode.fired_at)


def written_to(ticket: Ticket, changes: Iterable[FieldChange], labels: Sequence[str], at: Instant, *, noted: bool) -> Ticket:
    """The ticket once hoist's own account has changed these fields, added labels, and left a note, at an instant."""
    wanted: dict[str, Value] = {change.field: change.new for change in changes}
    present = ticket.fields.get("labels")
    if labels and isinstance(present, tuple):
        wanted["labels"] = tuple(sorted({*present, *labels}))
    save = f"foreseen {at}"
    made = tuple(
        Change(at, at, n, save, field, ticket.fields.get(field), value, _ACCOUNT)
        for n, (field, value) in enumerate(wanted.items())
    )
    messages = (*ticket.messages, Message(at, at, save, _ACCOUNT, public=False)) if noted else ticket.messages
    return replace(ticket, known=at, fields={**ticket.fields, **wanted}, changes=(*ticket.changes, *made), messages=messages)
