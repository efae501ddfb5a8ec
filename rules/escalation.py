"""What firings of one ticket decided: absolute field changes, labels, one internal comment, notices; and the operations of it.

An escalation holds absolute values, from and to, fixed when it is decided, so that a retry sends the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rules.instants import Instant
from rules.protocol.actions import Proposal, ProviderDeed
from rules.ticket import TicketRef, Value


@dataclass(slots=True, unsafe_hash=True, order=True)  # see rules.ticket: faster than frozen
class FiringKey:
    """Names one step of one episode of one rule on one ticket, for ever; the key of whatever hoist does because of it."""

    source: Final[str]
    ticket: Final[str]
    rule: Final[str]
    episode: Final[int]  # 1 is the first episode of that rule on that ticket
    step: Final[int]  # 0 is the firing itself, 1 its first repetition

    def __str__(self) -> str:
        return f"{self.source}/{self.ticket}/{self.rule}/{self.episode}/{self.step}"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's absolute move: `team`, `assignee`, `priority`, a field of the source's own (`native.NAME`), `restricted_to`.

    Values are the source's ids.
    """

    field: str
    old: Value
    new: Value


class NoticeKind(StrEnum):
    """How somebody is to know."""

    TELL = "tell"
    PAGE = "page"  # at once, whatever the hour
    REMINDER = "reminder"  # of something that they owe already
    DIGEST = "digest"  # as a line of a list, with others


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody is to know of the ticket: all that a sender needs, and no text of the ticket.

    `to` says who in the rule's words, `addresses` are the e-mail addresses which that meant when it was decided; none where
    nobody could be found, and a finding of the escalation says why. `people` are their names, those of a confidential rule left
    out; `until` is the end of their duty, where it has one. `instead`: who is told because nobody of `to` is on duty. `reason` is
    a sentence, `key` and `link` lead to the ticket. It is not sent before `send_at`. `at_most_per_night`: a person who was paged
    so often in a night is told instead.
    """

    kind: NoticeKind
    to: str
    addresses: tuple[str, ...] = ()
    reason: str = ""
    key: str = ""
    link: str = ""
    send_at: Instant = 0
    title: str = ""  # of the list that a digest's line stands in
    at_most_per_night: int | None = None
    people: tuple[str, ...] = ()
    until: Instant | None = None
    instead: str = ""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """Something to be done at a service provider. `provider` is empty where the ticket's one case says which it is."""

    deed: ProviderDeed
    provider: str = ""
    template: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Overruled:
    """A firing's wish that lost against another rule's."""

    firing: FiringKey
    field: str
    by_rule: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A firing's wish that was dropped, since the field is a person's; `said` names them in words, `by` by the source's id."""

    firing: FiringKey
    field: str
    by: str
    said: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """Everything that is written for one ticket at once, merged over all its due firings that are still true.

    `restriction` comes before anything else that is written. `notices`, `proposals` and `at_provider` are for people and
    providers; the source is told of them by the comment alone.
    """

    ticket: TicketRef
    firings: tuple[FiringKey, ...]
    changes: tuple[FieldChange, ...] = ()
    add_labels: tuple[str, ...] = ()
    comment: str | None = None  # plain text, always internal
    notices: tuple[Notice, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    findings: tuple[str, ...] = ()  # sentences: a tier passed over, the end of a chain
    restriction: FieldChange | None = None
    proposals: tuple[Proposal, ...] = ()
    at_provider: tuple[ProviderRequest, ...] = ()
    kept: tuple[Kept, ...] = ()  # what was left to people

    @property
    def empty(self) -> bool:
        """Nothing to write in the source."""
        return not (self.changes or self.add_labels or self.comment or self.restriction)


class OperationKind(StrEnum):
    """Operations of an escalation, in the order in which they are written."""

    RESTRICTION = "restriction"  # who can read the ticket; where this is refused nothing else is written
    FIELDS = "fields"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request's worth of an escalation.

    `key` is unique in the store. `marker` is the keyed hash that is left in the source beside the effect (in the same request)
    and that tells, after a lost answer, whether the operation took effect. `firing_markers` name every firing merged into it.
    `installation` names the hoist that writes, which has been there since `installed_at`: so that two of them notice each other.
    `base` is the version of the ticket that it rests on, as the source stamps it; a platform that can compare refuses any other.
    `order` is the number of the order of a person that it carries out, 0 where rules decided it; what it changes counts as done
    by that person where `ordered_by` names one.
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
    base: str = ""
    remove_labels: tuple[str, ...] = ()
    order: int = 0
    ordered_by: str = ""
    installation: str = ""
    installed_at: Instant = 0
