"""Counted events that messages tell of: the requester chases, and what was done comes back."""

from __future__ import annotations

from typing import Final

from rules.conditions.judge import Judge, Memo
from rules.conditions.seen import NOTHING, Events
from rules.instants import MINUTE, Instant
from rules.intervals import union
from rules.ticket import UNKNOWN, Kind, Status
from rules.timeline import Timeline

FOLLOW_UPS: Final = "follow_ups"

ANSWERED_BY: Final = 10 * MINUTE
"""A message that came no longer before a ticket was reopened is what reopened it: helpdesks do that by an automation."""

DONE: Final = frozenset((Status.RESOLVED, Status.CLOSED))


def requester_wrote(*, ignore_thanks: bool) -> Judge:
    """Each message of the requester."""

    def judge(timeline: Timeline, _: Memo) -> Events:
        messages = (m for m in timeline.messages if m.by.kind is Kind.REQUESTER and not (ignore_thanks and m.thanks))
        written = [max(m.at, timeline.created) for m in messages]
        unknown = [timeline.created, timeline.complete_from] if timeline.complete_from > timeline.created else []
        return Events(written, written, unknown)

    return judge


def requester_chased(*, ignore_thanks: bool) -> Judge:
    """Each message of the requester to which one was still unanswered, the request itself being the first."""

    def judge(timeline: Timeline, _: Memo) -> Events:
        created, complete_from = timeline.created, timeline.complete_from
        if not timeline.messages and complete_from == created:
            return NOTHING
        sure: list[Instant] = []
        possible: list[Instant] = []
        waits: bool | None = True if complete_from == created else None
        for message in timeline.messages:
            if message.at < complete_from:
                continue
            if message.by.kind is Kind.STAFF:
                waits = waits and not message.public
            elif message.by.kind is Kind.REQUESTER and not (ignore_thanks and message.thanks):
                if waits is not False and message.at > created:  # what came with the ticket is the request itself
                    possible.append(message.at)
                    if waits:
                        sure.append(message.at)
                waits = True
        return Events(sure, sure if sure == possible else possible, [created, complete_from] if complete_from > created else [])

    return judge


def came_back(who: frozenset[Kind], *, follow_ups: bool, ignore_thanks: bool) -> Judge:
    """Each time it was reopened or (`follow_ups`) a further ticket was made of it; of all of it, what `who` did."""

    def judge(timeline: Timeline, _: Memo) -> Events:
        reopened = timeline.steps.get("status", ())
        followed = timeline.steps.get(FOLLOW_UPS, ()) if follow_ups else ()
        unknown = timeline.columns["status"].unknown
        if not reopened and not followed and not unknown:
            return NOTHING
        sure: list[Instant] = []
        possible: list[Instant] = []
        for step in reopened:
            old = step.old
            if (old not in DONE and old is not UNKNOWN) or step.by.kind not in who or step.new in DONE:
                continue
            if ignore_thanks and step.by.kind is not Kind.STAFF and _only_thanked(timeline, step.at):
                continue
            possible.append(step.at)
            if old is not UNKNOWN and step.new is not UNKNOWN:
                sure.append(step.at)
        if not (possible or followed or unknown):
            return NOTHING
        for step in followed:
            more = step.new - (step.old or 0) if isinstance(step.new, int) and isinstance(step.old, int | None) else 0
            if step.by.kind in who:
                sure += [step.at] * more
                possible += [step.at] * more
        if followed:
            unknown = union(unknown, timeline.columns[FOLLOW_UPS].unknown)
            sure.sort()
            possible.sort()
        return Events(sure, sure if sure == possible else possible, unknown)

    return judge


def _only_thanked(timeline: Timeline, at: Instant) -> bool:
    """Whether the last message of the requester shortly before an instant only says thanks."""
    for message in reversed(timeline.messages):
        if message.by.kind is Kind.REQUESTER and message.at <= at:
            return message.thanks and at - message.at <= ANSWERED_BY
    return False
