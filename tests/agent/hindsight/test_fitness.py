"""Whether the protocol still fits the desk, as `hoist audit` says it: each finding with tickets, since when, and a change."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.hindsight.audit import Audited, OfRule, Options, audit
from agent.hindsight.fitness import Misfit, misfits
from agent.hindsight.past import Wanted
from agent.in_force.protocol_files import library
from rules.audit import Entry, Outcome
from rules.binding import bind
from rules.instants import DAY, HOUR, MINUTE, Instant, instant, written
from rules.lint import findings
from rules.rulebook import load
from rules.world import Directory, Person, World

BEGIN = instant(datetime(2026, 3, 2, 8, tzinfo=UTC))  # a Monday
MAPPING = """\
columns: {issue: id, at: at, status: state, team: team, assignee: who, author: who, priority: priority}
statuses: {New: new, Active: open, Waiting: pending, Resolved: resolved}
never_set: [labels]
known_from_start: [priority, team]
source: old
"""
ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: office, time_zone: UTC}
# by urgency
priorities: [{name: P1, old: high}]
calendars:
  always: {hours: all}
  office:
    time_zone: UTC
    hours:
      mon-fri: "09:00-17:00"  # as it was agreed
teams:
  desk: {old: Desk, lead: lea@example.com}
  network: {old: Network}
  experts:
    lead: lea@example.com  # since spring
    old: Experts
roles:
  boss: lea@example.com
chains:
  # who is next
  it:
    - desk
    - {team: network, acknowledge_within: 30 minutes}
    - team: experts
      acknowledge_within: 1 hour
  other: [desk, experts]
"""
RULES = """\
rules:
  - rule: untaken
    title: Nobody took it
    when: {status: [new, open], assignee: nobody, priority: P1}
    calendar: always
    for: 15 minutes  # short
    do:
      - escalate: it
  - rule: silence
    title: Nobody said anything
    when: {status: [new, open], priority: P1}
    for: 400 days
    do: [{tell: boss}]
use:
  - protocol: went-silent
    with: {chain: it}
"""
Row = tuple[str, Instant, str, str, str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    (tmp_path / "own" / "rules.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def audited(rows: Iterable[Row]) -> Audited:
    """An audit of a log of these rows: ticket, instant, state, team, who."""
    lines = [f"{name},{written(at)},{state},{team},{who},high" for name, at, state, team, who in rows]
    Path("log.csv").write_text("\n".join(["id,at,state,team,who,priority", *lines]) + "\n", encoding="utf-8")
    wanted = Wanted(log=Path("log.csv"), mapping=Path("mapping.yaml"), protocol=Path("own"))
    return audit(Options(wanted), lambda _done, _whole: None)


def tickets(number: int, *steps: tuple[int, str, str, str]) -> list[Row]:
    """So many tickets, an hour after one another, with the same steps: milliseconds after the first row, state, team, who."""
    told = [(after, (state, team, who)) for after, state, team, who in steps]
    return [(f"T{n:02}", BEGIN + n * HOUR + after, *step) for n in range(number) for after, step in told]


def one(found: Sequence[Misfit], words: str) -> Misfit:
    """The only finding that says so."""
    (chosen,) = [each for each in found if words in each.what]
    return chosen


def applied(change: str) -> dict[str, str]:
    """The files of the protocol after a change was applied as a person would; they load, and lint has nothing new to say."""
    before = load(texts(), library()).rulebook
    command = ["git", "apply", "-p1", "--unidiff-zero"]  # no fuzz: all lines must be those of the files
    subprocess.run(command, cwd="own", input=change + "\n", text=True, check=True, capture_output=True)
    changed = texts()
    after = load(changed, library()).rulebook
    assert {(each.subject, each.sentence) for each in findings(after)} <= {(e.subject, e.sentence) for e in findings(before)}
    assert after.version != before.version
    return changed


def texts() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(Path("own").glob("*.yaml"))}


QUIET = ((0, "New", "Desk", ""), (5 * MINUTE, "Active", "Desk", "rick"), (20 * MINUTE, "Resolved", "Desk", "rick"))
FORGOTTEN = ((0, "New", "Desk", ""), (HOUR, "Active", "Desk", "rick"), (2 * HOUR, "Resolved", "Desk", "rick"))


def test_a_rule_that_is_never_due_is_named_and_may_become_a_draft() -> None:
    """It was due on none of so many tickets, since the beginning; the change leaves remarks and layout as they were."""
    found = one(misfits(audited(tickets(25, *QUIET))), "silence was due on none of 25 tickets")
    assert found.since == BEGIN
    assert "+    mode: watch" in found.change
    assert "for: 15 minutes  # short" in applied(found.change)["rules.yaml"]


def test_a_ready_protocol_that_is_never_due_is_changed_where_it_is_used() -> None:
    """Its rule stands in no file of one's own: the use gets the key."""
    found = one(misfits(audited(tickets(25, *QUIET))), "went-silent was due on none")
    assert "  - protocol: went-silent\n    mode: watch\n" in applied(found.change)["rules.yaml"]


def test_a_rule_that_can_never_be_known_is_no_rule_that_is_never_due() -> None:
    """Where a log has no column for what a rule asks for, that is said, and nothing is suggested."""
    rules = RULES.replace("when: {status: [new, open], priority: P1}", "when: {status: [new, open], type: Incident}")
    Path("own/rules.yaml").write_text(rules.replace("400 days", "1 minutes"), encoding="utf-8")
    found = one(misfits(audited(tickets(25, *QUIET))), "silence can't be due: of 25 of 25 tickets")
    assert found.change == ""


def test_a_rule_that_is_nearly_always_due_gets_more_time() -> None:
    """It tells nobody which tickets need them; twice its time is suggested, with tickets as evidence."""
    found = one(misfits(audited(tickets(25, *FORGOTTEN))), "untaken was due on 25 of 25 tickets")
    assert found.evidence == ("T00", "T01", "T02")
    assert found.since == BEGIN + 15 * MINUTE
    assert "for: 30 minutes  # short" in applied(found.change)["rules.yaml"]


def test_a_rule_whose_changes_people_mostly_take_back_should_only_watch() -> None:
    """Half of its changes or more were undone: since the first of them, with tickets."""
    found = audited(tickets(25, *QUIET))
    of_rule = OfRule()
    for number, outcome in enumerate([Outcome.OVERRIDDEN, Outcome.BY_HOIST, Outcome.OVERRIDDEN]):
        of_rule.add(Entry(f"T{number}", "untaken", "", BEGIN + number * HOUR, outcome), "2026-03")
    found.of_rule = {"untaken": of_rule}
    named = one(misfits(found), "untaken: people took back 2 of 3 changes")
    assert (named.evidence, named.since) == (("T0", "T2"), BEGIN)
    assert "mode: watch" in applied(named.change)["rules.yaml"]


def test_tickets_that_go_to_another_tier_suggest_the_chain_that_people_follow() -> None:
    """Most tickets of a rule were moved to a team of another chain, or of none: the rule climbs that chain, or the team joins."""
    steps = ((0, "New", "Desk", ""), (HOUR, "New", "Strangers", "rick"), (2 * HOUR, "Resolved", "Strangers", "nora"))
    found = one(misfits(audited(tickets(25, *steps))), "untaken: people moved 25 of 25 tickets to another tier than it names")
    assert "most often to Strangers" in found.what
    assert (found.evidence, found.since) == (("T00", "T01", "T02"), BEGIN + 15 * MINUTE)
    changed = applied(found.change)["organisation.yaml"]
    assert "Strangers: {old: Strangers}" in changed
    assert "    - desk\n    - Strangers\n" in changed


def test_a_team_that_works_and_stands_in_no_chain_is_named() -> None:
    """It did a good part of all work: with tickets, since its first act, and a place in a chain."""
    steps = ((0, "New", "Desk", ""), (5 * MINUTE, "Active", "Strangers", "nora"), (HOUR, "Resolved", "Strangers", "nora"))
    found = one(misfits(audited(tickets(25, *steps))), "Strangers did")
    assert "stands in no chain" in found.what
    assert (found.evidence, found.since) == (("T00", "T01", "T02"), BEGIN + 5 * MINUTE)
    assert "    - Strangers\n" in applied(found.change)["organisation.yaml"]


def test_hand_overs_against_the_order_of_a_chain_suggest_the_other_order() -> None:
    """More tickets go down between two tiers than up: the two change places, remarks stay where they are."""
    steps = ((0, "New", "Experts", ""), (5 * MINUTE, "Active", "Network", "nora"), (HOUR, "Resolved", "Network", "nora"))
    found = one(misfits(audited(tickets(25, *steps))), "tickets go from experts down to network more often (25) than up (0)")
    assert (found.evidence, found.since) == (("T00", "T01", "T02"), BEGIN + 5 * MINUTE)
    loaded = load(applied(found.change), library()).rulebook
    assert [tier.team for tier in loaded.organisation.chains["it"].tiers] == ["desk", "experts", "network"]
    assert "  # who is next\n" in texts()["organisation.yaml"]


def test_a_calendar_that_is_closed_while_the_desk_works_gets_other_hours() -> None:
    """A quarter of all acts or more lie outside: the hours of nine of ten of them are suggested."""
    found = one(misfits(audited(tickets(60, *QUIET))), "is done while the calendar office is closed")
    assert found.evidence
    assert found.since == BEGIN + 5 * MINUTE
    organisation = load(applied(found.change), library()).rulebook.organisation
    assert organisation.calendars["office"].hours[0] != ((9 * 60, 17 * 60),)
    assert "  # as it was agreed" in texts()["organisation.yaml"]


def test_a_target_that_less_than_half_keep_gets_the_time_that_most_keep() -> None:
    """So many of so many were taken in time: since the first that was not, with the time of three of four."""
    steps = ((0, "New", "Desk", "rick"), (MINUTE, "Active", "Experts", "rick"), (5 * HOUR, "Resolved", "Experts", "nora"))
    rows = [(name, at + DAY * int(name[1:]), state, team, who) for name, at, state, team, who in tickets(25, *steps)]
    Path("own/organisation.yaml").write_text(ORGANISATION.replace('"09:00-17:00"  # as it was agreed', '"00:00-24:00"'), "utf-8")
    found = one(misfits(audited(rows)), "experts took ")
    assert found.evidence
    assert found.since is not None
    (tier,) = [t for t in load(applied(found.change), library()).rulebook.organisation.chains["it"].tiers if t.team == "experts"]
    assert tier.acknowledge_within is not None
    assert 4 * HOUR <= tier.acknowledge_within.milliseconds <= 6 * HOUR


def peopled(found: Audited) -> Audited:
    """The same desk with people: nobody is in the network team any more, and Lea, who led, has left; Dora stands in for her."""
    known = found.rules.directory
    people = (
        Person("lea", "Lea", active=False, email="lea@example.com"),
        Person("dora", "Dora", email="dora@example.com"),
        Person("nils", "Nils", active=False),
    )
    members = {"Desk": frozenset({"dora"}), "Network": frozenset({"nils"}), "Experts": frozenset({"dora"})}
    directory = Directory(
        known.teams,
        known.priorities,
        people={person.id: person for person in people},
        teams_listed=False,
        members=members,
        deputies={"lea": "dora"},
    )
    return replace(found, rules=bind(found.loaded.rulebook, found.rules.source, directory, World(found.rules.world.calendars)))


def test_a_tier_without_people_is_named_and_may_leave_its_chain() -> None:
    """Nobody is in the team, or only people who have left: since the last thing that was done there."""
    steps = ((0, "New", "Network", ""), (5 * MINUTE, "Active", "Network", "nils"), (HOUR, "Resolved", "Desk", "rick"))
    found = one(misfits(peopled(audited(tickets(3, *steps)))), "network, a tier of the chain it, has no people")
    assert (found.evidence, found.since) == (("T00", "T01", "T02"), BEGIN + 2 * HOUR + 5 * MINUTE)
    loaded = load(applied(found.change), library()).rulebook
    assert [tier.team for tier in loaded.organisation.chains["it"].tiers] == ["desk", "experts"]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("lea@example.com leads desk, a tier of it and other, and has left", "desk: {old: Desk, lead: dora@example.com}"),
        ("lea@example.com leads experts, a tier of it and other, and has left", "lead: dora@example.com  # since spring"),
        ("lea@example.com is boss and has left", "boss: dora@example.com"),
    ],
)
def test_leavers_in_a_chain_are_named_with_who_stands_in_for_them(what: str, change: str) -> None:
    """A lead or a role whose person has left: since their last act, with their deputy in their place."""
    found = one(misfits(peopled(audited(tickets(3, *QUIET)))), what)
    assert found.since == BEGIN
    assert change in applied(found.change)["organisation.yaml"]


def test_no_line_of_a_confidential_rule_stands_in_a_suggestion() -> None:
    """The lines around a change are left out where they could be those of a rule of which nothing leaves its chain."""
    secret = "  - {rule: hush, title: Hush, confidential: true, when: {subject: {any_word: [leak]}}, do: [{escalate: it}]}\n"
    Path("own/rules.yaml").write_text(RULES.replace("use:\n", f"{secret}use:\n"), encoding="utf-8")
    found = misfits(audited(tickets(25, *QUIET)))
    assert one(found, "went-silent was due on none").change
    assert not [each for each in found if "hush" in each.change.casefold() or "hush" in each.what]
    applied(one(found, "went-silent was due on none").change)
