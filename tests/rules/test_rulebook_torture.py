"""Files that no person would write, and files that a slip of the finger made: never a traceback, never a long wait."""

import string
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.language.problems import MOST_PROBLEMS
from rules.rulebook import Loaded, RulebookError, load
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES

GOOD = ORGANISATION + RULES
USES = "use:\n  - {protocol: bounced, with: {chain: network, returns: 2}}\n  - {protocol: unanswered, with: {chain: network}}\n"
SIGNS = "-:[]{}#&*!|>'\"%@`,?~\t\n \\\u00a0\u2028\ufeff\x85\x00$"
WORDS = (
    "rules",
    "when",
    "any",
    "not",
    "for",
    "clock",
    "status",
    "open",
    "use",
    "with",
    "protocol",
    "teams",
    "hours",
    "${chain}",
    "P1",
)

LIMIT_SECONDS = 1.0
"""Processor time in which any file is read or refused."""
TRIES = 3


def attempt(files: dict[str, str], library: dict[str, str] | None = None) -> Loaded | RulebookError:
    """Whatever comes of the files; anything but a rulebook or its problems fails the test, and so does a long wait.

    What seems long is timed again: a processor that others keep busy takes more of its own time for the same.
    """
    for _ in range(TRIES):
        begun = process_time()
        try:
            found: Loaded | RulebookError = load(files, LIBRARY if library is None else library)
        except RulebookError as error:
            found = error
        if process_time() - begun < LIMIT_SECONDS:
            return found
    pytest.fail(f"{TRIES} times longer than {LIMIT_SECONDS} s")


def check(files: dict[str, str], library: dict[str, str] | None = None) -> None:
    """An attempt, of which each problem has a place that an editor can go to."""
    found = attempt(files, library)
    if isinstance(found, RulebookError):
        assert found.problems
        assert all(problem.line >= 1 and problem.column >= 1 and problem.file for problem in found.problems)


@given(st.text(alphabet=st.characters() | st.sampled_from(SIGNS), max_size=400))
@example("\ud800")
@example("%YAML 1.1\n%TAG ! tag:x,2000:\n--- !x\n")
@example("? |\n x\n: - - -\n  - ?\n")
@settings(max_examples=80)
def test_any_text_is_read_or_refused(text: str) -> None:
    """A file of any characters ends in problems with places."""
    check({"organisation.yaml": text})
    check({"organisation.yaml": ORGANISATION, "rules.yaml": text})
    check({"organisation.yaml": GOOD}, {"x.yaml": text})


@given(st.binary(max_size=400), st.sampled_from(["utf-8", "latin-1", "utf-16"]))
@settings(max_examples=30)
def test_any_bytes_are_read_or_refused(data: bytes, encoding: str) -> None:
    """So does a file that is no text at all, however it was decoded."""
    check({"organisation.yaml": data.decode(encoding, errors="replace")})


EDITS = st.tuples(
    st.integers(min_value=0, max_value=len(GOOD + USES)),
    st.integers(min_value=0, max_value=12),
    st.text(alphabet=SIGNS + string.ascii_lowercase, max_size=4) | st.sampled_from(WORDS),
)


@given(st.lists(EDITS, min_size=1, max_size=6))
@settings(max_examples=80)
def test_a_good_file_with_slips_is_read_or_refused(edits: list[tuple[int, int, str]]) -> None:
    """Letters left out, doubled or mistyped anywhere in a good file."""
    text = GOOD + USES
    for at, length, put in edits:
        text = text[:at] + put + text[at + length :]
    check({"organisation.yaml": text})


LINES = (GOOD + USES).splitlines(keepends=True)


@given(st.lists(st.tuples(st.sampled_from(LINES), st.integers(min_value=-4, max_value=4)), max_size=40))
@settings(max_examples=50)
def test_good_lines_in_any_order_are_read_or_refused(lines: list[tuple[str, int]]) -> None:
    """Lines moved, doubled and indented otherwise."""
    text = "".join(" " * max(0, shift) + line[max(0, -shift) :] for line, shift in lines)
    check({"organisation.yaml": ORGANISATION, "rules.yaml": text})


VALUES = st.recursive(
    st.sampled_from(["nobody", "P1", "network", "4 business hours", "[]", "{}", "''", "2", "${chain}", "'${x} y'", "a: b"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.dictionaries(
            st.sampled_from(["not", "for", "chain", "in", "at_least", "to", "while", *WORDS]), inner, max_size=3
        ).map(lambda block: "{" + ", ".join(f"{key}: {value}" for key, value in block.items()) + "}")
    ),
    max_leaves=8,
)
RULE_KEYS = [
    *("rule", "title", "mode", "calendar", "when", "unless", "for", "clock", "pause_while", "reset_when", "do", "repeat"),
    *("formerly", "with", "protocol", "existing_tickets"),
]


@given(
    st.dictionaries(st.sampled_from(RULE_KEYS), VALUES, max_size=6),
    st.sampled_from(["rules", "use", "teams", "calendars", "chains"]),
)
@settings(max_examples=80)
def test_any_shape_under_any_key_is_read_or_refused(block: dict[str, str], section: str) -> None:
    """Lists where a word belongs, blocks where a list belongs, and nothing where something belongs."""
    entry = "{" + ", ".join(f"{key}: {value}" for key, value in block.items()) + "}"
    check({"organisation.yaml": ORGANISATION, "rules.yaml": f"{section}: [{entry}]\n"})
    check({"organisation.yaml": ORGANISATION, "rules.yaml": f"{section}: {entry}\n"})


def alias_bomb() -> str:
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 20)]
    return "a0: &a0 [x, x, x]\n" + "".join(levels)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "? " * 100_000,
        "rules:\n  - rule: x\n    when: " + "{not: " * 5_000 + "{status: open}" + "}" * 5_000,
        "rules:\n  - rule: x\n    do: [{label: a}]\n    when: " + "{not: " * 24 + "{status: open}" + "}" * 24 + "\n",
        alias_bomb(),
        "a: &a [*a]\n",
        "rules: &rules\n  - *rules\n",
        "'" + "x" * 250_000,
        "".join(f"key{number}: value\n" for number in range(15_000)),
        "rules:\n" + "".join(f"  - {{rulle: r{number}}}\n" for number in range(10_000)),
        "rules:\n" + "  - x\n" * 40_000,
        "teams:\n" + "".join(f"  t{number}: {{leed: x}}\n" for number in range(10_000)),
        "rules:\n  - rule: x\n    when: {subject: {matches: '((a{9999}){9999}){99999999999}'}}\n    do: [{comment: '"
        + "{x}" * 50_000
        + "'}]\n",
        "x" * 10_000_000,
        "use:\n" + "  - {protocol: went-silent, with: {chain: network}}\n" * 5_000,
        "# \u00e9" * 60_000 + "\n\ta: b",
    ],
    ids=lambda text: text[:20].replace("\n", " "),
)
def test_no_file_takes_long(text: str) -> None:
    """Deep nesting, bombs of aliases, recursion and sheer size are refused within a second."""
    found = attempt({"organisation.yaml": ORGANISATION, "rules.yaml": text})
    if isinstance(found, RulebookError):
        assert len(found.problems) <= MOST_PROBLEMS + 1  # the last says how many more there are


def test_a_big_protocol_loads_quickly() -> None:
    """Three hundred rules are no reason to wait."""
    body = RULES.removeprefix("rules:\n")
    rules = "rules:\n" + "".join(body.replace("nobody-took-it", f"rule-{number}") for number in range(300))
    begun = process_time()
    assert len(load({"organisation.yaml": ORGANISATION, "rules.yaml": rules}).rulebook.rules) == 300
    assert process_time() - begun < 2 * LIMIT_SECONDS
