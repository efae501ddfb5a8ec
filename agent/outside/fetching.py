"""A file behind an https URL, read with limits: on size, on time, on where the URL may lead.

The address is looked up once and that very address is connected to, so that a name that points elsewhere a moment later leads
nowhere. Every redirect is checked like the first URL. No error names the path of a URL, which may be its secret.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from certifi import where
from requests.utils import get_environ_proxies

from agent.outside.fetched import TOTAL_SECONDS
from agent.outside.links import Links
from agent.outside.unreadable import LARGEST, Unreadable

MOST_REDIRECTS: Final = 3

_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 10.0
_CHUNK: Final = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def fetch(url: str, links: Links) -> bytes:
    """The body behind a URL. Raises Unreadable with what happened and what to do."""
    deadline = time.monotonic() + TOTAL_SECONDS
    for _ in range(MOST_REDIRECTS + 1):
        found = _get(_checked(url), links, deadline)
        if isinstance(found, bytes):
            return found
        url = urljoin(url, found)
    raise Unreadable(f"leads from one place to the next, more than {MOST_REDIRECTS} times: name the last one in the protocol")


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        raise Unreadable("leads to something that is no URL") from None
    if parts.scheme != "https" or not parts.hostname or not usable:
        raise Unreadable("leads to a URL without https: what decides who gets tickets must not be changed on its way")
    if parts.username is not None:
        raise Unreadable("leads to a URL with a user and password, which is not followed")
    return parts


def _get(parts: SplitResult, links: Links, deadline: float) -> bytes | str:
    """The body, or the place to which the answer leads."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": parts.netloc, "User-Agent": "hoist", "Accept": "text/calendar, text/csv, text/plain, */*;q=0.1"}
    headers["Accept-Encoding"] = "identity"
    pool = _pool(parts, links)
    try:
        answer = pool.request("GET", target, headers=headers, redirect=False, retries=False, preload_content=False)
        try:
            return _read(answer, deadline)
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise Unreadable(_said(error)) from None  # its text names the whole URL
    finally:
        pool.close()


def _read(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes | str:
    if answer.status in _REDIRECTS:
        return answer.headers.get("Location", "")
    if answer.status != 200:
        mend = ": is the link still shared?" if answer.status in {401, 403, 404, 410} else ""
        raise Unreadable(f"was answered with {answer.status}{mend}")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Unreadable("was answered in a packed form that was not asked for")
    body = bytearray()
    for chunk in answer.stream(_CHUNK):
        body += chunk
        if len(body) > LARGEST:
            raise Unreadable(f"is larger than {LARGEST // 1024} KiB")
        if time.monotonic() > deadline:
            raise Unreadable(f"took longer than {TOTAL_SECONDS:g} seconds")
    return bytes(body)


def _pool(parts: SplitResult, links: Links) -> urllib3.HTTPSConnectionPool:
    """A pool for one request that connects to a checked address, by the environment's proxy where there is one for it."""
    host, port = str(parts.hostname), parts.port or 443
    authorities = str(links.ca_file or where())
    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
    proxy = get_environ_proxies(parts.geturl()).get("https")
    if proxy:
        if _literal(host) and host not in links.private_hosts:
            _refuse_private(host, _literal(host))
        manager = urllib3.ProxyManager(proxy, ca_certs=authorities, cert_reqs="CERT_REQUIRED", timeout=timeout)
        found = manager.connection_from_host(host, port, "https")
        if not isinstance(found, urllib3.HTTPSConnectionPool):
            raise TypeError("a pool for https is one")
        return found
    return urllib3.HTTPSConnectionPool(
        _address(host, port, links),
        port,
        timeout=timeout,
        retries=False,
        cert_reqs="CERT_REQUIRED",
        ca_certs=authorities,
        server_hostname=host,
        assert_hostname=host,
    )


def _address(host: str, port: int, links: Links) -> str:
    """The first address of a host, once all of them are known to be public, or the host is one of `private_hosts`."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise Unreadable(f"is at {host}, which has no address") from None
    if host not in links.private_hosts:
        for address in found:
            _refuse_private(host, ipaddress.ip_address(address.partition("%")[0]))
    return found[0]


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refuse_private(host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> None:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = inner or address
    if address is not None and (not address.is_global or address.is_multicast):
        raise Unreadable(
            f"is at {host}, an address of a private network: write the host under `private_hosts` of `links:` in hoist.yaml "
            "if that is meant"
        )


def _said(error: urllib3.exceptions.HTTPError) -> str:
    if isinstance(error, urllib3.exceptions.SSLError):
        return (
            "has a certificate that can't be verified: name the organisation's authority as `ca_file` of `links:` in hoist.yaml"
        )
    if isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError):
        return "can't be reached"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "did not answer in time"
    return f"broke the connection ({type(error).__name__})"
