"""The Batch API: several calls in one, in order, without a transaction around them, within 30 seconds.

https://www.servicenow.com/docs/r/api-reference/rest-apis/batch-api.html. What is not reached in time is named unserviced.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from connectors.sandboxes.answer import Answer
from connectors.servicenow.site.answers import answered, refuse
from connectors.servicenow.site.call import Call

QUOTA_SECONDS: Final = 30.0
MOST_BODY: Final = 5_000_000
"""Bytes of one item."""

Serve = Callable[[str, str, str, Mapping[str, str], bytes], Answer]
"""Takes method, path, query, headers in lower case and body."""


def ran(call: Call, serve: Serve, item_seconds: float) -> Answer:
    """POST of a batch; each item is modelled to take so long."""
    given = call.fields()
    items = given.get("rest_requests")
    if not isinstance(items, list):
        refuse(400, "Exception while reading request", "rest_requests is missing.")
    spent, half = 0.0, len(items) // 2 if call.instance.faults.strikes("batch-unserviced") else len(items)
    serviced: list[dict[str, object]] = []
    unserviced: list[str] = []
    for place, item in enumerate(items):
        id_ = str(item.get("id", "")) if isinstance(item, dict) else ""
        spent += item_seconds
        if spent > QUOTA_SECONDS or place >= half:
            unserviced.append(id_)
        else:
            serviced.append(_serviced(call, serve, id_, item if isinstance(item, dict) else {}, item_seconds))
    # The id comes back as text even where it was sent as a number.
    answer = {"batch_request_id": str(given.get("batch_request_id", "")), "serviced_requests": serviced}
    return answered({**answer, "unserviced_requests": unserviced})


def _serviced(call: Call, serve: Serve, id_: str, item: Mapping[str, Any], seconds: float) -> dict[str, object]:
    try:
        body = base64.b64decode(item.get("body") or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        return _failed(id_, 400, "The body is not Base64.")
    if len(body) > MOST_BODY:
        return _failed(id_, 413, "The body is larger than an item may be.")
    path, _, query = str(item.get("url", "")).partition("?")
    answer = serve(
        str(item.get("method", "GET")), path if path.startswith("/") else f"/{path}", query, _headers(call, item), body
    )
    shown = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
    headers = [{"name": name, "value": value} for name, value in shown.items() if not item.get("exclude_response_headers")]
    return {
        "id": id_,
        "status_code": answer.status,
        "status_text": HTTPStatus(answer.status).phrase,
        "body": base64.b64encode(answer.body).decode(),
        "headers": headers,
        "execution_time": round(seconds * 1000),
    }


def _failed(id_: str, status: int, why: str) -> dict[str, object]:
    told = {"id": id_, "status_code": status, "status_text": HTTPStatus(status).phrase, "body": "", "headers": []}
    return {**told, "execution_time": 0, "error_message": why}


def _headers(call: Call, item: Mapping[str, Any]) -> dict[str, str]:
    """The item's own headers; who calls is said by those of the batch."""
    given = item.get("headers") or []
    own = {str(each.get("name", "")).lower(): str(each.get("value", "")) for each in given if isinstance(each, dict)}
    who = {name: value for name, value in call.headers.items() if name in {"authorization", "x-sn-apikey", "x-certified-user"}}
    return {**own, **who}
