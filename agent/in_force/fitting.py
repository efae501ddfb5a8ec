"""Whether a rulebook fits a source: its names are there, and the platform can do what the rules ask for.

Said when rules are loaded, not when they fire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from connectors.contract import Capabilities
from rules.binding import BindingError, BoundRules, bind, calendars_used, conditions_of
from rules.conditions.tree import walk
from rules.confidential import cloaked
from rules.protocol.actions import (
    Action,
    AddLabel,
    Arbiter,
    Assign,
    AtProvider,
    Comment,
    Digest,
    Escalate,
    Propose,
    RaisePriority,
    Restrict,
    SetField,
    Tell,
)
from rules.protocol.conditions import Due, State, Target, Unchanged
from rules.protocol.durations import CALENDAR_OF_APPROVER
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.recipients import field_of
from rules.ticket import CLUSTERED, NEXT_ANSWER, PREFIXES, TARGET
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
    rulebook: Rulebook,
    source: str,
    directory: Directory,
    capabilities: Capabilities,
    world: World,
    key: bytes = b"",
    former: Mapping[str, Rule] = MappingProxyType({}),
) -> BoundRules:
    """The rules bound to a source; `key` is the installation's, `former` rules under former texts (`rules.binding.bind`).

    Raises BindingError with everything that does not fit; former texts that do not are `unfit`.
    """
    problems = impossible(rulebook, source, capabilities, key)
    try:
        bound = bind(rulebook, source, directory, world, key, former)
    except BindingError as error:
        raise BindingError(source, (*problems, *error.problems)) from error
    problems += tuple(dict.fromkeys((*_nobody_known(bound, capabilities), *_not_made(bound, key))))
    if problems:
        raise BindingError(source, problems)
    return bound


def impossible(rulebook: Rulebook, source: str, capabilities: Capabilities, key: bytes | None) -> tuple[str, ...]:
    """What the rules ask for and the source can't do, a sentence each.

    `key` is the installation's, which conceals confidential rules; None for those who have the protocol's files before them.
    """
    return tuple(dict.fromkeys(_impossible(rulebook, source, capabilities, key)))


def _impossible(rulebook: Rulebook, source: str, capabilities: Capabilities, key: bytes | None) -> Iterator[str]:
    platform = f"{source} ({capabilities.platform} as it is set up here)"
    twins = rulebook.organisation.twins.get(source)
    if twins is not None and not _is_read(twins.field, capabilities.reads):
        yield f"organisation, twins: {platform} does not read fields of its own, so it can't tell which ticket leads"
    for rule in rulebook.rules:
        shown = rule.id if key is None else cloaked(rule, key).id
        for action in rule.actions if _is_meant(rule, source) else ():
            field, words = _NEEDS[type(action)]
            if field not in capabilities.writes:
                instead = "take that action out, or leave this source out with `applies_to:`"
                yield f"{rule.place}, rule {shown}: {platform} can't {words}; {instead}"
        for field in _looked_at(rule) if _is_meant(rule, source) else ():
            if not _is_read(field, capabilities.reads):
                asked = "a field" if rule.confidential and key is not None else field
                instead = "take that condition out, or leave this source out with `applies_to:`"
                yield f"{rule.place}, rule {shown}: asks for {asked}, and {platform} does not read it; {instead}"


def _nobody_known(bound: BoundRules, capabilities: Capabilities) -> Iterator[str]:
    """Rules that tell a manager or a deputy where the source names none, and the organisation does not either."""
    known = {"manager": bound.directory.managers, "deputy": bound.directory.deputies}
    platform = f"{bound.source} ({capabilities.platform} as it is set up here)"
    for each in bound.rules:
        for who in _told(each.rule):
            relation, of, _ = who.partition(" of ")
            if of and field_of(who) and not known[relation]:
                instead = "name them under `people:` in organisation.yaml, or leave this source out with `applies_to:`"
                meant = "somebody" if each.rule.confidential else f"the {who}"
                yield f"{each.rule.place}, rule {each.id}: tells {meant}, and {platform} does not say who that is; {instead}"


def _not_made(bound: BoundRules, key: bytes) -> Iterator[str]:
    """Rules that give a label which nobody has made in a source that takes no other one."""
    labels = bound.directory.labels
    for each in bound.rules if labels is not None else ():
        for action in each.rule.actions:
            if isinstance(action, AddLabel) and action.label not in (labels or ()):
                shown, named = cloaked(each.rule, key).id, "a label" if each.rule.confidential else f"the label {action.label}"
                made = f"which nobody has made in {bound.source}: make it there, for everybody to see, or take that action out"
                yield f"{each.rule.place}, rule {shown}: gives a ticket {named}, {made}"


def _told(rule: Rule) -> Iterator[str]:
    for action in rule.actions:
        match action:
            case Tell(who=who) | Digest(to=who) | Arbiter(who=who):
                yield who
            case _:
                pass


def _looked_at(rule: Rule) -> Iterator[str]:
    """The fields that a rule asks for: in all of its conditions, and in whom it tells."""
    yield from (field for who in _told(rule) if (field := field_of(who)))
    if CALENDAR_OF_APPROVER in calendars_used(rule):
        yield "approver"
    for part in (part for condition in conditions_of(rule) for part in walk(condition)):
        match part:
            case State(field) | Due(field) | Unchanged(field):
                yield "team" if field == "tier" else field
            case Target(name):
                yield name if name.startswith(NEXT_ANSWER) else f"{TARGET}{name}"
            case _:
                pass


def _is_read(field: str, reads: frozenset[str]) -> bool:
    field = CLUSTERED.get(field, field)  # those numbers are hoist's own, of tickets that agree in this field
    return field in reads or any(field.startswith(prefix) and prefix in reads for prefix in PREFIXES)


def _is_meant(rule: Rule, source: str) -> bool:
    sources = rule.applies_to.sources
    return rule.mode is not Mode.DRAFT and (sources is None or source in sources)
