"""How often something happened, as people say it (`more than 3`, `2 times in 30 days`), and what to write for it here."""

from __future__ import annotations

import re
from typing import Final

from rules.language.misspelt_durations import unreadable

_OFTEN: Final = re.compile(
    r"(?:(?P<more>more than|over|>(?!=))|at least|minimum|min\.?|>=|\u2265)?\s*"
    r"(?P<number>[0-9]{1,5})\s*(?:times|time|x|\+|or more)?"
    r"(?:\s+(?:in|within|per|during|over)\s+(?:the\s+)?(?:last\s+)?(?P<span>\S.*))?",
    re.ASCII,
)


def how_often(word: str) -> str:
    """What was probably meant by a text that is no number; "" where that can't be told."""
    said = _OFTEN.fullmatch(" ".join(word.casefold().split()))
    if said is None:
        return ""
    number = int(said["number"]) + (said["more"] is not None)
    if not number:
        return ""
    if said["span"] is None:
        return str(number)
    _, within = unreadable(said["span"])
    return within and f"{{at_least: {number}, within: {within}}}"
