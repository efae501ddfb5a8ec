"""Merging: all due steps of one ticket that are still true become one escalation with absolute values.

The owner (team and person) is one value: that of confidential rules first, then of the first rule in the file. The priority is
the highest that is asked for and is never lowered; labels unite; comments become one. Whoever loses is named, and by whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rules.binding import BoundLevel, BoundRules
from rules.chains import Next, PassedOver, last_resolving_team, next_tier, off_duty
from rules.confidential import CHAIN, own_teams
from rules.due_step import DueStep
from rules.escalation import Escalation, FieldChange, Kept, Overruled
from rules.instants import Instant
from rules.messages import Messages
from rules.note import HOLD_HINT, Told, note, said
from rules.protection import keeper, known_as, protected, taken_back
from rules.protocol.actions import AddLabel, Assign, Escalate, RaisePriority, Restrict, SetField
from rules.protocol.rule import Mode, Rule
from rules.ticket import RESTRICTED_TO, UNKNOWN, Ticket, Value

__all__ = ["HOLD_HINT", "DueStep", "merge"]

NO_TEAM_KNOWN: Final = "the ticket's team can't be read, so it was not moved"
NOT_ALLOWED: Final = "the tickets of this rule may not go there"
KEPT: Final = "a confidential procedure keeps this ticket"


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a step wants a field to become: the source's id, and the word for it. The lowest rank wins, of equals the first."""

    field: str
    word: str
    id: str
    step: DueStep
    rank: int = 0


@dataclass(frozen=True, slots=True)
class _Lost:
    """A wish that lost, and the step whose wish went before it."""

    wish: _Wish
    to: DueStep

    @property
    def as_overruled(self) -> Overruled:
        return Overruled(self.wish.step.key, self.wish.field, self.to.rule.id)

    def __str__(self) -> str:
        loser = self.wish.step.rule
        wished = "another value" if loser.confidential else self.wish.word
        return f"{loser.title} asked for the {self.wish.field} {wished}, and {self.to.rule.title} goes before it"


def merge(ticket: Ticket, steps: Sequence[DueStep], rules: BoundRules, at: Instant, holding: Sequence[Rule] = ()) -> Escalation:
    """The one escalation for these steps of a ticket, whose present values `ticket` holds, as of the confirming read at `at`.

    `holding` are the rules that hold on the ticket at that instant, due or not: where a confidential one is among them, others
    move the ticket only to its teams.
    """
    ordered = sorted(steps, key=lambda step: (not step.rule.confidential, step.rule.order, step.key))
    merger = _Merger(ticket, rules, at, [*holding, *(step.rule for step in ordered)])
    for step in ordered:
        merger.take(step)
    return merger.escalation(ordered)


class _Merger:
    """One escalation in the making."""

    def __init__(self, ticket: Ticket, rules: BoundRules, at: Instant, holding: Sequence[Rule]) -> None:
        self.ticket, self.rules, self.at = ticket, rules, at
        self.team: Value = ticket.fields.get("team", UNKNOWN)
        keeping = (rule for rule in holding if rule.confidential and rule.mode is Mode.LIVE)
        self.keepers = [own_teams(rule, rules.organisation) or frozenset() for rule in keeping]
        self.wishes: dict[str, list[_Wish]] = {}
        self.labels: set[str] = set()
        self.people_keep = rules.organisation.people_keep
        self.theirs = protected(ticket, at, self.people_keep.lasts)
        self.kept: list[Kept] = []
        self.findings: list[str] = []
        self.at_the_top: list[tuple[DueStep, tuple[str, ...]]] = []

    def take(self, step: DueStep) -> None:
        """What a step wants of the ticket; whom it tells is seen to when the owner is known."""
        for action in step.actions:
            match action:
                case Escalate():
                    self._escalate(step, action)
                case Assign(team):
                    self._assign(step, team)
                case RaisePriority():
                    self._raise(step, action)
                case SetField(field, value):
                    self._set(step, field, value)
                case Restrict(team):
                    self._restrict(step, team)
                case AddLabel(label):
                    self._label(step, label)
                case _:
                    pass

    def winner(self, field: str) -> _Wish | None:
        """The wish that a field gets: the highest priority, and of anything else what the first rule asks for."""
        return min(self.wishes.get(field, ()), key=lambda wish: wish.rank, default=None)

    # --- wishes ------------------------------------------------------------------------------------------------------------

    def _wish(self, wish: _Wish) -> None:
        if not self._leave_to_people(wish.step, wish.field):
            self.wishes.setdefault(wish.field, []).append(wish)

    def _label(self, step: DueStep, label: str) -> None:
        if label not in self._present_labels() and not self._leave_to_people(step, "labels"):
            self.labels.add(label)

    def _leave_to_people(self, step: DueStep, field: str) -> bool:
        """Whether a field is a person's, whom this step does not overrule."""
        if step.rule.confidential and not self.people_keep.confidential_rules:
            return False
        theirs = keeper(self.theirs, field)
        override = theirs or step.overruled
        if override is None:
            return False
        who = known_as(self.rules.directory.people, override.by)
        zone = self.rules.zone_of(self._receiving_team())
        sentence = taken_back(override, who, zone, for_good=theirs is None)
        self.kept.append(Kept(step.key, field, override.by.id, sentence))
        self.findings.append(sentence)
        return True

    def _escalate(self, step: DueStep, action: Escalate) -> None:
        if self.team is UNKNOWN:
            self.findings.append(NO_TEAM_KNOWN)
            return
        chain = self.rules.organisation.chains[action.chain]
        if step.rule.confidential:
            chain = replace(chain, name=CHAIN)
        standing: list[Value] = [self.team]
        if action.from_last_resolving_team:
            standing.append(self._resolver())
        found = next_tier(chain, self.rules.teams, standing, action, self._barred(step.rule), self.rules.departed)
        self._move_along(step, found)

    def _move_along(self, step: DueStep, found: Next) -> None:
        moves = found.team is not None and found.team_id is not None
        if not (moves or self._is_news(step) or not found.top):
            return  # that a chain has ended, and who can't receive above, is said once
        self.findings += [self._passed_over(step, each) for each in found.passed_over]
        if found.team is not None and found.team_id is not None:
            self._wish(_Wish("team", found.team, found.team_id, step))
            return
        self.findings.append(found.finding)
        if found.top:
            own = own_teams(step.rule, self.rules.organisation)
            self.at_the_top.append((step, tuple(team for team in found.top if own is None or team in own)))

    def _is_news(self, step: DueStep) -> bool:
        """Whether a repetition finds the ticket elsewhere than the firing before it did."""
        if not step.repetition:
            return True
        before = step.previous
        return before is not None and any(change.field == "team" and change.at >= before for change in self.ticket.changes)

    @staticmethod
    def _passed_over(step: DueStep, found: PassedOver) -> str:
        return f"a tier was passed over: {found.why}" if step.rule.confidential else str(found)

    def _resolver(self) -> Value:
        team = last_resolving_team(self.ticket)
        if team is UNKNOWN:
            self.findings.append("nobody is known to have resolved it before, so the next tier is that of its present team")
        return team

    def _barred(self, rule: Rule) -> Callable[[str], str]:
        """Why a team can't be given this ticket by a rule at this instant; nothing where it can."""
        own = own_teams(rule, self.rules.organisation)

        def barred(team: str) -> str:
            if own is not None and team not in own:
                return NOT_ALLOWED
            if any(team not in teams for teams in self.keepers):
                return KEPT
            return off_duty(self.rules, team, self.at)

        return barred

    def _assign(self, step: DueStep, team: str) -> None:
        team_id = self.rules.receiving(team)
        own = own_teams(step.rule, self.rules.organisation)
        if self.team in self.rules.teams.get(team, ()):
            return
        if team_id is None:
            self.findings.append(f"{team} has no team in this source, so the ticket was not moved")
        elif self.team is UNKNOWN:
            self.findings.append(NO_TEAM_KNOWN)
        elif own is not None and team not in own:
            self.findings.append(f"{NOT_ALLOWED}, so it was not moved")
        elif any(team not in teams for teams in self.keepers):
            self.findings.append(f"{KEPT}, so it was not moved")
        else:
            self._wish(_Wish("team", team, team_id, step))

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
        if level < present:
            self._wish(_Wish("priority", here[level].word, here[level].ids[0], step, level))
        elif not step.repetition:  # that there is nothing left to raise is said once
            self.findings.append("the priority is as high as this rule may raise it")

    def _place(self, word: str, here: Sequence[BoundLevel]) -> int:
        """The place of a word among the levels of this source; of one that it does not have, that of the next lower one."""
        words = [level.word for level in self.rules.levels]
        lower = (n for n, level in enumerate(here) if words.index(level.word) >= words.index(word))
        return next(lower, len(here))

    def _set(self, step: DueStep, field: str, value: str) -> None:
        present = self.ticket.fields.get(field, UNKNOWN)
        if present is UNKNOWN:
            self.findings.append(f"{field} can't be read, so it was not set")
        elif present not in {value, (value,)}:
            self._wish(_Wish(field, value, value, step))

    def _restrict(self, step: DueStep, team: str) -> None:
        team_id = self.rules.receiving(team)
        if team_id is None:  # a source in which it could never be done is refused when the rules are loaded
            self.findings.append(f"{team} has no team in this source, so the ticket was not restricted to it")
        elif self.ticket.fields.get(RESTRICTED_TO) not in self.rules.teams[team]:
            self._wish(_Wish(RESTRICTED_TO, team, team_id, step))

    # --- the escalation ----------------------------------------------------------------------------------------------------

    def escalation(self, steps: Sequence[DueStep]) -> Escalation:
        messages = self._messages(steps)
        lost = list(self._lost())
        findings = tuple(dict.fromkeys((*self.findings, *messages.findings)))
        return Escalation(
            self.ticket.ref,
            tuple(step.key for step in steps),
            tuple(self._changes()),
            tuple(sorted(self.labels)),
            self._comment(steps, messages, (*map(str, lost), *findings)),
            tuple(dict.fromkeys(messages.notices)),
            tuple(each.as_overruled for each in lost),
            findings,
            self._restriction(),
            tuple(dict.fromkeys(messages.proposals)),
            tuple(dict.fromkeys(messages.requests)),
            tuple(self.kept),
        )

    def _messages(self, steps: Sequence[DueStep]) -> Messages:
        messages = Messages(self.ticket, self.rules, self._receiving_team(), self.at)
        for step in steps:
            messages.take(step)
        for step, teams in self.at_the_top:
            messages.tell_the_top(step, teams)
        return messages

    def _receiving_team(self) -> str | None:
        """The organisation's name of the team that gets the ticket, or else has it."""
        owner = self.winner("team")
        if owner is not None:
            return owner.word
        return next((name for name, ids in self.rules.teams.items() if self.team in ids), None)

    def _lost(self) -> Iterator[_Lost]:
        """Wishes that another rule's went before."""
        for field, wishes in self.wishes.items():
            winner = self.winner(field)
            for wish in wishes:
                if winner is not None and (wish.rank, wish.id) != (winner.rank, winner.id) and wish.step is not winner.step:
                    yield _Lost(wish, winner.step)

    def _changes(self) -> Iterator[FieldChange]:
        fields = self.ticket.fields
        owner = self.winner("team")
        if owner is not None:
            yield FieldChange("team", self.team, owner.id)
            if fields.get("assignee", UNKNOWN) not in {None, UNKNOWN}:
                # a person of the former team does not own it for the new one
                yield FieldChange("assignee", fields.get("assignee"), None)
        for field in ("priority", *sorted(self.wishes.keys() - {"team", "priority", RESTRICTED_TO})):
            wish = self.winner(field)
            if wish is not None:
                yield FieldChange(field, fields.get(field), wish.id)

    def _restriction(self) -> FieldChange | None:
        wish = self.winner(RESTRICTED_TO)
        return None if wish is None else FieldChange(RESTRICTED_TO, self.ticket.fields.get(RESTRICTED_TO), wish.id)

    def _present_labels(self) -> set[str]:
        labels: Value = self.ticket.fields.get("labels")
        return set(labels) if isinstance(labels, tuple) else set()

    def _comment(self, steps: Sequence[DueStep], messages: Messages, findings: Sequence[str]) -> str:
        owner, priority = self.winner("team"), self.winner("priority")
        team = self._receiving_team()
        language = self.rules.organisation.teams[team].language if team is not None else ""
        zone = self.rules.zone_of(team)
        parts: list[str] = []
        for step in steps:
            values = {**step.values, **messages.values.get(step.key, {})}
            if owner is not None and step.moves:
                values["team"] = owner.word
            if priority is not None:
                values["priority"] = priority.word
            lines = said(step, values, language, zone, moved=owner is not None)
            if not (step.rule.confidential and lines[0] in parts):
                parts += lines
        parts += messages.decisions
        return note(parts, findings, messages.shown, messages.shown_proposals, messages.shown_requests, Told(self.at, zone))
