"""The helpdesk: a platform's own sandbox, the people and automations that use it, and a record of what hoist did there."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from unittest.mock import patch

from connectors.sandboxes.answer import Answer
from connectors.sandboxes.history import Event, Note
from rules.escalation import Operation
from rules.instants import Instant
from rules.ticket import UNKNOWN
from tests.simulation.clocks import TrueTime
from tests.simulation.desk import REQUESTER, empty_history
from tests.simulation.platforms import PLATFORMS
from tests.simulation.platforms.far_side import FarSide, Marked, Purpose, Said, Save
from tests.simulation.story import Automation, Deed, Fields, Opened, Story, Vanishing

WRITES: Final = frozenset({"edit", "comment"})


@dataclass(frozen=True)
class Effect:
    """Something that hoist did at the far side: a save of fields, a comment, or both in one.

    `sent` is when the request reached the wire, `at` when it took effect. `before` and `after` are what had been read and what
    was decided, as the store had it when the request left; `values` what the request itself set. `save` is None where no field
    differed, `comment` where nothing was said.
    """

    at: Instant
    sent: Instant
    ticket: str  # id
    kind: str  # edit, comment
    marker: str
    firings: tuple[str, ...]
    values: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    save: Save | None = None
    comment: Said | None = None


@dataclass(frozen=True)
class Asked:
    """One request, by what it is for."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    purpose: Purpose
    sent: Instant

    @property
    def kind(self) -> str:
        return self.purpose.kind

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the tickets that it is about."""
        return self.purpose.ids

    @property
    def ticket(self) -> str:
        """The id of the one ticket that it is about, empty where there is no such."""
        return self.ids[0] if len(self.ids) == 1 else ""


class Helpdesk:
    """A site that lives through a story. `effects` are hoist's, in the order in which they took place."""

    def __init__(self, story: Story, true: TrueTime) -> None:
        self._true, self._at = true, None
        self.effects: list[Effect] = []
        self.decided: dict[str, Operation] = {}  # by marker: what the store held when its request left
        self.saves: dict[str, list[Save]] = defaultdict(list)  # by ticket: everybody's, in true time
        self.echoes: set[str] = set()  # ids of saves made by automation under hoist's account
        self.vanished: dict[str, Instant] = {}  # by id: tickets that hoist once could not see
        self.names: dict[str, str] = {}  # of the story's tickets, by id
        self.log: Callable[[str], None] = lambda _: None
        self._fault = ""
        self.far: Final[FarSide] = PLATFORMS[story.platform](self.clock, empty_history(), story.seed, story.lag)
        # The faults of a story are dated, so that each can be left out; a sandbox draws its own by rate.
        self._struck = patch.object(self.far.faults, "strikes", self._strikes)
        self._struck.start()
        self._past: list[tuple[Instant, object]] = [(true.now(), self.far.snapshot())]
        self._due: list[tuple[Instant, int, Callable[[], None]]] = []
        self._count = 0
        self._automations = [item for item in story.items if isinstance(item, Automation)]
        self._reacted: dict[int, int] = defaultdict(int)
        for item in story.items:
            match item:
                case Opened():
                    self.later(item.at, partial(self._open, item))
                case Deed():
                    self.later(item.at, partial(self._done, item))
                case Vanishing():
                    self.later(item.at, partial(self._vanish, item))

    def clock(self) -> Instant:
        """The site's time: while it catches up, the instant of what happens."""
        return self._true.now() if self._at is None else self._at

    _at: Instant | None

    def _strikes(self, name: str) -> bool:
        return name == self._fault

    # --- what happens by itself ------------------------------------------------------------------------------------------

    def later(self, at: Instant, act: Callable[[], None]) -> None:
        """Have something happen at an instant."""
        self._count += 1
        heapq.heappush(self._due, (at, self._count, act))

    def catch_up(self) -> None:
        """Let everything happen that lies at or before now."""
        while self._due and self._due[0][0] <= self._true.now():
            self._at, _, act = heapq.heappop(self._due)
            act()
            self._at = None

    # --- people and automations ------------------------------------------------------------------------------------------

    def id_of(self, ticket: str) -> str:
        """The id of a story's ticket, empty where it is not there (any more)."""
        id_ = self.far.id_of(ticket)
        return id_ if id_ and self.far.is_there(id_) else ""

    def name_of(self, id_: str) -> str:
        """The story's name of a ticket, empty for none of its tickets."""
        return self.names.get(id_, "")

    def _open(self, item: Opened) -> None:
        self.far.happen(Event(self.clock(), item.ticket, REQUESTER, item.values))
        self.names[self.far.id_of(item.ticket)] = item.ticket
        self._seen(self.far.id_of(item.ticket))
        self.log(f"open {item.ticket}")

    def _done(self, item: Deed) -> None:
        if self.id_of(item.ticket):
            self.act(item.ticket, item.who, item.values, Note(item.says, item.public) if item.says else None)

    def act(self, ticket: str, who: str, values: Fields, note: Note | None = None) -> None:
        """Somebody saves a ticket that is there."""
        self.far.happen(Event(self.clock(), ticket, who, values, note))
        self._seen(self.id_of(ticket))
        self.log(f"{who} {ticket} {sorted(values.items())}")

    def _seen(self, id_: str) -> list[Save]:
        """Date what has been saved of a ticket since it was looked at last, and keep what reads show now."""
        known = {save.id for save in self.saves[id_]}
        fresh = [replace(save, at=self.clock()) for save in self.far.saves(id_) if save.id not in known]
        self.saves[id_] += fresh
        self._past.append((self.clock(), self.far.snapshot()))
        return fresh

    def _vanish(self, item: Vanishing) -> None:
        id_, now = self.id_of(item.ticket), self.clock()
        if not id_:
            return
        self.vanished.setdefault(id_, now)
        self.log(f"{item.how} {item.ticket}")
        self.far.take_away(id_, item.how, now)
        self._seen(id_)
        if item.how == "hidden":
            self.later(now + item.lasts, partial(self._appear, id_))

    def _appear(self, id_: str) -> None:
        self.far.bring_back(id_, self.clock())
        self._seen(id_)

    def _react(self, effect: Effect) -> None:
        """The platform's automations that look at saves of this ticket."""
        if effect.save is None:
            return
        for number, item in enumerate(self._automations):
            if self.id_of(item.ticket) != effect.ticket or item.at > self.clock() or self._reacted[number] >= item.times:
                continue
            moved = [old for name, old, _ in effect.save.items if name == "team"]
            if item.how == "echo" or moved:
                self._reacted[number] += 1
                old = moved[0] if moved else None
                self.later(self.clock() + item.after, partial(self._reaction, item, effect.ticket, old))

    def _reaction(self, item: Automation, id_: str, old: str | None) -> None:
        if not self.far.is_there(id_):
            return
        if item.how == "revert":
            self.far.give_back(id_, old, self.clock())
            self._seen(id_)
        else:
            self.far.echo(id_, self.clock())
            self.echoes |= {save.id for save in self._seen(id_)}
        self.log(f"automation {item.how} {item.ticket}")

    # --- requests --------------------------------------------------------------------------------------------------------

    def purpose(self, method: str, target: str, body: bytes) -> Purpose:
        """What a request is for."""
        path, _, query = target.partition("?")
        return self.far.purpose(method, path, query, body)

    def answer(self, asked: Asked, *, fault: str = "", body: bytes | None = None) -> Answer:
        """Answer a request now, with one of the sandbox's own faults where named; what hoist does by it is recorded."""
        path, _, query = asked.target.partition("?")
        writes = asked.kind in WRITES and asked.ticket in self.names
        before = (len(self.far.comments(asked.ticket)), self.far.traces(asked.ticket)) if writes else (0, 0)
        self._fault = fault
        try:
            answer = self.far.sandbox.dispatch(asked.method, path, query, asked.headers, asked.body if body is None else body)
        finally:
            self._fault = ""
        if writes:
            self._record(asked, *before, taken=200 <= answer.status < 300)
        elif asked.kind == "about" and asked.method != "GET":  # a tag of its own, which the batch did not come to
            for id_ in self.names:
                self._seen(id_)
        return answer

    def _record(self, asked: Asked, said: int, traces: int, *, taken: bool) -> None:
        made = [save for save in self._seen(asked.ticket) if save.by == self.far.agent]
        comments = self.far.comments(asked.ticket)[said:]
        left = self.far.traces(asked.ticket) > traces or (taken and self.far.LEAVES_A_MARK)
        if not (made or left):
            return
        marked = self.far.marked(asked.body)
        before, after = self._values(marked)
        save = replace(made[0], items=tuple(item for each in made for item in each.items)) if made else None
        comment = comments[0] if comments else None
        told = marked.marker, marked.firings, marked.values
        effect = Effect(self.clock(), asked.sent, asked.ticket, asked.kind, *told, before, after, save, comment)
        self.effects.append(effect)
        self._react(effect)

    def _values(self, marked: Marked) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The fields of an operation, as they had been read and as they were decided."""
        operation = self.decided.get(marked.marker)
        changes = operation.changes if operation is not None else ()
        return {c.field: c.old for c in changes if c.old is not UNKNOWN}, {c.field: c.new for c in changes}

    @contextmanager
    def as_it_was(self, at: Instant) -> Iterator[None]:
        """Answer reads from a replica that stands at an earlier instant."""
        place = bisect_right(self._past, at, key=lambda each: each[0])
        with self.far.showing(self._past[max(place - 1, 0)][1]):
            self._at = at
            try:
                yield
            finally:
                self._at = None

    def own_saves(self) -> Iterator[tuple[str, Sequence[Save]]]:
        """By ticket: the saves under hoist's account."""
        for id_, saves in self.saves.items():
            yield id_, [save for save in saves if save.by == self.far.agent]

    def close(self) -> None:
        """Give the sandbox its own faults back."""
        self._struck.stop()
