"""What a rule does, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rules.protocol.durations import Duration


@dataclass(frozen=True, slots=True)
class Escalate:
    """Move the ticket up a chain (functional escalation): to the next tier, or to a named one, never to a lower one."""

    chain: str
    enter_at: str | None = None  # team at which a ticket outside the chain enters; None: it is not moved
    to: str | None = None  # this tier's team, where it is higher than the ticket's
    from_last_resolving_team: bool = False  # the tier to count from is that of the team which resolved it last


@dataclass(frozen=True, slots=True)
class Assign:
    """Move the ticket to a team, whatever its tier."""

    team: str


@dataclass(frozen=True, slots=True)
class RaisePriority:
    """Raise by native levels, or to a word of the organisation; never lowers, never above `not_above`."""

    by: int = 0
    to: str | None = None
    not_above: str | None = None


@dataclass(frozen=True, slots=True)
class SetField:
    """Set a source's own field (`native.NAME`) to a value; refused at load by sources that can't write it."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Comment:
    """An internal comment; `{held}`, `{since}`, `{team}`, `{key}` and the like are filled in by `rules.explain`.

    `variants` are the text in other languages, by language code; the language of the team that gets the ticket decides.
    """

    text: str
    variants: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AddLabel:
    label: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell (or page) somebody (`rules.recipients` lists who can be meant); never moves the ticket.

    `at_most_per_night`: at most so many pages to one person between 22:00 and 07:00 of the calendar; further ones are told.
    """

    who: str
    urgent: bool = False
    at_most_per_night: int | None = None
    reminder: bool = False  # to somebody who already owes something (an approver)


@dataclass(frozen=True, slots=True)
class Digest:
    """Put the ticket on a list that is sent at the calendar's next opening."""

    to: str
    title: str


@dataclass(frozen=True, slots=True)
class Arbiter:
    """Name who decides which team keeps the ticket, and by when: after `within`, a business day where nothing is said."""

    who: str
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Propose:
    """Propose to a person what hoist does not do itself."""

    what: Proposal


class Proposal(StrEnum):
    """What can be proposed."""

    PARENT = "parent"  # one parent for related tickets
    MAJOR_INCIDENT = "major_incident"


@dataclass(frozen=True, slots=True)
class Restrict:
    """Let only this team read the ticket, before anything else is written; refused at load by sources that can't."""

    to: str


@dataclass(frozen=True, slots=True)
class AtProvider:
    """Something at a service provider: open or chase a case, ask for another `severity`. `template` names the text.

    Without a `provider` it is that of the ticket's case.
    """

    deed: ProviderDeed
    provider: str = ""
    template: str = ""
    severity: str = ""


class ProviderDeed(StrEnum):
    """What can be done at a provider."""

    OPEN_CASE = "open_case"
    CHASE = "chase_provider"
    ASK_SEVERITY = "ask_provider_severity"


Action = (
    Escalate | Assign | RaisePriority | SetField | Comment | AddLabel | Tell | Digest | Arbiter | Propose | Restrict | AtProvider
)
