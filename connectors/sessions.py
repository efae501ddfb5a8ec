"""The HTTP sessions of one source, and what signs their requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
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
    other, and would open a new session for each request without them. `credential` names the settings that hold the credential,
    as a person finds them. `headers` go with every request.
    """

    ca_file: Path | None = None
    certificate: tuple[Path, Path] | None = None
    affinity: bool = False
    content_type: str = "application/json"
    credential: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Session(requests.Session):
    """requests' session for one site: follows no redirect, and asks for no hook, cookie or setting that it does not have."""

    def __init__(self, places: int, *, cookies: bool) -> None:
        super().__init__()
        self._cookies = cookies
        # urllib3's own retries stay off: one layer alone decides what may be sent twice.
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=places, max_retries=0)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """Raises what requests' adapter raises."""
        sent: dict[str, Any] = {"stream": True, "verify": self.verify, "cert": self.cert, "proxies": self.proxies, **how}
        answer = self._adapter.send(request, **sent)
        if self._cookies:
            extract_cookies_to_jar(self.cookies, request, answer.raw)  # type: ignore[no-untyped-call]
        return answer


class _Adapter(HTTPAdapter):
    """requests' adapter for one site: what is the same for each of its requests is worked out with the first.

    That is the pool of connections, with the certificates by which it knows the site, and whether a proxy wants whole addresses.
    """

    _pool: Any = None
    _origin = 0  # how long the part of an address is that the site itself needs not be told; nought for a proxy

    def get_connection_with_tls_context(self, request: requests.PreparedRequest, *how: Any, **named: Any) -> Any:
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(request, *how, **named)
        return self._pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        if not self._origin:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        whole = str(request.url)
        if self._origin:
            return whole[self._origin :]
        asked = super().request_url(request, proxies)
        if asked.startswith("/") and whole.endswith(asked):
            self._origin = len(whole) - len(asked)
        return asked

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.headers, answer.raw = resp.status, resp.headers, resp
        answer.request, answer.url = req, str(req.url)
        return answer


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
        session = _Session(1 if self._affinity else self._places, cookies=self._affinity)
        # Off, since it would read .netrc and let a variable decide on certificates; the proxies of the environment are kept.
        session.trust_env = False
        session.proxies.update(get_environ_proxies(self._base))
        session.auth = self._auth
        session.verify = str(self._link.ca_file) if self._link.ca_file else True
        if self._link.certificate is not None:
            session.cert = (str(self._link.certificate[0]), str(self._link.certificate[1]))
        session.headers.update({"Accept": "application/json", "User-Agent": "hoist", **self._link.headers})
        if not self._affinity:
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session
