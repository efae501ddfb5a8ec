"""The organisation as people write it: priorities, teams, roles, chains, each with its names in the sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import ConfigDict, Field

from rules.language.field_tests import NOTHING
from rules.language.marked_yaml import Block, Node
from rules.language.outside import Language, PeopleFile, RoleTarget, RotaReference
from rules.language.part import VALUE, Part, Reading
from rules.language.problems import nearest
from rules.language.words import CalendarName, Email, OneOrMany, Person, Span, TeamName, Truth, Words
from rules.protocol.organisation import Employee, PeopleKeep, PriorityLevel, Provider, Team, Tier, Twins
from rules.ticket import NATIVE


class PriorityRow(Part):
    """One priority: the organisation's word, and what each source calls it. The most urgent row stands first."""

    model_config = ConfigDict(extra="allow")
    named: ClassVar[str] = "row of the priorities"
    __pydantic_extra__: dict[str, OneOrMany[Words]]
    name: Words = Field(description="The organisation's word", examples=["P1"])

    def value(self) -> PriorityLevel:
        """The row as the core sees it."""
        return PriorityLevel(self.name, dict(self.__pydantic_extra__))


class NativeTeam(Part):
    """A team's name in a source, or several of which the first receives; or the source in which it gets a linked ticket."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "name of a team in a source"
    names: OneOrMany[Words] | None = Field(None, alias=VALUE)
    linked_ticket_in: Words | None = Field(None, description="The team works in that source; in this one it has no name")


class WrittenTeam(Part):
    """One team: what each source calls it, its lead and its rota. Any other key is the name of a source."""

    model_config = ConfigDict(extra="allow")
    named: ClassVar[str] = "team"
    may_be_empty: ClassVar[bool] = True
    __pydantic_extra__: dict[str, NativeTeam]
    lead: Email | None = Field(None, description="The e-mail address of the lead", examples=["anna@example.com"])
    on_call: RotaReference | None = Field(
        None,
        description="The rota: an .ics file of the protocol's folder, an https URL, or one of a helpdesk",
        examples=["rotas/network.ics", "source://snow-prod/Network on call"],
    )
    calendar: CalendarName | None = Field(None, description="The team's business hours")
    language: Language | None = Field(None, description="The language of the comments that it gets", examples=["nl"])

    def check(self, node: Node, context: Reading) -> None:
        for key in node if isinstance(node, Block) else ():
            known = (*self.keys(), *context.names.sources)
            # Any key may be a source, so that a slip shows only by what it looks like.
            if key not in known and (slip := nearest(key, known)):
                context.report.problem(key.place, key, "neither a key of a team nor a source that the priorities name", slip)

    def value(self, name: str) -> Team:
        """The team as the core sees it; a source in which it has no name is left out."""
        sources = {source: native.names for source, native in self.__pydantic_extra__.items() if native.names}
        return Team(name, sources, self.lead or "", self.on_call or "", self.calendar or "", self.language or "")


class WrittenPerson(Part):
    """What the organisation says of a person, or a file that says it of many."""

    named: ClassVar[str] = "row of the people"
    who: Person | None = Field(None, description="The person's e-mail address", examples=["anna@example.com"])
    manager: Person | None = Field(None, description="Who manages them")
    deputy: Person | None = Field(None, description="Who stands in for them")
    calendar: CalendarName | None = Field(None, description="Their business hours")
    teams: OneOrMany[TeamName] | None = Field(None, description="The teams that they are in")
    file: PeopleFile | None = Field(None, description="A CSV file with the columns who, manager, deputy, calendar, teams")

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if ("who" in found) == ("file" in found):
            raise context.refused(node, "expected one of `who` (a person) and `file` (many of them)")
        if "file" in found and len(found) > 1:
            raise context.refused(node, "a `file` stands alone: what it says of people stands in its columns")
        if "who" in found and len(found) == 1:
            raise context.refused(node, "nothing is said of this person; say manager, deputy, calendar or teams")

    def value(self) -> Employee | None:
        """The person as the core sees it; None for a file."""
        if self.who is None:
            return None
        return Employee(self.who, self.manager or "", self.deputy or "", self.calendar or "", self.teams or ())


class WrittenProvider(Part):
    """A service provider."""

    named: ClassVar[str] = "provider"
    may_be_empty: ClassVar[bool] = True
    contact: RoleTarget | None = Field(
        None, description="Who is told of its cases: an e-mail address, or a rota", examples=["tam@example.com"]
    )
    calendar: CalendarName | None = Field(None, description="The hours in which it answers")

    def value(self, name: str) -> Provider:
        """The provider as the core sees it."""
        return Provider(name, self.contact or "", self.calendar or "")


class WrittenTwins(Part):
    """How twins of one source are told apart: tickets that another integration keeps in step with each other."""

    short: ClassVar[str] = "field"
    named: ClassVar[str] = "declaration of twins"
    field: Words = Field(description="The source's own field, by its own name", examples=["customfield_10070"])
    leading: OneOrMany[Words] | None = Field(
        None, description="What it says in the leading one; unless said, `nothing`", examples=["nothing"]
    )

    def value(self) -> Twins:
        """The declaration as the core sees it."""
        leading = (None if word.casefold() == NOTHING else word for word in self.leading or (NOTHING,))
        return Twins(f"{NATIVE}{self.field}", tuple(leading))


class WrittenTier(Part):
    """A place in a chain."""

    short: ClassVar[str] = "team"
    named: ClassVar[str] = "tier"
    team: TeamName = Field(description="The team")
    acknowledge_within: Span | None = Field(
        None, description="How long it has to take a ticket it has just got", examples=["30 minutes"]
    )

    def value(self) -> Tier:
        """The tier as the core sees it."""
        return Tier(self.team, self.acknowledge_within)


class WrittenPeopleKeep(Part):
    """For how long a field is a person's, whom no rule overrules, once they took back what hoist had written there."""

    short: ClassVar[str] = "for"
    named: ClassVar[str] = "time for which people keep what they took back"
    lasts: Span = Field(alias="for", description="A duration of plain hours or days", examples=["24 hours"])
    confidential_rules: Truth = Field(default=False, description="Whether confidential rules respect it as well")

    def check(self, node: Node, context: Reading) -> None:
        if self.lasts.calendar is not None or self.lasts.business_days:
            raise context.refused(node, "expected plain hours or days, such as 24 hours")

    def value(self) -> PeopleKeep:
        """The setting as the core sees it."""
        return PeopleKeep(self.lasts.milliseconds, self.confidential_rules)
