"""Jira Cloud's REST API, version 3: a function per call, each with its page in the reference.

Answers are parsed into `wire` shapes here, bodies are made elsewhere. Permissions are named where a call needs more than the
right to browse its projects.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from connectors.answers import Answer
from connectors.budget import Urgency
from connectors.errors import OutcomeUnknown, TryLater
from connectors.http import Basic, Http, Limits, Surroundings
from connectors.jira import wire
from connectors.jira.limits import limit_of
from connectors.jira.settings import JiraSettings
from connectors.secrets import named_in
from connectors.sessions import Link

_API: Final = "/rest/api/3"
_WEBHOOKS: Final = "/rest/webhooks/1.0/webhook"
_READS_BY_POST: Final = frozenset({f"{_API}/search/jql", f"{_API}/issue/bulkfetch", f"{_API}/changelog/bulkfetch"})
_SEARCH_SECONDS: Final = 60.0
_NOT_FOR_US: Final = frozenset({400, 403, 404})
"""Answers to a question about the site's configuration that hoist's account may not ask, or that the site does not know."""

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Search(NamedTuple):
    """One page of a search and the answer it came in; `rows` is None where Jira refuses the page token."""

    rows: wire.Rows | None
    answer: Answer


def own_words(body: bytes) -> str:
    """Jira's sentences out of an error body, fields with their ids; empty where there are none."""
    try:
        words = wire.ErrorWords.model_validate_json(body)
    except ValidationError:
        return ""
    said = [*words.messages, *(f"{field}: {text}" for field, text in words.fields.items()), words.message, words.message_of_desk]
    return "; ".join(dict.fromkeys(filter(None, said)))


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class JiraClient:
    """The calls of one site. Every one raises what `Http.read` or `Http.write` raises."""

    def __init__(self, source: str, settings: JiraSettings, surroundings: Surroundings | None, *, dry_run: bool) -> None:
        self._http = Http(
            source,
            settings.url,
            Basic(settings.username, settings.token.reveal()),
            words=own_words,
            limits=Limits(
                concurrent=settings.concurrent_requests, requests_per_second=settings.requests_per_second, said_in=limit_of
            ),
            surroundings=surroundings,
            reads_by_post=_READS_BY_POST,
            link=Link(ca_file=settings.ca_file, credential=named_in(settings)),
            dry_run=dry_run,
        )
        self.source = source
        self.ahead = self._http.ahead

    def at(self, urgency: Urgency) -> JiraClient:
        """The same client for reads that are so urgent."""
        other = copy.copy(self)
        other._http = self._http.at(urgency)  # noqa: SLF001 - its own
        return other

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    # --- who and what ---------------------------------------------------------------------------------------------------

    def myself(self) -> tuple[wire.Me, Answer]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/#api-rest-api-3-myself-get."""
        answer = self._http.read("GET", f"{_API}/myself")
        return self._parsed(answer, wire.Me.model_validate_json), answer

    def server_info(self) -> wire.ServerInfo:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-server-info/#api-rest-api-3-serverinfo-get."""
        return self._get(f"{_API}/serverInfo", wire.ServerInfo)

    def my_permissions(self, project: str, keys: Sequence[str]) -> wire.Permissions | None:
        """None where the project is not known to this account.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permissions/#api-rest-api-3-mypermissions-get
        """
        query = {"projectKey": project, "permissions": ",".join(keys)}
        return self._get_if_allowed(f"{_API}/mypermissions", wire.Permissions.model_validate_json, query)

    # --- configuration --------------------------------------------------------------------------------------------------

    def statuses(self) -> list[wire.StatusRef]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-workflow-statuses/#api-rest-api-3-status-get."""
        return self._parsed(self._http.read("GET", f"{_API}/status"), wire.STATUSES.validate_json)

    def fields(self) -> list[wire.FieldInfo]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-fields/#api-rest-api-3-field-get."""
        return self._parsed(self._http.read("GET", f"{_API}/field"), wire.FIELDS.validate_json)

    def project(self, key: str) -> wire.ProjectInfo | None:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-projects/#api-rest-api-3-project-projectidorkey-get."""
        return self._get_if_allowed(f"{_API}/project/{_quoted(key)}", wire.ProjectInfo.model_validate_json)

    def priority_schemes(self) -> list[wire.Scheme] | None:
        """Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-priority-schemes/#api-rest-api-3-priorityscheme-get
        """
        return self._pages(f"{_API}/priorityscheme", wire.SchemePage, {"expand": "projects"})

    def priorities_of_scheme(self, scheme: str) -> list[wire.Allowed] | None:
        """In the scheme's order. Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-priority-schemes/#api-rest-api-3-priorityscheme-schemeid-priorities-get
        """
        return self._pages(f"{_API}/priorityscheme/{_quoted(scheme)}/priorities", wire.NamedPage)

    def priorities(self) -> list[wire.Allowed]:
        """All of the site in its order; deprecated by the vendor, hence asked for last.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-priorities/#api-rest-api-3-priority-get
        """
        return self._parsed(self._http.read("GET", f"{_API}/priority"), wire.NAMED.validate_json)

    def edit_meta(self, issue: str) -> wire.EditMeta | None:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-editmeta-get."""
        return self._get_if_allowed(f"{_API}/issue/{_quoted(issue)}/editmeta", wire.EditMeta.model_validate_json)

    def field_contexts(self, field: str) -> list[wire.Allowed] | None:
        """Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-custom-field-contexts/#api-rest-api-3-field-fieldid-context-get
        """
        return self._pages(f"{_API}/field/{_quoted(field)}/context", wire.NamedPage)

    def field_options(self, field: str, context: str) -> list[wire.Allowed] | None:
        """Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-custom-field-options/#api-rest-api-3-field-fieldid-context-contextid-option-get
        """
        return self._pages(f"{_API}/field/{_quoted(field)}/context/{_quoted(context)}/option", wire.NamedPage)

    def groups(self) -> list[wire.Group] | None:
        """Needs the right to browse users and groups; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-groups/#api-rest-api-3-group-bulk-get
        """
        return self._pages(f"{_API}/group/bulk", wire.GroupPage)

    def components(self, project: str) -> list[wire.Allowed]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-project-components/#api-rest-api-3-project-projectidorkey-components-get."""
        answer = self._http.read("GET", f"{_API}/project/{_quoted(project)}/components")
        return self._parsed(answer, wire.NAMED.validate_json)

    def assignable(self, project: str) -> list[wire.Assignable]:
        """Who can be given tickets of a project, the first thousand; nobody without the right to browse users.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search/#api-rest-api-3-user-assignable-search-get
        """
        query = {"project": project, "maxResults": "1000"}
        return self._get_if_allowed(f"{_API}/user/assignable/search", wire.ASSIGNABLE.validate_json, query) or []

    # --- issues ---------------------------------------------------------------------------------------------------------

    def search(self, jql: str, rows: int, token: str | None) -> Search:
        """One page of ids with their `updated`. A refused token gives no rows; any other refusal is raised.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-post
        """
        body: dict[str, Any] = {"jql": jql, "maxResults": rows, "fields": ["updated"]}
        if token is not None:
            body["nextPageToken"] = token
        answer = self._http.read(
            "POST",
            f"{_API}/search/jql",
            body=encoded(body),
            read_seconds=_SEARCH_SECONDS,
            accept=frozenset() if token is None else frozenset({400}),
        )
        return Search(None if answer.status == 400 else self._parsed(answer, wire.ROWS.validate_json), answer)

    def search_ids(self, jql: str, token: str | None) -> tuple[wire.Ids | None, Answer]:
        """One page of up to 5,000 ids. A refused token gives none; any other refusal is raised.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-post
        """
        body: dict[str, Any] = {"jql": jql, "maxResults": 5_000, "fields": ["id"]}
        if token is not None:
            body["nextPageToken"] = token
        answer = self._http.read(
            "POST",
            f"{_API}/search/jql",
            body=encoded(body),
            read_seconds=_SEARCH_SECONDS,
            accept=frozenset() if token is None else frozenset({400}),
        )
        return None if answer.status == 400 else self._parsed(answer, wire.IDS.validate_json), answer

    def bulk_fetch(self, ids: Sequence[str], fields: Sequence[str], properties: Sequence[str] = ()) -> Answer:
        """At most 100 issues, not parsed: one that can't be must not cost the others.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-bulkfetch-post
        """
        body = encoded({"issueIdsOrKeys": list(ids), "fields": list(fields), "properties": list(properties)})
        return self._http.read("POST", f"{_API}/issue/bulkfetch", body=body, read_seconds=_SEARCH_SECONDS)

    def bulk_changelogs(self, ids: Sequence[str], token: str | None) -> Answer:
        """One page of the changelogs of at most 1,000 issues, up to 5,000 entries, not parsed.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-changelog-bulkfetch-post
        """
        body: dict[str, Any] = {"issueIdsOrKeys": list(ids), "maxResults": 5_000}
        if token is not None:
            body["nextPageToken"] = token
        return self._http.read("POST", f"{_API}/changelog/bulkfetch", body=encoded(body), read_seconds=_SEARCH_SECONDS)

    def issue(self, id_: str, fields: Sequence[str], properties: Sequence[str] = ()) -> Answer:
        """One issue, not parsed. Raises Gone.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-get
        """
        query = {"fields": ",".join(fields)} | ({"properties": ",".join(properties)} if properties else {})
        return self._http.read("GET", f"{_API}/issue/{_quoted(id_)}", subject=id_, query=query)

    def changelog(self, id_: str, start: int) -> tuple[wire.EntryPage, Answer]:
        """A page of one issue's changelog, the oldest entry first. Raises Gone.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-changelog-get
        """
        query = {"startAt": str(start), "maxResults": "100"}
        answer = self._http.read("GET", f"{_API}/issue/{_quoted(id_)}/changelog", subject=id_, query=query)
        return self._parsed(answer, wire.ENTRIES.validate_json), answer

    def comments(self, id_: str, start: int, order: str) -> tuple[wire.Comments, Answer]:
        """A page of one issue's comments; `order` is created or -created. Raises Gone.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-get
        """
        query = {"startAt": str(start), "maxResults": "100", "orderBy": order}
        answer = self._http.read("GET", f"{_API}/issue/{_quoted(id_)}/comment", subject=id_, query=query)
        return self._parsed(answer, wire.COMMENTS.validate_json), answer

    def comment_property(self, comment: str, key: str) -> object:
        """The value of a comment's property; None where it has none.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comment-properties/#api-rest-api-3-comment-commentid-properties-propertykey-get
        """
        path = f"{_API}/comment/{_quoted(comment)}/properties/{_quoted(key)}"
        answer = self._http.read("GET", path, accept=frozenset({404}))
        return None if answer.status == 404 else self._parsed(answer, wire.Property.model_validate_json).value

    def issue_property(self, id_: str, key: str) -> object:
        """The value of an issue's property; None where it has none.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-properties/#api-rest-api-3-issue-issueidorkey-properties-propertykey-get
        """
        path = f"{_API}/issue/{_quoted(id_)}/properties/{_quoted(key)}"
        answer = self._http.read("GET", path, subject=id_, accept=frozenset({404}))
        return None if answer.status == 404 else self._parsed(answer, wire.Property.model_validate_json).value

    # --- writes ---------------------------------------------------------------------------------------------------------

    def edit(self, id_: str, body: bytes) -> Answer:
        """Fields, labels and a property in one save. Without `notifyUsers`: Jira ignores it for all but administrators.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-put
        """
        return self._http.write("PUT", f"{_API}/issue/{_quoted(id_)}", subject=id_, body=body)

    def add_comment(self, id_: str, body: bytes) -> tuple[str, Answer]:
        """The new comment's id. Raises OutcomeUnknown where the answer does not name one.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/#api-rest-api-3-issue-issueidorkey-comment-post
        """
        answer = self._http.write("POST", f"{_API}/issue/{_quoted(id_)}/comment", subject=id_, body=body)
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
        self._http.write("PUT", f"{_WEBHOOKS}/{_quoted(number)}", subject="", body=body)

    def remove_webhook(self, number: str) -> None:
        """It calls nobody any more."""
        self._http.write("DELETE", f"{_WEBHOOKS}/{_quoted(number)}", subject="", body=b"")

    # --- answers --------------------------------------------------------------------------------------------------------

    def _get(self, path: str, shape: type[M]) -> M:
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


def _quoted(part: str) -> str:
    return quote(part, safe="")
