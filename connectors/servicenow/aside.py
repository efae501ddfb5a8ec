"""What changes about a ticket beside its row: service levels, which run on by themselves, tags, approvals, whether it is there.

None of these moves the stamp of the ticket, so they are asked for by their own. Jobs touch service levels all the time to refresh
percentages; only what a rule could look at counts as news.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from connectors.servicenow import wire
from connectors.servicenow.client import Query, ServiceNowClient
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.wire import Row
from rules.instants import HOUR, Instant

LEVEL: Final = "task_sla"
TAG: Final = "label_entry"
APPROVAL: Final = "sysapproval_approver"
DELETED: Final = "sys_audit_delete"
_OF_LEVEL: Final = ("stage", "start_time", "end_time", "planned_end_time", "pause_time")
_LEVEL: Final = ("sys_id", "task", "sys_updated_on", *_OF_LEVEL)
_OF_APPROVAL: Final = ("state", "approver")
_APPROVAL: Final = ("sys_id", "sysapproval", "sys_updated_on", *_OF_APPROVAL)
_TOLD: Final = (*_OF_LEVEL, *_OF_APPROVAL)
_TAG: Final = ("sys_id", "table", "table_key", "sys_created_on")
_DELETED: Final = ("sys_id", "tablename", "documentkey", "sys_created_on")
_KEPT: Final = HOUR
"""Jobs come back to a service level that is not about to end every ten minutes."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Tickets of which something beside the row has changed, and those that were deleted, with the time."""

    touched: dict[str, None]
    deleted: dict[str, Instant]


class Aside:
    """Remembers service levels, tags and approvals that were read lately, so that a job that touches them makes no news.

    Safe to use from several threads: what is lost in a race is read once more.
    """

    def __init__(self, settings: ServiceNowSettings) -> None:
        self._settings = settings
        self._known: dict[str, tuple[Instant, str]] = {}
        self._newest: Instant = 0

    def note(self, rows: Iterable[Row], now: Instant) -> None:
        """These were read with their ticket; what was touched long ago is not asked about any more."""
        since = wire.written_stamp(now - _KEPT)  # stamps are in order as texts too
        for row in rows:
            if _stamp(row) >= since:
                self._known[wire.text(row, "sys_id")] = (_changed(row), _news(row))

    def look(self, client: ServiceNowClient, since: Instant) -> Beside:
        """What was touched since then and is not as it was read; what was deleted and has not been told."""
        self._known = {id_: known for id_, known in list(self._known.items()) if known[0] >= since - _KEPT}
        found = Beside({}, {})
        asked = list(self._queries(wire.written_stamp(since)))
        answers, _ = client.several(asked, frozenset({LEVEL, TAG, APPROVAL, DELETED}))
        for query, rows in zip(asked, answers, strict=True):
            for row in rows or ():
                if _changed(row) >= since:
                    self._sort(query.table, row, found)
        return found

    def told(self, deleted: Iterable[str]) -> None:
        """These tickets were told to be gone, and that is kept."""
        for id_ in deleted:
            self._known[id_] = (self._newest, DELETED)

    def _sort(self, table: str, row: Row, found: Beside) -> None:
        id_, ticket = wire.text(row, "sys_id"), _ticket_of(row)
        self._newest = max(self._newest, _changed(row))
        if not wire.SYS_ID.fullmatch(ticket):
            return
        if table == DELETED:
            if ticket not in self._known and wire.text(row, "tablename") in self._settings.tables:
                found.deleted[ticket] = _changed(row)
            return
        known = self._known.get(id_)
        if known is None or known[1] != _news(row):
            found.touched[ticket] = None

    def _queries(self, since: str) -> Iterable[Query]:
        tables = ",".join(self._settings.tables)
        if self._settings.targets:
            where = f"sys_updated_on>={since}^task.sys_class_nameIN{tables}^ORDERBYsys_updated_on^ORDERBYsys_id"
            yield Query(LEVEL, where, _LEVEL, limit=2_000)
        if self._settings.tags:
            where = f"sys_created_on>={since}^tableIN{tables}^ORDERBYsys_created_on^ORDERBYsys_id"
            yield Query(TAG, where, _TAG, limit=2_000)
        if self._settings.reads_approvers:
            where = f"sys_updated_on>={since}^sysapproval.sys_class_nameIN{tables}^ORDERBYsys_updated_on^ORDERBYsys_id"
            yield Query(APPROVAL, where, _APPROVAL, limit=2_000)
        where = f"tablenameIN{tables}^sys_created_on>={since}^ORDERBYsys_created_on^ORDERBYsys_id"
        yield Query(DELETED, where, _DELETED, limit=2_000)


def _ticket_of(row: Row) -> str:
    return next(filter(None, (wire.text(row, column) for column in ("task", "table_key", "sysapproval", "documentkey"))), "")


def _changed(row: Row) -> Instant:
    return wire.stamp_or_none(_stamp(row)) or 0


def _stamp(row: Row) -> str:
    return wire.text(row, "sys_updated_on") or wire.text(row, "sys_created_on")


def _news(row: Row) -> str:
    return "|".join(wire.text(row, column) for column in _TOLD)
