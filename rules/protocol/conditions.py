"""What a rule asks for: conditions on a ticket's fields, history and time, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rules.protocol.durations import Duration
from rules.ticket import Kind


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


@dataclass(frozen=True, slots=True)
class InList:
    """The value stands in a named list of the organisation (people by id, e-mail address or name)."""

    name: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A number the ticket carries (related tickets, length of its team's queue): both ends inclusive."""

    at_least: int | None = None
    at_most: int | None = None


Test = OneOf | Level | AnyWord | Matches | InList | Amount


@dataclass(frozen=True, slots=True)
class State:
    """A field's value passes a test. `tier` and `team` are words of the organisation (`team`: a team's name)."""

    field: str  # a name from rules.ticket.FIELDS, one with a prefix of rules.ticket.PREFIXES, or "tier"
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

    `reset`: each start of it sets the clock to nought (its last reset is the anchor; creation where there was none). `stop`: from
    its start on the clock stands for good, until a reset. `of_team`: each hand-over to another team resets it (an OLA clock).
    """

    running: Condition
    duration: Duration
    pause_while: Condition | None = None
    reset: Condition | None = None
    stop: Condition | None = None
    of_team: bool = False


class Counted(StrEnum):
    """Events that can be counted."""

    REASSIGNED = "reassigned"  # the team changed
    RETURNED = "returned_to_former_team"  # the team changed to one that had held the ticket before
    OWNER_CHANGED = "owner_changed"  # the assignee changed to another person
    REOPENED = "reopened"  # from resolved or closed to anything else
    PRIORITY_RAISED = "priority_raised"
    PRIORITY_LOWERED = "priority_lowered"
    REQUESTER_WROTE = "requester_wrote"
    REQUESTER_CHASED = "requester_chased"  # the requester wrote again before the staff had answered
    CAME_BACK = "came_back"  # reopened, or a follow-up ticket was made of it
    HANDED_BACK = "handed_back"  # the team changed back to the one that had just handed it over: A-B-A
    BACK_TO_FIRST_LINE = "back_to_first_line"  # the team changed from a higher tier of a chain to its first one


@dataclass(frozen=True, slots=True)
class Count:
    """From the n-th event of a kind until the window forgets it (`within` None: never forgotten).

    `again`: each further event begins a new episode. `by`: only those of this kind of actor. `chain`: the one whose first line
    is meant. `ignore_thanks`: what came back by a message that only says thanks does not count.
    """

    event: Counted
    at_least: int
    within: Duration | None = None
    by_anyone: bool = False  # False: people only
    ignore_stays_shorter_than: Duration | None = None  # moves whose stay with the team was shorter do not count
    again: bool = False
    by: Kind | None = None
    chain: str | None = None
    ignore_thanks: bool = False


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

    With `passed_for` it holds from so long after the timestamp. The anchor is the instant at which it was set.
    """

    field: str
    within: Duration
    passed_for: Duration | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A target that the platform itself keeps for the ticket (field `target.NAME`: when it is due, while it runs).

    Holds from so long before it is due (`within`; nought: passed), or from so much of it used up (`percent`, counted on
    `calendar`; None: round the clock), as long as it runs. A move that hoist's own write caused brings it no nearer. The anchor
    is the start of the target's cycle (field `target.NAME.start`), where it is not known the instant it was set.
    """

    name: str
    within: Duration | None = None
    percent: int | None = None
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The field has had its present value, whatever it is, for the duration; the anchor is the change that set it."""

    field: str
    duration: Duration


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody of the team that has the ticket touched it since the hand-over; hoist's own changes never count.

    `expires`: so long after the last such touch it is as if there had been none.
    """

    expires: Duration | None = None


@dataclass(frozen=True, slots=True)
class FirstReply:
    """The staff has written to the requester at least once."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The time of day and week: within a calendar's open hours, or between two local times on some days.

    `start` and `end` are minutes of the local day; an end at or before its start lies on the next day. `calendar` excludes the
    rest; it may be one of CALENDARS_OF_THE_TICKET. What lies far ahead of the ticket's last read
    (`rules.conditions.times.AHEAD`) may hold.
    """

    calendar: str | None = None
    outside: bool = False
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # 0 = Monday
    start: int = 0
    end: int = 1440
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class InWindow:
    """A named window of the organisation (a maintenance, a change freeze) is on."""

    name: str


@dataclass(frozen=True, slots=True)
class Until:
    """The part, cut off for good within each of its episodes once `ended` has begun to hold in it."""

    part: Condition
    ended: Condition


@dataclass(frozen=True, slots=True)
class Lingering:
    """The part, and from its end on for as long as `still` surely goes on holding; the anchor is the part's."""

    part: Condition
    still: Condition


@dataclass(frozen=True, slots=True)
class Ever:
    """From the first instant at which the part surely held to the end of the ticket's life.

    It has one episode in a ticket's life, whatever turns out later of when it began: the anchor is the ticket's creation.
    """

    part: Condition


Condition = (
    State
    | All
    | AnyOf
    | Not
    | Held
    | Clock
    | Count
    | Silent
    | Unanswered
    | Due
    | Target
    | Unchanged
    | Acknowledged
    | FirstReply
    | Hours
    | InWindow
    | Until
    | Lingering
    | Ever
)
