"""hoist's webhook in a Jira site: an administrator's, with a secret, for the projects of the source.

https://developer.atlassian.com/cloud/jira/platform/webhooks/#registering-a-webhook-using-the-jira-rest-api--other-integrations-
hoist makes the secret. The account needs the right Administer Jira while it installs, and never else.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from connectors.installing import Installer, Plan, Step, Wish
from connectors.jira.app_webhooks import AppInstaller
from connectors.jira.client import encoded
from connectors.jira.editions import client_of
from connectors.jira.settings import JiraSettings

EVENTS: Final = (
    "comment_created",
    "comment_deleted",
    "comment_updated",
    "issuelink_created",
    "issuelink_deleted",
    "jira:issue_created",
    "jira:issue_deleted",
    "jira:issue_updated",
)
SECTION: Final = "issue-related-events-section"
BYTES: Final = 32
"""Of a new secret."""


class JiraInstaller:
    """The webhook of one site."""

    def __init__(self, source: str, settings: JiraSettings) -> None:
        self._client, self._settings = client_of(source, settings, None, dry_run=False), settings

    def close(self) -> None:
        self._client.close()

    def install(self, wish: Wish) -> Plan:
        wanted, there = self._wanted(wish), self._found(wish.name)
        if there is None:
            said = f"make the webhook {wish.name!r}, which calls {wish.url} when an issue of {self._projects} changes"
            return Plan([Step(said, lambda: self._made(wanted, wish.secret))])
        differing = [name for name, value in wanted.items() if _plain(there.get(name)) != _plain(value)]
        if not wish.secret or not there.get("isSigned"):
            differing.append("secret")
        if not differing:
            return Plan()
        said = f"set the {', '.join(sorted(differing))} of the webhook {wish.name!r}, which calls {wish.url}"
        return Plan([Step(said, lambda: self._changed(there, wanted, wish.secret))])

    def remove(self, wish: Wish) -> Plan:
        there = self._found(wish.name)
        if there is None:
            return Plan()
        return Plan([Step(f"remove the webhook {wish.name!r}, which calls {there.get('url')}", lambda: self._removed(there))])

    @property
    def _projects(self) -> str:
        return ", ".join(self._settings.projects)

    def _wanted(self, wish: Wish) -> dict[str, Any]:
        filters = {SECTION: f"project in ({self._projects})"}
        return {
            "name": wish.name,
            "url": wish.url,
            "events": list(EVENTS),
            "filters": filters,
            "excludeBody": False,
            "enabled": True,
        }

    def _found(self, name: str) -> Mapping[str, Any] | None:
        return next((each for each in self._client.webhooks() if each.get("name") == name), None)

    def _made(self, wanted: Mapping[str, Any], secret: str) -> str:
        made = secret or secrets.token_urlsafe(BYTES)
        self._client.make_webhook(encoded({**wanted, "secret": made}))
        return made

    def _changed(self, there: Mapping[str, Any], wanted: Mapping[str, Any], secret: str) -> str:
        made = secret or secrets.token_urlsafe(BYTES)
        self._client.change_webhook(_number(there), encoded({**wanted, "secret": made}))
        return made

    def _removed(self, there: Mapping[str, Any]) -> str:
        self._client.remove_webhook(_number(there))
        return ""


def installer(source: str, settings: JiraSettings) -> Installer:
    """For one site: an app has webhooks of its own, which nobody but an app can make."""
    return JiraInstaller(source, settings) if settings.auth is None else AppInstaller(source, settings, settings.auth)


def _number(there: Mapping[str, Any]) -> str:
    """Jira names a webhook by its address alone."""
    return str(there.get("self", "")).rstrip("/").rpartition("/")[2]


def _plain(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, list) else value
