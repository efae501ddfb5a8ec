"""Jira Data Center's dialect, from 9.12 on: version 2 of the API, searches by offset, one issue at a time, keys and wiki markup.

Reference: https://developer.atlassian.com/server/jira/platform/rest/v10003/. What it gives is in Cloud's shapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import requests
from requests.auth import AuthBase

from connectors.answers import LONG_WAIT, Answer, Limit, Reach, told_seconds
from connectors.errors import AskAdmin, GiveUp, Gone, TryLater
from connectors.http import Surroundings
from connectors.jira import data_center_wire, wiki, wire
from connectors.jira.client import CLOCKS_AT_ONCE, SEARCH_SECONDS, Clocks, Fetched, JiraClient, Search, encoded, quoted
from connectors.jira.jql_dates import date_text, is_exact, zone_named
from connectors.jira.settings import JiraSettings
from connectors.jira.shifting import Found, Place, Row, nearer, place_of, stretch
from connectors.sessions import Auth
from rules.instants import SECOND, Instant

_API: Final = "/rest/api/2"
_DESK: Final = "/rest/servicedeskapi"
_OLDEST: Final = (9, 12)
_LANES: Final = 4
"""Issues that are asked for side by side."""
_LISTED: Final = 1_000
"""Rows that a search gives at most, unless an administrator set another number; then fewer come."""
_ABSENT: Final = frozenset({403, 404})


class PersonalToken(AuthBase):
    """A personal access token that shows nothing of itself."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.hidden = (token,)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "PersonalToken(...)"

    def renewed(self) -> bool:
        """A token is what it is."""
        return False


@dataclass(slots=True)
class _Known:
    """What was asked once: the account's time zone (None where Python knows none of its name), custom fields, what people are."""

    zones: list[ZoneInfo | None] = field(default_factory=list)
    fields: dict[str, str] | None = None
    types: dict[str, str] = field(default_factory=dict)


class DataCenterClient(JiraClient):
    """The calls of one site of Jira Data Center."""

    api = _API
    reads_by_post = frozenset({f"{_API}/search"})
    headers = {"X-Atlassian-Token": "no-check", "X-ExperimentalApi": "opt-in"}  # noqa: RUF012 - nobody changes it
    """No check of forms, which an API has none of; and part of Jira Service Management's is called experimental."""
    stamp_resolution = SECOND  # what the index keeps

    def __init__(self, source: str, settings: JiraSettings, surroundings: Surroundings | None, *, dry_run: bool) -> None:
        super().__init__(source, settings, surroundings, dry_run=dry_run)
        self._tier = settings.tier_field.field
        self._known = _Known()

    def signed(self, source: str, settings: JiraSettings, surroundings: Surroundings) -> Auth:
        del source, surroundings
        return PersonalToken(settings.token.reveal() if settings.token else "")

    def limit_of(self, answer: Answer) -> Limit | None:
        """A bucket of tokens for each user on each node; Retry-After is 0 as long as some are left.

        https://confluence.atlassian.com/adminjiraserver/improving-instance-stability-with-rate-limiting-983794911.html
        """
        if answer.status == 429:
            seconds = told_seconds(answer)
            long = (seconds or 0.0) > LONG_WAIT
            return Limit(Reach.SOURCE if long else Reach.PACE, seconds, "the requests of hoist's account are used up for now")
        left, most = (_number(answer, f"X-RateLimit-{name}") for name in ("Remaining", "Limit"))
        if left is None or not most or left * 5 >= most:
            return None
        return Limit(Reach.BACKFILL, _number(answer, "X-RateLimit-Interval-Seconds"))

    def unfit(self, server: wire.ServerInfo) -> str:
        if server.deployment == "Cloud":
            return "this is Jira Cloud, not Data Center: leave `edition` of this source out"
        if tuple(server.numbers) < _OLDEST:
            return f"this is Jira {server.version}; hoist speaks to Jira Data Center from 9.12 on: bring it up to date"
        return ""

    # --- who and what ---------------------------------------------------------------------------------------------------

    def myself(self) -> tuple[wire.Me, Answer]:
        """Who hoist is; also learns the time zone in which Jira reads the dates of its queries."""
        answer = self._http.read("GET", f"{_API}/myself")
        told = self._json(answer)
        data_center_wire.person(told)
        self._known.zones = [zone_named(str(told.get("timeZone", "")) if isinstance(told, dict) else "")]
        return self._parsed(replace(answer, body=encoded(told)), wire.Me.model_validate_json), answer

    # --- searches -------------------------------------------------------------------------------------------------------

    def changed(self, projects: Sequence[str], since: Instant | None, rows: int, token: str | None) -> Search:
        """Dates are text, which Jira reads by the minute in the account's own time zone: it is asked for with each new search."""
        if token is None or not self._known.zones:
            self.myself()
        place = Place(since=since) if token is None else place_of(token)
        if place is None:
            return Search(None, self.myself()[1])
        text = "" if place.since is None else f' AND updated >= "{date_text(place.since, self._zone)}"'
        return self._walked(f"{_within(projects)}{text} ORDER BY updated ASC, key ASC", place, rows, by_update=True)

    def every_id(self, projects: Sequence[str], token: str | None) -> tuple[wire.Ids | None, Answer]:
        found = self._by_creation(_within(projects), _LISTED, token)
        if found.rows is None:
            return None, found.answer
        ids: wire.Ids = {"issues": [{"id": each["id"]} for each in found.rows.get("issues", ())]}
        return ids | {"next_token": found.rows.get("next_token")}, found.answer

    def open_issues(self, projects: Sequence[str], rows: int, token: str | None) -> Search:
        return self._by_creation(f"{_within(projects)} AND statusCategory != Done", rows, token)

    def clocks(self, jql: str, fields: Sequence[str], token: str | None) -> Clocks:
        start = int(token or 0)
        body = encoded({"jql": jql, "startAt": start, "maxResults": CLOCKS_AT_ONCE, "fields": list(fields)})
        answer = self._http.read("POST", f"{_API}/search", body=body, read_seconds=SEARCH_SECONDS)
        found = self._parsed(answer, wire.CLOCK_ROWS.validate_json)
        end = start + len(found["issues"])
        following = str(end) if found["issues"] and end < found.get("total", 0) else None
        return Clocks({row["id"]: row["fields"] for row in found["issues"]}, following, answer.server_time)

    def newest(self, project: str) -> str | None:
        rows, _ = self._searched(f'project = "{project}" ORDER BY updated DESC', 0, 1)
        return rows.issues[0]["id"] if rows.issues else None

    def _by_creation(self, where: str, rows: int, token: str | None) -> Search:
        place = Place() if token is None else place_of(token)
        if place is None:
            return Search(None, self.myself()[1])
        return self._walked(f"{where} ORDER BY created ASC, key ASC", place, rows, by_update=False)

    def _walked(self, jql: str, place: Place, rows: int, *, by_update: bool) -> Search:
        asked: list[tuple[Sequence[Row], Answer]] = []

        def ask(start: int, size: int) -> Found:
            found, answer = self._searched(jql, start, size)
            # In the order of creation a row stays where it is when it changes.
            shown = [(each["id"], _to_second(each["fields"]["updated"]) if by_update else 0) for each in found.issues]
            told.update({each["id"]: _to_second(each["fields"]["updated"]) for each in found.issues})
            asked.append((shown, answer))
            return Found(shown, found.total)

        told: dict[str, Instant] = {}
        page = stretch(place, rows, ask)
        shown, answer = asked[-1]
        if page is None:
            return Search(None, answer)
        following = page.following
        if following is not None and by_update:
            following = nearer(following, shown, lambda since: is_exact(since, self._zone))
        found: wire.Rows = {"issues": [{"id": id_, "fields": {"updated": told[id_]}} for id_, _ in page.rows]}
        token = None if following is None else following.model_dump_json(exclude_defaults=True)
        return Search(found | {"next_token": token}, answer)

    def _searched(self, jql: str, start: int, size: int) -> tuple[data_center_wire.Rows, Answer]:
        body = encoded({"jql": jql, "startAt": start, "maxResults": size, "fields": ["updated"]})
        answer = self._http.read("POST", f"{_API}/search", body=body, read_seconds=SEARCH_SECONDS)
        return self._parsed(answer, data_center_wire.Rows.model_validate_json), answer

    @property
    def _zone(self) -> ZoneInfo | None:
        return self._known.zones[0] if self._known.zones else None

    # --- issues ---------------------------------------------------------------------------------------------------------

    def issues(self, ids: Sequence[str], fields: Sequence[str], properties: Sequence[str] = ()) -> Fetched:
        """Several side by side: there is no call for many issues that answers from the database."""
        rows: list[Any] = []
        logs: list[Any] = []
        times: list[Instant] = []
        with ExitStack() as open_:
            lanes = [open_.enter_context(self.ahead()) for _ in range(min(_LANES, len(ids)))]
            for start in range(0, len(ids), _LANES):
                wave = ids[start : start + _LANES]
                asked = [
                    begin(partial(self._whole, id_, fields, properties, _ABSENT)) for begin, id_ in zip(lanes, wave, strict=False)
                ]
                for row, log, answer in (each() for each in asked):
                    times.append(answer.server_time)
                    rows += [] if row is None else [row]
                    logs += [] if row is None else [log]
        return Fetched(encoded({"issues": rows}), min(times), encoded({"issueChangeLogs": logs}))

    def one_issue(self, id_: str, fields: Sequence[str], properties: Sequence[str] = ()) -> Fetched:
        row, log, answer = self._whole(id_, fields, properties)
        return Fetched(encoded({"issues": [row]}), answer.server_time, encoded({"issueChangeLogs": [log]}))

    def histories(self, ids: Sequence[str], token: str | None) -> Answer:
        """Never asked for: they come with the issues."""
        raise RuntimeError(f"{self.source}: the histories of {len(ids)} issues are asked for apart from them, at {token}")

    def newest_entries(self, id_: str) -> tuple[list[wire.Entry], Instant]:
        """All of them: histories have no pages."""
        _, log, answer = self._whole(id_, ["updated"])
        return self._parsed(replace(answer, body=encoded(log)), wire.ISSUE_ENTRIES.validate_json)["entries"], answer.server_time

    def comments(self, id_: str, start: int, order: str) -> tuple[wire.Comments, Answer]:
        query = {"startAt": str(start), "maxResults": "100", "orderBy": order}
        answer = self._http.read("GET", f"{_API}/issue/{quoted(id_)}/comment", subject=id_, query=query)
        told = self._json(answer)
        rows = told.get("comments") if isinstance(told, dict) else None
        for each in rows if isinstance(rows, list) else ():
            if isinstance(each, dict):
                data_center_wire.person(each.get("author"))
        self._tell_public(id_, rows if isinstance(rows, list) else [], alone=False)
        answer = replace(answer, body=encoded(told))
        return self._parsed(answer, wire.COMMENTS.validate_json), answer

    def _whole(
        self, id_: str, fields: Sequence[str], properties: Sequence[str] = (), accept: frozenset[int] = frozenset()
    ) -> tuple[Any, Any, Answer]:
        """An issue and its history in Cloud's shapes; None for one that is not there, where that is accepted."""
        query = {"fields": ",".join(fields), "expand": "changelog"} | ({"properties": ",".join(properties)} if properties else {})
        answer = self._http.read("GET", f"{_API}/issue/{quoted(id_)}", subject=id_, query=query, accept=accept)
        if answer.status in accept:
            return None, None, answer
        row = self._json(answer)
        entries = data_center_wire.issue_and_history(row, self._field_ids(), self._type_of)
        if data_center_wire.is_of_desk(row):
            self._tell_public(id_, data_center_wire.comments_of(row), alone=True)
        # What is no issue at all is still the answer to this id: it is set aside under it.
        row = (row if isinstance(row, dict) else {}) | {"id": id_}
        return row, {"issueId": id_, "changeHistories": entries}, answer

    def _tell_public(self, issue: str, comments: Sequence[Any], *, alone: bool) -> None:
        """Add to comments whether the requester can read them, which Jira Service Management alone knows.

        An issue that is no customer's request is not known to it; then, where asked for, the property of each comment tells.
        https://docs.atlassian.com/jira-servicedesk/REST/5.12.0/#servicedeskapi/request/{issueIdOrKey}/comment
        """
        untold = [each for each in comments if isinstance(each, dict) and "jsdPublic" not in each]
        said = self._of_request(issue) if untold else None
        for each in untold:
            id_ = str(each.get("id", ""))
            if said is not None and id_ in said:
                each["jsdPublic"] = said[id_]
            elif alone and id_:
                value = self.comment_property(id_, "sd.public.comment")
                each["jsdPublic"] = not (isinstance(value, dict) and str(value.get("internal")).casefold() == "true")

    def _of_request(self, issue: str) -> dict[str, bool] | None:
        found: dict[str, bool] = {}
        path = f"{_DESK}/request/{quoted(issue)}/comment"
        while True:
            query = {"start": str(len(found)), "limit": "100"}
            answer = self._http.read("GET", path, subject=issue, query=query, accept=_ABSENT)
            if answer.status in _ABSENT:
                return None
            page = self._parsed(answer, data_center_wire.OfRequest.model_validate_json)
            before = len(found)
            found |= {each.id: each.public for each in page.values}
            if page.is_last or len(found) == before:
                return found

    def _type_of(self, key: str) -> str:
        """What somebody is: without any licence a customer. Where hoist's account may not ask, staff."""
        known = self._known.types.get(key)
        if known is None:
            query = {"key": key, "expand": "applicationRoles"}
            answer = self._http.read("GET", f"{_API}/user", query=query, accept=_ABSENT)
            roles = None if answer.status in _ABSENT else self._parsed(answer, data_center_wire.Account.model_validate_json).roles
            known = self._known.types[key] = "customer" if roles is not None and not roles.size else "atlassian"
        return known

    def _field_ids(self) -> dict[str, str]:
        """Custom fields by their names, of which the tier field's belongs to itself, whoever else bears it."""
        if self._known.fields is None:
            found = {each.name: each.id for each in self.fields() if each.id.startswith("customfield_")}
            self._known.fields = found | {each.name: each.id for each in self.fields() if each.id == self._tier}
        return self._known.fields

    # --- configuration --------------------------------------------------------------------------------------------------

    def priorities_of(self, project: str) -> list[wire.Allowed]:
        """Needs Administer Projects of it."""
        path = f"{_API}/project/{quoted(project)}/priorityscheme"
        scheme = self._get_if_allowed(path, data_center_wire.Scheme.model_validate_json)
        if scheme is None:
            return []
        known = {each.id: each for each in self.priorities()}
        return [known[id_] for id_ in scheme.ids if id_ in known]

    def choices(self, field: str) -> list[wire.Allowed]:
        """Needs Administer Jira."""
        path = f"{_API}/customFields/{quoted(field.removeprefix('customfield_'))}/options"
        found = self._get_if_allowed(path, data_center_wire.Options.model_validate_json, {"maxResults": "1000"})
        return found.options if found is not None and found.total <= len(found.options) else []

    def groups(self) -> list[wire.Group] | None:
        """By their names, which are all that they have; the first thousand."""
        query = {"query": "", "maxResults": "1000"}
        found = self._get_if_allowed(f"{_API}/groups/picker", data_center_wire.Groups.model_validate_json, query)
        return None if found is None else [each.model_copy(update={"id": each.name}) for each in found.groups]

    def assignable(self, project: str) -> list[wire.Assignable]:
        """The first hundred; Jira gives no more."""
        query = {"project": project, "maxResults": "100"}
        answer = self._http.read("GET", f"{_API}/user/assignable/search", query=query, accept=frozenset({400, 403, 404}))
        if answer.status != 200:
            return []
        rows = self._json(answer)
        for each in rows if isinstance(rows, list) else ():
            data_center_wire.person(each)
        return self._parsed(replace(answer, body=encoded(rows)), wire.ASSIGNABLE.validate_json)

    def doubts(self, projects: Sequence[str]) -> list[str]:
        """Fields that can't be told apart in histories, and fields that hoist writes and an edit screen lacks."""
        return [*self._twins(), *filter(None, map(self._lacking, projects))]

    def _twins(self) -> Iterator[str]:
        fields = self.fields() if self._tier else []
        name = next((each.name for each in fields if each.id == self._tier), None)
        for each in fields:
            if each.name == name and each.id != self._tier:
                yield (
                    f"{self.source}: {each.id} bears the name {name!r}, as the tier field does: in histories, which name fields "
                    f"by their names alone, it is taken for it; rename it"
                )

    def _lacking(self, project: str) -> str:
        try:
            issue = self.newest(project)
        except GiveUp:  # a project that hoist may not see, which is a complaint of its own
            return ""
        meta = self.edit_meta(issue) if issue is not None else None
        wanted = {"assignee", "labels", "priority", *filter(None, (self._tier,))}
        lacking = ", ".join(sorted(wanted - meta.fields.keys())) if meta is not None and meta.fields else ""
        screen = f"{self.source}: the edit screen of project {project} lacks {lacking}: Jira refuses each change of it"
        return f"{screen}; put it on the screen" if lacking else ""

    # --- values ---------------------------------------------------------------------------------------------------------

    def person(self, id_: str) -> dict[str, str]:
        """By the name, which may have been changed since hoist saw somebody. Raises GiveUp for somebody unknown."""
        answer = self._http.read("GET", f"{_API}/user", query={"key": id_}, accept=_ABSENT)
        if answer.status in _ABSENT:
            raise GiveUp(f"{self.source}: Jira knows nobody of the key {id_}, or does not show them to hoist's account")
        return {"name": self._parsed(answer, data_center_wire.Account.model_validate_json).name}

    def webhooks(self) -> list[dict[str, Any]]:
        try:
            return super().webhooks()
        except Gone:
            said = f"{self.source}: this Jira makes no webhooks through its API"
        raise AskAdmin(f"{said}; make it by hand under System, WebHooks, with a secret, or let hoist poll")

    def inert(self, text: str) -> object:
        return wiki.inert(text)

    def _json(self, answer: Answer) -> Any:
        try:
            return json.loads(answer.body)
        except ValueError:
            raise TryLater(f"{self.source}: Jira's answer is cut short or no JSON; hoist tries again", 60.0) from None


def _within(projects: Sequence[str]) -> str:
    named = ", ".join(f'"{project}"' for project in projects)
    return f"project in ({named})"


def _to_second(at: Instant) -> Instant:
    return at - at % SECOND


def _number(answer: Answer, name: str) -> int | None:
    text = answer.headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None
