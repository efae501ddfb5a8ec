"""What a rule says in one key, and what is a rule of its own: keeping people informed, and a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, PlainValidator, ValidationInfo

from rules.language.actions import Deed
from rules.language.field_tests import together
from rules.language.marked_yaml import Node
from rules.language.part import Part, Reading, key_of, reading
from rules.language.people import Who
from rules.language.problems import listed, nearest
from rules.language.steps import actions_of
from rules.language.words import OneOrMany, Span, Words
from rules.protocol.actions import Comment, Tell
from rules.protocol.conditions import Condition, Ever, Not, Silent, Until
from rules.protocol.durations import Duration
from rules.protocol.rule import Rule, Step
from rules.ticket import Kind

FURTHER: Final = {"keep_informed": "keep-informed", "deadline": "deadline"}
"""The keys of a rule that stand for a rule of their own, and how the id of that one ends."""

_INFORMERS: Final = ("assignee", "staff")


def _informer(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, f"one of {listed(_INFORMERS)}")
    if word not in _INFORMERS:
        raise reading(info).refused(word, f"expected one of {listed(_INFORMERS)}", nearest(word, _INFORMERS))
    return str(word)


class KeepInformed(Part):
    """While the rule holds, the staff must write now and then."""

    named: ClassVar[str] = "duty to keep people informed"
    who: Annotated[str, PlainValidator(_informer, json_schema_input_type=Literal["assignee", "staff"])] = Field(
        "assignee", description="Whose duty it is; a message of anybody of the staff does it"
    )
    silence_of: Span = Field(description="Without a message for so long", examples=["30 minutes"])
    then: OneOrMany[Deed] = Field(description="What is done then", examples=[{"tell": "duty-manager"}])


class Deadline(Part):
    """A time that runs from the first instant at which the rule held, whatever becomes of the ticket."""

    named: ClassVar[str] = "deadline"
    name: Words = Field(description="What is due", examples=["privacy notification"])
    time: Span = Field(description="How long there is", examples=["72 hours"])
    warn: OneOrMany[Span] | None = Field(
        None, description="Told when so much of it has gone by", examples=[["24 hours", "48 hours"]]
    )
    tell: OneOrMany[Who] = Field(description="Who is told, and paged when it is over")

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        name = found.get("name")
        if isinstance(name, str) and {"{", "}"} & set(name):
            context.report.problem(key_of(node, "name").place, name, "a name without braces: it stands in the ticket as it is")

    def check(self, node: Node, context: Reading) -> None:
        for warning in self.warn or ():
            same = (warning.calendar, bool(warning.business_days)) == (self.time.calendar, bool(self.time.business_days))
            if same and _length(warning) >= _length(self.time):
                context.report.problem(key_of(node, "warn").place, str(warning), f"not before the end, {self.time}")


def keep_informed_rule(rule: Rule, asked: Condition, until: Condition | None, duty: KeepInformed) -> Rule:
    """The rule that this duty stands for: the same tickets, of which nobody of the staff has told anything for so long."""
    silent = together([asked, Silent(duty.silence_of, (Kind.STAFF,), replies_only=True)])
    condition = silent if until is None else Until(silent, until)
    return _beside(rule, "keep_informed", "nobody was kept informed", condition, (Step(actions_of(duty.then)),))


def deadline_rule(rule: Rule, begun: Condition, exception: Condition | None, deadline: Deadline) -> Rule:
    """The rule that this deadline stands for: it goes on when the ticket is resolved, and ends with an exception alone."""
    condition = Ever(begun) if exception is None else together([Ever(begun), Not(exception)])
    steps = [_warning(deadline, time) for time in sorted(deadline.warn or (), key=_length)]
    over = Comment(f"{deadline.name}: the {deadline.time} since {{since}} are over.")
    told = tuple(Tell(who, urgent=True) for who in deadline.tell)
    last = Step((over, *told), deadline.time, said=f"after {deadline.time}")
    return _beside(rule, "deadline", deadline.name, condition, (*steps, last))


def _warning(deadline: Deadline, time: Duration) -> Step:
    said = Comment(f"{deadline.name}: {time} of {deadline.time} have gone by since {{since}}.")
    return Step((said, *(Tell(who) for who in deadline.tell)), time, said=f"after {time}")


def _beside(rule: Rule, key: str, title: str, condition: Condition, steps: tuple[Step, ...]) -> Rule:
    """A rule that shares everything with another one but its id and title, its condition and its steps."""
    former = tuple(f"{name}-{FURTHER[key]}" for name in rule.formerly)
    named = {"id": f"{rule.id}-{FURTHER[key]}", "title": f"{rule.title}: {title}", "formerly": former}
    return replace(rule, **named, condition=condition, steps=steps, repeat=None)  # type: ignore[arg-type]


def _length(duration: Duration) -> tuple[int, int]:
    return duration.business_days, duration.milliseconds
