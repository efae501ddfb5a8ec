"""Stories written from tickets: what they say can be read, and means the same to the rules."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.binding import BoundRules, bind
from rules.instants import MINUTE, instant, moment
from rules.language.marked_yaml import Items, read
from rules.language.problems import Report
from rules.stories import read_stories, tell, zone_of
from rules.story_steps import Act, play
from rules.story_writing import quoted, story_text
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.world import Directory
from tests.rules.protocol_texts import RULES, loaded
from tests.rules.worlds import world_of

SOURCE = "jira-cloud"
TEAMS = {"10": "Service Desk", "11": "Network Operations", "12": "Network Night", "13": "Network Engineering", "14": "Printing"}
PRIORITIES = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low"}
MONDAY = instant(moment(0).fromisoformat("2026-11-09T08:00:30.250+00:00"))
STAFF, REQUESTER, HOIST = Actor("712020:anna", Kind.STAFF), Actor("712020:ruth", Kind.REQUESTER), Actor("h", Kind.HOIST)
COUNTING = """\
  - {rule: bounced, when: {reassigned: 2, status: [new, open]}, do: [{label: x}]}
  - {rule: waiting, when: {unanswered: 1 hour}, do: [{label: x}]}
  - {rule: low, when: {priority: {at_most: P3}, not: {labels: calm}}, do: [{label: x}]}
"""


def bound(rules: str = RULES + COUNTING) -> BoundRules:
    rulebook = loaded(rules).rulebook
    return bind(rulebook, SOURCE, Directory(TEAMS, PRIORITIES), world_of(rulebook))


def written(ticket: Ticket, rules: str = RULES + COUNTING, rule: str | None = "nobody-took-it") -> str:
    zone = zone_of(loaded(rules).rulebook, None)
    return story_text(ticket, bound(rules), zone, str(zone), MONDAY + 30 * MINUTE, rule)


def a_ticket() -> Ticket:
    """Created for Network Operations without an owner; anna takes it, answers, and hands it to a team that nobody names."""
    fields: dict[str, Value] = {
        "status": "open",
        "priority": "4",
        "team": "14",
        "assignee": None,
        "labels": ("vip",),
        "subject": "No mail: urgent #1",
        "description": "My password is hunter2",
        "last_comment": "call me at home",
        "requester": "712020:ruth",
    }
    changes = (
        Change(MONDAY + 5 * MINUTE, 0, 0, "a", "assignee", None, "712020:anna", STAFF),
        Change(MONDAY + 5 * MINUTE, 0, 1, "a", "priority", "1", "4", STAFF),
        Change(MONDAY + 90 * MINUTE, 0, 2, "b", "team", "12", "14", HOIST),
        Change(MONDAY + 90 * MINUTE, 0, 3, "b", "assignee", "712020:anna", None, HOIST),
    )
    messages = (Message(MONDAY + 6 * MINUTE, 0, "m", STAFF, public=True),)
    known = MONDAY + 300 * MINUTE
    return Ticket(TicketRef(SOURCE, "10017"), "SD-17", "", "", MONDAY, known, fields, changes, messages)


def test_a_story_is_written_in_the_organisations_words() -> None:
    """Teams and priorities by the organisation's names, times in its zone; of what people wrote only the subject."""
    text = written(a_ticket())
    assert (
        text
        == """\
# Written from jira-cloud, ticket SD-17. What people wrote is left out, but for the subject.
stories:
  - story: "SD-17: No mail: urgent #1"
    time_zone: Europe/Amsterdam
    source: jira-cloud
    ticket:
      key: SD-17
      created: Mon 2026-11-09 09:00:30.250
      status: open
      priority: P1
      team: network-ops
      labels: [vip]
      requester: "712020:ruth"
      subject: "No mail: urgent #1"
    changes:
      - {at: Mon 2026-11-09 09:05:30.250, by: staff, assignee: "712020:anna", priority: P3}
      - {at: Mon 2026-11-09 09:06:30.250, by: staff, message: public}
      - {at: Mon 2026-11-09 10:30:30.250, by: hoist, team: other team Printing, assignee: nobody}
    until: Mon 2026-11-09 09:30:30.250
    writes: nothing
    fires:
      - {rule: nobody-took-it, at: Mon 2026-11-09 09:30:30.250}
"""
    )


def test_a_confidential_ticket_is_written_without_any_word_of_it() -> None:
    """Where a confidential rule may hold, the subject and the labels stay where they are."""
    secret = RULES + "  - {rule: leak, confidential: true, when: {label: vip}, do: [{page: duty-manager}]}\n"
    text = written(a_ticket(), secret)
    assert "No mail" not in text
    assert "vip" not in text
    assert "SD-17: (confidential)" in text


def test_texts_that_rules_look_at_are_named_as_left_out() -> None:
    """Whoever completes the story knows what is missing."""
    rules = RULES + "  - {rule: words, when: {description: {any_word: password}}, do: [{label: x}]}\n"
    text = written(a_ticket(), rules)
    assert "# Rules look at the description, which is left out: write here what they look for." in text
    assert "hunter2" not in text


def test_a_history_that_was_cut_is_told_as_such() -> None:
    """What the source no longer knows stands in no story as if it were known."""
    ticket = replace(a_ticket(), complete_from=MONDAY + 2 * MINUTE)
    assert "# What it was before Mon 2026-11-09 09:02:30.250 is not recorded; the first known values stand here." in written(
        ticket
    )


def test_the_story_is_read_and_told() -> None:
    """It fails, for the rule did not fire then, and says what stood in the way."""
    rulebook = loaded(RULES + COUNTING).rulebook
    (told,) = tell(read_stories({"a.yaml": written(a_ticket())}, rulebook), rulebook, world_of(rulebook))
    assert told.failures[0].endswith(
        'it does not fire: then "the priority is P1 or P2" is not so, "the assignee is nobody" is not so'
    )


def random_ticket(rng: Random) -> Ticket:
    """Fields, saves and messages of every kind, some at one instant."""
    values: dict[str, tuple[Value, ...]] = {
        "status": ("new", "open", "pending", "resolved"),
        "priority": ("1", "2", "3", "4"),
        "team": ("10", "11", "12", "14", None),
        "assignee": ("a", "b", None),
        "labels": ((), ("calm",), ("calm", "x")),
    }
    fields = {name: rng.choice(choices) for name, choices in values.items()}
    at, changes, messages = MONDAY, [], []
    for number in range(rng.randrange(8)):
        at += rng.choice((0, 250, 20_000, MINUTE, 7 * MINUTE, 50 * MINUTE, 700 * MINUTE))
        by = rng.choice((STAFF, REQUESTER, HOIST, Actor("t", Kind.AUTOMATION)))
        name = rng.choice(("message", *values))
        if name == "message":
            thanks = by.kind is Kind.REQUESTER and rng.random() < 0.5
            messages.append(Message(at, at, str(number), by, rng.random() < 0.5, thanks))
        elif (new := rng.choice(values[name])) != fields[name]:
            changes.append(Change(at, at, number, str(number), name, fields[name], new, by))
            fields[name] = new
    return Ticket(TicketRef(SOURCE, "1"), "SD-1", "", "", MONDAY, at + MINUTE, fields, tuple(changes), tuple(messages))


def acts_of(ticket: Ticket) -> Iterator[Act]:
    """What happened to a ticket, save by save and message by message."""
    for (at, _), of_save in groupby(ticket.changes, key=lambda change: (change.at, change.save)):
        changes = list(of_save)
        yield Act(at, changes[0].by, {change.field: change.new for change in changes})
    for message in ticket.messages:
        yield Act(message.at, message.by, message=message.public, thanks=message.thanks)


def as_created(ticket: Ticket) -> Ticket:
    first = {change.field: change.old for change in reversed(ticket.changes)}
    return replace(ticket, fields={**ticket.fields, **first}, known=ticket.created, changes=(), messages=())


@pytest.mark.parametrize("seed", range(60))
def test_a_written_story_means_what_the_ticket_meant(seed: int) -> None:
    """The same rules fire at the same instants on the story as on the ticket it was written from."""
    ticket = random_ticket(Random(seed))
    rulebook = loaded(RULES + COUNTING).rulebook
    acts = sorted(acts_of(ticket), key=lambda act: act.at)
    played = play(bound(), as_created(ticket), acts, writes=lambda _: False)
    real = [(step.rule, step.at, step.steps) for step in played.fired]
    text = re.sub(r"^    until: .*\n", "", written(ticket, rule=None), flags=re.MULTILINE)
    (told,) = tell(read_stories({"a.yaml": text}, rulebook), rulebook, world_of(rulebook))
    assert [(step.rule, step.at, step.steps) for step in told.fired] == real


@given(st.text(max_size=40))
@settings(max_examples=200)
def test_any_text_is_quoted_so_that_it_is_read_back(text: str) -> None:
    """Colons, quotes, signs of YAML, line ends and control characters in a subject."""
    report = Report()
    root = read("a.yaml", f"- {quoted(text)}\n", report)
    assert report.problems == ()
    assert isinstance(root, Items)
    assert root == [re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]", "?", text)]
