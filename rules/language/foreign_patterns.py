"""Regular expressions written for other tools: classes such as `[:alpha:]`, and sets that a later Python reads otherwise."""

from __future__ import annotations

import re
import warnings
from typing import Final

_SET: Final = (
    "a `[` or a doubled sign (`--`, `&&`, `~~`, `||`) within a set may mean something else to later versions of Python; "
    "write a backslash before it: `\\[`"
)
_POSIX: Final = re.compile(r"\[:\^?([a-z]+):\]")
_INSTEAD: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "word": r"\w",
    "xdigit": "0-9a-fA-F",
}


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern. Raises ValueError, with what to write instead, for one of another tool; re.error where it is none at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # of the parser, at what it will read otherwise some day
        try:
            return re.compile(pattern)
        except FutureWarning:
            raise ValueError(_cure(pattern)) from None


def _cure(pattern: str) -> str:
    found = _POSIX.search(pattern)
    if found is None:
        return _SET
    instead = _INSTEAD.get(found[1])
    cure = f"write `{instead}` for it" if instead else "write out its characters"
    return f"`{found[0]}` is a class of other tools, which Python reads as those letters; {cure}"
