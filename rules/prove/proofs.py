"""What a proof came to, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rules.protocol.conditions import Condition
from rules.protocol.durations import Duration
from rules.ticket import Ticket


class Kind(StrEnum):
    """How a question ended."""

    FOUND = "found"  # something is wrong: the sentence says what, the story shows it where there is one
    PROVED = "proved"  # it can't go wrong, on any ticket
    UNDECIDED = "undecided"  # neither was found out; the sentence says what stood in the way


class Question(StrEnum):
    """What was asked."""

    NEVER_FIRES = "never fires"
    NEVER_TAKEN = "step never taken"
    FIGHT = "rules undo each other"
    COVERED = "covered"


@dataclass(frozen=True, slots=True)
class Example:
    """A ticket that shows it, and what happens to it: dated lines, in order; every one was found by running the rules."""

    ticket: Ticket
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """One answer. `subject` is a rule's id, several with commas between, or a guard as written; `place` file and line, or ""."""

    question: Question
    kind: Kind
    subject: str
    sentence: str
    story: Example | None = None
    place: str = ""

    def __str__(self) -> str:
        return f"{self.place + ': ' if self.place else ''}{self.subject}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Guard:
    """Tickets that must be escalated in time if nobody acts. `within` None: as soon as can be proved. `text`: as written."""

    text: str
    condition: Condition
    within: Duration | None = None
