"""Merging: all due steps of one ticket that are still true become one escalation with absolute values.

The owner (team and person) is one value, and the first rule in the file wins it; the priority is the highest that is asked for
and is never lowered; labels unite; comments become one. Whoever loses is named, and by whom.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rules.binding import BoundLevel, BoundRules
from rules.chains import next_tier
from rules.escalation import Escalation, FieldChange, FiringKey, Notice, Overruled
from rules.explain import fill
from rules.protocol import AddLabel, Assign, Comment, Escalate, RaisePriority, Rule, Tell
from rules.ticket import UNKNOWN, Ticket, Value

_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")

NO_TEAM_KNOWN: Final = "the ticket's team can't be read, so it was not moved"
HOLD_HINT: Final = "To keep hoist away from this ticket, give it the label hoist-hold."


@dataclass(frozen=True, slots=True)
class DueStep:
    """One due step: its key, its rule, why it is due (sentences, and in short), and what the placeholders of its texts mean."""

    key: FiringKey
    rule: Rule
    because: tuple[str, ...]
    in_short: str
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


@dataclass(frozen=True, slots=True)
class _Lost:
    """A wish that lost, in the organisation's words."""

    step: DueStep
    field: str
    wished: str
    to: DueStep

    @property
    def as_overruled(self) -> Overruled:
        return Overruled(self.step.key, self.field, self.to.rule.id)

    def __str__(self) -> str:
        return f"{self.step.rule.title} asked for the {self.field} {self.wished}, and {self.to.rule.title} goes before it"


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
        self.team: Value = ticket.fields.get("team", UNKNOWN)
        self.owners: list[_Owner] = []
        self.priorities: list[_Priority] = []
        self.labels: set[str] = set()
        self.notices: list[Notice] = []
        self.findings: list[str] = []

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

    @property
    def owner(self) -> _Owner | None:
        """That of the first rule that asks for another one."""
        return self.owners[0] if self.owners else None

    @property
    def priority(self) -> _Priority | None:
        """The highest that is asked for; of equals the first rule's."""
        return min(self.priorities, key=lambda wish: wish.level, default=None)

    def _escalate(self, step: DueStep, action: Escalate) -> None:
        if self.team is UNKNOWN:
            self.findings.append(NO_TEAM_KNOWN)
            return
        chain = self.rules.organisation.chains[action.chain]
        found = next_tier(chain, self.rules.teams, self.team, action.enter_at)
        self.findings += [f"{team} was passed over: it has no team in this source" for team in found.passed_over]
        if found.team is None or found.team_id is None:
            self.findings.append(found.finding)
        else:
            self.owners.append(_Owner(found.team, found.team_id, step))

    def _assign(self, step: DueStep, action: Assign) -> None:
        ids = self.rules.teams.get(action.team, ())
        if not ids:
            self.findings.append(f"{action.team} has no team in this source, so the ticket was not moved")
        elif self.team is UNKNOWN:
            self.findings.append(NO_TEAM_KNOWN)
        elif self.team not in ids:
            self.owners.append(_Owner(action.team, ids[0], step))

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
        self.priorities.append(_Priority(here[level].word, here[level].ids[0], level, step))

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
            tuple(lost.as_overruled for lost in self._lost()),
            tuple(dict.fromkeys(self.findings)),
        )

    def _lost(self) -> Iterator[_Lost]:
        """Wishes that another rule's went before."""
        owner, priority = self.owner, self.priority
        if owner is not None:
            for wish in self.owners:
                if wish.team_id != owner.team_id:
                    yield _Lost(wish.step, "team", wish.team, owner.step)
        if priority is not None:
            for raised in self.priorities:
                if raised.level != priority.level:
                    yield _Lost(raised.step, "priority", raised.word, priority.step)

    def _changes(self) -> tuple[FieldChange, ...]:
        fields = self.ticket.fields
        changes = []
        if self.owner is not None:
            changes.append(FieldChange("team", self.team, self.owner.team_id))
            if fields.get("assignee", UNKNOWN) not in {
                None,
                UNKNOWN,
            }:  # a person of the former team does not own it for the new one
                changes.append(FieldChange("assignee", fields.get("assignee"), None))
        if self.priority is not None:
            changes.append(FieldChange("priority", fields.get("priority"), self.priority.id))
        return tuple(changes)

    def _present_labels(self) -> set[str]:
        labels: Value = self.ticket.fields.get("labels")
        return set(labels) if isinstance(labels, tuple) else set()

    def _comment(self, steps: Sequence[DueStep]) -> str:
        parts = [part for step in steps for part in self._said(step)]
        parts += [f"Note: {finding}." for finding in dict.fromkeys((*map(str, self._lost()), *self.findings))]
        if self.notices:
            parts.append("To be told: " + ", ".join(dict.fromkeys(notice.to for notice in self.notices)) + ".")
        return "\n".join((*parts, HOLD_HINT))

    def _said(self, step: DueStep) -> list[str]:
        values = dict(step.values)
        if self.owner is not None and _moves(step.rule):
            values["team"] = self.owner.team
        if self.priority is not None:
            values["priority"] = self.priority.word
        again = f" (reminder {step.key.step})" if step.key.step else ""
        texts = [self._true(action.text, step.rule) for action in step.rule.actions if isinstance(action, Comment)]
        said = [fill(text, values) for text in texts if text]
        return [f"{step.rule.title}{again}", *(said or [f"Because {step.in_short}."])]

    def _true(self, text: str, rule: Rule) -> str:
        """The text without the sentences that say to which {team} a rule moves the ticket, where it stays with the one it has."""
        if self.owner is not None or not _moves(rule):
            return text
        return " ".join(sentence for sentence in _SENTENCES.split(text) if "{team}" not in sentence)


def _moves(rule: Rule) -> bool:
    return any(isinstance(action, Escalate | Assign) for action in rule.actions)
