"""The door itself: real connections on loopback, among them slow, huge, broken and hostile ones."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.clock import SteppedClock
from agent.errors import ConfigError
from agent.hooks import serving, site
from agent.hooks.opening import listening
from agent.hooks.serving import MOST_HEAD, Serving
from agent.hooks.settings import HooksSettings
from agent.hooks.site import Rate, Site
from agent.store.database import open_database
from connectors.sandboxes import certificates
from connectors.zendesk.webhook import Webhook
from rules.instants import SECOND
from tests.agent.hooks.calls import NOW, Desk, event, signed

LONG = 30
"""Seconds after which something never comes."""


@dataclass
class Open:
    """A site that listens, and what stands behind it."""

    desk: Desk
    url: str
    port: int

    def post(self, body: bytes = b"", headers: dict[str, str] | None = None, path: str = "/hooks/zen") -> requests.Response:
        return requests.post(self.url + path, body, headers=signed(body) if headers is None else headers, timeout=LONG)

    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), LONG)

    def counted(self) -> dict[tuple[str, str], int]:
        return {(source, outcome.value): n for (source, outcome), n in self.desk.intake.tally.all().items()}


@contextmanager
def opened(folder: Path, given_: HooksSettings | None = None, **more: Any) -> Iterator[Open]:
    given_ = given_ or HooksSettings(port=0)
    with closing(open_database(folder / "hoist.db")) as database:
        desk = Desk(database)
        told = {"troubles": list, "metrics": lambda: b"# metrics", **more}
        made = Site(desk.intake, desk.clock, path_prefix=given_.path_prefix, **told)
        listener = listening(given_)
        port = listener.getsockname()[1]
        served = Serving(made, given_, listener)
        served.start()
        try:
            yield Open(desk, served.url, port)
        finally:
            served.stop()


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path) as made:
        yield made


def ended(connection: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    found = b""
    try:
        while part := connection.recv(4_096):
            found += part
    except ConnectionError:
        pass
    return found


def takes(connection: socket.socket, part: bytes, times: int) -> bool:
    """Whether the other side lets something be sent so often."""
    try:
        for _ in range(times):
            connection.sendall(part)
    except ConnectionError:
        return False
    return True


def test_a_call_is_on_disk_when_it_is_answered(it: Open) -> None:
    """After the answer the ticket is in the store, and a repeat is answered as kindly."""
    assert it.post(event()).status_code == 204
    assert [hint.ticket for hint in it.desk.waiting()] == ["42"]
    assert it.post(event()).status_code == 204
    assert it.counted() == {("zen", "accepted"): 1, ("zen", "duplicate"): 1}


def test_many_calls_at_once_are_all_kept(it: Open) -> None:
    """Calls that come together are kept together, each with an answer of its own."""
    statuses: list[int] = []

    def call(number: int) -> None:
        body = event(number, number)
        statuses.append(it.post(body, signed(body, f"i{number}")).status_code)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(1, 41)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [204] * 40
    assert len(it.desk.waiting()) == 40


def test_each_refusal_has_its_answer_and_its_count(it: Open) -> None:
    """A stranger learns that they are refused and nothing else; the operator learns why."""
    body = event()
    assert it.post(body, {}).status_code == 401
    assert it.post(body, signed(body, secret="a guess")).status_code == 401
    assert it.post(body, signed(body, at=NOW - 600 * SECOND)).status_code == 401
    assert it.post(b"{}").status_code == 400
    assert it.post(b"x" * (Webhook.largest + 1)).status_code == 413
    assert it.post(body, path="/hooks/other").status_code == 404
    assert requests.get(f"{it.url}/hooks/zen", timeout=LONG).status_code == 405
    answer = it.post(body, signed(body, secret="a guess"))
    assert answer.content == b""
    assert not {"server", "x-powered-by"} & {name.lower() for name in answer.headers}
    reasons = ("unsigned", "stale", "no_ticket", "too_large", "wrong_method")
    assert it.counted() == {("zen", each): 1 for each in reasons} | {("zen", "bad_signature"): 2, ("", "unknown_source"): 1}
    assert it.desk.waiting() == []


def test_nothing_else_is_served(it: Open) -> None:
    """Health and metrics are told, and no other path leads anywhere."""
    assert requests.get(f"{it.url}/healthz", timeout=LONG).json() == {"healthy": True, "troubles": []}
    assert requests.get(f"{it.url}/metrics", timeout=LONG).content == b"# metrics"
    for path in ("/", "/hooks", "/hooks/", "/hooks/zen/more", "/docs", "/openapi.json", "/../hoist.db"):
        assert it.post(event(), path=path).status_code in {404, 405}
    assert it.desk.waiting() == []


def test_what_stands_still_is_no_health(tmp_path: Path) -> None:
    """A stage that gets no further makes the health check fail, with its sentence."""
    with opened(tmp_path, troubles=lambda: ["zen: reading has got no further for 11 minutes"]) as it:
        answer = requests.get(f"{it.url}/healthz", timeout=LONG)
    assert answer.status_code == 503
    assert "reading" in answer.json()["troubles"][0]


def test_it_runs_behind_a_path_prefix(tmp_path: Path) -> None:
    """A proxy that leaves its own prefix in the path is no trouble, and without the prefix nothing is there."""
    with opened(tmp_path, HooksSettings(port=0, path_prefix="/it/hoist")) as it:
        assert it.url.endswith("/it/hoist")
        assert it.post(event()).status_code == 204
        bare = it.url.removesuffix("/it/hoist")
        assert requests.post(f"{bare}/hooks/zen", event(), headers=signed(event()), timeout=LONG).status_code == 404


def test_it_speaks_tls_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    """Without a proxy the calls are private all the same."""
    made, pair = certificates.made(tmp_path, "hoist"), tmp_path / "server.pem"
    with opened(tmp_path, HooksSettings(port=0, certificate=pair, key=pair)) as it:
        answer = requests.post(f"{it.url}/hooks/zen", event(), headers=signed(event()), timeout=LONG, verify=str(made.ca_file))
        assert answer.status_code == 204


HEAD = b"POST /hooks/zen HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n"


@pytest.mark.parametrize("sent", [b"", b"POST /hooks/z", HEAD])
def test_who_is_slow_to_say_what_they_want_is_cut_off(tmp_path: Path, sent: bytes) -> None:
    """A connection that never finishes its head is ended, and counted."""
    with opened(tmp_path, patience=0.05) as it, it.connection() as connection:
        connection.sendall(sent)
        assert ended(connection) == b""
        assert it.counted() == {("", "too_slow"): 1}


def test_who_is_slow_with_the_body_is_answered_and_cut_off(tmp_path: Path) -> None:
    """A body that does not come is waited for no longer than a while."""
    with opened(tmp_path, patience=0.05) as it, it.connection() as connection:
        connection.sendall(HEAD + b"\r\nhalf")
        assert ended(connection).startswith(b"HTTP/1.1 408")
        assert it.counted() == {("zen", "too_slow"): 1}


def test_a_slow_head_after_a_quick_call_is_cut_off_too(tmp_path: Path) -> None:
    """A connection that has made one good call may not dawdle over the next."""
    with opened(tmp_path, patience=0.3) as it, it.connection() as connection:
        body = event()
        told = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
        connection.sendall(f"POST /hooks/zen HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{told}\r\n".encode() + body)
        assert b"204" in connection.recv(4_096)
        connection.sendall(b"POST /hooks")
        assert ended(connection) == b""
        assert it.counted() == {("zen", "accepted"): 1, ("", "too_slow"): 1}


def test_a_sender_that_goes_away_leaves_nothing(it: Open) -> None:
    """A connection that breaks within the body is counted, and nothing of it is kept."""
    with it.connection() as connection:
        connection.sendall(HEAD + b"\r\nhalf")
        connection.shutdown(socket.SHUT_RDWR)
        ended(connection)
    assert it.post(event()).status_code == 204  # what came before it was seen to its end
    assert it.counted().get(("zen", "cut_off"), 0) + it.counted().get(("zen", "too_slow"), 0) <= 1
    assert len(it.desk.waiting()) == 1


def test_an_endless_head_is_cut_off(it: Open) -> None:
    """Nobody fills the memory with headers."""
    with it.connection() as connection:
        connection.sendall(b"POST /hooks/zen HTTP/1.1\r\n")
        assert not takes(connection, b"X-More: " + b"y" * 1_000 + b"\r\n", MOST_HEAD)
    assert it.counted() == {("", "malformed"): 1}


def test_a_body_that_lies_about_its_size_is_not_read_on(it: Open) -> None:
    """A chunked body without end is cut at the platform's largest."""
    with it.connection() as connection:
        connection.sendall(b"POST /hooks/zen HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert not takes(connection, b"10000\r\n" + b"x" * 0x10000 + b"\r\n", 1_000)
    assert it.counted() == {("zen", "too_large"): 1}


def test_bodies_under_way_take_no_more_than_their_share_of_memory(it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """While many large bodies are on their way one more is asked to come again; once they are through it is taken."""
    monkeypatch.setattr(site, "MOST_HELD", 1_000)
    long = b"POST /hooks/zen HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"
    with it.connection() as connection:
        connection.sendall(long + b"x" * 2_000)
        assert ended(connection).startswith(b"HTTP/1.1 429")
    assert it.post(event()).status_code == 204
    assert it.counted() == {("zen", "too_many"): 1, ("zen", "accepted"): 1}


def test_too_many_connections_are_cut(it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connect, no more are kept open than there is room for."""
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)
    with it.connection() as first, it.connection() as second:
        assert ended(second) == b""
        first.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert first.recv(4_096).startswith(b"HTTP/1.1 200")
    assert it.counted() == {("", "too_many"): 1}


def test_too_many_calls_are_asked_to_come_again(tmp_path: Path) -> None:
    """Beyond the calls of a second the answer is 429 with a short wait, after which every platform delivers again."""
    with opened(tmp_path, calls_per_second=2) as it:
        answers = [it.post(event(n), signed(event(n), f"i{n}")) for n in range(3)]
        assert [answer.status_code for answer in answers] == [204, 204, 429]
        assert answers[2].headers["retry-after"] == "2"
        it.desk.clock.jump(NOW + SECOND)
        assert it.post(event(3), signed(event(3), "i3")).status_code == 204


def test_a_rate_recovers_with_time() -> None:
    """After a second of silence as many calls are taken as before, and never more at once."""
    clock = SteppedClock(NOW)
    rate = Rate(clock, 5)
    assert [rate.allows() for _ in range(6)] == [True] * 5 + [False]
    clock.jump(NOW + 60 * SECOND)
    assert [rate.allows() for _ in range(6)] == [True] * 5 + [False]


def test_a_store_that_is_lost_makes_the_platform_deliver_again(it: Open, tmp_path: Path) -> None:
    """Where nothing can be kept Zendesk is answered with 409, after which it delivers again."""
    (tmp_path / "hoist.db").rename(tmp_path / "elsewhere")
    answer = it.post(event())
    (tmp_path / "elsewhere").rename(tmp_path / "hoist.db")
    assert (answer.status_code, answer.headers["retry-after"]) == (409, "2")
    assert it.post(event()).status_code == 204


def test_an_address_in_use_is_said_with_its_cure(it: Open) -> None:
    """A port that somebody else listens on is named, before anything else is done."""
    with pytest.raises(ConfigError, match=f"hooks.listen: 127.0.0.1:{it.port} can't be listened on.*another address"):
        listening(HooksSettings(port=it.port))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"POST", b"GET", b"PUT", b"OPTIONS", b"X", b"\xff"]),
    st.sampled_from([b"/hooks/zen", b"/hooks/%00", b"/hooks/..%2f", b"/hooks/zen?x=1", b"*", b"/metrics", b"http://x/hooks/zen"]),
    st.dictionaries(
        st.sampled_from([b"Content-Length", b"Transfer-Encoding", b"Expect", b"Upgrade", b"Connection", b"Content-Encoding"]),
        st.sampled_from([b"0", b"5", b"-1", b"9" * 20, b"chunked", b"gzip", b"websocket", b"100-continue", b"x", b""]),
    ),
    st.binary(max_size=200),
)
def test_whatever_bytes_come_the_door_stays_open(
    it: Open, method: bytes, path: bytes, headers: dict[bytes, bytes], body: bytes
) -> None:
    """No bytes make an answer of 500, nothing of theirs is kept, and the next honest call is taken."""
    told = b"".join(name + b": " + value + b"\r\n" for name, value in headers.items())
    with it.connection() as connection:
        connection.sendall(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n" + told + b"\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = ended(connection)
    assert not answer.startswith(b"HTTP/1.1 5")
    assert it.desk.waiting() == []
    assert requests.get(f"{it.url}/healthz", timeout=LONG).status_code == 200
