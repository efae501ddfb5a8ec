"""A backtest fires when hoist would have fired: the same ticket judged with hindsight, and step by step as it came about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.hindsight.past import Wanted, opened
from agent.hindsight.past_mirror import mirrored_tickets
from agent.in_force.protocol_files import library, world_of
from agent.store import mirrored
from agent.store.database import open_database
from agent.store.mirrored import Kept
from rules.backtest import Question, judge
from rules.binding import BoundRules, bind
from rules.engine import evaluate
from rules.firings import firings
from rules.instants import FOREVER, HOUR, MINUTE, Instant
from rules.rulebook import load
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory
from tests.shared import shared

Fired = tuple[str, str, Instant]

FILES = {
    "organisation.yaml": """\
format: 1
defaults: {mode: live, calendar: office, time_zone: Europe/Amsterdam}
priorities: [{name: P1, desk: p1}, {name: P2, desk: p2}]
calendars:
  office: {time_zone: Europe/Amsterdam, hours: {mon-fri: "09:00-17:30"}}
teams: {first: {desk: a}, second: {desk: b}, third: {desk: c}}
chains: {it: [first, {team: second, acknowledge_within: 30 minutes}, third]}
""",
    "rules.yaml": """\
use:
  - {protocol: nobody-took-it, with: {chain: it}}
  - {protocol: went-silent, with: {chain: it, after: 2 business hours}}
  - {protocol: bounced, with: {chain: it}}
  - {protocol: boomerang, with: {chain: it}}
  - {protocol: reopened-again, with: {chain: it}}
rules:
  - rule: slow
    title: Slow
    when: {status: [new, open], clock: {time: 3 business hours, while: {status: [new, open]}, reset_when: {status: resolved}}}
    do: [{escalate: it}]
  - rule: urgent
    title: Urgent
    when: {priority: P1, status: {not: resolved}}
    unless: [{team: third}]
    for: 20 minutes
    calendar: office
    do: [{escalate: it}]
""",
}


def live(ticket: Ticket, rules: BoundRules, until: Instant) -> set[Fired]:
    """What hoist would have fired: it reads each change when it comes about, and looks when it said it would look next."""
    fired: dict[tuple[str, Instant], Instant] = {}
    reads = list(_as_read(ticket))
    for (now, known), (following, _) in zip(reads, [*reads[1:], (until, ticket)], strict=True):
        line, look = timeline(known), now
        while look < min(following, until):
            evaluation = evaluate(line, rules, look)
            for episode in evaluation.episodes:
                if any(start == look for start, _ in episode.stretches):
                    fired.setdefault((episode.rule, episode.anchor), look)
            look = evaluation.next_look
    return {(ticket.ref.id, rule, at) for (rule, _), at in fired.items()}


def _as_read(ticket: Ticket) -> Iterator[tuple[Instant, Ticket]]:
    """The ticket as each of its instants left it."""
    present = dict(ticket.fields)
    for change in reversed(ticket.changes):
        present[change.field] = change.old
    done = 0
    for now in sorted({ticket.created, *(each.at for each in ticket.changes), *(each.at for each in ticket.messages)}):
        while done < len(ticket.changes) and ticket.changes[done].at <= now:
            present[ticket.changes[done].field] = ticket.changes[done].new
            done += 1
        said = tuple(message for message in ticket.messages if message.at <= now)
        yield now, replace(ticket, known=now, fields=dict(present), changes=ticket.changes[:done], messages=said)


def hindsight(ticket: Ticket, rules: BoundRules, until: Instant) -> set[Fired]:
    """What the backtest fires."""
    return {(ticket.ref.id, each.rule, each.at) for each in firings(evaluate(timeline(ticket), rules, FOREVER), 0, until)}


def test_every_firing_on_the_volvo_log_is_that_of_the_live_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 7,554 tickets, each judged at each of its rows as they came, and at once at the end: the same to the millisecond."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(
        "use:\n"
        "  - {protocol: not-acknowledged, with: {chain: it-support}}\n"
        "  - {protocol: boomerang, with: {chain: it-support}}\n"
        "  - {protocol: on-hold-forgotten}\n",
        encoding="utf-8",
    )
    wanted = Wanted(log=shared() / "data" / "bpic2013_incidents.csv.gz", protocol=tmp_path / "rules.yaml")
    tickets = both = 0
    with opened(wanted) as past:
        question = Question(0, past.until, HOUR)
        for ticket in past.tickets():
            expected = live(ticket, past.rules, past.until)
            assert hindsight(ticket, past.rules, past.until) == expected
            tickets, both = tickets + 1, both + len({rule for _, rule, _ in expected})
        found = judge(past.tickets(), past.rules, question)
    assert (tickets, sum(each.alone for each in found.of_rule.values())) == (7554, both)


# --- made-up mirrors ---------------------------------------------------------------------------------------------------------

VALUES: dict[str, tuple[Value, ...]] = {
    "status": ("new", "open", "pending", "resolved"),
    "team": ("a", "b", "c"),
    "assignee": (None, "nora", "rick"),
    "priority": ("p1", "p2"),
    "labels": ((), ("hoist-hold",)),
}
PEOPLE = (Actor("nora", Kind.STAFF), Actor("ruth", Kind.REQUESTER), Actor("robot", Kind.AUTOMATION))
BEGIN = 1_772_000_000_000 - 1_772_000_000_000 % MINUTE


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    """Some changes and messages within a week, now and then several at one instant."""
    at, present = BEGIN, {name: draw(st.sampled_from(values)) for name, values in VALUES.items()}
    changes: list[Change] = []
    messages: list[Message] = []
    for number in range(draw(st.integers(0, 12))):
        at += draw(st.sampled_from((0, MINUTE, 25 * MINUTE, HOUR, 5 * HOUR, 30 * HOUR)))
        by = draw(st.sampled_from(PEOPLE))
        name = draw(st.sampled_from((*VALUES, "said")))
        if name == "said":
            messages.append(Message(at, at, str(number), by, draw(st.booleans())))
        else:
            new = draw(st.sampled_from(VALUES[name]))
            if new != present[name]:
                changes.append(Change(at, at, number, str(number), name, present[name], new, by))
                present[name] = new
    ref = TicketRef("desk", "1")
    return Ticket(ref, "D-1", "", "1", BEGIN, at, present, tuple(changes), tuple(messages), BEGIN)


@pytest.fixture(scope="module")
def rules() -> BoundRules:
    book = load(FILES, library()).rulebook
    return bind(book, "desk", Directory({name: name for name in "abc"}, {"p1": "p1", "p2": "p2"}), world_of(book))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(tickets(), min_size=1, max_size=6))
def test_a_backtest_of_any_mirror_fires_as_hoist_would_have(
    made: list[Ticket], rules: BoundRules, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever tickets went through: read back from the store, they are fired on at the same instants."""
    named = [replace(ticket, ref=TicketRef("desk", str(number))) for number, ticket in enumerate(made)]
    until = max(ticket.known for ticket in named) + 90 * HOUR
    folder = tmp_path_factory.mktemp("mirror")
    with closing(open_database(folder / "hoist.db")) as store:
        with store.transaction() as db:
            mirrored.keep(db, [Kept(ticket, 0, 0, 0) for ticket in named])
        found = {fired for ticket in mirrored_tickets(store, rules, frozenset()) for fired in hindsight(ticket, rules, until)}
    assert found == {fired for ticket in named for fired in live(ticket, rules, until)}
