"""What hoist can put into a platform, and take out again: its webhook. Looked at first, done only when somebody says so.

A platform into which hoist can put something has a module `installing` beside its connector, with a function `installer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Wish:
    """A webhook as it is to be: its name, by which it is found again, and the address that it calls.

    `secret` is the one that hoist keeps, empty where it has none yet; `kept` says where, and may be shown.
    """

    name: str
    url: str
    secret: str = field(repr=False)
    kept: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is to be done. `do` gives the secret that is to be kept from then on, empty where that is left as it is."""

    said: str
    do: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, in order, nothing where all is as it should be; and what an administrator has to do by hand.

    `keeps`: whether any of the steps gives a secret that hoist is to keep.
    """

    steps: Sequence[Step] = ()
    by_hand: str = ""
    keeps: bool = True


class Installer(Protocol):
    """Looks, and plans. Every method raises what reading from the platform raises."""

    def install(self, wish: Wish) -> Plan:
        """What is missing, or not as it should be."""

    def remove(self, wish: Wish) -> Plan:
        """What of hoist's is there."""

    def close(self) -> None:
        """Let go of connections."""


class InstallingModule(Protocol):
    """What `registry.installing` gives."""

    def installer(self, source: str, settings: Any) -> Installer:
        """For the source of this name with these settings."""
