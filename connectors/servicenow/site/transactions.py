"""How a record is saved: rules before, policies, stamps, the row, its audit and journal, rules after. All of it, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from connectors.servicenow.site import service_levels, task_rules
from connectors.servicenow.site.answers import forbidden
from connectors.servicenow.site.choices import FIRST_STATE
from connectors.servicenow.site.display import Choices
from connectors.servicenow.site.moments import stored
from connectors.servicenow.site.policies import Policies
from connectors.servicenow.site.store import Row, Store
from connectors.servicenow.site.tables import Table
from rules.instants import Instant

Holds = Callable[[str, str, Row], bool]
"""Whether a row of a table fulfils an encoded query."""

FIRST_NUMBER: Final = 10_000
JOURNAL_ADDITION: Final = "JOURNAL FIELD ADDITION"
"""The old value of a journal entry's audit row."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Who saves, when, and what takes part in it.

    `user` is a sys_id. `committed_at` is when others can see it; at once for None. `rules` are business rules, what follows from
    them included; `checked` are data policies and aborts; `stamps` is autoSysFields; `again` is one more update of the record by
    a rule after the save.
    """

    at: Instant
    user: str
    user_name: str
    committed_at: Instant | None = None
    rules: bool = True
    checked: bool = True
    stamps: bool = True
    audited: bool = True
    again: bool = False
    depth: int = 0

    def of_rule(self) -> Transaction:
        """A save by a rule, in the transaction that set it off; no further records follow from it."""
        return replace(self, depth=self.depth + 1, again=False, checked=False)


class Saving:
    """Saves records of one instance."""

    def __init__(self, store: Store, choices: Choices, policies: Policies, holds: Holds) -> None:
        self.store = store
        self.choices = choices
        self.policies = policies
        self.priorities = task_rules.Priorities(store)
        self._holds = holds
        self._numbers: Counter[str] = Counter()
        self.saved: Callable[[str, Row], None] | None = None
        """Told of each record that was saved with business rules."""

    def insert(self, table: str, values: Mapping[str, str], by: Transaction) -> Row:
        """A new record. Raises Refused."""
        known = self.store.tables[table]
        row = {name: column.default for name, column in known.columns.items() if column.default}
        row |= {name: value for name, value in values.items() if not known.columns[name].journal}
        sys_id = values.get("sys_id") or self.store.new_id(table)
        now = stored(by.at)
        row |= {"sys_id": sys_id, "sys_created_on": now, "sys_created_by": by.user_name}
        if "sys_updated_on" in known.columns:
            row |= {"sys_updated_on": now, "sys_updated_by": by.user_name, "sys_mod_count": "0"}
        if "sys_class_name" in known.columns:
            row["sys_class_name"] = table
        if known.prefix:
            self._as_task(known, row, by)
        return self._finish(table, {}, row, _journals(known, values), by)

    def update(self, table: str, before: Row, values: Mapping[str, str], by: Transaction) -> Row:
        """The record with new values; the same row where nothing differs. Raises Refused."""
        known = self.store.tables[table]
        row = {**before, **{name: value for name, value in values.items() if not known.columns[name].journal}}
        return self._finish(table, before, row, _journals(known, values), by)

    def delete(self, table: str, row: Row, by: Transaction) -> None:
        """Take a record away, with the service levels that hang on it."""
        known, sys_id = self.store.tables[table], row["sys_id"]
        self.store.remove(table, sys_id, by.committed_at)
        for sla in self.store.where("task_sla", "task", sys_id):
            self.store.remove("task_sla", sla["sys_id"], by.committed_at)
        if known.audited:
            shown = {"display_value": row.get(known.display, ""), "documentkey": sys_id, "tablename": table, "user": by.user_name}
            self.insert("sys_audit_delete", shown, by)

    # --- one save ------------------------------------------------------------------------------------------------------

    def _finish(self, table: str, before: Row, row: dict[str, str], journals: Mapping[str, str], by: Transaction) -> Row:
        known = self.store.tables[table]
        task = bool(known.prefix)
        if task and by.rules:
            task_rules.before(self, table, before, row, journals, by)
        if by.checked:
            self._check(table, row, journals)
        row = {name: value for name, value in row.items() if value}
        changed = sorted({name for name, _ in before.items() ^ row.items()})
        if before and not changed and not journals:
            return before
        if before and by.stamps and "sys_mod_count" in known.columns:
            count = int(before.get("sys_mod_count", "0")) + (2 if by.again else 1)
            row |= {"sys_mod_count": str(count), "sys_updated_on": stored(by.at), "sys_updated_by": by.user_name}
        self.store.put(table, row, by.committed_at)
        if task and by.committed_at is None:
            self.store.commit(row["sys_id"])
        if known.audited and before and by.audited:
            self._audit(table, before, row, changed, journals, by)
        for element, text in journals.items():
            self.insert("sys_journal_field", {"name": table, "element": element, "element_id": row["sys_id"], "value": text}, by)
        if task and by.rules:
            service_levels.follow(self, table, before, row, by)
            if by.depth == 0:
                task_rules.after(self, table, before, row, by)
            if self.saved is not None:
                self.saved(table, row)
        return row

    def _as_task(self, known: Table, row: dict[str, str], by: Transaction) -> None:
        if not row.get("number"):
            self._numbers[known.name] += 1
            row["number"] = f"{known.prefix}{FIRST_NUMBER + self._numbers[known.name]:07}"
        row |= {"task_effective_number": row["number"], "opened_at": row.get("opened_at") or stored(by.at)}
        row["opened_by"] = row.get("opened_by") or by.user
        if known.name in FIRST_STATE and row.get("state") == "1":
            row["state"] = FIRST_STATE[known.name]

    def _check(self, table: str, row: Row, journals: Mapping[str, str]) -> None:
        """Raise what aborts the save, in the platform's words."""
        for abort in self.policies.aborts:
            if abort.table == table and self._holds(table, abort.when, row):
                self.abort(table, abort.name)
        for policy in self.policies.mandatory:
            if policy.table != table or not self._holds(table, policy.when, row):
                continue
            columns = self.store.tables[table].columns
            missing = [columns[name].label for name in policy.fields if not row.get(name) and name not in journals]
            if missing:
                forbidden(f"Data Policy Exception: The following fields are mandatory: {', '.join(missing)}")

    def abort(self, table: str, rule: str) -> None:
        """Raise the refusal of a business rule."""
        id_ = self.store.new_id("sys_script")
        forbidden(f"Operation against file '{table}' was aborted by Business Rule '{rule}^{id_}'. Business Rule Stack:{rule}")

    def _audit(
        self, table: str, before: Row, row: Row, changed: list[str], journals: Mapping[str, str], by: Transaction
    ) -> None:  # fmt: skip
        values = [(name, before.get(name, ""), row.get(name, "")) for name in changed if not name.startswith("sys_")]
        values += [(name, JOURNAL_ADDITION, text) for name, text in journals.items()]
        common = {
            "documentkey": row["sys_id"],
            "tablename": table,
            "user": by.user_name,
            "sys_created_by": by.user_name,
            "sys_created_on": stored(by.at),
            "record_checkpoint": row.get("sys_mod_count", ""),
        }
        for name, old, new in values:
            entry = {"sys_id": self.store.new_id("sys_audit"), "fieldname": name, **common}
            if old:
                entry["oldvalue"] = old
            if new:
                entry["newvalue"] = new
            self.store.put("sys_audit", entry, by.committed_at)


def _journals(known: Table, values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if known.columns[name].journal and value}
