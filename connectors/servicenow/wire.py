"""ServiceNow's JSON: rows of cells.

The Table API gives each column of a row as `{"value": ..., "display_value": ...}` where both are asked for, else as a bare text;
references may bring a link. All values are text, numbers and truth too, and empty ones are "". A column that the account may not
read, or that does not exist, is left out without a word, so a cell has three states: hidden, empty, and a text.

https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import (
    Any,
    Final,
    Required,  # pydantic asks for it on Python 3.11
)

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import from_json
from typing_extensions import TypedDict

from rules.instants import SECOND, Instant

Row = Mapping[str, Any]
_LENGTH: Final = len("2026-11-23 08:00:00")
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - as the platform writes: without a zone
_MILLISECOND: Final = timedelta(milliseconds=1)
SYS_ID: Final = re.compile(r"[0-9a-f]{32}")


class Unreadable(Exception):
    """An answer that is not what the platform's reference describes."""


def rows(body: bytes) -> list[Row]:
    """The rows of a list, those left out that row rules have emptied. Raises Unreadable."""
    found = _result(body)
    if not isinstance(found, list):
        raise Unreadable("it holds no list of rows")
    return [row for row in found if isinstance(row, dict) and row]


def row(body: bytes) -> Row:
    """The one row of an answer. Raises Unreadable."""
    found = _result(body)
    if not isinstance(found, dict):
        raise Unreadable("it holds no row")
    return found


def _result(body: bytes) -> Any:
    try:
        whole = from_json(body)
    except ValueError:
        whole = None
    if not isinstance(whole, dict) or "result" not in whole:
        raise Unreadable("it is no JSON with a result")
    if "error" in whole:
        raise Unreadable("it breaks off with an error")
    return whole["result"]


def cell(row: Row, column: str) -> str | None:
    """The value of a column: None where it is hidden, "" where it is empty."""
    found = row.get(column)
    if found.__class__ is dict:
        found = found.get("value")
        return found if found.__class__ is str else _odd(found)
    if found.__class__ is str:
        return found
    return _odd(found) if column in row else None


def plain(row: Row) -> dict[str, str]:
    """The values of all columns that are not hidden. Raises Unreadable where one is no value at all."""
    found: dict[str, str] = {}
    for column, value in row.items():
        if value.__class__ is dict:
            value = value.get("value", value)  # noqa: PLW2901 - it is the value
        if value.__class__ is str:
            found[column] = value
        elif isinstance(value, list | dict):
            raise Unreadable(f"its {column} holds no value")
        else:
            found[column] = _odd(value)
    return found


def _odd(value: object) -> str:
    """A value that is no text, as the text that it should have been."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def label(row: Row, column: str) -> str:
    """What people see of a column; its value where the platform says nothing else."""
    found = row.get(column)
    shown = found.get("display_value") if found.__class__ is dict else None
    if shown.__class__ is str and shown:
        return shown
    return str(shown) if shown else text(row, column)


def labels(row: Row, columns: Mapping[str, str]) -> dict[str, str]:
    """What people see of columns, each under its name here; those of which there is nothing to see are left out."""
    found: dict[str, str] = {}
    for name, column in columns.items():
        cells = row.get(column)
        shown = cells.get("display_value") if cells.__class__ is dict else None
        if shown.__class__ is not str or not shown:
            shown = label(row, column)
        if shown:
            found[name] = shown
    return found


def text(row: Row, column: str) -> str:
    """The value of a column, "" where it is hidden or empty."""
    found = row.get(column)
    if found.__class__ is dict:
        found = found.get("value")
    return found if found.__class__ is str else cell(row, column) or ""


def texts(rows: Sequence[Row], column: str) -> list[str]:
    """The same of each row."""
    return [found if (found := row.get(column)).__class__ is str else text(row, column) for row in rows]


def is_true(row: Row, column: str) -> bool:
    """Whether a column holds the truth."""
    return text(row, column).casefold() in {"true", "1"}


def stamp(text: str) -> Instant:
    """The instant of a date-time value, which is in UTC whatever the session's zone. Raises ValueError."""
    if len(text) != _LENGTH or text[4] != "-" or text[10] != " ":
        raise ValueError("it is no time in the form YYYY-MM-DD HH:MM:SS")
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND


def stamp_or_none(text: str) -> Instant | None:
    """The same; None where it is empty or no time."""
    try:
        return stamp(text) if text else None
    except ValueError:
        return None


def written_stamp(at: Instant) -> str:
    """An instant as a query names it, cut to the second."""
    return str(_EPOCH + timedelta(seconds=at // SECOND))


# --- the Batch API, and errors -----------------------------------------------------------------------------------------


@with_config(extra="ignore")
class Header(TypedDict, total=False):
    """A header of one part's answer."""

    name: str
    value: str


@with_config(extra="ignore", coerce_numbers_to_str=True, val_json_bytes="base64")
class Served(TypedDict, total=False):
    """One part of a batch as it was answered."""

    id: Required[str]
    status_code: int
    body: bytes
    headers: list[Header]
    execution_time: float  # milliseconds


@with_config(extra="ignore")
class _Batch(TypedDict):
    """https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/batch-api.html."""

    serviced_requests: list[Served]


_BATCH: Final = TypeAdapter(_Batch)


def batch(body: bytes) -> list[Served]:
    """The parts of a batch that were answered; the others ran out of time. Raises Unreadable."""
    try:
        return _BATCH.validate_json(body)["serviced_requests"]
    except ValidationError:
        raise Unreadable("it holds no serviced_requests") from None


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Words(_Loose):
    message: str | None = None
    detail: str | None = None


class _Error(_Loose):
    error: _Words | str = _Words()


def own_words(body: bytes) -> str:
    """The instance's sentences out of an error body; empty where there are none."""
    try:
        said = _Error.model_validate_json(body).error
    except ValidationError:
        return ""
    if isinstance(said, str):
        return said
    return ": ".join(dict.fromkeys(filter(None, (said.message, said.detail))))
