"""What changes about a ticket beside its row: service levels, which run on by themselves, and tags.

Neither moves the stamp of the ticket, so they are asked for by their own. Jobs touch service levels all the time to refresh
percentages; only what a rule could look at counts as news.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connectors.servicenow import wire
from connectors.servicenow.client import Query, ServiceNowClient
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.wire import Row
from rules.instants import HOUR, Instant

LEVEL: Final = "task_sla"
TAG: Final = "label_entry"
_TOLD: Final = ("stage", "start_time", "end_time", "planned_end_time", "pause_time")
_LEVEL: Final = ("sys_id", "task", "sys_updated_on", *_TOLD)
_TAG: Final = ("sys_id", "table", "table_key", "sys_created_on")
_KEPT: Final = HOUR
"""Jobs come back to a service level that is not about to end every ten minutes."""


class Aside:
    """Remembers service levels and tags that were read lately, so that a job that touches them makes no news.

    Safe to use from several threads: what is lost in a race is read once more.
    """

    def __init__(self, settings: ServiceNowSettings) -> None:
        self._settings = settings
        self._known: dict[str, tuple[Instant, str]] = {}

    def note(self, rows: Iterable[Row], now: Instant) -> None:
        """These were read with their ticket; what was touched long ago is not asked about any more."""
        for row in rows:
            if (changed := _changed(row)) >= now - _KEPT:
                self._known[wire.text(row, "sys_id")] = (changed, _news(row))

    def tickets(self, client: ServiceNowClient, since: Instant) -> list[str]:
        """The sys_ids of the tickets whose service levels or tags are others than were read, of those touched since then."""
        self._known = {id_: known for id_, known in list(self._known.items()) if known[0] >= since - _KEPT}
        asked = list(self._queries(wire.written_stamp(since)))
        if not asked:
            return []
        answers, _ = client.several(asked, frozenset({LEVEL, TAG}))
        found: dict[str, None] = {}
        for row in (row for rows in answers for row in rows or ()):
            id_, ticket = wire.text(row, "sys_id"), wire.text(row, "task") or wire.text(row, "table_key")
            known = self._known.get(id_)
            if _changed(row) >= since and wire.SYS_ID.fullmatch(ticket) and (known is None or known[1] != _news(row)):
                found[ticket] = None
        return list(found)

    def _queries(self, since: str) -> Iterable[Query]:
        tables = ",".join(self._settings.tables)
        if self._settings.targets:
            where = f"sys_updated_on>={since}^task.sys_class_nameIN{tables}^ORDERBYsys_updated_on^ORDERBYsys_id"
            yield Query(LEVEL, where, _LEVEL, limit=2_000)
        if self._settings.tags:
            where = f"sys_created_on>={since}^tableIN{tables}^ORDERBYsys_created_on^ORDERBYsys_id"
            yield Query(TAG, where, _TAG, limit=2_000)


def _changed(row: Row) -> Instant:
    return wire.stamp_or_none(wire.text(row, "sys_updated_on") or wire.text(row, "sys_created_on")) or 0


def _news(row: Row) -> str:
    return "|".join(wire.text(row, column) for column in _TOLD)
