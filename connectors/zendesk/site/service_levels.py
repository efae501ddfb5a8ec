"""The account's SLA policy and the clocks of its tickets: targets by priority, in calendar time.

A ticket without a priority has no target. A bump re-applies the policy, so that its targets jump at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from connectors.zendesk.site.catalog import Catalog
from connectors.zendesk.site.moments import stamp, stamped
from connectors.zendesk.site.state import Ticket
from rules.instants import DAY, HOUR, MINUTE, Instant

POLICY: Final = 36_011_000_000_001
TITLE: Final = "All tickets"
DONE: Final = frozenset({"solved", "closed"})
TARGETS: Final[Mapping[str, Mapping[str, int]]] = {
    "first_reply_time": {"urgent": 30 * MINUTE, "high": 2 * HOUR, "normal": 8 * HOUR, "low": 24 * HOUR},
    "requester_wait_time": {"urgent": 4 * HOUR, "high": 8 * HOUR, "normal": 24 * HOUR, "low": 72 * HOUR},
}
"""Milliseconds by metric and priority."""
EVENT_NAMES: Final = {"first_reply_time": "reply_time", "requester_wait_time": "requester_wait_time"}
"""What the stream of metric events calls a policy's metric."""


class Clock(NamedTuple):
    """One target of a ticket: how far it has got. `breach_at` is None while it stands still."""

    metric: str
    stage: str  # active, paused, achieved
    target: int
    breach_at: Instant | None
    left: int


def clocks(ticket: Ticket, catalog: Catalog, now: Instant) -> list[Clock]:
    """The clocks of a ticket at an instant."""
    priority = str(ticket.values.get("priority") or "")
    if not priority or ticket.deleted is not None:
        return []
    return [_clock(metric, lengths[priority], ticket, catalog, now) for metric, lengths in TARGETS.items()]


def _clock(metric: str, target: int, ticket: Ticket, catalog: Catalog, now: Instant) -> Clock:
    if metric == "first_reply_time":
        breach = ticket.created + target
        return Clock(metric, "achieved" if _replied(ticket, catalog) else "active", target, breach, breach - now)
    spent = _waited(ticket, now)
    if ticket.status in DONE:
        return Clock(metric, "achieved", target, None, target - spent)
    if ticket.status == "pending":
        return Clock(metric, "paused", target, None, target - spent)
    return Clock(metric, "active", target, now + target - spent, target - spent)


def _replied(ticket: Ticket, catalog: Catalog) -> Instant | None:
    """When an agent first answered in public."""
    return next((each.at for each in ticket.comments if each.public and catalog.is_agent(each.author)), None)


def _waited(ticket: Ticket, now: Instant) -> int:
    """How long the requester has waited: while new, open or on hold."""
    ends = [*ticket.statuses, (now, "")]
    return sum(end - start for (start, status), (end, _) in pairwise(ends) if status in {"new", "open", "hold"} and end > start)


def policy_metrics(ticket: Ticket, catalog: Catalog, now: Instant) -> list[dict[str, Any]]:
    """The sideload `slas` of a ticket: what is left in the largest unit that it fills, negative after a breach."""
    found = []
    for each in clocks(ticket, catalog, now):
        unit, length = next(((name, size) for name, size in (("days", DAY), ("hours", HOUR)) if abs(each.left) >= size),
                            ("minutes", MINUTE))  # fmt: skip
        shown: dict[str, Any] = {"breach_at": stamped(each.breach_at), "stage": each.stage, "metric": each.metric}
        found.append(shown | {unit: int(each.left / length)})
    return found


def policy(base: str, made: Instant) -> dict[str, Any]:
    """The one policy, as the API tells it."""
    rows = [
        {"priority": priority, "metric": metric, "target": length // MINUTE, "target_in_seconds": length // 1000,
         "business_hours": False}
        for metric, lengths in TARGETS.items()
        for priority, length in lengths.items()
    ]  # fmt: skip
    return {
        "url": f"{base}/api/v2/slas/policies/{POLICY}.json",
        "id": POLICY,
        "title": TITLE,
        "description": "",
        "position": 1,
        "filter": {"all": [{"field": "status", "operator": "less_than", "value": "closed"}], "any": []},
        "policy_metrics": rows,
        "created_at": stamp(made),
        "updated_at": stamp(made),
    }


class MetricEvent(NamedTuple):
    at: Instant
    ticket: int
    metric: str
    kind: str  # activate, pause, fulfill, apply_sla, breach, update_status
    target: int = 0

    def shown(self, id_: int) -> dict[str, Any]:
        """As the stream tells it."""
        found: dict[str, Any] = {"id": id_, "ticket_id": self.ticket, "metric": self.metric, "instance_id": 1}
        found |= {"type": self.kind, "time": stamp(self.at)}
        if self.kind == "apply_sla":
            minutes = self.target // MINUTE
            found["sla"] = {"target": minutes, "target_in_seconds": minutes * 60, "business_hours": False}
            found["sla"]["policy"] = {"id": POLICY, "title": TITLE, "description": None}
        return found


def metric_events(ticket: Ticket, catalog: Catalog, now: Instant) -> Iterator[MetricEvent]:
    """What happened to the clocks of a ticket until now."""
    for each in clocks(ticket, catalog, now):
        name = EVENT_NAMES[each.metric]
        yield MetricEvent(ticket.created, ticket.id, name, "activate")
        yield MetricEvent(ticket.created, ticket.id, name, "apply_sla", each.target)
        breach = each.breach_at
        if name == "reply_time":
            replied = _replied(ticket, catalog)
            if replied is not None:
                yield MetricEvent(replied, ticket.id, name, "fulfill")
            if breach is not None and breach <= (replied if replied is not None else now):
                yield MetricEvent(breach, ticket.id, name, "breach")
            continue
        yield from _wait_events(ticket, name)
        if each.stage == "active" and breach is not None and breach <= now:
            yield MetricEvent(breach, ticket.id, name, "breach")


def _wait_events(ticket: Ticket, name: str) -> Iterator[MetricEvent]:
    for (_, before), (at, status) in pairwise(ticket.statuses):
        if status == "pending":
            yield MetricEvent(at, ticket.id, name, "pause")
        elif status in DONE and before not in DONE:
            yield MetricEvent(at, ticket.id, name, "fulfill")
        elif before in {"pending", *DONE} and status not in DONE:
            yield MetricEvent(at, ticket.id, name, "activate")
