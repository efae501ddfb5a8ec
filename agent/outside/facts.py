"""The world of a rulebook: its calendars, and the lists, windows and rotas that it holds or names, as they are now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.outside.copies import Copies
from agent.outside.helpdesks import NONE, Helpdesks
from agent.outside.links import Links
from agent.outside.source import Changed, Kind, Source, Wanted
from agent.outside.unreadable import is_url
from rules.calendars import ALWAYS, calendar
from rules.instants import FOREVER, Instant, instant, moment
from rules.intervals import Intervals, intersection
from rules.local_times import beginning, joined, stretch
from rules.phrases import stamp
from rules.protocol.organisation import CalendarHours, Employee, NamedList, NamedWindow, Organisation
from rules.rota import OVERRIDE, Rota, Shift, is_rota, without
from rules.world import World


class Outside:
    """All that one protocol names outside of itself.

    `place` is the protocol's folder or file, `copies` the folder of the last good copies: written to `keep` them, else only read.
    Without `online` no URL and no helpdesk is asked: what its copy says has to do. `helpdesks` may be filled later on.
    """

    def __init__(
        self,
        place: Path | None,
        copies: Path | None,
        links: Links,
        helpdesks: Helpdesks = NONE,
        *,
        keep: bool = True,
        online: bool = True,
    ) -> None:
        self._folder = place.parent if place is not None and place.is_file() else place
        self._copies, self._links, self._online = Copies(copies, keep=keep), links, online
        self._helpdesks = helpdesks
        self._sources: dict[Wanted, Source] = {}
        self._changes: list[Changed] = []

    def update(self, organisation: Organisation, now: Instant, *, wait: bool = False) -> None:
        """Read what is due; URLs on threads of their own, whose answers are taken up by a later call unless it is to `wait`."""
        wanted = set(_wanted(organisation))
        for gone in [each for each in self._sources if each not in wanted]:
            del self._sources[gone]
        span = _span(now)
        for each in sorted(wanted - set(self._sources)):
            self._sources[each] = Source(each, self._folder, self._copies, self._links, self._helpdesks)
            self._sources[each].recall(span)
        due = [source for each, source in self._sources.items() if self._online or not is_url(each.reference)]
        if wait:
            for source in due:  # all of them are asked before the first is waited for
                source.ask(now, span)
        changed = [source.update(now, span, wait=wait) for source in due]
        self._changes += [each for each in changed if each is not None]

    def changes(self) -> list[Changed]:
        """What `update` found changed since this was asked last."""
        found, self._changes = self._changes, []
        return found

    def state(self, organisation: Organisation, now: Instant) -> Hashable:
        """Differs whenever `world` would give something else than before, of the same organisation."""
        ended = tuple(each.name for each in organisation.lists.values() if _ended(each, now))
        return _span(now), ended, tuple((each, source.revision) for each, source in self._sources.items())

    def world(self, organisation: Organisation, now: Instant) -> World:
        """What is known now, of what `update` read last."""
        lists = {name: self._entries(each, now) for name, each in organisation.lists.items()}
        windows = {name: self._stretches(each) for name, each in organisation.windows.items()}
        hours = {name: self._hours(each, organisation) for name, each in organisation.calendars.items()}
        calendars = {name: calendar(each) for name, each in hours.items()}
        kept = {name: each for name, each in hours.items() if each is not organisation.calendars[name]}
        rotas = {source.wanted.reference: _rota(source, organisation, _span(now)) for source in self._of(Kind.ROTA)}
        people = tuple(_known(each, organisation) for source in self._of(Kind.PEOPLE) for each in source.facts.people)
        return World({"always": ALWAYS, **calendars}, lists, windows, rotas, _version(lists, windows, people, kept), people)

    def troubles(self, now: Instant) -> list[str]:
        """What is wrong with files and URLs, a sentence each."""
        return [said for source in self._sources.values() if (said := source.trouble(now))]

    def missing(self, now: Instant) -> dict[Wanted, str]:
        """What could never be read, each with its trouble."""
        return {wanted: said for wanted, source in self._sources.items() if source.never_read and (said := source.trouble(now))}

    def unread(self) -> list[Wanted]:
        """What could never be read, or is not read here."""
        return [wanted for wanted, source in self._sources.items() if source.never_read]

    def strange_words(self, organisation: Organisation) -> list[str]:
        """Teams and calendars that files of people name and the organisation does not."""
        found = dict[str, None]()
        for source in self._of(Kind.PEOPLE):
            for each in source.facts.people:
                strange = [f"team {name}" for name in each.teams if name not in organisation.teams]
                strange += [f"calendar {each.calendar}"] if each.calendar and each.calendar not in organisation.calendars else []
                said = (f"{source.name} names the {what} of {each.who}, which the organisation does not" for what in strange)
                found |= dict.fromkeys(said)
        return list(found)

    def nameless(self, now: Instant, zone: ZoneInfo) -> list[str]:
        """Events of rotas, present and to come, in which nobody is named, with their times in a zone."""
        return [
            f"{source.name} has an event from {stamp(event.start, zone)} in which nobody is named by an "
            f"e-mail address: {event.summary}"
            for source in self._of(Kind.ROTA)
            for event in [event for event in source.facts.occurrences if not event.who and event.end > now][:1]
        ]

    def _of(self, kind: Kind) -> list[Source]:
        return [source for source in self._sources.values() if source.wanted.kind is kind]

    def _hours(self, written: CalendarHours, organisation: Organisation) -> CalendarHours:
        """The hours of a calendar: those of the schedule that it names as soon as that was read, until then as written."""
        kept = self._sources[_schedule(written, organisation)].facts.hours if written.schedule else None
        return written if kept is None else replace(kept, name=written.name)

    def _entries(self, each: NamedList, now: Instant) -> frozenset[str]:
        if _ended(each, now):
            return frozenset()
        if each.file:
            return self._sources[Wanted(Kind.LIST, each.file, each.time_zone)].facts.entries
        return frozenset(entry.strip().casefold() for entry in each.entries)

    def _stretches(self, each: NamedWindow) -> Intervals:
        if each.file:
            found = self._sources[Wanted(Kind.WINDOW, each.file, each.time_zone)].facts.stretches or []
        else:
            found = joined([stretch(*times, each.time_zone) for times in each.stretches])
        return intersection(found, [-FOREVER, beginning(each.until, each.time_zone)]) if each.until else found


def _ended(each: NamedList, now: Instant) -> bool:
    return bool(each.until) and now >= beginning(each.until, each.time_zone)


def users_of(organisation: Organisation) -> dict[str, list[str]]:
    """Who uses each rota: teams and roles by the rota's name."""
    found: dict[str, list[str]] = {}
    for team in organisation.teams.values():
        if team.on_call:
            found.setdefault(team.on_call, []).append(f"team {team.name}")
    for name, target in organisation.roles.items():
        if is_rota(target):
            found.setdefault(target, []).append(f"role {name}")
    for provider in organisation.providers.values():
        if is_rota(provider.contact):
            found.setdefault(provider.contact, []).append(f"provider {provider.name}")
    return found


def _known(each: Employee, organisation: Organisation) -> Employee:
    """The person without teams and calendars that the organisation does not name."""
    teams = tuple(team for team in each.teams if team in organisation.teams)
    return replace(each, teams=teams, calendar=each.calendar if each.calendar in organisation.calendars else "")


def _wanted(organisation: Organisation) -> Iterator[Wanted]:
    yield from (Wanted(Kind.LIST, each.file, each.time_zone) for each in organisation.lists.values() if each.file)
    yield from (Wanted(Kind.WINDOW, each.file, each.time_zone) for each in organisation.windows.values() if each.file)
    yield from (Wanted(Kind.PEOPLE, file, organisation.time_zone) for file in organisation.people_files)
    yield from (Wanted(Kind.ROTA, reference, organisation.time_zone) for reference in users_of(organisation))
    yield from (_schedule(each, organisation) for each in organisation.calendars.values() if each.schedule)


def _schedule(written: CalendarHours, organisation: Organisation) -> Wanted:
    zone = written.time_zone if written.names_zone else organisation.time_zone
    return Wanted(Kind.SCHEDULE, written.schedule, zone)


def _rota(source: Source, organisation: Organisation, span: tuple[Instant, Instant]) -> Rota:
    name = source.wanted.reference
    if source.loaded is None:  # nobody on duty and nobody known to be are two things: a team is passed over for the one only
        return Rota(name, known_from=0, known_until=0)
    shifts = [Shift(event.start, event.end, event.who, event.rank) for event in source.facts.occurrences if event.who]
    shifts += [
        Shift(*stretch(each.start, each.end, each.time_zone), each.who, OVERRIDE)
        for each in organisation.overrides
        if each.rota == name
    ]
    away: dict[str, list[tuple[Instant, Instant]]] = {}
    for absence in organisation.absences:
        away.setdefault(absence.who, []).append(stretch(absence.start, absence.end, absence.time_zone))
    present = without(shifts, {who: joined(stretches) for who, stretches in away.items()})
    return Rota(name, present, *span, loaded=source.loaded)


def _span(now: Instant) -> tuple[Instant, Instant]:
    """The whole years within which events are laid out: a year back and at least one ahead. It moves at New Year alone."""
    year = moment(now).year
    return instant(datetime(year - 1, 1, 1, tzinfo=UTC)), instant(datetime(year + 2, 1, 1, tzinfo=UTC))


def _version(
    lists: Mapping[str, frozenset[str]],
    windows: Mapping[str, Sequence[Instant]],
    people: Sequence[Employee],
    hours: Mapping[str, CalendarHours],
) -> str:
    """A hash of what conditions look at; all other hours are the rulebook's own, holidays and zones those of the libraries."""
    meaning = [
        {name: sorted(entries) for name, entries in lists.items()},
        {name: list(stretches) for name, stretches in windows.items()},
        [version("holidays"), version("tzdata")],
        [astuple(each) for each in people],
        *([{name: astuple(each) for name, each in hours.items()}] if hours else []),
    ]
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:16]
