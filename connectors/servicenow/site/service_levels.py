"""Service levels as rows of task_sla: exact in start_time and planned_end_time, stale in everything that elapses.

Percentages, time left and has_breached are as a job of the platform left them, which runs the more often the nearer the breach
is; opening a record refreshes nothing. While a clock is paused its planned_end_time means nothing (KB0550783).
https://www.servicenow.com/docs/r/it-service-management/service-level-management/c_SLAScheduledJobs.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from connectors.servicenow.site.moments import duration, instant_of, stored
from connectors.servicenow.site.store import Row, Store
from rules.instants import DAY, HOUR, MINUTE, Instant

if TYPE_CHECKING:
    from connectors.servicenow.site.transactions import Saving, Transaction

RESOLUTION: Final[Mapping[str, int]] = {"1": 4 * HOUR, "2": 8 * HOUR, "3": 24 * HOUR, "4": 72 * HOUR, "5": 120 * HOUR}
RESPONSE: Final[Mapping[str, int]] = {"1": 15 * MINUTE, "2": HOUR, "3": 4 * HOUR, "4": 8 * HOUR, "5": 24 * HOUR}
TARGETS: Final[Mapping[str, Mapping[str, int]]] = {"resolution": RESOLUTION, "response": RESPONSE}
"""By target and priority, in milliseconds, round the clock."""

JOBS: Final = ((30 * DAY, 5 * DAY), (DAY, DAY), (HOUR, HOUR), (10 * MINUTE, 10 * MINUTE), (0, MINUTE))
"""With more than so much time left, rows are refreshed that often; breached ones daily."""

ON_HOLD, OVER, CANCELED = "3", frozenset({"6", "7"}), "8"


def definition(target: str, priority: str) -> str:
    """The sys_id of a definition: the same in each instance, as the product ships it."""
    return f"{'ab' if target == 'response' else 'cd'}{priority * 30}"


def follow(saving: Saving, table: str, old: Row, row: Row, by: Transaction) -> None:
    """Attach, pause, resume, end and cancel the clocks of an incident as this save asks for."""
    if table != "incident":
        return
    store, state, was = saving.store, row.get("state", ""), old.get("state", "")
    running = [each for each in store.where("task_sla", "task", row["sys_id"]) if each.get("active") == "true"]
    if state in OVER or state == CANCELED:
        for each in running:
            _end(store, each, "cancelled" if state == CANCELED else "completed", by)
        return
    if old and old.get("priority") != row.get("priority"):
        for each in running:
            _end(store, each, "cancelled", by)
        running = []
    if not running and (not old or old.get("priority") != row.get("priority") or was in OVER):
        _attach(store, row, by)
    for each in running:
        if each["sla"] == definition("response", row.get("priority", "")):
            if row.get("assigned_to"):
                _end(store, each, "completed", by)
        elif state == ON_HOLD != was:
            _put(store, each, by, pause_time=stored(by.at), stage="paused")
        elif was == ON_HOLD != state:
            _resume(store, each, by)


class Jobs:
    """The jobs that refresh the rows of task_sla. They run at full minutes, and are carried out when somebody looks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ran = (-1, -1)

    def run(self, now: Instant) -> None:
        """Let those run that have been due until now."""
        due = (now // MINUTE, self._store.saves["task_sla"])
        if due != self._ran:
            _refresh(self._store, now)
            self._ran = (due[0], self._store.saves["task_sla"])


def _refresh(store: Store, now: Instant) -> None:
    for row in list(store.all("task_sla")):
        if row.get("stage") != "in_progress":
            continue
        planned = instant_of(row["planned_end_time"]) or 0
        ran = _last_job(planned, now)
        if stored(ran) > row["sys_updated_on"]:
            fresh = {**row, **_elapsed(row, ran), "sys_updated_on": stored(ran), "sys_updated_by": "system"}
            store.put("task_sla", {**fresh, "sys_mod_count": str(int(row["sys_mod_count"]) + 1)})


def _last_job(planned: Instant, now: Instant) -> Instant:
    """When a row that breaches at `planned` was refreshed last."""
    if now >= planned:
        # The job of the last minutes has seen it just before; the next one that does runs once a day.
        return max(now - now % DAY, planned - 1 - (planned - 1) % MINUTE)
    before = 0
    for left, every in JOBS:
        if planned - now > left:
            began = planned - before if before else 0
            return max(now - now % every, began - began % every)
        before = left
    return now


def _attach(store: Store, task: Row, by: Transaction) -> None:
    priority = task.get("priority", "")
    for target, lengths in TARGETS.items():
        if priority not in lengths or (target == "response" and task.get("assigned_to")):
            continue
        breach = stored(by.at + lengths[priority])
        row = {
            "sys_id": store.new_id("task_sla"),
            "task": task["sys_id"],
            "sla": definition(target, priority),
            "active": "true",
            "stage": "in_progress",
            "start_time": stored(by.at),
            "planned_end_time": breach,
            "original_breach_time": breach,
            "timezone": "UTC",
            "sys_created_on": stored(by.at),
            "sys_created_by": "system",
            "sys_mod_count": "0",
        }
        if task.get("state") == ON_HOLD and target == "resolution":
            row |= {"pause_time": stored(by.at), "stage": "paused"}
        _put(store, row, by)


def _resume(store: Store, row: Row, by: Transaction) -> None:
    paused = by.at - (instant_of(row.get("pause_time", "")) or by.at)
    breach = (instant_of(row["planned_end_time"]) or 0) + paused
    so_far = (instant_of(row.get("pause_duration", "")) or 0) + paused
    lengths = {"pause_duration": duration(so_far), "business_pause_duration": duration(so_far)}
    _put(store, row, by, pause_time="", stage="in_progress", planned_end_time=stored(breach), **lengths)


def _end(store: Store, row: Row, stage: str, by: Transaction) -> None:
    _put(store, row, by, active="false", stage=stage, end_time=stored(by.at), pause_time="")


def _put(store: Store, row: Row, by: Transaction, **values: str) -> None:
    fresh = {**row, **values, "sys_updated_on": stored(by.at), "sys_updated_by": "system"}
    if "sys_updated_on" in row:
        fresh["sys_mod_count"] = str(int(row["sys_mod_count"]) + 1)
    fresh |= _elapsed(fresh, by.at)
    store.put("task_sla", {name: value for name, value in fresh.items() if value}, by.committed_at)


def _elapsed(row: Row, at: Instant) -> dict[str, str]:
    """What a job, or an event of the clock, writes of the time that has passed."""
    start, breach = instant_of(row["start_time"]) or 0, instant_of(row["planned_end_time"]) or 0
    paused = instant_of(row.get("pause_duration", "")) or 0
    whole, passed = breach - start - paused, max(at - start - paused, 0)
    if pause := instant_of(row.get("pause_time", "")):
        passed = max(pause - start - paused, 0)
    percent = f"{passed * 100 / whole:.2f}".rstrip("0").rstrip(".") if whole > 0 else "100"
    left = duration(max(whole - passed, 0))
    return {
        "percentage": percent,
        "business_percentage": percent,
        "duration": duration(passed),
        "business_duration": duration(passed),
        "time_left": left,
        "business_time_left": left,
        "has_breached": "true" if passed >= whole else "false",
    }
