"""The escalation protocol as the core sees it: organisation, rules, conditions, actions. Plain frozen values, no YAML.

`rules.rulebook` makes these from files and reports what is wrong with those; `rules.binding` turns an organisation's words
(P1, network-ops) into one source's ids. Everything here is hashable, and equal where it means the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from rules.instants import DAY
from rules.ticket import Kind

# --- durations -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: milliseconds on a calendar, or whole business days (the same local time n working days later).

    `calendar` names a calendar; None means plain time, round the clock. One of CALENDARS_OF_THE_TICKET means the calendar that
    the ticket itself gives at each moment: that of the team that held it then, of its tier's team, of its requester.
    """

    milliseconds: int = 0
    business_days: int = 0
    calendar: str | None = None
    text: str = field(default="", compare=False)  # as written, for sentences

    def __str__(self) -> str:
        return self.text or f"{self.milliseconds} ms"


CALENDAR_OF_TEAM: Final = "calendar of team"
CALENDAR_OF_TIER: Final = "calendar of tier"
CALENDAR_OF_REQUESTER: Final = "calendar of requester"
CALENDAR_OF_APPROVER: Final = "calendar of approver"
CALENDARS_OF_THE_TICKET: Final = frozenset({CALENDAR_OF_TEAM, CALENDAR_OF_TIER, CALENDAR_OF_REQUESTER, CALENDAR_OF_APPROVER})

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


# --- actions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Escalate:
    """Move the ticket up a chain (functional escalation): to the next tier, or to a named one, never to a lower one."""

    chain: str
    enter_at: str | None = None  # team at which a ticket outside the chain enters; None: it is not moved
    to: str | None = None  # this tier's team, where it is higher than the ticket's
    from_last_resolving_team: bool = False  # the tier to count from is that of the team which resolved it last


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
class SetField:
    """Set a source's own field (`native.NAME`) to a value; refused at load by sources that can't write it."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Comment:
    """An internal comment; `{held}`, `{since}`, `{team}`, `{key}` and the like are filled in by `rules.explain`.

    `variants` are the text in other languages, by language code; the language of the team that gets the ticket decides.
    """

    text: str
    variants: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AddLabel:
    label: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell (or page) somebody (`rules.recipients` lists who can be meant); never moves the ticket.

    `at_most_per_night`: at most so many pages to one person between 22:00 and 07:00 of the calendar; further ones are told.
    """

    who: str
    urgent: bool = False
    at_most_per_night: int | None = None
    reminder: bool = False  # to somebody who already owes something (an approver)


@dataclass(frozen=True, slots=True)
class Digest:
    """Put the ticket on a list that is sent at the calendar's next opening."""

    to: str
    title: str


@dataclass(frozen=True, slots=True)
class Arbiter:
    """Name who decides which team keeps the ticket, and by when: after `within`, a business day where nothing is said."""

    who: str
    within: Duration | None = None


@dataclass(frozen=True, slots=True)
class Propose:
    """Propose to a person what hoist does not do itself."""

    what: Proposal


class Proposal(StrEnum):
    """What can be proposed."""

    PARENT = "parent"  # one parent for related tickets
    MAJOR_INCIDENT = "major_incident"


@dataclass(frozen=True, slots=True)
class Restrict:
    """Let only this team read the ticket, before anything else is written; refused at load by sources that can't."""

    to: str


@dataclass(frozen=True, slots=True)
class AtProvider:
    """Something at a service provider: open or chase a case, ask for another `severity`. `template` names the text.

    Without a `provider` it is that of the ticket's case.
    """

    deed: ProviderDeed
    provider: str = ""
    template: str = ""
    severity: str = ""


class ProviderDeed(StrEnum):
    """What can be done at a provider."""

    OPEN_CASE = "open_case"
    CHASE = "chase_provider"
    ASK_SEVERITY = "ask_provider_severity"


Action = (
    Escalate | Assign | RaisePriority | SetField | Comment | AddLabel | Tell | Digest | Arbiter | Propose | Restrict | AtProvider
)


# --- rules ---------------------------------------------------------------------------------------------------------


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


# --- organisation --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Team:
    """One team, with its name or id in each source. Several names: the first receives, the others belong to it.

    `on_call` names its rota, `calendar` its hours, `language` that of the comments it gets.
    """

    name: str
    sources: Mapping[str, tuple[str, ...]] = field(hash=False, default_factory=dict)
    lead: str = ""
    on_call: str = ""
    calendar: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class NamedList:
    """A named list: its entries as written, or the file they stand in (a line or the first column of a CSV each).

    From `until` (ISO date in its zone) on it is empty. `calendar`: for requesters on it, their calendar.
    """

    name: str
    entries: tuple[str, ...] = ()
    file: str = ""
    owner: str = ""
    until: str = ""
    calendar: str = ""
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class NamedWindow:
    """Named stretches of time: (from, to) local times as written, or the file or https URL (iCalendar, CSV) they stand in.

    From `until` (ISO date in its zone) on it is never on.
    """

    name: str
    stretches: tuple[tuple[str, str], ...] = ()
    time_zone: str = "UTC"
    file: str = ""
    owner: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody has no duty from one local time (a date: its beginning) to another (a date: its end), whatever the rotas say."""

    who: str  # an e-mail address
    start: str
    end: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Override:
    """These people, and nobody else, have the duty of a rota (its file or URL as written) between two local times."""

    rota: str
    who: tuple[str, ...]
    start: str
    end: str
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Employee:
    """What the organisation says of a person: who manages and who stands in for them, their hours, the teams they are in.

    `who`, `manager` and `deputy` are e-mail addresses; a source's id or name of the person will do where it names no address.
    """

    who: str
    manager: str = ""
    deputy: str = ""
    calendar: str = ""
    teams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A service provider: who is told there or looks after it (an e-mail address, or a rota), and its hours."""

    name: str
    contact: str = ""
    calendar: str = ""


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

    @property
    def names_zone(self) -> bool:
        """Whether it says in which time zone its people are; one that never closes need not."""
        return not self.always or self.time_zone != "UTC"


@dataclass(frozen=True, slots=True)
class Twins:
    """Tickets of a source that are kept in step in pairs: `field` (`native.NAME`) is one of `leading` in the leading one.

    None stands for an empty field.
    """

    field: str
    leading: tuple[str | None, ...] = (None,)


@dataclass(frozen=True, slots=True)
class PeopleKeep:
    """For how long a field is a person's who took back what hoist had written there; whether confidential rules respect that."""

    lasts: int = DAY  # milliseconds
    confidential_rules: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who and what there is: priorities (the most urgent first), teams, chains, roles, lists, windows, calendars, absences."""

    priorities: tuple[PriorityLevel, ...] = ()
    teams: Mapping[str, Team] = field(hash=False, default_factory=dict)
    chains: Mapping[str, Chain] = field(hash=False, default_factory=dict)
    roles: Mapping[str, str] = field(hash=False, default_factory=dict)  # an e-mail address, or a rota
    calendars: Mapping[str, CalendarHours] = field(hash=False, default_factory=dict)
    lists: Mapping[str, NamedList] = field(hash=False, default_factory=dict)
    windows: Mapping[str, NamedWindow] = field(hash=False, default_factory=dict)
    absences: tuple[Absence, ...] = ()
    overrides: tuple[Override, ...] = ()
    people: tuple[Employee, ...] = ()
    people_files: tuple[str, ...] = ()  # CSV files of the protocol's folder in which more of them stand
    providers: Mapping[str, Provider] = field(hash=False, default_factory=dict)
    twins: Mapping[str, Twins] = field(hash=False, default_factory=dict)  # by source
    people_keep: PeopleKeep = field(default_factory=PeopleKeep)
    time_zone: str = "UTC"  # of times that name no zone, and of those that people read
    calendar: str | None = None  # of teams and requesters that have none of their own: that of `defaults`; None: round the clock
    places: Mapping[str, str] = field(hash=False, compare=False, default_factory=dict)  # file and line of `team network-ops`

    def place(self, kind: str, name: str) -> str:
        """File and line where a priority, source, team, chain, calendar, list or window stands; "" where that is not known."""
        return self.places.get(f"{kind} {name}", "")

    def where(self, kind: str, name: str) -> str:
        """How a message about it begins."""
        return f"{self.place(kind, name) or 'organisation'}, {kind} {name}"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Organisation and rules of one set of files; `version` is a hash of what they mean."""

    organisation: Organisation
    rules: tuple[Rule, ...]
    version: str
