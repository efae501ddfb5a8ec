"""ServiceNow as the far side."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from connectors.sandboxes.deliveries import Outgoing
from connectors.sandboxes.history import Event, History
from connectors.servicenow.sandbox import Policies, ServiceNowSandbox, Terms
from connectors.servicenow.site.announcing import Announcing, patience
from connectors.servicenow.site.choices import MATRIX
from connectors.servicenow.site.furnishing import AGENT
from connectors.servicenow.site.moments import instant_of
from connectors.servicenow.site.replay import PAIRS
from connectors.servicenow.site.store import Row, Version
from rules.instants import MINUTE, Instant
from tests.simulation.desk import AUTOMATION
from tests.simulation.platforms.far_side import ON_READS, ON_WRITES, FaultsOfTheSandbox, Item, Kinds, Marked, Purpose, Said, Save

TABLE: Final = "incident"
_NAMES: Final = {"assignment_group": "team", "assigned_to": "assignee", "priority": "priority"}
_JOURNALS: Final = frozenset({"work_notes", "comments"})
_ALONE: Final = "Changed by hoist."
_MARKER: Final = re.compile(r"\[hoist (\S+)((?: \w=\S*)*)\]\s*$")
_KEY: Final = base64.b64encode(bytes(range(32))).decode()
_IDS: Final = re.compile(r"(?:sys_id|documentkey|table_key)(?:IN|=)([0-9a-f,]+)")
_KEPT: Final = ("incident", "sys_audit", "sys_audit_delete", "sys_journal_field", "label_entry", "task_sla")
"""Tables whose rows are what reads of tickets show."""


@dataclass(frozen=True)
class _Snapshot:
    """The rows of some tables, as the store keeps them."""

    rows: Mapping[str, dict[str, Row]]
    index: Mapping[tuple[str, str], dict[str, dict[str, None]]]
    order: Mapping[str, list[tuple[str, str]]]
    veiled: Mapping[str, dict[str, list[Version]]]


class ServiceNowFarSide(FaultsOfTheSandbox):
    """One instance. What people and programs save is committed, and can be read, `lag` milliseconds after its stamp."""

    TROUBLES: ClassVar[Kinds] = (
        ("refused", ("any", *ON_READS, *ON_WRITES)),
        ("timeout-before", (*ON_READS, *ON_WRITES)),
        ("timeout-after", ON_WRITES),
        ("late", ON_WRITES),
        ("lost-answer", ON_WRITES),
        ("429-long", ("search", *ON_WRITES)),
        ("429-bare", ("any", *ON_WRITES)),
        ("202", ("any", *ON_WRITES, *ON_WRITES)),
        ("html-200", ("any", *ON_READS, *ON_WRITES)),
        ("hibernating", ("any", *ON_WRITES)),
        ("cancelled", ("any", *ON_READS, *ON_WRITES)),
        ("500-after", ON_WRITES),
        ("502", ("any", *ON_WRITES)),
        ("502-after", ON_WRITES),
        ("503", ("any", *ON_READS, *ON_WRITES)),
        ("401", ("any",)),
        ("expired-token", ("any", *ON_WRITES)),
        ("cut-short", (*ON_READS, *ON_WRITES)),
        ("truncated", ("search", "look")),
        ("unserviced", ("read", "changelog", "edit")),
        ("saved-again", ON_WRITES),
        ("old-answer", ("read",)),
        ("slow", ("any", *ON_READS, *ON_WRITES)),
    )
    MOMENTS: ClassVar[tuple[str, ...]] = ("before-edit", "before-edit", "after-edit", "before-comment")
    VANISHINGS: ClassVar[tuple[str, ...]] = ("deleted", "hidden")
    FAULTS: ClassVar[Mapping[str, str]] = {
        "429-long": "too-many-requests",
        "429-bare": "too-many-requests-without-retry-after",
        "202": "accepted-202",
        "html-200": "html-200",
        "hibernating": "hibernating",
        "cancelled": "cancelled-500",
        "500-after": "failed-500-after",
        "401": "unauthorized-401",
        "expired-token": "expired-token",
        "truncated": "truncated-200",
        "unserviced": "batch-unserviced",
        "saved-again": "rule-saves-again",
    }
    WRITES: ClassVar[tuple[str, ...]] = ON_WRITES
    LEAVES_A_MARK: ClassVar[bool] = False
    RESOLUTION: ClassVar[int] = 1_000

    def __init__(self, clock: Callable[[], Instant], history: History, seed: int, lag: int) -> None:
        self._hidden: dict[str, str] = {}
        self._away: set[str] = set()
        terms = Terms(lag=lag, policies=Policies(hidden=self._hidden))
        self.sandbox: Final = ServiceNowSandbox(clock=clock, history=history, seed=seed, terms=terms)
        self.faults: Final = self.sandbox._faults
        self._site: Final = self.sandbox._site
        self.agent: Final = AGENT
        self.teams: Final = [self._site.furnished.groups[name] for name in history.teams]
        self.priorities: Final = [MATRIX[pair] for pair in PAIRS[: len(history.priorities)]]
        self.late: Final = lag

    def settings(self, page_size: int) -> Mapping[str, object]:
        return {"page_size": str(page_size)}

    # --- the record -----------------------------------------------------------------------------------------------------

    def id_of(self, ticket: str) -> str:
        return self._site.replay.names.get(ticket, "")

    def is_there(self, id_: str) -> bool:
        return id_ not in self._away and self._site.store.latest(TABLE, id_) is not None

    def saves(self, id_: str) -> Sequence[Save]:
        made: dict[str, Save] = {}
        for row in self._site.store.where("sys_audit", "documentkey", id_):
            if row["fieldname"] not in _JOURNALS:
                known = f"{instant_of(row['sys_created_on'])}.{row['record_checkpoint']}"
                item: Item = (
                    _NAMES.get(row["fieldname"], row["fieldname"]),
                    row.get("oldvalue") or None,
                    row.get("newvalue") or None,
                )
                before = made.get(known)
                made[known] = Save(known, row["user"], (*(before.items if before else ()), item))
        for row in self._site.store.where("label_entry", "table_key", id_):
            made[row["sys_id"]] = Save(f"tag.{row['sys_id']}", row["sys_created_by"], (("labels", None, self._label(row)),))
        return list(made.values())

    def _label(self, entry: Row) -> str:
        row = self._site.store.latest("label", entry["label"])
        return "" if row is None else row["name"]

    def comments(self, id_: str) -> Sequence[Said]:
        return [Said(row["element"] == "comments") for row in self._notes(id_) if not row["value"].startswith(_ALONE)]

    def traces(self, id_: str) -> int:
        return len(self._notes(id_))

    def _notes(self, id_: str) -> Sequence[Row]:
        found = self._site.store.where("sys_journal_field", "element_id", id_)
        return [row for row in found if row["sys_created_by"] == self.agent]

    def labels(self, id_: str) -> Collection[str]:
        return [self._label(row) for row in self._site.store.where("label_entry", "table_key", id_)]

    # --- what happens ---------------------------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        self._site.replay._happen(event, event.at + self.late if self.late else None)

    def take_away(self, id_: str, how: str, now: Instant) -> None:
        if how == "deleted":
            row = self._site.store.latest(TABLE, id_)
            assert row is not None
            session = self._site.session(self._site.furnished.users["anna"])
            self._site.saving.delete(TABLE, row, self._site.transaction(session, now))
        else:
            self._away.add(id_)
            self._hide()

    def bring_back(self, id_: str, now: Instant) -> None:
        del now
        self._away.discard(id_)
        self._hide()

    def _hide(self) -> None:
        """The access rule on rows: those that fulfil the query are withheld from hoist's account."""
        self._hidden.clear()
        if self._away:
            self._hidden[TABLE] = f"sys_idIN{','.join(sorted(self._away))}"

    def give_back(self, id_: str, team: str | None, now: Instant) -> None:
        self._set(id_, {"assignment_group": team or ""}, AUTOMATION, now)

    def echo(self, id_: str, now: Instant) -> None:
        row = self._site.store.latest(TABLE, id_) or {}
        service = self._site.furnished.services["Mail"]
        self._set(id_, {"business_service": "" if row.get("business_service") else service}, self.agent, now)

    def _set(self, id_: str, values: Mapping[str, str], who: str, now: Instant) -> None:
        row = self._site.store.latest(TABLE, id_)
        assert row is not None
        session = self._site.session(self._site.furnished.users[who])
        self._site.saving.update(TABLE, row, values, self._site.transaction(session, now, checked=False))

    # --- webhooks -------------------------------------------------------------------------------------------------------

    def tell(self, deliver: Callable[[Outgoing], None]) -> str:
        announcing = Announcing("https://hoist.example/hooks/desk", _KEY, frozenset({TABLE}), deliver, self.faults)
        self._site.saving.saved = announcing.saved
        return _KEY

    def tells_again(self, status: int, tried: int) -> int | None:
        """The scheduled script runs each minute."""
        return None if patience(status, "", tried) is None else MINUTE

    # --- requests -------------------------------------------------------------------------------------------------------

    def purpose(self, method: str, path: str, query: str, body: bytes) -> Purpose:
        words = path.strip("/").split("/")[2:]
        match method, words:
            case "PATCH", ["table", _, id_]:
                return Purpose("edit" if _is_edit(json.loads(body)) else "comment", (id_,))
            case "POST", ["v1", "batch"]:
                return _purpose_of_batch(json.loads(body)["rest_requests"])
            case "GET", ["table", name]:
                ids = _ids(query)
                if name == TABLE:
                    return Purpose("look", ids) if ids else Purpose("search")
                return Purpose("changelog", ids) if ids else Purpose("about")
        return Purpose("about")

    def marked(self, body: bytes) -> Marked:
        values = _columns(json.loads(body))
        found = _MARKER.search(values.get("work_notes", ""))
        if found is None:
            return Marked()
        parts = dict(part.split("=", 1) for part in found[2].split())
        told = {name: values[column] or None for column, name in _NAMES.items() if column in values}
        return Marked(found[1], tuple(filter(None, parts.get("f", "").split(","))), told)

    def snapshot(self) -> _Snapshot:
        store = self._site.store
        return _Snapshot(
            {name: dict(store._rows[name]) for name in _KEPT},
            {key: {v: dict(ids) for v, ids in by.items()} for key, by in store._index.items() if key[0] in _KEPT},
            {name: list(store._ordered(name)) for name in _KEPT},
            {name: {id_: list(all_) for id_, all_ in rows.items()} for name, rows in store._veiled.items()},
        )

    @contextmanager
    def showing(self, snapshot: object) -> Iterator[None]:
        assert isinstance(snapshot, _Snapshot)
        store = self._site.store
        present = store._rows, store._index, store._order, store._moved, store._veiled
        store._rows = {**present[0], **snapshot.rows}
        store._index = {**present[1], **snapshot.index}
        store._order = {**present[2], **snapshot.order}
        store._moved = {**present[3], **{name: {} for name in _KEPT}}
        store._veiled = {name: dict(rows) for name, rows in snapshot.veiled.items()}
        try:
            yield
        finally:
            store._rows, store._index, store._order, store._moved, store._veiled = present


def _columns(told: Mapping[str, Any]) -> Mapping[str, str]:
    """The columns that a request sets, of an update alone or in a batch."""
    if "rest_requests" not in told:
        return told
    update = next((each for each in told["rest_requests"] if each["method"] == "PATCH"), None)
    return {} if update is None else dict(json.loads(base64.b64decode(update["body"])))


def _is_edit(columns: Mapping[str, str]) -> bool:
    return columns.keys() != {"work_notes"} or columns["work_notes"].startswith(_ALONE)


def _purpose_of_batch(parts: Sequence[Mapping[str, Any]]) -> Purpose:
    for each in parts:
        if each["method"] == "PATCH":
            return Purpose("edit", (str(each["url"]).partition("?")[0].rpartition("/")[2],))
    ids = dict.fromkeys(id_ for each in parts for id_ in _ids(str(each["url"]).partition("?")[2]))
    rows = any(str(each["url"]).partition("?")[0].endswith(f"/{TABLE}") for each in parts)
    return Purpose("about") if not ids else Purpose("read" if rows else "changelog", tuple(ids))


def _ids(query: str) -> tuple[str, ...]:
    """The tickets that a query asks for."""
    asked = parse_qs(query).get("sysparm_query", [""])[0]
    return tuple(id_ for found in _IDS.findall(asked) for id_ in found.split(",") if len(id_) == 32)
