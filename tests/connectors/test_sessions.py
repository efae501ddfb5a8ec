"""Sessions of a source: one for all, or one per request at a time with the cookies of its node."""

from __future__ import annotations

from pathlib import Path

import requests

from connectors.http import Basic
from connectors.sessions import Link, Sessions

URL = "https://desk.example.com"


def sessions(**link: object) -> Sessions:
    return Sessions(URL, Basic("hoist", "secret"), 4, Link(**link))  # type: ignore[arg-type]


def test_one_session_serves_all() -> None:
    """Without affinity everybody shares a session, which takes no cookie."""
    shared = sessions()
    with shared.one() as first, shared.one() as second:
        assert first is second
    first.cookies.set("node", "1", domain="desk.example.com")
    assert "Cookie" not in shared.signed(requests.Request("GET", URL).prepare(), first).headers


def test_a_session_is_never_used_twice_at_once() -> None:
    """With affinity each request under way has a session of its own, and the next one takes the one that was used last."""
    apart = sessions(affinity=True)
    with apart.one() as first, apart.one() as second:
        assert first is not second
    with apart.one() as again:
        assert again is first
    apart.close()


def test_cookies_stay_in_their_session() -> None:
    """The cookies of one node are never sent with the requests of another session, nor kept once they are dropped."""
    apart = sessions(affinity=True)
    request = requests.Request("GET", URL).prepare()
    with apart.one() as first, apart.one() as second:
        first.cookies.set("glide_user_route", "node-a")
        assert apart.signed(request.copy(), first).headers["Cookie"] == "glide_user_route=node-a"
        assert "Cookie" not in apart.signed(request.copy(), second).headers
        first.cookies.clear()
        assert "Cookie" not in apart.signed(request.copy(), first).headers


def test_certificates_are_always_verified(tmp_path: Path) -> None:
    """An organisation's own authority replaces those of the system; a client certificate is shown where there is one."""
    assert sessions().first.verify is True
    pair = (tmp_path / "hoist.pem", tmp_path / "hoist.key")
    own = sessions(ca_file=tmp_path / "ca.pem", certificate=pair, affinity=True).first
    assert own.verify == str(tmp_path / "ca.pem")
    assert own.cert == (str(pair[0]), str(pair[1]))
