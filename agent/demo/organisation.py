"""The protocol of the demo: an organisation that fits the teams of its helpdesks, and the shipped rules, all live.

Rules of one's own may use its names: sources `jira-cloud`, `snow-prod` and so on (each platform's sandbox names its own), teams
`first-line`, `second-line`, `third-line`, chain `it-support`, priorities `P1`, `P2` and so on (P1 is the most urgent), calendars
`office` and `always`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from agent.demo.outage import AT_EACH, SERVICE
from agent.in_force.protocol_files import texts
from connectors.sandboxes.history import History

LINES = ("first-line", "second-line", "third-line")
CHAIN = "it-support"
STAND_INS = {"first-line": "First line", "second-line": "Second line", "third-line": "Third line"}
"""Teams for the lines that a log does not have, so that every chain has three tiers."""


_OUTAGE = f"""\
rules:
  - rule: outage
    title: One outage at several helpdesks
    why: Few tickets at each helpdesk are many together, and nobody of them sees the others.
    when:
      status: [new, open]
      service: {SERVICE}
      related: {{at_least: {2 * AT_EACH}, same: service}}
    do:
      - raise_priority: {{to: P1}}
      - propose_parent: true
      - comment: "At least {2 * AT_EACH} other open tickets of all helpdesks are about {SERVICE}. Is it one incident?"
"""
"""More than any helpdesk has alone: the rule holds where tickets of all of them are counted together."""


class Place(NamedTuple):
    """One helpdesk of the organisation: its source, its history, and its own names of its priorities, the most urgent first."""

    source: str
    history: History
    priorities: Sequence[str]


def dressed(history: History) -> History:
    """The history with a team for each of the three lines, and one priority at least."""
    missing = [STAND_INS[line] for line, teams in _teams_by_line(history).items() if not teams]
    return replace(history, teams=(*history.teams, *missing), priorities=tuple(history.priorities) or ("Medium",))


def protocol(places: Sequence[Place], own_rules: Path | None) -> dict[str, str]:
    """File name -> text, for helpdesks whose histories were dressed.

    Rules of one's own replace the shipped ones; if they bring an organisation, that is used too. Raises ConfigError where they
    can't be read.
    """
    if own_rules is None:
        return {"organisation.yaml": organisation(places), "rules.yaml": _rules(places)}
    own = dict(texts(own_rules))
    if brings_an_organisation(own):
        return own
    name = "organisation.yaml" if "organisation.yaml" not in own else "demo-organisation.yaml"
    return {name: organisation(places), **own}


def brings_an_organisation(files: Mapping[str, str]) -> bool:
    """Whether files of one's own say who there is, and not only what is done."""
    return any(line.startswith("format:") for text in files.values() for line in text.splitlines())


def in_whose_organisation(own_rules: Path, sources: Iterable[str]) -> str:
    """What people are told of rules of their own. Raises ConfigError where they can't be read."""
    if brings_an_organisation(texts(own_rules)):
        return f"Rules and organisation are those of {own_rules}; every rule runs live."
    teams = ", ".join(LINES)
    return (
        f"The rules are those of {own_rules}, every one live. They bring no organisation (a file with `format: 1`), so "
        f"the demo's holds: {' and '.join(sources)}, teams {teams}, chain {CHAIN}, priorities from P1, calendars office and "
        "always. To play your own, name the folder in which organisation.yaml stands beside them."
    )


def _rules(places: Sequence[Place]) -> str:
    urgent = ", ".join(_words(places)[:3])
    # A ticket of a team that is in no line, or of none, enters the chain at its foot.
    chain = f"chain: {CHAIN}, enter_at: {LINES[0]}"
    return f"""\
use:
  - protocol: nobody-took-it
    with: {{priority: [{urgent}], after: 30 business minutes, {chain}}}
  - protocol: unanswered
    with: {{after: 8 business hours, {chain}}}
  - protocol: bounced
    with: {{returns: 2, within: 7 days, {chain}}}
  - protocol: stuck-at-tier
    with: {{team: {LINES[0]}, after: 8 business hours, chain: {CHAIN}}}
{_OUTAGE if len(places) > 1 else ""}"""


def organisation(places: Sequence[Place], defaults: str = "mode: live, existing_tickets: ignore") -> str:
    """organisation.yaml: one team per support line that any of the helpdesks has, one chain of them, their priorities by rank."""
    by_source = {place.source: _teams_by_line(place.history) for place in places}
    return organisation_of(by_source, {place.source: place.priorities for place in places}, defaults)


def organisation_of(
    teams_by_line: Mapping[str, Mapping[str, Sequence[str]]], by_rank: Mapping[str, Sequence[str]], defaults: str
) -> str:
    """organisation.yaml of sources whose teams are known by the lines of `LINES`, the one first that receives, and priorities."""
    priorities = [
        f"  - {{{', '.join([f'name: P{n}', *_columns(by_rank, n - 1)])}}}" for n in range(1, max(map(len, by_rank.values())) + 1)
    ]
    lines = [line for line in LINES if any(teams[line] for teams in teams_by_line.values())]
    teams = [
        "\n".join([f"  {line}:", *(f"    {source}: {_quoted(of[line])}" for source, of in teams_by_line.items() if of[line])])
        for line in lines
    ]
    tiers = [
        f"    - {{team: {line}, acknowledge_within: 30 minutes}}" if n else f"    - team: {line}" for n, line in enumerate(lines)
    ]
    return "\n".join(
        [
            "format: 1",
            f"defaults: {{calendar: office, {defaults}}}",
            "priorities:" if priorities else "priorities: []",
            *priorities,
            "calendars:",
            "  always: {hours: all}",
            '  office: {time_zone: Europe/Brussels, hours: {mon-fri: "08:00-17:00"}}',
            "teams:",
            *teams,
            "chains:",
            f"  {CHAIN}:",
            *tiers,
            "",
        ]
    )


def _words(places: Sequence[Place]) -> list[str]:
    return [f"P{n}" for n in range(1, max(len(place.priorities) for place in places) + 1)]


def _columns(by_rank: Mapping[str, Sequence[str]], rank: int) -> list[str]:
    return [f"{source}: {_quoted(names[rank])}" for source, names in by_rank.items() if rank < len(names)]


def _quoted(value: str | Sequence[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _teams_by_line(history: History) -> Mapping[str, list[str]]:
    """Team names under the three lines, the busiest first: that one receives. A team whose line is not known is first line."""
    seen: Counter[str] = Counter(dict.fromkeys(history.teams, 0))
    line_of: dict[str, object] = {name: LINES.index(line) + 1 for line, name in STAND_INS.items()}
    for event in history.events:
        team = event.fields.get("team")
        if isinstance(team, str):
            seen[team] += 1
            line_of[team] = event.fields.get("line")
    return teams_by_line(seen, line_of)


def teams_by_line(seen: Mapping[str, int], line_of: Mapping[str, object]) -> Mapping[str, list[str]]:
    """Teams, with how often each was seen, under the three lines, the busiest first; whose line is not known is first line."""
    found: dict[str, list[str]] = {line: [] for line in LINES}
    for team in sorted(seen, key=lambda name: (-seen[name], name)):
        found[LINES[_place(line_of.get(team))]].append(team)
    return found


def _place(line: object) -> int:
    """L1 -> 0, L2 -> 1, L3 and L2L3 -> 2."""
    digits = [int(sign) for sign in str(line) if sign in "123"]
    return max(digits, default=1) - 1
