"""How often Python looks for garbage that only its collector finds."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLD: Final = 100_000
"""Objects made since the last search and still there; Python's own is 700."""


def collect_less_often() -> None:
    """Search less often: what is imported is no garbage, and searched through again and again it starts a tenth later."""
    gc.set_threshold(_THRESHOLD, 10, 10)


def spare_the_collector() -> None:
    """The same, and never search among what was loaded to start, which stays.

    A page of tickets is tens of thousands of objects without cycles, gone as soon as it is stored. At Python's own threshold the
    collector walks through each of them several times, a tenth of all that a first mirror costs.
    """
    gc.collect()
    gc.freeze()
    collect_less_often()
