"""A forecast as a calendar (iCalendar, RFC 5545), for those who lead teams: an event for each escalation to come."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Final

from agent.plan.forecasting import Expected, Forecast
from rules.instants import moment

LASTS: Final = timedelta(minutes=15)
"""An escalation takes no time; a calendar shows nothing that takes none."""
_DOMAIN: Final = "forecast.hoist"


def calendar(forecast: Forecast, name: str = "hoist: escalations to come") -> bytes:
    """The whole feed. Events keep their identity from one forecast to the next: an escalation that moves is moved."""
    import icalendar  # noqa: PLC0415 - it takes as long to load as all of hoist

    made = icalendar.Calendar()
    made.add("prodid", "-//hoist//forecast//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", name)
    for each in forecast.expected:
        event = icalendar.Event()
        event.add("uid", _uid(each))
        event.add("dtstamp", moment(forecast.begins))
        event.add("dtstart", moment(each.at))
        event.add("dtend", moment(each.at) + LASTS)
        event.add("summary", summary(each))
        event.add("description", "\n".join((*each.because, *_told(each))))
        event.add("transp", "TRANSPARENT")
        if each.url:
            event.add("url", each.url)
        made.add_component(event)
    found: bytes = made.to_ical()
    return found


def _uid(each: Expected) -> str:
    said = "\x1f".join((each.source, each.key, *each.rules, *each.steps))
    return f"{sha256(said.encode()).hexdigest()[:32]}@{_DOMAIN}"


def summary(each: Expected) -> str:
    """`SD-17 goes to network-ops (nobody-took-it)`."""
    if each.confidential:
        return f"{each.key}: {each.rules[0].lower()}"
    what = f"goes to {each.team}" if each.moves else f"is escalated with {each.team}"
    return f"{each.key} {what} ({', '.join(dict.fromkeys(each.rules))})"


def _told(each: Expected) -> list[str]:
    said = [f"paged: {', '.join(each.paged)}"] if each.paged else []
    return said + ([f"told: {', '.join(each.told)}"] if each.told else [])
