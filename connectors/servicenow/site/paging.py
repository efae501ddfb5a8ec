"""The headers of a page: how many rows there are, and where the others stand. Both are counted before row access is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from connectors.servicenow.site.call import Call

ELSEWHERE = "https://elsewhere.service-now.com"


def headers(call: Call, path: str, limit: int, offset: int, total: int | None, more: bool) -> dict[str, str]:  # noqa: FBT001
    """`total` is None where nobody counted; `more` says whether a row follows this page."""
    found: dict[str, str] = {} if total is None else {"X-Total-Count": str(total)}
    if call.flag("sysparm_suppress_pagination_header") or limit <= 0:
        return found
    links = {"first": 0}
    if offset > 0:
        links["prev"] = max(offset - limit, 0)
    elif call.varies("negative-previous"):
        links["prev"] = -1
    if more and not (total is None and call.varies("no-next-without-count")):
        links["next"] = offset + limit
    if total:
        links["last"] = (total - 1) // limit * limit
    host = ELSEWHERE if call.varies("links-to-another-host") else call.instance.base
    return found | {"Link": ",".join(f'<{host}{path}?{_query(call.query, limit, at)}>;rel="{rel}"' for rel, at in links.items())}


def _query(query: Mapping[str, str], limit: int, offset: int) -> str:
    return urlencode({**query, "sysparm_limit": limit, "sysparm_offset": offset})
