"""The stream of ticket events: the audits of all tickets in the order of time, a thousand to a request.

A run over many changed tickets reads their past from it instead of asking for each ticket's audits. The shape of its rows is
known by use rather than by reference, so that nothing rests on it unseen: a ticket whose rows are not understood, or do not reach
up to its last update, is read by its own audits after all.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/#incremental-ticket-event-export
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from connectors.zendesk import wire
from connectors.zendesk.client import ShareUsedUp, ZendeskClient
from connectors.zendesk.wire import Audit, Event, Row, TicketRow, Unreadable, Via
from rules.instants import SECOND, Instant

MOST: Final = 50_000
"""Events that are held at once; tickets whose events lie behind them are read by their own audits."""
_BESIDE: Final = frozenset({
    "id", "via", "via_reference_id", "event_type", "previous_value", "added_tags", "removed_tags", "created_at", "updated_at",
    "comment_present", "comment_public", "audit_id",
})  # fmt: skip
"""What a child event tells beside the field that it is about."""


class Events:
    """The events of one account since a second, read on as far as they are needed. For one thread at a time."""

    def __init__(self, client: ZendeskClient) -> None:
        self._client = client
        self._begin(0)

    def _begin(self, since: int) -> None:
        self._since, self._next = since, since
        self._ended = False
        self._held = 0
        self._audits: dict[str, dict[str, Audit]] = {}
        self._odd: set[str] = set()

    def read(self, since: int) -> None:
        """Read all events from a second on, as far as hoist's share of the exports lasts; what is there already is kept."""
        if since != self._since:
            self._begin(since)
        while not self._ended and self._held < MOST:
            try:
                page = self._client.events_since(self._next)
            except ShareUsedUp:
                return
            for row in page.rows:
                self._add(row)
            self._ended = page.ended or not page.cursor or not page.rows
            # A page ends with a whole second, and the next one begins with that second once more.
            self._next = max(int(page.cursor), self._next + (page.cursor == str(self._next))) if page.cursor else self._next

    def begin_anew(self) -> None:
        """The run is over: the next one reads what is new by then."""
        self._begin(0)

    def _add(self, row: Row) -> None:
        ticket = wire.text(row, "ticket_id")
        try:
            audit = audit_of(row)
        except Unreadable:
            self._odd.add(ticket)
            return
        known = self._audits.setdefault(ticket, {})
        self._held += audit.id not in known
        known[audit.id] = audit

    def past_of(self, row: TicketRow, own: str) -> Sequence[Audit] | None:
        """A ticket's audits since the beginning; None where they are not all there, or say too little of what hoist did."""
        found = list(self._audits.get(row.id, {}).values())
        newest = max((audit.created for audit in found), default=self._since * SECOND)
        if row.id in self._odd or newest < row.updated:
            return None
        if any(audit.author_id == own and not audit.metadata.custom for audit in found):
            return None
        return found


def audit_of(row: Row) -> Audit:
    """A row of the stream as the audit that it tells of. Raises Unreadable."""
    created, children = wire.stamp_or_none(row.get("created_at")), row.get("child_events")
    if created is None and isinstance(row.get("timestamp"), int):
        created = int(row["timestamp"]) * SECOND
    if created is None or not isinstance(children, list) or not wire.text(row, "id"):
        raise Unreadable("an event has no id, no time, or no child events")
    told = row.get("metadata")
    custom = told.get("custom") if isinstance(told, dict) else None
    by_rule = _is_rule(row)
    made = {
        "id": wire.text(row, "id"),
        "ticket_id": wire.text(row, "ticket_id"),
        "author_id": wire.text(row, "updater_id") or None,
        "created_at": created,
        "metadata": {"custom": custom},
        "events": [_event(child, created, inherits=by_rule) for child in children if isinstance(child, dict)],
    }
    return Audit.model_validate(made).model_copy(update={"via": _via(row)})


def _event(child: dict[str, Any], at: Instant, *, inherits: bool) -> Event:
    kind = wire.text(child, "event_type")
    id_ = wire.text(child, "id")
    via = _via(child) if _is_rule(child) and not inherits else None
    if kind in {"Create", "Change"}:
        fields = [name for name in child if name not in _BESIDE]
        if kind == "Change" and (len(fields) != 1 or "previous_value" not in child):
            raise Unreadable(f"an event at {at} does not name one field and the value before")
        name = fields[0] if fields else ""
        return Event(
            id=id_, type=kind, field_name=name, value=child.get(name), previous_value=child.get("previous_value"), via=via
        )
    public = child.get("public", child.get("comment_public"))
    made = Event(
        id=id_,
        type=kind,
        author_id=wire.text(child, "author_id") or None,
        public=public if isinstance(public, bool) else None,
        plain_body=wire.text(child, "plain_body") or None,
        body=wire.text(child, "body") or None,
        comment_id=wire.text(child, "comment_id") or None,
        via=via,
    )
    if made.is_comment and (made.public is None or not (made.plain_body or made.body)):
        raise Unreadable(f"a comment at {at} has no text, or does not say who can read it")
    return made


def _is_rule(row: Row) -> bool:
    return wire.text(row, "via").casefold() == "rule"


def _via(row: Row) -> Via:
    """The stream names a way in the words of the screen; a rule is all that has to be told apart."""
    number = wire.text(row, "via_reference_id")
    channel = "rule" if _is_rule(row) else wire.text(row, "via").casefold() or None
    return Via.model_validate({"channel": channel, "source": {"from": {"id": number} if number else {}}})
