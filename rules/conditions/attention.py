"""Whether somebody has taken notice: a first reply to the requester, and an acknowledgement by the team that has the ticket.

An acknowledgement is a touch (a change or a message, internal ones too) by one of the team's people since it was handed the
ticket. Where the source tells of no team who is in it, anybody's of the staff will do who did not hand it over, and that
person's too who has the ticket now; where it tells of some teams and not of this one, it may be an acknowledgement.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rules.conditions.judge import NEVER, Holds, Judge, Memo, Span
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals, union
from rules.ticket import UNKNOWN, Change, Kind, Message, Value
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


def acknowledged(members: Members, expires: Span | None) -> Judge:
    """From the first acknowledgement since the ticket was handed to its present team; with `expires`, for so long after each."""

    def judge(timeline: Timeline, _: Memo) -> Holds:
        acts = _acts(timeline)
        if not acts and not timeline.columns["team"].unknown and timeline.complete_from == timeline.created:
            return NEVER
        at = [act.at for act in acts]
        surely: Intervals = []
        may: Intervals = []
        for stay in _stays(timeline):
            answers = [(act.at, _acknowledges(act, stay, members, timeline)) for act in acts[bisect_left(at, stay.since) :]]
            inside = [(when, answer) for when, answer in answers if when < stay.until]
            surely = union(surely, _remembered([when for when, answer in inside if answer], stay.until, expires))
            possible = [when for when, answer in inside if answer is not False]
            if stay.team is UNKNOWN:
                may = union(may, [stay.since, stay.until])
            elif stay.hazy:
                may = union(may, _remembered([stay.since, *possible], stay.until, expires))
            else:
                may = union(may, _remembered(possible, stay.until, expires))
        return surely, surely if may == surely else may, None

    return judge


class _Act(NamedTuple):
    """Somebody of the staff did something. `place` is that of the change in the ticket's history, messages come last."""

    at: Instant
    place: int
    who: str
    save: str


class _Stay(NamedTuple):
    """A team has the ticket. `place` and `save` are those of the change that handed it over, `by` its author.

    `hazy`: it may have had it for longer, so that who handed it over was not seen, and an act in that time may have been missed.
    """

    since: Instant
    until: Instant
    team: Value
    place: int = -1
    save: str = ""
    by: str = ""
    hazy: bool = False


def _acts(timeline: Timeline) -> list[_Act]:
    changes = timeline.changes
    acts = [_Act(c.at, place, c.by.id, c.save) for place, c in enumerate(changes) if c.by.kind is Kind.STAFF]
    last = len(changes)
    acts += [_Act(_at(m, timeline), last, m.by.id, "") for m in timeline.messages if m.by.kind is Kind.STAFF]
    return sorted(acts)


def _at(message: Message, timeline: Timeline) -> Instant:
    return max(message.at, timeline.created)


def _stays(timeline: Timeline) -> Iterator[_Stay]:
    """Each stretch from a hand-over to the next, those within one instant included."""
    column = timeline.columns["team"]
    handed: dict[Instant, tuple[int, Change]] = {}
    for place, change in enumerate(timeline.changes):
        if change.field == "team" and change.new != change.old:
            handed[change.at] = place, change
    whole = timeline.complete_from == timeline.created
    ends = [*column.starts[1:], timeline.gone]
    for start, end, team in zip(column.starts, ends, column.values, strict=True):
        if team is UNKNOWN:
            yield _Stay(start, end, team)
            continue
        cuts = [start, *(at for at in handed if start < at < end)]
        for since, until in zip(cuts, [*cuts[1:], end], strict=True):
            if since in handed:
                place, change = handed[since]
                yield _Stay(since, until, team, place, change.save, change.by.id)
            else:
                yield _Stay(since, until, team, hazy=not (whole and since == timeline.created))


def _acknowledges(act: _Act, stay: _Stay, members: Members, timeline: Timeline) -> bool | None:
    """Whether an act acknowledges the ticket for the team; None where that is not known."""
    if act.at == stay.since and act.place < stay.place and act.save != stay.save:
        return False
    if members is not None:
        if not isinstance(stay.team, str):
            return False if stay.team is None else None
        return act.who in members[stay.team] if stay.team in members else None
    if stay.team is UNKNOWN:
        return None
    if not stay.hazy and act.who != stay.by:
        return True
    took_it = _took_it(timeline, act, stay.since)
    return None if stay.hazy and took_it is False else took_it


def _took_it(timeline: Timeline, act: _Act, since: Instant) -> bool | None:
    """Whether the ticket has been given to the person who acts since the hand-over; None where that is not known."""
    column = timeline.columns["assignee"]
    owner, given = column.value_at(act.at), column.since(act.at)
    if owner is UNKNOWN or (owner == act.who and given >= since):
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
