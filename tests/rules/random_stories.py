"""Random tickets and conditions, small enough that every instant can be looked at.

They come from a seeded generator instead of from strategies: rich from the first one on, where strategies begin with tickets to
which nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from random import Random
from typing import Any, Final

from rules.binding import BoundRules, bind
from rules.conditions.tree import walk
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
    Ever,
    FirstReply,
    Held,
    Hours,
    InList,
    InWindow,
    Level,
    Lingering,
    Not,
    OneOf,
    Silent,
    State,
    Target,
    Unanswered,
    Unchanged,
    Until,
)
from rules.protocol.durations import CALENDAR_OF_APPROVER, CALENDAR_OF_REQUESTER, CALENDAR_OF_TEAM, CALENDAR_OF_TIER, Duration
from rules.protocol.organisation import Chain, NamedList, Organisation, PriorityLevel, Team, Tier
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.world import Directory, World
from tests.rules.grid_oracle import CALENDARS_OF_TEAMS, END, LATE, LEVELS, LISTED, ORDER, SHIFTS, TEAMS, WINDOW, Shifts

SOURCE: Final = "desk"
ACTORS: Final = {
    Kind.STAFF: Actor("anna", Kind.STAFF),
    Kind.REQUESTER: Actor("ruth", Kind.REQUESTER),
    Kind.AUTOMATION: Actor("trigger", Kind.AUTOMATION),
    Kind.HOIST: Actor("hoist", Kind.HOIST),
}
BERT: Final = Actor("bert", Kind.STAFF)
OFTEN: Final = (
    *("message", "message", "status", "status", "team", "team", "assignee", "priority", "due"),
    *("target.reply", "target.reply", "target.reply.start", "requester", "approver", "follow_ups", "queue"),
)
VALUES: Final[dict[str, tuple[Value, ...]]] = {
    "status": ("open", "pending", "resolved"),
    "team": ("A", "B", "C", None),
    "assignee": ("anna", "bert", None),
    "priority": ("1", "2", "3", "4", None),
    "due": (None, 10, 20, 30, 45),
    "requester": ("ruth", "paul", None),
    "approver": (("anna", "ruth"), ("anna",), None),
    "target.reply": (None, 12, 22, 33, 44),
    "target.reply.start": (None, -3, 0),  # a cycle begins before its target is set
    "queue": (3, 40, 41),
}
OF_THE_TICKET: Final = (CALENDAR_OF_TEAM, CALENDAR_OF_TIER, CALENDAR_OF_REQUESTER, CALENDAR_OF_APPROVER)
MOVES: Final = frozenset(
    (Counted.REASSIGNED, Counted.RETURNED, Counted.OWNER_CHANGED, Counted.HANDED_BACK, Counted.BACK_TO_FIRST_LINE)
)
COUNTED_UP: Final = "follow_ups"
ORGANISATION: Final = Organisation(
    priorities=tuple(PriorityLevel(word, {SOURCE: (native,)}) for word, native in LEVELS.items()),
    teams={word: Team(word, {SOURCE: (native,)}, calendar=CALENDARS_OF_TEAMS.get(native, "")) for word, native in TEAMS.items()},
    chains={"line": Chain("line", tuple(map(Tier, TEAMS)))},
    lists={"vip": NamedList("vip", LISTED, calendar=LATE)},
)
MEMBERS: Final = {"A": frozenset({"anna"}), "B": frozenset({"bert"}), "C": frozenset[str]()}
DIRECTORY: Final = Directory({native: word for word, native in TEAMS.items()}, {native: native for native in ORDER})
WORLD: Final = World({SHIFTS: Shifts(), LATE: Shifts(LATE)}, {"vip": frozenset(LISTED)}, {"repairs": list(WINDOW)})


def bound(*conditions: Condition, members: Mapping[str, frozenset[str]] | None = None) -> BoundRules:
    """A rule for each condition, named by its place."""
    rules = tuple(Rule(str(n), str(n), condition, ()) for n, condition in enumerate(conditions))
    return bind(Rulebook(ORGANISATION, rules, "1"), SOURCE, replace(DIRECTORY, members=members), WORLD)


def ticket(rng: Random) -> Ticket:
    """A ticket of which everything is known: several fields and actors, many equal stamps, sometimes an end."""
    created = rng.randrange(4)
    initial: dict[str, Value] = {field: rng.choice(values) for field, values in VALUES.items()}
    initial[COUNTED_UP] = 0
    fields = dict(initial)
    changes: list[Change] = []
    messages: list[Message] = []
    at, save = created, 0
    for number in range(rng.randrange(16)):
        at += rng.choice((0, 0, 1, 1, 2, 3, 5, 9))
        by = ACTORS[rng.choice((Kind.STAFF, Kind.STAFF, Kind.REQUESTER, Kind.AUTOMATION, Kind.HOIST))]
        if by.kind is Kind.STAFF and rng.random() < 0.4:
            by = BERT
        field = rng.choice(OFTEN)
        if field == "message":
            messages.append(Message(at, at, str(number), by, rng.random() < 0.5, rng.random() < 0.3))
            continue
        new = rng.choice(VALUES[field]) if field in VALUES else int(str(fields[field])) + 1
        same_save = bool(changes) and changes[-1].at == at and changes[-1].field != field and rng.random() < 0.5
        save += not same_save
        if new != fields[field]:
            changes.append(Change(at, at, number, str(save), field, fields[field], new, by))
            fields[field] = new
    gone = rng.choice((None, None, rng.randrange(created, END + 5)))
    if gone is not None:  # nothing happens to a ticket that is gone
        changes, messages = [c for c in changes if c.at < gone], [m for m in messages if m.at < gone]
        fields = initial | {c.field: c.new for c in changes}
    known = max([created, *(c.at for c in changes)]) + rng.randrange(1, 6)
    return Ticket(TicketRef(SOURCE, "1"), "SD-1", "", "", created, known, fields, tuple(changes), tuple(messages), None, gone)


def cut_off(rng: Random, whole: Ticket) -> Ticket:
    """The ticket with its early history lost; some of the early messages are there nevertheless."""
    complete_from = rng.randrange(whole.created, 30)
    return replace(
        whole,
        complete_from=complete_from,
        changes=tuple(c for c in whole.changes if c.at >= complete_from),
        messages=tuple(m for m in whole.messages if m.at >= complete_from or rng.random() < 0.5),
    )


def patchy(rng: Random, whole: Ticket) -> Ticket:
    """The ticket with single changes missing that leave a trace (neighbours or the present value do not fit), or a field."""
    changes = list(whole.changes)
    for field in VALUES:
        of_field = [c for c in changes if c.field == field]
        ends = [c.at for c in of_field[1:]] + [whole.known]
        candidates = [n for n in range(1, len(of_field)) if of_field[n].at < ends[n]]
        if candidates and rng.random() < 0.7:
            changes.remove(of_field[rng.choice(candidates)])
    fields = dict(whole.fields)
    lost = rng.choice((None, None, *VALUES))
    if lost is not None:
        fields[lost] = UNKNOWN
    if rng.random() < 0.1:
        del fields[rng.choice(tuple(VALUES))]
    return replace(whole, changes=tuple(changes), fields=fields)


def as_known_at(whole: Ticket, now: int) -> Ticket | None:
    """The ticket as a read at that instant would have brought it; None before it was created."""
    if now < whole.created:
        return None
    later = [c for c in whole.changes if c.at > now]
    return replace(
        whole,
        known=now,
        fields=dict(whole.fields) | {c.field: c.old for c in reversed(later)},
        changes=tuple(c for c in whole.changes if c.at <= now),
        messages=tuple(m for m in whole.messages if m.at <= now),
        gone=whole.gone if whole.gone is not None and whole.gone <= now else None,
    )


def duration(rng: Random, longest: int = 6) -> Duration:
    return Duration(rng.randrange(longest + 1), calendar=rng.choice((None, SHIFTS)))


def state(rng: Random) -> State:
    words: dict[str, tuple[str | None, ...]] = {
        "status": ("open", "pending", "resolved"),
        "team": ("first", "second", None),
        "assignee": ("anna", None),
        "priority": ("P1", "P3", None),
    }
    if rng.random() < 0.15:
        return State("priority", rng.choice((Level(at_least="P2"), Level("P2", "P2"), Level(at_most="P2"))))
    field = rng.choice(("status", "status", "team", "assignee", "priority"))
    return State(field, OneOf(tuple(rng.sample(words[field], rng.choice((1, 2))))))


def gate(rng: Random, depth: int = 1) -> Condition:
    """A state, or states joined."""
    return _joined(rng, gate, depth - 1) if depth and rng.random() < 0.5 else state(rng)


def over_states(rng: Random, depth: int = 2) -> Condition:
    """Conditions of states, durations and due dates: what they say of unknown stretches is defined to the instant."""
    if depth and rng.random() < 0.7:
        return _joined(rng, over_states, depth - 1)
    return rng.choice((state, _held, _clock, _clock, _due))(rng)


def anything(rng: Random, depth: int = 2) -> Condition:
    """Conditions of every kind."""
    return measured_by_the_ticket(rng, _anything(rng, depth))


def _anything(rng: Random, depth: int) -> Condition:
    if depth and rng.random() < 0.7:
        if rng.random() < 0.15:
            part, other = _anything(rng, depth - 1), _anything(rng, 0)
            return rng.choice((Ever(part), Until(part, other), Lingering(part, other)))
        return _joined(rng, _anything, depth - 1)
    leaf = rng.choice((state, _held, _clock, _team_clock, _count, _count, _silent, _unanswered, _due, _wider, _wider, _wider))
    return leaf(rng)


def measured_by_the_ticket(rng: Random, condition: Condition) -> Condition:
    """The condition with some of its durations on the calendar of the ticket's team, tier or requester."""

    def changed(value: Any) -> Any:
        if isinstance(value, Duration):
            return replace(value, calendar=rng.choice(OF_THE_TICKET)) if rng.random() < 0.15 else value
        if isinstance(value, tuple):
            return tuple(map(changed, value))
        if not is_dataclass(value) or isinstance(value, type):
            return value
        return replace(value, **{each.name: changed(getattr(value, each.name)) for each in dataclass_fields(value)})

    made: Condition = changed(condition)
    return made


def _wider(rng: Random) -> Condition:
    """A condition on attention, targets, stays, hours, windows, lists or numbers."""
    within, percent = rng.choice(((Duration(), None), (duration(rng), None), (None, rng.choice((25, 50, 75, 100, 140)))))
    return rng.choice(
        (
            Target("reply", within, percent, rng.choice((None, SHIFTS)) if percent else None),
            Target("reply", within, percent, rng.choice((None, SHIFTS)) if percent else None),
            Unchanged(rng.choice(("status", "team", "assignee")), duration(rng)),
            Acknowledged(rng.choice((None, duration(rng)))),
            FirstReply(),
            Hours(rng.choice((SHIFTS, LATE)), rng.random() < 0.5),
            InWindow("repairs"),
            State("requester", InList("vip")),
            Held(State("queue", Amount(at_least=40)), Duration()),
        )
    )


def over_events(rng: Random) -> Condition:
    """Counts with a short memory, and waits for an answer: what they say of unknown stretches ends some time after them."""
    if rng.random() < 0.3:
        return _unanswered(rng)
    event = rng.choice((*Counted, Counted.RETURNED, Counted.RETURNED))
    return Count(event, rng.choice((1, 2)), Duration(rng.randrange(2, 9)), by_anyone=rng.random() < 0.6)


def counted(rng: Random) -> Condition:
    """A count of any kind, its window and what it leaves out on whatever calendar."""
    return measured_by_the_ticket(rng, _count(rng))


def lasting(rng: Random) -> Condition:
    """A condition that goes on after another one, ends it, or never ends."""
    part, other = _anything(rng, 1), _anything(rng, 1)
    return measured_by_the_ticket(rng, rng.choice((Ever(part), Until(part, other), Lingering(part, other))))


def _joined(rng: Random, inner: Callable[[Random, int], Condition], depth: int) -> Condition:
    match rng.randrange(6):
        case 0:
            return Not(inner(rng, depth))
        case 1:
            return Held(inner(rng, depth), duration(rng))
        case 2 | 3:
            return All(tuple(inner(rng, depth) for _ in range(rng.choice((2, 2, 3)))))
        case _:
            return AnyOf(tuple(inner(rng, depth) for _ in range(rng.choice((1, 2, 2, 3)))))


def _held(rng: Random) -> Condition:
    return Held(gate(rng), duration(rng))


def _clock(rng: Random) -> Condition:
    pause = rng.choice((None, gate(rng)))
    reset = rng.choice((None, state(rng), gate(rng)))
    return Clock(gate(rng), duration(rng), pause, reset)


def _team_clock(rng: Random) -> Condition:
    whole = _clock(rng)
    assert isinstance(whole, Clock)
    stop = rng.choice((None, state(rng), gate(rng)))
    made = replace(whole, stop=stop, of_team=rng.random() < 0.5)
    if any(isinstance(part, State) and isinstance(part.test, Level) for part in walk(made)):
        return whole  # of the fourth priority no level is known, and what that leaves open is not this story's matter
    return made


def _count(rng: Random) -> Condition:
    event = rng.choice((*Counted, Counted.REASSIGNED, Counted.RETURNED))
    ignored = duration(rng, 3) if event in MOVES and rng.random() < 0.4 else None
    within = rng.choice((None, duration(rng, 20), duration(rng, 8)))
    return Count(
        event,
        rng.choice((1, 1, 2, 3)),
        within,
        by_anyone=rng.random() < 0.4,
        ignore_stays_shorter_than=ignored,
        again=rng.random() < 0.3,
        by=rng.choice((None, None, Kind.STAFF, Kind.REQUESTER)),
        ignore_thanks=rng.random() < 0.4,
    )


def _silent(rng: Random) -> Condition:
    kinds = rng.choice(((Kind.STAFF, Kind.REQUESTER), (Kind.STAFF,), (Kind.REQUESTER,)))
    return Silent(duration(rng), kinds, replies_only=rng.random() < 0.4)


def _unanswered(rng: Random) -> Condition:
    return Unanswered(duration(rng), rng.choice((Kind.STAFF, Kind.REQUESTER)), touch_answers=rng.random() < 0.3)


def _due(rng: Random) -> Condition:
    return Due("due", duration(rng)) if rng.random() < 0.7 else Due("due", Duration(), duration(rng))
