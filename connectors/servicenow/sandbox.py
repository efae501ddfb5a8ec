"""A stateful stand-in of a ServiceNow instance on loopback: it lives through a history and answers as the platform does.

For tests, for the demo and for trying hoist without a helpdesk. It shares no code with hoist's own ServiceNow client, so that a
misunderstanding on one side shows on the other. Its behaviour follows the product documentation (Australia release, 2026), the
knowledge base and what public clients rely on, named in `connectors/servicenow/site/`; what these leave open it does in the least
comfortable way, or in either way by a variant.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote

from connectors.sandboxes import certificates, program
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.dates import Dates
from connectors.sandboxes.deliveries import Deliveries
from connectors.sandboxes.event_log import load
from connectors.sandboxes.faults import Faults, fault
from connectors.sandboxes.history import History
from connectors.sandboxes.made_up import made_up
from connectors.sandboxes.sandbox import Secrets
from connectors.sandboxes.server import Serving, serving
from connectors.servicenow.record import ServiceNowRecord
from connectors.servicenow.site import batch, gateway, pages, routes
from connectors.servicenow.site import options as site_options
from connectors.servicenow.site.announcing import Announcing, patience
from connectors.servicenow.site.answers import Refused
from connectors.servicenow.site.call import Call
from connectors.servicenow.site.choices import CHOICES, MATRIX
from connectors.servicenow.site.faults import FAULTS, WRITES
from connectors.servicenow.site.furnishing import AGENT
from connectors.servicenow.site.policies import Abort, Mandatory, Policies
from connectors.servicenow.site.replay import PAIRS
from connectors.servicenow.site.tokens import ACCESS_SECONDS, Door
from connectors.servicenow.site.whole import Instance, Terms
from rules.instants import DAY, Instant

__all__ = [
    "Abort", "Answer", "History", "Mandatory", "Policies", "Sandbox", "ServiceNowSandbox", "Serving", "Terms", "load", "made_up",
    "main", "run",
]  # fmt: skip

TICKETS: Final = 200
AHEAD: Final = 14 * DAY
"""How far made-up tickets go on living when the sandbox runs on its own."""
ITEM_SECONDS: Final = 0.05


class ServiceNowSandbox:
    """One instance. `clock` gives its time in milliseconds; what lies at or before it has happened when a call is answered.

    `history` is replayed, made-up tickets by default. `seed` fixes sys_ids, passwords and the occasions of faults. `faults` are
    rates between 0 and 1 by name (`connectors.servicenow.site.faults` says what each does). `terms` is how the instance is set
    up: its name, zones, policies, access rules, variants and how late saves are committed. `expires_seconds` is how long an
    access token lives, `item_seconds` how long a batch is modelled to work on each item. `jwt_key` is the public key, PEM, of
    whoever may sign JWT assertions. Raises ValueError for unknown faults.
    """

    PLATFORM_NAME = "ServiceNow"
    SOURCE = "snow-prod"

    def __init__(
        self,
        *,
        clock: Callable[[], Instant],
        history: History | None = None,
        seed: int = 0,
        faults: Mapping[str, float] = MappingProxyType({}),
        terms: Terms | None = None,
        expires_seconds: int = ACCESS_SECONDS,
        item_seconds: float = ITEM_SECONDS,
        jwt_key: bytes = b"",
    ) -> None:
        self._faults = Faults(faults, seed, FAULTS)
        self._seed = seed
        self._item_seconds = item_seconds
        self._lock = threading.Lock()
        lived = history or made_up(TICKETS, seed, clock(), AHEAD)
        self._site = Instance(lived, terms or Terms(), clock=clock, faults=self._faults, seed=seed)
        self._door = Door(self._site, seed, expires_seconds=expires_seconds, jwt_key=jwt_key)
        self._sessions = gateway.Sessions(seed)
        self._dates = Dates()
        self._url = ""
        self._ca_file = ""
        self._client_file = ""
        self._deliveries: Deliveries | None = None

    @property
    def url(self) -> str:
        """The instance's address: that of the server once it listens."""
        return self._url or self._site.base

    @contextmanager
    def serve(self, port: int = 0, *, tls: bool = False) -> Iterator[Serving]:
        """Answer on 127.0.0.1, on any free port for 0, until the block is left. Raises OSError for a port in use.

        With `tls` under a throw-away certificate, whose authority `credentials` names as `ca_file`.
        """
        lanes = gateway.Lanes()
        deliveries = self._deliveries = Deliveries(self._site._clock, patience)  # noqa: SLF001 - it keeps the instance's time

        def dispatch(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
            return self._in_turn(lanes, method, path, query, headers, body)

        with tempfile.TemporaryDirectory(prefix="servicenow-sandbox-") as folder:
            made = certificates.made(Path(folder), AGENT) if tls else None
            with serving(dispatch, port, made.server if made else None) as server:
                with self._lock:
                    self._url = self._site.base = server.url
                    self._ca_file, self._client_file = (str(made.ca_file), str(made.client_file)) if made else ("", "")
                deliveries.start()
                try:
                    yield server
                finally:
                    lanes.close()
                    with self._lock:
                        self._deliveries = self._site.saving.saved = None
                    deliveries.stop()

    def credentials(self, person: str = "") -> dict[str, str]:
        """What a client signs in with: of the service account, or of a history's person.

        `platform`, `url`, `username`, `password`, `client_id`, `client_secret`, and while it serves https `ca_file`. Raises
        KeyError for a handle that the history does not know.
        """
        name = person or AGENT
        if name not in self._site.furnished.users:
            raise KeyError(name)
        door = self._door
        found = {"platform": "servicenow", "url": self.url, "username": name, "password": door.password(name)}
        found |= {"client_id": door.client_id, "client_secret": door.client_secret}
        return found | ({"ca_file": self._ca_file} if self._ca_file else {})

    @property
    def api_key(self) -> str:
        """The API key of the service account."""
        return self._door.api_key()

    @property
    def client_file(self) -> str:
        """Key and certificate that stand for the service account, while https is served; empty otherwise."""
        return self._client_file

    def source_settings(self) -> dict[str, object]:
        """What hoist's configuration of this source needs beyond the credential."""
        return {"instance": self._site.terms.instance}

    def hoist_settings(self, secrets: Secrets) -> dict[str, object]:
        """All that hoist.yaml has to say of this source, while it listens. What is secret goes through `secrets`."""
        given = self.credentials()
        auth = {"kind": "client_credentials", "client_id": given["client_id"]}
        auth["client_secret"] = secrets("client_secret", given["client_secret"])
        trusted = {"ca_file": given["ca_file"]} if "ca_file" in given else {}
        signed_in = {"platform": given["platform"], "url": given["url"], "username": given["username"], "auth": auth}
        return {**signed_in, **trusted, **self.source_settings()}

    @property
    def priorities(self) -> Sequence[str]:
        """The labels of its priorities, the most urgent first; only as many as the history tells apart."""
        labels = CHOICES["task", "priority"]
        return [labels[MATRIX[pair]] for pair in PAIRS[: len(self.history.priorities)]]

    def make_labels(self, names: Iterable[str]) -> None:
        """An administrator makes these tags for everyone."""
        with self._lock:
            for name in names:
                self._site.furnished.tag(name)

    def record(self) -> ServiceNowRecord:
        """Its own record of what its service account did, while it listens."""
        given = self.credentials()
        return ServiceNowRecord(given["url"], given["username"], given["password"])

    @property
    def history(self) -> History:
        """What is replayed."""
        return self._site.history

    def next_event(self, after: Instant) -> Instant | None:
        """The instant of the next replayed event later than this one."""
        return self._site.history.next_event(after)

    def issue_id(self, name: str) -> str:
        """The sys_id of the incident that replays this one of the history. Raises KeyError before it was created."""
        with self._lock:
            self._site.catch_up()
            return self._site.replay.names[name]

    def group_id(self, name: str) -> str:
        """The sys_id of a group of the history. Raises KeyError."""
        return self._site.furnished.groups[name]

    def user_id(self, person: str = "") -> str:
        """The sys_id of a person of the history, or of the service account. Raises KeyError."""
        return self._site.furnished.users[person or AGENT]

    def lag(self, milliseconds: int) -> None:
        """From now on saves by others than the service account are committed that long after their stamp."""
        with self._lock:
            self._site.catch_up()
            self._site.lag = milliseconds

    def announce_to(self, url: str, key: str, tables: Sequence[str] = ("incident",)) -> None:
        """An administrator puts hoist's business rule and script into the instance, with this key (Base64), while it listens."""
        with self._lock:
            if self._deliveries is None:
                raise RuntimeError("the instance announces nothing before it listens")
            self._site.catch_up()
            announcing = Announcing(url, key, frozenset(tables), self._deliveries.add, self._faults, self._seed)
            self._site.saving.saved = announcing.saved

    def settle(self, timeout: float = 10) -> bool:
        """Wait until every save was announced; False where that takes longer (seconds)."""
        return self._deliveries is None or self._deliveries.settle(timeout)

    def silently(self, sys_id: str, **values: str) -> None:
        """A script changes an incident without stamp, count and rules, as autoSysFields(false) does. Raises KeyError."""
        with self._lock:
            self._site.catch_up()
            self._site.silent("incident", sys_id, values)

    def clone(self, instance: str) -> ServiceNowSandbox:
        """Another instance under this name that was copied from this one just now: its records have the same sys_ids."""
        with self._lock:
            self._site.catch_up()
            clock, lock = self._site._clock, self._lock  # noqa: SLF001 - a clone keeps time as its original does
            shared = (clock, self._site.history, self._deliveries, self._site.saving.saved)
            memo = {**{id(each): each for each in shared}, id(lock): threading.Lock()}
            twin = copy.deepcopy(self, memo)
        twin._site.rename(instance)  # noqa: SLF001 - of this very class
        return twin

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one call: path and query as written in the request line, header names in any case."""
        given = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            now = self._site.catch_up()
            answer = gateway.before(self._faults, now) or self._met(method, path, query, given, body, now)
            told = {"Date": self._dates.text(now), **answer.headers}
            late = gateway.delay_seconds(self._faults)
            return replace(answer, headers=told, delay_seconds=late, cookies=self._sessions.cookies(given))

    def _in_turn(
        self, lanes: gateway.Lanes, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """One call in the turn of its session; a slow one keeps its turn until it leaves."""
        session = gateway.session_of(headers)
        if instead := lanes.enter(session):
            with self._lock:
                return replace(instead, headers={"Date": self._dates.text(self._site.catch_up()), **instead.headers})
        try:
            answer = self.dispatch(method, path, query, headers, body)
            if answer.delay_seconds:
                lanes.closed.wait(answer.delay_seconds)
            return replace(answer, delay_seconds=0.0)
        finally:
            lanes.leave(session)

    def _met(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, now: Instant) -> Answer:
        """A call that gets through to the instance, and what befalls its answer."""
        if path.rstrip("/") == "/oauth_token.do" and method == "POST":
            return self._door.token(headers, dict(parse_qsl(query)), body, now)
        if self._faults.strikes("expired-token"):
            self._door.access.pop(headers.get("authorization", "").partition(" ")[2], None)
            return gateway.unauthorized()
        method = headers.get("x-http-method-override", method).upper() if method == "POST" else method
        answer = self._answer(method, path, query, headers, body, now)
        if method == "GET" and answer.status == 200 and self._faults.strikes("truncated-200"):
            return gateway.truncated(answer)
        if method in WRITES and self._faults.strikes("failed-500-after"):
            return Refused(500, pages.CANCELLED).answer()
        return replace(answer, lost=True) if method in WRITES and self._faults.strikes("lost-answer") else answer

    def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now: Instant) -> Answer:
        words = [unquote(word) for word in path.strip("/").split("/")]
        if words[0] != "api":
            return Answer(200, {"Content-Type": pages.HTML}, pages.LOGIN)
        given = dict(parse_qsl(query, keep_blank_values=True))
        caller = self._door.caller(headers, given, now)
        if caller is None:
            return gateway.unauthorized()
        session = self._site.session(caller)
        access = self._site.access(session)
        call = Call(self._site, method, routes.version(words), session, access, now, given, headers, body)
        try:
            if tuple(words) == routes.BATCH and method == "POST":
                return batch.ran(call, partial(self._answer, now=now), self._item_seconds)
            return routes.answer(call, words)
        except Refused as refused:
            return refused.answer()


Sandbox = ServiceNowSandbox


def run(arguments: Sequence[str], write_hoist_yaml: Callable[[Path, ServiceNowSandbox], None] | None = None) -> int:
    """`hoist sandbox servicenow`: serve one instance until interrupted, and print one JSON line once it listens.

    It holds what a client signs in with and, as `settings`, what hoist.yaml needs beside that; see
    `connectors.sandboxes.program`.
    """
    return program.serve(arguments, site_options.parser(TICKETS), _made, _serving, _told, write_hoist_yaml)


def _serving(sandbox: ServiceNowSandbox, options: argparse.Namespace) -> AbstractContextManager[Serving]:
    return sandbox.serve(options.port, tls=not options.http)


def _told(sandbox: ServiceNowSandbox) -> dict[str, object]:
    return {**sandbox.credentials(), "settings": sandbox.source_settings()}


def _made(options: argparse.Namespace) -> ServiceNowSandbox:
    """The sandbox that the options describe. Raises ValueError."""
    clock, history = program.lived(options, AHEAD)
    faults = dict(map(fault, options.fault))
    jwt_key, terms = site_options.jwt_key(options), site_options.terms(options)
    return ServiceNowSandbox(clock=clock, history=history, seed=options.seed, faults=faults, terms=terms, jwt_key=jwt_key)


def main() -> int:
    """The sandbox as a program of its own."""
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
