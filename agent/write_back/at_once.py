"""How many tickets are claimed and read at once to be written: no more than are written before what was read is too old.

A source that may be asked once a second takes longer to read forty tickets than a read is good for: most would be read again and
again before one of them is written.
"""

from __future__ import annotations

from typing import Final

GROWS: Final = 0.125
"""For each write that went through; each that came too late takes a whole one off, so that one in nine is late at the most."""


class AtOnce:
    """For one source, from one thread."""

    def __init__(self, most: int) -> None:
        self._most = self._number = float(most)

    def __int__(self) -> int:
        return int(self._number)

    def written(self) -> None:
        """A ticket was written in time."""
        self._number = min(self._most, self._number + GROWS)

    def too_late(self) -> None:
        """What a write rested on had grown too old."""
        self._number = max(1.0, self._number - 1.0)
