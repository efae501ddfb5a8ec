"""Merging: all due steps of one ticket that are still true become one escalation with absolute values.

The owner (team and person) is one value, and the first rule in the file wins it; the priority is the highest that is asked for and
is never lowered; labels unite; comments become one. Whoever loses is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rules.binding import BoundLevel, BoundRules
from rules.chains import next_tier
from rules.escalation import Escalation, FieldChange, FiringKey, Notice, Overruled
from rules.explain import fill
from rules.protocol import AddLabel, Assign, Comment, Escalate, RaisePriority, Rule, Tell
from rules.ticket import Ticket, Value

_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")

HOLD_HINT: Final = "To keep hoist away from this ticket, give it the label hoist-hold."


@dataclass(frozen=True, slots=True)
class DueStep:
    """One due step: its key, its rule, why it is due (sentences), and what the placeholders of its texts stand for."""

    key: FiringKey
    rule: Rule
    because: tuple[str, ...]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Owner:
    team: str
    team_id: str
    step: DueStep


@dataclass(frozen=True, slots=True)
class _Priority:
    word: str
    id: str
    level: int  # 0 is the most urgent
    step: DueStep


def merge(ticket: Ticket, steps: Sequence[DueStep], rules: BoundRules) -> Escalation:
    """The one escalation for these steps of a ticket, whose present values `ticket` holds."""
    ordered = sorted(steps, key=lambda step: (step.rule.order, step.key))
    merger = _Merger(ticket, rules)
    for step in ordered:
        merger.take(step)
    return merger.escalation(ordered)


class _Merger:
    """One escalation in the making."""

    def __init__(self, ticket: Ticket, rules: BoundRules) -> None:
        self.ticket, self.rules = ticket, rules
        self.owner: _Owner | None = None
        self.priority: _Priority | None = None
        self.labels: set[str] = set()
        self.notices: list[Notice] = []
        self.findings: list[str] = []
        self.overruled: list[Overruled] = []

    def take(self, step: DueStep) -> None:
        for action in step.rule.actions:
            match action:
                case Escalate():
                    self._escalate(step, action)
                case Assign():
                    self._assign(step, action)
                case RaisePriority():
                    self._raise(step, action)
                case AddLabel(label):
                    self.labels.add(label)
                case Tell(who, urgent):
                    self.notices.append(Notice(who, step.rule.title, urgent))
                case Comment():
                    pass  # written last, when the owner is known

    def _escalate(self, step: DueStep, action: Escalate) -> None:
        chain = self.rules.organisation.chains[action.chain]
        found = next_tier(chain, self.rules.teams, self.ticket.fields.get("team"), action.enter_at)
        self.findings += [f"{team} was passed over: it has no team in this source" for team in found.passed_over]
        if found.team is None or found.team_id is None:
            self.findings.append(found.finding)
        else:
            self._own(_Owner(found.team, found.team_id, step))

    def _assign(self, step: DueStep, action: Assign) -> None:
        ids = self.rules.teams.get(action.team, ())
        if not ids:
            self.findings.append(f"{action.team} has no team in this source, so the ticket was not moved")
        elif self.ticket.fields.get("team") not in ids:
            self._own(_Owner(action.team, ids[0], step))

    def _own(self, wish: _Owner) -> None:
        if self.owner is None:
            self.owner = wish
        elif self.owner.team_id != wish.team_id:
            self.overruled.append(Overruled(wish.step.key, "team", self.owner.step.rule.id))

    def _raise(self, step: DueStep, action: RaisePriority) -> None:
        place = self.rules.urgency.get(self.ticket.fields.get("priority"))
        if place is None:
            self.findings.append("the ticket's priority is none of the organisation's, so it was not raised")
            return
        here = [level for level in self.rules.levels if level.ids]  # a step is one of the source's own levels
        present = here.index(self.rules.levels[place])
        wanted = present - action.by if action.to is None else self._place(action.to, here)
        ceiling = 0 if action.not_above is None else self._place(action.not_above, here)
        level = max(wanted, ceiling, 0)
        if level >= present:
            self.findings.append("the priority is as high as this rule may raise it")
            return
        wish = _Priority(here[level].word, here[level].ids[0], level, step)
        if self.priority is None:
            self.priority = wish
        elif wish.level != self.priority.level:
            self.priority, loser = sorted((self.priority, wish), key=lambda p: p.level)
            self.overruled.append(Overruled(loser.step.key, "priority", self.priority.step.rule.id))

    def _place(self, word: str, here: Sequence[BoundLevel]) -> int:
        """The place of a word among the levels of this source; of one that it does not have, that of the next lower one."""
        words = [level.word for level in self.rules.levels]
        lower = (n for n, level in enumerate(here) if words.index(level.word) >= words.index(word))
        return next(lower, len(here))

    def escalation(self, steps: Sequence[DueStep]) -> Escalation:
        return Escalation(
            self.ticket.ref,
            tuple(step.key for step in steps),
            self._changes(),
            tuple(sorted(self.labels - self._present_labels())),
            self._comment(steps),
            tuple(dict.fromkeys(self.notices)),
            tuple(self.overruled),
            tuple(dict.fromkeys(self.findings)),
        )

    def _changes(self) -> tuple[FieldChange, ...]:
        fields = self.ticket.fields
        changes = []
        if self.owner is not None:
            changes.append(FieldChange("team", fields.get("team"), self.owner.team_id))
            if fields.get("assignee") is not None:  # a person of the former team does not own it for the new one
                changes.append(FieldChange("assignee", fields.get("assignee"), None))
        if self.priority is not None:
            changes.append(FieldChange("priority", fields.get("priority"), self.priority.id))
        return tuple(changes)

    def _present_labels(self) -> set[str]:
        labels: Value = self.ticket.fields.get("labels")
        return set(labels) if isinstance(labels, tuple) else set()

    def _comment(self, steps: Sequence[DueStep]) -> str:
        parts = [part for step in steps for part in self._said(step)]
        parts += [f"Note: {finding}." for finding in dict.fromkeys(self.findings)]
        if self.notices:
            parts.append("To be told: " + ", ".join(dict.fromkeys(notice.to for notice in self.notices)) + ".")
        return "\n".join((*parts, HOLD_HINT))

    def _said(self, step: DueStep) -> list[str]:
        values = dict(step.values)
        if self.owner is not None:
            values["team"] = self.owner.team
        if self.priority is not None:
            values["priority"] = self.priority.word
        again = f" (reminder {step.key.step})" if step.key.step else ""
        title = f"{step.rule.title}{again}"
        texts = [fill(self._true(action.text), values) for action in step.rule.actions if isinstance(action, Comment)]
        return [title, *(texts or [f"Because {sentence}." for sentence in step.because])]

    def _true(self, text: str) -> str:
        """The text without the sentences that name {team}, where the ticket stays with the team that it has."""
        if self.owner is not None:
            return text
        return " ".join(sentence for sentence in _SENTENCES.split(text) if "{team}" not in sentence)
