"""The outside facts that rules look at beside the ticket. Calendars are in `rules.calendars`; here is a source's directory.

Both are bound into the rules (`rules.binding`), with their versions, so that an evaluation needs nothing but a timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Person:
    """A person or service account as the source knows it."""

    id: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Directory:
    """Names and ids of one source, as read at `version`. Mappings go from the source's id to the name people see.

    `priorities` is ordered, the most urgent first. `statuses` maps the native status id to its name. Where `teams_listed` is
    False the source can't say which teams it has: `teams` are those seen on tickets, and other ids are taken as they are written.
    """

    teams: Mapping[str, str]
    priorities: Mapping[str, str]
    statuses: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    version: str = ""
    teams_listed: bool = True
