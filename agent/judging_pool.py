"""Judging in a pool of processes: a whole mirror or log (plan, forecast, backtest, audit), and not what has just changed.

Bound rules are functions, which no process can hand to another, and tickets would take longer to hand over than to judge: each
process makes what it works with (`start`: binds the rules, opens the store to read), is handed names of tickets alone, and gives
back what it found in few words (counts, keys, lines), never tickets or evaluations.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, Final, TypeVar

Tools = TypeVar("Tools")
Piece = TypeVar("Piece")
Found = TypeVar("Found")

AHEAD: Final = 2
"""So many pieces for each process are handed out at once: none waits for the next, and memory does not grow with all of them."""


def in_processes(
    start: Callable[[], Tools], work: Callable[[Tools, Piece], Found], pieces: Iterable[Piece], processes: int
) -> Generator[Found, None, None]:
    """What `work` finds for each piece, in the order of the pieces, which are asked for as they are needed.

    `start` is called once in each process; both must be functions of a module (or `functools.partial` of one); pieces and what is
    found must be picklable. With one process all is done in this one. The first error of either ends it and is raised here;
    BrokenProcessPool where a process died. Who stops asking (Ctrl-C, `close`) waits for the pieces under way and no others.
    """
    if processes == 1:
        tools = start()
        yield from (work(tools, piece) for piece in pieces)
        return
    waiting = iter(pieces)
    # a copy of a process with threads may find a lock taken by a thread that was not copied
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin, initargs=(start,)) as pool:
        try:
            under_way = deque(pool.submit(_go_on, work, piece) for piece in islice(waiting, AHEAD * processes))
            while under_way:
                first: Future[Found] = under_way.popleft()
                found = first.result()
                under_way.extend(pool.submit(_go_on, work, piece) for piece in islice(waiting, 1))
                yield found
        finally:
            pool.shutdown(cancel_futures=True)


class _Process:
    """What this process of the pool works with: made at the first piece, so that an error of it is told like one of the work."""

    start: Callable[[], Any]
    tools: Any = None
    ready = False


def _begin(start: Callable[[], Any]) -> None:
    # Ctrl-C goes to every process of the terminal; the one that asks says what comes of it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Process.start = staticmethod(start)


def _go_on(work: Callable[[Any, Piece], Found], piece: Piece) -> Found:
    if not _Process.ready:
        _Process.tools = _Process.start()
        _Process.ready = True
    return work(_Process.tools, piece)
