"""Something that is read without keeping anybody waiting; it loads no HTTP client, which most protocols never need."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from agent.outside.unreadable import Unreadable

TOTAL_SECONDS: Final = 20.0
"""So long may one URL take."""


class Fetch:
    """One URL being read on a thread of its own; a server that never ends its answer keeps nobody else waiting."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._outcome: bytes | Unreadable | None = None
        self._thread = threading.Thread(target=self._run, args=(read,), name="hoist-link", daemon=True)
        self._thread.start()

    def _run(self, read: Callable[[], bytes]) -> None:
        try:
            self._outcome = read()
        except Unreadable as error:
            self._outcome = error
        except Exception as error:  # noqa: BLE001 - whatever a strange server provokes is about this URL alone
            self._outcome = Unreadable(f"can't be read ({type(error).__name__})")

    def outcome(self, wait: float = 0.0) -> bytes | Unreadable | None:
        """What came, after waiting for up to so many seconds; None while it is under way."""
        self._thread.join(wait)
        return self._outcome
