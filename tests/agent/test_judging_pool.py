"""Work in a pool of processes: what a whole mirror is judged by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count, islice

import pytest

from agent.judging_pool import AHEAD, in_processes


def tools() -> dict[str, int]:
    return {"made in": os.getpid()}


def broken() -> dict[str, int]:
    raise ValueError("the rules do not fit this source")


def squared(tools: dict[str, int], piece: int) -> tuple[int, int]:
    return piece * piece, tools["made in"]


def refuses(tools: dict[str, int], piece: int) -> int:
    if piece == 3:
        raise ValueError(f"piece {piece} can't be judged")
    return piece + 0 * len(tools)


def test_every_piece_is_worked_on_once_and_answers_come_in_order() -> None:
    """A pool finds for each piece what one process finds, in the order of the pieces, with tools of each process's own."""
    alone, pooled = list(in_processes(tools, squared, range(9), 1)), list(in_processes(tools, squared, range(9), 2))
    assert [found for found, _ in pooled] == [found for found, _ in alone] == [n * n for n in range(9)]
    assert {made for _, made in alone} == {os.getpid()}
    assert os.getpid() not in {made for _, made in pooled}


def test_pieces_are_asked_for_as_they_are_needed() -> None:
    """A list of a million pieces never lies in memory: only a few of them are under way at any time."""
    asked: list[int] = []

    def pieces() -> Iterator[int]:
        for piece in count():
            asked.append(piece)
            yield piece

    found = in_processes(tools, squared, pieces(), 2)
    assert [square for square, _ in islice(found, 5)] == [0, 1, 4, 9, 16]
    assert len(asked) <= 5 + AHEAD * 2
    found.close()


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_in_a_process_is_told(processes: int) -> None:
    """What went wrong in a process of the pool ends the work with the error that it was."""
    with pytest.raises(ValueError, match="piece 3 can't be judged"):
        list(in_processes(tools, refuses, range(9), processes))
    with pytest.raises(ValueError, match="the rules do not fit this source"):
        list(in_processes(broken, refuses, range(9), processes))
