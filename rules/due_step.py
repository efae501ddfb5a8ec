"""What merging works on: one step of one rule that is due on a ticket, with why, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.escalation import FiringKey
from rules.placeholders import Meaning
from rules.protocol import Action, Assign, Escalate, Rule


@dataclass(frozen=True, slots=True)
class DueStep:
    """One due step: its key, its rule, why it is due (sentences, and in short), and what the placeholders of its texts mean.

    `actions` are its own, after those of the missed steps that collapsed into it; `steps` are the places of all of them in the
    rule's ladder (`rules.ladder`).
    """

    key: FiringKey
    rule: Rule
    because: tuple[str, ...]
    in_short: str
    values: Mapping[str, Meaning]
    actions: tuple[Action, ...]
    steps: tuple[int, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether it means to move the ticket to another team."""
        return any(isinstance(action, Escalate | Assign) for action in self.actions)

    @property
    def repetition(self) -> int:
        """Which repetition of the ladder's last step it is; 0 for a step of the ladder itself."""
        return max(0, self.key.step - len(self.rule.steps) + 1)
