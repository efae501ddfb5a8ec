"""What is taken back, and what was rehearsed: for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from agent.screens.lines import counted, heading, say
from agent.store.orders import OrderState
from agent.undo.commands import TicketUndo
from agent.undo.rehearsing import Rehearsal
from agent.words import in_words

_MARGIN = 12
_ENDS = {
    OrderState.DONE: ("DONE", "green", "taken back"),
    OrderState.LEFT: ("LEFT", "yellow", "nothing could be taken back any more"),
    OrderState.FAILED: ("FAILED", "red", "it was not taken back"),
}


def undone(console: Console, found: Sequence[TicketUndo], *, really: bool) -> None:
    """Each ticket: what goes back, what stays and why; and with `really` what came of it."""
    for each in found:
        heading(console, f"{each.source}:{each.key}", f"written for {', '.join(each.rules)}")
        for change in each.reversal.changes:
            say(console, "  back", in_words(change, each.bound.directory), margin=_MARGIN)
        for label in each.reversal.labels:
            say(console, "  back", f"label {label}: taken off", margin=_MARGIN)
        for stay in each.reversal.stays:
            say(console, "  stays", f"{stay.what}: {stay.why}", "dim", margin=_MARGIN)
        if each.barred:
            say(console, "  NOT NOW", each.barred, "yellow", margin=_MARGIN)
        elif each.reversal.empty:
            say(console, "  nothing", "goes back here", "yellow", margin=_MARGIN)
        if each.order is not None:
            _came_to(console, each)
    possible = sum(each.can for each in found)
    if not really:
        next_ = "Next: the same with --yes --why TEXT" if possible else "There is nothing to do"
        console.print(f"{counted(possible, 'ticket')} of {len(found):,}. Nothing was written. {next_}", soft_wrap=True)
    console.print(
        Text("What was read, mails that the helpdesk sent, and targets that it restarted can't be taken back.", "dim"),
        soft_wrap=True,
    )


def _came_to(console: Console, each: TicketUndo) -> None:
    if each.order is None:
        return
    name, style, said = _ENDS.get(each.order.state, ("ORDERED", "yellow", "hoist run carries it out: hoist status"))
    why = each.order.problem or (each.waits if each.order.open else "")
    more = f": {why}" if why else ""
    say(console, f"  {name}", f"{said}{more}", style, margin=_MARGIN)


def undone_data(found: Sequence[TicketUndo]) -> dict[str, Any]:
    """The same for machines; values are the source's ids."""
    return {"tickets": [_data(each) for each in found]}


def _data(each: TicketUndo) -> dict[str, Any]:
    order = each.order
    return {
        "source": each.source,
        "key": each.key,
        "rules": list(each.rules),
        "back": [{"field": c.field, "now": c.old, "then": c.new} for c in each.reversal.changes],
        "labels": list(each.reversal.labels),
        "stays": [{"what": stay.what, "why": stay.why} for stay in each.reversal.stays],
        "barred": each.barred or None,
        "order": None if order is None else order.id,
        "state": None if order is None else order.state.value,
        "said": None if order is None else order.problem or (each.waits if order.open else "") or None,
    }


def rehearsed(console: Console, found: Rehearsal) -> None:
    """What would be done, or each step as it went."""
    heading(console, f"{found.source}:{found.key}", found.what)
    for line in found.plan if not found.steps else ():
        say(console, "  would", line, margin=_MARGIN)
    for step in found.steps:
        say(console, "  ok" if step.ok else "  NOT OK", step.said, "" if step.ok else "red", margin=_MARGIN)
    for line in found.notes:
        say(console, "  note", line, "dim", margin=_MARGIN)
    if not found.steps:
        console.print("Nothing was written. Next: the same with --yes", soft_wrap=True)
    elif found.ok:
        console.print("All is as it should be: hoist can write here, and take it back.", style="green", soft_wrap=True)
    else:
        console.print("Something was not as it should be: see above, and look at the ticket.", style="red", soft_wrap=True)


def rehearsed_data(found: Rehearsal) -> dict[str, Any]:
    """The same for machines."""
    return {
        "source": found.source,
        "key": found.key,
        "what": found.what,
        "plan": list(found.plan),
        "steps": [{"said": step.said, "ok": step.ok} for step in found.steps],
        "notes": list(found.notes),
        "ok": found.ok if found.steps else None,
    }
