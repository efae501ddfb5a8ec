"""Who is on duty: named when told, passed over when away, and what becomes of a ticket whose next tier has gone home."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from agent.store.states import RowState
from agent.why import why
from rules.calendars import ALWAYS, calendar
from rules.instants import HOUR, MINUTE
from rules.protocol.durations import Duration
from rules.rota import Rota, Shift
from rules.rulebook import load
from rules.world import World
from tests.agent.desk import LONG, MONDAY, Desk, moved_once

ORGANISATION = """\
format: 1
defaults: {mode: live, existing_tickets: all}
priorities:
  - {name: P1, desk: Urgent}
  - {name: P2, desk: High}
  - {name: P3, desk: Normal}
calendars:
  evenings: {hours: {mon-sun: "12:00-20:00"}, time_zone: UTC}
teams:
  service-desk: {desk: Service Desk, lead: anna@example.com}
  network: {desk: Operations, on_call: rotas/network.ics}
  csirt: {desk: Engineering, on_call: rotas/csirt.ics, lead: cora@example.com}
roles:
  duty-manager: rotas/managers.ics
chains:
  security:
    - team: service-desk
    - team: csirt
  network:
    - team: service-desk
    - team: network
    - team: csirt
"""
NOON = MONDAY + 4 * HOUR
BREACH = "when: {label: breach, status: [new, open]}"


def rota(name: str, *shifts: Shift) -> Rota:
    return Rota(name, shifts, MONDAY - 100 * HOUR, MONDAY + 100 * HOUR)


def desk(folder: Path, rules: str, *, csirt: tuple[Shift, ...] = (Shift(NOON, NOON + 8 * HOUR, ("cleo@example.com",)),)) -> Desk:
    """It is eight in the morning; the security team's shift begins at noon, Petra has the network until six."""
    book = load({"organisation.yaml": ORGANISATION, "rules.yaml": f"rules:\n{dedent(rules)}"}).rulebook
    it = Desk(folder)
    for name, address in (("petra", "Petra Vos"), ("cleo", "Cleo Smit"), ("cora", "Cora Berg")):
        it.helpdesk.enrol(name, address, email=f"{name}@example.com")
    it.organisation = book.organisation
    it.world = World(
        {"always": ALWAYS, **{name: calendar(hours) for name, hours in book.organisation.calendars.items()}},
        rotas={
            "rotas/network.ics": rota("rotas/network.ics", Shift(MONDAY - HOUR, MONDAY + 10 * HOUR, ("petra@example.com",))),
            "rotas/csirt.ics": rota("rotas/csirt.ics", *csirt),
            "rotas/managers.ics": rota("rotas/managers.ics"),
        },
    )
    it.rule_by(*book.rules)
    return it


def found(it: Desk) -> list[str]:
    """Every finding of every escalation, in order."""
    return [str(finding) for line in it.journal("escalated") for finding in line.data["findings"]]


def told(it: Desk) -> list[tuple[str, list[str]]]:
    """Who was told, in the rules' words and by name."""
    notices = [notice for line in it.journal("escalated") for notice in line.data["notices"]]
    return [(notice.get("instead") or notice["to"], notice["people"]) for notice in notices]


# --- by name -------------------------------------------------------------------------------------------------------------


def test_note_and_journal_name_who_was_on_duty(tmp_path: Path) -> None:
    """The page names the rule's words, the person whose duty it is, and until when; the journal keeps the same."""
    it = desk(tmp_path, "- {rule: r, when: {status: [new, open]}, do: [{page: on_call of network}, {tell: lead of csirt}]}")
    ticket = it.ticket()
    it.run(MINUTE)
    lines = it.notes(ticket)[0].text.split("\n")
    assert "To be paged: on call of network (Petra Vos, until 18:00 UTC)." in lines
    assert "To be told: lead of csirt (Cora Berg)." in lines
    (line,) = it.journal("escalated")
    page, tell = line.data["notices"]
    assert page == {"kind": "page", "to": "on_call of network", "found": 1, "people": ["Petra Vos"], "until": NOON + 6 * HOUR}
    assert tell == {"kind": "tell", "to": "lead of csirt", "found": 1, "people": ["Cora Berg"]}


def test_the_person_is_that_of_the_instant_at_which_it_is_written(tmp_path: Path) -> None:
    """An hour later somebody else has the duty: each note names whoever had it then."""
    shifts = (Shift(MONDAY, MONDAY + HOUR, ("cora@example.com",)), Shift(MONDAY + HOUR, NOON, ("cleo@example.com",)))
    rule = """
    - rule: r
      when: {status: [new, open]}
      do: [{page: on_call of csirt}]
      repeat: {every: 90 minutes, at_most: 1}
    """
    it = desk(tmp_path, rule, csirt=shifts)
    it.ticket()
    it.run(LONG)
    assert told(it) == [("on_call of csirt", ["Cora Berg"]), ("on_call of csirt", ["Cleo Smit"])]


def test_where_nobody_is_on_duty_the_lead_is_told_and_the_note_says_so(tmp_path: Path) -> None:
    """At nine nobody of the security team is there: its lead is told instead, by name, and why."""
    it = desk(tmp_path, "- {rule: r, when: {status: [new, open]}, do: [{page: on_call of csirt}]}")
    ticket = it.ticket()
    it.run(MINUTE)
    lines = it.notes(ticket)[0].text.split("\n")
    because = "on call of csirt could not be told, because nobody is on duty: lead of csirt is told instead"
    assert f"Note: {because}." in lines
    assert "To be paged: lead of csirt (Cora Berg)." in lines
    assert told(it) == [("lead of csirt", ["Cora Berg"])]


def test_where_nobody_at_all_can_be_told_the_note_says_so(tmp_path: Path) -> None:
    """A role whose rota is empty, and no chain in the rule: nobody is told, which the note does not hide."""
    it = desk(tmp_path, "- {rule: r, when: {status: [new, open]}, do: [{tell: duty-manager}]}")
    ticket = it.ticket()
    it.run(MINUTE)
    lines = it.notes(ticket)[0].text.split("\n")
    assert "Note: nobody could be found to tell: duty-manager, because nobody is on duty." in lines
    assert "To be told: duty-manager (nobody)." in lines


# --- a tier that is off duty ---------------------------------------------------------------------------------------------


def test_a_tier_off_duty_is_passed_over_for_one_that_is_there(tmp_path: Path) -> None:
    """F17: the network team's duty is over: the ticket goes to the tier above, and the note says who was passed over."""
    it = desk(
        tmp_path,
        "- {rule: r, when: {status: [new, open]}, do: [{escalate: network}]}",
        csirt=(Shift(MONDAY, MONDAY + 90 * HOUR, ("cleo@example.com",)),),
    )
    it.run(11 * HOUR)
    ticket = it.ticket()
    it.run(10 * MINUTE)
    moved_once(it, ticket, "eng")
    assert found(it) == ["network was passed over: nobody is on duty there"]


def test_where_the_whole_chain_is_off_duty_its_top_is_told(tmp_path: Path) -> None:
    """F17: a security ticket at nine, the security team comes at noon: it stays, its lead is told, and the desk's is not."""
    it = desk(tmp_path, f"- {{rule: breach, confidential: true, {BREACH}, do: [{{escalate: security}}]}}")
    ticket = it.ticket(labels=("breach",))
    it.run(6 * HOUR)
    assert it.team(ticket) == "sd", "nothing is tried again that the rule does not repeat"
    (line,) = it.journal("escalated")
    (notice,) = line.data["notices"]
    assert (notice["to"], notice["found"]) == ("lead of csirt", 1)
    assert line.data["findings"][0] == "a tier was passed over: nobody is on duty there"
    assert len(it.notes(ticket)) == 1
    assert "Cora" not in it.notes(ticket)[0].text, "who is told of a confidential ticket is not for everybody's eyes"


def test_a_rule_that_repeats_hands_it_over_once_somebody_is_there(tmp_path: Path) -> None:
    """F17: the hourly repetition finds the security team at noon and moves the ticket; that it was away was said once."""
    it = desk(
        tmp_path,
        f"""
        - rule: breach
          confidential: true
          {BREACH}
          do: [{{escalate: security}}]
          repeat: {{every: 1 hour, at_most: 8}}
        """,
    )
    ticket = it.ticket(labels=("breach",))
    it.run(NOON - MONDAY - 5 * MINUTE)
    assert it.team(ticket) == "sd"
    it.run(HOUR + 10 * MINUTE)
    assert it.team(ticket) == "eng"
    it.run(4 * HOUR)
    assert found(it).count("a tier was passed over: nobody is on duty there") == 1
    assert [line.data["notices"] != [] for line in it.journal("escalated")][:5] == [True, False, False, False, False]


def test_a_time_to_acknowledge_escalates_nothing_by_itself(tmp_path: Path) -> None:
    """F17: nobody of the network team takes the ticket within its half hour, and no rule asks for it: nothing happens."""
    it = desk(tmp_path, "- {rule: r, when: {label: nobody has this}, do: [{escalate: network}]}")
    chain = it.organisation.chains["network"]
    timed = replace(chain, tiers=tuple(replace(tier, acknowledge_within=Duration(30 * MINUTE)) for tier in chain.tiers))
    it.organisation = replace(it.organisation, chains={**it.organisation.chains, "network": timed})
    it.rule_by(*it.rules)
    ticket = it.ticket()
    it.run(MINUTE)
    it.helpdesk.change(ticket, "anna", team="ops")
    it.run(LONG)
    assert (it.rows(ticket), it.saves(ticket)) == ([], [])


@pytest.mark.parametrize(
    "rule",
    [
        "- {rule: r, %s, confidential: true, calendar: evenings, at_next_opening: [{escalate: security}]}",
        "- {rule: r, %s, confidential: true, hold_while: [{time: {outside: evenings}}], do: [{escalate: security}]}",
    ],
)
def test_a_rule_can_wait_until_the_shift_begins(tmp_path: Path, rule: str) -> None:
    """With `at_next_opening`, or held back outside the team's hours: nothing at nine, and at noon the ticket is handed over."""
    it = desk(tmp_path, rule % BREACH)
    ticket = it.ticket(labels=("breach",))
    it.run(NOON - MONDAY - 5 * MINUTE)
    assert not it.saves(ticket)
    assert not it.notes(ticket)
    (answer,) = why(it.database, it.pipeline.ruling.rules, ticket, it.clock.now()).rules
    assert "12:00" in answer.next or "outside" in answer.next
    it.run(10 * MINUTE)
    moved_once(it, ticket, "eng")
    assert found(it) == []


def test_the_end_of_a_chain_that_was_climbed_by_repetitions_is_told_once(tmp_path: Path) -> None:
    """F6: the second reminder finds the ticket at the top: that is said and told then, and not with the third and fourth."""
    it = desk(
        tmp_path,
        "- {rule: r, when: {status: [new, open]}, do: [{escalate: network}], repeat: {every: 30 minutes, at_most: 4}}",
        csirt=(Shift(MONDAY, MONDAY + 90 * HOUR, ("cleo@example.com",)),),
    )
    ticket = it.ticket()
    it.run(3 * HOUR)
    assert [item.new for save in it.saves(ticket) for item in save.items if item.field == "team"] == ["ops", "eng"]
    ends = ["ends here" in note.text for note in it.notes(ticket)]
    assert ends == [False, False, True, False, False]
    assert told(it) == [("on_call of csirt", ["Cleo Smit"])]
    assert it.states(ticket) == [RowState.APPLIED] * 5
