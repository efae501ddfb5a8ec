"""What a ticket's fields say at one instant, as far as rules tell it apart: named values, any other one, nothing.

A text is told apart by the words that rules look for in it, a number by its size, labels one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rules.binding import BoundRules
from rules.conditions.states import BoundState
from rules.conditions.tree import walk
from rules.protocol.actions import Arbiter, Digest, Tell
from rules.protocol.conditions import Amount, AnyWord, Condition, Due, InList, Matches, OneOf, State, Target, Unchanged
from rules.prove.solver import Formula, Solver
from rules.recipients import OF_TICKET
from rules.ticket import TARGET, Status, Value

OTHER: Final = "something else"
"""Stands for every value that no rule names."""

LABELS: Final = "labels"
_WHOLLY_NAMED: Final = frozenset(("status",))


@dataclass(frozen=True, slots=True)
class Sides:
    """What must be so for a condition to hold, and what for it not to; where neither is so, nobody can know."""

    holds: Formula
    fails: Formula


class Vocabulary:
    """The values that some conditions of a bound protocol name: per field those, OTHER and nothing; and the labels.

    `lists`: a list's first entry is among the values of the fields that are looked up in it.
    """

    def __init__(self, bound: BoundRules, conditions: Iterable[Condition], *, lists: bool = False) -> None:
        self.bound = bound
        self.lists = lists
        found: dict[str, set[Value]] = {
            "priority": {native for level in bound.levels for native in level.ids},
            "team": {native for ids in bound.teams.values() for native in ids},
            "status": {status.value for status in Status},
        }
        labels: set[str] = set()
        for action in (action for rule in bound.rules for action in rule.rule.actions):
            if isinstance(action, Tell | Arbiter) and action.who in OF_TICKET:
                found.setdefault(field_of_person(action.who), set())
            if isinstance(action, Digest) and action.to in OF_TICKET:
                found.setdefault(field_of_person(action.to), set())
        for part in (part for condition in conditions for part in walk(condition)):
            match part:
                case State():
                    state = bound.program.state(part)
                    named = self._named(part, state)
                    if state.field == LABELS:
                        labels.update(value for value in named if isinstance(value, str))
                    else:
                        found.setdefault(state.field, set()).update(named)
                case Due(field=field) | Unchanged(field=field):
                    found.setdefault(field, set())
                case Target(name=name):
                    found.setdefault(f"{TARGET}{name}", set())
                case _:
                    pass
        self.labels = tuple(sorted(labels))
        self.values: Mapping[str, tuple[Value, ...]] = {
            field: (*sorted(values - {None}, key=str), *(() if field in _WHOLLY_NAMED else (OTHER, None)))
            for field, values in found.items()
            if field not in {LABELS, "tier"}
        }

    def _named(self, condition: State, state: BoundState) -> Iterable[Value]:
        match condition.test:
            case OneOf(values=values) if condition.field != "tier":
                return state.values if state.values is not None else values
            case InList(name=name) if self.lists:
                return sorted(self.bound.world.lists.get(name, ()))[:1]
            case _:
                return ()


class Facts:
    """The fields at one instant. `shared`: another instant whose fields these are, but for those `apart`."""

    def __init__(
        self, solver: Solver, words: Vocabulary, name: str, shared: Facts | None = None, apart: frozenset[str] = frozenset()
    ) -> None:
        self.solver, self.words, self.name = solver, words, name
        self.shared, self.apart = shared, apart
        self.rules: list[Formula] = []
        self._fields: dict[str, Formula] = {}
        self._free: dict[tuple[str, ...], Formula] = {}

    def field(self, field: str) -> Formula:
        """The place of the field's value among its values."""
        if self.shared is not None and field not in self.apart:
            return self.shared.field(field)
        known = self._fields.get(field)
        if known is None:
            known = self._fields[field] = self.solver.number(f"{self.name} {field}")
            self.rules += [known >= 0, known < len(self.words.values[field])]
        return known

    def has(self, field: str, value: Value) -> Formula:
        """The field has this value. Raises ValueError for a value that is not among its values."""
        return self.field(field) == self.words.values[field].index(value)

    def among(self, field: str, values: Iterable[Value]) -> Formula:
        """The field has one of these values; those that it can't have are left out."""
        known = self.words.values[field]
        return self.solver.any_of(self.has(field, value) for value in values if value in known)

    def label(self, label: str) -> Formula:
        """The label is on the ticket; OTHER: another one than rules name."""
        return self._may(LABELS, "label", label)

    def constraints(self) -> list[Formula]:
        """What is so of any ticket at all."""
        return self.rules

    def state(self, condition: State) -> Sides:
        """A state condition."""
        state = self.words.bound.program.state(condition)
        if state.field == LABELS:
            return self._labels(condition, state)
        holds: list[Formula] = []
        fails: list[Formula] = []
        for value in self.words.values[state.field]:
            here = self.has(state.field, value)
            if value is not None and self._open(condition, value):
                free = self._test(condition, state.field)
                holds.append(self.solver.all_of([here, free]))
                fails.append(self.solver.all_of([here, self.solver.no(free)]))
                continue
            verdict = state.verdict(value)
            if verdict is not None:
                (holds if verdict else fails).append(here)
        return Sides(self.solver.any_of(holds), self.solver.any_of(fails))

    def _open(self, condition: State, value: Value) -> bool:
        """Whether a test of this value may come out either way: it is no named one, or the list may change."""
        match condition.test:
            case InList():
                return not self.words.lists
            case AnyWord() | Matches() | Amount():
                return value == OTHER
            case _:
                return False

    def _test(self, condition: State, field: str) -> Formula:
        match condition.test:
            case AnyWord(words=words):
                return self.solver.any_of(self._word(field, phrase) for phrase in words)
            case Amount(at_least=low, at_most=high):
                size = self._size(field)
                bounds = [size >= low] if low is not None else []
                bounds += [size <= high] if high is not None else []
                return self.solver.all_of([self._may(field, "is a number"), *bounds])
            case Matches(pattern=pattern):
                return self._may(field, "matches", pattern)
            case _:
                return self._may(field, "passes", repr(condition.test))

    def _labels(self, condition: State, state: BoundState) -> Sides:
        every = [*self.words.labels, OTHER]
        none = self.solver.no(self.solver.any_of(self.label(label) for label in every))
        if isinstance(condition.test, OneOf):
            wanted = condition.test.values
            holds = [none] if None in wanted else []
            holds += [self.label(label) for label in wanted if label is not None]
        else:
            free = self._may(LABELS, "passes", repr(condition.test))
            holds = [self.solver.all_of([self.label(OTHER), free])]
            for label in self.words.labels:
                if self._open(condition, label):
                    holds.append(self.solver.all_of([self.label(label), free]))
                elif state.verdict((label,)):
                    holds.append(self.label(label))
        whole = self.solver.any_of(holds)
        return Sides(whole, self.solver.no(whole))

    def _word(self, field: str, phrase: str) -> Formula:
        """The phrase is in the text: then so is every phrase that it contains."""
        words = tuple(phrase.split())
        known = [key for key in self._all_free() if key[:2] == (field, "word")]
        here = self._may(field, "word", *words)
        for key in known:
            other = key[2:]
            there = self._all_free()[key]
            if other != words and _contains(words, other):
                self.rules.append(self.solver.implies(here, there))
            if other != words and _contains(other, words):
                self.rules.append(self.solver.implies(there, here))
        return here

    def _size(self, field: str) -> Formula:
        if self.shared is not None and field not in self.apart:
            return self.shared._size(field)  # noqa: SLF001 - one and the same ticket
        return self.solver.amount(f"{self.name} size of {field}")

    def _may(self, field: str, *what: str) -> Formula:
        if self.shared is not None and field not in self.apart:
            return self.shared._may(field, *what)  # noqa: SLF001 - one and the same ticket
        key = (field, *what)
        known = self._free.get(key)
        if known is None:
            known = self._free[key] = self.solver.whether(f"{self.name} {' '.join(key)}")
        return known

    def _all_free(self) -> dict[tuple[str, ...], Formula]:
        return self._free if self.shared is None else self.shared._all_free() | self._free  # noqa: SLF001 - as above

    def values_in(self, model: Any) -> dict[str, Value]:
        """The values of a ticket that a model describes: those of fields that were asked for, and its named labels."""
        own = {**(self.shared._fields if self.shared is not None else {}), **self._fields}
        values: dict[str, Value] = {
            field: self.words.values[field][self.solver.number_in(model, self.field(field))] for field in sorted(own)
        }
        on = (label for label in (*self.words.labels, OTHER) if self.solver.holds_in(model, self.label(label)))
        return {**values, LABELS: tuple(sorted(on))}


def field_of_person(who: str) -> str:
    """The field that names the person, or the person's manager, who is meant by words of `OF_TICKET`."""
    return who.rsplit(" of ", 1)[-1]


def _contains(words: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return any(words[n : n + len(part)] == part for n in range(len(words) - len(part) + 1)) and bool(part)
