"""What is served: a path per source that has a webhook, whether hoist is well, and its metrics. Nothing else.

The body is read as it comes, no further than the platform's largest and no longer than a while, before anything looks into it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agent.clock import Clock
from agent.errors import StoreError
from agent.hooks.group_commit import GroupCommit
from agent.hooks.intake import Answer, Believed, Door, Intake
from agent.hooks.outcomes import Outcome

log = logging.getLogger("hoist")

PATIENCE: Final = 10.0
"""Seconds in which a body has to come: platforms wait 10 to 20 for their answer."""
MOST_HELD: Final = 64 * 1024 * 1024
"""Bytes of bodies that are under way together."""
AGAIN: Final = (409, 429, 503)
"""Answers after which to deliver again, in a moment: Zendesk does so after the last two only where they name a short one."""
UNREAD_STORE: Final = "the store can't be read: hoist status says why"
"""Without the path of the store, which is nobody's business who may only ask for hoist's health."""


class Crowded(Exception):
    """So many bodies are under way that one more would take too much memory."""


class Rate:
    """So many calls a second, and as many at once."""

    def __init__(self, clock: Clock, per_second: int) -> None:
        self._clock, self._most, self._left, self._at = clock, per_second, float(per_second), clock.monotonic()

    def allows(self) -> bool:
        """Whether one more may come now; it is counted."""
        now = self._clock.monotonic()
        self._left = min(float(self._most), self._left + (now - self._at) * self._most)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Site:
    """The ASGI application, and the thread that keeps what it takes. `close` it."""

    def __init__(
        self,
        intake: Intake,
        clock: Clock,
        *,
        troubles: Callable[[], list[str]],
        metrics: Callable[[], bytes],
        path_prefix: str = "",
        calls_per_second: int = 3_000,
        patience: float = PATIENCE,
    ) -> None:
        """`troubles`: a sentence for each stage that stands still; `metrics` in Prometheus' text. Both may wait for the store."""
        self._intake, self.patience = intake, patience
        self._commit: GroupCommit[Believed, Answer] = GroupCommit(intake.keep)
        self._rates = {source: Rate(clock, calls_per_second) for source in intake.doors}
        self._troubles, self._metrics = troubles, metrics
        self.held = 0
        """Bytes of bodies that are under way."""
        self._hooks = f"{path_prefix}/hooks/"
        routes = [
            Route(f"{path_prefix}/healthz", self._healthz, methods=["GET"]),
            Route(f"{path_prefix}/metrics", self._in_prometheus_text, methods=["GET"]),
        ]
        self._rest = Starlette(routes=routes)
        self._rest.router.redirect_slashes = False  # where to, a stranger's Host header would say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Webhooks go past Starlette: what it adds to a call takes as long as the call itself."""
        path = scope["path"]
        if scope["type"] != "http" or not path.startswith(self._hooks):
            await self._rest(scope, receive, send)
            return
        answer = await self._called(path[len(self._hooks) :], scope, receive)
        status = 404 if answer is None else answer.status
        headers = [(b"content-length", b"0")] if status != 204 else []
        if status >= 300:
            headers.append((b"connection", b"close"))  # what is left of a body that nobody read would be taken for the next call
        if status in AGAIN:
            headers.append((b"retry-after", b"2"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body"})

    def close(self) -> None:
        """Keep what still waits to be kept."""
        self._commit.close()

    def ended(self, outcome: Outcome) -> None:
        """A connection ended before it made a request."""
        self._intake.tally.add("", outcome)

    async def _called(self, source: str, scope: Scope, receive: Receive) -> Answer | None:
        """A call on a source's path; None where the source has no webhook."""
        door = self._intake.doors.get(source)
        if door is None:
            self._intake.tally.add("", Outcome.UNKNOWN_SOURCE)
            return None
        if scope["method"] != "POST":
            return self._intake.refused(door, Outcome.WRONG_METHOD)
        if not self._rates[source].allows():
            return self._intake.refused(door, Outcome.TOO_MANY)
        try:
            return await self._taken(door, _headers(scope["headers"]), receive)
        except Exception:
            log.exception("%s: a call on its webhook was not taken; polling goes on", source)
            return self._intake.refused(door, Outcome.NOT_STORED)

    async def _taken(self, door: Door, headers: dict[str, str], receive: Receive) -> Answer:
        try:
            async with asyncio.timeout(self.patience):
                body = await self._body(headers, receive, door.verifier.largest)
        except Crowded:
            return self._intake.refused(door, Outcome.TOO_MANY)
        except TimeoutError:
            return self._intake.refused(door, Outcome.TOO_SLOW)
        except ClientDisconnect:
            return self._intake.refused(door, Outcome.CUT_OFF)
        if body is None:
            return self._intake.refused(door, Outcome.TOO_LARGE)
        judged = self._intake.judged(door, headers, body)
        if isinstance(judged, Answer):
            return judged
        return self._intake.refused(door, Outcome.NOT_STORED) if self._commit.full else await self._commit.kept(judged)

    async def _body(self, headers: dict[str, str], receive: Receive, largest: int) -> bytes | None:
        """The whole body; None where it is larger than that, which is not waited for. Raises Crowded, ClientDisconnect."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and (len(announced) > 18 or int(announced) > largest):
            return None
        parts: list[bytes] = []
        size, more = 0, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                part, more = message.get("body", b""), message.get("more_body", False)
                parts.append(part)
                size += len(part)
                self.held += len(part)
                if size > largest:
                    return None
                if more and self.held > MOST_HELD:
                    raise Crowded
        finally:
            self.held -= size
        return b"".join(parts)

    def _healthz(self, _: Request) -> Response:
        try:
            troubles = self._troubles()
        except StoreError:
            troubles = [UNREAD_STORE]
        return JSONResponse({"healthy": not troubles, "troubles": troubles}, 503 if troubles else 200)

    def _in_prometheus_text(self, _: Request) -> Response:
        try:
            return Response(self._metrics(), media_type="text/plain; version=0.0.4")
        except StoreError:
            return Response(UNREAD_STORE, 503, media_type="text/plain")


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By name in lower case. One that comes twice is one with two values, which no signature can be."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), value.decode("latin-1").strip()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
