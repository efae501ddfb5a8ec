"""Zendesk's answers as models, only the fields that are used.

Ids are whole numbers of 64 bits there and texts here. A list is read row by row, so that one odd row spoils no other.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant

Row = Mapping[str, Any]
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_EPOCH: Final = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a count of days
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


# --- tickets -----------------------------------------------------------------------------------------------------------


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, hide_input_in_errors=True)


def _mapping(value: object) -> object:
    return value if isinstance(value, dict | BaseModel) else {}


def _list(value: object) -> object:
    return value if isinstance(value, list) else []


Time = Annotated[Instant, BeforeValidator(lambda value: stamp(value) if isinstance(value, str) else value)]


class Source(_Loose):
    """Where something came from: the number of a trigger, of another ticket."""

    origin: Annotated[dict[str, Any], BeforeValidator(_mapping), Field(alias="from")] = {}
    rel: str | None = None


class Via(_Loose):
    """By what way something came in."""

    channel: str | None = None
    source: Annotated[Source, BeforeValidator(_mapping)] = Source()

    @property
    def by_rule(self) -> bool:
        """Whether a trigger or an automation of the account did it."""
        return self.channel == "rule"

    @property
    def rule(self) -> str:
        """The rule's number; empty where it is not named."""
        return text(self.source.origin, "id")


class Metric(_Loose):
    """One clock of a service level agreement."""

    metric: str = ""
    stage: str | None = None
    breach_at: str | None = None


class Targets(_Loose):
    metrics: Annotated[list[Metric], BeforeValidator(_list), Field(alias="policy_metrics")] = []


class FieldValue(_Loose):
    id: str
    value: Any = None


class TicketRow(_Loose):
    """A ticket as lists, exports and single reads give it. `generated`, seconds since 1970, is of exports alone."""

    id: str
    created: Annotated[Time, Field(alias="created_at")]
    updated: Annotated[Time, Field(alias="updated_at")]
    status: str
    stamp: Annotated[str, Field(alias="updated_at")]
    generated: Annotated[int | None, Field(alias="generated_timestamp")] = None
    custom_status_id: str | None = None
    priority: str | None = None
    group_id: str | None = None
    assignee_id: str | None = None
    requester_id: str | None = None
    organization_id: str | None = None
    brand_id: str | None = None
    ticket_form_id: str | None = None
    problem_id: str | None = None
    has_incidents: bool | None = None
    type: str | None = None
    subject: str | None = None
    description: str | None = None
    due_at: str | None = None
    tags: Annotated[list[str], BeforeValidator(_list)] = []
    followup_ids: list[str] | None = None
    custom_fields: Annotated[list[FieldValue], BeforeValidator(_list)] = []
    via: Annotated[Via, BeforeValidator(_mapping)] = Via()
    slas: Targets | None = None

    @property
    def is_deleted(self) -> bool:
        """Exports go on showing a deleted ticket, with what is left of it."""
        return self.status == "deleted"

    @property
    def is_merged(self) -> bool:
        """Whether it was closed because its conversation goes on in another ticket."""
        return self.status == "closed" and "closed_by_merge" in self.tags


def ticket(found: Row) -> TicketRow:
    """A row as a ticket. Raises Unreadable, with what is wrong about it."""
    try:
        made = TicketRow.model_validate(found)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
        said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        if ID.fullmatch(made.id):
            return made
        said = "id: it is no number of a ticket"
    raise Unreadable(said)


# --- audits ------------------------------------------------------------------------------------------------------------


class Event(_Loose):
    """One thing that an audit tells of."""

    id: str = ""
    type: str = ""
    field_name: str = ""
    value: Any = None
    previous_value: Any = None
    author_id: str | None = None
    public: bool | None = None
    plain_body: str | None = None
    body: str | None = None
    comment_id: str | None = None
    via: Annotated[Via | None, BeforeValidator(lambda value: value if isinstance(value, dict | BaseModel) else None)] = None

    @property
    def is_comment(self) -> bool:
        """Whether somebody said something, in whatever way."""
        return self.type in {"Comment", "VoiceComment", "VoiceApiComment", "FacebookComment", "Tweet"}


class Metadata(_Loose):
    custom: Annotated[dict[str, Any], BeforeValidator(_mapping)] = {}


class Audit(_Loose):
    """One update of a ticket, with everything that came of it."""

    id: str
    ticket_id: str = ""
    author_id: str | None = None
    created: Annotated[Time, Field(alias="created_at")]
    metadata: Annotated[Metadata, BeforeValidator(_mapping)] = Metadata()
    via: Annotated[Via, BeforeValidator(_mapping)] = Via()
    events: Annotated[list[Event], BeforeValidator(_list)] = []


def audit(found: Row) -> Audit:
    """A row as an audit. Raises Unreadable."""
    try:
        return Audit.model_validate(found)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
        said = f"audit {found.get('id')}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    raise Unreadable(said)


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
