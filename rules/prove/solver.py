"""The solver behind the proofs, loaded when it is first asked: whoever only runs rules never waits for it.

Formulas are typed Any, as the library that makes them is untyped. Seeds and effort are fixed, so the same rules always get the
same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

Formula = Any
"""Something that is so or not, or an amount, of a ticket that is thought of."""

EFFORT_PER_SECOND: Final = 2_000_000
"""Steps of the solver that a second's patience stands for: unlike the clock, they are the same on every machine."""


class Answer(NamedTuple):
    """Whether such a ticket can be; None where that was not found out in time. `model` describes one where it can."""

    possible: bool | None
    model: Any = None


class Solver:
    """Asks whether formulas can be true together. `seconds` is about how long one question may take."""

    def __init__(self, seconds: float) -> None:
        self.make: Any = import_module("z3")
        self.seconds = seconds

    def ask(self, formulas: Iterable[Formula]) -> Answer:
        """Whether all of these can be true at once."""
        z3 = self.make
        solver = z3.Solver()
        solver.set("random_seed", 0)
        solver.set("rlimit", int(self.seconds * EFFORT_PER_SECOND))
        solver.set("timeout", int(self.seconds * 10_000))  # should a step ever take far longer than it does
        solver.add(*formulas)
        found = solver.check()
        if found == z3.sat:
            return Answer(possible=True, model=solver.model())
        return Answer(possible=False if found == z3.unsat else None)

    def all_of(self, formulas: Iterable[Formula]) -> Formula:
        """All of them are so."""
        return self.make.And(*formulas)

    def any_of(self, formulas: Iterable[Formula]) -> Formula:
        """At least one of them is so."""
        return self.make.Or(*formulas)

    def no(self, formula: Formula) -> Formula:
        """It is not so."""
        return self.make.Not(formula)

    def implies(self, one: Formula, other: Formula) -> Formula:
        """Where the one is so, the other is."""
        return self.make.Implies(one, other)

    def truth(self, *, known: bool) -> Formula:
        """A formula that is always, or never, so."""
        return self.make.BoolVal(known)

    def whether(self, name: str) -> Formula:
        """Something that may be so or not."""
        return self.make.Bool(name)

    def number(self, name: str) -> Formula:
        """A whole number."""
        return self.make.Int(name)

    def amount(self, name: str) -> Formula:
        """Any number."""
        return self.make.Real(name)

    def simplified(self, formula: Formula) -> Formula:
        """The same, shorter."""
        return self.make.simplify(formula)

    def exchanged(self, formula: Formula, pairs: Sequence[tuple[Formula, Formula]]) -> Formula:
        """The formula with one thing in the place of another."""
        return self.make.substitute(formula, *pairs)

    def holds_in(self, model: Any, formula: Formula) -> bool:
        """Whether it is so of the ticket that a model describes; what the model leaves open is not so."""
        return bool(self.make.is_true(model.eval(formula, model_completion=True)))

    def number_in(self, model: Any, formula: Formula) -> int:
        """A whole number of the ticket that a model describes."""
        return int(model.eval(formula, model_completion=True).as_long())
