"""A row of a ticket and its audits as a ticket. Pure: the same answers give the same ticket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from connectors.contract import Mark
from connectors.zendesk import wire
from connectors.zendesk.audits import Audit
from connectors.zendesk.history import COMMENT_LIMIT, TEXT_LIMIT, Account, Historian, Past, User, status_of, tags_of, value_of
from connectors.zendesk.rows import Metric, TicketRow
from rules.instants import SECOND, Instant
from rules.ticket import NATIVE, TARGET, UNKNOWN, Status, Ticket, TicketRef, Value

ALWAYS_NATIVE: Final = ("channel", "problem", "has_incidents", "shared")
"""What rules can ask for as `native.NAME` without being configured: how the ticket came in, its problem, whether it is one, and
whether another account has it too."""
READ: Final = frozenset((
    "status", "native_status", "priority", "team", "assignee", "labels", "requester", "type", "project", "subject", "description",
    "due", "organisation", "request_type", "last_comment", "follow_ups",
))  # fmt: skip
"""Fields of a ticket that come of every row and its audits."""

METRICS: Final = (
    "first_reply_time", "next_reply_time", "requester_wait_time", "agent_work_time", "pausable_update_time",
    "periodic_update_time", "total_resolution_time",
)  # fmt: skip
"""The clocks of SLA policies: https://developer.zendesk.com/api-reference/ticketing/business-rules/sla_policies/"""
_RUNNING: Final = frozenset({None, "active", "breached"})
_STOPPED: Final = frozenset({"paused", "achieved", "fulfilled", "inactive"})
"""Stages of a clock. The reference names none of them; these are what other programs have met."""
_YOUNG: Final = "~"
"""Behind the version of a ticket that was read in the second of its last change: stamps are whole seconds, and that second may
have brought another one."""


def row_version(row: TicketRow) -> str:
    """The version of a row as lists show it: when it was last updated."""
    return row.stamp


def read_version(row: TicketRow, known: Instant) -> str:
    """The version of a row that was read at `known`."""
    return row.stamp + (_YOUNG if known // SECOND <= row.updated // SECOND else "")


def stamp_of(version: str) -> str:
    """The stamp that a version names."""
    return version.removesuffix(_YOUNG)


class Mapper:
    """Makes tickets of rows that were read together; `known` is the server time of the earliest answer that they are made of."""

    def __init__(self, account: Account, users: Mapping[str, User], known: Instant) -> None:
        self._account, self._users, self._known = account, users, known
        self._historian = Historian(account, users, known)

    def ticket(self, row: TicketRow, audits: Iterable[Audit]) -> tuple[Ticket, Mark | None]:
        """The ticket of a row with its whole history, and the mark of the hoist that wrote last."""
        past = self._historian.past(audits, row.requester_id, custom_statuses=row.custom_status_id is not None)
        return self._ticket(row, past, row.created), past.mark

    def continued(self, row: TicketRow, audits: Iterable[Audit], since: Instant) -> tuple[Ticket, Mark | None]:
        """The ticket of a row with its history from an instant on."""
        past = self._historian.past(audits, row.requester_id, custom_statuses=row.custom_status_id is not None)
        ticket = self._ticket(row, past, max(since, row.created))
        if past.last_comment is None and since > row.created:
            fields = {name: value for name, value in ticket.fields.items() if name != "last_comment"}
            ticket = replace(ticket, fields=fields)
        return ticket, past.mark

    def closed(self, row: TicketRow) -> Ticket:
        """The ticket of a row whose past was not asked for."""
        return self._ticket(row, None, self._known)

    def _ticket(self, row: TicketRow, past: Past | None, complete_from: Instant) -> Ticket:
        values = self._values(row)
        if past is not None:
            values["last_comment"] = past.last_comment
        return Ticket(
            ref=TicketRef(self._account.source, row.id),
            key=row.id,
            url=f"{self._account.url}/agent/tickets/{row.id}",
            version=read_version(row, self._known),
            created=row.created,
            known=self._known,
            fields=values,
            changes=past.changes if past is not None else (),
            messages=past.messages if past is not None else (),
            complete_from=complete_from,
            native=self._native(row),
        )

    def _values(self, row: TicketRow) -> dict[str, Value]:
        account, meaning = self._account, status_of(row.status)
        found: dict[str, Value] = {
            "status": meaning.value if isinstance(meaning, Status) else meaning,
            "native_status": row.custom_status_id or row.status,
            "priority": row.priority,
            "team": row.group_id,
            "assignee": row.assignee_id,
            "labels": tags_of(row.tags),
            "requester": row.requester_id,
            "type": row.type or None,
            "project": account.name("brand_id", row.brand_id),
            "subject": (row.subject or "")[:TEXT_LIMIT] or None,
            "description": (row.description or "")[:COMMENT_LIMIT] or None,
            "due": UNKNOWN if (due := wire.stamp_or_none(row.due_at)) is None and row.due_at else due,
            "organisation": account.name("organization_id", row.organization_id),
            "request_type": account.name("ticket_form_id", row.ticket_form_id),
            f"{NATIVE}channel": row.channel or None,
            f"{NATIVE}problem": row.problem_id,
            f"{NATIVE}has_incidents": "true" if row.has_incidents else "false",
        }
        if row.followups is not None:
            found["follow_ups"] = len(row.followups)
        if row.agreements is not None:
            found[f"{NATIVE}shared"] = "true" if row.agreements else "false"
        found |= {name: value_of(row.custom[number]) for number, name in account.fields.items() if number in row.custom}
        if row.slas is not None:
            found |= targets(row.slas)
        return found

    def _native(self, row: TicketRow) -> dict[str, str]:
        custom = self._account.statuses.get(row.custom_status_id or "")
        requester, assignee = (self._users.get(id_ or "") for id_ in (row.requester_id, row.assignee_id))
        shown = {
            "status": custom.label if custom is not None else row.status,
            "priority": row.priority or "",
            "requester": requester.name if requester is not None else "",
            "assignee": assignee.name if assignee is not None else "",
        }
        return {name: value for name, value in shown.items() if value}


def targets(metrics: Iterable[Metric]) -> dict[str, Value]:
    """When each clock that runs is due, the past included. One that is paused, met or not there is due at no time.

    A ticket may have several clocks of one metric, one after the other: of those that run the earliest counts. What a stage that
    nobody has heard of means for its clock is not known.
    """
    due: dict[str, Value] = {f"{TARGET}{name}": None for name in METRICS}
    for metric in metrics:
        if not metric.metric:
            continue
        name, at = f"{TARGET}{metric.metric}", wire.stamp_or_none(metric.breach_at)
        before: Value = due.setdefault(name, None)
        if metric.stage in _RUNNING:
            due[name] = before if at is None else min(before, at) if isinstance(before, int) else at
        elif metric.stage not in _STOPPED and before is None:
            due[name] = UNKNOWN
    return due
