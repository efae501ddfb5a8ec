"""ServiceNow's JSON: rows of cells.

The Table API gives each column of a row as `{"value": ..., "display_value": ...}` where both are asked for, else as a bare text;
references may bring a link. All values are text, numbers and truth too, and empty ones are "". A column that the account may not
read, or that does not exist, is left out without a word, so a cell has three states: hidden, empty, and a text.

https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant

Row = Mapping[str, Any]
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_FIRST_DAY: Final = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a count of days
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
    if isinstance(found, dict):
        found = found.get("value")
        return "" if found is None else str(found)
    if found is None:
        return "" if column in row else None
    return found if isinstance(found, str) else str(found).lower() if isinstance(found, bool) else str(found)


def label(row: Row, column: str) -> str:
    """What people see of a column; its value where the platform says nothing else."""
    found = row.get(column)
    shown = found.get("display_value") if isinstance(found, dict) else None
    return str(shown) if shown else cell(row, column) or ""


def text(row: Row, column: str) -> str:
    """The value of a column, "" where it is hidden or empty."""
    return cell(row, column) or ""


def is_true(row: Row, column: str) -> bool:
    """Whether a column holds the truth."""
    return text(row, column).casefold() in {"true", "1"}


def stamp(text: str) -> Instant:
    """The instant of a date-time value, which is in UTC whatever the session's zone. Raises ValueError."""
    if not _STAMP.fullmatch(text):
        raise ValueError("it is no time in the form YYYY-MM-DD HH:MM:SS")
    return _day(text[:10]) + int(text[11:13]) * HOUR + int(text[14:16]) * MINUTE + int(text[17:]) * SECOND


def stamp_or_none(text: str) -> Instant | None:
    """The same; None where it is empty or no time."""
    try:
        return stamp(text) if text else None
    except ValueError:
        return None


def written_stamp(at: Instant) -> str:
    """An instant as a query names it, cut to the second."""
    days, rest = divmod(at, DAY)
    date = datetime.fromordinal(_FIRST_DAY + days).date().isoformat()
    return f"{date} {rest // HOUR:02}:{rest % HOUR // MINUTE:02}:{rest % MINUTE // SECOND:02}"


@lru_cache(maxsize=4096)
def _day(text: str) -> Instant:
    return (datetime.fromisoformat(text).toordinal() - _FIRST_DAY) * DAY


# --- the Batch API, and errors -----------------------------------------------------------------------------------------


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Header(_Loose):
    name: str = ""
    value: str = ""


def _decoded(body: object) -> bytes:
    try:
        return b64decode(body) if isinstance(body, str) else b""
    except ValueError:
        return b""


class Served(_Loose):
    """One part of a batch as it was answered."""

    id: Annotated[str, BeforeValidator(str)]
    status: int = Field(0, alias="status_code")
    body: Annotated[bytes, BeforeValidator(_decoded)] = b""
    headers: list[Header] = []
    milliseconds: float = Field(0.0, alias="execution_time")


class BatchAnswer(_Loose):
    """https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/batch-api.html."""

    served: list[Served] = Field([], alias="serviced_requests")


def batch(body: bytes) -> BatchAnswer:
    """The parts of a batch that were answered; the others ran out of time. Raises Unreadable."""
    try:
        return BatchAnswer.model_validate_json(body)
    except ValidationError:
        raise Unreadable("it holds no serviced_requests") from None


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
