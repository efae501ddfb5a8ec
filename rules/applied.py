"""A ticket after what an escalation writes to it, as the source's own history would tell it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rules.escalation import Escalation, FieldChange
from rules.instants import Instant
from rules.ticket import Actor, Change, Kind, Message, Ticket

SAVE: Final = "hoist-"
"""How the saves of these changes are named."""

_HOIST: Final = Actor("hoist", Kind.HOIST)


def applied(ticket: Ticket, escalation: Escalation, at: Instant) -> Ticket:
    """The ticket, read at the instant at which everything was written: fields and labels in one save, the internal note."""
    wanted = [*escalation.changes, *([escalation.restriction] if escalation.restriction is not None else [])]
    if escalation.add_labels:
        present = ticket.fields.get("labels")
        labels = tuple(sorted({*(present if isinstance(present, tuple) else ()), *escalation.add_labels}))
        wanted.append(FieldChange("labels", present, labels))
    number = len(ticket.changes)
    save = f"{SAVE}{number + len(ticket.messages)}"
    made = (Change(at, at, number + n, save, each.field, each.old, each.new, _HOIST) for n, each in enumerate(wanted))
    said = (Message(at, at, save, _HOIST, public=False),) if escalation.comment else ()
    return replace(
        ticket,
        known=at,
        fields={**ticket.fields, **{change.field: change.new for change in wanted}},
        changes=(*ticket.changes, *made),
        messages=(*ticket.messages, *said),
    )
