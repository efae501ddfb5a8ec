"""OAuth access tokens as what signs requests: fetched when first needed, renewed before they end, shared by threads.

A refresh token that rotates is good once. Its successor is on disk before anything is asked with the new access token, and
whoever else shares the credential waits at a lock meanwhile: two refreshes side by side would lock both out.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import requests
from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.errors import AskAdmin, Conflict, GiveUp, Gone, TryLater
from connectors.http import Http, Surroundings

EARLY: Final = 60.0
"""Seconds before its end at which a token is renewed."""
_COLLIDED: Final = 5.0
"""Seconds until it is asked again after a collision."""
_ENDLESS: Final = 1_800.0
"""Seconds after which a token without an end is fetched anew."""


class Unsigned:
    """No credential in the headers: the connection or the body carries it. `hidden` is what no message may repeat."""

    def __init__(self, hidden: tuple[str, ...] = ()) -> None:
        self.hidden = hidden

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request

    def renewed(self) -> bool:
        """There is nothing to renew."""
        return False


class Bearer:
    """An access token that shows nothing of itself. `_fetch` gets another one and hands it to `_use`."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock: Final = threading.Lock()
        self._access = ""
        self._until = float("-inf")
        self._signed_with: Final = threading.local()  # by this thread, in the request that it sent last

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        with self._lock:
            if self._monotonic() >= self._until:
                self._fetch()
            self._signed_with.token = self._access
        request.headers["Authorization"] = f"Bearer {self._signed_with.token}"
        return request

    def renewed(self) -> bool:
        """Fetch another token, unless another thread has done so since this one signed its request."""
        with self._lock:
            if getattr(self._signed_with, "token", "") == self._access:
                self._fetch()
            return True

    @abstractmethod
    def _fetch(self) -> None:
        """Raises AskAdmin where the token endpoint refuses, TryLater where it does not answer."""

    def _use(self, access: str, life: float) -> None:
        """From now on this token signs; it lives for so many seconds."""
        self._access = access
        self._until = self._monotonic() + max(life - EARLY, life / 2)


class Token(BaseModel):
    """What the token endpoint answers. `expires_in` in seconds; None for a token without an end."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    scope: str | None = None


class Endpoint:
    """The token endpoint with a client's credential, which shows nothing of itself."""

    def __init__(self, http: Http, path: str, client_id: str, secret: str) -> None:
        self._http, self._path, self._client_id, self.secret = http, path, client_id, secret
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
            answer = self._http.read("POST", self._path, body=json.dumps(body).encode())
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
    """An OAuth access token of a client. `scope` is asked for where it is not empty."""

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
    def given(self) -> frozenset[str]:
        """The scopes of the token, as far as the endpoint names them."""
        return frozenset((self._token.scope or "").split())

    @property
    def lacks(self) -> str:
        """The scopes that were asked for and not given: a mistyped one makes a token that may do nothing."""
        return "" if not self.given else " ".join(sorted(set(self.wanted.split()) - self.given))

    def _fetch(self) -> None:
        scope = {"scope": self.wanted} if self.wanted else {}
        self._took(self._endpoint.ask(grant_type="client_credentials", **scope))

    def _took(self, token: Token, left: float | None = None) -> None:
        """`left`: seconds that the token lives still, where it was not fetched just now."""
        self._token = token
        self._use(token.access_token, left if left is not None else token.expires_in or _ENDLESS)


class Rotating(ClientToken):
    """An OAuth access token whose refresh token is another one after each use, kept in a file that processes share.

    `ends` says in words when a refresh token that nobody used is good no more.
    """

    def __init__(self, endpoint: Endpoint, first: str, file: Path, surroundings: Surroundings, *, ends: str) -> None:
        super().__init__(endpoint, "", surroundings)
        self._first, self._file, self._wall, self._ends = first, file, surroundings.wall, ends

    @property
    def hidden(self) -> tuple[str, ...]:
        return (*super().hidden, self._first)

    def _fetch(self) -> None:
        with _alone_with(self._file):
            kept = self._kept()
            left = kept.until - self._wall()
            if kept.access_token not in ("", self._token.access_token) and left > EARLY:  # another process has renewed it
                self._took(Token(access_token=kept.access_token, refresh_token=kept.refresh_token, scope=kept.scope), left)
                return
            try:
                token = self._endpoint.ask(grant_type="refresh_token", refresh_token=kept.refresh_token)
            except AskAdmin as refusal:
                raise AskAdmin(
                    f"{refusal}. A refresh token that was used elsewhere, or {self._ends}, is good no more: sign in again, and "
                    f"give hoist the new one as refresh_token"
                ) from None
            following = token.refresh_token or kept.refresh_token
            until = self._wall() + (token.expires_in or _ENDLESS)
            made = _Kept(
                access_token=token.access_token,
                refresh_token=following,
                until=until,
                scope=token.scope,
                first=_digest(self._first),
            )
            _keep(self._file, made)
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
    scope: str | None = None
    first: str = ""


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
