"""What a helpdesk's own record shows of an account's work, read through its API without any of hoist's reading code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class FoundComment:
    """A comment by the account: the markers of the firings that it names, and whether requesters can read it."""

    issue: str
    at: Instant
    firings: tuple[str, ...]
    public: bool
    text: str


@dataclass(frozen=True, slots=True)
class FoundSave:
    """One save by the account: (field, from, to).

    The fields that hoist has a word for stand under it (`team`, `assignee`, `priority`, `labels`), any other one under the
    platform's own: it should not have been written at all. Values are the platform's ids; labels, which have none, are their
    names with spaces between them.
    """

    issue: str
    at: Instant
    items: tuple[tuple[str, str | None, str | None], ...]


class Record(Protocol):
    """Reads a sandbox as an auditor would, signed in as the account whose work is looked at."""

    @property
    def names(self) -> Mapping[str, str]:
        """Account id -> name, of everybody who acted on the issues read so far."""

    def issues(self) -> list[str]:
        """The ids of all issues."""

    def saves(self, issues: Sequence[str]) -> Iterator[FoundSave]:
        """Every save by the account, those of an issue in order."""

    def comments(self, issue: str) -> list[FoundComment]:
        """The comments of the account on an issue, in order."""
