"""Business days, leap years, and what the table of openings takes for granted about time zones."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendars import calendar
from rules.instants import DAY, HOUR, MINUTE, Instant, instant
from rules.protocol.organisation import CalendarHours

Pattern = Mapping[int, tuple[tuple[int, int], ...]]

AMSTERDAM: Final = "Europe/Amsterdam"
WEEKDAYS, EVERY_DAY = range(5), range(7)
OFFICE: Final[Pattern] = dict.fromkeys(WEEKDAYS, ((540, 1050),))
NIGHTS: Final[Pattern] = dict.fromkeys(WEEKDAYS, ((22 * 60, 6 * 60),))
SPLIT_NIGHTS: Final[Pattern] = dict.fromkeys((0, 2, 5, 6), ((150, 600), (20 * 60, 90)))
SOME_DAYS: Final[Pattern] = {0: ((0, 1440),), 3: ((480, 480),), 6: ((60, 120),)}
ZONES: Final = (
    AMSTERDAM,
    "America/New_York",
    "Europe/London",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Africa/Cairo",  # midnight is jumped over
    "America/Havana",  # midnight is shown twice
    "Antarctica/Troll",  # two hours forth and back
)


def at(local: str, zone: str = AMSTERDAM, fold: int = 0) -> Instant:
    return instant(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold))


def shown(when: Instant, zone: str = AMSTERDAM) -> str:
    return datetime.fromtimestamp(when / 1000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


# --- business days -------------------------------------------------------------------------------------------------


def days_later(pattern: Pattern, closed: Collection[date], zone: ZoneInfo, minute: int, days: int) -> int:
    """The same local time so many working days later, day by day and then minute by minute."""
    shifts = [shift for of_day in pattern.values() for shift in of_day]
    turn = timedelta(minutes=min(*(s for s, _ in shifts), max((end for s, end in shifts if end <= s), default=0)))
    wall = datetime.fromtimestamp(minute * 60, zone).replace(tzinfo=None) - turn
    day, into = wall.date(), wall - datetime.combine(wall.date(), datetime.min.time())

    def is_shown(local: datetime) -> bool:
        return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local

    def works(on: date) -> bool:
        """A shift starts on it, and the clocks don't jump over the whole of that."""
        midnight = datetime.combine(on, datetime.min.time())
        edges = ((start, (end if end > start else end + 1440) - 1) for start, end in pattern.get(on.weekday(), ()))
        return on not in closed and any(is_shown(midnight + timedelta(minutes=edge)) for shift in edges for edge in shift)

    while not works(day):
        day, into = day + timedelta(days=1), timedelta()
    for _ in range(days):
        day += timedelta(days=1)
        while not works(day):
            day += timedelta(days=1)
    meant = datetime.combine(day, datetime.min.time()) + turn + into
    found = int(meant.replace(tzinfo=UTC).timestamp()) // 60 - 15 * 60  # no zone is 15 hours ahead
    while datetime.fromtimestamp(found * 60, zone).replace(tzinfo=None) < meant:
        found += 1
    return found


@settings(max_examples=150)
@given(
    st.sampled_from([OFFICE, NIGHTS, SPLIT_NIGHTS, SOME_DAYS]),
    st.sampled_from(ZONES),
    st.integers(at("2020-01-01T00:00", "UTC") // MINUTE, at("2030-12-01T00:00", "UTC") // MINUTE),
    st.integers(1, 20),
)
def test_business_days_equal_a_walk_from_day_to_day(pattern: Pattern, zone: str, minute: int, days: int) -> None:
    """In any zone, by day and by night, a business day ends when the clocks show the same time that many working days on."""
    closed = country_holidays("NL", years=range(2020, 2032))
    due = calendar(CalendarHours("office", zone, pattern, holidays="NL")).add_days(minute * MINUTE, days)
    assert due == days_later(pattern, closed, ZoneInfo(zone), minute, days) * MINUTE


def test_a_shift_that_the_clocks_jump_over_makes_no_working_day() -> None:
    """Sundays from one to two in London: on the last of March there is no such hour, so no business day ends on that day."""
    sundays = calendar(CalendarHours("sundays", "Europe/London", {6: ((60, 120),)}))
    assert shown(sundays.add_days(at("2025-03-23T01:30", "Europe/London"), 1), "Europe/London") == "2025-04-06 01:30 BST"
    assert sundays.between(at("2025-03-30T00:00", "Europe/London"), at("2025-03-31T00:00", "Europe/London")) == 0


def test_business_days_keep_local_times_where_an_hour_is_shown_twice() -> None:
    """A local time is kept, not the order of two tickets in the repeated hour: the second 02:30 is due before the first 02:45."""
    watch = calendar(CalendarHours("watch", AMSTERDAM, dict.fromkeys(EVERY_DAY, ((0, 1440),))))
    earlier, later = at("2025-10-26T02:45"), at("2025-10-26T02:30", fold=1)
    assert earlier < later
    assert shown(watch.add_days(earlier, 1)) == "2025-10-27 02:45 CET"
    assert shown(watch.add_days(later, 1)) == "2025-10-27 02:30 CET"


# --- leap years ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        pytest.param("2024-02-28T17:00", 1, "2024-02-29 09:30 CET", id="into a leap day"),
        pytest.param("2024-02-28T17:30", 8.5, "2024-02-29 17:30 CET", id="the whole of a leap day"),
        pytest.param("2024-02-29T17:00", 1, "2024-03-01 09:30 CET", id="out of a leap day"),
        pytest.param("2023-02-28T17:00", 1, "2023-03-01 09:30 CET", id="no leap day"),
        pytest.param("2028-02-28T17:00", 9, "2028-02-29 17:30 CET", id="2028"),
        pytest.param("2020-02-28T17:00", 9, "2020-03-02 17:30 CET", id="a leap day on a Saturday"),
        pytest.param("2100-02-26T17:00", 1, "2100-03-01 09:30 CET", id="2100 is no leap year"),
    ],
)
def test_hours_around_the_end_of_february(start: str, hours: float, due: str) -> None:
    """29 February is worked where there is one, and where there is none 1 March follows the 28th."""
    assert shown(calendar(CalendarHours("office", AMSTERDAM, OFFICE)).add(at(start), int(hours * HOUR))) == due


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        pytest.param("2024-02-28T10:00", 1, "2024-02-29 10:00 CET", id="to a leap day"),
        pytest.param("2024-02-29T10:00", 1, "2024-03-01 10:00 CET", id="from a leap day"),
        pytest.param("2020-02-29T10:00", 1, "2020-03-03 00:00 CET", id="from a leap day on a Saturday"),
        pytest.param("2024-02-29T10:00", 261, "2025-02-28 10:00 CET", id="a year of working days"),
        pytest.param("2100-02-26T10:00", 1, "2100-03-01 10:00 CET", id="2100 is no leap year"),
    ],
)
def test_business_days_around_the_end_of_february(start: str, days: int, due: str) -> None:
    """A leap day is a working day like any other."""
    assert shown(calendar(CalendarHours("office", AMSTERDAM, OFFICE)).add_days(at(start), days)) == due


def test_a_leap_day_can_be_closed() -> None:
    """A date that exists every fourth year can be named, and only where it exists."""
    leap_day_off = CalendarHours("office", AMSTERDAM, OFFICE, also_closed=("2024-02-29",))
    assert calendar(leap_day_off).between(at("2024-02-28T17:30"), at("2024-03-01T09:00")) == 0
    assert calendar(leap_day_off).between(at("2028-02-28T17:30"), at("2028-03-01T09:00")) == 8.5 * HOUR
    with pytest.raises(ValueError, match="'2100-02-29' in also_closed is no date"):
        calendar(CalendarHours("office", AMSTERDAM, OFFICE, also_closed=("2100-02-29",)))


# --- time zones ----------------------------------------------------------------------------------------------------


def offset_changes(name: str) -> list[int]:
    """The instants since 1970 at which a zone's offset changes (RFC 8536: the second of the two blocks of a TZif file)."""
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()

    def counts(place: int) -> tuple[int, ...]:
        return struct.unpack_from(">6l", data, place + 20)

    is_ut, is_standard, leaps, times, types, letters = counts(0)
    second = 44 + times * 5 + types * 6 + letters + leaps * 8 + is_standard + is_ut
    *_, times, types, letters = counts(second)
    place = second + 44
    instants = struct.unpack_from(f">{times}q", data, place)
    kinds = data[place + 8 * times : place + 9 * times]
    offsets = [struct.unpack_from(">l", data, place + 9 * times + 6 * n)[0] for n in range(types)]
    following = list(zip(instants, (offsets[kind] for kind in kinds), strict=True))
    return [when * 1000 for (_, before), (when, after) in pairwise(following) if before != after and when > 0]


def test_no_zone_changes_its_clocks_twice_within_six_days() -> None:
    """The table compares the offsets of three midnights only: enough as long as no zone of the world changes there and back."""
    names = (resources.files("tzdata") / "zones").read_text().split()
    gaps = {name: [b - a for a, b in pairwise(offset_changes(name))] for name in names}
    assert sum(map(len, gaps.values())) > 10_000
    assert not {name for name, found in gaps.items() if min(found, default=DAY * 7) < 6 * DAY}
