"""Escalations as decided, and their operations: one row per request, committed as sent before its first byte leaves."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, select, update

from agent.store import journal
from agent.store.statements import Prepared, among, carried_out_for_each, insert_text, listed, one_of
from agent.store.states import OPERATION_MOVES, OperationState
from agent.store.tables import escalations, operations
from rules.escalation import Escalation, FieldChange, Operation, OperationKind
from rules.instants import Instant
from rules.ticket import TicketRef, Value


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation with its state.

    `fence` rises each time it is committed as sent. `undoes` is the key of the operation whose overwriting this one puts back.
    `accepted_at`: server time of the platform's yes, where one came. `look_at`: from when on the marker of an unknown outcome
    may be looked for.
    """

    operation: Operation
    escalation: int
    position: int
    state: OperationState
    fence: int
    undoes: str
    sent_at: Instant | None
    accepted_at: Instant | None
    look_at: Instant | None
    settled_at: Instant | None
    native_id: str
    problem: str


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
FORGOTTEN_AT_MOST = 1_000_000
"""Escalations that a store which was restored from a backup may have forgotten."""

_ADD = Prepared(insert(escalations).values({name: bindparam(name) for name in ("source", "ticket", "confirmed_at", "body")}))
_ADD_OPERATIONS = insert_text(
    insert(operations), ["key", "escalation", "position", "source", "ticket", "kind", "state", "body", "undoes"]
)
_ALL = select(operations).order_by(operations.c.escalation, operations.c.position)
_OF_SOURCE = operations.c.source == bindparam("source")
_COUNT = Prepared(select(func.count()).select_from(operations).where(operations.c.escalation == bindparam("escalation")))
_OF_ESCALATION = Prepared(_ALL.where(operations.c.escalation == bindparam("escalation")))
_OF_THIS = operations.c.escalation == bindparam("escalation")
_IS_PLANNED = operations.c.state == OperationState.PLANNED
_NEXT_PLANNED = Prepared(_ALL.where(_OF_THIS, _IS_PLANNED).limit(1))
_ANY_PLANNED = Prepared(select(operations.c.key).where(_OF_THIS, _IS_PLANNED).limit(1))
_UNDER_WAY = Prepared(
    select(operations.c.key).where(_OF_THIS, among(operations.c.state, (OperationState.SENT, OperationState.UNKNOWN))).limit(1)
)
_OF_TICKET = Prepared(_ALL.where(_OF_SOURCE, operations.c.ticket == bindparam("ticket")))
_THAT_LEFT = Prepared(_ALL.where(_OF_SOURCE, one_of(operations.c.ticket, "ids"), operations.c.sent_at.is_not(None)))
_IN_STATE = Prepared(_ALL.where(_OF_SOURCE, operations.c.state == bindparam("state")))
_RIPE = Prepared(
    select(operations)
    .where(_OF_SOURCE, operations.c.state == OperationState.UNKNOWN, operations.c.look_at <= bindparam("at"))
    .order_by(operations.c.look_at)
)
_SEEN = and_(
    operations.c.key == bindparam("at_key"), operations.c.state == bindparam("was"), operations.c.fence == bindparam("under")
)
_STANDS = Prepared(select(operations.c.key).where(_SEEN))
_LOOK_LATER = Prepared(update(operations).where(_SEEN).values(look_at=bindparam("to_look_at")))


def add(db: Connection, escalation: Escalation, confirmed_at: Instant) -> int:
    """Keep an escalation as decided; gives its number."""
    ticket, body = escalation.ticket, json.dumps(escalation, ensure_ascii=False, default=_parts)
    added = _ADD(db, source=ticket.source, ticket=ticket.id, confirmed_at=confirmed_at, body=body)
    return int(added.lastrowid)


def _parts(value: Any) -> dict[str, Any]:
    """Of a dataclass within JSON, as `asdict` has it, which copies all that it finds."""
    return {each.name: getattr(value, each.name) for each in fields(value)}


def skip_numbers(db: Connection, source: str) -> None:
    """No escalation to come bears a number that one may have borne which this store has forgotten."""
    highest = db.execute(select(func.coalesce(func.max(escalations.c.id), 0))).scalar_one()
    values = {"id": highest + FORGOTTEN_AT_MOST, "source": source, "ticket": "", "confirmed_at": 0, "body": "{}"}
    db.execute(insert(escalations).values(values))


def add_operations(db: Connection, escalation: int, made: Sequence[Operation], *, undoes: str = "") -> list[OperationRow]:
    """Keep operations of an escalation, after those that it has, with a line in the journal; gives them as they are planned.

    Raises sqlite3.IntegrityError where a key is there already.
    """
    first = int(_COUNT(db, escalation=escalation).scalar_one())
    rows = [
        (each.key, escalation, place, each.ticket.source, each.ticket.id, each.kind, OperationState.PLANNED, _body(each), undoes)
        for place, each in enumerate(made, first)
    ]
    if rows:
        carried_out_for_each(db, _ADD_OPERATIONS, rows)
        told = {"state": OperationState.PLANNED, "operations": [each.key for each in made], "escalation": escalation}
        more = {"undoes": undoes} if undoes else {}
        ticket = made[0].ticket
        journal.append(db, "requests-planned", made[0].planned_at, ticket.source, ticket.id, **told, **more)
    planned = OperationState.PLANNED, 0, undoes, None, None, None, None, "", ""
    return [OperationRow(each, escalation, place, *planned) for place, each in enumerate(made, first)]


def move(
    db: Connection,
    row: OperationRow,
    to: OperationState,
    at: Instant,
    told: Mapping[str, Any] = _NOTHING,
    kind: str = "",
    /,
    **values: Any,
) -> bool:
    """Move an operation if it is still in the state and under the fence that the caller saw; False where it is not.

    The journal gets a line of this `kind` (by default that of the operation and the state), dated `at`, with whatever else is to
    be `told`. Raises ValueError for a move that the table of states does not allow.
    """
    operation = row.operation
    if to not in OPERATION_MOVES[row.state]:
        raise ValueError(f"{operation.key}: {row.state} -> {to} is no allowed move")
    named = {f"to_{name}": value for name, value in values.items()}
    if _moving(tuple(values))(db, **_seen(row), to_state=to, **named).rowcount != 1:
        return False
    line = {"operation": operation.key, "was": row.state, "state": to, **told}
    journal.append(db, kind or f"{operation.kind}-{to}", at, operation.ticket.source, operation.ticket.id, **line)
    return True


@cache
def _moving(names: tuple[str, ...]) -> Prepared:
    return Prepared(update(operations).where(_SEEN).values({name: bindparam(f"to_{name}") for name in ("state", *names)}))


def stands(db: Connection, row: OperationRow) -> bool:
    """Whether an operation is still in the state and under the fence that the caller saw."""
    return _STANDS(db, **_seen(row)).scalar() is not None


def commit_next(db: Connection, escalation: int, now: Instant) -> OperationRow | None:
    """Mark the next planned operation as sent and give it; None where none is left, or one is still under way."""
    planned = next(iter(_found(_NEXT_PLANNED(db, escalation=escalation))), None)
    if planned is None or _UNDER_WAY(db, escalation=escalation).scalar() is not None:
        return None
    return commit(db, planned, now)


def commit(db: Connection, planned: OperationRow, now: Instant) -> OperationRow | None:
    """Mark a planned operation as sent and give it as it is then; None where it is no longer as the caller saw it."""
    sent = replace(planned, state=OperationState.SENT, fence=planned.fence + 1, sent_at=now)
    return sent if move(db, planned, OperationState.SENT, now, fence=sent.fence, sent_at=now) else None


def more_to_send(db: Connection, escalation: int) -> bool:
    """Whether an escalation has an operation that was not sent yet."""
    return _ANY_PLANNED(db, escalation=escalation).scalar() is not None


def look_later(db: Connection, row: OperationRow, look_at: Instant) -> None:
    """The marker of an unknown outcome could not be looked for; again at `look_at`."""
    _LOOK_LATER(db, **_seen(row), to_look_at=look_at)


def of_escalation(db: Connection, escalation: int) -> list[OperationRow]:
    """The operations of an escalation in the order in which they are sent."""
    return _found(_OF_ESCALATION(db, escalation=escalation))


def of_ticket(db: Connection, source: str, ticket: str) -> list[OperationRow]:
    """All operations that were ever made for a ticket."""
    return _found(_OF_TICKET(db, source=source, ticket=ticket))


def that_may_have_left(db: Connection, source: str, ids: Collection[str]) -> dict[str, list[OperationRow]]:
    """By ticket: operations that left or may have left; what a change by hoist's own account is compared with."""
    found: dict[str, list[OperationRow]] = {}
    for row in _found(_THAT_LEFT(db, source=source, ids=listed(ids))):
        found.setdefault(row.operation.ticket.id, []).append(row)
    return found


def overruled_in(db: Connection, escalation: int) -> set[tuple[str, str]]:
    """The wishes that lost within an escalation: rule and field."""
    text = db.execute(select(escalations.c.body).where(escalations.c.id == escalation)).scalar() or "{}"
    return {(lost["firing"]["rule"], lost["field"]) for lost in json.loads(text).get("overruled", ())}


def left(db: Connection, source: str, ticket: str, marker: str) -> bool:
    """Whether this store knows the operation of a marker. A platform may copy it to another ticket, where that is cloned."""
    if any(row.operation.marker == marker for row in of_ticket(db, source, ticket)):
        return True
    anywhere = (operations.c.source == source, operations.c.body.contains(marker, autoescape=True))
    return db.execute(select(operations.c.key).where(*anywhere).limit(1)).scalar() is not None


def in_state(db: Connection, source: str, state: OperationState) -> list[OperationRow]:
    """The operations of a source that are in a state."""
    return _found(_IN_STATE(db, source=source, state=state))


def ripe(db: Connection, source: str, now: Instant) -> list[OperationRow]:
    """The operations of unknown outcome whose markers may be looked for, the one that waits longest first."""
    return _found(_RIPE(db, source=source, at=now))


def _seen(row: OperationRow) -> dict[str, Any]:
    """The values of `_SEEN`."""
    return {"at_key": row.operation.key, "was": row.state, "under": row.fence}


def _found(rows: Iterable[Row[Any]]) -> list[OperationRow]:
    return [
        OperationRow(
            _operation(row.key, row.kind, TicketRef(row.source, row.ticket), row.body),
            row.escalation,
            row.position,
            OperationState(row.state),
            row.fence,
            row.undoes,
            row.sent_at,
            row.accepted_at,
            row.look_at,
            row.settled_at,
            row.native_id,
            row.problem,
        )
        for row in rows
    ]


def _body(operation: Operation) -> str:
    changes = [(c.field, c.old, c.new) for c in operation.changes]
    parts = {
        "marker": operation.marker,
        "firings": operation.firing_markers,
        "changes": changes,
        "labels": operation.add_labels,
        "comment": operation.comment,
        "planned_at": operation.planned_at,
        "base": operation.base,
    }
    if operation.order or operation.remove_labels:
        parts |= {"off": operation.remove_labels, "order": operation.order, "ordered_by": operation.ordered_by}
    return json.dumps(parts, ensure_ascii=False)


def _operation(key: str, kind: str, ticket: TicketRef, body: str) -> Operation:
    parts = json.loads(body)
    return Operation(
        key,
        OperationKind(kind),
        ticket,
        parts["marker"],
        tuple(parts["firings"]),
        tuple(FieldChange(field, _value(old), _value(new)) for field, old, new in parts["changes"]),
        tuple(parts["labels"]),
        parts["comment"],
        parts["planned_at"],
        parts.get("base", ""),
        remove_labels=tuple(parts.get("off", ())),
        order=parts.get("order", 0),
        ordered_by=parts.get("ordered_by", ""),
    )


def _value(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value
