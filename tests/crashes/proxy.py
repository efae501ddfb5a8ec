"""A proxy between hoist and the helpdesk that lets requests through and loses some of the answers."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def dropping(url: str, *, every: int) -> Iterator[str]:
    """An address that leads to `url`; of all answers every so manieth is dropped, and its connection closed."""
    target = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))
    answers = itertools.count(1)
    threading.Thread(
        target=_accept, args=(listener, (target.hostname or "", target.port or 0), answers, every), daemon=True
    ).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener: socket.socket, target: tuple[str, int], answers: Iterator[int], every: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(target)
            threading.Thread(target=_requests, args=(near, far), daemon=True).start()
            threading.Thread(target=_answers, args=(far, near, answers, every), daemon=True).start()


def _requests(near: socket.socket, far: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := near.recv(65_536):
            far.sendall(chunk)
    _end(far)


def _answers(far: socket.socket, near: socket.socket, answers: Iterator[int], every: int) -> None:
    with contextlib.suppress(OSError):
        while chunk := far.recv(65_536):
            if chunk.startswith(b"HTTP/") and next(answers) % every == 0:
                break
            near.sendall(chunk)
    _end(near)
    _end(far)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
