"""One form of a protocol's files: whatever the reader takes with a hint is written as the hint says, and nothing else changes.

The texts are edited at the places of the hints, so comments, order, quotes and blank lines stay as they are, and a file in the
one form stays as it is to the letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import yaml

from rules.language.problems import Problem
from rules.rulebook import load

_MOST_ROUNDS: Final = 20
"""Hints are bounded for each reading; a file with more is read again."""

_BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Formatted:
    """A file in the one form, and what was written otherwise, as the reader named it."""

    text: str
    changes: tuple[Problem, ...]


def formatted(files: Mapping[str, str], library: Mapping[str, str] = MappingProxyType({})) -> dict[str, Formatted]:
    """Each file of a protocol (name -> text) in the one form; its meaning, and so the protocol's version, stays the same.

    Raises RulebookError where the protocol has problems: what can't be read can't be written better.
    """
    texts = dict(files)
    changes: dict[str, list[Problem]] = {name: [] for name in files}
    for _ in range(_MOST_ROUNDS):
        hints = [hint for hint in load(texts, library).hints if hint.hint and hint.file in texts]
        mended = [name for name in files if _mend(texts, changes, name, hints)]
        if not mended:
            break
    return {name: Formatted(texts[name], tuple(changes[name])) for name in files}


def _mend(texts: dict[str, str], changes: dict[str, list[Problem]], name: str, hints: list[Problem]) -> bool:
    """Write every hint of a file into it; whether there was any that could be."""
    scalars = _scalars(texts[name])
    edits = []
    for hint in hints:
        if hint.file == name and (found := scalars.get((hint.line, hint.column))) is not None:
            start, end, value = found
            # a file of the library may have the same name: what stands here must be what the hint is about
            if " ".join(value.split())[:70] == hint.text[:70].removesuffix("..."):
                edits.append((start, end, hint))
    text = texts[name]
    for start, end, hint in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + hint.hint + text[end:]
    if edits:
        changes[name] += [hint for _, _, hint in edits]
        texts[name] = text
    return bool(edits)


def _scalars(text: str) -> dict[tuple[int, int], tuple[int, int, str]]:
    """Every scalar on one line, by line and column (from 1): where it starts and ends in the text, quotes included; its value."""
    shift = len(text) - len(text.removeprefix(_BYTE_ORDER_MARK))
    found = {}
    for event in yaml.parse(text[shift:], Loader=yaml.SafeLoader):
        if isinstance(event, yaml.ScalarEvent) and event.start_mark is not None and event.end_mark is not None:
            start, end = event.start_mark, event.end_mark
            if start.line == end.line:
                found[start.line + 1, start.column + 1] = (start.index + shift, end.index + shift, event.value)
    return found
