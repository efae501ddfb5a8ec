"""Approvals: what a held change would write, computed on the mirror, and whether it is still that at the confirming read.

An approval is of values, from and to; what the note says is shown and may differ by then, for it tells how long something lasts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from agent import clusters
from agent.evaluate import decide
from agent.in_force.ruling import Ruling
from agent.store import brakes, episodes, runs, snoozes, waiting
from agent.store.mirrored import Mirrored
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from agent.words import in_words
from agent.write_back.confirming import confirmed
from rules.binding import BoundRules
from rules.due_step import DueStep
from rules.escalation import Escalation, FieldChange
from rules.instants import DAY, SECOND, Instant
from rules.merge import merge
from rules.protocol.rule import Rule
from rules.ticket import Ticket
from rules.world import Directory

CHANGED: Final = "changed since it was approved"
ASKED_AGAIN: Final = DAY
"""How long something waits that was approved, and is held again."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a change would write now; `why_not` instead where it would write nothing as it is."""

    escalation: Escalation | None
    why_not: str = ""

    @property
    def values(self) -> str:
        """What an approval is of."""
        return "" if self.escalation is None else values_of(self.escalation)


def values_of(escalation: Escalation) -> str:
    """The values of an escalation as one text: fields from and to, labels, whether there is a note, who is told."""
    made = {
        "fields": sorted([each.field, each.old, each.new] for each in escalation.changes),
        "labels": sorted(escalation.add_labels),
        "restriction": None if escalation.restriction is None else [escalation.restriction.old, escalation.restriction.new],
        "note": escalation.comment is not None,
        "notices": sorted([each.kind, each.to] for each in escalation.notices),
    }
    return json.dumps(made, sort_keys=True, ensure_ascii=False)


def proposals(db: Connection, known: Mirrored, rows: Sequence[WaitingRow], ruling: Ruling, now: Instant) -> list[Proposal]:
    """What each of these rows of one ticket would write by itself, as the ticket is known now."""
    source = known.ticket.ref.source
    (ticket,) = clusters.laid_over(db, [known.ticket], ruling.rules)
    alone = snoozes.until(db, source, now)
    if now < alone.get(ticket.ref.id, 0):
        return [Proposal(None, "somebody said to leave the ticket alone")] * len(rows)
    recorded = episodes.of_tickets(db, source, [ticket.ref.id]).get(ticket.ref.id, [])
    released = {
        name: row.released_at for name, row in brakes.of_tickets(db, source, [ticket.ref.id]).get(ticket.ref.id, {}).items()
    }
    let_go = {name: at for name, at in released.items() if at is not None}
    decision = decide(ticket, recorded, waiting.of_ticket(db, source, ticket.ref.id), ruling, now, let_go)
    holding = [ruling.rule(rule) for rule, _ in decision.holding]
    made = []
    for row in rows:
        verdict = confirmed([row], ticket, decision, ruling, now)
        if verdict.steps:
            made.append(Proposal(merge(ticket, [step for _, step in verdict.steps], ruling.rules, now, holding)))
        elif verdict.held:
            made.append(Proposal(None, f"held back {verdict.held[0][1]}"))
        elif verdict.over:
            made.append(Proposal(None, verdict.over[0][1]))
        else:
            made.append(Proposal(None, "not due yet by what was read last"))
    return made


def as_approved(
    db: Connection,
    ticket: Ticket,
    steps: Sequence[tuple[WaitingRow, DueStep]],
    rules: BoundRules,
    times: tuple[Instant, Instant],
    holding: Sequence[Rule],
) -> list[tuple[WaitingRow, DueStep]]:
    """Of confirmed steps those that are written now: what was approved, if it is still that, apart from all else.

    `times`: of the confirming read, and now.
    """
    at, now = times
    asked = [(row, step) for row, step in steps if row.approved is not None]
    if not asked:
        return list(steps)
    for row, _ in steps:
        if row.approved is None:
            waiting.move(db, row, RowState.PLANNED, now, not_before=now + SECOND, problem="what was approved goes first")
    good = []
    for row, step in asked:
        values = values_of(merge(ticket, [step], rules, at, holding))
        if values == row.approved:
            good.append((row, step))
        else:
            difference = "" if step.rule.confidential else f": {_difference(row.approved or '{}', values, rules.directory)}"
            hold_again(db, row, f"{CHANGED}{difference}", now)
    return good


def hold_again(db: Connection, row: WaitingRow, reason: str, now: Instant) -> None:
    """What was approved is not written after all: it waits for somebody as before."""
    anew: dict[str, Any] = {"let_at": None, "approved": None, "problem": reason}
    if row.run is not None:
        runs.reopen(db, row.run)
        waiting.move(db, row, RowState.HELD, now, {}, "held-again", not_before=now + ASKED_AGAIN, **anew)
    else:
        waiting.move(db, row, RowState.BACKLOG, now, {}, "held-again", **anew)


def _difference(approved: str, found: str, directory: Directory) -> str:
    """What was approved and what it would be, where the two differ."""
    before, after = json.loads(approved), json.loads(found)
    names = [name for name in after if before.get(name) != after[name]]
    return "; ".join(
        f"{_said(name, after[name], directory)} instead of {_said(name, before.get(name), directory)}" for name in names
    )


def _said(name: str, value: Any, directory: Directory) -> str:
    """One part of `values_of`, as people read it."""
    if name == "fields" and value:
        return ", ".join(in_words(FieldChange(*each), directory) for each in value)
    if name == "notices" and value:
        return ", ".join(f"{kind} {to}" for kind, to in value)
    if name == "note":
        return "a note" if value else "no note"
    said = " -> ".join(map(str, value)) if name == "restriction" and value else ", ".join(value or ())
    return f"{name} {said or 'none'}"
