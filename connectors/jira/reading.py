"""Issues with every kind of fact (fields, changelog, comments) as tickets; one that can't be mapped costs no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from connectors.contract import Mark, Quarantined, Reading
from connectors.errors import Gone, TryLater
from connectors.jira import wire
from connectors.jira.client import JiraClient, wrong_place
from connectors.jira.facts import SiteFacts
from connectors.jira.mapping import ARCHIVED, Mapper
from connectors.jira.service_desk import Beside
from connectors.jira.wire import Comment, Entry, Issue
from connectors.jira.writing import MARKER, mark_in
from rules.instants import Instant
from rules.ticket import Ticket

BATCH: Final = 1_000
"""Issues of which the histories are asked for together."""
_ISSUES: Final = 100
"""Issues that one request gives."""
_FIELDS: Final = (
    "summary", "status", "priority", "assignee", "reporter", "labels", "issuetype", "project", "components", "created", "updated",
    "duedate", "description", "comment", "archiveddate",
)  # fmt: skip
_PAGES: Final = 1_000
"""More pages than any history has: a server that never ends must not hold hoist for ever."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Issues that were read together. `missing` are the ids that came back without an issue, with what Jira said about them."""

    tickets: Sequence[Ticket]
    quarantined: Sequence[Quarantined]
    missing: Mapping[str, str]
    server_time: Instant
    marks: Mapping[str, Mark]


class _Asked(NamedTuple):
    fields: Sequence[str]
    shapes: wire.Shapes
    beside: Beside


class TicketReader:
    """Reads issues by id, which Jira answers from its database; a search answers from an index that lags."""

    def __init__(self, client: JiraClient, facts: SiteFacts, tier_field: str) -> None:
        self._client = client
        self._facts = facts
        self._own = (*_FIELDS, tier_field) if tier_field else _FIELDS
        self._asked = _Asked(self._own, wire.shapes(tier_field), Beside())
        self._tier_field = tier_field

    def _asks(self) -> _Asked:
        """What is asked of each issue, and how it is parsed; the site numbers some of its fields in its own way."""
        beside = self._facts.site().beside
        if self._asked.beside != beside:
            shapes = wire.shapes(self._tier_field, tuple((id_, beside.shape(id_)) for id_ in beside.ids))
            self._asked = _Asked(tuple(dict.fromkeys((*self._own, *beside.ids))), shapes, beside)
        return self._asked

    def read(self, ids: Sequence[str]) -> Reading:
        """Any number of issues, each id once. An id that Jira answers with 404, to hoist's own account, is gone.

        So is an issue that was archived, and one that was moved to a project which is none of the source's: it keeps its id, and
        hoist's business with it is over.
        """
        tickets: list[Ticket] = []
        moved: dict[str, str] = {}
        quarantined: list[Quarantined] = []
        marks: dict[str, Mark] = {}
        gone: list[str] = []
        earliest: Instant | None = None
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), BATCH):
            batch = self.batch(wanted[start : start + BATCH])
            alone = [self._alone(id_) for id_ in batch.missing]
            gone += [id_ for id_, one in zip(batch.missing, alone, strict=True) if one is None]
            for each in (batch, *filter(None, alone)):
                moved |= {ticket.ref.id: why for ticket in each.tickets if (why := self._why_out_of_scope(ticket))}
                tickets += [ticket for ticket in each.tickets if ticket.ref.id not in moved]
                quarantined += each.quarantined
                marks |= each.marks
                earliest = each.server_time if earliest is None else min(earliest, each.server_time)
        if gone:
            # To an anonymous visitor everything is gone, and that is what Jira takes an expired credential for.
            self._facts.identify()
        if earliest is None:
            earliest = self._client.myself()[1].server_time
        return Reading(tickets, quarantined, [*gone, *moved], earliest, moved, marks)

    def _why_out_of_scope(self, ticket: Ticket) -> str:
        """Half a sentence; empty for a ticket that is hoist's business."""
        if ARCHIVED in ticket.native:
            return "it was archived"
        if self._facts.in_scope(str(ticket.fields["project"])):
            return ""
        return f"it was moved to {ticket.key}, out of the configured projects"

    def batch(self, ids: Sequence[str]) -> Batch:
        """At most 1,000 issues: a request per hundred, one for all histories, and more only for long ones and many comments."""
        issues: list[Issue] = []
        bad: list[Quarantined] = []
        missing: dict[str, str] = {}
        times: list[Instant] = []
        told: list[bytes] = []
        for start in range(0, len(ids), _ISSUES):
            wanted = ids[start : start + _ISSUES]
            fetched = self._client.issues(wanted, self._asks().fields, [MARKER])
            found, unsound = self._issues(fetched.issues)
            read = {issue["id"] for issue in found} | {each.id for each in unsound}
            errors = _errors(fetched.issues) if len(read) < len(wanted) else {}
            missing |= {id_: errors.get(id_, "") for id_ in wanted if id_ not in read}
            issues += found
            bad += unsound
            times.append(fetched.server_time)
            told += [] if fetched.histories is None else [fetched.histories]
        return self._mapped(issues, bad, missing, min(times), told)

    def one(self, id_: str, properties: Sequence[str] = ()) -> tuple[Issue, Instant]:
        """One issue with some of its properties, and the server time. Raises Gone, TryLater."""
        asked = self._asks()
        fetched = self._client.one_issue(id_, asked.fields, properties)
        try:
            return asked.shapes.issues(fetched.issues)["issues"][0], fetched.server_time
        except ValidationError as problem:
            where = wrong_place(problem)
        raise TryLater(f"{self._client.source}:{id_}: the issue can't be read ({where}); hoist tries again", 60.0)

    def _alone(self, id_: str) -> Batch | None:
        """An issue that a bulk read left out: None if it is gone indeed."""
        try:
            fetched = self._client.one_issue(id_, self._asks().fields, [MARKER])
        except Gone:
            return None
        issues, bad = self._issues(fetched.issues)
        told = [] if fetched.histories is None else [fetched.histories]
        return self._mapped(issues, bad, {}, fetched.server_time, told)

    # --- from answers to tickets ----------------------------------------------------------------------------------------

    def _mapped(
        self,
        issues: Sequence[Issue],
        bad: Sequence[Quarantined],
        missing: Mapping[str, str],
        server_time: Instant,
        told: Sequence[bytes],
    ) -> Batch:
        times = [server_time]  # an answer may be of long ago, from a cache on the way: each of them counts
        entries, bad_histories = self._told(told) if told else self._entries([issue["id"] for issue in issues], times)
        comments = {issue["id"]: self._comments(issue, times) for issue in issues}
        server_time = min(times)
        good = [issue for issue in issues if issue["id"] not in bad_histories]
        mapper = Mapper(self._facts.site(), server_time)
        tickets = [mapper.ticket(issue, entries.get(issue["id"], ()), comments[issue["id"]]) for issue in good]
        if mapper.unknown_statuses and self._facts.learn_statuses(mapper.unknown_statuses):
            mapper = Mapper(self._facts.site(), server_time)
            tickets = [mapper.ticket(issue, entries.get(issue["id"], ()), comments[issue["id"]]) for issue in good]
        self._facts.saw(issues)
        unread = [
            Quarantined(each["id"], each["key"], bad_histories[each["id"]], "") for each in issues if each["id"] in bad_histories
        ]
        found = {each["id"]: mark_in((each.get("properties") or {}).get(MARKER)) for each in good}
        marks = {id_: mark for id_, mark in found.items() if mark is not None}
        return Batch(tickets, [*bad, *unread], missing, server_time, marks)

    def _issues(self, body: bytes) -> tuple[Sequence[Issue], Sequence[Quarantined]]:
        try:
            return self._asks().shapes.issues(body)["issues"], ()
        except ValidationError:
            rows = self._parts(body, "issues")
        issues: list[Issue] = []
        bad: list[Quarantined] = []
        for row in rows:
            raw = json.dumps(row, ensure_ascii=False)
            issue, reason = _tried(self._asks().shapes.issue, raw)
            if issue is not None:
                issues.append(issue)
                continue
            about = row if isinstance(row, dict) else {}
            id_, key = str(about.get("id", "")), str(about.get("key", ""))
            sentence = f"{self._client.source}:{key or id_}: the issue is not what Jira's reference describes: {reason}"
            bad.append(Quarantined(id_, key, sentence, raw))
        return issues, bad

    def _entries(self, ids: Sequence[str], times: list[Instant]) -> tuple[Mapping[str, list[Entry]], Mapping[str, str]]:
        """The changelogs by issue id, over all pages, and why the others can't be read; `times` gets those of the answers."""
        found: dict[str, list[Entry]] = {}
        bad: dict[str, str] = {}
        token: str | None = None
        seen: set[str] = set()
        while ids and len(seen) < _PAGES:
            answer = self._client.histories(ids, token)
            times.append(answer.server_time)
            token = self._gather(answer.body, found, bad)
            if not token:
                return {id_: _each_once(entries) for id_, entries in found.items()} if seen else found, bad
            if token in seen:
                break
            seen.add(token)
        if ids:
            raise TryLater(f"{self._client.source}: Jira's changelog pages do not end; hoist tries again", 60.0)
        return found, bad

    def _told(self, bodies: Sequence[bytes]) -> tuple[Mapping[str, list[Entry]], Mapping[str, str]]:
        """The changelogs that came with their issues."""
        found: dict[str, list[Entry]] = {}
        bad: dict[str, str] = {}
        for body in bodies:
            self._gather(body, found, bad)
        return found, bad

    def _gather(self, body: bytes, found: dict[str, list[Entry]], bad: dict[str, str]) -> str | None:
        """Sort one page of changelogs by issue; the token of the next one."""
        try:
            page = wire.CHANGELOGS.validate_json(body)
            groups, token = page["groups"], page.get("next_token")
        except ValidationError:
            groups, token = self._sound_groups(body, bad)
        for group in groups:
            found.setdefault(group["issue_id"], []).extend(group["entries"])
        return token

    def _sound_groups(self, body: bytes, bad: dict[str, str]) -> tuple[list[wire.IssueEntries], str | None]:
        groups: list[wire.IssueEntries] = []
        for row in self._parts(body, "issueChangeLogs"):
            group, reason = _tried(wire.ISSUE_ENTRIES.validate_json, json.dumps(row, ensure_ascii=False))
            if group is not None:
                groups.append(group)
            elif isinstance(row, dict):
                id_ = str(row.get("issueId", ""))
                bad[id_] = f"{self._client.source}:{id_}: its changelog is not what Jira's reference describes: {reason}"
        token = json.loads(body).get("nextPageToken")
        return groups, token if isinstance(token, str) else None

    def _comments(self, issue: Issue, times: list[Instant]) -> Sequence[Comment]:
        """Those that the field carries, or all of them by pages where it carries only some; `times` gets those of the answers."""
        field = issue["fields"].get("comment")
        if not field:
            return ()
        if len(field["comments"]) >= field.get("total", 0):
            return field["comments"]
        found: dict[int, Comment] = {}
        for _ in range(_PAGES):
            before = len(found)
            page, answer = self._client.comments(issue["id"], before, "created")
            times.append(answer.server_time)
            found |= {each["id"]: each for each in page["comments"]}
            if len(found) == before or len(found) >= page.get("total", 0):
                break
        return list(found.values())

    def _parts(self, body: bytes, name: str) -> list[Any]:
        """The rows of an answer that does not hold together as a whole."""
        try:
            whole = json.loads(body)
        except ValueError:
            whole = None
        rows = whole.get(name) if isinstance(whole, dict) else None
        if not isinstance(rows, list):
            raise TryLater(f"{self._client.source}: Jira's answer holds no {name}; hoist tries again", 60.0)
        return rows


def _tried(parse: Callable[[bytes], T], raw: str) -> tuple[T | None, str]:
    try:
        return parse(raw.encode()), ""
    except ValidationError as problem:
        return None, wrong_place(problem)


def _errors(body: bytes) -> dict[str, str]:
    """What Jira says about ids that it gave no issue for."""
    whole = json.loads(body)
    errors = whole.get("issueErrors") if isinstance(whole, dict) else None
    rows = [each for each in errors or () if isinstance(each, dict)]
    return {str(each.get("id", "")): str(each.get("errorMessage", "") or "Jira gives no reason") for each in rows}


def _each_once(entries: Sequence[Entry]) -> list[Entry]:
    return list({entry["id"]: entry for entry in entries}.values())
