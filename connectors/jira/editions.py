"""Which client speaks to a site: by the edition that its settings name. A site that is of another one says so itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.http import Surroundings
from connectors.jira.client import JiraClient
from connectors.jira.cloud import CloudClient
from connectors.jira.data_center import DataCenterClient
from connectors.jira.settings import JiraSettings

_CLIENTS: Final[Mapping[str, type[CloudClient | DataCenterClient]]] = {"cloud": CloudClient, "data-center": DataCenterClient}


def client_of(source: str, settings: JiraSettings, surroundings: Surroundings | None, *, dry_run: bool) -> JiraClient:
    """The client of one site."""
    return _CLIENTS[settings.edition](source, settings, surroundings, dry_run=dry_run)
