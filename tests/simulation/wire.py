"""The wire between agent and helpdesk, without sockets: requests' own adapter, which hands each request to the sandbox.

Requests take time, meet what the story has for them, and are counted. Whatever the platform answers is the sandbox's own answer.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.dates import Dates
from rules.instants import SECOND, Instant
from tests.simulation.clocks import TrueTime
from tests.simulation.helpdesk import WRITES, Asked, Helpdesk
from tests.simulation.story import Meanwhile, Story, Trouble

LATENCY: Final = (5, 120)
"""Milliseconds that a request takes, there and back."""
PATIENCE: Final = 30 * SECOND
"""After how long hoist no longer waits for an answer."""
_HTML: Final = {"Content-Type": "text/html;charset=UTF-8"}
_OUT_OF_ORDER: Final = b"<!DOCTYPE html><html><head><title>Unavailable</title></head><body>Please try again later.</body></html>"


@dataclass(frozen=True)
class Struck:
    """A fault that struck: when, and until when it may delay what hoist does."""

    at: Instant
    until: Instant
    kind: str


class Wire(HTTPAdapter):
    """An adapter that everything of a run goes through; it outlives the processes that use it."""

    def __init__(self, story: Story, true: TrueTime, helpdesk: Helpdesk) -> None:
        super().__init__()
        self._true, self._helpdesk = true, helpdesk
        self._dates = Dates()
        self._chance = random.Random(f"wire/{story.seed}")
        self._troubles = {item: item.times for item in story.items if isinstance(item, Trouble)}
        self._meanwhile = [item for item in story.items if isinstance(item, Meanwhile)]
        self.reached: Callable[[str, Asked], None] = lambda _where, _asked: None
        self.asked = 0
        self.struck: list[Struck] = []
        self.counts: Counter[str] = Counter()
        self.digest = hashlib.sha256()
        self.trace: list[str] | None = None
        self.calm = False

    def log(self, text: str) -> None:
        """One more thing that happened; the digest of all is the run's."""
        line = f"{self._true.now()} {text}\n"
        self.digest.update(line.encode())
        if self.trace is not None:
            self.trace.append(line)

    def rest_longer(self, milliseconds: int) -> None:
        """The machine's clock is set back so far: hoist's processes know of no other until when the platform's quota is used up.

        So much longer they leave the platform alone, which delays what they do and breaks no promise.
        """
        now = self._true.now()
        self.struck = [
            replace(each, until=each.until + milliseconds) if each.kind == "429-long" and each.at <= now < each.until else each
            for each in self.struck
        ]

    # --- one request -----------------------------------------------------------------------------------------------------

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Carry a request to the sandbox, and its answer back; raises what requests raises."""
        self._pass()
        asked = self._asked(request)
        self.asked += 1
        self.log(f"{asked.method} {asked.target} {hashlib.sha256(asked.body).hexdigest()[:8]}")
        self.reached("before", asked)
        self._people(f"before-{asked.kind}", asked)
        trouble = None if self.calm else self._met(asked)
        answer = self._dispatch(asked) if trouble is None else self._troubled(trouble, asked)
        self._people(f"after-{asked.kind}", asked)
        self.reached("after", asked)
        self._pass()
        return self._response(request, answer)

    def _pass(self) -> None:
        self._true.go_on(self._chance.randint(*LATENCY))
        self._helpdesk.catch_up()

    def _asked(self, request: requests.PreparedRequest) -> Asked:
        parts = urlsplit(str(request.url))
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        purpose = self._helpdesk.purpose(str(request.method), target, body)
        return Asked(str(request.method), target, dict(request.headers.items()), body, purpose, self._true.now())

    def _dispatch(self, asked: Asked, fault: str = "", body: bytes | None = None) -> Answer:
        self._helpdesk.catch_up()
        answer = self._helpdesk.answer(asked, fault=fault, body=body)
        self.log(f"{answer.status} {hashlib.sha256(answer.body).hexdigest()[:8]}")
        return answer

    def _response(self, request: requests.PreparedRequest, answer: Answer) -> requests.Response:
        body = urllib3.HTTPResponse(
            io.BytesIO(answer.body), headers=dict(answer.headers), status=answer.status, preload_content=False
        )
        return self.build_response(request, body)

    def _people(self, moment: str, asked: Asked) -> None:
        """People who were waiting for this moment."""
        for item in self._meanwhile:
            name = self._helpdesk.name_of(asked.ticket)
            if item.moment == moment and item.at <= self._true.now() and name and self._helpdesk.id_of(name):
                self._meanwhile.remove(item)
                self.counts[moment] += 1
                self._helpdesk.act(name, item.who, item.values)
                return

    # --- what befalls it -------------------------------------------------------------------------------------------------

    def _met(self, asked: Asked) -> Trouble | None:
        """The trouble that this request meets."""
        now = self._true.now()
        for trouble, left in self._troubles.items():
            if left <= 0 or trouble.at > now or not _befalls(trouble, asked.kind):
                continue
            if trouble.lasts and trouble.at + trouble.lasts < now:
                continue
            if not trouble.lasts:
                self._troubles[trouble] = left - 1
            return trouble
        return None

    def _troubled(self, trouble: Trouble, asked: Asked) -> Answer:
        kind, now = trouble.kind, self._true.now()
        self.counts[kind] += 1
        self.log(f"trouble {kind}")
        self.struck.append(Struck(now, now + _cost(kind, asked), kind))
        far = self._helpdesk.far
        if kind in far.FAULTS:
            return self._dispatch(asked, far.FAULTS[kind])
        if (instead := far.instead(kind, now)) is not None:
            return self._dated(instead)
        match kind:
            case "refused":
                cause = urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]
                raise requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, asked.target, cause))  # type: ignore[arg-type]
            case "timeout-before":
                return self._time_out()
            case "timeout-after":
                self._dispatch(asked)
                return self._time_out()
            case "late":
                self._helpdesk.later(now + int(trouble.seconds * SECOND), partial(self._dispatch_late, asked))
                return self._time_out()
            case "lost-answer":
                self._dispatch(asked)
                raise requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted."))
            case "500" | "502" | "503":
                return self._dated(Answer(int(kind), _HTML, _OUT_OF_ORDER))
            case "502-after":
                self._dispatch(asked)
                return self._dated(Answer(502, _HTML, _OUT_OF_ORDER))
            case _:
                return self._strange(trouble, asked)

    def _strange(self, trouble: Trouble, asked: Asked) -> Answer:
        """An answer that comes, and is not quite what it should be."""
        match trouble.kind:
            case "cut-short":
                answer = self._dispatch(asked)
                return replace(answer, body=answer.body[: len(answer.body) // 2])
            case "unordered" | "row-missing":
                return self._helpdesk.far.rearranged(self._dispatch(asked), trouble.kind)
            case "fewer-rows":
                return self._dispatch(asked, body=self._helpdesk.far.narrowed(asked.body))
            case "old-answer" | "cached":
                at = self._true.now() - int(trouble.seconds * SECOND)
                with self._helpdesk.as_it_was(at):
                    return self._helpdesk.answer(asked)
            case "slow":
                answer = self._dispatch(asked)
                self._true.go_on(int(trouble.seconds * SECOND))
                return answer
            case other:
                raise ValueError(f"there is no trouble {other}")

    def _dispatch_late(self, asked: Asked) -> None:
        self.log("late")
        answer = self._helpdesk.answer(asked)
        self.log(f"{answer.status} {asked.target}")

    def _time_out(self) -> NoReturn:
        self._true.go_on(PATIENCE)
        self._helpdesk.catch_up()
        raise requests.ReadTimeout("no answer")

    def _dated(self, answer: Answer) -> Answer:
        return replace(answer, headers={"Date": self._dates.text(self._true.now()), **answer.headers})


def _befalls(trouble: Trouble, kind: str) -> bool:
    if trouble.kind == "old-answer":
        return kind in {"read", "changelog"}
    if trouble.kind == "cached" and trouble.on == "any":
        return kind in {"read", "changelog", "look"}
    return trouble.on in {"any", kind}


def _cost(kind: str, asked: Asked) -> int:
    """Milliseconds for which hoist may have good reason to be late: how long it rests, or waits before it looks."""
    if kind == "429-long":
        return 3_600 * SECOND - asked.sent % (3_600 * SECOND) + 120 * SECOND
    if kind in {"stale-search", "row-missing", "expired-token", "repeated-token"}:
        return 480 * SECOND
    return 600 * SECOND if asked.kind in {*WRITES, "look"} else 240 * SECOND
