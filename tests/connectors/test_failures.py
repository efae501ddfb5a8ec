"""Why a source can't be reached: its name, its port, a proxy, its certificate; each is mended by somebody else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest
import requests

from connectors.failures import failure_of

NOBODY = "nothing listens there (connection refused)"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def said_of(url: str) -> tuple[str, bool]:
    try:
        requests.get(url, timeout=5)
    except requests.RequestException as problem:
        failure = failure_of(problem)
        return failure.what, failure.left
    pytest.fail("it was reached")


def test_a_port_at_which_nobody_listens() -> None:
    """A service that is down, or a wrong port, is told from a name that is not known."""
    assert said_of(f"http://127.0.0.1:{free_port()}/") == (f"it can't be reached: {NOBODY}", False)


def raising(error: OSError) -> Callable[..., None]:
    def connect(*_: object, **__: object) -> None:
        raise error

    return connect


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "its name is not known here (DNS)"),
        (TimeoutError("timed out"), "no connection was made in time"),
        (OSError(113, "No route to host"), "no route to host"),
    ],
    ids=["name", "time", "route"],
)
def test_what_the_system_says_of_a_connection(monkeypatch: pytest.MonkeyPatch, error: OSError, why: str) -> None:
    """A misspelt address, a firewall that drops and a network that is cut off: each by its own word, and nothing has left."""
    monkeypatch.setattr("urllib3.util.connection.create_connection", raising(error))
    assert said_of("http://desk.example.com/") == (f"it can't be reached: {why}", False)


def test_a_proxy_that_is_down_is_told_from_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the proxy has to see to it, not whoever runs the helpdesk."""
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{free_port()}")
        assert said_of(f"{scheme}://desk.example.com/") == (f"it can't be reached: the proxy in between: {NOBODY}", False)


@pytest.mark.parametrize(
    ("code", "what", "mend"),
    [
        (10, "its certificate has expired", "renewed"),
        (62, "its certificate is another host's", "address of the source"),
        (19, "its certificate can't be verified", "ca_file"),
    ],
)
def test_what_is_wrong_with_a_certificate(code: int, what: str, mend: str) -> None:
    """An old certificate and one of another host are not mended by naming an authority."""
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_code = code
    failure = failure_of(requests.exceptions.SSLError(error))
    assert failure.what == what
    assert mend in failure.mend
    assert not failure.left
