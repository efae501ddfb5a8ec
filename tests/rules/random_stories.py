"""Random tickets and conditions, small enough that every instant can be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from rules.binding import BoundRules, bind
from rules.protocol import (
    All,
    AnyOf,
    Clock,
    Condition,
    Count,
    Counted,
    Due,
    Duration,
    Held,
    Level,
    Not,
    OneOf,
    Organisation,
    PriorityLevel,
    Rule,
    Rulebook,
    Silent,
    State,
    Team,
    Unanswered,
)
from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.world import Directory
from tests.rules.grid_oracle import END, LEVELS, ORDER, SHIFTS, TEAMS, Shifts

SOURCE: Final = "desk"
ACTORS: Final = {
    Kind.STAFF: Actor("anna", Kind.STAFF),
    Kind.REQUESTER: Actor("ruth", Kind.REQUESTER),
    Kind.AUTOMATION: Actor("trigger", Kind.AUTOMATION),
    Kind.HOIST: Actor("hoist", Kind.HOIST),
}
VALUES: Final[dict[str, tuple[Value, ...]]] = {
    "status": ("open", "pending", "resolved"),
    "team": ("A", "B", "C", None),
    "assignee": ("anna", "bert", None),
    "priority": ("1", "2", "3", "4", None),
    "due": (None, 10, 20, 30, 45),
}
ORGANISATION: Final = Organisation(
    priorities=tuple(PriorityLevel(word, {SOURCE: (native,)}) for word, native in LEVELS.items()),
    teams={word: Team(word, {SOURCE: (native,)}) for word, native in TEAMS.items()},
)
DIRECTORY: Final = Directory({native: word for word, native in TEAMS.items()}, {native: native for native in ORDER})


def bound(*conditions: Condition) -> BoundRules:
    """A rule for each condition, named by its place."""
    rules = tuple(Rule(str(n), str(n), condition, ()) for n, condition in enumerate(conditions))
    return bind(Rulebook(ORGANISATION, rules, "1"), SOURCE, DIRECTORY, {SHIFTS: Shifts()})


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    """A ticket of which everything is known: several fields and actors, many equal stamps, sometimes an end."""
    created = draw(st.integers(0, 3))
    initial = {field: draw(st.sampled_from(values)) for field, values in VALUES.items()}
    fields = dict(initial)
    changes: list[Change] = []
    messages: list[Message] = []
    at, save = created, 0
    for number in range(draw(st.integers(0, 14))):
        at += draw(st.sampled_from((0, 0, 1, 1, 2, 3, 5, 9)))
        by = ACTORS[draw(st.sampled_from((Kind.STAFF, Kind.STAFF, Kind.REQUESTER, Kind.AUTOMATION, Kind.HOIST)))]
        field = draw(st.sampled_from(("message", "status", "status", "team", "team", "assignee", "priority", "due")))
        if field == "message":
            messages.append(Message(at, at, str(number), by, draw(st.booleans())))
            continue
        new = draw(st.sampled_from(VALUES[field]))
        same_save = bool(changes) and changes[-1].at == at and changes[-1].field != field and draw(st.booleans())
        save += not same_save
        if new != fields[field]:
            changes.append(Change(at, at, number, str(save), field, fields[field], new, by))
            fields[field] = new
    gone = draw(st.none() | st.integers(created, END + 5))
    if gone is not None:  # nothing happens to a ticket that is gone
        changes, messages = [c for c in changes if c.at < gone], [m for m in messages if m.at < gone]
        fields = initial | {c.field: c.new for c in changes}
    known = max([created, *(c.at for c in changes)]) + draw(st.integers(1, 6))
    return Ticket(TicketRef(SOURCE, "1"), "SD-1", "", "", created, known, fields, tuple(changes), tuple(messages), None, gone)


@st.composite
def cut_off(draw: st.DrawFn, ticket: Ticket) -> Ticket:
    """The ticket with its early history lost."""
    complete_from = draw(st.integers(ticket.created, 30))
    lost = draw(st.sets(st.sampled_from([m.id for m in ticket.messages]))) if ticket.messages else set()
    return replace(
        ticket,
        complete_from=complete_from,
        changes=tuple(c for c in ticket.changes if c.at >= complete_from),
        messages=tuple(m for m in ticket.messages if m.at >= complete_from or m.id not in lost),
    )


@st.composite
def patchy(draw: st.DrawFn, ticket: Ticket) -> Ticket:
    """The ticket with a field or single changes missing that leave a trace: the neighbours, or the present value, do not fit."""
    changes = list(ticket.changes)
    for field in VALUES:
        of_field = [c for c in changes if c.field == field]
        ends = [c.at for c in of_field[1:]] + [ticket.known]
        candidates = [n for n in range(1, len(of_field)) if of_field[n].at < ends[n]]
        if draw(st.booleans()) and candidates:
            changes.remove(of_field[draw(st.sampled_from(candidates))])
    fields = dict(ticket.fields)
    for field in draw(st.sets(st.sampled_from(tuple(VALUES)), max_size=1)):
        if draw(st.booleans()):
            del fields[field]
        else:
            fields[field] = UNKNOWN
    return replace(ticket, changes=tuple(changes), fields=fields)


def durations(longest: int = 9) -> st.SearchStrategy[Duration]:
    return st.builds(Duration, st.integers(0, longest), st.just(0), st.sampled_from((None, SHIFTS)))


def states() -> st.SearchStrategy[State]:
    def one_of(field: str, *words: str | None) -> st.SearchStrategy[State]:
        subsets = st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True)
        return subsets.map(lambda chosen: State(field, OneOf(tuple(chosen))))

    return st.one_of(
        one_of("status", "open", "pending", "resolved"),
        one_of("team", "first", "second", None),
        one_of("assignee", "anna", None),
        one_of("priority", "P1", "P3", None),
        st.sampled_from((State("priority", Level(at_least="P2")), State("priority", Level("P2", "P2")))),
    )


def gates() -> st.SearchStrategy[Condition]:
    return st.recursive(states(), _joined, max_leaves=3)


def _joined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(several.map(All), several.map(AnyOf), inner.map(Not))


def over_states() -> st.SearchStrategy[Condition]:
    """Conditions of states, durations and due dates: what they say of unknown stretches is defined to the instant."""
    clocks = st.builds(Clock, gates(), durations(), st.none() | gates(), st.none() | gates())
    leaves = st.one_of(states(), clocks, st.builds(Due, st.just("due"), durations()))
    return st.recursive(leaves, _deeper, max_leaves=4)


def anything() -> st.SearchStrategy[Condition]:
    """Conditions of every kind."""
    counts = st.builds(
        Count,
        st.sampled_from(Counted),
        st.integers(1, 3),
        st.none() | durations(20),
        st.booleans(),
        st.none() | durations(4),
    )
    moves_only = counts.filter(
        lambda c: c.ignore_stays_shorter_than is None or c.event in {Counted.REASSIGNED, Counted.RETURNED, Counted.OWNER_CHANGED}
    )
    kinds = st.sampled_from(((Kind.STAFF, Kind.REQUESTER), (Kind.STAFF,), (Kind.REQUESTER,)))
    silences = st.builds(Silent, durations(), kinds, st.booleans())
    waits = st.builds(Unanswered, durations(), st.sampled_from((Kind.STAFF, Kind.REQUESTER)), st.booleans())
    clocks = st.builds(Clock, gates(), durations(), st.none() | gates(), st.none() | gates() | moves_only)
    due = st.builds(Due, st.just("due"), durations())
    leaves = st.one_of(states(), clocks, moves_only, silences, waits, due)
    return st.recursive(leaves, _deeper, max_leaves=4)


def _deeper(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.one_of(_joined(inner), st.builds(Held, inner, durations()))
