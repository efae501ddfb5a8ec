"""Words that people bring from other tools, and slips that look like something else: what is said leads to what was meant."""

import pytest

from tests.rules.protocol_texts import ORGANISATION, RULES, loaded, marked, problems

KEYS = [
    # (a part of the good file, what somebody writes instead, the text named, what is said of it, what is proposed)
    ("assignee: nobody", "»or: [{assignee: nobody}, {team: nobody}]", "or", "not a key of a condition", "any"),
    ("assignee: nobody", "»and: [{assignee: nobody}]", "and", "not a key of a condition", "all"),
    ("for: 15 minutes", "»after: 15 minutes", "after", "not a key of a rule", "for"),
    ("    when:", "    »if:", "if", "not a key of a rule", "when"),
    ("    title: Urgent", "    »name: Urgent", "name", "not a key of a rule", "title"),
    ("escalate: network", "»notify: duty-manager", "notify", "not a key of a thing to do", "tell"),
    ("escalate: network", "»assign_to: network-ops", "assign_to", "not a key of a thing to do", "assign"),
    ("escalate: network", "»reply: We are on it", "reply", "never writes to the requester", ""),
    ("escalate: network", "»close: true", "close", "hoist never writes a status", ""),
    ("assignee: nobody", "»unassigned: true", "unassigned", "not a key of a condition", "assignee: nobody"),
    ("assignee: nobody", "»vip: true", "vip", "not a key of a condition", "requester"),
    ("assignee: nobody", "»no_reply_for: 2 hours", "no_reply_for", "not a key of a condition", "unanswered"),
    ("assignee: nobody", "»no_update_for: 2 hours", "no_update_for", "not a key of a condition", "silent"),
    (
        *("assignee: nobody", "reassigned: 3\n      »within: 7 days", "within", "not a key of a condition"),
        "reassigned: {at_least: 3, within: 7 days}",
    ),
    ("assignee: nobody", "reassigned: {»more_than: 3}", "more_than", "not a key of a count of events", "at_least"),
]

VALUES = [
    ("priority: [P1, P2]", 'priority: »">= P2"', ">= P2", "there is no such priority", "{at_least: P2}"),
    ("priority: [P1, P2]", "priority: »P2 or higher", "P2 or higher", "there is no such priority", "{at_least: P2}"),
    ("priority: [P1, P2]", "priority: »P2 and lower", "P2 and lower", "there is no such priority", "{at_most: P2}"),
    ("priority: [P1, P2]", "priority: »P1-P3", "P1-P3", "there is no such priority", "[P1, P2, P3]"),
    ("priority: [P1, P2]", "priority: »P1/P2", "P1/P2", "there is no such priority", "[P1, P2]"),
    ("priority: [P1, P2]", "priority: »P7-P9", "P7-P9", "there is no such priority", ""),
    ("status: [new, open]", "status: »waiting for customer", "waiting for customer", "expected one of", "pending"),
    ("assignee: nobody", "reassigned: »more than 3", "more than 3", "{at_least: 3, within: 7 days}", "4"),
    ("assignee: nobody", "reassigned: »at least 3", "at least 3", "{at_least: 3, within: 7 days}", "3"),
    ("assignee: nobody", "reopened: »2 times in 30 days", "2 times in 30 days", "whole number", "{at_least: 2, within: 30 days}"),
    ("assignee: nobody", 'reopened: »"> 2 within a week"', "> 2 within a week", "whole number", "{at_least: 3, within: 1 week}"),
    ("assignee: nobody", "reopened: »often", "often", "a whole number", ""),
    ("assignee: nobody", "time: »weekend", "weekend", "`outside: office`", '{days: "sat, sun"}'),
    ("escalate: network", "raise_priority: »P1", "P1", "expected a number of levels", "{to: P1}"),
    ("escalate: network", "page: »network-ops", "network-ops", "a team is told by its lead or", ""),
    ("escalate: network", "tell: »service-desk", "service-desk", "a team is told by its lead or", "lead of service-desk"),
    ("escalate: network", "tell: »the requester", "the requester", "never writes to the requester", ""),
    ("assignee: nobody", "time: »office", "office", "`outside: office`", ""),
    ("assignee: nobody", "time: {days: »mo-fr}", "mo-fr", "expected days", "mon-fri"),
    ("assignee: nobody", "time: {days: »mo-xx}", "mo-xx", "expected days", ""),
    ("    mode: watch", "    expires: »31.12.2027", "31.12.2027", "expected a date", "2027-12-31"),
    ("    mode: watch", "    expires: »12/24/2027", "12/24/2027", "expected a date", "2027-12-24"),
    ("    mode: watch", "    expires: »4/5/2027", "4/5/2027", "expected a date", ""),
    ("    mode: watch", "    expires: »31.02.2027", "31.02.2027", "expected a date", ""),
]


@pytest.mark.parametrize(("old", "new", "text", "expected", "hint"), KEYS + VALUES)
def test_a_word_of_another_tool_is_refused_with_hoists_own(old: str, new: str, text: str, expected: str, hint: str) -> None:
    """One problem, at its place, with the word that was meant where that can be told."""
    assert old in RULES
    rules, line, column = marked(RULES.replace(old, new, 1))
    (problem,) = problems(rules)
    assert (problem.line, problem.column, problem.text) == (line, column, text)
    assert expected in problem.expected
    assert problem.hint == hint


def test_a_rule_that_does_nothing_is_told_of_all_ways_to_do_something() -> None:
    """Steps are a way as good as `do`."""
    (problem,) = problems("rules:\n  - rule: a\n    when: {priority: P1}\n")
    assert problem.expected == "`do` is missing in this rule, or `steps`, or `at_next_opening`"


def test_a_name_that_begins_with_not_is_taken_with_a_warning() -> None:
    """An organisation may be called so, and a label hardly ever is."""
    (hint,) = loaded(RULES.replace("assignee: nobody", "label: not planned")).hints
    assert (hint.line, hint.text) == (7, "not planned")
    assert hint.expected == "taken as a name as a whole; for every other one write {not: planned}"
    assert not hint.hint, "what is proposed means something else, so the form is not mended to it"


# --- YAML ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["\u00a0", "\u202f", "\u3000"])
@pytest.mark.parametrize(
    ("old", "new"),
    [("for: 15 minutes", "for:»{}15 minutes"), ("      - escalate", "      -»{}escalate"), ("    for:", "»{}   for:")],
)
def test_a_space_that_is_none_is_named(sign: str, old: str, new: str) -> None:
    """Texts that are copied from a web page hold spaces that only look like it."""
    rules, line, column = marked(RULES.replace(old, new.format(sign), 1))
    problem = problems(rules)[0]
    assert (problem.line, problem.column) == (line, column)
    assert f"U+{ord(sign):04X}" in problem.expected
    assert "type a plain space" in problem.expected


def test_quotes_of_a_word_processor_are_named() -> None:
    """They look like quotes, and YAML knows none of them."""
    problem = problems(RULES.replace('"Without an owner for {held}."', "\u201cCareful: no owner for {held}.\u201d"))[0]
    assert "\u201c is no quote in YAML" in problem.expected


def test_a_key_that_stands_too_far_in_is_not_called_a_text() -> None:
    """It is lined up with nothing above it, whatever stands behind its colon."""
    problem = problems(RULES.replace("    when:\n      status: [new, open]", "     when: {status: new}\n"))[0]
    assert (problem.line, problem.column) == (5, 10)
    assert "line this key up with the keys above it" in problem.expected
    problem = problems("rules:\n- rule: a\n   when: {priority: P1}\n  do: [{escalate: network}]\n")[0]
    assert "line this key up with the keys above it" in problem.expected


ORGANISATIONS = [
    ("mon-fri:", "»mo-fr:", "mo-fr", "expected days", "mon-fri"),
    ("holidays: NL", "also_closed: [»24.12.2026]", "24.12.2026", "expected a date such as", "2026-12-24"),
    ("time_zone: Europe/Amsterdam", "time_zone: »CEST", "CEST", "write a name like Europe/Amsterdam", ""),
    ("roles:", "lists:\n  vip: {entries: [a], until: »end of 2027}\nroles:", "end of 2027", "expected a date such as", ""),
]


@pytest.mark.parametrize(("old", "new", "text", "expected", "hint"), ORGANISATIONS)
def test_the_organisation_is_checked_alike(old: str, new: str, text: str, expected: str, hint: str) -> None:
    """Days, dates and zones of calendars and lists have the same nearest words."""
    organisation, line, column = marked(ORGANISATION.replace(old, new, 1))
    problem = problems(organisation=organisation)[0]
    assert (problem.line, problem.column, problem.text) == (line, column, text)
    assert expected in problem.expected
    assert "also_closed" not in problem.expected
    assert problem.hint == hint
