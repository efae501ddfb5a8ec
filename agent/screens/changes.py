"""Changes that wait for a person, with exactly what they would write: for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console

from agent.guards.changes import Answered, Counted, Waiting
from agent.guards.changes_commands import Shown
from agent.screens.lines import counted, heading, say
from agent.store.runs import Scope
from rules.escalation import FieldChange
from rules.instants import written
from rules.phrases import stamp
from rules.ticket import Value
from rules.world import Directory

SHOWN: Final = 100
"""Changes of a run that are shown one by one."""


def listed(console: Console, found: Shown) -> None:
    """How much waits, then a page of it."""
    if not any(each.total for each in found.counts.values()):
        console.print("Nothing waits for anybody.")
        return
    for source, each in found.counts.items():
        if each.total:
            say(console, source, "; ".join(_counts(each)))
    _runs(console, found)
    for change in found.changes:
        _one(console, change, found)
    if found.pages > 1:
        next_ = f"; the next: --page {found.page + 1}" if found.page < found.pages else ""
        console.print(f"Page {found.page:,} of {found.pages:,}{next_}.")
    console.print(
        "Next: hoist changes show RUN|SOURCE:KEY names the values of these alone, and the code for approve --shown; "
        "what is parked: hoist changes retry SOURCE:KEY --why TEXT",
        style="dim",
        soft_wrap=True,
    )


def _counts(each: Counted) -> Iterator[str]:
    if each.held:
        yield f"{counted(each.held, 'change')} held with a run"
    if each.backlog:
        yield f"{counted(each.backlog, 'change')} left to a person"
    if each.queued:
        yield f"{counted(each.queued, 'change')} at the rate of existing_tickets"
    if each.parked:
        yield f"{counted(each.parked, 'change')} refused by the helpdesk (parked)"
    for rule, number in sorted(each.existing.items()):
        yield f"{counted(number, 'existing ticket')} left alone by {rule}; those to which it applies no longer are not shown"


def changes(console: Console, found: Shown) -> None:
    """What was named: runs first, then each change with its values."""
    _runs(console, found)
    for each in found.changes[:SHOWN]:
        _one(console, each, found)
    if len(found.changes) > SHOWN:
        console.print(f"And {len(found.changes) - SHOWN:,} more: --json names them all.")
    console.print(
        f"Next: hoist changes approve, with the same names, --shown {found.digest} --why TEXT; or reject; "
        "what is parked: hoist changes retry SOURCE:KEY --why TEXT",
        style="dim",
        soft_wrap=True,
    )


def _runs(console: Console, found: Shown) -> None:
    for run, held in found.runs:
        of = f"of {run.name or 'all rules'}" if run.scope is not Scope.TICKET else "of one ticket"
        heading(console, f"run {run.id}", f"{of}, {counted(held, 'change')}")
        say(console, "  since", stamp(run.since, found.zone))
        say(console, "  held", run.why)
        if run.fault:
            say(console, "  all of it", f"nothing goes on, since {run.fault}")


def _one(console: Console, each: Waiting, found: Shown) -> None:
    key = each.row.key
    run = f", run {each.row.run}" if each.row.run is not None else ""
    heading(console, f"{key.source}:{each.key}", f"{key.rule}, step {key.step + 1}, {each.row.state}{run}")
    say(console, "  due since", stamp(each.row.instant, found.zone))
    if each.row.problem:
        say(console, "  waits", each.row.problem)
    escalation = each.proposal.escalation
    if escalation is None:
        say(console, "  would write", f"nothing: {each.proposal.why_not}")
        return
    directory = found.directories.get(key.source)
    for change in (escalation.restriction, *escalation.changes):
        if change is not None:
            say(
                console,
                f"  {change.field}",
                f"{_value(change, change.old, directory)} -> {_value(change, change.new, directory)}",
            )
    for label in escalation.add_labels:
        say(console, "  label", label)
    if escalation.comment is not None:
        say(console, "  internal note", escalation.comment)
    for notice in escalation.notices:
        say(console, f"  {notice.kind}", notice.to)
    if escalation.empty:
        say(console, "  would write", "nothing")


def _value(change: FieldChange, value: Value, directory: Directory | None) -> str:
    if value is None:
        return "nobody" if change.field == "assignee" else "nothing"
    names: Mapping[str, str] = {}
    if directory is not None:
        people = {name: person.name for name, person in directory.people.items()}
        names = {"team": directory.teams, "priority": directory.priorities, "assignee": people}.get(change.field, {})
    return names.get(str(value), str(value))


def changes_data(found: Shown) -> dict[str, Any]:
    """The same as plain data; values are the source's own ids."""
    return {
        "shown": found.digest,
        "page": found.page,
        "pages": found.pages,
        "waiting": {
            source: {
                "held": each.held,
                "left_to_a_person": each.backlog,
                "queued": each.queued,
                "parked": each.parked,
                "existing": dict(each.existing),
            }
            for source, each in found.counts.items()
        },
        "runs": [
            {
                "run": run.id,
                "source": run.source,
                "of": run.scope.value,
                "name": run.name,
                "since": written(run.since),
                "why": run.why,
                "fault": run.fault or None,
                "held": held,
            }
            for run, held in found.runs
        ],
        "changes": [_data(each) for each in found.changes],
    }


def _data(each: Waiting) -> dict[str, Any]:
    row, escalation = each.row, each.proposal.escalation
    fields = [] if escalation is None else [c for c in (escalation.restriction, *escalation.changes) if c is not None]
    return {
        "source": row.key.source,
        "ticket": each.key,
        "id": row.key.ticket,
        "rule": row.key.rule,
        "step": row.key.step,
        "state": row.state.value,
        "run": row.run,
        "since": written(row.instant),
        "waits": row.problem,
        "can_be_approved": each.can_be_approved,
        "why_not": each.proposal.why_not or None,
        "fields": [{"field": c.field, "from": c.old, "to": c.new} for c in fields],
        "labels": [] if escalation is None else list(escalation.add_labels),
        "note": None if escalation is None else escalation.comment,
        "tells": [] if escalation is None else [{"kind": n.kind.value, "to": n.to} for n in escalation.notices],
    }


def answered(console: Console, verb: str, found: Answered) -> None:
    """What became of a person's word."""
    console.print(f"{verb}: {counted(found.done, 'change')}.")
    for problem in found.problems:
        say(console, "  NOT", problem, "yellow")


def answered_data(found: Answered) -> dict[str, Any]:
    """The same as plain data."""
    return {"done": found.done, "problems": list(found.problems)}
