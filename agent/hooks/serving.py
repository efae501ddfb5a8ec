"""Serving the site in a thread of its own, with uvicorn; whoever is slow to say what they want is cut off."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from agent.hooks.outcomes import Outcome
from agent.hooks.settings import HooksSettings
from agent.hooks.site import Site

log = logging.getLogger("hoist")

MOST_CONNECTIONS: Final = 512
MOST_HEAD: Final = 16 * 1024
"""Bytes of the head of a request."""
IDLE: Final = 60
"""Seconds that a connection may stay open between two calls."""
GRACE: Final = 5
"""Seconds in which calls under way are answered when hoist stops."""


class _Config(uvicorn.Config):
    """`patience` in seconds; `ended` is told why a connection ended before it made a request."""

    patience: float
    ended: Callable[[Outcome], None]


class _Impatient(HttpToolsProtocol):
    """uvicorn waits for ever for the end of a head that comes byte by byte, or not at all, however long; this one does not."""

    _cut: asyncio.TimerHandle | None = None
    _head = 0  # bytes of it so far

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._end(Outcome.TOO_MANY)  # every platform tries again where nobody answers
        else:
            self._expect()

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if not self._waits_for_a_head():
            self._expected()
        elif self._head > MOST_HEAD:
            self._end(Outcome.MALFORMED)
        elif self.timeout_keep_alive_task is None:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expected()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        cast("_Config", self.config).ended(Outcome.MALFORMED)
        super().send_400_response(msg)

    def _waits_for_a_head(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _expect(self) -> None:
        if self._cut is None:
            self._cut = self.loop.call_later(cast("_Config", self.config).patience, self._end, Outcome.TOO_SLOW)

    def _expected(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None
        self._head = 0

    def _end(self, outcome: Outcome) -> None:
        cast("_Config", self.config).ended(outcome)
        self.transport.abort()


class Serving:
    """A site that is served until `stop`. `url` is its address on this machine."""

    def __init__(self, site: Site, settings: HooksSettings, listener: socket.socket) -> None:
        scheme = "https" if settings.certificate else "http"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"{scheme}://{host}:{listener.getsockname()[1]}{settings.path_prefix}"
        self._site, self._listener = site, listener
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # strangers write its warnings
        config = _Config(
            site,
            http=_Impatient,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=GRACE,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
        config.patience, config.ended = site.patience, site.ended
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="hoist-hooks", daemon=True)

    def start(self) -> None:
        """Begin to take calls."""
        self._thread.start()

    async def _serve(self) -> None:
        await self._server.serve([self._listener])
        for connection in list(self._server.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()  # one under TLS would wait half a minute for the other side's good-bye
        for _ in range(2):  # what was closed last ends in the next round of the loop
            await asyncio.sleep(0)

    def stop(self) -> None:
        """Answer what is under way, and take no more."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        self._site.close()
