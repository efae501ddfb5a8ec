"""How long a field has had its present value, whatever that is."""

from __future__ import annotations

from rules.conditions.judge import NEVER_GREW, Holds, Judge, Memo, Span
from rules.intervals import Anchors, Intervals, union
from rules.ticket import UNKNOWN
from rules.timeline import Column, Timeline


def unchanged(field: str, span: Span) -> Judge:
    """Each value from when it has stood for the span, until it changes; the anchor is the change that set it.

    A change is one whoever made it. A value that nobody saw change may have stood as long as what came before it allows.
    """

    def judge(timeline: Timeline, _: Memo) -> Holds:
        column, gone = timeline.columns[field], timeline.gone
        if not column.starts:
            return NEVER_GREW
        ends = [*column.starts[1:], gone]
        surely: Intervals = []
        anchors: Anchors = []
        for start, end, value in zip(column.starts, ends, column.values, strict=True):
            if value is UNKNOWN or end - start <= span.at_least:
                continue
            reached = span.after(start)
            if reached < end:
                surely += (reached, end)
                anchors.append(start)
        return surely, union(surely, _at_most(column, ends, span)) if column.unknown else surely, anchors

    return judge


def _at_most(column: Column, ends: list[int], span: Span) -> Intervals:
    """Where a value may have stood for the span, as far as what is not known is concerned."""
    found: Intervals = []
    starts, values = column.starts, column.values
    for n, end in enumerate(ends):
        since = starts[n]
        if values[n] is UNKNOWN and n:  # the value before it may have gone on
            since = starts[n - 1]
        elif n and values[n - 1] is UNKNOWN:  # it may have come sooner, and may never have been away
            since = starts[n - 2] if n > 1 and values[n - 2] == values[n] else starts[n - 1]
        reached = max(starts[n], span.after(since))
        if reached < end:
            found = union(found, [reached, end])
    return found
