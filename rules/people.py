"""What the organisation says of people, laid over a source's directory: managers, deputies, members of teams, hours.

A person is meant by e-mail address, name or id as the source knows them, capitals apart. What the organisation says goes before
what the source does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rules.protocol.organisation import Employee
from rules.world import Directory, Person


class People:
    """The organisation's people in one source's ids."""

    def __init__(self, directory: Directory, employees: Iterable[Employee]) -> None:
        self._directory = directory
        self._employees = tuple(employees)
        self._ids: dict[str, list[str]] = {}
        for person in directory.people.values() if self._employees else ():
            for known_as in {person.id.casefold(), person.name.casefold(), person.email.casefold()} - {""}:
                self._ids.setdefault(known_as, []).append(person.id)

    def ids(self, who: str) -> tuple[str, ...]:
        """The source's ids of a person; the word itself where the source does not know them, which may be an id."""
        return tuple(self._ids.get(who.casefold(), (who,)))

    def calendars(self) -> dict[str, str]:
        """The calendar of each person of whom the organisation names one, by id."""
        return {known: each.calendar for each in self._employees if each.calendar for known in self.ids(each.who)}

    def directory(self, teams: Mapping[str, tuple[str, ...]]) -> Directory:
        """The source's directory with what the organisation says of people; `teams` are the ids of each of its teams."""
        if not self._employees:
            return self._directory
        known, added = self._directory, dict[str, Person]()
        managers, deputies = dict(known.managers), dict(known.deputies)
        members = {team: set(people) for team, people in (known.members or {}).items()}
        for each in self._employees:
            for own in self.ids(each.who):
                for other, found in ((each.manager, managers), (each.deputy, deputies)):
                    if other:
                        found[own] = self._contact(other, added)
                for team in (id_ for name in each.teams for id_ in teams.get(name, ())):
                    members.setdefault(team, set()).add(own)
        told = known.members is not None or bool(members)
        return replace(
            known,
            people={**known.people, **added},
            managers=managers,
            deputies=deputies,
            members={team: frozenset(people) for team, people in members.items()} if told else None,
        )

    def _contact(self, who: str, added: dict[str, Person]) -> str:
        """The id of somebody who can be told; whom the source does not know is known by their address."""
        (found, *_) = self.ids(who)
        if found not in self._directory.people and "@" in found:
            added[found] = Person(found, found, email=found)
        return found
