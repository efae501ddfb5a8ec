from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import calendars
from rules.calendars import ALWAYS, Calendar, calendar
from rules.instants import DAY, FOREVER, HOUR, MINUTE, Instant, instant, moment
from rules.protocol.durations import Duration
from rules.protocol.organisation import CalendarHours
from tests.rules.calendar_oracle import MinuteWalk, clock_changes

AMSTERDAM = "Europe/Amsterdam"
ZONES = (AMSTERDAM, "America/New_York", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe")
ODD_ZONES = (
    "America/Havana",  # midnight is shown twice
    "America/Sao_Paulo",  # midnight was jumped over
    "Africa/Casablanca",  # four changes a year
    "Asia/Kathmandu",
    "Pacific/Apia",  # lost the whole of 30 December 2011
)
WEEKDAYS, EVERY_DAY = range(5), range(7)
NINE, HALF_PAST_FIVE = 9 * 60, 17 * 60 + 30

Shifts = tuple[tuple[int, int], ...]

PATTERNS: dict[str, dict[int, Shifts]] = {
    "day": dict.fromkeys(WEEKDAYS, ((NINE, HALF_PAST_FIVE),)),
    "split": dict.fromkeys(EVERY_DAY, ((60, 150), (150, 210), (13 * 60, 18 * 60))),
    "night": dict.fromkeys(EVERY_DAY, ((22 * 60, 6 * 60),)),
    "ends in the change": dict.fromkeys(EVERY_DAY, ((20 * 60, 150),)),
    "some days round the clock": {0: ((0, 1440),), 2: ((8 * 60, 8 * 60),), 5: ((0, 1440),), 6: ((0, 1440),)},
}


def hours(
    pattern: dict[int, Shifts] | str = "day",
    zone: str = AMSTERDAM,
    holidays: str | None = None,
    also_closed: tuple[str, ...] = (),
    open_anyway: tuple[str, ...] = (),
) -> CalendarHours:
    """Opening hours, Monday to Friday from 09:00 to 17:30 in Amsterdam if nothing else is said."""
    shifts = PATTERNS[pattern] if isinstance(pattern, str) else pattern
    return CalendarHours("office", zone, shifts, holidays=holidays, also_closed=also_closed, open_anyway=open_anyway)


OFFICE = hours(holidays="NL")
NIGHTS = hours("night")


def at(local: str, zone: str = AMSTERDAM, fold: int = 0) -> Instant:
    """The instant at which the clocks of a zone show a local time (fold 1: for the second time)."""
    return instant(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold))


def shown(when: Instant, zone: str = AMSTERDAM) -> str:
    """What the clocks of a zone show at an instant."""
    return datetime.fromtimestamp(when / 1000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


# --- where libraries are wrong -------------------------------------------------------------------------------------

ALL_DAY = hours(dict.fromkeys(EVERY_DAY, ((0, 1440),)))
FROM_HALF_PAST_TWO = hours(dict.fromkeys(EVERY_DAY, ((150, 600),)))


@pytest.mark.parametrize(
    ("opening", "a", "b", "truth"),
    [
        pytest.param(ALL_DAY, "2025-03-29T20:00", "2025-03-30T08:00", 11, id="open all day, spring"),
        pytest.param(ALL_DAY, "2025-10-25T20:00", "2025-10-26T08:00", 13, id="open all day, autumn"),
        pytest.param(NIGHTS, "2025-03-29T20:00", "2025-03-30T12:00", 7, id="night shift, spring"),
        pytest.param(NIGHTS, "2025-10-25T20:00", "2025-10-26T12:00", 9, id="night shift, autumn"),
        pytest.param(NIGHTS, "2025-06-11T03:00", "2025-06-11T12:00", 3, id="from inside a night shift"),
        pytest.param(NIGHTS, "2025-06-10T23:00", "2025-06-11T12:00", 7, id="from the evening of a night shift"),
        pytest.param(hours(), "2025-06-10T18:00", "2025-06-11T18:00", 8.5, id="from evening to evening, closed at both"),
        pytest.param(FROM_HALF_PAST_TWO, "2025-03-30T00:00", "2025-03-30T12:00", 7, id="opens in the gap: at its end"),
        pytest.param(FROM_HALF_PAST_TWO, "2025-10-26T00:00", "2025-10-26T12:00", 8.5, id="opens twice: the first time"),
    ],
)
def test_business_hours_over_nights_and_clock_changes(opening: CalendarHours, a: str, b: str, truth: float) -> None:
    """Hours are counted as they passed, where business-time libraries lose or invent some."""
    assert calendar(opening).between(at(a), at(b)) == truth * HOUR
    walk = MinuteWalk(opening, at(a) // MINUTE, (at(b) - at(a)) // MINUTE)
    assert walk.between(at(a), at(b)) == truth * HOUR


@pytest.mark.parametrize(
    ("opening", "start", "length", "due"),
    [
        pytest.param(NIGHTS, "2025-03-29T22:00", 5, "2025-03-30 04:00 CEST", id="night shift, spring"),
        pytest.param(NIGHTS, "2025-10-25T22:00", 5, "2025-10-26 02:00 CET", id="night shift, autumn"),
        pytest.param(FROM_HALF_PAST_TWO, "2025-03-30T00:00", 5, "2025-03-30 08:00 CEST", id="opens in the gap"),
        pytest.param(FROM_HALF_PAST_TWO, "2025-10-26T00:00", 5, "2025-10-26 06:30 CET", id="opens twice"),
        pytest.param(hours(), "2025-06-10T09:00", 8.5, "2025-06-10 17:30 CEST", id="spent at closing"),
        pytest.param(hours(), "2025-06-13T17:00", 0.5, "2025-06-13 17:30 CEST", id="spent at closing on a Friday"),
        pytest.param(hours(), "2025-06-13T17:30", 0.5, "2025-06-16 09:30 CEST", id="from closing on a Friday"),
    ],
)
def test_due_times_over_nights_and_clock_changes(opening: CalendarHours, start: str, length: float, due: str) -> None:
    """A target is due when its budget is spent: at closing if it is spent there, and to the minute over a clock change."""
    assert shown(calendar(opening).add(at(start), int(length * HOUR))) == due


# --- the minute-by-minute count ------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ZONES)
def test_equal_to_a_minute_count_around_clock_changes(zone: str) -> None:
    """In the days around a clock change every hour is counted, and every due time set, as a count of minutes has it."""
    offices = {opening: calendar(opening) for opening in (hours(pattern, zone) for pattern in PATTERNS if pattern != "day")}
    for change in (change for year in (2024, 2025, 2026) for change in clock_changes(zone, year)):
        for opening, office in offices.items():
            walk = MinuteWalk(opening, change - 2 * 1440, 4 * 1440)
            start, end = walk.start * MINUTE, walk.end * MINUTE
            assert office.open_intervals(start, end) == walk.open_intervals(start, end), shown(start, zone)
            for when in range(start, end, HOUR // 2):
                assert office.is_open(when) == walk.is_open(when), shown(when, zone)
                assert office.between(start, when) == walk.between(start, when), shown(when, zone)
                assert office.between(when, end) == walk.between(when, end), shown(when, zone)
            for length in range(1, walk.between(start, end), 107 * MINUTE):
                assert office.add(start, length) == walk.add(start, length)


@st.composite
def week_patterns(draw: st.DrawFn) -> dict[int, Shifts]:
    """Any shifts in a week, to the minute, of up to 24 hours each, touching ones and nights included."""
    edges = sorted(draw(st.sets(st.integers(0, 7 * 1440), min_size=2, max_size=16)))
    turned = draw(st.integers(0, 7 * 1440))
    pattern: dict[int, Shifts] = {}
    touching = draw(st.booleans())
    for start, end in pairwise(edges) if touching else zip(edges[::2], edges[1::2], strict=False):
        day, minute = divmod((start + turned) % (7 * 1440), 1440)
        length = min(end - start, 1440)
        last = minute + length
        pattern[day] = (*pattern.get(day, ()), (minute, last if last <= 1440 else last - 1440))
    return pattern


@st.composite
def stretches(draw: st.DrawFn, zone: str, days: int = 5) -> int:
    """The first minute of some days, near a change of the clocks more often than not."""
    year, near_change = draw(st.integers(1990, 2099)), draw(st.sampled_from([True, True, False]))
    changes = clock_changes(zone, year)
    if changes and near_change:
        return draw(st.sampled_from(changes)) - draw(st.integers(0, days * 1440 - 60))
    return int(at(f"{year}-01-01T00:00", "UTC")) // MINUTE + draw(st.integers(0, 365 * 1440))


@settings(max_examples=60)
@given(st.data(), week_patterns(), st.sampled_from(ZONES + ODD_ZONES))
def test_equal_to_a_minute_count_anywhere(data: st.DataObject, pattern: dict[int, Shifts], zone: str) -> None:
    """Whatever the hours and the zone, time is counted as a walk from minute to minute counts it."""
    opening = hours(pattern, zone)
    office = calendar(opening)
    walk = MinuteWalk(opening, data.draw(stretches(zone)), 5 * 1440)
    start, end = walk.start * MINUTE, walk.end * MINUTE
    for _ in range(5):
        a = data.draw(st.integers(start, end - 1))
        b = data.draw(st.integers(a, end))
        assert office.between(a, b) == walk.between(a, b)
        assert office.is_open(a) == walk.is_open(a)
        length = data.draw(st.integers(0, walk.between(a, end)))
        assert office.add(a, length) == walk.add(a, length)
        assert office.open_intervals(a, b) == walk.open_intervals(a, b)
        opens = walk.next_opening(a)
        assert opens is None or office.next_opening(a) == opens
        closes = walk.next_closing(a)
        assert closes is None or office.next_closing(a) == closes


def test_a_day_that_a_zone_left_out_is_no_working_day() -> None:
    """Samoa had no 30 December 2011: nothing is counted on it, and a business day does not end on it."""
    samoa = calendar(hours(zone="Pacific/Apia"))
    assert samoa.between(at("2011-12-29T17:30", "Pacific/Apia"), at("2012-01-02T09:00", "Pacific/Apia")) == 0
    assert shown(samoa.add_days(at("2011-12-29T10:00", "Pacific/Apia"), 1), "Pacific/Apia").startswith("2012-01-02 10:00")


# --- laws ----------------------------------------------------------------------------------------------------------

INSTANTS = st.integers(at("2013-01-01T00:00", "UTC"), at("2027-12-31T00:00", "UTC"))
CALENDARS = st.sampled_from(
    [
        ALWAYS,
        calendar(OFFICE),
        *(calendar(hours(pattern, zone)) for pattern in PATTERNS for zone in (AMSTERDAM, "Australia/Lord_Howe")),
    ],
)


@given(CALENDARS, INSTANTS, st.integers(1, 400 * DAY))
def test_a_due_time_is_the_first_instant_by_which_the_budget_is_spent(office: Calendar, a: Instant, length: int) -> None:
    """The business time up to a due time is the budget, and a millisecond earlier it is not."""
    due = office.add(a, length)
    if due < FOREVER:
        assert office.between(a, due) == length
        assert office.between(a, due - 1) == length - 1


@given(CALENDARS, st.lists(INSTANTS, min_size=3, max_size=3).map(sorted))
def test_business_time_adds_up(office: Calendar, instants: list[Instant]) -> None:
    """The time of two stretches that follow each other is the time of both together, and never more than what passed."""
    a, b, c = instants
    assert office.between(a, b) + office.between(b, c) == office.between(a, c) <= c - a
    assert office.between(b, a) == 0 or a == b


@given(CALENDARS, INSTANTS, st.integers(0, 90 * DAY), st.integers(0, 30 * DAY), st.integers(0, 30 * DAY))
def test_budgets_can_be_spent_in_parts(office: Calendar, a: Instant, gap: int, first: int, second: int) -> None:
    """Adding two budgets one after the other is adding their sum, and starting later is never due earlier."""
    assert office.add(office.add(a, first), second) == office.add(a, first + second)
    assert office.add(a, first) <= office.add(a + gap, first)


@given(CALENDARS, INSTANTS)
def test_the_next_opening_is_open_with_nothing_before_it(office: Calendar, a: Instant) -> None:
    """Until the next opening no business time passes, and from it on some does."""
    opens = office.next_opening(a)
    assert opens >= FOREVER or (office.between(a, opens) == 0 and office.is_open(opens))


@given(CALENDARS, INSTANTS)
def test_until_the_next_closing_it_is_open_all_the_time(office: Calendar, a: Instant) -> None:
    """Until the next closing all time counts, and at it work has ceased."""
    closes = office.next_closing(a)
    assert closes >= FOREVER or (office.between(a, closes) == closes - a and not office.is_open(closes))


WEEK_NIGHTS = hours(dict.fromkeys(WEEKDAYS, ((22 * 60, 6 * 60),)))

# --- business days -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "start", "days", "due"),
    [
        pytest.param(OFFICE, "2025-06-10T10:00", 2, "2025-06-12 10:00 CEST", id="Tuesday to Thursday"),
        pytest.param(OFFICE, "2025-06-13T16:00", 1, "2025-06-16 16:00 CEST", id="over the weekend"),
        pytest.param(OFFICE, "2025-06-13T20:00", 1, "2025-06-16 20:00 CEST", id="after closing, still that day"),
        pytest.param(OFFICE, "2025-06-14T11:00", 1, "2025-06-17 00:00 CEST", id="from Saturday, the whole of Monday"),
        pytest.param(OFFICE, "2025-04-17T12:00", 1, "2025-04-22 12:00 CEST", id="over Easter Monday"),
        pytest.param(FROM_HALF_PAST_TWO, "2025-03-29T02:30", 1, "2025-03-30 03:00 CEST", id="into the gap: its end"),
        pytest.param(FROM_HALF_PAST_TWO, "2025-10-25T02:30", 1, "2025-10-26 02:30 CEST", id="shown twice: the first time"),
        pytest.param(WEEK_NIGHTS, "2025-06-13T02:00", 1, "2025-06-14 02:00 CEST", id="from Thursday's night"),
        pytest.param(WEEK_NIGHTS, "2025-06-14T02:00", 1, "2025-06-17 02:00 CEST", id="from Friday's night"),
        pytest.param(
            WEEK_NIGHTS, "2025-06-14T12:00", 1, "2025-06-17 06:00 CEST", id="from Saturday, the whole of Monday's night"
        ),
        pytest.param(ALL_DAY, "2025-10-25T02:30", 1, "2025-10-26 02:30 CEST", id="round the clock"),
        pytest.param(ALL_DAY, "2025-03-29T02:30", 1, "2025-03-30 03:00 CEST", id="round the clock, into the gap"),
    ],
)
def test_a_business_day_ends_at_the_same_local_time(opening: CalendarHours, start: str, days: int, due: str) -> None:
    """Business days end at the local time they began at, weekends and holidays passed over."""
    assert shown(calendar(opening).add_days(at(start), days)) == due


UTC_OFFICE = calendar(hours(zone="UTC", holidays="NL"))
UTC_NIGHTS = calendar(hours({day: PATTERNS["night"][day] for day in WEEKDAYS}, "UTC", holidays="NL"))
MINUTES_OF_2025 = st.integers(at("2025-01-01T00:00", "UTC") // MINUTE, at("2026-01-01T00:00", "UTC") // MINUTE)


@given(st.sampled_from([UTC_OFFICE, UTC_NIGHTS]), MINUTES_OF_2025, st.integers(0, 5000), st.integers(1, 30))
def test_a_later_start_is_never_due_earlier(office: Calendar, minute: int, gap: int, days: int) -> None:
    """Whoever asks later, at a weekend or at night, is not served before who asked earlier."""
    assert office.add_days(minute * MINUTE, days) <= office.add_days((minute + gap) * MINUTE, days)


@given(MINUTES_OF_2025, st.integers(1, 300))
def test_business_days_hold_as_many_working_days(minute: int, days: int) -> None:
    """Between a start on a working day and its due time lie as many working days as were asked for."""
    closed = country_holidays("NL", years=(2025, 2026, 2027))
    first, due = moment(minute * MINUTE).date(), UTC_OFFICE.add_days(minute * MINUTE, days)
    if first.weekday() in WEEKDAYS and first not in closed:
        passed = [first + timedelta(days=n) for n in range(1, (moment(due).date() - first).days + 1)]
        assert len([day for day in passed if day.weekday() in WEEKDAYS and day not in closed]) == days
        assert due % DAY == minute * MINUTE % DAY


def test_a_duration_is_business_time_or_business_days() -> None:
    """Four business hours count minutes, two business days end at the same local time, no duration ends at once."""
    office, start = calendar(OFFICE), at("2025-06-12T16:00")
    assert shown(office.after(start, Duration(milliseconds=4 * HOUR))) == "2025-06-13 11:30 CEST"
    assert shown(office.after(start, Duration(business_days=2))) == "2025-06-16 16:00 CEST"
    assert office.after(start, Duration()) == start == office.add_days(start, 0)


WATCH = CalendarHours("watch", AMSTERDAM, always=True, holidays="NL")

# --- holidays ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "day", "opened"),
    [
        pytest.param(OFFICE, "2025-04-21", 0, id="a public holiday"),
        pytest.param(OFFICE, "2025-04-22", 8.5, id="the day after"),
        pytest.param(hours(), "2025-04-21", 8.5, id="no holidays asked for"),
        pytest.param(hours(holidays="DE-BY"), "2025-01-06", 0, id="a holiday of one part of a country"),
        pytest.param(hours(holidays="DE"), "2025-01-06", 8.5, id="none in the whole of it"),
        pytest.param(hours(holidays="US"), "2021-12-31", 0, id="moved into the year before"),
        pytest.param(hours(also_closed=("2025-06-10",)), "2025-06-10", 0, id="closed besides"),
        pytest.param(hours(holidays="NL", open_anyway=("2025-04-21",)), "2025-04-21", 8.5, id="open all the same"),
        pytest.param(WATCH, "2025-12-25", 0, id="round the clock less holidays"),
        pytest.param(WATCH, "2025-12-24", 24, id="round the clock"),
    ],
)
def test_holidays_and_their_corrections(opening: CalendarHours, day: str, opened: float) -> None:
    """Public holidays close, and the organisation has the last word on each date."""
    start = at(f"{day}T00:00", opening.time_zone)
    assert calendar(opening).between(start, start + DAY) == opened * HOUR


def test_a_holiday_closes_the_whole_night_that_starts_on_it() -> None:
    """A night shift belongs to the day it starts on: Christmas Eve's runs into Christmas, Boxing Day's does not start."""
    nights = calendar(hours("night", holidays="NL"))
    assert nights.between(at("2025-12-24T22:00"), at("2025-12-27T12:00")) == 8 * HOUR
    assert nights.is_open(at("2025-12-25T05:59"))
    assert shown(nights.next_opening(at("2025-12-25T06:00"))) == "2025-12-27 22:00 CET"


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "sentence"),
    [
        pytest.param(hours(zone="Europe/Amsterdm"), "did you mean Europe/Amsterdam", id="misspelt zone"),
        pytest.param(hours(zone="Europe"), "time zone 'Europe' is not known", id="half a zone"),
        pytest.param(hours(zone=""), "time zone '' is not known", id="no zone"),
        pytest.param(hours(holidays="XX"), "no public holidays are known for 'XX'", id="unknown country"),
        pytest.param(hours(holidays="nl"), "did you mean NL", id="small letters"),
        pytest.param(hours(holidays="NYSE"), "no public holidays are known for 'NYSE'", id="a stock exchange"),
        pytest.param(hours(holidays="DE-XX"), "the parts of DE that are known: BB, BE", id="unknown part of a country"),
        pytest.param(hours(also_closed=("2025-02-29",)), "'2025-02-29' in also_closed is no date", id="no such day"),
        pytest.param(hours(open_anyway=("24-12-2025",)), "'24-12-2025' in open_anyway is no date", id="another order"),
        pytest.param(hours(also_closed=("20251224",)), "write it as 2025-12-24", id="without hyphens"),
        pytest.param(
            hours(also_closed=("2025-12-24",), open_anyway=("2025-12-24",)), "in also_closed and in open_anyway", id="both"
        ),
        pytest.param(hours(open_anyway=("2025-12-27",)), "no hours on a Saturday to open with", id="open on a free weekday"),
        pytest.param(hours({}), "never opens", id="no hours"),
        pytest.param(hours({0: ()}), "never opens", id="a weekday without hours"),
        pytest.param(hours({7: ((0, 60),)}), "no weekday 7", id="an eighth weekday"),
        pytest.param(hours({0: ((0, 1441),)}), "Monday has a shift from minute 0 to 1441", id="past midnight"),
        pytest.param(
            hours({0: ((540, 720), (700, 800))}), "Monday 09:00 to Monday 12:00 runs into the one", id="overlap in a day"
        ),
        pytest.param(
            hours({6: ((1320, 360),), 0: ((300, 800),)}), "Sunday 22:00 to Monday 06:00 runs into the one", id="overlap of nights"
        ),
    ],
)
def test_hours_that_cannot_be_meant_are_refused(opening: CalendarHours, sentence: str) -> None:
    """F11: whoever writes a calendar is told, by its name, what is wrong with it and what to write."""
    with pytest.raises(ValueError, match="calendar office") as refusal:
        calendar(opening)
    assert sentence in str(refusal.value)


# --- the ends of the table -----------------------------------------------------------------------------------------


def test_round_the_clock_is_plain_time() -> None:
    """A calendar that never closes counts every millisecond, however it was written."""
    written = (CalendarHours("always", AMSTERDAM, always=True), ALL_DAY, hours(dict.fromkeys(EVERY_DAY, ((540, 540),))))
    for office in (ALWAYS, *map(calendar, written)):
        assert office.always
        assert office.between(5, 12) == 7
        assert office.between(5, FOREVER) == FOREVER
        assert office.between(FOREVER, FOREVER) == 0
        assert office.add(5, 7) == 12
        assert office.add(FOREVER, 7) == office.add(FOREVER - 1, 7) == FOREVER
        assert office.add_days(FOREVER, 7) == office.add_days(5, 10**7) == FOREVER
        assert office.next_opening(5) == 5
        assert office.is_open(5)


def test_what_lies_outside_the_table() -> None:
    """Before 1970 and after 2100 a calendar with hours is closed; what would be due then is due never."""
    office = calendar(OFFICE)
    late, end = at("2100-12-31T17:00", "UTC"), at("2250-01-01T00:00", "UTC")
    assert not office.always
    assert office.between(late, end) == office.between(end, end + DAY) == 0
    assert office.between(late, FOREVER) == FOREVER
    assert office.add(late, 1) == office.add(end, 1) == office.add(FOREVER, 1) == FOREVER
    assert office.add_days(late, 1) == office.add_days(end, 1) == office.add_days(FOREVER, 1) == FOREVER
    assert office.next_opening(late) == office.next_opening(FOREVER) == FOREVER
    assert not office.is_open(end)
    assert not office.is_open(FOREVER)
    assert office.add(late, 0) == late
    assert shown(office.next_opening(-DAY)) == "1970-01-02 09:00 CET"
    assert shown(office.add(-DAY, HOUR)) == "1970-01-02 10:00 CET"
    assert shown(office.add_days(-DAY, 1)) == "1970-01-05 00:00 CET"


def test_long_budgets_reach_into_later_decades() -> None:
    """A due time decades ahead is found although only the first decade was looked up."""
    fresh, start = calendar(OFFICE), at("2025-01-01T12:00")
    due = fresh.add(start, 100_000 * HOUR)
    assert shown(due).startswith("2071-05")
    assert calendar(OFFICE).between(start, due) == fresh.between(start, due) == 100_000 * HOUR
    assert shown(fresh.add_days(start, 10_000)) == shown(calendar(OFFICE).add_days(start, 10_000))


@pytest.mark.parametrize("zone", [AMSTERDAM, "Australia/Sydney", "America/New_York"])
def test_answers_do_not_depend_on_what_was_asked_before(zone: str) -> None:
    """Shifts at the turn of a decade are counted, whichever of the two decades was looked up first."""
    for first in ("2015-06-01T12:00", "2025-06-01T12:00"):
        nights = calendar(hours("night", zone))
        nights.is_open(at(first, zone))
        assert nights.is_open(at("2020-01-01T02:00", zone))
        assert nights.between(at("2020-01-01T02:00", zone), at("2020-01-01T12:00", zone)) == 4 * HOUR
        assert nights.next_opening(at("2019-12-31T12:00", zone)) == at("2019-12-31T22:00", zone)
        assert nights.add(at("2019-12-31T23:00", zone), 7 * HOUR) == at("2020-01-01T06:00", zone)
        split = calendar(hours("split", zone))
        split.is_open(at(first, zone))
        assert split.is_open(at("2020-01-01T01:30", zone))


def test_only_decades_that_are_asked_for_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making a calendar costs nothing, and a question about 2025 does not work out a century of holidays."""
    asked: list[tuple[int, int]] = []

    def noted(_: object, first: int, last: int) -> frozenset[date]:
        asked.append((first, last))
        return frozenset()

    monkeypatch.setattr(calendars, "public_holidays", noted)
    office = calendar(OFFICE)
    assert not asked
    office.between(at("2025-06-10T10:00"), at("2025-06-11T10:00"))
    office.between(at("2024-06-10T10:00"), at("2026-06-11T10:00"))
    assert asked == [(2020, 2029)]
    office.is_open(at("2012-05-07T06:00"))
    assert asked[1:] == [(2010, 2029)]


def test_threads_that_ask_about_different_times_get_right_answers() -> None:
    """Threads share a calendar without a lock and get what each would get alone."""
    office, alone, years = calendar(OFFICE), calendar(OFFICE), [2000, 2025, 2012, 2004] * 3

    def worked(on: Calendar, year: int) -> int:
        return on.between(at(f"{year}-01-01T00:00"), at(f"{year + 1}-01-01T00:00"))

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(partial(worked, office), years))
    assert found == [worked(alone, year) for year in years]
