"""The outbox stage: what was decided becomes operations; each is committed as sent, sent once, and verified.

The order of commits is the promise. A row is claimed under a lease; the ticket is read afresh; one transaction keeps that read,
drops what is no longer true, and marks the first operation as *sent*; only then does a byte leave. Whatever happens afterwards
can be told from the store and the source: the marker that travels with the effect says whether it took place. What follows from
an outcome is recorded by `agent.write_back.settling`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from sqlalchemy import Connection

from agent.store import episodes, journal, mirrored, operations, waiting
from agent.store.journal import Personal
from agent.store.operations import OperationRow
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from connectors.budget import LONGEST_TURN
from connectors.contract import Connector, Verification
from connectors.errors import AskAdmin, Conflict, ConnectorError, Gone, OutcomeUnknown, TicketBusy, TryLater
from rules.due_step import DueStep
from rules.escalation import Escalation, FieldChange, Kept, Notice, Operation, OperationKind
from rules.gates import Closed
from rules.instants import MINUTE, Instant, written

LEASE = 3 * MINUTE
"""How long a worker may hold a row: longer than a read may be old and a request may take, one after the other."""
READ_AGE_LIMIT = 10.0
"""Seconds after which a fresh read no longer backs a write."""
HAND_OVER_LIMIT = READ_AGE_LIMIT - LONGEST_TURN
"""Seconds after which a write is not handed to the connector any more: it may wait there for its turn."""
READ_ONCE_MORE = 1.0
"""Seconds after which a read is later than what was written before it, by the Date headers of both."""
UNREADABLE_PAUSE = 60.0
"""Seconds after which a ticket is read again that could not be read as a whole."""


class Outcome(Enum):
    """What came of sending one operation."""

    APPLIED = "applied"
    NOT_SENT = "not sent"  # nothing took effect; later again
    UNKNOWN = "unknown"
    LOOK_AGAIN = "look again"  # the record could not be read just now
    OVERWROTE = "overwrote"  # a person's value was replaced
    OVERTAKEN = "overtaken"  # a value that was to be put back had been changed again; nothing was sent
    OTHERWISE = "otherwise"  # it took effect, and not as it was meant
    REFUSED = "refused"
    DEPARTED = "departed"  # refused, since the team that was to get the ticket is no longer there
    GONE = "gone"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Result:
    """An outcome with what there is to say about it.

    `seconds`: wait at least so long. `accepted_at`: server time of the platform's yes. `at`: the source's time of the effect.
    `error`: what the whole source must rest for. `departed`: the source's id of a team that is no longer there.
    """

    outcome: Outcome
    said: str = ""
    seconds: float = 0.0
    accepted_at: Instant | None = None
    at: Instant | None = None
    native_id: str = ""
    verification: Verification | None = None
    error: ConnectorError | None = None
    departed: str = ""


# --- before the first byte -------------------------------------------------------------------------------------------


def operations_of(
    escalation: Escalation,
    at: Instant,
    mark: Callable[[str], str],
    number: int,
    *,
    base: str = "",
    together: bool = False,
) -> list[Operation]:
    """The requests of the escalation with that number, in order: the comment speaks of what has been verified before it.

    `together`: of a platform that carries out both or neither, the comment leaves with the fields. `base` is the version of the
    ticket that was read; what comes after the first request rests on none, since that moved it.
    """
    ticket, firings = escalation.ticket, tuple(mark(str(key)) for key in escalation.firings)
    changes, labels, comment = escalation.changes, escalation.add_labels, escalation.comment
    parts: list[tuple[OperationKind, dict[str, Any]]] = []
    if escalation.restriction is not None:
        parts.append((OperationKind.RESTRICTION, {"changes": (escalation.restriction,)}))
    joined = together and bool(comment) and bool(changes or labels)
    if changes or labels:
        beside = {"comment": comment} if joined else {}
        parts.append((OperationKind.FIELDS, {"changes": changes, "add_labels": labels, **beside}))
    if comment and not joined:
        parts.append((OperationKind.COMMENT, {"comment": comment}))
    made: list[Operation] = []
    for kind, what in parts:
        key = f"{ticket}/{number}/{kind}"
        made.append(Operation(key, kind, ticket, mark(key), firings, planned_at=at, base="" if made else base, **what))
    return made


def decided(
    db: Connection,
    rows: Sequence[WaitingRow],
    steps: Sequence[DueStep],
    escalation: Escalation,
    confirmed_at: Instant,
    make: Callable[[int], Sequence[Operation]],
    now: Instant,
    *,
    rests_on: Mapping[str, Any],
) -> OperationRow | None:
    """Record an escalation, and mark its rows and its first operation as sent; gives that operation, None where it has none.

    `rows` are held by the caller; `steps` are theirs, one each, and name them from now on. `make(number)` gives the operations of
    the escalation with that number. `rests_on`: what the journal tells of that on which it rests (`agent.recording`).
    """
    number = operations.add(db, escalation, confirmed_at)
    planned = operations.add_operations(db, number, make(number))
    first = operations.commit(db, planned[0], now) if planned else None
    place = {"escalation": number, "confirmed_at": confirmed_at}
    for row, step in zip(rows, steps, strict=True):
        key = step.key
        episodes.confirm(db, key.source, key.ticket, key.rule, key.episode, confirmed_at, step.steps)
        if first is not None:
            waiting.move(db, row, RowState.SENT, now, step=key.step, not_before=now + LEASE, **place)
        else:
            nothing = "there was nothing to write"
            waiting.move(db, row, RowState.APPLIED, now, step=key.step, settled_at=confirmed_at, problem=nothing, **place)
            episodes.apply(db, key.source, key.ticket, key.rule, key.episode, confirmed_at)
    _journal_decision(db, steps, escalation, number, confirmed_at, rests_on)
    return first


def supersede(db: Connection, row: WaitingRow, at: Instant, reason: str, *, run: int | None = None) -> None:
    """This row is not to be written at `at`; should its episode be seen alive again, it is planned anew.

    `run`: the one with which it was held, and in which nobody approved it; then only a further step is planned.
    """
    anew = {"run": run, "let_at": None, "approved": None}
    source, ticket = row.key.source, row.key.ticket
    told = {"because": {str(row.key): list(row.because)}, "revision": mirrored.revision(db, source, ticket)}
    waiting.move(db, row, RowState.SUPERSEDED, at, told, settled_at=at, confirmed_at=at, problem=reason, **anew)


def overrule(db: Connection, row: WaitingRow, step: DueStep, kept: Sequence[Kept], at: Instant) -> None:
    """All that this row was to write is a person's by now. It counts as done, so that its ladder goes on and tells."""
    key, said = step.key, "; ".join(dict.fromkeys(each.said for each in kept))
    told = {"left": [_left(each) for each in kept]}
    waiting.move(db, row, RowState.OVERRULED, at, told, step=key.step, settled_at=at, confirmed_at=at, problem=said)
    episodes.confirm(db, key.source, key.ticket, key.rule, key.episode, at, step.steps)
    episodes.apply(db, key.source, key.ticket, key.rule, key.episode, at)


def hold(db: Connection, row: WaitingRow, gate: Closed, at: Instant) -> None:
    """Nothing leaves before the gate opens; the evaluation looks for that."""
    waiting.move(db, row, RowState.HELD, at, problem=str(gate), run=None, let_at=None)


def leave(db: Connection, row: WaitingRow, reason: str, now: Instant) -> None:
    """It is left to a person."""
    waiting.move(db, row, RowState.BACKLOG, now, problem=reason)


def postpone(db: Connection, rows: Sequence[WaitingRow], at: Instant, not_before: Instant, reason: str = "") -> None:
    """Nothing left; later again."""
    for row in rows:
        waiting.move(db, row, RowState.PLANNED, at, not_before=not_before, problem=reason)


def _journal_decision(
    db: Connection, steps: Sequence[DueStep], escalation: Escalation, number: int, at: Instant, rests_on: Mapping[str, Any]
) -> None:
    journal.append(
        db,
        "escalated",
        at,
        escalation.ticket.source,
        escalation.ticket.id,
        escalation=number,
        **rests_on,
        texts={str(step.key): step.text for step in steps if step.text},
        because={str(step.key): list(step.because) for step in steps},
        fields=[_moved(each) for each in (escalation.restriction, *escalation.changes) if each is not None],
        labels=list(escalation.add_labels),
        findings=_findings(escalation),
        overruled=[[str(o.firing), o.field, o.by_rule] for o in escalation.overruled],
        notices=[_notice(each) for each in escalation.notices],
        proposals=list(escalation.proposals),
        at_provider=[[r.deed, r.provider] for r in escalation.at_provider],
    )


def _findings(escalation: Escalation) -> list[Any]:
    """Those that are about a person go by them."""
    people = {each.said: each.by for each in escalation.kept}
    return [Personal(said, people[said]) if said in people else journal.in_words(said) for said in escalation.findings]


def _left(kept: Kept) -> list[Any]:
    return [kept.field, Personal(kept.by), Personal(kept.said, kept.by)]


def _moved(change: FieldChange) -> list[Any]:
    return [change.field, *(journal.of_field(change.field, value) for value in (change.old, change.new))]


def _notice(notice: Notice) -> dict[str, Any]:
    """Who was meant and who that was; how many they are where their names are not for everybody's eyes."""
    told = {
        "kind": notice.kind,
        "to": notice.to,
        "found": len(notice.addresses),
        "people": [Personal(each) for each in notice.people],
    }
    more = {"until": notice.until, "instead": notice.instead or None}
    return told | {name: value for name, value in more.items() if value is not None}


# --- sending -----------------------------------------------------------------------------------------------------------


def send(connector: Connector, operation: Operation) -> Result:
    """Send one operation, once, and read the platform's own record of it. Touches no store."""
    try:
        receipt = connector.write(operation)
    except TicketBusy as error:  # others may go on
        return Result(Outcome.NOT_SENT, str(error), seconds_of(error))
    except (TryLater, AskAdmin) as error:
        return Result(Outcome.NOT_SENT, str(error), seconds_of(error), error=error)
    except OutcomeUnknown as error:
        return Result(Outcome.UNKNOWN, str(error))
    except Conflict as error:
        return Result(Outcome.CONFLICT, str(error))
    except Gone as error:
        return Result(Outcome.GONE, str(error))
    except ConnectorError as error:  # GiveUp, Unsupported
        return Result(Outcome.REFUSED, str(error))
    accepted = Result(Outcome.APPLIED, accepted_at=receipt.server_time, native_id=receipt.native_id)
    return _verified(connector, operation, accepted, receipt.server_time)


def put_back(connector: Connector, operation: Operation) -> Result:
    """Send an operation that puts a person's values back, if hoist's values still stand there."""
    try:
        reading = connector.read([operation.ticket.id])
    except ConnectorError as error:
        return Result(Outcome.NOT_SENT, str(error), seconds_of(error), error=error)
    ours = {change.field: change.old for change in operation.changes}
    for ticket in reading.tickets:
        if all(ticket.fields.get(name) == value for name, value in ours.items()):
            return send(connector, operation)
        if reading.server_time <= operation.planned_at:  # it may show the ticket as it was before hoist wrote
            return Result(Outcome.NOT_SENT, "the ticket is read once more, later than hoist wrote to it", READ_ONCE_MORE)
        return Result(Outcome.OVERTAKEN, "somebody changed it again meanwhile; it was left alone")
    if operation.ticket.id in reading.gone:
        return Result(
            Outcome.GONE, f"{operation.ticket} is gone: a person's change was overwritten, and there is nothing to put back"
        )
    return Result(Outcome.NOT_SENT, f"{operation.ticket} could not be read as a whole", UNREADABLE_PAUSE)


def looked_for(connector: Connector, row: OperationRow) -> Result:
    """What became of an operation whose outcome is unknown, its waiting time being over.

    Absence proves now that a request without an answer never took effect. One that the platform had accepted is not sent a second
    time: its effect was made, and the record does not show it.
    """
    accepted = None
    if row.accepted_at is not None:
        accepted = Result(Outcome.APPLIED, accepted_at=row.accepted_at, native_id=row.native_id)
    result = _verified(connector, row.operation, accepted, row.look_at or 0)
    if result.outcome is Outcome.UNKNOWN:
        return replace(result, outcome=Outcome.REFUSED, said=f"{result.said}: look at the ticket; it is not sent again")
    return result


def seconds_of(error: ConnectorError) -> float:
    """Seconds that a source rests after an error."""
    return error.seconds if isinstance(error, TryLater) else 60.0


def _verified(connector: Connector, operation: Operation, accepted: Result | None, since: Instant) -> Result:
    """What the platform's own record says; `accepted` is the platform's answer to the write, None where it was lost.

    A record that does not show an accepted write leaves its outcome open. One of before `since`, as a proxy in between may give
    it out of its cache, says nothing.
    """
    known = accepted or Result(Outcome.NOT_SENT, "the request never took effect")
    try:
        found = connector.verify(operation)
    except (TryLater, OutcomeUnknown, AskAdmin) as error:
        said = f"the record of the write could not be read yet: {error}"
        return replace(known, outcome=Outcome.LOOK_AGAIN, said=said, seconds=seconds_of(error), error=error)
    except Gone as error:
        return Result(Outcome.GONE, str(error))
    except ConnectorError as error:
        return Result(Outcome.REFUSED, f"the write can't be verified: {error}")
    if found.server_time is not None and found.server_time < since - connector.capabilities.date_resolution:
        said = f"the record of the write is one of {written(found.server_time)}, from a cache on the way; it is asked for again"
        return replace(known, outcome=Outcome.LOOK_AGAIN, said=said, seconds=UNREADABLE_PAUSE)
    if found.found is None:
        said = "; ".join(("nobody can tell whether the write took effect: its marker can't be read", *found.problems))
        return Result(Outcome.REFUSED, f"{said}. Look at the ticket")
    if not found.found:
        if accepted is None:
            return known
        return replace(known, outcome=Outcome.UNKNOWN, said="the platform accepted the write, and its record does not show it")
    return _as_recorded(operation, known, found)


def _as_recorded(operation: Operation, known: Result, found: Verification) -> Result:
    outcome = Outcome.APPLIED
    if found.overwritten:
        outcome = Outcome.OVERWROTE
    elif found.problems and operation.kind is not OperationKind.COMMENT:
        outcome = Outcome.OTHERWISE  # what comes after it rests on it: a comment that speaks of it would not be true
    return replace(
        known,
        outcome=outcome,
        said="; ".join(found.problems),
        at=found.at if found.at is not None else known.accepted_at,
        native_id=found.native_id or known.native_id,
        verification=found,
    )
