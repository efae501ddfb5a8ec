"""Where lines for people go: a terminal that texts from elsewhere can't colour, move, ring or turn round.

Subjects, names and messages come from whoever writes to the helpdesk. A control character among them is a command to the terminal
(ECMA-48), and a sign that changes the direction of writing lets a line say what it does not hold (https://trojansource.codes).
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_COMMANDS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNS: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_OURS: Final = frozenset("\n\t")


def printable(text: str) -> str:
    """The text with each sign that a terminal would obey as its code, `U+001B`; letters of every script stay as they are."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def _shown(sign: str) -> str:
    if sign in _OURS:
        return sign
    obeyed = unicodedata.category(sign) in _COMMANDS or unicodedata.bidirectional(sign) in _TURNS
    return f"U+{ord(sign):04X}" if obeyed else sign


class Terminal(Console):
    """The one console of all screens."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is printed, made printable; hoist's own colours are no part of the text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


class LogLines(logging.Formatter):
    """Lines of the log, which name tickets and repeat what helpdesks answered."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, made printable."""
        return printable(super().format(record))
