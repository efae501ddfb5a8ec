"""A timestamp that the ticket carries lies near, or has passed."""

from __future__ import annotations

from rules.conditions.judge import Holds, Judge, Memo, Span
from rules.instants import Instant
from rules.intervals import Anchors, Intervals, union
from rules.ticket import UNKNOWN
from rules.timeline import Timeline


def due(field: str, within: Span, passed_for: Span | None = None) -> Judge:
    """From so much business time before the timestamp on (after it, with `passed_for`), as long as it stands.

    The anchor is the instant at which it was set.
    """

    def judge(timeline: Timeline, _: Memo) -> Holds:
        column = timeline.column(field)
        surely: Intervals = []
        anchors: Anchors = []
        for n, (since, value) in enumerate(zip(column.starts, column.values, strict=True)):
            if not isinstance(value, int):
                continue
            until = column.starts[n + 1] if n + 1 < len(column.starts) else timeline.gone
            start = near(value, since, within) if passed_for is None else max(since, passed_for.after(value))
            if start < until:
                surely += (start, until)
                anchors.append(since)
        if UNKNOWN not in column.values:
            return surely, surely, anchors
        return surely, union(surely, column.unknown), anchors

    return judge


def near(at: Instant, since: Instant, within: Span) -> Instant:
    """The first instant, `since` or later, from which no more than the span is left until `at`.

    Business time is left as the calendar counts it between the two; of business days, as many as end at or after `at`.
    """
    if at <= since:
        return since
    if within.plain is not None:
        return max(since, at - within.plain)
    calendar = within.calendar
    low, high = since, at  # what is left only ever shrinks, so the first instant is found by halving
    while low < high:
        middle = (low + high) // 2
        if within.duration.business_days:
            enough = within.after(middle) >= at
        else:
            enough = calendar.between(middle, at) <= within.duration.milliseconds
        if enough:
            high = middle
        else:
            low = middle + 1
    return low
