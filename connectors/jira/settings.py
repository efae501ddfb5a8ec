"""What an administrator writes about one Jira Cloud site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.jira.tier_values import TierKind
from connectors.secrets import Secret
from connectors.site_settings import StatusNames, address

_ADDRESS: Final = address("a site", "https://example.atlassian.net", "them as username and token", sent="token")
_TOKEN_ADDRESS: Final = address("a token endpoint", "https://auth.atlassian.com/oauth/token", "it under auth")
_GATEWAY: Final = re.compile(r"/ex/jira/[^/]+$")
_MODEL: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

_AUTHORITY: Final = "https://auth.atlassian.com/oauth/token"
TokenAddress = Annotated[str, AfterValidator(_TOKEN_ADDRESS)]


class ClientCredentials(BaseModel):
    """OAuth client credentials of a service account: https://support.atlassian.com/user-management/docs/create-oauth-2-0-credential-for-service-accounts/."""

    model_config = _MODEL
    kind: Literal["oauth_client_credentials"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    token_url: TokenAddress = _AUTHORITY


class RefreshToken(BaseModel):
    """OAuth 2.0 (3LO) of an app, with a refresh token that Atlassian replaces each time that it is used.

    `refresh_token` is the first one. Its successors are kept in `token_file`, which hoist writes, readable by its account alone;
    processes that share the credential share the file.
    https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
    """

    model_config = _MODEL
    kind: Literal["oauth_refresh"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    refresh_token: Secret
    token_file: Path
    token_url: TokenAddress = _AUTHORITY


OAuth = Annotated[ClientCredentials | RefreshToken, Field(discriminator="kind")]


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
CustomField = Annotated[str, Field(pattern=r"^customfield_\d+$", examples=["customfield_10050"])]


_IN_A_FIELD: Final = frozenset({"team", "select", "cascading_select", "group"})


class TierField(BaseModel):
    """The field that says which team holds an issue.

    `team` is Atlassian's Team field, `select` a single-choice list, `group` a group picker, `component` the issue's components,
    `cascading_select` both levels of such a list, `status` the statuses that `statuses` names, and `assignee` means that a team
    is known by its people only. All but `component`, `status` and `assignee` need `field`, the custom field's id. `required` are
    the values, by field, that hoist enters where a transition to such a status wants them.
    """

    model_config = _MODEL

    kind: TierKind
    field: Annotated[str, Field(pattern=r"^(customfield_\d+)?$", examples=["customfield_10050"])] = ""
    statuses: tuple[str, ...] = ()
    required: Mapping[str, Any] = {}

    @model_validator(mode="after")
    def _needs_a_field(self) -> TierField:
        if (self.kind in _IN_A_FIELD) != bool(self.field):
            need = "needs the id of the custom field, like customfield_10050" if not self.field else "takes no field id"
            raise ValueError(f"a tier field of the kind {self.kind} {need}")
        if (self.kind == "status") != bool(self.statuses) or (self.required and self.kind != "status"):
            raise ValueError("where teams are statuses, `statuses` names them; otherwise neither it nor `required` is of any use")
        return self


class JiraSettings(BaseModel):
    """One Jira Cloud site.

    hoist signs in with `token`, a reference (env:, file:, keyring:) to an API token of `username`, or by `auth`.
    """

    model_config = _MODEL

    edition: Literal["cloud", "data-center"] = "cloud"
    url: Annotated[str, AfterValidator(_ADDRESS), Field(examples=["https://example.atlassian.net"])]
    username: Annotated[str, Field(examples=["hoist@example.com"])] = ""
    token: Secret | None = None
    auth: OAuth | None = None
    projects: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], ...], Field(min_length=1, examples=[["ITSM"]])]
    tier_field: TierField
    statuses: StatusNames = StatusNames()
    targets: tuple[Annotated[str, Field(min_length=1)], ...] = ()  # names of SLAs of service projects that are read
    request_facts: tuple[Literal["request_type", "organisation", "approval"], ...] = ()  # what is read of requests beside that
    fields: Mapping[Name, CustomField] = {}  # custom fields that rules see as native.NAME
    automation_accounts: tuple[str, ...] = ()  # account ids of programs that use an ordinary account
    page_size: Annotated[int, Field(ge=1, le=1_000)] = 500  # issues that are read and kept together
    search_size: Annotated[int, Field(ge=1, le=5_000)] = 1_000  # rows per search; Jira may give fewer
    requests_per_second: Annotated[float, Field(gt=0)] = 50.0
    concurrent_requests: Annotated[int, Field(ge=1, le=65)] = 9  # hoist gives it one more than writes_at_once
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _one_credential(self) -> JiraSettings:
        if self.edition == "data-center":
            if self.username or self.auth is not None or not self.token:
                raise ValueError(
                    "Jira Data Center takes a personal access token as token, which says itself whose it is: name nothing else"
                )
            return self
        if self.auth is not None and (self.username or self.token):
            raise ValueError("hoist signs in with username and token, or by auth: name one of the two")
        if self.auth is None and not (self.username and self.token):
            lacking = " and ".join(name for name in ("username", "token") if not getattr(self, name))
            raise ValueError(f"{lacking} missing: say how hoist signs in, with username and token or by auth")
        if self.auth is not None and not _GATEWAY.search(self.url):
            raise ValueError(
                f"OAuth tokens are taken at https://api.atlassian.com/ex/jira/CLOUD-ID alone, not at {self.url}: give that as "
                f"url; {self.url}/_edge/tenant_info tells the CLOUD-ID"
            )
        return self
