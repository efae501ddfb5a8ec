"""How many tickets an audit saw, against the helpdesk's own count of them: the last census."""

from __future__ import annotations

from dataclasses import dataclass

from agent.store.censuses import Census
from rules.instants import Instant
from rules.ticket import Ticket


@dataclass
class Population:
    """Tickets `seen`; `alive` of them in the span that was asked for.

    Beside the source's own count, if there was one: `before` were there when it began, and still there then; `gone` had left by
    then, `during` came while it went on, `after` later. `quarantined` ones are counted by the source, and can't be judged.
    """

    census: Census | None = None
    quarantined: int = 0
    seen: int = 0
    alive: int = 0
    before: int = 0
    gone: int = 0
    during: int = 0
    after: int = 0

    def add(self, ticket: Ticket) -> None:
        """One that was read."""
        self.seen += 1
        if self.census is None:
            return
        began, ended = self.census.started_at, self._ended(self.census)
        if ticket.gone is not None and ticket.gone <= ended:
            self.gone += 1
        elif ticket.created < began:
            self.before += 1
        elif ticket.created <= ended:
            self.during += 1
        else:
            self.after += 1

    @property
    def difference(self) -> int | None:
        """How many more (or, below nought, fewer) the source counted than can be accounted for; None where nobody counted.

        What came while the source was counted, and what is in quarantine, may be among its number or not.
        """
        if self.census is None:
            return None
        least, most = self.before, self.before + self.during + self.quarantined
        return min(0, self.census.listed - least) + max(0, self.census.listed - most)

    @staticmethod
    def _ended(census: Census) -> Instant:
        return census.finished_at or census.started_at
