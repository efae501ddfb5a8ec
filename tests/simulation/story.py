"""What happens in one run, as data: dated items, each of which can be left out and told as a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from connectors.sandboxes.history import EventValue
from rules.instants import MINUTE, SECOND, Instant, moment

Fields = Mapping[str, EventValue]


@dataclass(frozen=True)
class Item:
    """Something that happens at an instant, or at the first occasion after it."""

    at: Instant
    family: ClassVar[str] = ""

    def words(self) -> str:
        """What happens, without its date."""
        raise NotImplementedError


@dataclass(frozen=True)
class Opened(Item):
    """A requester opens a ticket that nobody owns."""

    ticket: str
    values: Fields

    def words(self) -> str:
        return f"{self.ticket} is opened: {_shown(self.values)}"


@dataclass(frozen=True)
class Deed(Item):
    """A person saves a ticket, or says something."""

    ticket: str
    who: str
    values: Fields
    says: str = ""
    public: bool = True
    family = "people"

    def words(self) -> str:
        said = f", and says {self.says!r}" if self.says else ""
        return f"{self.who} at {self.ticket}: {_shown(self.values)}{said}"


@dataclass(frozen=True)
class Meanwhile(Item):
    """A person acts at the worst moment: when hoist is about to do something, or has just done it, at whatever ticket that is."""

    moment: str  # before-edit: fresh read done, write not; after-edit: write done, not verified; before-comment
    who: str
    values: Fields
    family = "meanwhile"

    def words(self) -> str:
        return f"{self.who} is there just {self.moment.replace('-', ' ')}, from now on once: {_shown(self.values)}"


@dataclass(frozen=True)
class Trouble(Item):
    """What befalls requests: the next `times` of a kind, or all of them for `lasts` milliseconds. `seconds` is what it costs."""

    kind: str
    on: str = "any"  # any, search, read, changelog, edit, comment, look, about
    times: int = 1
    lasts: int = 0
    seconds: float = 0.0
    family = "trouble"

    def words(self) -> str:
        seconds = f" ({self.seconds:g} s)" if self.seconds else ""
        return f"{self.kind}{seconds} on {self.on} requests, {_how_often(self.times, self.lasts)}"


@dataclass(frozen=True)
class Crash(Item):
    """The process ends at the first stop of that number (of section E of the stories) and is started again `down` later."""

    stop: int
    down: int
    family = "crash"

    def words(self) -> str:
        from tests.simulation.stops import STOPS  # noqa: PLC0415 - the stops know the store, a story does not need it

        return f"hoist is killed when next at: {STOPS[self.stop]}; started again {_length(self.down)} later"


@dataclass(frozen=True)
class Freeze(Item):
    """The process stands still at a stop while another one takes over the same store; then it wakes and goes on."""

    stop: int
    length: int
    family = "freeze"

    def words(self) -> str:
        from tests.simulation.stops import STOPS  # noqa: PLC0415 - as above

        return f"hoist freezes when next at: {STOPS[self.stop]}; another one runs for {_length(self.length)}, then it thaws"


@dataclass(frozen=True)
class ClockSet(Item):
    """Somebody sets the machine's clock."""

    by: int
    family = "clock"

    def words(self) -> str:
        return f"the machine's clock is set by {self.by / SECOND:+g} s"


@dataclass(frozen=True)
class Restore(Item):
    """hoist is stopped, and its database replaced by what it was at an earlier instant."""

    back_to: Instant
    down: int
    family = "restore"

    def words(self) -> str:
        return f"hoist's database is restored as of {clock_time(self.back_to)}, hoist is started {_length(self.down)} later"


@dataclass(frozen=True)
class Ordered(Item):
    """Somebody tells hoist something on its command line, as soon as it runs."""

    what: str  # pause, resume (a rule, or everything), snooze, undo (a ticket), approve (all that waits)
    subject: str = ""
    lasts: int = 0
    family = "orders"

    def words(self) -> str:
        subject = self.subject or ("everything" if self.what in {"pause", "resume"} else "what waits")
        return f"somebody says: {self.what} {subject}" + (f" for {_length(self.lasts)}" if self.lasts else "")


@dataclass(frozen=True)
class Vanishing(Item):
    """A ticket is deleted, moved to where hoist does not look, or not shown to hoist for a while."""

    ticket: str
    how: str  # deleted, moved, hidden
    lasts: int = 0
    family = "vanishing"

    def words(self) -> str:
        return f"{self.ticket} is {self.how}" + (f" for {_length(self.lasts)}" if self.lasts else "")


@dataclass(frozen=True)
class Automation(Item):
    """The platform's own automation reacts to hoist's saves of a ticket from now on, at most so often."""

    ticket: str
    how: str  # revert: puts the team back; echo: sets a field of its own, under hoist's account
    after: int
    times: int
    family = "automation"

    def words(self) -> str:
        what = "puts the team back" if self.how == "revert" else "sets a field under hoist's account"
        return f"an automation {what} {self.after} ms after hoist saves {self.ticket}, {self.times} times"


@dataclass(frozen=True)
class Webhook(Item):
    """An administrator has the platform tell hoist of each change from now on."""

    family = "hooks"

    def words(self) -> str:
        return "the platform tells hoist of each change from now on"


@dataclass(frozen=True)
class Misdelivery(Item):
    """What befalls that which the platform tells: the next `times` of it, or all of it for `lasts` milliseconds."""

    how: str  # lost, repeated, late, forged, replayed
    times: int = 1
    lasts: int = 0
    seconds: int = 0  # how late; between repetitions; until it is replayed
    family = "hooks"

    def words(self) -> str:
        seconds = f" ({self.seconds} s)" if self.seconds else ""
        return f"what the platform tells hoist is {self.how}{seconds}, {_how_often(self.times, self.lasts)}"


@dataclass(frozen=True)
class Story:
    """One run. `calm` is how long at the end nothing happens any more, so that everything can come to rest."""

    seed: int
    start: Instant
    length: int
    calm: int
    items: tuple[Item, ...]
    page_size: int = 50
    lag: int = 0  # milliseconds by which the platform is behind itself, in its own way
    skew: int = 0  # of hoist's machine
    platform: str = "jira"

    @property
    def end(self) -> Instant:
        return self.start + self.length

    def without(self, items: frozenset[Item] | set[int]) -> Story:
        """The same story, some items of which never happen, by their place."""
        return replace(self, items=tuple(item for place, item in enumerate(self.items) if place not in items))

    def lines(self) -> list[str]:
        """The story as dated lines."""
        dressed = f"{self.platform}, pages of {self.page_size}, {self.lag} ms behind, hoist's clock {self.skew:+} ms off"
        first = f"{clock_time(self.start)}  hoist is started; {dressed}"
        return [first, *(f"{clock_time(item.at)}  {item.words()}" for item in sorted(self.items, key=lambda each: each.at))]


def families() -> list[str]:
    """The names by which kinds of items can be asked for."""
    kinds = (Deed, Meanwhile, Trouble, Crash, Freeze, ClockSet, Restore, Vanishing, Automation, Ordered, Webhook)
    return [kind.family for kind in kinds]


def clock_time(at: Instant) -> str:
    """HH:MM:SS.mmm, in UTC."""
    return f"{moment(at):%H:%M:%S}.{at % SECOND:03}"


def _how_often(times: int, lasts: int) -> str:
    return f"for {_length(lasts)}" if lasts else f"{times} times" if times > 1 else "once"


def _length(milliseconds: int) -> str:
    return f"{milliseconds / MINUTE:g} min" if milliseconds >= MINUTE else f"{milliseconds / SECOND:g} s"


def _shown(values: Fields) -> str:
    return ", ".join(f"{name} {value if value is not None else 'nobody'}" for name, value in values.items()) or "nothing set"
