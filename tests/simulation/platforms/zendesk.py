"""Zendesk as the far side."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qs

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.deliveries import Outgoing
from connectors.sandboxes.history import Event, History
from connectors.zendesk.installing import EVENTS
from connectors.zendesk.sandbox import PLANS, Terms, ZendeskSandbox
from connectors.zendesk.site.catalog import SYSTEM, by_urgency, user_id
from connectors.zendesk.site.deliveries import outgoing, patience
from connectors.zendesk.site.replay import AUTOMATION as RULE
from connectors.zendesk.site.saving import By
from connectors.zendesk.site.state import API, Audit, Ticket
from connectors.zendesk.site.webhooks import EVENT
from rules.instants import SECOND, Instant
from tests.simulation.platforms.far_side import (
    ON_READS,
    FaultsOfTheSandbox,
    Item,
    Kinds,
    Marked,
    Purpose,
    Said,
    Save,
    with_rows,
)

_NAMES: Final = {"group_id": "team", "assignee_id": "assignee", "priority": "priority", "tags": "labels"}
_PUT: Final = ("edit",)
"""An escalation is one update, comment included."""


@dataclass(frozen=True)
class _Snapshot:
    tickets: Mapping[int, Ticket]
    audits: int
    stream: Sequence[tuple[int, int]]


class ZendeskFarSide(FaultsOfTheSandbox):
    """One account. With `lag` it has the limits of a small plan, which hold for everybody's calls together."""

    TROUBLES: ClassVar[Kinds] = (
        ("refused", ("any", *ON_READS, *_PUT)),
        ("timeout-before", (*ON_READS, *_PUT)),
        ("timeout-after", _PUT),
        ("late", _PUT),
        ("lost-answer", _PUT),
        ("429", ("any", *_PUT)),
        ("429-bare", ("any", *_PUT)),
        ("500", ("any", *ON_READS, *_PUT)),
        ("500-after", _PUT),
        ("502", ("any", *_PUT)),
        ("502-after", _PUT),
        ("503", ("any", *ON_READS, *_PUT)),
        ("html-200", ("any", *ON_READS, *_PUT)),
        ("401", ("any",)),
        ("expired-token", ("any", *_PUT)),
        ("conflict", _PUT),
        ("repeated-row", ("search",)),
        ("row-missing", ("read",)),
        ("system-change", _PUT),
        ("cut-short", (*ON_READS, *_PUT)),
        ("old-answer", ("read",)),
        ("slow", ("any", *ON_READS, *_PUT)),
    )
    MOMENTS: ClassVar[tuple[str, ...]] = ("before-edit", "before-edit", "after-edit")
    VANISHINGS: ClassVar[tuple[str, ...]] = ("deleted", "hidden")
    FAULTS: ClassVar[Mapping[str, str]] = {
        "429": "too-many-requests",
        "429-bare": "too-many-requests-without-retry-after",
        "500": "failed-500",
        "500-after": "failed-500-after",
        "html-200": "html-200",
        "401": "unauthorized-401",
        "expired-token": "expired-token",
        "conflict": "database-conflict",
        "repeated-row": "repeated-row",
        "system-change": "system-change",
    }
    WRITES: ClassVar[tuple[str, ...]] = _PUT
    LEAVES_A_MARK: ClassVar[bool] = False
    RESOLUTION: ClassVar[int] = 1_000

    def __init__(self, clock: Callable[[], Instant], history: History, seed: int, lag: int) -> None:
        terms = Terms(plan=PLANS["team"] if lag else None)
        self.sandbox: Final = ZendeskSandbox(clock=clock, history=history, seed=seed, terms=terms)
        self.faults: Final = self.sandbox._faults
        self._site: Final = self.sandbox._account
        self.agent: Final = str(self._site.catalog.agent.id)
        self.teams: Final = [str(self._site.catalog.group_ids[name]) for name in history.teams]
        self.priorities: Final = by_urgency(history)
        self.late: Final = 0

    def settings(self, page_size: int) -> Mapping[str, object]:
        return {"page_size": str(page_size)}

    # --- the record -----------------------------------------------------------------------------------------------------

    def id_of(self, ticket: str) -> str:
        return str(self._site.replay.names.get(ticket, ""))

    def is_there(self, id_: str) -> bool:
        return id_.isdecimal() and self._site.tickets.find(int(id_)) is not None

    def _ticket(self, id_: str) -> Ticket:
        return self._site.tickets.by_id[int(id_)]

    def saves(self, id_: str) -> Sequence[Save]:
        return [_save(audit) for audit in self._ticket(id_).audits if any(event.kind == "Change" for event in audit.events)]

    def comments(self, id_: str) -> Sequence[Said]:
        return [Said(each.public) for each in self._ticket(id_).comments if str(each.author) == self.agent]

    def traces(self, id_: str) -> int:
        return sum(str(audit.author) == self.agent for audit in self._ticket(id_).audits)

    def labels(self, id_: str) -> Collection[str]:
        return self._ticket(id_).tags

    # --- what happens ---------------------------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        self._site.replay._happen(event, final=False)

    def take_away(self, id_: str, how: str, now: Instant) -> None:
        """What is hidden is deleted, and restored later."""
        del how
        self._site.remove(self._ticket(id_), user_id("anna"), now)

    def bring_back(self, id_: str, now: Instant) -> None:
        self._site.restore(self._ticket(id_), user_id("anna"), now)

    def give_back(self, id_: str, team: str | None, now: Instant) -> None:
        values = {"group_id": None if team is None else int(team)}
        self._site.saving.commit(self._ticket(id_), values, By(SYSTEM, RULE), now)

    def echo(self, id_: str, now: Instant) -> None:
        ticket = self._ticket(id_)
        tags = (*ticket.tags, f"seen-{len(ticket.audits)}")
        self._site.saving.commit(ticket, {"tags": tags}, By(int(self.agent), API), now)

    # --- webhooks -------------------------------------------------------------------------------------------------------

    def tell(self, deliver: Callable[[Outgoing], None]) -> str:
        webhooks, keeps = self._site.webhooks, self._site.varies("retries-keep-signature")
        events = [EVENT + kind for kind in EVENTS]
        given = {"endpoint": "https://hoist.example/hooks/desk", "http_method": "POST", "subscriptions": events}
        webhooks.deliver = lambda invocation: deliver(outgoing(invocation, keeps_signature=keeps))
        return webhooks.add(given, self._site.clock(), self._site.catalog.agent.id).secret

    def tells_again(self, status: int, tried: int) -> int | None:
        return None if patience(status, "2", tried) is None else 5 * SECOND

    # --- requests -------------------------------------------------------------------------------------------------------

    def purpose(self, method: str, path: str, query: str, body: bytes) -> Purpose:
        del body
        match method, path.strip("/").split("/")[2:]:
            case "PUT", ["tickets", id_]:
                return Purpose("edit", (id_,))
            case "GET", ["incremental", "tickets", *_]:
                return Purpose("search")
            case "GET", ["incremental", *_]:
                return Purpose("changelog")
            case "GET", ["tickets", "show_many"]:
                return Purpose("read", tuple(parse_qs(query).get("ids", [""])[0].split(",")))
            case "GET", ["tickets", id_]:
                return Purpose("read", (id_,))
            case "GET", ["tickets", id_, "audits"]:
                return Purpose("changelog", (id_,))
        return Purpose("about")

    def rearranged(self, answer: Answer, kind: str) -> Answer:
        return with_rows(answer, {"tickets"}, lambda rows: rows[1:]) if kind == "row-missing" else answer

    def marked(self, body: bytes) -> Marked:
        told = json.loads(body)["ticket"]
        own = told["metadata"]["hoist"]
        values = {name: told[column] for column, name in _NAMES.items() if column in told and name != "labels"}
        shown = {name: None if value is None else str(value) for name, value in values.items()}
        return Marked(str(own["operation"]), tuple(own["firings"]), shown)

    def snapshot(self) -> _Snapshot:
        tickets = self._site.tickets
        return _Snapshot(
            {id_: _copied(ticket) for id_, ticket in tickets.by_id.items()}, len(tickets.audits), list(tickets._stream)
        )

    @contextmanager
    def showing(self, snapshot: object) -> Iterator[None]:
        assert isinstance(snapshot, _Snapshot)
        tickets = self._site.tickets
        present = tickets.by_id, tickets.audits, tickets._stream
        tickets.by_id, tickets.audits, tickets._stream = (
            dict(snapshot.tickets), tickets.audits[: snapshot.audits], list(snapshot.stream),
        )  # fmt: skip
        try:
            yield
        finally:
            tickets.by_id, tickets.audits, tickets._stream = present


def _save(audit: Audit) -> Save:
    items: list[Item] = []
    for event in audit.events:
        if event.kind == "Change":
            name = str(event.facts["field_name"])
            items.append((_NAMES.get(name, name), _text(event.facts.get("previous_value")), _text(event.facts.get("value"))))
    return Save(str(audit.id), str(audit.author), tuple(items))


def _text(value: object) -> str | None:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return None if value is None else str(value)


def _copied(ticket: Ticket) -> Ticket:
    row = copy.copy(ticket)
    row.values, row.audits, row.comments = dict(ticket.values), list(ticket.audits), list(ticket.comments)
    row.statuses = list(ticket.statuses)
    return row
