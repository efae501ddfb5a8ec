"""A history as it befalls an instance: words of a desk become values of an incident, and each event is a save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from connectors.sandboxes.history import Event, EventValue, History
from connectors.servicenow.site.furnishing import Furnishing
from connectors.servicenow.site.store import Row
from connectors.servicenow.site.task_rules import AWAITING_CALLER, CANCELED, CLOSED, IN_PROGRESS, NEW, ON_HOLD, RESOLVED
from connectors.servicenow.site.transactions import Saving, Transaction
from rules.instants import Instant

PAIRS: Final = (("1", "1"), ("1", "2"), ("2", "2"), ("3", "2"), ("3", "3"))
"""Impact and urgency by the place of a priority in the history's scheme, the most urgent first; further places have the last."""

STATES: Final = {"new": NEW, "open": IN_PROGRESS, "pending": ON_HOLD, "on_hold": ON_HOLD, "resolved": RESOLVED, "closed": CLOSED}
REASONS: Final = {"vendor": "4", "implement": "5", "change": "5", "problem": "3"}
"""On hold reasons by a word in the name of the status; a wait for nobody in particular has none."""


def state(history: History, status: str) -> tuple[str, str]:
    """State and on hold reason of a history's status."""
    role = next((role for role, names in history.roles.items() if status in names), "open")
    if role == "closed" and status.lower().startswith("cancel"):
        return CANCELED, ""
    if role == "pending":
        return ON_HOLD, AWAITING_CALLER
    if role == "on_hold":
        return ON_HOLD, next((reason for word, reason in REASONS.items() if word in status.lower()), "")
    return STATES[role], ""


class Replay:
    """Carries a history's events out. `names` gives the sys_id of each issue that has begun."""

    def __init__(self, history: History, saving: Saving, furnished: Furnishing) -> None:
        self._history = history
        self._saving = saving
        self._furnished = furnished
        self._done = 0
        self._states = {each.name: state(history, each.name) for each in history.statuses}
        self.names: dict[str, str] = {}

    def until(self, now: Instant, lag: int) -> None:
        """Let everything happen up to now; it is committed `lag` milliseconds after its stamp."""
        end = self._history.position(now)
        while self._done < end:
            event = self._history.events[self._done]
            self._done += 1
            self._happen(event, event.at + lag if event.at + lag > now else None)

    def _happen(self, event: Event, committed_at: Instant | None) -> None:
        user = self._furnished.users[event.author]
        by = Transaction(event.at, user, event.author, committed_at, checked=False)
        values = self._values(event.fields)
        if event.note:
            values["comments" if event.note.public else "work_notes"] = event.note.text
        if event.issue not in self.names:
            opener = {"caller_id": user, "opened_by": user}
            self.names[event.issue] = self._saving.insert("incident", {**opener, **values}, by)["sys_id"]
        elif row := self._saving.store.latest("incident", self.names[event.issue]):
            self._saving.update("incident", row, self._complete(row, values), by)
        else:
            return  # somebody has deleted it
        if "labels" in event.fields:
            self._label(self.names[event.issue], event.fields["labels"] or (), by)

    def _label(self, sys_id: str, wanted: Iterable[str], by: Transaction) -> None:
        """Tags are entries of their own, and do not touch the record."""
        store = self._saving.store
        names = {row["sys_id"]: row.get("name", "") for row in store.all("label")}
        there = {names.get(entry.get("label", ""), ""): entry for entry in store.where("label_entry", "table_key", sys_id)}
        for name in there.keys() - set(wanted):
            self._saving.delete("label_entry", there[name], by)
        known = {name: id_ for id_, name in names.items()}
        for name in [each for each in wanted if each not in there]:
            label = known.get(name) or self._saving.insert("label", {"name": name, "global": "true"}, by)["sys_id"]
            self._saving.insert("label_entry", {"label": label, "table": "incident", "table_key": sys_id, "title": name}, by)

    def _complete(self, row: Row, values: dict[str, str]) -> dict[str, str]:
        """Resolved and closed records have a resolution, as whoever closes one has to say."""
        if values.get("state") in {RESOLVED, CLOSED} and not row.get("close_code"):
            return {**values, "close_code": "Solution provided", "close_notes": "Solved."}
        return values

    def _values(self, fields: Mapping[str, EventValue]) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in fields.items():
            values |= self._value(name, value if isinstance(value, str) else "")
        if "team" not in fields and "line" in fields and not self._history.teams:
            values["assignment_group"] = self._furnished.groups.get(str(fields["line"] or ""), "")
        return values

    def _value(self, name: str, word: str) -> dict[str, str]:
        furnished = self._furnished
        match name:
            case "status":
                number, reason = self._states[word]
                return {"state": number, "hold_reason": reason}
            case "team":
                return {"assignment_group": furnished.groups.get(word, "")}
            case "assignee":
                return {"assigned_to": furnished.users.get(word, "")}
            case "priority":
                place = self._history.priorities.index(word) if word in self._history.priorities else len(PAIRS)
                impact, urgency = PAIRS[min(place, len(PAIRS) - 1)]
                return {"impact": impact, "urgency": urgency}
            case "component":
                return {"business_service": furnished.services.get(word, ""), "cmdb_ci": furnished.services.get(word, "")}
            case "summary":
                return {"short_description": word[:160]}
            case "description":
                return {"description": word}
        return {}
