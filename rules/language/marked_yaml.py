"""YAML in which every value knows its place and every scalar is text.

`on`, `no`, `22:00`, dates and leading zeros mean what is written, since no scalar is resolved to another type. Anchors, aliases,
tags and further documents are refused, so that a file means what its lines show and can't grow while it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Self

import yaml

from rules.language.problems import Place, Report
from rules.language.syntax import report_syntax

LONGEST_FILE: Final = 256 * 1024
"""Characters. Five hundred long rules fit; a bigger protocol is written in several files."""

DEEPEST: Final = 30
"""Blocks within blocks."""

# libyaml is more than ten times faster than the parser in Python (8 ms against 230 ms for 33,000 characters).
_FAST: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_UNREADABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LINE_END: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Text(str):
    """A scalar, or a key, with its place."""

    __slots__ = ("place",)
    place: Place

    def __new__(cls, text: str, place: Place) -> Self:
        self = super().__new__(cls, text)
        self.place = place
        return self


class Items(list["Node"]):
    """A list with the place of its beginning."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


class Block(dict[Text, "Node"]):
    """A mapping with the place of its brace, or else of its first key."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


Node = Text | Items | Block


class _Unreadable(Exception):
    """The rest of the file can't be read; the report says why."""


def read(file: str, text: str, report: Report) -> Node | None:
    """The file's one document; None where it is empty or can't be read. What is wrong goes to the report."""
    text = text.removeprefix("\ufeff")
    lines = _LINE_END.split(text)
    if len(text) > LONGEST_FILE:
        report.problem(Place(file, 1, 1), file, f"longer than {LONGEST_FILE} characters; divide it into several files")
        return None
    if odd := _UNREADABLE.search(text):
        before = _LINE_END.split(text[: odd.start()])
        place = Place(file, len(before), len(before[-1]) + 1)
        report.problem(place, f"U+{ord(odd[0]):04X}", "a character that no text file should hold; save the file as UTF-8")
        return None
    try:
        return _Composer(file, lines, report).document(yaml.parse(text, Loader=_FAST))
    except yaml.MarkedYAMLError as error:
        report_syntax(file, text, error, report)
    except _Unreadable:
        pass
    return None


def _left_open(text: str) -> bool:
    """Whether a bracket, brace or double quote in a text has no end."""
    return any(text.count(start) > text.count(end) for start, end in ("()", "[]", "{}")) or text.count('"') % 2 == 1


class _Composer:
    """Builds nodes from the events of a parser."""

    def __init__(self, file: str, lines: list[str], report: Report) -> None:
        self._file, self._lines, self._report = file, lines, report
        self._events: Iterator[yaml.Event] = iter(())

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        self._events = events
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, 0)
            elif isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise self._refused(event, "---", "a second document begins here; a file holds one, remove this line")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        self._refuse_extras(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth == DEEPEST:
            raise self._refused(event, self._at(event), f"more than {DEEPEST} levels deep; write it with fewer")
        if isinstance(event, yaml.SequenceStartEvent):
            items = Items(self._place(event))
            while not isinstance(following := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(following, depth + 1))
            return items
        return self._block(event, depth)

    def _block(self, event: yaml.Event, depth: int) -> Block:
        block = Block(self._place(event))
        while not isinstance(following := next(self._events), yaml.MappingEndEvent):
            key = self._node(following, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Text) or not key:
                self._report.problem(key.place, self._at(following), "a key must be one word or text before a colon")
            elif key in block:
                first = next(known for known in block if known == key).place
                self._report.problem(key.place, key, f"written twice in this block; the first is at {first}")
            else:
                block[key] = value
        return block

    def _scalar(self, event: yaml.ScalarEvent) -> Text:
        text = Text(event.value, self._place(event))
        if odd := _CONTROL.search(text):
            self._report.problem(
                text.place, text, f"U+{ord(odd[0]):04X} is a control character, which a terminal would obey; leave it out"
            )
        if not event.style and event.end_mark is not None and event.value:
            rest = self._lines[event.end_mark.line][event.end_mark.column :]
            # `# so` is how a remark is written, `#5` is how a text goes on, and so is whatever leaves a bracket open
            if re.match(r"\s+#[^\s#-]", rest) or (re.match(r"\s+#", rest) and _left_open(text)):
                self._report.hint(text.place, text, f'the text ends before "{rest.strip()[:30]}"; put the whole of it in quotes')
        return text

    def _refuse_extras(self, event: yaml.Event) -> None:
        """Tags, anchors and aliases: most of them are meant as text."""
        sign = ""
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            sign = "!"
        if sign:
            what = {"*": "aliases", "&": "anchors", "!": "tags"}[sign]
            expected = f"a text that begins with {sign} needs quotes; YAML's {what} are not part of this language"
            raise self._refused(event, self._at(event), expected)

    def _refused(self, event: yaml.Event, text: str, expected: str) -> _Unreadable:
        self._report.problem(self._place(event), text, expected)
        return _Unreadable()

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark is not None else Place(self._file, 1, 1)

    def _at(self, event: yaml.Event) -> str:
        place = self._place(event)
        return self._lines[place.line - 1][place.column - 1 :] if place.line <= len(self._lines) else ""
