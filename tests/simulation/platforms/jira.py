"""Jira as the far side."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final

from connectors.jira.installing import EVENTS
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.catalog import TEAM
from connectors.jira.site.gateway import too_many
from connectors.jira.site.state import Entry, Issue
from connectors.jira.site.webhooks import patience
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.deliveries import Outgoing
from connectors.sandboxes.history import Event, History
from rules.instants import MINUTE, Instant
from tests.simulation.desk import AUTOMATION
from tests.simulation.platforms.far_side import ON_READS, ON_WRITES, Item, Kinds, Marked, Purpose, Said, Save, with_rows

MARKER: Final = "hoist.operation"
_NAMES: Final = {TEAM: "team"}
_ROWS: Final = ("issues", "issueChangeLogs")
_SECRET: Final = "as it stands in the form of the webhook"


class JiraFarSide:
    """One Jira site. Its search index is `lag` milliseconds behind."""

    SANDBOX: ClassVar[type[JiraSandbox]] = JiraSandbox

    TROUBLES: ClassVar[Kinds] = (
        ("refused", ("any", *ON_READS, *ON_WRITES)),
        ("timeout-before", (*ON_READS, *ON_WRITES)),
        ("timeout-after", ON_WRITES),
        ("late", ON_WRITES),
        ("lost-answer", ON_WRITES),
        ("429", ("any", *ON_WRITES)),
        ("429-long", ("search", *ON_WRITES)),
        ("429-bare", ("any", *ON_WRITES)),
        ("500", ("any", *ON_READS, *ON_WRITES)),
        ("502", ("any", *ON_WRITES)),
        ("502-after", ON_WRITES),
        ("503", ("any", *ON_READS, *ON_WRITES)),
        ("401", ("any",)),
        ("cut-short", (*ON_READS, *ON_WRITES)),
        ("conflict", ("edit",)),
        ("property-dropped", ("edit",)),
        ("stale-search", ("search",)),
        ("unordered", ("search", "changelog")),
        ("fewer-rows", ("search",)),
        ("row-missing", ("read",)),
        ("repeated-token", ("search",)),
        ("expired-token", ("search",)),
        ("old-answer", ("read",)),
        ("slow", ("any", *ON_READS, *ON_WRITES)),
    )
    MOMENTS: ClassVar[tuple[str, ...]] = ("before-edit", "before-edit", "after-edit", "before-comment")
    VANISHINGS: ClassVar[tuple[str, ...]] = ("deleted", "moved", "hidden")
    FAULTS: ClassVar[Mapping[str, str]] = {
        "429-bare": "too-many-requests-without-retry-after",
        "401": "unauthorized-401",
        "conflict": "conflict-409",
        "property-dropped": "property-dropped",
        "stale-search": "stale-search",
        "repeated-token": "repeated-token",
        "expired-token": "expired-token",
    }
    WRITES: ClassVar[tuple[str, ...]] = ON_WRITES
    LEAVES_A_MARK: ClassVar[bool] = True
    RESOLUTION: ClassVar[int] = 1

    def __init__(self, clock: Callable[[], Instant], history: History, seed: int, lag: int) -> None:
        self.sandbox: Final = self.SANDBOX(clock=clock, history=history, seed=seed, faults={"stale-search": 1.0}, lag=lag)
        self.faults: Final = self.sandbox._faults
        self._site: Final = self.sandbox._site
        self.agent: Final = self._site.catalog.agent.id
        self.teams: Final = list(self._site.catalog.options[TEAM])
        self.priorities: Final = self._site.catalog.scheme
        self.late = 0

    def settings(self, page_size: int) -> Mapping[str, object]:
        return {"url": "http://127.0.0.1:1", "page_size": str(page_size), "search_size": str(2 * page_size)}

    # --- the record -----------------------------------------------------------------------------------------------------

    def id_of(self, ticket: str) -> str:
        issue = self._site.names.get(ticket)
        return "" if issue is None else str(issue.id)

    def is_there(self, id_: str) -> bool:
        return id_.isdecimal() and int(id_) in self._site.issues.by_id

    def _issue(self, id_: str) -> Issue:
        return next(issue for issue in self._site.names.values() if str(issue.id) == id_)

    def saves(self, id_: str) -> Sequence[Save]:
        return [_save(entry) for entry in self._issue(id_).entries]

    def comments(self, id_: str) -> Sequence[Said]:
        return [Said(each.public) for each in self._issue(id_).comments if each.author == self.agent]

    def traces(self, id_: str) -> int:
        issue = self._issue(id_)
        authors = [entry.author for entry in issue.entries] + [comment.author for comment in issue.comments]
        return authors.count(self.agent)

    def labels(self, id_: str) -> Collection[str]:
        labels = self._issue(id_).fields.get("labels")
        return labels if isinstance(labels, tuple) else ()

    # --- what happens ---------------------------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        self._site._replay(event)

    def take_away(self, id_: str, how: str, now: Instant) -> None:
        issue, issues = self._issue(id_), self._site.issues
        match how:
            case "deleted":
                issues.delete(issue, now)
            case "moved":
                project = self._site.catalog.project("OPS")
                assert project is not None
                issues.move(issue, project, self._site.catalog.accounts["anna"], now)
            case _:
                del issues.by_id[issue.id]
                issues.deleted.add(issue.id)
                issues.reindex(issue, now)

    def bring_back(self, id_: str, now: Instant) -> None:
        issue, issues = self._issue(id_), self._site.issues
        issues.by_id[issue.id] = issue
        issues.deleted.discard(issue.id)
        issues.reindex(issue, now)

    def give_back(self, id_: str, team: str | None, now: Instant) -> None:
        self._site.issues.commit(self._issue(id_), {TEAM: team}, self._site.catalog.accounts[AUTOMATION], now)

    def echo(self, id_: str, now: Instant) -> None:
        issue = self._issue(id_)
        self._site.issues.commit(issue, {"labels": (*self.labels(id_), f"seen-{len(issue.entries)}")}, self.agent, now)

    # --- webhooks -------------------------------------------------------------------------------------------------------

    def tell(self, deliver: Callable[[Outgoing], None]) -> str:
        webhooks = self._site.webhooks
        webhooks.add({"url": "https://hoist.example/hooks/desk", "events": EVENTS}, _SECRET, self._site.clock(), self.agent)
        webhooks.deliver = deliver
        return _SECRET

    def tells_again(self, status: int, tried: int) -> int | None:
        """Jira's own pauses are five to fifteen minutes."""
        return None if patience(status, "", tried) is None else 5 * MINUTE

    # --- requests -------------------------------------------------------------------------------------------------------

    def purpose(self, method: str, path: str, query: str, body: bytes) -> Purpose:
        del query
        match method, path.strip("/").split("/")[3:]:
            case "PUT", ["issue", id_]:
                return Purpose("edit", (id_,))
            case "POST", ["issue", id_, "comment"]:
                return Purpose("comment", (id_,))
            case _, ["search", "jql"]:
                return Purpose("search")
            case _, ["issue" | "changelog" as what, "bulkfetch"]:
                return Purpose("read" if what == "issue" else "changelog", tuple(json.loads(body)["issueIdsOrKeys"]))
            case _, ["issue", id_, *_]:
                return Purpose("look", (id_,))
            case _, ["comment", *_]:
                return Purpose("look")
        return Purpose("about")

    def marked(self, body: bytes) -> Marked:
        for each in json.loads(body).get("properties", ()):
            if each["key"] == MARKER:
                told = each["value"]
                return Marked(str(told["marker"]), tuple(told["firings"]), told.get("after", {}))
        return Marked()

    def instead(self, kind: str, now: Instant) -> Answer | None:
        reasons = {"429": "jira-burst-based", "429-long": "jira-quota-global-based"}
        return too_many(now, reasons[kind]) if kind in reasons else None

    def rearranged(self, answer: Answer, kind: str) -> Answer:
        return with_rows(answer, _ROWS, lambda rows: rows[::-1] if kind == "unordered" else rows[1:])

    def narrowed(self, body: bytes) -> bytes:
        return json.dumps(json.loads(body) | {"maxResults": 1}).encode()

    def snapshot(self) -> Mapping[int, Issue]:
        return {id_: _copied(issue) for id_, issue in self._site.issues.by_id.items()}

    @contextmanager
    def showing(self, snapshot: object) -> Iterator[None]:
        assert isinstance(snapshot, dict)
        issues = self._site.issues
        present, issues.by_id = issues.by_id, snapshot
        try:
            yield
        finally:
            issues.by_id = present


def _save(entry: Entry) -> Save:
    items: list[Item] = []
    for each in entry.items:
        old, new = (each.old_shown, each.new_shown) if each.field_id == "labels" else (each.old, each.new)
        items.append((_NAMES.get(each.field_id, each.field_id), old, new))
    return Save(str(entry.id), entry.author, tuple(items))


def _copied(issue: Issue) -> Issue:
    row = copy.copy(issue)
    row.fields, row.properties = dict(issue.fields), dict(issue.properties)
    row.entries, row.comments = list(issue.entries), list(issue.comments)
    return row
