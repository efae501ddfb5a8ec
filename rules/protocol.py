"""The escalation protocol as the core sees it: organisation, rules, conditions, actions. Plain frozen values, no YAML.

`rules.rulebook` makes these from files and reports what is wrong with those; `rules.binding` turns an organisation's words
(P1, network-ops) into one source's ids. Everything here is hashable, and equal where it means the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from rules.ticket import Kind

# --- durations -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: milliseconds on a calendar, or whole business days (the same local time n working days later).

    `calendar` names a calendar; None means plain time, round the clock.
    """

    milliseconds: int = 0
    business_days: int = 0
    calendar: str | None = None
    text: str = field(default="", compare=False)  # as written, for sentences

    def __str__(self) -> str:
        return self.text or f"{self.milliseconds} ms"


# --- conditions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OneOf:
    """The field has one of these values; None among them stands for nobody / nothing. For labels: at least one is there."""

    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """An ordered field (priority) on a scale: `at_least` and `at_most` are the organisation's words, both inclusive."""

    at_least: str | None = None
    at_most: str | None = None


@dataclass(frozen=True, slots=True)
class AnyWord:
    """One of these words or phrases occurs in the text, whole words, upper and lower case alike."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """The regular expression is found in the text."""

    pattern: str


Test = OneOf | Level | AnyWord | Matches


@dataclass(frozen=True, slots=True)
class State:
    """A field's value passes a test. `tier` and `team` are words of the organisation (`team`: a team's name)."""

    field: str  # a name from rules.ticket.FIELDS, or "tier"
    test: Test
    chain: str | None = None  # for tier: the named chain


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class Held:
    """`for`: what is held has held without a break for this long."""

    part: Condition
    duration: Duration


@dataclass(frozen=True, slots=True)
class Clock:
    """Time summed over the stretches in which `running` holds and `pause_while` does not reaches the duration.

    `reset`: each start of it sets the clock to nought (its last reset is the anchor; creation where there was none).
    """

    running: Condition
    duration: Duration
    pause_while: Condition | None = None
    reset: Condition | None = None


class Counted(StrEnum):
    """Events that can be counted."""

    REASSIGNED = "reassigned"  # the team changed
    RETURNED = "returned_to_former_team"  # the team changed to one that had held the ticket before
    OWNER_CHANGED = "owner_changed"  # the assignee changed to another person
    REOPENED = "reopened"  # from resolved or closed to anything else
    PRIORITY_RAISED = "priority_raised"
    PRIORITY_LOWERED = "priority_lowered"
    REQUESTER_WROTE = "requester_wrote"


@dataclass(frozen=True, slots=True)
class Count:
    """From the n-th event of a kind until the window forgets it (`within` None: never forgotten)."""

    event: Counted
    at_least: int
    within: Duration | None = None
    by_anyone: bool = False  # False: people only
    ignore_stays_shorter_than: Duration | None = None  # moves whose stay with the team was shorter do not count


@dataclass(frozen=True, slots=True)
class Silent:
    """Nobody of these kinds touched the ticket (or, with `replies_only`, wrote a message) for the duration.

    The anchor is the event that opened the gap; creation opens the first one.
    """

    duration: Duration
    kinds: tuple[Kind, ...] = (Kind.STAFF, Kind.REQUESTER)
    replies_only: bool = False


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Since the other side's first unanswered message, for the duration.

    `waiting_for` STAFF: the requester's messages, creation being the first; a public message of the staff answers (with
    `touch_answers`, any touch by the staff). `waiting_for` REQUESTER: the reverse, public messages only.
    """

    duration: Duration
    waiting_for: Kind = Kind.STAFF
    touch_answers: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """A timestamp that the ticket carries lies at most `within` ahead, or has passed (`within` nought).

    The anchor is the instant at which it was set.
    """

    field: str
    within: Duration


Condition = State | All | AnyOf | Not | Held | Clock | Count | Silent | Unanswered | Due


# --- actions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Escalate:
    """Move the ticket to the next tier of a chain (functional escalation)."""

    chain: str
    enter_at: str | None = None  # team at which a ticket outside the chain enters; None: it is not moved


@dataclass(frozen=True, slots=True)
class Assign:
    """Move the ticket to a team, whatever its tier."""

    team: str


@dataclass(frozen=True, slots=True)
class RaisePriority:
    """Raise by native levels, or to a word of the organisation; never lowers, never above `not_above`."""

    by: int = 0
    to: str | None = None
    not_above: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """An internal comment; `{held}`, `{since}`, `{team}`, `{key}` and the like are filled in by `rules.explain`."""

    text: str


@dataclass(frozen=True, slots=True)
class AddLabel:
    label: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell (or page) a role, person or `lead of current team`; never moves the ticket."""

    who: str
    urgent: bool = False


Action = Escalate | Assign | RaisePriority | Comment | AddLabel | Tell


# --- rules ---------------------------------------------------------------------------------------------------------


class Mode(StrEnum):
    DRAFT = "draft"  # checked only
    WATCH = "watch"  # decides and notes, writes nothing
    LIVE = "live"


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
class Rule:
    """One rule. `condition` is the whole of `when`, `unless`, `for` and `clock`; when it holds, an episode is on."""

    id: str
    title: str
    condition: Condition
    actions: tuple[Action, ...]
    mode: Mode = Mode.WATCH
    why: str = ""
    repeat: Repeat | None = None
    existing: Existing = Existing()
    calendar: str | None = None
    owner: str = ""
    protocol: str = ""
    formerly: tuple[str, ...] = ()
    order: int = 0  # place in the file; the first rule wins the team
    place: str = ""  # file and line, for messages


# --- organisation --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Team:
    """One team, with its name or id in each source. Several names: the first receives, the others belong to it."""

    name: str
    sources: Mapping[str, tuple[str, ...]] = field(hash=False, default_factory=dict)
    lead: str = ""


@dataclass(frozen=True, slots=True)
class PriorityLevel:
    """A row of the organisation's priorities: its word, and the source's name in each source."""

    name: str
    sources: Mapping[str, tuple[str, ...]] = field(hash=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tier:
    """A place in a chain. `acknowledge_within` is the time that its team has to take a ticket; lint compares `repeat` with it."""

    team: str
    acknowledge_within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """An ordered list of tiers, the first line first."""

    name: str
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class CalendarHours:
    """A calendar as written: opening hours per weekday (0 = Monday) as local (start, end) minutes of the day.

    An end at or before its start lies on the next day; (0, 1440) is open all day. `always` is round the clock, every day.
    """

    name: str
    time_zone: str = "UTC"
    hours: Mapping[int, tuple[tuple[int, int], ...]] = field(hash=False, default_factory=dict)
    always: bool = False
    holidays: str | None = None  # country code, with subdivision after a hyphen: NL, DE-BY
    also_closed: tuple[str, ...] = ()  # ISO dates
    open_anyway: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who there is: priorities (the most urgent first), teams, chains, roles, calendars."""

    priorities: tuple[PriorityLevel, ...] = ()
    teams: Mapping[str, Team] = field(hash=False, default_factory=dict)
    chains: Mapping[str, Chain] = field(hash=False, default_factory=dict)
    roles: Mapping[str, str] = field(hash=False, default_factory=dict)
    calendars: Mapping[str, CalendarHours] = field(hash=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Organisation and rules of one set of files; `version` is a hash of what they mean."""

    organisation: Organisation
    rules: tuple[Rule, ...]
    version: str
