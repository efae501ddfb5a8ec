"""Whether somebody has taken notice: a first reply to the requester, and an acknowledgement by the team that has the ticket.

An acknowledgement is a touch (a change or a message, internal ones too) by one of the team's people since it was handed the
ticket. Where the source tells of no team who is in it, anybody's of the staff will do who did not hand it over, and that
person's too who has the ticket now; where it tells of some teams and not of this one, it may be an acknowledgement.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

from rules.conditions.judge import Holds, Judge, Memo, Span
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals, unbroken, union
from rules.ticket import UNKNOWN, Change, Kind, Value
from rules.timeline import Act, Timeline

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
        surely: Intervals = []
        may: Intervals = []
        for stay in _stays(timeline):
            since, until, team, __, hazy = stay
            sure, possible = _acknowledgements(stay, members, timeline, once=expires is None)
            if sure:
                surely += (sure[0], until) if expires is None else _remembered(sure, until, expires)
            if team is UNKNOWN or (hazy and expires is None):
                may += (since, until)
            elif expires is not None:
                may += _remembered([since, *possible] if hazy else possible, until, expires)
            elif possible:
                may += (possible[0], until)
        known, surely = may == surely, unbroken(surely)
        return surely, surely if known else unbroken(may), None

    return judge


_Stay = tuple[Instant, Instant, Value, Change | None, bool]
"""A team has the ticket: since when, until when, which, what handed it over (None where that was not seen), and whether
it may have had it for longer, so that an act in that time may have been missed."""


def _stays(timeline: Timeline) -> list[_Stay]:
    """Each stretch from a hand-over to the next, those within one instant included."""
    column, steps, created = timeline.columns["team"], timeline.steps.get("team", ()), timeline.created
    starts, gone = column.starts, timeline.gone
    handed = {change.at: change for change in steps if change.new != change.old}
    unmoved = sorted(handed.keys() - starts) if handed else []  # away and back within one instant
    whole = timeline.complete_from == created
    found: list[_Stay] = []
    for n, team in enumerate(column.values, start=1):
        since, end = starts[n - 1], starts[n] if n < len(starts) else gone
        if team is UNKNOWN:
            found.append((since, end, team, None, False))
            continue
        for until in (*(at for at in unmoved if since < at < end), end) if unmoved else (end,):
            change = handed.get(since)
            found.append((since, until, team, change, change is None and not (whole and since == created)))
            since = until
    return found


def _acknowledgements(stay: _Stay, members: Members, timeline: Timeline, *, once: bool) -> tuple[list[Instant], list[Instant]]:
    """The instants at which it surely or possibly was acknowledged; of the sure ones the first alone will do if `once`."""
    since, until, _, handed, hazy = stay
    sure: list[Instant] = []
    possible: list[Instant] = []
    acts = timeline.staff_acts
    giver = _gave_it_away(handed, timeline) if handed is not None and not hazy and members is None else None
    for n in range(bisect_left(acts, (since,)), len(acts)):
        act = acts[n]
        if act[0] >= until:
            break
        if act[2] == giver:
            continue
        answer = _acknowledges(act, stay, members, timeline)
        if answer is not False:
            possible.append(act[0])
        if answer:
            sure.append(act[0])
            if once:
                break
    return sure, possible


def _acknowledges(act: Act, stay: _Stay, members: Members, timeline: Timeline) -> bool | None:
    """Whether an act acknowledges the ticket for the team; None where that is not known."""
    at, place, who, save = act
    since, _, team, handed, hazy = stay
    if at == since and handed is not None and place < handed.sequence and save != handed.save:
        return False
    if members is not None:
        if not isinstance(team, str):
            return False if team is None else None
        return who in members[team] if team in members else None
    if team is UNKNOWN:
        return None
    if not hazy and (handed is None or who != handed.by.id):
        return True
    took_it = _took_it(timeline, at, who, since)
    return None if hazy and took_it is False else took_it


def _gave_it_away(handed: Change, timeline: Timeline) -> str | None:
    """Who handed it over, if they were never given it then or since, so that none of their acts counts."""
    who, owners = handed.by.id, timeline.columns["assignee"]
    return None if owners.unknown or who in owners.values[bisect_left(owners.starts, handed.at) :] else who


def _took_it(timeline: Timeline, at: Instant, who: str, since: Instant) -> bool | None:
    """Whether the ticket has been given to the person who acts since the hand-over; None where that is not known."""
    column = timeline.columns["assignee"]
    place = max(0, bisect_right(column.starts, at) - 1)
    owner, given = column.values[place], column.starts[place]
    if owner is UNKNOWN or (owner == who and given >= since):
        if given == timeline.created == timeline.complete_from and owner is not UNKNOWN:
            return True  # it came with its owner, and was handed over at that very instant
        seen = (step for step in timeline.steps.get("assignee", ()) if step.at == given and step.new == owner)
        return True if owner is not UNKNOWN and next(seen, None) is not None else None
    return False


def _remembered(acts: list[Instant], until: Instant, expires: Span) -> Intervals:
    """From each act until it has expired, or to the end of the stay."""
    found: Intervals = []
    for at in acts:
        end = min(expires.after(at), until)
        if at < end:
            found = union(found, [at, end])
    return found
