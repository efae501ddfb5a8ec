"""A rule as people write it, and the use of a ready protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from pydantic import Field, GetJsonSchemaHandler, PrivateAttr
from pydantic_core import CoreSchema

from rules.conditions.tree import walk
from rules.language.actions import Deed
from rules.language.bounds import check_bounds, check_confidential, check_proposing
from rules.language.conditions import When, either
from rules.language.dates import Dated
from rules.language.field_tests import together
from rules.language.further import Deadline, KeepInformed, deadline_rule, keep_informed_rule
from rules.language.hours import TimeZone
from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.pacing import lasting, paced, summed
from rules.language.part import Part, Reading, key_of, shown
from rules.language.problems import folded
from rules.language.reshaped import at_any_time, each_further_one
from rules.language.scope import AgainWord, Scope
from rules.language.steps import WHOLE, WrittenStep, actions_of, check_order, first_share, ladder
from rules.language.words import (
    CalendarName,
    ExistingWord,
    ModeWord,
    Number,
    OnChangeWord,
    OneOrMany,
    RuleCalendar,
    RuleId,
    Span,
    Summed,
    TeamName,
    Truth,
    Words,
)
from rules.protocol.conditions import Clock, Condition, Count, Hours, Lingering, Not, State, Target, Until
from rules.protocol.durations import CALENDARS_OF_THE_TICKET, Duration
from rules.protocol.rule import AppliesTo, Existing, Mode, OnChange, Repeat, Rule, Step
from rules.ticket import NEXT_ANSWER, RELATED

_DONE: Final = ("do", "steps", "at_next_opening")


class Repetition(Part):
    """The last step again while the rule still holds."""

    named: ClassVar[str] = "repetition"
    every: Span = Field(description="How long after the previous step was carried out", examples=["30 minutes"])
    at_most: Number = Field(description="How many repetitions at most", examples=[3])


class WrittenRule(Part):
    """When tickets are in a state for so long, something is done."""

    named: ClassVar[str] = "rule"
    slips: ClassVar = {
        **dict.fromkeys((*Deed.keys(), *Deed.slips), "do"),
        **dict.fromkeys((*When.keys(), *When.slips), "when"),
        "id": "rule",
        "name": "title",
        **dict.fromkeys(("description", "reason"), "why"),
        **dict.fromkeys(("enabled", "active", "state"), "mode"),
        **dict.fromkeys(("if", "where", "condition", "conditions", "trigger"), "when"),
        **dict.fromkeys(("except", "exceptions", "not"), "unless"),
        **dict.fromkeys(("after", "wait", "delay", "duration"), "for"),
        **dict.fromkeys(("then", "action", "actions"), "do"),
    }
    rule: RuleId = Field(description="An id that never changes", examples=["nobody-took-it"])
    title: Words | None = Field(None, description="What people read")
    why: Words | None = Field(None, description="Why the rule exists")
    protocol: Words | None = Field(None, description="The clause of the written policy")
    owner: Words | None = Field(None, description="Who answers for the rule")
    review_by: Dated | None = Field(None, description="When its owner looks at it again", examples=["2027-06-30"])
    mode: ModeWord | None = Field(None, description="draft is checked only, watch decides and writes nothing, live writes")
    live_from: Dated | None = Field(None, description="Before this date a live rule only watches", examples=["2027-01-01"])
    expires: Dated | None = Field(None, description="From this date on a live rule only watches", examples=["2027-02-01"])
    applies_to: Scope | None = Field(None, description="Only tickets of these sources, projects, types, organisations")
    confidential: Truth = Field(default=False, description="true: nothing about it leaves its own chain")
    only_to: OneOrMany[TeamName] | None = Field(None, description="Its tickets go to these teams only")
    calendar: RuleCalendar | None = Field(
        None, description="The calendar of the rule's business durations: a name, or that of the ticket's team, tier or requester"
    )
    when: When = Field(description="What must hold")
    unless: OneOrMany[When] | None = Field(None, description="Not while one of these holds; that time does not count")
    for_: Span | None = Field(None, alias="for", description="It must have held without a break for so long")
    clock: Summed | None = Field(None, description="It must have held for so long in all, interruptions left out")
    pause_while: OneOrMany[When] | None = Field(None, description="The clock stands while one of these holds")
    reset_when: OneOrMany[When] | None = Field(None, description="The clock goes back to nought when one of these begins to hold")
    target: Words | None = Field(
        None, description="A target that the platform keeps: `at: N percent` counts on it", examples=["Time to resolution"]
    )
    until: OneOrMany[When] | None = Field(None, description="Over for good, this time, once one of these holds")
    hold_while: OneOrMany[When] | None = Field(
        None, description="Nothing is written while one of these holds, and then what is still due"
    )
    again: AgainWord = Field(default=False, description="each further one: every further counted event begins anew")
    do: OneOrMany[Deed] | None = Field(None, description="What is done")
    steps: tuple[WrittenStep, ...] | None = Field(None, description="What is done, step by step")
    at_next_opening: OneOrMany[Deed] | None = Field(None, description="What is done when business hours begin again")
    repeat: Repetition | None = Field(None, description="Do it, or the last step of it, again")
    keep_informed: KeepInformed | None = Field(None, description="While the rule holds, somebody must write now and then")
    deadline: Deadline | None = Field(None, description="A time that runs from the first instant, whatever becomes of the ticket")
    existing_tickets: ExistingWord | None = Field(
        None,
        description="What becomes of tickets that are in the rule's state when it goes live: ignore, all, at most N per hour",
    )
    formerly: OneOrMany[RuleId] | None = Field(None, description="Ids that this rule had before")
    on_change: OnChangeWord = Field(
        OnChange.MOVE,
        description="When the rule is changed, escalations under way move to the new text, or keep the one they began under",
    )

    _opening: str | None = PrivateAttr(None)  # whose opening is waited for; None: that of the rule's calendar

    @classmethod
    def tidy(cls, block: Block, context: Reading) -> dict[str, Node]:
        """A provider's own clock is a target like the platform's, and people call it a clock."""
        found = super().tidy(block, context)
        clock = found.get("clock")
        if isinstance(clock, Text) and clock.casefold().startswith(NEXT_ANSWER) and "target" not in found:
            found["target"] = found.pop("clock")
        return found

    @classmethod
    def check_keys(cls, found: Mapping[str, Node], node: Node, context: Reading) -> None:
        def problem(name: str, what: str) -> None:
            context.report.problem(key_of(node, name).place, name, what)

        for name, other in (("for", "clock"), ("for", "target"), ("clock", "target")):
            if name in found and other in found:
                why = ": `for` is one unbroken stretch, `clock` a sum of several" if (name, other) == ("for", "clock") else ""
                problem(other, f"`{name}` and `{other}` exclude each other{why}")
        for name in ("pause_while", "reset_when"):
            if name in found and "clock" not in found:
                problem(name, f"`{name}` belongs to `clock:`, and this rule has none")
        if "do" in found and "steps" in found:
            problem("steps", "`do` and `steps` exclude each other: what is done at once is a step with `after: 0 minutes`")
        misspelt = {cls.meant(key, cls.keys()) for key in node if folded(key) not in found} if isinstance(node, Block) else set()
        if not misspelt.intersection(_DONE) and not any(name in found for name in _DONE):
            context.report.problem(
                node.place, shown(node), f"`do` is missing in this {cls.named}, or `steps`, or `at_next_opening`"
            )
        steps = found.get("steps")
        if isinstance(steps, Items) and not steps:
            context.report.problem(steps.place, "steps", "an empty list; expected at least one step")
        for step in steps if isinstance(steps, Items) and not ({"clock", "target"} & set(found)) else ():
            if key_of(step, "at") is not step:
                place = key_of(step, "at").place
                context.report.problem(place, "at", "a share of what? give the rule a `clock:` or a `target:`")

    def check(self, node: Node, context: Reading) -> None:
        if self.confidential:
            check_confidential(node, context)
            if self.on_change is OnChange.KEEP:
                context.report.problem(
                    key_of(node, "on_change").place,
                    "keep",
                    "a confidential rule's text is kept nowhere but in these files, so nothing can go on under a former one",
                )
        if self._looks_at_words():
            check_proposing(node, context)
        if self.only_to:
            deeds = [*(self.do or ()), *(self.at_next_opening or ()), *(deed for step in self.steps or () for deed in step.do)]
            check_bounds(self.only_to, actions_of(deeds), node, context)
        if self.steps:
            items = (
                next((value for key, value in node.items() if folded(key) == "steps"), None) if isinstance(node, Block) else None
            )
            check_order(self.steps, items if isinstance(items, Items) else (), context)
        if self.again and not any(isinstance(part, Count) for part in walk(self.when.condition())):
            context.report.problem(
                key_of(node, "again").place, "again", "`again` is for rules that count, such as `reassigned: 3`"
            )
        if self.live_from and self.expires and self.live_from >= self.expires:
            context.report.problem(key_of(node, "expires").place, self.expires, f"not later than `live_from`, {self.live_from}")
        if self.at_next_opening:
            self._opening = self._opening_of(context)
            context.business += 1  # the rule's calendar is not there for nothing
            if self._opening is None:
                place = key_of(node, "at_next_opening").place
                context.report.problem(place, "at_next_opening", "whose opening? give the rule a `calendar:` with opening hours")

    def _looks_at_words(self) -> bool:
        """Whether anything about the rule depends on tickets with similar words."""
        others = (self.unless, self.pause_while, self.reset_when, self.until, self.hold_while)
        steps = (exception for step in self.steps or () for exception in step.unless or ())
        asked = (self.when, *(when for those in others for when in those or ()), *steps)
        parts = (part for when in asked for part in walk(when.condition()))
        return any(isinstance(part, State) and part.field == f"{RELATED}words" for part in parts)

    def _opening_of(self, context: Reading) -> str | None:
        """The calendar whose opening is waited for: the rule's, else that which its `time:` stays outside of."""
        hours = (part for part in walk(self.when.condition()) if isinstance(part, Hours) and part.outside)
        named = (context.calendar, *(part.calendar for part in hours))
        return next((str(name) for name in named if name is not None and _closes(name, context)), None)

    # --- when it holds ---------------------------------------------------------------------------------------------------

    def _asked(self) -> Condition:
        """When, unless and where it applies."""
        when = self.when.condition()
        parts = [each_further_one(when) if self.again else when]
        if self.applies_to is not None:
            parts += self.applies_to.conditions()
        if (exception := either(self.unless)) is not None:
            parts.append(Not(exception))
        return together(parts)

    def _holds_at(self, share: int) -> Condition:
        """With so many percent of the clock or target used up."""
        asked = self._asked()
        if self.for_:
            return lasting(asked, self.for_)
        if self.clock:
            time = self.clock if share == WHOLE else _share(self.clock, share)
            pause, reset = either(self.pause_while), either(self.reset_when)
            return summed(asked, lambda running: Clock(running, time, pause, reset))
        return together([asked, Target(self.target, percent=share)]) if self.target else paced(asked)

    def _begun(self) -> Condition:
        return self._holds_at(first_share(self.steps or ()))

    def condition(self) -> Condition:
        """When, unless, for, clock, target and until as one condition."""
        holds = self._begun()
        if self.at_next_opening and any(isinstance(part, Hours) for part in walk(holds)):
            still = at_any_time(self._asked())
            holds = holds if still is None else Lingering(holds, still)
        ended = either(self.until)
        return holds if ended is None else Until(holds, ended)

    # --- what it does ----------------------------------------------------------------------------------------------------

    def ladder(self) -> tuple[Step, ...]:
        """What is done, step by step."""
        steps = ladder(self.steps, self._holds_at) if self.steps else ()
        if self.do:
            steps = (Step(actions_of(self.do)),)
        if self.at_next_opening:
            opening = Step(
                actions_of(self.at_next_opening), at_opening=True, opening_of=self._opening, said="at the next opening"
            )
            steps = (*steps, opening)
        return steps

    def values(self, defaults: Defaults, order: int, place: str) -> tuple[Rule, ...]:
        """The rule as the core sees it, and those that its `keep_informed` and `deadline` stand for. `place`: file and line."""
        rule = Rule(
            id=self.rule,
            title=self.title or self.rule,
            condition=self.condition(),
            steps=self.ladder(),
            mode=self.mode or defaults.mode or Mode.WATCH,
            why=self.why or "",
            repeat=Repeat(self.repeat.every, self.repeat.at_most) if self.repeat else None,
            existing=self.existing_tickets or defaults.existing_tickets or Existing(),
            calendar=self.calendar or defaults.calendar,
            owner=self.owner or "",
            protocol=self.protocol or "",
            formerly=self.formerly or (),
            hold_while=either(self.hold_while),
            applies_to=AppliesTo(self.applies_to.sources if self.applies_to is not None else None),
            live_from=self.live_from or "",
            expires=self.expires or "",
            review_by=self.review_by or "",
            confidential=self.confidential,
            only_to=self.only_to or (),
            on_change=self.on_change,
            order=order,
            place=place,
        )
        further = []
        if self.keep_informed:
            further.append(keep_informed_rule(rule, self._asked(), either(self.until), self.keep_informed))
        if self.deadline:
            further.append(deadline_rule(rule, self._begun(), either(self.unless), self.deadline))
        return (rule, *(replace(other, order=order + n) for n, other in enumerate(further, 1)))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        written = super().__get_pydantic_json_schema__(schema, handler)
        handler.resolve_ref_schema(written)["anyOf"] = [{"required": [name]} for name in _DONE]
        return written


def _closes(calendar: str, context: Reading) -> bool:
    """Whether there are times at which the calendar is not open, as far as is known."""
    return calendar in CALENDARS_OF_THE_TICKET or context.names.calendars.get(calendar) is False


def _share(whole: Duration, percent: int) -> Duration:
    return replace(whole, milliseconds=whole.milliseconds * percent // WHOLE, text=f"{percent} percent of {whole}")


class Defaults(Part):
    """What holds for every rule that does not say otherwise."""

    named: ClassVar[str] = "block of defaults"
    mode: ModeWord | None = Field(None, description="draft, watch or live; watch where nothing is said")
    calendar: CalendarName | None = Field(None, description="The calendar of business durations")
    time_zone: TimeZone | None = Field(
        None,
        description="The organisation's, in which people read times and write those that name none; the calendar's unless said",
        examples=["Europe/Amsterdam"],
    )
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
    calendar: RuleCalendar | None = Field(None, description="The calendar of business durations")
    existing_tickets: ExistingWord | None = Field(None, description="ignore, all, or at most N per hour")
    formerly: OneOrMany[RuleId] | None = Field(None, description="Ids that this rule had before")
    review_by: Dated | None = Field(None, description="When its owner looks at it again")
    on_change: OnChangeWord | None = Field(None, description="move or keep: what is under way when the rule is changed")
    applies_to: Scope | None = Field(None, description="Only tickets of these sources, projects, types, organisations")
    unless: OneOrMany[When] | None = Field(None, description="Not while one of these holds, beside the protocol's own exceptions")


OVERRIDES: Final = ("title", "owner", "mode", "calendar", "existing_tickets", "formerly", "review_by", "on_change")
"""Keys of a use that stand in for those of the protocol's rules."""

ADDITIONS: Final = ("applies_to", "unless")
"""Keys of a use that are added to those of the protocol's rules."""
