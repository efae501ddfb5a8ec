"""What an administrator writes about one Jira Cloud site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.secrets import Secret
from connectors.site_settings import StatusNames, address

_ADDRESS: Final = address("a site", "https://example.atlassian.net", "them as username and token", sent="token")


class TierField(BaseModel):
    """The field that says which team holds an issue.

    `team` is Atlassian's Team field, `select` a single-choice list, `group` a group picker, `component` the issue's components,
    and `assignee` means that a team is known by its people only. The first three need `field`, the custom field's id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kind: Literal["team", "select", "group", "component", "assignee"]
    field: Annotated[str, Field(pattern=r"^(customfield_\d+)?$", examples=["customfield_10050"])] = ""

    @model_validator(mode="after")
    def _needs_a_field(self) -> TierField:
        if (self.kind in {"team", "select", "group"}) != bool(self.field):
            need = "needs the id of the custom field, like customfield_10050" if not self.field else "takes no field id"
            raise ValueError(f"a tier field of the kind {self.kind} {need}")
        return self


class JiraSettings(BaseModel):
    """One Jira Cloud site. `token` is a reference (env:, file:, keyring:) to an API token of `username`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_ADDRESS), Field(examples=["https://example.atlassian.net"])]
    username: Annotated[str, Field(min_length=1, examples=["hoist@example.com"])]
    token: Secret
    projects: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], ...], Field(min_length=1, examples=[["ITSM"]])]
    tier_field: TierField
    statuses: StatusNames = StatusNames()
    automation_accounts: tuple[str, ...] = ()  # account ids of programs that use an ordinary account
    page_size: Annotated[int, Field(ge=1, le=1_000)] = 500  # issues that are read and kept together
    search_size: Annotated[int, Field(ge=1, le=5_000)] = 1_000  # rows per search; Jira may give fewer
    requests_per_second: Annotated[float, Field(gt=0)] = 50.0
    concurrent_requests: Annotated[int, Field(ge=1, le=65)] = 9  # hoist gives it one more than writes_at_once
    ca_file: Path | None = None
