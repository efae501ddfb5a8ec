"""Who and what there is: teams, chains, people, calendars, lists, windows, as the protocol's files name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rules.instants import DAY
from rules.protocol.durations import Duration


@dataclass(frozen=True, slots=True)
class Team:
    """One team, with its name or id in each source. Several names: the first receives, the others belong to it.

    `on_call` names its rota, `calendar` its hours, `language` that of the comments it gets.
    """

    name: str
    sources: Mapping[str, tuple[str, ...]] = field(hash=False, default_factory=dict)
    lead: str = ""
    on_call: str = ""
    calendar: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class NamedList:
    """A named list: its entries as written, or the file they stand in (a line or the first column of a CSV each).

    From `until` (ISO date in its zone) on it is empty. `calendar`: for requesters on it, their calendar.
    """

    name: str
    entries: tuple[str, ...] = ()
    file: str = ""
    owner: str = ""
    until: str = ""
    calendar: str = ""
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class NamedWindow:
    """Named stretches of time: (from, to) local times as written, or the file or https URL (iCalendar, CSV) they stand in.

    From `until` (ISO date in its zone) on it is never on.
    """

    name: str
    stretches: tuple[tuple[str, str], ...] = ()
    time_zone: str = "UTC"
    file: str = ""
    owner: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody has no duty from one local time (a date: its beginning) to another (a date: its end), whatever the rotas say."""

    who: str  # an e-mail address
    start: str
    end: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Override:
    """These people, and nobody else, have the duty of a rota (its file or URL as written) between two local times."""

    rota: str
    who: tuple[str, ...]
    start: str
    end: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Employee:
    """What the organisation says of a person: who manages and who stands in for them, their hours, the teams they are in.

    `who`, `manager` and `deputy` are e-mail addresses; a source's id or name of the person will do where it names no address.
    """

    who: str
    manager: str = ""
    deputy: str = ""
    calendar: str = ""
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A service provider: who is told there or looks after it (an e-mail address, or a rota), and its hours."""

    name: str
    contact: str = ""
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class PriorityLevel:
    """A row of the organisation's priorities: its word, and the source's name in each source."""

    name: str
    sources: Mapping[str, tuple[str, ...]] = field(hash=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tier:
    """A place in a chain. `acknowledge_within` is the time that its team has to take a ticket; lint compares `repeat` with it."""

    team: str
    acknowledge_within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """An ordered list of tiers, the first line first."""

    name: str
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class CalendarHours:
    """A calendar as written: opening hours per weekday (0 = Monday) as local (start, end) minutes of the day.

    An end at or before its start lies on the next day; (0, 1440) is open all day. `always` is round the clock, every day. `dates`
    are those (ISO) that differ from all else, each with the shifts that start on it. `schedule` names that of a source
    (`source://SOURCE/NAME`) which takes the place of the rest as soon as it could be read.
    """

    name: str
    time_zone: str = "UTC"
    hours: Mapping[int, tuple[tuple[int, int], ...]] = field(hash=False, default_factory=dict)
    always: bool = False
    holidays: str | None = None  # country code, with subdivision after a hyphen: NL, DE-BY
    also_closed: tuple[str, ...] = ()  # ISO dates
    open_anyway: tuple[str, ...] = ()
    dates: Mapping[str, tuple[tuple[int, int], ...]] = field(hash=False, default_factory=dict)
    schedule: str = ""

    @property
    def names_zone(self) -> bool:
        """Whether it says in which time zone its people are; one that never closes need not."""
        return not self.always or self.time_zone != "UTC"


@dataclass(frozen=True, slots=True)
class Twins:
    """Tickets of a source that are kept in step in pairs: `field` (`native.NAME`) is one of `leading` in the leading one.

    None stands for an empty field.
    """

    field: str
    leading: tuple[str | None, ...] = (None,)


@dataclass(frozen=True, slots=True)
class PeopleKeep:
    """For how long a field is a person's who took back what hoist had written there; whether confidential rules respect that."""

    lasts: int = DAY  # milliseconds
    confidential_rules: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who and what there is: priorities (the most urgent first), teams, chains, roles, lists, windows, calendars, absences."""

    priorities: tuple[PriorityLevel, ...] = ()
    teams: Mapping[str, Team] = field(hash=False, default_factory=dict)
    chains: Mapping[str, Chain] = field(hash=False, default_factory=dict)
    roles: Mapping[str, str] = field(hash=False, default_factory=dict)  # an e-mail address, or a rota
    calendars: Mapping[str, CalendarHours] = field(hash=False, default_factory=dict)
    lists: Mapping[str, NamedList] = field(hash=False, default_factory=dict)
    windows: Mapping[str, NamedWindow] = field(hash=False, default_factory=dict)
    absences: tuple[Absence, ...] = ()
    overrides: tuple[Override, ...] = ()
    people: tuple[Employee, ...] = ()
    people_files: tuple[str, ...] = ()  # CSV files of the protocol's folder in which more of them stand
    providers: Mapping[str, Provider] = field(hash=False, default_factory=dict)
    twins: Mapping[str, Twins] = field(hash=False, default_factory=dict)  # by source
    people_keep: PeopleKeep = field(default_factory=PeopleKeep)
    time_zone: str = "UTC"  # of times that name no zone, and of those that people read
    calendar: str | None = None  # of teams and requesters that have none of their own: that of `defaults`; None: round the clock
    places: Mapping[str, str] = field(hash=False, compare=False, default_factory=dict)  # file and line of `team network-ops`

    def place(self, kind: str, name: str) -> str:
        """File and line where a priority, source, team, chain, calendar, list or window stands; "" where that is not known."""
        return self.places.get(f"{kind} {name}", "")

    def where(self, kind: str, name: str) -> str:
        """How a message about it begins."""
        return f"{self.place(kind, name) or 'organisation'}, {kind} {name}"
