"""Whether a regular expression is safe to search for in a text that anybody may have written.

Python's `re` goes back and tries again, and a pattern such as `(a+)+$` makes it try more ways than there is time for. The cost
of a pattern is bounded before any text is searched: from the parse tree of `re` itself, and where this Python does not give that
away (it is private to `re`; 3.11 to 3.13 have it), or what is read from it lets a pattern pass that is known to hold up, from a
plain grammar that knows less and refuses more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from rules.language import plain_patterns
from rules.language.pattern_limits import WORK_LIMIT, UnsafePattern

try:
    from rules.language.pattern_trees import work_of_tree
except (ImportError, AttributeError):  # a Python whose `re` is built otherwise
    work_of_tree = plain_patterns.work_of_plain

__all__ = ["WORK_LIMIT", "UnsafePattern", "trusted", "work_of"]

_OTHERWISE: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading a tree comes to that is not built as in the Pythons known here."""

_DANGEROUS: Final = (
    *("(a+)+$", "(a|a)*b", "(a|aa)+$", "(a?a)*b", "(?>a+)+b", "(?=(a+)+$)b", "(a{1,10}){1,10}b", "x*x*x*y", ".*.*x"),
    *(r"(\w+\s?)*$", r"\s+.*\s+$", r"(a)\1", "(a)?(?(1)b|c)"),
)
"""A pattern for each part of a tree that a repeat can hide in."""


@cache
def trusted(estimate: Callable[[str], int]) -> Callable[[str], int]:
    """What bounds the work of a pattern: this function, or the plain grammar where it lets one pass that holds up."""

    def passes(pattern: str) -> bool:
        try:
            estimate(pattern)
        except UnsafePattern:
            return False
        except _OTHERWISE:
            pass
        return True

    return plain_patterns.work_of_plain if any(map(passes, _DANGEROUS)) else estimate


def work_of(pattern: str) -> int:
    """Comparisons that the worst text of TEXT_LIMIT characters costs, at most.

    Raises UnsafePattern where that is more than WORK_LIMIT or can't be told, re.error where it does not compile.
    """
    try:
        return trusted(work_of_tree)(pattern)
    except UnsafePattern:
        raise
    except _OTHERWISE:
        return plain_patterns.work_of_plain(pattern)
