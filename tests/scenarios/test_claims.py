"""The stories that the design must survive, by their numbers: each that is claimed is told by a test that names it."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[1]
NUMBER: Final = re.compile(r"\bF(\d{1,2})\b")
CLAIMED: Final = {
    "F1": "an episode is one anchor: no flicker cuts it, and a latched condition begins again where its rule says so",
    "F2": "identity under late and reordered changes",
    "F3": "absence is known only as far as was read",
    "F4": "what is not known is neither true nor false",
    "F5": "what was so before a rule went live is backlog",
    "F6": "steps one at a time, absolute, counted from the application of the one before",
    "F7": "hoist does not feed itself, and a team keeps what it has just got",
    "F8": "rules meet when a ticket is written",
    "F11": "instants: ties, zero length, closing time",
    "F12": "when something was, and when it could be known",
    "F13": "outside facts are dated arguments",
    "F14": "the next look, and what makes it stale",
    "F17": "where a ticket stands in a chain",
    "F31": "silence is not a debt",
    "F32": "a step of priority is a level that the source has",
    "F33": "each stretch on the hours of who had the ticket",
    "F34": "a life ends and begins anew",
    "F35": "of twins the leading one",
}


@pytest.fixture(scope="module")
def told() -> Counter[str]:
    """How many tests tell each story."""
    return Counter(_numbers())


def _numbers() -> Iterator[str]:
    """The numbers in the docstrings of all tests."""
    for file in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield from {f"F{number}" for number in NUMBER.findall(ast.get_docstring(node) or "")}


@pytest.mark.parametrize("story", CLAIMED)
def test_a_story_that_is_claimed_is_told(story: str, told: Counter[str]) -> None:
    """Whoever asks what became of a story finds the tests that tell it by its number."""
    assert told[story] >= 1, f"no test tells {story}: {CLAIMED[story]}"


def test_no_test_names_a_story_that_is_not_claimed(told: Counter[str]) -> None:
    """A number in a docstring is that of a claimed story, so that a slip of the pen tells nothing."""
    assert set(told) <= set(CLAIMED)
