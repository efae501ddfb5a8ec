"""Answers as lines for people, and as plain data for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from agent.check import Checked, CheckedSource, Found
from agent.commands import Done
from agent.outside.overview import Overview, ShownList, ShownRota, ShownSchedule, ShownWindow
from agent.screens import beside, completeness, governed, guards, pace
from agent.screens.lines import counted, heading, say
from agent.status import SourceStatus, Status
from agent.store.waiting import WaitingRow
from rules.instants import Instant, written
from rules.phrases import length, stamp
from rules.protocol.rule import Mode

SHOWN = 10
"""Rows of a list that are shown before the rest is only counted."""


# --- check ----------------------------------------------------------------------------------------------------


def check(console: Console, checked: Checked) -> None:
    """What was checked, the problems last."""
    for source in checked.sources:
        _checked_source(console, source)
    _outside(console, checked.outside)
    modes = ", ".join(f"{number} {mode}" for mode, number in checked.rules.items())
    heading(console, "rules", (modes or "none") + (f", by {checked.plan}" if checked.plan else ""))
    if checked.rules and Mode.LIVE.value not in checked.rules:
        say(console, "", "no rule is live: hoist would watch and write nothing", "dim")
    for said in checked.hints:
        say(console, "  hint", said, "dim")
    for said in checked.findings:
        say(console, "  LOOK", said, "yellow")
    for said in checked.problems:
        say(console, "  PROBLEM", said, "red")
    if checked.problems:
        console.print(
            f"{counted(len(checked.problems), 'problem')}. Nothing was written. Next: mend what is named, and check again"
        )
    else:
        console.print("No problem. Nothing was written. Next: hoist run")


def _checked_source(console: Console, source: CheckedSource) -> None:
    signed_in = f"signed in as {source.account}" if source.account else "not signed in"
    heading(console, source.source, f"{source.platform}, {signed_in}")
    if source.instance:
        skew = abs(source.skew_seconds or 0)
        say(console, "  instance", f"{source.instance}, clocks differ by {skew:.0f} s")
        say(console, "  can write", ", ".join(source.writes))
        for operation, promise in source.promises.items():
            say(console, f"  {operation}", promise)
    if source.teams is not None and source.priorities is not None:
        say(console, "  found", f"{_of(source.teams)} teams, {_of(source.priorities)} priorities of organisation.yaml")


def _of(found: Found) -> str:
    return f"{found.found} of {found.total}"


def _outside(console: Console, found: Overview) -> None:
    """What is on, who is on duty, and how long lists are; nothing where the protocol names none."""
    if not (found.schedules or found.lists or found.windows or found.rotas):
        return
    heading(console, "schedules, lists, windows and rotas" if found.schedules else "lists, windows and rotas")
    for schedule in found.schedules:
        say(console, f"  {schedule.calendar}", _schedule_said(schedule, found.zone))
    for each in found.lists:
        say(console, f"  {each.name}", _list_said(each))
    for window in found.windows:
        say(console, f"  {window.name}", _window_said(window, found.zone))
    for rota in found.rotas:
        say(console, f"  {rota.rota}", _rota_said(rota, found.zone))


def _schedule_said(each: ShownSchedule, zone: ZoneInfo) -> str:
    if not each.read:
        return f"calendar: the hours of the protocol, since the schedule {each.schedule} was never read"
    state = "open" if each.open else "closed"
    until = f" until {stamp(each.until, zone)}" if each.until is not None else ""
    return f"calendar: by the schedule {each.schedule} ({each.time_zone}) {state} now{until}"


def _list_said(each: ShownList) -> str:
    entries = f"{each.entries:,} {'entry' if each.entries == 1 else 'entries'}"
    return f"list: {entries}{_from_file(each.file)}{_ends(each.until)}"


def _window_said(each: ShownWindow, zone: ZoneInfo) -> str:
    if each.stretch is None:
        state = "not on now, and no later time is known"
    else:
        begins, ends = (stamp(edge, zone) for edge in each.stretch)
        state = f"on now, until {ends}" if each.on else f"not on now; next from {begins} to {ends}"
    return f"window: {state}{_from_file(each.file)}{_ends(each.until)}"


def _rota_said(each: ShownRota, zone: ZoneInfo) -> str:
    if each.until is None:
        return f"rota of {', '.join(each.used_by)}: not known, it was never read"
    now = f"{', '.join(each.on_duty)} until {stamp(each.until, zone)}" if each.on_duty else "nobody is on duty now"
    following = "; nobody is known to follow"
    if each.next and each.next_from is not None:
        following = f"; then {', '.join(each.next)} from {stamp(each.next_from, zone)}"
    gaps = f"; {counted(len(each.gaps), 'gap')} in the next 14 days" if each.gaps else ""
    return f"rota of {', '.join(each.used_by)}: {now}{following}{gaps}"


def _from_file(file: str) -> str:
    return f" of {file}" if file else ""


def _ends(day: str) -> str:
    return f", ends on {day}" if day else ""


def check_data(found: Checked) -> dict[str, Any]:
    """What was checked, as plain data; instants as text, empty where none is known."""
    outside = found.outside
    windows = [
        {
            "name": each.name,
            "on": each.on,
            "begins": written(each.stretch[0]) if each.stretch is not None else "",
            "ends": written(each.stretch[1]) if each.stretch is not None else "",
            "file": each.file,
            "owner": each.owner,
            "until": each.until,
        }
        for each in outside.windows
    ]
    rotas = [
        asdict(each)
        | {
            "until": written(each.until) if each.until is not None else "",
            "next_from": written(each.next_from) if each.next_from is not None else "",
            "gaps": [[written(edge) for edge in gap] for gap in each.gaps],
        }
        for each in outside.rotas
    ]
    lists = [asdict(each) for each in outside.lists]
    schedules = [asdict(each) | {"until": written(each.until) if each.until is not None else ""} for each in outside.schedules]
    shown = {"schedules": schedules, "lists": lists, "windows": windows, "rotas": rotas, "findings": list(outside.findings)}
    return asdict(found) | {"outside": shown}


# --- run ---------------------------------------------------------------------------------------------------------------


def done(console: Console, sources: Iterable[Done], *, dry_run: bool = False) -> None:
    """What `hoist run` did, by source."""
    for each in sources:
        decided = f"{counted(each.firings, 'escalation')} decided, {counted(each.writes, 'write')}"
        said = f"{counted(each.read, 'read')} of tickets, {decided}"
        say(console, each.source, said)
        if each.problem:
            say(console, "  STANDS STILL", each.problem, "red")
    if dry_run:
        console.print("Dry run: every rule only watched, on a copy of the store, and nothing was written.")
    console.print("Next: hoist run" if dry_run else "Next: hoist status")


def _in_all(found: Status) -> str:
    if not found.healthy:
        return "Something needs a person: see the lines in capitals."
    paused = any(each.guarded.pauses for each in found.sources)
    return "Nothing needs a person; what is PAUSED is not written." if paused else "All is well."


# --- status ------------------------------------------------------------------------------------------------------------


def status(console: Console, found: Status, now: Instant, zone: ZoneInfo) -> None:
    """Every source, what needs a person in capitals; times in a zone."""
    if not found.sources:
        console.print("No source was read yet. Next: hoist run")
    for each in found.sources:
        _one_status(console, each, zone)
    ruled = list(governed.lines(found.governed, zone))
    if ruled or found.refused_rules:
        heading(console, "rules")
    for line in ruled:
        say(console, *line)
    if found.refused_rules:
        say(console, "  REFUSED", "the changed rules are not in force, the former ones are; mend this:", "red")
        for problem in found.refused_rules.splitlines():
            say(console, "", problem, "red")
    if found.unread:
        heading(console, "lists, windows, rotas")
    for said in found.unread:
        say(console, "  NOT READ", said, "yellow")
    if found.head.position:
        heading(console, "journal", f"head {found.head}")
        fresh = f"; {counted(found.fresh, 'line')} not sealed yet" if found.fresh else ""
        say(console, "  sealed", f"{counted(found.head.position, 'line')} up to {stamp(found.head.at, zone)}{fresh}")
    for said in found.stalled:
        say(console, "STALLED", said, "red")
    if found.sources:
        console.print(_in_all(found))
    console.print(f"As of {stamp(now, zone)}.", style="dim")


def _one_status(console: Console, each: SourceStatus, zone: ZoneInfo) -> None:
    row = each.row
    heading(console, row.source, row.instance)
    read = "never"
    if each.lag_seconds is not None:
        read = f"{stamp(row.polled_at, zone)}, {length(int(each.lag_seconds) * 1000)} ago"
    say(console, "  last read", read)
    say(console, "  read completely", f"up to {stamp(row.horizon, zone)}" if row.horizon else "not yet")
    say(console, "  tickets", f"{each.tickets:,}" + (f", of these {each.gone:,} gone" if each.gone else ""))
    if each.stale:
        say(console, "  new rules", f"{each.stale:,} tickets still to be looked at")
    for rule in sorted(set(each.escalations) | set(each.backlog)):
        older = each.backlog.get(rule, 0)
        left = f", {older:,} older left alone (existing_tickets)" if older else ""
        say(console, "  rule", f"{rule}: {counted(each.escalations.get(rule, 0), 'escalation')}{left}")
    states = ", ".join(f"{number:,} {state}" for state, number in each.changes.items()) or "none"
    say(console, "  changes", states)
    for line in completeness.lines(each, zone):
        say(console, *line)
    for line in guards.lines(each.guarded, zone):
        say(console, *line)
    for line in pace.lines(each.budget, zone):
        say(console, *line)
    for line in beside.lines(each, zone):
        say(console, *line)
    if each.unanswered:
        since = f", looked for from {stamp(each.looked_for_from, zone)} on" if each.looked_for_from is not None else ""
        say(console, "", f"{each.unanswered:,} sent without an answer{since}")
    if row.problem:
        say(console, "  STANDS STILL", row.problem, "red")
    if each.behind:
        say(console, "  BEHIND", "it was not read for long: does hoist run still run, and what does it log?", "red")
    _listed(console, "PARKED", [_parked(each, parked) for parked in each.parked])
    _listed(console, "QUARANTINED", [f"{row.key or row.id}: {row.reason}" for row in each.quarantined])


def _parked(each: SourceStatus, row: WaitingRow) -> str:
    """A parked change by its ticket's key; the reason may begin with the ticket's id, which says nothing to people."""
    ticket = row.key.ticket
    reason = row.problem.removeprefix(f"{each.row.source}:{ticket}: ")
    return f"{each.keys.get(ticket, ticket)} {row.key.rule}: {reason}"


def _listed(console: Console, title: str, rows: list[str]) -> None:
    for row in rows[:SHOWN]:
        say(console, f"  {title}", row, "yellow")
    if len(rows) > SHOWN:
        say(console, f"  {title}", f"and {len(rows) - SHOWN:,} more: hoist status --json", "yellow")


def status_data(found: Status) -> dict[str, Any]:
    """The status as plain data; instants as text, the lag in seconds."""
    return {
        "healthy": found.healthy,
        **completeness.status_data(found),
        "rules": governed.data(found.governed),
        "refused_rules": found.refused_rules.splitlines(),
        "unread": list(found.unread),
        "journal": {
            "head": str(found.head) if found.head.position else None,
            "at": written(found.head.at) if found.head.position else None,
            "not_sealed_yet": found.fresh,
        },
        "sources": [_source_data(each) for each in found.sources],
    }


def _source_data(each: SourceStatus) -> dict[str, Any]:
    row = each.row
    return {
        "source": row.source,
        "instance": row.instance,
        "healthy": each.healthy,
        "polled_at": written(row.polled_at) if row.polled_at else None,
        "read_completely_up_to": written(row.horizon) if row.horizon else None,
        "lag_seconds": each.lag_seconds,
        "behind": each.behind,
        "problem": row.problem or None,
        "tickets": each.tickets,
        "gone": each.gone,
        "still_to_be_looked_at": each.stale,
        "changes": {state.value: number for state, number in each.changes.items()},
        "sent_without_an_answer": each.unanswered,
        "looked_for_from": written(each.looked_for_from) if each.looked_for_from is not None else None,
        "escalations": each.escalations,
        "left_alone": each.backlog,
        **completeness.source_data(each),
        **guards.data(each.guarded),
        **pace.data(each.budget),
        **beside.data(each),
        "parked": [
            {"change": str(parked.key), "ticket": each.keys.get(parked.key.ticket), "problem": parked.problem}
            for parked in each.parked
        ],
        "quarantined": [
            {"id": q.id, "key": q.key, "reason": q.reason, "at": written(q.at), "raw": q.raw} for q in each.quarantined
        ],
    }


def data(found: Done) -> dict[str, Any]:
    """A frozen answer as plain data."""
    return asdict(found)
