"""How hoist signs in to a site: an API token with its account's address, or OAuth tokens, which are renewed by themselves.

OAuth tokens, of service accounts and of apps alike, are taken at Atlassian's gateway alone, and so are API tokens with scopes.
https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from connectors.http import Basic, Http, Limits, Surroundings
from connectors.jira.settings import ClientCredentials, JiraSettings, OAuth, RefreshToken
from connectors.oauth import ClientToken, Endpoint, Rotating, Unsigned
from connectors.secrets import named_in
from connectors.sessions import Auth, Link

_ENDS: Final = "was not used for 90 days"


class _Words(BaseModel):
    """OAuth's own words (RFC 6749, section 5.2)."""

    error: str = ""
    said: str = Field("", alias="error_description")


def signed_in(source: str, settings: JiraSettings, surroundings: Surroundings) -> Auth:
    """What signs the requests of a site. Raises AskAdmin where a secret is missing."""
    auth = settings.auth
    match auth:
        case ClientCredentials():
            return ClientToken(_endpoint(source, settings, auth, surroundings), "", surroundings)
        case RefreshToken():
            endpoint = _endpoint(source, settings, auth, surroundings)
            return Rotating(endpoint, auth.refresh_token.reveal(), auth.token_file, surroundings, ends=_ENDS)
        case _:
            return Basic(settings.username, settings.token.reveal() if settings.token else "")


def link_of(settings: JiraSettings) -> Link:
    """How the site is connected to."""
    held = named_in(settings) if settings.auth is None else named_in(settings.auth, "auth.")
    return Link(ca_file=settings.ca_file, credential=held)


def _endpoint(source: str, settings: JiraSettings, auth: OAuth, surroundings: Surroundings) -> Endpoint:
    address = urlsplit(auth.token_url)
    http = Http(
        source,
        f"{address.scheme}://{address.netloc}",
        Unsigned(),
        words=_words,
        limits=Limits(concurrent=1),
        surroundings=surroundings.alone(),
        reads_by_post=frozenset({address.path}),
        link=link_of(settings),
    )
    return Endpoint(http, address.path, auth.client_id, auth.client_secret.reveal())


def _words(body: bytes) -> str:
    try:
        words = _Words.model_validate_json(body)
    except ValidationError:
        return ""
    return words.said or words.error
