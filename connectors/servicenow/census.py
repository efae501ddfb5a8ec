"""The census of one instance: every row of the configured tables by sys_id, with its version, ten thousand to a request."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.contract import CensusPage, Listed
from connectors.servicenow import wire
from connectors.servicenow.client import ROWS, Query, ServiceNowClient
from connectors.servicenow.mapping import row_version
from connectors.servicenow.settings import ServiceNowSettings

_COLUMNS = ("sys_id", "sys_updated_on", "sys_mod_count")


class _Place(BaseModel):
    """Where a census stands: at which table, behind which sys_id, and how many hidden rows behind that one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: tuple[str, ...]
    table: int = 0
    id: str = ""
    offset: int = 0


class Census:
    """Pages of an instance's census."""

    def __init__(self, client: ServiceNowClient, settings: ServiceNowSettings) -> None:
        self._client, self._settings = client, settings

    def page(self, cursor: str | None) -> CensusPage:
        """The page at a cursor, in the order of the sys_id, which no change moves."""
        place = self._place(cursor)
        behind = f"sys_id>{place.id}^" if place.id else ""
        table = place.tables[place.table]
        query = Query(table, f"{behind}ORDERBYsys_id", _COLUMNS, ROWS, place.offset, counted=False)
        found = self._client.page(query)
        rows = {id_: row for row in found.rows if (id_ := wire.text(row, "sys_id"))}
        listed = {
            id_: Listed(row_version(row), wire.stamp_or_none(wire.text(row, "sys_updated_on"))) for id_, row in rows.items()
        }
        following: _Place | None = None
        if found.more:
            behind_here = {"id": max(rows), "offset": 0} if rows else {"offset": place.offset + query.limit}
            following = place.model_copy(update=behind_here)
        elif place.table + 1 < len(place.tables):
            following = _Place(tables=place.tables, table=place.table + 1)
        return CensusPage(listed, following.model_dump_json() if following else None, found.server_time)

    def _place(self, cursor: str | None) -> _Place:
        begin = _Place(tables=self._settings.tables)
        try:
            place = begin if cursor is None else _Place.model_validate_json(cursor)
        except ValidationError:
            return begin
        return place if place.tables == begin.tables and place.table < len(place.tables) else begin
