"""What `hoist changes undo` does: find out what would go back, show it, order it, and see it through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from agent.clock import AT_ONCE, SystemClock
from agent.commands import existing_store, named_ticket
from agent.config import Settings, load_settings
from agent.errors import ConfigError
from agent.guards.pauses import said as said_of_pause
from agent.hands_on import Hands, hands_on
from agent.store import operations, orders, pauses, sources, waiting
from agent.store.orders import Asked, OrderKind, OrderRow
from agent.store.states import OperationState, RowState
from agent.store.waiting import WaitingRow
from agent.undo.undo import Others, Reversal, Seen, reversal
from agent.undo.undoing import OrderWriter
from agent.who import Who
from agent.why import named
from rules.binding import BoundRules
from rules.instants import Instant
from rules.language.problems import nearest
from rules.protection import may_write
from rules.protocol.actions import AddLabel
from rules.ticket import Ticket
from rules.world import Person

HALF_DONE = "one of its changes was begun, and the rest of it waits until a pause is over; hoist resume, then try again"
BUSY = "one of its changes is being written just now: try again when that is done"
ORDERED_ALREADY = "somebody has ordered something on it already, which is under way"
NOT_THERE = "it is gone, or can't be read"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose changes are to be taken back: of a ticket (SOURCE:KEY), or of a rule since an instant; of one source where named."""

    ticket: str | None = None
    rule: str | None = None
    since: Instant | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class TicketUndo:
    """One ticket: what goes back and what stays, of which rules' escalations; `order` once that was ordered.

    `barred`: why nothing can be ordered for it now; empty where it can. `waits`: what keeps an order from being carried out.
    """

    source: str
    key: str
    rules: tuple[str, ...]
    reversal: Reversal
    bound: BoundRules
    asked: Asked
    ticket: Ticket | None = None
    barred: str = ""
    order: OrderRow | None = None
    waits: str = ""

    @property
    def can(self) -> bool:
        """It can be ordered."""
        return self.ticket is not None and not self.barred and not self.reversal.empty


def undo(config: Path | None, wanted: Wanted, who: Who | None) -> list[TicketUndo]:
    """What goes back, by ticket, and what came of it where `who` orders it. Raises ConfigError where nothing is meant by it."""
    settings = load_settings(config)
    with ExitStack() as stack:
        places = [
            (stack.enter_context(hands_on(config, name, SystemClock())), ticket) for name, ticket in _places(settings, wanted)
        ]
        planned = [(hands, plan(hands, ticket, wanted)) for hands, ticket in places]
        if not any(mine for _, mine in planned):
            raise ConfigError(_nothing(wanted, [hands for hands, _ in places]))
        return [each for hands, mine in planned for each in (mine if who is None else carry_out(hands, mine, who))]


def _nothing(wanted: Wanted, asked: Sequence[Hands]) -> str:
    """That there is nothing to take back, and what may have been meant."""
    whose = wanted.ticket or f"the rule {wanted.rule}"
    since = " since then" if wanted.since is not None else ""
    said = f"hoist wrote nothing for {whose}{since} that is not taken back yet"
    known = {name for hands in asked for name in hands.bound.by_id}
    if wanted.rule is None or any(hands.bound.runs_as(wanted.rule) in hands.bound.by_id for hands in asked):
        return said
    near = nearest(wanted.rule, known)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
    return f"{said}; there is no such rule: {hint}"


def _places(settings: Settings, wanted: Wanted) -> Iterator[tuple[str, str | None]]:
    """The sources to look at, and the ticket's id where one is named."""
    known = [each.name for each in settings.sources]
    if wanted.ticket is None and (wanted.rule is None or wanted.since is None):
        raise ConfigError("say what to take back: SOURCE:KEY, or --rule ID --since INSTANT")
    if wanted.source is not None and wanted.source not in known:
        raise ConfigError(f"hoist.yaml has no source {wanted.source!r}; there are {', '.join(known)}")
    if wanted.ticket is None:
        yield from ((name, None) for name in known if wanted.source in (None, name))
        return
    source, name = named_ticket(wanted.ticket, known)
    with closing(existing_store(settings)) as database, database.reading() as db:
        ticket = named(db, source, name).ref.id
    yield source, ticket


def plan(hands: Hands, ticket: str | None, wanted: Wanted) -> list[TicketUndo]:
    """What would go back on each ticket of a source by a fresh read, and what stays."""
    rule = None if wanted.rule is None else hands.bound.runs_as(wanted.rule)
    with hands.database.reading() as db:
        rows = waiting.carried_out(db, hands.source, ticket=ticket, rule=rule, since=wanted.since)
    by_ticket: dict[str, list[WaitingRow]] = {}
    for row in rows:
        by_ticket.setdefault(row.key.ticket, []).append(row)
    read = {each.ref.id: each for each in hands.read(list(by_ticket))}
    return [_planned(hands, name, of_ticket, read.get(name), rule) for name, of_ticket in by_ticket.items()]


def _planned(hands: Hands, name: str, rows: Sequence[WaitingRow], ticket: Ticket | None, rule: str | None) -> TicketUndo:
    numbers = {row.escalation for row in rows if row.escalation is not None}
    rules = tuple(dict.fromkeys(row.key.rule for row in rows))
    with hands.database.reading() as db:
        written = [row for row in operations.of_ticket(db, hands.source, name) if row.sent_at is not None]
        others = _others(db, hands.bound, numbers, rule)
        barred = _barred(db, hands, name)
    if ticket is None:
        return TicketUndo(hands.source, name, rules, Reversal(), hands.bound, Asked(), barred=NOT_THERE)
    seen = Seen(ticket, written, hands.connector.capabilities.writes, _people(hands.bound, ticket), hands.bound.zone)
    back = reversal(seen, numbers, others)
    took = [row.escalation for row in written if row.state is OperationState.APPLIED and row.escalation in numbers]
    asked = Asked(back.changes, back.labels, tuple(sorted(set(took))), tuple(row.id for row in rows))
    return TicketUndo(hands.source, ticket.key, rules, back, hands.bound, asked, ticket, barred)


def _people(bound: BoundRules, ticket: Ticket) -> dict[str, Person]:
    """Those that the source's directory names, and the one who has the ticket."""
    assignee, name = ticket.fields.get("assignee"), ticket.native.get("assignee", "")
    has_it = {assignee: Person(assignee, name)} if isinstance(assignee, str) and name else {}
    return {**has_it, **bound.directory.people}


def _barred(db: Connection, hands: Hands, ticket: str) -> str:
    if waiting.under_way(db, hands.source, ticket):
        return _waits_for_a_pause(db, hands, ticket) or BUSY
    return ORDERED_ALREADY if ticket in orders.tickets(db, hands.source) else ""


def _waits_for_a_pause(db: Connection, hands: Hands, ticket: str) -> str:
    """That an escalation was begun and its rest is kept back by a pause, where that is so."""
    begun = {row.escalation for row in waiting.of_ticket(db, hands.source, ticket, (RowState.SENT,))}
    found = (pauses.that_bars(db, hands.source, each, hands.clock.now()) for each in begun if each is not None)
    return next((f"{HALF_DONE}: {said_of_pause(pause)}" for pause in found if pause is not None), "")


def _others(db: Connection, bound: BoundRules, numbers: set[int], rule: str | None) -> Others:
    """Where one rule's changes alone are taken back: who else asked for a value of the same escalation."""
    beside: dict[int, set[str]] = {}
    lost: dict[int, set[tuple[str, str]]] = {}
    for number in numbers if rule is not None else ():
        beside[number] = {row.key.rule for row in waiting.of_escalation(db, number)} - {rule or ""}
        lost[number] = operations.overruled_in(db, number)

    def others(number: int, field: str, label: str) -> str:
        asked = [each for each in sorted(beside.get(number, ())) if (each, field) not in lost[number]]
        found = [each for each in asked if _may_have_asked(bound, each, field, label)]
        return f"{', '.join(found)} asked for it as well" if found else ""

    return others


def _may_have_asked(bound: BoundRules, rule: str, field: str, label: str) -> bool:
    """Whether a rule may have asked for a value; one that is no longer there may have asked for anything."""
    if rule not in bound.by_id:
        return True
    written = bound.rule(rule).rule
    return AddLabel(label) in written.actions if label else may_write(written, field)


def carry_out(hands: Hands, planned: Sequence[TicketUndo], who: Who) -> list[TicketUndo]:
    """Order what can be taken back, all of it before the first is begun, and see it through; the last escalations first."""
    newest_first = sorted(planned, key=lambda each: each.asked.escalations[-1:], reverse=True)
    made = [ordered(hands, each, who) if each.can else each for each in newest_first]
    seen = {each.id: each for each in hands.carry_out([each.order for each in made if each.order is not None])}
    with hands.database.reading() as db:
        row = sources.found_source(db, hands.source)
    waits = "" if row is None else row.problem
    return [replace(each, order=seen[each.order.id], waits=waits) if each.order is not None else each for each in made]


def ordered(hands: Hands, planned: TicketUndo, who: Who) -> TicketUndo:
    """The same with its order, which the hoist that runs carries out; barred where something else has begun meanwhile."""
    if planned.ticket is None:
        return planned
    now, ref = hands.source_clock.now(), planned.ticket.ref
    with hands.database.transaction() as db:
        if barred := _barred(db, hands, ref.id):
            return replace(planned, barred=barred)
        ordered = (who.name, who.known_by, who.why)
        order = orders.add(db, ref, OrderKind.UNDO, planned.asked, ordered, now, not_before=AT_ONCE)
        note_order(hands.writer, db, order, now)
    return replace(planned, order=order)


def note_order(writer: OrderWriter, db: Connection, order: OrderRow, now: Instant) -> None:
    """The journal's line of an order."""
    writer.note(db, order, f"{order.kind}-ordered", now, escalations=list(order.asked.escalations))
