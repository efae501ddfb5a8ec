"""Under what a source's tickets are judged: its bound rules, since when each acts, and what is left to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from agent.plan.release import Release
from agent.store.outages import Outage
from agent.store.pauses import Lull
from agent.store.states import RowState
from rules.binding import BoundRules
from rules.instants import MINUTE, Instant
from rules.lifetime import lifetime, mode_at
from rules.phrases import stamp
from rules.protocol.rule import Mode, Rule
from rules.ticket import Change, Kind, Message, Ticket

WROTE_IN_LOST_TIME: Final = "hoist wrote to it in the time that its store, restored from a backup, has lost: look at the ticket"
FELL_DUE_IN_A_PAUSE: Final = "it fell due before the end of a pause, at {until}"
BEFORE_THE_RULE_WAS_CHANGED: Final = "it was so already when its rule was changed"


@dataclass(frozen=True, slots=True)
class Ruling:
    """Under what a source's tickets are judged: its bound rules, since when each is active, and the generation of both.

    `resolution`: milliseconds that a Date header may lag; an effect waits until the source's clock has passed its instant by it.
    `outages` and `lulls` (pauses that are over) leave to a person what fell due in them, `reworded` since when each rule holds
    on what it holds on now.
    """

    rules: BoundRules
    activated: Mapping[str, Instant]
    generation: int
    resolution: int
    outages: tuple[Outage, ...] = ()
    lulls: tuple[Lull, ...] = ()
    reworded: Mapping[str, Instant] = field(default_factory=dict)
    snoozed: Mapping[str, Instant] = field(default_factory=dict)  # by ticket's id, until when it is left alone
    account: str = ""  # hoist's own, in the source
    release: Release | None = None  # of the plan by which these rules came into force

    def existing_state(self, rule: str) -> RowState:
        """What a firing becomes that was true already when its rule may write (again): as `existing_tickets` says."""
        bound = self.rules.by_id.get(rule)
        limit = 0 if bound is None else bound.rule.existing.limit
        return RowState.PLANNED if limit is None else RowState.QUEUED if limit else RowState.BACKLOG

    def when(self, at: Instant) -> str:
        """An instant as people of the organisation read it."""
        return stamp(at, self.rules.zone)

    def was_there(self, rule: str, at: Instant) -> str:
        """Why a firing of that instant counts as an existing one; empty where it does not."""
        lull = next((each for each in self.lulls if each.rule in ("", rule) and each.since <= at < each.until), None)
        return "" if lull is None else FELL_DUE_IN_A_PAUSE.format(until=self.when(lull.until))

    def before_it_was_reworded(self, rule: str, at: Instant) -> str:
        """Why the first firing of an episode counts as an existing one; empty where it does not."""
        return BEFORE_THE_RULE_WAS_CHANGED if at < self.reworded.get(rule, 0) else ""

    def unplanned(self, ticket: Ticket, rule: str, anchor: Instant, due: Instant) -> str:
        """Why a firing that is due since then is left to a person by the plan that was applied; empty where it is not."""
        return "" if self.release is None else self.release.held(ticket, rule, anchor, due)

    def left(self, at: Instant) -> str:
        """Why a firing of that instant is left to a person; empty where it is not."""
        outage = next((each for each in self.outages if each.leaves(at)), None)
        return "" if outage is None else outage.reason

    def lost(self, ticket: Ticket, since: Instant) -> str:
        """Why all of an episode that held from `since` on is left to a person; empty where it is not.

        Where hoist wrote to a ticket in a time that its restored store knows nothing of, nobody can tell which steps were done.
        """
        return WROTE_IN_LOST_TIME if any(since < each.ended for each in self._losses(ticket)) else ""

    def first_number(self, ticket: Ticket, since: Instant) -> int:
        """The least number of an episode that holds from `since` on: none that a forgotten episode of the ticket may have borne.

        Whole minutes of when the store was restored rise from one restore to the next, also where the former one is forgotten.
        """
        return max((each.ended // MINUTE for each in self._losses(ticket) if each.ended <= since), default=1)

    def _losses(self, ticket: Ticket) -> list[Outage]:
        """The times that the restored store has lost and in which hoist acted on the ticket."""
        return [each for each in self.outages if each.lost and _acted_on(ticket, self.account, each)]

    def without(self, team: str) -> Ruling:
        """The same where a team, by the source's id, is no longer there to get tickets."""
        return replace(self, rules=replace(self.rules, departed=self.rules.departed | {team}))

    def rule(self, name: str) -> Rule:
        return self.rules.rule(name).rule

    def mode(self, rule: Rule, at: Instant) -> Mode:
        """What a rule may do at an instant, its dates considered."""
        return mode_at(rule, self.rules.calendars, at)

    def active_since(self, rule: Rule, now: Instant) -> Instant:
        """What was true before is backlog, as seen at an instant: a rule that goes live on a date only watched before."""
        since = self.activated.get(rule.id, now)
        begins = lifetime(rule, self.rules.calendars)[0] if rule.live_from else 0
        return max(since, begins) if begins <= now else since


def _acted_on(ticket: Ticket, account: str, outage: Outage) -> bool:
    acts: chain[Change | Message] = chain(ticket.changes, ticket.messages)
    return any((act.by.kind is Kind.HOIST or act.by.id == account) and outage.covers(act.at) for act in acts)
