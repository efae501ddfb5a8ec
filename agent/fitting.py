"""Whether a rulebook fits a source: its names are there, and the platform can do what the rules ask for.

Said when rules are loaded, not when they fire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from connectors.contract import Capabilities
from rules.binding import BindingError, BoundRules, bind, conditions_of
from rules.conditions.tree import walk
from rules.confidential import cloaked
from rules.protocol import (
    Action,
    AddLabel,
    Arbiter,
    Assign,
    AtProvider,
    Comment,
    Digest,
    Due,
    Escalate,
    Mode,
    Propose,
    RaisePriority,
    Restrict,
    Rule,
    Rulebook,
    SetField,
    State,
    Target,
    Tell,
    Unchanged,
)
from rules.ticket import CLUSTERED, PREFIXES, TARGET
from rules.world import Directory, World

_NEEDS: Final[Mapping[type[Action], tuple[str, str]]] = {
    Escalate: ("team", "move a ticket to a team"),
    Assign: ("team", "move a ticket to a team"),
    RaisePriority: ("priority", "set a priority"),
    AddLabel: ("labels", "set labels"),
    SetField: ("native", "set a field of its own"),
    Restrict: ("restriction", "restrict who reads a ticket"),
    **dict.fromkeys((Comment, Tell, Digest, Arbiter, Propose, AtProvider), ("comment", "write comments")),
}
"""What a connector must be able to write for an action, and how that is said; who is told, or asked, stands in the comment."""


def fitted(
    rulebook: Rulebook, source: str, directory: Directory, capabilities: Capabilities, world: World, key: bytes = b""
) -> BoundRules:
    """The rules bound to a source; `key` is the installation's. Raises BindingError with everything that does not fit."""
    problems = tuple(dict.fromkeys(_impossible(rulebook, source, capabilities, key)))
    try:
        bound = bind(rulebook, source, directory, world, key)
    except BindingError as error:
        raise BindingError(source, (*problems, *error.problems)) from error
    if problems:
        raise BindingError(source, problems)
    return bound


def _impossible(rulebook: Rulebook, source: str, capabilities: Capabilities, key: bytes) -> Iterator[str]:
    platform = f"{source} ({capabilities.platform} as it is set up here)"
    twins = rulebook.organisation.twins.get(source)
    if twins is not None and not _is_read(twins.field, capabilities.reads):
        yield f"organisation, twins: {platform} does not read fields of its own, so it can't tell which ticket leads"
    for rule in rulebook.rules:
        shown = cloaked(rule, key).id
        for action in rule.actions if _is_meant(rule, source) else ():
            field, words = _NEEDS[type(action)]
            if field not in capabilities.writes:
                instead = "take that action out, or leave this source out with `applies_to:`"
                yield f"{rule.place}, rule {shown}: {platform} can't {words}; {instead}"
        for field in _looked_at(rule) if _is_meant(rule, source) else ():
            if not _is_read(field, capabilities.reads):
                asked = "a field" if rule.confidential else field
                instead = "take that condition out, or leave this source out with `applies_to:`"
                yield f"{rule.place}, rule {shown}: asks for {asked}, and {platform} does not read it; {instead}"


def _looked_at(rule: Rule) -> Iterator[str]:
    """The fields that a rule asks for: in its own condition, in those of its steps, and in what holds back its writes."""
    for part in (part for condition in conditions_of(rule) for part in walk(condition)):
        match part:
            case State(field) | Due(field) | Unchanged(field):
                yield "team" if field == "tier" else field
            case Target(name):
                yield f"{TARGET}{name}"
            case _:
                pass


def _is_read(field: str, reads: frozenset[str]) -> bool:
    field = CLUSTERED.get(field, field)  # those numbers are hoist's own, of tickets that agree in this field
    return field in reads or any(field.startswith(prefix) and prefix in reads for prefix in PREFIXES)


def _is_meant(rule: Rule, source: str) -> bool:
    sources = rule.applies_to.sources
    return rule.mode is not Mode.DRAFT and (sources is None or source in sources)
