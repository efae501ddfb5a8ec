"""Plain states at the same time, and for how long: what most rules ask for first, as one generated Python function each.

It looks at each field only where those before it have their values, and keeps no list of stays for each of them: a fraction of
what it takes to list them, to lay the lists over each other and to drop what is too short. It is derived from the very
conditions that `rules.conditions.logic` judges, and hands those tickets on to it of which not everything is known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import CodeType

from rules.conditions.judge import NEVER, NEVER_GREW, Judge, Span
from rules.conditions.times import AHEAD
from rules.instants import Instant
from rules.ticket import Value

Plain = tuple[str, frozenset[Value]]
"""A field has one of these values."""


def standing(
    parts: Sequence[Plain], otherwise: Judge, span: Span | None = None, begins: Callable[[Instant], Instant] | None = None
) -> Judge:
    """Where all parts hold; with a span, from when they have held for so long, as `otherwise` judges it.

    `begins`: from the first instant at or after that one which it gives, opening hours, which are told as far as `AHEAD`. The
    cheapest part comes first: one whose stays are few.
    """
    never = NEVER if span is None else NEVER_GREW
    scope: dict[str, object] = {"bisect_right": bisect_right, "otherwise": otherwise, "begins": begins, "never": never}
    for n, (field, values) in enumerate(parts):
        scope |= {f"field{n}": field, f"values{n}": values, f"value{n}": next(iter(values), None)}
    if span is not None:
        scope["after"] = span.after
    found = tuple(_found(len(parts) - 1, span, in_hours=begins is not None))
    # nothing that a file says enters the text: values are globals of the function by number
    exec(_compiled("\n".join(_lines(parts, found, span))), scope)  # noqa: S102
    judge: Judge = scope["judge"]  # type: ignore[assignment]
    return judge


@lru_cache(maxsize=512)
def _compiled(text: str) -> CodeType:
    """Rules of one shape share their text."""
    return compile(text, "<plain states>", "exec")


def _lines(parts: Sequence[Plain], found: Sequence[str], span: Span | None) -> Iterator[str]:
    yield "def judge(timeline, memo):"
    yield " columns = timeline.columns"
    for n in range(len(parts)):
        yield f" column = columns[field{n}]"
        yield " if column.unknown: return otherwise(timeline, memo)"
        yield f" starts{n}, held{n} = column.starts, column.values"
        yield f" last{n} = len(starts{n})"
        if n == 0:
            # to look for one value is the list's own trade; without a life there is no value at all
            yield " times = " + ("held0.count(value0)" if len(parts[0][1]) == 1 else "last0")
            yield " if not times: return never"
    yield " found, kept = [], []"
    yield from _stays(parts, 0, " ", found, 0 if span is None else span.at_least)
    yield f" return found, found, {'None' if span is None else 'kept'}"


def _found(n: int, span: Span | None, *, in_hours: bool) -> Iterator[str]:
    """What becomes of a stretch in which all fields have their values, from `a` to `b` of the last one."""
    if span is None:
        yield f"found += (a{n}, b{n})"
        return
    yield f"reached = after(a{n})" if span.plain is None else f"reached = a{n} + {span.plain}"
    if in_hours:
        yield "reached = begins(reached)"
    yield f"if reached < b{n}:"
    if in_hours:
        yield f" if reached >= max(timeline.known, timeline.created) + {AHEAD}: return otherwise(timeline, memo)"
    yield f" found += (reached, b{n})"
    yield f" kept.append(a{n})"


def _stays(parts: Sequence[Plain], n: int, indent: str, found: Sequence[str], at_least: int) -> Iterator[str]:
    """The stays with the values of a part, from `a` to `b`, within that of the part before; for each of them what is inside."""
    if n == len(parts):
        yield from (indent + line for line in found)
        return
    inside = _stays(parts, n + 1, indent + "   ", found, at_least)
    if n == 0 and len(parts[0][1]) == 1:
        yield f"{indent}n0 = 0"
        yield f"{indent}for _ in range(times):"
        yield f"{indent}  n0 = held0.index(value0, n0)"
        yield f"{indent}  a0 = starts0[n0]"
        yield f"{indent}  n0 += 1"
        yield f"{indent}  b0 = starts0[n0] if n0 < last0 else timeline.gone"
        yield f"{indent}  if b0 - a0 > {at_least}:"
        yield from inside
        return
    since, until = (f"a{n - 1}", f"b{n - 1}") if n else ("starts0[0]", "timeline.gone")
    yield f"{indent}n{n} = bisect_right(starts{n}, {since}) - 1" if n else f"{indent}n0 = 0"
    yield f"{indent}a{n}, end{n} = {since}, {until}"
    yield f"{indent}while True:"
    yield f"{indent} if held{n}[n{n}] in values{n}:"
    yield f"{indent}  while True:"
    yield f"{indent}   n{n} += 1"
    yield f"{indent}   b{n} = starts{n}[n{n}] if n{n} < last{n} else end{n}"
    yield f"{indent}   if b{n} >= end{n}:"
    yield f"{indent}    b{n} = end{n}"
    yield f"{indent}    break"
    yield f"{indent}   if held{n}[n{n}] not in values{n}: break"
    yield f"{indent}  if b{n} - a{n} > {at_least}:"
    yield from inside
    yield f"{indent}  if b{n} == end{n}: break"
    yield f"{indent} n{n} += 1"
    yield f"{indent} if n{n} == last{n}: break"
    yield f"{indent} a{n} = starts{n}[n{n}]"
    yield f"{indent} if a{n} >= end{n}: break"
