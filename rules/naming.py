"""An organisation's words in one source's ids: what `P1` or `network-ops` is called there.

A row may name a team or priority by the source's id or by the name that people see. Whatever does not fit is collected as a
sentence, so that all of it can be shown at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from rules.conditions import states
from rules.conditions.source import Source
from rules.conditions.states import BoundState, Verdict
from rules.conditions.tree import calendars_of
from rules.people import People
from rules.protocol.conditions import (
    Amount,
    AnyWord,
    Condition,
    Count,
    Counted,
    InList,
    InWindow,
    Level,
    Matches,
    OneOf,
    State,
    Target,
    Test,
)
from rules.protocol.durations import (
    CALENDAR_OF_APPROVER,
    CALENDAR_OF_REQUESTER,
    CALENDAR_OF_TEAM,
    CALENDAR_OF_TIER,
    CALENDARS_OF_THE_TICKET,
)
from rules.protocol.organisation import Organisation
from rules.ticket import Value
from rules.world import Directory, World


class Names:
    """The names of one source; `problems` grows while words are looked up.

    `directory` is the source's, with what the organisation says of people. `teams` and `levels` give the ids of each word, none
    where the source has no such row; `urgency` the row (0 is the most
    urgent) of every priority id that one names; `ranks` the place of every priority id in the source's own order.
    """

    def __init__(self, organisation: Organisation, source: str, directory: Directory, world: World) -> None:
        self._organisation = organisation
        self._source = source
        self._world = world
        self._directory = directory
        self._teams_listed = directory.teams_listed
        self.problems: list[str] = []
        self.teams: dict[str, tuple[str, ...]] = {
            name: self._ids("team", name, team.sources.get(source, ()), directory.teams)
            for name, team in organisation.teams.items()
        }
        self.levels: dict[str, tuple[str, ...]] = {
            level.name: self._ids("priority", level.name, level.sources.get(source, ()), directory.priorities)
            for level in organisation.priorities
        }
        self.urgency: dict[Value, int] = {}
        for row, (word, natives) in enumerate(self.levels.items()):
            for native in natives:
                if native in self.urgency:
                    where = organisation.where("priority", word)
                    self.problems.append(f"{where}: {native} of {source} is in another row already")
                self.urgency.setdefault(native, row)
        self._people = People(directory, (*organisation.people, *world.people))
        self.directory = self._directory = self._people.directory(self.teams)
        self.ranks: Mapping[Value, int] = {native: rank for rank, native in enumerate(directory.priorities)}

    def unknown(self, what: str, word: str, known: Iterable[str], where: str) -> str:
        """The sentence for a word that nobody defined, with the nearest one that somebody did."""
        return f"{where}: there is no {what} {word!r}{_nearest(word, known)}"

    def state(self, condition: State, where: str) -> BoundState:
        """A state condition in the source's values; what does not fit becomes a problem that begins with `where`."""
        field, test = condition.field, condition.test
        if field == "tier":
            return self._tier(condition, where)
        match test:
            case Level():
                if field != "priority":
                    self.problems.append(f"{where}: {field} has no order, so it cannot be at_least or at_most; name its values")
                return _by_verdict(field, test, self._level(test, where))
            case OneOf(values):
                bound = self._values(field, values, where)
                if field == "labels":
                    labels = None if None in bound else bound
                    return BoundState(field, None, states.any_label(bound), (field, bound), labels)
                return BoundState(field, bound, states.among(bound), (field, bound))
            case AnyWord(words):
                return _by_verdict(field, test, states.found_words(words))
            case Matches(pattern):
                try:
                    compiled = re.compile(pattern)
                except re.error as error:
                    self.problems.append(f"{where}: {pattern!r} is not a regular expression: {error}")
                    compiled = re.compile("")
                return _by_verdict(field, test, states.found_in_text(compiled))
            case Amount(at_least, at_most):
                return _by_verdict(field, test, states.amount(at_least, at_most))
            case InList(name):
                if name not in self._world.lists:
                    self.problems.append(self.unknown("list", name, self._world.lists, where))
                return _by_verdict(field, test, self.listed(name))

    def listed(self, name: str) -> Verdict:
        """Whether a value, or the person it is the id of, stands in a named list."""
        entries = self._world.lists.get(name, frozenset())
        people = self._directory.people.values()
        ids = frozenset(
            person.id for person in people if not entries.isdisjoint((person.name.casefold(), person.email.casefold()))
        )
        return states.in_list(entries - {""}, ids)

    def misfits(self, condition: Condition, where: str) -> Iterator[str]:
        """What a condition names that is not there, and durations that it can't be measured by."""
        calendars = self._world.calendars
        for name in calendars_of(condition):
            if name not in calendars and (name not in CALENDARS_OF_THE_TICKET or isinstance(condition, Target)):
                yield self.unknown("calendar", name, calendars, where)
        match condition:
            case InWindow(name) if name not in self._world.windows:
                yield self.unknown("window", name, self._world.windows, where)
            case Count(Counted.BACK_TO_FIRST_LINE, chain=chain):
                self.chain(chain, where)
            case _:
                pass

    @property
    def facts(self) -> Source:
        """What conditions look at of the source beside its tickets."""
        teams = {id_: team for team in self._organisation.teams.values() for id_ in reversed(self.teams[team.name])}
        tiers = {tier.team for chain in self._organisation.chains.values() for tier in chain.tiers}
        lists = [(self.listed(one.name), one.calendar) for one in self._organisation.lists.values() if one.calendar]

        def of_team(value: Value) -> str | None:
            team = teams.get(value) if isinstance(value, str) else None
            return team.calendar or None if team is not None else None

        def of_tier(value: Value) -> str | None:
            team = teams.get(value) if isinstance(value, str) else None
            return team.calendar or None if team is not None and team.name in tiers else None

        own_hours = self._people.calendars()

        def of_person(value: Value) -> str | None:
            on_list = next((calendar for on_it, calendar in lists if on_it(value)), None)
            return on_list or (own_hours.get(value) if isinstance(value, str) else None)

        def of_people(value: Value) -> str | None:
            """Of several, that of the first who has one."""
            people = value if isinstance(value, tuple) else (value,)
            return next((calendar for one in people if (calendar := of_person(one)) is not None), None)

        return Source(
            ranks=self.ranks,
            places={name: self._places(name) for name in self._organisation.chains},
            members=self._directory.members,
            calendars={
                CALENDAR_OF_TEAM: of_team,
                CALENDAR_OF_TIER: of_tier,
                CALENDAR_OF_REQUESTER: of_person,
                CALENDAR_OF_APPROVER: of_people,
            },
            otherwise=self._organisation.calendar,
        )

    def chain(self, name: str | None, where: str) -> str | None:
        """The chain that is meant: the named one, or the only one there is; else a problem, and None."""
        chains = self._organisation.chains
        if name is None:
            if len(chains) == 1:
                return next(iter(chains))
            self.problems.append(f"{where}: a tier is a place in a chain; say in which one of: {', '.join(chains) or '(none)'}")
        elif name in chains:
            return name
        else:
            self.problems.append(self.unknown("chain", name, chains, where))
        return None

    def team(self, word: str, where: str) -> tuple[str, ...]:
        """The ids of a team in the source; a problem, and none, where nobody defined it."""
        if word not in self.teams:
            self.problems.append(self.unknown("team", word, self.teams, where))
        return self.teams.get(word, ())

    def level(self, word: str, where: str) -> tuple[str, ...]:
        """The ids of a priority in the source; a problem, and none, where nobody defined it."""
        if word not in self.levels:
            self.problems.append(self.unknown("priority", word, self.levels, where))
        return self.levels.get(word, ())

    def _ids(self, what: str, word: str, natives: Sequence[str], directory: Mapping[str, str]) -> tuple[str, ...]:
        found: list[str] = []
        for native in natives:
            named = [native] if native in directory else [id_ for id_, name in directory.items() if name == native]
            if not named and what == "team" and not self._teams_listed:
                named = [native]
            elif not named:
                near = _nearest(native, [*directory.values(), *directory])
                self.problems.append(f"{self._organisation.where(what, word)}: {self._source} has no {what} {native!r}{near}")
            elif len(named) > 1:
                ids = ", ".join(sorted(named))
                self.problems.append(
                    f"{self._organisation.where(what, word)}: {native!r} names {len(named)} in {self._source}; give an id: {ids}"
                )
            found += named
        return tuple(dict.fromkeys(found))

    def _values(self, field: str, words: tuple[str | None, ...], where: str) -> frozenset[Value]:
        if field not in {"team", "priority"}:
            return frozenset(words)
        look_up = self.team if field == "team" else self.level
        before = len(self.problems)
        bound: set[Value] = set()
        for word in words:
            bound |= {None} if word is None else set(look_up(word, where))
        if not bound and len(self.problems) == before:
            named = ", ".join(str(word) for word in words)
            self.problems.append(f"{where}: {field} {named} has no name in {self._source}, so this could never hold")
        return frozenset(bound)

    def _level(self, test: Level, where: str) -> Verdict:
        words = list(self.levels)
        first, last = 0, len(words) - 1
        for word in (test.at_least, test.at_most):
            if word is not None:
                self.level(word, where)
        if test.at_least in self.levels:
            last = words.index(test.at_least)
        if test.at_most in self.levels:
            first = words.index(test.at_most)
        accepted = frozenset(native for word in words[first : last + 1] for native in self.levels[word])
        return states.on_scale(frozenset[Value](accepted), frozenset(self.urgency))

    def _tier(self, condition: State, where: str) -> BoundState:
        """A tier is known from the team: the highest of its places in the chain, 1 being the first line."""
        chain = self.chain(condition.chain, where)
        tiers = self._organisation.chains[chain].tiers if chain is not None else ()
        place = self._places(chain) if chain is not None else {}
        numbers = {tier.team: number for number, tier in enumerate(tiers, start=1)}
        wanted = self._tiers(condition, numbers, where)
        bound: set[Value] = {team for team, number in place.items() if number in wanted}
        if isinstance(condition.test, OneOf) and None in condition.test.values:
            outside = frozenset[Value](team for team in place if team not in bound)
            return BoundState("team", None, _outside(outside), ("outside", outside))
        values = frozenset(bound)
        return BoundState("team", values, states.among(values), ("team", values))

    def _places(self, chain: str) -> dict[Value, int]:
        """The highest place of each team id in a chain, 1 being the first line."""
        places: dict[Value, int] = {}
        for number, tier in enumerate(self._organisation.chains[chain].tiers, start=1):
            places |= dict.fromkeys(self.teams.get(tier.team, ()), number)
        return places

    def _tiers(self, condition: State, numbers: Mapping[str, int], where: str) -> set[int]:
        def number(word: str) -> int:
            place = int(word) if word.isdecimal() else numbers.get(word, 0)
            if not 1 <= place <= len(numbers) and numbers:
                self.problems.append(
                    f"{where}: chain {condition.chain or 'used here'} has no tier {word!r}; "
                    f"it has 1 to {len(numbers)}: {', '.join(numbers)}"
                )
            return place

        match condition.test:
            case OneOf(values):
                return {number(word) for word in values if word is not None}
            case Level(at_least, at_most):
                low = 1 if at_least is None else number(at_least)
                high = len(numbers) if at_most is None else number(at_most)
                return set(range(low, high + 1))
            case _:
                self.problems.append(f"{where}: a tier is a number or a team of the chain, not a text to search")
                return set()


def _by_verdict(field: str, test: Test, verdict: Verdict) -> BoundState:
    return BoundState(field, None, verdict, (field, test))


def _outside(teams: frozenset[Value]) -> Verdict:
    inside = states.among(teams)

    def verdict(value: Value) -> bool | None:
        found = inside(value)
        return None if found is None else not found

    return verdict


def _nearest(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
