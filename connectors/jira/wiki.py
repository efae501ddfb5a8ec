"""Plain text as wiki markup that shows it as it stands.

Markup: https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all. A backslash takes the meaning from a character;
a backslash itself is written as an entity, since two of them are a line's end.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST_COMMENT: Final = 32_000  # Jira's own limit is 32,767 characters unless an administrator set another
_MARKUP: Final = re.compile(r"[\[\]{}|!?#@%^~*+()]|(?<!\w)[-_]|[-_](?!\w)")
"""Hyphens and underscores inside words mean nothing."""
_AT_BEGINNING: Final = re.compile(r"^(\s*(?:h[1-6]|bq))\.", re.MULTILINE)
_ADDRESS: Final = re.compile(r":(?=//)|(?<=mailto):")


def inert(text: str) -> str:
    """A text in which nothing is markup, a mention, a macro or a link, cut to what a comment may hold."""
    quoted = text.strip().replace("&", "&amp;").replace("\\", "&#92;")
    quoted = _ADDRESS.sub("&#58;", _AT_BEGINNING.sub(r"\1&#46;", quoted))
    # The entities made above contain a number sign, which must not be parted from its ampersand.
    quoted = re.sub(rf"(&#\d\d;)|({_MARKUP.pattern})", lambda found: found[1] or f"\\{found[2]}", quoted)
    return quoted if len(quoted) <= _LONGEST_COMMENT else quoted[: _LONGEST_COMMENT - 1].rstrip("\\") + "…"
