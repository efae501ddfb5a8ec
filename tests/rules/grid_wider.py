"""What the conditions over attention, targets, hours and ends mean, instant by instant, beside those of `grid_oracle`.

As there, each is decided from its definition by looking back at every instant, and nothing knows of intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Final

from rules.instants import Instant
from rules.protocol.conditions import (
    Acknowledged,
    Clock,
    Condition,
    Count,
    Counted,
    Ever,
    FirstReply,
    Hours,
    InWindow,
    Lingering,
    Target,
    Unchanged,
    Until,
)
from rules.protocol.durations import Duration
from rules.ticket import Change, Kind, Message, Ticket, Value
from tests.rules import grid_oracle
from tests.rules.grid_oracle import PEOPLE, WINDOW, is_open

PLACES: Final = {"A": 1, "B": 2, "C": 3}
DONE: Final = ("resolved", "closed")


class Oracle(grid_oracle.Oracle):
    """One ticket, asked about conditions of every kind at instants. `members`: who is in which team, as far as that is known."""

    def __init__(self, ticket: Ticket, members: Mapping[str, frozenset[str]] | None = None) -> None:
        super().__init__(ticket)
        self.members = members

    def _decide_over_time(self, condition: Condition, at: Instant) -> bool | None:
        match condition:
            case Unchanged(field, duration):
                return self.gone_by(duration, self.stands_since(field, at), at)
            case FirstReply():
                return any(m.by.kind is Kind.STAFF and m.public and m.at <= at for m in self.ticket.messages)
            case Acknowledged():
                return self._acknowledged(condition, at)
            case Hours(name, outside):
                return is_open(at, str(name)) is not outside
            case InWindow():
                return any(start <= at < end for start, end in zip(WINDOW[::2], WINDOW[1::2], strict=True))
            case Until() | Lingering() | Ever():
                return self._with_a_past(condition, at)
            case Target():
                return self._targeted(condition, at)
        return super()._decide_over_time(condition, at)

    def _with_a_past(self, condition: Until | Lingering | Ever, at: Instant) -> bool | None:
        match condition:
            case Until(part, ended):
                return self._before_the_end(part, ended, at)
            case Lingering(part, still):
                return self._lingers(part, still, at)
            case Ever(part):
                answers = [self.holds(part, t) for t in range(self.created, at + 1)]
                return True if True in answers else None if None in answers else False

    def stands_since(self, field: str, at: Instant) -> Instant:
        start = at
        while start > self.created and self.value(field, start - 1) == self.value(field, at):
            start -= 1
        return start

    def _before_the_end(self, part: Condition, ended: Condition, at: Instant) -> bool | None:
        if self.holds(part, at) is False:
            return False
        known = all(self.holds(part, t) is not None for t in range(self.created, at + 1))
        if self.holds(part, at):
            grows = self.anchor(part, at) is not None
            start = self.episode_start(part, at) if known else self.created if grows else self.run(part, at, may=True)
            assert start is not None
            over = [self.holds(ended, t) for t in range(start, at + 1)]
            if not any(answer is not False for answer in over):
                return True
            if known:
                return False if True in over else None
        return False if self.holds(ended, at) else None

    def _lingers(self, part: Condition, still: Condition, at: Instant) -> bool | None:
        for sure in (True, False):
            wanted = (True,) if sure else (True, None)
            held = self._last_held(part, at, wanted)
            if held is not None and all(self.holds(still, t) in wanted for t in range(held + 1, at + 1)):
                return True if sure else None
        return False

    def _last_held(self, part: Condition, at: Instant, wanted: tuple[bool | None, ...] = (True,)) -> Instant | None:
        return next((t for t in range(at, self.created - 1, -1) if self.holds(part, t) in wanted), None)

    def episode_start(self, part: Condition, at: Instant) -> Instant | None:
        """When what holds at the instant first held."""
        anchor = self.anchor(part, at)
        if anchor is None:
            return self.run(part, at)
        same = (t for t in range(self.created, at + 1) if self.holds(part, t) and self.anchor(part, t) == anchor)
        return next(same)

    # --- who took notice ---------------------------------------------------------------------------------------------------

    def _acknowledged(self, condition: Acknowledged, at: Instant) -> bool:
        happened: list[Change | Message] = sorted(
            [*self.ticket.changes, *self.ticket.messages], key=lambda one: (one.at, isinstance(one, Message))
        )
        happened = [one for one in happened if one.at <= at]
        moves = [n for n, one in enumerate(happened) if isinstance(one, Change) and one.field == "team"]
        handed = happened[moves[-1]] if moves else None
        save = handed.save if isinstance(handed, Change) else None
        since = [
            one
            for n, one in enumerate(happened)
            if handed is None or n >= moves[-1] or (isinstance(one, Change) and one.save == save and one.at == handed.at)
        ]
        return any(
            self._takes_notice(one, handed) and not (condition.expires and self.gone_by(condition.expires, one.at, at))
            for one in since
        )

    def _takes_notice(self, act: Change | Message, handed: Change | Message | None) -> bool:
        if act.by.kind is not Kind.STAFF:
            return False
        team = self.value("team", act.at)
        if self.members is not None:
            return team is not None and act.by.id in self.members[str(team)]
        if handed is None or act.by.id != handed.by.id:
            return True
        owner = self.value("assignee", act.at)
        return owner == act.by.id and self.stands_since("assignee", act.at) >= handed.at

    # --- targets -----------------------------------------------------------------------------------------------------------

    def _targeted(self, condition: Target, at: Instant) -> bool:
        field = f"target.{condition.name}"
        if not isinstance(self.value(field, at), int):
            return False
        since = self.stands_since(field, at)
        due = self._promised(field, at)
        if self._moved_by_hoist(field, since) and self._near(condition, since, due, since):
            cycle = self._cycle(field, since)
            went_on = since > self.created and self._targeted(condition, since - 1)
            return went_on and self.anchor(condition, since - 1) == cycle
        return self._near(condition, at, due, since)

    def _near(self, condition: Target, at: Instant, due: int, since: Instant) -> bool:
        if condition.percent is None:
            within = condition.within or Duration()
            return sum(self.counts(within, t, at) for t in range(at, due)) <= within.milliseconds
        start = self._cycle(f"target.{condition.name}", since)
        on = Duration(calendar=condition.calendar)
        whole = sum(self.counts(on, t) for t in range(start, due))
        return sum(self.counts(on, t) for t in range(start, at)) >= Fraction(whole * condition.percent, 100)

    def _cycle(self, field: str, since: Instant) -> Instant:
        start = self.value(f"{field}.start", since)
        return start if isinstance(start, int) and start <= since else since

    def _promised(self, field: str, at: Instant) -> int:
        """When it is due, a move of hoist's making bringing it no nearer."""
        due, since = self.value(field, at), self.stands_since(field, at)
        assert isinstance(due, int)
        if self._moved_by_hoist(field, since) and since > self.created and isinstance(self.value(field, since - 1), int):
            return max(due, self._promised(field, since - 1))
        return due

    def _moved_by_hoist(self, field: str, at: Instant) -> bool:
        changes = list(self.ticket.changes)
        last = max((n for n, change in enumerate(changes) if change.field == field and change.at == at), default=None)
        if last is None:
            return False
        own = {change.save for change in changes if change.by.kind is Kind.HOIST}
        if changes[last].save in own:
            return True
        before = [change for change in changes[:last] if change.field != field]
        others = [change for change in before if change.save in own or change.by.kind in PEOPLE]
        return changes[last].by.kind not in PEOPLE and bool(others) and others[-1].save in own

    # --- clocks ------------------------------------------------------------------------------------------------------------

    def _summed(self, condition: Clock, start: Instant, at: Instant, *, sure: bool) -> int:
        stopped = at
        if condition.stop is not None:
            stopped = next((t for t in range(start, at) if self._stops(condition.stop, t, start)), at)
        return super()._summed(condition, start, stopped, sure=sure)

    def _stops(self, stop: Condition, at: Instant, start: Instant) -> bool:
        if at == start:  # of a reset and a stop at one instant the reset comes first, unless the stop was over at once
            return bool(self.holds(stop, at)) and (at == self.created or self._starts(stop, at))
        return self._starts(stop, at)

    def _starts(self, condition: Condition, at: Instant) -> bool:
        return (False, True) in pairwise(answer for _, answer in self.steps(condition, at))

    def last_reset(self, condition: Clock, at: Instant, *, sure: bool) -> Instant:
        reset = super().last_reset(condition, at, sure=sure)
        return max([reset, *(t for t in self._hand_overs() if t <= at)]) if condition.of_team else reset

    def _hand_overs(self) -> list[Instant]:
        changes = self.changes("team")
        holder: Value = changes[0].old if changes else None
        found = []
        for change in changes:
            if change.new is not None and change.new != holder:
                holder = change.new
                found.append(change.at)
        return found

    # --- events ------------------------------------------------------------------------------------------------------------

    def events(self, condition: Count) -> list[Instant]:
        who = tuple(Kind) if condition.by_anyone else PEOPLE if condition.by is None else (condition.by,)
        match condition.event:
            case Counted.REQUESTER_WROTE | Counted.REQUESTER_CHASED:
                return self._written(condition)
            case Counted.CAME_BACK:
                followed = [c for c in self.changes("follow_ups") if c.by.kind in who]
                more = [c.at for c in followed for _ in range(int(str(c.old or 0)), int(str(c.new)))]
                return sorted([*self._reopened(condition, who), *more])
            case Counted.REOPENED:
                return self._reopened(condition, who)
        return super().events(condition)

    def _written(self, condition: Count) -> list[Instant]:
        waits, found = True, []
        for message in self.ticket.messages:
            if message.by.kind is Kind.STAFF:
                waits = waits and not message.public
            elif message.by.kind is Kind.REQUESTER and not (condition.ignore_thanks and message.thanks):
                chased = waits and message.at > self.created
                if chased or condition.event is Counted.REQUESTER_WROTE:
                    found.append(message.at)
                waits = True
        return found

    def _reopened(self, condition: Count, who: tuple[Kind, ...]) -> list[Instant]:
        changes = [c for c in self.changes("status") if c.by.kind in who and c.old in DONE and c.new not in DONE]
        if not condition.ignore_thanks:
            return [c.at for c in changes]
        return [c.at for c in changes if c.by.kind is Kind.STAFF or not self._thanked(c.at)]

    def _thanked(self, at: Instant) -> bool:
        written = [m for m in self.ticket.messages if m.by.kind is Kind.REQUESTER and m.at <= at]
        return bool(written) and written[-1].thanks

    # --- anchors -----------------------------------------------------------------------------------------------------------

    def anchor(self, condition: Condition, at: Instant) -> Instant | None:
        match condition:
            case Unchanged(field):
                return self.stands_since(field, at)
            case Target(name):
                return self._cycle(f"target.{name}", self.stands_since(f"target.{name}", at))
            case Until(part):
                return self.anchor(part, at)
            case Lingering(part):
                held = self._last_held(part, at)
                assert held is not None
                anchor = self.anchor(part, held)
                return self.run(part, held) if anchor is None else anchor
            case Ever():
                return self.created
            case Count(again=True):
                return max(event for event in self.events(condition) if event <= at)
        return super().anchor(condition, at)
