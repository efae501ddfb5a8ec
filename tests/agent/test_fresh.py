"""A proxy between hoist and the helpdesk answers out of its cache: nothing is written on what is old, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.store.states import OperationState, RowState
from connectors.contract import Reading, Verification
from connectors.errors import OutcomeUnknown
from rules.escalation import Operation
from rules.instants import HOUR, MINUTE, SECOND, Instant
from tests.agent.desk import Desk, moved_once


class Cache:
    """What a proxy has kept of the helpdesk's answers, and gives out until `until`."""

    def __init__(self, desk: Desk, patch: pytest.MonkeyPatch) -> None:
        self.desk, self.until = desk, 0
        self._reads: dict[tuple[str, ...], Reading] = {}
        self._records: dict[str, Verification] = {}
        self._read, self._verify = desk.connector.read, desk.connector.verify
        patch.setattr(desk.connector, "read", self.read)
        patch.setattr(desk.connector, "verify", self.verify)

    def _answers(self) -> bool:
        return self.desk.clock.now() < self.until

    def read(self, ids: Sequence[str]) -> Reading:
        place = tuple(ids)
        if not self._answers() or place not in self._reads:
            self._reads[place] = self._read(ids)
        return self._reads[place]

    def verify(self, operation: Operation) -> Verification:
        if not self._answers() or operation.key not in self._records:
            self._records[operation.key] = self._verify(operation)
        return self._records[operation.key]


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[Desk, Cache]]:
    """A desk behind a proxy."""

    def make() -> tuple[Desk, Cache]:
        desk = Desk(tmp_path)
        return desk, Cache(desk, monkeypatch)

    return make


def test_an_answer_out_of_a_cache_backs_no_write(cached: Callable[[], tuple[Desk, Cache]]) -> None:
    """Anna took the ticket, and the proxy shows it as it was before: hoist asks twice, waits, and then leaves it to her."""
    desk, cache = cached()
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    cache.read([ticket])
    desk.clock.jump(desk.clock.now() + 50 * SECOND)
    desk.helpdesk.change(ticket, "anna", assignee="anna")
    desk.helpdesk.search_lag = 10 * MINUTE  # the poll does not tell of it yet
    cache.until = desk.clock.now() + 5 * MINUTE
    desk.run(30 * SECOND)
    assert desk.asked("write") == 0
    assert "s old" in desk.pipeline.problem
    desk.run(HOUR)
    assert desk.saves(ticket) == []
    assert desk.states(ticket) == [RowState.SUPERSEDED]


def test_a_read_that_is_young_enough_goes_on(cached: Callable[[], tuple[Desk, Cache]]) -> None:
    """Ten seconds are nothing to worry about, as without a proxy: the change is written at once."""
    desk, cache = cached()
    ticket = desk.ticket()
    desk.run(15 * MINUTE - 5 * SECOND)
    reading = cache.read([ticket])
    cache._reads[ticket,] = replace(reading, server_time=desk.clock.now() + 7 * SECOND)
    cache.until = desk.clock.now() + 10 * MINUTE
    desk.run(15 * SECOND)
    assert len(desk.saves(ticket)) == 1


def test_what_a_person_chose_is_put_back_all_the_same(cached: Callable[[], tuple[Desk, Cache]]) -> None:
    """hoist has overwritten Anna's change, and the proxy shows the ticket as it was before: that is not taken for a later one."""
    desk, cache = cached()
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    desk.helpdesk.between_read_and_write(lambda: desk.helpdesk.change(ticket, "anna", team="eng"))
    cache._reads.clear()  # what it shows is the very read that the write rests on
    cache.until = desk.clock.now() + 3 * MINUTE
    desk.run(HOUR)
    assert [(item.old, item.new) for save in desk.saves(ticket) for item in save.items] == [("eng", "ops"), ("ops", "eng")]
    assert desk.team(ticket) == "eng"


@pytest.mark.parametrize("answered", [True, False])
def test_an_old_record_tells_nothing_of_a_write(cached: Callable[[], tuple[Desk, Cache]], answered: bool) -> None:
    """The proxy's copy of the helpdesk's record is older than the move: that it does not show it proves nothing."""
    desk, cache = cached()
    ticket = desk.ticket()
    desk.run(14 * MINUTE)
    if not answered:
        desk.helpdesk.fail_next(OutcomeUnknown("no answer"), after_effect=True, on="write")
    kept: dict[str, Instant] = {}

    def keep_what_was_before() -> None:
        for row in desk.operations(ticket):
            if row.state is OperationState.SENT and row.operation.key not in kept:
                kept[row.operation.key] = desk.clock.now()
                cache.verify(row.operation)
        desk.helpdesk.between_read_and_write(keep_what_was_before)

    desk.helpdesk.between_read_and_write(keep_what_was_before)
    desk.clock.jump(desk.clock.now() + 2 * MINUTE)
    cache.until = 0
    desk.run(SECOND)
    cache.until = desk.clock.now() + 20 * MINUTE
    desk.run(15 * MINUTE)
    assert len(desk.saves(ticket)) == 1
    desk.run(HOUR)
    moved_once(desk, ticket)
    assert kept
