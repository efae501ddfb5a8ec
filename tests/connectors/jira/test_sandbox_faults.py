"""What the sandbox does wrong on purpose, and what stands before and around it: limits, outages, the server, the program."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import pytest

from connectors.jira.sandbox import JiraSandbox, run
from connectors.jira.site.faults import FAULTS, SLOW_SECONDS
from connectors.jira.site.gateway import Limits
from rules.instants import MINUTE, SECOND
from tests.connectors.jira.sandbox_caller import HANDED, START, TAKEN, Caller, Clock, desk

EDIT = {"fields": {"priority": {"id": "1"}}, "properties": [{"key": "hoist.state", "value": 1}]}


def faulty(clock: Clock | None = None, seed: int = 0, **faults: float) -> Caller:
    """A caller of a sandbox with these faults; underscores stand for hyphens."""
    named = {name.replace("_", "-"): rate for name, rate in faults.items()}
    return Caller(JiraSandbox(clock=clock or Clock(), history=desk(TAKEN, HANDED), seed=seed, faults=named))


def priority(call: Caller) -> str:
    """The priority of IT-2 as its changelog has it, read past all faults."""
    call.sandbox._faults.rates.clear()  # what took effect is asked of a site that has recovered
    name: str = call("GET", "issue/IT-2")["fields"]["priority"]["name"]
    return name


def test_too_many_requests_name_every_reason_and_when_to_come_back() -> None:
    """429 goes through burst, quota and per-issue reasons, each with Retry-After; a quota ends with the full hour."""
    clock = Clock(START + 10 * MINUTE)
    call = faulty(clock, too_many_requests=1)
    waits = {}
    for _ in range(4):
        assert call.status("GET", "myself") == 429
        waits[call.last.headers["RateLimit-Reason"]] = int(call.last.headers["Retry-After"])
    assert waits == {
        "jira-burst-based": 1,
        "jira-quota-tenant-based": 3_000,
        "jira-quota-global-based": 3_000,
        "jira-per-issue-on-write": 1,
    }


def test_the_gateways_429_has_no_retry_after() -> None:
    """The gateway's own limit names the end in X-RateLimit-Reset alone."""
    call = faulty(too_many_requests_without_retry_after=1)
    assert call.status("GET", "myself") == 429
    assert "Retry-After" not in call.last.headers
    assert call.last.headers["X-RateLimit-Reset"] == "2026-11-23T08:00:02Z"


def test_maintenance_is_html() -> None:
    """An outage answers with a page, not JSON; every other time it says when to come back."""
    call = faulty(html_503=1)
    seen = [
        (call.status("GET", "myself"), call.last.headers["Content-Type"][:9], "Retry-After" in call.last.headers) for _ in "ab"
    ]
    assert seen == [(503, "text/html", True), (503, "text/html", False)]
    assert call.last.body.startswith(b"<!DOCTYPE html>")


def test_a_lost_answer_took_effect() -> None:
    """A write whose answer is lost is there; reads are not lost."""
    call = faulty(lost_answer=1)
    assert call("GET", "issue/IT-2")["key"] == "IT-2"
    call("PUT", "issue/IT-2", EDIT)
    assert call.last.lost
    assert priority(call) == "Highest"


def test_a_call_that_was_refused_before_took_no_effect() -> None:
    """A connection that closes before the site saw the call changes nothing."""
    call = faulty(refused_before=1)
    call("PUT", "issue/IT-2", EDIT)
    assert call.last.lost
    assert priority(call) == "Medium"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "issue/IT-2", EDIT),
        ("PUT", "issue/IT-2/assignee", {"accountId": None}),
        ("POST", "issue/IT-2/transitions", {"transition": {"id": "41"}}),
    ],
)
def test_a_conflict_refuses_writes_alone(method: str, path: str, body: dict[str, Any]) -> None:
    """Edits, assignments and transitions can be refused as conflicting, and then nothing took effect."""
    call = faulty(conflict_409=1)
    assert call.status(method, path, body) == 409
    assert call("GET", "issue/IT-2/changelog")["total"] == 0


def test_a_repeated_token_leads_to_the_same_page() -> None:
    """The fault gives a token again that the client has sent, for ever."""
    call = faulty(repeated_token=1)
    first = call.search("project = IT", maxResults=1)["nextPageToken"]
    pages = [call.search("project = IT", maxResults=1, nextPageToken=first) for _ in "ab"]
    assert [each["nextPageToken"] for each in pages] == [first, first]


def test_a_token_can_be_refused() -> None:
    """The fault refuses the site's own token."""
    call = faulty(expired_token=1)
    token = call.search("project = IT", maxResults=1)["nextPageToken"]
    assert call.status("POST", "search/jql", {"jql": "project = IT", "nextPageToken": token}) == 400


def test_a_stale_search_is_a_minute_behind() -> None:
    """The fault answers a search from the past, while a read by id is fresh."""
    clock = Clock()
    call = faulty(clock, stale_search=1)
    call("PUT", "issue/IT-2", EDIT)
    assert call.keys("priority = Highest") == []
    assert call("GET", "issue/IT-2")["fields"]["priority"]["name"] == "Highest"
    clock.pass_(MINUTE)
    assert call.keys("priority = Highest") == ["IT-2"]


def test_properties_can_be_dropped_from_an_edit() -> None:
    """The fault lets fields through and loses the properties of the same request."""
    call = faulty(property_dropped=1)
    assert call.status("PUT", "issue/IT-2", EDIT) == 204
    assert call.status("GET", "issue/IT-2/properties/hoist.state") == 404
    assert priority(call) == "Highest"


def test_slow_answers_and_refused_credentials_can_be_had() -> None:
    """The other faults: an answer that leaves late, and a 401 in the gateway's words."""
    slow = faulty(slow=1)
    assert (slow.status("GET", "myself"), slow.last.delay_seconds) == (200, SLOW_SECONDS)
    assert faulty(unauthorized_401=1)("GET", "myself") == {"code": 401, "message": "Unauthorized"}


def test_an_issue_takes_twenty_writes_in_two_seconds() -> None:
    """The per-issue limit refuses the 21st write within two seconds, leaves other issues alone, and forgets."""
    clock = Clock()
    call = faulty(clock, per_issue_write_limit=1)
    statuses = [call.status("PUT", "issue/IT-2", {"fields": {"summary": f"Number {number}"}}) for number in range(21)]
    assert statuses == [204] * 20 + [429]
    assert call.status("PUT", "issue/IT-3", EDIT) == 204
    clock.pass_(2 * SECOND)
    assert call.status("PUT", "issue/IT-2", EDIT) == 204


def test_faults_come_at_the_same_calls_for_the_same_seed() -> None:
    """A seed fixes when faults strike, another seed moves them, and the rate is kept on average."""
    runs = []
    for seed in (1, 1, 2):
        call = faulty(seed=seed, html_503=0.3)
        runs.append([call.status("GET", "myself") for _ in range(200)])
    assert runs[0] == runs[1] != runs[2]
    assert 30 < runs[0].count(503) < 90


@pytest.mark.parametrize("faults", [{"gremlins": 0.5}, {"slow": 1.5}])
def test_unknown_faults_are_refused(faults: dict[str, float]) -> None:
    """A fault that does not exist, or a rate that is none, is named when the sandbox is made."""
    with pytest.raises(ValueError, match="fault"):
        JiraSandbox(clock=Clock(), history=desk(), faults=faults)
    assert all(FAULTS.values())


# --- over the wire -------------------------------------------------------------------------------------------------


@pytest.fixture
def sandbox() -> JiraSandbox:
    return JiraSandbox(clock=Clock(), history=desk(), faults={"lost-answer": 1})


@pytest.fixture
def address(sandbox: JiraSandbox) -> Iterator[tuple[str, int]]:
    with sandbox.serve() as server:
        parts = urlsplit(server.url)
        yield str(parts.hostname), int(parts.port or 0)


def signed(known: dict[str, str]) -> dict[str, str]:
    """The headers of a client with this credential."""
    basic = base64.b64encode(f"{known['username']}:{known['token']}".encode()).decode()
    return {"Content-Type": "application/json", "Authorization": f"Basic {basic}"}


def test_a_connection_serves_many_calls(address: tuple[str, int]) -> None:
    """One connection carries call after call, with bodies and without."""
    connection = HTTPConnection(*address)
    for _ in range(3):
        connection.request("GET", "/rest/api/3/serverInfo")
        assert json.loads(connection.getresponse().read())["deploymentType"] == "Cloud"
        connection.request("POST", "/rest/api/3/search/jql", b"{", {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (400, True)
    connection.close()


def test_a_lost_answer_closes_the_connection(address: tuple[str, int], sandbox: JiraSandbox) -> None:
    """Over the wire a lost answer is a connection that closes without a byte, after the write took effect."""
    connection = HTTPConnection(*address)
    connection.request("PUT", "/rest/api/3/issue/IT-2", json.dumps(EDIT).encode(), signed(sandbox.credentials()))
    with pytest.raises(RemoteDisconnected):
        connection.getresponse()
    connection.close()
    assert priority(Caller(sandbox)) == "Highest"


def test_the_server_stops_cleanly(address: tuple[str, int]) -> None:
    """When serving ends, the port is free and kept connections are closed."""
    sandbox = JiraSandbox(clock=Clock(), history=desk())
    with sandbox.serve() as server:
        port = int(urlsplit(server.url).port or 0)
        kept = socket.create_connection(("127.0.0.1", port))
        kept.sendall(b"GET /rest/api/3/serverInfo HTTP/1.1\r\n\r\n")
        assert kept.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    assert kept.recv(1) == b""
    kept.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_nonsense_is_answered_and_the_connection_closed(address: tuple[str, int], sent: bytes) -> None:
    """What is no HTTP gets a 400 and no more."""
    with socket.create_connection(address) as raw:
        raw.sendall(sent)
        answer = b""
        while chunk := raw.recv(4_096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 400")


def test_the_program_prints_its_credential_once_it_listens() -> None:
    """The sandbox on its own prints one JSON line, answers to that credential, and stops when told to."""
    command = [sys.executable, "-m", "connectors.jira.sandbox", "--tickets", "20", "--seed", "1", "--fault", "conflict-409=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as program:
        assert program.stdout is not None
        known = json.loads(program.stdout.readline())
        settings = known.pop("settings")
        parts = urlsplit(known["url"])
        connection = HTTPConnection(str(parts.hostname), parts.port)
        body = json.dumps({"jql": "project = IT"}).encode()
        connection.request("POST", "/rest/api/3/search/approximate-count", body, signed(known))
        answer = connection.getresponse().read()
        connection.close()
        program.send_signal(signal.SIGTERM)  # before anything is asserted, or a failure would wait for the program for ever
        assert program.wait(timeout=20) == 0
    of_app = {"client_id", "client_secret", "token_url", "gateway_url"}
    assert set(known) == {"platform", "url", "username", "token", *of_app}
    assert settings["projects"] == ["IT"]
    assert json.loads(answer) == {"count": 20}


@pytest.mark.parametrize(
    "arguments", [["--fault", "slow"], ["--fault", "gremlins=1"], ["--at", "2012-05-07T06:00Z"], ["--history", "no"]]
)
def test_wrong_use_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong options end the program with code 2 and a sentence."""
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_limits_leave_a_sound_site_alone() -> None:
    """Without faults nothing stands between a call and the site."""
    limits: Limits = faulty().sandbox._limits  # the door itself, since no call shows it
    assert limits.before(START) is None
    assert limits.of_issue(1, START) is None
