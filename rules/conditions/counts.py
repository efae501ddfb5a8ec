"""Counts: from the n-th event of a kind until the window forgets it.

Events are found once per ticket, and every count of the same events shares them. People's events alone count unless a rule asks
for anyone's. A person who puts back what hoist has just changed overrides it, which is no event of any kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from rules.conditions import conversation
from rules.conditions.arrivals import PEOPLE, Arrival, Fits, arrivals_of, hands_back, moves, moves_that, settled
from rules.conditions.conversation import DONE
from rules.conditions.judge import NEVER_GREW, Holds, Judge, Memo, Span
from rules.conditions.seen import NOTHING, Events
from rules.instants import Instant
from rules.intervals import Anchors, Intervals, union
from rules.protocol.conditions import Count, Counted
from rules.ticket import UNKNOWN, Change, Kind, Value
from rules.timeline import Timeline

_ANYONE: Final = frozenset(Kind)

FIELD_OF: Final = {
    Counted.REASSIGNED: "team",
    Counted.RETURNED: "team",
    Counted.OWNER_CHANGED: "assignee",
    Counted.HANDED_BACK: "team",
    Counted.BACK_TO_FIRST_LINE: "team",
    Counted.REOPENED: "status",
    Counted.PRIORITY_RAISED: "priority",
    Counted.PRIORITY_LOWERED: "priority",
}


MOVES: Final = (
    Counted.REASSIGNED,
    Counted.RETURNED,
    Counted.OWNER_CHANGED,
    Counted.HANDED_BACK,
    Counted.BACK_TO_FIRST_LINE,
)
"""Events that are moves from one holder to another."""


_HOLDERS: Final = frozenset(FIELD_OF[event] for event in MOVES)


def at_most(count: Count) -> str | None:
    """The field whose known changes are at least as many as the events of a count; None where events are no changes."""
    return None if count.event is Counted.REOPENED and count.ignore_thanks else FIELD_OF.get(count.event)


def count(
    judges: list[Judge], events: int, at_least: int, within: Span | None, *, again: bool = False, changes_of: str | None = None
) -> Judge:
    """From the n-th event on; the anchor of a stretch is the event that began it, and windows that touch make one stretch.

    `again`: each event from the n-th on begins a stretch of its own. `changes_of`: what `at_most` says, so that few changes spare
    the search for events.
    """
    remembered = _remembered_apart if again else _remembered
    # to nobody is no move, and the first who is not nobody comes from no one: each nobody is one change that is none
    nobody = changes_of in _HOLDERS

    def judge(timeline: Timeline, memo: Memo) -> Holds:
        found = memo[events]
        if found is None:
            if changes_of is not None:
                changes = len(timeline.steps.get(changes_of, ()))
                if nobody and changes >= at_least:
                    changes -= timeline.columns[changes_of].values.count(None)
                if changes < at_least and not timeline.columns[changes_of].unknown:
                    return NEVER_GREW
            found = memo[events] = judges[events](timeline, memo)
        sure, possible, unknown = found
        if sure is possible and not unknown:
            if len(sure) < at_least:
                return NEVER_GREW
            surely, anchors = remembered(sure, at_least, within, timeline.gone)
            return surely, surely, anchors
        surely, anchors = remembered(sure, at_least, within, timeline.gone)
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


def _remembered_apart(events: list[Instant], at_least: int, within: Span | None, gone: Instant) -> tuple[Intervals, Anchors]:
    """Cut at each event: what it begins lasts until the next one, or until the window has forgotten enough."""
    found: Intervals = []
    counted = events[at_least - 1 :]
    for first, start, following in zip(events, counted, [*counted[1:], gone], strict=False):
        end = min(gone if within is None else within.after(first), following)
        if start < end:
            found += (start, end)
    return found, found[::2]


def _after_unknown(unknown: Intervals, within: Span | None, gone: Instant) -> Intervals:
    """Where events that nobody saw may still count."""
    found: Intervals = []
    for n in range(0, len(unknown), 2):
        end = gone if within is None else max(unknown[n + 1], min(within.after(unknown[n + 1] - 1), gone))
        found = union(found, [unknown[n], end])
    return found


def holders(event: Counted, ignored: Span | None) -> Judge:
    """Who held the ticket, one after the other (a list of arrivals): what all counts of a field's moves share.

    `ignored`: a stay with a team (or a person) that was shorter is as if it had not been; a move then counts at the instant at
    which its stay has lasted so long, since nobody can know before.
    """
    name = FIELD_OF[event]

    def judge(timeline: Timeline, _: Memo) -> list[Arrival]:
        arrivals = arrivals_of(timeline, name, timeline.steps.get(name, []))
        return arrivals if ignored is None else settled(arrivals, ignored, timeline.gone)

    return judge


def events_of(count: Count, held: Judge | None, *, ranks: Mapping[Value, int], places: Mapping[Value, int]) -> Judge:
    """The events of a count.

    `held` finds who held the ticket (`holders`), for events that are moves. `ranks` are the places of the source's priorities, 0
    for the most urgent; `places` those of the teams in the count's chain, 1 for the first line.
    """
    event, who = count.event, _ANYONE if count.by_anyone else PEOPLE if count.by is None else frozenset((count.by,))
    match event:
        case Counted.REQUESTER_WROTE:
            return conversation.requester_wrote(ignore_thanks=count.ignore_thanks)
        case Counted.REQUESTER_CHASED:
            return conversation.requester_chased(ignore_thanks=count.ignore_thanks)
        case Counted.CAME_BACK:
            return conversation.came_back(who, follow_ups=True, ignore_thanks=count.ignore_thanks)
        case Counted.REOPENED if count.ignore_thanks:
            return conversation.came_back(who, follow_ups=False, ignore_thanks=True)
        case _ if held is None:
            return _changes_of(event, who, ranks)
    seen = _Seen(FIELD_OF[event], held, lasting=count.ignore_stays_shorter_than is not None)
    match event:
        case Counted.HANDED_BACK:
            return _moves_that(who, seen, hands_back)
        case Counted.BACK_TO_FIRST_LINE:
            return _moves_that(who, seen, _down_to_first_line(places))
        case _:
            return _moves_of(who, seen, returns=event is Counted.RETURNED)


class _Seen(NamedTuple):
    """What is seen of a field's moves; `lasting`: stays that were too short are left out of what `held` finds."""

    field: str
    held: Judge
    lasting: bool

    def unknown(self, timeline: Timeline) -> Intervals:
        """Where moves may have happened that nobody saw."""
        unknown = timeline.columns[self.field].unknown
        # which stays were short is not known from there on
        return [unknown[0], timeline.gone] if unknown and self.lasting else unknown


def _moves_of(who: frozenset[Kind], seen: _Seen, *, returns: bool) -> Judge:
    def judge(timeline: Timeline, memo: Memo) -> Events:
        steps, unknown = timeline.steps.get(seen.field), seen.unknown(timeline)
        if not unknown and (not steps or (returns and len(steps) == 1)):  # one move comes back to nobody
            return NOTHING
        hazy = timeline.complete_from > timeline.created
        sure, possible = moves(seen.held(timeline, memo), who, returns=returns, hazy=hazy)
        return Events(sure, sure if sure == possible else possible, unknown)

    return judge


def _moves_that(who: frozenset[Kind], seen: _Seen, fits: Fits) -> Judge:
    def judge(timeline: Timeline, memo: Memo) -> Events:
        unknown = seen.unknown(timeline)
        if not unknown and seen.field not in timeline.steps:
            return NOTHING
        hazy = timeline.complete_from > timeline.created
        sure, possible = moves_that(seen.held(timeline, memo), who, fits, hazy=hazy)
        return Events(sure, sure if sure == possible else possible, unknown)

    return judge


def _down_to_first_line(places: Mapping[Value, int]) -> Fits:
    def fits(_: Arrival | None, last: Arrival, arrival: Arrival) -> bool | None:
        came_from, came_to = last[1], arrival[1]
        if came_to is not UNKNOWN and places.get(came_to) != 1:
            return False
        if came_from is UNKNOWN:
            return None
        if places.get(came_from, 0) <= 1:
            return False
        return None if came_to is UNKNOWN else True

    return fits


def _changes_of(event: Counted, who: frozenset[Kind], ranks: Mapping[Value, int]) -> Judge:
    name = FIELD_OF[event]
    may_be_put_back = event is not Counted.REOPENED  # hoist never sets a status

    def judge(timeline: Timeline, _: Memo) -> Events:
        steps, column = timeline.steps.get(name), timeline.column(name)
        if not steps and not column.unknown:
            return NOTHING
        sure: list[Instant] = []
        possible: list[Instant] = []
        last: Change | None = None
        traced = timeline.complete_from == timeline.created
        for step in steps or ():
            traced = traced if last is None else last.new == step.old
            if step.by.kind in who and not (may_be_put_back and _puts_back(last, step)):
                happened = _moved_on_scale(event, step, ranks) if may_be_put_back else _reopened(step)
                if happened is not False:
                    possible.append(step.at)
                if happened and (traced or not may_be_put_back or step.by.kind not in PEOPLE):
                    sure.append(step.at)
            last = step
        return Events(sure, sure if sure == possible else possible, column.unknown)

    return judge


def _puts_back(last: Change | None, step: Change) -> bool:
    """A person undoes what hoist did a step before."""
    if last is None or last.by.kind is not Kind.HOIST or step.by.kind not in PEOPLE:
        return False
    return (step.old, step.new) == (last.new, last.old)


def _reopened(step: Change) -> bool | None:
    if step.new in DONE or (step.old is not UNKNOWN and step.old not in DONE):
        return False
    return None if UNKNOWN in {step.old, step.new} else True


def _moved_on_scale(event: Counted, step: Change, ranks: Mapping[Value, int]) -> bool | None:
    if step.old is None or step.new is None:
        return False
    old, new = ranks.get(step.old), ranks.get(step.new)
    if old is None or new is None:
        return None if step.old != step.new or step.old is UNKNOWN else False
    return new < old if event is Counted.PRIORITY_RAISED else new > old
