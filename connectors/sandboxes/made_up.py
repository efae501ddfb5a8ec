"""A service desk that never was: tickets that are taken, handed on, bounced, forgotten, asked about and solved.

Rates are chosen so that every rule of an escalation protocol finds something; they are no measurement of any desk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from connectors.sandboxes import made_up_words as words
from connectors.sandboxes.history import Event, EventValue, History, Note, Person, Status
from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant, moment

PAST: Final = 14 * DAY
"""The tickets that are there at the start have arrived over so long a time."""

ZONE: Final = ZoneInfo("Europe/Amsterdam")
OPENS, CLOSES = 8, 18
AUTOMATION: Final = "automation"
REQUESTERS: Final = 80
MOST_STEPS: Final = 14

STATUSES: Final = (
    Status("Open", "new"),
    Status("In Progress", "indeterminate"),
    Status("Waiting for customer", "indeterminate"),
    Status("Waiting for vendor", "indeterminate"),
    Status("Resolved", "done"),
    Status("Closed", "done"),
)
ROLES: Final = {
    "new": ("Open",),
    "open": ("In Progress",),
    "pending": ("Waiting for customer",),
    "on_hold": ("Waiting for vendor",),
    "resolved": ("Resolved",),
    "closed": ("Closed",),
}
PRIORITIES: Final = ("Highest", "High", "Medium", "Low")
SHARES: Final = (3, 15, 55, 27)
TAKEN_WITHIN: Final = {"Highest": 6 * MINUTE, "High": 25 * MINUTE, "Medium": 90 * MINUTE, "Low": 4 * HOUR}
"""Mean time until somebody takes a ticket of this priority, of those that are not forgotten."""


def made_up(tickets: int, seed: int, start: Instant, length: int) -> History:
    """A desk that has `tickets` tickets at `start` and lives on for `length` milliseconds, in which new ones arrive as before.

    The same arguments make the same history. Raises ValueError for a number or length below nought.
    """
    if tickets < 0 or length < 0:
        raise ValueError(f"a desk can't have {tickets} tickets or live for {length} ms")
    random = Random(f"{seed}/desk")
    people, teams = _staff(random)
    desk = _Desk(people, teams, [each.handle for each in people.values() if each.account_type == "customer"])
    arrivals = sorted(_arrivals(random, tickets, start - PAST, start))
    arrivals += sorted(_arrivals(random, round(tickets * length / PAST), start + 1, start + length))
    events: list[Event] = []
    for number, at in enumerate(arrivals, start=1):
        life = _Life(desk, f"T{number}", at, Random(f"{seed}/{number}"))
        events += (event for event in life.events() if event.at < start + length)
    events.sort(key=lambda event: event.at)
    return History(
        project="IT",
        project_name="IT service desk",
        people=people,
        statuses=STATUSES,
        priorities=PRIORITIES,
        teams=tuple(words.ENGINEERS),
        lines=("L1", "L2", "L3"),
        components=tuple(each.name for each in words.SERVICES),
        roles=ROLES,
        events=events,
    )


def _staff(random: Random) -> tuple[dict[str, Person], dict[str, list[str]]]:
    names = [(first, last) for first in words.FIRST_NAMES for last in words.LAST_NAMES]
    random.shuffle(names)
    people = {AUTOMATION: Person(AUTOMATION, "Automation", "app")}

    def hired(account_type: str) -> str:
        first, last = names.pop()
        person = Person(f"{first}.{last}".lower(), f"{first} {last}", "customer" if account_type == "customer" else "staff")
        people[person.handle] = person
        return person.handle

    teams = {team: [hired("staff") for _ in range(size)] for team, size in words.ENGINEERS.items()}
    for _ in range(REQUESTERS):
        hired("customer")
    return people, teams


def _arrivals(random: Random, number: int, start: Instant, end: Instant) -> Iterator[Instant]:
    """Instants of arrival: mostly in office hours, some in the evening, few at night and at the weekend."""
    while number:
        at = random.randrange(start, end) if end > start else start
        if random.random() < _busy(at):
            number -= 1
            yield at


def _busy(at: Instant) -> float:
    local = moment(at).astimezone(ZONE)
    if local.weekday() >= 5:
        return 0.08
    if OPENS <= local.hour < CLOSES:
        return 1.0
    return 0.2 if 6 <= local.hour < 22 else 0.05


def _at_work(at: Instant, random: Random) -> Instant:
    """The instant itself in office hours, else some minutes after the next opening."""
    local = moment(at).astimezone(ZONE)
    if local.weekday() < 5 and OPENS <= local.hour < CLOSES:
        return at
    opening = local.replace(hour=OPENS, minute=0, second=0, microsecond=0)
    if opening <= local:
        opening += timedelta(days=1)
    while opening.weekday() >= 5:
        opening += timedelta(days=1)
    return instant(opening) + int(random.expovariate(1 / (20 * MINUTE)))


@dataclass(frozen=True)
class _Desk:
    people: dict[str, Person]
    teams: dict[str, list[str]]
    requesters: Sequence[str]


class _Life:
    """One ticket, from its arrival to its end; `events` tells it in order."""

    def __init__(self, desk: _Desk, name: str, created: Instant, random: Random) -> None:
        self.desk = desk
        self.name = name
        self.at = created
        self.random = random
        self.service = random.choice(words.SERVICES)
        self.requester = random.choice(desk.requesters)
        self.priority = "Highest" if self.service.name == "Security" else random.choices(PRIORITIES, SHARES)[0]
        self.team = words.DESK
        self.owner: str | None = None
        self.told: list[Event] = []

    def events(self) -> list[Event]:
        self._arrive()
        for _ in range(MOST_STEPS):
            if self.owner is None and not self._taken():
                break
            if self._worked():
                break
        return self.told

    def _tell(self, author: str, note: Note | None = None, **fields: EventValue) -> None:
        self.told.append(Event(self.at, self.name, author, fields, note))

    def _pass(self, mean: int, *, always: bool = False) -> None:
        """Time goes by; people act in office hours, those who are on duty for the highest priority also outside them."""
        later = self.at + SECOND + int(self.random.expovariate(1 / mean))
        self.at = later if always or self.priority == "Highest" else max(later, _at_work(later, self.random))

    def _arrive(self) -> None:
        random = self.random
        subject = random.choice(self.service.subjects)
        place = random.choice(words.PLACES)
        when = random.choice(words.WHEN)
        self._tell(
            self.requester,
            status="Open",
            team=words.DESK,
            line="L1",
            priority=self.priority,
            assignee=None,
            component=self.service.name,
            summary=subject.format(place=place, number=random.randrange(1, 400)),
            description=random.choice(words.DESCRIPTIONS).format(when=when),
        )

    def _taken(self) -> bool:
        """Somebody of the team takes it, sooner or later; False where nobody ever does."""
        random = self.random
        if random.random() < 0.03:
            self._chase(2 * DAY)
            return False
        if random.random() < 0.07:
            self._chase(20 * HOUR)
            self._pass(DAY)
        self._pass(TAKEN_WITHIN[self.priority])
        self.owner = random.choice(self.desk.teams[self.team])
        note = Note(random.choice(words.TAKEN), public=True) if random.random() < 0.5 else None
        self._tell(self.owner, note, assignee=self.owner, status="In Progress")
        return True

    def _chase(self, mean: int) -> None:
        self._pass(mean, always=True)
        if self.random.random() < 0.6:
            self._tell(self.requester, Note(self.random.choice(words.CHASED), public=True))

    def _worked(self) -> bool:
        """One stretch of work; True where it ends the ticket."""
        self._pass(3 * HOUR)
        draw, line = self.random.random(), words.LINES[self.team]
        solves = {"L1": 0.40, "L2": 0.48, "L3": 0.65}[line]
        if draw < solves:
            return self._solved()
        if draw < solves + 0.20 and line != "L3":
            self._hand(self.service.second if line == "L1" else self.service.third, words.HANDED)
        elif draw < solves + 0.30 and line != "L1":
            self._hand(self._former(), words.BOUNCED)
        elif draw < solves + 0.42:
            return self._waited_for_requester()
        elif draw < solves + 0.46:
            self._waited_for_vendor()
        elif draw < solves + 0.49 and self.priority != "Highest":
            self.priority = PRIORITIES[PRIORITIES.index(self.priority) - 1]
            self._tell(str(self.owner), priority=self.priority)
        else:
            self._tell(str(self.owner), Note(self.random.choice(words.NOTED), public=False))
        return False

    def _former(self) -> str:
        """Where a bounced ticket goes: back to the desk, or to a team of the second line that knows nothing of it."""
        second = [team for team, line in words.LINES.items() if line == "L2" and team != self.team]
        return words.DESK if self.random.random() < 0.6 else self.random.choice(second)

    def _hand(self, team: str, texts: Sequence[str]) -> None:
        author, self.team, self.owner = str(self.owner), team, None
        note = Note(self.random.choice(texts), public=False)
        self._tell(author, note, team=team, line=words.LINES[team], assignee=None, status="Open")

    def _waited_for_requester(self) -> bool:
        random, owner = self.random, str(self.owner)
        self._tell(owner, Note(random.choice(words.ASKED), public=True), status="Waiting for customer")
        if random.random() < 0.15:
            self._pass(5 * DAY)
            return self._solved()
        self._pass(6 * HOUR, always=True)
        self._tell(self.requester, Note(random.choice(words.REPLIED), public=True))
        # The platform's own rule turns the status back the moment the requester writes.
        self.at += SECOND
        self._tell(AUTOMATION, status="In Progress")
        return False

    def _waited_for_vendor(self) -> None:
        self._tell(str(self.owner), Note(self.random.choice(words.VENDOR), public=False), status="Waiting for vendor")
        self._pass(2 * DAY)
        self._tell(str(self.owner), status="In Progress")

    def _solved(self) -> bool:
        """Solved, and closed three days later, unless the requester says that it is back."""
        random = self.random
        self._tell(str(self.owner), Note(random.choice(words.SOLVED), public=True), status="Resolved")
        if random.random() < 0.07:
            self._pass(10 * HOUR, always=True)
            self._tell(self.requester, Note(random.choice(words.RETURNED), public=True))
            self.at += SECOND
            self._tell(AUTOMATION, status="In Progress")
            return False
        self.at += 3 * DAY
        self._tell(AUTOMATION, status="Closed")
        return True
