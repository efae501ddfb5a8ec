"""Schedules that an instance keeps (cmn_schedule): their entries, those of their child schedules, and the week that they come to.

The type of a child says whether it takes time away, as holidays do, or adds some. Where a table or a column is hidden or missing,
hoist says so and tells nothing: half a schedule would be a wrong one.
https://www.servicenow.com/docs/bundle/zurich-platform-administration/page/administer/time/concept/c_Schedules.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from connectors.contract import Timetable
from connectors.errors import AskAdmin, GiveUp
from connectors.servicenow import spans, wire
from connectors.servicenow.client import Query, ServiceNowClient
from connectors.servicenow.facts import IDS_AT_ONCE
from connectors.servicenow.spans import NotUnderstood, Span, Stretch, open_stretches
from connectors.servicenow.wire import Row
from rules.instants import Instant, moment

_SCHEDULE: Final = ("sys_id", "name", "time_zone", "type", "parent")
_CHILD: Final = ("schedule", "child_schedule", "type")
_YEARS: Final = 10
"""Years back and ahead of which each date is told that differs from the week."""
_DEEPEST: Final = 3
_MINUTES: Final = 24 * 60
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)

Shifts = tuple[tuple[int, int], ...]


class Open(NamedTuple):
    """A schedule's time zone, and when it is open, in UTC."""

    zone: str
    stretches: Sequence[Stretch]


class Schedules:
    """Asks afresh each time, a handful of requests."""

    def __init__(self, client: ServiceNowClient) -> None:
        self._client, self._source = client, client.source

    def timetable(self, name: str, now: Instant) -> Timetable:
        """The opening hours of a schedule. Raises GiveUp, AskAdmin and TryLater."""
        row = self.one("cmn_schedule", name, _SCHEDULE)
        zone, year = self.zone(row), moment(now).year
        try:
            id_ = wire.text(row, "sys_id")
            entries = self._entries({id_: zone or "UTC"})[id_]
        except NotUnderstood as why:
            raise GiveUp(
                f"{self._source}: the schedule {name} is not used, since {why}; write its hours in the protocol"
            ) from None
        found = _timetable(zone, entries, year)
        if not found.hours:
            raise GiveUp(f"{self._source}: the schedule {name} opens on no day of the week; name another one")
        return found

    def open(self, ids: Sequence[str], zone: str, first: date, last: date) -> dict[str, Open]:
        """When each of some schedules is open between two dates; `zone` is that of a schedule without one.

        Raises NotUnderstood.
        """
        zones = {wire.text(row, "sys_id"): self.zone(row) or zone for row in self._rows_of(ids)}
        entries = self._entries(zones)
        laid = {id_: open_stretches(entries[id_], first, last) for id_ in zones}
        return {id_: Open(own, [in_utc(each, own) for each in laid[id_]]) for id_, own in zones.items()}

    def zone(self, row: Row) -> str:
        """The time zone of a schedule, empty where it is that of whoever asks. Raises GiveUp for one that nobody knows."""
        zone = wire.text(row, "time_zone")
        zone = "" if zone == "floating" else zone
        try:
            return ZoneInfo(zone).key if zone else ""
        except (KeyError, ValueError, OSError):
            said = f"the schedule {wire.text(row, 'name')} is kept in a time zone that is not known, {zone}"
        raise GiveUp(f"{self._source}: {said}; write its hours in the protocol")

    def _entries(self, zones: Mapping[str, str], depth: int = 0) -> dict[str, list[Span]]:
        """The entries of some schedules and of their children, by sys_id; `zones` are theirs. Raises NotUnderstood."""
        columns = (*spans.COLUMNS, *spans.RECURRENCE)
        found: dict[str, list[Span]] = {id_: [] for id_ in zones}
        for row in self.rows("cmn_schedule_span", "schedule", list(zones), columns, needed=spans.COLUMNS):
            id_ = wire.text(row, "schedule")
            found[id_].append(spans.span_of(row, zones[id_]))
        children = list(self._children(list(zones)))
        if not children:
            return found
        if depth == _DEEPEST:
            raise NotUnderstood(f"its children have children of their own, more than {_DEEPEST} deep")
        below: dict[str, str] = {}
        for parent, row, _ in children:
            wanted, own = zones[parent], self.zone(row)
            if own not in {"", wanted} or below.setdefault(wire.text(row, "sys_id"), wanted) != wanted:
                raise NotUnderstood(
                    f"its child {wire.text(row, 'name')} is kept in another time zone, {own or 'that of another one'}"
                )
        entries = self._entries(below, depth + 1)
        for parent, row, type_ in children:
            theirs = entries[wire.text(row, "sys_id")]
            found[parent] += [replace(each, off=True) for each in theirs] if type_ == "exclude" else theirs
        return found

    def _children(self, ids: Sequence[str]) -> Iterator[tuple[str, Row, str]]:
        """The schedules that belong to others: to which, their row, and what they do there."""
        below = {wire.text(row, "sys_id"): row for row in self.rows("cmn_schedule", "parent", ids, _SCHEDULE)}
        linked = [
            (wire.text(row, "schedule"), wire.text(row, "child_schedule"), wire.text(row, "type"))
            for row in self.rows("cmn_other_schedule", "schedule", ids, _CHILD)
        ]
        told = {(parent, child) for parent, child, _ in linked}
        rows = {wire.text(row, "sys_id"): row for row in self._rows_of([child for _, child, _ in linked])}
        for parent, child, type_ in linked:
            if child not in rows:
                raise NotUnderstood("one of its children is hidden from hoist's account")
            yield parent, rows[child], type_
        for child, row in below.items():
            if (parent := wire.text(row, "parent")) != child and (parent, child) not in told:
                yield parent, row, wire.text(row, "type")

    def _rows_of(self, ids: Sequence[str]) -> list[Row]:
        return self.rows("cmn_schedule", "sys_id", [id_ for id_ in dict.fromkeys(ids) if wire.SYS_ID.fullmatch(id_)], _SCHEDULE)

    # --- asking ---------------------------------------------------------------------------------------------------------

    def one(self, table: str, name: str, columns: tuple[str, ...]) -> Row:
        """The row of that name. Raises GiveUp where there is none, or more than one."""
        if "^" in name or name.casefold().startswith("javascript:"):
            raise GiveUp(f"{self._source}: {name} can't be asked for by its name; call it otherwise in ServiceNow")
        rows = self._asked(Query(table, f"name={name}", columns), columns)
        found = [row for row in rows if wire.text(row, "name") == name and wire.text(row, "active") != "false"]
        if len(found) != 1:
            there = f"has {len(found)} rows" if found else "has no row"
            raise GiveUp(
                f"{self._source}: {table} {there} called {name} that hoist's account may read; name it as it is called there"
            )
        return found[0]

    def rows(
        self, table: str, column: str, values: Sequence[str], columns: tuple[str, ...], needed: tuple[str, ...] = ()
    ) -> list[Row]:  # fmt: skip
        """The rows that hold one of some sys_ids in a column. Raises AskAdmin where a column of them that is `needed` is hidden.

        All of them are, unless said.
        """
        found: list[Row] = []
        for start in range(0, len(values), IDS_AT_ONCE):
            some = values[start : start + IDS_AT_ONCE]
            query = Query(table, f"{column}IN{','.join(some)}", columns, of=(column, frozenset(some)))
            found += self._asked(query, needed or columns)
        return found

    def _asked(self, query: Query, needed: tuple[str, ...]) -> list[Row]:
        rows = self._client.find_if_allowed(query)
        lacks = f"{self._source}: hoist's account lacks read access to {query.table}"
        if rows is None:
            raise AskAdmin(f"{lacks}, or the instance has no such table; grant it, or write in the protocol what it would tell")
        hidden = dict.fromkeys(column for row in rows for column in needed if wire.cell(row, column) is None)
        if hidden:
            raise AskAdmin("; ".join(f"{lacks}.{column}" for column in hidden) + "; grant it")
        return rows


def in_utc(stretch: Stretch, zone: str) -> Stretch:
    """A local stretch in UTC; of an hour that the clocks show twice the first one begins it and the second one ends it."""
    start, end = stretch
    place = ZoneInfo(zone)
    return start.replace(tzinfo=place).astimezone(UTC), end.replace(tzinfo=place, fold=1).astimezone(UTC)


def _timetable(zone: str, entries: Sequence[Span], year: int) -> Timetable:
    """The week that most dates of this year and later ones have, and the dates that differ from it."""
    first, last = date(year - _YEARS, 1, 1), date(year + _YEARS, 12, 31)
    by_date: dict[date, list[tuple[int, int]]] = {}
    for start, end in open_stretches(entries, first, last):
        for day, shift in _shifts(start, end):
            by_date.setdefault(day, []).append(shift)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    patterns: Mapping[int, Counter[Shifts]] = {weekday: Counter() for weekday in range(7)}
    for day in days:
        if day.year >= year:
            patterns[day.weekday()][tuple(by_date.get(day, ()))] += 1
    week = {weekday: counted.most_common(1)[0][0] for weekday, counted in patterns.items()}
    dates = {day: shifts for day in days if (shifts := tuple(by_date.get(day, ()))) != week[day.weekday()]}
    return Timetable(zone, {weekday: shifts for weekday, shifts in week.items() if shifts}, dates)


def _shifts(start: datetime, end: datetime) -> Iterator[tuple[date, tuple[int, int]]]:
    """A stretch as shifts of the dates on which they begin: as a whole up to a day, cut at midnights where it is longer."""
    while start < end:
        midnight = datetime.combine(start.date(), datetime.min.time())
        until = end if end - start < _DAY else min(end, midnight + _DAY)
        begins, ends = ((at - midnight) // _MINUTE for at in (start, until))
        if begins < ends:
            yield start.date(), (begins, ends if ends <= _MINUTES else ends - _MINUTES)
        start = until
