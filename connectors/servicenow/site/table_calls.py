"""The Table API: https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Final

from connectors.sandboxes.answer import Answer
from connectors.servicenow.site import paging
from connectors.servicenow.site.answers import answered, forbidden, no_record, refuse
from connectors.servicenow.site.call import Call
from connectors.servicenow.site.display import Display
from connectors.servicenow.site.input import cleaned
from connectors.servicenow.site.matching import Matching, Plan
from connectors.servicenow.site.paths import Path
from connectors.servicenow.site.queries import Order, Query, parsed, plain
from connectors.servicenow.site.rendering import Rendering
from connectors.servicenow.site.store import Row

MOST: Final = 10_000
"""Rows of a page where no limit is given."""


def listed(call: Call, table: str) -> Answer:
    """GET of a table: one page of its rows."""
    _open(call, table)
    if not call.access.may("read", table) and call.varies("denied-tables-look-empty"):
        return answered({"result": []})
    opened(call, table)
    limit, offset = call.number("sysparm_limit", MOST), call.number("sysparm_offset", 0)
    matching, display = reading(call, table)
    query = asked(call, table)
    plan = matching.plan(query)
    counted = not call.flag("sysparm_no_count")
    rows, total = found(call, table, query, plan, matching, display, offset + limit + 1 if not counted else None)
    page = rows[max(offset, 0) : max(offset, 0) + limit] if limit > 0 else []
    more = len(rows) > max(offset, 0) + limit
    rendering = Rendering(call, table, display, matching)
    result = [rendering.record(row) for row in page if call.access.sees(table, row)]
    path = f"/api/now/{call.version + '/' if call.version else ''}table/{table}"
    headers = paging.headers(call, path, limit, offset, total if counted else None, more)
    if not result and call.version == "v1":
        return _none(headers)
    return answered({"result": result}, headers=headers)


def read(call: Call, table: str, sys_id: str) -> Answer:
    """GET of a record."""
    _open(call, table)
    row = _visible(call, table, sys_id)
    return shown(call, table, row)


def made(call: Call, table: str) -> Answer:
    """POST of a record."""
    _open(call, table)
    if not call.access.may("create", table):
        forbidden("ACL Exception Insert Failed due to security constraints")
    values = cleaned(call, table, None)
    row = call.instance.saving.insert(table, values, call.instance.transaction(call.session, call.now))
    return shown(call, table, row, 201)


def changed(call: Call, table: str, sys_id: str) -> Answer:
    """PATCH or PUT of a record: the fields that are named take new values."""
    _open(call, table)
    _visible(call, table, sys_id)
    own = call.instance.store.table_of(table, sys_id)
    row = call.instance.store.latest(own, sys_id)
    if row is None:
        no_record()
    if not call.access.may("write", own):
        forbidden("ACL Exception Update Failed due to security constraints")
    values = cleaned(call, own, row)
    stamps = not (call.flag("sysparm_suppress_auto_sys_field") and call.varies("suppress-auto-sys-field"))
    by = call.instance.transaction(call.session, call.now, stamps=stamps)
    return shown(call, table, call.instance.saving.update(own, row, values, by))


def removed(call: Call, table: str, sys_id: str) -> Answer:
    """DELETE of a record."""
    _open(call, table)
    _visible(call, table, sys_id)
    own = call.instance.store.table_of(table, sys_id)
    row = call.instance.store.latest(own, sys_id)
    if row is None:
        no_record()
    if not call.access.may("delete", own):
        forbidden("ACL Exception Delete Failed due to security constraints")
    call.instance.saving.delete(own, row, call.instance.transaction(call.session, call.now))
    return Answer(204, {"Content-Type": "application/json"})


# --- shared ----------------------------------------------------------------------------------------------------------------


def reading(call: Call, table: str) -> tuple[Matching, Display]:
    """What this caller's queries on a table are read with."""
    access = call.access
    read = call.instance.reading(call.session, call.now, lambda name, column: access.may("read", name, column))
    return Matching(read, table), read.display


def asked(call: Call, table: str) -> Query:
    """The query of a call, with what a rule before it adds for the service account."""
    text = call.query.get("sysparm_query", "")
    pairs = [(name, value) for name, value in call.query.items() if not name.startswith("sysparm_")]
    query = parsed(text) if text or not pairs else plain(pairs)
    extra = call.instance.terms.policies.query_rules.get(table) if call.access.service else None
    if not extra:
        return query
    (group,) = parsed(extra).groups
    return Query(tuple((*each, *group) for each in query.groups), query.orders, query.related)


def found(
    call: Call, table: str, query: Query, plan: Plan, matching: Matching, display: Display, most: int | None
) -> tuple[Sequence[Row], int]:  # fmt: skip
    """The rows of a query in its order, before row access; at most so many, where the order allows to stop."""
    instance = call.instance
    if table == "task_sla":
        instance.jobs.run(call.now)
    if plan.dropped and instance.setting("glide.invalid_query.returns_no_rows") == "true":
        return [], 0
    stamp = instance.store.stamp_of(table)
    rows: Iterable[Row] = plan.candidates()
    if _orders(query) == [(stamp, False), ("sys_id", False)] and isinstance(rows, list):
        rows = (row for row in rows if plan.test(row))
        kept = list(islice(rows, most))
        return kept, len(kept)
    kept = [row for row in rows if plan.test(row)]
    _sort(kept, query.orders, matching, display, call)
    return kept, len(kept)


def _orders(query: Query) -> list[tuple[str, bool]]:
    return [(each.field, each.descending) for each in query.orders]


def _sort(rows: list[Row], orders: Sequence[Order], matching: Matching, display: Display, call: Call) -> None:
    """Sort in place; references by what they are called, numbers by size, and what no order decides by sys_id."""
    rows.sort(key=lambda row: row["sys_id"])
    for order in reversed(orders):
        path = matching.path(order.field)
        if path and len(path.steps) == 1 and path.last.kind not in {"reference", "integer"}:
            rows.sort(key=partial(_text, path.last.name), reverse=order.descending)
        elif path:
            read = display.reader(path.table, path.last)
            rows.sort(key=partial(_rank, path, read, call), reverse=order.descending)


def _text(name: str, row: Row) -> str:
    return row.get(name, "")


def _rank(path: Path, read: Callable[[Row], str], call: Call, row: Row) -> tuple[float, str]:
    end = path.end(row, call.instance.store, call.now)
    if end is None:
        return 0.0, ""
    value = end.get(path.last.name, "")
    if path.last.kind == "reference":
        return 0.0, read(end)
    return (float(value), "") if path.last.kind == "integer" and value.lstrip("-").isdigit() else (0.0, value)


def opened(call: Call, table: str) -> None:
    """Refuse a table that may not be read at all."""
    _open(call, table)
    if not call.access.may("read", table):
        refuse(403, "User Not Authorized", "Failed API level ACL Validation")


def shown(call: Call, table: str, row: Row, status: int = 200) -> Answer:
    """A record as the answer; with its address where it is new."""
    headers = {"Location": f"{call.api}/{table}/{row['sys_id']}"} if status == 201 else {}
    matching, display = reading(call, table)
    return answered({"result": Rendering(call, table, display, matching).record(row)}, status, headers)


def _open(call: Call, table: str) -> None:
    """Refuse what is closed to web services or is no table."""
    if table not in call.instance.store.tables:
        refuse(400, f"Invalid table {table}")
    if not call.access.rest:
        refuse(403, "User Not Authorized", "Failed API level ACL Validation")
    if any(row.get("ws_access") == "false" for row in call.instance.store.where("sys_db_object", "name", table)):
        refuse(403, "User Not Authorized", f"Access to the table {table} via web services is switched off")


def _visible(call: Call, table: str, sys_id: str) -> Row:
    """The record, if this caller may see it."""
    row = call.instance.store.get(table, sys_id, call.now)
    if table == "task_sla":
        call.instance.jobs.run(call.now)
        row = call.instance.store.get(table, sys_id, call.now)
    if row is None or not call.access.may("read", table) or not call.access.sees(table, row):
        no_record()
    extra = call.instance.terms.policies.query_rules.get(table) if call.access.service else None
    if extra and not call.instance.holds(table, extra, row):
        no_record()
    return row


def _none(headers: dict[str, str]) -> Answer:
    """The first version of the API answers an empty search as it answers a missing record."""
    text = {"message": "No Record found", "detail": "Record doesn't exist or ACL restricts the record retrieval"}
    return answered({"error": text, "status": "failure"}, 404, headers)
