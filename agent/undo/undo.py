"""Taking back what hoist wrote: which values go back to what they were, and what stays, and why. Pure.

A value goes back only while hoist's own stands there and nobody, hoist itself included, has changed it since. Where several
escalations are taken back at once, the last one comes first, so that a value goes back as far as all of its changes were theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from agent.mirror import CLOCK_TOLERANCE
from agent.store.operations import OperationRow
from agent.store.orders import Asked
from agent.store.states import OperationState
from rules.escalation import FieldChange
from rules.instants import MINUTE, Instant
from rules.phrases import stamp
from rules.protection import OWNER, known_as
from rules.ticket import NATIVE, RESTRICTED_TO, UNKNOWN, Actor, Change, Kind, Ticket
from rules.world import Person

LANDING: Final = 10 * MINUTE
"""So long after it was sent, the source may date a change that an operation made."""
NOTE: Final = "internal note"
READ_ALREADY: Final = "it may have been read by now; a person can delete it in the helpdesk"
OPENED_BY_PEOPLE: Final = "hoist shows a ticket to more people for nobody; open it in the helpdesk"
_PEOPLE: Final = (Kind.STAFF, Kind.REQUESTER)

Others = Callable[[int, str, str], str]
"""Of an escalation by number, a field and a label (empty for other fields): why it stays for others' sake, empty if it goes."""


@dataclass(frozen=True, slots=True)
class Stays:
    """Something that is not taken back; `why` is half a sentence."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Reversal:
    """What is taken back on one ticket: `changes` go from hoist's value to the one before, `labels` are taken off."""

    changes: tuple[FieldChange, ...] = ()
    labels: tuple[str, ...] = ()
    stays: tuple[Stays, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing goes back."""
        return not (self.changes or self.labels)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reversal is judged by.

    `ticket` as read afresh, with hoist's own acts told apart; `written`: every operation that left for it; `writes`: what the
    connector can write; `people` and `zone`: by whom and in which time zone it is said.
    """

    ticket: Ticket
    written: Sequence[OperationRow]
    writes: frozenset[str]
    people: Mapping[str, Person]
    zone: ZoneInfo


def reversal(seen: Seen, chosen: Collection[int], others: Others = lambda _e, _f, _l: "") -> Reversal:
    """What goes back and what stays, where escalations with these numbers are taken back."""
    return _Reversal(seen, frozenset(chosen), others).made()


def still(seen: Seen, asked: Asked) -> Reversal:
    """Of what was asked for, that which can be done by a fresh read: no value but those that were shown is written."""
    now = reversal(seen, asked.escalations)
    changes = tuple(each for each in asked.changes if each in now.changes)
    labels = tuple(each for each in asked.labels if each in now.labels)
    reasons = {each.what: each.why for each in now.stays}
    lost = [each.field for each in asked.changes if each not in changes]
    lost += [f"label {each}" for each in asked.labels if each not in labels]
    stays = tuple(Stays(what, reasons.get(what, "it is no longer as it was when it was shown")) for what in lost)
    return Reversal(changes, labels, stays)


class _Reversal:
    """One reversal in the making."""

    def __init__(self, seen: Seen, chosen: frozenset[int], others: Others) -> None:
        self.seen, self.ticket, self.chosen, self.others = seen, seen.ticket, chosen, others
        self.done = [row for row in seen.written if row.state is OperationState.APPLIED and row.escalation in chosen]
        self.stays: dict[str, str] = {}

    def made(self) -> Reversal:
        ways = {field: self._way_back(field) for field in self._fields()}
        if owner := self._owner_since():
            back = [field for field in OWNER.intersection(ways) if isinstance(ways[field], FieldChange)]
            ways |= dict.fromkeys(back, f"{owner}, and team and person are one")
        changes = [way for way in ways.values() if isinstance(way, FieldChange)]
        self.stays = {field: way for field, way in ways.items() if isinstance(way, str)}
        reasons = {label: self._why_label_stays(label) for label in self._labels()}
        labels = [label for label, why in reasons.items() if not why]
        self.stays |= {f"label {label}": why for label, why in reasons.items() if why}
        if any(row.operation.comment for row in self.done):
            self.stays[NOTE] = READ_ALREADY
        return Reversal(tuple(changes), tuple(labels), tuple(Stays(what, why) for what, why in self.stays.items()))

    def _fields(self) -> list[str]:
        return list(dict.fromkeys(change.field for row in self.done for change in row.operation.changes))

    def _labels(self) -> list[str]:
        return sorted({label for row in self.done for label in row.operation.add_labels})

    # --- one field -----------------------------------------------------------------------------------------------------

    def _way_back(self, field: str) -> FieldChange | str:
        """The field's way back, or why it stays."""
        if field == RESTRICTED_TO:
            return OPENED_BY_PEOPLE
        if (NATIVE.rstrip(".") if field.startswith(NATIVE) else field) not in self.seen.writes:
            return "hoist can't write it in this source"
        moves = [change for change in self.ticket.changes if change.field == field]
        if not moves:
            return "the helpdesk's own record shows no change of it"
        if why := self._why_not_ours(moves[-1]):
            return why
        now, then = self.ticket.fields.get(field, UNKNOWN), self._before(moves).old
        if now != moves[-1].new:
            return "it is another value by now, of which the helpdesk's record does not tell"
        if then is UNKNOWN:
            return "what it was before is not known"
        return "it is what it was before" if then == now else FieldChange(field, now, then)

    def _before(self, moves: Sequence[Change]) -> Change:
        """The first of the changes at the end of a field's history that are all to be taken back."""
        first = moves[-1]
        for change in reversed(moves[:-1]):
            if change.new != first.old or self._why_not_ours(change):
                break
            first = change
        return first

    def _why_not_ours(self, change: Change, label: str = "") -> str:
        """Why a change is none of those that are taken back; empty where it is one."""
        if change.by.kind is not Kind.HOIST:
            return f"{self._who(change.by)} changed it at {self._stamp(change.at)}"
        row = self._operation_of(change)
        if row is None or row.escalation not in self.chosen:
            return f"hoist wrote it for something else at {self._stamp(change.at)}"
        if row.undoes:
            return f"hoist put back somebody's value at {self._stamp(change.at)}"
        return self.others(row.escalation, change.field, label)

    def _operation_of(self, change: Change) -> OperationRow | None:
        """The operation that made a change: of several that could have, the one that was sent last."""
        made = [row for row in self.seen.written if _made(row, change)]
        return max(made, key=lambda row: row.sent_at or 0, default=None)

    # --- one label -----------------------------------------------------------------------------------------------------

    def _why_label_stays(self, label: str) -> str:
        """Why a label is not taken off; empty where it is."""
        if label not in _labels_of(self.ticket.fields.get("labels")):
            return "it is no longer there"
        if "remove_labels" not in self.seen.writes:
            return "hoist can't take labels off in this source"
        moves = [each for each in self.ticket.changes if each.field == "labels" and _moves(each, label)]
        return self._why_not_ours(moves[-1], label) if moves else "the helpdesk's own record does not tell who set it"

    # --- who owns it by now --------------------------------------------------------------------------------------------

    def _owner_since(self) -> str:
        """Who has taken or moved the ticket since hoist moved it, as a sentence; nobody: empty."""
        since: Change | None = None
        for change in self.ticket.changes:
            if change.field not in OWNER:
                continue
            ours = change.by.kind is Kind.HOIST and not self._why_not_ours(change)
            if ours:
                since = None
            elif change.by.kind in _PEOPLE:
                since = change
        if since is None or not any(row for row in self.done for each in row.operation.changes if each.field in OWNER):
            return ""
        took = since.field == "assignee" and since.new == since.by.id
        return f"{self._who(since.by)} {'took it' if took else 'changed its owner'} at {self._stamp(since.at)}"

    # --- in words ------------------------------------------------------------------------------------------------------

    def _stamp(self, at: Instant) -> str:
        return stamp(at, self.seen.zone)

    def _who(self, actor: Actor) -> str:
        if actor.kind not in _PEOPLE:
            return "an automation of the helpdesk"
        return known_as(self.seen.people, actor) or "a person"


def _made(row: OperationRow, change: Change) -> bool:
    if row.sent_at is None:
        return False
    until = max(row.settled_at or 0, row.sent_at + LANDING) + CLOCK_TOLERANCE
    if not row.sent_at - CLOCK_TOLERANCE <= change.at <= until:
        return False
    if change.field == "labels":
        on = _labels_of(change.new) - _labels_of(change.old)
        return bool(on) and on <= set(row.operation.add_labels)
    return any(each.field == change.field and each.new == change.new for each in row.operation.changes)


def _moves(change: Change, label: str) -> bool:
    return (label in _labels_of(change.old)) != (label in _labels_of(change.new))


def _labels_of(value: object) -> set[str]:
    return set(value) if isinstance(value, tuple) else set()
