"""Other hoists on the same helpdesk: each leaves its installation on what it writes, and the younger one stops writing.

Two that know nothing of each other would escalate each ticket twice, and undo what the other did. The marks that tell of it come
with reads that hoist makes anyway. A mark of this very installation that its store knows nothing of was left by a copy of the
store that runs elsewhere: there is no older one then, and both stop.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection

from agent.store import installation as installations
from agent.store import journal, operations
from agent.store.database import Database
from agent.store.installation import Installation
from connectors.contract import Mark
from rules.escalation import Operation
from rules.instants import Instant, written

log = logging.getLogger("hoist")


@dataclass(frozen=True, slots=True)
class Other:
    """Another hoist: its installation, since when it is there, and when and where it was last seen to write."""

    installation: str
    since: Instant
    at: Instant
    ticket: str

    def older_than(self, own: Installation, since: Instant) -> bool:
        """Of two that began in the same instant the installation decides, so that both say the same."""
        return (self.since, self.installation) < (since, own.identity)


def noted(db: Connection, source: str) -> Other | None:
    """The other hoist that was seen on a source, the oldest of several; None where there was none."""
    text = installations.noted(db, _name(source))
    return Other(**json.loads(text)) if text else None


class Foreign:
    """What one source's reads tell of other hoists. Belongs to the thread that owns the store."""

    def __init__(
        self, source: str, database: Database, own: Installation, now: Instant, retired: Collection[str] = frozenset()
    ) -> None:
        """`now`: by the source's clock, as far as it is known. `retired`: installations that are gone for good."""
        self._source, self._own, self._retired = source, own, frozenset(retired)
        with database.transaction() as db:
            self.since = installations.begun(db, now)
            other = noted(db, source)
            if other is not None and other.installation in self._retired:
                installations.note(db, _name(source), "")
                other = None
        self.other = other
        self._copied = ""
        self._began: Instant | None = None

    @property
    def identity(self) -> str:
        return self._own.identity

    def signed(self, operation: Operation) -> Operation:
        """The operation with whose hoist it is of."""
        return replace(operation, installation=self.identity, installed_at=self.since)

    @property
    def standing(self) -> str:
        """Why nothing may be written; empty where nothing speaks against it."""
        if self._copied:
            return self._copied
        if self.other is None or not self.other.older_than(self._own, self.since):
            return ""
        other = self.other
        return (
            f"another hoist writes here, installation {other.installation}, last seen in ticket {other.ticket} at "
            f"{written(other.at)}; it is older than this one ({self._own.identity}), which writes nothing: stop one of the two. "
            f"If the other one is gone for good, name it under retired_installations of this source in hoist.yaml"
        )

    def see(self, db: Connection, marks: Mapping[str, Mark], now: Instant) -> None:
        """Marks that a read has shown, by ticket; `now` is the source's clock."""
        if self._began is None:
            self._began = now
        for ticket, mark in marks.items():
            if mark.installation == self._own.identity:
                self._see_own(db, ticket, mark, now)
            elif mark.at > self.since and mark.installation not in self._retired:
                # what it wrote before this installation began says nothing: it may be the one that was here before
                self._see_other(db, Other(mark.installation, mark.since, mark.at, ticket), now)

    def _see_own(self, db: Connection, ticket: str, mark: Mark, now: Instant) -> None:
        """What was written before this process began is a matter of `agent.outage`: a restored store has forgotten some of it."""
        if self._copied or mark.at <= (self._began or 0) or operations.left(db, self._source, ticket, mark.operation):
            return
        self._copied = (
            f"ticket {ticket} bears a mark of this very installation ({self._own.identity}), made at {written(mark.at)}, of "
            "which its store knows nothing: hoist runs on a copy of this store as well. Nothing is written: stop the other one, "
            "and start this one again"
        )
        log.error("%s: %s", self._source, self._copied)
        journal.append(db, "store-copied", now, self._source, ticket, marker=mark.operation)

    def _see_other(self, db: Connection, seen: Other, now: Instant) -> None:
        known = self.other
        if known is not None and (known.since, known.installation) < (seen.since, seen.installation):
            return  # the oldest is the one that counts
        if known is not None and known.installation == seen.installation and known.at >= seen.at:
            return
        self.other = seen
        installations.note(db, _name(self._source), json.dumps(asdict(seen)))
        if known is None or known.installation != seen.installation:
            older = seen.older_than(self._own, self.since)
            said = {"installation": seen.installation, "since": seen.since, "wrote": seen.at, "older": older}
            journal.append(db, "another-hoist", now, self._source, seen.ticket, **said)
            log.warning("%s: %s", self._source, self.standing or warning(seen))


def warning(other: Other) -> str:
    """What there is to say of a younger hoist, which stops of itself."""
    return (
        f"another hoist wrote here, installation {other.installation}, in ticket {other.ticket} at {written(other.at)}; it is "
        "the younger one and has to stop, this one goes on"
    )


def _name(source: str) -> str:
    return f"other hoist on {source}"
