"""What Jira's two editions answer alike, a function per call; what they answer each in their own way, by name alone.

No class but the two below `JiraClient` knows which edition a site is: `cloud` and `data_center` find issues, page through them,
name people and write texts in their own dialect, and give what they read in the shapes of `wire`. References are to Cloud's
pages; Data Center's name the same calls below /rest/api/2. Permissions are named where a call needs more than the right to browse
its projects.
"""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar, Final, NamedTuple, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from connectors.answers import Answer, Limit
from connectors.budget import Urgency
from connectors.errors import OutcomeUnknown, TryLater
from connectors.http import Http, Limits, Surroundings
from connectors.jira import wire
from connectors.jira.auth import link_of
from connectors.jira.settings import JiraSettings
from connectors.sessions import Auth
from rules.instants import Instant

_WEBHOOKS: Final = "/rest/webhooks/1.0/webhook"
SEARCH_SECONDS: Final = 60.0
EVERYWHERE: Final = "/rest/api/2"
"""The version of the API that both editions have."""
CLOCKS_AT_ONCE: Final = 100
_NOT_FOR_US: Final = frozenset({400, 403, 404})
"""Answers to a question about the site's configuration that hoist's account may not ask, or that the site does not know."""

SCOPES: Final = ("read:jira-user", "read:jira-work", "write:jira-work")
"""What a token of hoist's must be good for, where it has scopes."""
_LACKING: Final = "scope does not match"
"""Part of what Atlassian's gateway answers, with 401, where a token lacks a scope; those of API tokens can't be asked for."""

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Search(NamedTuple):
    """One page of a search and the answer it came in; `rows` is None where Jira refuses the page token."""

    rows: wire.Rows | None
    answer: Answer


class Clocks(NamedTuple):
    """One page of issues with some of their fields as a search shows them, by id; `token` is that of the next page."""

    rows: Mapping[str, Mapping[str, Any]]
    token: str | None
    server_time: Instant


class Fetched(NamedTuple):
    """Issues as they came, in the shape of Cloud's bulkfetch: one that can't be parsed must not cost the others.

    `histories` are their changelogs in the shape of Cloud's changelog/bulkfetch; None where these are asked for on their own.
    """

    issues: bytes
    server_time: Instant
    histories: bytes | None = None


def own_words(body: bytes) -> str:
    """Jira's sentences out of an error body, fields with their ids; empty where there are none."""
    try:
        words = wire.ErrorWords.model_validate_json(body)
    except ValidationError:
        return ""
    said = [*words.messages, *(f"{field}: {text}" for field, text in words.fields.items()), words.message, words.message_of_desk]
    if _LACKING in words.message:
        said.append(f"the token lacks a scope, hoist needs {', '.join(SCOPES)}")
    return "; ".join(dict.fromkeys(filter(None, said)))


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class JiraClient(ABC):
    """The calls of one site. Every one raises what `Http.read` or `Http.write` raises."""

    api: ClassVar[str]
    reads_by_post: ClassVar[frozenset[str]] = frozenset()
    headers: ClassVar[Mapping[str, str]] = {}
    """What goes with every request."""
    stamp_resolution: ClassVar[int] = 1
    """Milliseconds to which a search tells when an issue was updated."""

    def __init__(self, source: str, settings: JiraSettings, surroundings: Surroundings | None, *, dry_run: bool) -> None:
        surroundings = surroundings or Surroundings()
        self.auth = self.signed(source, settings, surroundings)
        self._http = Http(
            source,
            settings.url,
            self.auth,
            words=own_words,
            limits=Limits(
                concurrent=settings.concurrent_requests, requests_per_second=settings.requests_per_second, said_in=self.limit_of
            ),
            surroundings=surroundings,
            reads_by_post=self.reads_by_post,
            link=replace(link_of(settings), headers=self.headers),
            dry_run=dry_run,
        )
        self.source = source
        self.ahead = self._http.ahead

    def at(self, urgency: Urgency) -> Self:
        """The same client for reads that are so urgent."""
        other = copy.copy(self)
        other._http = self._http.at(urgency)  # noqa: SLF001 - its own
        return other

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    # --- each edition in its own way ------------------------------------------------------------------------------------

    @abstractmethod
    def signed(self, source: str, settings: JiraSettings, surroundings: Surroundings) -> Auth:
        """What signs the requests. Raises AskAdmin where a secret is missing."""

    @abstractmethod
    def limit_of(self, answer: Answer) -> Limit | None:
        """What an answer says of the site's limits."""

    @abstractmethod
    def unfit(self, server: wire.ServerInfo) -> str:
        """Why this client can't speak to such a site, and what to do; empty where it can."""

    @abstractmethod
    def changed(self, projects: Sequence[str], since: Instant | None, rows: int, token: str | None) -> Search:
        """One page of the issues updated since then, in the order of their updates, or of all where no instant is given.

        Without rows where the token is no longer good; any other refusal is raised.
        """

    @abstractmethod
    def every_id(self, projects: Sequence[str], token: str | None) -> tuple[wire.Ids | None, Answer]:
        """One page of the ids of all issues in an order that no change moves. None where the token is no longer good."""

    @abstractmethod
    def open_issues(self, projects: Sequence[str], rows: int, token: str | None) -> Search:
        """One page of the issues that are not done, in an order that no change moves."""

    @abstractmethod
    def clocks(self, jql: str, fields: Sequence[str], token: str | None) -> Clocks:
        """One page of the SLA fields of the issues that a search finds."""

    @abstractmethod
    def newest(self, project: str) -> str | None:
        """The id of the issue of a project that was updated last."""

    @abstractmethod
    def issues(self, ids: Sequence[str], fields: Sequence[str], properties: Sequence[str] = ()) -> Fetched:
        """At most 100 issues as they are now. What is not there is left out."""

    @abstractmethod
    def one_issue(self, id_: str, fields: Sequence[str], properties: Sequence[str] = ()) -> Fetched:
        """One issue as it is now. Raises Gone."""

    @abstractmethod
    def histories(self, ids: Sequence[str], token: str | None) -> Answer:
        """One page of the changelogs of at most 1,000 issues. Asked for only where `issues` tells none."""

    @abstractmethod
    def newest_entries(self, id_: str) -> tuple[list[wire.Entry], Instant]:
        """The last hundred saves of an issue at least, and the server time. Raises Gone."""

    @abstractmethod
    def priorities_of(self, project: str) -> list[wire.Allowed]:
        """What issues of a project may be given, the most urgent first; nothing where hoist's account may not ask."""

    @abstractmethod
    def choices(self, field: str) -> list[wire.Allowed]:
        """The choices of a select field; nothing where hoist's account may not ask."""

    @abstractmethod
    def groups(self) -> list[wire.Group] | None:
        """Needs the right to browse users and groups; None without it."""

    @abstractmethod
    def assignable(self, project: str) -> list[wire.Assignable]:
        """Who can be given tickets of a project, as far as Jira tells; nobody without the right to browse users."""

    @abstractmethod
    def person(self, id_: str) -> dict[str, str]:
        """Somebody as a field's new value."""

    @abstractmethod
    def inert(self, text: str) -> object:
        """A comment's body that shows `text` as it stands."""

    @property
    def scopes(self) -> frozenset[str]:
        """Those of hoist's OAuth token, as far as the token endpoint named them."""
        return frozenset()

    def refresh_webhooks(self, before: Instant) -> int:  # noqa: ARG002 - an administrator's webhooks do not end
        """Let those of hoist's webhooks live on that would end before then; how many."""
        return 0

    def resources(self) -> list[wire.Resource] | None:
        """The sites that hoist's OAuth token is good for; None where it has no such token, or Atlassian does not tell."""
        return None

    def doubts(self, projects: Sequence[str]) -> list[str]:  # noqa: ARG002 - for editions that have some
        """What an administrator must mend that is peculiar to the edition, as sentences."""
        return []

    # --- who and what ---------------------------------------------------------------------------------------------------

    def myself(self) -> tuple[wire.Me, Answer]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/#api-rest-api-3-myself-get."""
        answer = self._http.read("GET", f"{self.api}/myself")
        return self._parsed(answer, wire.Me.model_validate_json), answer

    def server_info(self, api: str = "") -> wire.ServerInfo:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-server-info/#api-rest-api-3-serverinfo-get."""
        return self._got(f"{api or self.api}/serverInfo", wire.ServerInfo)

    def my_permissions(self, project: str, keys: Sequence[str]) -> wire.Permissions | None:
        """None where the project is not known to this account.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permissions/#api-rest-api-3-mypermissions-get
        """
        query = {"projectKey": project, "permissions": ",".join(keys)}
        return self._get_if_allowed(f"{self.api}/mypermissions", wire.Permissions.model_validate_json, query)

    # --- configuration --------------------------------------------------------------------------------------------------

    def statuses(self) -> list[wire.StatusRef]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-workflow-statuses/#api-rest-api-3-status-get."""
        return self._parsed(self._http.read("GET", f"{self.api}/status"), wire.STATUSES.validate_json)

    def fields(self) -> list[wire.FieldInfo]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-fields/#api-rest-api-3-field-get."""
        return self._parsed(self._http.read("GET", f"{self.api}/field"), wire.FIELDS.validate_json)

    def project(self, key: str) -> wire.ProjectInfo | None:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-projects/#api-rest-api-3-project-projectidorkey-get."""
        return self._get_if_allowed(f"{self.api}/project/{quoted(key)}", wire.ProjectInfo.model_validate_json)

    def priorities(self) -> list[wire.Allowed]:
        """All of the site in its order; deprecated by the vendor, hence asked for last.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-priorities/#api-rest-api-3-priority-get
        """
        return self._parsed(self._http.read("GET", f"{self.api}/priority"), wire.NAMED.validate_json)

    def edit_meta(self, issue: str) -> wire.EditMeta | None:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-editmeta-get."""
        return self._get_if_allowed(f"{self.api}/issue/{quoted(issue)}/editmeta", wire.EditMeta.model_validate_json)

    def components(self, project: str) -> list[wire.Allowed]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-project-components/#api-rest-api-3-project-projectidorkey-components-get."""
        answer = self._http.read("GET", f"{self.api}/project/{quoted(project)}/components")
        return self._parsed(answer, wire.NAMED.validate_json)

    def comments(self, id_: str, start: int, order: str) -> tuple[wire.Comments, Answer]:
        """A page of one issue's comments; `order` is created or -created. Raises Gone.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-get
        """
        query = {"startAt": str(start), "maxResults": "100", "orderBy": order}
        answer = self._http.read("GET", f"{self.api}/issue/{quoted(id_)}/comment", subject=id_, query=query)
        return self._parsed(answer, wire.COMMENTS.validate_json), answer

    def comment_property(self, comment: str, key: str) -> object:
        """The value of a comment's property; None where it has none.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comment-properties/#api-rest-api-3-comment-commentid-properties-propertykey-get
        """
        path = f"{self.api}/comment/{quoted(comment)}/properties/{quoted(key)}"
        answer = self._http.read("GET", path, accept=frozenset({404}))
        return None if answer.status == 404 else self._parsed(answer, wire.Property.model_validate_json).value

    def issue_property(self, id_: str, key: str) -> object:
        """The value of an issue's property; None where it has none.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-properties/#api-rest-api-3-issue-issueidorkey-properties-propertykey-get
        """
        path = f"{self.api}/issue/{quoted(id_)}/properties/{quoted(key)}"
        answer = self._http.read("GET", path, subject=id_, accept=frozenset({404}))
        return None if answer.status == 404 else self._parsed(answer, wire.Property.model_validate_json).value

    # --- writes ---------------------------------------------------------------------------------------------------------

    def edit(self, id_: str, body: bytes) -> Answer:
        """Fields, labels and a property in one save. Without `notifyUsers`: Jira ignores it for all but administrators.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-put
        """
        return self._http.write("PUT", f"{self.api}/issue/{quoted(id_)}", subject=id_, body=body)

    def transitions(self, id_: str) -> list[wire.Transition]:
        """Those that are open to hoist from where an issue stands, with the fields that they want. Raises Gone.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get
        """
        query = {"expand": "transitions.fields"}
        answer = self._http.read("GET", f"{self.api}/issue/{quoted(id_)}/transitions", subject=id_, query=query)
        return self._parsed(answer, wire.Transitions.model_validate_json).transitions

    def transit(self, id_: str, body: bytes) -> Answer:
        """Take an issue through a transition, with fields and a property.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-post
        """
        return self._http.write("POST", f"{self.api}/issue/{quoted(id_)}/transitions", subject=id_, body=body)

    def add_comment(self, id_: str, body: bytes) -> tuple[str, Answer]:
        """The new comment's id. Raises OutcomeUnknown where the answer does not name one.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-post
        """
        answer = self._http.write("POST", f"{self.api}/issue/{quoted(id_)}/comment", subject=id_, body=body)
        with suppress(ValidationError):
            return wire.Made.model_validate_json(answer.body).id, answer
        raise OutcomeUnknown(f"{self.source}:{id_}: Jira answered {answer.status} without naming a comment; hoist looks for it")

    # --- an administrator's webhooks: https://developer.atlassian.com/cloud/jira/platform/webhooks/ ------------------------

    def webhooks(self) -> list[dict[str, Any]]:
        """All of the site's."""
        return self._parsed(self._http.read("GET", _WEBHOOKS), wire.WEBHOOKS.validate_json)

    def make_webhook(self, body: bytes) -> None:
        """One more."""
        self._http.write("POST", _WEBHOOKS, subject="", body=body)

    def change_webhook(self, number: str, body: bytes) -> None:
        """What is named in the body."""
        self._http.write("PUT", f"{_WEBHOOKS}/{quoted(number)}", subject="", body=body)

    def remove_webhook(self, number: str) -> None:
        """It calls nobody any more."""
        self._http.write("DELETE", f"{_WEBHOOKS}/{quoted(number)}", subject="", body=b"")

    # --- answers --------------------------------------------------------------------------------------------------------

    def _got(self, path: str, shape: type[M]) -> M:
        return self._parsed(self._http.read("GET", path), shape.model_validate_json)

    def _get_if_allowed(self, path: str, parse: Callable[[bytes], T], query: Mapping[str, str] | None = None) -> T | None:
        answer = self._http.read("GET", path, query=query, accept=_NOT_FOR_US)
        return None if answer.status in _NOT_FOR_US else self._parsed(answer, parse)

    def _pages(self, path: str, shape: type[wire.PageOf[T]], query: Mapping[str, str] | None = None) -> list[T] | None:
        found: list[T] = []
        while True:
            asked = {"startAt": str(len(found)), "maxResults": "50"} | dict(query or {})
            page = self._get_if_allowed(path, shape.model_validate_json, asked)
            if page is None:
                return None
            found += page.values
            if page.is_last or not page.values:
                return found

    def _parsed(self, answer: Answer, parse: Callable[[bytes], T]) -> T:
        try:
            return parse(answer.body)
        except ValidationError as problem:
            where = wrong_place(problem)
        raise TryLater(f"{self.source}: Jira's answer is not what its reference describes ({where}); hoist tries again", 60.0)


def wrong_place(problem: ValidationError) -> str:
    """The first thing wrong in an answer, as `fields.status: Field required`, without what stood there."""
    first = problem.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'the whole'}: {first['msg']}"


def quoted(part: str) -> str:
    """A part of a path."""
    return quote(part, safe="")
