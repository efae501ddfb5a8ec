"""The stream of ticket events: the audits of all tickets in the order of time, a thousand to a request.

A run over many changed tickets reads their past from it instead of asking for each ticket's audits. The shape of its rows is
known by use rather than by reference, so that nothing rests on it unseen: a ticket whose rows are not understood, or do not reach
up to its last update, is read by its own audits after all.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/#incremental-ticket-event-export
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic_core import from_json, to_json

from connectors.zendesk import wire
from connectors.zendesk.audits import Audit, Event, Via
from connectors.zendesk.client import ShareUsedUp, ZendeskClient
from connectors.zendesk.rows import TicketRow
from connectors.zendesk.wire import Row, Unreadable, flag, mapping, word
from rules.instants import SECOND, Instant

MOST: Final = 20_000
"""Events that are held at once; tickets whose events lie behind them are read by their own audits."""
_BESIDE: Final = frozenset({
    "id", "via", "via_reference_id", "event_type", "previous_value", "added_tags", "removed_tags", "created_at", "updated_at",
    "comment_present", "comment_public", "audit_id",
})  # fmt: skip
"""What a child event tells beside the field that it is about."""


class Events:
    """The events of one account since a second, read on as far as they are needed. For one thread at a time.

    What is held is the text of each row: a day's events as objects would take ten times as much room.
    """

    def __init__(self, client: ZendeskClient) -> None:
        self._client = client
        self.begin_anew()

    def begin_anew(self, since: int = 0) -> None:
        """Forget what was read; the next run reads what is new by then."""
        self._since, self._next = since, since
        self._ended = False
        self._held = 0
        self._rows: dict[str, dict[str, bytes]] = {}

    def read(self, since: int, until: Instant) -> None:
        """Read the events from a second on to an instant, as far as hoist's share of the exports lasts; what is there is kept."""
        if since != self._since:
            self.begin_anew(since)
        while not self._ended and self._held < MOST and self._next * SECOND <= until:
            try:
                page = self._client.events_since(self._next)
            except ShareUsedUp:
                return
            for row in page.rows:
                self._add(row)
            following = int(page.cursor or 0)
            self._ended = page.ended or not page.rows or following < self._next
            # A page ends with a whole second, and the next one begins with that second once more.
            self._next = following + (following == self._next)

    def _add(self, row: Row) -> None:
        ticket, id_ = wire.text(row, "ticket_id"), wire.text(row, "id")
        known = self._rows.setdefault(ticket, {})
        self._held += id_ not in known
        known[id_] = to_json(row)

    def take(self, row: TicketRow, own: str) -> Sequence[Audit] | None:
        """A ticket's audits since the beginning, or since they were last taken, as far as the row goes.

        None where they are not all there, or say too little of what hoist did. What came after the row comes with a later one.
        """
        held = self._rows.pop(row.id, {})
        self._held -= len(held)
        try:
            found = {id_: told_by(from_json(each)) for id_, each in held.items()}
        except Unreadable:
            return None
        seen = max(row.updated, (row.generated or 0) * SECOND)
        told = [audit for audit in found.values() if audit.created <= seen]
        if later := {id_: each for id_, each in held.items() if found[id_].created > seen}:
            self._rows[row.id] = later
            self._held += len(later)
        if max((audit.created for audit in told), default=self._since * SECOND) < row.updated:
            return None
        if any(audit.author_id == own and not audit.custom for audit in told):
            return None
        return told


def told_by(row: Row) -> Audit:
    """A row of the stream as the audit that it tells of. Raises Unreadable."""
    created, children = wire.stamp_or_none(row.get("created_at")), row.get("child_events")
    if created is None and type(row.get("timestamp")) is int:
        created = row["timestamp"] * SECOND
    if created is None or not isinstance(children, list) or not wire.text(row, "id"):
        raise Unreadable("an event has no id, no time, or no child events")
    by_rule = _is_rule(row)
    return Audit(
        id=wire.text(row, "id"),
        author_id=word(row, "updater_id") or None,
        created=created,
        custom=mapping(mapping(row.get("metadata")).get("custom")),
        via=_via(row),
        events=[_event(child, inherits=by_rule) for child in children if isinstance(child, dict)],
    )


def _event(child: Row, *, inherits: bool) -> Event:
    kind = word(child, "event_type") or ""
    via = _via(child) if not inherits and _is_rule(child) else None
    made = Event(id=word(child, "id") or "", type=kind, via=via)
    if kind in {"Create", "Change"}:
        fields = child.keys() - _BESIDE
        if kind == "Change" and (len(fields) != 1 or "previous_value" not in child):
            raise Unreadable("a change does not name one field and the value before")
        made.field_name = min(fields, default="")
        made.value, made.previous_value = child.get(made.field_name), child.get("previous_value")
        return made
    made.author_id = word(child, "author_id")
    made.public = flag(child, "public") if "public" in child else flag(child, "comment_public")
    made.text = word(child, "plain_body") or word(child, "body")
    made.comment_id = word(child, "comment_id")
    if made.is_comment and (made.public is None or not made.text):
        raise Unreadable("a comment has no text, or does not say who can read it")
    return made


def _is_rule(row: Row) -> bool:
    way = row.get("via")
    return type(way) is str and way.casefold() == "rule"


def _via(row: Row) -> Via:
    """The stream names a way in the words of the screen; a rule is all that has to be told apart."""
    return Via("rule" if _is_rule(row) else (word(row, "via") or "").casefold() or None, word(row, "via_reference_id") or "")
