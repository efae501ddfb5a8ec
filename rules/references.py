"""How the protocol refers to what a helpdesk itself keeps, a schedule or a rota: `source://SOURCE/NAME`."""

from __future__ import annotations

from typing import Final

_SCHEME: Final = "source://"


def named_in_source(reference: str) -> tuple[str, str] | None:
    """The source and the name in it, of a reference of that form; None for any other."""
    source, slash, name = reference.removeprefix(_SCHEME).partition("/")
    if not reference.startswith(_SCHEME) or not slash or not source.strip() or name != name.strip() or not name:
        return None
    return source, name
