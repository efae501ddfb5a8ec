"""How hoist signs in to an account: OAuth tokens, which are renewed by themselves, or an API token as long as there are any.

A refresh token is good once. Its successor is on disk before anything is asked with the new access token, and whoever else shares
the credential waits at a lock meanwhile: two refreshes side by side would lock both out.

https://developer.zendesk.com/api-reference/ticketing/oauth/grant_type_tokens/
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.errors import AskAdmin, Conflict, GiveUp, Gone, TryLater
from connectors.http import Basic, Http, Limits, Surroundings
from connectors.oauth import EARLY, Bearer, Unsigned
from connectors.secrets import named_in
from connectors.sessions import Auth, Link
from connectors.zendesk import wire
from connectors.zendesk.settings import ApiToken, ClientCredentials, RefreshToken, ZendeskSettings

TOKENS: Final = "/oauth/tokens"
_COLLIDED: Final = 5.0
"""Seconds until it is asked again after a collision."""
_ENDLESS: Final = 1_800.0
"""Seconds after which a token without an end is fetched anew: a token of a client made before 30 April 2026 has none."""

API_TOKENS_END: Final = (
    "API tokens stop working on 30 April 2027, nobody can make a new one since 27 October 2026, and one that is idle for 30 days "
    "is switched off: make an OAuth client in the account's Admin Center and change auth to oauth_client_credentials"
)


class Token(BaseModel):
    """What the token endpoint answers. `expires_in` in seconds; None for a token without an end."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    scope: str | None = None


class Endpoint:
    """The token endpoint with a client's credential, which shows nothing of itself."""

    def __init__(self, http: Http, client_id: str, secret: str) -> None:
        self._http, self._client_id, self.secret = http, client_id, secret
        self.source = http.source

    def __repr__(self) -> str:
        return f"Endpoint({self.source})"

    def close(self) -> None:
        """Give back the connection."""
        self._http.close()

    def ask(self, **grant: str) -> Token:
        """Another token. Raises AskAdmin where the endpoint refuses, TryLater where it does not answer."""
        body = {"client_id": self._client_id, "client_secret": self.secret, **grant}
        try:
            answer = self._http.read("POST", TOKENS, body=json.dumps(body).encode())
        except Conflict:  # a collision inside the account, which says nothing of the credential
            raise TryLater(f"{self.source}: the token endpoint is in use by others; wait, then try again", _COLLIDED) from None
        except (GiveUp, Gone, AskAdmin) as refusal:
            said = str(refusal)
            for hidden in (self.secret, *(value for name, value in grant.items() if name == "refresh_token")):
                said = said.replace(hidden, "[hidden]")
            raise AskAdmin(f"{said}; check client_id, client_secret and the kind of grant of the OAuth client") from None
        try:
            token = Token.model_validate_json(answer.body)
        except ValidationError:
            token = Token(access_token="")
        if not token.access_token:
            raise AskAdmin(f"{self.source}: the token endpoint answered without a token; check the OAuth client")
        return token


class ClientToken(Bearer):
    """An OAuth access token of a client."""

    def __init__(self, endpoint: Endpoint, scope: str, surroundings: Surroundings) -> None:
        super().__init__(surroundings.monotonic)
        self._endpoint, self.wanted = endpoint, scope
        self._token = Token(access_token="")

    @property
    def hidden(self) -> tuple[str, ...]:
        return tuple(filter(None, (self._endpoint.secret, self._token.access_token, self._token.refresh_token)))

    def close(self) -> None:
        """Give back the connection to the token endpoint."""
        self._endpoint.close()

    @property
    def lacks(self) -> str:
        """The scopes that were asked for and not given: a mistyped one makes a token that may do nothing."""
        given = self._token.scope
        return "" if not given else " ".join(sorted(set(self.wanted.split()) - set(given.split())))

    def _fetch(self) -> None:
        self._took(self._endpoint.ask(grant_type="client_credentials", scope=self.wanted))

    def _took(self, token: Token, left: float | None = None) -> None:
        """`left`: seconds that the token lives still, where it was not fetched just now."""
        self._token = token
        self._use(token.access_token, left if left is not None else token.expires_in or _ENDLESS)


class Rotating(ClientToken):
    """An OAuth access token whose refresh token is another one after each use, kept in a file that processes share."""

    def __init__(self, endpoint: Endpoint, first: str, file: Path, surroundings: Surroundings) -> None:
        super().__init__(endpoint, "", surroundings)
        self._first, self._file, self._wall = first, file, surroundings.wall

    @property
    def hidden(self) -> tuple[str, ...]:
        return (*super().hidden, self._first)

    def _fetch(self) -> None:
        with _alone_with(self._file):
            kept = self._kept()
            left = kept.until - self._wall()
            if kept.access_token not in ("", self._token.access_token) and left > EARLY:  # another process has renewed it
                self._took(Token(access_token=kept.access_token, refresh_token=kept.refresh_token), left)
                return
            try:
                token = self._endpoint.ask(grant_type="refresh_token", refresh_token=kept.refresh_token)
            except AskAdmin as refusal:
                raise AskAdmin(
                    f"{refusal}. A refresh token that was used elsewhere, or is older than its 30 days, is good no more: sign in "
                    f"again, and give hoist the new one as refresh_token"
                ) from None
            following = token.refresh_token or kept.refresh_token
            until = self._wall() + (token.expires_in or _ENDLESS)
            _keep(
                self._file,
                _Kept(access_token=token.access_token, refresh_token=following, until=until, first=_digest(self._first)),
            )
            self._took(token)

    def _kept(self) -> _Kept:
        """What the file holds; the settings' own token where there is none yet, or an administrator has set another one."""
        try:
            kept = _Kept.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            kept = None
        except (OSError, ValidationError) as problem:
            raise AskAdmin(
                f"{self._endpoint.source}: {self._file} can't be read as hoist's tokens ({type(problem).__name__}); remove it, "
                f"sign in again, and give hoist the new refresh_token"
            ) from None
        if kept is None or kept.first != _digest(self._first):
            return _Kept(refresh_token=self._first)
        return kept


class _Kept(BaseModel):
    """What is on disk. `first` tells which of the settings' refresh tokens these descend from, without repeating it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    refresh_token: str
    access_token: str = ""
    until: float = 0.0
    first: str = ""


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
            return Rotating(endpoint, auth.refresh_token.reveal(), auth.token_file, surroundings)


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
    return Endpoint(http, auth.client_id, auth.client_secret.reveal())


@contextmanager
def _alone_with(file: Path) -> Iterator[None]:
    """Nobody else who uses the file is in the block. Raises AskAdmin where its folder can't be written."""
    lock = file.with_name(f"{file.name}.lock")
    try:
        handle = lock.open("w")
    except OSError as problem:
        raise AskAdmin(
            f"the lock {lock} can't be made ({problem.strerror}); token_file must be in a folder of hoist's own"
        ) from None
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _keep(file: Path, kept: _Kept) -> None:
    """Replace the file as a whole, on disk before this returns."""
    beside = file.with_name(f"{file.name}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(kept.model_dump_json())
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
