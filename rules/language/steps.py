"""The steps of a ladder as people write them: when each is taken, unless what, and what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Final

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from rules.language.actions import Deed
from rules.language.conditions import When
from rules.language.marked_yaml import Node
from rules.language.part import VALUE, Part, Reading, key_of, reading, shown
from rules.language.problems import folded, nearest
from rules.language.words import OneOrMany, Percent, duration
from rules.protocol.actions import Action
from rules.protocol.conditions import Acknowledged, AnyOf, Condition
from rules.protocol.durations import Duration
from rules.protocol.rule import Step

_NO_TIME: Final = re.compile(r"0+\s+(business\s+)?(minute|hour|day)s?", re.ASCII | re.IGNORECASE)
_ACKNOWLEDGED: Final = "acknowledged"
WHOLE: Final = 100


def _after(node: object, info: ValidationInfo) -> Duration:
    word = reading(info).text(node, "a duration such as 15 minutes")
    return Duration(text=" ".join(word.split())) if _NO_TIME.fullmatch(word.strip()) else duration(node, info)


def _acknowledged(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "`acknowledged`, or a condition")
    if folded(word) != _ACKNOWLEDGED:
        known = (_ACKNOWLEDGED,)
        raise reading(info).refused(word, "expected `acknowledged`, or a condition such as `label: x`", nearest(word, known))
    return _ACKNOWLEDGED


def _text_like(pattern: str, expected: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "patternErrorMessage": f"expected {expected}"})


After = Annotated[
    Duration,
    PlainValidator(_after),
    _text_like(r"^[0-9]{1,6}\s+(business\s+)?(minute|hour|day|week)s?$", "a duration such as 15 minutes, or 0 minutes"),
]
Word = Annotated[str, PlainValidator(_acknowledged), WithJsonSchema({"const": _ACKNOWLEDGED})]


class StepException(When):
    """What holds a step back: the word `acknowledged`, or conditions."""

    short: ClassVar[str] = VALUE
    named: ClassVar[str] = "exception of a step"
    word: Word | None = Field(None, alias=VALUE)

    def condition(self) -> Condition:
        return Acknowledged() if self.word else super().condition()


class WrittenStep(Part):
    """One step of a ladder."""

    named: ClassVar[str] = "step"
    after: After | None = Field(
        None,
        description="So long after the rule began to hold; with `clock` or `target`, after that is full",
        examples=["15 minutes"],
    )
    at: Percent | None = Field(
        None, description="When so much of the rule's `clock` or `target` is used up", examples=["75 percent"]
    )
    unless: OneOrMany[StepException] | None = Field(
        None, description="Passed over while one of these holds, and taken when that ends", examples=["acknowledged"]
    )
    do: OneOrMany[Deed] = Field(description="What is done")

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if "after" in found and "at" in found:
            context.report.problem(key_of(node, "at").place, "at", "`after` and `at` exclude each other")
        if "after" not in found and "at" not in found:
            context.report.problem(node.place, shown(node), "when is it taken? write `after: 15 minutes`, or `at: 75 percent`")

    def exception(self) -> Condition | None:
        """What holds it back; None if nothing does."""
        conditions = tuple(part.condition() for part in self.unless or ())
        return AnyOf(conditions) if len(conditions) > 1 else next(iter(conditions), None)


def actions_of(deeds: Sequence[Deed]) -> tuple[Action, ...]:
    """What is done, in the order written."""
    return tuple(action for deed in deeds for action in deed.actions())


def first_share(steps: Sequence[WrittenStep]) -> int:
    """The percent at which a rule with these steps begins to hold: that of the first that names one, else all of it."""
    return min((step.at for step in steps if step.at is not None), default=WHOLE)


def ladder(steps: Sequence[WrittenStep], holds_at: Callable[[int], Condition]) -> tuple[Step, ...]:
    """The steps as the core sees them. `holds_at`: the rule's condition with so many percent of its clock or target."""
    first = first_share(steps)
    shares = any(step.at is not None for step in steps)
    made = []
    for step in steps:
        share = step.at or WHOLE
        begins = holds_at(share) if shares and share != first else None
        wait = step.after if step.after is not None and (step.after.milliseconds or step.after.business_days) else None
        said = f"after {step.after}" if step.after is not None else f"at {share} percent"
        made.append(Step(actions_of(step.do), wait, begins, unless=step.exception(), said=said))
    return tuple(made)


def check_order(steps: Sequence[WrittenStep], nodes: Sequence[Node], context: Reading) -> None:
    """Report steps that do not stand in the order in which they are taken, as far as that can be told."""
    for (before, step), node in zip(pairwise(steps), nodes[1:], strict=False):
        if step.at is not None and before.at is not None:
            wrong = step.at <= before.at
        elif step.after is not None and before.after is not None:
            wrong = _not_longer(step.after, before.after)
        else:
            wrong = step.at is not None and step.at <= WHOLE
        if wrong:
            context.report.problem(
                node.place, shown(node), "does not come after the step above it; write the steps in the order of time"
            )


def _not_longer(duration: Duration, other: Duration) -> bool:
    """Whether it surely is: minutes and business days can't be compared."""
    if not (other.milliseconds or other.business_days):
        return not (duration.milliseconds or duration.business_days)
    if (duration.calendar, bool(duration.business_days)) != (other.calendar, bool(other.business_days)):
        return not (duration.milliseconds or duration.business_days)
    return (duration.business_days, duration.milliseconds) <= (other.business_days, other.milliseconds)
