"""The helpdesk: the sandbox's own code, the people and automations that use it, and a record of what hoist did there."""

from __future__ import annotations

import copy
import heapq
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from connectors.jira.sandbox import Answer, JiraSandbox
from connectors.jira.site.catalog import TEAM
from connectors.jira.site.state import Comment, Entry, Issue
from connectors.sandboxes.history import Event, Note
from rules.instants import Instant
from tests.simulation.clocks import TrueTime
from tests.simulation.desk import AUTOMATION, REQUESTER, empty_history
from tests.simulation.story import Automation, Deed, Fields, Opened, Story, Vanishing

MARKER: Final = "hoist.operation"


@dataclass(frozen=True)
class Effect:
    """Something that hoist did at the far side: a save of fields, or a comment.

    `sent` is when the request reached the wire, `at` when it took effect. `marked` is what the request's marker says. `entry` is
    None where nothing differed, and for a comment.
    """

    at: Instant
    sent: Instant
    ticket: str  # id
    kind: str  # edit, comment
    marked: Mapping[str, Any]
    entry: Entry | None = None
    comment: Comment | None = None

    @property
    def marker(self) -> str:
        return str(self.marked["marker"])

    @property
    def firings(self) -> tuple[str, ...]:
        return tuple(self.marked["firings"])


class Helpdesk:
    """A site that lives through a story. `effects` are hoist's, in the order in which they took place."""

    def __init__(self, story: Story, true: TrueTime) -> None:
        self._true, self._at = true, None
        self.effects: list[Effect] = []
        self.reactions: list[Effect] = []  # saves under hoist's account that were not hoist's
        self.echoes: set[int] = set()  # ids of changelog entries made by automation under hoist's account
        self.vanished: dict[str, Instant] = {}  # by id: tickets that hoist once could not see
        self.people_saved: dict[int, list[tuple[Instant, Entry]]] = defaultdict(list)
        self.log: Callable[[str], None] = lambda _: None
        self._fault = ""
        self.sandbox = JiraSandbox(
            clock=self.clock, history=empty_history(), seed=story.seed, faults={"stale-search": 1.0}, lag=story.lag
        )
        self.site = self.sandbox._site
        # The faults of a story are dated, so that each can be left out; the sandbox draws its own by rate.
        self._struck = patch.object(self.sandbox._faults, "strikes", self._strikes)
        self._struck.start()
        self._due: list[tuple[Instant, int, Callable[[], None]]] = []
        self._count = 0
        self._automations = [item for item in story.items if isinstance(item, Automation)]
        self._reacted: dict[int, int] = defaultdict(int)
        for item in story.items:
            match item:
                case Opened():
                    self.later(item.at, partial(self._open, item))
                case Deed():
                    self.later(item.at, partial(self._done, item))
                case Vanishing():
                    self.later(item.at, partial(self._vanish, item))

    def clock(self) -> Instant:
        """The site's time: while it catches up, the instant of what happens."""
        return self._true.now() if self._at is None else self._at

    _at: Instant | None

    def _strikes(self, name: str) -> bool:
        return name == self._fault

    # --- what happens by itself ------------------------------------------------------------------------------------------

    def later(self, at: Instant, act: Callable[[], None]) -> None:
        """Have something happen at an instant."""
        self._count += 1
        heapq.heappush(self._due, (at, self._count, act))

    def catch_up(self) -> None:
        """Let everything happen that lies at or before now."""
        while self._due and self._due[0][0] <= self._true.now():
            self._at, _, act = heapq.heappop(self._due)
            act()
            self._at = None

    def next_at(self) -> Instant | None:
        """When something happens next."""
        return self._due[0][0] if self._due else None

    # --- people and automations ------------------------------------------------------------------------------------------

    def issue(self, ticket: str) -> Issue | None:
        """The issue of a story's ticket, None where it is not there (any more)."""
        issue = self.site.names.get(ticket)
        return issue if issue is not None and issue.id in self.site.issues.by_id else None

    def _open(self, item: Opened) -> None:
        self.site._replay(Event(self.clock(), item.ticket, REQUESTER, item.values))
        self.log(f"open {item.ticket}")

    def _done(self, item: Deed) -> None:
        if self.issue(item.ticket) is not None:
            self.act(item.ticket, item.who, item.values, Note(item.says, item.public) if item.says else None)

    def act(self, ticket: str, who: str, values: Fields, note: Note | None = None) -> None:
        """Somebody saves a ticket that is there."""
        issue = self.site.names[ticket]
        before = len(issue.entries)
        self.site._replay(Event(self.clock(), ticket, who, values, note))
        self.people_saved[issue.id] += [(entry.at, entry) for entry in issue.entries[before:] if who != AUTOMATION]
        self.log(f"{who} {ticket} {sorted(values.items())}")

    def name_of(self, issue_id: str) -> str | None:
        """The story's name of an issue."""
        return next((name for name, issue in self.site.names.items() if str(issue.id) == issue_id), None)

    def _vanish(self, item: Vanishing) -> None:
        issue, now = self.issue(item.ticket), self.clock()
        if issue is None:
            return
        self.vanished.setdefault(str(issue.id), now)
        self.log(f"{item.how} {item.ticket}")
        match item.how:
            case "deleted":
                self.site.issues.delete(issue, now)
            case "moved":
                project = self.site.catalog.project("OPS")
                assert project is not None
                self.site.issues.move(issue, project, self.site.catalog.accounts["anna"], now)
            case _:
                self._show(issue, visible=False)
                self.later(now + item.lasts, partial(self._show, issue, visible=True))

    def _show(self, issue: Issue, *, visible: bool) -> None:
        issues = self.site.issues
        if visible:
            issues.by_id[issue.id] = issue
            issues.deleted.discard(issue.id)
        else:
            del issues.by_id[issue.id]
            issues.deleted.add(issue.id)
        issues.reindex(issue, self.clock())

    def _react(self, effect: Effect) -> None:
        """The platform's automations that look at saves of this ticket."""
        if effect.entry is None:
            return
        for number, item in enumerate(self._automations):
            issue = self.issue(item.ticket)
            if issue is None or str(issue.id) != effect.ticket or item.at > self.clock() or self._reacted[number] >= item.times:
                continue
            moved = [each for each in effect.entry.items if each.field_id == TEAM]
            if item.how == "echo" or moved:
                self._reacted[number] += 1
                old = moved[0].old if moved else None
                self.later(self.clock() + item.after, partial(self._reaction, item, issue, old))

    def _reaction(self, item: Automation, issue: Issue, old: str | None) -> None:
        if issue.id not in self.site.issues.by_id:
            return
        if item.how == "revert":
            author = self.site.catalog.accounts[AUTOMATION]
            self.site.issues.commit(issue, {TEAM: old}, author, self.clock())
        else:
            labels = issue.fields.get("labels")
            known = labels if isinstance(labels, tuple) else ()
            entry = self.site.issues.commit(
                issue, {"labels": (*known, f"seen-{len(issue.entries)}")}, self.site.catalog.agent.id, self.clock()
            )
            if entry is not None:
                self.echoes.add(entry.id)
        self.log(f"automation {item.how} {item.ticket}")

    # --- requests --------------------------------------------------------------------------------------------------------

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, sent: Instant, *, fault: str = ""
    ) -> Answer:
        """Answer a request now, with one of the sandbox's own faults where named; hoist's writes are recorded."""
        path, _, query = target.partition("?")
        issue_id, kind = written(method, path)
        issue = self.site.issues.by_id.get(int(issue_id)) if issue_id.isdigit() else None
        entries, comments = (len(issue.entries), len(issue.comments)) if issue else (0, 0)
        self._fault = fault
        try:
            answer = self.sandbox.dispatch(method, path, query, headers, body)
        finally:
            self._fault = ""
        if kind and issue is not None and 200 <= answer.status < 300:
            self._record(issue, kind, sent, body, entries, comments)
        return answer

    def _record(self, issue: Issue, kind: str, sent: Instant, body: bytes, entries: int, comments: int) -> None:
        properties = json.loads(body).get("properties", ())
        marked = next((each["value"] for each in properties if each["key"] == MARKER), {"marker": "", "firings": []})
        entry = issue.entries[entries] if len(issue.entries) > entries else None
        comment = issue.comments[comments] if len(issue.comments) > comments else None
        effect = Effect(self.clock(), sent, str(issue.id), kind, marked, entry, comment)
        self.effects.append(effect)
        self._react(effect)

    @contextmanager
    def as_it_was(self, old: Mapping[int, Issue], at: Instant) -> Iterator[None]:
        """Answer reads from a replica that stands at an earlier instant."""
        issues = self.site.issues
        present, issues.by_id, self._at = issues.by_id, dict(old), at
        try:
            yield
        finally:
            issues.by_id, self._at = present, None

    def replica(self, at: Instant) -> dict[int, Issue]:
        """All issues as they were at an instant."""
        found = {id_: _rolled_back(issue, at) for id_, issue in self.site.issues.by_id.items() if issue.created <= at}
        for row in found.values():
            row.properties.pop(MARKER, None)
        for effect in self.effects:
            if effect.at <= at and effect.kind == "edit" and int(effect.ticket) in found:
                found[int(effect.ticket)].properties[MARKER] = dict(effect.marked)
        return found

    def close(self) -> None:
        """Give the sandbox its own faults back."""
        self._struck.stop()


def written(method: str, path: str) -> tuple[str, str]:
    """The issue that a request writes, and whether it is an edit or a comment; empty where it writes nothing."""
    words = path.strip("/").split("/")[3:]
    if method == "PUT" and len(words) == 2 and words[0] == "issue":
        return words[1], "edit"
    if method == "POST" and len(words) == 3 and words[0] == "issue" and words[2] == "comment":
        return words[1], "comment"
    return "", ""


def _rolled_back(issue: Issue, at: Instant) -> Issue:
    row = copy.copy(issue)
    row.fields, row.properties = dict(issue.fields), dict(issue.properties)
    for entry in reversed([each for each in issue.entries if each.at > at]):
        for item in entry.items:
            row.fields[item.field_id] = tuple((item.old_shown or "").split()) if item.field_id == "labels" else item.old
    row.entries = [each for each in issue.entries if each.at <= at]
    row.comments = [each for each in issue.comments if each.created <= at]
    row.updated = max([issue.created, *(e.at for e in row.entries), *(c.created for c in row.comments)])
    return row
