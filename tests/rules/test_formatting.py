"""`hoist rules format`: one form, the same meaning, and nothing else touched."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.formatting import formatted
from rules.rulebook import RulebookError, load
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES
from tests.shared import PROJECT

UNTIDY = """\
Rules:   # the desk's
  - Rule: nobody-took-it    # an id
    "Title": Urgent
    when: {Status: [New, "OPEN"], Assignee: Nobody, labels: {not: Nothing}}

    For: 15 minutes
    do:
      - Raise priority: {By: 1, not-above: P1}   # one up
      - raise\u00a0priority: 1
      - {tag: x, comment: "Status: On"}
"""
TIDY = """\
rules:   # the desk's
  - rule: nobody-took-it    # an id
    title: Urgent
    when: {status: [new, open], assignee: nobody, labels: {not: nothing}}

    for: 15 minutes
    do:
      - raise_priority: {by: 1, not_above: P1}   # one up
      - raise_priority: 1
      - {tag: x, comment: "Status: On"}
"""


def form(rules: str) -> str:
    return formatted({"organisation.yaml": ORGANISATION, "rules.yaml": rules}, LIBRARY)["rules.yaml"].text


def test_words_get_their_one_form_and_remarks_stay() -> None:
    """Keys, words and quotes as the language has them; comments, order, spaces and texts as they were."""
    assert form(UNTIDY) == TIDY


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_stay(ending: str) -> None:
    """A file that comes from Windows goes back there."""
    untidy = "\ufeff" + UNTIDY.replace("\n", ending)
    assert form(untidy) == "\ufeff" + TIDY.replace("\n", ending)


def test_a_file_in_the_one_form_stays_to_the_letter() -> None:
    """Every example of the documentation, and what was formatted before."""
    page = (PROJECT / "docs" / "rules.md").read_text()
    first, *parts = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    for part in (part for part in parts if "\nparameters:" not in part):
        found = formatted({"organisation.yaml": first, "rules.yaml": part}, LIBRARY)
        assert (found["organisation.yaml"].text, found["rules.yaml"].text) == (first, part)
    assert form(TIDY) == TIDY


def test_what_was_changed_is_named() -> None:
    """Each with its place, the text and the new one."""
    changes = formatted({"organisation.yaml": ORGANISATION, "rules.yaml": UNTIDY}, LIBRARY)["rules.yaml"].changes
    assert [(change.line, change.column, change.text, change.hint) for change in changes][:2] == [
        (1, 1, "Rules", "rules"),
        (2, 5, "Rule", "rule"),
    ]


def test_more_hints_than_one_reading_gives_are_all_written() -> None:
    """A long file is in the one form after one run."""
    rule = "  - {{Rule: r{0}, When: {{Status: Open}}, Do: [{{Label: a}}], Title: x, Mode: Watch}}\n"
    many = form("Rules:\n" + "".join(rule.format(number) for number in range(120)))
    assert many == form(many)
    assert "Rule" not in many


def test_a_protocol_with_problems_is_left_alone() -> None:
    """What can't be read can't be written better."""
    with pytest.raises(RulebookError):
        form(UNTIDY.replace("Nobody,", "Nobody, statsu: x,"))


def _spelt(word: str, how: int) -> str:
    """A key or word in another spelling that the reader takes."""
    forms = (word, word.capitalize(), word.upper(), word.replace("_", " "), word.replace("_", "-"), word.replace("_", "\u00a0"))
    return forms[how % len(forms)]


KEYS = re.compile(
    r"(?<=[ {-] )?\b(rules|rule|title|mode|when|status|assignee|priority|for|do|escalate|comment|repeat|every|at_most)(?=:)"
)


@given(st.lists(st.integers(min_value=0, max_value=5), min_size=20, max_size=20))
@settings(max_examples=60)
def test_formatting_keeps_the_meaning_and_needs_doing_once(spellings: list[int]) -> None:
    """The version of the protocol is the same before and after, and a second run changes nothing."""
    turns = iter(spellings)
    untidy = KEYS.sub(lambda found: _spelt(found[0], next(turns, 0)), RULES)
    before = load({"organisation.yaml": ORGANISATION, "rules.yaml": untidy}, LIBRARY)
    once = form(untidy)
    after = load({"organisation.yaml": ORGANISATION, "rules.yaml": once}, LIBRARY)
    assert after.rulebook.version == before.rulebook.version
    assert [hint for hint in after.hints if hint.hint] == []
    assert form(once) == once == RULES
