"""Why a ticket did or did not escalate, and what comes next: the same evaluation as the agent's, told in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from agent.clusters import laid_over
from agent.errors import ConfigError
from agent.guards.pauses import said as said_of_pause
from agent.recording import NOTED
from agent.store import episodes, journal, mirrored, operations, pauses, snoozes, sources, waiting
from agent.store.database import Database
from agent.store.episodes import EpisodeRow, Fired
from agent.store.journal import Line
from agent.store.operations import OperationRow
from agent.store.snoozes import Snooze
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from agent.write_back.overtaken import OVERTAKEN
from rules.binding import BoundRule, BoundRules
from rules.chains import outside
from rules.confidential import CONCEALED, TEXTS
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import FieldChange, Operation
from rules.explain import Reason, because, reasons
from rules.gates import held_by_label
from rules.identity import match
from rules.instants import FOREVER, Instant
from rules.ladder import Steps, ahead, step_name
from rules.language.problems import nearest
from rules.lifetime import mode_at
from rules.obstacles import endings, in_the_way
from rules.phrases import stamp
from rules.protection import known_as, protected, taken_back
from rules.protocol.rule import Mode, Rule
from rules.ticket import Status, Ticket, Value
from rules.timeline import timeline
from rules.world import Directory


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """One rule on one ticket: whether it holds (None: not known), why, what was done, and what comes next.

    `next_at` is the instant of which `next` speaks, None where it names none. `in_the_way` are the parts that would have to be
    otherwise for it to hold, `endings` what would end it or stop its clock, `tree` its condition part by part where one rule was
    asked for.
    """

    rule: Rule
    mode: Mode
    holds: bool | None
    because: tuple[str, ...]
    done: tuple[str, ...]
    next: str
    next_at: Instant | None
    in_the_way: tuple[str, ...] = ()
    tree: Reason | None = None
    endings: tuple[str, ...] = ()

    @property
    def acts(self) -> bool:
        """Whether it holds, or did something on the ticket."""
        return bool(self.holds or self.done)

    @property
    def place(self) -> tuple[bool, bool, Instant]:
        """Where it stands among others: those that hold first, then those that did something, then what comes next by instant."""
        return not self.acts, not self.holds, FOREVER if self.next_at is None else self.next_at


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything about one ticket at an instant, for people in a time zone; what matters most first."""

    ticket: Ticket
    at: Instant
    zone: ZoneInfo
    rules: tuple[RuleAnswer, ...]
    notes: tuple[str, ...]

    @property
    def coming(self) -> RuleAnswer | None:
        """The rule that does something next, None where none will unless the ticket changes."""
        dated = [rule for rule in self.rules if rule.next_at is not None and rule.next_at > self.at]
        return min(dated, key=lambda rule: rule.next_at or 0, default=None)


def why(database: Database, bound: BoundRules, name: str, at: Instant, rule: str | None = None) -> Answer:
    """The answer for the ticket with this key or id, for one rule or for all.

    Raises ConfigError where the ticket is not mirrored or the rule is not there.
    """
    if rule is not None:
        rule = bound.runs_as(rule)  # who knows what a confidential rule is called may ask for it
    if rule is not None and rule not in bound.by_id:
        near = nearest(rule, bound.by_id)
        known = f"did you mean {near}?" if near else f"there are {', '.join(bound.by_id) or 'none'}"
        raise ConfigError(f"there is no rule {rule} (drafts are left out); {known}")
    with database.reading() as db:
        (ticket,) = laid_over(db, [named(db, bound.source, name)], bound)
        story = _Story(
            ticket,
            bound,
            at,
            episodes.of_tickets(db, bound.source, [ticket.ref.id]).get(ticket.ref.id, []),
            [row for row in waiting.of_ticket(db, bound.source, ticket.ref.id) if row.planned_at <= at],
            operations.of_ticket(db, bound.source, ticket.ref.id),
            sources.active_modes(db, bound.source),
            watched=[line for line in _noted(db, ticket) if line.data["noted"] <= at],
            alone=_alone(ticket, snoozes.in_force(db, bound.source, at).get(ticket.ref.id), at),
        )
        row = sources.found_source(db, bound.source)
        here = at - ((row.clock_ahead or 0) if row else 0)
        unread = _overtaken(db, ticket, at, bound.zone)
        paused = [said_of_pause(pause, lambda at: stamp(at, bound.zone)) for pause in pauses.in_force(db, bound.source, here)]
    chosen = [bound_rule for bound_rule in bound.rules if rule in (None, bound_rule.id)]
    notes = (*_notes(ticket, at, row.problem if row else "", bound, story.alone), *unread, *paused)
    if any(story.concerns(each.rule) for each in bound.rules if each.rule.confidential):
        ticket = replace(ticket, fields={**ticket.fields, **dict.fromkeys(TEXTS, CONCEALED), "labels": ()}, native={})
    answers = sorted((story.answer(each, with_tree=rule is not None) for each in chosen), key=lambda answer: answer.place)
    return Answer(ticket, at, bound.zone, tuple(answers), notes)


def _noted(db: Connection, ticket: Ticket) -> Iterator[Line]:
    """What rules noted on a ticket before they went live, and acted on then."""
    for kind in NOTED:
        found = journal.lines(db, ticket.ref.source, ticket.ref.id, kind)
        yield from (line for line in found if "noted" in line.data)


def named(db: Connection, source: str, name: str) -> Ticket:
    """The ticket with this key, in any case, or id. Raises ConfigError where it is not mirrored."""
    found = mirrored.by_name(db, source, name) or mirrored.by_name(db, source, name.upper())
    if found is None:
        raise ConfigError(f"{source}:{name} is not mirrored: check the key, and `hoist status` for how far hoist has read")
    return found.ticket


@dataclass(frozen=True, slots=True)
class _Alone:
    """Somebody keeps hoist away from the ticket, until then."""

    why: str
    until: Instant

    @property
    def wakes(self) -> Instant | None:
        return None if self.until == FOREVER else self.until

    def for_so_long(self, zone: ZoneInfo) -> str:
        return "" if self.until == FOREVER else f" before {stamp(self.until, zone)}"


def _alone(ticket: Ticket, snooze: Snooze | None, at: Instant) -> _Alone | None:
    """What keeps hoist away the longest."""
    label = held_by_label(ticket, at)
    found = [] if label is None else [_Alone(f"the label {label.label} keeps hoist away from this ticket", label.until)]
    if snooze is not None:
        found.append(_Alone(f"{snooze.by} said to leave this ticket alone: {snooze.why}", snooze.until))
    return max(found, key=lambda each: each.until, default=None)


class _Story:
    """One ticket, with what the store holds of it."""

    def __init__(
        self,
        ticket: Ticket,
        bound: BoundRules,
        at: Instant,
        recorded: Sequence[EpisodeRow],
        rows: Sequence[WaitingRow],
        sent: Sequence[OperationRow],
        modes: Mapping[str, Mode],
        *,
        watched: Sequence[Line],
        alone: _Alone | None,
    ) -> None:
        self.ticket, self.bound, self.at = ticket, bound, at
        self.recorded, self.rows, self.sent, self.modes, self.watched = recorded, rows, sent, modes, watched
        self.alone = alone
        self.judges = {(row.rule, row.number): bound.judge(row.rule, row.text) for row in recorded}
        former = (each for each in bound.former if each.id in self.judges.values())
        self.evaluation: Evaluation = evaluate(timeline(ticket), bound, at, (*bound.rules, *former))

    def _judge(self, present: BoundRule) -> BoundRule:
        """The text of a rule that an escalation under way keeps to, else the present one."""
        holding = {each.rule for each in self.evaluation.episodes if each.holds_at(self.at)}
        kept = (judge for (rule, _), judge in self.judges.items() if rule == present.id != judge and judge in holding)
        return self.bound.rule(next(kept, present.id))

    def answer(self, present: BoundRule, *, with_tree: bool = False) -> RuleAnswer:
        judge = self._judge(present)
        rule = judge.rule
        # hoist may run a rule in another mode than the file says by now; its dates hold all the same
        mode = mode_at(replace(rule, mode=self.modes.get(rule.id, rule.mode)), self.bound.calendars, self.at)
        rows = [row for row in self.rows if row.key.rule == rule.id]
        done = (*self._noted(rule), *(self._done(row, rule) for row in rows))
        holds = self.evaluation.truth(rule.condition, self.at)
        said, next_at = self._next(judge, mode)
        said += "" if judge is present else "; it keeps to the rule's former text (on_change: keep)"
        alive = self.ticket.created <= self.at < (FOREVER if self.ticket.gone is None else self.ticket.gone)
        said_because = because(self.evaluation, judge.id, self.at) if alive else ()
        wanting = in_the_way(self.evaluation, judge.id, self.at) if alive and not holds else ()
        tree = reasons(self.evaluation, judge.id, self.at) if alive and with_tree else None
        ends = () if rule.confidential else endings(rule.condition)
        return RuleAnswer(rule, mode, holds, said_because, done, said, next_at, wanting, tree, ends)

    def concerns(self, rule: Rule) -> bool:
        """Whether a rule may hold on the ticket, or ever fired on it."""
        fired = any(row.key.rule == rule.id for row in self.rows)
        return fired or self.evaluation.truth(rule.condition, self.at) is not False

    # --- what was done ---------------------------------------------------------------------------------------------------

    def _noted(self, rule: Rule) -> Iterator[str]:
        """What the rule noted before it went live, and acted on then."""
        for line in self.watched:
            if line.data["rule"] in {rule.id, *rule.formerly}:
                since = f"the {step_name(rule, line.data['step'])} due since {self._stamp(line.data['due'])}"
                yield f"{since} {_AT_REST[RowState.WATCHED]} until {self._stamp(line.at)}"

    def _done(self, row: WaitingRow, rule: Rule) -> str:
        since = f"{self._called(row, rule)} due since {self._stamp(row.instant)}"
        problem = f": {row.problem}" if row.problem else ""
        settled = self._stamp(row.settled_at) if row.settled_at is not None else ""
        match row.state:
            case RowState.PLANNED:
                said = f"waits to be written, not before {self._stamp(row.not_before)}{problem}"
            case RowState.QUEUED | RowState.WATCHED:
                said = f"{_AT_REST[row.state]}"
            case RowState.HELD | RowState.BACKLOG:
                said = f"{_WAITS[row.state]} {row.problem}"
            case RowState.CLAIMED | RowState.SENT:
                said = f"is being written{problem}"
            case RowState.UNKNOWN:
                said = f"was sent without an answer; {self._look(row.escalation)[0]}{problem}"
            case RowState.APPLIED:
                said = f"was written at {settled}: {self._written(row.escalation)}"
            case RowState.SUPERSEDED:
                over = "it was no longer true" if row.run is None else row.problem
                said = f"was not written: at {settled} {over}"
            case RowState.OVERRULED:
                said = f"met a person's change at {settled}, and theirs stands{problem}"
            case RowState.REJECTED:
                said = f"was rejected at {settled}{problem}"
            case RowState.UNDONE:
                said = f"was written, and taken back at {settled}{problem}"
            case RowState.PARKED:
                said = f"was refused at {settled} and waits for a person{problem}"
            case _:
                assert_never(row.state)
        return f"{since} {said}"

    def _called(self, row: WaitingRow, rule: Rule) -> str:
        """The step of a row, and those that were missed and went with it."""
        names = (step_name(rule, step) for step in self._steps(row))
        *missed, own = names
        return f"the {own}" + (f", with {', '.join(missed)}," if missed else "")

    def _steps(self, row: WaitingRow) -> Steps:
        of_episode = (r for r in self.recorded if (r.rule, r.number) == (row.key.rule, row.key.episode))
        firings = (fired.steps for record in of_episode for fired in record.firings)
        return next((steps for steps in firings if steps[-1] == row.key.step), (row.key.step,))

    def _look(self, escalation: int | None) -> tuple[str, Instant | None]:
        """When hoist looks for the mark of an escalation's unanswered request."""
        unanswered = (row for row in self.sent if row.escalation == escalation and row.state is OperationState.UNKNOWN)
        at = min((row.look_at for row in unanswered if row.look_at is not None), default=None)
        return "hoist looks for its mark" + (f" from {self._stamp(at)} on" if at is not None else ""), at

    def _written(self, escalation: int | None) -> str:
        applied = [row.operation for row in self.sent if row.escalation == escalation and row.state is OperationState.APPLIED]
        return ", ".join(part for operation in applied for part in _parts(operation, self.bound.directory)) or "nothing to change"

    # --- what comes next -------------------------------------------------------------------------------------------------

    def _next(self, judge: BoundRule, mode: Mode) -> tuple[str, Instant | None]:
        if self.at < self.ticket.created:
            return f"nothing to say before the ticket was created, at {self._stamp(self.ticket.created)}", None
        if self.ticket.gone is not None:
            return "nothing: the ticket is gone", None
        if self.alone is not None:
            return f"nothing{self.alone.for_so_long(self.bound.zone)}: {self.alone.why}", self.alone.wakes
        act = "it escalates" if mode is Mode.LIVE else "it would escalate, if the rule did more than watch,"
        computed = self.evaluation.episodes_of(judge.id)
        current = next((episode for episode in computed if episode.holds_at(self.at)), None)
        if current is not None:
            return self._next_of(judge, mode, act, current, computed)
        upcoming = min((start for e in computed for start, _ in e.stretches if start > self.at), default=None)
        if upcoming is None:
            return "nothing, unless the ticket changes", None
        return f"{act} at {self._stamp(upcoming)} if nothing changes until then", upcoming

    def _next_of(
        self, judge: BoundRule, mode: Mode, act: str, current: Episode, computed: Sequence[Episode]
    ) -> tuple[str, Instant | None]:
        """While the rule holds."""
        rule = judge.rule
        own = [r for r in self._of(rule) if self.judges[r.rule, r.number] == judge.id]
        known = dict(zip(computed, match([r.matched_as(judge.id) for r in own], computed), strict=True))[current]
        row = next((r for r in own if known is not None and r.number == known.number), None)
        if row is None:
            return self._first_step(judge, act, current, computed)
        if row.backlog and self._is_of_a_former_life(current.start):
            return f"nothing while this lasts: it was so {_BEFORE_IT_WAS_GONE}", None
        if row.backlog or (mode is Mode.LIVE and row.last.watched and rule.existing.limit == 0):
            return "nothing while this lasts: it was so before the rule went live (existing_tickets)", None
        waits = [r for r in self.rows if (r.key.rule, r.key.episode) == (rule.id, row.number)]
        open_row = next((r for r in waits if r.state in _OPEN), None)
        if open_row is not None and open_row.state is RowState.UNKNOWN:
            look, at = self._look(open_row.escalation)
            return f"{look}, and writes it again only if it is not there", at
        if open_row is not None:
            return f"it is written, if still true, from {self._stamp(open_row.not_before)} on", open_row.not_before
        if any(r.state is RowState.QUEUED for r in waits):
            return "it is written, if still true, when the rule's turn comes (existing_tickets)", None
        if held := next((r for r in waits if r.state in _WAITS), None):
            return f"it {_WAITS[held.state]} {held.problem}", None
        if rule.existing.limit == 0 and self._is_of_a_former_life(row.fired_at):
            return f"nothing more while this lasts: it was so {_BEFORE_IT_WAS_GONE}", None
        return self._next_step(rule, act, row, current, waits, row.written if mode is Mode.LIVE else row.applied)

    def _first_step(
        self, judge: BoundRule, act: str, current: Episode, computed: Sequence[Episode]
    ) -> tuple[str, Instant | None]:
        """Before its first firing."""
        rule = judge.rule
        apart = [row.matched_as(judge.id) for row in self._of(rule) if self.judges[row.rule, row.number] != judge.id]
        if dict(zip(computed, match(apart, computed), strict=True))[current] is not None:
            return "nothing while this lasts: it was escalated under the rule's former text (on_change: keep)", None
        found = ahead(self.evaluation, current, (), None, self.at)
        if found.due is not None:
            return f"{act} at the next turn of hoist run", None
        if found.next_look == FOREVER:
            return "nothing, unless the ticket changes", None
        return f"{step_name(rule, 0)} at {self._stamp(found.next_look)} if it is still so", found.next_look

    def _next_step(
        self,
        rule: Rule,
        act: str,
        row: EpisodeRow,
        current: Episode,
        waits: Sequence[WaitingRow],
        applied: Sequence[Fired],
    ) -> tuple[str, Instant | None]:
        """While nothing of the episode is under way; `applied` is what counts as done."""
        asleep = any(r.state is RowState.SUPERSEDED for r in waits)
        if row.last.applied_at is None and not asleep:
            return "no further step before the last one was written", None
        last = applied[-1].applied_at if applied else None
        found = ahead(self.evaluation, current, [fired.steps for fired in applied], last, self.at)
        if found.due is not None:
            again = ", since it is true again" if asleep else ""
            return f"{act} at the next turn of hoist run{again}", None
        if found.next_look == FOREVER:
            return "nothing more while this lasts", None
        then = ahead(self.evaluation, current, [fired.steps for fired in applied], last, found.next_look).due
        name = step_name(rule, then.step) if then is not None else "a step"
        return f"{name} at {self._stamp(found.next_look)} if it is still so", found.next_look

    def _is_of_a_former_life(self, began: Instant) -> bool:
        return began < (self.ticket.returned or 0)

    def _stamp(self, at: Instant) -> str:
        return stamp(at, self.bound.zone)

    def _of(self, rule: Rule) -> list[EpisodeRow]:
        return [row for row in self.recorded if row.rule == rule.id]


_BEFORE_IT_WAS_GONE = "before the ticket, which had been gone, was seen again (existing_tickets)"

_AT_REST = {
    RowState.QUEUED: "waits for its rule's turn: it was so before the rule went live (existing_tickets)",
    RowState.WATCHED: "was noted and not written: the rule only watched",
}
_WAITS = {RowState.HELD: "is held back", RowState.BACKLOG: "is left to a person:"}
_OPEN = (RowState.PLANNED, RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN)


def _parts(operation: Operation, directory: Directory) -> list[str]:
    parts = [_change(change, directory) for change in operation.changes]
    parts += [f"label {label}" for label in operation.add_labels]
    return [*parts, "an internal comment"] if operation.comment else parts


def _change(change: FieldChange, directory: Directory) -> str:
    people = {key: person.name for key, person in directory.people.items()}
    names = {"team": directory.teams, "priority": directory.priorities, "assignee": people}.get(change.field, {})
    return f"{change.field} {_named(change.old, names)} -> {_named(change.new, names)}"


def _named(value: Value, names: Mapping[str, str]) -> str:
    return "nobody" if value is None else names.get(str(value), str(value))


def _overtaken(db: Connection, ticket: Ticket, at: Instant, zone: ZoneInfo) -> list[str]:
    """Comments that came in between a read and the write that rested on it."""
    lines = journal.lines(db, ticket.ref.source, ticket.ref.id, OVERTAKEN)
    said = (stamp(comment[1], zone) for line in lines if line.at <= at for comment in line.data["comments"])
    return [f"a comment of {when} came in while hoist was writing, which had not read it" for when in said]


def _notes(ticket: Ticket, at: Instant, problem: str, bound: BoundRules, alone: _Alone | None) -> tuple[str, ...]:
    notes, zone = [], bound.zone
    if at < ticket.created:
        notes.append(f"the ticket was not there yet: it was created at {stamp(ticket.created, zone)}")
    if alone is not None:
        until = "" if alone.wakes is None else f", until {stamp(alone.until, zone)}"
        notes.append(f"{alone.why}{until}")
    for override in protected(ticket, at, bound.organisation.people_keep.lasts).values():
        said = taken_back(override, known_as(bound.directory.people, override.by), zone)
        notes.append(f"{said}; no rule changes it before {stamp(override.until, zone)}, unless the ticket is handed on")
    notes += [
        f"the ticket's team stands outside the chain {chain}: no rule moves it along that, unless it names `enter_at`"
        for chain in outside(bound, ticket)
        if ticket.fields.get("status") not in {Status.RESOLVED, Status.CLOSED}
    ]
    if ticket.gone is not None:
        notes.append(f"gone since {stamp(ticket.gone, zone)}: deleted, or no longer visible to hoist")
    if problem:
        notes.append(f"the source stands still, so this may be out of date: {problem}")
    return tuple(notes)
