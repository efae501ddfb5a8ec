"""Updates of tickets: what was asked for, what the platform and the account's triggers make of it, and the audit that remains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.zendesk.site.catalog import SYSTEM, Catalog
from connectors.zendesk.site.inborn import settled
from connectors.zendesk.site.state import API, Audit, AuditEvent, Comment, Ticket, Tickets, Value, Via
from rules.instants import SECOND, Instant

NOTIFY: Final = Via("rule", "trigger", 23_011_000_000_001, "Notify requester and CCs of comment update")
"""The trigger of every new account that mails the requester what an agent says in public."""


@dataclass(frozen=True, slots=True)
class By:
    """Who updates, and through what. `metadata` is what the caller wants the audit to remember."""

    author: int
    via: Via = API
    metadata: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A comment that is about to be made; `public` is None where the caller does not say."""

    author: int
    body: str
    public: bool | None


@dataclass(slots=True)
class Update:
    """One update under way, and whether it makes the ticket. Of what it set: what was there before, and who set it last."""

    ticket: Ticket
    by: By
    at: Instant
    said: Comment | None
    new: bool
    old: dict[str, Value] = field(default_factory=dict)
    setters: dict[str, Via] = field(default_factory=dict)

    def set(self, changes: Mapping[str, Value], via: Via | None) -> bool:
        """Give fields values; whether that changed anything."""
        values, moved = self.ticket.values, False
        for name, value in changes.items():
            before = values.get(name)
            if before != value:
                moved = True
                self.old.setdefault(name, before)
                values[name] = value
                if via is not None:
                    self.setters[name] = via
        return moved

    def was(self, name: str) -> Value:
        """The value of a field before the update."""
        return self.old[name] if name in self.old else self.ticket.values.get(name)

    @property
    def changed(self) -> Iterator[str]:
        """The fields that differ now; what was set and set back is not among them."""
        return (name for name, before in self.old.items() if before != self.ticket.values[name])


Triggered = Callable[[Update], None]
Listener = Callable[[Update, Audit], None]


class Saving:
    """Carries updates out. `triggered` runs the account's triggers on one, `listeners` hear of each when it is done."""

    def __init__(self, catalog: Catalog, tickets: Tickets, *, lone_agent: bool) -> None:
        self.catalog = catalog
        self.tickets = tickets
        self._lone_agent = lone_agent
        self.triggered: Triggered | None = None
        self.listeners: list[Listener] = []

    def create(self, asked: Mapping[str, Value], by: By, at: Instant, said: Said) -> Ticket:
        """A new ticket."""
        id_ = len(self.tickets.by_id) + 1
        ticket = Ticket(id_, at, at, by.via, {"status": None, "custom_status_id": None, "tags": ()})
        self.tickets.add(ticket)
        ticket.public = said.public is not False
        start = {"status": "new"} if not {"status", "custom_status_id"} & set(asked) else {}
        self._update(ticket, {**start, **asked}, by, at, said, new=True)
        return ticket

    def commit(self, ticket: Ticket, asked: Mapping[str, Value], by: By, at: Instant, said: Said | None = None) -> Audit | None:
        """Change a ticket, in one audit; None, and no trace, where nothing differs."""
        return self._update(ticket, asked, by, at, said, new=False)

    def settled(self, ticket: Ticket, asked: Mapping[str, Value], author: int, *, commented: bool) -> dict[str, Value]:
        """What the platform makes of the changes that somebody asks for."""
        by_requester = not self.catalog.is_agent(author)
        kinds = {"by_requester": by_requester, "commented": commented, "lone_agent": self._lone_agent}
        return settled(self.catalog, ticket.values, asked, **kinds)

    def _update(
        self, ticket: Ticket, asked: Mapping[str, Value], by: By, at: Instant, said: Said | None, *, new: bool
    ) -> Audit | None:
        audit = self.tickets.next_id()
        comment = self._comment(ticket, audit, said, by, at) if said else None
        update = Update(ticket, by, at, comment, new)
        author = comment.author if comment else by.author
        update.set(self.settled(ticket, asked, author, commented=comment is not None), None)
        if self.triggered is not None:
            self.triggered(update)
        events = [*self._changes(update), *self._spoken(update)]
        if not events:
            return None
        found = Audit(audit, ticket.id, at, by.author, by.via, by.metadata, tuple(events))
        ticket.audits.append(found)
        self.tickets.audits.append(found)
        ticket.updated = max(ticket.updated, at)
        if ticket.status != (ticket.statuses[-1][1] if ticket.statuses else None):
            ticket.statuses.append((at, ticket.status))
        self._linked(update)
        self.tickets.touch(ticket, at)
        for listener in self.listeners:
            listener(update, found)
        self._solve_incidents(update)
        return found

    def _comment(self, ticket: Ticket, audit: int, said: Said, by: By, at: Instant) -> Comment:
        public = ticket.public if said.public is None else said.public
        comment = Comment(self.tickets.next_id(), audit, said.author, said.body, public, at, by.via)
        ticket.comments.append(comment)
        return comment

    def _changes(self, update: Update) -> Iterator[AuditEvent]:
        for name in update.changed:
            value, via = update.ticket.values[name], update.setters.get(name)
            facts: dict[str, Any] = {"field_name": name, "value": told(value)}
            if not update.new:
                facts["previous_value"] = told(update.was(name))
            yield AuditEvent(self.tickets.next_id(), "Create" if update.new else "Change", facts, via)

    def _spoken(self, update: Update) -> Iterator[AuditEvent]:
        comment = update.said
        if comment is None:
            return
        yield AuditEvent(comment.id, "Comment", {"comment": comment})
        requester = update.ticket.values.get("requester_id")
        if comment.public and comment.author != requester and not update.new and comment.author != SYSTEM:
            mail = {"subject": "[{{ticket.account}}] Re: {{ticket.title}}", "body": "{{ticket.comments_formatted}}"}
            yield AuditEvent(self.tickets.next_id(), "Notification", {**mail, "recipients": [requester]}, NOTIFY)

    def _solve_incidents(self, update: Update) -> None:
        """Who solves a problem solves its incidents."""
        if "status" not in update.old or update.ticket.status != "solved":
            return
        for id_ in sorted(update.ticket.incidents):
            incident = self.tickets.find(id_)
            if incident is not None and incident.status not in {"solved", "closed"}:
                owner = incident.values.get("assignee_id") or update.ticket.values.get("assignee_id")
                self.commit(incident, {"status": "solved", "assignee_id": owner}, update.by, update.at)

    def _linked(self, update: Update) -> None:
        """A problem knows its incidents, and shows them: it changes with them, though nobody updated it."""
        if "problem_id" not in update.old:
            return
        old, new = update.was("problem_id"), update.ticket.values["problem_id"]
        for id_, joins in ((old, False), (new, True)):
            problem = self.tickets.by_id.get(id_) if isinstance(id_, int) else None
            if problem is None:
                continue
            problem.incidents.add(update.ticket.id) if joins else problem.incidents.discard(update.ticket.id)
            self.tickets.touch(problem, update.at)


def told(value: Value) -> object:
    """A value as an audit shows it: text, a list of tags, or null."""
    match value:
        case None:
            return None
        case tuple():
            return list(value)
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def seconds(at: Instant) -> int:
    """An instant in whole seconds since 1970."""
    return at // SECOND
