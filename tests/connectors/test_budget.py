"""How fast a source is asked: never above its rate, the most urgent first, and not at all while it is closed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.budget import Budget, Drawn, NoTurn, OwnSupply, Supply, Urgency, full_bucket

LONG = 1e6


@dataclass
class Stepped:
    """A clock that sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def budget(self, rate: float, supply: Supply | None = None, concurrent: int = 4) -> Budget:
        return Budget(rate, concurrent, supply or OwnSupply(lambda: self.now), sleep=self.sleep, monotonic=lambda: self.now)


def ask(budget: Budget, urgency: Urgency = Urgency.FRESH, longest: float = LONG) -> None:
    with budget.turn(urgency, longest):
        pass


@given(
    st.lists(st.tuples(st.floats(0, 0.7), st.sampled_from(Urgency), st.integers(0, 2)), min_size=1, max_size=80),
    st.integers(1, 40),
)
def test_processes_together_keep_the_rate(asked: list[tuple[float, Urgency, int]], rate: int) -> None:
    """Over any second and what was saved up for it no more requests leave than twice the rate, whoever asks and when."""
    clock = Stepped()
    shared = OwnSupply(lambda: clock.now)
    processes = [clock.budget(rate, shared) for _ in range(3)]
    left: list[float] = []
    for pause, urgency, process in asked:
        ask(processes[process], urgency)
        left.append(clock.now)
        clock.now += pause
    for first in left:
        assert sum(first <= each < first + 1.0 for each in left) <= 2 * rate + 1


@pytest.mark.parametrize("rate", [1, 7, 50, 400])
def test_all_of_the_rate_is_used(rate: int) -> None:
    """Who asks without a pause gets what the rate permits, from the first second on."""
    clock = Stepped()
    budget = clock.budget(rate)
    for _ in range(rate * 20):
        ask(budget)
    assert clock.now == pytest.approx(20, abs=1.01)


def test_a_slice_serves_many_requests() -> None:
    """A request costs no look into the shared budget: there is one for every half second's worth of them."""
    clock = Stepped()
    own = OwnSupply(lambda: clock.now)
    draws = 0

    class Counted(OwnSupply):
        def draw(self, rate: float, written: int) -> Drawn:
            nonlocal draws
            draws += 1
            return own.draw(rate, written)

    budget = clock.budget(50, Counted(lambda: clock.now))
    for _ in range(1_000):
        ask(budget)
    assert draws == 40


def test_backfill_leaves_a_reserve() -> None:
    """While a first mirror takes all it may have, whoever is more urgent finds a request that may leave at once."""
    clock = Stepped()
    budget = clock.budget(50)
    waits = []
    for number in range(400):
        ask(budget, Urgency.BACKFILL)
        if number >= 50 and number % 10 == 0:
            before = clock.now
            ask(budget, Urgency.FRESH)
            waits.append(clock.now - before)
    assert max(waits) == 0.0
    assert clock.now <= 1.01 * (400 / 0.8) / 50


def test_a_stepped_clock_gets_the_same_waits_each_time() -> None:
    """Nothing depends on anything but the clock."""
    runs = []
    for _ in range(2):
        clock = Stepped()
        budget = clock.budget(3.3)
        for urgency in [Urgency.POLL, Urgency.BACKFILL, Urgency.WRITE] * 9:
            ask(budget, urgency)
        runs.append(clock.slept)
    assert runs[0] == runs[1] != []


class Noticed(threading.Condition):
    """The lock of a budget: whoever leaves it tells those who wait for something about the budget to be true."""

    def __exit__(self, *problem: object) -> None:
        self.notify_all()
        super().__exit__(*problem)  # type: ignore[arg-type] # they are what `with` gives


def watched(budget: Budget) -> Budget:
    budget._lock = Noticed()  # type: ignore[assignment] # taken and left as a lock is
    return budget


def eventually(budget: Budget, true: Callable[[], bool]) -> None:
    with budget._lock:
        assert budget._lock.wait_for(true, 10)  # type: ignore[attr-defined]


@dataclass
class Standing:
    """A clock that stands until somebody lets time pass; who sleeps is woken by that alone."""

    now: float = 0.0
    passes: threading.Condition = field(default_factory=threading.Condition)

    def sleep(self, seconds: float) -> None:
        with self.passes:
            until = self.now + seconds
            assert self.passes.wait_for(lambda: self.now >= until, 10)

    def go_on(self, seconds: float) -> None:
        with self.passes:
            self.now += seconds
            self.passes.notify_all()

    def budget(self, rate: float, concurrent: int) -> Budget:
        return watched(Budget(rate, concurrent, OwnSupply(lambda: self.now), sleep=self.sleep, monotonic=lambda: self.now))


class Gate:
    """A budget with one place, which somebody holds until it is opened; then the others' order shows."""

    def __init__(self, rate: float = 1e6) -> None:
        self.budget = Standing().budget(rate, 1)
        self.order: list[Urgency] = []
        self._threads: list[threading.Thread] = []
        self._open = threading.Event()
        self._start(self._hold)
        eventually(self.budget, lambda: self.budget._free == 0)

    def _start(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work))
        self._threads[-1].start()

    def _hold(self) -> None:
        with self.budget.turn(Urgency.POLL, LONG):
            self._open.wait(10)

    def queue(self, urgency: Urgency) -> None:
        def work() -> None:
            with self.budget.turn(urgency, LONG):
                self.order.append(urgency)

        self._start(work)
        eventually(self.budget, lambda: len(self.budget._queue) == len(self._threads) - 1)

    def open(self) -> list[Urgency]:
        self._open.set()
        for thread in self._threads:
            thread.join(10)
        return self.order


def test_the_most_urgent_goes_first() -> None:
    """Writes before fresh reads before polls before backfill, and of one kind who came first."""
    gate = Gate()
    for urgency in (Urgency.BACKFILL, Urgency.POLL, Urgency.FRESH, Urgency.WRITE, Urgency.FRESH, Urgency.WRITE):
        gate.queue(urgency)
    assert gate.open() == sorted(gate.order)


def test_a_write_overtakes_who_waits_for_the_rate() -> None:
    """Who sleeps until the next request may leave gives it to a write that came meanwhile."""
    clock = Standing()
    budget = clock.budget(4, 8)
    order: list[Urgency] = []

    def work(urgency: Urgency) -> None:
        with budget.turn(urgency, LONG):
            order.append(urgency)

    ask(budget)
    ask(budget)  # what was saved up is used
    threads = [threading.Thread(target=work, args=(urgency,)) for urgency in (Urgency.POLL, Urgency.POLL, Urgency.WRITE)]
    for number, thread in enumerate(threads, 1):
        thread.start()
        eventually(budget, lambda number=number: len(budget._queue) == number)  # type: ignore[misc]
    for number in range(1, 4):
        eventually(budget, lambda: budget._watched is not None)
        clock.go_on(0.25)
        eventually(budget, lambda number=number: (len(order), budget._free) == (number, 8))  # type: ignore[misc]
    for thread in threads:
        thread.join(10)
    assert order == [Urgency.WRITE, Urgency.POLL, Urgency.POLL]


@pytest.mark.parametrize("urgency", list(Urgency))
def test_at_most_so_many_at_once(urgency: Urgency) -> None:
    """A source never gets more requests at once than its limit."""
    budget = Standing().budget(1e6, 2)
    under_way, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(2, timeout=5)

    def work() -> None:
        nonlocal under_way, most
        with budget.turn(urgency, LONG):
            with lock:
                under_way += 1
                most = max(most, under_way)
            gate.wait()
            with lock:
                under_way -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_a_closed_source_is_asked_nothing() -> None:
    """Nobody waits in line until the source takes requests again: they learn for how long, and others that share it do too."""
    clock = Stepped()
    shared = OwnSupply(lambda: clock.now)
    first, second = clock.budget(50, shared), clock.budget(50, shared)
    ask(first)
    first.close(90, "the quota is used up")
    for budget in (first, second):
        with pytest.raises(NoTurn, match="quota is used up") as caught:
            ask(budget, Urgency.WRITE)
        assert (caught.value.seconds, caught.value.late) == (90, False)
    clock.now += 90.001
    for budget in (first, second):
        ask(budget)


def test_whoever_waits_learns_that_the_source_is_closed() -> None:
    """A thread in the queue is not left there when the source closes."""
    gate = Gate()
    said: list[str] = []

    def work() -> None:
        try:
            ask(gate.budget)
        except NoTurn as problem:
            said.append(str(problem))

    waiting = threading.Thread(target=work)
    waiting.start()
    eventually(gate.budget, lambda: len(gate.budget._queue) == 1)
    gate.budget.close(60, "closed")
    waiting.join(10)
    assert said == ["closed"]
    gate.open()
    assert gate.budget._free == 1


def test_a_turn_that_does_not_come_in_time_is_given_up() -> None:
    """What a write rests on grows old while it waits: past its time it is not sent, and its place goes to others."""
    clock = Stepped()
    budget = clock.budget(0.5)
    ask(budget)
    with pytest.raises(NoTurn) as caught:
        ask(budget, Urgency.WRITE, longest=1.5)
    assert caught.value.late
    assert clock.now == pytest.approx(1.5)
    ask(budget, Urgency.WRITE, longest=1.5)


def test_who_asks_too_fast_slows_down_and_recovers() -> None:
    """Half the rate when the source says so, all of it again within half a minute; many who say so at once are one."""
    clock = Stepped()
    budget = clock.budget(40)
    ask(budget)
    for _ in range(8):
        budget.slow()
    begun = clock.now
    for _ in range(40):
        ask(budget)
    assert clock.now - begun == pytest.approx(2.0, rel=0.1)
    clock.now += 30
    begun = clock.now
    for _ in range(420):
        ask(budget)
    assert clock.now - begun == pytest.approx(10.0, rel=0.06)


def test_what_is_nearly_used_up_is_not_for_backfill() -> None:
    """Writes, fresh reads and polls go on with what is left of a quota."""
    clock = Stepped()
    budget = clock.budget(50)
    budget.spare(600)
    ask(budget, Urgency.POLL)
    with pytest.raises(NoTurn, match="kept for what is urgent") as caught:
        ask(budget, Urgency.BACKFILL)
    assert caught.value.seconds == 600
    clock.now += 600
    ask(budget, Urgency.BACKFILL)


def test_a_clock_that_was_set_back_closes_nothing_for_longer() -> None:
    """A closing counts from the instant at which it was said."""
    bucket = full_bucket(10, 1_000_000).closed(1_000_000, 3_600, "closed")
    assert bucket.closed_for(1_000_000) == 3_600
    assert bucket.closed_for(1_000_000 - 86_400_000) == 0
    _, drawn = replace(bucket, closed_until=0).drawn(1_000_000 - 86_400_000)
    assert drawn.seconds <= 0


def test_a_draw_that_fails_reaches_whoever_drew_and_blocks_nobody() -> None:
    """The store of the budget may fail once; the next one who asks draws again."""
    clock = Stepped()
    own = OwnSupply(lambda: clock.now)

    class Broken(OwnSupply):
        broken = True

        def draw(self, rate: float, written: int) -> Drawn:
            if self.broken:
                raise OSError("disk full")
            return own.draw(rate, written)

    supply = Broken(lambda: clock.now)
    budget = clock.budget(50, supply)
    with pytest.raises(OSError, match="disk full"):
        ask(budget)
    supply.broken = False
    ask(budget)


@given(st.floats(-1e15, 1e15), st.floats(-1e9, 1e9), st.floats(0.01, 1_000))
def test_a_bucket_that_somebody_edited_is_used_within_a_minute(tokens: float, rate: float, full: float) -> None:
    """No number that stands in the store keeps hoist from asking, nor makes it ask faster than it is allowed to."""
    bucket, drawn = replace(full_bucket(full, 0), tokens=tokens, rate=rate).drawn(1)
    assert drawn.number >= 1
    assert drawn.gap >= 1 / full
    assert drawn.seconds <= max(60.0, 2 / min(full, 1.0))
    assert bucket.tokens <= max(1.0, full)
