"""The protocol of the demo: an organisation that fits a history's teams, and the shipped rules, all live.

Rules of one's own may use its names: source `jira-cloud`, teams `first-line`, `second-line`, `third-line`, chain `it-support`,
priorities `P1`, `P2` and so on (P1 is the most urgent), calendars `office` and `always`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent.protocol_files import texts
from connectors.jira.site.history import History

SOURCE = "jira-cloud"
LINES = ("first-line", "second-line", "third-line")
CHAIN = "it-support"
STAND_INS = {"first-line": "First line", "second-line": "Second line", "third-line": "Third line"}
"""Teams for the lines that a log does not have, so that every chain has three tiers."""


def dressed(history: History) -> History:
    """The history with a team for each of the three lines, and one priority at least."""
    missing = [STAND_INS[line] for line, teams in _teams_by_line(history).items() if not teams]
    return replace(history, teams=(*history.teams, *missing), priorities=tuple(history.priorities) or ("Medium",))


def protocol(history: History, own_rules: Path | None) -> dict[str, str]:
    """File name -> text, for a history that was dressed.

    Rules of one's own replace the shipped ones; if they bring an organisation, that is used too. Raises ConfigError where they
    can't be read.
    """
    if own_rules is None:
        return {"organisation.yaml": organisation(history), "rules.yaml": _rules(history)}
    own = dict(texts(own_rules))
    if any(line.startswith("format:") for text in own.values() for line in text.splitlines()):
        return own
    name = "organisation.yaml" if "organisation.yaml" not in own else "demo-organisation.yaml"
    return {name: organisation(history), **own}


def _rules(history: History) -> str:
    urgent = ", ".join(_words(history)[:3])
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
"""


def organisation(history: History, defaults: str = "mode: live, existing_tickets: ignore") -> str:
    """organisation.yaml for the teams and priorities of a history: one team per support line that has any, one chain of them."""
    priorities = [
        f"  - {{name: {word}, {SOURCE}: {json.dumps(name, ensure_ascii=False)}}}"
        for word, name in zip(_words(history), history.priorities, strict=True)
    ]
    lines = {line: names for line, names in _teams_by_line(history).items() if names}
    teams = [f"  {line}:\n    {SOURCE}: {json.dumps(names, ensure_ascii=False)}" for line, names in lines.items()]
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


def _words(history: History) -> list[str]:
    return [f"P{n}" for n in range(1, len(history.priorities) + 1)]


def _teams_by_line(history: History) -> Mapping[str, list[str]]:
    """Team names under the three lines, the busiest first: that one receives. A team whose line is not known is first line."""
    seen: Counter[str] = Counter()
    line_of: dict[str, str] = {name: line for line, name in STAND_INS.items()}
    for event in history.events:
        team, line = event.fields.get("team"), event.fields.get("line")
        if isinstance(team, str):
            seen[team] += 1
            line_of[team] = LINES[_place(line)]
    found: dict[str, list[str]] = {line: [] for line in LINES}
    for team in sorted(history.teams, key=lambda name: (-seen[name], name)):
        found[line_of.get(team, LINES[0])].append(team)
    return found


def _place(line: object) -> int:
    """L1 -> 0, L2 -> 1, L3 and L2L3 -> 2."""
    digits = [int(sign) for sign in str(line) if sign in "123"]
    return max(digits, default=1) - 1
