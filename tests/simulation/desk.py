"""The service desk of every run: its people, teams and rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agent.secret_files import in_files
from connectors.sandboxes.history import History, Person, Status
from connectors.sandboxes.sandbox import Sandbox
from rules.instants import MINUTE

SOURCE: Final = "desk"
POLL: Final = 2 * MINUTE
TEAMS: Final = ("Service Desk", "Operations", "Engineering", "Head of IT")
PRIORITIES: Final = ("Highest", "High", "Medium", "Low")
STATUSES: Final = ("Open", "In Progress", "Waiting", "Resolved")
STAFF: Final = ("anna", "bert", "carl")
REQUESTER: Final = "ruth"
AUTOMATION: Final = "automation"
RULE_NAMES: Final = ("nobody-took-it", "unanswered", "urgent-ladder", "quiet")
"""Those that write."""
WATCHED: Final = "watched-by-hoist"
"""The label that a rule would set which only watches: it must never be seen."""
LABELS: Final = ("urgent-5", "quiet", WATCHED)

ORGANISATION: Final = f"""\
format: 1
defaults: {{mode: live, calendar: always, existing_tickets: ignore}}
priorities:
  - {{name: P1, {SOURCE}: PRIORITY_1}}
  - {{name: P2, {SOURCE}: PRIORITY_2}}
  - {{name: P3, {SOURCE}: PRIORITY_3}}
  - {{name: P4, {SOURCE}: PRIORITY_4}}
calendars:
  always: {{hours: all}}
teams:
  desk: {{{SOURCE}: Service Desk}}
  ops: {{{SOURCE}: Operations}}
  eng: {{{SOURCE}: Engineering}}
  head: {{{SOURCE}: Head of IT}}
chains:
  it: [desk, ops, eng, head]
"""

RULES: Final = f"""\
rules:
  - rule: nobody-took-it
    title: Nobody took it
    when: {{status: [new, open], assignee: nobody}}
    for: 15 minutes
    do:
      - escalate: it
      - comment: "Nobody took it. Moved to {{team}}."
    repeat: {{every: 30 minutes, at_most: 2}}
  - rule: unanswered
    title: The requester waits
    when: {{status: [new, open], unanswered: 25 minutes}}
    do:
      - raise_priority: {{by: 1, not_above: P1}}
      - comment: "The requester waits for an answer."
    repeat: {{every: 40 minutes, at_most: 1}}
  - rule: urgent-ladder
    title: An urgent ticket
    when: {{status: [new, open], priority: P1}}
    steps:
      - {{after: 5 minutes, do: [{{label: urgent-5}}]}}
      - {{after: 20 minutes, do: [{{comment: "Urgent for 20 minutes."}}]}}
      - {{after: 40 minutes, do: [{{escalate: it}}, {{comment: "Urgent for 40 minutes. Moved to {{team}}."}}]}}
  - rule: quiet
    title: Nobody touched it
    when: {{status: [new, open], silent: 50 minutes}}
    do:
      - label: quiet
  - rule: watcher
    title: Only watched
    mode: watch
    when: {{status: [new, open], assignee: nobody}}
    for: 10 minutes
    do:
      - raise_priority: {{to: P1}}
      - label: {WATCHED}
      - comment: "This must never be written."
"""


def empty_history() -> History:
    """A site without any ticket: they come with the story."""
    people = [Person(REQUESTER, "Ruth Requester", "customer"), Person(AUTOMATION, "Automation for Jira", "app")]
    people += [Person(name, name.title()) for name in STAFF]
    return History(
        project="IT",
        project_name="IT",
        people={person.handle: person for person in people},
        statuses=[
            Status("Open", "new"),
            Status("In Progress", "indeterminate"),
            Status("Waiting", "indeterminate"),
            Status("Resolved", "done"),
        ],
        priorities=PRIORITIES,
        teams=TEAMS,
        lines=("L1",),
        components=("Mail",),
        roles={"new": ["Open"], "open": ["In Progress"], "pending": ["Waiting"], "resolved": ["Resolved"]},
        events=(),
    )


def write_files(folder: Path, sandbox: Sandbox, more: Mapping[str, object], webhook: str = "") -> Path:
    """hoist.yaml and the protocol; gives the former. The sandbox's address is never connected to.

    `webhook` is the secret by which hoist knows what the platform tells it, empty where it tells nothing.
    """
    keep = in_files(folder / f"{SOURCE}.")
    source = {
        **sandbox.hoist_settings(keep),
        "poll_every": f"{POLL // 1000} seconds",
        "skew_limit": "2 hours",
        "requests_per_second": "100000",
        **more,
    }
    whole: dict[str, object] = {"limits": "none", "sources": {SOURCE: source}}
    if webhook:
        source["webhook"] = {"secret": keep("webhook", webhook)}
        whole["hooks"] = {"listen": "127.0.0.1:0"}
    config = folder / "hoist.yaml"
    config.write_text(json.dumps(whole), encoding="utf-8")
    protocol = folder / "protocol"
    protocol.mkdir(exist_ok=True)
    organisation = ORGANISATION
    for number, name in enumerate(sandbox.priorities, start=1):
        organisation = organisation.replace(f"PRIORITY_{number}", json.dumps(name))
    (protocol / "organisation.yaml").write_text(organisation, encoding="utf-8")
    (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")
    return config
