"""Questions asked at once leave as one, and nobody is answered with what was read before they asked."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from connectors.errors import TryLater
from connectors.together import Together
from tests.connectors.joining import Key

LONG = 30.0
"""Seconds after which a test gives up; none takes a thousandth of them."""
Read = Callable[[Sequence[str]], Mapping[str, str]]


def while_one_is_read(rounds: list[Sequence[str]], answer: Read, most: int, others: Sequence[str]) -> list[Future[str | None]]:
    """Answers to `first` and, asked for while that was being read, to the others; `rounds` says what was read together."""
    begun, may_end = threading.Event(), threading.Event()

    def read(keys: Sequence[str]) -> Mapping[str, str]:
        rounds.append([str(key) for key in keys])
        begun.set()
        assert may_end.wait(LONG)
        return answer(keys)

    together = Together[str, str](read, most)
    with ThreadPoolExecutor(len(others) + 1) as pool:
        asked = [pool.submit(together.of, "first")]
        assert begun.wait(LONG)
        for other in others:
            key = Key(other)
            asked.append(pool.submit(together.of, key))
            assert key.joined.wait(LONG)
        may_end.set()
    return asked


def upper(keys: Sequence[str]) -> Mapping[str, str]:
    return {str(key): key.upper() for key in keys if key != "nobody"}


def test_a_question_alone_leaves_at_once_and_alone() -> None:
    """Nobody waits for others to join."""
    rounds: list[Sequence[str]] = []

    def read(keys: Sequence[str]) -> Mapping[str, str]:
        rounds.append(keys)
        return upper(keys)

    together = Together[str, str](read, 40)
    assert [together.of("a"), together.of("nobody"), together.of("a")] == ["A", None, "A"]
    assert rounds == [["a"], ["nobody"], ["a"]]


def test_what_is_asked_while_a_round_is_under_way_is_of_the_next_one() -> None:
    """In a storm the questions of many tickets leave as one, and none is answered from a read that began before it."""
    rounds: list[Sequence[str]] = []
    asked = while_one_is_read(rounds, upper, 40, ["a", "b", "first", "nobody"])
    assert [each.result(LONG) for each in asked] == ["FIRST", "A", "B", "FIRST", None]
    assert rounds == [["first"], ["a", "b", "first", "nobody"]]


def test_a_round_takes_no_more_than_the_platform_does() -> None:
    """An address that is too long is refused, so a round that is full begins another one."""
    rounds: list[Sequence[str]] = []
    asked = while_one_is_read(rounds, upper, 2, ["a", "b", "c"])
    assert [each.result(LONG) for each in asked] == ["FIRST", "A", "B", "C"]
    assert sorted(map(sorted, rounds)) == [["a", "b"], ["c"], ["first"]]


def test_what_goes_wrong_is_told_to_everybody_who_asked() -> None:
    """A read that failed is no sign that a ticket is gone: each operation learns why, and the next round goes on."""

    def fails(keys: Sequence[str]) -> Mapping[str, str]:
        if "a" in keys:
            raise TryLater("the instance is down", 5.0)
        return upper(keys)

    first, *others = while_one_is_read([], fails, 2, ["a", "b", "c"])
    assert first.result(LONG) == "FIRST"
    for each in others[:2]:
        with pytest.raises(TryLater, match="the instance is down"):
            each.result(LONG)
    assert others[2].result(LONG) == "C"
