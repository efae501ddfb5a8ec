"""Lists in pages: by cursor where page[size] asks for it, else by page and per_page.

https://developer.zendesk.com/api-reference/introduction/pagination/
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from connectors.zendesk.site.answers import bad_attribute, refuse
from connectors.zendesk.site.call import Call

T = TypeVar("T")
MOST: Final = 100
DEEPEST: Final = 10_000


def listed(call: Call, path: str, name: str, rows: Sequence[T], shown: Callable[[T], Any], **more: object) -> dict[str, Any]:
    """One page of rows under their name; `more` are sideloads."""
    if "page[size]" in call.query or "page[after]" in call.query or "page[before]" in call.query:
        return _by_cursor(call, path, name, rows, shown) | more
    return _by_offset(call, path, name, rows, shown) | more


def link(call: Call, path: str, changed: Mapping[str, object]) -> str:
    """The address of another page, under the name by which the client knows the account."""
    query = {key: str(value) for key, value in {**call.query, **changed}.items() if value is not None}
    return f"{call.base}/api/v2/{path}.json?{urlencode(query)}"


def _by_cursor(call: Call, path: str, name: str, rows: Sequence[T], shown: Callable[[T], Any]) -> dict[str, Any]:
    size = call.number("page[size]", MOST)
    if not 0 < size <= MOST:
        bad_attribute(f"page[size] must be between 1 and {MOST}")
    start = cursor_read(call.query.get("page[after]", "")) if call.query.get("page[after]") else 0
    if call.query.get("page[before]"):
        start = max(cursor_read(call.query["page[before]"]) - size, 0)
    page = rows[start : start + size]
    more = start + size < len(rows)
    after = cursor(start + len(page)) if page else None
    before = cursor(start) if page else None
    onward = link(call, path, {"page[after]": after, "page[before]": None}) if more else None
    back = link(call, path, {"page[before]": before, "page[after]": None}) if start else None
    return {
        name: [shown(each) for each in page],
        "meta": {"has_more": more, "after_cursor": after, "before_cursor": before},
        "links": {"next": onward, "prev": back},
    }


def _by_offset(call: Call, path: str, name: str, rows: Sequence[T], shown: Callable[[T], Any]) -> dict[str, Any]:
    page, size = max(call.number("page", 1), 1), min(max(call.number("per_page", MOST), 1), MOST)
    if page * size > DEEPEST:
        refuse(400, "InvalidPaginationDepth", f"Offset pagination ends at {DEEPEST} rows; use cursor pagination")
    start = (page - 1) * size
    more = start + size < len(rows)
    return {
        name: [shown(each) for each in rows[start : start + size]],
        "next_page": link(call, path, {"page": page + 1}) if more else None,
        "previous_page": link(call, path, {"page": page - 1}) if page > 1 else None,
        "count": len(rows),
    }


def cursor(place: int) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(f"o{place}".encode()).decode().rstrip("=")


def cursor_read(text: str) -> int:
    """The place of a cursor. Raises Refused."""
    try:
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        found = ""
    if not found.startswith("o") or not found[1:].isdigit():
        refuse(400, "InvalidCursor", "The cursor is not valid")
    return int(found[1:])
