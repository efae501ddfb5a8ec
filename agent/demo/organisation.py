"""The protocol of the demo: an organisation that fits a history's teams, and the shipped rules, all live."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from agent.protocol_files import texts
from connectors.jira.site.history import History

SOURCE = "jira-cloud"
LINES = ("first-line", "second-line", "third-line")
CHAIN = "it-support"

RULES = f"""\
use:
  - protocol: nobody-took-it
    with: {{priority: [P1, P2, P3], after: 30 business minutes, chain: {CHAIN}}}
  - protocol: unanswered
    with: {{after: 8 business hours, chain: {CHAIN}}}
  - protocol: bounced
    with: {{returns: 2, within: 7 days, chain: {CHAIN}}}
  - protocol: stuck-at-tier
    with: {{team: first-line, after: 8 business hours, chain: {CHAIN}}}
"""


def protocol(history: History, own_rules: Path | None) -> dict[str, str]:
    """File name -> text. Rules of one's own replace the shipped ones; if they bring an organisation, that is used too."""
    if own_rules is None:
        return {"organisation.yaml": organisation(history), "rules.yaml": RULES}
    own = dict(texts(own_rules))
    if any(line.startswith("format:") for text in own.values() for line in text.splitlines()):
        return own
    return {"organisation.yaml": organisation(history), **own}


def organisation(history: History) -> str:
    """organisation.yaml for the teams and priorities of a history: one team per support line, one chain of them."""
    words = [f"P{n}" for n in range(1, len(history.priorities) + 1)]
    priorities = [
        f"  - {{name: {word}, {SOURCE}: {json.dumps(name)}}}" for word, name in zip(words, history.priorities, strict=True)
    ]
    lines = _teams_by_line(history)
    teams = [f"  {line}:\n    {SOURCE}: {json.dumps(names, ensure_ascii=False)}" for line, names in lines.items()]
    tiers = [
        f"    - {{team: {line}, acknowledge_within: 30 minutes}}" if n else f"    - team: {line}" for n, line in enumerate(lines)
    ]
    return "\n".join(
        [
            "format: 1",
            "defaults: {mode: live, calendar: office, existing_tickets: ignore}",
            "priorities:",
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


def _teams_by_line(history: History) -> Mapping[str, list[str]]:
    """Team names under the three lines, the busiest first: that one receives. A log without lines is all first line."""
    seen: Counter[str] = Counter()
    line_of: dict[str, str] = {}
    for event in history.events:
        team, line = event.fields.get("team"), event.fields.get("line")
        if isinstance(team, str):
            seen[team] += 1
            line_of[team] = LINES[_place(line)]
    found: dict[str, list[str]] = {}
    for team in sorted(history.teams, key=lambda name: (-seen[name], name)):
        found.setdefault(line_of.get(team, LINES[0]), []).append(team)
    return {line: found[line] for line in LINES if line in found}


def _place(line: object) -> int:
    """L1 -> 0, L2 -> 1, L3 and L2L3 -> 2."""
    digits = [int(sign) for sign in str(line) if sign in "123"]
    return max(digits, default=1) - 1
