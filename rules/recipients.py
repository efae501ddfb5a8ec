"""Who is told: from the words of a rule to e-mail addresses at an instant.

Who can be meant: a role, an e-mail address, `on_call of TEAM`, `lead of TEAM` (of the current team, too: the one that gets the
ticket), `contact of PROVIDER`, `assignee`, `approver`, the manager or the deputy of either, `manager of requester`. People
change by rota, by the source's directory, and by what the organisation says of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rules.instants import Instant
from rules.protocol.organisation import Organisation
from rules.ticket import UNKNOWN, Ticket

if TYPE_CHECKING:
    from rules.binding import BoundRules  # the language looks at the words here, and needs no rules bound for that

CURRENT_TEAM: Final = "current team"
OF_TEAM: Final = re.compile(r"(lead|on[\s_-]call)\s+of\s+(.+)", re.IGNORECASE)
OF_PROVIDER: Final = re.compile(r"contact\s+of\s+(.+)", re.IGNORECASE)
OF_TICKET: Final = (
    *("assignee", "manager of assignee", "deputy of assignee"),
    *("approver", "manager of approver", "deputy of approver"),
    "manager of requester",
)
"""People whom the ticket itself names. The requester is none of them: hoist writes nothing that a requester gets to read."""


def field_of(who: str) -> str:
    """The field of the ticket that names somebody; "" for those whom none does."""
    return who.rpartition(" ")[2] if who in OF_TICKET else ""


def contact_of(who: str, organisation: Organisation) -> str:
    """The address or rota of a role or of a provider's contact, "" where a provider names none; any other word as it is."""
    if found := OF_PROVIDER.fullmatch(who):
        provider = organisation.providers.get(found[1])
        return "" if provider is None else provider.contact
    return organisation.roles.get(who, who)


def in_words(who: str) -> str:
    """How people read a recipient: `on call of network-ops`."""
    return who.replace("on_call", "on call")


@dataclass(frozen=True, slots=True)
class Meant:
    """E-mail addresses; where there are none, `missing` says why as a clause.

    `until`: when the duty of those who have it ends, None where it does not or nobody knows. `on_duty` is False where a rota was
    asked and nobody is found by it.
    """

    addresses: tuple[str, ...]
    missing: str = ""
    until: Instant | None = None
    on_duty: bool = True


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom words mean on a ticket at an instant. `team`: the organisation's name of the team that gets or has it, if known."""

    ticket: Ticket
    rules: BoundRules
    team: str | None
    at: Instant

    def meant(self, who: str) -> Meant:
        """The addresses of a role, a person, or somebody of a team."""
        if found := OF_TEAM.fullmatch(who):
            return self._of_team(found[1].casefold() == "lead", " ".join(found[2].split()))
        if who in OF_TICKET:
            relation, _, field = who.rpartition(" of ")
            return self._of_ticket(field, relation)
        contact = contact_of(who, self.rules.organisation)
        if not contact:
            return Meant((), f"the organisation names no {who}")
        unread = f"the rota of {who} could not be read" if contact != who else f"{who} is neither a role nor an address"
        return self._contact(contact, unread)

    def stands_in(self, who: str) -> str | None:
        """Who is told where nobody is on call for a team: whoever leads it, in a rule's words; None where nobody is named."""
        found = OF_TEAM.fullmatch(who)
        if found is None or found[1].casefold() == "lead":
            return None
        named = " ".join(found[2].split())
        name = self.team if named == CURRENT_TEAM else named
        team = self.rules.organisation.teams.get(name) if name is not None else None
        return f"lead of {team.name}" if team is not None and team.lead else None

    def names(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """What people are called in the source; the address of those whom it does not know."""
        known = {person.email.casefold(): person.name for person in self.rules.directory.people.values() if person.email}
        return tuple(known.get(address.casefold()) or address for address in addresses)

    def _of_team(self, lead: bool, named: str) -> Meant:  # noqa: FBT001 - named where it is called
        name = self.team if named == CURRENT_TEAM else named
        team = self.rules.organisation.teams.get(name) if name is not None else None
        if team is None:
            return Meant((), "the ticket's team is none of the organisation's")
        contact = team.lead if lead else team.on_call
        if not contact:
            return Meant((), f"the organisation names no {'lead' if lead else 'rota'} of {team.name}")
        return self._contact(contact, f"the rota of {team.name} could not be read")

    def _contact(self, contact: str, otherwise: str) -> Meant:
        """An address, or whoever is on duty in the rota of that name."""
        rota = self.rules.world.rotas.get(contact)
        if rota is None:
            known = "@" in contact and "/" not in contact
            return Meant((contact,)) if known else Meant((), otherwise, on_duty=False)
        turn = rota.turn(self.at)
        if turn is None:
            return Meant((), "the rota does not reach that far", on_duty=False)
        if not turn.who:
            return Meant((), "nobody is on duty", on_duty=False)
        return Meant(turn.who, until=turn.end if turn.end < rota.known_until else None)

    def _of_ticket(self, field: str, relation: str) -> Meant:
        """Whoever stands in a field, or their manager or deputy; of several people, all who can be found."""
        value = self.ticket.fields.get(field, UNKNOWN)
        if value is UNKNOWN:
            return Meant((), f"the ticket's {field} can't be read")
        people = value if isinstance(value, tuple) else (value,)
        found = [self._person(str(person), field, relation) for person in people if person is not None]
        if not found:
            return Meant((), f"the ticket has no {field}")
        addresses = dict.fromkeys(address for each in found for address in each.addresses)
        return Meant(tuple(addresses)) if addresses else found[0]

    def _person(self, person: str, field: str, relation: str) -> Meant:
        directory, words = self.rules.directory, field
        if relation:
            words = f"{relation} of the {field}"
            person = (directory.managers if relation == "manager" else directory.deputies).get(person, "")
            if not person:
                return Meant((), f"{self.rules.source} does not say who is {words}")
        known = directory.people.get(person)
        if known is not None and not known.active:
            return Meant((), f"the {words} has left")
        if known is None or not known.email:
            return Meant((), f"{self.rules.source} does not say the address of the {words}")
        return Meant((known.email,))
