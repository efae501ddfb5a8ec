"""The census of one account: every ticket by id, a thousand to a request, the archived ones among them.

It is the export from its beginning: the plain list has a hundred rows to a page and leaves out what is archived, which would then
have to be looked for one by one. What changes within the last minute of a census may be missing from it, and is read by id.
"""

from __future__ import annotations

from connectors.contract import CensusPage, Listed
from connectors.zendesk import wire
from connectors.zendesk.client import ZendeskClient
from connectors.zendesk.mapping import row_version
from connectors.zendesk.rows import ticket_of

ROWS = 1_000


class Census:
    """Pages of an account's census. `rows`: of a page."""

    def __init__(self, client: ZendeskClient, rows: int = ROWS) -> None:
        self._client, self._rows = client, rows

    def page(self, cursor: str | None) -> CensusPage:
        """The page at a cursor. Raises ShareUsedUp."""
        found = self._client.tickets_since(0, cursor or "", self._rows, "")
        listed: dict[str, Listed] = {}
        for each in found.rows:
            try:
                row = ticket_of(each)
            except wire.Unreadable:
                listed[wire.text(each, "id")] = Listed()
                continue
            if not row.is_deleted:
                listed[row.id] = Listed(row_version(row), row.updated)
        following = None if found.ended or found.cursor in ("", cursor) else found.cursor
        return CensusPage(listed, following, found.server_time)
