"""A ticket's audits as Zendesk tells them. They are read by hand, as rows are: there are even more of them.

https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.zendesk.wire import Row, Unreadable, flag, mapping, time_of, word
from rules.instants import Instant

_SAID: Final = frozenset({"Comment", "VoiceComment", "VoiceApiComment", "FacebookComment", "Tweet"})


@dataclass(slots=True)
class Via:
    """By what way something came about; `rule` is the number of the account's rule that did it, empty where it is not named."""

    channel: str | None = None
    rule: str = ""

    @property
    def by_rule(self) -> bool:
        """Whether a trigger or an automation of the account did it."""
        return self.channel == "rule"


@dataclass(slots=True)
class Event:
    """One thing that an audit tells of."""

    id: str = ""
    type: str = ""
    field_name: str = ""
    value: Any = None
    previous_value: Any = None
    author_id: str | None = None
    public: bool | None = None
    text: str | None = None
    comment_id: str | None = None
    via: Via | None = None

    @property
    def is_comment(self) -> bool:
        """Whether somebody said something, in whatever way."""
        return self.type in _SAID


@dataclass(slots=True)
class Audit:
    """One update of a ticket, with everything that came of it. `custom` is what programs have noted in its metadata."""

    id: str
    author_id: str | None
    created: Instant
    custom: Mapping[str, Any]
    via: Via
    events: Sequence[Event]


def audit_of(found: Row) -> Audit:
    """A row as an audit. Raises Unreadable, with what is wrong about it."""
    try:
        return _audit(found)
    except Unreadable as problem:
        said = f"audit {found.get('id')}: {problem}"
    raise Unreadable(said)


def _audit(found: Row) -> Audit:
    id_ = word(found, "id")
    if id_ is None:
        raise Unreadable("id: there is none")
    events = found.get("events")
    return Audit(
        id=id_,
        author_id=word(found, "author_id"),
        created=time_of(found, "created_at"),
        custom=mapping(mapping(found.get("metadata")).get("custom")),
        via=_via(mapping(found.get("via"))),
        events=[_event(each) for each in events] if isinstance(events, list) else (),
    )


def _event(found: object) -> Event:
    if not isinstance(found, dict):
        raise Unreadable("events: one is no object")
    kind = word(found, "type") or ""
    via = found.get("via")
    made = Event(
        id=word(found, "id") or "",
        type=kind,
        field_name=word(found, "field_name") or "",
        value=found.get("value"),
        previous_value=found.get("previous_value"),
        via=_via(via) if isinstance(via, dict) else None,
    )
    if kind not in {"Change", "Create"}:
        made.author_id = word(found, "author_id")
        made.public = flag(found, "public")
        made.text = word(found, "plain_body") or word(found, "body")
        made.comment_id = word(found, "comment_id")
    return made


def _via(found: Row) -> Via:
    return Via(word(found, "channel"), word(mapping(mapping(found.get("source")).get("from")), "id") or "")
