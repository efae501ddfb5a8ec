"""A ticket's row as lists, exports and single reads give it.

Rows are read by hand: an export has a thousand of them on a page, and as models they take twice as long and six times the room.
https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from connectors.zendesk.wire import ID, Row, Unreadable, flag, mapping, number, time_of, word, words
from rules.instants import Instant


class Metric(NamedTuple):
    """One clock of a service level agreement."""

    metric: str
    stage: str | None
    breach_at: str | None


@dataclass(slots=True)
class TicketRow:
    """A ticket. `stamp` is `updated` as it is written; `generated`, seconds since 1970, is of exports alone.

    `custom` holds custom fields by their numbers. `followups`, `agreements` and `slas` are None where the answer leaves them out.
    """

    id: str
    created: Instant
    updated: Instant
    stamp: str
    status: str
    generated: int | None
    custom_status_id: str | None
    priority: str | None
    group_id: str | None
    assignee_id: str | None
    requester_id: str | None
    organization_id: str | None
    brand_id: str | None
    ticket_form_id: str | None
    problem_id: str | None
    has_incidents: bool | None
    type: str | None
    subject: str | None
    description: str | None
    due_at: str | None
    tags: Sequence[str]
    followups: Sequence[str] | None
    agreements: Sequence[str] | None
    custom: Mapping[str, Any]
    channel: str | None
    slas: Sequence[Metric] | None

    @property
    def is_deleted(self) -> bool:
        """Exports go on showing a deleted ticket, with what is left of it."""
        return self.status == "deleted"

    @property
    def is_merged(self) -> bool:
        """Whether it was closed because its conversation goes on in another ticket."""
        return self.status == "closed" and "closed_by_merge" in self.tags


def ticket_of(found: Row) -> TicketRow:
    """A row as a ticket. Raises Unreadable, with what is wrong about it."""
    id_, status = word(found, "id") or "", word(found, "status")
    if not ID.fullmatch(id_):
        raise Unreadable("id: it is no number of a ticket")
    if not status:
        raise Unreadable("status: there is none")
    return TicketRow(
        id=id_,
        created=time_of(found, "created_at"),
        updated=time_of(found, "updated_at"),
        stamp=str(found["updated_at"]),
        status=status,
        generated=number(found, "generated_timestamp"),
        custom_status_id=word(found, "custom_status_id"),
        priority=word(found, "priority"),
        group_id=word(found, "group_id"),
        assignee_id=word(found, "assignee_id"),
        requester_id=word(found, "requester_id"),
        organization_id=word(found, "organization_id"),
        brand_id=word(found, "brand_id"),
        ticket_form_id=word(found, "ticket_form_id"),
        problem_id=word(found, "problem_id"),
        has_incidents=flag(found, "has_incidents"),
        type=word(found, "type"),
        subject=word(found, "subject"),
        description=word(found, "description"),
        due_at=word(found, "due_at"),
        tags=words(found, "tags") or (),
        followups=words(found, "followup_ids"),
        agreements=words(found, "sharing_agreement_ids"),
        custom=_custom(found.get("custom_fields")),
        channel=word(mapping(found.get("via")), "channel"),
        slas=_metrics(found["slas"]) if isinstance(found.get("slas"), dict) else None,
    )


def _custom(found: object) -> dict[str, Any]:
    listed = found if isinstance(found, list) else ()
    return {str(each["id"]): each.get("value") for each in listed if isinstance(each, dict) and "id" in each}


def _metrics(found: Row) -> list[Metric]:
    listed = found.get("policy_metrics")
    made = [mapping(each) for each in listed] if isinstance(listed, list) else []
    return [Metric(word(each, "metric") or "", word(each, "stage"), word(each, "breach_at")) for each in made]
