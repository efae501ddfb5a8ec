"""Zendesk's answers, lists and values, only as far as they are used.

Ids are whole numbers of 64 bits there and texts here. A list is read row by row, so that one odd row spoils no other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from pydantic_core import from_json

from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant

Row = Mapping[str, Any]
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_EPOCH: Final = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a count of days
_NOTHING: Final[Row] = {}
ID: Final = re.compile(r"[1-9]\d{0,18}")


class Unreadable(Exception):
    """An answer, or a row of one, that is not what the platform's reference describes."""


def stamp(text: str) -> Instant:
    """The instant of a time as Zendesk writes it, to the second and in UTC. Raises ValueError."""
    if _STAMP.fullmatch(text):
        return _day(text[:10]) + int(text[11:13]) * HOUR + int(text[14:16]) * MINUTE + int(text[17:19]) * SECOND
    return instant(datetime.fromisoformat(text))


def stamp_or_none(value: object) -> Instant | None:
    """The same; None where it is empty or no time."""
    try:
        return stamp(value) if isinstance(value, str) and value else None
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _day(text: str) -> Instant:
    return (datetime.fromisoformat(text).toordinal() - _EPOCH) * DAY


def body_of(body: bytes) -> Row:
    """An answer as it is. Raises Unreadable where it is no JSON object."""
    try:
        whole = from_json(body)
    except ValueError:
        whole = None
    if not isinstance(whole, dict):
        raise Unreadable("it is no JSON object")
    return whole


def rows(whole: Row, name: str) -> list[Row]:
    """The rows of a list of that name. Raises Unreadable where there is none."""
    found = whole.get(name)
    if not isinstance(found, list):
        raise Unreadable(f"it holds no list of {name}")
    return [row for row in found if isinstance(row, dict)]


def beside(whole: Row, name: str) -> list[Row]:
    """The rows that were to be loaded beside the list; none where they are missing."""
    found = whole.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def row(whole: Row, name: str) -> Row:
    """The one thing of that name. Raises Unreadable where there is none."""
    found = whole.get(name)
    if not isinstance(found, dict):
        raise Unreadable(f"it holds no {name}")
    return found


def text(row: Row, name: str) -> str:
    """A value as text, "" where there is none."""
    found = row.get(name)
    return "" if found is None else str(found)


# --- values of a row ---------------------------------------------------------------------------------------------------


def word(found: Row, name: str) -> str | None:
    """A text, or a whole number as text; None where there is nothing. Raises Unreadable where it is anything else."""
    value = found.get(name)
    if value is None or type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise Unreadable(f"{name}: it is no text and no number")


def words(found: Row, name: str) -> list[str] | None:
    """A list of such; None where there is none. Raises Unreadable where something else is in it."""
    value = found.get(name)
    if not isinstance(value, list):
        return None
    if all(type(each) is str for each in value):
        return value
    if all(type(each) in {str, int} for each in value):
        return [str(each) for each in value]
    raise Unreadable(f"{name}: it is no list of texts and numbers")


def number(found: Row, name: str) -> int | None:
    """A whole number; None where there is nothing. Raises Unreadable where it is anything else."""
    value = found.get(name)
    if value is None or type(value) is int:
        return value
    raise Unreadable(f"{name}: it is no whole number")


def flag(found: Row, name: str) -> bool | None:
    """Yes, no, or nothing. Raises Unreadable where it is anything else."""
    value = found.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise Unreadable(f"{name}: it is neither true nor false")


def time_of(found: Row, name: str) -> Instant:
    """An instant. Raises Unreadable where it is none."""
    value = found.get(name)
    try:
        if isinstance(value, str):
            return stamp(value)
    except ValueError:
        pass
    raise Unreadable(f"{name}: it is no time")


def mapping(value: object) -> Row:
    """An object; an empty one where it is something else."""
    return value if isinstance(value, dict) else _NOTHING


# --- errors ------------------------------------------------------------------------------------------------------------


def own_words(body: bytes) -> str:
    """Zendesk's sentences out of an error body; empty where there are none.

    `error` is a code, or an object with title and message; `details` names what is wrong with which field.
    """
    try:
        whole = body_of(body)
    except Unreadable:
        return ""
    error = whole.get("error")
    said = [text(error, "title"), text(error, "message")] if isinstance(error, dict) else []
    details = whole.get("details")
    if isinstance(details, dict):
        said += [f"{name}: {each}" for name, found in details.items() for each in _descriptions(found)]
    elif whole.get("description") or whole.get("error_description"):
        said.append(text(whole, "description") or text(whole, "error_description"))
    if not any(said) and isinstance(error, str):
        said = [error]
    return "; ".join(filter(None, said))


def _descriptions(found: object) -> list[str]:
    listed = found if isinstance(found, list) else [found]
    return [text(each, "description") or text(each, "error") if isinstance(each, dict) else str(each) for each in listed]
