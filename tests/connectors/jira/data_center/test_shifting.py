"""No ticket is passed over while pages are read by offset, whoever changes what meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.jira.shifting import Found, Place, Row, nearer, place_of, stretch
from rules.instants import MINUTE, SECOND

START = 1_795_406_400_000


class Index:
    """Rows in the order of their updates, which a change moves to the end."""

    def __init__(self, number: int, seconds: int) -> None:
        self.now = START + number * seconds * SECOND
        self.rows: list[Row] = [(str(n), START + n * seconds * SECOND) for n in range(number)]

    def touch(self, place: int) -> None:
        self.now += SECOND
        id_, _ = self.rows.pop(place % len(self.rows))
        self.rows.append((id_, self.now))

    def asked(self, since: int | None, start: int, size: int) -> Found:
        shown = [row for row in self.rows if since is None or row[1] >= since]
        return Found(shown[start : start + size], len(shown))


@given(
    number=st.integers(1, 60),
    seconds=st.sampled_from([0, 1, 7, 61]),
    size=st.integers(1, 12),
    touches=st.lists(st.lists(st.integers(0, 59), max_size=4), max_size=40),
    anchored=st.booleans(),
)
def test_every_row_is_shown(number: int, seconds: int, size: int, touches: list[list[int]], anchored: bool) -> None:
    """Whatever changes between two pages, each ticket is shown; one that did not change, as it is."""
    index = Index(number, seconds)
    place: Place | None = Place()
    shown: set[Row] = set()
    pages = 0
    while place is not None:
        at = place
        asked: list[Found] = []

        def ask(start: int, rows: int, at: Place = at, asked: list[Found] = asked) -> Found:
            asked.append(index.asked(at.since, start, rows))
            return asked[-1]

        page = stretch(at, size, ask)
        if page is None:
            place = Place()  # what hoist does: it begins anew, and knows what it has
            touches = []
            continue
        shown |= set(page.rows)
        place = page.following
        if place is not None and anchored:
            place = nearer(place, asked[-1].rows, lambda _: True)
        for touched in touches.pop() if touches else []:
            index.touch(touched)
        pages += 1
        assert pages < 1_000
    assert {id_ for id_, _ in shown} == {id_ for id_, _ in index.rows}
    assert {row for row in index.rows if row[1] < START + number * seconds * SECOND} <= shown


def test_a_row_that_moves_up_into_the_page_before_is_met() -> None:
    """The ticket that a plain offset passes over, since one before it changed, is the first of the next page."""
    index = Index(6, 1)
    first = stretch(Place(), 3, lambda start, size: index.asked(None, start, size))
    assert first is not None
    assert first.following is not None
    index.touch(0)
    second = stretch(first.following, 3, lambda start, size: index.asked(None, start, size))
    assert second is not None
    assert [id_ for id_, _ in second.rows][:3] == ["3", "4", "5"]


def test_a_place_of_which_nothing_is_left_is_lost() -> None:
    """Where all the last rows of a page have changed, nobody can say what follows them, and hoist does not pretend to."""
    place = Place(at=5, last=(("8", START), ("9", START)))
    assert stretch(place, 3, lambda start, size: Index(20, 1).asked(None, start, size)) is None


def test_offsets_stay_small() -> None:
    """Pages are counted from the last minute that was shown, so that Jira need not walk through a million rows for each."""
    rows = [(str(n), START + n * 20 * SECOND) for n in range(9)]
    place = nearer(Place(at=9_000, last=tuple(rows[-5:])), rows, lambda _: True)
    assert place == Place(since=START + 2 * MINUTE, at=3, last=tuple(rows[-3:]))


def test_a_minute_with_more_tickets_than_a_page_is_walked_through() -> None:
    """After a bulk edit of thousands the offset goes on within the minute, as there is no other way to name a place in it."""
    rows = [(str(n), START + n) for n in range(9)]
    place = Place(at=9, last=tuple(rows[-5:]))
    assert nearer(place, rows, lambda _: True) == place


def test_a_token_of_another_kind_names_no_place() -> None:
    """A cursor that is no place of this walk begins the run anew instead of stopping the source."""
    assert place_of("Ch0000") is None
    assert place_of(Place(at=3).model_dump_json()) == Place(at=3)
