"""Which call answers which address. `/api/now` may carry a version, but for the Batch API, which must."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.sandboxes.answer import Answer
from connectors.servicenow.site import aggregates, attachments, table_calls
from connectors.servicenow.site.answers import Refused, refuse
from connectors.servicenow.site.call import Call
from connectors.servicenow.site.faults import WRITES

VERSIONS = ("v1", "v2")
BATCH = ("api", "now", "v1", "batch")

_ON_TABLE: dict[str, Callable[[Call, str], Answer]] = {"GET": table_calls.listed, "POST": table_calls.made}
_ON_RECORD: dict[str, Callable[[Call, str, str], Answer]] = {
    "GET": table_calls.read,
    "PUT": table_calls.changed,
    "PATCH": table_calls.changed,
    "DELETE": table_calls.removed,
}


_ON_FILE: dict[str, Callable[[Call, str], Answer]] = {"GET": attachments.read, "DELETE": attachments.removed}


def version(words: Sequence[str]) -> str:
    """The version that an address names; empty for none."""
    return words[2] if len(words) > 2 and words[2] in VERSIONS else ""


def answer(call: Call, words: Sequence[str]) -> Answer:
    """What the instance answers. Raises Refused."""
    rest = [word for place, word in enumerate(words[2:]) if place or word not in VERSIONS] or [""]
    if rest[0] != "attachment":
        _check_headers(call)
    match rest:
        case ["table", table]:
            return _method(_ON_TABLE.get(call.method))(call, table)
        case ["table", table, sys_id]:
            return _method(_ON_RECORD.get(call.method))(call, table, sys_id)
        case ["stats", table]:
            return _method(aggregates.stats if call.method == "GET" else None)(call, table)
        case ["attachment"]:
            return _method(attachments.listed if call.method == "GET" else None)(call)
        case ["attachment", "file"]:
            return _method(attachments.uploaded if call.method == "POST" else None)(call)
        case ["attachment", sys_id]:
            return _method(_ON_FILE.get(call.method))(call, sys_id)
        case ["attachment", sys_id, "file"]:
            return _method(attachments.content if call.method == "GET" else None)(call, sys_id)
        case ["import", staging]:
            return _method(_import if call.method == "POST" else None)(staging)
        case _:
            raise Refused(400, "Requested URI does not represent any resource")


def _import(staging: str) -> Answer:
    """Import sets need staging tables and transform maps, of which this instance has none."""
    refuse(400, f"Invalid table {staging}")


def _method(handler: Callable[..., Answer] | None) -> Callable[..., Answer]:
    if handler is None:
        refuse(405, "Method not supported")
    return handler


def _check_headers(call: Call) -> None:
    accepted = call.headers.get("accept", "" if call.varies("strict-headers") else "*/*").lower()
    if not accepted:
        refuse(400, "Accept header is missing")
    if not any(each in accepted for each in ("json", "*/*", "application/*")):
        refuse(406, "Not acceptable", "Content type not supported by the sandbox; ask for application/json")
    if call.method not in WRITES or (call.method == "DELETE" and not call.varies("strict-headers")):
        return
    kind = call.headers.get("content-type", "")
    if not kind and (call.body or call.method == "DELETE"):
        refuse(400, "Content-Type header is missing")
    if kind and "json" not in kind.lower():
        refuse(415, "Unsupported Media Type", f"Content type {kind.split(';')[0]} is not supported")
