"""The issues of a site: what they are now, and the changelog of how they came to be so.

Writes are all-or-nothing: whoever calls `commit` has checked every value. Nothing here knows of requests or of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from connectors.jira.site import adf
from connectors.jira.site.catalog import FIELDS, RESOLUTION, Catalog, Field, Project, Value
from rules.instants import Instant

INTERNAL: Final = "sd.public.comment"
"""The comment property by which Jira Service Management knows an internal comment; without it a comment is public."""


class Item(NamedTuple):
    """One field's part of a changelog entry; the names are those of the moment, later renames leave them."""

    field: str
    field_id: str
    type: str
    old: str | None
    old_shown: str | None
    new: str | None
    new_shown: str | None


class Entry(NamedTuple):
    id: int
    at: Instant
    author: str
    items: tuple[Item, ...]
    metadata: Mapping[str, object] | None


@dataclass(slots=True)
class Comment:
    id: int
    author: str
    body: Value
    created: Instant
    updated: Instant
    update_author: str
    properties: dict[str, object]
    visibility: Mapping[str, object] | None = None

    @property
    def public(self) -> bool:
        marked = self.properties.get(INTERNAL)
        return not (isinstance(marked, Mapping) and str(marked.get("internal")).lower() == "true")


@dataclass(slots=True)
class Issue:
    id: int
    key: str
    project: Project
    created: Instant
    updated: Instant
    creator: str
    fields: dict[str, Value]
    entries: list[Entry] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    properties: dict[str, object] = field(default_factory=dict)
    links: dict[str, tuple[int, Mapping[str, object]]] = field(default_factory=dict)  # by globalId

    def value(self, field_id: str) -> Value:
        """The stored value of any field, the computed ones included."""
        match field_id:
            case "created":
                return self.created
            case "updated":
                return self.updated
            case "creator":
                return self.creator
            case _:
                return self.fields.get(field_id)


class Happened(NamedTuple):
    """What happened to an issue, as an event of Jira's webhooks: `about` is the entry or comment that it tells of."""

    kind: str
    issue: Issue
    author: str
    at: Instant
    about: Entry | Comment | None = None


class Issues:
    """All issues of the site. `touched` is called after each change that a search can see, with the issue and the instant."""

    def __init__(self, catalog: Catalog, touched: Callable[[Issue, Instant], None]) -> None:
        self.catalog = catalog
        self.by_id: dict[int, Issue] = {}
        self.deleted: set[int] = set()
        self._keys: dict[str, int] = {}
        self._numbers = {project.id: 0 for project in catalog.projects}
        self.heard: Callable[[Happened], None] | None = None
        """Told of each event."""
        self._touched = touched
        self._next = {"issue": 10_000, "entry": 100_000, "comment": 50_000, "link": 70_000}

    def __iter__(self) -> Iterator[Issue]:
        return iter(self.by_id.values())

    def find(self, id_or_key: str) -> Issue | None:
        """The issue of an id, a key, or a key that it had before it was moved."""
        if id_or_key.isdigit():
            return self.by_id.get(int(id_or_key))
        id_ = self._keys.get(id_or_key.upper())
        return None if id_ is None else self.by_id.get(id_)

    def create(self, project: Project, fields: dict[str, Value], creator: str, at: Instant) -> Issue:
        """A new issue; `fields` are stored values, what is missing is empty or the default."""
        catalog = self.catalog
        first = next(iter(catalog.statuses))
        defaults: dict[str, Value] = {"status": first, "priority": catalog.scheme[len(catalog.scheme) // 2], "reporter": creator}
        filled: dict[str, Value] = {**defaults, "labels": (), "components": (), **fields}
        if catalog.statuses[str(filled["status"])].category == "done":
            filled["resolution"], filled["resolutiondate"] = RESOLUTION[0], at
        id_ = self._number("issue")
        issue = Issue(id_, self._key(project), project, at, at, creator, filled)
        self.by_id[id_] = issue
        self._keys[issue.key] = id_
        self._touched(issue, at)
        self.tell("jira:issue_created", issue, creator, at)
        return issue

    def tell(self, kind: str, issue: Issue, author: str, at: Instant, about: Entry | Comment | None = None) -> None:
        """Let it be known that something happened."""
        if self.heard is not None:
            self.heard(Happened(kind, issue, author, at, about))

    def commit(
        self, issue: Issue, changes: Mapping[str, Value], author: str, at: Instant, metadata: Mapping[str, object] | None = None
    ) -> Entry | None:
        """Set fields to stored values, in one changelog entry; None, and no trace, where nothing differs.

        A status of the category done sets the resolution, any other one clears it, as Jira's own workflows do.
        """
        fields = issue.fields
        new = {name: value for name, value in changes.items() if fields.get(name) != value}
        if "status" in new:
            new.update(self._resolution(issue, str(new["status"]), at))
        items: list[Item] = []
        for name, value in new.items():
            if name != "resolutiondate":
                items += self._items(FIELDS[name], fields.get(name), value)
            fields[name] = value
        if not items:
            return None
        entry = Entry(self._number("entry"), at, author, tuple(items), metadata)
        issue.entries.append(entry)
        self.touch(issue, at)
        self.tell("jira:issue_updated", issue, author, at, entry)
        return entry

    def comment(
        self, issue: Issue, author: str, body: Value, at: Instant, properties: Mapping[str, object], *,
        visibility: Mapping[str, object] | None = None,
    ) -> Comment:  # fmt: skip
        """Add a comment; it moves the issue's `updated`."""
        comment = Comment(self._number("comment"), author, body, at, at, author, dict(properties), visibility)
        issue.comments.append(comment)
        self.touch(issue, at)
        self.tell("comment_created", issue, author, at, comment)
        return comment

    def link(self, issue: Issue, global_id: str, given: Mapping[str, object]) -> tuple[int, bool]:
        """Create or replace the remote link of this global id; its number, and whether it is new."""
        known = issue.links.get(global_id)
        number = known[0] if known else self._number("link")
        issue.links[global_id] = (number, given)
        return number, known is None

    def delete(self, issue: Issue, at: Instant) -> None:
        """Take an issue away for good; its keys lead nowhere from now on."""
        del self.by_id[issue.id]
        self.deleted.add(issue.id)
        self._touched(issue, at)
        self.tell("jira:issue_deleted", issue, "", at)

    def move(self, issue: Issue, project: Project, author: str, at: Instant) -> None:
        """Move an issue to another project: it gets a new key and is still found by the old one."""
        before, old_key = issue.project, issue.key
        issue.project, issue.key = project, self._key(project)
        self._keys[issue.key] = issue.id
        items = (
            Item("project", "project", "jira", before.id, before.name, project.id, project.name),
            Item("Key", "", "jira", None, old_key, None, issue.key),
        )
        entry = Entry(self._number("entry"), at, author, items, None)
        issue.entries.append(entry)
        self.touch(issue, at)
        self.tell("jira:issue_updated", issue, author, at, entry)

    def touch(self, issue: Issue, at: Instant) -> None:
        """Something about the issue changed that moves its `updated`."""
        issue.updated = max(at, issue.updated)
        self._touched(issue, at)

    def reindex(self, issue: Issue, at: Instant) -> None:
        """Something about the issue changed that a search shows and that leaves `updated` alone."""
        self._touched(issue, at)

    def _resolution(self, issue: Issue, status: str, at: Instant) -> dict[str, Value]:
        done = self.catalog.statuses[status].category == "done"
        if done == (issue.fields.get("resolution") is not None):
            return {}
        return {"resolution": RESOLUTION[0] if done else None, "resolutiondate": at if done else None}

    def _items(self, field: Field, old: Value, new: Value) -> list[Item]:
        match field.kind:
            case "labels":
                return [Item("labels", "labels", "jira", "", _joined(old), "", _joined(new))]
            case "components":
                return list(self._component_items(_several(old), _several(new)))
            case "text" | "body":
                return [Item(field.id, field.id, "jira", None, prose(old) or None, None, prose(new) or None)]
            case _:
                shown = self.catalog.shown
                label, kind = (field.name, "custom") if field.id in self.catalog.options else (field.id, "jira")
                before, after = None if old is None else str(old), None if new is None else str(new)
                if field.kind == "cascade":  # histories name its levels in their text alone
                    return [Item(field.name, field.id, "custom", None, shown(field, old), None, shown(field, new))]
                if field.kind == "group":
                    return [
                        Item(
                            field.name,
                            field.id,
                            "custom",
                            shown(field, old),
                            shown(field, old),
                            shown(field, new),
                            shown(field, new),
                        )
                    ]
                return [Item(label, field.id, kind, before, shown(field, old), after, shown(field, new))]

    def _component_items(self, old: Collection[str], new: Collection[str]) -> Iterator[Item]:
        names = self.catalog.components
        for gone in (each for each in old if each not in new):
            yield Item("Component", "components", "jira", gone, names[gone], None, None)
        for come in (each for each in new if each not in old):
            yield Item("Component", "components", "jira", None, None, come, names[come])

    def _key(self, project: Project) -> str:
        self._numbers[project.id] += 1
        return f"{project.key}-{self._numbers[project.id]}"

    def _number(self, kind: str) -> int:
        self._next[kind] += 1
        return self._next[kind]


def prose(body: Value) -> str:
    """The plain text of a body, whether it was written as text or as a document; empty for nothing."""
    if body is None:
        return ""
    return adf.plain(body) if isinstance(body, Mapping) else str(body)


def _several(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _joined(value: Value) -> str:
    return " ".join(_several(value))
