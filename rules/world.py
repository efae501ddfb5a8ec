"""The outside facts that rules look at beside the ticket: calendars, lists, windows, rotas, and a source's directory.

They are bound into the rules (`rules.binding`), with their versions, so that an evaluation needs nothing but a timeline. Where
they come from (files, URLs) is the agent's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rules.calendars import ALWAYS, Calendar
from rules.intervals import Intervals
from rules.protocol.organisation import Employee
from rules.rota import Rota


def _always() -> Mapping[str, Calendar]:
    return {"always": ALWAYS}


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What is outside of every source, as it was read at one time.

    `version` changes whenever conditions may find something else: with calendars, lists and windows, not with rotas, which only
    actions look at when they are written.

    `lists` holds the entries of each list in small letters (`str.casefold`); `windows` flat lists [a0, b0, a1, b1, ...] in order,
    no two of which touch; `rotas` go by the name with which a team or role refers to them (a file or URL as written). Each list
    and window of the organisation has an entry here, an empty one past its `until` or where its source could never be read.
    `people` are those of the organisation's files.
    """

    calendars: Mapping[str, Calendar] = field(default_factory=_always)
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    windows: Mapping[str, Intervals] = field(default_factory=dict)
    rotas: Mapping[str, Rota] = field(default_factory=dict)
    version: str = ""
    people: tuple[Employee, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A person or service account as the source knows it; `email` is empty where the source does not say."""

    id: str
    name: str
    active: bool = True
    email: str = ""


@dataclass(frozen=True, slots=True)
class Directory:
    """Names and ids of one source, as read at `version`. Mappings go from the source's id to the name people see.

    `priorities` is ordered, the most urgent first. `statuses` maps the native status id to its name. Where `teams_listed` is
    False the source can't say which teams it has: `teams` are those seen on tickets, and other ids are taken as they are written.
    `managers` and `deputies` map a person's id to that of the manager, or of who stands in, where that is known. `members` maps a
    team's id to the ids of its people, those of a team that is left out being unknown; None where nobody tells of any team who is
    in it. `labels` are those that a ticket can be given, where the platform has only what somebody made before; None for any.
    """

    teams: Mapping[str, str]
    priorities: Mapping[str, str]
    statuses: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    version: str = ""
    teams_listed: bool = True
    managers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] | None = None
    deputies: Mapping[str, str] = field(default_factory=dict)
    labels: frozenset[str] | None = None
