"""Lists and windows as text files and CSV: an entry a line, or the first column; from and to in the first two."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from agent.outside.unreadable import Unreadable
from rules.instants import Instant
from rules.local_times import beginning, stretch

MOST_ROWS: Final = 100_000

_HEADINGS: Final = frozenset({"email", "e-mail", "mail", "name", "id", "entry", "user", "requester"})


def entries(data: bytes, *, columns: bool) -> frozenset[str]:
    """The entries of a list in small letters: the first column or, without `columns`, a line each; # begins a remark.

    A first entry that is a word like `email`, `name`, `id` or `entry` is a heading. Raises Unreadable.
    """
    rows = (row for _, row in _rows(data)) if columns else ([line] for _, line in _lines(data))
    found = [row[0].strip() for row in rows if row and row[0].strip()]
    if found and found[0].casefold() in _HEADINGS:
        del found[0]
    return frozenset(entry.casefold() for entry in found)


def stretches(data: bytes, zone: str) -> list[tuple[Instant, Instant]]:
    """[from, to) of each row, its first two columns; times without an offset are local times of the zone.

    A first row that holds no times is a heading. Raises Unreadable with the number of the first line that holds no stretch.
    """
    found = []
    filled = ((number, row) for number, row in _rows(data) if any(cell.strip() for cell in row))
    for place, (number, row) in enumerate(filled):
        if place == 0 and not _is_time(row[0], zone):
            continue
        if len(row) < 2:
            raise Unreadable(f"has a line {number} without an end: write from and to, divided by a comma")
        try:
            found.append(stretch(row[0], row[1], zone))
        except ValueError as error:
            raise Unreadable(f"has a line {number} that is no stretch of time: {error}") from None
    return found


def records(data: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that is not empty by its headings, which are the first row in small letters, with its line. Raises Unreadable."""
    rows = ((number, [cell.strip() for cell in row]) for number, row in _rows(data) if any(cell.strip() for cell in row))
    headings = [cell.casefold() for cell in next(rows, (0, []))[1]]
    for number, row in rows:
        yield number, dict(zip(headings, row, strict=False))


def _is_time(text: str, zone: str) -> bool:
    try:
        beginning(text, zone)
    except ValueError:
        return False
    return True


def _lines(data: bytes) -> list[tuple[int, str]]:
    """Each line that is no remark, with its number."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"is no text in UTF-8 from line {line} on: save it as that") from None
    if "\0" in text:
        raise Unreadable("is no text: it holds null characters")
    lines = [(n, line) for n, line in enumerate(io.StringIO(text, newline=None), 1) if not line.startswith("#")]
    if len(lines) > MOST_ROWS:
        raise Unreadable(f"has more than {MOST_ROWS} rows")
    return lines


def _rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line on which it ends."""
    lines = _lines(data)
    # Spreadsheets of many countries divide columns by semicolons.
    mark = ";" if lines and lines[0][1].count(";") > lines[0][1].count(",") else ","
    reader = csv.reader((line for _, line in lines), delimiter=mark)
    try:
        for row in reader:
            yield lines[reader.line_num - 1][0], row
    except csv.Error as error:
        raise Unreadable(f"is no CSV file: {error} in line {lines[reader.line_num - 1][0]}") from None
