"""What the sandbox replays: made-up desks, and real event logs as tickets with audits."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.sandboxes.history import Event
from connectors.zendesk.sandbox import ZendeskSandbox, load, made_up
from rules.instants import DAY, HOUR, MINUTE, Instant, instant
from tests.connectors.sandbox_desk import CHASED, HANDED, START, TAKEN, Clock, desk
from tests.connectors.zendesk.sandbox_caller import Caller, changes
from tests.shared import shared

HEADER = "case_id,changed_at,status,sub_status,support_team,support_line,impact,product,owner\n"

STATUSES = {"Awaiting Assignment": "open", "Wait - User": "pending", "Wait - Customer": "pending", "Wait - Vendor": "hold",
            "Wait - Implementation": "hold", "Wait": "hold", "In Call": "solved", "Resolved": "solved",
            "Closed": "solved", "Cancelled": "solved"}  # fmt: skip
"""Status by sub-status once a ticket is new no more; any other is open."""
PRIORITIES = {"Major": "urgent", "High": "high", "Medium": "normal", "Low": "low"}


def test_the_same_seed_makes_the_same_account() -> None:
    """Ids, people and history follow from the seed; another seed makes others."""

    def seen(seed: int) -> list[dict[str, Any]]:
        call = Caller(ZendeskSandbox(clock=lambda: START, history=made_up(20, seed, START, DAY), seed=seed))
        return call.export() + call.audits(5)

    assert seen(1) == seen(1) != seen(2)


def test_history_goes_on_while_a_client_watches() -> None:
    """What the history holds for a later instant appears when the clock gets there."""
    clock = Clock()
    call = Caller(ZendeskSandbox(clock=clock, history=desk(TAKEN, HANDED, CHASED)))
    assert len(call("GET", "tickets/1/comments")["comments"]) == 2
    clock.at = call.sandbox.next_event(START) or 0
    said = call("GET", "tickets/1/comments")["comments"][-1]
    assert (said["body"], said["author_id"]) == ("Any news?", call.sandbox.user_id("chloe"))
    assert said["created_at"] == "2026-11-23T08:00:10Z"
    assert call.sandbox.next_event(clock.at) is None


def test_programs_act_as_the_platforms_own_user() -> None:
    """What the desk's automation did is told as an automation's, by the user -1."""
    event = Event(START - 5 * MINUTE, "T1", "SYSTEM", {"status": "Resolved"})
    call = Caller(ZendeskSandbox(clock=lambda: START, history=desk(TAKEN, event)))
    audit = call.audits(1)[-1]
    assert (audit["author_id"], audit["via"]["channel"], audit["via"]["source"]["rel"]) == (-1, "rule", "automation")


def test_a_ticket_is_closed_with_the_last_word_of_its_history() -> None:
    """What the log goes on with after a close was solved meanwhile; no ticket leaves closed."""
    statuses = ("Resolved", "In Progress", "Resolved")
    events = [Event(START - n * MINUTE, "T1", "anna", {"status": each}) for n, each in zip((9, 6, 3), statuses, strict=True)]
    history = desk(TAKEN, *events)
    roles = {**history.roles, "resolved": (), "closed": ("Resolved",)}
    history = type(history)(**{**{name: getattr(history, name) for name in history.__dataclass_fields__ if name[0] != "_"},
                               "roles": roles})  # fmt: skip
    call = Caller(ZendeskSandbox(clock=lambda: START, history=history))
    told = [changes(audit).get("status") for audit in call.audits(1)[1:]]
    assert told == [("new", "open"), ("open", "solved"), ("solved", "open"), ("open", "closed")]


def rewritten(path: Path, rows: list[str]) -> ZendeskSandbox:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return ZendeskSandbox(clock=lambda: START, history=load(path))


def test_the_words_of_the_log_become_those_of_tickets(tmp_path: Path) -> None:
    """Every sub-status has its status and its own custom status, every impact its priority."""
    rows = [
        f"1-{number},2012-05-07T06:{number:02}:00+01:00,x,In Progress,A,L1,{impact},P,P0001"
        for number, impact in enumerate(PRIORITIES)
    ]
    rows += [f"1-1,2012-05-08T06:{n:02}:00+01:00,x,{word},A,L1,High,P,P0002" for n, word in enumerate(STATUSES)]
    call = Caller(rewritten(tmp_path / "log.csv", rows))
    labels = {each["id"]: each["agent_label"] for each in call("GET", "custom_statuses")["custom_statuses"]}
    told = []
    state = "open"
    for audit in call.audits(2)[1:]:
        found = changes(audit)
        state = found.get("status", (None, state))[1]
        told.append((labels[int(found["custom_status_id"][1])] if "custom_status_id" in found else "", state))
    assert [status for _, status in told] == [*list(STATUSES.values())[:-1], "closed"]
    assert [label for label, _ in told][1:-1] == list(STATUSES)[1:-1]
    tickets = [call.ticket(call.sandbox.issue_id(f"1-{number}")) for number in range(4)]
    assert [ticket["priority"] for ticket in tickets] == ["urgent", "high", "normal", "low"]


def volvo() -> Path:
    return shared() / "data" / "bpic2013_incidents.csv.gz"


def folded(rows: list[dict[str, str]]) -> dict[str, object]:
    """The state that a case's last row before a moment describes, in the sandbox's words."""
    row = rows[-1]
    begun = any(each["sub_status"] != "Awaiting Assignment" for each in rows)
    status = STATUSES.get(row["sub_status"], "open")
    waiting = row["sub_status"] == "Awaiting Assignment"
    nobody = waiting or row["owner"] == "SYSTEM"
    return {
        "status": "new" if waiting and not begun else status,
        "team": row["support_team"],
        "owner": "" if nobody else row["owner"],
        "priority": PRIORITIES[row["impact"]],
    }


def test_the_volvo_log_is_played_as_it_was_written() -> None:
    """In the middle of the log each of some hundred tickets is what its last row says, and its audits add up to that."""
    at = instant(datetime.fromisoformat("2012-05-07T06:00:00+00:00"))
    call = Caller(ZendeskSandbox(clock=lambda: at, history=load(volvo())))
    cases = _cases(at)
    groups = {each["id"]: each["name"] for page in range(1, 8) for each in _groups(call, page)}
    chosen = sorted(cases)[:: max(len(cases) // 150, 1)]
    for case in chosen:
        wanted = folded(cases[case])
        shown = call.ticket(call.sandbox.issue_id(case))
        owner = call.sandbox.user_id(str(wanted["owner"])) if wanted["owner"] else None
        assert groups[shown["group_id"]] == wanted["team"], case
        assert (shown["assignee_id"], shown["priority"]) == (owner, wanted["priority"]), case
        status = "solved" if shown["status"] == "closed" else shown["status"]
        reopened = {wanted["status"], "open"} if wanted["status"] == "new" else {wanted["status"]}
        assert status in reopened, case
        assert _added_up(call.audits(shown["id"])) == {name: _text(shown[name]) for name in ("status", "group_id", "assignee_id")}
    assert len(chosen) > 100


def test_an_hour_of_the_log_is_told_by_the_export() -> None:
    """What happens in an hour comes with the cursor of its beginning, and nothing else does."""
    clock = Clock(instant(datetime.fromisoformat("2012-05-07T09:00:00+00:00")))
    call = Caller(ZendeskSandbox(clock=clock, history=load(volvo())))
    call.export()
    cursor = call("GET", "incremental/tickets/cursor", start_time=clock.at // 1000 - 60)["after_cursor"]
    begun = clock.at
    clock.pass_(HOUR)
    page = call("GET", "incremental/tickets/cursor", cursor=cursor)
    rows = _cases(clock.at - MINUTE)
    moved = {case for case, each in rows.items() if _at(each[-1]) > begun - MINUTE}
    assert {row["id"] for row in page["tickets"]} <= {call.sandbox.issue_id(case) for case in moved}
    assert len(page["tickets"]) > 10


def _cases(until: Instant) -> Mapping[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(volvo(), "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if _at(row) <= until:
                found[row["case_id"]].append(row)
    return found


def _at(row: Mapping[str, str]) -> Instant:
    return instant(datetime.fromisoformat(row["changed_at"]))


def _groups(call: Caller, page: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call("GET", "groups", page=page, per_page=100)["groups"]
    return found


def _added_up(audits: list[dict[str, Any]]) -> dict[str, object]:
    """The last values that audits tell of some fields."""
    state: dict[str, object] = {"status": None, "group_id": None, "assignee_id": None}
    for audit in audits:
        for event in audit["events"]:
            if event.get("field_name") in state:
                state[event["field_name"]] = event["value"]
    return state


def _text(value: object) -> object:
    return None if value is None else str(value)
