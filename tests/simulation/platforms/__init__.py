"""The platforms that a story can take place on, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.simulation.platforms.far_side import FarSideClass
from tests.simulation.platforms.jira import JiraFarSide
from tests.simulation.platforms.jira_data_center import DataCenterFarSide
from tests.simulation.platforms.servicenow import ServiceNowFarSide
from tests.simulation.platforms.zendesk import ZendeskFarSide

PLATFORMS: Final[Mapping[str, FarSideClass]] = {
    "jira": JiraFarSide,
    "jira-data-center": DataCenterFarSide,
    "servicenow": ServiceNowFarSide,
    "zendesk": ZendeskFarSide,
}
