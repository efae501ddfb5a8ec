"""A ticket's audits as changes and messages. Pure.

An audit is one save. What triggers of the account did in the same audit bears their own `via`, and is a step of its own behind
what the person did. The audit that made the ticket tells its first values, and its comment is the description.

https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.contract import Mark
from connectors.zendesk import marking, wire
from connectors.zendesk.audits import Audit, Event
from rules.instants import Instant
from rules.thanks import only_thanks
from rules.ticket import NATIVE, UNKNOWN, Actor, Change, Kind, Message, Status, Unknown, Value

TEXT_LIMIT: Final = 255
COMMENT_LIMIT: Final = 8_000

STATUSES: Final[Mapping[str, Status]] = {
    "new": Status.NEW,
    "open": Status.OPEN,
    "pending": Status.PENDING,
    "hold": Status.ON_HOLD,
    "solved": Status.RESOLVED,
    "closed": Status.CLOSED,
}
_DIRECT: Final = {
    "group_id": "team",
    "assignee_id": "assignee",
    "priority": "priority",
    "requester_id": "requester",
    "type": "type",
    "problem_id": f"{NATIVE}problem",
}
"""Names of an audit's fields whose values are those of a field of the model."""
_NAMED: Final = {"brand_id": "project", "organization_id": "organisation", "ticket_form_id": "request_type"}
_PEOPLE: Final = frozenset((Kind.STAFF, Kind.REQUESTER))
_NOBODY: Final = frozenset({"", "-1", "0"})


@dataclass(frozen=True, slots=True)
class User:
    """A person or program with an account; `role` is `end-user`, `agent` or `admin`, empty where nobody tells."""

    id: str
    name: str = ""
    email: str = ""
    role: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class CustomStatus:
    """A status that an account has made, in one of the platform's own categories."""

    id: str
    label: str
    category: str


@dataclass(frozen=True, slots=True)
class Account:
    """What an account's answers are read with.

    `own` is the id of hoist's user. `names` are those of brands, organizations and ticket forms, by the audit's name of the field
    and id; `fields` what rules call a custom field, by its number; `automation` the ids of users that are programs.
    """

    source: str
    url: str
    own: str
    statuses: Mapping[str, CustomStatus] = field(default_factory=dict)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    automation: frozenset[str] = frozenset()

    def name(self, kind: str, id_: object) -> Value:
        """What people call a brand, an organization or a form; its id where that is not known."""
        if id_ in (None, ""):
            return None
        return self.names.get(kind, {}).get(str(id_)) or str(id_)


@dataclass(frozen=True, slots=True)
class Past:
    """What a ticket's audits tell."""

    changes: tuple[Change, ...]
    messages: tuple[Message, ...]
    last_comment: str | None
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class _Step:
    """Some events of one audit that one actor is behind."""

    audit: Audit
    save: str
    by: Actor
    events: list[Event]


def status_of(name: object) -> Status | Unknown:
    """The meaning of one of the platform's statuses."""
    return STATUSES.get(str(name), UNKNOWN)


class Historian:
    """Reads the audits of tickets that were read together; `known` is the server time of the earliest answer."""

    def __init__(self, account: Account, users: Mapping[str, User], known: Instant) -> None:
        self._account, self._users, self._known = account, users, known

    def past(self, audits: Iterable[Audit], requester: Value, *, custom_statuses: bool) -> Past:
        """All that audits tell, in their order; an audit that comes twice counts once."""
        ordered = sorted({audit.id: audit for audit in audits}.values(), key=lambda audit: (audit.created, _number(audit.id)))
        changes: list[Change] = []
        messages: dict[str, Message] = {}
        last: str | None = None
        mark: Mark | None = None
        for audit in ordered:
            for step in self._steps(audit, requester):
                changes += self._changes(step, custom_statuses=custom_statuses)
            for message, text in self._messages(audit, requester):
                messages[message.id] = message
                last = text if message.by.kind in _PEOPLE else last
            for event in audit.events:
                if event.type == "CommentPrivacyChange" and (said := messages.get(event.comment_id or "")) is not None:
                    messages[said.id] = replace(said, public=bool(event.public))
            if audit.author_id == self._account.own:
                mark = marking.mark_of(audit.custom) or mark
        return Past(tuple(changes), tuple(messages.values()), last, mark)

    def _steps(self, audit: Audit, requester: Value) -> list[_Step]:
        """An audit's events, those of triggers apart and behind what they answered to."""
        own = _Step(audit, audit.id, self._actor(audit.author_id, requester, by_rule=audit.via.by_rule, rule=audit.via.rule), [])
        by_rules = list[_Step]()
        for event in audit.events:
            if event.via is not None and event.via.by_rule and not audit.via.by_rule:
                if not by_rules:
                    by_rules = [_Step(audit, f"{audit.id}.rules", Actor(event.via.rule, Kind.AUTOMATION), [])]
                by_rules[0].events.append(event)
            else:
                own.events.append(event)
        return [own, *by_rules]

    def _changes(self, step: _Step, *, custom_statuses: bool) -> list[Change]:
        found: list[tuple[Event, str, Value, Value]] = []
        touched: list[Event] = []
        for event in step.events:
            if event.type != "Change":
                continue
            moves = list(self._moves(event, custom_statuses=custom_statuses))
            found += [(event, *move) for move in moves]
            if not moves:
                touched.append(event)
        found += self._category_moves(found)
        if not found and step.by.kind is not Kind.AUTOMATION:
            found = [(event, event.field_name, _short(event.previous_value), _short(event.value)) for event in touched[:1]]
        audit, known = step.audit, self._known
        return [
            Change(audit.created, known, _number(event.id or audit.id), step.save, name, old, new, step.by)
            for event, name, old, new in found
            if old != new
        ]

    def _moves(self, event: Event, *, custom_statuses: bool) -> Iterable[tuple[str, Value, Value]]:
        name, old, new = event.field_name, event.previous_value, event.value
        if name in _DIRECT:
            yield _DIRECT[name], _text(old), _text(new)
        elif name == "status":
            yield "status", _status(old), _status(new)
            if not custom_statuses:
                yield "native_status", _text(old), _text(new)
        elif name == "custom_status_id":
            yield "native_status", _text(old), _text(new)
        elif name == "tags":
            yield "labels", tags_of(old), tags_of(new)
        elif name in {"subject", "raw_subject"}:
            yield "subject", _short(old), _short(new)
        elif name == "due_at":
            yield "due", _due(old), _due(new)
        elif name in _NAMED:
            yield _NAMED[name], self._account.name(name, old), self._account.name(name, new)
        elif (named := self._account.fields.get(name)) is not None:
            yield named, value_of(old), value_of(new)

    def _category_moves(self, moves: Sequence[tuple[Event, str, Value, Value]]) -> list[tuple[Event, str, Value, Value]]:
        """A custom status of another category moves the status as well, whether or not the audit says so."""
        if any(name == "status" for _, name, _, _ in moves):
            return []
        return [
            (event, "status", self._category(old), self._category(new))
            for event, name, old, new in moves
            if name == "native_status" and event.field_name == "custom_status_id" and old is not None and new is not None
        ]

    def _category(self, status: Value) -> Value:
        known = self._account.statuses.get(str(status))
        meaning = status_of(known.category) if known is not None else UNKNOWN
        return meaning.value if isinstance(meaning, Status) else meaning

    def _messages(self, audit: Audit, requester: Value) -> Iterable[tuple[Message, str]]:
        """What was said; the comment that a ticket begins with is its description."""
        if any(event.type == "Create" for event in audit.events):
            return
        for event in audit.events:
            if not event.is_comment:
                continue
            via = event.via or audit.via
            by = self._actor(event.author_id or audit.author_id, requester, by_rule=via.by_rule, rule=via.rule)
            text = event.text or ""
            thanks = by.kind is Kind.REQUESTER and only_thanks(text)
            said = Message(audit.created, self._known, event.id or audit.id, by, bool(event.public), thanks)
            yield said, text[:COMMENT_LIMIT]

    def _actor(self, id_: str | None, requester: Value, *, by_rule: bool = False, rule: str = "") -> Actor:
        """Who acted. An agent who is a ticket's requester speaks as such on it."""
        if by_rule:
            return Actor(rule, Kind.AUTOMATION)
        if id_ is None or id_ in _NOBODY:
            return Actor("", Kind.AUTOMATION)
        if id_ == self._account.own:
            return Actor(id_, Kind.OWN_ACCOUNT)
        if id_ in self._account.automation:
            return Actor(id_, Kind.AUTOMATION)
        user = self._users.get(id_)
        asks = id_ == requester or (user is not None and user.role == "end-user")
        return Actor(id_, Kind.REQUESTER if asks else Kind.STAFF)


def tags_of(value: object) -> tuple[str, ...]:
    """Tags as labels: an audit tells them as a list, older ones as one text."""
    listed = value if isinstance(value, list) else str(value or "").split()
    return tuple(sorted({str(each) for each in listed}))


def value_of(value: object) -> Value:
    """A custom field's value: text, a number as text, the ticks of a list as a tuple; nothing where it is empty."""
    if value is None or value == "":
        return None
    if isinstance(value, list):
        return tuple(sorted(str(each) for each in value))
    return str(value).lower() if isinstance(value, bool) else str(value)[:TEXT_LIMIT]


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


def _short(value: object) -> str | None:
    return None if value in (None, "") else str(value)[:TEXT_LIMIT]


def _status(value: object) -> Value:
    if value in (None, ""):
        return UNKNOWN
    meaning = status_of(value)
    return meaning.value if isinstance(meaning, Status) else meaning


def _due(value: object) -> Value:
    if value in (None, ""):
        return None
    at = wire.stamp_or_none(value)
    return UNKNOWN if at is None else at


def _number(id_: str) -> int:
    return int(id_) if id_.isdecimal() else 0
