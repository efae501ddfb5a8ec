"""Protocols as organisations have them, written down by somebody who did not know this version of the language."""

from __future__ import annotations

import re

from rules.rulebook import load
from tests.rules.protocol_texts import LIBRARY
from tests.shared import shared

RULES = 9
ORGANISATION = """\
format: 1
defaults: {calendar: office}
priorities:
  - {name: P1, jira-cloud: Highest}
  - {name: P2, jira-cloud: High}
  - {name: P3, jira-cloud: [Medium, Low]}
calendars:
  always: {hours: all}
  office: {time_zone: Europe/Amsterdam, hours: {mon-fri: "09:00-17:30"}, holidays: NL}
teams:
  service-desk: {jira-cloud: Service Desk, lead: anna@example.com}
  network-ops: {jira-cloud: Network Operations, lead: nico@example.com}
  network-eng: {jira-cloud: Network Engineering}
  csirt: {jira-cloud: CSIRT}
roles:
  duty-manager: duty@example.com
  service-delivery-manager: sdm@example.com
  head-of-it: head@example.com
  privacy-officer: po@example.com
  problem-manager: pm@example.com
chains:
  network: [{team: service-desk}, {team: network-ops}, {team: network-eng}]
  security: [{team: csirt}]
lists:
  vip-requesters: {entries: [ceo@example.com], owner: anna@example.com}
providers:
  aws: {contact: tam@example.com}
"""


def test_the_language_says_them_word_for_word() -> None:
    """The major incident, the VIP, the provider, security, ping-pong, the weekend, the approval: none is refused."""
    users = (shared() / "users.md").read_text(encoding="utf-8")
    (rules,) = re.findall(r"^```yaml\n(rules:\n  - rule: p1-ladder.*?)^```", users, re.DOTALL | re.MULTILINE)
    rulebook = load({"organisation.yaml": ORGANISATION, "rules.yaml": rules}, LIBRARY).rulebook
    written = set(re.findall(r"^  - rule: (\S+)", rules, re.MULTILINE))
    assert len(written) == RULES
    assert written <= {rule.id for rule in rulebook.rules}
