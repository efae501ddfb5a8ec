"""Platforms are found by name among what is installed."""

from importlib.metadata import EntryPoint

import pytest

from connectors.errors import AskAdmin
from connectors.jira.connector import JiraConnector
from connectors.registry import GROUP, connector_class, platforms

INSTALLED = [
    EntryPoint("jira", "connectors.jira.connector:JiraConnector", GROUP),
    EntryPoint("broken", "connectors.nowhere:Nothing", GROUP),
]


def test_a_platform_by_its_name() -> None:
    """The name in the settings leads to the connector and to the model of its settings."""
    found = connector_class("jira", INSTALLED)
    assert found is JiraConnector
    assert "tier_field" in found.Settings.model_fields


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    """A name that nobody has is answered with the nearest, or with all."""
    with pytest.raises(AskAdmin, match="did you mean jira"):
        connector_class("jirra", INSTALLED)
    with pytest.raises(AskAdmin, match="installed are: broken, jira"):
        connector_class("x", INSTALLED)
    with pytest.raises(AskAdmin, match="installed are: none"):
        connector_class("jira", [])


def test_a_connector_that_does_not_load() -> None:
    """A broken installation is said to be one, by name."""
    with pytest.raises(AskAdmin, match=r"'broken'.*install hoist again"):
        connector_class("broken", INSTALLED)


def test_all_names() -> None:
    """What is installed can be listed."""
    assert platforms(INSTALLED) == ["broken", "jira"]
    assert platforms() == sorted(platforms())
