"""Where a Python hides how it reads regular expressions, hoist judges them by a grammar of its own, which refuses more."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.language import patterns
from rules.language.pattern_limits import WORK_LIMIT, UnsafePattern
from rules.language.pattern_trees import work_of_tree
from rules.language.plain_patterns import work_of_plain
from tests.rules.test_patterns import BAD, GOOD

TOO_MUCH_FOR_IT: Final = {
    r"\d+\.\d+\.\d+\.\d+",  # that the dots keep the numbers apart is more than it knows
    r"[^@\s]+@[^@\s]+\.com",
    r"^Re:\s*\[.+\]",
    "(foo|bar)+",
    ".*down.*",
    "^.*a.*b",
    r"crash.*1\.2\.[0-9]+",
    r"order.*(#\d+)",
    r"(?<!\w)P[12](?!\w)",  # no part of the grammar
}
PART: Final = st.sampled_from(
    [
        "a",
        "b",
        r"\d",
        ".",
        "[a-c]",
        r"[^\]x-]",
        "(?:",
        "(",
        ")",
        "|",
        "*",
        "+",
        "?",
        "{2}",
        "{,3}",
        "{1,}",
        "{",
        "^",
        r"\b",
        r"\\",
        "(?i)",
        r"\1",
    ]
)
TEXTS: Final = ("", "a" * 40, "ab" * 20, "aab" * 12 + "c", "b" * 40)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in BAD])
def test_the_plain_grammar_refuses_what_could_hold_hoist_up(pattern: str) -> None:
    """Every pattern that is refused by its parse tree is refused without it."""
    with pytest.raises(UnsafePattern):
        work_of_plain(pattern)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in GOOD])
def test_the_plain_grammar_takes_simple_patterns(pattern: str) -> None:
    """What has one wide repeat or none is taken; the rest is refused with what to write instead."""
    if pattern in TOO_MUCH_FOR_IT:
        with pytest.raises(UnsafePattern, match=r"any_word:|all:"):
            work_of_plain(pattern)
    else:
        assert work_of_plain(pattern) <= WORK_LIMIT


@given(st.lists(PART, max_size=9).map("".join))
def test_the_plain_grammar_takes_or_refuses(pattern: str) -> None:
    """Whatever is written: a refusal, or a bound that is kept."""
    try:
        re.compile(pattern)
        bound = work_of_plain(pattern)
    except (re.error, UnsafePattern):
        return
    assert 0 < bound <= WORK_LIMIT
    for text in TEXTS:
        places = range(len(text) + 1)
        ways = sum(re.compile(pattern).fullmatch(text, a, b) is not None for a in places for b in places if a <= b)
        assert ways <= bound, "each place at which it can end costs at least one comparison"


def test_another_python_is_judged_by_the_plain_grammar() -> None:
    """Where the parser of `re` is not there, nothing breaks: what is not plain is refused when rules are loaded."""
    code = (
        "import sys; sys.modules['rules.language.pattern_trees'] = None\n"
        "from rules.language.patterns import UnsafePattern, work_of\n"
        "assert work_of('VPN.*down') > 0\n"
        "for pattern in ('(a+)+$', r'(?<!x)y'):\n"
        "    try: work_of(pattern)\n"
        "    except UnsafePattern: continue\n"
        "    raise SystemExit(pattern)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("error", [AttributeError, TypeError, ValueError, IndexError, KeyError])
def test_a_tree_of_another_shape_is_not_trusted(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """A parse tree that is not built as hoist knows it decides nothing: the plain grammar does."""

    def broken(_: str) -> int:
        raise error

    monkeypatch.setattr(patterns, "work_of_tree", broken)
    assert patterns.work_of("CVE-[0-9]{4}") > 0
    with pytest.raises(UnsafePattern):
        patterns.work_of("(a+)+$")


@pytest.mark.parametrize("passes", ["(a+)+$", ".*.*x", "(?>a+)+b"])
def test_a_guard_that_lets_a_dangerous_pattern_pass_is_not_trusted(passes: str) -> None:
    """On a Python whose `re` says the same with another meaning, the plain grammar decides; nothing dangerous gets through."""

    def careless(pattern: str) -> int:
        return 1 if pattern == passes else work_of_tree(pattern)

    assert patterns.trusted(work_of_tree) is work_of_tree
    assert patterns.trusted(careless) is work_of_plain
