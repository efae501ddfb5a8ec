"""What an applied plan lets be written of what was so already: the firings that it lists, as long as they are what it saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rules.instants import Instant, written
from rules.ticket import UNKNOWN, Ticket, Value

NOT_LISTED: Final = "it was so when the plan {plan} was applied, which does not list it"
MOVED: Final = "it is no longer what the plan {plan} saw: {moved}"


@dataclass(frozen=True, slots=True)
class Precondition:
    """What a plan saw of a firing: the anchor of its episode, and the values that it would change."""

    anchor: Instant
    values: Mapping[str, Value] = field(default_factory=dict)

    def moved(self, ticket: Ticket, anchor: Instant) -> str:
        """What is another one by now; empty where nothing is."""
        if anchor != self.anchor:
            return f"it began anew at {written(anchor)}"
        others = [name for name, value in self.values.items() if ticket.fields.get(name, UNKNOWN) != value]
        return f"the {' and the '.join(others)} changed meanwhile" if others else ""


@dataclass(frozen=True, slots=True)
class Release:
    """An applied plan on one source. `listed`: by the ticket's id and the rule. `rules` are those that it changed.

    What fell due before `since`, when it was taken over there, and is not listed, is left to a person.
    """

    plan: str
    since: Instant
    rules: frozenset[str]
    listed: Mapping[tuple[str, str], Precondition]

    def held(self, ticket: Ticket, rule: str, anchor: Instant, due: Instant) -> str:
        """Why a firing that is due since then is left to a person; empty where it is not."""
        if due >= self.since or rule not in self.rules:
            return ""
        precondition = self.listed.get((ticket.ref.id, rule))
        if precondition is None:
            return NOT_LISTED.format(plan=self.plan)
        moved = precondition.moved(ticket, anchor)
        return MOVED.format(plan=self.plan, moved=moved) if moved else ""
