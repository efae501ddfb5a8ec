"""hoist's marker in a work note: a keyed hash in brackets at the note's end, which counts under hoist's own account alone. Pure.

A work note is the one thing that an update can leave behind beside the columns that it changes, so an update of columns brings a
note of its own, and a comment's marker is its last line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from connectors.contract import Mark
from rules.escalation import Operation

ALONE: Final = "Changed by hoist."
"""What a note says that stands beside an update of columns; the reason follows in the next one."""
_MARKER: Final = re.compile(r"\[hoist ([\w-]+)((?: [fist]=[\w,-]*)*)\]\s*$")
_CODE: Final = re.compile(r"\[(?=/?code\b)", re.IGNORECASE)
_MENTION: Final = re.compile(r"@(?=\[)")
LONGEST: Final = 4_000
"""Characters of a journal entry; a longer one might be cut, and its marker with it."""
_APART: Final = "\u200b"
"""A space that is not seen."""


def note_of(operation: Operation) -> str:
    """The work note of an operation, with its marker."""
    marker = f"\n\n{_marker(operation)}"
    said = inert(operation.comment) if operation.comment else ALONE
    room = LONGEST - len(marker)
    return (said if len(said) <= room else f"{said[: room - 1]}…") + marker


def inert(text: str) -> str:
    """A text in which nothing becomes markup or a mention.

    A journal shows what stands between [code] and [/code] as HTML, and notifies whom @[...] names; hoist's own marker has to be
    the only one.
    """
    return _MENTION.sub(f"@{_APART}", _CODE.sub(f"[{_APART}", text)).replace("[hoist ", f"[{_APART}hoist ")


def _marker(operation: Operation) -> str:
    parts = [f"hoist {operation.marker}"]
    if operation.firing_markers:
        parts.append(f"f={','.join(operation.firing_markers)}")
    if operation.installation:
        parts += [f"i={operation.installation}", f"s={operation.installed_at}"]
    return f"[{' '.join([*parts, f't={operation.planned_at}'])}]"


def operation_of(note: str) -> str:
    """The marker of the operation that left a note; empty where it bears none."""
    found = _MARKER.search(note)
    return found[1] if found else ""


def markers_in(note: str) -> set[str]:
    """The markers that a note bears: of the operation, and of the firings that it was for."""
    found = _MARKER.search(note)
    return {found[1], *filter(None, _parts(found[2]).get("f", "").split(","))} if found else set()


def is_marker_alone(note: str) -> bool:
    """Whether a note says nothing beside its marker."""
    return note.startswith(ALONE) and operation_of(note) != "" and note[: _start(note)].strip() == ALONE


def last_mark(notes: Iterable[str]) -> Mark | None:
    """The mark of the hoist that wrote last, of notes in their order; None where none names its installation."""
    mark = None
    for note in notes:
        found = _MARKER.search(note)
        parts = _parts(found[2]) if found else {}
        if found and "i" in parts and parts.get("s", "").isdecimal() and parts.get("t", "").isdecimal():
            mark = Mark(found[1], parts["i"], int(parts["s"]), int(parts["t"]))
    return mark


def _start(note: str) -> int:
    found = _MARKER.search(note)
    return found.start() if found else len(note)


def _parts(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split())
