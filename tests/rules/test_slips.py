"""Slips of the pen that people make in YAML, in durations and in patterns: each is refused with what to write instead."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.language.by_parts import read_by_parts
from rules.language.marked_yaml import Block
from rules.language.misspelt_durations import unreadable
from rules.language.problems import MOST_PROBLEMS, Report
from rules.rulebook import Problem
from tests.rules.protocol_texts import ORGANISATION, RULES, loaded, problems

CONDITIONS = "      status: [new, open]\n      assignee: nobody\n      priority: [P1, P2]\n"


def slip(before: str, after: str) -> Problem:
    """The one problem of the good rules with a slip in them."""
    assert before in RULES
    (problem,) = problems(RULES.replace(before, after))
    return problem


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1.5 hours", "90 minutes"),
        ("1,5 business hours", "90 business minutes"),
        ("1 hour 30 minutes", "90 minutes"),
        ("2 hours and 5 minutes", "125 minutes"),
        ("1h30m", "90 minutes"),
        ("1.5 days", "36 hours"),
        ("1 day 12 hours", "36 hours"),
        ("90 seconds", "2 minutes"),
        ("120 sec", "2 minutes"),
        ("half an hour", "30 minutes"),
        ("an hour", "1 hour"),
        ("4h", "4 hours"),
        ("1 d", "1 day"),
        ("3 bussiness days", "3 business days"),
        ("4 working hours", "4 business hours"),
        ("2 huors", "2 hours"),
        ("30", "30 minutes"),
        ("2 months", "60 days"),
        ("'> 3 hours'", "3 hours"),
        ("more than 3 hours", "3 hours"),
        ("PT4H", "4 hours"),
        ("P1DT12H", "36 hours"),
        ("1.5 business days", ""),
        ("soon", ""),
        ("1:30", ""),
    ],
)
def test_a_time_as_others_write_it_is_refused_with_the_one_that_was_meant(written: str, meant: str) -> None:
    """A duration is one whole number and one unit; what can't be one has no such hint."""
    found = slip("for: 15 minutes", f"for: {written}")
    assert (found.line, found.column, found.text, found.hint) == (9, 10, written.strip("'"), meant)
    assert found.expected.startswith("expected a duration such as 15 minutes")


NUMBERS = st.sampled_from(["0", "1", "1.5", "0,25", "90", "999999", "half an", "a", "007"])
UNITS = st.sampled_from(["s", "seconds", "min", "hour", "huors", "d", "weeks", "months", "years", "business days", "working hr"])


@given(st.lists(st.tuples(NUMBERS, UNITS), min_size=1, max_size=4), st.sampled_from(["", " ", ", ", " and "]))
@settings(max_examples=200)
def test_what_is_proposed_can_be_written(parts: list[tuple[str, str]], between: str) -> None:
    """Whatever time is proposed in place of a slip, the language takes, unless it is longer than it takes at all."""
    _, meant = unreadable(between.join(f"{number} {unit}" for number, unit in parts))
    if meant:
        assert all("longer than" in problem.expected or "week is not" in problem.expected for problem in fits(meant))


def fits(duration: str) -> tuple[Problem, ...]:
    return problems(RULES.replace("for: 15 minutes", f"for: {duration}"))


@given(st.text(alphabet="0123456789.,><= hmsdpt-andbusinessweek\u0663", max_size=60))
@settings(max_examples=200)
def test_any_text_in_place_of_a_duration_is_answered(text: str) -> None:
    """It is refused in a sentence, with a duration or without."""
    said, meant = unreadable(text)
    assert said.startswith("expected a duration")
    assert not meant or meant[0].isdigit()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("for: 15 minutes", "for: > 3 hours", "is written without it (`for: 3 hours`, `at_least: P2`)"),
        ("for: 15 minutes", "for: >= 3 hours", "is written without it"),
        ("priority: [P1, P2]", "priority: {at_least: > P2}", "is written without it"),
        ("title: Urgent ticket", 'title: "Urgent \\q ticket"', "put the text in single quotes instead"),
        ("title: Urgent ticket without an owner", 'title: "C:\\Users"', "put the text in single quotes instead"),
        ("    mode: watch", "    - mode: watch", "leave out its hyphen"),
        ("priority: [P1, P2]", "subject: [Room #5, Room 6]", "takes the closing bracket with it: put the text in quotes"),
        (CONDITIONS, CONDITIONS.replace("      ", "      - "), "leave out the hyphens"),
    ],
)
def test_a_slip_in_yaml_is_told_with_its_cure(before: str, after: str, said: str) -> None:
    """Not in the parser's words, but with what to write."""
    assert before in RULES
    assert any(said in problem.expected for problem in problems(RULES.replace(before, after)))


def test_a_list_of_teams_is_told_to_be_none() -> None:
    """Where names stand before colons, hyphens are left out."""
    found = problems(organisation=ORGANISATION + "lists:\n  - vip: [a]\n")
    assert any("`name: ...`, without hyphens" in problem.expected for problem in found)


@pytest.mark.parametrize("sign", ["\\e[31m", "\\0", "\\a", "\\x7f", "\\x9b1m"])
def test_a_control_character_is_refused_and_never_shown(sign: str) -> None:
    """A text of a rule file can't colour, ring or move a terminal, and neither can the message about it."""
    found = slip("title: Urgent ticket without an owner", f'title: "Urgent {sign}"')
    assert "is a control character" in found.expected
    assert str(found).isprintable()


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("[[:alpha:]]+", "write `a-zA-Z` for it"),
        ("VPN[[:space:]]down", "write `\\s` for it"),
        ("[[:punct:]]", "write out its characters"),
        ("[[a-z]", "write a backslash before it"),
        ("[0-9--a]", "write a backslash before it"),
    ],
)
def test_a_pattern_of_another_tool_is_refused_with_what_to_write(pattern: str, said: str) -> None:
    """Python would read it otherwise than it was meant, and says so on standard error alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = slip("assignee: nobody", f"subject: {{matches: '{pattern}'}}")
    assert said in found.expected


# --- broken files --------------------------------------------------------------------------------------------------------


def test_each_part_of_a_broken_file_has_its_first_mistake_told() -> None:
    """A quote that is never closed under one key hides nothing under the next ones."""
    text = "rules:\n  - rule: x\n    title: 'never closed\nteams:\n  a: {leed: x}\nroles: [\nlists:\n  vip: {entris: [a]}\n"
    found = {(problem.line, problem.text): problem.expected for problem in problems(text)}
    assert "a quote is opened here and never closed" in found[3, "title: 'never closed"]
    assert (5, "leed") in found
    assert "a bracket is not closed" in found[7, ""]
    assert (8, "entris") in found


def test_of_a_broken_file_no_name_is_called_unknown() -> None:
    """What the broken part defines is not known, so nothing that refers to it can be called wrong."""
    found = problems("teams:\n  night: {jira-cloud: 'Night\nchains:\n  other: [night, service-desk]\n")
    assert [problem.line for problem in found] == [2]


KEYS = ("format", "defaults", "priorities", "calendars", "teams", "roles", "chains", "rules")


@given(st.sets(st.sampled_from(KEYS), max_size=4), st.sampled_from(["'x", "[", "{", "a: b: c", "&x", "!t", "@"]))
@settings(max_examples=60)
def test_parts_that_are_in_order_are_kept_and_broken_ones_are_named(broken: set[str], slip: str) -> None:
    """Whichever parts are broken, however: each has its problem, and all others are there."""
    values = {key: f"  {slip}" if key in broken else "  x: y" for key in KEYS}
    report = Report()
    root, whole = read_by_parts("a.yaml", "".join(f"{key}:\n{value}\n" for key, value in values.items()), report)
    assert whole == (not broken)
    assert {problem.line for problem in report.problems} <= {
        2 * n + m for n, key in enumerate(KEYS, 1) if key in broken for m in (0, 1)
    }
    assert len(report.problems) == len(broken)
    assert set(KEYS) - broken == (set(root) if isinstance(root, Block) else set())


def test_more_mistakes_than_anybody_mends_in_one_go_are_counted() -> None:
    """The first ones are told, and the last line says how many more there are."""
    found = problems("rules:\n" + "  - x\n" * (MOST_PROBLEMS + 12))
    assert len(found) == MOST_PROBLEMS + 1
    assert (
        str(found[-1])
        == f'rules.yaml:{MOST_PROBLEMS + 2}:5: "and 12 more": from here on; they are told once those above are mended'
    )
    assert problems("rules:\n" + "  - x\n" * 5_000)[-1].text.startswith("and at least ")


@pytest.mark.parametrize(
    ("before", "after", "text", "hint"),
    [
        ("    for: 15 minutes", "    priority: P1\n    for: 15 minutes", "priority", "when"),
        ("    for: 15 minutes", "    notify: duty-manager\n    for: 15 minutes", "notify", "do"),
        ("assignee: nobody", "sla: breached", "sla", "target"),
        ("assignee: nobody", "no_reply: 2 hours", "no_reply", "unanswered"),
        ("assignee: nobody", "weekend: true", "weekend", "time"),
        ("escalate: network", "escalate: network-ops", "network-ops", "{chain: network, to: network-ops}"),
        ("escalate: network", "escalate: service-desk", "service-desk", ""),
        ("escalate: network", "assign: lead of network-ops", "lead of network-ops", "network-ops"),
        ("escalate: network", "tell: manager", "manager", "manager of assignee"),
        ("escalate: network", "raise_priority: 2 levels", "2 levels", "2"),
    ],
)
def test_a_word_in_the_wrong_place_is_refused_with_where_it_belongs(before: str, after: str, text: str, hint: str) -> None:
    """Keys a level too high, teams in the place of chains, people in that of teams: each is named with what was meant."""
    found = slip(before, after)
    assert (found.text, found.hint) == (text, hint)


def test_a_providers_clock_is_a_target() -> None:
    """Whoever writes the provider's own clock as a clock means the target that it is; both at once are one too many."""
    shared = "    steps: [{at: 75 percent, do: [{label: late}]}]\n"
    rule = "rules:\n  - rule: r\n    when: {status: on_hold}\n    %s\n" + shared
    by_clock, by_target = (loaded(rule % f"{key}: next answer of aws").rulebook.rules[0] for key in ("clock", "target"))
    assert by_clock == by_target
    both = problems(rule % "clock: next answer of aws\n    target: Time to resolution")
    assert any("`clock` and `target` exclude each other" in str(problem) for problem in both), both
