"""An escalation matrix (which priority, after how long, who) as rules: the spreadsheet in which most policies live.

Three layouts are recognised by their first row: a row for each step (`priority, after, who`); a row for each priority and a
column for each time, with who in the cells; a row for each priority and a column for each role, with times in the cells. Whatever
can't be taken is reported with its row and column, as line and column of the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from rules.language.problems import Place, Report, RulebookError, TooMany, folded, listed, nearest
from rules.protocol.organisation import Organisation
from rules.story_writing import quoted

LONGEST_FILE: Final = 256 * 1024
"""Characters."""

_PRIORITY: Final = frozenset(("priority", "prio", "severity", "sev", "urgency", "level", "incident_priority"))
_AFTER: Final = frozenset(
    (
        "after",
        "time",
        "minutes",
        "mins",
        "min",
        "hours",
        "hrs",
        "days",
        "delay",
        "within",
        "elapsed",
        "escalate_after",
        "time_limit",
        "when",
    )
)
_WHO: Final = frozenset(
    (
        "who",
        "whom",
        "notify",
        "role",
        "contact",
        "escalate_to",
        "to",
        "person",
        "tell",
        "recipient",
        "recipients",
        "team",
        "target",
        "inform",
    )
)
_HOW: Final = frozenset(("how", "by", "action", "channel", "method", "means", "what"))
_NOTHING: Final = frozenset(("", "_", "n/a", "na", "none", "x", "nobody", "\u2013", "\u2014", "."))
_AT_ONCE: Final = frozenset(("immediately", "immediate", "at_once", "now", "straight_away", "instantly"))
_PAGING: Final = re.compile(r"^(?:page|call|phone|ring)\b[\s:]*", re.IGNORECASE)
_PAGED: Final = re.compile(r"\s*\((?:page|call|phone|pager|sms)\)\s*$", re.IGNORECASE)
_TELLING: Final = re.compile(r"^(?:tell|notify|inform|mail|e-?mail)\b[\s:]+", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"\s*(?:[;,/&+\n]|\band\b)\s*", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]+")
_OF_TEAM: Final = re.compile(r"(lead|on[\s_-]?call)\s+of\s+(?:the\s+)?(.+)", re.IGNORECASE)
_TIME: Final = re.compile(
    r"(?:after\s+|\+\s*|>\s*|within\s+)?(?P<number>[0-9]{1,6}(?:[.,][0-9]{1,2})?)\s*(?P<business>business|working|office)?[\s-]*"
    r"(?P<unit>'|m|min|mins|minutes?|h|hr|hrs|hours?|d|days?|w|weeks?)?\.?(?:\s+later)?",
    re.ASCII | re.IGNORECASE,
)
_IMPACT: Final = re.compile(r"\b(?:impact|urgency|auswirkung|dringlichkeit|urgentie|urgence|impacto|urgencia)\b", re.IGNORECASE)
_WANTED: Final = (
    "wanted are the columns Priority, After and Who; or Priority and a column for each time (`15 min`) with who in its cells; or "
    "Priority and a column for each role or team with times in its cells"
)
_UNITS: Final = {"'": 1, "m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}


@dataclass(frozen=True, slots=True)
class _After:
    """A time: how it is written in a rule, and where it stands among the others of its kind."""

    text: str
    business: bool
    minutes: int


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell's text and its place: the line and the number of its column."""

    text: str
    place: Place


@dataclass(slots=True)
class _Ladder:
    """One priority's steps, in the order found: what is done at each time, as YAML."""

    steps: dict[_After, dict[str, None]] = field(default_factory=dict)


def matrix_rules(text: str, file: str, organisation: Organisation, taken: Sequence[str] = (), chain: str | None = None) -> str:
    """The rules of a matrix as the text of a protocol's file: a rule for each priority, a step for each time.

    `chain` is that along which teams among the people get the ticket, where it is not plain; `taken` are ids that rules have
    already. Raises RulebookError with every problem of the file, line and column being row and column of the matrix.
    """
    report = Report()
    ladders: dict[str, _Ladder] = {}
    with suppress(TooMany):
        ladders = _Matrix(file, organisation, chain, report).read(text)
    if not ladders and not report.problems:
        report.problem(Place(file, 1, 1), file, "holds no step; write a row for each: priority, after, who")
    if report.problems:
        raise RulebookError(report.problems)
    return _written(ladders, organisation, file, frozenset(taken))


class _Matrix:
    """Reads one file."""

    def __init__(self, file: str, organisation: Organisation, chain: str | None, report: Report) -> None:
        self._file, self._organisation, self._chain, self._report = file, organisation, chain, report
        self._levels = {folded(level.name): level.name for level in organisation.priorities}
        natives = ((name, level.name) for level in organisation.priorities for names in level.sources.values() for name in names)
        self._natives = {folded(native): word for native, word in natives}
        self._roles = {folded(name): name for name in organisation.roles}
        self._teams = {folded(name): name for name in organisation.teams}
        self._ladders: dict[str, _Ladder] = {}

    def read(self, text: str) -> dict[str, _Ladder]:
        """The ladder of each priority, the most urgent first."""
        start = Place(self._file, 1, 1)
        if self._chain is not None and self._chain not in self._organisation.chains:
            known = self._organisation.chains
            self._report.problem(
                start, self._chain, f"there is no such chain; there are: {listed(known)}", nearest(self._chain, known)
            )
        rows = list(self._rows(text, start))
        if len(rows) > 1:
            self._by_layout(rows[0], rows[1:])
        elif rows:
            self._report.problem(rows[0][0].place, rows[0][0].text, "the first row names the columns; no row follows it")
        order = [level.name for level in self._organisation.priorities]
        return dict(sorted(self._ladders.items(), key=lambda item: order.index(item[0])))

    def _rows(self, text: str, start: Place) -> Iterator[list[_Cell]]:
        text = text.removeprefix("\ufeff")
        if len(text) > LONGEST_FILE:
            self._report.problem(start, self._file, f"longer than {LONGEST_FILE} characters; that is no matrix")
            return
        lines = text.splitlines(keepends=True)
        first = next((line for line in lines if line.strip()), "")
        reader = csv.reader(lines, delimiter=max(",;\t|", key=first.count))
        try:
            for row in reader:
                cells = [_Cell(" ".join(cell.split()), Place(self._file, reader.line_num, n)) for n, cell in enumerate(row, 1)]
                if any(cell.text for cell in cells):
                    yield cells
        except csv.Error as error:
            self._report.problem(Place(self._file, reader.line_num, 1), self._file, f"no table: {error}")

    def _by_layout(self, header: list[_Cell], rows: list[list[_Cell]]) -> None:
        names = [_column(cell.text) for cell in header]
        priority = next((n for n, name in enumerate(names) if name in _PRIORITY), 0)
        after = next((n for n, name in enumerate(names) if name in _AFTER and n != priority), None)
        who = next((n for n, name in enumerate(names) if name in _WHO and n != priority), None)
        how = next((n for n, name in enumerate(names) if name in _HOW), None)
        others = [n for n, cell in enumerate(header) if n != priority and cell.text]
        timed = {n: time for n in others if (time := _time(header[n].text, 1)) is not None}
        if misread := self._no_matrix(header, rows, stepwise=after is not None and who is not None, timed=bool(timed)):
            columns = [header[n] for n in others] or header
            self._report.problem(columns[0].place, ", ".join(cell.text for cell in columns), misread)
            return
        for row, levels in self._with_priorities(rows, priority):
            if after is not None and who is not None:
                self._step(levels, _at(row, after), _at(row, who), _at(row, how), _unit(header[after].text))
            elif len(timed) == len(others):
                for n, time in timed.items():
                    self._add(levels, time, _at(row, n), "")
            else:
                self._timed_cells(levels, header, row, [n for n in others if n not in timed])

    def _no_matrix(self, header: list[_Cell], rows: list[list[_Cell]], *, stepwise: bool, timed: bool) -> str:
        """What is to be said of a table that tells nobody's escalation; "" of one that may."""
        if stepwise:
            return ""
        inner = [cell.text for row in rows for cell in row[1:] if cell.text]
        levels = sum(1 for text in inner if re.search("[^0-9]", text) and self._priority(text))
        named = any(_IMPACT.search(cell.text) for cell in (*header, *(row[0] for row in rows)))
        if levels * 2 > len(inner) or (named and not timed and not any(self._is_somebody(cell.text) for cell in header[1:])):
            return f"tells a ticket's priority by impact and urgency, not who is to know when; {_WANTED}"
        if timed or any(self._is_somebody(cell.text) for cell in header):
            return ""
        return f"neither times nor people, nor the names of columns that hold them; {_WANTED}"

    def _is_somebody(self, text: str) -> bool:
        """Whether a column's header names a role, a team or a person."""
        name = _PAGED.sub("", _TELLING.sub("", _PAGING.sub("", text, count=1), count=1)).strip()
        known = {*self._roles, *self._teams}
        return bool(folded(name) in known or nearest(name, known) or _EMAIL.fullmatch(name) or _OF_TEAM.fullmatch(name))

    def _with_priorities(self, rows: list[list[_Cell]], column: int) -> Iterator[tuple[list[_Cell], list[str]]]:
        """The rows with their priorities; an empty cell means those of the row above, as merged cells are exported."""
        levels: list[str] = []
        for row in rows:
            cell = _at(row, column)
            if cell is not None and cell.text:
                levels = list(self._priorities(cell))
            elif not levels and cell is not None:
                self._report.problem(cell.place, cell.text, "no priority stands here, nor in a row above")
            yield row, levels

    def _priorities(self, cell: _Cell) -> Iterator[str]:
        for word in _BETWEEN.split(cell.text):
            level = self._priority(word)
            if level:
                yield level
            elif word:
                known = [each.name for each in self._organisation.priorities]
                self._report.problem(
                    cell.place, word, f"there is no such priority; there are: {listed(known)}", nearest(word, known)
                )

    def _priority(self, word: str) -> str:
        """The organisation's word for `P1`, `Priority 1`, `1`, `P1 - Critical`, or a source's own name; "" for any other."""
        form = folded(word)
        short = folded(re.sub(r"^(?:priority|prio|severity|sev)\s*", "", word, flags=re.IGNORECASE))
        for known in (form, short, f"p{short}", form.partition("_")[0]):
            if found := self._levels.get(known) or self._natives.get(known):
                return found
        return ""

    def _step(self, levels: list[str], after: _Cell | None, who: _Cell | None, how: _Cell | None, unit: int) -> None:
        if after is None or who is None or folded(who.text) in _NOTHING:
            return
        time = _time(after.text, unit)
        if time is None:
            self._no_time(after)
        self._add(levels, time, who, how.text if how is not None else "")

    def _timed_cells(self, levels: list[str], header: list[_Cell], row: list[_Cell], columns: list[int]) -> None:
        for n in columns:
            cell = _at(row, n)
            if cell is None or folded(cell.text) in _NOTHING:
                continue
            time = _time(cell.text, 1)
            if time is None:
                self._no_time(cell)
            self._add(levels, time, header[n], "")

    def _no_time(self, cell: _Cell) -> None:
        self._report.problem(cell.place, cell.text, "expected a time such as 15, 15 minutes, 4 business hours or at once")

    def _add(self, levels: list[str], time: _After | None, who: _Cell | None, how: str) -> None:
        """A step; without a time, which is reported, it is only looked at who is meant."""
        if who is None or folded(who.text) in _NOTHING:
            return
        deeds = [deed for word in _BETWEEN.split(who.text) if word and (deed := self._deed(word, how, who))]
        if time is None:
            return
        for level in levels:
            step = self._ladders.setdefault(level, _Ladder()).steps.setdefault(time, {})
            step.update(dict.fromkeys(deeds))

    def _deed(self, word: str, how: str, cell: _Cell) -> str:
        paged = bool(_PAGING.match(how) or _PAGING.match(word) or _PAGED.search(word))
        name = _PAGED.sub("", _TELLING.sub("", _PAGING.sub("", word, count=1), count=1)).strip()
        verb = "page" if paged else "tell"
        if _EMAIL.fullmatch(name):
            return f"{verb}: {quoted(name)}"
        if role := self._roles.get(folded(name)):
            return f"{verb}: {quoted(role)}"
        if found := _OF_TEAM.fullmatch(name):
            team = self._teams.get(folded(found[2]))
            if team:
                return f"{verb}: {'lead' if found[1].lower() == 'lead' else 'on_call'} of {team}"
        if team := self._teams.get(folded(name)):
            return self._move(team, cell)
        known = [*self._organisation.roles, *self._organisation.teams]
        expected = f"neither a role nor a team of the organisation, nor an e-mail address; there are: {listed(known)}"
        self._report.problem(cell.place, name, expected, nearest(name, known))
        return ""

    def _move(self, team: str, cell: _Cell) -> str:
        chains = [name for name, chain in self._organisation.chains.items() if team in [tier.team for tier in chain.tiers]]
        if self._chain is not None and self._chain in self._organisation.chains:
            if self._chain in chains:
                return f"escalate: {{chain: {self._chain}, to: {team}}}"
            self._report.problem(cell.place, team, f"no tier of the chain {self._chain}; the team is in: {listed(chains)}")
        elif len(chains) == 1:
            return f"escalate: {{chain: {chains[0]}, to: {team}}}"
        elif chains:
            self._report.problem(cell.place, team, f"in several chains; say which with --chain: {listed(chains)}")
        else:
            return f"assign: {team}"
        return ""


def _at(row: list[_Cell], column: int | None) -> _Cell | None:
    return row[column] if column is not None and column < len(row) else None


def _column(header: str) -> str:
    """A column's name without what stands in brackets behind it."""
    name = folded(re.sub(r"[(\[].*$", "", header).strip(" :.#"))
    return "minutes" if re.fullmatch(r"after_(min|mins|minutes|hours)", name) else name


def _unit(header: str) -> int:
    """Minutes in a bare number of a column, from its header: `After (h)`, `Minutes`."""
    found = re.search(r"\b(min|minutes?|mins|h|hrs?|hours?|d|days?)\b", header.replace("_", " "), re.IGNORECASE)
    return _UNITS[found[1][0].lower()] if found else 1


def _time(text: str, unit: int) -> _After | None:
    """A time as a duration of the language; None for a text that is none. `unit`: the minutes of a number without one."""
    if folded(text) in _AT_ONCE:
        return _After("0 minutes", business=False, minutes=0)
    if folded(text) in {"next_business_day", "next_working_day"}:
        return _After("1 business day", business=True, minutes=24 * 60)
    found = _TIME.fullmatch(text.strip())
    if not found:
        return None
    minutes_each = _UNITS[found["unit"][0].lower()] if found["unit"] else unit
    number = float(found["number"].replace(",", "."))
    minutes = round(number * minutes_each)
    business = bool(found["business"])
    if business and minutes_each == _UNITS["d"] and number == int(number):
        return _After(_plural(int(number), "business day"), business, minutes)
    if minutes and minutes % 60 == 0 and minutes_each >= 60:
        return _After(_plural(minutes // 60, "business hour" if business else "hour"), business, minutes)
    return _After(_plural(minutes, "business minute" if business else "minute"), business, minutes)


def _plural(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _written(ladders: dict[str, _Ladder], organisation: Organisation, file: str, taken: frozenset[str]) -> str:
    statuses = "status: [new, open]"
    lines = [f"# Made from {' '.join(file.split())} by hoist rules matrix. New rules only watch.", "rules:"]
    used = set(taken)
    for level, ladder in ladders.items():
        rule = _id(level, used)
        used.add(rule)
        lines += [f"  - rule: {rule}", f"    title: {quoted(f'Escalation of {level} tickets')}"]
        if "always" in organisation.calendars and not any(time.business for time in ladder.steps):
            lines.append("    calendar: always")
        lines += [f"    when: {{priority: {quoted(level)}, {statuses}}}", "    steps:"]
        for time in _in_order(ladder):
            lines += [f"      - after: {time.text}", "        do:", *(f"          - {deed}" for deed in ladder.steps[time])]
    return "\n".join(lines) + "\n"


def _in_order(ladder: _Ladder) -> list[_After]:
    """By time; where business time stands beside plain time, which can't be compared, as they were found."""
    times = list(ladder.steps)
    return sorted(times, key=lambda time: time.minutes) if len({time.business for time in times}) == 1 else times


def _id(level: str, used: set[str]) -> str:
    base = "matrix-" + (re.sub("[^a-z0-9]+", "-", level.lower()).strip("-")[:40] or "rule")
    return next(name for number in range(1, len(used) + 2) if (name := base if number == 1 else f"{base}-{number}") not in used)
