"""Why no usable answer came, in words.

What requests and urllib3 raise carries the request with its credential: none of it is ever passed on.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from typing import Final

import requests
import urllib3

_NEVER_LEFT: Final = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
)
_EXPIRED: Final = 10
_OF_ANOTHER_HOST: Final = 62
"""https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/: X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_HOSTNAME_MISMATCH."""


@dataclass(frozen=True, slots=True)
class Failure:
    """No usable answer. `left` says that the request may have reached the platform, `mend` what an administrator can do."""

    what: str
    left: bool
    mend: str = ""


def failure_of(problem: Exception) -> Failure:
    """What came of a request, from what requests, urllib3 or the operating system raised instead of an answer."""
    inner = problem.args[0] if problem.args else None
    reason = getattr(inner, "reason", inner)
    if isinstance(problem, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return _not_verified(_cause(reason))
    if type(problem) is OSError and str(problem).startswith("Could not find"):  # requests says so of a path to certificates
        missing = str(problem).rpartition("invalid path: ")[2]
        mend = "correct ca_file, or where the client's certificate and key are, in hoist.yaml"
        return Failure(f"there is no file {missing}", left=False, mend=mend)
    timed_out = isinstance(problem, requests.exceptions.ConnectTimeout)
    if timed_out or isinstance(problem, requests.exceptions.ProxyError) or isinstance(reason, _NEVER_LEFT):
        return Failure(f"it can't be reached: {_why(reason)}", left=False)
    if isinstance(problem, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError):
        return Failure("no answer came in time", left=True)
    return Failure(f"the connection broke ({type(problem).__name__})", left=True)


def _why(reason: object) -> str:
    """Of a connection that was never made."""
    if isinstance(reason, urllib3.exceptions.ProxyError):
        return f"the proxy in between: {_why(reason.original_error)}"
    cause = _cause(reason)
    if isinstance(cause, socket.gaierror):
        return "its name is not known here (DNS)"
    if isinstance(cause, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0 and not isinstance(cause, TimeoutError):
        return os.strerror(cause.errno).lower()
    if isinstance(reason, OSError) and "Tunnel" in str(reason):
        return "it let no connection through"
    return "no connection was made in time"


def _cause(reason: object) -> BaseException | None:
    """What the operating system or OpenSSL said; urllib3 wraps it, once or twice."""
    found = reason if isinstance(reason, BaseException) else None
    while found is not None and not isinstance(found, TimeoutError | ssl.SSLCertVerificationError):
        if isinstance(found, OSError) and found.errno is not None:
            break
        found = found.__cause__ or next((each for each in found.args if isinstance(each, BaseException)), None)
    return found


def _not_verified(cause: BaseException | None) -> Failure:
    code = cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else None
    if code == _EXPIRED:
        what, mend = "its certificate has expired", "have it renewed, and look at this machine's clock"
    elif code == _OF_ANOTHER_HOST:
        what, mend = "its certificate is another host's", "correct the address of the source"
    else:
        what, mend = "its certificate can't be verified", "name the organisation's authority as ca_file"
    return Failure(what, left=False, mend=mend)
