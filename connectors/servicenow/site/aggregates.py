"""The Aggregate API: https://www.servicenow.com/docs/r/api-reference/rest-apis/c_AggregateAPI.html. All figures are text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from connectors.sandboxes.answer import Answer
from connectors.servicenow.site import table_calls
from connectors.servicenow.site.answers import answered
from connectors.servicenow.site.call import Call
from connectors.servicenow.site.display import Display
from connectors.servicenow.site.matching import Matching
from connectors.servicenow.site.store import Row

FIGURES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "avg": lambda numbers: sum(numbers) / len(numbers),
    "min": min,
    "max": max,
    "sum": sum,
}


def stats(call: Call, table: str) -> Answer:
    """GET of counts and figures over the rows of a query, by group where one is asked for."""
    table_calls.opened(call, table)
    matching, display = table_calls.reading(call, table)
    query = table_calls.asked(call, table)
    rows = table_calls.found(call, table, query, matching.plan(query), matching, display, None)[0]
    fields = [name for name in call.query.get("sysparm_group_by", "").split(",") if matching.path(name)]
    if not fields:
        return answered({"result": {"stats": _figures(call, matching, rows)}})
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(_value(call, matching, name, row) for name in fields), []).append(row)
    result = [
        {
            "stats": _figures(call, matching, some),
            "groupby_fields": [_named(call, matching, display, name, some[0]) for name in fields],
        }
        for _, some in sorted(groups.items())
    ]
    return answered({"result": result})


def _figures(call: Call, matching: Matching, rows: Sequence[Row]) -> dict[str, object]:
    told: dict[str, object] = {"count": str(len(rows))} if call.flag("sysparm_count") else {}
    for figure, compute in FIGURES.items():
        for name in filter(None, call.query.get(f"sysparm_{figure}_fields", "").split(",")):
            numbers = [float(value) for row in rows if _numeric(value := _value(call, matching, name, row))]
            whole = told.setdefault(figure, {})
            if isinstance(whole, dict):
                whole[name] = f"{compute(numbers):g}" if numbers else ""
    return told


def _numeric(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()


def _value(call: Call, matching: Matching, name: str, row: Row) -> str:
    path = matching.path(name)
    end = path.end(row, call.instance.store, call.now) if path else None
    return end.get(path.last.name, "") if path and end else ""


def _named(call: Call, matching: Matching, display: Display, name: str, row: Row) -> dict[str, str]:
    path = matching.path(name)
    end = path.end(row, call.instance.store, call.now) if path else None
    shown = display.of(path.table, path.last, end) if path and end else ""
    match call.query.get("sysparm_display_value", "false"):
        case "true":
            return {"field": name, "value": shown}
        case "all":
            return {"field": name, "display_value": shown, "value": _value(call, matching, name, row)}
    return {"field": name, "value": _value(call, matching, name, row)}
