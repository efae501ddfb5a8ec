"""What an administrator writes about one ServiceNow instance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.secrets import Secret
from connectors.servicenow.cases import Provider
from connectors.site_settings import StatusNames, address
from rules.ticket import Status

_MODEL: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

Provided = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$")]
Column = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
"""A column or table by its name; with these letters alone it can't smuggle anything into a query."""

REQUESTERS: Final[Mapping[str, str]] = {"incident": "caller_id", "change_request": "requested_by", "sc_req_item": "requested_for"}
"""The column of a table that names its requester; `opened_by` in any other table."""


_NEVER_APPROVED: Final = frozenset({"incident", "incident_task", "problem", "problem_task"})
"""Tables whose tasks nobody approves in the base system, so that incidents alone cost no question about approvals."""
_ADDRESS: Final = address("an instance", "https://example.service-now.com", "it under auth")


class ClientCredentials(BaseModel):
    """OAuth 2.0 client credentials of an application registry entry with an application user."""

    model_config = _MODEL
    kind: Literal["client_credentials"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret


class RefreshToken(BaseModel):
    """OAuth 2.0 with a refresh token that a person has fetched once."""

    model_config = _MODEL
    kind: Literal["refresh_token"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    refresh_token: Secret


class JwtBearer(BaseModel):
    """OAuth 2.0 JWT bearer: an assertion that is signed with RS256 by `private_key` (PEM). `key_id` names the public key."""

    model_config = _MODEL
    kind: Literal["jwt_bearer"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    private_key: Secret
    key_id: str = ""


class BasicAuth(BaseModel):
    """User name and password of a local user."""

    model_config = _MODEL
    kind: Literal["basic"]
    password: Secret


class ApiKey(BaseModel):
    """A key of the inbound REST API key feature."""

    model_config = _MODEL
    kind: Literal["api_key"]
    key: Secret


class Certificate(BaseModel):
    """Mutual TLS: a client certificate that the instance maps to a user, and its key, both PEM files."""

    model_config = _MODEL
    kind: Literal["certificate"]
    certificate: Path
    key: Path


Credentials = Annotated[
    ClientCredentials | RefreshToken | JwtBearer | BasicAuth | ApiKey | Certificate, Field(discriminator="kind")
]


class HoldReasons(BaseModel):
    """Labels of hold reasons that mean waiting on the requester, or on a third party."""

    model_config = _MODEL
    pending: tuple[str, ...] = ()
    on_hold: tuple[str, ...] = ()

    def by_name(self) -> dict[str, Status]:
        """Each label, in lower case, with its meaning."""
        return {name.casefold(): status for status in (Status.PENDING, Status.ON_HOLD) for name in getattr(self, status.value)}


class ProviderCases(BaseModel):
    """Where a service provider's cases stand: `column` holds the provider's number of the case.

    Where one column serves several providers, `display` is what correlation_display says beside the number of this one.
    """

    model_config = _MODEL
    column: Column = "correlation_id"
    display: str = ""


class ServiceNowSettings(BaseModel):
    """One ServiceNow instance, read and written as `username`.

    `instance` is what the instance calls itself (the property instance_name): where it answers otherwise, as a clone does, hoist
    stops. `columns` are further columns of the tables, which rules see as `native.NAME`. Without `tags` no labels are read or
    written, without `approvals` nobody knows who is to approve what. `cases` are those at service providers, under the names that
    the protocol gives them. `batch` is the Batch API, which spares requests; where it is off, each part is asked for alone.
    """

    model_config = _MODEL

    url: Annotated[str, AfterValidator(_ADDRESS), Field(examples=["https://example.service-now.com"])]
    username: Annotated[str, Field(pattern=r"^[^\^\s,][^\^,]*$", max_length=120, examples=["hoist.integration"])]
    auth: Annotated[
        Credentials,
        Field(examples=[{"kind": "client_credentials", "client_id": "0f3c...", "client_secret": "env:HOIST_SNOW_SECRET"}]),
    ]
    instance: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*$", examples=["example"])] = ""
    tables: Annotated[tuple[Column, ...], Field(min_length=1, examples=[["incident"]])] = ("incident",)
    requesters: Mapping[Column, Column] = {}
    columns: tuple[Column, ...] = ()
    cases: Mapping[Provided, ProviderCases] = {}
    statuses: StatusNames = StatusNames()
    hold_reasons: HoldReasons = HoldReasons()
    automation_accounts: tuple[str, ...] = ()  # user names of programs that use an ordinary account
    tags: bool = True
    targets: bool = True  # whether task_sla is read
    approvals: bool = True  # whether sysapproval_approver is read, for tables whose tasks are approved
    batch: bool = True
    page_size: Annotated[int, Field(ge=1, le=1000)] = 500
    requests_per_second: Annotated[float, Field(gt=0)] = 10.0
    parallel_requests: Annotated[int, Field(ge=1, le=16)] = 4  # an instance serves about four at a time per node, others queue
    ca_file: Path | None = None

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The providers whose cases are read."""
        return tuple(Provider(name, each.column, each.display) for name, each in self.cases.items())

    @property
    def reads_approvers(self) -> bool:
        """Whether any of the tables has tasks that somebody may have to approve, and hoist is to know who."""
        return self.approvals and not _NEVER_APPROVED.issuperset(self.tables)

    @model_validator(mode="after")
    def _means_what_it_says(self) -> ServiceNowSettings:
        if self.username.casefold().startswith("javascript:"):
            raise ValueError("username is the user name of hoist's account")
        if len(set(self.tables)) < len(self.tables):
            raise ValueError("tables: each table is named once")
        unread = sorted(set(self.requesters) - set(self.tables))
        if unread:
            raise ValueError(f"requesters: {', '.join(unread)} is none of the tables")
        return self
