"""What a step wants people and providers to know or do: notices, an arbiter, proposals, requests at a provider. All of it data.

A confidential step's recipients get an opaque reason, and nothing of it is shown in the note.
"""

from __future__ import annotations

from typing import Final

from rules.binding import BoundRules
from rules.calendars import Calendar
from rules.confidential import COMMENT
from rules.due_step import DueStep
from rules.escalation import FiringKey, Notice, NoticeKind, ProviderRequest
from rules.instants import FOREVER, Instant
from rules.phrases import stamp
from rules.placeholders import Meaning
from rules.protocol import Arbiter, AtProvider, Digest, Duration, Proposal, Propose, Rule, Tell
from rules.recipients import Recipients
from rules.ticket import Ticket
from rules.timeline import timeline

DECISION_TIME: Final = Duration(business_days=1)
"""What an arbiter has where the rule does not say, on the rule's calendar."""


class Messages:
    """The messages of an escalation in the making. `shown` and its like are those that the internal note may name."""

    def __init__(self, ticket: Ticket, rules: BoundRules, team: str | None, at: Instant) -> None:
        """`team`: the organisation's name of the team that gets or has the ticket, where it is one of the organisation's."""
        self.ticket, self.rules, self.team, self.at = ticket, rules, team, at
        self.recipients = Recipients(ticket, rules, team, at)
        self.notices: list[Notice] = []
        self.proposals: list[Proposal] = []
        self.requests: list[ProviderRequest] = []
        self.shown: list[Notice] = []
        self.shown_proposals: list[Proposal] = []
        self.shown_requests: list[ProviderRequest] = []
        self.values: dict[FiringKey, dict[str, Meaning]] = {}
        self.findings: list[str] = []

    def take(self, step: DueStep) -> None:
        """A step's messages."""
        openly = not step.rule.confidential
        for action in step.actions:
            match action:
                case Tell(who, urgent, at_most, reminder):
                    kind = NoticeKind.PAGE if urgent else NoticeKind.REMINDER if reminder else NoticeKind.TELL
                    self._tell(step, kind, who, at_most=at_most)
                case Digest(to, title):
                    self._tell(step, NoticeKind.DIGEST, to, send_at=self._opening(step.rule), title=title or step.rule.title)
                case Arbiter():
                    self._arbiter(step, action)
                case Propose(what):
                    self.proposals.append(what)
                    self.shown_proposals += [what] if openly else []
                case AtProvider(deed, provider, template, severity):
                    request = ProviderRequest(deed, provider, template, severity)
                    self.requests.append(request)
                    self.shown_requests += [request] if openly else []
                    if provider:
                        self._value(step, "provider", provider)
                case _:
                    pass

    def tell_the_top(self, step: DueStep) -> None:
        """The chain has ended: whoever is on call at its top, or leads it, is told again."""
        team = self.rules.organisation.teams.get(self.team) if self.team is not None else None
        if team is not None and (team.on_call or team.lead):
            who = f"on_call of {team.name}" if team.on_call else f"lead of {team.name}"
            self._tell(step, NoticeKind.TELL, who)

    def _arbiter(self, step: DueStep, action: Arbiter) -> None:
        within = action.within or DECISION_TIME
        name = within.calendar or (step.rule.calendar if within.business_days else None)
        ends = self._calendar(name).after(self.at, within)
        self._value(step, "arbiter", action.who.replace("on_call", "on call"))
        asked = "you decide which team keeps this ticket"
        if ends < FOREVER:  # where it is not known whose hours count, neither is the end
            self._value(step, "deadline", ends)
            asked += f", by {stamp(ends, self.rules.zone_of(self.team))}"
        self._tell(step, NoticeKind.TELL, action.who, asked)

    def _opening(self, rule: Rule) -> Instant:
        """The next one of the rule's calendar; at once where it is not known whose hours count."""
        opens = self._calendar(rule.calendar).next_opening(self.at)
        return opens if opens < FOREVER else self.at

    def _calendar(self, name: str | None) -> Calendar:
        return self.rules.program.calendar(name, timeline(self.ticket))

    def _value(self, step: DueStep, name: str, value: Meaning) -> None:
        self.values.setdefault(step.key, {})[name] = value

    def _tell(
        self,
        step: DueStep,
        kind: NoticeKind,
        who: str,
        reason: str = "",
        *,
        send_at: Instant | None = None,
        title: str = "",
        at_most: int | None = None,
    ) -> None:
        meant = self.recipients.meant(who)
        confidential = step.rule.confidential
        why = COMMENT if confidential else f"{step.rule.title}: {reason or step.in_short}."
        later = self.at if send_at is None else send_at
        notice = Notice(kind, who, meant.addresses, why, self.ticket.key, self.ticket.url, later, title, at_most)
        self.notices.append(notice)
        if not meant.addresses:
            missing = f"nobody could be found to tell: {who}, because {meant.missing}"
            self.findings.append("somebody who is to be told could not be found" if confidential else missing)
        if not confidential:
            self.shown.append(notice)
