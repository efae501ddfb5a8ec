"""Counts: from the n-th event of a kind until the window forgets it.

Events are found once per ticket, and every count of the same events shares them. People's events alone count unless a rule asks
for anyone's. A person who puts back what hoist has just changed overrides it, which is no event of any kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from rules.conditions.judge import NEVER_GREW, Holds, Judge, Memo, Span
from rules.instants import Instant
from rules.intervals import Anchors, Intervals, union
from rules.protocol import Counted
from rules.ticket import UNKNOWN, Kind, Status, Unknown, Value
from rules.timeline import Step, Timeline

_PEOPLE: Final = frozenset((Kind.STAFF, Kind.REQUESTER))
_ANYONE: Final = frozenset(Kind)
_DONE: Final = frozenset((Status.RESOLVED, Status.CLOSED))

FIELD_OF: Final = {
    Counted.REASSIGNED: "team",
    Counted.RETURNED: "team",
    Counted.OWNER_CHANGED: "assignee",
    Counted.REOPENED: "status",
    Counted.PRIORITY_RAISED: "priority",
    Counted.PRIORITY_LOWERED: "priority",
}


class Events(NamedTuple):
    """The instants of events, each as often as it happened there.

    `sure` ones happened; `possible` ones include those that may have (the same list where all is known); within `unknown` any
    number more may have happened.
    """

    sure: list[Instant]
    possible: list[Instant]
    unknown: Intervals


_NONE: Final[list[Instant]] = []
_NOTHING: Final = Events(_NONE, _NONE, _NONE)


def count(judges: list[Judge], events: int, at_least: int, within: Span | None) -> Judge:
    """From the n-th event on; the anchor of a stretch is the event that began it, and windows that touch make one stretch."""

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        found = memo[events]
        if found is None:
            found = memo[events] = judges[events](timeline, memo)
        sure, possible, unknown = found
        if sure is possible and not unknown:
            if len(sure) < at_least:
                return NEVER_GREW
            surely, anchors = _remembered(sure, at_least, within, timeline.gone)
            return surely, surely, anchors
        surely, anchors = _remembered(sure, at_least, within, timeline.gone)
        may = union(_remembered(possible, at_least, within, timeline.gone)[0], _after_unknown(unknown, within, timeline.gone))
        return surely, surely if may == surely else may, anchors

    return judge


def _remembered(events: list[Instant], at_least: int, within: Span | None, gone: Instant) -> tuple[Intervals, Anchors]:
    if len(events) < at_least:
        return [], []
    if within is None:
        start = events[at_least - 1]
        return [start, gone], [start]
    found: Intervals = []
    for first, start in zip(events, events[at_least - 1 :], strict=False):
        end = min(within.after(first), gone)
        if start < end:
            if found and start <= found[-1]:
                found[-1] = max(found[-1], end)
            else:
                found += (start, end)
    return found, found[::2]


def _after_unknown(unknown: Intervals, within: Span | None, gone: Instant) -> Intervals:
    """Where events that nobody saw may still count."""
    found: Intervals = []
    for n in range(0, len(unknown), 2):
        end = gone if within is None else max(unknown[n + 1], min(within.after(unknown[n + 1] - 1), gone))
        found = union(found, [unknown[n], end])
    return found


def events_of(event: Counted, *, by_anyone: bool, ignored: Span | None, ranks: Mapping[Value, int]) -> Judge:
    """The events of a kind; `ranks` are the places of the source's priorities, 0 for the most urgent.

    `ignored`: a stay with a team (or a person) that was shorter is as if it had not been; a move then counts at the instant at
    which its stay has lasted so long, since nobody can know before.
    """
    who = _ANYONE if by_anyone else _PEOPLE
    if event is Counted.REQUESTER_WROTE:
        return _requester_wrote
    if event in {Counted.REASSIGNED, Counted.RETURNED, Counted.OWNER_CHANGED}:
        return _moves_of(event, who, ignored)
    return _changes_of(event, who, ranks)


def _moves_of(event: Counted, who: frozenset[Kind], ignored: Span | None) -> Judge:
    name, returns = FIELD_OF[event], event is Counted.RETURNED

    def judge(timeline: Timeline, _: Memo) -> Events:
        steps, column = timeline.steps.get(name), timeline.column(name)
        if not steps and not column.unknown:
            return _NOTHING
        arrivals = _arrivals(timeline, name, steps or [])
        unknown = column.unknown
        if ignored is not None:
            arrivals = list(_settled(arrivals, ignored, timeline.gone))
            unknown = unknown and [unknown[0], timeline.gone]  # which stays were short is not known from there on
        sure, possible = _moves(arrivals, who, returns=returns, hazy=timeline.complete_from > timeline.created)
        return Events(sure, sure if sure == possible else possible, unknown)

    return judge


def _changes_of(event: Counted, who: frozenset[Kind], ranks: Mapping[Value, int]) -> Judge:
    name = FIELD_OF[event]
    may_be_put_back = event is not Counted.REOPENED  # hoist never sets a status

    def judge(timeline: Timeline, _: Memo) -> Events:
        steps, column = timeline.steps.get(name), timeline.column(name)
        if not steps and not column.unknown:
            return _NOTHING
        sure: list[Instant] = []
        possible: list[Instant] = []
        last: Step | None = None
        traced = timeline.complete_from == timeline.created
        for step in steps or ():
            traced = traced if last is None else last.new == step.old
            if step.kind in who and not (may_be_put_back and _puts_back(last, step)):
                happened = _moved_on_scale(event, step, ranks) if may_be_put_back else _reopened(step)
                if happened is not False:
                    possible.append(step.at)
                if happened and (traced or not may_be_put_back or step.kind not in _PEOPLE):
                    sure.append(step.at)
            last = step
        return Events(sure, sure if sure == possible else possible, column.unknown)

    return judge


def _requester_wrote(timeline: Timeline, _: Memo) -> Events:
    written = [max(m.at, timeline.created) for m in timeline.messages if m.by.kind is Kind.REQUESTER]
    unknown = [timeline.created, timeline.complete_from] if timeline.complete_from > timeline.created else []
    return Events(written, written, unknown)


def _puts_back(last: Step | None, step: Step) -> bool:
    """A person undoes what hoist did a step before."""
    return last is not None and last.kind is Kind.HOIST and step.kind in _PEOPLE and (step.old, step.new) == (last.new, last.old)


def _reopened(step: Step) -> bool | None:
    if step.new in _DONE or (step.old is not UNKNOWN and step.old not in _DONE):
        return False
    return None if UNKNOWN in {step.old, step.new} else True


def _moved_on_scale(event: Counted, step: Step, ranks: Mapping[Value, int]) -> bool | None:
    if step.old is None or step.new is None:
        return False
    old, new = ranks.get(step.old), ranks.get(step.new)
    if old is None or new is None:
        return None if step.old != step.new or step.old is UNKNOWN else False
    return new < old if event is Counted.PRIORITY_RAISED else new > old


class _Arrival(NamedTuple):
    """A team or person begins to hold the ticket. `kind` None: it held it at the start, or a move there was not seen."""

    at: Instant
    holder: str | Unknown | None
    kind: Kind | None


def _arrivals(timeline: Timeline, name: str, steps: list[Step]) -> list[_Arrival]:
    """Who held the ticket, one after the other. Nobody is no holder: what follows a gap follows the holder before it."""
    value: Value = timeline.column(name).value_at(timeline.complete_from) if not steps else steps[0].old
    holder = _holder(value)
    if holder is None and timeline.complete_from > timeline.created:
        holder = UNKNOWN
    since = timeline.complete_from
    found = [_Arrival(since, holder, None)]
    for step in steps:
        if step.old != value:
            unseen = _holder(step.old)  # it came there at some instant since the last step
            found.append(_Arrival(since, UNKNOWN if unseen is None else unseen, None))
        value, since = step.new, step.at
        new = _holder(value)
        if new is not None and (new is UNKNOWN or new != found[-1].holder):
            found.append(_Arrival(since, new, step.kind))
    if steps and timeline.column(name).value_at(since) is UNKNOWN:
        found.append(_Arrival(since, UNKNOWN, None))
    return found


def _holder(value: Value) -> str | Unknown | None:
    return value if value is UNKNOWN or value is None else str(value)


def _settled(arrivals: list[_Arrival], ignored: Span, gone: Instant) -> Iterator[_Arrival]:
    """The arrivals whose stay lasted, each at the instant at which that was known."""
    ends = [arrival.at for arrival in arrivals[1:]] + [gone]
    for number, (arrival, end) in enumerate(zip(arrivals, ends, strict=True)):
        if number and arrival.kind is None:
            yield arrival._replace(holder=UNKNOWN)  # how long it had stayed there was not seen
        elif arrival.holder is UNKNOWN:
            yield arrival
        elif (lasted := ignored.after(arrival.at)) <= end:
            yield arrival._replace(at=lasted)


def _moves(arrivals: list[_Arrival], who: frozenset[Kind], *, returns: bool, hazy: bool) -> tuple[list[Instant], list[Instant]]:
    """The sure and the possible moves to another holder, or to a former one."""
    sure: list[Instant] = []
    possible: list[Instant] = []
    former: set[str | Unknown | None] = set()
    cut = hazy
    before: _Arrival | None = None
    last: _Arrival | None = None
    for arrival in arrivals:
        hazy = hazy or arrival.holder is UNKNOWN or (arrival.kind is None and last is not None)
        if last is not None and arrival.kind in who and last.holder not in {None, arrival.holder}:
            overrides = _overrides(before, last, arrival, cut=cut)
            if overrides is not True:
                known = overrides is False and UNKNOWN not in {last.holder, arrival.holder}
                counts = known and (not returns or arrival.holder in former)
                if counts:
                    sure.append(arrival.at)
                if counts or not known or (returns and hazy):
                    possible.append(arrival.at)
        if arrival.holder is not None:
            former.add(arrival.holder)
        before, last = last, arrival
    return sure, possible


def _overrides(before: _Arrival | None, last: _Arrival, arrival: _Arrival, *, cut: bool) -> bool | None:
    """Whether a person puts back what hoist did; None where it was not seen who had moved it last, or from where."""
    if arrival.kind not in _PEOPLE:
        return False
    if last.kind is None:
        return None if before is not None or cut else False
    if last.kind is not Kind.HOIST or before is None:
        return False
    return None if before.holder is UNKNOWN else before.holder == arrival.holder
