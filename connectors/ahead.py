"""Reading ahead: the next page of an answer is asked for while the former one is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Begin(Protocol):
    """Begins a piece of work and gives the function that waits for its result, or raises what it raised."""

    def __call__(self, work: Callable[[], T], /) -> Callable[[], T]: ...


Ahead = Callable[[], AbstractContextManager[Begin]]
"""Where work is done ahead: one piece at a time; none is under way any more after the block."""


@contextmanager
def when_asked() -> Iterator[Begin]:
    """Not ahead at all: work is done when its result is asked for. Under a stepped clock nothing may happen beside it."""
    yield _itself


@contextmanager
def in_a_thread() -> Iterator[Begin]:
    """In a thread of its own: waiting for the network costs no time then, nor does waiting for the disk."""
    with ThreadPoolExecutor(1, "ahead") as pool:

        def begin(work: Callable[[], T], /) -> Callable[[], T]:
            return pool.submit(work).result

        yield begin


def _itself(work: Callable[[], T], /) -> Callable[[], T]:
    return work
