"""The data of an audit as one HTML page: no script, no network, charts as inline SVG; every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from rules.phrases import length

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("agent.report", "."),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(data: Mapping[str, Any]) -> str:
    """The report of what `agent.screens.audit.data` gave."""
    shown = {"share": _share, "length": _length, "shade": _shade, "top": _top, "kind_of": _kind_of, "minute": _minute}
    template = _ENVIRONMENT.get_template("audit.html")
    return template.render(data=data, figures=figures(data), months=_months(data["rules"]), **shown)


def figures(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The five of the first page: value and what it is."""
    desk, outcomes = data["desk"], data["outcomes"]
    met = sum(tier["met"] for tier in data["acknowledged"])
    judged = met + sum(tier["missed"] for tier in data["acknowledged"])
    return [
        (_share(data["followed"], data["steps"]), "of the steps that were due, done in time or rightly held back"),
        (f"{outcomes['skipped']:,}", "steps skipped"),
        (_share(met, judged), "of hand-overs taken within the tier's time"),
        (_share(desk["ping_pong"]["tickets"], desk["tickets"]), "of tickets handed straight back (A-B-A)"),
        (f"{len(data['fitness'])}", "findings of whether the protocol still fits"),
    ]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}\N{NO-BREAK SPACE}%" if whole else "-"


def _length(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else length(milliseconds)


def _minute(instant: str | None) -> str:
    """`2026-03-02 08:00` of an instant in ISO 8601; seconds are in the data."""
    return "" if instant is None else instant[:16].replace("T", " ")


def _kind_of(line: str) -> str:
    """How a line of a diff is shown: what comes, what goes, and what stands around it, which may be cut."""
    if line.startswith(("+++", "---", "@@")):
        return "place"
    return {"+": "comes", "-": "goes"}.get(line[:1], "around")


def _shade(number: int, most: int) -> float:
    """How dark a cell of a heat map is, from 0 to 1: by the root, so that small numbers are seen as well."""
    return round((number / most) ** 0.5, 3) if most else 0.0


def _months(rules: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Steps that were due by month, months without any left out only at both ends."""
    found: dict[str, int] = {}
    for rule in rules.values():
        for month, number in rule["by_month"].items():
            found[month] = found.get(month, 0) + number
    if not found:
        return []
    first, last = min(found), max(found)
    year, month = map(int, first.split("-"))
    months = []
    while (name := f"{year}-{month:02}") <= last:
        months.append((name, found.get(name, 0)))
        year, month = year + month // 12, month % 12 + 1
    return months


def _top(numbers: Sequence[int]) -> int:
    """The top of an axis: the largest number, rounded up to a plain one; at least 1."""
    most = max(numbers, default=0)
    if most <= 1:
        return 1
    unit = int("1" + "0" * (len(str(most)) - 1))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= most)
