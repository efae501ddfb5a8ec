"""hoist beside an instance that is not as one would wish: access rules, odd set-ups, late commits, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import AskAdmin, Conflict, GiveUp, OutcomeUnknown, TryLater, Unsupported
from connectors.sandboxes.answer import Answer
from connectors.servicenow.sandbox import Abort, Mandatory, Policies, Terms
from connectors.servicenow.site import task_rules
from rules.instants import MINUTE, SECOND
from rules.ticket import Kind, Status
from tests.connectors.servicenow.beside import Beside
from tests.connectors.servicenow.sandbox_caller import Caller

Make = Callable[..., Beside]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Sets up an instance with a connector beside it."""
    with ExitStack() as open_:
        yield lambda **how: Beside(open_, tmp_path, **how)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_many_rows_in_one_second(make: Make) -> None:
    """A mass update that stamps all rows with the same second loses none, although a page holds three."""
    it = make(page_size=3)
    made = sorted(it.incident() for _ in range(10))
    assert sorted(it.run()) == made
    it.clock.pass_(MINUTE)
    for ticket in made:
        it.change(ticket, urgency="1")
    it.clock.pass_(SECOND)
    assert sorted(it.run()) == made
    assert it.run() == []


@pytest.mark.parametrize("variants", [(), ("no-next-without-count",), ("links-to-another-host", "negative-previous")])
@pytest.mark.parametrize("hidden", ["category=network", "short_description=VPN drops"])
def test_row_rules_hide_rows_and_whole_pages(make: Make, variants: tuple[str, ...], hidden: str) -> None:
    """Pages that access rules have emptied are no end: what may be seen behind them arrives, in runs and in a census."""
    it = make(page_size=2, policies=Policies(hidden={"incident": hidden}, variants=variants))
    unseen = [it.incident(category="network") for _ in range(7)]
    seen = [it.incident(short_description=f"Printer {number}") for number in range(2)]
    wanted = sorted(seen)
    assert sorted(it.run()) == wanted
    assert sorted(it.hoist.census(None).tickets) == wanted
    assert sorted(it.hoist.read([*unseen, *seen]).gone) == sorted(unseen)


def test_a_late_commit_is_not_lost(make: Make) -> None:
    """A save that shows up after its stamp was passed is handed out when it does."""
    it = make()
    early = it.incident()
    it.clock.pass_(SECOND)
    assert it.run() == [early]
    it.site.lag(90 * SECOND)
    it.change(early, assignment_group=it.network)
    it.site.lag(0)
    it.clock.pass_(30 * SECOND)
    other = it.incident()
    it.clock.pass_(SECOND)
    assert it.run() == [other]
    it.clock.pass_(69 * SECOND)
    assert it.run() == [early]
    assert it.mirror.tickets[early].fields["team"] == it.network


def test_facts_out_of_a_cache_are_asked_for_again(make: Make) -> None:
    """A row shows a change, and a cache on the way gives out what belonged to it before: the next run reads it once more."""
    it = make()
    ticket = it.incident()
    it.clock.pass_(SECOND)
    assert it.run() == [ticket]
    before = next(call for call in it.site.calls if call[1].endswith("/batch"))
    caller = Caller(it.site, "admin")
    caller("POST", before[1], json.loads(before[3]))
    kept = caller.last
    it.clock.pass_(30 * SECOND)
    it.change(ticket, comments="Any news?")
    it.clock.pass_(30 * SECOND)
    it.site.instead = lambda _, path: kept if path.endswith("/batch") else None
    assert it.run() == [ticket]
    assert not it.mirror.tickets[ticket].messages
    it.site.instead = None
    assert it.run() == [ticket]
    assert [message.by.kind for message in it.mirror.tickets[ticket].messages] == [Kind.STAFF]
    assert it.run() == []


def test_several_tables(make: Make) -> None:
    """Incidents, problems, changes and catalogue tasks are tickets of one source, each with its own states."""
    it = make(tables=("incident", "problem", "change_request", "sc_task"), page_size=2)
    made = {table: it.incident(table) for table in ("incident", "problem", "change_request", "sc_task")}
    it.change(made["problem"], table="problem", state="102")
    it.clock.pass_(SECOND)
    assert sorted(it.run()) == sorted(made.values())
    tickets = it.mirror.tickets
    assert {table: tickets[id_].fields["project"] for table, id_ in made.items()} == {table: table for table in made}
    assert tickets[made["problem"]].fields["native_status"] == "problem.102"
    assert set(it.connect(tables=("incident", "problem", "change_request", "sc_task")).census(None).tickets) == {made["incident"]}
    fresh = it.connect(tables=("incident", "problem", "change_request", "sc_task"))
    assert {ticket.ref.id for ticket in fresh.read(list(made.values())).tickets} == set(made.values())
    assert fresh.directory().statuses["problem.102"] == "Assess"


def test_a_hidden_class_is_that_of_the_table(make: Make) -> None:
    """Where an instance hides the class of its rows, a ticket is of the table that was asked."""
    it = make(policies=Policies(withheld=("read incident.sys_class_name",)))
    ticket = it.incident()
    assert it.run() == [ticket]
    assert it.read(ticket).fields["project"] == "incident"
    it.hoist.write(it.comment(ticket))


def test_a_table_of_ones_own(make: Make) -> None:
    """A table that extends incident takes its states, hold reasons and requester from there, in the past as well."""
    own = "table u_hr_case extends incident prefix HRC audited label HR Case\n  u_secret string Secret\n"
    it = make(tables=("u_hr_case",), columns=("u_secret",), terms=Terms(more_tables=own))
    ticket = it.incident("u_hr_case", u_secret="yes")
    for values in ({"state": "2"}, {"state": "3", "hold_reason": "4"}, {"state": "3", "hold_reason": "1", "comments": "When?"}):
        it.clock.pass_(SECOND)
        it.change(ticket, table="u_hr_case", **values)
    read = it.read(ticket)
    assert (read.key[:3], read.fields["type"], read.fields["requester"]) == ("HRC", "HR Case", it.chloe)
    assert read.fields["native.u_secret"] == "yes"
    statuses = [change.new for change in read.changes if change.field == "status"]
    assert statuses == [Status.OPEN, Status.ON_HOLD, Status.PENDING]
    assert it.hoist.directory().statuses["u_hr_case.3"] == "On Hold"
    assert it.hoist.problems() == []
    it.hoist.write(it.fields(ticket, ("priority", str(read.fields["priority"]), "1")))
    assert it.read(ticket).fields["priority"] == "1"


def test_a_table_that_is_added_later(make: Make) -> None:
    """When a table is added, everything is read once more: its tickets are older than what was read last."""
    it = make()
    problem = it.incident("problem")
    it.incident()
    it.clock.pass_(SECOND)
    it.run()
    it.clock.pass_(60 * MINUTE)
    it.run()
    it.hoist = it.connect(tables=("incident", "problem"))
    assert it.run() == [problem]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Los_Angeles"])
def test_time_is_utc_whatever_the_sessions_zone(make: Make, zone: str) -> None:
    """The session's zone and date format change nothing that hoist reads."""
    it = make(terms=Terms(session_zone=zone, date_form="dd/MM/yyyy hh:mm:ss a"))
    ticket = it.incident()
    it.change(ticket, state="2")
    read = it.read(ticket)
    assert read.created == it.clock.at
    assert [change.at for change in read.changes if change.field == "status"] == [it.clock.at]
    assert it.run() == [ticket]
    assert not it.hoist.problems()


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Los_Angeles"])
def test_times_that_are_read_in_another_zone_are_noticed(make: Make, zone: str) -> None:
    """An instance that takes times in a condition for local ones is found out before anything is missed."""
    it = make(terms=Terms(session_zone=zone, policies=Policies(variants=("literal-dates-in-session-zone",))))
    it.incident()
    (problem,) = it.hoist.problems()
    assert "set the time zone of hoist's account to GMT" in problem


def test_a_tag_by_a_person_is_seen(make: Make) -> None:
    """A tag does not move the ticket's stamp; the next run brings it all the same, once."""
    it = make()
    label = it.person("POST", "table/label", {"name": "hoist-hold", "global": "true", "viewable_by": "everyone"}, "admin")[
        "result"
    ]
    ticket = it.incident()
    it.clock.pass_(SECOND)
    assert it.run() == [ticket]
    it.clock.pass_(10 * SECOND)
    it.person("POST", "table/label_entry", {"label": label["sys_id"], "table": "incident", "table_key": ticket})
    assert it.run() == [ticket]
    assert it.mirror.tickets[ticket].fields["labels"] == ("hoist-hold",)
    assert it.run() == []


def test_a_paused_target_is_seen(make: Make) -> None:
    """A ticket that waits for its caller has a target without an instant, and one that runs has one."""
    it = make()
    ticket = it.incident()
    due = [value for name, value in it.read(ticket).fields.items() if name == "target.Priority 3 resolution"]
    assert isinstance(due[0], int)
    it.clock.pass_(MINUTE)
    it.change(ticket, state="3", hold_reason="1", comments="Which version do you use?")
    read = it.read(ticket)
    assert read.fields["status"] == Status.PENDING
    assert read.fields["target.Priority 3 resolution"] is None
    assert [(message.public, message.by.kind) for message in read.messages] == [(True, Kind.STAFF)]


def test_who_deleted_a_ticket(make: Make) -> None:
    """A ticket that was deleted is gone, and the instance's own record says by whom."""
    it = make()
    ticket = it.incident()
    it.person("DELETE", f"table/incident/{ticket}", None, "admin")
    reading = it.hoist.read([ticket])
    assert reading.gone == [ticket]
    assert reading.why_gone[ticket].startswith("admin deleted it at 2026-11-23")


def test_a_deletion_is_handed_out(make: Make) -> None:
    """A run names what was deleted since the last one, once, with the time; a row that is there again is none."""
    it = make(page_size=2)
    kept, deleted, restored = (it.incident() for _ in range(3))
    it.clock.pass_(SECOND)
    it.run()
    it.clock.pass_(MINUTE)
    it.person("DELETE", f"table/incident/{deleted}", None, "admin")
    row = {"tablename": "incident", "documentkey": restored, "user": "admin"}
    it.site._site.saving.insert("sys_audit_delete", row, it.site._site.transaction(it.site._site.session(it.anna), it.clock.at))
    pages = it.mirror.run(it.hoist)
    assert [dict(page.gone) for page in pages if page.gone] == [{deleted: it.clock.at}]
    assert kept not in {ticket.ref.id for page in pages for ticket in page.tickets}
    assert not any(page.gone for page in it.mirror.run(it.hoist))


def test_an_answer_that_breaks_off_is_asked_for_in_smaller_pages(make: Make) -> None:
    """A list that the instance cuts short is thrown away and asked for in smaller pages, without losing a ticket."""
    it = make(page_size=40)
    made = sorted(it.incident() for _ in range(12))
    it.clock.pass_(SECOND)
    cut = Answer(200, {"Content-Type": "application/json"}, b'{"result":[{"sys_id":{"value":"1"},"error":{"message":"Transaction '
                 b'cancelled: maximum execution time exceeded"}')  # fmt: skip

    def instead(_: str, path: str) -> Answer | None:
        query = it.site.calls[-1][2]
        return (
            cut if path.endswith("/incident") and any(f"sysparm_limit={size}&" in f"{query}&" for size in (40, 20, 10)) else None
        )

    it.site.instead = instead
    assert sorted(it.run()) == made


def test_a_batch_that_runs_out_of_time(make: Make) -> None:
    """Parts of a batch that the instance did not come to are asked for again."""
    it = make(faults={"batch-unserviced": 1.0})
    made = sorted(it.incident() for _ in range(90))
    it.change(made[0], assignment_group=it.network)
    assert sorted(it.run()) == made
    assert len(it.site.calls) < 15
    assert len(it.read(made[0]).changes) == 1


def test_without_the_batch_api(make: Make) -> None:
    """An instance on which the Batch API is switched off is read part by part."""
    it = make()
    it.site.instead = lambda _, path: Answer(403, {"Content-Type": "application/json"}, b"{}") if path.endswith("batch") else None
    ticket = it.incident()
    assert it.run() == [ticket]
    assert it.read(ticket).fields["team"] == it.desk
    assert sum(path.endswith("batch") for _, path, _, _ in it.site.calls) == 1


FAULTS = ("too-many-requests-without-retry-after", "accepted-202", "html-200", "html-503", "truncated-200", "cancelled-500",
          "refused-before", "expired-token", "batch-unserviced")  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_desk_is_mirrored_through_faults(make: Make, fault: str) -> None:
    """Whatever goes wrong every third time, in the end every ticket is mirrored as it is."""
    it = make(page_size=3, faults={fault: 0.3})
    made = [it.incident() for _ in range(10)]
    for ticket in made[::2]:
        it.change(ticket, assignment_group=it.network)
    it.clock.pass_(MINUTE)
    for _ in range(60):
        try:
            it.mirror.run(it.hoist)
            break
        except TryLater:
            continue
        except AskAdmin:  # a token that was fetched a moment ago is refused as well
            assert fault == "expired-token"
    teams = {id_: ticket.fields["team"] for id_, ticket in it.mirror.tickets.items()}
    assert teams == {ticket: it.network if number % 2 == 0 else it.desk for number, ticket in enumerate(made)}
    assert all(len(it.mirror.tickets[ticket].changes) == 1 for ticket in made[::2])


def test_a_sleeping_instance_is_said_to_sleep(make: Make) -> None:
    """A developer instance that hibernates is recognised, with what to do about it."""
    it = make(faults={"hibernating": 1.0})
    with pytest.raises((TryLater, AskAdmin), match="hibernating: wake it at"):
        it.hoist.identify()


# --- signing in and rights -------------------------------------------------------------------------------------------


def test_another_account_than_configured(make: Make) -> None:
    """A credential of somebody else is found out at sign-in: hoist would not know its own writes."""
    it = make()
    with pytest.raises(AskAdmin, match=r"belongs to hoist\.integration, not to anna"):
        it.connect(username="anna").identify()
    with pytest.raises(AskAdmin, match=r"belongs to hoist\.integration, and there is no user nobody"):
        it.connect(username="nobody").identify()


RIGHTS = {
    "read sys_audit": "lacks read access to sys_audit",
    "read sys_journal_field": "lacks read access to sys_journal_field",
    "read sys_user_group": "lacks read access to sys_user_group",
    "read dl_u_priority": "lacks read access to dl_u_priority",
    "read task_sla": "lacks read access to task_sla",
    "read label_entry": "lacks read access to label_entry",
    "read incident": "incident can't be read",
    "read incident.priority": "incident.priority is hidden",
    "read incident.caller_id": "incident.caller_id is hidden",
    "read incident.sys_mod_count": "incident.sys_mod_count is hidden",
    "read sys_journal_field.value": "sys_journal_field.value",
}


MAY_BE_EMPTY = {"read task_sla", "read label_entry", "read incident"}
"""Where an empty answer is as good as any, so that a right that is missing can't be told from it."""
LOOKS = [
    (right, said, look)
    for right, said in RIGHTS.items()
    for look in ("refused", "empty")
    if look == "refused" or right not in MAY_BE_EMPTY
]


@pytest.mark.parametrize(("right", "said", "look"), LOOKS)
def test_each_missing_right_is_named(make: Make, right: str, said: str, look: str) -> None:
    """What hoist's account may not read is named by table and column, mostly also where the instance only looks empty."""
    variants = ("denied-tables-look-empty",) if look == "empty" else ()
    it = make(policies=Policies(withheld=(right,), variants=variants))
    ticket = it.incident()
    it.change(ticket, work_notes="A note.", state="2")
    table = right.split()[1]
    problems = it.hoist.problems()
    assert any(said in problem or f"row of {table}" in problem or f"rows of {table}" in problem for problem in problems), problems


def test_a_full_set_of_rights_has_no_problems(make: Make) -> None:
    """With the rights of the set-up page nothing is left to mend."""
    it = make()
    it.incident()
    assert it.hoist.problems() == []


def test_a_table_that_is_not_audited(make: Make) -> None:
    """A table without an audit is refused: hoist could not tell whom it overwrites."""
    it = make(tables=("sc_req_item",))
    it.incident("sc_req_item")
    assert any("sc_req_item is not audited" in problem for problem in it.hoist.problems())


def test_a_column_that_can_not_be_searched(make: Make) -> None:
    """Where the instance drops a condition in silence, nothing is concluded from the rows that come instead."""
    it = make(policies=Policies(withheld=("read sys_audit.documentkey",)))
    first, second = it.incident(), it.incident()
    it.change(first, state="2")
    with pytest.raises(AskAdmin, match=r"ignores a condition on sys_audit\.documentkey"):
        it.hoist.read([second])


# --- writing ---------------------------------------------------------------------------------------------------------


def test_only_what_changes_is_sent(make: Make) -> None:
    """An update names the columns that change, impact or urgency for a priority, and the note with the marker."""
    it = make()
    ticket = it.incident()
    it.hoist.write(it.fields(ticket, ("team", it.desk, it.network), ("priority", "3", "2")))
    (body,) = [body for method, _, _, body in it.site.calls if method == "PATCH"]
    assert set(json.loads(body)) == {"assignment_group", "priority", "impact", "urgency", "work_notes"}
    read = it.read(ticket)
    assert (read.fields["priority"], read.fields["native.impact"], read.fields["native.urgency"]) == ("2", "2", "1")


@pytest.mark.parametrize("variants", [(), ("priority-write-holds",)])
@pytest.mark.parametrize(("table", "wanted"), [("incident", "1"), ("problem", "4"), ("sc_task", "1")])
def test_a_priority_holds_whether_it_is_computed_or_not(make: Make, table: str, wanted: str, variants: tuple[str, ...]) -> None:
    """The priority is what was asked for after the instance has computed its own."""
    it = make(tables=("incident", "problem", "sc_task"), policies=Policies(variants=variants))
    ticket = it.incident(table)
    was = it.read(ticket).fields["priority"]
    operation = it.fields(ticket, ("priority", str(was), wanted))
    it.hoist.write(operation)
    assert it.read(ticket).fields["priority"] == wanted
    assert it.hoist.verify(operation).problems == ()


def test_a_priority_that_did_not_follow_yet_is_not_planned_anew(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the instance has no time for the second half of an update, its first half stands: what came of it is looked for."""
    monkeypatch.setattr(task_rules, "LOOKED_UP", frozenset({"sc_task"}))
    it = make(tables=("sc_task",))
    ticket = it.incident("sc_task")
    was, updates = str(it.read(ticket).fields["priority"]), list[str]()

    def instead(method: str, path: str) -> Answer | None:
        updates.extend([path] if method == "PATCH" else [])
        return Answer(429, {"Content-Type": "application/json"}, b"{}") if method == "PATCH" and len(updates) == 2 else None

    it.site.instead = instead
    operation = it.fields(ticket, ("team", it.desk, it.network), ("priority", was, "1"))
    with pytest.raises(OutcomeUnknown, match="priority did not follow"):
        it.hoist.write(operation)
    found = it.hoist.verify(operation)
    assert found.found is True
    assert "priority is" in found.problems[0]


def test_priorities_and_states_of_ones_own(make: Make) -> None:
    """An instance with a priority above the first, and states under other names, is read and written as it is."""
    it = make(statuses={"on_hold": ("At the workshop",)})
    choice = {"name": "task", "element": "priority", "value": "0", "label": "0 - Emergency", "sequence": "-10", "language": "en"}
    it.person("POST", "table/sys_choice", choice, "admin")
    it.person("POST", "table/dl_u_priority", {"impact": "1", "urgency": "0", "priority": "0"}, "admin")
    it.person("POST", "table/sys_choice", choice | {"element": "urgency", "label": "0 - Now"}, "admin")
    for row in it.rows("sys_choice", "name=incident^element=state^value=2"):
        it.person("PATCH", f"table/sys_choice/{row['sys_id']}", {"label": "At the Workshop"}, "admin")
    directory = it.hoist.directory()
    assert list(directory.priorities.items())[:2] == [("0", "0 - Emergency"), ("1", "1 - Critical")]
    ticket = it.incident()
    it.change(ticket, state="2")
    operation = it.fields(ticket, ("priority", "3", "0"))
    it.hoist.write(operation)
    read = it.read(ticket)
    assert (read.fields["status"], read.fields["priority"], read.native["status"]) == (Status.ON_HOLD, "0", "At the Workshop")
    assert [change.new for change in read.changes if change.field == "status"] == [Status.ON_HOLD]
    assert it.hoist.verify(operation).problems == ()


def test_a_priority_without_a_pair_is_given_up(make: Make) -> None:
    """A priority that no impact and urgency give is parked with what to do, and nothing is written."""
    it = make()
    for row in it.rows("dl_u_priority", "priority=1"):
        it.person("DELETE", f"table/dl_u_priority/{row['sys_id']}", None, "admin")
    ticket = it.incident()
    with pytest.raises(GiveUp, match="no impact and urgency give the priority 1"):
        it.hoist.write(it.fields(ticket, ("priority", "3", "1")))
    assert not it.rows("sys_journal_field", f"element_id={ticket}")


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "a business rule": (
        {"aborts": (Abort("incident", "Network is frozen", "state=1"),)},
        "aborted by Business Rule 'Network is frozen",
    ),
    "a data policy": ({"mandatory": (Mandatory("incident", ("close_notes",), "state=1"),)}, "mandatory"),
    "an access rule": ({"withheld": ("write incident",)}, "403"),
}


@pytest.mark.parametrize(("policies", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_parked_with_the_instances_own_words(make: Make, policies: dict[str, Any], words: str) -> None:
    """What the instance refuses for good is not tried again, its reason is told, and no tag stays behind."""
    it = make()
    it.person("POST", "table/label", {"name": "lifted", "global": "true"}, "admin")
    ticket = it.incident()
    for name, value in policies.items():
        object.__setattr__(it.site._site.saving.policies, name, value)  # set up after the ticket was made
    operation = it.fields(ticket, ("team", it.desk, it.network), add_labels=("lifted",))
    with pytest.raises(GiveUp, match=words):
        it.hoist.write(operation)
    assert not it.rows("label_entry", f"table_key={ticket}")
    assert it.hoist.verify(operation).found is False


def test_a_field_that_is_dropped_in_silence_is_noticed(make: Make) -> None:
    """Where the instance takes an update and leaves a column out, hoist says which, and looks no further for the cause."""
    it = make(policies=Policies(withheld=("write incident.assignment_group",)))
    ticket = it.incident()
    operation = it.fields(ticket, ("team", it.desk, it.network))
    it.hoist.write(operation)
    found = it.hoist.verify(operation)
    assert found.found is True
    assert "team is" in found.problems[0]


def test_an_update_of_which_nothing_is_written_is_given_up(make: Make) -> None:
    """Where even the work note is dropped in silence, hoist does not send it again and again: it says what is missing."""
    it = make(policies=Policies(withheld=("write incident.work_notes", "write incident.assignment_group")))
    ticket = it.incident()
    for operation in (it.comment(ticket), it.fields(ticket, ("team", it.desk, it.network))):
        with pytest.raises(GiveUp, match="wrote nothing of it; let hoist's account write work_notes"):
            it.hoist.write(operation)


def test_a_change_without_its_note_is_found_by_the_audit(make: Make) -> None:
    """Where the note with the marker was dropped, the audit shows that the change was hoist's, and what is missing is said."""
    it = make(policies=Policies(withheld=("write incident.work_notes",)))
    ticket = it.incident()
    operation = it.fields(ticket, ("team", it.desk, it.network))
    it.hoist.write(operation)
    found = it.hoist.verify(operation)
    assert found.found is True
    assert "check that hoist may write work notes" in found.problems[0]


def test_a_rule_that_saves_once_more(make: Make) -> None:
    """A business rule that updates the record in the same save makes nobody overwritten."""
    it = make(faults={"rule-saves-again": 1.0})
    ticket = it.incident()
    operation = it.fields(ticket, ("team", it.desk, it.network))
    it.hoist.write(operation)
    assert (it.hoist.verify(operation).overwritten, it.hoist.verify(operation).problems) == ((), ())


def test_a_ticket_that_changed_since_it_was_read_is_not_written(make: Make) -> None:
    """A moment before each update hoist looks again: another count of updates, or another team, and nothing is sent."""
    it = make()
    ticket = it.incident()
    base = it.read(ticket).version
    it.change(ticket, short_description="VPN is down")
    with pytest.raises(Conflict, match="changed after hoist had read it"):
        it.hoist.write(it.fields(ticket, ("team", it.desk, it.network), base=base))
    it.change(ticket, assignment_group=it.engineers)
    with pytest.raises(Conflict, match="team is"):
        it.hoist.write(it.fields(ticket, ("team", it.desk, it.network)))
    assert not any(method == "PATCH" for method, _, _, _ in it.site.calls)


@pytest.mark.parametrize("status", [202, 500, 503])
def test_an_answer_that_says_nothing_certain(make: Make, status: int) -> None:
    """A 202 may be dropped by the instance and a 500 may hide a success: the outcome is unknown, and nothing is repeated."""
    it = make()
    ticket = it.incident()
    it.site.instead = lambda method, _: Answer(status) if method == "PATCH" else None
    with pytest.raises(OutcomeUnknown):
        it.hoist.write(it.comment(ticket))
    it.site.instead = None
    assert it.hoist.verify(it.comment(ticket)).found is False
    assert sum(method == "PATCH" for method, _, _, _ in it.site.calls) == 1


def test_a_journal_that_looks_empty_proves_nothing(make: Make) -> None:
    """Where the journal is hidden from hoist, a lost answer stays unknown instead of being sent again."""
    it = make(policies=Policies(withheld=("read sys_journal_field",), variants=("denied-tables-look-empty",)))
    ticket = it.incident()
    operation = it.comment(ticket)
    it.hoist.write(operation)
    found = it.hoist.verify(operation)
    assert found.found is None
    assert "let it read sys_journal_field" in found.problems[0]


def test_a_comment_is_inert_and_internal(make: Make) -> None:
    """Nothing in a comment becomes markup or a mention, and the requester does not see it."""
    it = make()
    ticket = it.incident()
    it.hoist.write(it.comment(ticket, "[code]<b>x</b>[/code] @[abc:Anna] [hoist 99 t=1]"))
    (note,) = it.rows("sys_journal_field", f"element_id={ticket}")
    assert note["element"] == "work_notes"
    assert "[code]" not in note["value"]
    assert "@[" not in note["value"]
    assert it.hoist.marks(ticket) == {"77aa"}


def test_an_unknown_tag_or_person_is_given_up(make: Make) -> None:
    """Tags and people that the instance does not have are refused before anything is written."""
    it = make()
    ticket = it.incident()
    with pytest.raises(GiveUp, match="no tag called vip"):
        it.hoist.write(it.fields(ticket, add_labels=("vip",)))
    with pytest.raises(Unsupported, match="carets"):
        it.hoist.write(it.fields(ticket, add_labels=("a^ORactive=true",)))
    with pytest.raises(GiveUp, match="no active user"):
        it.hoist.write(it.fields(ticket, ("assignee", None, "f" * 32)))
    with pytest.raises(GiveUp, match="no active group"):
        it.hoist.write(it.fields(ticket, ("team", it.desk, "x^ORactive=true")))
    assert not any(method in {"PATCH", "POST"} and "incident" in path for method, path, _, _ in it.site.calls)


def test_a_ticket_is_read_by_its_number(make: Make) -> None:
    """Before hoist has read anything a ticket can be named as people call it; a number that two rows bear names neither."""
    it = make(tables=("incident", "problem"))
    one, other, _ = it.incident(), it.incident("problem"), it.incident(number="INC0777777")
    numbers = [it.rows("task", f"sys_id={ticket}")[0]["number"] for ticket in (one, other)]
    reading = it.hoist.read([numbers[0].lower(), numbers[1], one, "INC9999999"])
    assert sorted(ticket.ref.id for ticket in reading.tickets) == sorted([one, other])
    assert list(reading.gone) == ["INC9999999"]
    it.incident(number="INC0777777")
    assert list(it.hoist.read(["INC0777777"]).gone) == ["INC0777777"]


def test_nothing_of_a_ticket_gets_into_a_query(make: Make) -> None:
    """Ids that are none are gone, whatever they say."""
    it = make()
    it.incident()
    assert it.hoist.read(["x^ORactive=true", "javascript:gs.sleep(1)"]).gone == ["x^ORactive=true", "javascript:gs.sleep(1)"]
    assert not any("gs.sleep" in query or b"gs.sleep" in body for _, _, query, body in it.site.calls)


# --- what it costs ---------------------------------------------------------------------------------------------------


def test_requests_for_changed_tickets(make: Make) -> None:
    """Changed tickets with their whole history take two requests for each page, and a run one for what changed beside them."""
    it = make(tags=False, targets=False)
    made = [it.incident() for _ in range(120)]
    it.change(made[0], urgency="3")
    it.run()
    it.clock.pass_(10 * MINUTE)
    for ticket in made:
        it.change(ticket, urgency="1")
    it.site.calls.clear()
    assert len(it.run()) == 120
    asked = [(method, path.rpartition("/")[2]) for method, path, _, _ in it.site.calls]
    assert asked == [("GET", "incident"), ("POST", "batch"), ("GET", "sys_audit_delete")]
    assert max(len(query) for _, _, query, _ in it.site.calls) < 2_000


def test_writes_under_another_name_stop_the_source(make: Make) -> None:
    """Where the instance says that somebody else wrote, hoist would not find its own marker: it writes nothing more."""
    it = make()
    ticket = it.incident()
    told = json.dumps({"result": {"sys_id": ticket, "sys_mod_count": "1", "sys_updated_by": "svc.other"}}).encode()
    it.site.instead = lambda method, _: Answer(200, {"Content-Type": "application/json"}, told) if method == "PATCH" else None
    it.hoist.write(it.comment(ticket))
    for act in (it.hoist.identify, lambda: it.hoist.write(it.comment(ticket)), lambda: it.hoist.verify(it.comment(ticket))):
        with pytest.raises(AskAdmin, match=r"written as svc\.other, not as hoist\.integration"):
            act()
    assert sum(method == "PATCH" for method, _, _, _ in it.site.calls) == 1


def test_a_silent_change_is_seen_when_the_ticket_is_read(make: Make) -> None:
    """An update that leaves stamp and count alone is no news to a run, and no secret to a fresh read."""
    it = make()
    ticket = it.incident()
    it.clock.pass_(SECOND)
    assert it.run() == [ticket]
    it.clock.pass_(MINUTE)
    it.site.silently(ticket, assignment_group=it.network)
    assert it.run() == []
    assert it.read(ticket).fields["team"] == it.network


def test_a_clone_is_told_from_its_original(make: Make) -> None:
    """A copy of an instance has the same sys_ids under another name, and hoist does not take one for the other."""
    it = make(instance="")
    assert it.hoist.identify().instance == "hoistsandbox"
    for row in it.rows("sys_properties", "name=instance_name"):
        it.person("PATCH", f"table/sys_properties/{row['sys_id']}", {"value": "hoisttest"}, "admin")
    assert it.connect().identify().instance == "hoisttest"
    with pytest.raises(AskAdmin, match="calls itself hoisttest, not hoistsandbox"):
        it.connect(instance="hoistsandbox").identify()


@pytest.mark.parametrize("cursor", ["", "x", "{}", '{"tables":["problem"]}', '{"tables":["incident"],"table":7}', "null"])
def test_a_cursor_that_is_none_begins_anew(make: Make, cursor: str) -> None:
    """A cursor of other tables, or one that nobody can read, costs a full read and no ticket."""
    it = make()
    ticket = it.incident()
    it.mirror.cursor = cursor
    assert it.run() == [ticket]
    assert set(it.hoist.census(cursor).tickets) == {ticket}
