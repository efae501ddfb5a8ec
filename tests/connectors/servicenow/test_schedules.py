"""Schedules and on-call rotas that an instance keeps, read beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from connectors.errors import AskAdmin, GiveUp
from connectors.servicenow.sandbox import Policies
from rules.instants import Instant, instant
from tests.connectors.servicenow.beside import Beside

Make = Callable[..., Beside]
HOURS, ROTA = "Service Desk hours", "Service Desk on call"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as open_:
        yield lambda **how: Beside(open_, tmp_path, **how)


def at(day: int, hour: int) -> Instant:
    """In December 2026, UTC."""
    return instant(datetime(2026, 12, day, hour, tzinfo=UTC))


def put(it: Beside, table: str, **values: str) -> str:
    return str(it.person("POST", f"table/{table}", values, "admin")["result"]["sys_id"])


def row_of(it: Beside, table: str, name: str) -> str:
    (found,) = it.rows(table, f"name={name}", sysparm_fields="sys_id")
    return str(found["sys_id"])


def off(it: Beside, schedule: str, start: str, end: str, **more: str) -> None:
    put(it, "cmn_schedule_span", schedule=schedule, type="exclude", start_date_time=start, end_date_time=end, **more)


def test_a_schedule_with_its_holidays(make: Make) -> None:
    """Its week, a half day of its own, and the holidays of a child schedule, year by year, in the schedule's zone."""
    it = make()
    schedule = row_of(it, "cmn_schedule", HOURS)
    off(it, schedule, "20261224T120000", "20261224T180000")
    holidays = put(it, "cmn_schedule", name="Holidays", type="exclude")
    off(it, holidays, "20261225T000000", "20261225T235959", repeat_type="yearly")
    put(it, "cmn_other_schedule", schedule=schedule, child_schedule=holidays, type="exclude")
    found = it.hoist.timetable(HOURS)
    assert found.time_zone == "Europe/Amsterdam"
    assert found.hours == dict.fromkeys(range(5), ((480, 1080),))
    ahead = {day: shifts for day, shifts in found.dates.items() if date(2026, 12, 1) < day < date(2029, 1, 1)}
    assert ahead == {date(2026, 12, 24): ((480, 720),), date(2026, 12, 25): (), date(2028, 12, 25): ()}


def test_a_schedule_that_never_closes_and_one_by_night(make: Make) -> None:
    """Round the clock is every day from midnight to midnight; a night belongs to the day on which it begins."""
    it = make()
    always = put(it, "cmn_schedule", name="24 x 7")
    put(it, "cmn_schedule_span", schedule=always, start_date_time="20260101T000000", end_date_time="20260101T235959",
        repeat_type="daily")  # fmt: skip
    nights = put(it, "cmn_schedule", name="Nights")
    put(it, "cmn_schedule_span", schedule=nights, start_date_time="20260101T220000", end_date_time="20260102T060000",
        repeat_type="weekdays")  # fmt: skip
    assert it.hoist.timetable("24 x 7").hours == dict.fromkeys(range(7), ((0, 1440),))
    assert it.hoist.timetable("Nights").hours == dict.fromkeys(range(5), ((1320, 360),))
    assert it.hoist.timetable("Nights").time_zone == ""


def test_a_rota_turns_from_week_to_week(make: Make) -> None:
    """Each member has the duty of their own weeks while the rota's hours last, by e-mail address."""
    it = make()
    duties = it.hoist.duties(ROTA, "UTC", at(7, 0), at(20, 0))
    assert len(duties) == 10
    by_week = [
        {each.who for each in duties if start <= each.start < end}
        for start, end in ((at(7, 0), at(14, 0)), (at(14, 0), at(20, 0)))
    ]
    assert [len(week) for week in by_week] == [1, 1]
    assert by_week[0] != by_week[1]
    assert all(name.endswith("@example.com") for (name,) in by_week[0] | by_week[1])
    assert (duties[0].start, duties[0].end) == (at(7, 7), at(7, 17))


def test_somebody_stands_in_for_once_and_somebody_is_away(make: Make) -> None:
    """An entry for once counts above the rotation; of whoever is away the duty is taken, and the next roster has it."""
    it = make()
    roster = it.rows("cmn_rota_roster", f"rota.name={ROTA}", sysparm_fields="sys_id,rota")[0]
    second = put(it, "cmn_rota_roster", rota=str(roster["rota"]["value"]), name="Backup", order="2")
    put(it, "cmn_rota_member", roster=second, member=it.chloe, order="1")
    usual = it.hoist.duties(ROTA, "UTC", at(7, 0), at(8, 0))
    (first,) = [each for each in usual if each.rank == max(each.rank for each in usual)]
    (person,) = it.rows("sys_user", f"email={first.who[0]}", sysparm_fields="sys_id")
    put(it, "roster_schedule_span", roster=str(roster["sys_id"]), user=it.site.user_id("anna"), type="on_call",
        start_date_time="20261207T110000", end_date_time="20261207T120000")  # fmt: skip
    put(it, "roster_schedule_span", user=str(person["sys_id"]), type="time_off",
        start_date_time="20261207T140000", end_date_time="20261207T235959")  # fmt: skip
    found = it.hoist.duties(ROTA, "UTC", at(7, 0), at(8, 0))
    ranked = {
        hour: max((each for each in found if each.start <= at(7, hour) < each.end), key=lambda each: each.rank)
        for hour in (9, 10, 14)
    }
    assert [ranked[hour].who for hour in (9, 10, 14)] == [first.who, ("anna@example.com",), ("chloe@example.com",)]


@pytest.mark.parametrize(
    ("withheld", "named"),
    [
        ("read cmn_schedule", "read access to cmn_schedule"),
        ("read cmn_schedule_span.repeat_type", "read access to cmn_schedule_span.repeat_type"),
        ("read cmn_other_schedule", "read access to cmn_other_schedule"),
        ("read cmn_rota_member", "read access to cmn_rota_member"),
        ("read cmn_rota_roster.order", "read access to cmn_rota_roster.order"),
        ("read roster_schedule_span", "read access to roster_schedule_span"),
        ("read sys_user.email", "read access to cmn_rota_member.member.email"),
    ],
)
def test_missing_rights_are_named_by_table_and_column(make: Make, withheld: str, named: str) -> None:
    """Where anything is hidden that a rota or its hours are made of nothing is told of it, rather than half of it."""
    it = make(policies=Policies(withheld=(withheld,)))
    with pytest.raises(AskAdmin) as refused:
        it.hoist.duties(ROTA, "UTC", at(7, 0), at(8, 0))
    assert named in str(refused.value)


def test_names_are_looked_for_as_they_are(make: Make) -> None:
    """A name that is not there, that stands there twice, or that would be a condition of its own, is refused with words."""
    it = make()
    put(it, "cmn_schedule", name="Twice")
    put(it, "cmn_schedule", name="Twice")
    for name, said in (
        ("Nowhere", "no row called Nowhere"),
        ("Twice", "2 rows called Twice"),
        ("a^ORnameISNOTEMPTY", "by its name"),
    ):
        with pytest.raises(GiveUp) as refused:
            it.hoist.timetable(name)
        assert said in str(refused.value)


def test_what_can_not_be_told_is_not_guessed(make: Make) -> None:
    """A way of recurring that nobody knows, and members without a rotation, are named; the schedule or rota is not used."""
    it = make()
    schedule = row_of(it, "cmn_schedule", HOURS)
    put(it, "cmn_schedule_span", schedule=schedule, name="Full moon", start_date_time="20260101T000000",
        end_date_time="20260101T120000", repeat_type="lunar")  # fmt: skip
    with pytest.raises(GiveUp, match="entry Full moon recurs in a way that hoist does not know"):
        it.hoist.timetable(HOURS)
    roster = it.rows("cmn_rota_roster", "rota.name=Network Operations on call", sysparm_fields="sys_id")[0]
    put(it, "cmn_rota_member", roster=str(roster["sys_id"]), member=it.chloe)
    with pytest.raises(GiveUp, match="nobody tells when it is the turn of Chloe"):
        it.hoist.duties("Network Operations on call", "UTC", at(7, 0), at(8, 0))
