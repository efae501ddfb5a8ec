"""Whether a regular expression is safe to search for in a text that anybody may have written.

Python's `re` goes back and tries again, and a pattern such as `(a+)+$` makes it try more ways than there is time for. The cost
of a pattern is bounded before any text is searched: from the parse tree of `re` itself, and where this Python does not give that
away (it is private to `re`; 3.11 to 3.13 have it) from a plain grammar that knows less and refuses more.
"""

from __future__ import annotations

from rules.language import plain_patterns
from rules.language.pattern_limits import WORK_LIMIT, UnsafePattern

try:
    from rules.language.pattern_trees import work_of_tree
except (ImportError, AttributeError):  # a Python whose `re` is built otherwise
    work_of_tree = plain_patterns.work_of_plain

__all__ = ["WORK_LIMIT", "UnsafePattern", "work_of"]


def work_of(pattern: str) -> int:
    """Comparisons that the worst text of TEXT_LIMIT characters costs, at most.

    Raises UnsafePattern where that is more than WORK_LIMIT or can't be told, re.error where it does not compile.
    """
    try:
        return work_of_tree(pattern)
    except UnsafePattern:
        raise
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # the tree is not built as in the Pythons known here
        return plain_patterns.work_of_plain(pattern)
