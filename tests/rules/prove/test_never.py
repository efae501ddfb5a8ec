from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine import evaluate
from rules.protocol.conditions import All, Condition, Level, Not, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.rule import Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.prove import Kind, Proof, Question, Years
from rules.prove.never import can_hold, never_fires
from rules.prove.setting import Setting
from rules.prove.waits import longest
from rules.stories import empty_fields
from rules.ticket import Status, Ticket, TicketRef, Value
from rules.timeline import timeline
from tests.rules import random_stories
from tests.rules.grid_oracle import END
from tests.rules.protocol_texts import loaded
from tests.rules.worlds import world_of

NEVER = (Question.NEVER_FIRES, Question.NEVER_TAKEN)


class Instants(Years):
    """Instants of the little worlds of `random_stories`, whose tickets live for some milliseconds."""

    @property
    def start(self) -> int:
        return 0

    @property
    def end(self) -> int:
        return 3 * END


def answers(rules: str) -> dict[str, Proof]:
    """The answer about each rule, or about a step of it where one is found wrong."""
    rulebook = loaded(f"rules:\n{rules}").rulebook
    found = {}
    for proof in never_fires(Setting(rulebook, world_of(rulebook), [], Years(), 5.0)):
        if proof.question in NEVER:
            found[proof.subject] = proof
    return found


def one(when: str, rest: str = "") -> Proof:
    """The answer about one rule."""
    return answers(f"  - rule: it\n    when: {when}\n{rest}    do: [{{escalate: network}}]\n")["it"]


@pytest.mark.parametrize(
    ("when", "rest"),
    [
        ("{priority: {at_least: P1}, not: {priority: {at_least: P2}}}", ""),
        ("{status: open, not: {status: [new, open]}}", ""),
        ("{all: [{priority: {at_most: P2}}, {priority: {at_least: P1}}]}", ""),
        ("{tier: {chain: network, in: service-desk}, team: network-ops}", ""),
        ("{assignee: nobody, not: {assignee: nobody, status: {not: resolved}}, status: open}", ""),
        ("{status: open}", "    unless: [{status: [new, open], for: 1 hour}]\n    for: 4 hours\n"),
        ("{silent: 10 days, not: {silent: 2 business hours}}", ""),
        ("{silent: {for: 2 hours, who: [staff, requester]}, not: {silent: {for: 1 hour, who: staff}}}", ""),
        ("{reassigned: 3, not: {reassigned: 2}}", ""),
        ("{returned_to_former_team: 2, not: {reassigned: 1}}", ""),
        ("{reassigned: {at_least: 2, within: 1 day}, not: {reassigned: {at_least: 2, within: 2 days}}}", ""),
        ("{due: {within: 1 hour}, not: {due: {within: 2 hours}}}", ""),
        ("{label: x, not: {label: [x, y]}}", ""),
        ("{subject: {any_word: [data breach]}, not: {subject: {any_word: [breach]}}}", ""),
        ("{clock: {time: 1 hour, while: {status: open, not: {status: [open, new]}}}}", ""),
        ("{unanswered: 2 hours, not: {unanswered: 1 hour}}", ""),
    ],
)
def test_a_rule_that_can_never_fire_is_named(when: str, rest: str) -> None:
    """Whatever excludes itself, by values, counts or time, is found."""
    found = one(when, rest)
    assert found.kind is Kind.FOUND
    assert found.sentence.startswith("can never fire: ")


@pytest.mark.parametrize(
    ("when", "rest"),
    [
        ("{status: open, not: {status: new}}", ""),
        ("{status: open}", "    unless: [{status: [new, open], for: 4 hours}]\n    for: 1 hour\n"),
        ("{silent: 2 hours, not: {silent: 3 hours}}", ""),
        ("{silent: 50 hours, not: {silent: 8 business hours}}", ""),
        ("{reassigned: 2, not: {reassigned: 3}}", ""),
        ("{reassigned: 2, not: {reassigned: {at_least: 2, within: 1 day}}}", ""),
        ("{label: [x, y], not: {label: x}}", ""),
        ("{subject: {any_word: [breach]}, not: {subject: {any_word: [data breach]}}}", ""),
        ("{clock: {time: 1 hour, while: {status: open}}, status: pending}", ""),
    ],
)
def test_a_rule_that_can_fire_is_not_accused(when: str, rest: str) -> None:
    """What merely looks odd is left alone."""
    assert one(when, rest).kind is not Kind.FOUND


def test_the_sentence_names_what_excludes_what_and_nothing_else() -> None:
    """Of many conditions those are named that can't be together."""
    found = one("{status: open, assignee: nobody, priority: P1, label: x, not: {status: [new, open]}}")
    assert found.sentence == (
        "can never fire: these are never so together: the status is open; the status is neither new nor open"
    )


def test_an_exception_that_always_holds_keeps_a_step_from_being_taken() -> None:
    """A step whose `unless` holds whenever the rule does is named."""
    found = answers("""\
  - rule: ladder
    when: {status: open, priority: P1}
    steps:
      - {after: 0 minutes, do: [{tell: duty-manager}]}
      - {after: 1 hour, unless: {priority: {at_least: P2}}, do: [{escalate: network}]}
""")["ladder"]
    assert found.question is Question.NEVER_TAKEN
    assert found.sentence.startswith("step 2 of 2 is never taken, because of its exception: ")


def test_a_rule_that_is_over_before_it_begins_never_fires() -> None:
    """`until` with what holds from the start leaves nothing."""
    assert one("{status: open}", "    for: 1 hour\n    until: [{status: [open, pending]}]\n").kind is Kind.FOUND


def test_a_rule_is_said_to_fire_only_where_a_ticket_shows_it() -> None:
    """Otherwise it is undecided, and the sentence says so."""
    found = one('{subject: {matches: "a[0-9]+z"}}')
    assert found.kind is Kind.UNDECIDED
    assert "not known whether it can fire" in found.sentence


# --- brute force -------------------------------------------------------------------------------------------------------

STATUSES = tuple(status.value for status in Status)
PRIORITIES: tuple[Value, ...] = ("P1", "P2", "P3", "another", None)
TEAMS: tuple[Value, ...] = ("service-desk", "network-ops", "network-eng", "another", None)
PEOPLE: tuple[Value, ...] = ("anna", "bert", None)
LABELS: tuple[Value, ...] = ((), ("x",), ("y",), ("x", "y"), ("z",))


def states(depth: int = 2) -> st.SearchStrategy[Condition]:
    """Conditions on fields, joined."""
    word = st.sampled_from
    leaf: st.SearchStrategy[Condition] = st.one_of(
        st.lists(word(STATUSES), min_size=1, max_size=3, unique=True).map(lambda v: State("status", OneOf(tuple(v)))),
        st.lists(word(("P1", "P2", "P3", None)), min_size=1, max_size=2, unique=True).map(
            lambda v: State("priority", OneOf(tuple(v)))
        ),
        word(("P1", "P2", "P3")).map(lambda v: State("priority", Level(at_least=v))),
        word(("P1", "P2", "P3")).map(lambda v: State("priority", Level(at_most=v))),
        word(("service-desk", "network-ops", None)).map(lambda v: State("team", OneOf((v,)))),
        word((("1",), ("2", "3"), (None,))).map(lambda v: State("tier", OneOf(v), "network")),
        word(("anna", None)).map(lambda v: State("assignee", OneOf((v,)))),
        st.lists(word(("x", "y", None)), min_size=1, max_size=2, unique=True).map(lambda v: State("labels", OneOf(tuple(v)))),
    )
    return st.recursive(
        leaf,
        lambda inner: st.one_of(inner.map(Not), st.lists(inner, min_size=2, max_size=3).map(lambda parts: All(tuple(parts)))),
        max_leaves=7,
    )


@settings(max_examples=60, deadline=None)
@given(states())
def test_of_fields_alone_every_answer_is_that_of_trying_all_tickets(condition: Condition) -> None:
    """A rule over fields is found to be impossible just where no ticket of a little world fulfils it."""
    organisation = loaded().rulebook.organisation
    rulebook = Rulebook(organisation, (Rule("it", "it", condition, (Step(()),)),), "1")
    setting = Setting(rulebook, world_of(rulebook), [], Years(), 5.0)
    found = next(iter(never_fires(setting))).kind is Kind.FOUND
    assert found is not any(_fires(setting, values) for values in product(STATUSES, PRIORITIES, TEAMS, PEOPLE, LABELS))


def _fires(setting: Setting, values: tuple[Value, ...]) -> bool:
    named = dict(zip(("status", "priority", "team", "assignee", "labels"), values, strict=True))
    fields = dict(empty_fields(setting.bound)) | named
    ticket = Ticket(TicketRef("any source", "1"), "1", "", "", 0, 0, fields)
    return bool(evaluate(timeline(ticket), setting.bound, 0).episodes)


@pytest.mark.parametrize("seed", range(4))
def test_no_rule_that_ever_fired_is_found_to_be_impossible(seed: int) -> None:
    """Of random conditions over time and random histories, none holds that was said never to."""
    rng = Random(seed)
    conditions = [_contrary(rng) for _ in range(60)]
    rules = tuple(Rule(str(n), str(n), condition, (Step(()),)) for n, condition in enumerate(conditions))
    rulebook = Rulebook(random_stories.ORGANISATION, rules, "1")
    setting = Setting(rulebook, random_stories.WORLD, [], Instants(), 5.0)
    never = {rule.id for rule in rules if can_hold(setting, rule.condition) is False}
    assert never, "conditions that exclude themselves must be among them"
    bound = random_stories.bound(*conditions)
    for _ in range(150):
        episodes = evaluate(timeline(random_stories.ticket(rng)), bound, 0).episodes
        assert never.isdisjoint(episode.rule for episode in episodes)


def _contrary(rng: Random) -> Condition:
    """Often something together with the opposite of something like it."""
    first = random_stories.anything(rng, 1)
    other = first if rng.random() < 0.2 else random_stories.anything(rng, 1)
    return All((first, Not(other))) if rng.random() < 0.7 else All((first, other))


def test_the_worst_wait_is_that_of_trying_every_quarter_of_an_hour() -> None:
    """No beginning within a year waits longer for some business time than the worst wait, and one nearly does."""
    rulebook = loaded().rulebook
    calendars = world_of(rulebook).calendars
    office = calendars["office"]
    years = Years(2026, 2026)
    quarters = range(years.start, years.end, 15 * 60_000)
    for duration in durations():
        worst = longest(duration, calendars, years)
        tried = max(office.after(at, duration) - at for at in quarters)
        assert worst is not None
        assert tried <= worst <= tried + 15 * 60_000


def durations() -> list[Duration]:
    """Business hours and business days on the office calendar."""
    hours = [Duration(n * 3_600_000, calendar="office") for n in (1, 4, 8, 20)]
    return [*hours, Duration(business_days=1, calendar="office"), Duration(business_days=3, calendar="office")]


def test_every_ready_protocol_that_is_taken_as_it_comes_can_fire() -> None:
    """The library's own rules are all proved to fire on some ticket, by the engine."""
    rulebook = loaded("""\
use:
  - {protocol: nobody-took-it, with: {chain: network}}
  - {protocol: went-silent, with: {chain: network}}
  - {protocol: unanswered, with: {chain: network}}
  - {protocol: reassigned-often, with: {chain: network}}
  - {protocol: stuck-at-tier, with: {chain: network, team: service-desk}}
""").rulebook
    proofs = list(never_fires(Setting(rulebook, world_of(rulebook), [], Years(), 5.0)))
    assert {proof.kind for proof in proofs} == {Kind.PROVED}
