"""The organisation and the rules that a log is judged by where nobody brings their own: made of the log's teams, and shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agent.demo.organisation import CHAIN, LINES, STAND_INS, brings_an_organisation, organisation_of, teams_by_line
from agent.in_force.protocol_files import texts
from connectors.event_logs.tickets import EventLog

READY: Final = f"""\
use:
  - protocol: not-acknowledged
    with: {{chain: {CHAIN}}}
  - protocol: nobody-took-it
    with: {{chain: {CHAIN}}}
  - protocol: went-silent
    with: {{chain: {CHAIN}}}
  - protocol: stuck-at-tier
    with: {{chain: {CHAIN}, team: {LINES[0]}}}
  - protocol: bounced
    with: {{chain: {CHAIN}}}
  - protocol: boomerang
    with: {{chain: {CHAIN}}}
  - protocol: reassigned-often
    with: {{chain: {CHAIN}}}
  - protocol: reopened-again
    with: {{chain: {CHAIN}}}
  - protocol: many-owners
  - protocol: on-hold-forgotten
"""
"""Ten ready protocols that need no more than who had a ticket when: what nearly every log holds."""


def files_for(log: EventLog, own_rules: Path | None) -> Mapping[str, str]:
    """File name -> text. Rules of one's own without an organisation get the one that is made of the log.

    Raises ConfigError where rules of one's own can't be read.
    """
    own = dict(texts(own_rules)) if own_rules is not None else {"rules.yaml": READY}
    if brings_an_organisation(own):
        return own
    name = "organisation.yaml" if "organisation.yaml" not in own else "log-organisation.yaml"
    return {name: _organisation(log), **own}


def _organisation(log: EventLog) -> str:
    """Its teams in three lines as the log has them, stand-ins for a line that it does not have, its priorities by rank."""
    teams = {line: list(found) for line, found in teams_by_line(log.seen.teams, log.seen.lines).items()}
    lines = {line: found or [STAND_INS[line]] for line, found in teams.items()}
    priorities = priorities_of(log) or ["Medium"]
    return organisation_of({log.source: lines}, {log.source: priorities}, "mode: live, existing_tickets: all")


def priorities_of(log: EventLog) -> list[str]:
    """The log's priorities, the most urgent first: as the mapping has them, else in the order of the alphabet (1 before 2)."""
    return list(dict.fromkeys(log.shape.priorities.values())) or sorted(log.seen.priorities)
