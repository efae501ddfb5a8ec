"""Lines that every screen is made of."""

from __future__ import annotations

import textwrap
from typing import Final

from rich.console import Console
from rich.text import Text

MARGIN: Final = 20
"""The column in which what is said of a name begins."""


def counted(number: int, word: str) -> str:
    """`1 problem`, `2 problems`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def say(console: Console, name: str, said: str, style: str = "", margin: int = MARGIN) -> None:
    """A name and what is said of it, wrapped behind a hanging indent; words are never broken."""
    indent = " " * margin
    wrapped = textwrap.fill(
        f"{name:<{margin - 1}} {said}",
        max(console.width, margin + 30),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    console.print(Text(wrapped, style), soft_wrap=True)


def heading(console: Console, name: str, said: str = "") -> None:
    """A line that begins a paragraph."""
    console.print(Text.assemble((name, "bold"), f"   {said}" if said else ""), soft_wrap=True)
