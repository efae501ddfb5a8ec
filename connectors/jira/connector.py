"""The Jira Cloud connector: the contract in Jira's terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from connectors.answers import Answer
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
from connectors.errors import ConnectorError, GiveUp, Gone, OutcomeUnknown
from connectors.http import Surroundings
from connectors.jira import transitions
from connectors.jira.app_webhooks import WebhookLife
from connectors.jira.census import Census
from connectors.jira.changes import ChangedIssues
from connectors.jira.client import encoded
from connectors.jira.editions import client_of
from connectors.jira.facts import SiteFacts
from connectors.jira.mapping import READ, Mapper
from connectors.jira.reading import TicketReader
from connectors.jira.service_desk import reads_of
from connectors.jira.settings import JiraSettings
from connectors.jira.sweep import ClockSweep
from connectors.jira.wire import Comment
from connectors.jira.writing import MARKER, comment_body, edit_body, judge_edit, marker_of, marks, marks_in
from rules.escalation import Operation, OperationKind
from rules.instants import MINUTE
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
        self._source, self._tier = source, settings.tier_field
        self._client = client_of(source, settings, surroundings, dry_run=dry_run)
        self._facts = SiteFacts(source, self._client, settings)
        self._reader = TicketReader(self._client, self._facts, settings.tier_field.field)
        self._census = Census(self._client.at(Urgency.BACKFILL), self._facts, settings)
        self._first = self._changes(settings, Urgency.BACKFILL)
        self._changed = self._changes(settings, Urgency.POLL)
        polls = self._client.at(Urgency.POLL)
        self._webhooks = WebhookLife(polls)
        self._sweep: ClockSweep | None = None
        if settings.targets:
            reader = TicketReader(polls, self._facts, settings.tier_field.field)
            self._sweep = ClockSweep(polls, self._facts, reader, settings.projects)
        teams = set() if settings.tier_field.kind == "assignee" else {"team"}
        writes = {"assignee", "priority", "labels", "remove_labels", "comment"} | teams
        self._capabilities = Capabilities(
            platform="jira",
            writes=frozenset(writes),
            reads=READ | reads_of(settings),
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
        swept = self._sweep.problem() if self._sweep is not None else ""
        return [*self._facts.problems(), *([swept] if swept else [])]

    def directory(self) -> Directory:
        return self._facts.directory()

    def changed(self, cursor: str | None, ledger: Ledger) -> Iterator[Page]:
        if cursor is None:
            return self._first.pages(cursor, ledger)
        run = self._changed.pages(cursor, ledger)
        return self._webhooks.after(run if self._sweep is None else self._sweep.after(run))

    def read(self, ids: Sequence[str]) -> Reading:
        return self._reader.read(ids)

    def census(self, cursor: str | None) -> CensusPage:
        return self._census.page(cursor)

    def write(self, operation: Operation) -> Receipt:
        issue = operation.ticket.id
        try:
            if operation.kind is OperationKind.COMMENT:
                comment, answer = self._client.add_comment(issue, encoded(comment_body(operation, self._client.inert)))
                return Receipt(operation.key, answer.server_time, comment)
            answer = self._edit(operation)
            return Receipt(operation.key, answer.server_time)
        except Gone:
            self._facts.identify()  # an expired credential sees no ticket either, and then AskAdmin is the truth
            raise

    def _edit(self, operation: Operation) -> Answer:
        """One request; two where the team is a status: a transition, which Jira refuses when it is late, and then the rest."""
        self._check_priority(operation)
        site, issue = self._facts.site(), operation.ticket.id
        change = next((each for each in operation.changes if each.field == "team" and site.tier_kind == "status"), None)
        if change is None:
            return self._client.edit(issue, encoded(edit_body(operation, site, self._client.person)))
        others = tuple(each for each in operation.changes if each is not change)
        rest = edit_body(replace(operation, changes=others), site, self._client.person)
        team, marker = str(change.new), {"properties": [{"key": MARKER, "value": marker_of(operation)}]}
        moved = transitions.body_of(
            operation, self._client.transitions(issue), team, site.teams.get(team, team), self._tier.required
        )
        answer = self._client.transit(issue, encoded(moved | marker))
        if rest.keys() == {"properties"}:
            return answer
        try:
            return self._client.edit(issue, encoded(rest | marker))
        except ConnectorError as problem:
            said = str(problem)
        raise OutcomeUnknown(f"{said}; the transition before it was made, hoist looks before it does anything else")

    def _check_priority(self, operation: Operation) -> None:
        for change in operation.changes:
            if change.field == "priority" and change.new is not None:
                why = self._facts.unfit_priority(str(change.new), lambda: self._project_of(operation.ticket.id))
                if why:
                    raise GiveUp(f"{operation.ticket}: {why}; bind the level to one of these in organisation.yaml")

    def _project_of(self, issue: str) -> str:
        return self._reader.one(issue)[0]["fields"]["project"]["key"]

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
        entries, read_at = self._client.newest_entries(id_)
        ticket = Mapper(self._facts.site(), server_time).ticket(issue, entries, ())
        judged = judge_edit(operation, ticket, marked=marks(value, operation))
        return replace(judged, server_time=min(server_time, read_at))

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

    def _in_a_service_project(self, issue: str) -> bool:
        """Outside of service projects there are no requesters, and Jira need not say whether a comment is public."""
        return self._facts.is_service_project(self._project_of(issue))

    def _found(self, operation: Operation, comment: Comment) -> Verification:
        public, mend = comment.get("public"), "hoist's account is an agent of the service project"
        named = f"{operation.ticket}: hoist's comment {comment['id']}"
        problems: tuple[str, ...] = ()
        if public:
            problems = (f"{named} is visible to the requester; delete it in Jira, and check that {mend}",)
        elif public is None and self._in_a_service_project(operation.ticket.id):
            problems = (f"{named} is not proven to be internal: Jira does not say who reads it; look at it; check that {mend}",)
        return Verification(found=True, at=comment["created"], problems=problems, native_id=str(comment["id"]))
