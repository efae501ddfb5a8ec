"""Records as JSON, in the three modes of sysparm_display_value. All values are strings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from connectors.servicenow.site.call import Call
from connectors.servicenow.site.display import Display
from connectors.servicenow.site.matching import Matching
from connectors.servicenow.site.paths import Path
from connectors.servicenow.site.store import Row

Mode = Literal["false", "true", "all"]
Cell = Callable[[Row], object]


class Rendering:
    """Renders the records of one answer."""

    def __init__(self, call: Call, table: str, display: Display, matching: Matching) -> None:
        self._call = call
        self._table = table
        self._display = display
        self._matching = matching
        mode = call.query.get("sysparm_display_value", "false").lower()
        self._mode: Mode = "true" if mode == "true" else "all" if mode == "all" else "false"
        self._links = not call.flag("sysparm_exclude_reference_link")
        self._asked = [each.strip() for each in call.query.get("sysparm_fields", "").split(",") if each.strip()]
        self._cells = self._columns()

    def record(self, row: Row) -> dict[str, object]:
        """A row with the fields that were asked for and may be read; those of the asked table where none were named."""
        return {name: cell(row) for name, cell in self._cells}

    def _columns(self) -> list[tuple[str, Cell]]:
        names = self._asked or list(self._call.instance.store.tables[self._table].columns)
        paths = {name: self._matching.path(name) for name in names}
        return [(name, self._cell(path)) for name, path in paths.items() if path]

    def _cell(self, path: Path) -> Cell:
        show = self._reference if path.last.kind in {"reference", "domain_id"} else self._plain
        if len(path.steps) == 1:
            return show(path)
        inner, store, now = show(path), self._call.instance.store, self._call.now
        empty: Mapping[str, str] = {"sys_id": ""}
        return lambda row: inner(path.end(row, store, now) or empty)

    def _plain(self, path: Path) -> Cell:
        column = path.last
        name, read = column.name, self._display.reader(path.table, column)
        if self._mode == "false":
            return (lambda _: "") if column.journal else (lambda row: row.get(name, ""))
        if self._mode == "true":
            return read
        if column.journal:
            return lambda row: {"display_value": read(row), "value": ""}
        return lambda row: {"display_value": read(row), "value": row.get(name, "")}

    def _reference(self, path: Path) -> Cell:
        column, api = path.last, self._call.api
        read = self._display.reader(path.table, column)
        name, target = column.name, column.reference or "sys_user_group"
        domain = column.kind == "domain_id"

        def shown(row: Row) -> str:
            return read(row) if not domain else row.get(name, "")

        def cell(row: Row) -> object:
            value = row.get(name, "")
            link = {"link": f"{api}/{target}/{value}"} if value and self._links else {}
            match self._mode:
                case "all":
                    # A reference to a record that is gone has no display value, which is not an empty one.
                    gone = value and not domain and self._display.title(target, value) is None
                    return {"display_value": None if gone else shown(row), **link, "value": value}
                case "true":
                    return {"display_value": shown(row), **link} if link else shown(row)
                case _:
                    return {**link, "value": value} if link else value

        return cell
