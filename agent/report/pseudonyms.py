"""Made-up names for teams and people, so that a report can be shown around: the same one for the same name within a report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rules.binding import BoundRules


class Pseudonyms:
    """Replaces names wherever they stand as whole words; what is not known as a name stays."""

    def __init__(self, teams: Iterable[str], people: Iterable[str]) -> None:
        self._names = {name: f"team {number}" for number, name in enumerate(sorted(set(teams) - {""}), start=1)}
        for number, name in enumerate(sorted(set(people) - {""} - self._names.keys()), start=1):
            self._names[name] = f"person {number}"
        longest_first = sorted(self._names, key=lambda name: (-len(name), name))
        self._any = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)") if longest_first else None

    @classmethod
    def of(cls, rules: BoundRules) -> Pseudonyms:
        """For everybody whom an organisation and its source know."""
        organisation, directory = rules.organisation, rules.directory
        leads = [team.lead for team in organisation.teams.values()]
        people = [word for person in directory.people.values() for word in (person.id, person.name, person.email)]
        people += [*leads, *(employee.who for employee in organisation.people), *organisation.roles.values()]
        owners = [bound.rule.owner for bound in rules.rules]
        return cls([*organisation.teams, *directory.teams.values(), *directory.teams], [*people, *owners])

    def laid_over(self, data: Any) -> Any:
        """The same data without names; keys of mappings stay as they are."""
        if isinstance(data, dict):
            return {key: value if key in _KEPT else self.laid_over(value) for key, value in data.items()}
        if isinstance(data, list):
            return [self.laid_over(each) for each in data]
        if isinstance(data, str) and self._any is not None:
            return self._any.sub(lambda found: self._names[found[0]], data)
        return data


_KEPT = frozenset({"ticket", "rule", "version", "since", "until", "due", "done", "outcome", "journal_head", "rules_version"})
"""What names no team and nobody, and must stay what it is."""
