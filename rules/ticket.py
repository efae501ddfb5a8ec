"""The shared model of a ticket: what every connector hands in and every rule looks at.

Field values are the source's own ids (of a team, a priority, a person), so that a rename moves nothing; the status alone is
normalised here, by the connector. An organisation's words (P1, network-ops) are bound to those ids when a rulebook is bound to
a source (`rules.binding`), so that an edit of `organisation.yaml` needs no ticket to be read again.

Nothing here ever changes once made. That is said by `Final` and held by the type checker; `frozen=True` would hold it again at
each run and make every value four times as dear, and a look or a page makes thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, Literal

from rules.instants import Instant


class Unknown(Enum):
    """The value of a field where its history is not known (unreadable, truncated, older than the source's log)."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

Value = str | int | tuple[str, ...] | None | Unknown
"""A field's value: text or id, an instant (due dates), a sorted tuple (labels), nothing, or not known."""


class Status(StrEnum):
    """The six states that hoist tells apart."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"  # waits on the requester
    ON_HOLD = "on_hold"  # waits on a third party
    RESOLVED = "resolved"
    CLOSED = "closed"


class Kind(StrEnum):
    """Who acted. Events count people (staff and requesters) unless a rule says `by: anyone`."""

    STAFF = "staff"
    REQUESTER = "requester"
    AUTOMATION = "automation"
    HOIST = "hoist"  # a change that hoist meant to write: operation, field and value agree
    OWN_ACCOUNT = "own_account"  # hoist's account, not yet compared with what hoist meant to write; never reaches a rule


FieldName = Literal[
    "status",  # one of Status
    "native_status",  # the source's own status id
    "priority",  # the source's priority id
    "team",  # the source's id of the team that holds the ticket (its tier field)
    "assignee",  # the source's id of the person
    "labels",  # sorted tuple
    "requester",  # the source's id of the person
    "type",  # the source's name of the ticket type
    "project",  # the source's project, table or brand
    "service",  # component, service, product: a name
    "subject",
    "description",
    "due",  # an Instant
    "organisation",  # the requester's organisation, company or customer: the source's name
    "request_type",  # the source's name
    "approval",  # waiting, approved, declined; nothing where none is asked for
    "approver",  # sorted tuple of the ids of those whose approval is waited for
    "last_comment",  # the text of the last message that a person wrote
    "queue",  # number of open tickets of its team
    "follow_ups",  # number of further tickets that were made of it once it was closed; sources without such tickets lack it
]
FIELDS: Final[tuple[str, ...]] = FieldName.__args__  # type: ignore[attr-defined]

NATIVE: Final = "native."
"""Prefix of a source's own fields by its own name (`native.customfield_10050`): text, a number as text, sorted tuple, nothing."""

TARGET: Final = "target."
"""Prefix of a platform target by its name (`target.Time to resolution`): the instant it is due while it runs, None while it
does not (met, paused, cancelled). With `.start` appended: the instant its cycle began, None where the platform does not say."""

RELATED: Final = "related."
"""Prefix of numbers of related open tickets (`related.service`: of the same service), the ticket itself left out."""

CASE: Final = "case."
"""Prefix of cases at service providers (`case.aws`): `ours` where the provider waits for the desk, `theirs` where it is the
other way round, None where no case is open there."""

NEXT_ANSWER: Final = "next answer of "
"""A provider's own clock is a target of this name (`target.next answer of aws`); a source that reads it names it like this."""

RESTRICTED_TO: Final = "restricted_to"
"""The field that holds the source's id of the team that alone can read the ticket, None while all of the staff can. Only sources
that can restrict a ticket carry it."""

CLUSTERED: Final = {
    "related.service": "service",
    "related.organisation": "organisation",
    "related.words": "subject",
    "queue": "team",
}
"""The numbers that many tickets make together, and the field that those have in common, or of which they are alike."""

PREFIXES: Final = (NATIVE, TARGET, RELATED, CASE)


@dataclass(slots=True, unsafe_hash=True)
class TicketRef:
    """Names one ticket of one source; `id` is the platform's stable id (a Jira key changes when the issue moves)."""

    source: Final[str]
    id: Final[str]

    def __str__(self) -> str:
        return f"{self.source}:{self.id}"


BY_ORDER: Final = "by order of "
"""Prefix of the id of an actor who had hoist take back what it wrote, with the words by which they are known."""


@dataclass(slots=True, unsafe_hash=True)
class Actor:
    """An account that acted, and in which capacity."""

    id: Final[str]
    kind: Final[Kind]


@dataclass(slots=True, unsafe_hash=True)
class Change:
    """One field of one ticket changed. Changes are ordered by (at, sequence); those that share `save` are one step."""

    at: Final[Instant]  # on the source's clock
    known: Final[Instant]  # server time of the read that first brought it
    sequence: Final[int]  # the platform's own order among changes of one instant
    save: Final[str]  # the platform's id of the native save (Jira: the changelog entry)
    field: Final[str]
    old: Final[Value]
    new: Final[Value]
    by: Final[Actor]


@dataclass(slots=True, unsafe_hash=True)
class Message:
    """A comment or reply. `public` means that the requester can read it; `thanks` that it says thanks and nothing else."""

    at: Final[Instant]
    known: Final[Instant]
    id: Final[str]
    by: Final[Actor]
    public: Final[bool]
    thanks: Final[bool] = False  # `rules.thanks.only_thanks`; False where the text is not known


@dataclass(slots=True, unsafe_hash=True)
class Ticket:
    """One ticket as a source gave it: present values and everything known about the past.

    `changes` and `messages` are ordered by (at, sequence). `known` is the server time of the read. `fields` holds the present
    values; a field that is missing is unknown. `complete_from` is the earliest instant from which the changes are complete
    (creation, unless the platform cut its history); before it, changed fields are unknown. `gone` ends the ticket's life
    (deleted, merged away, no longer visible); `returned` is when one that was gone was last seen again: what began before that
    is backlog, as it is where a rule begins.
    """

    ref: Final[TicketRef]
    key: Final[str]  # what people call it (INC0012345, SD-7)
    url: Final[str]
    version: Final[str]  # the platform's own stamp of this state; equal stamps mean that nothing was missed
    created: Final[Instant]
    known: Final[Instant]
    fields: Final[Mapping[str, Value]]
    changes: Final[tuple[Change, ...]] = ()
    messages: Final[tuple[Message, ...]] = ()
    complete_from: Final[Instant | None] = None
    gone: Final[Instant | None] = None
    native: Final[Mapping[str, str]] = field(default_factory=dict)  # native values beside the normalised ones, for screens
    returned: Final[Instant | None] = None

    @property
    def last_act(self) -> Instant:
        """When the last act that it shows was made, by the platform's stamp; `created` where it shows none.

        The read that shows it may be dated before that: dates are cut to the second, and of several nodes each has its own clock.
        """
        changed = self.changes[-1].at if self.changes else self.created
        return max(changed, self.messages[-1].at if self.messages else self.created)
