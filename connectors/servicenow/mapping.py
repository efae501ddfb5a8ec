"""A task's row, audit rows, journal, service levels and tags as a ticket. Pure: the same answers give the same ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Final

from connectors.contract import Mark
from connectors.servicenow import cases, history, moves, wire
from connectors.servicenow.cases import Provider
from connectors.servicenow.history import Save
from connectors.servicenow.marking import is_marker_alone, last_mark
from connectors.servicenow.moves import APPROVALS, DESCRIPTION_LIMIT, TEXT_LIMIT, Move, Moves, Standing, native_status
from connectors.servicenow.service_levels import targets
from connectors.servicenow.states import States
from connectors.servicenow.wire import Row
from rules.instants import SECOND, Instant
from rules.thanks import only_thanks
from rules.ticket import Actor, Change, Kind, Message, Status, Ticket, TicketRef, Unknown, Value

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

_TEXTS: Final = (("short_description", "subject", TEXT_LIMIT), ("description", "description", DESCRIPTION_LIMIT))
_SHOWN: Final = {
    "status": "state", "hold_reason": "hold_reason", "type": "sys_class_name", "priority": "priority",
    "team": "assignment_group", "assignee": "assigned_to", "requester": "caller_id",
}  # fmt: skip
"""Native values beside the normalised ones: under which name the label of which column."""
_SYSTEM: Final = frozenset({"", "system"})
_NOBODY: Final = Actor("", Kind.AUTOMATION)
_YOUNG: Final = "?"
_HIDDEN: Final = "hidden from hoist's account"
_TIMES: Final = ("sys_created_on", "sys_updated_on")
_ENTRIES: Final = frozenset({"comments", "work_notes"})
_when: Final = itemgetter(0, 1)
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
    providers: tuple[Provider, ...] = ()
    automation: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Parts:
    """What belongs to one row; levels, tags and approvals are None where they are not read."""

    audit: Sequence[Row]
    journal: Sequence[Row]
    levels: Sequence[Row] | None = None
    tags: Sequence[Row] | None = None
    approvals: Sequence[Row] | None = None


class Unmappable(Exception):
    """A row that is no ticket, with the reason."""


def row_version(row: Row) -> str:
    """The version of a row: its count of updates and the time of the last one."""
    return f"{wire.text(row, 'sys_mod_count')}@{wire.text(row, 'sys_updated_on')}"


def read_version(row: Row, known: Instant) -> str:
    """The version of a row of which everything was read at `known` or later.

    What belongs to a row is read after it. Out of a cache on the way, audit and journal may be older than the row and lack what
    has just changed it: then the ticket gets a version that no row ever shows, and the next run reads it once more.
    """
    young = known // SECOND <= (wire.stamp_or_none(wire.text(row, "sys_updated_on")) or 0) // SECOND
    return row_version(row) + (_YOUNG if young else "")


def _created(plain: Mapping[str, str]) -> Instant:
    """When the task of a row was created. Raises Unmappable for a row that is none."""
    for column in ESSENTIAL:
        if not plain.get(column) and (column != "state" or column not in plain):
            raise Unmappable(f"its column {column} is {'empty' if column in plain else _HIDDEN}")
    if not wire.SYS_ID.fullmatch(plain["sys_id"]):
        raise Unmappable(f"its sys_id is not 32 hexadecimal digits: {plain['sys_id'][:40]!r}")
    created, updated = (wire.stamp_or_none(plain[column]) for column in _TIMES)
    if created is None or updated is None:
        column = _TIMES[created is not None]
        raise Unmappable(f"its {column} is no time in UTC: {plain[column][:40]!r}")
    return created


class Mapper:
    """Makes tickets of rows that were read together.

    `known` is the server time of the earliest answer that they are made of; `users` are the accounts met, by user name.
    """

    def __init__(self, instance: Instance, users: Mapping[str, User], known: Instant) -> None:
        self._instance, self._users, self._known = instance, users, known
        self._native = tuple(dict.fromkeys((*ALWAYS_NATIVE, *instance.columns)))
        self._actors: dict[tuple[str, bool], Actor] = {}
        self._statuses: dict[tuple[str, Standing, str, str], str | Unknown] = {}
        self._steps: dict[tuple[str, Standing, Standing], Sequence[Move]] = {}
        self._moves: dict[str, Moves] = {}

    def ticket(self, row: Row, parts: Parts) -> Ticket:
        """The ticket of a row with its whole history. Raises Unmappable."""
        try:
            plain = wire.plain(row)
        except wire.Unreadable as problem:
            raise Unmappable(str(problem)) from None
        created = _created(plain)
        instance, known = self._instance, self._known
        table, id_ = plain["sys_class_name"], plain["sys_id"]
        values = self._values(table, plain, row)
        requester = values.get("requester")
        saves = history.without_later(history.saves(parts.audit), plain)
        changes = self._changes(table, plain, row, saves, requester)
        messages, values["last_comment"] = self._messages(parts.journal, requester)
        more, beside = self._beside(table, plain, saves, parts, requester)
        values |= more
        if beside:
            changes = sorted([*changes, *beside], key=lambda change: (change.at, change.sequence))
        return Ticket(
            ref=TicketRef(instance.source, id_),
            key=plain["number"],
            url=f"{instance.url}/nav_to.do?uri={table}.do%3Fsys_id%3D{id_}",
            version=read_version(plain, known),
            created=created,
            known=known,
            fields=values,
            changes=tuple(changes),
            messages=messages,
            complete_from=created,
            native=wire.labels(row, _SHOWN),
        )

    def _beside(
        self, table: str, plain: Mapping[str, str], saves: Sequence[Save], parts: Parts, requester: Value
    ) -> tuple[dict[str, Value], list[Change]]:  # fmt: skip
        """Values that come of several columns, or of other tables, and what is known of their past."""
        known, providers, states = self._known, self._instance.providers, self._instance.states
        created = wire.stamp(plain["sys_created_on"])
        values: dict[str, Value] = {}
        found: list[Change] = []
        if providers:
            values |= cases.present(providers, states, table, plain)
            for save, (name, old, new) in cases.moved(providers, states, table, saves, plain):
                by = self._actor(save.user, requester)
                found.append(Change(save.at, known, save.number, save.id, name, old, new, by))
        if parts.tags is not None:
            values["labels"] = _names(parts.tags)
            found += self._labelled(parts.tags, created, requester)
        if parts.approvals is not None:
            values["approver"] = _approvers(parts.approvals)
        if parts.levels is not None:
            due, moved = targets(parts.levels, created)
            values |= due
            for number, (at, name, old, new) in enumerate(moved):
                found.append(Change(at, known, 1_000 + number, f"sla.{at}", name, old, new, _NOBODY))
        return values, found

    def _values(self, table: str, plain: Mapping[str, str], row: Row) -> dict[str, Value]:
        """The present values; a column that is hidden gives no field, which makes it unknown."""
        found: dict[str, Value] = {
            "status": self._present_status(table, plain, row),
            "native_status": native_status(table, plain["state"]),
            "type": wire.label(row, "sys_class_name") or None,
            "project": table,
        }
        for column, name in self._moves_of(table).copied:
            if column in plain:
                found[name] = plain[column] or None
        for column, name, limit in _TEXTS:
            if column in plain:
                found[name] = plain[column][:limit] or None
        if "due_date" in plain:
            found["due"] = moves.due(plain["due_date"])
        if "approval" in plain:
            found["approval"] = APPROVALS.get(plain["approval"])
        if "company" in plain:
            found["organisation"] = wire.label(row, "company") or None
        if "business_service" in plain or "cmdb_ci" in plain:
            found["service"] = wire.label(row, "business_service") or wire.label(row, "cmdb_ci") or None
        return found

    def _present_status(self, table: str, plain: Mapping[str, str], row: Row) -> Value:
        """By the label that the row itself shows where the instance's choices don't know its state."""
        standing, shown, active = moves.standing(plain), wire.label(row, "state"), plain.get("active", "true")
        key = (table, standing, shown, active)
        found = self._statuses.get(key)
        if found is None:
            states = _with_label(self._instance.states, table, standing[0], shown)
            meaning = moves.status(states, table, standing, active=active.casefold() in {"true", "1"})
            found = self._statuses[key] = meaning.value if isinstance(meaning, Status) else meaning
        return found

    # --- history --------------------------------------------------------------------------------------------------------

    def _changes(
        self, table: str, plain: Mapping[str, str], row: Row, saves: Sequence[Save], requester: Value
    ) -> list[Change]:  # fmt: skip
        found: list[Change] = []
        known, meant = self._known, self._moves_of(table)
        now = moves.first_standing(saves, plain)
        for save in saves:
            by, at, number, id_ = self._actor(save.user, requester), save.at, save.number, save.id
            moved = meant.of(save, row)
            if moves.moves_standing(save):
                then, now = now, moves.after(save, now)
                moved += self._state_moves(table, then, now)
            for name, old, new in moved or moves.touch(save):
                found.append(Change(at, known, number, id_, name, old, new, by))
        return found

    def _moves_of(self, table: str) -> Moves:
        found = self._moves.get(table)
        if found is None:
            requester = self._instance.requesters.get(table, "opened_by")
            found = self._moves[table] = Moves(requester, self._native)
        return found

    def _state_moves(self, table: str, then: Standing, now: Standing) -> Sequence[Move]:
        key = (table, then, now)
        found = self._steps.get(key)
        if found is None:
            found = self._steps[key] = moves.of_standing(self._instance.states, table, then, now)
        return found

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

    def _messages(self, rows: Sequence[Row], requester: Value) -> tuple[tuple[Message, ...], str | None]:
        """The messages in order, and what a person said last; hoist's notes that are markers alone are none."""
        if not rows:
            return (), None
        messages: list[Message] = []
        last: str | None = None
        for at, id_, row in _in_order(rows):
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


def _with_label(states: States, table: str, state: str, shown: str) -> States:
    """The instance's states, and this row's own where its label is new."""
    if states.label(table, state) or not shown or shown == state:
        return states
    labels = dict(states.labels) | {table: dict(states.labels.get(table, {})) | {state: shown}}
    return replace(states, labels=labels)


def _names(tags: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted({name for each in tags if (name := wire.label(each, "label"))}))


def _approvers(approvals: Sequence[Row]) -> tuple[str, ...]:
    """Those whose approval is waited for. Of those who have given theirs nothing is kept: rules ask who it hangs on."""
    waited_for = {wire.text(each, "approver") for each in approvals if wire.text(each, "state") == "requested"}
    return tuple(sorted(waited_for - {""}))


def _in_order(journal: Sequence[Row]) -> list[tuple[Instant, str, Row]]:
    """Entries with their times and sys_ids, each once, the earliest first."""
    found: dict[str, tuple[Instant, str, Row]] = {}
    for row in journal:
        at, id_ = wire.stamp_or_none(wire.text(row, "sys_created_on")), wire.text(row, "sys_id")
        if at is not None and wire.text(row, "element") in _ENTRIES:
            found[id_] = (at, id_, row)
    return sorted(found.values(), key=_when) if len(found) > 1 else list(found.values())


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
