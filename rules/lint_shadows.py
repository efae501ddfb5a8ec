"""Rules that take the team from others: an earlier rule with a wider gate and the same waiting time always comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.conditions.tree import durations_of, walk
from rules.findings import Finding
from rules.protocol.actions import Assign, Escalate
from rules.protocol.conditions import All, AnyOf, Condition, Held, Level, Not, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Organisation
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook


def findings_of_shadows(rulebook: Rulebook) -> Iterator[Finding]:
    """Each rule whose moves an earlier one takes from it, with the first that does."""
    moving = [rule for rule in rulebook.rules if rule.mode is not Mode.DRAFT and _moves(rule)]
    by_waits: dict[tuple[Duration, ...], list[Rule]] = {}
    for rule in moving:
        by_waits.setdefault(_waits(rule), []).append(rule)
    found: dict[str, Finding] = {}
    for rules in by_waits.values():
        for first, second in _comparable(rules, rulebook.organisation):
            if second.id not in found and _shadows(first, second, rulebook.organisation):
                sentence = (
                    f"every ticket that fulfils it fulfils {first.id} as well, which stands before it and takes the team; "
                    f"put it before {first.id}, or narrow that one"
                )
                found[second.id] = Finding(second.id, sentence, second.place)
    yield from (found[rule.id] for rule in moving if rule.id in found)


def _comparable(rules: Sequence[Rule], organisation: Organisation) -> Iterator[tuple[Rule, Rule]]:
    """Pairs in their order of which the second may imply the first: it names a value that the first asks for.

    Most rules ask for some value that few others name, so a thousand rules are a few thousand pairs and not half a million.
    """
    naming: dict[_Named, list[int]] = {}
    for place, rule in enumerate(rules):
        for named in {named for part in walk(rule.condition) if isinstance(part, State) for named in _named(part, organisation)}:
            naming.setdefault(named, []).append(place)
    for place, first in enumerate(rules):
        later = range(place + 1, len(rules))
        asked = [{at for named in _named(state, organisation) for at in naming[named]} for state in _asked(first.condition)]
        fewest = min(asked, key=len, default=later)
        yield from ((first, rules[at]) for at in sorted(fewest) if at > place)


_Named = tuple[str, str | None, object]


def _named(state: State, organisation: Organisation) -> Iterator[_Named]:
    """The values that pass, each with its field; the test itself where they can't be told one by one."""
    yield from ((state.field, state.chain, value) for value in _values(state, organisation) or (state.test,))


def _asked(condition: Condition) -> Iterator[State]:
    """States without which it can't hold, and which whatever implies it names."""
    match condition:
        case State():
            yield condition
        case All(parts=parts):
            for part in parts:
                yield from _asked(part)
        case Held(part=part):
            yield from _asked(part)
        case _:
            pass


def _moves(rule: Rule) -> bool:
    return any(isinstance(action, Escalate | Assign) for action in rule.actions)


def _shadows(first: Rule, second: Rule, organisation: Organisation) -> bool:
    """Of two rules that wait equally long: one that waits longer is the next rung of a ladder. Twins are told elsewhere."""
    if first.condition == second.condition or (first.mode is Mode.WATCH and second.mode is Mode.LIVE):
        return False
    here, there = first.applies_to.sources, second.applies_to.sources
    everywhere = here is None or (there is not None and set(there) <= set(here))
    return everywhere and implies(second.condition, first.condition, organisation)


def _waits(rule: Rule) -> tuple[Duration, ...]:
    found = [duration for part in walk(rule.condition) for duration in durations_of(part)]
    found += [step.after for step in rule.steps[:1] if step.after is not None]
    return tuple(sorted(found, key=lambda duration: (duration.calendar or "", duration.business_days, duration.milliseconds)))


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
