"""Many tickets that are due at once: their looks and verifications leave together, their updates one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import Verification
from connectors.sandboxes.answer import Answer
from rules.escalation import Operation
from rules.ticket import TicketRef
from tests.connectors.joining import Key
from tests.connectors.servicenow.beside import Beside

LONG = 30.0
"""Seconds after which a test gives up; none takes a hundredth of them."""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Beside]:
    """An instance with a connector beside it."""
    with ExitStack() as open_:
        yield Beside(open_, tmp_path)


def commented(it: Beside, number: int) -> list[Operation]:
    """Operations that have commented on so many tickets, each with a marker of its own."""
    found = []
    for count in range(number):
        operation = replace(it.comment(it.incident(), f"Escalation {count}."), key=f"k{count}", marker=f"{count:06x}")
        it.hoist.write(operation)
        found.append(operation)
    return found


def verified_at_once(it: Beside, operations: list[Operation]) -> list[Verification]:
    """What the connector says of each, all but the first asked for while that one was being read."""
    begun, may_end = threading.Event(), threading.Event()
    given = it.site.instead

    def held(method: str, path: str) -> Answer | None:
        if path.endswith("batch") and not begun.is_set():
            begun.set()
            assert may_end.wait(LONG)
        return given(method, path) if given is not None else None

    it.site.instead = held
    asked: list[Future[Verification]] = []
    with ThreadPoolExecutor(len(operations)) as pool:
        for operation in operations:
            key = Key(operation.ticket.id)
            asked.append(pool.submit(it.hoist.verify, replace(operation, ticket=TicketRef("snow", key))))
            assert (key.joined if begun.is_set() else begun).wait(LONG)
        may_end.set()
    it.site.instead = given
    return [each.result(LONG) for each in asked]


def batches(it: Beside) -> int:
    return sum(path.endswith("batch") for _, path, _, _ in it.site.calls)


def test_verifications_of_a_storm_leave_as_one_and_each_is_told_of_its_own(it: Beside) -> None:
    """Twelve operations are verified in two requests, and one that never left is found by nobody else's marker."""
    operations = commented(it, 11)
    never = replace(it.comment(it.incident()), marker="ffffff")
    it.site.calls.clear()
    found = verified_at_once(it, [*operations, never])
    assert [each.found for each in found] == [True] * 11 + [False]
    assert batches(it) == 2


def test_a_storm_whose_answer_is_cut_short_is_asked_for_in_halves(it: Beside) -> None:
    """An instance that runs out of time over twelve tickets may well answer for six: no operation stays unknown for that."""
    operations = commented(it, 5)
    it.site.calls.clear()
    cut = Answer(200, {"Content-Type": "application/json"}, b'{"serviced_requests":[{"id":"0"')
    seen: list[int] = []

    def instead(_: str, path: str) -> Answer | None:
        seen.append(path.endswith("batch"))
        return cut if path.endswith("batch") and sum(seen) == 2 else None

    it.site.instead = instead
    assert all(each.found for each in verified_at_once(it, operations))
    assert batches(it) == 4
