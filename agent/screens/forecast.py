"""A forecast for people, as a table per team and hour and then ticket by ticket; and as plain data for machines."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from agent.plan.forecast_calendar import summary
from agent.plan.forecasting import Expected, Forecast, local_hour, teams
from agent.screens.lines import counted, heading, say
from rules.instants import written
from rules.phrases import length, stamp

LISTED = 40
"""Escalations that are shown one by one."""


def show(console: Console, found: Forecast) -> None:
    """All of it."""
    zone = ZoneInfo(found.zone)
    heading(console, f"The next {length(found.ends - found.begins)}, if nobody acts but hoist", stamp(found.begins, zone))
    for note in found.notes:
        say(console, "LOOK", note, "yellow")
    if not found.expected:
        console.print(f"Nothing escalates. {counted(found.judged, 'ticket')} looked at.")
        return
    console.print(_table(found))
    for each in found.expected[:LISTED]:
        _one(console, each, zone)
    if len(found.expected) > LISTED:
        console.print(f"And {len(found.expected) - LISTED:,} more: --json names them all.")
    console.print(f"{counted(len(found.expected), 'escalation')}. Nothing was written. As a calendar: hoist forecast --ical FILE")


def _table(found: Forecast) -> Table:
    load, paged = found.load(), found.paged()
    hours = [hour for hour in found.hours() if any(at == hour for _, at in (*load, *paged))]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("hour")
    named = teams(found.expected)
    for team in named:
        table.add_column(team, justify="right")
    if paged:
        table.add_column("paged")
    for hour in hours:
        row = [local_hour(hour, found), *(_number(load.get((team, hour), 0)) for team in named)]
        if paged:
            row.append(", ".join(f"{who} {number}" for (who, at), number in paged.items() if at == hour))
        table.add_row(*row)
    return table


def _number(number: int) -> str:
    return f"{number:,}" if number else "."


def _one(console: Console, each: Expected, zone: ZoneInfo) -> None:
    rate = ", or later (existing_tickets)" if each.queued else ""
    told = "".join(f"; {word} {', '.join(who)}" for word, who in (("pages", each.paged), ("tells", each.told)) if who)
    say(console, stamp(each.at, zone)[:16], f"{each.source}: {summary(each)}{told}{rate}")


def data(found: Forecast) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "from": written(found.begins),
        "to": written(found.ends),
        "time_zone": found.zone,
        "judged": found.judged,
        "notes": list(found.notes),
        "per_team_and_hour": [
            {"team": team, "hour": written(hour), "escalations": number} for (team, hour), number in sorted(found.load().items())
        ],
        "paged": [{"who": who, "hour": written(hour), "times": number} for (who, hour), number in sorted(found.paged().items())],
        "escalations": [_data(each) for each in found.expected],
    }


def _data(each: Expected) -> dict[str, Any]:
    return {
        "source": each.source,
        "ticket": each.key,
        "url": each.url,
        "at": written(each.at),
        "rules": list(each.rules),
        "steps": list(each.steps),
        "team": each.team,
        "moves": each.moves,
        "priority": each.priority,
        "pages": list(each.paged),
        "tells": list(each.told),
        "because": list(each.because),
        "or_later": bool(each.queued),
        "confidential": each.confidential,
    }
