"""People win: a field that a person changed after hoist wrote it is theirs for a time, against every rule.

It stays theirs until the ticket is resolved, they hand it on, or a day has passed. Hoist's own value need not have been theirs
for long: what counts is that a person's change took it away. Two things are told apart from that. Whoever takes a ticket that
hoist left without an owner does what it was left for; only the one who gives it back to whom it was taken from overrides. And
where hoist overwrote a person who was first, and then put theirs back, that person has overridden it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from rules.instants import DAY, FOREVER, MINUTE, Instant
from rules.phrases import stamp
from rules.protocol.actions import Action, AddLabel, Assign, Escalate, RaisePriority, Restrict, SetField
from rules.protocol.rule import Rule
from rules.ticket import BY_ORDER, NATIVE, RESTRICTED_TO, Actor, Change, Kind, Status, Ticket, Value
from rules.world import Person

LASTS: Final = DAY
"""How long a person's change stands against every rule."""
JUST_BEFORE: Final = 2 * MINUTE
"""A person's change that is no older than that when hoist writes over it may have been overwritten unseen."""
OWNER: Final = frozenset({"team", "assignee"})
"""Team and person are one value: whoever takes one of them back has decided who owns the ticket."""
_PEOPLE: Final = (Kind.STAFF, Kind.REQUESTER)
_OVER: Final = (Status.RESOLVED, Status.CLOSED)


class Override(NamedTuple):
    """A person took back what hoist had written into a field, at `at`; the field is theirs before `until`.

    `put_back`: hoist had overwritten their change, and put it back itself.
    """

    field: str
    written: Value  # by hoist
    written_at: Instant
    by: Actor
    at: Instant
    until: Instant
    put_back: bool = False


def overrides(ticket: Ticket, lasts: int = LASTS) -> tuple[Override, ...]:
    """Every override in a ticket's history, in order. `lasts` in milliseconds."""
    if all(change.by.kind is not Kind.HOIST for change in ticket.changes):
        return ()  # most tickets
    return tuple(_overrides(ticket, lasts))


def protected(ticket: Ticket, at: Instant, lasts: int = LASTS) -> Mapping[str, Override]:
    """By field: the override under which it is a person's at `at`."""
    return {each.field: each for each in overrides(ticket, lasts) if each.at <= at < each.until}


def keeper(theirs: Mapping[str, Override], field: str) -> Override | None:
    """The override that keeps a field from a rule; of team and assignee, that of either."""
    names = OWNER if field in OWNER else (field,)
    return max((theirs[name] for name in names if name in theirs), key=lambda each: each.at, default=None)


def known_as(people: Mapping[str, Person], actor: Actor) -> str:
    """The name of a person who acted, also of one who had hoist act; empty where nobody knows it."""
    person = people.get(actor.id)
    if person is not None:
        return person.name
    return actor.id.removeprefix(BY_ORDER) if actor.id.startswith(BY_ORDER) else ""


def taken_back(override: Override, who: str, zone: ZoneInfo, *, for_good: bool = False) -> str:
    """Why a rule leaves a field alone, as a sentence without a full stop.

    `who`: the person's name; `for_good`: the field is free again, and the ladder that lost its write only tells all the same.
    """
    name, at = override.field.removeprefix(NATIVE), stamp(override.at, zone)
    whose = f"{who}'s" if who else "a person's"
    if for_good:
        return f"the {name} that this rule had written became {whose} at {at}, so it only tells from now on"
    if override.put_back:
        return f"the {name} is {whose} since {at}: hoist had overwritten it, and put it back"
    return f"the {name} is {whose} since {at}, who took back what hoist had written"


def fields_of(actions: Iterable[Action]) -> frozenset[str]:
    """The fields that actions may change."""
    return frozenset(name for action in actions for name in _fields_of(action))


def may_write(rule: Rule, field: str) -> bool:
    """Whether some step of a rule's ladder changes a field; those of the owner are one."""
    fields = fields_of(action for step in rule.steps for action in step.actions)
    return field in fields or (field in OWNER and not fields.isdisjoint(OWNER))


def _fields_of(action: Action) -> frozenset[str]:
    match action:
        case Escalate() | Assign():
            return OWNER
        case RaisePriority():
            return frozenset({"priority"})
        case SetField(field):
            return frozenset({field})
        case Restrict():
            return frozenset({RESTRICTED_TO})
        case AddLabel():
            return frozenset({"labels"})
        case _:
            return frozenset()


def _overrides(ticket: Ticket, lasts: int) -> Iterator[Override]:
    last: dict[str, Change] = {}
    before: dict[str, Change] = {}  # the one before the last
    for place, change in enumerate(ticket.changes):
        own, first = last.get(change.field), before.get(change.field)
        if own is not None:
            if own.by.kind is Kind.HOIST:
                yield from _override(ticket, place, own, first, lasts)
            before[change.field] = own
        last[change.field] = change


def _override(ticket: Ticket, place: int, own: Change, first: Change | None, lasts: int) -> Iterator[Override]:
    """What the change at that place means for hoist's own one before it; `first` is what hoist wrote over."""
    change = ticket.changes[place]
    until = min(change.at + lasts, _ended(ticket, place))
    if change.by.kind is Kind.HOIST:
        if first is not None and _puts_back(first, own, change):
            yield Override(change.field, own.new, own.at, first.by, change.at, until, put_back=True)
    elif change.by.kind in _PEOPLE and takes_back(own, change):
        yield Override(change.field, own.new, own.at, change.by, change.at, until)


def takes_back(own: Change, change: Change) -> bool:
    """Whether a change takes away what hoist's own one before it, of the same field, had written.

    A label that is added takes none away; who takes a ticket that was left without an owner does what it was left for.
    """
    if change.field == "assignee" and own.new is None:
        return change.new is not None and change.new == own.old
    if isinstance(own.new, tuple) and isinstance(change.new, tuple):
        added = set(own.new).difference(own.old if isinstance(own.old, tuple) else ())
        return not added <= set(change.new)
    return change.new != own.new


def _puts_back(first: Change, own: Change, change: Change) -> bool:
    """Hoist wrote over what a person had just written, and the next thing that it wrote there was theirs."""
    return first.by.kind in _PEOPLE and own.at - first.at <= JUST_BEFORE and change.new == first.new == own.old


def _ended(ticket: Ticket, place: int) -> Instant:
    """When the ticket was resolved, or handed on, after the override at that place of its history."""
    override = ticket.changes[place]
    for change in ticket.changes[place + 1 :]:
        if change.field == "status" and change.new in _OVER:
            return change.at
        if change.save != override.save and change.by.kind in _PEOPLE and _hands_on(change, override):
            return change.at
    return FOREVER


def _hands_on(change: Change, override: Change) -> bool:
    if change.field == "assignee" and change.new == change.by.id:
        return False  # whoever takes it keeps it
    return change.field in ("team", override.field)
