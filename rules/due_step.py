"""What merging works on: one step of one rule that is due on a ticket, with why, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.engine import Episode, Evaluation
from rules.escalation import FiringKey
from rules.explain import because, in_short, values_of
from rules.instants import Instant
from rules.ladder import Steps, joined
from rules.placeholders import Meaning
from rules.protection import Override
from rules.protocol.actions import Action, Assign, Escalate
from rules.protocol.rule import Rule
from rules.ticket import Ticket


@dataclass(frozen=True, slots=True)
class DueStep:
    """One due step: its key, its rule, why it is due (sentences, and in short), and what the placeholders of its texts mean.

    `actions` are its own, after those of the missed steps that collapsed into it; `steps` are the places of all of them in the
    rule's ladder (`rules.ladder`). `previous`: server time of the read that confirmed the firing before it, None for the first.
    `overruled`: a person took back what an earlier step of the same ladder had written, so that this one only tells. `text`: the
    version of the rule's text, where escalations keep to the one under which they began.
    """

    key: FiringKey
    rule: Rule
    because: tuple[str, ...]
    in_short: str
    values: Mapping[str, Meaning]
    actions: tuple[Action, ...]
    steps: tuple[int, ...] = ()
    previous: Instant | None = None
    overruled: Override | None = None
    text: str = ""

    @property
    def moves(self) -> bool:
        """Whether it means to move the ticket to another team."""
        return any(isinstance(action, Escalate | Assign) for action in self.actions)

    @property
    def repetition(self) -> int:
        """Which repetition of the ladder's last step it is; 0 for a step of the ladder itself."""
        return max(0, self.key.step - len(self.rule.steps) + 1)


def due_step(
    key: FiringKey, rule: Rule, steps: Steps, evaluation: Evaluation, episode: Episode, ticket: Ticket, at: Instant
) -> DueStep:
    """These steps of an episode's ladder as one step to merge, its reasons and texts as of an instant."""
    reasons, short = because(evaluation, episode.rule, at), in_short(evaluation, episode.rule)
    values, text = values_of(evaluation, episode, at, ticket), evaluation.bound(episode.rule).text
    return DueStep(key, rule, reasons, short, values, joined(rule, steps), steps, text=text)
