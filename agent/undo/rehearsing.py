"""A rehearsal: one escalation is carried out on a named ticket, read back, proven internal, and taken back; nobody is told.

The way back is ordered in the same transaction as the first request, so that it is found and gone by the next `hoist run` if the
rehearsal is broken off at any place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from agent import outbox
from agent.errors import ConfigError
from agent.hands_on import Hands
from agent.outbox import Outcome, Result
from agent.store import journal, operations, orders, waiting
from agent.store.operations import OperationRow
from agent.store.orders import Asked, OrderKind, OrderRow, OrderState
from agent.store.states import OperationState
from agent.undo.commands import BUSY, ORDERED_ALREADY, note_order
from agent.undo.undoing import drop_planned
from agent.who import Who
from agent.words import in_words
from connectors.errors import ConnectorError
from rules.due_step import DueStep
from rules.escalation import Escalation, FieldChange, FiringKey, OperationKind
from rules.merge import merge
from rules.placeholders import inert
from rules.protocol.actions import AddLabel, Comment, RaisePriority
from rules.protocol.conditions import All
from rules.protocol.rule import Rule, Step
from rules.ticket import UNKNOWN, Ticket, Value

LABEL: Final = "hoist-rehearsal"
"""What is set where the priority can't be raised."""
RULE: Final = "rehearsal"
_SHORT: Final = "this is a rehearsal"


@dataclass(frozen=True, slots=True)
class Did:
    """One step of a rehearsal, and whether it was as it should be."""

    said: str
    ok: bool


@dataclass(slots=True)
class Rehearsal:
    """What is rehearsed on a ticket: what would be done, then each step as it went, and what is to be known beside it."""

    source: str
    key: str
    what: str
    plan: tuple[str, ...] = ()
    steps: list[Did] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """All was as it should be."""
        return bool(self.steps) and all(step.ok for step in self.steps)


class Rehearsing:
    """One rehearsal, in the hands of a command."""

    def __init__(self, hands: Hands, ticket: str, rule: str | None, who: Who) -> None:
        """`ticket` by its id. Raises ConfigError where it can't be read, or the rule is not there."""
        self._hands, self._who, self._refused = hands, who, False
        read = next(hands.read([ticket]), None)
        if read is None:
            raise ConfigError(f"{hands.source}:{ticket} is gone, or can't be read as a whole")
        self.ticket: Ticket = read
        self._rule = self._of_no_rule() if rule is None else self._named(rule)
        whole = self._merged()
        self._escalation = replace(
            whole,
            firings=(),
            notices=(),
            proposals=(),
            at_provider=(),
            restriction=None,
            comment=f"Rehearsal of hoist by {inert(who.name)}: nobody is told, and what changes here is taken back at once.\n"
            + (whole.comment or ""),
        )
        tried = "a label" if whole.add_labels else "a raise of the priority" if whole.changes else ""
        of_none = f"{tried} and an internal note" if tried else "an internal note"
        what = of_none if rule is None else f"the first step of {self._rule.id}"
        self.found = Rehearsal(hands.source, self.ticket.key, f"rehearsal: {what}", tuple(self._plan()), notes=self._notes(whole))

    # --- what it would do --------------------------------------------------------------------------------------------------

    def _named(self, rule: str) -> Rule:
        name = self._hands.bound.runs_as(rule)
        if name not in self._hands.bound.by_id:
            raise ConfigError(f"there is no rule {rule} (drafts are left out); there are {', '.join(self._hands.bound.by_id)}")
        return self._hands.bound.rule(name).rule

    def _of_no_rule(self) -> Rule:
        """Raises the priority by one level, or sets a label where it is the highest already, if the source has that label."""
        text = Comment("This is what an internal note of hoist looks like.")
        made = Rule(RULE, "Rehearsal", All(()), (Step((RaisePriority(1), text)),))
        if not self._merged_for(made).changes and "labels" in self._hands.connector.capabilities.writes and not self._lacks_label:
            return replace(made, steps=(Step((AddLabel(LABEL), text)),))
        return made

    @property
    def _lacks_label(self) -> bool:
        """Whether the platform has only labels that somebody made before, and nobody made this one."""
        there = self._hands.bound.directory.labels
        return there is not None and LABEL not in there

    def _merged(self) -> Escalation:
        return self._merged_for(self._rule)

    def _merged_for(self, rule: Rule) -> Escalation:
        ref = self.ticket.ref
        key = FiringKey(ref.source, ref.id, rule.id, 0, 0)
        values = {"key": self.ticket.key, "rule": rule.id, "title": rule.title}
        step = DueStep(key, rule, (_SHORT,), _SHORT, values, rule.steps[0].actions, (0,))
        return merge(self.ticket, [step], self._hands.bound, self.ticket.known)

    def _plan(self) -> Iterator[str]:
        for change in self._escalation.changes:
            yield in_words(change, self._hands.bound.directory)
        for label in self._escalation.add_labels:
            yield f"label {label}: set"
        yield "an internal note, which stays; all else is taken back at once"

    def _notes(self, whole: Escalation) -> tuple[str, ...]:
        notes = [f"nobody is told: {notice.to} would be" for notice in whole.notices]
        if self._rule.id == RULE and not (whole.changes or whole.add_labels) and self._lacks_label:
            notes.append(f"no priority is raised, and {self._hands.source} has no label {LABEL}: only a note is rehearsed")
        notes += ["who can read the ticket is not rehearsed"] if whole.restriction is not None else []
        return (*dict.fromkeys(notes), *whole.findings)

    # --- doing it ----------------------------------------------------------------------------------------------------------

    def carry_out(self) -> Rehearsal:
        """Write, read back, prove, take back, read again. Raises ConfigError where something is under way on the ticket."""
        order, back, first = self._committed()
        self._done(f"signed in, and read {self.ticket.key} afresh", ok=True)
        row: OperationRow | None = first
        while row is not None:
            row = self._written(order, row)
        self._through(order)
        self._take_back(back)
        self._look_again()
        self._journal(order)
        return self.found

    def _committed(self) -> tuple[OrderRow, OrderRow, OperationRow]:
        """The rehearsal, its way back and its first operation, committed as sent."""
        hands, ref, escalation = self._hands, self.ticket.ref, self._escalation
        ordered, now = (self._who.name, self._who.known_by, self._who.why), hands.source_clock.now()
        lease = now + outbox.LEASE
        with hands.database.transaction() as db:
            if waiting.under_way(db, ref.source, ref.id):
                raise ConfigError(f"{ref.source}:{self.ticket.key}: {BUSY}")
            if ref.id in orders.tickets(db, ref.source):
                raise ConfigError(f"{ref.source}:{self.ticket.key}: {ORDERED_ALREADY}")
            number = operations.add(db, escalation, self.ticket.known)
            order = orders.add(db, ref, OrderKind.REHEARSAL, Asked(), ordered, now, not_before=lease)
            at, mark = self.ticket.known, hands.mirroring.mark
            together = hands.connector.capabilities.together
            made = outbox.operations_of(escalation, at, mark, number, base=self.ticket.version, together=together)
            operations.add_operations(db, number, [replace(each, order=order.id) for each in made])
            orders.move(db, order, OrderState.SENT, escalation=number, not_before=lease)
            changes = tuple(FieldChange(each.field, each.new, each.old) for each in escalation.changes)
            asked = Asked(changes, escalation.add_labels, (number,), as_person=False)
            back = orders.add(db, ref, OrderKind.UNDO, asked, ordered, now, not_before=lease)
            for each in (order, back):
                note_order(hands.writer, db, each, now)
            first = operations.commit_next(db, number, now)
        if first is None:
            raise RuntimeError(f"{ref}: a rehearsal without an operation")
        return order, back, first

    def _written(self, order: OrderRow, row: OperationRow) -> OperationRow | None:
        """Send one operation and look at the record of it; gives the next one, committed as sent."""
        hands = self._hands
        result = outbox.send(hands.connector, hands.foreign.signed(row.operation))
        with hands.database.transaction() as db:
            now = hands.source_clock.now()
            hands.writer.settle(db, row, result, now)
        self._judge(row, result)
        if result.outcome is not Outcome.APPLIED:
            return None
        with hands.database.transaction() as db:
            further = operations.commit_next(db, row.escalation, now)
            if further is None:
                hands.writer.end(db, orders.order(db, order.id), OrderState.DONE, "", now)
        return further

    def _judge(self, row: OperationRow, result: Result) -> None:
        said = f": {result.said}" if result.said else ""
        if row.operation.kind is OperationKind.COMMENT:
            written = result.outcome is Outcome.APPLIED and not result.said
            self._done(f"wrote an internal note, and found it in the helpdesk's record under hoist's mark{said}", ok=written)
            if result.outcome is Outcome.APPLIED:
                self._prove_internal(result.native_id)
            return
        what = "; ".join(line for line in self.found.plan[:-1])
        applied, self._refused = result.outcome is Outcome.APPLIED, result.outcome is Outcome.REFUSED
        noted = row.operation.comment is not None
        what += " and, with it, an internal note" if noted else ""
        self._done(f"wrote {what}, and found it in the helpdesk's record under hoist's mark{said}", ok=applied)
        if noted and applied:
            self._prove_internal(result.native_id)

    def _prove_internal(self, comment: str) -> None:
        """A second read: what the helpdesk itself says of who can see the note."""
        try:
            read = next(self._hands.read([self.ticket.ref.id]), None)
        except ConnectorError as error:
            self._done(f"could not read the note again: {error}", ok=False)
            return
        note = next((each for each in (read.messages if read is not None else ()) if each.id == comment), None)
        if note is None:
            self._done("a second read does not show the note, so nobody can tell whether the requester sees it", ok=False)
        elif note.public:
            self._done("a second read says that the note is NOT internal: delete it, and let no rule comment here", ok=False)
        else:
            self._done("a second read says that the note is internal: the requester can't see it", ok=True)

    # --- and back ----------------------------------------------------------------------------------------------------------

    def _through(self, order: OrderRow) -> None:
        """Where the answer was lost it is waited for; whatever came of it, the rehearsal is over then."""
        hands = self._hands
        while True:
            with hands.database.reading() as db:
                now_is = orders.order(db, order.id)
                rows = operations.of_escalation(db, now_is.escalation or 0)
            if not now_is.open:
                return
            waits = [row.look_at for row in rows if row.look_at is not None and row.state is OperationState.UNKNOWN]
            if not waits:
                break
            hands.clock.sleep(max(0.2, (min(waits) - hands.source_clock.now()) / 1_000))
            hands.writer.round(order.id)
        with hands.database.transaction() as db:
            now = hands.source_clock.now()
            drop_planned(db, rows, now)
            hands.writer.end(db, orders.order(db, order.id), OrderState.FAILED, "it was broken off", now)

    def _take_back(self, back: OrderRow) -> None:
        hands = self._hands
        with hands.database.transaction() as db:
            present = orders.order(db, back.id)
            if present.state is OrderState.ORDERED:
                orders.move(db, present, OrderState.ORDERED, not_before=hands.source_clock.now())
        hands.see_through([back], alone=True)
        with hands.database.reading() as db:
            present = orders.order(db, back.id)
        if not (self._escalation.changes or self._escalation.add_labels):
            return
        if self._refused:
            return  # nothing took effect, so nothing was there to be taken back
        said = f": {present.problem}" if present.problem else ""
        self._done(f"took everything back but the note{said}", ok=present.state is OrderState.DONE and not present.problem)

    def _look_again(self) -> None:
        """Whether the ticket is as it was before."""
        try:
            read = next(self._hands.read([self.ticket.ref.id]), None)
        except ConnectorError as error:
            self._done(f"could not read the ticket again: {error}", ok=False)
            return
        names = [each.field for each in self._escalation.changes] + (["labels"] if self._escalation.add_labels else [])
        after = {} if read is None else read.fields
        other = [name for name in names if after.get(name, UNKNOWN) != self._before(name)]
        if other:
            self._done(f"read again, and not as before: {', '.join(other)}", ok=False)
        else:
            self._done("read again: the ticket's fields are as before", ok=read is not None)

    def _before(self, name: str) -> Value:
        return self.ticket.fields.get(name, UNKNOWN)

    def _done(self, said: str, *, ok: bool) -> None:
        self.found.steps.append(Did(said, ok))

    def _journal(self, order: OrderRow) -> None:
        steps = [[step.ok, journal.in_words(step.said)] for step in self.found.steps]
        with self._hands.database.transaction() as db:
            self._hands.writer.note(db, order, "rehearsed", self._hands.source_clock.now(), ok=self.found.ok, steps=steps)
