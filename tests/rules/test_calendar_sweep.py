"""Every hour of 2020 to 2030 beside a walk from minute to minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays

from rules.calendars import calendar
from rules.instants import HOUR, MINUTE, instant
from rules.protocol.organisation import CalendarHours
from tests.rules.calendar_oracle import MinuteWalk, clock_changes

COUNTRIES = {
    "Europe/Amsterdam": "NL",
    "America/New_York": "US",
    "Europe/London": "GB",
    "Australia/Sydney": "AU-NSW",
    "Australia/Lord_Howe": "AU-NSW",  # half an hour forth and back
}
WEEKDAYS, EVERY_DAY = range(5), range(7)
DAY_SHIFT = dict.fromkeys(WEEKDAYS, ((9 * 60, 17 * 60 + 30),))
NIGHT_SHIFT = dict.fromkeys(EVERY_DAY, ((22 * 60, 6 * 60),))
# edges in what the clocks skip or repeat
SPLIT = dict.fromkeys(EVERY_DAY, ((60, 105), (105, 150), (170, 200), (13 * 60, 18 * 60)))
SOME_DAYS = {0: ((0, 1440),), 2: ((8 * 60, 8 * 60),), 5: ((0, 1440),), 6: ((0, 1440),)}

FORTNIGHT = 14 * 24 + 5  # hours, so that both ends of a measured stretch see every hour of the day


def agrees(hours: CalendarHours, first: datetime, last: datetime) -> None:
    """Compare every answer of a calendar with the walk on every hour from first to last."""
    country, _, part = (hours.holidays or "").partition("-")
    closed = country_holidays(country, subdiv=part or None, years=range(2019, 2033)) if country else {}
    start, end = instant(first), instant(last)
    office, walk = calendar(hours), MinuteWalk(hours, start // MINUTE, (end - start) // MINUTE, holidays=closed)
    hour, before = range(start, end + 1, HOUR), walk.before_each_hour
    assert 0 < before[-1] < walk.minutes
    assert office.open_intervals(start, end) == walk.open_intervals(start, end)
    measured = [office.between(at, at + FORTNIGHT * HOUR) for at in hour[:-FORTNIGHT]]
    assert measured == [(b - a) * MINUTE for a, b in zip(before, before[FORTNIGHT:], strict=False)]
    assert office.between(start, end) == before[-1] * MINUTE
    shift = 17 * 60  # two office days: whoever starts while it is closed is due at closing
    due = [minute * MINUTE for minute in walk.due_after_each_hour(shift)]
    assert [office.add(at, shift * MINUTE) for at in hour[: len(due)]] == due
    some = hour[: len(due) : 5]  # of each hour of the day as many; the intervals above have all of them
    assert [office.is_open(at) for at in some] == [walk.is_open(at) for at in some]
    assert [office.next_opening(at) for at in some] == [walk.next_opening(at) for at in some]
    closing = [(office.next_closing(at), walk.next_closing(at)) for at in some]
    assert all(ours == theirs if theirs is not None else ours >= end for ours, theirs in closing)  # the walk ends there


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(DAY_SHIFT, id="day"),
        pytest.param(SPLIT, id="split"),
        pytest.param(NIGHT_SHIFT, id="night"),
        pytest.param(SOME_DAYS, id="some days round the clock"),
        pytest.param(None, id="round the clock but for holidays"),
    ],
)
@pytest.mark.parametrize("zone", COUNTRIES)
def test_every_hour_of_2020_to_2030(zone: str, pattern: dict[int, tuple[tuple[int, int], ...]] | None) -> None:
    """Whatever the shifts, each of 96,000 hours is measured, budgeted and opened as a walk from minute to minute has it."""
    hours = CalendarHours("office", zone, pattern or {}, always=pattern is None, holidays=COUNTRIES[zone])
    agrees(hours, datetime(2020, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC))


LAWS = [
    # zone, a UTC hour before the change in law, the offset at that hour and the one a day later
    pytest.param("Africa/Juba", "2021-01-31T12", 3, 2, id="South Sudan went back an hour"),
    pytest.param("America/Asuncion", "2024-10-05T12", -4, -3, id="Paraguay's last change"),
    pytest.param("America/Ciudad_Juarez", "2022-11-29T12", -6, -7, id="Ciudad Juarez went to mountain time on a Wednesday"),
    pytest.param("America/Mexico_City", "2023-04-02T00", -6, -6, id="Mexico without summer time"),
    pytest.param("America/Nuuk", "2023-03-25T12", -3, -2, id="Greenland, on a Saturday evening"),
    pytest.param("Antarctica/Casey", "2020-10-03T12", 8, 11, id="Casey, three hours at a minute past midnight"),
    pytest.param("Antarctica/Vostok", "2023-12-17T12", 7, 5, id="Vostok went back two hours"),
    pytest.param("Asia/Almaty", "2024-02-29T12", 6, 5, id="Kazakhstan, in the last hour of a leap day"),
    pytest.param("Asia/Amman", "2022-10-27T12", 3, 3, id="Jordan stayed in summer time"),
    pytest.param("Asia/Damascus", "2022-10-27T12", 3, 3, id="Syria stayed in summer time"),
    pytest.param("Asia/Tehran", "2023-03-21T12", 3.5, 3.5, id="Iran without summer time"),
    pytest.param("Africa/Cairo", "2023-04-27T12", 2, 3, id="Egypt has summer time again, from midnight"),
    pytest.param("Europe/Volgograd", "2020-12-26T12", 4, 3, id="Volgograd went back an hour"),
    pytest.param("Pacific/Apia", "2021-09-25T12", 13, 13, id="Samoa without summer time"),
]


@pytest.mark.parametrize(("zone", "day", "before", "after"), LAWS)
def test_a_change_in_the_law_of_a_zone(zone: str, day: str, before: float, after: float) -> None:
    """Where a country changes its time for good, every hour of that winter and summer is counted as its clocks showed it."""
    eve = datetime.fromisoformat(day).replace(tzinfo=UTC)
    shown = [(eve + timedelta(days=n)).astimezone(ZoneInfo(zone)).utcoffset() for n in (0, 1)]
    assert shown == [timedelta(hours=before), timedelta(hours=after)], f"the zone data do not know the law of {zone}: update them"
    # nights that start or end in the hour of the change, whichever it is
    for shifts in (((22 * 60, 6 * 60),), ((30, 90), (90, 150), (21 * 60, 23 * 60 + 30))):
        hours = CalendarHours("office", zone, dict.fromkeys(EVERY_DAY, shifts))
        agrees(hours, eve - timedelta(days=200), eve + timedelta(days=200))


def test_the_walk_sees_the_changes_of_the_clocks() -> None:
    """The comparison is worth something: the walk meets the two changes of each year, and none in Kathmandu."""
    assert {zone: len(clock_changes(zone, 2025)) for zone in COUNTRIES} == dict.fromkeys(COUNTRIES, 2)
    assert not clock_changes("Asia/Kathmandu", 2025)
