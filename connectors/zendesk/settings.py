"""What an administrator writes about one Zendesk account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors.secrets import Secret
from connectors.site_settings import address

_MODEL: Final = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
FieldId = Annotated[int, Field(gt=0)]


_ADDRESS: Final = address("an account", "https://example.zendesk.com", "it under auth", with_path=False)


class ClientCredentials(BaseModel):
    """OAuth client credentials: a confidential client that an integration's own administrator has made.

    `client_id` is the client's identifier, not its number. `scope` is asked for, and the token's own is compared with it.
    """

    model_config = _MODEL
    kind: Literal["oauth_client_credentials"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    scope: Annotated[str, Field(min_length=1)] = "read write"


class RefreshToken(BaseModel):
    """OAuth with a refresh token, which Zendesk replaces each time that it is used.

    `refresh_token` is the first one. Its successors are kept in `token_file`, which hoist writes, readable by its account alone;
    processes that share the credential share the file.
    """

    model_config = _MODEL
    kind: Literal["oauth_refresh"]
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    refresh_token: Secret
    token_file: Path


class ApiToken(BaseModel):
    """An API token, which acts as the user of that address. Zendesk ends all of them on 30 April 2027."""

    model_config = _MODEL
    kind: Literal["api_token"]
    email: Annotated[str, Field(pattern=r"^[^\s@/:]+@[^\s@/:]+$", examples=["hoist@example.com"])]
    token: Secret


Credentials = Annotated[ClientCredentials | RefreshToken | ApiToken, Field(discriminator="kind")]


class ZendeskSettings(BaseModel):
    """One Zendesk account.

    `fields` names custom fields by their numbers: rules see each as `native.NAME`; `service_field` is the one that names a
    ticket's service. Of Zendesk's limits hoist takes a share, and leaves the rest to people and other programs: of 100 updates
    and 10 exports a minute in the whole account, and of the plan's requests.
    """

    model_config = _MODEL

    url: Annotated[str, AfterValidator(_ADDRESS), Field(examples=["https://example.zendesk.com"])]
    auth: Annotated[
        Credentials,
        Field(examples=[{"kind": "oauth_client_credentials", "client_id": "hoist", "client_secret": "env:HOIST_ZENDESK_SECRET"}]),
    ]
    fields: Mapping[Name, FieldId] = {}
    service_field: FieldId | None = None
    automation_accounts: tuple[str, ...] = ()  # addresses of programs that use an agent's account
    targets: bool = True  # whether the targets of SLA policies are read
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000
    requests_per_second: Annotated[float, Field(gt=0)] = 3.5  # three tenths of an Enterprise plan's 700 a minute
    parallel_requests: Annotated[int, Field(ge=1, le=8)] = 4
    updates_per_minute: Annotated[int, Field(ge=1)] = 40
    exports_per_minute: Annotated[int, Field(ge=1)] = 5
    ca_file: Path | None = None
