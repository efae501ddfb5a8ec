"""HTTP/1.1 on loopback, a thread per connection, kept alive.

Hand-written because http.server parses headers through the e-mail package, which costs more than the site's own answer.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from connectors.sandboxes.answer import Answer

Dispatch = Callable[[str, str, str, Mapping[str, str], bytes], Answer]
"""Takes method, path, query as written, headers in lower case, and body."""

MOST_HEAD: Final = 65_536
MOST_BODY: Final = 16_777_216

_PHRASES: Final = {each.value: each.phrase for each in HTTPStatus}


@dataclass
class Serving:
    """A server that listens, at `url`, until `stop` is called."""

    url: str
    _listener: socket.socket
    _dispatch: Dispatch
    _tls: ssl.SSLContext | None = None
    _open: set[socket.socket] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def accept(self) -> None:
        """Take connections until stopped."""
        while not self._stopped.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._guard:
                self._open.add(connection)
                if self._stopped.is_set():  # `stop` may have looked through the open ones already
                    connection.close()
                    return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        """Close the listener and every connection."""
        self._stopped.set()
        # Closing alone leaves a thread that waits in accept() waiting, on Linux.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _converse(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), connection:
                if self._tls is None:
                    self._exchanges(connection)
                    return
                # A duplicate, because wrapping takes the socket away from `stop`, which closes the one that was accepted.
                with self._tls.wrap_socket(connection.dup(), server_side=True) as private:
                    self._exchanges(private)
        finally:
            with self._guard:
                self._open.discard(connection)

    def _exchanges(self, connection: socket.socket) -> None:
        pending = b""
        while not self._stopped.is_set():
            left = self._exchange(connection, pending)
            if left is None:
                return
            pending = left

    def _exchange(self, connection: socket.socket, pending: bytes) -> bytes | None:
        """One request and its answer; what was read beyond it, or None where the connection ends."""
        head, found, rest = _until_empty_line(connection, pending)
        if not found:
            return None
        line, headers = _parsed(head)
        headers.pop("x-certified-user", None)  # only the connection itself tells
        try:
            method, target, protocol = line.split(" ")
            length = int(headers.get("content-length", "0"))
        except ValueError:
            connection.sendall(_bytes(Answer(400), close=True, body=True))
            return None
        if length > MOST_BODY or "transfer-encoding" in headers:
            connection.sendall(_bytes(Answer(413 if length > MOST_BODY else 411), close=True, body=True))
            return None
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(rest) < length:
            if not (chunk := connection.recv(65_536)):
                return None
            rest += chunk
        if isinstance(connection, ssl.SSLSocket) and (name := _certified(connection)):
            headers["x-certified-user"] = name
        path, _, query = target.partition("?")
        answer = self._dispatch(method, path, query, headers, rest[:length])
        if answer.delay_seconds:
            self._stopped.wait(answer.delay_seconds)
        if answer.lost:
            return None
        close = headers.get("connection", "").lower() == "close" or protocol == "HTTP/1.0"
        connection.sendall(_bytes(answer, close=close, body=method != "HEAD"))
        return None if close else rest[length:]


def _until_empty_line(connection: socket.socket, pending: bytes) -> tuple[bytes, bool, bytes]:
    while b"\r\n\r\n" not in pending:
        chunk = connection.recv(65_536) if len(pending) < MOST_HEAD else b""
        if not chunk:
            return b"", False, b""
        pending += chunk
    head, _, rest = pending.partition(b"\r\n\r\n")
    return head, True, rest


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    line, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for each in lines:
        name, _, value = each.partition(":")
        headers[name.lower()] = value.strip()
    return line, headers


def _bytes(answer: Answer, *, close: bool, body: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines += [f"Set-Cookie: {cookie}" for cookie in answer.cookies]
    if answer.status != 204:
        lines.append(f"Content-Length: {len(answer.body)}")
    if close:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + answer.body if body else head


def _certified(connection: ssl.SSLSocket) -> str:
    """The common name in the certificate that the client has shown; empty where it has shown none."""
    names: Any = (connection.getpeercert() or {}).get("subject", ())
    return next((str(value) for name in names for key, value in name if key == "commonName"), "")


@contextmanager
def serving(dispatch: Dispatch, port: int, tls: ssl.SSLContext | None = None) -> Iterator[Serving]:
    """Listen on 127.0.0.1, on any free port for 0, until the block is left. Raises OSError for a port in use.

    With `tls` it speaks https. The name in a client's certificate that the context trusts is passed on as the header
    x-certified-user.
    """
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    scheme = "http" if tls is None else "https"
    server = Serving(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", listener, dispatch, tls)
    thread = threading.Thread(target=server.accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
