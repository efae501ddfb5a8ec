"""What a CSV file says of people: who manages whom, who stands in for whom, whose hours are which, who is in which team."""

from __future__ import annotations

import re
from typing import Final

from agent.outside.tables import records
from agent.outside.unreadable import Unreadable
from rules.language.problems import nearest
from rules.protocol.organisation import Employee

_COLUMNS: Final = ("who", "manager", "deputy", "calendar", "teams")
_SYNONYMS: Final = {**dict.fromkeys(("email", "e-mail", "mail", "person", "name"), "who"), "team": "teams", "lead": "manager"}


def people(data: bytes) -> tuple[Employee, ...]:
    """A person a row, under the headings who, manager, deputy, calendar and teams, of which only the first is needed.

    Several teams of a person are divided by semicolons, commas or bars, or stand in a row each. Raises Unreadable with the number
    of the line that says nothing of anybody, and for headings that are none of these.
    """
    found = []
    for number, row in records(data):
        values = {_SYNONYMS.get(heading, heading): cell for heading, cell in row.items()}
        if "who" not in values:
            raise Unreadable(f"has no column `who`: its first line must name the columns, of {', '.join(_COLUMNS)}")
        if unknown := [heading for heading in values if heading and heading not in _COLUMNS]:
            near = nearest(unknown[0], _COLUMNS)
            hint = f"; did you mean {near}?" if near else ""
            raise Unreadable(f"has a column {unknown[0]!r}, which is none of {', '.join(_COLUMNS)}{hint}")
        if not values["who"]:
            raise Unreadable(f"has a line {number} that names nobody under `who`")
        teams = tuple(filter(None, (team.strip() for team in re.split("[;,|]", values.get("teams", "")))))
        manager, deputy, calendar = (values.get(name, "") for name in _COLUMNS[1:4])
        found.append(Employee(values["who"], manager, deputy, calendar, teams))
    return tuple(found)
