"""An event log as tickets: each issue's rows, in the order of time, become one timeline.

A row is the state right after a change. What differs from the row before is what was changed, by the row's author; a row that
says the same again is a touch. Nothing is known of an issue before its first row. What the log fills from the future is left out
(`connectors.event_logs.leaks`), and what it has no column for is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from connectors.event_logs.leaks import Leak, Watch
from connectors.event_logs.rows import OF_THE_CASE, LogFile, Row
from connectors.event_logs.shape import FIELDS, LogShape, known_shape, read_shape
from connectors.event_logs.spool import Spool
from rules.instants import FOREVER, Instant, instant
from rules.thanks import only_thanks
from rules.ticket import NATIVE, TARGET, UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value

_NOBODY_NAMED: Final = Actor("", Kind.STAFF)
"""Of a log that names nobody: its rows are taken as acts of the staff."""
_PROGRAM: Final = Actor("", Kind.AUTOMATION)
_INSTANTS: Final = ("due", TARGET)


@dataclass
class Seen:
    """What occurs in a log: teams with the number of their rows, their lines, priorities, people; its first and last instant."""

    teams: dict[str, int] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    priorities: dict[str, None] = field(default_factory=dict)
    people: dict[str, None] = field(default_factory=dict)
    first: Instant = FOREVER
    last: Instant = 0


class _Known(NamedTuple):
    """A row in hoist's words."""

    at: Instant
    by: Actor
    values: dict[str, Value]
    said: tuple[str, bool] | None


class EventLog:
    """A log that was read once from end to end. `close` it in the end.

    `shape` says how it was read, `issues` and `rows` how many there are, `seen` what occurs in them, and `leaks` which fields are
    left out. Raises ValueError, with file and line, where it can't be read.
    """

    def __init__(self, path: Path, mapping: Path | None = None, source: str = "", trusted: Sequence[str] = ()) -> None:
        shape = read_shape(mapping) if mapping is not None else None
        file = LogFile(path, shape.delimiter, shape.encoding) if shape is not None else LogFile(path)
        if file.is_xes and shape is None:
            raise ValueError(f"{path} is XES, whose attributes every desk names as it likes: name a mapping file")
        self.path, self.shape = path, shape or known_shape(path, file.header)
        self.source = source or self.shape.source or "log"
        self.fields = {field: column for name, column in self.shape.columns.items() if (field := field_of(name))}
        self._names = tuple(self.shape.columns)
        self._trusted = trusted
        kept = set(self.shape.kept_if_empty)
        if file.is_xes:  # an event tells what it is about, and has no attribute for all else
            kept |= {column for column in self.shape.columns.values() if not column.startswith(OF_THE_CASE)}
        self._read = _Reading(path, self.shape, self.source, self._names, kept)
        self._spool = Spool()
        issue = self._names.index("issue")
        self._spool.fill((row.values[issue], row) for row in file.rows(tuple(self.shape.columns.values())))
        self.issues, self.rows = self._spool.issues, self._spool.rows
        if not self.rows:
            raise ValueError(f"{path} has no rows")
        self.seen, self.leaks = self._looked_through()
        self._read.left_out = frozenset(leak.field for leak in self.leaks)
        self._read.last = self.seen.last

    def take_as(self, source: str) -> None:
        """Read the tickets as those of another source: the one whose names the log uses."""
        self.source = self._read.source = source

    def close(self) -> None:
        """Forget what was read."""
        self._spool.close()

    def tickets(self) -> Iterator[Ticket]:
        """Every issue as a ticket, in the order of their names; read anew each time it is asked for."""
        return (self._read.ticket(issue, rows) for issue, rows in self._spool.by_issue())

    def _looked_through(self) -> tuple[Seen, tuple[Leak, ...]]:
        shape, read = self.shape, self._read
        trusted = (*shape.known_from_start, *(self.fields.get(name, name) for name in self._trusted))
        watch = Watch(self.fields, trusted, shape.from_the_future, read.date)
        seen = Seen()
        places = {field_of(name): place for place, name in enumerate(self._names)}
        line = self._names.index("line") if "line" in self._names else None
        for issue, found in self._spool.by_issue():
            rows = read.in_order(found)
            stamps = [at for at, _ in rows]
            watch.see(stamps, {field: [row.values[places[field]] for _, row in rows] for field in self.fields})
            seen.first, seen.last = min(seen.first, stamps[0]), max(seen.last, stamps[-1])
            for known in read.known(issue, rows):
                _note(seen, known)
            if line is not None:
                seen.lines.update((row.values[places["team"]], row.values[line]) for _, row in rows)
        return seen, watch.leaks()


def field_of(name: str) -> str:
    """The field of a ticket that a column fills by its name in the mapping; "" where it fills none."""
    return name if name.startswith((NATIVE, TARGET)) else FIELDS.get(name, "")


def _note(seen: Seen, known: _Known) -> None:
    team, priority, person = (known.values.get(name) for name in ("team", "priority", "assignee"))
    if isinstance(team, str):
        seen.teams[team] = seen.teams.get(team, 0) + 1
    if isinstance(priority, str):
        seen.priorities[priority] = None
    if isinstance(person, str):
        seen.people[person] = None


class _Reading:
    """Turns the rows of one log into tickets."""

    def __init__(self, path: Path, shape: LogShape, source: str, names: Sequence[str], kept: Collection[str]) -> None:
        self.path, self.shape, self.source = path, shape, source
        self._kept = {field for name, column in shape.columns.items() if column in kept and (field := field_of(name))}
        self.left_out: frozenset[str] = frozenset()
        self.last: Instant = 0
        self._at = {name: place for place, name in enumerate(names)}
        self._fields = [(field, place) for place, name in enumerate(names) if (field := field_of(name))]
        self._statuses = shape.meanings()
        self._zone = shape.zone()
        self._empty, self._unknown = frozenset(("", *shape.empty)), frozenset(shape.unknown)
        self._actors = {name: Actor(name, Kind.AUTOMATION) for name in shape.automatic}
        self._never_set: dict[str, Value] = {field_of(name) or name: () if name == "labels" else None for name in shape.never_set}

    def date(self, text: str) -> Instant | None:
        """The instant that a text names; None where it names none."""
        # beside stamps with a time of day there are often dates without one, in the same order of day and month
        forms = dict.fromkeys((self.shape.time_format, *self.shape.time_format.split(maxsplit=1)[:1], ""))
        return next((at for form in forms if (at := self._instant(text, form)) is not None), None)

    def _instant(self, text: str, form: str) -> Instant | None:
        try:
            moment = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - the zone comes next
        except ValueError:
            return None
        if moment.tzinfo is None:
            if self._zone is None:
                return None
            moment = moment.replace(tzinfo=self._zone)
        return instant(moment)

    def in_order(self, rows: Sequence[Row]) -> list[tuple[Instant, Row]]:
        """The rows of an issue with their instants, by time, those of one instant as in the file; what is there twice, once."""
        once: dict[tuple[Instant, tuple[str, ...]], Row] = {}
        for row in rows:
            once.setdefault((self._stamp(row), row.values), row)
        return sorted(((at, row) for (at, _), row in once.items()), key=lambda each: each[0])

    def ticket(self, issue: str, rows: Sequence[Row]) -> Ticket:
        known = self.known(issue, self.in_order(rows))
        first, last = known[0], known[-1]
        created = self._created(rows[0], first.at)
        changes: list[Change] = []
        messages: list[Message] = []
        for number, (before, row) in enumerate(pairwise(known), start=1):
            values, old = row.values, before.values
            changed = [name for name, value in values.items() if value != old[name]]
            changes += [Change(row.at, row.at, number, str(number), name, old[name], values[name], row.by) for name in changed]
            if row.said is not None or not changed:  # somebody touched it; what was done the log does not say
                messages.append(self._message(number, row))
        if first.said is not None:
            messages.insert(0, self._message(0, first))
        return Ticket(
            ref=TicketRef(self.source, issue),
            key=issue,
            url="",
            version="",
            created=created,
            known=self.last,
            fields={**self._never_set, **last.values},
            changes=tuple(changes),
            messages=tuple(messages),
            complete_from=first.at,
        )

    def known(self, issue: str, rows: Sequence[tuple[Instant, Row]]) -> list[_Known]:
        """An issue's rows in hoist's words."""
        found: list[_Known] = []
        native, status = "", None
        for at, row in rows:
            word = row.values[self._at["status"]]
            if word not in self.shape.unchanging and (word in self._statuses or not self.shape.other):
                native, status = word, self._statuses.get(word)
            if status is None:
                raise ValueError(
                    f"{self.path}, {row.place}: the mapping gives no status for {word!r}"
                    + (f", and {issue} has none before" if word in self.shape.unchanging or self.shape.other else "")
                )
            values: dict[str, Value] = {"status": status.value, "native_status": native}
            for name, place in self._fields:
                text = row.values[place]
                values[name] = found[-1].values[name] if found and not text and name in self._kept else self._value(name, text)
            if native in self.shape.unassigned_in or values.get("assignee") in self._actors:
                values["assignee"] = None
            found.append(_Known(at, self._author(row, values), values, self._said(row)))
        return found

    # --- one row ---------------------------------------------------------------------------------------------------------

    def _stamp(self, row: Row) -> Instant:
        text = row.values[self._at["at"]]
        at = self._instant(text, self.shape.time_format)
        if at is None:
            form = f"is not of the form {self.shape.time_format}" if self.shape.time_format else "is no date in ISO 8601"
            zone = "" if self._zone is not None else ", or has no offset and the mapping names no time_zone"
            raise ValueError(f"{self.path}, {row.place}: {text!r} names no instant: it {form}{zone}")
        return at

    def _created(self, row: Row, first: Instant) -> Instant:
        """When it was created, if the log says so and that is not later than its first row."""
        place = self._at.get("created")
        said = self.date(row.values[place]) if place is not None else None
        return first if said is None else min(said, first)

    def _value(self, name: str, text: str) -> Value:
        if name in self.left_out or text in self._unknown:
            return UNKNOWN
        if text in self._empty:
            return () if name == "labels" else None
        if name == "labels":
            return tuple(sorted({label.strip() for label in text.replace(";", ",").split(",")} - {""}))
        if name.startswith(_INSTANTS):
            at = self.date(text)
            return UNKNOWN if at is None else at
        if name == "priority" and self.shape.priorities:
            return self.shape.priorities.get(text, text)
        return text

    def _author(self, row: Row, values: Mapping[str, Value]) -> Actor:
        place = self._at.get("author", self._at.get("assignee"))
        if place is None:
            return _NOBODY_NAMED
        name = row.values[place]
        if name in self._empty:
            return _PROGRAM
        if name == values.get("requester"):
            return Actor(name, Kind.REQUESTER)
        return self._actors.get(name) or Actor(name, Kind.STAFF)

    def _said(self, row: Row) -> tuple[str, bool] | None:
        text = row.values[self._at["comment"]] if "comment" in self._at else ""
        public = row.values[self._at["public"]] if "public" in self._at else ""
        return (text, public.strip().lower() in {"1", "true", "yes", "public"}) if text else None

    def _message(self, number: int, row: _Known) -> Message:
        text, public = row.said or ("", False)
        thanks = row.by.kind is Kind.REQUESTER and bool(text) and only_thanks(text)
        return Message(row.at, row.at, str(number), row.by, public=public, thanks=thanks)
