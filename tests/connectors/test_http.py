"""The session of a source: what is tried again, what is not, what is said, and what is never said."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import requests
import responses
import urllib3

from connectors.errors import AskAdmin, Conflict, ConnectorError, GiveUp, Gone, OutcomeUnknown, TryLater
from connectors.http import Basic, Http, Limits, Refused, Surroundings
from connectors.sessions import Link

URL: Final = "https://desk.example.com"
DATE: Final = {"Date": "Mon, 23 Nov 2026 04:00:00 GMT"}
SECRET: Final = "s3cret-token"


class Waits:
    """Sleeping moves the clock and is remembered."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(sleep=self.sleep, monotonic=lambda: self.now, chance=lambda: 0.5)


def http(url: str = URL, waits: Waits | None = None, **more: Any) -> Http:
    more = dict[str, Any](words=lambda body: body.decode(), surroundings=(waits or Waits()).surroundings) | more
    return Http("desk", url, Basic("hoist@example.com", SECRET), **more)


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as made:
        yield made


def told(mock: responses.RequestsMock, status: int, body: str = "{}", **headers: str) -> None:
    mock.add(responses.GET, f"{URL}/x", body=body, status=status, headers={**DATE, "Content-Type": "application/json", **headers})


def test_every_answer_gives_the_servers_time(mock: responses.RequestsMock) -> None:
    """Time is the source's: each answer carries its Date header as an instant."""
    told(mock, 200)
    assert http().read("GET", "/x").server_time == 1_795_406_400_000


def test_an_answer_without_a_date_is_an_administrators_matter(mock: responses.RequestsMock) -> None:
    """A proxy that drops the Date header is named, since hoist measures all time by it."""
    mock.add(responses.GET, f"{URL}/x", body="{}", content_type="application/json")
    with pytest.raises(AskAdmin, match="Date header"):
        http().read("GET", "/x")


def test_reads_are_tried_again(mock: responses.RequestsMock) -> None:
    """A read survives a short outage; the waits grow and are never shorter than the platform asks for."""
    waits = Waits()
    told(mock, 503)
    told(mock, 429, **{"Retry-After": "7"})
    mock.add(responses.GET, f"{URL}/x", body=requests.exceptions.ReadTimeout())
    told(mock, 200, '{"a": 1}')
    assert http(waits=waits).read("GET", "/x").body == b'{"a": 1}'
    assert waits.slept == [2.0, 7.0, 8.0]


def test_attempts_end(mock: responses.RequestsMock) -> None:
    """A read that keeps failing is given back after four attempts, with a wait for the caller."""
    told(mock, 503)
    with pytest.raises(TryLater, match="503") as caught:
        http().read("GET", "/x")
    assert (len(mock.calls), caught.value.seconds) == (4, 30.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "90"}, 90.0),
        ({"Retry-After": "Mon, 23 Nov 2026 04:01:30 GMT"}, 90.0),
        ({"X-RateLimit-Reset": "2026-11-23T04:01:30Z"}, 90.0),
        ({"X-RateLimit-Reset": "2026-11-23T04:01Z"}, 60.0),
        ({"Retry-After": "Mon, 23 Nov 2026 03:00:00 GMT", "RateLimit-Reason": "jira-burst-based"}, 0.0),
    ],
)
def test_a_long_wait_is_handed_to_the_caller(mock: responses.RequestsMock, headers: dict[str, str], seconds: float) -> None:
    """No worker sleeps through a long wait: the caller learns the seconds, by whatever header they were named."""
    waits = Waits()
    told(mock, 429, **headers)
    with pytest.raises(TryLater) as caught:
        http(waits=waits).read("GET", "/x")
    assert caught.value.seconds == seconds
    assert waits.slept == [] if seconds else len(waits.slept) == 3


def test_a_write_is_sent_once(mock: responses.RequestsMock) -> None:
    """Whatever happens to a write, it is never sent a second time from here."""
    mock.add(responses.PUT, f"{URL}/x", status=503, body="{}", headers=DATE)
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        http().write("PUT", "/x", subject="1", body=b"{}")
    assert len(mock.calls) == 1


def refused_connection() -> Exception:
    pool = urllib3.HTTPSConnectionPool("desk.example.com")
    reason = urllib3.exceptions.NewConnectionError(pool, "refused")  # type: ignore[arg-type]
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/x", reason))


@pytest.mark.parametrize(
    ("body", "status", "headers", "error"),
    [
        (requests.exceptions.ConnectTimeout(), 0, {}, TryLater),
        (refused_connection(), 0, {}, TryLater),
        (requests.exceptions.ReadTimeout(), 0, {}, OutcomeUnknown),
        (requests.exceptions.ConnectionError("reset"), 0, {}, OutcomeUnknown),
        ("", 502, {}, OutcomeUnknown),
        ("", 408, {}, OutcomeUnknown),
        ("<html>", 200, {"Content-Type": "text/html"}, OutcomeUnknown),
        ("<html>", 404, {"Content-Type": "text/html"}, OutcomeUnknown),
        ("{}", 429, {"Retry-After": "60"}, TryLater),
        ("{}", 401, {}, AskAdmin),
        ("{}", 403, {}, GiveUp),
        ("{}", 404, {}, Gone),
        ("{}", 409, {}, Conflict),
        ("{}", 400, {}, Refused),
        ("{}", 413, {}, Refused),
        ("{}", 422, {}, Refused),
        ("", 302, {"Location": "https://login.example.com/?session=1"}, AskAdmin),
    ],
)
def test_what_a_failed_write_means(
    mock: responses.RequestsMock, body: Any, status: int, headers: dict[str, str], error: type[ConnectorError]
) -> None:
    """Each failure says whether anything can have taken effect: only then is a write looked for, or sent again."""
    kind = {"Content-Type": "application/json"}
    mock.add(responses.PUT, f"{URL}/x", body=body, status=status or 200, headers=kind | DATE | headers)
    with pytest.raises(error) as caught:
        http().write("PUT", "/x", subject="10001", body=b"{}")
    assert "desk:10001" in str(caught.value)
    assert len(mock.calls) == 1


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (401, "application/json", AskAdmin),
        (403, "application/json", AskAdmin),
        (404, "application/json", Gone),
        (404, "text/html", TryLater),
        (410, "application/json", AskAdmin),
        (400, "application/json", Refused),
        (200, "text/html", TryLater),
        (302, "text/html", AskAdmin),
    ],
)
def test_what_a_failed_read_means(mock: responses.RequestsMock, status: int, kind: str, error: type[ConnectorError]) -> None:
    """A ticket counts as gone only if the platform itself says so, never because of a proxy's page."""
    body = "<html>out for lunch</html>" if kind == "text/html" else '{"message": "no"}'
    mock.add(responses.GET, f"{URL}/x", body=body, status=status, content_type=kind, headers=DATE)
    with pytest.raises(error) as caught:
        http().read("GET", "/x", subject="10001")
    assert "lunch" not in str(caught.value)


def test_an_accepted_status_is_given_back(mock: responses.RequestsMock) -> None:
    """A caller that knows what a 404 means to it gets the answer."""
    told(mock, 404)
    assert http().read("GET", "/x", accept=frozenset({404})).status == 404


def test_a_dry_run_sends_no_write(mock: responses.RequestsMock) -> None:
    """In a dry run nothing that changes anything leaves hoist, and a POST is a read only where that is known."""
    dry = http(dry_run=True, reads_by_post=frozenset({"/search"}))
    mock.add(responses.POST, f"{URL}/search", body="{}", content_type="application/json", headers=DATE)
    with pytest.raises(GiveUp, match="dry run"):
        dry.write("PUT", "/x", subject="1", body=b"{}")
    with pytest.raises(ValueError, match="not known to be a read"):
        dry.read("POST", "/x", body=b"{}")
    assert dry.read("POST", "/search", body=b"{}").status == 200
    assert len(mock.calls) == 1


def test_a_request_that_is_prepared_once_carries_its_own_body(mock: responses.RequestsMock) -> None:
    """Reads that differ in their body alone share what was prepared, and nothing of one is left in another."""
    mock.add(responses.POST, f"{URL}/search", body="{}", content_type="application/json", headers=DATE)
    session = http(reads_by_post=frozenset({"/search"}))
    bodies = [b'{"token": null}', b'{"token": "second"}', '{"token": "dritte für ü"}'.encode()]
    for body in bodies:
        session.read("POST", "/search", body=body)
    session.read("POST", "/search", body=bodies[0], query={"page": "1"})
    sent = [call.request for call in mock.calls]
    assert [each.body for each in sent] == [*bodies, bodies[0]]
    assert [each.headers["Content-Length"] for each in sent] == [str(len(body)) for body in (*bodies, bodies[0])]
    assert {each.headers["Authorization"] for each in sent} == {sent[-1].headers["Authorization"]}
    assert {each.headers["Content-Type"] for each in sent} == {"application/json"}
    assert [each.url for each in sent] == [f"{URL}/search"] * 3 + [f"{URL}/search?page=1"]


def test_attempts_and_waits_are_the_same_whichever_try_fails_first(mock: responses.RequestsMock) -> None:
    """The first attempt counts among those that a read has, and is not made twice."""
    waits = Waits()
    told(mock, 503)
    with pytest.raises(TryLater):
        http(waits=waits, limits=Limits(attempts=3)).read("GET", "/x")
    assert len(mock.calls) == 3
    assert len(waits.slept) == 2


@pytest.mark.parametrize(
    "body",
    [
        requests.exceptions.ReadTimeout(request=requests.Request("PUT", URL, headers={"Authorization": SECRET})),
        requests.exceptions.ConnectionError(SECRET),
        f'{{"message": "bad credential {SECRET}"}}',
    ],
)
def test_the_credential_is_never_told(mock: responses.RequestsMock, caplog: pytest.LogCaptureFixture, body: Any) -> None:
    """No error, log line or repr ever holds the credential, not even where the platform repeats it."""
    caplog.set_level(logging.DEBUG)
    session = http()
    mock.add(responses.PUT, f"{URL}/x", body=body, status=400, content_type="application/json", headers=DATE)
    with pytest.raises(ConnectorError) as caught:
        session.write("PUT", "/x", subject="1", body=b"{}")
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "Authorization" in mock.calls[0].request.headers
    encoded = mock.calls[0].request.headers["Authorization"].removeprefix("Basic ")
    said = str(error) + repr(error.args) + repr(error.__dict__) + repr(session) + repr(Basic("a", SECRET)) + caplog.text
    assert SECRET not in said
    assert encoded not in said


def test_a_redirect_is_not_followed(mock: responses.RequestsMock) -> None:
    """The credential never travels to another host; the administrator learns which host it was, without its query."""
    told(mock, 302, Location="https://evil.example.net/?sid=1")
    with pytest.raises(AskAdmin, match=r"evil\.example\.net") as caught:
        http().read("GET", "/x")
    assert "sid" not in str(caught.value)
    assert len(mock.calls) == 1


def test_certificates_are_verified_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no default turns verification off; a file with the organisation's authority replaces the system's."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nowhere")
    assert http()._sessions.first.verify is True
    assert http()._sessions.first.trust_env is False
    assert http(link=Link(ca_file=Path("/etc/ours.pem")))._sessions.first.verify == "/etc/ours.pem"


def test_a_missing_file_of_certificates_is_named() -> None:
    """A path in hoist.yaml that leads nowhere is said to be that, and not a broken connection."""
    with pytest.raises(ConnectorError, match=r"there is no file /nowhere/ours\.pem; correct ca_file"):
        http("https://127.0.0.1:9", link=Link(ca_file=Path("/nowhere/ours.pem")), limits=Limits(attempts=1)).read("GET", "/x")


# --- what only a real socket shows -----------------------------------------------------------------------------------


@contextmanager
def raw_server(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on loopback that says what a test wants, byte by byte."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    connection.recv(65_536)
                    try:
                        speak(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


HEAD: Final = b"HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 04:00:00 GMT\r\nContent-Type: application/json\r\n"


def test_a_slow_drip_ends_at_the_deadline() -> None:
    """A server that sends a byte now and then can't hold a worker: the whole call has a deadline."""
    ticks, looked = iter(range(10_000)), threading.Event()

    def monotonic() -> float:
        looked.set()
        return next(ticks) / 100

    def drip(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        for _ in range(1_000):
            connection.sendall(b" ")
            looked.wait(5)  # the one before has arrived
            looked.clear()

    clock = Surroundings(sleep=lambda _: None, monotonic=monotonic)
    with raw_server(drip) as url, pytest.raises(TryLater, match="not complete"):
        http(url, surroundings=clock, limits=Limits(total_seconds=0.6, attempts=1)).read("GET", "/x")


def test_an_answer_without_end_is_cut() -> None:
    """A body past the size limit is not read to its end."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x" * 65_536)

    with raw_server(flood) as url, pytest.raises(OutcomeUnknown, match="larger than"):
        http(url, limits=Limits(largest_answer=200_000)).write("PUT", "/x", subject="1", body=b"{}")


def test_a_reset_after_the_request_left() -> None:
    """A connection that breaks after a write was sent leaves its outcome unknown."""
    with raw_server(lambda connection: connection.close()) as url, pytest.raises(OutcomeUnknown):
        http(url).write("PUT", "/x", subject="1", body=b"{}")


def test_a_body_that_ends_early() -> None:
    """An answer shorter than it says is no answer."""
    with (
        raw_server(lambda connection: connection.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"a":')) as url,
        pytest.raises(TryLater, match="broke"),
    ):
        http(url, limits=Limits(attempts=1)).read("GET", "/x")


def test_nothing_listens() -> None:
    """A refused connection means that nothing was written."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TryLater, match="nothing was changed"):
        http(f"http://127.0.0.1:{port}").write("PUT", "/x", subject="1", body=b"{}")
