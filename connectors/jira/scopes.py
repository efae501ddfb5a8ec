"""What hoist's OAuth token is good for: which sites, and with which scopes; as sentences for an administrator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from connectors.errors import ConnectorError
from connectors.jira.client import SCOPES, JiraClient
from connectors.jira.settings import JiraSettings
from connectors.jira.wire import Resource

_EFFECTS: Final[Mapping[str, str]] = dict(
    zip(SCOPES, ("hoist can't tell who it is", "it sees no ticket", "it can change nothing"), strict=True)
)


def problems(client: JiraClient, settings: JiraSettings) -> list[str]:
    """The scopes that the token lacks, each with its effect and its cure; none where Atlassian does not name any."""
    site = _site(client.resources() or (), settings)
    given = set(site.scopes if site else ()) or client.scopes
    # Granular scopes (read:issue:jira) stand in for the classic ones, a dozen for each: only the calls themselves tell.
    if not given or any(scope.count(":") > 1 for scope in given):
        return []
    return [
        f"{client.source}: hoist's token lacks the scope {scope}: {effect}; add it to the app or to the service account's "
        f"credential, and let hoist sign in anew"
        for scope, effect in _EFFECTS.items()
        if scope not in given
    ]


def of_no_site(client: JiraClient, settings: JiraSettings) -> str:
    """Where the token is not good for the site that `url` names: a sentence with those that it is good for; else nothing."""
    try:
        resources = client.resources()
    except ConnectorError:  # what befell the call before says more
        return ""
    if resources is None or _site(resources, settings) is not None:
        return ""
    choices = ", ".join(f"{_address(settings)}{each.id} ({each.url})" for each in resources) or "none"
    return f"{client.source}: hoist's token is not good for {settings.url}; it is good for: {choices}; correct `url`, or the app"


def _site(resources: Iterable[Resource], settings: JiraSettings) -> Resource | None:
    cloud_id = settings.url.rpartition("/")[2]
    return next((each for each in resources if each.id == cloud_id), None)


def _address(settings: JiraSettings) -> str:
    return settings.url.rpartition("/")[0] + "/"
