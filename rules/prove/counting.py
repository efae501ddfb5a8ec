"""Which counts can never be ahead of which others."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rules.protocol.conditions import Count, Counted
from rules.protocol.durations import Duration
from rules.ticket import Kind

_WITHIN: Final = {
    Counted.RETURNED: Counted.REASSIGNED,
    Counted.HANDED_BACK: Counted.RETURNED,
    Counted.BACK_TO_FIRST_LINE: Counted.REASSIGNED,
}
"""Each of the first events is one of the second, too."""


def no_more_than(count: Count, other: Count) -> bool:
    """Whether each event that the one counts is one that the other counts."""
    same = replace(count, event=other.event, within=None, by=None, by_anyone=False)
    if same != replace(other, within=None, by=None, by_anyone=False):
        return False
    return _is_event(count.event, other.event) and _by_fewer(count, other) and _forgets_sooner(count.within, other.within)


def _is_event(event: Counted, other: Counted) -> bool:
    while event != other and event in _WITHIN:
        event = _WITHIN[event]
    return event == other


def _by_fewer(count: Count, other: Count) -> bool:
    if other.by_anyone or (count.by, count.by_anyone) == (other.by, other.by_anyone):
        return True
    return not count.by_anyone and other.by is None and count.by in {Kind.STAFF, Kind.REQUESTER}


def _forgets_sooner(within: Duration | None, other: Duration | None) -> bool:
    if other is None or within == other:
        return True
    if within is None or within.calendar != other.calendar or bool(within.business_days) != bool(other.business_days):
        return False
    return (within.milliseconds, within.business_days) <= (other.milliseconds, other.business_days)
