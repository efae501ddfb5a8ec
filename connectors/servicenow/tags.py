"""Tags of a ticket: rows of label_entry, each naming a ticket and a row of label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from connectors.errors import ConnectorError, GiveUp, OutcomeUnknown, TryLater
from connectors.servicenow import wire
from connectors.servicenow.client import Part, Query, ServiceNowClient
from connectors.servicenow.writing import checked_labels
from rules.escalation import Operation

_ENTRY = ("sys_id", "label", "table_key")
_TRIES: Final = 3
"""Each waits for its turn, which comes later after a 429."""


@dataclass(frozen=True, slots=True)
class TagMoves:
    """What an operation does to a ticket's tags: sys_ids of labels to put on, and of entries to take off."""

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.on or self.off)

    def asks_for(self, part: Part) -> bool:
        """Whether a write is one of those that they are."""
        return part.values.get("label", "") in self.on or part.path.rpartition("/")[2] in self.off

    def parts(self, ticket: str, table: str, key: str) -> list[Part]:
        """The writes that they are."""
        made = [
            Part("POST", "label_entry", {"label": label, "table": table, "table_key": ticket, "title": key}) for label in self.on
        ]
        return [*made, *(Part("DELETE", f"label_entry/{entry}", {}) for entry in self.off)]


def is_left(answer: wire.Served | None) -> bool:
    """Whether a part of a batch may be sent again: it was not begun, or its answer says neither that it was done nor why not."""
    status = 0 if answer is None else answer.get("status_code", 0)
    return status in {0, 202, 408, 429} or status >= 500


class Tags:
    """Looks up tags. One has to exist already, for all to see: hoist makes none."""

    def __init__(self, client: ServiceNowClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def moves(self, operation: Operation) -> TagMoves:
        """What is to be done, less what is so already. Raises GiveUp for a tag that the instance has not, Unsupported."""
        if not operation.add_labels and not operation.remove_labels:
            return TagMoves()
        wanted = self._labels(operation)
        present = self._entries(operation.ticket.id)
        on = tuple(id_ for label, id_ in wanted.items() if label not in present)
        return TagMoves(on, tuple(entry for label in operation.remove_labels for entry in present.get(label, ())))

    def _labels(self, operation: Operation) -> Mapping[str, str]:
        unknown = [label for label in checked_labels(operation.ticket, operation.add_labels) if label not in self._known]
        if unknown:
            where = f"nameIN{','.join(unknown)}^active=true^ORDERBYsys_id"
            for row in self._client.find_all(Query("label", where, ("sys_id", "name"))):
                self._known.setdefault(wire.text(row, "name"), wire.text(row, "sys_id"))
        for label in unknown:
            if label not in self._known:
                raise GiveUp(
                    f"{operation.ticket}: ServiceNow has no tag called {label} that hoist's account may see; create it "
                    f"there as one that everyone may see"
                )
        return {label: self._known[label] for label in operation.add_labels}

    def _entries(self, ticket: str) -> dict[str, Sequence[str]]:
        """The entries of a ticket by the label's name."""
        found: dict[str, list[str]] = {}
        of = ("table_key", frozenset({ticket}))
        for row in self._client.find_all(Query("label_entry", f"table_key={ticket}", _ENTRY, labels=True, of=of)):
            found.setdefault(wire.label(row, "label"), []).append(wire.text(row, "sys_id"))
        return dict(found)

    def finish(self, operation: Operation, left: Sequence[Part], *, sent: bool) -> None:
        """Bring what an update that took effect left behind, some times: nobody comes back for it.

        What was `sent` before may be there by now, so that the ticket's tags are looked at first. What is refused for good, or
        still left in the end, is named by `verify`. Raises nothing: the update stands.
        """
        for _ in range(_TRIES):
            if not left:
                return
            try:
                moves = self.moves(operation) if sent else None
            except ConnectorError:
                continue
            asked = [part for part in left if moves is None or moves.asks_for(part)]
            left, sent = [part for part in asked if self._is_unsure(operation, part)], True

    def _is_unsure(self, operation: Operation, part: Part) -> bool:
        """Send a write; whether it has to be looked for."""
        try:
            self._client.send(operation.ticket.id, part)
        except ConnectorError as problem:
            return isinstance(problem, TryLater | OutcomeUnknown)
        return False

    def put_back(self, ticket: str, answers: Sequence[wire.Served | None]) -> None:
        """Take tags off that were put on beside an update that was refused. What was taken off is left to the next attempt."""
        for part in answers:
            if part is not None and part.get("status_code") == 201:
                with suppress(ConnectorError, wire.Unreadable):
                    self._client.delete("label_entry", ticket, wire.text(wire.row(part.get("body", b"")), "sys_id"))
