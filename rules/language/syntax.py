"""Mistakes of YAML itself, in plain words and at the line to mend."""

from __future__ import annotations

import re
from typing import Final

import yaml

from rules.language.problems import Place, Report

_EXPLAINED: Final = 32 * 1024
"""Characters up to which a file is parsed again for a better explanation: a quarter of a second at most."""

_ESCAPED: Final = (
    "a backslash in double quotes begins a sign such as \\n: put the text in single quotes instead, or write the backslash twice"
)

_CUT_IN_BRACKETS: Final = "` #` begins a remark, which takes the closing bracket with it: put the text in quotes"

# A part of the parser's sentence (PyYAML's and libyaml's), and what it means for whoever wrote the file; the first that fits.
_CAUSES: Final = (
    ("escape", _ESCAPED),
    ("hexdecimal", _ESCAPED),
    ("could not find expected ':'", "a key without its colon: write `key: value`"),
    ("quoted scalar", "a quote is opened here and never closed"),
    ("flow", "a bracket is not closed, or a text that begins with a bracket or brace needs quotes"),
    (
        "mapping values are not allowed",
        "a colon where none can be: line this key up with the keys above it, or put the text in quotes",
    ),
    ("block scalar", "not lined up with the text above it"),
    ("block", "not lined up with the lines above it: lines of one block begin in the same column"),
    ("cannot start any token", "a text can't begin with this sign: put it in quotes"),
)

_SIGN_FIRST: Final = re.compile(r"(?:^|: |- )\s*[\[{%@`*&!|>\"']")
_COMPARED: Final = re.compile(r"(?:^|[:,\[{-])\s*(>=?)\s*[^\s>|+0-9-]|(?:^|[:,\[{-])\s*(>=?)\s*[0-9]+\s*[^\s#]")
_ITEM: Final = re.compile(r"\s*-(?:\s|$)")
_COLON: Final = re.compile(r":\s")
_QUOTES: Final = re.compile("[:,\\[{-]\\s*([\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a])")
_NO_SPACE: Final = re.compile("^[ -]*([\u00a0\u2000-\u200a\u202f\u205f\u3000])|[:-]([\u00a0\u2000-\u200a\u202f\u205f\u3000])")
_REMARK_IN_BRACKETS: Final = re.compile(r"[\[{][^\]}'\"]*[ \t](#)")
_TAB_IN_INDENTATION: Final = re.compile(r"[ -]*\t")


def report_syntax(file: str, text: str, error: yaml.MarkedYAMLError, report: Report) -> None:
    """Report what the parser stumbled over."""
    lines = text.splitlines() or [""]
    error = _explained(text, error)
    mark = error.problem_mark or error.context_mark
    context = error.context_mark or mark
    if mark is None or context is None:
        report.problem(Place(file, 1, 1), lines[0], f"not valid YAML: {error}")
        return
    said = f"{error.context or ''} {error.problem or ''}"
    if "could not find expected ':'" in said or "end of stream" in said:
        mark = context  # where it began, not where the parser gave up
    for number in (mark.line, context.line):
        if tab := _TAB_IN_INDENTATION.match(_line(lines, number)):
            report.problem(
                Place(file, number + 1, tab.end()), _line(lines, number), "a tab in the indentation; indent with spaces"
            )
            return
    for number in sorted({mark.line, context.line, max(mark.line - 1, 0)}):
        if space := _NO_SPACE.search(_line(lines, number)):
            place = Place(file, number + 1, space.end())
            sign = f"U+{ord(space[0][-1]):04X}"
            report.problem(
                place, _line(lines, number), f"this looks like a space and is none ({sign}): type a plain space instead"
            )
            return
    for number in range(context.line, mark.line + 1) if "flow" in said else ():
        if remark := _REMARK_IN_BRACKETS.search(_line(lines, number)):
            cut = _line(lines, number)[remark.start(1) :]
            report.problem(Place(file, number + 1, remark.start(1) + 1), cut, _CUT_IN_BRACKETS)
            return
    line = _line(lines, mark.line)
    report.problem(Place(file, mark.line + 1, mark.column + 1), line, _in_words(said, line, mark.column))


def _explained(text: str, error: yaml.MarkedYAMLError) -> yaml.MarkedYAMLError:
    """The same mistake as the parser in Python names it, which knows better where it began."""
    mark = error.problem_mark
    if mark is None or mark.index > _EXPLAINED:
        return error
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if event.start_mark is not None and event.start_mark.index > _EXPLAINED:
                break
    except yaml.MarkedYAMLError as explained:
        return explained
    return error


def _in_words(said: str, line: str, column: int) -> str:
    if ("block scalar" in said or "cannot start any token" in said) and _COMPARED.search(line):
        return (
            "`>` begins a text of several lines here; a time or number is written without it (`for: 3 hours`, `at_least: P2`), "
            "and a text that begins with it stands in quotes"
        )
    if "mapping values are not allowed" in said and _COLON.search(line[:column]):
        if quote := _QUOTES.search(line):
            return f"{quote[1]} is no quote in YAML: put the text in straight ones"
        return "a colon inside a text: put the text in quotes"
    if "<scalar>" in said and _SIGN_FIRST.search(line):
        return "a text that begins with a sign, or goes on after its closing quote: put the whole of it in quotes"
    if "while parsing a block mapping" in said and _ITEM.match(line):
        return "not lined up with the items of its list, or no item but a key of the block above: then leave out its hyphen"
    return next((words for cause, words in _CAUSES if cause in said), f"not valid YAML: {said.strip()}")


def _line(lines: list[str], number: int) -> str:
    return lines[number] if number < len(lines) else ""
