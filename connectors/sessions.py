"""The HTTP sessions of one source, and what signs their requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Final, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies


class Auth(Protocol):
    """Signs requests and shows nothing of itself.

    `hidden` are the texts that no message may repeat, of the credential as it is now.
    """

    @property
    def hidden(self) -> tuple[str, ...]: ...

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest: ...

    def renewed(self) -> bool:
        """After a 401, in the thread that sent the request: whether there is another credential now, worth another try."""


@dataclass(frozen=True, slots=True)
class Link:
    """How a platform is connected to.

    `ca_file` replaces the system's authorities by an organisation's own, `certificate` are the client's own certificate and its
    key. Without `affinity` one session serves all threads, and takes no cookie. With it each session serves one request at a time
    and keeps its cookies: a platform that ties a session to one of its nodes answers the requests of a session one after the
    other, and would open a new session for each request without them.
    """

    ca_file: Path | None = None
    certificate: tuple[Path, Path] | None = None
    affinity: bool = False
    content_type: str = "application/json"


class Sessions:
    """Sessions that requests are sent with. Certificates are always verified; proxies are those of the environment."""

    def __init__(self, base: str, auth: Auth, places: int, link: Link) -> None:
        self._base, self._auth, self._places, self._link = base, auth, places, link
        self._affinity = link.affinity
        self._lock: Final = threading.Lock()
        self.first: Final = self._new()
        self._made = [self.first]
        self._idle = [self.first]

    @contextmanager
    def one(self) -> Iterator[requests.Session]:
        """A session to send one request with; of those that are idle the one that was used last."""
        if not self._affinity:
            yield self.first
            return
        with self._lock:
            session = self._idle.pop() if self._idle else self._new()
            if session not in self._made:
                self._made.append(session)
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def template(self, request: requests.Request) -> requests.PreparedRequest:
        """A request with what all of this source have in common."""
        return self.first.prepare_request(request)

    def signed(self, request: requests.PreparedRequest, session: requests.Session) -> requests.PreparedRequest:
        """The request with its credential, and with the cookies of the session that it is sent by."""
        if self._affinity:
            request.headers.pop("Cookie", None)
            request.prepare_cookies(session.cookies)
        return self._auth(request)

    def close(self) -> None:
        """Give back the connections."""
        with self._lock:
            for session in self._made:
                session.close()

    def _new(self) -> requests.Session:
        session = requests.Session()
        # Off, since it would read .netrc and let a variable decide on certificates; the proxies of the environment are kept.
        session.trust_env = False
        session.proxies.update(get_environ_proxies(self._base))
        session.auth = self._auth
        session.verify = str(self._link.ca_file) if self._link.ca_file else True
        if self._link.certificate is not None:
            session.cert = (str(self._link.certificate[0]), str(self._link.certificate[1]))
        session.headers.update({"Accept": "application/json", "User-Agent": "hoist"})
        if not self._affinity:
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # urllib3's own retries stay off: one layer alone decides what may be sent twice.
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1 if self._affinity else self._places, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session
