"""The ready protocols: what they mean, and how a use of one that doesn't fit is refused."""

import pytest
import yaml

from rules.instants import DAY, HOUR, MINUTE
from rules.protocol.actions import Comment, Escalate, Tell
from rules.protocol.conditions import All, AnyOf, Clock, Count, Counted, Held, Not, OneOf, Silent, State, Unanswered
from rules.protocol.durations import Duration
from rules.protocol.rule import Mode, Rule
from rules.rulebook import RulebookError, load
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, loaded, marked, problems

AT_WORK = State("status", OneOf(("new", "open")))
URGENT = State("priority", OneOf(("P1",)))


def used(entry: str, *, first: bool = False) -> Rule:
    """The rule that a use stands for, or the first of several."""
    rule, *others = loaded(f"use:\n  - {entry}\n").rulebook.rules
    assert first or not others
    return rule


def test_nobody_took_it() -> None:
    """An open ticket without an owner for 15 minutes climbs; so does one of the named priorities only."""
    rule = used("{protocol: nobody-took-it, with: {chain: network}}")
    unowned = State("assignee", OneOf((None,)))
    assert rule.condition == Held(All((AT_WORK, unowned)), Duration(15 * MINUTE))
    assert rule.actions == (Escalate("network"), Comment("Without an owner for {held}. Moved to {team}."))
    urgent = used("{protocol: nobody-took-it, with: {chain: network, priority: P1, after: 5 minutes, enter_at: service-desk}}")
    assert urgent.condition == Held(All((AT_WORK, URGENT, unowned)), Duration(5 * MINUTE))
    assert urgent.actions[0] == Escalate("network", "service-desk")


def test_unanswered_and_went_silent_are_two_things() -> None:
    """An answer that is owed, and a ticket in which nobody does anything."""
    owed = used("{protocol: unanswered, with: {chain: network}}")
    assert owed.condition == All((AT_WORK, Unanswered(Duration(4 * HOUR, calendar="office"))))
    silent = used("{protocol: went-silent, with: {chain: network, priority: [P1], after: 2 hours}}")
    assert silent.condition == All((AT_WORK, URGENT, Silent(Duration(2 * HOUR))))


def test_bounced_and_reassigned_often() -> None:
    """Returns and hand-overs made by people are counted, slips left out."""
    status = State("status", OneOf(("new", "open", "pending")))
    slip = Duration(5 * MINUTE)
    bounced = used("{protocol: bounced, with: {chain: network, tell: lead of service-desk}}")
    assert bounced.condition == All((status, Count(Counted.RETURNED, 2, Duration(7 * DAY), ignore_stays_shorter_than=slip)))
    assert Tell("lead of service-desk") in bounced.actions
    often = used("{protocol: reassigned-often, with: {chain: network, times: 5}}")
    assert often.condition == All((status, Count(Counted.REASSIGNED, 5, Duration(14 * DAY), ignore_stays_shorter_than=slip)))
    assert not any(isinstance(action, Tell) for action in often.actions)


def test_stuck_at_a_tier() -> None:
    """Working time at one tier is summed, and starts again when the ticket leaves it."""
    rule = used("{protocol: stuck-at-tier, with: {chain: network, team: network-ops, after: 8 business hours}}")
    tier = State("tier", OneOf(("network-ops",)), "network")
    clock = Clock(All((AT_WORK, tier)), Duration(8 * HOUR, calendar="office"), reset=Not(tier))
    assert rule.condition == All((AT_WORK, tier, clock))
    assert rule.actions[1] == Comment("With network-ops for {held}, and not solved. Moved to {team}.")


def test_a_use_has_its_own_words() -> None:
    """Id, title, mode, calendar and the rest of a use stand in for the protocol's."""
    rule = used(
        "{protocol: unanswered, rule: reply-late, title: Reply is late, owner: anna, mode: live, calendar: always,"
        " formerly: old-id, existing_tickets: all, with: {chain: network}}"
    )
    assert (rule.id, rule.title, rule.owner, rule.mode, rule.calendar) == (
        "reply-late",
        "Reply is late",
        "anna",
        Mode.LIVE,
        "always",
    )
    assert (rule.formerly, rule.existing.limit, rule.place) == (("old-id",), None, "rules.yaml:2")
    assert rule.condition == All((AT_WORK, Unanswered(Duration(4 * HOUR, calendar="always"))))
    plain = used("{protocol: unanswered, with: {chain: network}}")
    assert (plain.id, plain.title, plain.mode) == ("unanswered", "The requester waits for an answer", Mode.WATCH)


def test_a_use_narrows_what_the_protocol_asks_for() -> None:
    """Its limits and exceptions come beside those of the protocol, which go on counting."""
    limits = "applies_to: {sources: jira-cloud, projects: IT}, unless: {label: planned}, review_by: 2027-06-30"
    rule = used(f"{{protocol: personal-data, {limits}, with: {{page: duty-manager, officer: duty-manager}}}}", first=True)
    assert (rule.applies_to.sources, rule.review_by) == (("jira-cloud",), "2027-06-30")
    assert isinstance(rule.condition, All)
    labels = [State("labels", OneOf((label,))) for label in ("no-personal-data", "planned")]
    assert Not(AnyOf(tuple(labels))) in rule.condition.parts
    assert State("project", OneOf(("IT",))) in rule.condition.parts
    waiting = used("{protocol: approval-waiting, applies_to: {projects: IT}, with: {types: change}}")
    assert isinstance(waiting.condition, All)
    assert {State("project", OneOf(("IT",))), State("type", OneOf(("change",)))} <= set(waiting.condition.parts)


def test_several_people_are_told() -> None:
    """A parameter that names people takes one of them, or a list."""
    rule = used("{protocol: bounced, with: {chain: network, tell: [duty-manager, lead of current team]}}")
    assert [action.who for action in rule.actions if isinstance(action, Tell)] == ["duty-manager", "lead of current team"]


def test_what_names_a_parameter_that_was_left_out_is_left_out() -> None:
    """A rule without a chain moves nothing, and does not say that it did."""
    plain = used("{protocol: overdue}")
    assert not any(isinstance(action, Escalate) for action in plain.actions)
    assert [action.text for action in plain.actions if isinstance(action, Comment)] == [
        "Agree on a new date with the requester, and set it."
    ]
    moving = used("{protocol: overdue, with: {chain: network}}")
    assert Comment("Moved to {team}, the next tier of network.") in moving.actions


@pytest.mark.parametrize("name", LIBRARY)
def test_every_ready_protocol_says_what_it_is_for(name: str) -> None:
    """Its file is named after it, it has a title and a reason, and each parameter a meaning, and a value or a word why not."""
    written = yaml.load(LIBRARY[name], Loader=yaml.BaseLoader)  # noqa: S506 - text only
    assert f"{written['protocol']}.yaml" == name
    assert written["title"]
    assert written["why"].endswith(".")
    for parameter in written["parameters"]:
        assert parameter["description"][:1].islower()
        assert not ("default" in parameter and "optional" in parameter)


@pytest.mark.parametrize(
    ("entry", "text", "expected", "hint"),
    [
        ("{protocol: »bouncd, with: {chain: network}}", "bouncd", "no ready protocol of that name", "bounced"),
        ("{protocol: »bounced}", "bounced", "`chain` is missing in its `with:`", ""),
        ("{protocol: bounced, with: {chain: »netwrok}}", "netwrok", "there is no such chain", "network"),
        ("{protocol: bounced, with: {chain: network, »return: 3}}", "return", "no parameter of bounced", "returns"),
        ("{protocol: bounced, with: {chain: network, returns: »twice}}", "twice", "expected a whole number", ""),
        ("{protocol: bounced, with: {chain: network, within: »7d}}", "7d", "expected a duration", "7 days"),
        (
            "{protocol: bounced, with: {chain: network, tell: »duty-manger}}",
            "duty-manger",
            "expected an e-mail address",
            "duty-manager",
        ),
        ("{protocol: unanswered, with: {chain: network, priority: [P1, »P7]}}", "P7", "there is no such priority", ""),
        ("{protocol: bounced, »titel: x, with: {chain: network}}", "titel", "not a key of a use of a protocol", "title"),
        ("{protocol: bounced, mode: »on, with: {chain: network}}", "on", "expected one of draft, watch, live", ""),
        ("»bounced", "bounced", "expected a use of a protocol, a block with keys", ""),
    ],
)
def test_a_use_that_does_not_fit_is_refused_where_it_is_written(entry: str, text: str, expected: str, hint: str) -> None:
    """The place is that of the argument in the author's own file, never one inside the library."""
    rules, line, column = marked(f"use:\n  - {entry}\n")
    (problem,) = [problem for problem in problems(rules) if "is missing" not in problem.expected or text == "bounced"]
    assert (problem.file, problem.line, problem.column, problem.text) == ("rules.yaml", line, column, text)
    assert expected in problem.expected
    assert problem.hint == hint


def test_a_protocol_used_twice_needs_an_id_of_its_own() -> None:
    """Two rules never share an id, since what was written is found again by it."""
    rules = "use:\n  - {protocol: unanswered, with: {chain: network}}\n  - {protocol: unanswered, with: {chain: network}}\n"
    (problem,) = problems(rules)
    assert (problem.line, problem.column) == (3, 16)
    assert problem.expected == "this id is taken at rules.yaml:2:16; give this rule an id of its own with `rule:`"
    assert problems(rules.replace("{protocol: unanswered", "{rule: second, protocol: unanswered", 1)) == ()


OWN = """\
protocol: pair
title: A pair
why: Two rules that belong together.
parameters:
  - {name: word, type: label, default: seen}
  - {name: words, type: text list, default: [fire, water]}
rules:
  - {rule: one, when: {text: {any_word: "${words}"}}, do: [{label: "${word}"}]}
  - {rule: two, when: {status: open}, do: [{label: "x-${word}"}, {comment: "About ${words}."}]}
"""


def test_a_protocol_of_several_rules() -> None:
    """Its rules are told apart by their own ids behind the use's."""
    text = "use:\n  - {protocol: pair, rule: my, with: {word: hot}}\n"
    rules = load({"organisation.yaml": ORGANISATION, "rules.yaml": text}, {"pair.yaml": OWN}).rulebook.rules
    assert [rule.id for rule in rules] == ["my-one", "my-two"]
    assert rules[1].actions[1] == Comment("About fire, water.")


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("type: label", "type: lable", 5, "expected one of duration, number"),
        ("title: A pair\n", "", 1, "`title` is missing in this ready protocol"),
        ("status: open", "status: opne", 9, "expected one of new, open"),
        ("default: seen", "default: so seen", 5, "a label is one word"),
        ("x-${word}", "x-${wrod}", 9, "no parameter of this protocol"),
    ],
)
def test_a_wrong_ready_protocol_is_refused_in_its_own_file(old: str, new: str, line: int, expected: str) -> None:
    """Whoever writes a protocol for the library sees the mistakes in that file."""
    files = {"organisation.yaml": ORGANISATION, "rules.yaml": "use:\n  - {protocol: pair}\n"}
    with pytest.raises(RulebookError) as caught:
        load(files, {"pair.yaml": OWN.replace(old, new)})
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == ("pair.yaml", line)
    assert expected in problem.expected


def test_a_ready_protocol_among_the_files_is_refused() -> None:
    """It belongs to the library, and would otherwise be taken for rules."""
    with pytest.raises(RulebookError, match="a ready protocol can't stand among the files"):
        load({"organisation.yaml": ORGANISATION, "pair.yaml": OWN})
