"""What a rule does: escalate, assign, raise the priority, set, comment, label, tell, page, propose, restrict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema

from rules.language.marked_yaml import Block, Node, Text
from rules.language.part import VALUE, Part, Reading, reading
from rules.language.people import Who
from rules.language.problems import listed, nearest
from rules.language.words import (
    ChainName,
    CommentText,
    Label,
    Number,
    OneOrMany,
    PriorityWord,
    ProviderName,
    Span,
    TeamName,
    Truth,
    Words,
)
from rules.protocol.actions import (
    Action,
    AddLabel,
    Arbiter,
    Assign,
    AtProvider,
    Comment,
    Digest,
    Escalate,
    Proposal,
    Propose,
    ProviderDeed,
    RaisePriority,
    Restrict,
    SetField,
    Tell,
)
from rules.ticket import NATIVE

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", re.ASCII)
_PER_NIGHT: Final = re.compile(r"([0-9]{1,3})\s+per\s+night", re.ASCII | re.IGNORECASE)
_LAST_RESOLVING: Final = "last resolving team"
_NEVER_A_STATUS: Final = "hoist never writes a status"
_STATUSES: Final = frozenset({"status", "state", "incident_state", "native_status", "resolution"})
_WRITTEN_BY: Final = {
    "team": "assign a team with `assign:` or `escalate:`",
    "assignee": "hoist gives tickets to teams, with `assign:` or `escalate:`, and to no person",
    "priority": "raise it with `raise_priority:`",
    "labels": "add labels with `label:`",
    "label": "add labels with `label:`",
}


def _per_night(node: object, info: ValidationInfo) -> int:
    word = reading(info).text(node, "a limit such as 2 per night")
    found = _PER_NIGHT.fullmatch(word.strip())
    if not found or not int(found[1]):
        raise reading(info).refused(word, "expected a limit such as 2 per night")
    return int(found[1])


def _from(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, _LAST_RESOLVING)
    if " ".join(word.casefold().removeprefix("the ").split()) != _LAST_RESOLVING:
        raise reading(info).refused(
            word, f"expected `{_LAST_RESOLVING}`; a tier is named with `to:`, the way in with `enter_at:`", _LAST_RESOLVING
        )
    return True


PerNight = Annotated[int, PlainValidator(_per_night), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,3} per night$"})]
FromTeam = Annotated[bool, PlainValidator(_from), WithJsonSchema({"enum": [_LAST_RESOLVING]})]


class Escalation(Part):
    """A higher tier of a chain gets the ticket: the next one, or the one that is named."""

    short: ClassVar[str] = "chain"
    named: ClassVar[str] = "move along a chain"
    chain: ChainName = Field(description="The chain to climb", examples=["network"])
    to: TeamName | None = Field(None, description="Straight to this tier, where it is higher than the ticket's")
    from_: FromTeam = Field(
        False,  # noqa: FBT003
        alias="from",
        description="The tier to count from: that of the team which resolved the ticket last, where it is higher",
    )
    enter_at: TeamName | None = Field(None, description="The tier at which a ticket from outside the chain enters it")

    def check(self, node: Node, context: Reading) -> None:
        tiers = context.names.chains.get(self.chain, ())
        for team in (self.enter_at, self.to):
            if team and tiers and team not in tiers:
                raise context.refused(
                    node,
                    f"{team} is no tier of the chain {self.chain}; its tiers are: {listed(tiers)}",
                    nearest(team, tiers),
                )
        if self.to and tiers and self.to == tiers[0]:
            raise context.refused(node, f"{self.to} is the first tier of {self.chain}: nothing climbs to it")

    def action(self) -> Escalate:
        """The move as the core sees it."""
        return Escalate(self.chain, self.enter_at, self.to, self.from_)


class PriorityRaise(Part):
    """The priority becomes more urgent, and never less."""

    short: ClassVar[str] = "by"
    named: ClassVar[str] = "raise of the priority"
    by: Number | None = Field(None, description="By so many levels of the source", examples=[1])
    to: PriorityWord | None = Field(None, description="To this priority")
    not_above: PriorityWord | None = Field(None, description="Never more urgent than this")

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if isinstance(node, Text) and node in context.names.priorities:
            raise context.refused(node, "expected a number of levels, or a priority behind `to:`", f"{{to: {node}}}")
        if ("by" in found) == ("to" in found):
            raise context.refused(node, "expected one of `by` (levels) and `to` (a priority)")


class Setting(Part):
    """Fields of the source's own, by their names there, and what they become."""

    model_config = ConfigDict(extra="allow")
    named: ClassVar[str] = "setting of a source's own field"
    __pydantic_extra__: dict[str, Words]

    def check(self, node: Node, context: Reading) -> None:
        for key in node if isinstance(node, Block) else ():
            field = key.removeprefix(NATIVE)
            if field in _STATUSES:
                context.report.problem(key.place, key, _NEVER_A_STATUS)
            elif key in _WRITTEN_BY:
                context.report.problem(key.place, key, _WRITTEN_BY[key])
            elif field == key or not field:
                what = f"expected a field of the source's own, as {NATIVE}NAME"
                context.report.problem(key.place, key, what, field and f"{NATIVE}{field}")

    def actions(self) -> list[Action]:
        """A setting for each field."""
        return [SetField(field, value) for field, value in self.__pydantic_extra__.items()]


class Wording(Part):
    """The text of a comment, or one for each language, by its code; the first is for teams without a language."""

    model_config = ConfigDict(extra="allow")
    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "comment, a text for each language (en, nl, ...)"
    __pydantic_extra__: dict[str, CommentText]
    text: CommentText | None = Field(None, alias=VALUE)

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if isinstance(node, Block) and not any(found.values()):
            raise context.refused(node, "expected the text of a comment; a text that begins with a brace needs quotes")

    def check(self, node: Node, context: Reading) -> None:
        for key in node if isinstance(node, Block) else ():
            if not _LANGUAGE.fullmatch(key):
                context.report.problem(key.place, key, "expected the code of a language, such as en, nl or pt-BR")

    def action(self) -> Comment:
        """The comment as the core sees it."""
        variants = tuple(self.__pydantic_extra__.items())
        return Comment(self.text or variants[0][1], variants)


class Page(Part):
    """Somebody is told at once, whatever the hour."""

    short: ClassVar[str] = "who"
    named: ClassVar[str] = "page"
    who: OneOrMany[Who] = Field(description="Who is paged", examples=["on_call of network-ops"])
    at_most: PerNight | None = Field(
        None, description="So many pages to one person in a night; further ones are told", examples=["2 per night"]
    )


class DigestLine(Part):
    """The ticket's line on a list that somebody gets at the calendar's next opening."""

    short: ClassVar[str] = "to"
    named: ClassVar[str] = "digest"
    to: Who = Field(description="Who gets the list", examples=["lead of network-ops"])
    title: Words | None = Field(None, description="What the list is called; the rule's title where nothing is said")


class Decider(Part):
    """Who decides which team keeps the ticket."""

    short: ClassVar[str] = "who"
    named: ClassVar[str] = "arbiter"
    who: Who = Field(description="Who decides", examples=["lead of service-desk"])
    within: Span | None = Field(None, description="By when; within a business day where nothing is said")


class OpenCase(Part):
    """A case is opened at a provider."""

    short: ClassVar[str] = "provider"
    named: ClassVar[str] = "opening of a case"
    provider: ProviderName = Field(description="The provider", examples=["aws"])
    template: Words | None = Field(None, description="The text that it is opened with")


class Chase(Part):
    """The provider is reminded of its case."""

    short: ClassVar[str] = "template"
    named: ClassVar[str] = "chasing of a provider"
    template: Words = Field(description="The text that is sent", examples=["aws-chase"])
    provider: ProviderName | None = Field(None, description="The provider; that of the ticket's case where nothing is said")


class AskSeverity(Part):
    """The provider is asked for another severity: by a message, since it alone decides."""

    short: ClassVar[str] = "severity"
    named: ClassVar[str] = "request for a severity"
    severity: Words = Field(description="What is asked for", examples=["one higher"])
    provider: ProviderName | None = Field(None, description="The provider; that of the ticket's case where nothing is said")


class Deed(Part):
    """Something that a rule does."""

    named: ClassVar[str] = "thing to do"
    synonyms: ClassVar = {"tag": "label"}
    slips: ClassVar = {
        **dict.fromkeys(("notify", "email", "mail", "inform", "message"), "tell"),
        **dict.fromkeys(("alert", "call", "phone", "sms"), "page"),
        **dict.fromkeys(("note", "internal_note", "add_comment"), "comment"),
        **dict.fromkeys(("move", "promote"), "escalate"),
        **dict.fromkeys(("team", "reassign", "assign_to"), "assign"),
        **dict.fromkeys(("priority", "set_priority"), "raise_priority"),
        **dict.fromkeys(("add_label", "labels"), "label"),
    }
    later: ClassVar = {
        **dict.fromkeys(("status", "close", "resolve", "reopen"), _NEVER_A_STATUS),
        **dict.fromkeys(("reply", "answer", "public_comment"), "hoist never writes to the requester; `comment:` is internal"),
    }

    restrict: TeamName | None = Field(None, description="Let only this team read the ticket, before anything else is written")
    escalate: Escalation | None = Field(None, description="Move the ticket up a chain", examples=["network"])
    assign: TeamName | None = Field(None, description="Move the ticket to a team, whatever its tier")
    raise_priority: PriorityRaise | None = Field(None, description="Make it more urgent", examples=[1, {"to": "P2"}])
    set: Setting | None = Field(None, description="Set fields of the source's own", examples=[{"native.u_hot": "true"}])
    comment: Wording | None = Field(
        None,
        description="An internal comment",
        examples=["Without an owner for {held}.", {"en": "Open for {held}.", "nl": "Al {held} open."}],
    )
    label: OneOrMany[Label] | None = Field(None, description="Add labels")
    tell: OneOrMany[Who] | None = Field(
        None,
        description="Tell a role, a person, `lead of TEAM`, `on_call of TEAM`, `lead of current team`, `manager of assignee`",
    )
    page: Page | None = Field(None, description="As tell, at once", examples=[{"who": "duty-manager", "at_most": "2 per night"}])
    remind: OneOrMany[Who] | None = Field(None, description="As tell, to somebody who already owes something")
    digest: DigestLine | None = Field(
        None, description="Put the ticket on a list for somebody", examples=[{"to": "duty-manager", "title": "Weekend"}]
    )
    arbiter: Decider | None = Field(None, description="Who decides which team keeps it", examples=["lead of service-desk"])
    propose_parent: Truth | None = Field(None, description="Propose one parent for related tickets", examples=["true"])
    propose_major_incident: Truth | None = Field(None, description="Propose to treat it as a major incident", examples=["true"])
    open_case: OpenCase | None = Field(None, description="Ask for a case at a provider to be opened", examples=["aws"])
    chase_provider: Chase | None = Field(None, description="Ask for the provider to be chased")
    ask_provider_severity: AskSeverity | None = Field(None, description="Ask the provider for another severity")

    def actions(self) -> list[Action]:
        """The block's actions: who can read it first, then what is written, then who is told."""
        return [*self._written(), *self._told(), *self._proposed(), *self._at_provider()]

    def _written(self) -> list[Action]:
        done: list[Action] = []
        if self.restrict is not None:
            done.append(Restrict(self.restrict))
        if self.escalate is not None:
            done.append(self.escalate.action())
        if self.assign is not None:
            done.append(Assign(self.assign))
        if (more := self.raise_priority) is not None:
            done.append(RaisePriority(more.by or 0, more.to, more.not_above))
        if self.set is not None:
            done += self.set.actions()
        if self.comment is not None:
            done.append(self.comment.action())
        return [*done, *(AddLabel(label) for label in self.label or ())]

    def _told(self) -> list[Action]:
        done: list[Action] = [Tell(who) for who in self.tell or ()]
        if self.page is not None:
            done += [Tell(who, urgent=True, at_most_per_night=self.page.at_most) for who in self.page.who]
        done += [Tell(who, reminder=True) for who in self.remind or ()]
        if self.digest is not None:
            done.append(Digest(self.digest.to, self.digest.title or ""))
        if self.arbiter is not None:
            done.append(Arbiter(self.arbiter.who, self.arbiter.within))
        return done

    def _proposed(self) -> list[Action]:
        wanted = ((self.propose_parent, Proposal.PARENT), (self.propose_major_incident, Proposal.MAJOR_INCIDENT))
        return [Propose(what) for yes, what in wanted if yes]

    def _at_provider(self) -> list[Action]:
        done: list[Action] = []
        if (case := self.open_case) is not None:
            done.append(AtProvider(ProviderDeed.OPEN_CASE, case.provider, case.template or ""))
        if (chase := self.chase_provider) is not None:
            done.append(AtProvider(ProviderDeed.CHASE, chase.provider or "", chase.template))
        if (ask := self.ask_provider_severity) is not None:
            done.append(AtProvider(ProviderDeed.ASK_SEVERITY, ask.provider or "", severity=ask.severity))
        return done
