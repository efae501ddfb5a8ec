"""Entries of schedules, as an instance holds them, laid out date by date."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.servicenow.spans import NotUnderstood, both, joined, less, open_stretches, span_of

ZONE = "Europe/Amsterdam"
FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)


def local(*parts: int) -> datetime:
    """A local time, which has no zone."""
    year, month, day, hour = (*parts, 0)[:4]
    return datetime(year, month, day, hour)  # noqa: DTZ001


def row(start: str, end: str, repeat: str = "", **more: str) -> dict[str, Any]:
    return {
        "sys_id": "5a" * 16,
        "name": "Entry",
        "type": "work",
        "start_date_time": start,
        "end_date_time": end,
        "repeat_type": repeat,
        **more,
    }


def days(*rows: dict[str, Any], last: date = LAST) -> list[str]:
    """The dates on which something is open, shortened to month and day for those of 2026."""
    found = open_stretches([span_of(each, ZONE) for each in rows], FIRST, last)
    return [f"{start:%m-%d}" if start.year == 2026 else f"{start:%Y-%m-%d}" for start, _ in found]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"repeat": "daily", "repeat_count": "3", "repeat_until": "20260110"}, ["01-05", "01-08"]),
        ({"repeat": "weekly", "repeat_count": "2", "days_of_week": "135", "repeat_until": "2026-01-23"},
         ["01-05", "01-07", "01-09", "01-19", "01-21", "01-23"]),
        ({"repeat": "weekly", "repeat_until": "20260119"}, ["01-05", "01-12", "01-19"]),
        ({"repeat": "weekdays", "repeat_until": "20260112"}, ["01-05", "01-06", "01-07", "01-08", "01-09", "01-12"]),
        ({"repeat": "weekends", "repeat_until": "20260112"}, ["01-10", "01-11"]),
        ({"repeat": "weekTTh", "repeat_until": "20260113"}, ["01-06", "01-08", "01-13"]),
        ({"repeat": "monthly", "repeat_until": "20260331"}, ["01-05", "02-05", "03-05"]),
        ({"repeat": "monthly", "monthly_type": "ldom", "repeat_until": "20260331"}, ["01-31", "02-28", "03-31"]),
        ({"repeat": "monthly", "monthly_type": "dow", "repeat_until": "20260331"}, ["01-05", "02-02", "03-02"]),
        ({"repeat": "monthly", "monthly_type": "ldow", "repeat_until": "20260331"}, ["01-26", "02-23", "03-30"]),
        ({"repeat": "yearly", "repeat_until": "0"}, ["01-05", "2027-01-05"]),
        ({"repeat": "yearly", "yearly_type": "float", "float_week": "4", "float_day": "4", "float_month": "11"},
         ["11-26", "2027-11-25"]),
        ({"repeat": "yearly", "yearly_type": "float", "float_week": "5", "float_day": "1", "float_month": "5"},
         ["05-25", "2027-05-31"]),
        ({}, ["01-05"]),
    ],
)  # fmt: skip
def test_entries_recur_as_they_say(how: dict[str, str], expected: list[str]) -> None:
    """Every so many days and weeks, on days of a month from its beginning and its end, on floating holidays of a year."""
    assert days(row("20260105T080000", "20260105T170000", **how)) == expected


def test_what_is_excluded_is_closed() -> None:
    """A holiday takes a whole day away, an afternoon off half of one, and lunch an hour in the middle."""
    work = row("20260105T080000", "20260105T170000", "weekdays")
    holiday = row("20260106T000000", "20260106T235959", type="exclude")
    afternoon = row("20260107T120000", "20260107T235959", type="exclude")
    lunch = row("20260101T120000", "20260101T130000", "daily", type="exclude")
    found = open_stretches(
        [span_of(each, ZONE) for each in (work, holiday, afternoon, lunch)], date(2026, 1, 5), date(2026, 1, 7)
    )
    assert [(f"{start:%d %H:%M}", f"{end:%H:%M}") for start, end in found] == [
        ("05 08:00", "12:00"),
        ("05 13:00", "17:00"),
        ("07 08:00", "12:00"),
    ]


def test_times_that_are_marked_as_utc_are_read_as_such() -> None:
    """An entry that ends with Z is turned into the local time of its schedule."""
    span = span_of(row("20260105T080000Z", "2026-01-05 17:00:00"), ZONE)
    assert (span.start, span.end) == (local(2026, 1, 5, 9), local(2026, 1, 5, 17))


def test_a_night_shift_begins_on_its_day() -> None:
    """What runs past midnight is found from the day before the first one asked for."""
    night = span_of(row("20260105T220000", "20260106T060000", "daily"), ZONE)
    assert list(night.stretches(date(2026, 1, 8), date(2026, 1, 8)))[:2] == [
        (local(2026, 1, 7, 22), local(2026, 1, 8, 6)),
        (local(2026, 1, 8, 22), local(2026, 1, 9, 6)),
    ]


@pytest.mark.parametrize(
    ("strange", "said"),
    [
        ({"repeat_type": "specific"}, "specific"),
        ({"repeat_type": "weekly", "days_of_week": "8"}, "8"),
        ({"repeat_type": "daily", "repeat_count": "0"}, "every 0"),
        ({"repeat_type": "yearly", "yearly_type": "float", "float_week": "1", "float_day": "1"}, "float_month"),
        ({"repeat_type": "monthly", "monthly_type": "moon"}, "moon"),
        ({"start_date_time": "tomorrow"}, "start_date_time"),
        ({"start_date_time": "20261399T080000"}, "start_date_time"),
        ({"end_date_time": "20260105T080000"}, "does not end after it begins"),
        ({"repeat_type": "yearly", "end_date_time": "20260705T080000"}, "too long"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(strange: dict[str, str], said: str) -> None:
    """No entry is guessed at: its name and what is strange about it are told."""
    with pytest.raises(NotUnderstood, match=r"its entry Entry") as refused:
        span_of(row("20260105T080000", "20260105T170000") | strange, ZONE)
    assert said in str(refused.value)


_STRETCHES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=8).map(
    lambda pairs: joined(
        (local(2026, 1, 1) + timedelta(hours=a), local(2026, 1, 1) + timedelta(hours=a + length)) for a, length in pairs
    )
)


@given(_STRETCHES, _STRETCHES)
def test_time_is_taken_away_hour_by_hour(
    one: list[tuple[datetime, datetime]], other: list[tuple[datetime, datetime]]
) -> None:  # fmt: skip
    """Whatever overlaps whatever, each hour is open that is open in the one and not, or also, in the other."""

    def hours(stretches: list[tuple[datetime, datetime]]) -> set[datetime]:
        return {start + timedelta(hours=n) for start, end in stretches for n in range((end - start) // timedelta(hours=1))}

    assert hours(less(one, other)) == hours(one) - hours(other)
    assert hours(both(one, other)) == hours(one) & hours(other)
    assert less(one, other) == joined(less(one, other))
