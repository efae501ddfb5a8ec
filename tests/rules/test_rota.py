from hypothesis import given
from hypothesis import strategies as st

from rules.rota import OVERRIDE, Rota, Shift, is_rota, without

SPAN = st.integers(0, 60)
PEOPLE = st.sampled_from(["anna", "bob", "carl"])


@st.composite
def _shift(draw: st.DrawFn) -> Shift:
    start = draw(st.integers(0, 59))
    return Shift(start, draw(st.integers(start + 1, 60)), (draw(PEOPLE),), draw(st.integers(0, 2)))


SHIFTS = st.lists(_shift(), max_size=8)


def on_duty(shifts: list[Shift], at: int) -> tuple[str, ...]:
    """The plain meaning: everybody of the shifts of the highest rank that are on."""
    on = [shift for shift in shifts if shift.start <= at < shift.end]
    rank = max((shift.rank for shift in on), default=0)
    return tuple(sorted({name for shift in on if shift.rank == rank for name in shift.who}))


@given(SHIFTS)
def test_at_each_instant_the_shift_of_the_highest_rank_counts(shifts: list[Shift]) -> None:
    """Whoever is on duty at an instant is who the shifts say, one instant at a time."""
    rota = Rota("r", tuple(shifts), 0, 60)
    for at in range(60):
        assert rota.on_duty(at) == on_duty(shifts, at)


@given(SHIFTS)
def test_gaps_are_where_nobody_is_on_duty(shifts: list[Shift]) -> None:
    """Gaps cover the instants without anybody, and no other; none of them touch."""
    gaps = Rota("r", tuple(shifts), 0, 60).gaps(0, 60)
    inside = {at for start, end in zip(gaps[::2], gaps[1::2], strict=True) for at in range(start, end)}
    assert inside == {at for at in range(60) if not on_duty(shifts, at)}
    assert len(set(gaps)) == len(gaps)


@given(SHIFTS, st.lists(st.tuples(SPAN, SPAN).map(sorted), max_size=2))
def test_who_is_away_is_on_duty_nowhere(shifts: list[Shift], away: list[list[int]]) -> None:
    """An absence takes its person out of every shift, and nobody else; where all are away a shift of a lower rank shows."""
    flat = sorted({edge for stretch in away[:1] for edge in stretch})
    intervals = flat if len(flat) == 2 else []
    rota = Rota("r", without(shifts, {"anna": intervals}), 0, 60)
    for at in range(60):
        gone = {"anna"} if intervals and intervals[0] <= at < intervals[1] else set()
        left = [shift._replace(who=tuple(set(shift.who) - gone)) for shift in shifts if set(shift.who) - gone]
        assert rota.on_duty(at) == on_duty(left, at)


def test_an_override_of_the_protocol_wins_over_every_priority() -> None:
    """What stands in organisation.yaml counts against the calendar."""
    rota = Rota("r", (Shift(0, 10, ("anna",), 9), Shift(2, 4, ("bob",), OVERRIDE)), 0, 10)
    assert [rota.on_duty(at) for at in (1, 2, 3, 4)] == [("anna",), ("bob",), ("bob",), ("anna",)]


def test_beyond_what_is_known_nobody_is_on_duty() -> None:
    """A rota says nothing of times that were not laid out."""
    rota = Rota("r", (Shift(0, 100, ("anna",)),), 10, 20)
    assert [rota.on_duty(at) for at in (9, 10, 19, 20)] == [(), ("anna",), ("anna",), ()]
    assert rota.turn(9) is None
    assert rota.gaps(15, 30) == [20, 30]


def test_the_next_turn_is_that_of_somebody() -> None:
    """After a gap it is the one who has the duty then."""
    rota = Rota("r", (Shift(0, 5, ("anna",)), Shift(8, 9, ("bob",))), 0, 10)
    following = rota.next_turn(1)
    assert following is not None
    assert (following.start, following.who) == (8, ("bob",))
    assert rota.next_turn(8) is None


def test_a_rota_is_told_from_a_person() -> None:
    """A calendar file or a URL is a rota, an address is a person."""
    assert is_rota("rotas/duty.ics")
    assert is_rota("https://rota.example.com/feed")
    assert not is_rota("anna@example.com")
