"""A file in which YAML itself is broken, read part by part: a slip under one key hides no mistake under the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Final

from rules.language.marked_yaml import LONGEST_FILE, Block, Node, read
from rules.language.problems import Place, Report, TooMany

MOST_PARTS: Final = 20
"""More keys than a file of the protocol can have; whatever has more of them is none."""

_KEY: Final = re.compile(r"^[A-Za-z_][\w -]*:(?=\s|$)", re.MULTILINE | re.ASCII)
_IN_LINE: Final = re.compile("[^\n\r\x85\u2028\u2029]")


def read_by_parts(file: str, text: str, report: Report) -> tuple[Node | None, bool]:
    """The file's document, and whether it is all of it; None where nothing can be read. What is wrong goes to the report.

    Of a file that is no YAML as a whole, what stands under a key at the beginning of a line is read by itself: of each such
    part the first mistake is told, and those that have none are kept.
    """
    alone = Report()
    with suppress(TooMany):
        root = read(file, text, alone)
        if root is not None or not alone.problems or len(text) > LONGEST_FILE:
            report.take(alone)
            return root, not alone.problems or root is not None
    several = Report()
    kept = Block(Place(file, 1, 1))
    with suppress(TooMany):
        for part in _parts(text):
            node = read(file, part, several)
            for key, value in node.items() if isinstance(node, Block) else ():
                kept.setdefault(key, value)
    report.take(several if several.problems else alone)
    return kept or None, False


def _parts(text: str) -> Iterator[str]:
    """Each part where it stands: all that comes before it is blank, so that lines and columns stay what they are."""
    starts = [found.start() for found in _KEY.finditer(text)]
    if not starts or len(starts) > MOST_PARTS:
        return
    edges = [0, *starts[1:], len(text)]
    for start, end in pairwise(edges):
        yield _IN_LINE.sub(" ", text[:start]) + text[start:end]
