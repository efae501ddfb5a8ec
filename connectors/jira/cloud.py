"""Jira Cloud's dialect: version 3 of the API, searches by page tokens, many issues at once, account ids and documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from connectors.answers import Answer, Limit
from connectors.http import Http, Surroundings
from connectors.jira import adf, limits, wire
from connectors.jira.auth import link_of, signed_in
from connectors.jira.client import CLOCKS_AT_ONCE, SEARCH_SECONDS, Clocks, Fetched, JiraClient, Search, encoded, own_words, quoted
from connectors.jira.settings import JiraSettings
from connectors.oauth import ClientToken
from connectors.sessions import Auth
from rules.instants import Instant

_API: Final = "/rest/api/3"
_WEBHOOKS: Final = f"{_API}/webhook"
MANAGE_WEBHOOKS: Final = "manage:jira-webhook"
"""The scope that an app's webhooks want."""
_RESOURCES: Final = "/oauth/token/accessible-resources"
_NOT_TOLD: Final = frozenset({401, 403, 404})
"""Answers to a token for which Atlassian lists no sites: its pages promise the list to apps, not to service accounts."""


class CloudClient(JiraClient):
    """The calls of one site of Jira Cloud."""

    api = _API
    reads_by_post = frozenset({f"{_API}/search/jql", f"{_API}/issue/bulkfetch", f"{_API}/changelog/bulkfetch"})

    def __init__(self, source: str, settings: JiraSettings, surroundings: Surroundings | None, *, dry_run: bool) -> None:
        super().__init__(source, settings, surroundings, dry_run=dry_run)
        around, link = surroundings or Surroundings(), link_of(settings)
        host = "{0.scheme}://{0.netloc}".format(urlsplit(settings.url))
        self._pace = limits.Pace(source, around.monotonic)
        self._gateway = Http(source, host, self.auth, words=own_words, surroundings=around.alone(), link=link)

    def close(self) -> None:
        super().close()
        self._gateway.close()
        if isinstance(self.auth, ClientToken):
            self.auth.close()

    def edit(self, id_: str, body: bytes) -> Answer:
        self._pace.write(id_)
        return super().edit(id_, body)

    def transit(self, id_: str, body: bytes) -> Answer:
        self._pace.write(id_)
        return super().transit(id_, body)

    def add_comment(self, id_: str, body: bytes) -> tuple[str, Answer]:
        self._pace.write(id_)
        return super().add_comment(id_, body)

    def signed(self, source: str, settings: JiraSettings, surroundings: Surroundings) -> Auth:
        return signed_in(source, settings, surroundings)

    @property
    def scopes(self) -> frozenset[str]:
        return self.auth.given if isinstance(self.auth, ClientToken) else frozenset()

    def resources(self) -> list[wire.Resource] | None:
        """https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/#3-2--get-the-cloudid-for-your-site."""
        if not isinstance(self.auth, ClientToken):
            return None
        answer = self._gateway.read("GET", _RESOURCES, accept=_NOT_TOLD)
        return None if answer.status in _NOT_TOLD else self._parsed(answer, wire.RESOURCES.validate_json)

    def limit_of(self, answer: Answer) -> Limit | None:
        return limits.limit_of(answer)

    def unfit(self, server: wire.ServerInfo) -> str:
        if server.deployment in {"Cloud", ""}:
            return ""
        return f"this is Jira {server.deployment}, not Jira Cloud: set `edition: data-center` for this source"

    # --- searches -------------------------------------------------------------------------------------------------------

    def changed(self, projects: Sequence[str], since: Instant | None, rows: int, token: str | None) -> Search:
        """Bounded, as Jira demands; the stamp an unquoted number, since text is read by the minute in the profile's time zone."""
        later = "" if since is None else f" AND updated >= {since}"
        return self.search(f"{_within(projects)}{later} ORDER BY updated ASC, id ASC", rows, token)

    def every_id(self, projects: Sequence[str], token: str | None) -> tuple[wire.Ids | None, Answer]:
        answer = self._searched(f"{_within(projects)} ORDER BY created ASC, id ASC", 5_000, ["id"], token)
        return None if answer.status == 400 else self._parsed(answer, wire.IDS.validate_json), answer

    def open_issues(self, projects: Sequence[str], rows: int, token: str | None) -> Search:
        return self.search(f"{_within(projects)} AND statusCategory != Done ORDER BY created ASC, id ASC", rows, token)

    def clocks(self, jql: str, fields: Sequence[str], token: str | None) -> Clocks:
        answer = self._searched(jql, CLOCKS_AT_ONCE, fields, token)
        found = {"issues": []} if answer.status == 400 else self._parsed(answer, wire.CLOCK_ROWS.validate_json)
        return Clocks({row["id"]: row["fields"] for row in found["issues"]}, found.get("next_token"), answer.server_time)

    def newest(self, project: str) -> str | None:
        found = self.search(f'project = "{project}" ORDER BY updated DESC', 1, None)
        rows = found.rows.get("issues") if found.rows else None
        return rows[0]["id"] if rows else None

    def search(self, jql: str, rows: int, token: str | None) -> Search:
        """One page of ids with their `updated`. A refused token gives no rows; any other refusal is raised."""
        answer = self._searched(jql, rows, ["updated"], token)
        return Search(None if answer.status == 400 else self._parsed(answer, wire.ROWS.validate_json), answer)

    def _searched(self, jql: str, rows: int, fields: Sequence[str], token: str | None) -> Answer:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/#api-rest-api-3-search-jql-post.

        Ids alone come 5,000 to a page, with any field fewer.
        """
        body: dict[str, Any] = {"jql": jql, "maxResults": rows, "fields": list(fields)}
        if token is not None:
            body["nextPageToken"] = token
        return self._http.read(
            "POST",
            f"{_API}/search/jql",
            body=encoded(body),
            read_seconds=SEARCH_SECONDS,
            accept=frozenset() if token is None else frozenset({400}),
        )

    # --- issues ---------------------------------------------------------------------------------------------------------

    def issues(self, ids: Sequence[str], fields: Sequence[str], properties: Sequence[str] = ()) -> Fetched:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-bulkfetch-post."""
        body = encoded({"issueIdsOrKeys": list(ids), "fields": list(fields), "properties": list(properties)})
        answer = self._http.read("POST", f"{_API}/issue/bulkfetch", body=body, read_seconds=SEARCH_SECONDS)
        return Fetched(answer.body, answer.server_time)

    def one_issue(self, id_: str, fields: Sequence[str], properties: Sequence[str] = ()) -> Fetched:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-get."""
        query = {"fields": ",".join(fields)} | ({"properties": ",".join(properties)} if properties else {})
        answer = self._http.read("GET", f"{_API}/issue/{quoted(id_)}", subject=id_, query=query)
        return Fetched(b'{"issues":[' + answer.body + b"]}", answer.server_time)

    def histories(self, ids: Sequence[str], token: str | None) -> Answer:
        """Up to 5,000 entries.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-changelog-bulkfetch-post
        """
        body: dict[str, Any] = {"issueIdsOrKeys": list(ids), "maxResults": 5_000}
        if token is not None:
            body["nextPageToken"] = token
        return self._http.read("POST", f"{_API}/changelog/bulkfetch", body=encoded(body), read_seconds=SEARCH_SECONDS)

    def newest_entries(self, id_: str) -> tuple[list[wire.Entry], Instant]:
        """Jira pages a changelog from its oldest entry on."""
        page, answer = self.changelog(id_, 0)
        total = page.get("total", 0)
        if total > len(page["values"]):
            page, answer = self.changelog(id_, max(total - 100, 0))
        return page["values"], answer.server_time

    def changelog(self, id_: str, start: int) -> tuple[wire.EntryPage, Answer]:
        """A page of one issue's changelog, the oldest entry first. Raises Gone.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-changelog-get
        """
        query = {"startAt": str(start), "maxResults": "100"}
        answer = self._http.read("GET", f"{_API}/issue/{quoted(id_)}/changelog", subject=id_, query=query)
        return self._parsed(answer, wire.ENTRIES.validate_json), answer

    # --- configuration --------------------------------------------------------------------------------------------------

    def priorities_of(self, project: str) -> list[wire.Allowed]:
        schemes = self.priority_schemes()
        about = self.project(project)
        # A scheme whose projects don't fit one page can't be told from the default one: then an issue is asked instead.
        if not schemes or about is None or not all(each.projects.is_last for each in schemes):
            return []
        own = next((each for each in schemes if about.id in {one.id for one in each.projects.values}), None)
        scheme = own or next((each for each in schemes if each.default), None)
        return (self.priorities_of_scheme(scheme.id) if scheme else None) or []

    def priority_schemes(self) -> list[wire.Scheme] | None:
        """Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-priority-schemes/#api-rest-api-3-priorityscheme-get
        """
        return self._pages(f"{_API}/priorityscheme", wire.SchemePage, {"expand": "projects"})

    def priorities_of_scheme(self, scheme: str) -> list[wire.Allowed] | None:
        """In the scheme's order. Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-priority-schemes/#api-rest-api-3-priorityscheme-schemeid-priorities-get
        """
        return self._pages(f"{_API}/priorityscheme/{quoted(scheme)}/priorities", wire.NamedPage)

    def choices(self, field: str) -> list[wire.Allowed]:
        contexts = self.field_contexts(field)
        options = [self.field_options(field, each.id) for each in contexts or ()]
        return [each for several in options for each in several or ()]

    def field_contexts(self, field: str) -> list[wire.Allowed] | None:
        """Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-custom-field-contexts/#api-rest-api-3-field-fieldid-context-get
        """
        return self._pages(f"{_API}/field/{quoted(field)}/context", wire.NamedPage)

    def field_options(self, field: str, context: str) -> list[wire.Allowed] | None:
        """Needs Administer Jira; None without it.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-custom-field-options/#api-rest-api-3-field-fieldid-context-contextid-option-get
        """
        return self._pages(f"{_API}/field/{quoted(field)}/context/{quoted(context)}/option", wire.NamedPage)

    def groups(self) -> list[wire.Group] | None:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-groups/#api-rest-api-3-group-bulk-get."""
        return self._pages(f"{_API}/group/bulk", wire.GroupPage)

    def assignable(self, project: str) -> list[wire.Assignable]:
        """The first thousand.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search/#api-rest-api-3-user-assignable-search-get
        """
        query = {"project": project, "maxResults": "1000"}
        return self._get_if_allowed(f"{_API}/user/assignable/search", wire.ASSIGNABLE.validate_json, query) or []

    # --- an app's webhooks: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-webhooks/ --------------

    def app_webhooks(self) -> list[wire.AppWebhook]:
        """Those of the app that hoist signs in as. Raises AskAdmin for whoever is no app."""
        found: list[wire.AppWebhook] = []
        while True:
            query = {"startAt": str(len(found)), "maxResults": "100"}
            answer = self._http.read("GET", _WEBHOOKS, query=query)
            page = self._parsed(answer, wire.PageOf[wire.AppWebhook].model_validate_json)
            found += page.values
            if page.is_last or not page.values:
                return found

    def register(self, body: bytes) -> list[str]:
        """More webhooks; why Jira did not make them, where it did not."""
        answer = self._http.write("POST", _WEBHOOKS, subject="", body=body)
        results = self._parsed(answer, wire.Registrations.model_validate_json).results
        return [error for each in results for error in each.errors]

    def unregister(self, ids: Sequence[int]) -> None:
        """They call nobody any more."""
        self._http.write("DELETE", _WEBHOOKS, subject="", body=encoded({"webhookIds": list(ids)}))

    def refresh_webhooks(self, before: Instant) -> int:
        ending = [each.id for each in self.app_webhooks() if each.ends is not None and each.ends < before]
        if ending:
            self._http.write("PUT", f"{_WEBHOOKS}/refresh", subject="", body=encoded({"webhookIds": ending}))
        return len(ending)

    # --- values ---------------------------------------------------------------------------------------------------------

    def person(self, id_: str) -> dict[str, str]:
        return {"accountId": id_}

    def inert(self, text: str) -> object:
        return adf.inert(text)


def _within(projects: Sequence[str]) -> str:
    named = ", ".join(f'"{project}"' for project in projects)
    return f"project in ({named})"
