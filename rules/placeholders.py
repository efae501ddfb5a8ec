"""What may stand in braces in a rule's text, and how values are put in: inert, whatever a ticket's author wrote."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from rules.instants import Instant

Meaning = str | Instant
"""What a placeholder stands for; an instant is put into words when it is known in whose time zone it is read."""

PLACEHOLDERS: Final = (
    "held",
    "since",
    "team",
    "former_team",
    "teams",
    "key",
    "rule",
    "title",
    "count",
    "priority",
    "chain",
    "arbiter",
    "deadline",
    "provider",
    "case",
)
"""Names that may stand in braces; any other is refused when a rule is loaded."""

LENGTH_LIMIT: Final = 200
"""Characters of one inserted value; what is longer is cut."""

_BRACED: Final = re.compile(r"\{([^{}]*)\}")
_HARMLESS: Final = str.maketrans({"{": "(", "}": ")", "@": "(at)"})


def unknown_placeholders(text: str) -> tuple[str, ...]:
    """The names in braces that are no placeholders, in the order of the text."""
    return tuple(name for name in _BRACED.findall(text) if name not in PLACEHOLDERS)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders replaced once; a value's own braces are never read as a placeholder.

    A placeholder without a value becomes `(not known)`; what is no placeholder is left as it is.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return inert(values.get(name, "(not known)")) if name in PLACEHOLDERS else found[0]

    return _BRACED.sub(value, text)


def inert(text: str) -> str:
    """The text on one line, cut to length, without anything that a template, a mention or a link could be made of.

    Markup of a platform is its connector's to escape: only that knows what it means there.
    """
    visible = "".join(c for c in text if c.isspace() or not unicodedata.category(c).startswith("C"))
    line = " ".join(visible.split()).translate(_HARMLESS).replace("://", ": //")
    return line if len(line) <= LENGTH_LIMIT else line[: LENGTH_LIMIT - 1].rstrip() + "…"
