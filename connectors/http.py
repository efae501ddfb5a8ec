"""One HTTP session per source: deadlines, waits that the platform asks for, errors by consequence, no secret in sight.

Reads are idempotent and are tried again; writes are sent once, and every failure says whether anything can have taken effect.
Failures of the network are turned into sentences before anything is raised: the exceptions of requests carry the request with
its Authorization header, so none of them is ever the cause or the context of an error that leaves this file.
"""

from __future__ import annotations

import copy
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.wait import wait_base

from connectors.ahead import Ahead, when_asked
from connectors.answers import LONG_WAIT, Answer, Limit, Reach, http_date, limit_of, told_seconds
from connectors.budget import LONGEST_TURN, Budget, NoTurn, OwnSupply, Supply, Urgency
from connectors.errors import AskAdmin, Conflict, GiveUp, Gone, Limited, OutcomeUnknown, TicketBusy, TryLater
from connectors.failures import Failure, failure_of
from connectors.sessions import Auth, Link, Sessions
from rules.instants import instant

_CHUNK: Final = 64 * 1024
_SAFE: Final = frozenset({"GET", "HEAD"})
_NODE_IN_DOUBT: Final = frozenset({202, 401})
"""Statuses after which a session's cookies are dropped: its login is over, or its node has a queue that is full."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and chance, handed in so that a stepped clock works and no test waits.

    `ahead`: what may happen side by side. `supply`: the budget that hoist's processes share; None where this one asks alone.
    With `dry_run` no session sends a write.
    """

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    wall: Callable[[], float] = time.time  # seconds since 1970
    ahead: Ahead = when_asked
    supply: Supply | None = None
    dry_run: bool = False

    def alone(self) -> Surroundings:
        """The same time and chance for a session that shares no budget and reads nothing ahead, as one for tokens."""
        return Surroundings(self.sleep, self.monotonic, self.chance, self.wall)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much, in seconds, bytes and requests."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0  # between two arrivals of data
    total_seconds: float = 120.0  # a whole call with its retries and waits
    largest_answer: int = 64 * 1024 * 1024
    attempts: int = 4
    longest_wait_seconds: float = LONG_WAIT
    default_wait_seconds: float = 30.0  # where the platform names none
    concurrent: int = 9
    requests_per_second: float = 50.0
    longest_turn_seconds: float = LONGEST_TURN  # of a write
    said_in: Callable[[Answer], Limit | None] = limit_of  # what an answer says of the platform's own limits
    unusable: Callable[[Answer], str] = lambda _: ""  # why an answer with a good status is none after all


class Refused(GiveUp):
    """The platform refuses the request for good with this HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Transient(TryLater):
    """A read that failed in a way that often passes; `told` is the wait that the platform asked for, in seconds."""

    def __init__(self, message: str, told: float | None, default: float) -> None:
        super().__init__(message, default if told is None else told)
        self.told = told


class _TooMany(_Transient, Limited):
    """The platform takes no more for now."""


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    subject: str
    query: Mapping[str, str] | None
    body: bytes | None
    read_seconds: float
    deadline: float
    accept: frozenset[int]
    writes: bool
    again: bool = False


class Basic(AuthBase):
    """HTTP basic authentication that shows nothing of itself."""

    def __init__(self, username: str, password: str) -> None:
        self._header = requests.auth._basic_auth_str(username, password)  # noqa: SLF001 - the one place that spells it right
        self.hidden = (password, self._header.removeprefix("Basic "))

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request

    def __repr__(self) -> str:
        return "Basic(...)"

    def renewed(self) -> bool:
        """A password is what it is."""
        return False


class WaitAsTold(wait_base):
    """tenacity's wait: two seconds, doubled up to thirty, times 0.7 to 1.3; never less than the platform asked for."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance

    def __call__(self, retry_state: RetryCallState) -> float:
        own = min(2.0 * 2.0 ** (retry_state.attempt_number - 1), 30.0) * (0.7 + 0.6 * self._chance())
        failure = retry_state.outcome.exception() if retry_state.outcome else None
        told = failure.told if isinstance(failure, _Transient) else None
        return max(own, told or 0.0)


class Http:
    """The session of one source, shared by its threads.

    `words` takes the platform's own sentences out of an error body. `reads_by_post` are the paths whose POST changes nothing.
    With `dry_run` every write is refused before anything is sent. No redirect is followed.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        auth: Auth,
        *,
        words: Callable[[bytes], str],
        limits: Limits | None = None,
        surroundings: Surroundings | None = None,
        reads_by_post: frozenset[str] = frozenset(),
        link: Link | None = None,
        dry_run: bool = False,
    ) -> None:
        self.source = source
        self._base = base_url.rstrip("/")
        self._words = words
        self._limits = limits or Limits()
        self._surroundings = surroundings or Surroundings()
        self.ahead = self._surroundings.ahead
        self._reads_by_post = reads_by_post
        self._dry_run = dry_run or self._surroundings.dry_run
        self._link = link or Link()
        clock, rate = self._surroundings, self._limits.requests_per_second
        supply = clock.supply if clock.supply is not None else OwnSupply(clock.monotonic)
        self._limit_of = self._limits.said_in
        self._budget = Budget(rate, self._limits.concurrent, supply, sleep=clock.sleep, monotonic=clock.monotonic)
        self._urgency = Urgency.FRESH
        self._auth = auth
        self._often: dict[tuple[str, bool], requests.PreparedRequest] = {}
        self._sessions = Sessions(self._base, auth, self._limits.concurrent, self._link)

    def __repr__(self) -> str:
        return f"Http({self.source}, {self._base})"

    def at(self, urgency: Urgency) -> Http:
        """The same session and budget for reads that are so urgent; a write is always the most urgent."""
        other = copy.copy(self)
        other._urgency = urgency  # noqa: SLF001 - its own
        return other

    def close(self) -> None:
        """Give back the connections."""
        self._sessions.close()

    def read(
        self,
        method: str,
        path: str,
        *,
        subject: str = "",
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        read_seconds: float | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask for something, again if that helps. `accept` are error statuses that the caller reads itself.

        Raises TryLater, AskAdmin, Gone, Conflict, and Refused for any other 4xx.
        """
        if method not in _SAFE and path not in self._reads_by_post:
            raise ValueError(f"{method} {path} is not known to be a read")
        limits, clock = self._limits, self._surroundings.monotonic
        deadline = clock() + limits.total_seconds
        call = _Call(method, path, subject, query, body, read_seconds or limits.read_seconds, deadline, accept, writes=False)
        try:
            return self._attempt(call)  # nearly every call: tenacity would cost a fifth of it
        except _Transient as problem:
            failed = [problem]

        again = replace(call, again=True)

        def attempt() -> Answer:
            if failed:
                raise failed.pop()  # the attempt that was made already
            return self._attempt(again)

        def enough(state: RetryCallState) -> bool:
            return state.attempt_number >= limits.attempts or clock() + state.upcoming_sleep >= deadline

        patiently = Retrying(
            retry=retry_if_exception(self._worth_another_try),
            wait=WaitAsTold(self._surroundings.chance),
            stop=enough,
            sleep=self._surroundings.sleep,
            reraise=True,
        )
        return patiently(attempt)

    def write(self, method: str, path: str, *, subject: str, body: bytes, query: Mapping[str, str] | None = None) -> Answer:
        """Send something that takes effect, once.

        Raises TryLater where nothing took effect, OutcomeUnknown where it may have, Conflict, Gone, AskAdmin, and Refused
        (a GiveUp) where the platform refuses for good.
        """
        if self._dry_run:
            raise GiveUp(f"{self._named(subject)}: nothing is written in a dry run")
        deadline = self._surroundings.monotonic() + self._limits.total_seconds
        call = _Call(method, path, subject, query, body, self._limits.read_seconds, deadline, frozenset(), writes=True)
        return self._attempt(call)

    def _worth_another_try(self, problem: BaseException) -> bool:
        return isinstance(problem, _Transient) and (problem.told or 0.0) <= self._limits.longest_wait_seconds

    def _attempt(self, call: _Call) -> Answer:
        got = self._exchanged(call)
        if isinstance(got, Answer) and got.status == 401 and self._auth.renewed():
            got = self._exchanged(call)
        if isinstance(got, Failure):
            self._fail(call, got)
        if got.status in call.accept and not _is_page(got):
            return got
        if not 200 <= got.status < 300:
            self._refuse(call, got)
        if said := self._limits.unusable(got):
            self._fail(call, Failure(said, left=True))
        if _is_page(got):
            self._fail(call, Failure("a web page came back instead of data (a login page, a proxy or maintenance)", left=True))
        return got

    def _exchanged(self, call: _Call) -> Answer | Failure:
        urgency = Urgency.WRITE if call.writes else self._urgency
        longest = self._limits.longest_turn_seconds if call.writes else call.deadline - self._surroundings.monotonic()
        try:
            with self._budget.turn(urgency, longest):
                got = self._sent(call)
        except NoTurn as problem:
            self._no_turn(call, problem)
        if isinstance(got, Answer):
            self._heed(self._limit_of(got), call)
        return got

    def _sent(self, call: _Call) -> Answer | Failure:
        try:
            with self._sessions.one() as session:
                return self._sent_by(session, call)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
            return failure_of(problem)

    def _sent_by(self, session: requests.Session, call: _Call) -> Answer | Failure:
        timeout = self._limits.connect_seconds, call.read_seconds
        with session.send(self._sessions.signed(self._prepared(call), session), timeout=timeout) as response:
            body = self._body(response, call.deadline)
        got = body if isinstance(body, Failure) else _answer(response, body)
        if isinstance(got, Failure) or got.status in _NODE_IN_DOUBT or got.status >= 500:
            session.cookies.clear()
        return got

    def _heed(self, limit: Limit | None, call: _Call) -> None:
        """What is refused a second time has waited already, and slows nothing else: writes go on where no search is answered."""
        if limit is None or (limit.reach is Reach.PACE and call.again):
            return
        if limit.reach is Reach.SOURCE:
            self._budget.close(limit.seconds or self._limits.default_wait_seconds, limit.said)
        elif limit.reach is Reach.PACE:
            self._budget.slow()
        elif limit.reach is Reach.BACKFILL:
            self._budget.spare(limit.seconds or self._limits.default_wait_seconds)

    def _no_turn(self, call: _Call, problem: NoTurn) -> NoReturn:
        said = f"{self._named(call.subject)}: {problem}, nothing was sent; hoist waits"
        if problem.late and call.writes:
            raise TicketBusy(said, problem.seconds) from None
        raise Limited(said, problem.seconds) from None

    def _prepared(self, call: _Call) -> requests.PreparedRequest:
        """The request; what it has in common with others is prepared once: requests takes half as long for it as for sending.

        Paths arrive quoted.
        """
        kind = (call.method, call.body is not None)
        made = self._often.get(kind)
        if made is None:
            headers = {"Content-Type": self._link.content_type} if call.body is not None else None
            anew = requests.Request(call.method, self._base, data=call.body, headers=headers)
            made = self._often[kind] = self._sessions.template(anew)
        again = requests.PreparedRequest()
        again.method, again.body, again.headers = call.method, call.body, made.headers.copy()
        again.url = str(made.url).rstrip("/") + call.path + (f"?{urlencode(call.query)}" if call.query else "")
        if call.body is not None:
            again.headers["Content-Length"] = str(len(call.body))
        return again

    def _body(self, response: requests.Response, deadline: float) -> bytes | Failure:
        """The whole body, within the deadline: requests' own timeout starts anew with each byte that drips in."""
        parts: list[bytes] = []
        size = 0
        packed = "Content-Encoding" in response.headers  # urllib3 copies each part twice where it might have to unpack it
        while chunk := response.raw.read1(_CHUNK, decode_content=packed):
            parts.append(chunk)
            size += len(chunk)
            if size > self._limits.largest_answer:
                return Failure(f"the answer is larger than {self._limits.largest_answer} bytes", left=True)
            if self._surroundings.monotonic() > deadline:
                return Failure(f"the answer was not complete after {self._limits.total_seconds:g} s", left=True)
        return b"".join(parts)

    def _fail(self, call: _Call, failure: Failure) -> NoReturn:
        message = f"{self._named(call.subject)}: {failure.what}"
        if failure.mend:
            raise AskAdmin(f"{message}; {failure.mend}")
        if not call.writes:
            raise _Transient(f"{message}; hoist tries again", None, self._limits.default_wait_seconds)
        if failure.left:
            raise OutcomeUnknown(f"{message}; the change may or may not have been made, hoist looks before it does anything else")
        raise TryLater(f"{message}; nothing was changed, hoist tries again", self._limits.default_wait_seconds)

    def _refuse(self, call: _Call, answer: Answer) -> NoReturn:
        status, named = answer.status, self._named(call.subject)
        page = _is_page(answer)
        words = "it answered with a web page" if page else self._safe(self._words(answer.body)).rstrip(".") or "it gave no reason"
        said = f"{named}: {status}: {words}"
        if status == 401:
            held = f": {self._link.credential} in hoist.yaml" if self._link.credential else ""
            raise AskAdmin(f"{said}; the credential is wrong or has expired, renew it{held}")
        if status == 429:
            told, said = told_seconds(answer), f"{named}: too many requests{_why_limited(answer)}; hoist waits"
            limit = self._limit_of(answer)
            if call.writes and limit is not None and limit.reach is Reach.TICKET:
                raise TicketBusy(said, self._limits.default_wait_seconds if limit.seconds is None else limit.seconds)
            raise _TooMany(said, told, self._limits.default_wait_seconds)
        if 300 <= status < 400:
            raise AskAdmin(
                f"{named}: {status}: it sends hoist on to {_host(answer)}; set the address of the source to the final one"
            )
        if status >= 500 or page or status in {408, 425}:
            if call.writes:
                raise OutcomeUnknown(
                    f"{said}; the change may or may not have been made, hoist looks before it does anything else"
                )
            raise _Transient(f"{said}; hoist tries again", told_seconds(answer), self._limits.default_wait_seconds)
        if status == 403 and not call.writes:
            raise AskAdmin(f"{said}; give hoist's account the permission")
        if status == 404:
            raise Gone(f"{said}; it was deleted, or hoist's account may not see it", answer.server_time)
        if status == 409:
            raise Conflict(f"{said}; hoist reads it afresh")
        if status == 410:
            raise AskAdmin(f"{said}; the platform no longer offers {call.method} {call.path}, update hoist")
        raise Refused(said, status)

    def _named(self, subject: str) -> str:
        return f"{self.source}:{subject}" if subject else self.source

    def _safe(self, text: str) -> str:
        """A platform's words, cut, on one line, without hoist's credential even if the platform repeats it."""
        for secret in self._auth.hidden:
            text = text.replace(secret, "[hidden]")
        text = " ".join(text.split())
        return text if len(text) <= 500 else text[:499] + "…"


def _answer(response: requests.Response, body: bytes) -> Answer | Failure:
    date = http_date(response.headers.get("Date", ""))
    if date is None:
        mend = "let the proxy in between pass the Date header on: hoist measures all time by the source's clock"
        return Failure("the answer carries no Date header", left=True, mend=mend if response.request.method in _SAFE else "")
    return Answer(response.status_code, body, instant(date), response.headers)


def _is_page(answer: Answer) -> bool:
    """A body that is no JSON. Some gateways label JSON as text, so the first byte decides where the label does not."""
    if not answer.body:
        return False
    kind = answer.headers.get("Content-Type", "")
    return "json" not in kind and answer.body.lstrip()[:1] not in {b"{", b"["}


def _why_limited(answer: Answer) -> str:
    reason = answer.headers.get("RateLimit-Reason", "")
    return f" ({reason})" if re.fullmatch(r"[\w .-]{1,60}", reason) else ""


def _host(answer: Answer) -> str:
    """The host alone: the query of a login redirect may hold a session."""
    return urlsplit(answer.headers.get("Location", "")).hostname or "another path"
