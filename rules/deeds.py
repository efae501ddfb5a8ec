"""What rules do, in words: `the next tier of network gets it`, `duty-manager is paged`."""

from __future__ import annotations

from typing import Final

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

_LONGEST_COMMENT: Final = 60
_PROPOSALS: Final = {
    Proposal.PARENT: "one parent is proposed for the related tickets",
    Proposal.MAJOR_INCIDENT: "a major incident is proposed",
}
_AT_PROVIDER: Final = {
    ProviderDeed.OPEN_CASE: "a case is opened at",
    ProviderDeed.CHASE: "the case is chased at",
    ProviderDeed.ASK_SEVERITY: "another severity is asked for at",
}


def deed(action: Action) -> str:
    """The action as a clause without a full stop."""
    match action:
        case Comment(text, variants):
            others = " and in ".join(language for language, other in variants if other != text)
            return f'an internal comment says "{_short(text)}"' + (f" (there is a text in {others} too)" if others else "")
        case Tell():
            return _tell(action)
        case Digest(to, title):
            return f"it is put on the list {title!r} for {to}"
        case Arbiter(who, within):
            return f"{_person(who)} decides which team keeps it" + (f", within {within}" if within else "")
        case Propose(what):
            return _PROPOSALS[what]
        case AtProvider(what, provider, template):
            return f"{_AT_PROVIDER[what]} {provider or 'the provider'}" + (f", with the text {template}" if template else "")
        case _:
            return _change(action)


def _short(text: str) -> str:
    """The words of a text, up to where it grows too long."""
    if len(text) <= _LONGEST_COMMENT:
        return text
    return f"{text[: _LONGEST_COMMENT - 3].rpartition(' ')[0].rstrip(' .,;:')}..."


def _change(action: Escalate | Assign | RaisePriority | SetField | AddLabel | Restrict) -> str:
    match action:
        case Escalate():
            return _escalate(action)
        case Assign(team):
            return f"{team} gets it"
        case RaisePriority(by, to, not_above):
            limit = f", not above {not_above}" if not_above else ""
            return f"the priority is raised {f'to {to}' if to else f'by {by}'}{limit}"
        case SetField(field, value):
            return f"{field} is set to {value}"
        case AddLabel(label):
            return f"the label {label} is added"
        case Restrict(to):
            return f"only {to} can read it"


def _escalate(action: Escalate) -> str:
    chain = f"the chain {action.chain}"
    where = f"the tier {action.to} of {chain}" if action.to else f"the next tier of {chain}"
    if action.from_last_resolving_team and not action.to:
        where = f"the tier of {chain} above the team that resolved it last"
    entry = f" (from outside the chain it enters at {action.enter_at})" if action.enter_at else ""
    return f"{where} gets it{entry}"


def _tell(action: Tell) -> str:
    if action.reminder:
        return f"{_person(action.who)} is reminded"
    limit = f", at most {action.at_most_per_night} times a night" if action.at_most_per_night else ""
    return f"{_person(action.who)} is {'paged' if action.urgent else 'told'}{limit}"


def _person(who: str) -> str:
    """`the lead of the current team`, `whoever is on call of network-ops`; a role or an address as it is."""
    of, _, whose = " ".join(who.split()).partition(" of ")
    whose = {"current team": "the current team", "assignee": "the assignee", "requester": "the requester"}.get(whose, whose)
    if whose:
        return f"whoever is on call of {whose}" if of.casefold() == "on_call" else f"the {of} of {whose}"
    return f"the {who}" if who in {"assignee", "requester"} else who
