"""What the states of an instance mean. Pure.

A state is a number whose label is the instance's own. The administrator's labels come first, then what ServiceNow ships with
(contract: table, value and label agree), then labels that speak for themselves, then the value alone, then single words, and at
last whether the row is active: such a ticket is watched rather than forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rules.ticket import UNKNOWN, Status, Unknown

_N, _O, _P, _H, _R, _C = Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.RESOLVED, Status.CLOSED

_SHIPPED: Final[Mapping[str, Mapping[str, tuple[str, Status]]]] = {
    "incident": {
        "1": ("new", _N),
        "2": ("in progress", _O),
        "3": ("on hold", _H),
        "6": ("resolved", _R),
        "7": ("closed", _C),
        "8": ("canceled", _C),
    },
    "problem": {
        "101": ("new", _N),
        "102": ("assess", _O),
        "103": ("root cause analysis", _O),
        "104": ("fix in progress", _O),
        "106": ("resolved", _R),
        "107": ("closed", _C),
    },
    "change_request": {
        "-5": ("new", _N),
        "-4": ("assess", _O),
        "-3": ("authorize", _O),
        "-2": ("scheduled", _O),
        "-1": ("implement", _O),
        "0": ("review", _O),
        "3": ("closed", _C),
        "4": ("canceled", _C),
    },
}
"""Label and meaning of the states that these tables ship with; https://www.servicenow.com/docs: State models per application."""
_TASK: Final[Mapping[str, tuple[str, Status]]] = {
    "-5": ("pending", _P),
    "1": ("open", _N),  # where every task begins; being worked on is a state of its own
    "2": ("work in progress", _O),
    "3": ("closed complete", _C),
    "4": ("closed incomplete", _C),
    "7": ("closed skipped", _C),
}
_SPEAKING: Final[Mapping[str, Status]] = {
    "new": _N,
    "open": _O,
    "assigned": _O,
    "active": _O,
    "in progress": _O,
    "work in progress": _O,
    "reopened": _O,
    "pending": _P,
    "awaiting user info": _P,
    "awaiting caller": _P,
    "awaiting customer": _P,
    "pending customer": _P,
    "pending user": _P,
    "on hold": _H,
    "awaiting problem": _H,
    "awaiting evidence": _H,
    "awaiting vendor": _H,
    "awaiting change": _H,
    "pending vendor": _H,
    "pending change": _H,
    "suspended": _H,
    "resolved": _R,
    "solved": _R,
    "closed": _C,
    "closed complete": _C,
    "closed incomplete": _C,
    "closed skipped": _C,
    "canceled": _C,
    "cancelled": _C,
}
_WORDS: Final = (
    ("cancel", _C),
    ("close", _C),
    ("reject", _C),
    ("resolved", _R),
    ("vendor", _H),
    ("supplier", _H),
    ("third party", _H),
    ("hold", _H),
    ("await", _P),
    ("waiting", _P),
    ("pending", _P),
)
_OF_REQUESTER: Final = ("caller", "customer", "user", "requester", "requestor", "employee", "client")
_AWAITING_CALLER: Final = "1"
_AWAITING_VENDOR: Final = "4"
_OF_VENDOR: Final = ("vendor", "supplier", "provider", "third party", "3rd party", "external")


@dataclass(frozen=True, slots=True)
class States:
    """The states of one instance: `labels` by table and value as the instance has them, hold reasons by value.

    `by_name` and `holds` are the administrator's own meanings of labels, in lower case. `lineage` names the tables that a table
    extends, itself first: what one of them ships with counts for it as well.
    """

    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    hold_labels: Mapping[str, str] = field(default_factory=dict)
    by_name: Mapping[str, Status] = field(default_factory=dict)
    holds: Mapping[str, Status] = field(default_factory=dict)
    lineage: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def label(self, table: str, value: str) -> str:
        """The label of a state; empty where the instance does not name it."""
        return self.labels.get(table, {}).get(value, "")

    def meaning(self, table: str, state: str, hold: str, *, active: bool | None) -> Status | Unknown:
        """Which of the six a state with its hold reason is.

        `active` is None for a state of the past; one that nobody knows any more means nothing then.
        """
        status = self._of_state(table, state, active)
        return self._of_hold(hold) if status is Status.ON_HOLD and hold else status

    def _of_state(self, table: str, state: str, active: bool | None) -> Status | Unknown:  # noqa: FBT001 - three-valued
        line = self.lineage.get(table, (table,))
        shipped_label, shipped = next((_SHIPPED[name] for name in line if name in _SHIPPED), _TASK).get(state, ("", None))
        label = (self.label(table, state) or shipped_label).casefold()
        if label in self.by_name:
            return self.by_name[label]
        if shipped is not None and label == shipped_label:
            return shipped
        if label in _SPEAKING:
            return _SPEAKING[label]
        if shipped is not None:
            return shipped
        found = next((status for word, status in _WORDS if word in label), None)
        if found is not None:
            return found
        if active is None:
            return _O if label else UNKNOWN
        return _O if active else _C

    def waits_for_vendor(self, hold: str) -> bool:
        """Whether a task that is on hold for this reason, or for none that it names, waits for a third party outside."""
        label = self.hold_labels.get(hold, "").casefold()
        if not hold or not label:
            return hold in {"", _AWAITING_VENDOR}
        return any(word in label for word in _OF_VENDOR)

    def _of_hold(self, hold: str) -> Status:
        label = self.hold_labels.get(hold, "").casefold()
        if label in self.holds:
            return self.holds[label]
        if label:
            return _P if any(word in label for word in _OF_REQUESTER) else _H
        return _P if hold == _AWAITING_CALLER else _H
