"""The simplest ticket that fulfils a rule: built from what its condition asks for, and held against the engine.

What is built is a guess; the engine alone says when the rule fires on it. Where no guess fires there is no example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

from rules.binding import BoundRules
from rules.instants import DAY, FOREVER, HOUR, Instant
from rules.language.moments import local_moment
from rules.protocol.conditions import (
    Acknowledged,
    All,
    Amount,
    AnyOf,
    AnyWord,
    Clock,
    Condition,
    Count,
    Counted,
    Due,
    Ever,
    FirstReply,
    Held,
    InList,
    InWindow,
    Level,
    Lingering,
    Matches,
    Not,
    OneOf,
    State,
    Target,
    Test,
    Unanswered,
    Until,
)
from rules.protocol.durations import Duration
from rules.protocol.organisation import Organisation
from rules.stories import empty_fields
from rules.story_steps import Act as Deed
from rules.story_steps import Fired, play
from rules.ticket import TARGET, Actor, Kind, Status, Ticket, TicketRef, Value

ARRIVALS: Final = ("Fri 2027-01-15 16:50", "Mon 2027-01-18 10:00", "Sat 2027-01-16 22:00", "Tue 2027-01-19 03:00")
"""Local times at which the ticket may arrive, the most telling first: shortly before most offices close. They are
fixed, so that the same rule always has one example."""

_PEOPLE: Final = ("anna", "bert", "carla", "dina")
_AFTER_FIRST: Final = HOUR
"""Between what happens to the ticket, unless a rule ignores what comes so soon."""
_DONE: Final = frozenset((Status.RESOLVED.value, Status.CLOSED.value))
_REASSIGNING: Final = frozenset((Counted.REASSIGNED, Counted.RETURNED, Counted.HANDED_BACK, Counted.BACK_TO_FIRST_LINE))


class NotBuilt(Exception):
    """No simple ticket can be built; the message says for want of what."""


@dataclass(frozen=True, slots=True)
class Act:
    """What happens to the ticket so long after its arrival: a field gets a value, or (field "") a message is written."""

    after: int
    by: Kind
    field: str = ""
    value: Value = None
    public: bool = True


@dataclass(frozen=True, slots=True)
class Worked:
    """An example: the ticket as it arrives, what it was asked to be, what happens to it, and the steps that the rule takes.

    What the rule does is written to the ticket, so that steps which would come no more are none.

    `dates` are the fields that hold a date which the rule asks for.
    """

    ticket: Ticket
    asked: Mapping[str, Value]
    dates: Sequence[str]
    acts: tuple[Act, ...]
    fired: tuple[Fired, ...]


def worked_example(bound: BoundRules, rule: str, zone: ZoneInfo) -> Worked:
    """An example for a rule of a protocol that is bound to its own words (`rules.stories.bound_for`).

    `zone` is that of the arrival. Raises NotBuilt where no simple ticket makes it fire, KeyError for a rule that is not bound.
    """
    condition = bound.rule(rule).rule.condition
    draft = _Draft(bound)
    draft.fulfil(condition)
    among = (bound.rule(rule),)
    for arrival in (*(local_moment(at, zone).at for at in ARRIVALS), *draft.windows):
        ticket, deeds = draft.ticket(arrival), draft.deeds(arrival)
        fired = play(bound, ticket, deeds, FOREVER, among=among).fired
        first = [step for step in fired if fired and step.episode == fired[0].episode]
        if first:
            return Worked(ticket, draft.fields, tuple(draft.dates), tuple(draft.acts), tuple(first))
    raise NotBuilt("no simple ticket makes it act")


@dataclass(slots=True)
class _Draft:
    """A ticket in the making."""

    bound: BoundRules
    fields: dict[str, Value] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    dates: dict[str, int] = field(default_factory=dict)  # fields that hold an instant, so long after the arrival
    windows: list[Instant] = field(default_factory=list)

    @property
    def organisation(self) -> Organisation:
        return self.bound.organisation

    def ticket(self, arrival: Instant) -> Ticket:
        """The ticket, arrived at an instant."""
        dates = {name: arrival + after for name, after in self.dates.items()}
        start = dict(empty_fields(self.bound)) | self.fields | dates
        return Ticket(TicketRef(self.bound.source, "example"), "example", "", "", arrival, arrival, start)

    def deeds(self, arrival: Instant) -> list[Deed]:
        """What happens to the ticket that arrived then."""
        return [
            Deed(arrival + act.after, Actor(act.by.value, act.by), {act.field: act.value})
            if act.field
            else Deed(arrival + act.after, Actor(act.by.value, act.by), message=act.public)
            for act in self.acts
        ]

    def fulfil(self, condition: Condition) -> None:
        """Make the ticket so that the condition can come to hold."""
        match condition:
            case State():
                self._state(condition)
            case All(parts=parts):
                for part in sorted(parts, key=lambda part: isinstance(part, Count)):  # what it must be goes before what it was
                    self.fulfil(part)
            case AnyOf(parts=parts):
                self._first(parts)
            case Not(part=part):
                self._avoid(part)
            case Held(part=part) | Until(part=part) | Ever(part=part) | Lingering(part=part) | Clock(running=part):
                self.fulfil(part)
            case Count():
                self._count(condition)
            case _:
                self._event(condition)

    def _event(self, condition: Condition) -> None:
        match condition:
            case Due(field=name, within=within):
                self.dates[name] = DAY + _roughly(within)
            case Target(name=name, within=within):
                self.dates[f"{TARGET}{name}"] = 8 * HOUR + (_roughly(within) if within else 0)
                self.dates[f"{TARGET}{name}.start"] = 0
            case Unanswered(waiting_for=Kind.REQUESTER) | FirstReply() | Acknowledged():
                self._act(Kind.STAFF)
            case InWindow(name=name):
                self.windows += list(self.bound.world.windows.get(name, ()))[:8:2]
            case _:
                pass  # silence, hours and the like come by themselves

    def _first(self, parts: Sequence[Condition]) -> None:
        """The first alternative for which a ticket can be built."""
        problem: NotBuilt | None = None
        for part in parts:
            before = replace(self, fields=dict(self.fields), acts=list(self.acts), dates=dict(self.dates))
            try:
                self.fulfil(part)
            except NotBuilt as error:
                problem = error
                self.fields, self.acts, self.dates = before.fields, before.acts, before.dates
            else:
                return
        if problem is not None:
            raise problem

    def _state(self, condition: State) -> None:
        name = "team" if condition.field == "tier" else condition.field
        value = self._value(name, condition.test)
        if name == "labels":
            present = self.fields.get("labels")
            value = tuple(
                sorted({*(present if isinstance(present, tuple) else ()), *([value] if isinstance(value, str) else [])})
            )
        self.fields[name] = value

    def _value(self, name: str, test: Test) -> Value:
        match test:
            case OneOf(values=values):
                return values[0]
            case Level(at_least=at_least, at_most=at_most):
                return at_least or at_most
            case AnyWord(words=words):
                return words[0]
            case Amount(at_least=at_least, at_most=at_most):
                return at_least if at_least is not None else at_most
            case InList(name=known):
                entries = sorted(self.bound.world.lists.get(known, ()))
                if not entries:
                    raise NotBuilt(f"the list {known} has no entry")
                return entries[0]
            case Matches(pattern=pattern):
                if not pattern.replace(" ", "").isalnum():
                    raise NotBuilt(f"no text can be made up for the pattern in {name}")
                return pattern

    def _avoid(self, condition: Condition) -> None:
        """What must not hold does not hold of a ticket as it comes, unless it is about a field that is empty then."""
        if isinstance(condition, State) and condition.field not in self.fields:
            known: dict[str, tuple[str, ...]] = {
                "status": (Status.NEW.value, Status.OPEN.value, Status.PENDING.value, Status.ON_HOLD.value),
                "priority": tuple(level.name for level in self.organisation.priorities),
                "team": tuple(self.organisation.teams),
                "assignee": _PEOPLE,
                "requester": _PEOPLE,
            }
            name = "team" if condition.field == "tier" else condition.field
            values = condition.test.values if isinstance(condition.test, OneOf) else ()
            if name in {"status", "priority"} or None in values:
                self.fields[name] = next((value for value in known.get(name, ("something",)) if value not in values), None)

    # --- what happened ---------------------------------------------------------------------------------------------------

    def _act(self, by: Kind, name: str = "", value: Value = None, gap: int = _AFTER_FIRST) -> None:
        self.acts.append(Act((self.acts[-1].after if self.acts else 0) + gap, by, name, value))

    def _count(self, count: Count) -> None:
        ignored = _roughly(count.ignore_stays_shorter_than) if count.ignore_stays_shorter_than else 0
        gap = max(_AFTER_FIRST, 2 * ignored)
        by = count.by or Kind.STAFF
        times = count.at_least
        match count.event:
            case event if event in _REASSIGNING:
                extra = 0 if event is Counted.REASSIGNED else 1
                self._series("team", list(self._teams(count)), times + extra, by, gap)
            case Counted.OWNER_CHANGED:
                self._series("assignee", list(_PEOPLE), times, by, gap)
            case Counted.REOPENED | Counted.CAME_BACK:
                self._reopened(times, count.by or Kind.REQUESTER, gap)
            case Counted.PRIORITY_RAISED | Counted.PRIORITY_LOWERED:
                self._priorities(count, gap)
            case _:
                for _ in range(times):
                    self._act(Kind.REQUESTER, gap=gap)

    def _teams(self, count: Count) -> Iterator[str]:
        """Two teams between which it goes: where it must end first, then another."""
        wanted = self.fields.get("team")
        chains = self.organisation.chains
        chain = chains.get(count.chain) if count.chain else next(iter(chains.values()), None)
        tiers = [tier.team for tier in chain.tiers] if chain else []
        names = [wanted, *tiers, *self.organisation.teams] if count.event is not Counted.BACK_TO_FIRST_LINE else tiers
        yield from list(dict.fromkeys(name for name in names if isinstance(name, str)))[:2]

    def _series(self, name: str, values: list[str], moves: int, by: Kind, gap: int) -> None:
        """So many changes of a field, the last of which brings the first of the values."""
        if len(values) < 2:
            raise NotBuilt(f"there are no two values of the {name}")
        wanted = self.fields.get(name, values[0])
        order = [values[number % 2] for number in range(moves + 1)][::-1]
        self.fields[name] = order[0]
        for value in order[1:]:
            self._act(by, name, value, gap)
        if wanted is None:
            self._act(by, name, None, gap)

    def _reopened(self, times: int, by: Kind, gap: int) -> None:
        wanted = self.fields.get("status", Status.OPEN.value)
        if wanted in _DONE:
            raise NotBuilt("it must be reopened and done at once")
        self.fields["status"] = Status.OPEN.value
        for _ in range(times):
            self._act(Kind.STAFF, "status", Status.RESOLVED.value, gap)
            self._act(by, "status", wanted if wanted != Status.NEW.value else Status.OPEN.value, gap)

    def _priorities(self, count: Count, gap: int) -> None:
        levels: list[str] = [level.name for level in self.organisation.priorities]
        upwards = levels[::-1] if count.event is Counted.PRIORITY_RAISED else levels
        earlier = next((act.value for act in reversed(self.acts) if act.field == "priority"), None)
        if isinstance(earlier, str):  # it went the other way before, and goes on from there
            following = upwards[upwards.index(earlier) + 1 :][: count.at_least]
            if len(following) < count.at_least:
                raise NotBuilt("there are too few priorities for it")
            for level in following:
                self._act(count.by or Kind.STAFF, "priority", level, gap)
            return
        wanted = self.fields.get("priority", upwards[-1] if upwards else None)
        end = upwards.index(wanted) if isinstance(wanted, str) and wanted in upwards else -1
        if end < count.at_least:
            raise NotBuilt("there are too few priorities for it")
        self.fields["priority"] = upwards[end - count.at_least]
        for level in upwards[end - count.at_least + 1 : end + 1]:
            self._act(count.by or Kind.STAFF, "priority", level, gap)


def _roughly(duration: Duration) -> int:
    """Its milliseconds, a business day as a day: near enough to build a ticket with."""
    return duration.milliseconds + duration.business_days * DAY
