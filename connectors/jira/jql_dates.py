"""Dates of queries as Data Center reads them: text, by the minute, in the time zone of the account's profile."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules.instants import DAY, HOUR, MINUTE, Instant, moment


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of a profile; None where Python knows none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError):
        return None


def is_exact(at: Instant, zone: ZoneInfo | None) -> bool:
    """Whether a minute's text in this zone means that minute and no other."""
    if zone is None:
        return False
    local = moment(at).astimezone(zone)
    return local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()


def date_text(at: Instant, zone: ZoneInfo | None) -> str:
    """The minute of an instant as the zone writes it, never one that may be later.

    In a zone that Python does not know, a day earlier; in the hour that a clock goes through twice, an hour that it does not.
    """
    if zone is None:
        return f"{moment(at - DAY):%Y-%m-%d %H:%M}"
    while not is_exact(at, zone):
        at -= HOUR
    return f"{moment(at - at % MINUTE).astimezone(zone):%Y-%m-%d %H:%M}"
