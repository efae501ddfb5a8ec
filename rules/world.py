"""The outside facts that rules look at beside the ticket, each with a version: calendars and the source's directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rules.calendars import Calendar


@dataclass(frozen=True, slots=True)
class Person:
    """A person or service account as the source knows it."""

    id: str
    name: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Directory:
    """Names and ids of one source, as read at `version`. Mappings go from the source's id to the name people see.

    `priorities` is ordered, the most urgent first. `statuses` maps the native status id to its name.
    """

    teams: Mapping[str, str]
    priorities: Mapping[str, str]
    statuses: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """What `evaluate` is given beside the timeline: calendars by name and the directory of the ticket's source."""

    calendars: Mapping[str, Calendar]
    directory: Directory
    version: str = ""
