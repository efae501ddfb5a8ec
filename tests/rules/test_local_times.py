import pytest

from rules.instants import DAY, HOUR, MINUTE, instant, moment
from rules.local_times import beginning, end, joined, stretch

ZONE = "Europe/Amsterdam"


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """An instant of 2026 in UTC."""
    return instant(moment(0).replace(year=2026, month=month, day=day, hour=hour, minute=minute))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-12-24", at(12, 23, 23), at(12, 24, 23)),
        ("2026-12-24 18:00", at(12, 24, 17), at(12, 24, 17)),
        ("2026-12-24T18:00:30", at(12, 24, 17) + 30_000, at(12, 24, 17) + 30_000),
        ("2026-12-24T18:00Z", at(12, 24, 18), at(12, 24, 18)),
        ("2026-12-24 18:00 +05:30", at(12, 24, 12, 30), at(12, 24, 12, 30)),
        ("2026-03-29 02:30", at(3, 29, 1), at(3, 29, 1)),  # jumped over: the end of the gap
        ("2026-10-25 02:30", at(10, 25, 0, 30), at(10, 25, 1, 30)),  # shown twice: first as a beginning, last as an end
    ],
)
def test_times_are_read_as_people_write_them(text: str, first: int, last: int) -> None:
    """Dates are whole days, local times follow the zone through both changes of the clocks, offsets need no zone."""
    assert beginning(text, ZONE) == first
    assert end(text, ZONE) == last


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01", "2026-02-30", "24-12-2026", "2026-12-24 25:00", "20261224"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    """The sentence shows how a time is written."""
    with pytest.raises(ValueError, match="a date such as 2026-12-24"):
        beginning(text, ZONE)


def test_one_date_from_and_to_is_that_day() -> None:
    """From a day to the same day is the whole day, of 23, 24 or 25 hours."""
    for day, hours in (("2026-03-29", 23), ("2026-06-01", 24), ("2026-10-25", 25)):
        start, stop = stretch(day, day, ZONE)
        assert stop - start == hours * HOUR


def test_an_end_before_its_beginning_is_refused() -> None:
    """A slip of the pen is no empty window."""
    with pytest.raises(ValueError, match="2026-12-23 is not after 2026-12-24"):
        stretch("2026-12-24", "2026-12-23", ZONE)


def test_an_unknown_zone_is_refused() -> None:
    """A zone that the zone data has not is a sentence, no crash."""
    with pytest.raises(ValueError, match="Europe/Amsterdam or UTC"):
        beginning("2026-12-24", "Mars/Phobos")


def test_stretches_in_any_order_become_intervals() -> None:
    """They are sorted; what touches or overlaps becomes one."""
    assert joined([(DAY, 2 * DAY), (0, HOUR), (HOUR, 2 * HOUR), (DAY + MINUTE, DAY + HOUR)]) == [0, 2 * HOUR, DAY, 2 * DAY]
