"""hoist's marker in the metadata of an audit, where it counts under hoist's own account alone, and texts that stay texts. Pure.

An update may carry metadata of its own, which nobody sees and nothing changes afterwards: the audit that it makes keeps it under
`metadata.custom`. https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
"""

from __future__ import annotations

import re
from typing import Any, Final

from connectors.contract import Mark
from rules.escalation import Operation

NAME: Final = "hoist"
_PLACEHOLDER: Final = re.compile(r"\{(?=[{%])")
_LINK: Final = re.compile(r"\](?=[(\[:])")
_MENTION: Final = re.compile(r"(?<!\w)@(?=\w)")
_APART: Final = "\u200b"
"""A space that is not seen."""


def metadata_of(operation: Operation) -> dict[str, Any]:
    """What an update says of itself: `operation`, `firings`, and which `installation` wrote it, there `since`, `at` when."""
    told: dict[str, Any] = {"operation": operation.marker, "firings": list(operation.firing_markers), "at": operation.planned_at}
    if operation.installation:
        told |= {"installation": operation.installation, "since": operation.installed_at}
    return {NAME: told}


def operation_of(custom: object) -> str:
    """The marker of the operation that an audit's metadata names; empty where it names none."""
    told = _told(custom).get("operation")
    return told if isinstance(told, str) else ""


def markers_in(custom: object) -> set[str]:
    """The markers of an audit's metadata: of the operation, and of the firings that it was for."""
    firings = _told(custom).get("firings")
    named = firings if isinstance(firings, list) else []
    return {each for each in (operation_of(custom), *named) if isinstance(each, str) and each}


def mark_of(custom: object) -> Mark | None:
    """The mark of the hoist that made an audit; None where the audit does not name it."""
    told = _told(custom)
    operation, installation, since, at = (told.get(name) for name in ("operation", "installation", "since", "at"))
    if isinstance(operation, str) and isinstance(installation, str) and isinstance(since, int) and isinstance(at, int):
        return Mark(operation, installation, since, at)
    return None


def inert(text: str) -> str:
    """A text in which nothing becomes a placeholder, a link or a mention.

    Zendesk replaces {{...}} and {%...%} in comments, reads them as Markdown, and tells whom @... names.
    """
    return _MENTION.sub(f"@{_APART}", _LINK.sub(f"]{_APART}", _PLACEHOLDER.sub(f"{{{_APART}", text)))


def _told(custom: object) -> dict[str, Any]:
    told = custom.get(NAME) if isinstance(custom, dict) else None
    return told if isinstance(told, dict) else {}
