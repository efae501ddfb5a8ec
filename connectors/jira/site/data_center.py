"""What of a site is otherwise in Jira Data Center: people have names and keys, texts are wiki markup, histories lack field ids.

https://developer.atlassian.com/server/jira/platform/rest/v10003/. What Atlassian leaves open it does in the least comfortable
way: comments do not tell whether they are public, a search tells times to the second and takes no milliseconds, a wrong token is
no token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from connectors.jira.site.call import Answer, answered
from connectors.jira.site.catalog import Catalog, Field, Project, User
from connectors.jira.site.gateway import Limits
from connectors.jira.site.render import Json, Render, stamp
from connectors.jira.site.state import Comment, Entry, Happened, Issue
from connectors.jira.site.whole import Site
from connectors.sandboxes.faults import Faults
from rules.instants import MINUTE, SECOND, Instant

NOT_THERE: Final = frozenset(
    {"too-many-requests-without-retry-after", "repeated-token", "expired-token", "per-issue-write-limit"}
)
"""Faults of Cloud's gateway and of its page tokens."""


def user_key(handle: str) -> str:
    """The key of a handle: stable over sites and seeds, in the form that newer keys have."""
    return f"JIRAUSER{10_000 + int(hashlib.sha256(handle.encode()).hexdigest()[:8], 16) % 900_000}"


AGENT: Final = User(user_key("hoist"), "hoist agent", "hoist@example.com", "app", active=True, login="hoist")
"""The account whose token the sandbox gives out: a person like any other to Jira."""


class DataCenterCatalog(Catalog):
    """The registries of one site; values mean people by their names for signing in."""

    PERSON = ("name",)
    account = staticmethod(user_key)

    def user_named(self, text: str) -> User | None:
        return next((each for each in self.users.values() if each.login == text), None)


class DataCenterRender(Render):
    """JSON of the one API version that there is."""

    def user(self, account: str) -> Json:
        user = self.catalog.users[account]
        return {
            "self": f"{self.root}/user?username={user.login}",
            "name": user.login,
            "key": user.id,
            "emailAddress": user.email,
            "avatarUrls": {"48x48": f"{self.base}/secure/useravatar?ownerId={user.id}"},
            "displayName": user.name,
            "active": user.active,
            "timeZone": self.zone,
        }

    def project(self, project: Project) -> Json:
        shown = super().project(project)
        return {name: shown[name] for name in ("self", "id", "key", "name", "projectTypeKey")}

    def comment(self, issue: Issue, comment: Comment, *, properties: bool = False) -> Json:
        shown = super().comment(issue, comment)
        del shown["jsdPublic"], properties
        return shown

    def entry(self, entry: Entry, *, number: bool = False) -> Json:
        shown = super().entry(entry, number=number)
        items = shown["items"]
        if isinstance(items, list):
            shown["items"] = [{name: value for name, value in item.items() if name != "fieldId"} for item in items]
        return shown

    def changelog(self, issue: Issue, most: int) -> Json:
        """All of it, the oldest entry first."""
        del most
        shown = [self.entry(each) for each in issue.entries]
        return {"startAt": 0, "maxResults": len(shown), "total": len(shown), "histories": shown}

    def issue(self, issue: Issue, fields: Collection[str], properties: Sequence[str] = (), *, searched: bool = False) -> Json:
        shown = super().issue(issue, fields, properties, searched=False)
        told = shown["fields"]
        if searched and isinstance(told, dict):
            for name in told.keys() & {"updated", "created", "resolutiondate"}:
                at = issue.value(name)
                told[name] = stamp(at - at % SECOND) if isinstance(at, int) else None
        return shown

    def value(self, issue: Issue, field: Field, *, searched: bool = False) -> object:
        """A search shows all comments, too."""
        del searched
        return super().value(issue, field, searched=False)


class DataCenterSite(Site):
    """One imitated site of Jira Data Center."""

    CATALOG = DataCenterCatalog
    RENDER = DataCenterRender
    SERVICE_ACCOUNT = AGENT
    numbers_calls = False
    EXACT_DATES = False

    def heard(self, happened: Happened) -> None:
        """A comment is told of twice: as an update of its issue, and as one."""
        if happened.kind == "comment_created":
            super().heard(happened._replace(kind="jira:issue_updated"))
        super().heard(happened)


class Bucket(Limits):
    """A bucket of tokens for hoist's account; `per_minute` is what flows in and what it holds, 0 for no limit."""

    def __init__(self, faults: Faults, per_minute: int) -> None:
        super().__init__(faults)
        self._most, self._left, self._at = per_minute, float(per_minute), 0

    def before(self, now: Instant) -> Answer | None:
        if instead := super().before(now):
            return instead
        if not self._most:
            return None
        self._left = min(float(self._most), self._left + (now - self._at) * self._most / MINUTE)
        self._at = now
        if self._left < 1:
            return self.too_many(now, 1)
        self._left -= 1
        return None

    def too_many(self, now: Instant, times: int) -> Answer:
        del now, times
        wait = -(-int((1 - min(self._left, 0.0)) * MINUTE / (self._most or 60)) // SECOND)
        said = {"message": "Rate limit exceeded."}
        return answered(said, 429, {**self.headers(left=0), "Retry-After": str(max(wait, 1))})

    def headers(self, left: int | None = None) -> Mapping[str, str]:
        """What each answer says of the bucket; nothing where there is none."""
        if not self._most and left is None:
            return {}
        most = self._most or 60
        return {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(int(self._left) if left is None else left),
            "X-RateLimit-Interval-Seconds": "60",
            "X-RateLimit-FillRate": str(most),
            "Retry-After": "0",
        }
