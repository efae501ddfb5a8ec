"""The Date header of a site's own clock."""

from __future__ import annotations

from email.utils import formatdate

from rules.instants import SECOND, Instant


class Dates:
    """Makes the header, once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, now: Instant) -> str:
        """The instant as an HTTP date; what is finer than a second is cut off."""
        if now // SECOND != self._second:
            self._second = now // SECOND
            self._text = formatdate(self._second, usegmt=True)
        return self._text
