"""Calls of every kind, part by part as a server hands them on: each has an answer and a reason, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import StoreError
from agent.hooks import site
from agent.hooks.outcomes import Outcome
from agent.hooks.site import Site
from agent.store.database import open_database
from connectors.zendesk.webhook import Webhook
from tests.agent.hooks.calls import NOW, Desk, event, signed

Parts = Sequence[bytes | None]
"""A body as it comes; None where the sender goes away. After the last nothing comes any more."""
DAY = 86_400_000
OUTCOME_OF = {
    204: {Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.OTHER},
    400: {Outcome.NO_TICKET},
    401: {Outcome.UNSIGNED, Outcome.BAD_SIGNATURE, Outcome.STALE},
    404: {Outcome.UNKNOWN_SOURCE},
    405: {Outcome.WRONG_METHOD},
    408: {Outcome.TOO_SLOW, Outcome.CUT_OFF},
    413: {Outcome.TOO_LARGE},
    429: {Outcome.TOO_MANY},
}


class Served:
    """A site without a server: `call` is one request."""

    def __init__(self, desk: Desk, **more: Any) -> None:
        told: dict[str, Any] = {"troubles": list, "metrics": lambda: b"# metrics", "calls_per_second": 10_000, **more}
        self.desk, self.site = desk, Site(desk.intake, desk.clock, patience=0.02, **told)

    def call(
        self,
        parts: Parts,
        headers: Sequence[tuple[bytes, bytes]],
        path: str = "/hooks/zen",
        method: str = "POST",
        *,
        slow: bool = False,
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body of the answer. `slow`: the last part never comes."""
        coming = list(parts[:-1] if slow else parts)
        last = len(parts) - 1
        sent: list[dict[str, Any]] = []
        done = 0

        async def receive() -> dict[str, Any]:
            nonlocal done
            if not coming:
                await asyncio.Event().wait()
            part, done = coming.pop(0), done + 1
            if part is None:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": part, "more_body": done <= last}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "root_path": "", "query_string": b"", "headers": list(headers)}
        asyncio.run(self.site(scope, receive, send))
        start, *rest = sent
        return start["status"], dict(start["headers"]), b"".join(each.get("body", b"") for each in rest)

    def counts(self) -> dict[Outcome, int]:
        found: dict[Outcome, int] = {}
        for (_, outcome), number in self.desk.intake.tally.all().items():
            found[outcome] = found.get(outcome, 0) + number
        return found


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Served]:
    with closing(open_database(tmp_path / "hoist.db")) as database:
        made = Served(Desk(database))
        yield made
        made.site.close()


def as_sent(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def cut(body: bytes, places: Sequence[int]) -> list[bytes]:
    """A body in parts, some of them empty."""
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


LENGTHS = st.sampled_from(
    [b"0", b"1", b"-1", b"+5", b"1e3", b"9" * 30, b"\xb2", b"\xd9\xa3", b"", b"12, 12", b"262144", b"9999999"]
)
NAMES = st.sampled_from(sorted(name.encode() for name in signed(b""))) | st.binary(max_size=12)
CALLS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["POST"] * 6 + ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "", "post", "\u00ff"]),
        "path": st.sampled_from(["/hooks/zen"] * 6)
        | st.sampled_from(
            ["/hooks/", "/hooks/zen/", "/hooks//zen", "/hooks/ZEN", "/hooks/zen\x00", "/hooks/\ud7ff\u202e", "/hooks/../zen"]
        )
        | st.text(max_size=10).map(lambda text: f"/hooks/{text}"),
        "body": st.builds(event, st.integers(0, 5), st.integers(1, 5) | st.text(max_size=5)) | st.binary(max_size=300),
        "secret": st.sampled_from(["", "", "a guess"]),
        "at": st.sampled_from([0, 0, 0, -DAY, DAY]),
        "more": st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=3),
        "length": st.none() | LENGTHS,
        "places": st.lists(st.integers(0, 400), max_size=3),
        "ends": st.sampled_from(["", "", "", "", "", "goes", "slow"]),
    }
)


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
def test_each_call_has_one_answer_and_one_reason(it: Served, call: dict[str, Any]) -> None:
    """Whatever a call is made of: never a 500, its reason counted once, nothing kept of one that was not verified."""
    it.desk.clock.jump(max(it.desk.clock.now(), NOW))
    before, tickets = it.counts(), {hint.ticket for hint in it.desk.waiting()}
    made = signed(call["body"], at=NOW + call["at"], **({"secret": call["secret"]} if call["secret"] else {}))
    headers = [*as_sent(made), *call["more"]]
    if call["length"] is not None:
        headers.append((b"content-length", call["length"]))
    parts: list[bytes | None] = [*cut(call["body"], call["places"])]
    if call["ends"] == "goes":
        parts[-1] = None
    status, told, body = it.call(parts, headers, call["path"], call["method"], slow=call["ends"] == "slow")
    counted = {outcome: n - before.get(outcome, 0) for outcome, n in it.counts().items() if n != before.get(outcome, 0)}
    assert list(counted.values()) == [1]
    assert counted.keys() <= OUTCOME_OF[status]
    assert body == b""
    assert (b"connection" in told) == (status != 204)
    now = {hint.ticket for hint in it.desk.waiting()}
    if counted.keys() != {Outcome.ACCEPTED}:
        assert now == tickets
    assert now <= {"1", "2", "3", "4", "5"} | {ticket for ticket in now if ticket.isdecimal()}
    assert it.site.held == 0
    assert all(source in {"", "zen"} for source, _ in it.desk.intake.tally.all())


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, Webhook.largest), min_size=1, max_size=4), st.booleans())
def test_no_more_than_the_largest_body_is_ever_held(it: Served, sizes: list[int], goes: bool) -> None:
    """A body without an announced length is let go once it is too large, or its sender is gone, and takes no memory after."""
    parts: list[bytes | None] = [b"x" * size for size in sizes]
    status, _, _ = it.call([*parts, None] if goes else parts, [(b"transfer-encoding", b"chunked")])
    assert status == (413 if sum(sizes) > Webhook.largest else 408 if goes else 401)
    assert it.site.held == 0


def test_strangers_fill_no_memory(it: Served) -> None:
    """A thousand calls under a thousand names, secrets and ids leave two counts and nothing else."""
    for number in range(500):
        it.call([b"x"], [], f"/hooks/guess{number}")
        body = event(number, number)
        it.call([body], as_sent(signed(body, f"i{number}", secret=f"guess {number}")))
    assert it.desk.intake.tally.all() == {("", Outcome.UNKNOWN_SOURCE): 500, ("zen", Outcome.BAD_SIGNATURE): 500}
    assert it.desk.waiting() == []


def test_a_path_with_a_slash_too_many_leads_nowhere(it: Served) -> None:
    """Nobody is sent on to a host that the caller's own Host header names."""
    for path in ("/hooks/zen/", "/healthz/", "/metrics/"):
        status, told, _ = it.call([b""], [(b"host", b"elsewhere.example")], path, "GET")
        assert (status, told.get(b"location")) == (404, None)


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_a_store_that_is_lost_is_bad_health_and_no_crash(tmp_path: Path, path: str) -> None:
    """Who asks for health or metrics while the store can't be read gets a sentence with 503, without the store's path."""

    def lost() -> Any:
        raise StoreError(f"the store {tmp_path}/hoist.db can't be read")

    with closing(open_database(tmp_path / "hoist.db")) as database:
        made = Served(Desk(database), troubles=lost, metrics=lost)
        status, _, body = made.call([b""], [], path, "GET")
        made.site.close()
    assert status == 503
    assert site.UNREAD_STORE.encode() in body
    assert str(tmp_path).encode() not in body
