"""Draws what goes wrong on purpose, by name and rate.

Each name draws from its own seeded sequence, so that one fault's rate does not move another's occasions.
"""

from __future__ import annotations

import random
from collections.abc import Mapping


class Faults:
    """Draws faults; rates are between 0 and 1. `known` says what each does.

    Raises ValueError for a name or rate that does not exist.
    """

    def __init__(self, rates: Mapping[str, float], seed: int, known: Mapping[str, str]) -> None:
        if unknown := sorted(set(rates) - set(known)):
            raise ValueError(f"there is no fault {', '.join(unknown)}; faults are {', '.join(known)}")
        if wrong := [f"{name}={rate}" for name, rate in rates.items() if not 0 <= rate <= 1]:
            raise ValueError(f"the rate of a fault lies between 0 and 1, which {', '.join(wrong)} does not")
        self.rates = dict(rates)
        self._draws = {name: random.Random(f"{seed}/{name}") for name in known}
        self._times = dict.fromkeys(known, 0)

    def strikes(self, name: str) -> bool:
        """Whether the fault occurs this time."""
        rate = self.rates.get(name)
        if not rate or self._draws[name].random() >= rate:
            return False
        self._times[name] += 1
        return True

    def times(self, name: str) -> int:
        """How often the fault has occurred."""
        return self._times[name]


def fault(text: str) -> tuple[str, float]:
    """NAME=RATE as it is written on the command line. Raises ValueError."""
    name, _, rate = text.partition("=")
    try:
        return name, float(rate)
    except ValueError:
        raise ValueError(f"--fault {text}: write NAME=RATE, as in slow=0.1") from None
