"""The Jira Cloud connector: the contract in Jira's terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from connectors.budget import Urgency
from connectors.contract import (
    Capabilities,
    CensusPage,
    Guard,
    Identity,
    Ledger,
    Once,
    Page,
    Promise,
    Reading,
    Receipt,
    Verification,
)
from connectors.errors import Gone
from connectors.http import Surroundings
from connectors.jira.census import Census
from connectors.jira.changes import ChangedIssues
from connectors.jira.client import JiraClient, encoded
from connectors.jira.facts import SiteFacts
from connectors.jira.mapping import READ, Mapper
from connectors.jira.reading import TicketReader
from connectors.jira.settings import JiraSettings
from connectors.jira.wire import Comment, Entry
from connectors.jira.writing import MARKER, comment_body, edit_body, judge_edit, marks, marks_in
from rules.escalation import Operation, OperationKind
from rules.instants import MINUTE, Instant
from rules.world import Directory

_REQUEST_LIFE: Final = 300.0
"""Seconds. Atlassian names no limit for a request under way, so this is hoist's own for where nobody knows."""
_COMMENTS_LOOKED_AT: Final = 200


class JiraConnector:
    """One Jira Cloud site. With `dry_run` every write is refused before anything is sent."""

    Settings = JiraSettings

    def __init__(
        self, source: str, settings: JiraSettings, surroundings: Surroundings | None = None, *, dry_run: bool = False
    ) -> None:
        self._source = source
        self._client = JiraClient(source, settings, surroundings, dry_run=dry_run)
        self._facts = SiteFacts(source, self._client, settings)
        self._reader = TicketReader(self._client, self._facts, settings.tier_field.field)
        self._census = Census(self._client.at(Urgency.BACKFILL), self._facts, settings)
        self._first = self._changes(settings, Urgency.BACKFILL)
        self._changed = self._changes(settings, Urgency.POLL)
        teams = set() if settings.tier_field.kind == "assignee" else {"team"}
        writes = {"assignee", "priority", "labels", "remove_labels", "comment"} | teams
        self._capabilities = Capabilities(
            platform="jira",
            writes=frozenset(writes),
            reads=READ,
            # Jira's edit takes no condition of any kind, but its changelog names the value that was replaced. A comment replaces
            # nothing; what was written meanwhile is not noticed by it.
            promises={
                OperationKind.FIELDS: Promise(Guard.PUT_BACK, Once.MARKER, "a property of the issue, or its changelog"),
                OperationKind.COMMENT: Promise(Guard.NOT_DETECTABLE, Once.MARKER, "a property of the comment"),
            },
            request_life_seconds=_REQUEST_LIFE,
        )

    def _changes(self, settings: JiraSettings, urgency: Urgency) -> ChangedIssues:
        client = self._client.at(urgency)
        return ChangedIssues(client, self._facts, TicketReader(client, self._facts, settings.tier_field.field), settings)

    def __repr__(self) -> str:
        return f"JiraConnector({self._source})"

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def identify(self) -> Identity:
        return self._facts.identify()

    def problems(self) -> Sequence[str]:
        return self._facts.problems()

    def directory(self) -> Directory:
        return self._facts.directory()

    def changed(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        return (self._first if cursor is None else self._changed).pages(cursor, ledger)

    def read(self, ids: Sequence[str]) -> Reading:
        return self._reader.read(ids)

    def census(self, cursor: str | None) -> CensusPage:
        return self._census.page(cursor)

    def write(self, operation: Operation) -> Receipt:
        issue = operation.ticket.id
        try:
            if operation.kind is OperationKind.COMMENT:
                comment, answer = self._client.add_comment(issue, encoded(comment_body(operation)))
                return Receipt(operation.key, answer.server_time, comment)
            answer = self._client.edit(issue, encoded(edit_body(operation, self._facts.site())))
            return Receipt(operation.key, answer.server_time)
        except Gone:
            self._facts.identify()  # an expired credential sees no ticket either, and then AskAdmin is the truth
            raise

    def marks(self, ticket: str) -> Collection[str]:
        try:
            found = marks_in(self._client.issue_property(ticket, MARKER))
            own = self._facts.site().own_account
            for comment in self._newest_comments(ticket):
                if (comment.get("author") or {}).get("account_id") == own:
                    found |= marks_in(self._client.comment_property(str(comment["id"]), MARKER))
        except Gone:
            self._facts.identify()
            raise
        return found

    def _newest_comments(self, issue: str) -> Iterator[Comment]:
        looked_at = 0
        while looked_at < _COMMENTS_LOOKED_AT:
            page, _ = self._client.comments(issue, looked_at, "-created")
            yield from page["comments"]
            looked_at += len(page["comments"])
            if not page["comments"] or looked_at >= page.get("total", 0):
                return

    def verify(self, operation: Operation) -> Verification:
        try:
            if operation.kind is OperationKind.COMMENT:
                return self._verify_comment(operation)
            return self._verify_edit(operation)
        except Gone as gone:
            self._facts.identify()
            return Verification(found=None, problems=(str(gone),))

    def _verify_edit(self, operation: Operation) -> Verification:
        id_ = operation.ticket.id
        issue, server_time = self._reader.one(id_, [MARKER])
        properties = issue.get("properties")
        value = self._client.issue_property(id_, MARKER) if properties is None else properties.get(MARKER)
        entries, read_at = self._newest_entries(id_)
        ticket = Mapper(self._facts.site(), server_time).ticket(issue, entries, ())
        judged = judge_edit(operation, ticket, marked=marks(value, operation))
        return replace(judged, server_time=min(server_time, read_at))

    def _newest_entries(self, id_: str) -> tuple[list[Entry], Instant]:
        """The last hundred saves at least, and the server time; Jira pages a changelog from its oldest entry on."""
        page, answer = self._client.changelog(id_, 0)
        total = page.get("total", 0)
        if total > len(page["values"]):
            page, answer = self._client.changelog(id_, max(total - 100, 0))
        return page["values"], answer.server_time

    def _verify_comment(self, operation: Operation) -> Verification:
        """Look through hoist's own comments, the newest first, down to the time of the plan."""
        own = self._facts.site().own_account
        earliest = operation.planned_at - MINUTE
        looked_at = 0
        while looked_at < _COMMENTS_LOOKED_AT:
            page, answer = self._client.comments(operation.ticket.id, looked_at, "-created")
            for comment in page["comments"]:
                if comment["created"] < earliest:
                    return Verification(found=False, server_time=answer.server_time)
                author = comment.get("author") or {}
                if author.get("account_id") == own and marks(
                    self._client.comment_property(str(comment["id"]), MARKER), operation
                ):
                    return self._found(operation, comment)
            looked_at += len(page["comments"])
            if not page["comments"] or looked_at >= page.get("total", 0):
                return Verification(found=False, server_time=answer.server_time)
        return Verification(found=None, problems=(f"{operation.ticket}: too many comments to look for hoist's own among them",))

    def _found(self, operation: Operation, comment: Comment) -> Verification:
        problem = (
            f"{operation.ticket}: hoist's comment {comment['id']} is visible to the requester; delete it in Jira, and check that "
            f"hoist's account is an agent of the service project"
        )
        # Outside a service project there are no requesters, and Jira does not say whether a comment is public.
        problems = (problem,) if comment.get("public") else ()
        return Verification(found=True, at=comment["created"], problems=problems, native_id=str(comment["id"]))
