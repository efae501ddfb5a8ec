"""What firings of one ticket decided: absolute field changes, labels, one internal comment, notices; and the operations of it.

An escalation holds absolute values, from and to, fixed when it is decided, so that a retry sends the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rules.instants import Instant
from rules.ticket import TicketRef, Value


@dataclass(frozen=True, slots=True, order=True)
class FiringKey:
    """Names one step of one episode of one rule on one ticket, for ever; the key of whatever hoist does because of it."""

    source: str
    ticket: str
    rule: str
    episode: int  # 1 is the first episode of that rule on that ticket
    step: int  # 0 is the firing itself, 1 its first repetition

    def __str__(self) -> str:
        return f"{self.source}/{self.ticket}/{self.rule}/{self.episode}/{self.step}"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's absolute move. `field` is `team`, `assignee` or `priority`; values are the source's ids."""

    field: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Notice:
    """A person or role is told; `urgent` means paged."""

    to: str
    text: str
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Overruled:
    """A firing's wish that lost against another rule's."""

    firing: FiringKey
    field: str
    by_rule: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """Everything that is written for one ticket at once, merged over all its due firings that are still true."""

    ticket: TicketRef
    firings: tuple[FiringKey, ...]
    changes: tuple[FieldChange, ...] = ()
    add_labels: tuple[str, ...] = ()
    comment: str | None = None  # plain text, always internal
    notices: tuple[Notice, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    findings: tuple[str, ...] = ()  # sentences: a tier passed over, the end of a chain

    @property
    def empty(self) -> bool:
        """Nothing to write in the source."""
        return not (self.changes or self.add_labels or self.comment)


class OperationKind(StrEnum):
    """Operations of an escalation, in the order in which they are written."""

    FIELDS = "fields"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request's worth of an escalation.

    `key` is unique in the store. `marker` is the keyed hash that is left in the source beside the effect (in the same request)
    and that tells, after a lost answer, whether the operation took effect. `firing_markers` name every firing merged into it.
    """

    key: str
    kind: OperationKind
    ticket: TicketRef
    marker: str
    firing_markers: tuple[str, ...] = ()
    changes: tuple[FieldChange, ...] = ()
    add_labels: tuple[str, ...] = ()
    comment: str | None = None
    planned_at: Instant = 0
