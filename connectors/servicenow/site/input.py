"""What a client wants to write, as the instance takes it: much is dropped without a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.servicenow.site.answers import forbidden
from connectors.servicenow.site.call import Call
from connectors.servicenow.site.moments import instant_of, stored
from connectors.servicenow.site.store import Row
from connectors.servicenow.site.tables import Column

_TRUE: Final = frozenset({"true", "1", "yes"})


def cleaned(call: Call, table: str, before: Row | None) -> dict[str, str]:
    """The values that are written, by column; before is None for a new record. Raises Refused."""
    columns = call.instance.store.tables[table].columns
    given = call.fields()
    if before is not None and call.method == "PUT" and call.varies("put-replaces"):
        given = {name: "" for name, column in columns.items() if _writable(column)} | given
    values: dict[str, str] = {}
    shown = call.flag("sysparm_input_display_value")
    for name, value in given.items():
        column = columns.get(name)
        if column is None or not (_writable(column) or (before is None and name in {"sys_id", "number"})):
            continue
        if not call.access.may("write" if before is not None else "create", table, name):
            if call.varies("denied-writes-refused"):
                forbidden("ACL Exception Update Failed due to security constraints")
            continue
        taken = _taken(call, table, column, value, shown=shown)
        if taken is not None:
            values[name] = taken
    return values


def _writable(column: Column) -> bool:
    return not (column.name.startswith("sys_") or column.by_rules or column.name == "number")


def _taken(call: Call, table: str, column: Column, value: Any, *, shown: bool) -> str | None:
    """One value as the column holds it; None where it is dropped."""
    text = _text(value)
    if text is None:
        return None
    if shown:
        text = _from_display(call, table, column, text)
    labels = call.instance.choices.of(table, column.name)
    if not text and labels:
        return None  # an empty text clears any field but a choice
    if not text or column.journal:
        return text
    if column.kind == "boolean":
        return "true" if text.lower() in _TRUE else "false"
    if column.moment:
        at = instant_of(text)
        return None if at is None else stored(at)
    if labels and text not in labels and not _lenient(call):
        return None
    if column.kind == "integer" and not text.lstrip("-").isdigit():
        return None
    return text[: column.longest] if column.kind in {"string", "email"} else text


def _lenient(call: Call) -> bool:
    property_ = call.instance.setting("glide.rest.choice.allow_non_existing_value")
    return property_ == "true" or call.varies("unknown-choices-kept")


def _text(value: Any) -> str | None:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return value
        case int() | float():
            return str(value)
        case Mapping():
            return _text(value.get("value", value.get("display_value")))
        case _:
            return None


def _from_display(call: Call, table: str, column: Column, text: str) -> str:
    """A display value as a database value: the first record of that name, the choice of that label, a local time in UTC."""
    instance = call.instance
    if column.kind == "reference" and column.reference in instance.store.tables:
        title = instance.store.tables[column.reference].display
        rows = instance.store.every(column.reference, call.now)
        return next((row["sys_id"] for row in rows if text in {row["sys_id"], row.get(title)}), "")
    if column.moment:
        at = instant_of(text, call.session.zone)
        return text if at is None else stored(at)
    labels = instance.choices.of(table, column.name)
    return next((value for value, label in labels.items() if label == text), text)
