"""What a step wants people and providers to know or do: notices, an arbiter, proposals, requests at a provider. All of it data.

Who is meant is found out here, for the instant of the read that confirmed the step; the note and the journal name them. A
confidential step's recipients get an opaque reason, and nothing of it is shown in the note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rules.binding import BoundRules
from rules.calendars import Calendar
from rules.confidential import COMMENT, own_teams
from rules.due_step import DueStep
from rules.escalation import FiringKey, Notice, NoticeKind, ProviderRequest
from rules.instants import FOREVER, Instant
from rules.note import Told
from rules.phrases import stamp
from rules.placeholders import Meaning
from rules.protocol.actions import Arbiter, AtProvider, Comment, Digest, Escalate, Proposal, Propose, Tell
from rules.protocol.durations import Duration
from rules.protocol.rule import Rule
from rules.recipients import Recipients, in_words
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
        self.decisions: list[str] = []  # lines of the note, where no comment says who decides
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

    def tell_the_top(self, step: DueStep, teams: Sequence[str]) -> None:
        """The chain has ended: whoever is on call at its top, or leads it, is told again; `teams` are the highest first.

        Where nobody can be found there, whoever stands next below is.
        """
        for who in self._heads(teams):
            if self.recipients.meant(who).addresses:
                self._tell(step, NoticeKind.TELL, who)
                return
        self.findings.append("nobody of the chain could be told that it has ended")

    def _heads(self, teams: Sequence[str]) -> Iterator[str]:
        """Whoever is on call for these teams, or leads them, in their order."""
        for team in (self.rules.organisation.teams[name] for name in teams):
            if team.on_call:
                yield f"on_call of {team.name}"
            if team.lead:
                yield f"lead of {team.name}"

    def _arbiter(self, step: DueStep, action: Arbiter) -> None:
        within = action.within or DECISION_TIME
        name = within.calendar or (step.rule.calendar if within.business_days else None)
        ends = self._calendar(name).after(self.at, within)
        self._value(step, "arbiter", in_words(action.who))
        asked = "you decide which team keeps this ticket"
        if ends < FOREVER:  # where it is not known whose hours count, neither is the end
            self._value(step, "deadline", ends)
            asked += f", by {stamp(ends, self.rules.zone_of(self.team))}"
        self._tell(step, NoticeKind.TELL, action.who, asked)
        if not (step.rule.confidential or _names_the_arbiter(step)):
            who = Told(self.at, self.rules.zone_of(self.team)).by_name(self.shown[-1])
            self.decisions.append(f"To decide {asked.removeprefix('you decide ')}: {who}.")

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
        wanted = self.recipients.meant(who)
        instead = "" if wanted.on_duty else self._instead(step, who)
        meant = self.recipients.meant(instead) if instead else wanted
        confidential = step.rule.confidential
        why = COMMENT if confidential else f"{step.rule.title}: {reason or step.in_short}."
        people = () if confidential else self.recipients.names(meant.addresses)
        notice = Notice(
            kind,
            who,
            meant.addresses,
            why,
            self.ticket.key,
            self.ticket.url,
            self.at if send_at is None else send_at,
            title,
            at_most,
            people,
            meant.until,
            instead,
        )
        self.notices.append(notice)
        if not wanted.addresses:
            self.findings.append(_missing(notice, wanted.missing, confidential=confidential))
        if not confidential:
            self.shown.append(notice)

    def _instead(self, step: DueStep, who: str) -> str:
        """Who is told where nobody is on duty: whoever leads the team, else the top of the rule's chain; "" if nobody can be."""
        own = own_teams(step.rule, self.rules.organisation)
        chains = [self.rules.organisation.chains[action.chain] for action in step.rule.actions if isinstance(action, Escalate)]
        tops = [tier.team for chain in chains for tier in reversed(chain.tiers) if own is None or tier.team in own]
        others = (self.recipients.stands_in(who), *self._heads(tops))
        return next((other for other in others if other and self.recipients.meant(other).addresses), "")


def _names_the_arbiter(step: DueStep) -> bool:
    """Whether a comment beside it says who decides."""
    return any("{arbiter}" in action.text for action in step.actions if isinstance(action, Comment))


def _missing(notice: Notice, why: str, *, confidential: bool) -> str:
    """That nobody was found who was meant, and who is told instead."""
    if confidential:
        found = "; somebody else of its chain is told" if notice.instead else ""
        return f"somebody who is to be told could not be found{found}"
    meant = in_words(notice.to)
    if notice.instead:
        return f"{meant} could not be told, because {why}: {in_words(notice.instead)} is told instead"
    return f"nobody could be found to tell: {meant}, because {why}"
