"""Rules that take the team from others: an earlier rule with a wider gate and the same waiting time always comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from rules.conditions.tree import durations_of, walk
from rules.findings import Finding
from rules.protocol import (
    All,
    AnyOf,
    Assign,
    Condition,
    Duration,
    Escalate,
    Held,
    Level,
    Mode,
    Not,
    OneOf,
    Organisation,
    Rule,
    Rulebook,
    State,
)


def findings_of_shadows(rulebook: Rulebook) -> Iterator[Finding]:
    """Each rule whose moves an earlier one takes from it, with the first that does."""
    moving = [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT and _moves(rule)]
    waits = {rule.id: _waits(rule) for rule in moving}
    shadowed: set[str] = set()
    for first, second in combinations(moving, 2):
        if waits[first.id] != waits[second.id] or second.id in shadowed:
            continue
        if _shadows(first, second, rulebook.organisation):
            shadowed.add(second.id)
            yield Finding(
                second.id,
                f"every ticket that fulfils it fulfils {first.id} as well, which stands before it and takes the team; "
                f"put it before {first.id}, or narrow that one",
                second.place,
            )


def _moves(rule: Rule) -> bool:
    return any(isinstance(action, Escalate | Assign) for action in rule.actions)


def _shadows(first: Rule, second: Rule, organisation: Organisation) -> bool:
    """Of two rules that wait equally long: one that waits longer is the next rung of a ladder. Twins are told elsewhere."""
    if first.condition == second.condition or (first.mode is Mode.WATCH and second.mode is Mode.LIVE):
        return False
    here, there = first.applies_to.sources, second.applies_to.sources
    everywhere = here is None or (there is not None and set(there) <= set(here))
    return everywhere and implies(second.condition, first.condition, organisation)


def _waits(rule: Rule) -> list[Duration]:
    found = [duration for part in walk(rule.condition) for duration in durations_of(part)]
    found += [step.after for step in rule.steps[:1] if step.after is not None]
    return sorted(found, key=lambda duration: (duration.calendar or "", duration.business_days, duration.milliseconds))


def implies(one: Condition, other: Condition, organisation: Organisation) -> bool:
    """Whether the other surely holds wherever the one does, as far as their form tells; False says nothing."""
    if one == other:
        return True
    match one, other:
        case _, All(parts=parts):
            return all(implies(one, part, organisation) for part in parts)
        case AnyOf(parts=parts), _:
            return all(implies(part, other, organisation) for part in parts)
        case State(), State():
            return _narrower(one, other, organisation)
        case Not(part=inner), Not(part=outer):
            return implies(outer, inner, organisation)
        case State(), Not(part=State() as excluded):
            return _disjoint(one, excluded, organisation)
        case Held(part=inner, duration=longer), Held(part=outer, duration=shorter) if longer == shorter:
            return implies(inner, outer, organisation)
        case _:
            return _by_parts(one, other, organisation)


def _by_parts(one: Condition, other: Condition, organisation: Organisation) -> bool:
    parts: Sequence[Condition] = one.parts if isinstance(one, All) else (one.part,) if isinstance(one, Held) else ()
    if any(implies(part, other, organisation) for part in parts):
        return True
    return isinstance(other, AnyOf) and any(implies(one, part, organisation) for part in other.parts)


def _narrower(one: State, other: State, organisation: Organisation) -> bool:
    if (one.field, one.chain) != (other.field, other.chain):
        return False
    inner, outer = _values(one, organisation), _values(other, organisation)
    return inner is not None and outer is not None and inner <= outer


def _disjoint(one: State, other: State, organisation: Organisation) -> bool:
    if (one.field, one.chain) != (other.field, other.chain) or one.field == "labels":
        return False
    inner, outer = _values(one, organisation), _values(other, organisation)
    return inner is not None and outer is not None and not inner & outer


def _values(state: State, organisation: Organisation) -> frozenset[str | None] | None:
    """The values that pass; None where they can't be told one by one."""
    match state.test:
        case OneOf(values=values):
            return frozenset(values)
        case Level(at_least=at_least, at_most=at_most):
            order = [level.name for level in organisation.priorities]
            last = order.index(at_least) if at_least in order else len(order) - 1
            first = order.index(at_most) if at_most in order else 0
            return frozenset[str | None](order[first : last + 1])
        case _:
            return None
