"""A stateful stand-in of Jira Cloud on loopback: one site that lives through a history and answers as Jira does.

For tests, for the demo and for trying hoist without a helpdesk. It shares no code with hoist's own Jira client, so that a
misunderstanding on one side shows on the other. Its behaviour follows Atlassian's published contract (OpenAPI of June 2026) and
reference pages, named in `connectors/jira/site/`; what Atlassian leaves open it does in the least comfortable way.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import parse_qs, unquote
from zoneinfo import ZoneInfo

from connectors.jira.record import JiraRecord
from connectors.jira.site.about_calls import tenant_info
from connectors.jira.site.call import Call, Refused, answered
from connectors.jira.site.catalog import FIELDS, REQUEST_TYPE, TEAM, Value
from connectors.jira.site.faults import FAULTS
from connectors.jira.site.gateway import Door, Limits, token_of
from connectors.jira.site.routes import Handler, found, writes
from connectors.jira.site.state import Issue
from connectors.jira.site.tokens import SCOPES, Tokens, cloud_id
from connectors.jira.site.webhooks import patience
from connectors.jira.site.whole import Site
from connectors.sandboxes import program
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.dates import Dates
from connectors.sandboxes.deliveries import Deliveries
from connectors.sandboxes.event_log import load
from connectors.sandboxes.faults import Faults, fault
from connectors.sandboxes.history import History
from connectors.sandboxes.made_up import made_up
from connectors.sandboxes.record import Record
from connectors.sandboxes.sandbox import Secrets
from connectors.sandboxes.server import Serving, serving
from rules.instants import DAY, Instant

__all__ = ["Answer", "History", "JiraSandbox", "Serving", "load", "made_up", "main", "run"]

TICKETS: Final = 200
AHEAD: Final = 14 * DAY
"""How far made-up tickets go on living when the sandbox runs on its own."""


class JiraSandbox:
    """One site. `clock` gives its time in milliseconds; what lies at or before it has happened when a call is answered.

    `history` is replayed, made-up tickets by default. `seed` fixes ids, tokens and the occasions of faults. `faults` are rates
    between 0 and 1 by name; `connectors.jira.site.faults` says what each does. `lag` is how many milliseconds a search is behind.
    `time_zone` is that of every account's profile, in which text dates of JQL are read. `withheld` are permissions that the
    service account lacks, `scopes` those of its OAuth tokens. `comment_limit` is how many comments an issue takes. Raises
    ValueError for unknown faults.
    """

    SITE: ClassVar[type[Site]] = Site
    FAULTS: ClassVar[Mapping[str, str]] = FAULTS
    CONTEXT: ClassVar[str] = ""
    """The path below which all of the site is."""
    PLATFORM_NAME = "Jira"
    SOURCE = "jira-cloud"

    def __init__(
        self,
        *,
        clock: Callable[[], Instant],
        history: History | None = None,
        seed: int = 0,
        faults: Mapping[str, float] = MappingProxyType({}),
        lag: int = 0,
        time_zone: str = "Europe/Amsterdam",
        withheld: Collection[str] = (),
        comment_limit: int = 5_000,
        scopes: Collection[str] = SCOPES,
    ) -> None:
        self._faults = Faults(faults, seed, self.FAULTS)
        self._seed = seed
        self._lock = threading.Lock()
        self._site = self.SITE(
            history or made_up(TICKETS, seed, clock(), AHEAD),
            clock=clock,
            faults=self._faults,
            lag=lag,
            seed=seed,
            zone=ZoneInfo(time_zone),
            withheld=withheld,
            comment_limit=comment_limit,
        )
        self._door = Door(self._site.catalog, seed)
        self._limits = Limits(self._faults)
        self._tokens = Tokens(seed, scopes)
        self._site.webhooks.client_secret = self._tokens.client_secret
        self._dates = Dates()
        self._deliveries: Deliveries | None = None

    @property
    def url(self) -> str:
        """The site's address: that of the server once it listens."""
        return self._site.base

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[Serving]:
        """Answer on 127.0.0.1, on any free port for 0, until the block is left. Raises OSError for a port in use.

        Webhooks are delivered meanwhile.
        """
        deliveries = Deliveries(self._site.clock, self._patience)
        with serving(self.dispatch, port) as server:
            with self._lock:
                self._site.base = server.url + self.CONTEXT
                self._deliveries, self._site.webhooks.deliver = deliveries, deliveries.add
            deliveries.start()
            try:
                yield server
            finally:
                with self._lock:
                    self._deliveries = self._site.webhooks.deliver = None
                deliveries.stop()

    def _patience(self, status: int, retry_after: str, tried: int) -> float | None:
        return patience(status, retry_after, tried)

    def settle(self, timeout: float = 10) -> bool:
        """Wait until every webhook was told what it has to be told; False where that takes longer (seconds)."""
        return self._deliveries is None or self._deliveries.settle(timeout)

    def credentials(self, person: str = "") -> dict[str, str]:
        """What a client signs in with: `platform`, `url`, `username`, `token`; of the service account, or of a history's person.

        Raises KeyError for a handle that the history does not know.
        """
        catalog = self._site.catalog
        user = catalog.users[catalog.account(person)] if person else catalog.agent
        return {"platform": "jira", "url": self.url, "username": user.email, "token": token_of(user, self._seed)}

    def client(self) -> dict[str, str]:
        """What the same account signs in with by OAuth: `url` (the gateway's), `token_url`, `client_id`, `client_secret`."""
        given = {"client_id": self._tokens.client_id, "client_secret": self._tokens.client_secret}
        return {"url": f"{self.url}/ex/jira/{cloud_id(self.history.project)}", "token_url": f"{self.url}/oauth/token", **given}

    def told(self) -> dict[str, str]:
        """All that a client may sign in with."""
        client = self.client()
        return {**client, "gateway_url": client["url"], **self.credentials()}

    def granted(self) -> str:
        """A first refresh token, as after a person has said yes to an app."""
        with self._lock:
            return self._tokens.granted(self._site.clock())[1]

    def source_settings(self) -> dict[str, object]:
        """What hoist's configuration of this source needs beyond the credential."""
        history = self._site.history
        return {
            "projects": [history.project],
            "tier_field": {"kind": "select", "field": TEAM},
            "statuses": {role: list(names) for role, names in history.roles.items()},
        }

    def hoist_settings(self, secrets: Secrets) -> dict[str, object]:
        """All that hoist.yaml has to say of this source, while it listens. What is secret goes through `secrets`."""
        given = self.credentials()
        return {**given, "token": secrets("token", given["token"]), **self.source_settings()}

    def make_labels(self, names: Iterable[str]) -> None:
        """Nothing is to be done: Jira takes any label."""

    def record(self) -> Record:
        """Its own record of what its service account did, while it listens."""
        given, fields = self.credentials(), {TEAM: "team"}
        return JiraRecord(given["url"], given["username"], given["token"], self.history.project, fields)

    @property
    def priorities(self) -> Sequence[str]:
        """The names of its priorities, the most urgent first."""
        return self.history.priorities

    @property
    def history(self) -> History:
        """What is replayed."""
        return self._site.history

    def next_event(self, after: Instant) -> Instant | None:
        """The instant of the next replayed event later than this one."""
        return self._site.history.next_event(after)

    def issue_id(self, name: str) -> str:
        """The id of the issue that replays this one of the history. Raises KeyError before it was created."""
        with self._lock:
            self._site.catch_up()
            return str(self._site.names[name].id)

    def move(self, id_or_key: str, project: str) -> str:
        """Move an issue to another project (OPS is there), as the service account would; its new key. Raises KeyError."""
        with self._lock:
            now = self._site.catch_up()
            issue, into = self._site.issues.find(id_or_key), self._site.catalog.project(project)
            if issue is None or into is None:
                raise KeyError(id_or_key if issue is None else project)
            self._site.issues.move(issue, into, self._site.catalog.agent.id, now)
            return issue.key

    def ask(self, id_or_key: str, **facts: Value) -> None:
        """Set what its requester's portal and approvals would; `facts`: request_type, companies, people, approvals, as stored.

        None of it but the request type is told by the changelog. Raises KeyError.
        """
        with self._lock:
            now = self._site.catch_up()
            issue = self._site.issues.find(id_or_key)
            if issue is None:
                raise KeyError(id_or_key)
            fields = {each.id: facts[each.kind] for each in FIELDS.values() if each.kind in facts}
            if REQUEST_TYPE in fields:
                self._site.issues.commit(issue, {REQUEST_TYPE: fields.pop(REQUEST_TYPE)}, self._site.catalog.agent.id, now)
            issue.fields.update(fields)
            self._site.issues.touch(issue, now)

    def archive(self, id_or_key: str) -> None:
        """Archive an issue: no search finds it, nobody can write it, its address still shows it. Raises KeyError."""
        with self._lock:
            now, issue = self._site.catch_up(), self._site.issues.find(id_or_key)
            if issue is None:
                raise KeyError(id_or_key)
            issue.fields["archiveddate"] = now
            self._site.issues.reindex(issue, now)

    def demand(self, status: str, *fields: str) -> None:
        """From now on every transition to the status of this name wants these fields."""
        with self._lock:
            self._site.demanded[status] = fields

    def set_goal(self, place: int, milliseconds: int) -> None:
        """Give the SLA another goal for the priority at this place of the scheme: clocks move, and no `updated` does."""
        with self._lock:
            self._site.catalog.goals[place] = milliseconds

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one call: path and query as written in the request line, header names in any case."""
        with self._lock:
            now = self._site.catch_up()
            answer = self._answer(method, path, query, {name.lower(): value for name, value in headers.items()}, body, now)
            delay = self._limits.delay_seconds()
            return replace(answer, headers={"Date": self._dates.text(now), **answer.headers}, delay_seconds=delay)

    def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now: Instant) -> Answer:
        if instead := self._limits.before(now):
            return instead
        words = [unquote(word) for word in path.strip("/").split("/")]
        signed = headers.get("authorization", "")
        access = signed[7:] if signed[:7].lower() == "bearer " else ""
        if words[:2] == ["oauth", "token"]:
            return self._of_oauth(method, words[2:], access, body, now)
        caller = self._door.caller(signed)
        if words[:2] == ["ex", "jira"]:
            words, cloud = words[3:], words[2:3]
            if cloud != [cloud_id(self.history.project)]:
                return answered({"code": 404, "message": "No message available"}, 404)
            if words and (refusal := self._tokens.refusal(access, words, now, writes=writes(method, words))):
                return refusal
            caller = self._site.catalog.agent if access else caller
        version = {"2": 2, "3": 3, "latest": 2}.get(words[2] if len(words) > 3 else "", 0)
        call = Call(
            self._site,
            method,
            version or 3,
            caller,
            now,
            parse_qs(query) if query else {},
            body,
            self._site.render(version or 3, now),
            app=bool(access),
        )
        if words == ["_edge", "tenant_info"]:
            return tenant_info(call)
        if words[:2] == ["rest", "servicedeskapi"]:
            return self._routed(call, words[2:], headers, "servicedeskapi")
        api = "webhooks" if words[:3] == ["rest", "webhooks", "1.0"] else "api"
        if api == "api" and (words[:2] != ["rest", "api"] or not version):
            return answered({"message": f"null for uri: {path}", "status-code": 404}, 404)
        answer = self._routed(call, words[3:], headers, api)
        if headers.get("authorization") and caller is None:
            return replace(answer, headers={**answer.headers, "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
        return replace(answer, headers={**answer.headers, "X-AACCOUNTID": caller.id}) if caller else answer

    def _of_oauth(self, method: str, words: Sequence[str], access: str, body: bytes, now: Instant) -> Answer:
        if words == ["accessible-resources"]:
            return self._tokens.resources(access, self._site.base, cloud_id(self.history.project), now)
        return self._tokens.asked(method, body, now)

    def _routed(self, call: Call, words: Sequence[str], headers: Mapping[str, str], api: str) -> Answer:
        handlers, filled = self._handlers(words, api)
        handler = handlers.get(call.method)
        if handler is None:
            status = 405 if handlers else 404
            return answered(
                {"message": f"null for uri: /rest/api/{call.version}/{'/'.join(words)}", "status-code": status}, status
            )
        if call.body and call.method in {"POST", "PUT"} and "json" not in headers.get("content-type", ""):
            return answered({"message": "Unsupported Media Type", "status-code": 415}, 415)
        written = writes(call.method, words)
        issue = self._issue(words) if written else None
        if issue and (limited := self._limits.of_issue(issue.id, call.now)):
            return limited
        try:
            answer: Answer = handler(call, *filled)
        except Refused as refused:
            return refused.answer()
        return replace(answer, lost=True) if written and self._faults.strikes("lost-answer") else answer

    def _handlers(self, words: Sequence[str], api: str) -> tuple[dict[str, Handler], list[str]]:
        return found(words, api)

    def _issue(self, words: Sequence[str]) -> Issue | None:
        return self._site.issues.find(words[1]) if words[0] == "issue" and len(words) > 1 else None


Sandbox = JiraSandbox
EDITIONS: Final = ("cloud", "data-center")


def of_edition(name: str) -> type[JiraSandbox]:
    """The sandbox of one of the editions."""
    from connectors.jira.data_center_sandbox import DataCenterSandbox  # noqa: PLC0415 - it inherits from the class above

    return JiraSandbox if name == "cloud" else DataCenterSandbox


def run(arguments: Sequence[str], write_hoist_yaml: Callable[[Path, JiraSandbox], None] | None = None) -> int:
    """`hoist sandbox jira`: serve one site until interrupted, and print one JSON line once it listens.

    It holds what a client signs in with and, as `settings`, what hoist.yaml needs beside that; see
    `connectors.sandboxes.program`.
    """
    return program.serve(arguments, _parser(), _made, _serving, _told, write_hoist_yaml)


def _serving(sandbox: JiraSandbox, options: argparse.Namespace) -> AbstractContextManager[Serving]:
    return sandbox.serve(options.port)


def _told(sandbox: JiraSandbox) -> dict[str, object]:
    return {**sandbox.told(), "settings": sandbox.source_settings()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hoist sandbox jira", description="A stand-in of Jira on 127.0.0.1.")
    parser.add_argument("--edition", choices=EDITIONS, default="cloud", help="cloud unless set")
    parser.add_argument(
        "--off-screen", action="append", default=[], metavar="FIELD", help="of Data Center: a field that the edit screen lacks"
    )
    parser.add_argument("--requests-per-minute", type=int, default=0, help="of Data Center: its rate limit; none unless set")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; any free one by default")
    parser.add_argument("--tickets", type=int, default=TICKETS, help="how many made-up tickets are there at the start")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same tickets and faults")
    parser.add_argument("--history", type=Path, help="an event log, CSV or CSV.gz, to replay instead")
    parser.add_argument("--mapping", type=Path, help="says what the log's columns mean, YAML or JSON")
    parser.add_argument("--at", help="where in the log the clock starts (2012-05-07T06:00Z); all of it is past by default")
    parser.add_argument("--lag", type=int, default=0, help="milliseconds by which a search is behind")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE", help=f"what goes wrong how often: {', '.join(FAULTS)}"
    )
    return parser


def _made(options: argparse.Namespace) -> JiraSandbox:
    """The sandbox that the options describe. Raises ValueError."""
    clock, history = program.lived(options, AHEAD)
    given = {"clock": clock, "history": history, "seed": options.seed, "lag": options.lag}
    faults = dict(map(fault, options.fault))
    of_data_center = {"off_screen": options.off_screen, "requests_per_minute": options.requests_per_minute}
    more = {} if options.edition == "cloud" else of_data_center
    return of_edition(options.edition)(faults=faults, **more, **given)


def main() -> int:
    """The sandbox as a program of its own."""
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
