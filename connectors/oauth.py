"""An OAuth access token as what signs requests: fetched when first needed, renewed before it ends, shared by threads."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Final

import requests

EARLY: Final = 60.0
"""Seconds before its end at which a token is renewed."""


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
