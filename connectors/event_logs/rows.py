"""The rows of an event log as texts: CSV, CSV.gz, XES, XES.gz. Read once, never all in memory."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple, cast
from xml.etree import ElementTree as ET

OF_THE_CASE: Final = "case:"
"""Before the name of an attribute of a whole trace, as process-mining tools write it in tables."""
_XML: Final = (b"<?xml", b"<log", b"\xef\xbb\xbf<")
_BAD: Final = (OSError, EOFError, zlib.error, UnicodeDecodeError, LookupError, csv.Error, ET.ParseError)


class Row(NamedTuple):
    """Where a row stands in its file, for messages, and its values, in the order of the columns that were asked for."""

    place: str
    values: tuple[str, ...]


class LogFile:
    """One file. `header` are its columns: of CSV those of its first line; none are known before all of an XES file was read."""

    def __init__(self, path: Path, delimiter: str = ",", encoding: str = "utf-8-sig") -> None:
        self.path, self._delimiter, self._encoding = path, delimiter, encoding
        with self._opened() as file:
            self.is_xes = file.read(5).startswith(_XML)
        self.header: Sequence[str] = () if self.is_xes else self._first_line()

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Every row, with the values of these columns; empty where it has none.

        Raises ValueError, with file and line, for a file that can't be read, and where one of the columns is not there.
        """
        with self._readable():
            yield from self._of_xes(columns) if self.is_xes else self._of_csv(columns)

    def _of_csv(self, columns: Sequence[str]) -> Iterator[Row]:
        self._refuse([name for name in columns if name not in self.header], self.header)
        places, width = [self.header.index(name) for name in columns], len(self.header)
        with self._opened() as raw, io.TextIOWrapper(raw, self._encoding, newline="") as text:
            reader = csv.reader(text, delimiter=self._delimiter)
            next(reader)
            for row in reader:
                if len(row) == width:
                    yield Row(f"line {reader.line_num}", tuple([row[place] for place in places]))
                elif row:
                    raise ValueError(f"{self.path}, line {reader.line_num}: {len(row)} columns instead of {width}")

    def _of_xes(self, columns: Sequence[str]) -> Iterator[Row]:
        """Attributes of an event go by their keys, those of its trace by theirs with `case:` before them."""
        met: set[str] = set()
        with self._opened() as raw:
            number = 0
            for trace in _elements(raw, "trace"):
                of_case = {f"{OF_THE_CASE}{key}": value for key, value in _attributes(trace)}
                for event in _children(trace, "event"):
                    number += 1
                    known = of_case | dict(_attributes(event))
                    met.update(name for name in columns if name in known)
                    yield Row(f"event {number}", tuple([known.get(name, "") for name in columns]))
        self._refuse([name for name in columns if name not in met], None)

    def _refuse(self, missing: Sequence[str], there: Sequence[str] | None) -> None:
        if missing:
            known = "" if there is None else f"; the columns are {', '.join(there)}"
            raise ValueError(f"{self.path}: there is no column {', '.join(missing)}{known}")

    def _first_line(self) -> Sequence[str]:
        with self._readable(), self._opened() as raw, io.TextIOWrapper(raw, self._encoding, newline="") as text:
            return next(csv.reader(text, delimiter=self._delimiter), [])

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except _BAD as error:
            kind = "XES" if self.is_xes else f"CSV in {self._encoding}"
            raise ValueError(f"{self.path} can't be read as {kind}: {error}") from error

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            with self.path.open("rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
        except OSError as error:
            raise ValueError(f"{self.path} can't be read: {error.strerror}") from error
        with self.path.open("rb") as raw:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw


def _elements(raw: IO[bytes], name: str) -> Iterator[ET.Element]:
    """Each element of this name once it is complete; what was handed out is forgotten."""
    # expat refuses entities that grow beyond measure, and reads no others (https://libexpat.github.io/doc/billion-laughs/)
    events = ET.iterparse(raw, events=("start", "end"))  # noqa: S314
    _, root = next(events)
    for event, element in events:
        if event == "end" and _name(element) == name:
            yield element
            root.clear()


def _children(parent: ET.Element, name: str) -> Iterator[ET.Element]:
    return (each for each in parent if _name(each) == name)


def _attributes(element: ET.Element) -> Iterator[tuple[str, str]]:
    return ((each.attrib["key"], each.attrib["value"]) for each in element if "key" in each.attrib and "value" in each.attrib)


def _name(element: ET.Element) -> str:
    """Without its namespace, which some exports leave out."""
    return element.tag.rpartition("}")[2]
