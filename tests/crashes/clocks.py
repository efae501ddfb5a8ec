"""Clocks that several processes share, and that a test may set: waiting times pass while no process runs."""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path
from typing import Final

from rules.instants import Instant

_PLACES: Final = struct.Struct("<qq")


class Ahead:
    """In a file: milliseconds by which the clock on the wall, and the one that only rises, are ahead of the real ones."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_PLACES.pack(0, 0))
        with file.open("r+b") as opened:
            self._shared = mmap.mmap(opened.fileno(), _PLACES.size)

    @property
    def wall(self) -> int:
        return int(_PLACES.unpack(self._shared[:])[0])

    @property
    def steady(self) -> int:
        return int(_PLACES.unpack(self._shared[:])[1])

    def go_on(self, milliseconds: int) -> None:
        """Time passes."""
        self._shared[:] = _PLACES.pack(self.wall + milliseconds, self.steady + milliseconds)

    def set_the_wall_clock(self, milliseconds: int) -> None:
        """Somebody sets the machine's clock, by so much."""
        self._shared[:] = _PLACES.pack(self.wall + milliseconds, self.steady)


def true_time(ahead: Ahead) -> Instant:
    """What a helpdesk's clock shows, which nobody sets."""
    return time.time_ns() // 1_000_000 + ahead.steady
