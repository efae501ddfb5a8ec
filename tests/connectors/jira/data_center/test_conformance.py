"""The Jira connector keeps every connector's promises towards Data Center, too: below a context path, with a token of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors.jira.data_center_sandbox import DataCenterSandbox
from connectors.jira.site.catalog import ISSUE_TYPE, TEAM
from connectors.jira.site.data_center import user_key
from connectors.testing import ConnectorConformance, FarComment, FarTicket, Stage
from tests.connectors.jira.data_center.calling import call
from tests.connectors.jira.test_conformance import Gate, JiraStage


class DataCenterGate(Gate, DataCenterSandbox):
    """A site of Data Center that counts hoist's calls, and lets things happen to them."""


class DataCenterStage(JiraStage):
    """A connector to a site of Data Center on loopback."""

    staff, requester = user_key("anna"), user_key("chloe")
    GATE = DataCenterGate
    FIELDS = "values"
    site: DataCenterGate

    def create(self, *, team: str, priority: str) -> str:
        fields = {
            "project": {"key": "IT"},
            "issuetype": {"id": ISSUE_TYPE[0]},
            "summary": "VPN drops",
            "reporter": {"name": "chloe"},
            TEAM: {"id": team},
            "priority": {"id": priority},
        }
        return str(self.person("chloe", "POST", "issue", {"fields": fields})["id"])

    def change(self, ticket: str, **values: str) -> None:
        assignee = values.pop("assignee", "")
        if assignee:
            self.person("anna", "PUT", f"issue/{ticket}/assignee", {"name": "anna"})
        super().change(ticket, **values)

    def far(self, ticket: str) -> FarTicket:
        whole = self.person("anna", "GET", f"issue/{ticket}?expand=changelog")
        shown = whole["fields"]
        comments = shown["comment"]["comments"]
        said = call(self.site, "anna", "GET", f"/jira/rest/servicedeskapi/request/{ticket}/comment?limit=100")["values"]
        public = {each["id"]: each["public"] for each in said}
        return FarTicket(
            team=shown[TEAM]["id"] if shown[TEAM] else None,
            priority=shown["priority"]["id"],
            assignee=shown["assignee"]["key"] if shown["assignee"] else None,
            labels=tuple(shown["labels"]),
            comments=tuple(FarComment(each["author"]["key"], public[each["id"]], each["body"]) for each in comments),
            saves=whole["changelog"]["total"],
        )

    def person(self, handle: str, method: str, path: str, body: object = None) -> Any:
        """What Jira answers a person; fails where it refuses."""
        return call(self.site, handle, method, f"/jira/rest/api/2/{path}", body)


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> Iterator[Stage]:
        with ExitStack() as open_:
            yield DataCenterStage(open_, tmp_path)
