"""Issues, accounts and the rest as Jira's JSON: plain strings in version 2, documents in version 3.

`self` links carry the site's own host, whatever address it was called by.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from connectors.event_logs.shape import Category
from connectors.jira.site import adf, requests, sla
from connectors.jira.site.catalog import CATEGORIES, FIELDS, ISSUE_TYPE, RESOLUTION, Catalog, Field, Project, Value
from connectors.jira.site.sla import Terms
from connectors.jira.site.state import Comment, Entry, Issue, Item, prose
from rules.instants import Instant, moment

Json = dict[str, object]

SEARCH_COMMENTS: Final = 20
"""How many comments the comment field shows inside a search; the list of an issue shows all."""

NAVIGABLE: Final = tuple(each for each in FIELDS if each not in {"comment", "description"})


def stamp(at: Instant) -> str:
    """An instant in Jira's form, milliseconds and an offset without colon: `2012-05-07T06:00:00.000+0000`."""
    return moment(at).isoformat(timespec="milliseconds")[:23] + "+0000"


class Render:
    """JSON of one API version under one base address."""

    def __init__(self, catalog: Catalog, base: str, version: int, zone: ZoneInfo) -> None:
        self.catalog = catalog
        self.root = f"{base}/rest/api/{version}"
        self.base = base
        self.version = version
        self.zone = zone.key
        self.now: Instant = 0  # of the call that is answered; what is computed at read time goes by it
        self._terms = Terms(catalog.scheme, catalog.done, catalog.paused, catalog.goals)
        self._users: dict[str, Json] = {}
        self._shared: dict[tuple[str, Value], object] = {}

    def user(self, account: str) -> Json:
        """An account as it stands beside other things; addresses are not shown, as on most sites."""
        known = self._users.get(account)
        if known is None:
            user = self.catalog.users[account]
            known = self._users[account] = {
                "self": f"{self.root}/user?accountId={user.id}",
                "accountId": user.id,
                "avatarUrls": {"48x48": f"{self.base}/avatar/{user.id}"},
                "displayName": user.name,
                "active": user.active,
                "timeZone": self.zone,
                "accountType": user.account_type,
            }
        return known

    def status(self, id_: str) -> Json:
        """A status with its category."""
        status = self.catalog.statuses[id_]
        return {
            "self": f"{self.root}/status/{id_}",
            "description": "",
            "iconUrl": f"{self.base}/images/icons/statuses/generic.png",
            "name": status.name,
            "id": id_,
            "statusCategory": self.category(status.category),
        }

    def category(self, category: Category) -> Json:
        """A status category; its key is what clients decide on."""
        id_, name, colour, _ = CATEGORIES[category]
        return {"self": f"{self.root}/statuscategory/{id_}", "id": id_, "key": category, "colorName": colour, "name": name}

    def priority(self, id_: str) -> Json:
        """A priority as a field's value."""
        name = self.catalog.priorities[id_]
        icon = f"{self.base}/images/icons/priorities/{name.lower()}.svg"
        return {"self": f"{self.root}/priority/{id_}", "iconUrl": icon, "name": name, "id": id_}

    def option(self, field: str, id_: str) -> Json:
        """A choice of a select field."""
        value = self.catalog.options[field][id_]
        return {"self": f"{self.root}/customFieldOption/{id_}", "value": value, "id": id_}

    def component(self, id_: str) -> Json:
        """A component of the first project."""
        return {"self": f"{self.root}/component/{id_}", "id": id_, "name": self.catalog.components[id_]}

    def project(self, project: Project) -> Json:
        """A project; all are service desks."""
        return {
            "self": f"{self.root}/project/{project.id}",
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "service_desk",
            "simplified": False,
            "style": "classic",
            "isPrivate": False,
        }

    def issue_type(self) -> Json:
        """The one issue type of the site."""
        id_, name = ISSUE_TYPE
        return {"self": f"{self.root}/issuetype/{id_}", "id": id_, "name": name, "subtask": False, "hierarchyLevel": 0}

    def resolution(self) -> Json:
        """The one resolution of the site."""
        return {"self": f"{self.root}/resolution/{RESOLUTION[0]}", "id": RESOLUTION[0], "name": RESOLUTION[1], "description": ""}

    def body(self, body: Value) -> object:
        """A text in this version's form; None stays nothing."""
        if body is None:
            return None
        if self.version == 2:
            return prose(body)
        return adf.document(body) if isinstance(body, str) else body

    def comment(self, issue: Issue, comment: Comment, *, properties: bool = False) -> Json:
        """A comment; `jsdPublic` says whether the requester can read it."""
        shown: Json = {
            "self": f"{self.root}/issue/{issue.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.user(comment.author),
            "body": self.body(comment.body),
            "updateAuthor": self.user(comment.update_author),
            "created": stamp(comment.created),
            "updated": stamp(comment.updated),
            "jsdPublic": comment.public,
        }
        if comment.visibility:
            shown["visibility"] = comment.visibility
        if properties:
            shown["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return shown

    def entry(self, entry: Entry, *, number: bool = False) -> Json:
        """A changelog entry; with `number` its time is in milliseconds, as changelog/bulkfetch gives it."""
        shown: Json = {
            "id": str(entry.id),
            "author": self.user(entry.author),
            "created": entry.at if number else stamp(entry.at),
            "items": [_item(item) for item in entry.items],
        }
        if entry.metadata is not None:
            shown["historyMetadata"] = entry.metadata
        return shown

    def changelog(self, issue: Issue, most: int) -> Json:
        """What `expand=changelog` shows: the newest entries first, and not all of them."""
        shown = [self.entry(each) for each in issue.entries[: -most - 1 : -1]]
        return {"startAt": 0, "maxResults": len(shown), "total": len(issue.entries), "histories": shown}

    def issue(self, issue: Issue, fields: Collection[str], properties: Sequence[str] = (), *, searched: bool = False) -> Json:
        """An issue with these fields (see `chosen`); without fields no `fields` key at all, as search/jql does by default."""
        shown: Json = {"id": str(issue.id)}
        if fields or not searched:
            shown |= {"self": f"{self.root}/issue/{issue.id}", "key": issue.key}
            shown["fields"] = {name: self.value(issue, FIELDS[name], searched=searched) for name in fields}
        if properties:
            every = "*all" in properties
            shown["properties"] = {key: value for key, value in issue.properties.items() if every or key in properties}
        return shown

    def field(self, issue: Issue, id_: str) -> object:
        """One field's value, by its id."""
        return self.value(issue, FIELDS[id_])

    def value(self, issue: Issue, field: Field, *, searched: bool = False) -> object:
        """One field's value."""
        stored = issue.value(field.id)
        match field.kind:
            case "project":
                return self.project(issue.project)
            case "issuetype":
                return self.issue_type()
            case "comment":
                return self.comments(issue, SEARCH_COMMENTS if searched else len(issue.comments))
            case "labels" | "date":
                return stored
            case "components":
                return [self.component(id_) for id_ in stored] if isinstance(stored, tuple) else []
            case "text" | "body":
                return prose(stored) if field.kind == "text" else self.body(stored)
            case "sla":
                return sla.shown(issue, self._terms, self.now)
        if stored is None or field.kind == "instant":
            return stamp(stored) if isinstance(stored, int) else None
        shared = self._shared.get((field.id, stored))
        if shared is None:
            shared = self._shared[field.id, stored] = self._one(field, stored)
        return shared

    def _one(self, field: Field, stored: Value) -> object:
        match field.kind:
            case "status":
                return self.status(str(stored))
            case "priority":
                return self.priority(str(stored))
            case "user":
                return self.user(str(stored))
            case "option":
                return self.option(field.id, str(stored))
            case kind if kind in requests.KINDS:
                return requests.shown(self, field, stored)
            case _:
                return self.resolution()

    def comments(self, issue: Issue, most: int) -> Json:
        """The comment field."""
        shown = [self.comment(issue, each) for each in issue.comments[:most]]
        self_ = f"{self.root}/issue/{issue.id}/comment"
        return {"comments": shown, "self": self_, "maxResults": most, "total": len(issue.comments), "startAt": 0}


def _item(item: Item) -> Json:
    return {
        "field": item.field,
        "fieldtype": item.type,
        "fieldId": item.field_id,
        "from": item.old,
        "fromString": item.old_shown,
        "to": item.new,
        "toString": item.new_shown,
    }


def chosen(asked: Sequence[str], default: Sequence[str]) -> list[str]:
    """The field ids that `fields` asks for: names, *all, *navigable, and -name to leave one out; unknown names are ignored."""
    found = dict.fromkeys(default if not any(not each.startswith("-") for each in asked) else ())
    for each in asked:
        if each == "*all":
            found |= dict.fromkeys(FIELDS)
        elif each == "*navigable":
            found |= dict.fromkeys(NAVIGABLE)
        elif each.startswith("-"):
            found.pop(each[1:], None)
        elif each in FIELDS:
            found[each] = None
    return list(found)
