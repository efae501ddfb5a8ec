"""Changes of a YAML text that leave all the rest as it is written, remarks and layout too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rules.language.problems import folded

_PLAIN: Final = re.compile(r"[^\W_][\w@./+-]*(?: [\w@./+-]+)*")


class Edit(NamedTuple):
    """What stands in [start, end) of a file's text gives way to other text."""

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file, with where everything stands in it."""

    file: str
    text: str
    root: Node

    def value(self, block: Node | None, key: str) -> Node | None:
        """What a block says under a key, in whatever spelling."""
        return next((value for name, value in _entries(block) if folded(str(name.value)) == folded(key)), None)

    def named(self, block: Node | None, name: str) -> Node | None:
        """What a block says under a name, which has one spelling."""
        return next((value for key, value in _entries(block) if key.value == name), None)

    def items(self, node: Node | None) -> list[Node]:
        """Those of a list; one value alone is a list of it."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        return [] if node is None else [node]

    def replaced(self, node: Node, text: str) -> Edit:
        """Other text in the place of a value."""
        return Edit(self.file, node.start_mark.index, _end(node), text)

    def with_key(self, block: MappingNode, key: str, text: str) -> Edit:
        """The block with this text under a key, whether it is there or not."""
        there = self.value(block, key)
        if there is not None:
            return self.replaced(there, text)
        entries = _entries(block)
        if block.flow_style:
            end = _end(entries[-1][1]) if entries else block.start_mark.index + 1
            return Edit(self.file, end, end, f"{', ' if entries else ''}{key}: {text}")
        name, first = entries[0]
        margin = "\n" + " " * name.start_mark.column
        if isinstance(first, ScalarNode) and not first.style and first.start_mark.line == name.start_mark.line:
            end = self._line_end(_end(first))
            return Edit(self.file, end, end, f"{margin}{key}: {text}")
        return Edit(self.file, name.start_mark.index, name.start_mark.index, f"{key}: {text}{margin}")

    def without_key(self, block: MappingNode, key: str) -> Edit:
        """The block without that key, which is not its only one."""
        entries = _entries(block)
        place = next(number for number, (name, _) in enumerate(entries) if folded(str(name.value)) == folded(key))
        return self._without(block, [(name.start_mark.index, _end(value)) for name, value in entries], place)

    def without_item(self, block: SequenceNode, place: int) -> Edit:
        """The list without one of its items, which is not the only one."""
        return self._without(block, [(item.start_mark.index, _end(item)) for item in block.value], place)

    def swapped(self, one: Node, other: Node) -> list[Edit]:
        """The two in each other's places."""
        texts = [self.text[node.start_mark.index : _end(node)] for node in (one, other)]
        return [self.replaced(one, texts[1]), self.replaced(other, texts[0])]

    def after_item(self, block: SequenceNode, place: int, text: str) -> Edit:
        """The list with one more item after one of its own."""
        item = block.value[place]
        end = _end(item)
        if block.flow_style:
            return Edit(self.file, end, end, f", {text}")
        start = self._line_start(item.start_mark.index)
        end = self._line_end(end)
        return Edit(self.file, end, end, f"\n{self.text[start : item.start_mark.index]}{text}")

    def _without(self, block: MappingNode | SequenceNode, spans: list[tuple[int, int]], place: int) -> Edit:
        start, end = spans[place]
        begins = self._line_start(start)
        if not block.flow_style and self.text[begins:start].strip() == ("-" if isinstance(block, SequenceNode) else ""):
            return Edit(self.file, begins, min(self._line_end(end) + 1, len(self.text)), "")
        if place + 1 < len(spans):  # beside a brace, or the dash of a list
            return Edit(self.file, start, spans[place + 1][0], "")
        return Edit(self.file, spans[place - 1][1], end, "")

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found


def document(file: str, text: str) -> Document | None:
    """A file that can be read; None for an empty one."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return None if root is None else Document(file, text, root)


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with changes that do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def scalar(text: str) -> str:
    """A text as YAML writes it: in quotes where it needs them."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _entries(block: Node | None) -> list[tuple[Node, Node]]:
    return list(block.value) if isinstance(block, MappingNode) else []


def _end(node: Node) -> int:
    """Past its last character: where a block ends for the parser, the remarks and empty lines after it have been passed."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)
