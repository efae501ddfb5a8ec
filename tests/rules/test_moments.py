"""Dates and times of stories: what is read is what was meant, and what is written can be read."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.instants import MINUTE, SECOND, Instant, instant, moment
from rules.language.moments import Moment, local_moment, written_local

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its clocks change by half an hour
LAST = instant(moment(0).replace(year=2100))


@pytest.mark.parametrize(
    ("text", "meant", "precision"),
    [
        ("2026-11-06 16:50", "2026-11-06T15:50:00+00:00", MINUTE),
        ("Fri 2026-11-06 16:50", "2026-11-06T15:50:00+00:00", MINUTE),
        ("friday, 2026-11-06 16:50:30", "2026-11-06T15:50:30+00:00", SECOND),
        ("2026-11-06T16:50:30.25", "2026-11-06T15:50:30.250+00:00", 1),
        ("2026-07-06 9:05", "2026-07-06T07:05:00+00:00", MINUTE),
        ("2026-11-06T16:50Z", "2026-11-06T16:50:00+00:00", MINUTE),
        ("2026-11-06 16:50 -05:00", "2026-11-06T21:50:00+00:00", MINUTE),
        ("2026-10-25 02:30", "2026-10-25T00:30:00+00:00", MINUTE),  # shown twice: the first
    ],
)
def test_a_time_is_read_as_people_mean_it(text: str, meant: str, precision: int) -> None:
    """In the story's zone, unless it gives its own offset; to the minute where it says no seconds."""
    assert local_moment(text, AMSTERDAM) == Moment(instant(moment(0).fromisoformat(meant)), precision)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu 2026-11-06 16:50", "2026-11-06 is a Friday"),
        ("2026-11-06", "expected a date and time such as"),
        ("2026-02-29 10:00", "no such date or time"),
        ("2026-11-06 24:00", "no such date or time"),
        ("2026-03-29 02:30", "the clocks jump over this time on that day"),
        ("1969-12-31 10:00", "expected a year from 1970 to 2100"),
        ("2026-11-06 16:50 +99:00", "no offset from UTC"),
        ("tomorrow", "expected a date and time such as"),
    ],
)
def test_a_time_that_is_none_is_refused(text: str, expected: str) -> None:
    """A wrong weekday, a date that does not exist and a time that no clock shows are said, not guessed."""
    with pytest.raises(ValueError, match=expected):
        local_moment(text, AMSTERDAM)


def test_a_time_to_the_minute_means_all_of_that_minute() -> None:
    """`17:05` is met by what happens at 17:05:59 and not by 17:06."""
    at = local_moment("2026-11-06 17:05", UTC)
    assert at.means(at.at)
    assert at.means(at.at + MINUTE - 1)
    assert not at.means(at.at + MINUTE)
    assert not at.means(at.at - 1)


@given(st.integers(min_value=0, max_value=LAST), st.sampled_from([UTC, AMSTERDAM, LORD_HOWE]))
def test_what_is_written_is_read_back(at: Instant, zone: ZoneInfo) -> None:
    """Whatever the hour, those that the clocks show twice included."""
    assert local_moment(written_local(at, zone), zone).at == at
