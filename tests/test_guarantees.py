"""The honest guarantee per platform: what the page says is what the connectors declare, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.contract import Capabilities
from connectors.jira.connector import JiraConnector
from connectors.jira.settings import JiraSettings
from connectors.memory import CAPABILITIES
from connectors.servicenow.connector import ServiceNowConnector
from connectors.servicenow.settings import ServiceNowSettings
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.settings import ZendeskSettings

PAGE = Path(__file__).parent.parent / "docs" / "guarantees.md"


def declared(platform: str) -> Capabilities:
    if platform == "memory":
        return CAPABILITIES
    if platform == "servicenow":
        snow = ServiceNowSettings.model_validate(
            {
                "url": "https://example.service-now.com",
                "username": "hoist.integration",
                "auth": {"kind": "basic", "password": "env:A_TOKEN"},
            }
        )
        return ServiceNowConnector("snow-prod", snow).capabilities
    if platform == "zendesk":
        auth = {"kind": "api_token", "email": "hoist@example.com", "token": "env:A_TOKEN"}
        zendesk = ZendeskSettings.model_validate({"url": "https://example.zendesk.com", "auth": auth})
        return ZendeskConnector("zendesk-eu", zendesk).capabilities
    settings = JiraSettings.model_validate(
        {
            "url": "https://example.atlassian.net",
            "username": "hoist@example.com",
            "token": "env:A_TOKEN",
            "projects": ["SD"],
            "tier_field": {"kind": "select", "field": "customfield_10050"},
        }
    )
    return JiraConnector("jira-cloud", settings).capabilities


def rows(platform: str) -> list[tuple[str, ...]]:
    """The rows of a platform's table, its heading left out."""
    text = PAGE.read_text(encoding="utf-8")
    section = re.split(r"^## ", text.partition(f"\n## {platform}\n")[2], flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


@pytest.mark.parametrize("platform", ["jira", "servicenow", "zendesk", "memory"])
def test_the_page_says_what_the_connector_declares(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads what is guaranteed reads the connector's own words, for every operation that it can do."""
    monkeypatch.setenv("A_TOKEN", "secret")
    promises = declared(platform).promises.items()
    assert rows(platform) == [(str(kind), str(each.guard), str(each.once), each.found_out) for kind, each in promises]


def test_every_platform_that_is_built_has_its_table() -> None:
    """No connector is left out, and none that is not there is promised."""
    folders = {path.parent.name for path in (PAGE.parent.parent / "connectors").glob("*/connector.py")}
    headings = set(re.findall(r"^## ([a-z]+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert headings == folders | {"memory"}
