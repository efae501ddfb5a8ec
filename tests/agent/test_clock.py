"""The source's clock is never believed to be further than it is, whatever happens to this machine's clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.clock import SAMPLES, SourceClock, SteppedClock, SystemClock, skew_problem, steady
from rules.instants import HOUR, MINUTE, SECOND, Instant

MONDAY = 1_772_438_400_000


class Machine:
    """A machine whose clock anybody may set, while its steady one goes on."""

    def __init__(self) -> None:
        self.set_to: Instant = MONDAY
        self.up = 0

    def now(self) -> Instant:
        return self.set_to

    def monotonic(self) -> float:
        return self.up / SECOND

    def sleep(self, seconds: float) -> None:
        self.set_to += int(seconds * SECOND)
        self.up += int(seconds * SECOND)


@given(
    st.integers(-HOUR, HOUR),
    st.lists(st.tuples(st.integers(1, MINUTE), st.integers(0, 5_000), st.integers(-HOUR, HOUR)), min_size=1, max_size=90),
)
def test_it_never_runs_ahead_of_the_source(ahead: int, heard: list[tuple[int, int, int]]) -> None:
    """Answers travel for a while and name whole seconds, and somebody sets this machine's clock: hoist is late at worst."""
    machine = Machine()
    clock = SourceClock(machine)
    for wait, travel, turned in heard:
        machine.sleep(wait / SECOND)
        said = (MONDAY + machine.up + ahead) // SECOND * SECOND
        machine.sleep(travel / SECOND)
        clock.observe(said)
        machine.set_to += turned
        assert clock.now() <= MONDAY + machine.up + ahead
        assert clock.now() >= MONDAY + machine.up + ahead - travel - SECOND


def test_the_best_of_the_last_answers_counts() -> None:
    """One quick answer makes up for many slow ones, until it is too long ago."""
    machine = Machine()
    clock = SourceClock(machine)
    clock.observe(machine.now())
    for _ in range(SAMPLES - 1):
        clock.observe(machine.now() - 5 * SECOND)
    assert clock.offset == 0
    clock.observe(machine.now() - 5 * SECOND)
    assert clock.offset == -5 * SECOND


def test_an_instant_there_is_an_instant_here() -> None:
    """When the source's clock shows an instant, this machine's clock shows its `local`."""
    machine = Machine()
    clock = SourceClock(machine)
    assert clock.now() == machine.now(), "a source that was not heard yet is taken to agree"
    clock.observe(machine.now() + 7 * SECOND)
    assert clock.local(clock.now() + MINUTE) == machine.now() + MINUTE
    assert clock.offset == 7 * SECOND


def test_a_clock_that_was_put_back_is_believed() -> None:
    """One answer that was long on its way changes nothing; several in a row that are behind tell that the source was set back."""
    machine = Machine()
    clock = SourceClock(machine)
    for _ in range(5):
        clock.observe(machine.now())
    clock.observe(machine.now() - 5 * MINUTE)
    clock.observe(machine.now())
    assert clock.offset == 0
    for _ in range(3):
        clock.observe(machine.now() - 5 * MINUTE)
    assert clock.offset == -5 * MINUTE


def test_skew_is_told_past_its_limit_only() -> None:
    """Either way, with both figures; within the limit there is nothing to say."""
    assert skew_problem(-MINUTE, MINUTE) == skew_problem(MINUTE, MINUTE) == ""
    assert "61 seconds ahead of this machine's, and skew_limit allows 60" in skew_problem(61 * SECOND, MINUTE)
    assert "61 seconds behind" in skew_problem(-61 * SECOND, MINUTE)


def test_a_stepped_clock_never_goes_back() -> None:
    """It stands, jumps forward, and sleeping is a jump."""
    clock = SteppedClock(MONDAY + 123)
    clock.jump(MONDAY)
    assert clock.now() == MONDAY + 123
    assert steady(clock) == clock.now(), "to the millisecond"
    clock.sleep(1.5)
    assert clock.now() == MONDAY + 1_623


def test_the_machines_own_clock_goes_on() -> None:
    """Both of its hands move forward."""
    clock = SystemClock()
    first = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= first
    assert clock.now() > MONDAY
