"""Where a calendar is open, as intervals: office hours and local times on some weekdays."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendars import ALWAYS, Calendar, calendar, weekly
from rules.instants import DAY, FOREVER, HOUR, MINUTE, Instant, instant
from rules.protocol.organisation import CalendarHours
from tests.rules.calendar_oracle import MinuteWalk

AMSTERDAM: Final = "Europe/Amsterdam"
OFFICE: Final = CalendarHours("office", AMSTERDAM, dict.fromkeys(range(5), ((540, 1050),)), holidays="NL")
NIGHTS: Final = CalendarHours("nights", AMSTERDAM, dict.fromkeys(range(7), ((22 * 60, 6 * 60),)))
MON, FRI, SUN = 0, 4, 6


def at(local: str, zone: str = AMSTERDAM, fold: int = 0) -> Instant:
    return instant(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold))


def shown(edges: list[Instant], zone: str = AMSTERDAM) -> list[str]:
    return [datetime.fromtimestamp(edge / 1000, ZoneInfo(zone)).strftime("%m-%d %H:%M %Z") for edge in edges]


# --- open intervals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param("2025-06-13T08:00", "2025-06-16T18:00", "13 09:00, 13 17:30, 16 09:00, 16 17:30", id="over a weekend"),
        pytest.param("2025-06-13T10:00", "2025-06-16T11:00", "13 10:00, 13 17:30, 16 09:00, 16 11:00", id="cut off"),
        pytest.param("2025-06-13T10:00", "2025-06-13T11:00", "13 10:00, 13 11:00", id="inside a shift"),
        pytest.param("2025-06-13T09:00", "2025-06-13T17:30", "13 09:00, 13 17:30", id="a shift"),
        pytest.param("2025-06-13T17:30", "2025-06-16T09:00", "", id="from closing to opening"),
        pytest.param("2025-06-13T10:00", "2025-06-13T10:00", "", id="no stretch"),
        pytest.param("2025-06-13T11:00", "2025-06-13T10:00", "", id="backwards"),
    ],
)
def test_office_hours_as_intervals(a: str, b: str, expected: str) -> None:
    """Inside office hours means from opening to closing, cut off at the ends of what was asked for."""
    edges = calendar(OFFICE).open_intervals(at(a), at(b))
    assert ", ".join(text.removeprefix("06-").removesuffix(" CEST") for text in shown(edges)) == expected


def test_round_the_clock_is_one_interval() -> None:
    """Where nothing closes there is one interval, open end or not, and days round the clock that touch are one too."""
    assert ALWAYS.open_intervals(5, 12) == [5, 12]
    assert ALWAYS.open_intervals(5, FOREVER) == [5, FOREVER]
    assert ALWAYS.open_intervals(5, 5) == ALWAYS.open_intervals(6, 5) == []
    weekend = weekly(AMSTERDAM, (5, 6)).open_intervals(at("2025-06-12T00:00"), at("2025-06-20T00:00"))
    assert shown(weekend) == ["06-14 00:00 CEST", "06-16 00:00 CEST"]


def test_an_open_end_lists_what_is_known() -> None:
    """Openings are known from 1970 to 2100: a stretch that begins earlier or never ends holds just those."""
    sundays = weekly("UTC", (SUN,), 600, 660)
    found = sundays.open_intervals(-DAY, FOREVER)
    assert found[:2] == [at("1970-01-04T10:00", "UTC"), at("1970-01-04T11:00", "UTC")]
    assert found[-1] == at("2100-12-26T11:00", "UTC")
    assert len(found) == 2 * 6835  # Sundays from 1970 to 2100
    assert sundays.open_intervals(found[-1], FOREVER) == sundays.open_intervals(FOREVER - 1, FOREVER) == []


def test_asking_up_to_forever_again_works_nothing_out_again() -> None:
    """A century of openings is worked out once, whoever asks for all of it how often."""
    office = weekly(AMSTERDAM, (MON,), 480, 720)
    office.open_intervals(0, FOREVER)
    worked_out = office._table  # type: ignore[attr-defined]  # what is kept between questions can't be seen from outside
    office.open_intervals(0, FOREVER)
    assert office._table is worked_out  # type: ignore[attr-defined]


CALENDARS: Final = st.sampled_from(
    [
        calendar(OFFICE),
        calendar(NIGHTS),
        ALWAYS,
        weekly(AMSTERDAM, (MON, FRI), 480, 720),
        weekly("Australia/Lord_Howe", range(7), 120, 125),
    ]
)
INSTANTS: Final = st.integers(at("2013-01-01T00:00", "UTC"), at("2027-12-31T00:00", "UTC"))


@given(CALENDARS, INSTANTS, st.integers(1, 90 * DAY), st.integers(0, 90 * DAY))
def test_open_intervals_say_what_the_other_questions_say(office: Calendar, a: Instant, length: int, part: int) -> None:
    """The intervals hold as much time as was counted, begin at the next opening, never touch, and can be put together."""
    b, middle = a + length, a + min(part, length)
    found = office.open_intervals(a, b)
    assert sum(end - start for start, end in zip(found[::2], found[1::2], strict=True)) == office.between(a, b)
    assert all(x < y for x, y in pairwise(found))
    assert all(office.is_open(start) and office.is_open(end - 1) for start, end in zip(found[::2], found[1::2], strict=True))
    assert office.next_opening(a) == found[0] if found else office.next_opening(a) >= b
    first, second = office.open_intervals(a, middle), office.open_intervals(middle, b)
    joined = first[:-1] + second[1:] if first and second and first[-1] == second[0] else first + second
    assert joined == found


# --- local times on some weekdays ----------------------------------------------------------------------------------


def test_local_times_on_some_weekdays() -> None:
    """Mondays and Fridays from eight to twelve are just that, public holidays included."""
    mornings = weekly(AMSTERDAM, (MON, FRI), 8 * 60, 12 * 60)
    found = mornings.open_intervals(at("2025-04-18T00:00"), at("2025-04-25T10:00"))  # Good Friday and Easter Monday among them
    assert [text.removesuffix(" CEST") for text in shown(found)] == [
        "04-18 08:00", "04-18 12:00", "04-21 08:00", "04-21 12:00", "04-25 08:00", "04-25 10:00",
    ]  # fmt: skip
    assert mornings.is_open(at("2025-04-18T08:00"))
    assert not mornings.is_open(at("2025-04-18T12:00"))


def test_a_night_belongs_to_the_weekday_that_it_starts_on() -> None:
    """Friday from 22:00 to 06:00 ends on Saturday, and Friday's first hours are Thursday's."""
    nights = weekly(AMSTERDAM, (FRI,), 22 * 60, 6 * 60)
    found = nights.open_intervals(at("2025-06-12T12:00"), at("2025-06-19T12:00"))
    assert shown(found) == ["06-13 22:00 CEST", "06-14 06:00 CEST"]


@pytest.mark.parametrize(
    ("start", "end", "a", "expected"),
    [
        pytest.param("02:30", "10:00", "2025-03-30", "03:00 CEST, 10:00 CEST", id="from a time that is jumped over"),
        pytest.param("01:00", "02:30", "2025-03-30", "01:00 CET, 03:00 CEST", id="to a time that is jumped over"),
        pytest.param("02:10", "02:50", "2025-03-30", "", id="nothing but what is jumped over"),
        pytest.param("02:30", "10:00", "2025-10-26", "02:30 CEST, 10:00 CET", id="from a time that is shown twice"),
        pytest.param("01:00", "02:30", "2025-10-26", "01:00 CEST, 02:30 CET", id="to a time that is shown twice"),
        pytest.param("02:10", "02:50", "2025-10-26", "02:10 CEST, 02:50 CET", id="nothing but what is shown twice"),
        pytest.param("00:00", "24:00", "2025-10-26", "00:00 CEST, 00:00 CET", id="a day of 25 hours"),
    ],
)
def test_local_times_where_the_clocks_change(start: str, end: str, a: str, expected: str) -> None:
    """A window opens the first time its start is shown and closes the last time its end is; a gap counts as its end."""
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, end))
    window = weekly(AMSTERDAM, (SUN,), first, last)
    found = window.open_intervals(at(f"{a}T00:00"), at(f"{a}T00:00") + 30 * HOUR)
    assert ", ".join(text[6:] for text in shown(found)) == expected


@given(
    st.sampled_from([AMSTERDAM, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Antarctica/Troll", "Asia/Kathmandu"]),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.integers(0, 3 * 365),
)
def test_local_times_equal_a_walk_from_minute_to_minute(zone: str, days: set[int], start: int, end: int, day: int) -> None:
    """Whatever the window and the zone, it is open in the minutes that the clocks on the wall say."""
    first = at("2023-01-01T00:00", "UTC") // MINUTE + day * 1440
    hours = CalendarHours("window", zone, dict.fromkeys(days, ((start, end),)))
    walk = MinuteWalk(hours, first, 60 * 1440)
    found = weekly(zone, days, start, end).open_intervals(walk.start * MINUTE, walk.end * MINUTE)
    assert found == walk.open_intervals(walk.start * MINUTE, walk.end * MINUTE)


@pytest.mark.parametrize(
    ("zone", "days", "start", "end", "sentence"),
    [
        ("Europe/Amsterdm", (0,), 480, 720, "did you mean Europe/Amsterdam"),
        (AMSTERDAM, (7,), 480, 720, "there is no weekday 7"),
        (AMSTERDAM, (), 480, 720, "never opens"),
        (AMSTERDAM, (0,), 480, 1441, "ends at 24:00 at the latest"),
    ],
)
def test_local_times_that_cannot_be_meant_are_refused(
    zone: str, days: tuple[int, ...], start: int, end: int, sentence: str
) -> None:
    """A window that is never open, or in a zone that is not known, is refused with a sentence that says so."""
    with pytest.raises(ValueError, match="calendar weekly window") as refusal:
        weekly(zone, days, start, end)
    assert sentence in str(refusal.value)


# --- nights, where libraries are wrong -----------------------------------------------------------------------------


def test_150_random_pairs_on_nights() -> None:
    """Stretches of up to ten days that begin and end anywhere in a night shift's year are counted to the minute."""
    office, rng, first = calendar(NIGHTS), random.Random(5), datetime(2025, 1, 1, tzinfo=UTC)
    walk = MinuteWalk(NIGHTS, instant(first) // MINUTE, 375 * 1440)
    for _ in range(150):
        a = (walk.start + rng.randrange(365 * 1440)) * MINUTE
        b = a + rng.randrange(10 * 1440) * MINUTE
        assert office.between(a, b) == walk.between(a, b)
