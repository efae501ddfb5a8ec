"""Whether somebody has taken notice: a first reply to the requester, and an acknowledgement by the team that has the ticket.

An acknowledgement is a touch (a change or a message, internal ones too) by one of the team's people since it was handed the
ticket. Where the source tells of no team who is in it, anybody's of the staff will do who did not hand it over, and that
person's too who has the ticket now; where it tells of some teams and not of this one, it may be an acknowledgement.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Final, NamedTuple

from rules.conditions.judge import AnyLength, Holds, Memo, Span
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals, intersection, unbroken, union
from rules.ticket import UNKNOWN, Kind, Value
from rules.timeline import Timeline

Members = Mapping[str, frozenset[str]] | None


def first_reply(timeline: Timeline, _: Memo) -> Holds:
    """From the first message of the staff that the requester can read."""
    replied = (m.at for m in timeline.messages if m.public and m.by.kind is Kind.STAFF)
    at = max(timeline.created, next(replied, FOREVER))
    surely: Intervals = [at, timeline.gone] if at < timeline.gone else []
    if timeline.created in (timeline.complete_from, at):
        return surely, surely, None
    return surely, timeline.life, None


def acknowledged(members: Members, expires: Span | None) -> AnyLength:
    """From the first acknowledgement since the ticket was handed to its present team; with `expires`, for so long after each."""

    def judge(timeline: Timeline, _: Memo, cut: Intervals | None = None) -> Holds:
        surely: Intervals = []
        may: Intervals = []
        for stay in _stays(timeline, timeline.life if cut is None else cut):
            sure, possible = [], []
            for act in _acts(timeline, stay.since, stay.until):
                answer = _acknowledges(act, stay, members, timeline)
                if answer is not False:
                    possible.append(act[0])
                if answer:
                    sure.append(act[0])
                    if expires is None:  # one is enough
                        break
            surely += _remembered(sure, stay.until, expires)
            if stay.team is UNKNOWN:
                may += (stay.since, stay.until)
            elif stay.hazy:
                may += _remembered([stay.since, *possible], stay.until, expires)
            else:
                may += _remembered(possible, stay.until, expires)
        surely, may = unbroken(surely), unbroken(may)
        if cut is not None:
            surely, may = intersection(surely, cut), intersection(may, cut)
        return surely, surely if may == surely else may, None

    return judge


_Act = tuple[Instant, int, str, str]
"""Somebody of the staff did something: when, the place among the changes of that instant (messages come last), who, the save."""

_LAST: Final = 1 << 60
_AT: Final = attrgetter("at")


class _Stay(NamedTuple):
    """A team has the ticket. `place` and `save` are those of the change that handed it over, `by` its author.

    `hazy`: it may have had it for longer, so that who handed it over was not seen, and an act in that time may have been missed.
    `kept`: the one who handed it over may have been given it then or since.
    """

    since: Instant
    until: Instant
    team: Value
    place: int = -1
    save: str = ""
    by: str = ""
    hazy: bool = False
    kept: bool = True


def _acts(timeline: Timeline, since: Instant, until: Instant) -> Iterator[_Act]:
    """What the staff did from one instant to before another, in order."""
    changes, messages, created = timeline.changes, timeline.messages, timeline.created
    later = 0 if since <= created else bisect_left(messages, since, key=_AT)  # what was said before creation counts as creation
    said = messages[later : bisect_left(messages, until, key=_AT)] if later < len(messages) else []
    written = [(max(m.at, created), _LAST, m.by.id, "") for m in said if m.by.kind is Kind.STAFF]
    done = (
        (change.at, change.sequence, change.by.id, change.save)
        for change in islice(changes, bisect_left(changes, since, key=_AT), bisect_left(changes, until, key=_AT))
        if change.by.kind is Kind.STAFF
    )
    return merge(done, written) if written else done


def _stays(timeline: Timeline, cut: Intervals) -> Iterator[_Stay]:
    """Each stretch from a hand-over to the next, those within one instant included, but for those outside of the intervals."""
    if not cut:
        return
    column = timeline.columns["team"]
    handed = {change.at: change for change in timeline.steps.get("team", ()) if change.new != change.old}
    known = set(column.starts)
    unmoved = [at for at in handed if at not in known]  # away and back within one instant
    whole, owners = timeline.complete_from == timeline.created, timeline.columns["assignee"]
    ends = [*column.starts[1:], timeline.gone]
    place, length = 0, len(cut)
    for start, end, team in zip(column.starts, ends, column.values, strict=True):
        while place < length and cut[place + 1] <= start:
            place += 2
        if place == length:
            return
        if cut[place] >= end:
            continue
        if team is UNKNOWN:
            yield _Stay(start, end, team)
            continue
        cuts = [start, *(at for at in unmoved if start < at < end)]
        for since, until in zip(cuts, [*cuts[1:], end], strict=True):
            change = handed.get(since)
            if change is not None:
                by = change.by.id
                kept = bool(owners.unknown) or by in owners.values[bisect_left(owners.starts, since) :]
                yield _Stay(since, until, team, change.sequence, change.save, by, kept=kept)
            else:
                yield _Stay(since, until, team, hazy=not (whole and since == timeline.created))


def _acknowledges(act: _Act, stay: _Stay, members: Members, timeline: Timeline) -> bool | None:
    """Whether an act acknowledges the ticket for the team; None where that is not known."""
    at, place, who, save = act
    if at == stay.since and place < stay.place and save != stay.save:
        return False
    if members is not None:
        if not isinstance(stay.team, str):
            return False if stay.team is None else None
        return who in members[stay.team] if stay.team in members else None
    if stay.team is UNKNOWN:
        return None
    if not stay.hazy:
        if who != stay.by:
            return True
        if not stay.kept:
            return False
    took_it = _took_it(timeline, at, who, stay.since)
    return None if stay.hazy and took_it is False else took_it


def _took_it(timeline: Timeline, at: Instant, who: str, since: Instant) -> bool | None:
    """Whether the ticket has been given to the person who acts since the hand-over; None where that is not known."""
    column = timeline.columns["assignee"]
    owner, given = column.value_at(at), column.since(at)
    if owner is UNKNOWN or (owner == who and given >= since):
        if given == timeline.created == timeline.complete_from and owner is not UNKNOWN:
            return True  # it came with its owner, and was handed over at that very instant
        seen = (step for step in timeline.steps.get("assignee", ()) if step.at == given and step.new == owner)
        return True if owner is not UNKNOWN and next(seen, None) is not None else None
    return False


def _remembered(acts: list[Instant], until: Instant, expires: Span | None) -> Intervals:
    """From an act on, to the end of the stay or until it has expired."""
    if not acts:
        return []
    if expires is None:
        return [acts[0], until]
    found: Intervals = []
    for at in acts:
        end = min(expires.after(at), until)
        if at < end:
            found = union(found, [at, end])
    return found
