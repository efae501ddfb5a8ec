"""Answers as tables and lines for people, and as plain data for machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from agent.status import SourceStatus
from agent.why import Answer, RuleAnswer
from rules.instants import Instant, written

SHOWN = 10
"""Rows of a list that are shown before the rest is only counted."""


def counted(number: int, word: str) -> str:
    """`1 problem`, `2 problems`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


# --- check and lint ----------------------------------------------------------------------------------------------------


def check(found: Mapping[str, Any]) -> None:
    console = Console()
    for source in found["sources"]:
        signed_in = f"signed in as {source['account']}" if source["account"] else "not signed in"
        console.print(f"[bold]{source['source']}[/]   {source['platform']}, {signed_in}")
        console.print(f"  can write   {', '.join(source['writes'])}")
        for operation, promise in source["a person's change between read and write"].items():
            console.print(f"  {operation:<11} a person's change between hoist's read and write is {promise}")
    modes: dict[str, int] = {}
    for rule in found["rules"]:
        modes[rule["mode"]] = modes.get(rule["mode"], 0) + 1
    console.print("rules       " + (", ".join(f"{number} {mode}" for mode, number in sorted(modes.items())) or "none"))
    for problem in found["problems"]:
        console.print(f"PROBLEM  {problem}", style="red", markup=False)
    _verdict(console, len(found["problems"]), "Nothing was written. Next: hoist run")


def lint(found: Mapping[str, Any]) -> None:
    console = Console()
    for kind, style in (("problems", "red"), ("findings", "yellow"), ("hints", "dim")):
        for said in found[kind]:
            console.print(said, style=style, markup=False)
    _verdict(
        console,
        len(found["problems"]) + len(found["findings"]),
        f"{counted(found['rules'], 'rule')}, nothing to find fault with.",
    )


def _verdict(console: Console, problems: int, fine: str) -> None:
    console.print(f"{counted(problems, 'problem')}. Mend what is named above and try again." if problems else fine)


# --- status ------------------------------------------------------------------------------------------------------------


def status(found: list[SourceStatus], now: Instant) -> None:
    console = Console()
    if not found:
        console.print("No source was read yet: hoist run comes first.")
    for each in found:
        _one_status(console, each, now)


def _one_status(console: Console, each: SourceStatus, now: Instant) -> None:
    lag = each.lag(now)
    console.print(f"[bold]{each.row.source}[/]   {each.row.instance}")
    console.print("  last read         " + ("never" if lag is None else f"{written(each.row.polled_at)}, {_ago(lag)}"))
    console.print(f"  read completely   up to {written(each.row.horizon)}" if each.row.horizon else "  read completely   not yet")
    console.print(f"  tickets           {each.tickets:,}, of these {each.gone:,} gone")
    if each.stale:
        console.print(f"  new rules         {each.stale:,} tickets still to be looked at")
    table = Table("rule", "escalations", "left alone (older)", box=None, pad_edge=False)
    for rule in sorted(set(each.escalations) | set(each.backlog)):
        table.add_row(f"  {rule}", f"{each.escalations.get(rule, 0):,}", f"{each.backlog.get(rule, 0):,}")
    if table.row_count:
        console.print(table)
    states = ", ".join(f"{number:,} {state}" for state, number in each.changes.items()) or "none"
    console.print(f"  changes           {states}")
    if each.row.problem:
        console.print(f"  STANDS STILL      {each.row.problem}", style="red", markup=False)
    _listed(console, "PARKED", [f"{row.key.ticket} {row.key.rule}: {row.problem}" for row in each.parked])
    _listed(console, "QUARANTINED", [f"{row.key or row.id}: {row.reason}" for row in each.quarantined])


def _listed(console: Console, title: str, rows: list[str]) -> None:
    for row in rows[:SHOWN]:
        console.print(f"  {title:<17} {row}", style="yellow", markup=False)
    if len(rows) > SHOWN:
        console.print(f"  {title:<17} and {len(rows) - SHOWN:,} more: hoist status --json", style="yellow")


def _ago(seconds: float) -> str:
    minutes = int(seconds // 60)
    return (
        f"{int(seconds)} s ago"
        if minutes < 2
        else f"{minutes:,} minutes ago"
        if minutes < 180
        else f"{minutes // 60:,} hours ago"
    )


def status_data(each: SourceStatus, now: Instant) -> dict[str, Any]:
    """One source's status as plain data; instants as text, the lag in seconds."""
    row = each.row
    return {
        "source": row.source,
        "instance": row.instance,
        "polled_at": written(row.polled_at) if row.polled_at else None,
        "read_completely_up_to": written(row.horizon) if row.horizon else None,
        "lag_seconds": each.lag(now),
        "problem": row.problem or None,
        "tickets": each.tickets,
        "gone": each.gone,
        "still_to_be_looked_at": each.stale,
        "changes": {state.value: number for state, number in each.changes.items()},
        "escalations": each.escalations,
        "left_alone": each.backlog,
        "parked": [{"change": str(row.key), "problem": row.problem} for row in each.parked],
        "quarantined": [
            {"id": q.id, "key": q.key, "reason": q.reason, "at": written(q.at), "raw": q.raw} for q in each.quarantined
        ],
    }


# --- why ---------------------------------------------------------------------------------------------------------------


def answer(found: Answer) -> None:
    console = Console()
    ticket = found.ticket
    console.print(f"{ticket.key}: {ticket.fields.get('subject')}", style="bold", markup=False)
    console.print(f"as of {written(found.at)}, read {written(ticket.known)}   {ticket.url}", markup=False)
    for note in found.notes:
        console.print(f"note: {note}", markup=False)
    for rule in found.rules:
        console.print()
        console.print(f"{rule.rule.id}: {_verdict_of(rule)}", style="bold", markup=False)
        for sentence in rule.because:
            console.print(f"  - {sentence}", markup=False)
        for done in rule.done:
            console.print(f"  * {done}", markup=False)
        if rule.next_at is not None:
            console.print(f"  next: it would be so from {written(rule.next_at)} on, if nothing changes", markup=False)


def _verdict_of(rule: RuleAnswer) -> str:
    return {True: "it is so", False: "it is not so", None: "nobody can tell: a fact is missing"}[rule.holds]


def answer_data(found: Answer) -> dict[str, Any]:
    """The answer as plain data."""
    return {
        "ticket": found.ticket.key,
        "url": found.ticket.url,
        "at": written(found.at),
        "read_at": written(found.ticket.known),
        "notes": list(found.notes),
        "rules": [
            {
                "rule": rule.rule.id,
                "title": rule.rule.title,
                "mode": rule.rule.mode.value,
                "holds": rule.holds,
                "because": list(rule.because),
                "done": list(rule.done),
                "next_at": written(rule.next_at) if rule.next_at is not None else None,
            }
            for rule in found.rules
        ],
    }
