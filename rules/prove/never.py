"""Rules that can never fire, and steps that are never taken, whatever happens to a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.ladder import step_name
from rules.phrases import phrase
from rules.protocol.conditions import All, Condition, Held, Not, Until
from rules.protocol.rule import Rule
from rules.prove.proofs import Kind, Proof, Question
from rules.prove.setting import Setting
from rules.worked_examples import NotBuilt, worked_example


def never_fires(setting: Setting) -> Iterator[Proof]:
    """An answer for each rule, and one for each step that the rule can't take."""
    for rule in setting.rules:
        parts = tuple(_asked(rule.condition))
        possible = _together(setting, parts)
        if possible is False:
            why = _excluding(setting, parts)
            yield Proof(Question.NEVER_FIRES, Kind.FOUND, rule.id, f"can never fire: {why}", place=rule.place)
            continue
        yield _fires(setting, rule, known=possible is not None)
        yield from _steps(setting, rule)


def can_hold(setting: Setting, condition: Condition) -> bool | None:
    """Whether the condition can hold at some instant of some ticket, as far as is told apart; None where it was not found out."""
    return _together(setting, tuple(_asked(condition)))


def _fires(setting: Setting, rule: Rule, *, known: bool) -> Proof:
    try:
        worked_example(setting.bound, rule.id, setting.zone(rule))
    except NotBuilt as none:
        reason = f"nothing in it excludes itself, but no ticket was found on which it fires ({none})"
        if not known:
            reason = "its conditions take too long to be held against each other"
        return Proof(
            Question.NEVER_FIRES, Kind.UNDECIDED, rule.id, f"it is not known whether it can fire: {reason}", place=rule.place
        )
    return Proof(Question.NEVER_FIRES, Kind.PROVED, rule.id, "can fire", place=rule.place)


def _steps(setting: Setting, rule: Rule) -> Iterator[Proof]:
    whole = tuple(_asked(rule.condition))
    for number, step in enumerate(rule.steps):
        name = step_name(rule, number)
        for part, said in ((step.begins, "what it waits for"), (_no(step.unless), "its exception")):
            if part is not None and _together(setting, (*whole, part)) is False:
                why = _excluding(setting, (*whole, part), part)
                sentence = f"{name} is never taken, because of {said}: {why}"
                yield Proof(Question.NEVER_TAKEN, Kind.FOUND, rule.id, sentence, place=rule.place)
                break
    hold = _no(rule.hold_while)
    if hold is not None and _together(setting, (*whole, hold)) is False:
        why = _excluding(setting, (*whole, hold), hold)
        sentence = f"never writes anything, because of `hold_while`: {why}"
        yield Proof(Question.NEVER_TAKEN, Kind.FOUND, rule.id, sentence, place=rule.place)


def _no(condition: Condition | None) -> Condition | None:
    return None if condition is None else Not(condition)


def _asked(condition: Condition) -> Iterator[Condition]:
    """What must hold together, as small as it comes."""
    match condition:
        case All(parts=parts):
            for part in parts:
                yield from _asked(part)
        case Held(part=All(parts=parts), duration=duration) if parts:
            for part in parts:
                yield from _asked(Held(part, duration))
        case Not(part=Not(part=part)):
            yield from _asked(part)
        case Until(part=part, ended=ended):
            yield from _asked(part)
            yield Not(ended)
            yield condition
        case _:
            yield condition


def _together(setting: Setting, parts: Sequence[Condition]) -> bool | None:
    """Whether all of them can hold at one instant; None where that was not found out."""
    look = setting.look()
    holds = [look.holds(part) for part in parts]
    return setting.solver.ask([*holds, *look.constraints()]).possible


def _excluding(setting: Setting, parts: Sequence[Condition], kept: Condition | None = None) -> str:
    """The fewest of them that exclude each other, in words."""
    left = list(dict.fromkeys(parts))
    for part in sorted(left, key=_said_last):
        fewer = [other for other in left if other != part]
        if part != kept and fewer and _together(setting, fewer) is False:
            left = fewer
    said = list(dict.fromkeys(phrase(part) for part in left))
    if len(said) == 1:
        return f"it is never so that {said[0]}"
    return f"these are never so together: {'; '.join(said)}"


def _said_last(part: Condition) -> int:
    """What is dropped first where it makes no difference: the larger before the smaller."""
    return -len(phrase(part))
