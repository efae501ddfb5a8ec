"""Rows with every kind of fact (columns, audit, journal, service levels, tags) as tickets; one that is none costs no other.

The facts of many tickets are asked for together: forty sys_ids to a condition, all conditions in one request of the Batch API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.contract import Mark, Quarantined, Reading
from connectors.errors import AskAdmin, GiveUp
from connectors.servicenow import aside, history, service_levels, wire
from connectors.servicenow.aside import Aside
from connectors.servicenow.client import CutShort, Query, ServiceNowClient
from connectors.servicenow.facts import IDS_AT_ONCE, InstanceFacts
from connectors.servicenow.mapping import ESSENTIAL, OPTIONAL, WANTED, Mapper, Parts, Unmappable, mark_of
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.wire import Row
from connectors.together import Together
from rules.instants import Instant
from rules.ticket import Ticket

JOURNAL: Final = ("sys_id", "element_id", "element", "value", "sys_created_on", "sys_created_by")
TAG: Final = ("sys_id", "table_key", "label", "sys_created_on", "sys_created_by")
_BESIDE: Final = frozenset({aside.LEVEL, aside.TAG, aside.APPROVAL})
_DELETED: Final = ("documentkey", "user", "sys_created_on")
_APPROVAL: Final = ("sys_id", "sysapproval", "approver", "state", "sys_updated_on")
_OPTIONAL_TABLES: Final = frozenset({aside.LEVEL, aside.TAG, aside.APPROVAL, aside.DELETED})
_IDS_OF_A_READ: Final = 400
_NUMBER: Final = re.compile(r"[A-Z]{2,12}[0-9]{3,12}")
"""What people call a task: the prefix of its table, and digits."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tickets of rows, those of them that are none, and the marks that hoists have left."""

    tickets: Sequence[Ticket]
    quarantined: Sequence[Quarantined]
    server_time: Instant
    marks: Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What belongs to some tickets, by sys_id."""

    parts: Mapping[str, Parts]
    server_time: Instant


class TicketReader:
    """Reads tickets by sys_id, and completes rows that a page brought."""

    def __init__(self, client: ServiceNowClient, facts: InstanceFacts, noticed: Aside, settings: ServiceNowSettings) -> None:
        self._client, self._facts, self._noticed, self._settings = client, facts, noticed, settings
        self._looks = Together(self._rows_alone, IDS_AT_ONCE)
        self._records = Together(self._rows_with_parts, IDS_AT_ONCE)

    def columns(self, table: str) -> tuple[str, ...]:
        """What is asked of a table's rows."""
        requester = self._facts.requester_of(table)
        cases = (column for provider in self._settings.providers for column in provider.columns)
        return tuple(
            dict.fromkeys((*ESSENTIAL, "sys_updated_by", *WANTED, *OPTIONAL, requester, *self._settings.columns, *cases))
        )

    # --- a page's rows --------------------------------------------------------------------------------------------------

    def completed(self, rows: Sequence[Row]) -> Batch:
        """The tickets of rows, in two requests for most pages: what belongs to them, and accounts that were not met before."""
        ids = [id_ for id_ in wire.texts(rows, "sys_id") if wire.SYS_ID.fullmatch(id_)]
        found = self._belonging(ids)
        return self._mapped(rows, found)

    def _mapped(self, rows: Sequence[Row], found: _Facts) -> Batch:
        instance = self._facts.instance()
        self._facts.saw(rows)
        mapper = Mapper(instance, self._facts.users(_acted(found.parts.values())), found.server_time)
        tickets: list[Ticket] = []
        bad: list[Quarantined] = []
        marks: dict[str, Mark] = {}
        for row in rows:
            id_ = wire.text(row, "sys_id")
            parts = found.parts.get(id_, Parts((), ()))
            try:
                tickets.append(mapper.ticket(row, parts))
            except Unmappable as reason:
                key = wire.text(row, "number")
                sentence = f"{self._client.source}:{key or id_}: {reason}; look at the row and at hoist's rights on its columns"
                bad.append(Quarantined(id_, key, sentence, json.dumps(row, ensure_ascii=False)))
                continue
            if (mark := mark_of(parts.journal, instance.own.user_name)) is not None:
                marks[id_] = mark
        return Batch(tickets, bad, found.server_time, marks)

    # --- by sys_id ------------------------------------------------------------------------------------------------------

    def read(self, ids: Sequence[str]) -> Reading:
        """Any number of tickets, each once; columns and history come in one request where there are not more than forty.

        One that is named by its number is asked for by that first.
        """
        tickets: list[Ticket] = []
        bad: list[Quarantined] = []
        marks: dict[str, Mark] = {}
        gone: list[str] = []
        times: list[Instant] = []
        named = self._named([id_.upper() for id_ in ids if _NUMBER.fullmatch(id_.upper())])
        wanted = list(dict.fromkeys(named.get(id_.upper(), id_) for id_ in ids))
        for start in range(0, len(wanted), _IDS_OF_A_READ):
            some = wanted[start : start + _IDS_OF_A_READ]
            rows, found = self._rows_and_facts([id_ for id_ in some if wire.SYS_ID.fullmatch(id_)])
            batch = self._mapped(list(rows.values()), found)
            tickets += batch.tickets
            bad += batch.quarantined
            marks |= batch.marks
            gone += [id_ for id_ in some if id_ not in rows]
            times.append(batch.server_time)
        earliest = min(filter(None, times), default=0) or self._facts.identify().server_time
        return Reading(tickets, bad, gone, earliest, self._why(gone), marks)

    def _named(self, numbers: Sequence[str]) -> dict[str, str]:
        """The sys_ids of tickets by their numbers, which nothing keeps from being given twice: then they name none."""
        found: dict[str, set[str]] = {}
        for table in self._settings.tables:
            for some in chunks(numbers):
                query = Query(table, f"numberIN{','.join(some)}", ("sys_id", "number"), of=("number", frozenset(some)))
                for row in self._client.find_all(query):
                    found.setdefault(wire.text(row, "number"), set()).add(wire.text(row, "sys_id"))
        return {number: min(those) for number, those in found.items() if len(those) == 1}

    def ticket(self, row: Row, parts: Parts, server_time: Instant) -> Ticket:
        """The ticket of a row. Raises GiveUp for one that is none."""
        try:
            return Mapper(self._facts.instance(), self._facts.users(_acted([parts])), server_time).ticket(row, parts)
        except Unmappable as reason:
            said = str(reason)
        raise GiveUp(
            f"{self._client.source}:{wire.text(row, 'number') or wire.text(row, 'sys_id')}: {said}; look at hoist's rights"
        )

    def row_alone(self, id_: str) -> Row | None:
        """One row with nothing that belongs to it; None where it is gone. Those that are asked for at once are read together."""
        return self._looks.of(id_) if wire.SYS_ID.fullmatch(id_) else None

    def _rows_alone(self, ids: Sequence[str]) -> dict[str, Row]:
        asked = list(self._row_queries(ids, guess=True))
        found = _by_id(asked, self._client.several(asked)[0], self._settings.tables)
        if missing := [id_ for id_ in ids if id_ not in found and self._facts.table_of(id_)]:
            asked = list(self._row_queries(missing, guess=False))
            found |= _by_id(asked, self._client.several(asked)[0], self._settings.tables)
        return found

    def row_and_parts(self, id_: str) -> tuple[Row | None, Parts, Instant]:
        """One row with what belongs to it; None where it is gone. Those that are asked for at once are read together."""
        found = self._records.of(id_) if wire.SYS_ID.fullmatch(id_) else None
        return found or (None, Parts((), ()), 0)

    def _rows_with_parts(self, ids: Sequence[str]) -> dict[str, tuple[Row | None, Parts, Instant]]:
        try:
            rows, found = self._rows_and_facts(ids)
        except CutShort:
            if len(ids) == 1:
                raise
            half = len(ids) // 2
            return self._rows_with_parts(ids[:half]) | self._rows_with_parts(ids[half:])
        self._facts.users(_acted(found.parts.values()))
        return {id_: (rows.get(id_), found.parts[id_], found.server_time) for id_ in ids}

    def _rows_and_facts(self, ids: Sequence[str]) -> tuple[dict[str, Row], _Facts]:
        asked = [*self._row_queries(ids, guess=True), *self._fact_queries(ids)]
        answers, server_time = self._client.several(asked, _OPTIONAL_TABLES)
        rows = _by_id(asked, answers, self._settings.tables)
        missing = [id_ for id_ in ids if id_ not in rows and self._facts.table_of(id_)]
        if missing and len(self._settings.tables) > 1:
            again = list(self._row_queries(missing, guess=False))  # a task whose class was changed is in another table now
            answers_again, time = self._client.several(again)
            rows |= _by_id(again, answers_again, self._settings.tables)
            server_time = min(server_time, time)
        return rows, _Facts(self._parts(ids, asked, answers, server_time), server_time)

    def _row_queries(self, ids: Sequence[str], *, guess: bool) -> Iterator[Query]:
        """Questions for rows: of the table where a ticket was last, or of all tables."""
        for table in self._settings.tables:
            here = [id_ for id_ in ids if not guess or self._facts.table_of(id_) in {"", table} or not self._is_known(id_)]
            for some in chunks(here):
                of = ("sys_id", frozenset(some))
                yield Query(table, f"sys_idIN{','.join(some)}", self.columns(table), labels=True, of=of)

    def _is_known(self, id_: str) -> bool:
        return self._facts.table_of(id_) in self._settings.tables

    def _why(self, gone: Sequence[str]) -> dict[str, str]:
        """What the instance says about deleted rows, where hoist may read that."""
        found: dict[str, str] = {}
        for some in chunks([id_ for id_ in gone if wire.SYS_ID.fullmatch(id_)]):
            where = f"documentkeyIN{','.join(some)}"
            for row in self._client.find_if_allowed(Query("sys_audit_delete", where, _DELETED, limit=500)) or ():
                if (id_ := wire.text(row, "documentkey")) in some:
                    found[id_] = f"{wire.text(row, 'user') or 'somebody'} deleted it at {wire.text(row, 'sys_created_on')} UTC"
        return found

    # --- what belongs to tickets ----------------------------------------------------------------------------------------

    def _belonging(self, ids: Sequence[str]) -> _Facts:
        asked = list(self._fact_queries(ids))
        answers, server_time = self._client.several(asked, _OPTIONAL_TABLES)
        return _Facts(self._parts(ids, asked, answers, server_time), server_time)

    def _fact_queries(self, ids: Sequence[str]) -> Iterator[Query]:
        for some in chunks(ids):
            named, these = ",".join(some), frozenset(some)
            in_order = "^ORDERBYsys_created_on^ORDERBYsys_id"
            yield Query("sys_audit", f"documentkeyIN{named}{in_order}", history.COLUMNS, of=("documentkey", these))
            told = f"element_idIN{named}^elementINcomments,work_notes{in_order}"
            yield Query("sys_journal_field", told, JOURNAL, limit=2_000, of=("element_id", these))
            if self._settings.targets:
                yield Query("task_sla", f"taskIN{named}", service_levels.COLUMNS, labels=True, of=("task", these))
            if self._settings.tags:
                yield Query("label_entry", f"table_keyIN{named}", TAG, labels=True, of=("table_key", these))
            if self._settings.reads_approvers:
                yield Query(aside.APPROVAL, f"sysapprovalIN{named}", _APPROVAL, of=("sysapproval", these))

    def _parts(
        self, ids: Sequence[str], asked: Sequence[Query], answers: Sequence[Sequence[Row] | None], now: Instant
    ) -> dict[str, Parts]:
        found: dict[str, dict[str, list[Row]] | None] = {}
        for query, rows in zip(asked, answers, strict=True):
            if query.of is None or query.table in self._settings.tables:
                continue
            if rows is None and query.table not in _OPTIONAL_TABLES:
                raise AskAdmin(
                    f"{self._client.source}: all rows of {query.table} are hidden from hoist's account: without them it knows no "
                    f"history; grant it read access"
                )
            if rows and query.table in _BESIDE:
                self._noticed.note(rows, now)
            here = found.setdefault(query.table, {})
            if rows is None or here is None:
                found[query.table] = None
                continue
            for id_, row in zip(wire.texts(rows, query.of[0]), rows, strict=True):
                here.setdefault(id_, []).append(row)
        audit, journal = found.get("sys_audit") or {}, found.get("sys_journal_field") or {}
        levels, tags, approvals = (found.get(table) for table in (aside.LEVEL, aside.TAG, aside.APPROVAL))
        return {
            id_: Parts(
                audit.get(id_, ()),
                journal.get(id_, ()),
                None if levels is None else levels.get(id_, ()),
                None if tags is None else tags.get(id_, ()),
                None if approvals is None else approvals.get(id_, ()),
            )
            for id_ in ids
        }


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many sys_ids as fit one condition, again and again."""
    for start in range(0, len(ids), IDS_AT_ONCE):
        yield ids[start : start + IDS_AT_ONCE]


def _acted(parts: Iterable[Parts]) -> set[str]:
    """Who is named as having changed tickets or written on them."""
    names: set[str] = set()
    for each in parts:
        names.update(wire.texts(each.audit, "user"))
        names.update(wire.texts(each.journal, "sys_created_by"))
    return names


def of_table(row: Row, table: str) -> Row:
    """A row that names its table; where its class is hidden, that of the table that was asked."""
    return row if wire.text(row, "sys_class_name") else {**row, "sys_class_name": table}


def _by_id(asked: Sequence[Query], answers: Sequence[Sequence[Row] | None], tables: Sequence[str]) -> dict[str, Row]:
    return {
        wire.text(row, "sys_id"): of_table(row, query.table)
        for query, rows in zip(asked, answers, strict=True)
        if query.table in tables
        for row in rows or ()
    }
