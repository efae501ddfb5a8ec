from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.outside import fetching
from agent.outside.fetched import Fetch
from agent.outside.fetching import fetch
from agent.outside.links import Links
from agent.outside.unreadable import LARGEST, Unreadable, shown
from tests.agent.outside.https_server import HttpsServer, Said


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    with HttpsServer(tmp_path).running() as running:
        yield running


def links(server: HttpsServer, *hosts: str) -> Links:
    return Links(private_hosts=frozenset(hosts or ("localhost",)), ca_file=server.ca_file)


def refused(url: str, how: Links) -> str:
    with pytest.raises(Unreadable) as raised:
        fetch(url, how)
    assert raised.value.__cause__ is None  # the causes of errors name the whole URL
    return str(raised.value)


def test_a_file_behind_https_is_read(server: HttpsServer) -> None:
    """Its bytes come as they are, its query is kept."""
    server.pages["/rota.ics?key=1"] = Said(body=b"BEGIN:VCALENDAR")
    assert fetch(server.url("/rota.ics?key=1"), links(server)) == b"BEGIN:VCALENDAR"


def test_addresses_of_a_private_network_are_refused_before_anything_is_sent(server: HttpsServer) -> None:
    """A URL in the protocol can't be used to look into the network, unless hoist.yaml names the host."""
    server.pages["/"] = Said(body=b"x")
    for host in ("localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"):
        said = refused(server.url("/", host), Links(ca_file=server.ca_file))
        assert "private network" in said
        assert "private_hosts" in said
    for url in ("https://169.254.169.254/latest", "https://10.0.0.1/", "https://[fd00::1]/", "https://0.0.0.0/"):
        assert "private network" in refused(url, Links())
    assert server.asked == []


def test_redirects_are_checked_like_the_first_url(server: HttpsServer) -> None:
    """One within the host is followed; to http, to a private address or round in circles is not."""
    server.pages["/a"] = Said(302, headers=(("Location", "/b"),))
    server.pages["/b"] = Said(body=b"there")
    assert fetch(server.url("/a"), links(server)) == b"there"
    for place, reason in [
        ("http://localhost/b", "without https"),
        ("file:///etc/passwd", "without https"),
        ("https://me:secret@localhost/b", "user and password"),
        (server.url("/b", "127.0.0.1"), "private network"),
        ("/a", "more than 3 times"),
    ]:
        server.pages["/a"] = Said(302, headers=(("Location", place),))
        said = refused(server.url("/a"), links(server))
        assert reason in said
        assert "secret" not in said


def test_a_certificate_that_can_not_be_verified_is_refused(server: HttpsServer) -> None:
    """The sentence says where an organisation's own authority is named."""
    assert "ca_file" in refused(server.url("/"), Links(private_hosts=frozenset({"localhost"})))
    # the certificate is that of localhost alone
    assert "ca_file" in refused(server.url("/", "127.0.0.1"), links(server, "127.0.0.1"))


def test_answers_that_are_too_large_or_packed_or_no_file_are_refused(server: HttpsServer) -> None:
    """Each with its reason, none with the path of the URL, which may be its secret."""
    server.pages["/secret"] = Said(body=b"x" * (LARGEST + 1))
    server.pages["/secret-2"] = Said(body=b"x", headers=(("Content-Encoding", "gzip"),))
    server.pages["/secret-3"] = Said(503)
    found = [refused(server.url(path), links(server)) for path in ("/secret", "/secret-2", "/secret-3", "/secret-4")]
    assert [said[:20] for said in found] == [
        "is larger than 2048 ",
        "was answered in a pa",
        "was answered with 50",
        "was answered with 40",
    ]
    assert "secret" not in "".join(found)


def test_an_answer_that_never_ends_is_given_up(server: HttpsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a limit on the whole, not only on each wait."""
    server.pages["/"] = Said(body=b"x" * 300_000)
    monkeypatch.setattr(fetching, "TOTAL_SECONDS", 0.0)
    assert "took longer than" in refused(server.url("/"), links(server))


def test_a_host_without_an_address_or_a_server_is_said(server: HttpsServer) -> None:
    """A name that is not known, and a port at which nobody listens."""
    assert "has no address" in refused("https://nowhere.invalid/", Links())
    assert "can't be reached" in refused("https://localhost:9/", links(server))


def test_a_url_is_shown_without_its_path() -> None:
    """The path of a calendar's private address is what keeps it private; a hash tells two of them apart."""
    one, other = "https://calendar.example.com/private-1f2e/basic.ics", "https://calendar.example.com/private-3d4c/basic.ics"
    assert shown(one).startswith("https://calendar.example.com/... (")
    assert "private" not in shown(one)
    assert shown(one) != shown(other)
    assert shown("rotas/duty.ics") == "rotas/duty.ics"


def test_whatever_goes_wrong_while_reading_ends_with_that_url() -> None:
    """A failure that nobody foresaw is a sentence as well, and stays on its thread."""

    def fail() -> bytes:
        raise RuntimeError("https://example.com/secret")

    outcome = Fetch(fail).outcome(5.0)
    assert isinstance(outcome, Unreadable)
    assert str(outcome) == "can't be read (RuntimeError)"
    assert Fetch(lambda: b"x").outcome(5.0) == b"x"
