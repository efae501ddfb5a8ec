"""What encoded queries mean: which terms an instance drops without a word, and which rows the others find.

The product's own words: an invalid part of a query is ignored, and the rest of it runs, unless the property
`glide.invalid_query.returns_no_rows` is true. Names and values are case-sensitive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from connectors.servicenow.site.display import Display, Session
from connectors.servicenow.site.moments import instant_of, stored
from connectors.servicenow.site.paths import Path, path
from connectors.servicenow.site.queries import Query, Term, parsed
from connectors.servicenow.site.related import Related
from connectors.servicenow.site.scripts import evaluated
from connectors.servicenow.site.store import Row, Store
from rules.instants import Instant, instant, moment

Test = Callable[[Row], bool]
Match = Callable[[str], bool]

_WORDS: Final = frozenset({"LIKE", "NOTLIKE", "STARTSWITH", "ENDSWITH"})
_COLUMNS: Final = frozenset({"SAMEAS", "NSAMEAS"})
"""Operators whose value names another column."""
_NUMBERS: Final = frozenset({"integer", "percent_complete"})
_UNITS: Final = {"second": "seconds", "minute": "minutes", "hour": "hours", "day": "days", "dayofweek": "days", "week": "weeks"}
_LAST: Final = "~"
"""Sorts behind every stored date-time."""


@dataclass(frozen=True)
class Reading:
    """What a query is read with. `readable` says whether the caller may read a column; one that is not makes a term invalid."""

    store: Store
    display: Display
    session: Session
    now: Instant
    readable: Callable[[str, str], bool] = lambda _table, _column: True
    zone_of_literals: bool = False  # literal date-times are read in the session's zone instead of UTC


@dataclass(frozen=True)
class Plan:
    """A query that was made sense of. `dropped` are the terms that were not."""

    test: Test
    candidates: Callable[[], Iterable[Row]]
    dropped: tuple[Term, ...]


class Matching:
    """Makes sense of the queries of one caller on one table."""

    def __init__(self, reading: Reading, table: str) -> None:
        self._reading = reading
        self._store = reading.store
        self._table = table
        self._stamp = self._store.stamp_of(table)

    def path(self, field: str) -> Path | None:
        """The walk that a field name describes, if the caller may read all of it."""
        found = path(self._store.tables, self._table, field)
        readable = self._reading.readable
        if found is None or not all(readable(table, step.name) for table, step in zip(found.tables, found.steps, strict=True)):
            return None
        return found

    def plan(self, query: Query) -> Plan:
        """How the rows of a query are found."""
        dropped: list[Term] = []
        groups: list[list[Test]] = []
        for group in query.groups:
            clauses: list[Test] = []
            for clause in group:
                tests = [test for term in clause if (test := self._test(term, dropped))]
                if tests:
                    clauses.append(tests[0] if len(tests) == 1 else _either(tests))
            groups.append(clauses)
        test = _all(groups[0]) if len(groups) == 1 else _either([_all(group) for group in groups])
        for related in query.related:
            if asked := self._related(related):
                test = _all([test, asked])
            else:
                dropped.append(Term("", "", ""))
        return Plan(test, lambda: self._candidates(query), tuple(dropped))

    def _related(self, related: Related | None) -> Test | None:
        """The test of a question about another table; None for one that makes no sense."""
        if related is None or related.table not in self._store.tables or self.path(related.own) is None:
            return None
        there = Matching(self._reading, related.table)
        if there.path(related.field) is None:
            return None
        plan = there.plan(parsed(related.conditions))
        counts = Counter(row.get(related.field, "") for row in plan.candidates() if plan.test(row))
        return lambda row: related.enough(counts[row.get(related.own, "")])

    # --- terms ---------------------------------------------------------------------------------------------------------

    def _test(self, term: Term, dropped: list[Term]) -> Test | None:
        """The test of a term; None, and noted, for an invalid one."""
        found = self.path(term.field) if term.operator else None
        if found and term.operator in _COLUMNS:
            other = self.path(term.value)
            if other is None:
                dropped.append(term)
                return None
            left, right, alike = self._value_at(found), self._value_at(other), term.operator == "SAMEAS"
            return lambda row: (left(row) == right(row)) is alike
        value = self._value(term.value) if found else None
        match = self._match(found, term.operator, value) if found and value is not None else None
        if found is None or match is None:
            dropped.append(term)
            return None
        if found.last.kind == "reference" and term.operator in _WORDS:
            store, now, shown = self._store, self._reading.now, self._reading.display.reader(found.table, found.last)
            return lambda row: match(shown(end) if (end := found.end(row, store, now)) else "")
        value_at = self._value_at(found)
        return lambda row: match(value_at(row))

    def _value_at(self, at: Path) -> Callable[[Row], str]:
        """What reads the value at the end of a walk, empty where it leads nowhere."""
        name, store, now = at.last.name, self._store, self._reading.now
        if len(at.steps) == 1:
            return lambda row: row.get(name, "")
        return lambda row: end.get(name, "") if (end := at.end(row, store, now)) else ""

    def _value(self, text: str) -> str | None:
        if "javascript:" not in text:
            return text
        session, now = self._reading.session, self._reading.now
        parts = [
            evaluated(part, now, session.zone, session.user) if part.startswith("javascript:") else part
            for part in text.split("@")
        ]
        return None if None in parts else "@".join(part for part in parts if part is not None)

    def _match(self, at: Path, operator: str, value: str) -> Match | None:
        column = at.last
        if column.moment:
            return self._moment(operator, value)
        if column.kind in _NUMBERS and operator in {"<", "<=", ">", ">=", "BETWEEN"}:
            return _numbers(operator, value)
        return _texts(operator, value.lower() if column.kind == "boolean" else value)

    def _moment(self, operator: str, value: str) -> Match | None:
        if operator in {"ON", "NOTON"}:
            return self._on(value, negated=operator == "NOTON")
        if operator.startswith("RELATIVE"):
            return self._relative(operator.removeprefix("RELATIVE"), value)
        parts = [self._literal(part) for part in value.split("@")] if operator == "BETWEEN" else [self._literal(value)]
        return _texts(operator, "@".join(parts))

    def _literal(self, text: str) -> str:
        zone = self._reading.session.zone if self._reading.zone_of_literals else None
        at = instant_of(text, zone) if zone else instant_of(text)
        return text if at is None else stored(at)

    def _on(self, value: str, *, negated: bool) -> Match | None:
        """`onToday@start@end`, or one day of the session's zone."""
        parts = value.split("@")
        zone = self._reading.session.zone
        if len(parts) == 3:
            low, high = parts[1], parts[2]
        else:
            first = instant_of(parts[0][:10], zone)
            if first is None:
                return None
            low = stored(first)
            high = stored(instant(moment(first).astimezone(zone).replace(hour=23, minute=59, second=59)))
        return lambda text: bool(text) and (low <= text <= high) is not negated

    def _relative(self, comparison: str, value: str) -> Match | None:
        parts = value.split("@")
        if len(parts) != 4 and len(parts) != 3:
            return None
        unit, direction, number = parts[-3], parts[-2], parts[-1]
        if unit not in _UNITS or direction not in {"ago", "ahead"} or not number.isdigit():
            return None
        span = timedelta(**{_UNITS[unit]: int(number)})
        at = stored(instant(moment(self._reading.now) + (span if direction == "ahead" else -span)))
        return _texts({"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EE": "="}[comparison], at)

    # --- candidates ----------------------------------------------------------------------------------------------------

    def _candidates(self, query: Query) -> Iterable[Row]:
        """Few rows that hold all that the query can find: by index where each group names one, else by stamp, else all."""
        if any(not group for group in query.groups):
            return self._store.every(self._table, self._reading.now)
        indexed = [self._by_index(group) for group in query.groups]
        if len(indexed) == 1 and indexed[0] is not None:
            return indexed[0]
        if all(each is not None for each in indexed):
            return _once(indexed)
        ranges = [self._range(group) for group in query.groups]
        low, high = min(each[0] for each in ranges), max(each[1] for each in ranges)
        if low or high != _LAST or (query.orders and query.orders[0].field == self._stamp):
            return self._store.stamped(self._table, low, high, self._reading.now)
        return self._store.every(self._table, self._reading.now)

    def _by_index(self, group: Iterable[tuple[Term, ...]]) -> Iterator[Row] | None:
        for clause in group:
            (term, *others) = clause
            if others or term.operator not in {"=", "IN"} or not term.value or "javascript:" in term.value:
                continue
            if self.path(term.field) is None:
                continue
            values = term.value.split(",") if term.operator == "IN" else [term.value]
            found = self._store.having(self._table, term.field, values, self._reading.now)
            if found is not None:
                return found
        return None

    def _range(self, group: Iterable[tuple[Term, ...]]) -> tuple[str, str]:
        """The stamps between which the rows of a group lie, both ends counting."""
        low, high = "", _LAST
        for clause in group:
            (term, *others) = clause
            if others or term.field != self._stamp or instant_of(term.value) is None or self.path(term.field) is None:
                continue
            value = self._literal(term.value)
            if term.operator in {">", ">=", "="}:
                low = max(low, value)
            if term.operator in {"<", "<=", "="}:
                high = min(high, value)
        return low, high


def _all(tests: list[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(test(row) for test in tests)


def _either(tests: list[Test]) -> Test:
    return lambda row: any(test(row) for test in tests)


def _once(several: Iterable[Iterator[Row] | None]) -> Iterator[Row]:
    seen: dict[str, Row] = {}
    for rows in several:
        seen |= {row["sys_id"]: row for row in rows or ()}
    return iter(seen.values())


def _texts(operator: str, value: str) -> Match | None:
    among = frozenset(part for part in value.split(",") if part) or frozenset({""})
    low, found, high = value.partition("@")
    known: Mapping[str, Match] = {
        "=": lambda text: text == value,
        "!=": lambda text: text != value,
        ">": lambda text: bool(text) and text > value,
        ">=": lambda text: bool(text) and text >= value,
        "<": lambda text: bool(text) and text < value,
        "<=": lambda text: bool(text) and text <= value,
        "LIKE": lambda text: value in text,
        "NOTLIKE": lambda text: value not in text,
        "STARTSWITH": lambda text: text.startswith(value),
        "ENDSWITH": lambda text: text.endswith(value),
        "IN": lambda text: text in among,
        "NOTIN": lambda text: text not in among,
        "ISEMPTY": lambda text: not text,
        "ISNOTEMPTY": bool,
        "EMPTYSTRING": lambda text: not text,
        "ANYTHING": lambda _: True,
    }
    if operator == "BETWEEN":
        return (lambda text: bool(text) and low <= text <= high) if found else None
    return known.get(operator)


def _numbers(operator: str, value: str) -> Match | None:
    parts = [_number(part) for part in value.split("@")]
    if None in parts or len(parts) != (2 if operator == "BETWEEN" else 1):
        return lambda _: False
    low, high = parts[0] or 0.0, parts[-1] or 0.0
    known: Mapping[str, Callable[[float], bool]] = {
        ">": lambda number: number > low,
        ">=": lambda number: number >= low,
        "<": lambda number: number < low,
        "<=": lambda number: number <= low,
        "BETWEEN": lambda number: low <= number <= high,
    }
    compare = known[operator]
    return lambda text: (number := _number(text)) is not None and compare(number)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
