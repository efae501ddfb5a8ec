"""A stateful stand-in of a Zendesk account on loopback: it lives through a history and answers as the platform does.

For tests, for the demo and for trying hoist without a helpdesk. It shares no code with hoist's own Zendesk client, so that a
misunderstanding on one side shows on the other. Its behaviour follows Zendesk's documentation (2026) and what public clients
rely on, named in `connectors/zendesk/site/`; what these leave open it does in the least comfortable way, or in either way by a
variant.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
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
from connectors.zendesk.record import ZendeskRecord
from connectors.zendesk.site import gateway, people_calls, routes
from connectors.zendesk.site.answers import Refused
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.catalog import AGENT, SERVICE, by_urgency, email, user_id
from connectors.zendesk.site.deliveries import outgoing, patience
from connectors.zendesk.site.faults import FAULTS, WRITES
from connectors.zendesk.site.limits import Limits
from connectors.zendesk.site.saving import By, Said
from connectors.zendesk.site.terms import PLANS, VARIANTS, Plan, Terms
from connectors.zendesk.site.tokens import ACCESS_SECONDS, Caller, Door
from connectors.zendesk.site.whole import Account
from rules.instants import DAY, Instant

__all__ = [
    "PLANS", "Answer", "History", "Plan", "Sandbox", "Serving", "Terms", "ZendeskSandbox", "load", "made_up", "main", "run",
]  # fmt: skip

TICKETS: Final = 200
AHEAD: Final = 14 * DAY
"""How far made-up tickets go on living when the sandbox runs on its own."""
UNLIMITED: Final = 100_000
API: Final = "/api/v2/"


class ZendeskSandbox:
    """One account. `clock` gives its time in milliseconds; what lies at or before it has happened when a call is answered.

    `history` is replayed, made-up tickets by default. `seed` fixes secrets and the occasions of faults. `faults` are rates
    between 0 and 1 by name (`connectors.zendesk.site.faults` says what each does). `terms` is how the account is set up: its plan
    of limits, none by default, and variants of its behaviour. `expires_seconds` is how long an access token lives. Raises
    ValueError for unknown faults.
    """

    PLATFORM_NAME = "Zendesk"
    SOURCE = "zendesk-eu"

    def __init__(
        self,
        *,
        clock: Callable[[], Instant],
        history: History | None = None,
        seed: int = 0,
        faults: Mapping[str, float] = MappingProxyType({}),
        terms: Terms | None = None,
        expires_seconds: int = ACCESS_SECONDS,
    ) -> None:
        self._faults = Faults(faults, seed, FAULTS)
        self._lock = threading.Lock()
        terms = terms or Terms()
        lived = history or made_up(TICKETS, seed, clock(), AHEAD)
        self._account = Account(lived, terms, clock=clock, faults=self._faults, seed=seed)
        self._door = Door(self._account.catalog, seed, clock(), expires_seconds=expires_seconds)
        self._limits = Limits(terms.plan, text="text-429" in terms.variants)
        self._account.replay.edited = self._limits.edited
        self._dates = Dates()
        self._deliveries: Deliveries | None = None
        self._calls = 0
        self._url = ""
        self._ca_file = ""

    @property
    def url(self) -> str:
        """The account's address: that of the server once it listens."""
        return self._url or f"https://{self._account.terms.subdomain}.zendesk.com"

    @contextmanager
    def serve(self, port: int = 0, *, tls: bool = False) -> Iterator[Serving]:
        """Answer on 127.0.0.1, on any free port for 0, until the block is left. Raises OSError for a port in use.

        With `tls` under a throw-away certificate, whose authority `credentials` names as `ca_file`. Webhooks are delivered
        meanwhile.
        """
        deliveries, keeps = Deliveries(self._account.clock, patience, breaks=True), self._account.varies("retries-keep-signature")
        with tempfile.TemporaryDirectory(prefix="zendesk-sandbox-") as folder:
            made = certificates.made(Path(folder), AGENT) if tls else None
            with serving(self.dispatch, port, made.server if made else None) as server:
                with self._lock:
                    self._url, self._ca_file = server.url, str(made.ca_file) if made else ""
                    self._deliveries = deliveries
                    self._account.webhooks.deliver = lambda each: deliveries.add(outgoing(each, keeps_signature=keeps))
                deliveries.start()
                try:
                    yield server
                finally:
                    with self._lock:
                        self._deliveries = self._account.webhooks.deliver = None
                    deliveries.stop()

    def credentials(self, person: str = "") -> dict[str, str]:
        """What a client signs in with: of the service account, or of a history's person.

        `platform`, `url`, `username` (an address), `token` (an API token), `client_id`, `client_secret`, and while it serves
        https `ca_file`. Raises KeyError for a handle that the history does not know.
        """
        door, user = self._door, self._account.catalog.users[user_id(person or AGENT)]
        found = {"platform": "zendesk", "url": self.url, "username": user.email, "token": door.api_token}
        found |= {"client_id": door.client_id, "client_secret": door.client_secret}
        return found | ({"ca_file": self._ca_file} if self._ca_file else {})

    def granted(self) -> tuple[str, str]:
        """An access token and its refresh token, as if a person had just allowed it to the client."""
        with self._lock:
            return self._door.granted(self._account.catch_up())

    def source_settings(self) -> dict[str, object]:
        """What hoist's configuration of this source needs beyond the credential; without limits there are no shares of them."""
        unlimited = dict.fromkeys(("updates_per_minute", "exports_per_minute"), UNLIMITED)
        return {"service_field": SERVICE, **(unlimited if self._account.terms.plan is None else {})}

    def hoist_settings(self, secrets: Secrets) -> dict[str, object]:
        """All that hoist.yaml has to say of this source, while it listens. What is secret goes through `secrets`."""
        given = self.credentials()
        auth = {"kind": "oauth_client_credentials", "client_id": given["client_id"]}
        auth["client_secret"] = secrets("client_secret", given["client_secret"])
        trusted = {"ca_file": given["ca_file"]} if "ca_file" in given else {}
        return {"platform": given["platform"], "url": given["url"], "auth": auth, **trusted, **self.source_settings()}

    @property
    def priorities(self) -> Sequence[str]:
        """Its priorities, the most urgent first; only as many as the history tells apart."""
        return by_urgency(self.history)

    def make_labels(self, names: Iterable[str]) -> None:
        """Nothing is to be done: Zendesk takes any tag."""

    def record(self) -> ZendeskRecord:
        """Its own record of what its service account did, while it listens."""
        given = self.credentials()
        return ZendeskRecord(given["url"], given["username"], given["token"])

    @property
    def history(self) -> History:
        """What is replayed."""
        return self._account.history

    def next_event(self, after: Instant) -> Instant | None:
        """The instant of the next replayed event later than this one."""
        return self.history.next_event(after)

    def issue_id(self, name: str) -> int:
        """The id of the ticket that replays this issue of the history. Raises KeyError before it was created."""
        with self._lock:
            self._account.catch_up()
            return self._account.replay.names[name]

    def group_id(self, name: str) -> int:
        """The id of a group of the history. Raises KeyError."""
        return self._account.catalog.group_ids[name]

    def user_id(self, person: str = "") -> int:
        """The id of a person of the history, or of the service account. Raises KeyError."""
        return self._account.catalog.users[user_id(person or AGENT)].id

    def by_the_platform(self, ticket: int) -> None:
        """The platform itself changes something about a ticket, which leaves updated_at alone. Raises KeyError."""
        with self._lock:
            now = self._account.catch_up()
            self._account.tickets.touch(self._account.tickets.by_id[ticket], now)

    def suspend(self, person: str, subject: str, text: str) -> int:
        """A mail of a person is suspended; its id. Raises KeyError."""
        with self._lock:
            now = self._account.catch_up()
            user = self._account.catalog.users[user_id(person)]
            return self._account.suspended.add(user.id, user.name, email(user.handle), subject, text, now).id

    def says(self, person: str, ticket: int, text: str, *, public: bool = True) -> None:
        """A person of the history comments on a ticket, in the browser. Raises KeyError."""
        with self._lock:
            now = self._account.catch_up()
            author = self._account.catalog.users[user_id(person)].id
            said = Said(author, text, public)
            self._account.saving.commit(self._account.tickets.by_id[ticket], {}, By(author), now, said)

    def settle(self, timeout: float = 10) -> bool:
        """Wait until every webhook was told what it has to be told; False where that takes longer (seconds)."""
        return self._deliveries is None or self._deliveries.settle(timeout)

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one call: path and query as written in the request line, header names in any case."""
        given = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            now = self._account.catch_up()
            self._calls += 1
            answer = gateway.before(self._faults, method) or self._met(method, path, query, given, body, now)
            told = {"Date": self._dates.text(now), "X-Zendesk-API-Version": "v2", "X-Request-Id": f"sandbox-{self._calls}"}
            return replace(answer, headers={**told, **answer.headers}, delay_seconds=gateway.delay_seconds(self._faults))

    def _met(self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, now: Instant) -> Answer:
        """A call that gets through to the account, and what befalls its answer."""
        given = dict(parse_qsl(query, keep_blank_values=True))
        path = unquote(path).rstrip("/").removesuffix(".json")
        match method, path:
            case "POST", "/oauth/tokens":
                answer = self._door.token(headers, body, now)
                recoded = "oauth-200" in self._account.terms.variants and answer.status == 201
                return replace(answer, status=200) if recoded else answer
            case "GET", "/oauth/authorizations/new":
                return self._door.authorized(given, now)
        if not path.startswith(API):
            return Answer(200, gateway.HTML, gateway.LOGIN)
        if self._faults.strikes("expired-token"):
            self._door.access.pop(headers.get("authorization", "").partition(" ")[2], None)
            return gateway.invalid_token()
        path = path.removeprefix(API)
        caller = self._door.caller(headers, now)
        if caller is None:
            return self._unknown(path, headers)
        answer = self._limited(method, path, given, headers, body, now, caller)
        if method in WRITES and answer.status < 300:
            if self._faults.strikes("failed-500-after"):
                return Refused(500, {"error": "InternalServerError", "description": "Something went wrong"}).answer()
            return replace(answer, lost=self._faults.strikes("lost-answer"))
        return answer

    def _unknown(self, path: str, headers: Mapping[str, str]) -> Answer:
        """A call whose credential nobody knows. Without any, everybody may ask who they are."""
        credential = headers.get("authorization", "")
        if path == "users/me" and (not credential or self._account.varies("anonymous-me")):
            return people_calls.anonymous()
        return gateway.invalid_token() if credential.lower().startswith("bearer") else gateway.unauthorized()

    def _limited(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes, now: Instant, caller: Caller
    ) -> Answer:
        """A call within the account's limits and the scopes of its token."""
        updated = gateway.updated(method, path)
        ticket = (caller.user.id, updated) if updated else None
        refused, told = self._limits.refused(gateway.endpoint(method, path), ticket, now)
        if refused is not None:
            return replace(refused, headers={**told, **refused.headers})
        if path != "users/me" and not caller.may(gateway.resource(path), write=method in WRITES):
            return gateway.insufficient_scope()
        if caller.user.role == "end-user" and path != "users/me":
            return gateway.insufficient_scope()
        base = f"{'https' if self._ca_file else 'http'}://{headers['host']}" if self._url and "host" in headers else self.url
        call = Call(self._account, self._door, base, method, path, caller, now, query, headers, body)
        try:
            answer = routes.answer(call)
        except Refused as problem:
            answer = problem.answer()
        warned = {"x-zendesk-api-warn": "; ".join(call.warnings)} if call.warnings else {}
        return replace(answer, headers={**told, **warned, **answer.headers})


Sandbox = ZendeskSandbox


def run(arguments: Sequence[str], write_hoist_yaml: Callable[[Path, ZendeskSandbox], None] | None = None) -> int:
    """`hoist sandbox zendesk`: serve one account until interrupted, and print one JSON line once it listens.

    It holds what a client signs in with, a `refresh_token`, and as `settings` what hoist.yaml needs beside that; see
    `connectors.sandboxes.program`.
    """
    return program.serve(arguments, _parser(), _made, _serving, _told, write_hoist_yaml)


def _serving(sandbox: ZendeskSandbox, options: argparse.Namespace) -> AbstractContextManager[Serving]:
    return sandbox.serve(options.port, tls=options.https)


def _told(sandbox: ZendeskSandbox) -> dict[str, object]:
    return {**sandbox.credentials(), "refresh_token": sandbox.granted()[1], "settings": sandbox.source_settings()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hoist sandbox zendesk", description="A stand-in of Zendesk on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; any free one by default")
    parser.add_argument("--https", action="store_true", help="speak https with a throw-away certificate instead of http")
    parser.add_argument("--tickets", type=int, default=TICKETS, help="how many made-up tickets are there at the start")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same tickets and faults")
    parser.add_argument("--history", type=Path, help="an event log, CSV or CSV.gz, to replay instead")
    parser.add_argument("--mapping", type=Path, help="says what the log's columns mean, YAML or JSON")
    parser.add_argument("--at", help="where in the log the clock starts (2012-05-07T06:00Z); all of it is past by default")
    parser.add_argument("--plan", default="enterprise", choices=[*PLANS, "none"], help="whose limits hold")
    parser.add_argument("--expires", type=int, default=ACCESS_SECONDS, help="seconds that an access token lives")
    parser.add_argument(
        "--variant", action="append", default=[], metavar="NAME", help=f"behave in another way: {', '.join(VARIANTS)}"
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE", help=f"what goes wrong how often: {', '.join(FAULTS)}"
    )
    return parser


def _made(options: argparse.Namespace) -> ZendeskSandbox:
    """The sandbox that the options describe. Raises ValueError."""
    clock, history = program.lived(options, AHEAD)
    terms = Terms(plan=PLANS.get(options.plan), variants=frozenset(options.variant))
    faults = dict(map(fault, options.fault))
    return ZendeskSandbox(
        clock=clock, history=history, seed=options.seed, faults=faults, terms=terms, expires_seconds=options.expires
    )


def main() -> int:
    """The sandbox as a program of its own."""
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
