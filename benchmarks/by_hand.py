"""The ready protocols as functions written by hand: each goes from a ticket's rows to a flat list of half-open intervals.

As somebody would write them who has this log alone before them: everything about a ticket is known, no account is hoist's, no
ticket has messages but notes, or labels. They keep nothing that a reason could be made from. `benchmarks.protocols` holds hoist's
stretches equal to theirs before it compares times. Instants are milliseconds, business time is that of `rules.calendars`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from rules.calendars import Calendar
from rules.instants import DAY, FOREVER, HOUR, MINUTE
from rules.ticket import Change, Kind, Ticket, Value

Stretches = list[int]
State = tuple[Value, Value, Value, Value]
"""Status, priority, team, assignee."""

PEOPLE: Final = (Kind.STAFF, Kind.REQUESTER)
ACTIVE: Final = ("new", "open")
UNSOLVED: Final = ("new", "open", "pending", "on_hold")
DONE: Final = ("resolved", "closed")
SLIP: Final = 5 * MINUTE
FIELDS: Final = ("status", "priority", "team", "assignee")


class Move(NamedTuple):
    """A field got another value."""

    at: int
    old: Value
    new: Value
    by: str
    person: bool
    save: str


class Rows(NamedTuple):
    """A ticket of the log: from each of `times` on a state, and what people did."""

    times: list[int]
    states: list[State]
    touched: list[int]  # by people, each instant once
    wrote: list[int]  # of the staff
    acts: list[tuple[int, str]]  # of the staff: when, who
    teams: list[Move]
    owners: list[Move]
    statuses: list[Move]


def rows_of(ticket: Ticket) -> Rows:
    """What the functions look at, ready as they like it best."""
    old = {change.field: change.old for change in reversed(ticket.changes)}
    values = [old.get(name, ticket.fields.get(name)) for name in FIELDS]
    states: dict[int, State] = {ticket.created: _state(values)}
    for change in ticket.changes:
        values[FIELDS.index(change.field)] = change.new
        states[change.at] = _state(values)
    did = [(change.at, change.by) for change in ticket.changes] + [(message.at, message.by) for message in ticket.messages]
    return Rows(
        list(states),
        list(states.values()),
        sorted({at for at, by in did if by.kind in PEOPLE}),
        sorted({message.at for message in ticket.messages if message.by.kind is Kind.STAFF}),
        sorted((at, by.id) for at, by in did if by.kind is Kind.STAFF),
        _moves(ticket.changes, "team"),
        _moves(ticket.changes, "assignee"),
        _moves(ticket.changes, "status"),
    )


def _state(values: Sequence[Value]) -> State:
    status, priority, team, assignee = values
    return status, priority, team, assignee


def _moves(changes: Iterable[Change], field: str) -> list[Move]:
    return [Move(c.at, c.old, c.new, c.by.id, c.by.kind in PEOPLE, c.save) for c in changes if c.field == field]


# --- intervals -----------------------------------------------------------------------------------------------------------


def holding(rows: Rows, test: Callable[[State], bool]) -> Stretches:
    """Where the state passes the test."""
    found: Stretches = []
    inside = False
    for at, state in zip(rows.times, rows.states):  # noqa: B905 - as long as each other
        if test(state) is not inside:
            found.append(at)
            inside = not inside
    if inside:
        found.append(FOREVER)
    return found


def both(a: Stretches, b: Stretches) -> Stretches:
    found: Stretches = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i], b[j]), min(a[i + 1], b[j + 1])
        if start < end:
            found += (start, end)
        if a[i + 1] < b[j + 1]:
            i += 2
        else:
            j += 2
    return found


def lasting(a: Stretches, after: Callable[[int], int]) -> Stretches:
    """Each stretch from when it has lasted so long."""
    found: Stretches = []
    for n in range(0, len(a), 2):
        start = after(a[n])
        if start < a[n + 1]:
            found += (start, a[n + 1])
    return found


def silent(acts: list[int], opened: int, after: Callable[[int], int]) -> Stretches:
    """In each gap between acts, from when it has lasted so long."""
    found: Stretches = []
    for closed in (*acts, FOREVER):
        start = after(opened)
        if start < closed:
            found += (start, closed)
        opened = closed
    return found


def summed(going: Stretches, until: int, budget: int, calendar: Calendar) -> Stretches:
    """From when the business time summed over the stretches reaches the budget."""
    for n in range(0, len(going), 2):
        if going[n + 1] == FOREVER:
            reached = calendar.add(going[n], budget)
            return [reached, until] if reached < until else []
        spent = calendar.between(going[n], going[n + 1])
        if spent >= budget:
            reached = calendar.add(going[n], budget)
            return [reached, until] if reached < until else []
        budget -= spent
    return []


def counted(events: list[int], at_least: int, window: int) -> Stretches:
    """From the n-th event within the window until the window forgets it."""
    found: Stretches = []
    for n in range(at_least - 1, len(events)):
        start, end = events[n], events[n - at_least + 1] + window
        if start < end:
            if found and start <= found[-1]:
                found[-1] = max(found[-1], end)
            else:
                found += (start, end)
    return found


# --- what happened -------------------------------------------------------------------------------------------------------


def stays(moves: list[Move], created: int) -> list[tuple[int, Value, bool]]:
    """(since, holder, whether a person moved it there), slips left out: from when each stay has lasted so long."""
    held = [(created, moves[0].old, False), *((move.at, move.new, move.person) for move in moves)]
    ends = [*(move.at for move in moves), FOREVER]
    found: list[tuple[int, Value, bool]] = []
    for (since, holder, person), end in zip(held, ends, strict=True):
        if holder is not None and since + SLIP <= end:
            found.append((since + SLIP, holder, person))
    return found


def moved(rows: Rows) -> list[int]:
    """When people moved it to another team."""
    if len(rows.teams) < 1:
        return []
    found, last = [], None
    for since, team, person in stays(rows.teams, rows.times[0]):
        if person and last is not None and team != last:
            found.append(since)
        last = team
    return found


def returned(rows: Rows) -> list[int]:
    """When people moved it back to a team that had had it."""
    if len(rows.teams) < 2:  # one move comes back to nobody
        return []
    found, last = [], None
    seen: set[Value] = set()
    for since, team, person in stays(rows.teams, rows.times[0]):
        if person and last is not None and team != last and team in seen:
            found.append(since)
        seen.add(team)
        last = team
    return found


def came_down(rows: Rows, lines: Mapping[Value, int]) -> list[int]:
    """When people moved it from a higher line to the first one."""
    if not rows.teams:
        return []
    found, last = [], None
    for since, team, person in stays(rows.teams, rows.times[0]):
        if person and last is not None and lines.get(team) == 1 and lines.get(last, 0) > 1:
            found.append(since)
        last = team
    return found


def passed_on(rows: Rows) -> list[int]:
    """When people gave it to another person."""
    if not rows.owners:
        return []
    found, last = [], rows.owners[0].old
    for move in rows.owners:
        if move.new is not None:
            if move.person and last is not None and move.new != last:
                found.append(move.at)
            last = move.new
    return found


def unnoticed(rows: Rows) -> list[tuple[int, int, int]]:
    """(since, until, end) of each team's stay: nobody of it has acknowledged until then."""
    found = []
    moves = [move for move in rows.teams if move.new != move.old]
    ends = [*(move.at for move in moves), FOREVER]
    for move, end in zip([None, *moves], ends, strict=True):
        since = rows.times[0] if move is None else move.at
        first = next((at for at, who in rows.acts[bisect_left(rows.acts, (since,)) :] if counts(rows, move, at, who)), FOREVER)
        if since < end:
            found.append((since, min(first, end), end))
    return found


def counts(rows: Rows, move: Move | None, at: int, who: str) -> bool:
    """Whether an act after a hand-over is an acknowledgement: somebody else's, or theirs who took it since."""
    if move is None or who != move.by:
        return True
    given = [owner for owner in rows.owners if owner.at <= at]
    return bool(given) and given[-1].new == who and given[-1].at >= move.at


# --- the protocols -------------------------------------------------------------------------------------------------------


def active(rows: Rows) -> Stretches:
    return holding(rows, lambda s: s[0] in ACTIVE)


def ownerless(rows: Rows, wait: int) -> Stretches:
    return lasting(holding(rows, lambda s: s[3] is None and s[0] in ACTIVE), lambda at: at + wait)


def out_of_hours(rows: Rows, office: Calendar) -> Stretches:
    """Outside the hours, and on into them while it still has no owner."""
    found: Stretches = []
    waits = ownerless(rows, 30 * MINUTE)
    for n in range(0, len(waits), 2):
        start, end = waits[n], waits[n + 1]
        if office.is_open(start):
            start = office.open_intervals(start, start + 7 * DAY)[1]
        if start < end:
            found += (start, end)
    return found


def not_acknowledged(rows: Rows, office: Calendar) -> Stretches:
    in_work = active(rows)
    found: Stretches = []
    for since, until, end in unnoticed(rows):
        going = both(in_work, [since, until])
        if going:
            found += both(summed(going, end, 2 * HOUR, office), going)
    return found


def stuck(rows: Rows, lines: Mapping[Value, int], office: Calendar) -> Stretches:
    first_line, in_work = holding(rows, lambda s: lines.get(s[2]) == 1), active(rows)
    found: Stretches = []
    for n in range(0, len(first_line), 2):
        going = both(in_work, first_line[n : n + 2])
        if going:
            found += both(summed(going, first_line[n + 1], 8 * HOUR, office), going)
    return found


def reopened(rows: Rows) -> list[int]:
    """When people took it up again that was solved."""
    return [move.at for move in rows.statuses if move.old in DONE and move.new not in DONE and move.person]


def protocols(lines: Mapping[Value, int], urgent: frozenset[Value], office: Calendar) -> dict[str, Callable[[Rows], Stretches]]:
    """The function of each protocol, with the parameters that `benchmarks.library` gives it.

    `lines`: the line of each team; `urgent`: the priorities that are a major incident.
    """

    def business(milliseconds: int) -> Callable[[int], int]:
        return lambda at: office.add(at, milliseconds)

    def unsolved(rows: Rows) -> Stretches:
        return holding(rows, lambda s: s[0] in UNSOLVED)

    def waiting_too(rows: Rows) -> Stretches:
        return holding(rows, lambda s: s[0] in {*ACTIVE, "pending"})

    def major(rows: Rows) -> Stretches:
        return holding(rows, lambda s: s[1] in urgent and s[0] in UNSOLVED)

    return {
        "nobody-took-it": lambda r: ownerless(r, 15 * MINUTE),
        "out-of-hours": lambda r: out_of_hours(r, office),
        "not-acknowledged": lambda r: not_acknowledged(r, office),
        "p1-ladder": major,
        "p1-ladder-keep-informed": lambda r: both(silent(r.wrote, r.times[0], lambda at: at + 30 * MINUTE), major(r)),
        "went-silent": lambda r: both(silent(r.touched, r.times[0], business(8 * HOUR)), active(r)),
        "stuck-at-tier": lambda r: stuck(r, lines, office),
        "long-running": lambda r: both(summed(active(r), FOREVER, 40 * HOUR, office), active(r)),
        "bounced": lambda r: both(counted(returned(r), 2, 7 * DAY), waiting_too(r)),
        "boomerang": lambda r: both(counted(came_down(r, lines), 2, 14 * DAY), active(r)),
        "reassigned-often": lambda r: both(counted(moved(r), 4, 14 * DAY), waiting_too(r)),
        "many-owners": lambda r: both(counted(passed_on(r), 4, 14 * DAY), unsolved(r)),
        "reopened-again": lambda r: both(counted(reopened(r), 2, 30 * DAY), unsolved(r)),
        "waits-at-provider": lambda r: holding(r, lambda s: s[0] == "on_hold"),
        "on-hold-forgotten": lambda r: both(
            silent(r.touched, r.times[0], lambda at: office.add_days(at, 5)), holding(r, lambda s: s[0] in {"on_hold", "pending"})
        ),
    }
