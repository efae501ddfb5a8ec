"""A rule as people write it, and the use of a ready protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import Field

from rules.language.actions import Deed
from rules.language.conditions import When, either
from rules.language.field_tests import together
from rules.language.marked_yaml import Node
from rules.language.part import Part, Reading, key_of
from rules.language.words import CalendarName, ExistingWord, ModeWord, Number, OneOrMany, RuleId, Span, Words
from rules.protocol import Action, Clock, Condition, Existing, Held, Mode, Not, Repeat, Rule, Step

_ONE_RULE_EACH: Final = "write one rule for each step, each with its own `for:`"


class Repetition(Part):
    """The same actions again while the rule still holds."""

    named: ClassVar[str] = "repetition"
    every: Span = Field(description="How long after the previous step was carried out", examples=["30 minutes"])
    at_most: Number = Field(description="How many repetitions at most", examples=[3])


class WrittenRule(Part):
    """When tickets are in a state for so long, something is done."""

    named: ClassVar[str] = "rule"
    stands_for: ClassVar = {"steps": "do"}
    later: ClassVar = {
        "steps": _ONE_RULE_EACH,
        "at_next_opening": _ONE_RULE_EACH,
        "until": "put what ends it under `unless:`",
        "keep_informed": "write a rule with `silent:`",
        "deadline": "write a rule with `for:`",
        "confidential": "rules for confidential tickets come later; do not escalate those with hoist yet",
        "applies_to": "put `type:` or `project:` under `when:`",
        "hold_while": "use `unless:` or `pause_while:`",
        "again": "use `repeat:`",
        "only_to": "rules for confidential tickets come later",
        "live_from": "set `mode: live` on the day",
        "expires": "set `mode: draft` on the day",
        "review_by": "keep the date in your own calendar",
    }

    rule: RuleId = Field(description="An id that never changes", examples=["nobody-took-it"])
    title: Words | None = Field(None, description="What people read")
    why: Words | None = Field(None, description="Why the rule exists")
    protocol: Words | None = Field(None, description="The clause of the written policy")
    owner: Words | None = Field(None, description="Who answers for the rule")
    mode: ModeWord | None = Field(None, description="draft is checked only, watch decides and writes nothing, live writes")
    calendar: CalendarName | None = Field(None, description="The calendar of the rule's business durations")
    when: When = Field(description="What must hold")
    unless: OneOrMany[When] | None = Field(None, description="Not while one of these holds; that time does not count")
    for_: Span | None = Field(None, alias="for", description="It must have held without a break for so long")
    clock: Span | None = Field(None, description="It must have held for so long in all, interruptions left out")
    pause_while: OneOrMany[When] | None = Field(None, description="The clock stands while one of these holds")
    reset_when: OneOrMany[When] | None = Field(None, description="The clock goes back to nought when one of these begins to hold")
    do: OneOrMany[Deed] = Field(description="What is done")
    repeat: Repetition | None = Field(None, description="Do it again")
    existing_tickets: ExistingWord | None = Field(
        None,
        description="What becomes of tickets that are in the rule's state when it goes live: ignore, all, at most N per hour",
    )
    formerly: OneOrMany[RuleId] | None = Field(None, description="Ids that this rule had before")

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        if "for" in found and "clock" in found:
            what = "`for` and `clock` exclude each other: `for` is one unbroken stretch, `clock` a sum of several"
            context.report.problem(key_of(node, "clock").place, "clock", what)
        for name in ("pause_while", "reset_when"):
            if name in found and "clock" not in found:
                context.report.problem(key_of(node, name).place, name, f"`{name}` belongs to `clock:`, and this rule has none")

    def condition(self) -> Condition:
        """When, unless, for and clock as one condition."""
        exception = either(self.unless)
        holds = self.when.condition() if exception is None else together([self.when.condition(), Not(exception)])
        if self.for_:
            return Held(holds, self.for_)
        if self.clock:
            return together([holds, Clock(holds, self.clock, either(self.pause_while), either(self.reset_when))])
        return holds

    def actions(self) -> tuple[Action, ...]:
        """What is done, in the order written."""
        return tuple(action for deed in self.do for action in deed.actions())

    def value(self, defaults: Defaults, order: int, place: str) -> Rule:
        """The rule as the core sees it. `place`: file and line."""
        return Rule(
            id=self.rule,
            title=self.title or self.rule,
            condition=self.condition(),
            steps=(Step(self.actions()),),
            mode=self.mode or defaults.mode or Mode.WATCH,
            why=self.why or "",
            repeat=Repeat(self.repeat.every, self.repeat.at_most) if self.repeat else None,
            existing=self.existing_tickets or defaults.existing_tickets or Existing(),
            calendar=self.calendar or defaults.calendar,
            owner=self.owner or "",
            protocol=self.protocol or "",
            formerly=self.formerly or (),
            order=order,
            place=place,
        )


class Defaults(Part):
    """What holds for every rule that does not say otherwise."""

    named: ClassVar[str] = "block of defaults"
    mode: ModeWord | None = Field(None, description="draft, watch or live; watch where nothing is said")
    calendar: CalendarName | None = Field(None, description="The calendar of business durations")
    existing_tickets: ExistingWord | None = Field(None, description="ignore, all, or at most N per hour")


class Use(Part):
    """A ready protocol with its parameters."""

    named: ClassVar[str] = "use of a protocol"
    protocol: Words = Field(description="The name of a ready protocol", examples=["went-silent"])
    with_: Any = Field(
        None, alias="with", description="Its parameters", examples=[{"after": "4 business hours", "chain": "network"}]
    )
    rule: RuleId | None = Field(None, description="The rule's id; the protocol's name where nothing is said")
    title: Words | None = Field(None, description="What people read")
    owner: Words | None = Field(None, description="Who answers for the rule")
    mode: ModeWord | None = Field(None, description="draft, watch or live")
    calendar: CalendarName | None = Field(None, description="The calendar of business durations")
    existing_tickets: ExistingWord | None = Field(None, description="ignore, all, or at most N per hour")
    formerly: OneOrMany[RuleId] | None = Field(None, description="Ids that this rule had before")


OVERRIDES: Final = ("title", "owner", "mode", "calendar", "existing_tickets", "formerly")
"""Keys of a use that stand in for those of the protocol's rules."""
