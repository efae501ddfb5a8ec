"""What a rule does: escalate, assign, raise the priority, comment, label, tell, page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic import Field

from rules.language.marked_yaml import Node
from rules.language.part import Part, Reading
from rules.language.problems import listed, nearest
from rules.language.words import ChainName, CommentText, Label, Number, OneOrMany, PriorityWord, TeamName, Who
from rules.protocol import Action, AddLabel, Assign, Comment, Escalate, RaisePriority, Tell

_PROVIDERS: Final = "cases at providers are not written yet"


class Escalation(Part):
    """The next tier of a chain gets the ticket."""

    short: ClassVar[str] = "chain"
    named: ClassVar[str] = "move along a chain"
    later: ClassVar = {"from": "name a tier with enter_at"}
    chain: ChainName = Field(description="The chain to climb", examples=["network"])
    enter_at: TeamName | None = Field(None, description="The tier at which a ticket from outside the chain enters it")

    def check(self, node: Node, context: Reading) -> None:
        tiers = context.names.chains.get(self.chain, ())
        if self.enter_at and tiers and self.enter_at not in tiers:
            raise context.refused(
                node,
                f"{self.enter_at} is no tier of the chain {self.chain}; its tiers are: {listed(tiers)}",
                nearest(self.enter_at, tiers),
            )


class PriorityRaise(Part):
    """The priority becomes more urgent, and never less."""

    short: ClassVar[str] = "by"
    named: ClassVar[str] = "raise of the priority"
    by: Number | None = Field(None, description="By so many levels of the source", examples=[1])
    to: PriorityWord | None = Field(None, description="To this priority")
    not_above: PriorityWord | None = Field(None, description="Never more urgent than this")

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if ("by" in found) == ("to" in found):
            raise context.refused(node, "expected one of `by` (levels) and `to` (a priority)")


class Deed(Part):
    """Something that a rule does."""

    named: ClassVar[str] = "thing to do"
    synonyms: ClassVar = {"tag": "label"}
    later: ClassVar = {
        "propose_major_incident": "tell the major incident manager with `tell:`",
        "chase_provider": _PROVIDERS,
        "ask_provider_severity": _PROVIDERS,
        "restrict": "the rights of a ticket are not written yet",
        "arbiter": "tell whoever decides with `tell:`",
        "digest": "tell with `tell:`",
        "remind": "tell with `tell:`",
        "set": "assign, raise_priority and label are the fields that can be written",
        "status": "hoist never writes a status",
    }

    escalate: Escalation | None = Field(None, description="Move the ticket to the next tier of a chain", examples=["network"])
    assign: TeamName | None = Field(None, description="Move the ticket to a team, whatever its tier")
    raise_priority: PriorityRaise | None = Field(None, description="Make it more urgent", examples=[1, {"to": "P2"}])
    comment: CommentText | None = Field(None, description="An internal comment", examples=["Without an owner for {held}."])
    label: OneOrMany[Label] | None = Field(None, description="Add labels")
    tell: OneOrMany[Who] | None = Field(None, description="Tell a role, a person, `lead of TEAM` or `lead of current team`")
    page: OneOrMany[Who] | None = Field(None, description="As tell, urgently")

    def actions(self) -> list[Action]:
        """The block's actions."""
        done: list[Action] = []
        if self.escalate is not None:
            done.append(Escalate(self.escalate.chain, self.escalate.enter_at))
        if self.assign is not None:
            done.append(Assign(self.assign))
        if (more := self.raise_priority) is not None:
            done.append(RaisePriority(more.by or 0, more.to, more.not_above))
        if self.comment is not None:
            done.append(Comment(self.comment))
        done += [AddLabel(label) for label in self.label or ()]
        done += [Tell(who) for who in self.tell or ()]
        done += [Tell(who, urgent=True) for who in self.page or ()]
        return done
