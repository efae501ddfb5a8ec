"""Instants as an account writes and reads them: ISO 8601 in UTC, whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime

from rules.instants import SECOND, Instant, instant


def stamp(at: Instant) -> str:
    """The instant without what is finer than a second."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamped(at: Instant | None) -> str | None:
    """The same, None for none."""
    return None if at is None else stamp(at)


def read(text: str) -> Instant:
    """The instant of a stamp or a date. Raises ValueError."""
    found = datetime.fromisoformat(text)
    return instant(found if found.tzinfo else found.replace(tzinfo=UTC))
