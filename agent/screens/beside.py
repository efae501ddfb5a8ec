"""What else acts beside hoist on a source: automations that it is in a loop with, other hoists, a webhook that is silent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from agent.foreign import warning
from agent.status import SourceStatus
from rules.instants import written
from rules.phrases import stamp


def lines(each: SourceStatus, zone: ZoneInfo) -> Iterator[tuple[str, str, str]]:
    """Lines of a source's status: title, text and style; none where hoist is alone."""
    for row in each.brakes:
        yield "  BRAKE", f"{row.ticket} {row.rule}: held {row.brake.why}, until {stamp(row.brake.until, zone)}", "yellow"
    if each.other is not None and each.other.installation not in each.row.problem:
        yield "  ANOTHER HOIST", warning(each.other), "yellow"
    if each.webhook:
        yield "  WEBHOOK", each.webhook, "yellow"


def data(each: SourceStatus) -> dict[str, Any]:
    """The same as plain data."""
    brakes = [
        {
            "ticket": row.ticket,
            "rule": row.rule,
            "why": row.brake.why,
            "since": written(row.brake.since),
            "until": written(row.brake.until),
        }
        for row in each.brakes
    ]
    other = each.other
    seen = None if other is None else {"installation": other.installation, "ticket": other.ticket, "at": written(other.at)}
    return {"brakes": brakes, "another_hoist": seen, "webhook": each.webhook or None}
