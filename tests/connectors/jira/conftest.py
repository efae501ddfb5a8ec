"""The recorded site and a connector to it, for the tests of the Jira connector."""

from collections.abc import Iterator

import pytest
import responses

from connectors.jira.connector import JiraConnector
from tests.connectors.jira.recorded import (
    Recorded,
    connector,
)


@pytest.fixture
def jira() -> Iterator[Recorded]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Recorded(mock)


@pytest.fixture
def hoist(monkeypatch: pytest.MonkeyPatch) -> JiraConnector:
    return connector(monkeypatch)
