"""Silence: in each gap between what people did or wrote, from some time after the gap began.

Before a ticket's history is complete anything may have been done or written, so nothing there is surely silent.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Final

from rules.conditions.judge import Holds, Judge, Memo, Span
from rules.instants import Instant
from rules.intervals import Anchors, Intervals
from rules.ticket import Kind
from rules.timeline import Timeline

_AT: Final = itemgetter(0)


def silent(kinds: tuple[Kind, ...], span: Span, *, replies_only: bool) -> Judge:
    """Nobody of these kinds did anything (or wrote) for the span; the anchor is what opened the gap, creation the first one."""

    def judge(timeline: Timeline, _: Memo) -> Holds:
        instants = timeline.replies(*kinds) if replies_only else timeline.touches(*kinds)
        created, complete_from = timeline.created, timeline.complete_from
        may, anchors = _between(created, instants, timeline.gone, span)
        if complete_from == created:
            return may, may, anchors
        surely, anchors = _between(complete_from, instants[bisect_right(instants, complete_from) :], timeline.gone, span)
        return surely, may, anchors

    return judge


def _between(opened: Instant, acts: list[Instant], gone: Instant, span: Span) -> tuple[Intervals, Anchors]:
    """Within each gap before, between and after acts, from the instant at which it has lasted for the span."""
    found: Intervals = []
    anchors: Anchors = []
    at_least, after = span.at_least, span.after
    for closed in (*acts, gone):
        if closed - opened > at_least:
            start = after(opened)
            if start < closed:
                found += (start, closed)
                anchors.append(opened)
        opened = closed
    return found, anchors


def _overdue(opens: list[Instant], closes: list[Instant], span: Span) -> tuple[Intervals, Anchors]:
    """Within each gap, from the instant at which it has lasted for the span."""
    found: Intervals = []
    anchors: Anchors = []
    plain, at_least, after = span.plain, span.at_least, span.after
    for opened, closed in zip(opens, closes, strict=True):
        if closed - opened <= at_least:
            continue
        start = opened + plain if plain is not None else after(opened)
        if start < closed:
            found += (start, closed)
            anchors.append(opened)
    return found, anchors


def unanswered(waiting_for: Kind, span: Span, *, touch_answers: bool) -> Judge:
    """Since the other side's first message that the awaited side has not answered; that message is the anchor.

    A change and a message of one instant: the change came first.
    """
    asks_with_creation = waiting_for is Kind.STAFF

    def judge(timeline: Timeline, _: Memo) -> Holds:
        talk = _talk(timeline, waiting_for, touch_answers=touch_answers)
        created, complete_from = timeline.created, timeline.complete_from
        if complete_from == created:
            opening = [(created, True)] if asks_with_creation else []
            surely, anchors = _overdue(*_waits([*opening, *talk], timeline.gone), span)
            return surely, surely, anchors
        later = (turn for turn in talk if turn[0] >= complete_from)
        surely, anchors = _overdue(*_waits(later, timeline.gone), span)
        may, _unused = _overdue(*_waits(_at_worst(talk, created, complete_from), timeline.gone), span)
        return surely, may, anchors

    return judge


def _talk(timeline: Timeline, waiting_for: Kind, *, touch_answers: bool) -> list[tuple[Instant, bool]]:
    """(instant, whether it asks) of every message that asks or answers, in order.

    A requester asks in private messages too; the staff asks the requester in public ones.
    """
    created = timeline.created
    asking = Kind.REQUESTER if waiting_for is Kind.STAFF else Kind.STAFF
    privately = waiting_for is Kind.STAFF
    turns = [(at, False) for at in timeline.touches(waiting_for)] if touch_answers else []
    for message in timeline.messages:
        kind = message.by.kind
        if kind is waiting_for:
            if message.public:
                turns.append((max(message.at, created), False))
        elif kind is asking and (privately or message.public):
            turns.append((max(message.at, created), True))
    turns.sort(key=_AT)  # keeps what it finds in order: touches before the messages of their instant
    return turns


def _waits(talk: Iterable[tuple[Instant, bool]], gone: Instant) -> tuple[list[Instant], list[Instant]]:
    """The first message of each wait, and the answer that ended it."""
    opens: list[Instant] = []
    closes: list[Instant] = []
    for at, asks in talk:
        waiting = len(opens) > len(closes)
        if asks and not waiting:
            opens.append(at)
        elif waiting and not asks:
            closes.append(at)
    if len(opens) > len(closes):
        closes.append(gone)
    return opens, closes


def _at_worst(talk: list[tuple[Instant, bool]], created: Instant, complete_from: Instant) -> Iterator[tuple[Instant, bool]]:
    """While messages may be missing: as if the other side had written right at the start and after each answer."""
    yield created, True
    for at, asks in talk:
        yield at, asks
        if at < complete_from:
            yield at, True
