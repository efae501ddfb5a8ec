"""Reading ahead: the same results and errors as without it, sooner."""

import threading

import pytest

from connectors.ahead import Ahead, in_a_thread, when_asked
from connectors.errors import TryLater

LONG = 30.0
"""Seconds after which a test gives up; none takes a thousandth of them."""


@pytest.mark.parametrize("ahead", [in_a_thread, when_asked])
def test_work_done_ahead_gives_its_result_or_raises_its_error(ahead: Ahead) -> None:
    """Whoever asks for a result gets what the work gave, and an error only then."""

    def fails() -> int:
        raise TryLater("the network is down", 1.0)

    with ahead() as begin:
        assert begin(lambda: 7)() == 7
        failed = begin(fails)
        with pytest.raises(TryLater, match="the network is down"):
            failed()


def test_a_thread_works_while_the_caller_does_something_else() -> None:
    """A page is read while the former one is stored: the work is done although nobody has asked for its result."""
    done = threading.Event()
    with in_a_thread() as begin:
        begin(done.set)
        assert done.wait(LONG)


def test_nothing_goes_on_after_the_reading_was_given_up() -> None:
    """Whoever closes a connector after a read that broke off closes no connection that is still in use."""
    begun, may_end = threading.Event(), threading.Event()
    ended: list[bool] = []

    def work() -> None:
        begun.set()
        ended.append(may_end.wait(LONG))

    def give_up() -> None:
        with in_a_thread() as begin:
            begin(work)
            assert begun.wait(LONG)
            may_end.set()
            raise KeyError

    with pytest.raises(KeyError):
        give_up()
    assert ended == [True]


def test_under_a_stepped_clock_nothing_happens_beside_the_caller() -> None:
    """The demonstration is the same on every machine: work waits until its result is asked for, and is dropped if nobody asks."""
    order: list[str] = []
    with when_asked() as begin:
        result = begin(lambda: order.append("work"))
        order.append("caller")
        result()
        begin(lambda: order.append("never asked for"))
    assert order == ["caller", "work"]
