"""What an administrator must mend before hoist works on an instance: rights by table and column, time zone, audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.errors import AskAdmin, ConnectorError, TryLater
from connectors.servicenow import history, service_levels, wire
from connectors.servicenow.client import Query, ServiceNowClient
from connectors.servicenow.facts import IDS_AT_ONCE, InstanceFacts
from connectors.servicenow.mapping import ESSENTIAL, OPTIONAL
from connectors.servicenow.reading import JOURNAL, TAG, TicketReader
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.wire import Row


@dataclass(frozen=True, slots=True)
class _Need:
    """A table that hoist reads beside the tickets, the columns that it can't do without, and what it can't do without them.

    `never_empty`: on an instance that is worked with it has rows, and one that shows none hides them.
    """

    table: str
    columns: tuple[str, ...]
    effect: str
    never_empty: bool = False


_NEEDS: Final = (
    _Need(
        "sys_audit",
        tuple(each for each in history.COLUMNS if each != "record_checkpoint"),
        "it knows no ticket's past",
        never_empty=True,
    ),
    _Need("sys_journal_field", JOURNAL, "it sees no comment, and can't find its own marker"),
    _Need("sys_user", ("sys_id", "user_name", "name", "active"), "it can't tell who acted", never_empty=True),
    _Need("sys_user_group", ("sys_id", "name", "active"), "it knows no team", never_empty=True),
    _Need("sys_choice", ("name", "element", "value", "label"), "it knows no priority and no state by its name", never_empty=True),
)
_LOOKUP: Final = _Need(
    "dl_u_priority", ("impact", "urgency", "priority"), "it can't raise a priority that the instance computes", never_empty=True
)
_LEVELS: Final = _Need("task_sla", service_levels.COLUMNS, "it sees no targets (or set `targets: no`)")
_TAGS: Final = (
    _Need("label", ("sys_id", "name"), "it can't write labels (or set `tags: no`)"),
    _Need("label_entry", TAG, "it sees no labels (or set `tags: no`)"),
)


class Fitness:
    """Looks, and writes nothing."""

    def __init__(
        self, client: ServiceNowClient, facts: InstanceFacts, reader: TicketReader, settings: ServiceNowSettings
    ) -> None:
        self._client, self._facts, self._reader, self._settings = client, facts, reader, settings
        self._touched = False  # a ticket has been changed, so there is an audit, and work was done

    def problems(self) -> list[str]:
        """Sentences, each with its effect and its cure. Raises TryLater."""
        found: list[str] = []
        self._touched = False
        for table in self._settings.tables:
            found += self._of_table(table)
        for need in self._needs():
            found += self._of_need(need)
        return found + self._of_journal()

    def _needs(self) -> Iterator[_Need]:
        yield from _NEEDS
        if {"incident", "problem"} & set(self._settings.tables):
            yield _LOOKUP
        if self._settings.targets:
            yield _LEVELS
        if self._settings.tags:
            yield from _TAGS

    # --- tables of tickets ----------------------------------------------------------------------------------------------

    def _of_table(self, table: str) -> list[str]:
        columns = self._reader.columns(table)
        rows, said = self._looked(Query(table, "ORDERBYDESCsys_updated_on", columns, limit=1, labels=True))
        named = f"{self._client.source}: {table}"
        if said:
            return [
                f"{named} can't be read ({said}): none of its tickets is; correct `tables`, or grant hoist's account read access"
            ]
        if rows is None:
            return [
                f"{named} shows none of its rows to hoist's account: none of its tickets is read; grant it read access to rows"
            ]
        if not rows:
            return []
        (row,) = rows[:1]
        self._touched = self._touched or wire.text(row, "sys_mod_count") not in {"", "0"}
        hidden = [column for column in columns if wire.cell(row, column) is None and column not in OPTIONAL]
        found = [
            f"{named}.{column} is hidden from hoist's account or not there: {self._effect_of(table, column)}; let it be read"
            for column in hidden
        ]
        return [*found, *self._of_time(table, row), *self._of_audit(table)]

    def _effect_of(self, table: str, column: str) -> str:
        if column in ESSENTIAL:
            return "without it no ticket can be read"
        if any(column in provider.columns for provider in self._settings.providers):
            return "nobody knows of cases at providers (or correct `cases`)"
        if column in self._settings.columns:
            return "rules that ask for it find nothing (or take it out of `columns`)"
        if column == self._facts.requester_of(table):
            return "replies can't be told from answers (or name another column in `requesters`)"
        return "rules find nothing there, and hoist can't write it"

    def _of_time(self, table: str, row: Row) -> list[str]:
        """Whether the instance takes a time in a condition for what it shows: in UTC."""
        id_, stamp = wire.text(row, "sys_id"), wire.text(row, "sys_updated_on")
        if not wire.SYS_ID.fullmatch(id_) or wire.stamp_or_none(stamp) is None:
            return []
        rows, _ = self._looked(Query(table, f"sys_id={id_}^sys_updated_on={stamp}", ("sys_id", "sys_updated_on"), limit=2))
        if rows:
            return []
        again, _ = self._looked(Query(table, f"sys_id={id_}", ("sys_id", "sys_updated_on"), limit=2))
        if not again or wire.text(again[0], "sys_updated_on") != stamp:  # somebody has just changed it
            return []
        return [
            (
                f"{self._client.source}: a row of {table} is not found by the time of its last change: times are read in "
                f"the account's zone; set the time zone of hoist's account to GMT"
            )
        ]

    def _of_audit(self, table: str) -> list[str]:
        """Whether the table is audited, as far as the dictionary may be read."""
        columns = ("name", "element", "audit")
        audited, said = self._looked(Query("sys_dictionary", f"name={table}^audit=true", columns, limit=1))
        described, _ = self._looked(Query("sys_dictionary", f"name={table}", columns, limit=1)) if audited == [] else (None, "")
        if said or not described or wire.text(described[0], "audit") != "false":
            return []
        return [
            (
                f"{self._client.source}: {table} is not audited: hoist would know nothing of its tickets' past, nor see whom "
                f"it overwrites; turn on Audit in the table's dictionary entry"
            )
        ]

    # --- tables beside them ---------------------------------------------------------------------------------------------

    def _of_need(self, need: _Need) -> list[str]:
        rows, said = self._looked(Query(need.table, "", need.columns, limit=1))
        if rows == [] and need.never_empty and self._touched:
            return [(f"{self._client.source}: hoist's account sees no row of {need.table}: {need.effect}; grant it read access")]
        named = f"{self._client.source}: hoist's account lacks read access to {need.table}"
        if said or rows is None:
            return [f"{named}{f' ({said})' if said else ''}: {need.effect}; grant it"]
        missing: Mapping[str, None] = dict.fromkeys(
            column for row in rows for column in need.columns if wire.cell(row, column) is None
        )
        return [f"{named}.{column}: {need.effect}; grant it" for column in missing]

    def _of_journal(self) -> list[str]:
        """Whether the journal looks empty although the audit tells of entries: some instances hide rows without a word."""
        entries, said = self._looked(Query("sys_journal_field", "", JOURNAL, limit=1))
        if said or entries != []:
            return []  # said already, or nothing to say
        ids = [wire.text(row, "sys_id") for table in self._settings.tables for row in self._newest(table)]
        wanted = [id_ for id_ in ids if wire.SYS_ID.fullmatch(id_)][:IDS_AT_ONCE]
        where = f"documentkeyIN{','.join(wanted)}^fieldnameIN{','.join(sorted(history.JOURNALS))}"
        told, _ = self._looked(Query("sys_audit", where, ("fieldname",), limit=5)) if wanted else ((), "")
        if not any(wire.text(row, "fieldname") in history.JOURNALS for row in told or ()):
            return []
        effect = "it sees no comment, and can't find its own marker"
        return [f"{self._client.source}: hoist's account lacks read access to the rows of sys_journal_field: {effect}; grant it"]

    def _newest(self, table: str) -> Sequence[Row]:
        where = "sys_mod_count>0^ORDERBYDESCsys_updated_on"
        return self._looked(Query(table, where, ("sys_id",), limit=IDS_AT_ONCE, counted=False))[0] or ()

    def _looked(self, query: Query) -> tuple[Sequence[Row] | None, str]:
        """A row or two, None where there are some and all are hidden; and what the instance says where it refuses."""
        try:
            found = self._client.find(query)
        except TryLater:
            raise
        except AskAdmin as refusal:
            if ": 401" in str(refusal):
                raise
            return None, _words(str(refusal), self._client.source)
        except ConnectorError as refusal:
            return None, _words(str(refusal), self._client.source)
        return None if found.hidden else found.rows, ""


def _words(said: str, source: str) -> str:
    """The instance's own words out of an error's message."""
    return said.removeprefix(f"{source}: ").partition(";")[0]
