"""What changes beside a ticket's row: which of it is news, and which is a job that refreshes percentages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from connectors.servicenow.aside import Aside
from connectors.servicenow.client import Query, ServiceNowClient
from connectors.servicenow.settings import ServiceNowSettings
from rules.instants import HOUR, MINUTE
from tests.connectors.servicenow.rows import CREATED, TICKET

WRITTEN = {"url": "https://example.service-now.com", "username": "h", "auth": {"kind": "basic", "password": "env:P"}}


class Told:
    """A client that answers with these rows, and remembers what it was asked."""

    def __init__(self, levels: Sequence[Any] = (), tags: Sequence[Any] = (), deleted: Sequence[Any] = ()) -> None:
        self.rows = {"task_sla": list(levels), "label_entry": list(tags), "sys_audit_delete": list(deleted)}
        self.asked: list[str] = []

    def several(self, queries: Sequence[Query], optional: frozenset[str]) -> tuple[list[Any], int]:
        self.asked = [query.table for query in queries]
        return [self.rows[query.table] for query in queries], CREATED


def level(minute: int, planned: str = "12:00:00", **more: str) -> dict[str, str]:
    row = {"sys_id": "5" * 32, "task": TICKET, "stage": "in_progress", "planned_end_time": f"2026-11-23 {planned}"}
    return row | {"sys_updated_on": f"2026-11-23 04:{minute:02}:00"} | more


def news(aside: Aside, told: Told, since: int = CREATED) -> list[str]:
    return list(aside.look(cast("ServiceNowClient", told), since).touched)


def aside(**more: object) -> Aside:
    return Aside(ServiceNowSettings.model_validate(WRITTEN | more))


def test_a_job_that_refreshes_percentages_is_no_news() -> None:
    """A target that is touched again and again without moving makes no ticket be read again."""
    it = aside()
    it.note([level(0)], CREATED)
    assert news(it, Told([level(10, business_percentage="40.1")])) == []


def test_a_target_that_moved_is_news() -> None:
    """A target that was resumed, paused, met or attached has its ticket read."""
    for changed in (
        level(5, "13:00:00"),
        level(5, pause_time="2026-11-23 04:05:00"),
        level(5, stage="completed"),
        level(5, sys_id="6" * 32),
    ):
        it = aside()
        it.note([level(0)], CREATED)
        assert news(it, Told([changed])) == [TICKET]


def test_what_was_never_read_is_news_once() -> None:
    """After a restart a target is read once; then it is known."""
    it = aside()
    assert news(it, Told([level(5)])) == [TICKET]
    it.note([level(5)], CREATED + 5 * MINUTE)
    assert news(it, Told([level(6)])) == []


def test_memory_does_not_follow_the_number_of_tickets() -> None:
    """What was touched long ago is not remembered: nobody asks about it any more."""
    it = aside()
    it.note([level(0, sys_id=f"{number:032x}") for number in range(1_000)], CREATED + 2 * HOUR)
    assert it._known == {}
    it.note([level(0)], CREATED)
    news(it, Told(), CREATED + 2 * HOUR)
    assert it._known == {}


def test_rows_that_were_not_asked_for_are_passed_over() -> None:
    """Rows older than was asked for, or without a ticket, make nobody read anything."""
    it = aside()
    odd = [level(5, task=""), level(5, task="x^ORactive=true"), level(5, sys_updated_on="2026-11-22 04:00:00"), {}]
    assert news(it, Told(odd, [{"sys_id": "1", "table_key": TICKET, "sys_created_on": "2020-01-01 00:00:00"}])) == []


def test_only_what_is_read_is_asked_for() -> None:
    """Without targets and tags no request is spent on them."""
    told = Told()
    news(aside(tags=False), told)
    assert told.asked == ["task_sla", "sys_audit_delete"]
    none = Told()
    assert news(aside(tags=False, targets=False), none) == []
    assert none.asked == ["sys_audit_delete"]


def test_a_deletion_is_told_once() -> None:
    """What the instance's own record of deletions names is gone, until that was kept."""
    row = {"sys_id": "7" * 32, "tablename": "incident", "documentkey": TICKET, "sys_created_on": "2026-11-23 04:05:00"}
    others = [row | {"tablename": "sys_user"}, row | {"documentkey": "x"}, row | {"sys_created_on": "2020-01-01 00:00:00"}]
    it, told = aside(), Told(deleted=[*others, row])
    for _ in range(2):
        assert it.look(cast("ServiceNowClient", told), CREATED).deleted == {TICKET: CREATED + 5 * MINUTE}
    it.told([TICKET])
    assert it.look(cast("ServiceNowClient", told), CREATED).deleted == {}
