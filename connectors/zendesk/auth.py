"""How hoist signs in to an account: OAuth tokens, which are renewed by themselves, or an API token as long as there are any.

https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
"""

from __future__ import annotations

from typing import Final

from connectors.http import Basic, Http, Limits, Surroundings
from connectors.oauth import ClientToken, Endpoint, Rotating, Unsigned
from connectors.secrets import named_in
from connectors.sessions import Auth, Link
from connectors.zendesk import wire
from connectors.zendesk.settings import ApiToken, ClientCredentials, RefreshToken, ZendeskSettings

TOKENS: Final = "/oauth/tokens"

API_TOKENS_END: Final = (
    "API tokens stop working on 30 April 2027, nobody can make a new one since 27 October 2026, and one that is idle for 30 days "
    "is switched off: make an OAuth client in the account's Admin Center and change auth to oauth_client_credentials"
)


def signed_in(source: str, settings: ZendeskSettings, surroundings: Surroundings) -> Auth:
    """What signs the requests of an account. Raises AskAdmin where a secret is missing."""
    auth = settings.auth
    match auth:
        case ApiToken():
            return Basic(f"{auth.email}/token", auth.token.reveal())
        case ClientCredentials():
            return ClientToken(_endpoint(source, settings, auth, surroundings), auth.scope, surroundings)
        case RefreshToken():
            endpoint = _endpoint(source, settings, auth, surroundings)
            first = auth.refresh_token.reveal()
            return Rotating(endpoint, first, auth.token_file, surroundings, ends="is older than its 30 days")


def _endpoint(
    source: str, settings: ZendeskSettings, auth: ClientCredentials | RefreshToken, surroundings: Surroundings
) -> Endpoint:
    http = Http(
        source,
        settings.url,
        Unsigned(),
        words=wire.own_words,
        limits=Limits(concurrent=1),
        surroundings=surroundings.alone(),
        reads_by_post=frozenset({TOKENS}),
        link=Link(settings.ca_file, credential=named_in(auth, "auth.")),
    )
    return Endpoint(http, TOKENS, auth.client_id, auth.client_secret.reveal())
