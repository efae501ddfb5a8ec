"""A field's value passes a test: intervals straight from the field's column."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

from rules.conditions.judge import NEVER, Holds, Judge, Memo
from rules.instants import Instant
from rules.intervals import Intervals
from rules.ticket import UNKNOWN, Value
from rules.timeline import Column, Timeline

Verdict = Callable[[Value], bool | None]
"""Whether a value passes; None where that is not known."""

TEXT_LIMIT: Final = 2_000
"""Characters of a text that are searched; what lies behind is not. `rules.language.patterns` bounds a pattern's work by it."""


def among(values: frozenset[Value]) -> Verdict:
    """The value is one of these; None among them stands for no value."""

    def verdict(value: Value) -> bool | None:
        return None if value is UNKNOWN else value in values

    return verdict


def on_scale(accepted: frozenset[Value], named: frozenset[Value]) -> Verdict:
    """The value is one of the accepted levels; of a level that the organisation does not name nothing is known."""

    def verdict(value: Value) -> bool | None:
        if value in accepted:
            return True
        return False if value is None or value in named else None

    return verdict


def any_label(labels: frozenset[Value]) -> Verdict:
    """At least one of these labels is there; None among them stands for a ticket without labels."""

    def verdict(value: Value) -> bool | None:
        if value is UNKNOWN:
            return None
        if isinstance(value, tuple):
            return not labels.isdisjoint(value) or (not value and None in labels)
        return value in labels

    return verdict


def amount(at_least: int | None, at_most: int | None) -> Verdict:
    """The value is a number, or a text that is one, within these bounds, both included."""

    def verdict(value: Value) -> bool | None:
        if value is UNKNOWN:
            return None
        number = _number(value)
        if number is None:
            return False
        return (at_least is None or at_least <= number) and (at_most is None or number <= at_most)

    return verdict


def _number(value: Value) -> int | float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int) else None


def in_list(entries: frozenset[str], ids: frozenset[str]) -> Verdict:
    """The value, or one of its values, stands among the entries (in small letters) or is one of the ids."""

    def verdict(value: Value) -> bool | None:
        if value is UNKNOWN:
            return None
        values = value if isinstance(value, tuple) else (value,)
        return any(isinstance(one, str) and (one in ids or one.casefold() in entries) for one in values)

    return verdict


def found_in_text(pattern: re.Pattern[str]) -> Verdict:
    """The pattern is found in the text, or in one of several texts."""
    return _in_texts(lambda text: pattern.search(text) is not None)


def found_words(phrases: tuple[str, ...]) -> Verdict:
    """One of these words or phrases is found in the text, or in one of several texts, as `words` says."""
    return _in_texts(word_search(phrases))


def word_search(phrases: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a text holds one of these words or phrases, as `words` says.

    Most texts hold none of them, and a plain look for the first word of each tells so many times faster than the pattern.
    """
    pattern = words(phrases)
    first = tuple(dict.fromkeys(phrase.split()[0].lower() for phrase in phrases if phrase.split()))
    if not all(word.isascii() for word in first):
        return lambda text: pattern.search(text) is not None

    def search(text: str) -> bool:
        if text.isascii():  # beyond it, upper and lower case are not told by `lower` alone
            text = text.lower()
            for word in first:
                if word in text:
                    return pattern.search(text) is not None
            return False
        return pattern.search(text) is not None

    return search


def _in_texts(found: Callable[[str], bool]) -> Verdict:
    def verdict(value: Value) -> bool | None:
        if isinstance(value, str):
            return found(value[:TEXT_LIMIT])
        if value is UNKNOWN:
            return None
        return isinstance(value, tuple) and any(found(text[:TEXT_LIMIT]) for text in value)

    return verdict


def words(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Finds one of these words or phrases as whole words, upper and lower case and any white space between words alike."""
    alternatives = (r"\s+".join(re.escape(word) for word in phrase.split()) for phrase in phrases if phrase.split())
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives) or '(?!)'})(?!\w)", re.IGNORECASE)


def member(field: str, values: frozenset[Value]) -> Judge:
    """`among`, for a field: the commonest test of all, so it is written for speed."""
    if len(values) == 1:
        return _equal(field, values)

    def judge(timeline: Timeline, _: Memo) -> Holds:
        column = timeline.columns[field]
        held = column.values
        if len(held) == 1 and held[0] is not UNKNOWN:
            return (timeline.life, timeline.life, None) if held[0] in values else NEVER
        surely: Intervals = []
        if not values.isdisjoint(held):
            inside = False
            for at, value in zip(column.starts, held):  # noqa: B905 - equally long, and to have it checked takes as long again
                if (value in values) is not inside:
                    surely.append(at)
                    inside = not inside
            if inside:
                surely.append(timeline.gone)
        return surely, _widened(column, surely, values, timeline.gone) if column.unknown else surely, None

    return judge


def _equal(field: str, values: frozenset[Value]) -> Judge:
    """No two stays of one value touch, since neighbours in a column differ."""
    (only,) = values

    def judge(timeline: Timeline, _: Memo) -> Holds:
        column = timeline.columns[field]
        held = column.values
        times = held.count(only)
        if len(held) == 1 and not column.unknown:
            return (timeline.life, timeline.life, None) if times else NEVER
        surely: Intervals = []
        if times:
            starts, place, last = column.starts, -1, len(held) - 1
            while times:
                place = held.index(only, place + 1)
                surely += (starts[place], starts[place + 1] if place < last else timeline.gone)
                times -= 1
        return surely, _widened(column, surely, values, timeline.gone) if column.unknown else surely, None

    return judge


def _widened(column: Column, surely: Intervals, values: frozenset[Value], gone: Instant) -> Intervals:
    may = _where(column, lambda value: value is UNKNOWN or value in values, gone)
    return surely if may == surely else may


def state(field: str, verdict: Verdict) -> Judge:
    """Any other test of a field."""

    def judge(timeline: Timeline, _: Memo) -> Holds:
        column = timeline.columns[field]
        held = column.values
        if len(held) == 1:  # most fields of most tickets
            passes = verdict(held[0])
            return NEVER if passes is False else (timeline.life if passes else NEVER[0], timeline.life, None)
        surely = _where(column, lambda value: verdict(value) is True, timeline.gone)
        may = _where(column, lambda value: verdict(value) is not False, timeline.gone)
        return surely, surely if may == surely else may, None

    return judge


def _where(column: Column, test: Callable[[Value], bool], gone: Instant) -> Intervals:
    found: Intervals = []
    inside = False
    for at, value in zip(column.starts, column.values, strict=True):
        if test(value) is not inside:
            found.append(at)
            inside = not inside
    if inside:
        found.append(gone)
    return found


class BoundState(NamedTuple):
    """A state condition in one source's own values; equal if `key` is.

    `values` where the test is no more than membership, `labels` where it is no more than having one of them.
    """

    field: str
    values: frozenset[Value] | None
    verdict: Verdict
    key: Hashable
    labels: frozenset[Value] | None = None
