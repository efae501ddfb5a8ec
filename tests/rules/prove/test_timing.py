"""When things begin for many arrivals at once: the same instants as for each arrival alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendars import ALWAYS, calendar
from rules.instants import DAY, HOUR, MINUTE, Instant
from rules.protocol.durations import Duration
from rules.protocol.organisation import CalendarHours
from rules.prove.timing import AT_ONCE, Columns, Later, NextOpening, Opening, Timing, latest
from rules.prove.waits import Years

YEARS = Years(2026, 2026)
OFFICE = calendar(CalendarHours("office", "Europe/Amsterdam", dict.fromkeys(range(5), ((9 * 60, 17 * 60),)), holidays="NL"))
SPANS = st.sampled_from([Duration(15 * MINUTE), Duration(30 * HOUR), Duration(business_days=2), Duration(40 * MINUTE, 1)])


def timings() -> st.SearchStrategy[Timing]:
    """Anything that the proofs make of each other."""
    return st.recursive(
        st.just(AT_ONCE),
        lambda inner: st.one_of(
            st.builds(Later, inner, SPANS, st.sampled_from([OFFICE, ALWAYS])),
            st.builds(
                Opening, inner, st.just((YEARS.start + DAY, YEARS.start + 2 * DAY, YEARS.start + 9 * DAY, YEARS.start + 10 * DAY))
            ),
            st.builds(NextOpening, inner, st.just(OFFICE)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: latest(*parts)),
        ),
        max_leaves=6,
    )


@given(timings(), st.lists(st.integers(YEARS.start, YEARS.end - 1), max_size=20))
@settings(max_examples=100)
def test_columns_are_what_each_arrival_gives(timing: Timing, arrivals: list[Instant]) -> None:
    """Arrivals in order, some of them twice; nights and weekends end at one instant for many."""
    ordered = sorted([*arrivals, *arrivals[:3], *(at + MINUTE for at in arrivals)])
    assert list(Columns(ordered).of(timing)) == [timing.at(arrival) for arrival in ordered]
