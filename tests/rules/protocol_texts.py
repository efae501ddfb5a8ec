"""A small organisation and one rule as people write them; tests change a word of it."""

from pathlib import Path

from rules.rulebook import Loaded, Problem, RulebookError, load
from tests.shared import PROJECT

ORGANISATION = """\
format: 1
defaults: {calendar: office}
priorities:
  - {name: P1, jira-cloud: Highest}
  - {name: P2, jira-cloud: High}
  - {name: P3, jira-cloud: [Medium, Low]}
calendars:
  always: {hours: all}
  office:
    time_zone: Europe/Amsterdam
    hours: {mon-fri: "09:00-17:30"}
    holidays: NL
teams:
  service-desk: {jira-cloud: Service Desk, lead: anna@example.com}
  network-ops: {jira-cloud: [Network Operations, Network Night]}
  network-eng: {jira-cloud: Network Engineering}
roles:
  duty-manager: duty@example.com
chains:
  network:
    - team: service-desk
    - {team: network-ops, acknowledge_within: 30 minutes}
    - {team: network-eng, acknowledge_within: 2 business hours}
"""

RULES = """\
rules:
  - rule: nobody-took-it
    title: Urgent ticket without an owner
    mode: watch
    when:
      status: [new, open]
      assignee: nobody
      priority: [P1, P2]
    for: 15 minutes
    do:
      - escalate: network
      - comment: "Without an owner for {held}."
    repeat: {every: 30 minutes, at_most: 3}
"""

LIBRARY = {path.name: path.read_text() for path in sorted(Path(PROJECT, "rules", "library").glob("*.yaml"))}

MARK = "»"
"""Stands before the place that a problem must name; it is taken out of the text."""


def loaded(rules: str = RULES, organisation: str = ORGANISATION) -> Loaded:
    """The protocol, which must be in order."""
    return load({"organisation.yaml": organisation, "rules.yaml": rules}, LIBRARY)


def problems(rules: str = RULES, organisation: str = ORGANISATION) -> tuple[Problem, ...]:
    """What is wrong with the protocol; none if nothing is."""
    try:
        loaded(rules, organisation)
    except RulebookError as error:
        return error.problems
    return ()


def marked(text: str) -> tuple[str, int, int]:
    """The text without its mark, and the mark's line and column."""
    before = text[: text.index(MARK)]
    return text.replace(MARK, ""), before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
