"""One rule: what it asks for, what it does step by step, and how far it may go."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rules.protocol.actions import Action
from rules.protocol.conditions import Condition
from rules.protocol.durations import Duration


class Mode(StrEnum):
    DRAFT = "draft"  # checked only
    WATCH = "watch"  # decides and notes, writes nothing
    LIVE = "live"


class OnChange(StrEnum):
    """What becomes of escalations under way when their rule is changed."""

    MOVE = "move"  # they go on under the rule as it is now
    KEEP = "keep"  # they go on under the text under which they began (`rules.rule_text`)


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same actions again: `every` after the previous step was applied, at most so many times."""

    every: Duration
    at_most: int


@dataclass(frozen=True, slots=True)
class Existing:
    """What happens to tickets that are in the rule's state when it goes live: `limit` None all, 0 none, n at most n per hour."""

    limit: int | None = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rule's ladder: what is done, and when.

    `after` counts from the start of the episode (None: at once); `begins` is another condition with the same anchors, whose
    start in the episode the step waits for (`at: 75 percent`) and its `after` counts from. `at_opening`: at the next opening then
    of the calendar `opening_of`, the rule's where that is None. It is passed over while `unless` holds, and taken when that ends.
    `said` is when, as written.
    """

    actions: tuple[Action, ...]
    after: Duration | None = None
    begins: Condition | None = None
    at_opening: bool = False
    opening_of: str | None = None
    unless: Condition | None = None
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """Where a rule applies: these sources; None for all. Projects, types and the like are part of its condition."""

    sources: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `condition` is the whole of `when`, `unless`, `for`, `clock` and `until`; when it holds, an episode is on.

    A rule has a ladder of `steps`; the one of a rule that was written with `do:` has one step. `hold_while`: what was decided is
    written only once this has ended, if still true. `live_from` and `expires` are dates (ISO); before the one and from the other
    on, the rule only watches. `confidential`: nothing about it leaves its chain; `only_to` are the teams that its tickets may go
    to.
    """

    id: str
    title: str
    condition: Condition
    steps: tuple[Step, ...]
    mode: Mode = Mode.WATCH
    why: str = ""
    repeat: Repeat | None = None
    existing: Existing = Existing()
    calendar: str | None = None
    owner: str = ""
    protocol: str = ""
    formerly: tuple[str, ...] = ()
    hold_while: Condition | None = None
    applies_to: AppliesTo = AppliesTo()
    live_from: str = ""
    expires: str = ""
    review_by: str = ""
    confidential: bool = False
    only_to: tuple[str, ...] = ()
    on_change: OnChange = OnChange.MOVE
    order: int = 0  # place in the file; the first rule wins the team
    place: str = ""  # file and line, for messages

    @property
    def actions(self) -> tuple[Action, ...]:
        """What all of its steps do, in order."""
        return tuple(action for step in self.steps for action in step.actions)
