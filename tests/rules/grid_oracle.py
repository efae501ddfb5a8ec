"""What a condition means, instant by instant: a second, slow and plain reading of the rules' language to hold the engine against.

Instants are small whole numbers. Nothing here knows of intervals: each condition is decided at one instant from its definition,
by looking back at every instant before. Only what is not known is marked by None.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import groupby, pairwise

from rules.calendars import Calendar
from rules.instants import FOREVER, Instant
from rules.intervals import Intervals
from rules.opening_hours import time_zone
from rules.protocol.conditions import (
    Acknowledged,
    All,
    Amount,
    AnyOf,
    Clock,
    Condition,
    Count,
    Counted,
    Due,
    FirstReply,
    Held,
    Hours,
    InList,
    InWindow,
    Level,
    Not,
    OneOf,
    Silent,
    State,
    Unanswered,
    Until,
)
from rules.protocol.durations import CALENDAR_OF_APPROVER, CALENDAR_OF_REQUESTER, CALENDAR_OF_TEAM, CALENDAR_OF_TIER, Duration
from rules.protocol.organisation import CalendarHours
from rules.ticket import UNKNOWN, Change, Kind, Ticket, Value

END = 48
"""Instants are judged from 0 to before this one."""

PERIOD, OPENS, CLOSES = 7, 2, 6
SHIFTS, LATE = "shifts", "late"
PEOPLE = (Kind.STAFF, Kind.REQUESTER)
LEVELS = {"P1": "1", "P2": "2", "P3": "3"}
ORDER = ("1", "2", "3", "4")
TEAMS = {"first": "A", "second": "B", "third": "C"}
CALENDARS_OF_TEAMS = {"A": SHIFTS, "B": LATE}
LISTED = ("ruth", "rolf")
WINDOW = (5, 12, 20, 26)


def is_open(at: Instant, calendar: str = SHIFTS) -> bool:
    """Two little calendars: open from the third to the sixth instant of every seven; the first two of every five."""
    return at % 5 < 2 if calendar == LATE else OPENS <= at % PERIOD < CLOSES


class Shifts(Calendar):
    """A little calendar as the engine asks it, counted one instant at a time."""

    def __init__(self, name: str = SHIFTS) -> None:
        super().__init__(name, time_zone(CalendarHours(name)))

    @property
    def always(self) -> bool:
        return False

    def add(self, at: Instant, milliseconds: int) -> Instant:
        while milliseconds > 0:
            milliseconds -= self.is_open(at)
            at += 1
        return at

    def add_days(self, at: Instant, days: int) -> Instant:
        return at + PERIOD * days

    def between(self, a: Instant, b: Instant) -> int:
        return FOREVER if b >= FOREVER else sum(map(self.is_open, range(a, b)))

    def is_open(self, at: Instant) -> bool:
        return is_open(at, self.name)

    def next_opening(self, at: Instant) -> Instant:
        return next(t for t in range(at, at + PERIOD) if self.is_open(t))

    def next_closing(self, at: Instant) -> Instant:
        return next(t for t in range(at, at + PERIOD) if not self.is_open(t))

    def open_intervals(self, a: Instant, b: Instant) -> Intervals:
        edges = [t for t in range(a, min(b, a + 20 * END)) if self.is_open(t) is not (t > a and self.is_open(t - 1))]
        return [*edges, b] if len(edges) % 2 else edges


class Oracle:
    """One ticket, asked about conditions at instants."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.created = ticket.created
        self.gone = FOREVER if ticket.gone is None else ticket.gone
        self.complete_from = max(ticket.created, ticket.complete_from or 0)
        self._found: dict[tuple[Condition, Instant], bool | None] = {}
        self._resets: dict[tuple[Clock, Instant, bool], Instant] = {}

    def alive(self, at: Instant) -> bool:
        return self.created <= at < self.gone

    def counts(self, duration: Duration, at: Instant, seen_from: Instant | None = None) -> bool:
        """Whether an instant goes by for a duration; one to come, as far as was known at the earlier one."""
        calendar, known = duration.calendar, at if seen_from is None else seen_from
        if calendar in {CALENDAR_OF_TEAM, CALENDAR_OF_TIER}:  # each team is a tier
            calendar = CALENDARS_OF_TEAMS.get(str(self.value("team", known)))
        if calendar == CALENDAR_OF_REQUESTER:
            calendar = LATE if self.value("requester", known) in LISTED else None
        if calendar == CALENDAR_OF_APPROVER:
            people = self.value("approver", known)
            calendar = LATE if isinstance(people, tuple) and not set(people).isdisjoint(LISTED) else None
        return calendar is None or is_open(at, calendar)

    def gone_by(self, duration: Duration, a: Instant | None, b: Instant) -> bool:
        """Whether a duration that begins at `a` is over at `b`; never where it does not begin."""
        return a is not None and sum(self.counts(duration, t) for t in range(a, b)) >= duration.milliseconds

    # --- values ----------------------------------------------------------------------------------------------------

    def changes(self, field: str) -> list[Change]:
        return [c for c in self.ticket.changes if c.field == field and c.at >= self.complete_from and c.at < self.gone]

    def value(self, field: str, at: Instant) -> Value:
        """The value after the last step of an instant."""
        present, changes = self.ticket.fields.get(field, UNKNOWN), self.changes(field)
        if present is UNKNOWN or at < self.complete_from:
            return UNKNOWN
        done = [c for c in changes if c.at <= at]
        if not done:
            return changes[0].old if changes else present
        value, following = done[-1].new, changes[len(done) :]
        if following:
            return value if following[0].old == value else UNKNOWN
        if value == present:
            return value
        return present if at >= max(self.ticket.known, done[-1].at) else UNKNOWN

    def passes(self, condition: State, value: Value) -> bool | None:
        if value is UNKNOWN:
            return None
        match condition.test:
            case OneOf(words):
                translated = [TEAMS.get(w or "", w) if condition.field == "team" else LEVELS.get(w or "", w) for w in words]
                return value in translated
            case Level(at_least, at_most):
                if value not in LEVELS.values():
                    return None if value is not None else False
                low, high = LEVELS[at_most or "P1"], LEVELS[at_least or "P3"]
                return low <= str(value) <= high
            case InList():
                return value in LISTED
            case Amount(at_least):
                return isinstance(value, int) and value >= (at_least or 0)
        raise NotImplementedError(condition)

    # --- truth -----------------------------------------------------------------------------------------------------

    def holds(self, condition: Condition, at: Instant) -> bool | None:
        """Whether a condition holds at an instant; None where that is not known, False outside the ticket's life."""
        if not self.alive(at):
            return False
        key = condition, at
        if key not in self._found:
            self._found[key] = self._decide(condition, at)
        return self._found[key]

    def _decide(self, condition: Condition, at: Instant) -> bool | None:
        match condition:
            case State():
                return self.passes(condition, self.value(condition.field, at))
            case All(parts):
                answers = [self.holds(part, at) for part in parts]
                return False if False in answers else None if None in answers else True
            case AnyOf(parts):
                answers = [self.holds(part, at) for part in parts]
                return True if True in answers else None if None in answers else False
            case Not(part):
                answer = self.holds(part, at)
                return None if answer is None else not answer
        return self._decide_over_time(condition, at)

    def _decide_over_time(self, condition: Condition, at: Instant) -> bool | None:
        match condition:
            case Held(part, duration):
                if self.gone_by(duration, self.run(part, at), at):
                    return True
                return None if self.gone_by(duration, self.run(part, at, may=True), at) else False
            case Clock():
                return self._clock(condition, at)
            case Due(field, _, Duration() as passed_for):
                return self._long_past(self.value(field, at), passed_for, at)
            case Due(field, within):
                return self._due(self.value(field, at), within, at)
            case Count():
                return self.counted(condition, at) >= condition.at_least
            case Silent(duration):
                return self.gone_by(duration, self.last_touch(condition, at), at)
            case Unanswered(duration):
                return self.gone_by(duration, self.asked(condition, at), at)
        raise NotImplementedError(condition)

    def run(self, condition: Condition, at: Instant, *, may: bool = False) -> Instant | None:
        """Since when the condition has held (may have held) without a break up to an instant; None if it does not."""
        start = None
        while self.alive(at) and (self.holds(condition, at) is True or (may and self.holds(condition, at) is None)):
            start, at = at, at - 1
        return start

    def _long_past(self, value: Value, passed_for: Duration, at: Instant) -> bool | None:
        if value is UNKNOWN:
            return None
        return isinstance(value, int) and value <= at and self.gone_by(passed_for, value, at)

    def _due(self, value: Value, within: Duration, at: Instant) -> bool | None:
        if value is UNKNOWN:
            return None
        if not isinstance(value, int):
            return False
        return sum(self.counts(within, t, at) for t in range(at, value)) <= within.milliseconds

    # --- clocks ----------------------------------------------------------------------------------------------------

    def _clock(self, condition: Clock, at: Instant) -> bool | None:
        if condition.reset is None or self.holds(condition.reset, at) is not None or not self.is_plain(condition.reset):
            reset = self.last_reset(condition, at, sure=True)
            if reset <= at and self._summed(condition, reset, at, sure=True) >= condition.duration.milliseconds:
                return True
        reset = self.last_reset(condition, at, sure=False)
        return None if self._summed(condition, reset, at, sure=False) >= condition.duration.milliseconds else False

    def _summed(self, condition: Clock, start: Instant, at: Instant, *, sure: bool) -> int:
        return sum(
            1
            for t in range(start, at)
            if self.counts(condition.duration, t)
            and self.holds(condition.running, t) in ((True,) if sure else (True, None))
            and (condition.pause_while is None or self.holds(condition.pause_while, t) in ((False,) if sure else (False, None)))
        )

    def last_reset(self, condition: Clock, at: Instant, *, sure: bool) -> Instant:
        """From when on time is summed at an instant: surely so, or at the most favourable."""
        if condition.reset is None or at <= self.created:
            unsure = sure and condition.reset is not None and self.holds(condition.reset, at) is None
            return self.created + unsure
        key = condition, at, sure
        if key not in self._resets:
            self._resets[key] = self._last_reset(condition, condition.reset, at, sure=sure)
        return self._resets[key]

    def _last_reset(self, condition: Clock, reset: Condition, at: Instant, *, sure: bool) -> Instant:
        answers = [answer for _, answer in self.steps(reset, at)]
        # where it did not hold and then does, it started in between, whatever is not known of the steps there
        started = (False, True) in pairwise(answer for answer in answers if answer is not None)
        may_start = any(before is not True and now is not False for before, now in pairwise(answers))
        if sure and self.holds(reset, at) is None:
            return at + 1
        return at if started or (sure and may_start) else self.last_reset(condition, at - 1, sure=sure)

    def is_plain(self, condition: Condition) -> bool:
        match condition:
            case State():
                return True
            case Not(part):
                return self.is_plain(part)
            case All(parts) | AnyOf(parts):
                return all(map(self.is_plain, parts))
        return True

    def steps(self, condition: Condition, at: Instant) -> Iterator[tuple[int, bool | None]]:
        """What a condition of plain states says before an instant and after each step within it."""
        yield 0, self.holds(condition, at - 1) if at > self.created else None
        changes = [c for c in self.ticket.changes if c.at == at and c.at >= self.complete_from]
        saves = [list(save) for _, save in groupby(changes, key=lambda c: c.save)]
        if len(saves) > 1 and not any(isinstance(part, Count | Held) for part in _walk(condition)):
            fields = {part.field for part in _walk(condition) if isinstance(part, State)}
            values = {field: self.value(field, at - 1) for field in fields}
            for number, save in enumerate(saves, start=1):
                seen = [c for c in save if c.field in fields]
                unseen = [c.field for c in seen if c.old != values[c.field]]
                if unseen:
                    yield number, self._static(condition, values | dict.fromkeys(unseen, UNKNOWN))
                values.update({c.field: c.new for c in seen})
                yield number, self._static(condition, values)
            return
        yield 1, self.holds(condition, at)

    def _static(self, condition: Condition, values: dict[str, Value]) -> bool | None:
        match condition:
            case State():
                return self.passes(condition, values[condition.field])
            case Not(part):
                answer = self._static(part, values)
                return None if answer is None else not answer
            case All(parts):
                answers = [self._static(part, values) for part in parts]
                return False if False in answers else None if None in answers else True
            case AnyOf(parts):
                answers = [self._static(part, values) for part in parts]
                return True if True in answers else None if None in answers else False
        raise NotImplementedError(condition)

    # --- events, of tickets about which everything is known -----------------------------------------------------------

    def counted(self, condition: Count, at: Instant) -> int:
        """How many events the window remembers."""
        return sum(
            1
            for event in self.events(condition)
            if event <= at and (condition.within is None or not self.gone_by(condition.within, event, at))
        )

    def events(self, condition: Count) -> list[Instant]:
        who = tuple(Kind) if condition.by_anyone else PEOPLE if condition.by is None else (condition.by,)
        match condition.event:
            case Counted.REQUESTER_WROTE:
                return [m.at for m in self.ticket.messages if m.by.kind is Kind.REQUESTER and m.at < self.gone]
            case Counted.REOPENED:
                done = ("resolved", "closed")
                changes = [c for c in self.changes("status") if c.by.kind in who]
                return [c.at for c in changes if c.old in done and c.new not in done]
            case Counted.PRIORITY_RAISED | Counted.PRIORITY_LOWERED:
                raised = condition.event is Counted.PRIORITY_RAISED
                changes = [c for c in self._not_put_back("priority", who) if c.old is not None and c.new is not None]
                return [c.at for c in changes if (ORDER.index(str(c.new)) < ORDER.index(str(c.old))) is raised]
        return self._moves(condition, who)

    def _not_put_back(self, field: str, who: tuple[Kind, ...]) -> Iterator[Change]:
        changes = self.changes(field)
        for before, change in zip([None, *changes], changes, strict=False):
            undone = before is not None and before.by.kind is Kind.HOIST and change.by.kind in PEOPLE and change.new == before.old
            if change.by.kind in who and not undone:
                yield change

    def _moves(self, condition: Count, who: tuple[Kind, ...]) -> list[Instant]:
        changes = self.changes("assignee" if condition.event is Counted.OWNER_CHANGED else "team")
        if not changes:
            return []
        # who held it, one after the other, nobody left out
        held: list[tuple[Instant, Value, Kind | None]] = []
        if changes[0].old is not None:
            held.append((self.created, changes[0].old, None))
        for change in changes:
            if change.new is not None and (not held or held[-1][1] != change.new):
                held.append((change.at, change.new, change.by.kind))
        stay = condition.ignore_stays_shorter_than
        if stay is not None:
            ends = [at for at, _, _ in held[1:]] + [min(self.gone, 10 * END)]
            lasted = [
                (next(t for t in range(at, end + 1) if self.gone_by(stay, at, t)), holder, kind)
                for (at, holder, kind), end in zip(held, ends, strict=True)
                if self.gone_by(stay, at, end)
            ]
            held = [one for n, one in enumerate(lasted) if n == 0 or lasted[n - 1][1] != one[1]]
        found = []
        for n in range(1, len(held)):
            at, holder, kind = held[n]
            undone = n > 1 and held[n - 1][2] is Kind.HOIST and kind in PEOPLE and held[n - 2][1] == holder
            givers = [earlier for _, earlier, _ in held[: n - 1]]
            wanted = {
                Counted.RETURNED: holder in givers,
                Counted.HANDED_BACK: holder in givers[-1:],
                Counted.BACK_TO_FIRST_LINE: holder == "A" and held[n - 1][1] in {"B", "C"},
            }
            if kind in who and not undone and wanted.get(condition.event, True):
                found.append(at)
        return found

    def last_touch(self, condition: Silent, at: Instant) -> Instant:
        acts = [(message.at, message.by.kind) for message in self.ticket.messages]
        if not condition.replies_only:
            acts += [(change.at, change.by.kind) for change in self.ticket.changes]
        return max([self.created, *(when for when, kind in acts if kind in condition.kinds and when <= at)])

    def asked(self, condition: Unanswered, at: Instant) -> Instant | None:
        """The first message that is not answered at an instant."""
        staff = condition.waiting_for is Kind.STAFF
        waiting = self.created if staff else None
        for t in range(self.created, at + 1):
            touched = any(c.at == t and c.by.kind is condition.waiting_for for c in self.ticket.changes)
            touched |= any(m.at == t and m.by.kind is condition.waiting_for for m in self.ticket.messages)
            if condition.touch_answers and touched:
                waiting = None
            for message in self.ticket.messages:
                if message.at != t:
                    continue
                if message.by.kind is condition.waiting_for:
                    waiting = None if message.public else waiting
                elif message.by.kind in PEOPLE and (message.public or staff):
                    waiting = t if waiting is None else waiting
        return waiting

    # --- anchors ---------------------------------------------------------------------------------------------------

    @cached_property
    def horizon(self) -> Instant:
        return min(END, self.gone)

    def anchor(self, condition: Condition, at: Instant) -> Instant | None:
        """What the condition, which surely holds at the instant, grew from; None for a gate."""
        match condition:
            case Held(part):
                start = self.run(part, at)
                assert start is not None
                inner = self.anchor(part, start)
                return start if inner is None else inner
            case Clock():
                return self.last_reset(condition, at, sure=True)
            case Count():
                return self.run(condition, at)
            case Silent():
                return self.last_touch(condition, at)
            case Unanswered():
                return self.asked(condition, at)
            case Due(field):
                start = at
                while start > self.created and self.value(field, start - 1) == self.value(field, at):
                    start -= 1
                return start
            case All(parts):
                return max((a for a in (self.anchor(part, at) for part in parts) if a is not None), default=None)
            case AnyOf(parts):
                return self._anchor_of_any(condition, parts, at)
        return None

    def _anchor_of_any(self, condition: AnyOf, parts: tuple[Condition, ...], at: Instant) -> Instant | None:
        if len(set(parts)) == 1:
            return self.anchor(parts[0], at)
        start = self.run(condition, at)
        assert start is not None
        if all(map(_gate, parts)):
            return None
        holding = [part for part in parts if self.holds(part, start)]
        return min(start if (a := self.anchor(part, start)) is None else a for part in holding)

    def stretches(self, condition: Condition) -> list[tuple[Instant, Instant, Instant]]:
        """(from, to, anchor) of every stretch with one anchor, up to the end of the grid; a gate's anchor is its start."""
        found: list[tuple[Instant, Instant, Instant]] = []
        for at in range(self.created, self.horizon):
            if self.holds(condition, at):
                anchor = self.anchor(condition, at)
                if found and found[-1][1] == at and anchor in (None, found[-1][2]):
                    found[-1] = (found[-1][0], at + 1, found[-1][2])
                else:
                    found.append((at, at + 1, at if anchor is None else anchor))
        return found


def _walk(condition: Condition) -> Iterator[Condition]:
    yield condition
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _walk(part)
        case Not(part) | Held(part, _):
            yield from _walk(part)


def _gate(condition: Condition) -> bool:
    match condition:
        case State() | Not() | Acknowledged() | FirstReply() | Hours() | InWindow():
            return True
        case All(parts) | AnyOf(parts):
            return all(map(_gate, parts))
        case Until(part):
            return _gate(part)
    return False
