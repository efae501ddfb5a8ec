"""A task's row, audit rows, journal, service levels and tags as a ticket. Pure: the same answers give the same ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.contract import Mark
from connectors.servicenow import history, wire
from connectors.servicenow.history import Save
from connectors.servicenow.marking import is_marker_alone, last_mark
from connectors.servicenow.service_levels import targets
from connectors.servicenow.states import States
from connectors.servicenow.wire import Row
from rules.instants import Instant
from rules.thanks import only_thanks
from rules.ticket import NATIVE, UNKNOWN, Actor, Change, Kind, Message, Status, Ticket, TicketRef, Unknown, Value

DESCRIPTION_LIMIT: Final = 8_000
TEXT_LIMIT: Final = 255

ESSENTIAL: Final = ("sys_id", "number", "sys_created_on", "sys_updated_on", "sys_mod_count", "state")
"""Columns without which a row is no ticket."""
OPTIONAL: Final = (
    "sys_class_name",
    "hold_reason",
    "on_hold",
    "category",
    "due_date",
    "company",
    "business_service",
    "cmdb_ci",
    "approval",
)
"""Columns that not every table has, or that a desk can do without."""
WANTED: Final = ("active", "priority", "impact", "urgency", "assignment_group", "assigned_to", "short_description", "description")
"""Columns that every task has; where one is hidden from hoist's account an administrator is told."""
ALWAYS_NATIVE: Final = ("impact", "urgency", "hold_reason", "category")
"""Columns that rules can ask for as `native.NAME` without being configured."""

READ: Final = frozenset((
    "status", "native_status", "priority", "team", "assignee", "requester", "type", "project", "service", "subject",
    "description", "due", "organisation", "approval", "last_comment",
))  # fmt: skip
"""Fields of a ticket that come of a row and its journal."""

_DIRECT: Final = {"priority": "priority", "assignment_group": "team", "assigned_to": "assignee"}
"""Columns whose values are the values of a field of the model, and so are those of their audit rows."""
_TEXTS: Final = (("short_description", "subject", TEXT_LIMIT), ("description", "description", DESCRIPTION_LIMIT))
_SHOWN: Final = (
    ("status", "state"), ("hold_reason", "hold_reason"), ("type", "sys_class_name"), ("priority", "priority"),
    ("team", "assignment_group"), ("assignee", "assigned_to"), ("requester", "caller_id"),
)  # fmt: skip
"""Native values beside the normalised ones: under which name the label of which column."""
_STATE: Final = frozenset({"state", "hold_reason", "on_hold"})
_ECHOES: Final = frozenset({"incident_state", "problem_state", "active", "reassignment_count", "business_stc", "calendar_stc"})
"""Columns that the platform moves by itself beside another one: alone they are nobody's touch."""
_APPROVALS: Final = {"requested": "waiting", "approved": "approved", "rejected": "declined"}
_SYSTEM: Final = frozenset({"", "system"})
_NOBODY: Final = Actor("", Kind.AUTOMATION)
_PEOPLE: Final = frozenset((Kind.STAFF, Kind.REQUESTER))


@dataclass(frozen=True, slots=True)
class User:
    """An account of the instance; `program` says that the instance itself marks it as one of a program."""

    id: str
    user_name: str
    name: str = ""
    email: str = ""
    active: bool = True
    manager: str = ""
    program: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """What an instance's rows are read with. `requesters` names a table's requester column, `automation` user names."""

    source: str
    url: str
    own: User
    states: States
    requesters: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    automation: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Parts:
    """What belongs to one row; levels and tags are None where they are not read."""

    audit: Sequence[Row]
    journal: Sequence[Row]
    levels: Sequence[Row] | None = None
    tags: Sequence[Row] | None = None


class Unmappable(Exception):
    """A row that is no ticket, with the reason."""


def row_version(row: Row) -> str:
    """The version of a row: its count of updates and the time of the last one."""
    return f"{wire.text(row, 'sys_mod_count')}@{wire.text(row, 'sys_updated_on')}"


def unmappable(row: Row) -> str:
    """Why a row is no ticket; empty where it is one."""
    for column in ESSENTIAL:
        value = wire.cell(row, column)
        if value is None:
            return f"its column {column} is hidden from hoist's account"
        if not value and column != "state":
            return f"its column {column} is empty"
    if not wire.SYS_ID.fullmatch(wire.text(row, "sys_id")):
        return f"its sys_id is not 32 hexadecimal digits: {wire.text(row, 'sys_id')[:40]!r}"
    for column in ("sys_created_on", "sys_updated_on"):
        if wire.stamp_or_none(wire.text(row, column)) is None:
            return f"its {column} is no time in UTC: {wire.text(row, column)[:40]!r}"
    return ""


class Mapper:
    """Makes tickets of rows that were read together.

    `known` is the server time of the earliest answer that they are made of; `users` are the accounts met, by user name.
    """

    def __init__(self, instance: Instance, users: Mapping[str, User], known: Instant) -> None:
        self._instance, self._users, self._known = instance, users, known
        self._native = [(column, f"{NATIVE}{column}") for column in dict.fromkeys((*ALWAYS_NATIVE, *instance.columns))]
        self._actors: dict[tuple[str, bool], Actor] = {}
        self._states: dict[tuple[str, ...], Status | Unknown] = {}

    def ticket(self, row: Row, parts: Parts) -> Ticket:
        """The ticket of a row with its whole history. Raises Unmappable."""
        plain = wire.plain(row)
        if reason := unmappable(plain):
            raise Unmappable(reason)
        instance, known = self._instance, self._known
        table, id_ = plain["sys_class_name"], plain["sys_id"]
        created = wire.stamp(plain["sys_created_on"])
        values = self._values(table, plain, row)
        requester = values.get("requester")
        saves = history.without_later(history.saves(parts.audit), plain)
        changes = self._changes(table, plain, row, saves, requester)
        messages, values["last_comment"] = self._messages(parts.journal, requester)
        if parts.tags is not None:
            values["labels"] = _names(parts.tags)
            changes += self._labelled(parts.tags, created, requester)
        if parts.levels is not None:
            due, moved = targets(parts.levels)
            values |= due
            for number, move in enumerate(each for each in moved if each.at > created):  # a ticket begins with what it began with
                by, save = _NOBODY, f"sla.{move.at}"
                changes.append(Change(move.at, known, 1_000 + number, save, move.field, move.old, move.new, by))
        changes.sort(key=lambda change: (change.at, change.sequence))
        return Ticket(
            ref=TicketRef(instance.source, id_),
            key=plain["number"],
            url=f"{instance.url}/nav_to.do?uri={table}.do%3Fsys_id%3D{id_}",
            version=row_version(plain),
            created=created,
            known=known,
            fields=values,
            changes=tuple(changes),
            messages=messages,
            complete_from=created,
            native=_native(row),
        )

    def _values(self, table: str, plain: Mapping[str, str], row: Row) -> dict[str, Value]:
        """The present values; a column that is hidden gives no field, which makes it unknown."""
        requester = self._instance.requesters.get(table, "opened_by")
        found: dict[str, Value] = {
            "status": self._present_status(table, plain, row),
            "native_status": native_status(table, plain["state"]),
            "type": wire.label(row, "sys_class_name") or None,
            "project": table,
        }
        for column, name in (*_DIRECT.items(), (requester, "requester")):
            if column in plain:
                found[name] = plain[column] or None
        for column, name, limit in _TEXTS:
            if column in plain:
                found[name] = plain[column][:limit] or None
        if "due_date" in plain:
            found["due"] = _instant(plain["due_date"])
        if "approval" in plain:
            found["approval"] = _APPROVALS.get(plain["approval"])
        if "company" in plain:
            found["organisation"] = wire.label(row, "company") or None
        if "business_service" in plain or "cmdb_ci" in plain:
            found["service"] = wire.label(row, "business_service") or wire.label(row, "cmdb_ci") or None
        for column, name in self._native:
            if column in plain:
                found[name] = plain[column] or None
        return found

    def _present_status(self, table: str, plain: Mapping[str, str], row: Row) -> Value:
        """By the label that the row itself shows where the instance's choices don't know its state."""
        columns = {column: plain.get(column, "") for column in _STATE}
        shown, active = wire.label(row, "state"), plain.get("active", "true").casefold() in {"true", "1"}
        key = (table, *columns.values(), shown, str(active))
        if key not in self._states:
            states = _with_label(self._instance.states, table, columns["state"], shown)
            self._states[key] = status(states, table, columns, active=active)
        meaning = self._states[key]
        return meaning.value if isinstance(meaning, Status) else meaning

    # --- history --------------------------------------------------------------------------------------------------------

    def _changes(
        self, table: str, plain: Mapping[str, str], row: Row, saves: Sequence[Save], requester: Value
    ) -> list[Change]:  # fmt: skip
        found: list[Change] = []
        known, asker = self._known, self._instance.requesters.get(table, "opened_by")
        now = _before(plain, saves)
        for save in saves:
            by, at, number, id_ = self._actor(save.user, requester), save.at, save.number, save.id
            moves = self._moves(asker, row, save)
            if _STATE & save.moves.keys():
                then = now
                now = {column: save.moves[column][1] if column in save.moves else value for column, value in now.items()}
                moves += self._state_moves(table, then, now)
            for name, old, new in moves or _touch(save):
                found.append(Change(at, known, number, id_, name, old, new, by))
        return found

    def _state_moves(self, table: str, then: Mapping[str, str], now: Mapping[str, str]) -> list[tuple[str, Value, Value]]:
        """What a save did to status and native status: state, hold reason and the sign that it is on hold count together."""
        before, after = self._status(table, then), self._status(table, now)
        found: list[tuple[str, Value, Value]] = [] if before == after else [("status", before, after)]
        if then["state"] != now["state"]:
            found.append(("native_status", native_status(table, then["state"]), native_status(table, now["state"])))
        return found

    def _status(self, table: str, columns: Mapping[str, str]) -> Status | Unknown:
        key = (table, columns["state"], columns["hold_reason"], columns["on_hold"])
        if key not in self._states:
            self._states[key] = status(self._instance.states, table, columns, active=None)
        return self._states[key]

    def _labelled(self, tags: Sequence[Row], created: Instant, requester: Value) -> Iterator[Change]:
        """When each of the present tags was put on, as far as it was later: of those taken off since, nothing is kept."""
        later: list[tuple[Instant, str, Row]] = []
        for row in {wire.text(each, "sys_id"): each for each in tags}.values():
            at = wire.stamp_or_none(wire.text(row, "sys_created_on"))
            if at is not None and at > created:
                later.append((at, wire.text(row, "sys_id"), row))
        later.sort(key=lambda each: each[:2])
        put_on = {id_ for _, id_, _ in later}
        held = [each for each in tags if wire.text(each, "sys_id") not in put_on]
        for number, (at, id_, row) in enumerate(later):
            before, held = _names(held), [*held, row]
            by = self._actor(wire.text(row, "sys_created_by"), requester)
            if _names(held) != before:
                yield Change(at, self._known, 2_000 + number, f"tag.{id_}", "labels", before, _names(held), by)

    def _moves(self, requester: str, row: Row, save: Save) -> list[tuple[str, Value, Value]]:
        found: list[tuple[str, Value, Value]] = []
        for column, (old, new) in save.moves.items():
            if name := _DIRECT.get(column):
                found.append((name, old or None, new or None))
            elif column == requester:
                found.append(("requester", old or None, new or None))
            elif column == "short_description":
                found.append(("subject", old[:TEXT_LIMIT] or None, new[:TEXT_LIMIT] or None))
            elif column == "description":
                found.append(("description", old[:DESCRIPTION_LIMIT] or None, new[:DESCRIPTION_LIMIT] or None))
            elif column == "due_date":
                found.append(("due", _instant(old), _instant(new)))
            elif column == "approval":
                found.append(("approval", _APPROVALS.get(old), _APPROVALS.get(new)))
            elif column in {"business_service", "company"}:
                # The audit names them by sys_id; names are known of the present alone.
                name = "service" if column == "business_service" else "organisation"
                found.append((name, UNKNOWN if old else None, _named(row, column, new)))
            if column in ALWAYS_NATIVE or column in self._instance.columns:
                found.append((f"{NATIVE}{column}", old or None, new or None))
        return found

    def _messages(self, rows: Sequence[Row], requester: Value) -> tuple[tuple[Message, ...], str | None]:
        """The messages in order, and what a person said last; hoist's notes that are markers alone are none."""
        found: list[tuple[Instant, str, Row]] = []
        if not rows:
            return (), None
        for row in {wire.text(each, "sys_id"): each for each in rows}.values():
            at = wire.stamp_or_none(wire.text(row, "sys_created_on"))
            if at is not None and wire.text(row, "element") in {"comments", "work_notes"}:
                found.append((at, wire.text(row, "sys_id"), row))
        messages: list[Message] = []
        last: str | None = None
        for at, id_, row in sorted(found, key=lambda each: each[:2]):
            by, text = self._actor(wire.text(row, "sys_created_by"), requester), wire.text(row, "value")
            if by.kind is Kind.OWN_ACCOUNT and is_marker_alone(text):
                continue
            thanks = by.kind is Kind.REQUESTER and only_thanks(text)
            if by.kind in _PEOPLE:
                last = text[:DESCRIPTION_LIMIT]
            messages.append(Message(at, self._known, id_, by, wire.text(row, "element") == "comments", thanks))
        return tuple(messages), last

    def _actor(self, user_name: str, requester: Value) -> Actor:
        """Who acted. A staff member who is a ticket's requester speaks as such on it."""
        user = self._users.get(user_name)
        key = (user_name, (user.id if user else user_name) == requester)
        known = self._actors.get(key)
        if known is None:
            known = self._actors[key] = self._made(user_name, user, requester)
        return known

    def _made(self, user_name: str, user: User | None, requester: Value) -> Actor:
        if user_name in _SYSTEM:
            return _NOBODY
        if user_name in {self._instance.own.user_name, self._instance.own.id}:  # some instances write the sys_id into an audit
            return Actor(self._instance.own.id, Kind.OWN_ACCOUNT)
        id_ = user.id if user else user_name
        if user_name in self._instance.automation or (user is not None and user.program):
            return Actor(id_, Kind.AUTOMATION)
        return Actor(id_, Kind.REQUESTER if id_ == requester else Kind.STAFF)


def _before(plain: Mapping[str, str], saves: Sequence[Save]) -> dict[str, str]:
    """State, hold reason and the sign that it is on hold, as they were before all of these saves."""
    now = {column: plain.get(column, "") for column in _STATE}
    for save in reversed(saves):
        for column in _STATE & save.moves.keys():
            now[column] = save.moves[column][0]
    return now


def status(states: States, table: str, columns: Mapping[str, str], *, active: bool | None) -> Status | Unknown:
    """What state, hold reason and the sign that it is on hold mean together."""
    found = states.meaning(table, columns["state"], columns["hold_reason"], active=active)
    if columns["on_hold"] == "true" and found in {Status.NEW, Status.OPEN}:
        return Status.ON_HOLD
    return found


def native_status(table: str, state: str) -> str | None:
    """The id of a state, which means something else in each table."""
    return f"{table}.{state}" if state else None


def _with_label(states: States, table: str, state: str, shown: str) -> States:
    """The instance's states, and this row's own where its label is new."""
    if states.label(table, state) or not shown or shown == state:
        return states
    labels = dict(states.labels) | {table: dict(states.labels.get(table, {})) | {state: shown}}
    return replace(states, labels=labels)


def _names(tags: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted({name for each in tags if (name := wire.label(each, "label"))}))


def _touch(save: Save) -> list[tuple[str, Value, Value]]:
    """A save that moved no field of the model still is a touch: it is kept under the column's own name."""
    columns = [column for column in save.moves if column not in _ECHOES]
    if not columns:
        return []
    old, new = save.moves[columns[0]]
    return [(columns[0], old[:TEXT_LIMIT] or None, new[:TEXT_LIMIT] or None)]


def _instant(text: str) -> Value:
    if not text:
        return None
    at = wire.stamp_or_none(text)
    return UNKNOWN if at is None else at


def _named(row: Row, column: str, id_: str) -> Value:
    if not id_:
        return None
    return wire.label(row, column) if wire.text(row, column) == id_ else UNKNOWN


def _native(row: Row) -> dict[str, str]:
    return {name: shown for name, column in _SHOWN if (shown := wire.label(row, column))}


def mark_of(journal: Sequence[Row], own: str) -> Mark | None:
    """The mark of the hoist that wrote last, whichever it is, by the notes of this account."""
    if not journal:
        return None
    notes = sorted(
        (wire.text(each, "sys_created_on"), wire.text(each, "sys_id"), wire.text(each, "value"))
        for each in journal
        if wire.text(each, "sys_created_by") == own and wire.text(each, "element") == "work_notes"
    )
    return last_mark(note for _, _, note in notes)
