"""Encoded queries: what the sandbox finds, what it drops without a word, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandboxes.made_up import made_up
from connectors.servicenow.sandbox import Policies, ServiceNowSandbox, Terms
from connectors.servicenow.site.queries import OPERATORS, Term, parsed
from rules.instants import DAY
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, desk
from tests.connectors.servicenow.sandbox_caller import Caller

ALL = ["01", "02", "03"]


@pytest.fixture(scope="module")
def call() -> Caller:
    """Three incidents, opened three, two and one hours before START; the first was taken and handed on."""
    return Caller(ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)))


@pytest.fixture(scope="module")
def lively() -> Caller:
    return Caller(ServiceNowSandbox(clock=lambda: START, history=made_up(60, 3, START, DAY)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ALL),
        ("state=2", ["01"]),
        ("state!=2", ["02", "03"]),
        ("stateIN1,2", ALL),
        ("stateNOT IN2,3", ["02", "03"]),
        ("state=2^ORnumber=INC0010003", ["01", "03"]),
        ("priority=3^state=2^ORnumber=INC0010003", ["01", "03"]),
        ("number=INC0010001^NQnumber=INC0010002", ["01", "02"]),
        ("short_descriptionLIKEdrops 2", ["02"]),
        ("short_descriptionLIKEDROPS 2", []),
        ("short_descriptionNOTLIKEdrops 2", ["01", "03"]),
        ("short_descriptionSTARTSWITHVPN^short_descriptionENDSWITH3", ["03"]),
        ("reassignment_count>0", ["01"]),
        ("reassignment_countBETWEEN1@9", ["01"]),
        ("reassignment_count<10^number>=INC0010002", ["02", "03"]),
        ("assigned_toISEMPTY", ALL),
        ("short_descriptionISNOTEMPTY^hold_reason=", ALL),
        ("assignment_groupANYTHING", ALL),
        ("assignment_group.name=Network Operations", ["01"]),
        ("assignment_groupLIKENetwork", ["01"]),
        ("caller_id.user_name=chloe^assignment_group.nameSTARTSWITHService", ["02", "03"]),
        ("active=TRUE", ALL),
        ("sys_created_on>2026-11-23 05:30:00", ["02", "03"]),
        ("sys_created_onBETWEEN2026-11-23 05:00:00@2026-11-23 06:00:00", ["01", "02"]),
        ("sys_created_onON2026-11-23", ALL),
        ("sys_created_onONToday@javascript:gs.beginningOfToday()@javascript:gs.endOfToday()", ALL),
        ("sys_created_on<javascript:gs.hoursAgo(2)", ["01"]),
        ("sys_created_onRELATIVEGT@hour@ago@2", ["03"]),
        ("state=1^EQ", ["02", "03"]),
        ("sys_idIN", []),
        ("hold_reasonIN", ALL),
    ],
)
def test_finds_what_the_terms_say(call: Caller, query: str, found: list[str]) -> None:
    """Each operator finds the rows that the platform's documentation says, values being case-sensitive."""
    assert sorted(call.numbers(query)) == found


@pytest.mark.parametrize(
    ("table", "query", "found"),
    [
        ("sys_user", "RLQUERYincident.caller_id,>2^ENDRLQUERY", ["Chloe Maes"]),
        ("sys_user", "RLQUERYincident.caller_id,>=1^state=2^ENDRLQUERY^active=true", ["Chloe Maes"]),
        ("sys_user", "RLQUERYincident.caller_id,>1^state=2^ENDRLQUERY", []),
        ("sys_user_group", "RLQUERYincident.assignment_group,=2,m2m^ENDRLQUERY", ["Service Desk"]),
        ("sys_user_group", "nameLIKEe^RLQUERYincident.assignment_group,<=1^ENDRLQUERY^nameLIKENet", ["Network Operations"]),
        ("sys_user_group", "JOINsys_user_group.manager=sys_user.sys_id!name=Anna Visser^ORDERBYname", ["Service Desk"]),
        ("sys_user_group", "RLQUERYincident.nothing,>5^ENDRLQUERY^name=Service Desk", ["Service Desk"]),
        ("sys_user_group", "JOINnonsense^ORDERBYname^name=Service Desk", ["Service Desk"]),
    ],
)
def test_counts_records_of_other_tables(call: Caller, table: str, query: str, found: list[str]) -> None:
    """Related lists and joins find what enough records elsewhere refer to; one that makes no sense is dropped."""
    assert [row["name"] for row in call.rows(table, query)] == found


@pytest.mark.parametrize(
    "query",
    [
        "sttae=2",
        "State=2",
        "state~2",
        "assignment_group.nmae=Network Operations",
        "short_description.length=4",
        "nonsense",
        "sys_created_on>javascript:gs.nowhere()",
        "state SAMEAS impact",
    ],
)
def test_drops_what_makes_no_sense_and_so_finds_too_much(call: Caller, query: str) -> None:
    """A misspelt part of a query widens it to the whole table, without a word; the parts beside it hold."""
    assert sorted(call.numbers(query)) == ALL
    assert call.numbers(f"number=INC0010002^{query}") == ["02"]
    assert call.last.status == 200


def test_a_property_makes_a_wrong_query_find_nothing() -> None:
    """Where glide.invalid_query.returns_no_rows is true, a misspelt part leaves nothing."""
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk()))
    admin = Caller(call.sandbox, "admin")
    (row,) = admin.rows("sys_properties", "name=glide.invalid_query.returns_no_rows")
    admin("PATCH", f"table/sys_properties/{row['sys_id']}", {"value": "true"})
    assert call.numbers("sttae=2") == []
    assert len(call.numbers("state=1")) == 3


def test_a_term_on_an_unreadable_field_is_dropped() -> None:
    """Who may not read a field can't search by it: the term is dropped as if misspelt."""
    terms = Terms(policies=Policies(withheld=["read incident.description"]))
    call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk(), terms=terms))
    assert len(call.numbers("descriptionLIKEno such text")) == 3


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("ORDERBYnumber", ALL),
        ("ORDERBYDESCnumber", ALL[::-1]),
        ("ORDERBYassignment_group^ORDERBYDESCnumber", ["01", "03", "02"]),  # by name: Network before Service
        ("ORDERBYDESCreassignment_count^ORDERBYnumber", ALL),
        ("ORDERBYsys_updated_on", ["02", "03", "01"]),
        ("ORDERBYnosuchfield^ORDERBYDESCnumber", ALL[::-1]),
    ],
)
def test_sorts(call: Caller, order: str, found: list[str]) -> None:
    """Orders apply one after another, references by name; an order by nothing is dropped."""
    assert call.numbers(order) == found


def test_literal_dates_are_utc_unless_the_instance_differs() -> None:
    """A date-time in a query is UTC; where an instance reads it in the session's zone, an hour of winter is off."""
    for variants, found in (((), ["02", "03"]), (("literal-dates-in-session-zone",), ALL)):
        terms = Terms(policies=Policies(variants=variants))
        call = Caller(ServiceNowSandbox(clock=lambda: START, history=desk(), terms=terms))
        assert sorted(call.numbers("sys_created_on>=2026-11-23 06:00:00")) == found


def test_plain_pairs_are_a_query_of_equalities(call: Caller) -> None:
    """field=value parameters filter where no encoded query is given."""
    found = call("GET", "table/incident", state="1", number="INC0010002")["result"]
    assert [row["number"] for row in found] == ["INC0010002"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_terms_are_found_again(data: st.DataObject) -> None:
    """What was joined by ^, ^OR and ^NQ comes apart again, operators that begin alike told apart."""
    value = st.text(st.characters(codec="ascii", categories=("L", "N", "Zs")), max_size=6).filter(
        lambda text: not text.startswith(("=", "IN", "ON"))
    )
    known = {"NOT LIKE": "NOTLIKE", "NOT IN": "NOTIN", "CONTAINS": "LIKE"}
    term = st.tuples(st.sampled_from(["state", "sys_id", "caller_id.name"]), st.sampled_from(OPERATORS), value)
    groups = data.draw(st.lists(st.lists(st.lists(term, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=3))
    text = "^NQ".join("^".join("^OR".join("".join(each) for each in clause) for clause in group) for group in groups)
    expected = tuple(
        tuple(tuple(Term(field, known.get(operator, operator), value) for field, operator, value in clause) for clause in group)
        for group in groups
    )
    assert parsed(text).groups == expected


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 40), low=st.integers(0, 14 * 24))
def test_keyset_pages_miss_nothing(lively: Caller, size: int, low: int) -> None:
    """Whoever reads on from the last row's stamp and id gets each row once, by index as by looking at every row."""
    begin = f"2026-11-{9 + low // 24:02} {low % 24:02}:00:00"
    base, order = "sys_class_name=incident", "ORDERBYsys_updated_on^ORDERBYsys_id"
    fields = {"sysparm_fields": "sys_id,sys_updated_on", "sysparm_limit": size, "sysparm_no_count": "true"}
    found: list[str] = []
    page = lively.rows("incident", f"{base}^sys_updated_on>={begin}^{order}", **fields)
    while page:
        found += [row["sys_id"] for row in page]
        at, id_ = page[-1]["sys_updated_on"], page[-1]["sys_id"]
        page = lively.rows("incident", f"{base}^sys_updated_on>{at}^NQ{base}^sys_updated_on={at}^sys_id>{id_}^{order}", **fields)
    everything = lively.rows("incident", sysparm_fields="sys_id,sys_updated_on")
    wanted = sorted((row["sys_updated_on"], row["sys_id"]) for row in everything if row["sys_updated_on"] >= begin)
    assert found == [id_ for _, id_ in wanted]


VALUES = {
    "sys_id": [],
    "number": ["INC0010001", "INC0010005", "INC0010019", "nothing"],
    "state": ["1", "2", "3", "7", "9"],
    "assignment_group": [],
    "assignment_group.name": ["Service Desk", "Network Operations"],
    "sys_updated_on": ["2026-11-12 00:00:00", "2026-11-18 12:00:00", "2026-11-23 08:00:00"],
    "correlation_id": ["", "x"],
}


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_an_index_finds_what_a_look_at_every_row_finds(lively: Caller, data: st.DataObject) -> None:
    """Whatever a query names, the rows that its indexes lead to are all that it holds for."""
    site = lively.sandbox._site
    rows = list(site.store.all("incident"))
    known = VALUES | {name: [row[name] for row in rows[:4]] for name in ("sys_id", "assignment_group")}
    term = st.sampled_from(sorted(known)).flatmap(
        lambda field: st.tuples(
            st.just(field),
            st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "IN", "NOT IN", "ISEMPTY"]),
            st.sampled_from(known[field]),
        )
    )
    clauses = data.draw(st.lists(st.tuples(st.sampled_from(["^", "^OR", "^NQ"]), term), min_size=1, max_size=5))
    query = "".join(glue + "".join(each) for glue, each in clauses).removeprefix("^").removeprefix("OR").removeprefix("NQ")
    found = [row["sys_id"] for row in lively.rows("incident", query, sysparm_fields="sys_id")]
    assert sorted(found) == sorted(row["sys_id"] for row in rows if site.holds("incident", query, row))
    ordered = lively.rows("incident", f"{query}^ORDERBYsys_updated_on^ORDERBYsys_id", sysparm_fields="sys_id,sys_updated_on")
    assert ordered == sorted(ordered, key=lambda row: (row["sys_updated_on"], row["sys_id"]))
    assert sorted(row["sys_id"] for row in ordered) == sorted(found)
