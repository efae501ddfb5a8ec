"""Service levels in the sandbox: exact where they begin and breach, stale in what elapses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.servicenow.sandbox import ServiceNowSandbox
from rules.instants import DAY, HOUR, MINUTE, SECOND
from tests.connectors.sandbox_desk import START, Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller


@pytest.fixture
def clock() -> Clock:
    return Clock(START - 4 * HOUR)


@pytest.fixture
def call(clock: Clock) -> Caller:
    """Before anything has happened at the desk: T1 comes after an hour, with a target of a day and a response of four hours."""
    return Caller(ServiceNowSandbox(clock=clock, history=desk()))


def levels(call: Caller, target: str = "resolution", active: str = "true") -> list[dict[str, Any]]:
    """The rows of T1 for a target, in the order in which they began."""
    query = f"task={call.sandbox.issue_id('T1')}^sla.target={target}^active={active}^ORDERBYsys_created_on"
    return call.rows("task_sla", query)


def test_a_target_is_due_by_its_priority(call: Caller, clock: Clock) -> None:
    """The breach is exact from the beginning on; its definition tells type, target and length."""
    clock.pass_(HOUR)
    (row,) = levels(call)
    assert (row["start_time"], row["planned_end_time"]) == ("2026-11-23 05:00:00", "2026-11-24 05:00:00")
    assert (row["stage"], row["has_breached"], row["pause_time"]) == ("in_progress", "false", "")
    (definition,) = call.rows("contract_sla", f"sys_id={row['sla']['value']}", sysparm_display_value="true")
    assert (definition["name"], definition["duration"], definition["type"]) == ("Priority 3 resolution", "1 Day", "SLA")


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (59 * MINUTE, "0"),  # hourly while more than an hour is left
        (90 * MINUTE, "4.17"),
        (23 * HOUR + 15 * MINUTE, "96.53"),  # every ten minutes in the last hour
        (23 * HOUR + 55 * MINUTE + 30 * SECOND, "99.65"),  # every minute in the last ten
    ],
)
def test_what_elapses_is_as_the_last_job_left_it(call: Caller, clock: Clock, passed: int, shown: str) -> None:
    """The percentage stands still between two runs of the job that refreshes it."""
    clock.pass_(HOUR)
    call.sandbox.issue_id("T1")
    clock.pass_(passed)
    (row,) = levels(call)
    assert (row["business_percentage"], row["has_breached"]) == (shown, "false")
    assert row["planned_end_time"] == "2026-11-24 05:00:00"


def test_a_breach_is_noted_late(call: Caller, clock: Clock) -> None:
    """A clock that has run out says so only after the job of the next day, which updates the row's stamp."""
    clock.pass_(HOUR + DAY + 10 * HOUR)
    assert levels(call)[0]["has_breached"] == "false"
    clock.pass_(9 * HOUR)
    (row,) = levels(call)
    assert (row["has_breached"], row["sys_updated_on"]) == ("true", "2026-11-25 00:00:00")
    assert float(row["percentage"]) > 100


def test_a_pause_moves_the_breach(call: Caller, clock: Clock) -> None:
    """On hold the clock is paused, with pause_time set; taken up again, the breach lies that much later."""
    clock.pass_(HOUR)
    one = call.sandbox.issue_id("T1")
    call.patch(one, state="3", hold_reason="1")
    (row,) = levels(call)
    assert (row["stage"], row["pause_time"]) == ("paused", "2026-11-23 05:00:00")
    clock.pass_(2 * HOUR)
    call.patch(one, state="2")
    (row,) = levels(call)
    assert (row["stage"], row["pause_time"], row["pause_duration"]) == ("in_progress", "", "1970-01-01 02:00:00")
    assert (row["planned_end_time"], row["original_breach_time"]) == ("2026-11-24 07:00:00", "2026-11-24 05:00:00")


def test_clocks_end_and_are_replaced(call: Caller, clock: Clock) -> None:
    """Taking a ticket ends its response, another priority cancels and begins anew, solving ends all, reopening begins again."""
    clock.pass_(HOUR)
    one = call.sandbox.issue_id("T1")
    call.patch(one, assigned_to=call.sandbox.user_id("anna"))
    assert [row["stage"] for row in levels(call, "response", "false")] == ["completed"]
    clock.pass_(MINUTE)
    call.patch(one, urgency="1")
    assert [row["stage"] for row in levels(call, active="false")] == ["cancelled"]
    assert levels(call)[0]["planned_end_time"] == "2026-11-23 13:01:00"
    call.patch(one, state="6", close_code="User error", close_notes="-")
    assert levels(call) == []
    assert sorted(row["stage"] for row in levels(call, active="false")) == ["cancelled", "completed"]
    call.patch(one, state="2")
    assert len(levels(call)) == 1
    call.patch(one, state="8")
    assert levels(call) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40 * 60), min_size=1, max_size=6))
def test_a_row_is_never_ahead_of_the_clock(waits: list[int]) -> None:
    """Whatever is looked at when, the percentage does not exceed what has passed, and the stamp is never in the future."""
    clock = Clock(START - 3 * HOUR)
    call = Caller(ServiceNowSandbox(clock=clock, history=desk()))
    for minutes in waits:
        clock.pass_(minutes * MINUTE)
        (row,) = levels(call)
        assert float(row["percentage"]) <= (clock.at - (START - 3 * HOUR)) * 100 / DAY + 0.005  # rounded
        assert call.rows("task_sla", "sys_updated_on>javascript:gs.minutesAgo(0)") == []
