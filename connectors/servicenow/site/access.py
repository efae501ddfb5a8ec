"""Who may do what: roles, and access rules on tables, fields and rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from connectors.servicenow.site.display import Session
from connectors.servicenow.site.policies import Policies
from connectors.servicenow.site.store import Row
from connectors.servicenow.site.tables import Table

REST: Final = "snc_platform_rest_api_access"
ITIL: Final = "itil"
ADMIN: Final = "admin"
HISTORY_READER: Final = "hoist_history_reader"
"""The sandbox's own role for the tables that itil does not read."""
SERVICE: Final = "hoist_integration"
"""Marks the service account, so that its access can be narrowed."""

RESERVED: Final = frozenset(
    {"sys_audit", "sys_audit_delete", "sys_journal_field", "sys_dictionary", "sys_db_object", "sys_choice", "sys_properties"}
    | {"sys_user_grmember", "sys_user_has_role", "sys_user_role", "dl_u_priority", "sys_glide_object"}
)
"""Tables that need more than itil."""

UNWRITABLE: Final = frozenset(
    {"sys_audit", "sys_audit_delete", "sys_dictionary", "sys_db_object", "sys_glide_object", "task_sla"}
)
_FOR_CALLERS: Final = frozenset({"incident", "task", "sys_user", "sys_user_group", "cmdb_ci", "sys_choice"})
_BY_CALLERS: Final = frozenset({"caller_id", "short_description", "description", "comments", "impact", "urgency", "cmdb_ci"})
_HIDDEN_COLUMNS: Final = frozenset({"user_password"})
_STAFF_ONLY: Final = frozenset({"work_notes", "work_notes_list", "comments_and_work_notes"})


class Access:
    """The access of one session. Tables are asked by their name; the column `*` stands for the table itself."""

    def __init__(
        self, tables: Mapping[str, Table], session: Session, policies: Policies, holds: Callable[[str, str, Row], bool]
    ) -> None:
        """`holds` says whether a row of a table fulfils an encoded query."""
        self._tables = tables
        self._session = session
        self._policies = policies
        self._holds = holds
        self.service = SERVICE in session.roles
        self._withheld = frozenset(policies.withheld) if self.service else frozenset()
        self._known: dict[tuple[str, str, str], bool] = {}

    @property
    def rest(self) -> bool:
        """Whether the REST API is open at all."""
        return "rest" not in self._withheld and bool({REST, ITIL, ADMIN} & self._session.roles)

    def may(self, right: str, table: str, column: str = "*") -> bool:
        """Whether records of a table, or a column of them, may be read, written, created or deleted."""
        asked = (right, table, column)
        if asked not in self._known:
            self._known[asked] = self._decided(right, table, column)
        return self._known[asked]

    def _decided(self, right: str, table: str, column: str) -> bool:
        if right != "read" and table in UNWRITABLE:
            return False
        if column in _HIDDEN_COLUMNS or not self._by_role(right, table, column):
            return False
        lineage = self._lineage(table)
        if right == "create" and any(f"write {name}" in self._withheld for name in lineage):
            return False
        denied = {f"{right} {name}" for name in lineage} | {f"{right} {name}.{column}" for name in lineage}
        return not denied & self._withheld

    def sees(self, table: str, row: Row) -> bool:
        """Whether a row of a readable table is readable."""
        roles, session = self._session.roles, self._session
        if self.service:
            return not any(
                self._holds(name, query, row) for name, query in self._policies.hidden.items() if name in self._line(row, table)
            )
        if roles & {ITIL, ADMIN} or table not in self._tables["task"].family:
            return True
        return session.user in {row.get("caller_id"), row.get("opened_by")}

    def _by_role(self, right: str, table: str, column: str) -> bool:
        roles = self._session.roles
        if ADMIN in roles:
            return True
        if ITIL in roles:
            if table in RESERVED:
                return right == "read" and HISTORY_READER in roles
            return (
                right != "delete" or table in self._tables["task"].family or table in {"label", "label_entry", "sys_attachment"}
            )
        if table not in _FOR_CALLERS:
            return False
        if right == "read":
            return column not in _STAFF_ONLY
        return table == "incident" and right != "delete" and column in _BY_CALLERS | {"*"}

    def _line(self, row: Row, table: str) -> list[str]:
        return self._lineage(row.get("sys_class_name", table) if row.get("sys_class_name", table) in self._tables else table)

    def _lineage(self, table: str) -> list[str]:
        """The table and those that it extends."""
        found = [table]
        while parent := self._tables[found[-1]].parent:
            found.append(parent)
        return found
