"""The names of a plan: what its rules call teams and priorities stays what it was when the plan was made, whoever renames them.

Rules name a team as people see it, a helpdesk knows it by its id. With a plan in force the ids are those that were shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rules.protocol.organisation import Organisation
from rules.world import Directory


@dataclass(frozen=True, slots=True)
class KeptNames:
    """The names of one source that a plan's organisation uses: id -> name. What it names by its id needs none."""

    teams: Mapping[str, str] = field(default_factory=dict)
    priorities: Mapping[str, str] = field(default_factory=dict)

    def data(self) -> dict[str, dict[str, str]]:
        """As JSON has it."""
        return {"teams": dict(self.teams), "priorities": dict(self.priorities)}


def read_names(found: Mapping[str, Any]) -> KeptNames:
    """What `KeptNames.data` gave."""
    return KeptNames(found.get("teams", {}), found.get("priorities", {}))


def resolved(organisation: Organisation, source: str, directory: Directory) -> KeptNames:
    """The ids of what an organisation names on a source."""
    teams = (team.sources.get(source, ()) for team in organisation.teams.values())
    priorities = (level.sources.get(source, ()) for level in organisation.priorities)
    return KeptNames(_resolved(teams, directory.teams), _resolved(priorities, directory.priorities))


def _resolved(natives: Iterable[Sequence[str]], known: Mapping[str, str]) -> dict[str, str]:
    wanted = {native for each in natives for native in each} - known.keys()
    return {id_: name for id_, name in known.items() if name in wanted}


def by_kept_names(directory: Directory, kept: KeptNames) -> Directory:
    """The same with the names of a plan; others that have come to be called like one of them are told apart by their ids."""
    teams, priorities = _by(directory.teams, kept.teams), _by(directory.priorities, kept.priorities)
    return replace(directory, teams=teams, priorities=priorities)


def _by(known: Mapping[str, str], kept: Mapping[str, str]) -> Mapping[str, str]:
    taken = set(kept.values())
    return {id_: kept.get(id_) or (f"{name} ({id_})" if name in taken else name) for id_, name in known.items()}


def with_names(directory: Directory, kept: KeptNames) -> Directory:
    """What was read last, with the teams and priorities that a plan has seen since."""
    made = replace(directory, teams={**kept.teams, **directory.teams}, priorities={**directory.priorities, **kept.priorities})
    return by_kept_names(made, kept)


def renamed_since(source: str, directory: Directory, kept: KeptNames) -> Iterator[str]:
    """What the source calls otherwise by now, as sentences."""
    for what, now, then in (
        ("team", directory.teams, kept.teams),
        ("priority", directory.priorities, kept.priorities),
    ):
        for id_, name in then.items():
            if now.get(id_, name) != name:
                yield f"{source}: the {what} that the rules name {name!r} is called {now[id_]!r} there by now"
