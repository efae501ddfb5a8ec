"""The organisation that the benchmarks play: three lines of support, four priorities, the shipped protocols of the demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

SOURCE: Final = "jira-cloud"
PRIORITIES: Final = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low"}
TEAMS: Final = {"20001": "Service Desk", "20002": "Network Operations", "20003": "Network Engineering"}
STATUSES: Final = {
    "1": ("Open", "new"),
    "3": ("In Progress", "indeterminate"),
    "4": ("Pending", "indeterminate"),
    "5": ("Resolved", "done"),
}
"""Status id -> its name and the key of its category."""

ORGANISATION: Final = f"""\
format: 1
defaults: {{mode: live, calendar: office, existing_tickets: ignore}}
priorities:
  - {{name: P1, {SOURCE}: Highest}}
  - {{name: P2, {SOURCE}: High}}
  - {{name: P3, {SOURCE}: Medium}}
  - {{name: P4, {SOURCE}: Low}}
calendars:
  always: {{hours: all}}
  office: {{time_zone: Europe/Amsterdam, hours: {{mon-fri: "08:00-17:00"}}, holidays: NL}}
teams:
  first-line: {{{SOURCE}: Service Desk}}
  second-line: {{{SOURCE}: Network Operations}}
  third-line: {{{SOURCE}: Network Engineering}}
chains:
  it-support:
    - team: first-line
    - {{team: second-line, acknowledge_within: 30 minutes}}
    - {{team: third-line, acknowledge_within: 30 minutes}}
"""
RULES: Final = """\
use:
  - protocol: nobody-took-it
    with: {priority: [P1, P2, P3], after: 30 business minutes, chain: it-support}
  - protocol: unanswered
    with: {after: 8 business hours, chain: it-support}
  - protocol: bounced
    with: {returns: 2, within: 7 days, chain: it-support}
  - protocol: stuck-at-tier
    with: {team: first-line, after: 8 business hours, chain: it-support}
"""


def write(folder: Path, priorities: Sequence[str] = tuple(PRIORITIES.values())) -> Path:
    """The protocol as files in a folder, which is made; `priorities` are the source's four, the most urgent first."""
    folder.mkdir()
    organisation = ORGANISATION
    for usual, own in zip(PRIORITIES.values(), priorities, strict=True):
        organisation = organisation.replace(f": {usual}}}", f": {own}}}")
    (folder / "organisation.yaml").write_text(organisation, encoding="utf-8")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    return folder
