"""One file, URL or rota of a helpdesk that the protocol names: read when due, its last good copy going on where it can't be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from agent.outside.copies import Copies, Copy
from agent.outside.events import Occurrence, calendar_events
from agent.outside.fetched import TOTAL_SECONDS, Fetch
from agent.outside.helpdesks import Helpdesks, asked_for_rota, asked_for_schedule, hours, occurrences
from agent.outside.links import Links
from agent.outside.staff import people
from agent.outside.tables import entries, stretches
from agent.outside.unreadable import LARGEST, Unreadable, is_url, shown
from rules.instants import DAY, Instant
from rules.intervals import Intervals
from rules.local_times import joined
from rules.phrases import stamp
from rules.protocol.organisation import CalendarHours, Employee
from rules.references import named_in_source

STALE: Final = DAY
"""After so long without a good read a URL is called stale, whatever each read says."""


class Kind(StrEnum):
    """What a file, a URL or a helpdesk holds."""

    LIST = "list"
    WINDOW = "window"
    ROTA = "rota"
    PEOPLE = "people"
    SCHEDULE = "schedule"


class Wanted(NamedTuple):
    """What the protocol wants to know from where. Local times without a zone are those of `zone`."""

    kind: Kind
    reference: str
    zone: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a good copy says: one of the five, by its kind."""

    entries: frozenset[str] = frozenset()
    stretches: Intervals | None = None
    occurrences: tuple[Occurrence, ...] = ()
    people: tuple[Employee, ...] = ()
    hours: CalendarHours | None = None

    def __len__(self) -> int:
        days = 0 if self.hours is None else len(self.hours.hours) + len(self.hours.dates)
        return len(self.entries) + len(self.stretches or ()) // 2 + len(self.occurrences) + len(self.people) + days


@dataclass(frozen=True, slots=True)
class Changed:
    """A source says something else than before; hashes of its bytes, "" where there was no copy."""

    wanted: Wanted
    before: str
    after: str
    number: int

    @property
    def name(self) -> str:
        """What the file or URL is called in front of people."""
        return shown(self.wanted.reference)

    def data(self) -> dict[str, Any]:
        """What the journal keeps of it: what it is, how many entries it has, hashes before and after."""
        what = {"what": self.wanted.kind.value, "name": self.name, "before": self.before, "after": self.after}
        return {**what, "entries": self.number}

    def __str__(self) -> str:
        read = "was read" if self.before == "" else "has changed"
        return f"the {self.wanted.kind} {self.name} {read}: {self.number} {'entry' if self.number == 1 else 'entries'}"


class Source:
    """The state of one wanted thing. `facts` is what the last good copy says, `problem` why there is no newer one."""

    def __init__(self, wanted: Wanted, folder: Path | None, copies: Copies, links: Links, helpdesks: Helpdesks) -> None:
        self.wanted = wanted
        self.facts = Facts()
        self.loaded: Instant | None = None  # when the source last said so
        self.problem = ""
        self.revision = 0  # rises whenever `facts` do
        self._folder, self._copies, self._links, self._helpdesks = folder, copies, links, helpdesks
        self._data: bytes | None = None
        self._span: tuple[Instant, Instant] = (0, 0)
        self._stamp: object = None
        self._fetch: Fetch | None = None
        self._next: Instant = 0

    @property
    def name(self) -> str:
        """What it is called in front of people."""
        return f"the {self.wanted.kind} {shown(self.wanted.reference)}"

    @property
    def _key(self) -> str:
        return f"{self.wanted.kind} {self.wanted.reference}"

    def recall(self, span: tuple[Instant, Instant]) -> None:
        """Begin with the copy that an earlier process kept."""
        copy = self._copies.last(self._key)
        if copy is not None and self._read(copy.data, span) is None:
            self.loaded = copy.loaded

    def update(self, now: Instant, span: tuple[Instant, Instant], *, wait: bool) -> Changed | None:
        """Read it if that is due; with `wait` a URL is waited for. Events are laid out within `span`."""
        if self._data is not None and span != self._span:
            self._read(self._data, span)
        outcome = self._linked(now, span, wait=wait) if is_url(self.wanted.reference) else self._filed()
        if outcome is None:
            return None
        if isinstance(outcome, Unreadable):
            self.problem = str(outcome)
            return None
        return self._taken(outcome, now, span)

    @property
    def never_read(self) -> bool:
        """There is not even an earlier copy of it."""
        return self._data is None

    def trouble(self, now: Instant) -> str:
        """What is wrong with it, as a sentence; empty where nothing is."""
        name = self.name
        if self.problem and self._data is None:
            nothing = {
                Kind.LIST: "it is empty",
                Kind.WINDOW: "it is never on",
                Kind.ROTA: "nobody is found by it",
                Kind.PEOPLE: "nothing is known by it",
                Kind.SCHEDULE: "the hours of the protocol count",
            }
            return f"{name} {self.problem}; until then {nothing[self.wanted.kind]}"
        since = f"what it said at {stamp(self.loaded or 0, ZoneInfo(self.wanted.zone))} goes on counting"
        if self.problem:
            return f"{name} {self.problem}; {since}"
        if is_url(self.wanted.reference) and self.loaded is not None and now - self.loaded > STALE:
            return f"{name} was not read for more than a day; {since}"
        return ""

    def _filed(self) -> bytes | Unreadable | None:
        if self._folder is None:
            return Unreadable("is not read here")
        path = self._folder / self.wanted.reference
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return None
            self._stamp = stamp
            if status.st_size > LARGEST:
                return Unreadable(f"is larger than {LARGEST // 1024} KiB")
            return path.read_bytes()
        except OSError as error:
            self._stamp = None
            return Unreadable(f"can't be read ({error.strerror}): put the file there, or take it out of the protocol")

    def ask(self, now: Instant, span: tuple[Instant, Instant]) -> None:
        """Begin to read a URL, or to ask a helpdesk, where that is due."""
        if is_url(self.wanted.reference) and self._fetch is None and now >= self._next:
            self._fetch = Fetch(self._reader(span))
            self._next = now + self._links.read_every

    def _linked(self, now: Instant, span: tuple[Instant, Instant], *, wait: bool) -> bytes | Unreadable | None:
        self.ask(now, span)
        if self._fetch is None:
            return None
        outcome = self._fetch.outcome(TOTAL_SECONDS + 5 if wait else 0.0)
        if outcome is not None:
            self._fetch = None
        elif wait:
            return Unreadable("did not answer in time")
        return outcome

    def _reader(self, span: tuple[Instant, Instant]) -> Callable[[], bytes]:
        (kind, reference, zone), links, helpdesks = self.wanted, self._links, self._helpdesks
        if named_in_source(reference) is None:
            from agent.outside.fetching import fetch  # noqa: PLC0415 - its HTTP client is for who names a URL

            return lambda: fetch(reference, links)
        if kind is Kind.SCHEDULE:
            return lambda: asked_for_schedule(reference, helpdesks)
        return lambda: asked_for_rota(reference, helpdesks, zone, span)

    def _taken(self, data: bytes, now: Instant, span: tuple[Instant, Instant]) -> Changed | None:
        before = self._data
        if data == before:
            self.problem, self.loaded = "", now
            self._copies.seen(self._key, now)
            return None
        refused = self._read(data, span)
        self.problem = refused or ""
        if refused is not None:
            return None
        self.loaded = now
        try:
            self._copies.keep(self._key, Copy(data, now))
        except OSError as error:
            self.problem = f"is read, but no copy of it can be kept beside the store ({error.strerror})"
        return Changed(self.wanted, "" if before is None else _hash(before), _hash(data), len(self.facts))

    def _read(self, data: bytes, span: tuple[Instant, Instant]) -> str | None:
        """Take over what the bytes say; else why they are of no use."""
        try:
            self.facts = _facts(self.wanted, data, span)
        except Unreadable as error:
            return str(error)
        self._data, self._span = data, span
        self.revision += 1
        return None


def _facts(wanted: Wanted, data: bytes, span: tuple[Instant, Instant]) -> Facts:
    if wanted.kind is Kind.LIST:
        return Facts(entries=entries(data, columns=wanted.reference.casefold().endswith(".csv")))
    if wanted.kind is Kind.PEOPLE:
        return Facts(people=people(data))
    if wanted.kind is Kind.SCHEDULE:
        return Facts(hours=hours(data, wanted.zone))
    if wanted.kind is Kind.ROTA and named_in_source(wanted.reference) is not None:
        return Facts(occurrences=occurrences(data, span))
    if wanted.kind is Kind.ROTA:
        return Facts(occurrences=tuple(calendar_events(data, wanted.zone, *span)))
    if data.lstrip(b"\xef\xbb\xbf \r\n")[:6].upper() == b"BEGIN:":
        return Facts(stretches=joined([(event.start, event.end) for event in calendar_events(data, wanted.zone, *span)]))
    if wanted.reference.casefold().endswith(".ics"):
        raise Unreadable("is no calendar: it should begin with BEGIN:VCALENDAR")
    return Facts(stretches=joined(stretches(data, wanted.zone)))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
