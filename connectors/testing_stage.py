"""What the conformance suite needs of a connector's author: the far side, and how a test makes people act there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.contract import Connector, Page
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import SECOND, Instant
from rules.ticket import Ticket

SETTLED: Final = 5 * SECOND
"""After so long no clock or stamp leaves doubt about what a read has seen; a connector may read a younger ticket once more."""


@dataclass(frozen=True, slots=True)
class FarComment:
    """A comment as the far side itself holds it."""

    author: str
    public: bool
    text: str


@dataclass(frozen=True, slots=True)
class FarTicket:
    """A ticket as the far side itself holds it; `saves` counts the native saves that changed a field."""

    team: str | None
    priority: str | None
    assignee: str | None
    labels: tuple[str, ...]
    comments: tuple[FarComment, ...]
    saves: int


class Stage(ABC):
    """A connector, the far side that it speaks to, and the people there. All ids are the far side's own.

    The far side starts without tickets; time stands still there unless `advance` moves it.
    """

    connector: Connector
    page_size: int  # of `connector`; small, so that a few tickets make several pages
    teams: tuple[str, str, str]
    priorities: tuple[str, str]  # the more urgent one first
    staff: str  # an agent who may be a ticket's assignee
    requester: str  # a person who opens tickets
    refusal: str  # a regular expression that finds what the platform says of a team or priority that it does not have

    @abstractmethod
    def now(self) -> Instant:
        """The far side's clock."""

    @abstractmethod
    def advance(self, milliseconds: int) -> None:
        """Let so much time pass at the far side."""

    @abstractmethod
    def reconnect(self) -> Connector:
        """Another connector to the same far side, as after a restart."""

    @abstractmethod
    def create(self, *, team: str, priority: str) -> str:
        """The requester opens a ticket, without an assignee; gives its id."""

    @abstractmethod
    def change(self, ticket: str, **values: str) -> None:
        """The agent saves these values together: `team`, `priority`, `assignee` as ids, `status` as a `Status`."""

    @abstractmethod
    def say(self, ticket: str, by: str, text: str, *, public: bool) -> None:
        """A person comments."""

    @abstractmethod
    def delete(self, ticket: str) -> None:
        """The ticket is deleted."""

    @abstractmethod
    def far(self, ticket: str) -> FarTicket:
        """What the far side holds of a ticket."""

    @abstractmethod
    def detail_reads(self) -> int:
        """How many requests for tickets in detail (fields, history, comments) have arrived, searches left out."""

    @abstractmethod
    def writes(self) -> int:
        """How many requests that write have arrived."""

    @abstractmethod
    def lag_search(self, milliseconds: int) -> None:
        """What is saved from now on shows in a search so much later, less than a minute; what was saved before is not held up."""

    @abstractmethod
    def before_next_write(self, act: Callable[[], None]) -> None:
        """A person does this when the next write is under way and has not taken effect."""

    @abstractmethod
    def lose_next_answer(self) -> None:
        """The next write takes effect, and its answer is lost."""

    @abstractmethod
    def throttle_next_write(self, seconds: int) -> None:
        """The next write is turned away, to come again after so many seconds."""

    @abstractmethod
    def refuse_credential(self) -> None:
        """From now on the connector's credential is wrong."""

    # --- what the promises begin with ------------------------------------------------------------------------------

    def some_tickets(self, count: int) -> list[str]:
        """Tickets of the first team and the lower priority, a second apart; a second has passed since the last."""
        made = []
        for _ in range(count):
            made.append(self.create(team=self.teams[0], priority=self.priorities[1]))
            self.advance(SECOND)
        return made

    def read(self, ticket: str) -> Ticket:
        """The ticket as the connector reads it now."""
        (read,) = self.connector.read([ticket]).tickets
        return read

    def operation(self, ticket: str, kind: OperationKind = OperationKind.FIELDS, marker: str = "5f3a9c0e71d2") -> Operation:
        """One of `some_tickets` to the second team, the higher priority and a label; or a comment on it."""
        ref, firings = self.read(ticket).ref, (f"{marker}f",)
        if kind is OperationKind.COMMENT:
            text = "Without an owner for 20 minutes."
            return Operation(f"{ref}/{kind}", kind, ref, marker, firings, comment=text, planned_at=self.now())
        changes = (
            FieldChange("team", self.teams[0], self.teams[1]),
            FieldChange("priority", self.priorities[1], self.priorities[0]),
        )
        return Operation(f"{ref}/{kind}", kind, ref, marker, firings, changes, ("escalated",), planned_at=self.now())


class Mirror:
    """A mirror as small as can be: the newest state of each ticket, and the cursor of the last page that was kept."""

    def __init__(self) -> None:
        self.tickets: dict[str, Ticket] = {}
        self.cursor: str | None = None

    def unchanged(self, versions: Mapping[str, str]) -> Collection[str]:
        return [id_ for id_, version in versions.items() if id_ in self.tickets and self.tickets[id_].version == version]

    def mirrored(self, ids: Collection[str]) -> Collection[str]:
        return [id_ for id_ in ids if id_ in self.tickets]

    def keep(self, page: Page) -> None:
        self.tickets |= {ticket.ref.id: ticket for ticket in page.tickets}
        self.cursor = page.cursor

    def run(self, connector: Connector) -> list[Page]:
        """Read everything that changed, page by page."""
        pages = []
        for page in connector.changed(self.cursor, self):
            self.keep(page)
            pages.append(page)
        return pages
