"""What the sandbox does wrong on purpose, and what stands before and around it: limits, sessions, outages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from connectors.sandboxes.answer import Answer
from connectors.servicenow.sandbox import ServiceNowSandbox, run
from connectors.servicenow.site.gateway import QUEUE, SEMAPHORES, SESSION_QUEUE, Lanes
from rules.instants import SECOND
from tests.connectors.sandbox_desk import HANDED, TAKEN, Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller


def faulty(seed: int = 0, **faults: float) -> Caller:
    """A caller of a sandbox with these faults; underscores stand for hyphens."""
    named = {name.replace("_", "-"): rate for name, rate in faults.items()}
    return Caller(ServiceNowSandbox(clock=Clock(), history=desk(TAKEN, HANDED), seed=seed, faults=named))


def recovered(call: Caller) -> Caller:
    """The same caller, of a site in which nothing goes wrong any more."""
    call.sandbox._faults.rates.clear()
    return call


def test_a_rate_rule_says_when_to_come_back() -> None:
    """429 of a rate rule carries Retry-After, the limit, its end and its rule."""
    call = faulty(too_many_requests=1)
    assert call("GET", "table/incident")["error"]["detail"] == "Rate limit of 1000 requests per hour for Table API exceeded"
    assert call.last.status == 429
    told = call.last.headers
    assert (told["Retry-After"], told["X-RateLimit-Limit"], len(told["X-RateLimit-Rule"])) == ("3600", "1000", 32)
    assert int(told["X-RateLimit-Reset"]) * SECOND == call.sandbox._site.catch_up() + 3_600 * SECOND


def test_a_full_semaphore_queue_says_nothing() -> None:
    """429 of the queue has no header that helps."""
    call = faulty(too_many_requests_without_retry_after=1)
    call("GET", "table/incident")
    assert call.last.status == 429
    assert not {"Retry-After", "X-RateLimit-Reset"} & call.last.headers.keys()


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("html-200", 200, b"Log in | ServiceNow"),
        ("hibernating", 200, b"Your instance is hibernating"),
        ("html-503", 503, b"being upgraded"),
    ],
)
def test_pages_stand_where_json_was_asked_for(fault: str, status: int, words: bytes) -> None:
    """Login, hibernation and maintenance answer HTML, the first two with status 200."""
    call = faulty(**{fault: 1})
    assert call("GET", "table/incident") is None
    assert (call.last.status, call.last.headers["Content-Type"][:9]) == (status, "text/html")
    assert words in call.last.body


@pytest.mark.parametrize(
    ("fault", "status", "lost", "took_effect"),
    [
        ("accepted-202", 202, False, False),
        ("refused-before", 0, True, False),
        ("cancelled-500", 500, False, False),
        ("failed-500-after", 500, False, True),
        ("lost-answer", 200, True, True),
        ("unauthorized-401", 401, False, False),
    ],
)
def test_a_write_took_effect_or_not(fault: str, status: int, lost: bool, took_effect: bool) -> None:
    """Each way of not hearing of a write's success either had its effect or had none."""
    call = faulty(**{fault: 1})
    two = call.sandbox.issue_id("T2")
    call("PATCH", f"table/incident/{two}", {"urgency": "1"})
    assert (call.last.status, call.last.lost) == (status, lost)
    assert (recovered(call).incident(two)["urgency"] == "1") is took_effect


def test_a_list_that_is_cut_short_ends_in_an_error() -> None:
    """200, and a body that does not parse but names the cancelled transaction."""
    call = faulty(truncated_200=1)
    assert call("GET", "table/incident") is None
    assert call.last.status == 200
    assert b"Transaction cancelled: maximum execution time exceeded" in call.last.body


def test_a_token_expires_early() -> None:
    """A token that is refused is no longer good; a new one is."""
    call = faulty(expired_token=1)
    token = signed_in(call)
    call.headers = {"Authorization": f"Bearer {token}"}
    call("GET", "table/incident")
    assert call.last.status == 401
    recovered(call)("GET", "table/incident")
    assert call.last.status == 401
    call.headers = {"Authorization": f"Bearer {signed_in(call)}"}
    assert len(call("GET", "table/incident")["result"]) == 3


def signed_in(call: Caller) -> str:
    """An access token of the service account."""
    known = call.sandbox.credentials()
    form = f"grant_type=client_credentials&client_id={known['client_id']}&client_secret={known['client_secret']}"
    answer = call.sandbox.dispatch("POST", "/oauth_token.do", "", {}, form.encode())
    return str(json.loads(answer.body)["access_token"])


def test_commits_of_others_are_late_at_times() -> None:
    """The fault delayed-commit holds back what people save, never what the service account saves."""
    call = faulty(delayed_commit=1)
    two = call.sandbox.issue_id("T2")
    Caller(call.sandbox, "anna").patch(two, urgency="1")
    assert call.incident(two)["urgency"] == "2"
    call.patch(two, impact="1")
    assert call.incident(two)["urgency"] == "1"


def test_the_same_seed_strikes_the_same_calls() -> None:
    """Faults come on the same occasions for the same seed, on others for another."""

    def struck(seed: int) -> list[int]:
        call = faulty(seed, html_503=0.5)
        calls = [(call("GET", "table/incident", sysparm_limit=1), call.last.status) for _ in range(20)]
        return [status for _, status in calls]

    assert struck(1) == struck(1) != struck(2)
    assert set(struck(1)) == {200, 503}


def test_a_fault_that_does_not_exist_is_refused() -> None:
    """A misspelt fault is told with all there are."""
    with pytest.raises(ValueError, match=r"there is no fault sloow; faults are .*slow"):
        faulty(sloow=1)


# --- sessions --------------------------------------------------------------------------------------------------------


def test_a_session_is_begun_by_its_cookies() -> None:
    """The first answer sets the cookies of session and node; who sends them gets no new ones."""
    call = faulty()
    call("GET", "table/incident")
    names = {cookie.partition("=")[0] for cookie in call.last.cookies}
    assert {"JSESSIONID", "glide_user_route", "glide_session_store"} < names
    session = next(cookie for cookie in call.last.cookies if cookie.startswith("JSESSIONID"))
    known = call.sandbox.api_key
    call.headers = {"x-sn-apikey": known, "Cookie": session.partition(";")[0]}
    call("GET", "table/incident")
    assert (call.last.status, call.last.cookies) == (200, ())


class Held(ServiceNowSandbox):
    """Calls wait inside until they are let go."""

    def hold(self) -> None:
        self.let_go = threading.Event()
        self.inside = threading.Semaphore(0)

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        self.inside.release()
        assert self.let_go.wait(20)
        return answer


@contextmanager
def held() -> Iterator[tuple[Held, Lanes]]:
    sandbox = Held(clock=Clock(), history=desk())
    sandbox.hold()
    lanes = Lanes()
    yield sandbox, lanes
    sandbox.let_go.set()


def crowd(sandbox: Held, lanes: Lanes, number: int, cookie: str) -> tuple[list[threading.Thread], list[int]]:
    """So many calls at once, each in a thread; `statuses` fills as they are answered."""
    statuses: list[int] = []
    headers = {"x-sn-apikey": sandbox.api_key, **({"cookie": cookie} if cookie else {})}

    def ask() -> None:
        statuses.append(sandbox._in_turn(lanes, "GET", "/api/now/table/incident", "sysparm_limit=1", headers, b"").status)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads, statuses


def settled(lanes: Lanes, statuses: list[int], waiting: int, answered: int) -> None:
    """Wait until so many wait and so many were answered."""
    for _ in range(20_000):
        with lanes._changed:
            if lanes._waiting.total() == waiting and len(statuses) == answered:
                return
        threading.Event().wait(0.001)
    pytest.fail(f"{lanes._waiting.total()} wait, {len(statuses)} were answered")


def test_a_session_serves_one_call_at_a_time_and_drops_what_it_can_not_queue() -> None:
    """Of many calls in one session one runs, ten wait, the others are answered 202 at once; all that waited are served."""
    with held() as (sandbox, lanes):
        threads, statuses = crowd(sandbox, lanes, 1 + SESSION_QUEUE + 3, "JSESSIONID=ABC")
        settled(lanes, statuses, waiting=SESSION_QUEUE, answered=3)
        assert statuses == [202] * 3
        sandbox.let_go.set()
        for thread in threads:
            thread.join(20)
        assert sorted(statuses) == [200] * (1 + SESSION_QUEUE) + [202] * 3


def test_a_node_serves_four_calls_at_once_and_queues_fifty() -> None:
    """Calls of many sessions share four semaphores; past the queue they get 429 without a header."""
    with held() as (sandbox, lanes):
        threads, statuses = crowd(sandbox, lanes, SEMAPHORES + QUEUE + 2, "")
        settled(lanes, statuses, waiting=QUEUE, answered=2)
        assert statuses == [429, 429]
        sandbox.let_go.set()
        for thread in threads:
            thread.join(20)
        assert sorted(statuses) == [200] * (SEMAPHORES + QUEUE) + [429] * 2


# --- the server ------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked() -> Iterator[Any]:
    """Asks a served sandbox with one connection; gives status, headers and body."""
    sandbox = ServiceNowSandbox(clock=Clock(), history=desk())
    with sandbox.serve() as server:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)

        def ask(method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
            connection.request(method, path, body, {"x-sn-apikey": sandbox.api_key, **headers})
            answer = connection.getresponse()
            answer.read()
            return answer

        yield ask
        connection.close()


def test_several_calls_share_a_connection(asked: Any) -> None:
    """The server keeps connections, and sets each cookie in a line of its own."""
    first = asked("GET", "/api/now/table/incident?sysparm_limit=1")
    assert first.status == 200
    assert len(first.msg.get_all("Set-Cookie")) == 4
    assert asked("DELETE", "/api/now/table/incident/none").status == 404


def test_a_client_can_not_name_its_own_certificate(asked: Any) -> None:
    """The header by which the server tells of a certificate is taken off what a client sends."""
    assert asked("GET", "/api/now/table/incident", **{"x-sn-apikey": "wrong", "X-Certified-User": "admin"}).status == 401


def test_a_lost_answer_closes_the_connection() -> None:
    """Over HTTP a lost answer is a connection that ends."""
    sandbox = ServiceNowSandbox(clock=Clock(), history=desk(), faults={"refused-before": 1})
    with sandbox.serve() as server:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        connection.request("GET", "/api/now/table/incident")
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()
        connection.close()


def test_a_certificate_stands_for_the_service_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutual TLS: who shows the sandbox's client certificate needs no other credential; without it there is none."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    sandbox = ServiceNowSandbox(clock=Clock(), history=desk())
    with sandbox.serve(tls=True) as server:
        trusted = sandbox.credentials()["ca_file"]
        address = f"{server.url}/api/now/table/incident?sysparm_limit=1"
        assert requests.get(address, verify=trusted, timeout=10).status_code == 401
        assert requests.get(address, verify=trusted, cert=sandbox.client_file, timeout=10).status_code == 200


# --- the program -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("http", [False, True])
def test_the_program_prints_its_credential_once_it_listens(monkeypatch: pytest.MonkeyPatch, http: bool) -> None:
    """The sandbox on its own prints one JSON line, answers to that credential over https or http, and stops when told to."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    command = [sys.executable, "-m", "connectors.servicenow.sandbox", "--tickets", "20", "--instance", "mine"]
    command += ["--http"] if http else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as program:
        assert program.stdout is not None
        known = json.loads(program.stdout.readline())
        settings = known.pop("settings")
        address = f"{known['url']}/api/now/table/incident?sysparm_limit=1"
        signed = (known["username"], known["password"])
        answer = requests.get(address, auth=signed, verify=known.get("ca_file", True), timeout=20)
        program.send_signal(signal.SIGTERM)  # before anything is asserted, or a failure would wait for the program for ever
        assert program.wait(timeout=20) == 0
    given = {"platform", "url", "username", "password", "client_id", "client_secret"}
    assert set(known) == given | (set() if http else {"ca_file"})
    assert settings == {"instance": "mine"}
    assert answer.headers["X-Total-Count"] == "20"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "slow"],
        ["--fault", "gremlins=1"],
        ["--at", "2012-05-07T06:00Z"],
        ["--history", "no"],
        ["--variant", "odd"],
        ["--hidden", "incident"],
        ["--abort", "incidents:priority=1"],
        ["--jwt-key", "no.pem"],
    ],
)
def test_wrong_use_is_said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong options end the program with code 2 and a sentence."""
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
