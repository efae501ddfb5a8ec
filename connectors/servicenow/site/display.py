"""What a value looks like: database value or display value, in the zone, format and language of the session's user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from connectors.servicenow.site.moments import duration_shown, shown
from connectors.servicenow.site.store import Row, Store
from connectors.servicenow.site.tables import Column
from rules.instants import Instant

JOURNALS: Final = {"work_notes": "Work notes", "comments": "Additional comments"}


@dataclass(frozen=True, slots=True)
class Session:
    """Whose eyes look. `form` is a strftime pattern. `user` is a sys_id."""

    user: str
    user_name: str
    roles: frozenset[str]
    zone: tzinfo
    form: str
    language: str = "en"


class Choices:
    """Labels of choice fields, from sys_choice; read anew when a choice changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read = -1
        self._labels: dict[tuple[str, str], dict[str, dict[str, str]]] = {}

    def of(self, table: str, element: str, language: str = "en") -> Mapping[str, str]:
        """Value to label of a column, from the nearest table that has any; empty for a column without choices."""
        if self._read != self._store.saves["sys_choice"]:
            self._load()
        while table:
            if found := self._labels.get((table, element)):
                return found.get(language) or found.get("en") or {}
            table = self._store.tables[table].parent
        return {}

    def _load(self) -> None:
        self._read = self._store.saves["sys_choice"]
        self._labels = {}
        for row in sorted(self._store.all("sys_choice"), key=lambda each: int(each.get("sequence", "0"))):
            if row.get("inactive") != "true":
                languages = self._labels.setdefault((row.get("name", ""), row.get("element", "")), {})
                languages.setdefault(row.get("language", "en"), {})[row.get("value", "")] = row.get("label", "")


class Display:
    """Display values for one session at one instant."""

    def __init__(self, store: Store, choices: Choices, session: Session, now: Instant) -> None:
        self._store = store
        self._choices = choices
        self._session = session
        self._now = now
        self._titles: dict[tuple[str, str], str | None] = {}

    def title(self, table: str, sys_id: str) -> str | None:
        """What a record is called; None where it is not there."""
        known = (table, sys_id)
        if known not in self._titles:
            row = self._store.get(table, sys_id, self._now) if table in self._store.tables else None
            found = self._store.tables[table].display if row is not None else ""
            self._titles[known] = None if row is None else row.get(found, "")
        return self._titles[known]

    def of(self, table: str, column: Column, row: Row) -> str:
        """A column's display value."""
        return self.reader(table, column)(row)

    def reader(self, table: str, column: Column) -> Callable[[Row], str]:
        """What gives a column's display value of any row of a table."""
        name, reference, zone, form = column.name, column.reference, self._session.zone, self._session.form
        if column.journal:
            return lambda row: self._journal(row, name)
        if column.kind == "reference":
            return lambda row: self.title(reference, value) or "" if (value := row.get(name)) else ""
        if column.moment:
            return lambda row: shown(value, zone, form) if (value := row.get(name)) else ""
        known: dict[tuple[str, str], str] = {}

        def read(row: Row) -> str:
            value = row.get(name, "")
            if not value:
                return ""
            key = row.get("sys_class_name", table), value
            if key not in known:
                known[key] = self._other(key[0], column, value)
            return known[key]

        return read

    def _other(self, table: str, column: Column, value: str) -> str:
        match column.kind:
            case "glide_duration":
                return duration_shown(value)
            case "glide_list":
                return ", ".join(self.title(column.reference, each) or each for each in value.split(","))
            case "sys_class_name":
                return self._store.tables[value].label if value in self._store.tables else value
            case "integer" | "string":
                labels = self._choices.of(table if table in self._store.tables else "task", column.name, self._session.language)
                if value in labels:
                    return labels[value]
                return f"{int(value):,}" if column.kind == "integer" and value.lstrip("-").isdigit() and not labels else value
        return value

    def _journal(self, row: Row, element: str) -> str:
        """All entries as one text, the newest first, as a form shows them."""
        wanted = tuple(JOURNALS) if element == "comments_and_work_notes" else (element,)
        entries = [
            each for each in self._store.where("sys_journal_field", "element_id", row["sys_id"]) if each["element"] in wanted
        ]
        entries.sort(key=lambda each: each["sys_created_on"], reverse=True)
        return "".join(
            f"{shown(each['sys_created_on'], self._session.zone, self._session.form)} - {self._name(each['sys_created_by'])} "
            f"({JOURNALS.get(each['element'], each['element'])})\n{each.get('value', '')}\n\n"
            for each in entries
        )

    def _name(self, user_name: str) -> str:
        users = self._store.where("sys_user", "user_name", user_name)
        return users[0].get("name", user_name) if users else user_name
