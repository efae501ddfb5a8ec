"""The check of the demo: what the helpdesk's own record shows against what one pure evaluation of its final history asks for.

The final history holds the log's events and hoist's writes. It is read afresh, evaluated once, and gives the episodes that there
were. Each of them must have been written if it was still true at the read that confirmed it, and nothing else may have been; no
step twice; with exactly the values that the merge of its firings gives.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from agent.demo.record import FoundComment, FoundSave
from agent.evaluate import Ruling, due_step, held_by_label
from agent.store.episodes import EpisodeRow
from agent.store.waiting import WaitingRow
from rules.engine import Episode, Evaluation, evaluate
from rules.identity import Recorded, match
from rules.instants import FOREVER, Instant, written
from rules.merge import merge
from rules.ticket import Actor, Change, Kind, Message, Ticket
from rules.timeline import Timeline, timeline

T = TypeVar("T")

AFTER_THE_READ = 1
"""Milliseconds by which hoist's own writes are moved: on a stepped clock they bear the stamp of the read that they followed."""


@dataclass(slots=True)
class Proof:
    """What the check found. `expected` and `found` count escalated firings; `brief` those too short to be confirmed."""

    mismatches: list[str] = field(default_factory=list)
    expected: int = 0
    found: int = 0
    brief: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the check looks at: the helpdesk's record and final tickets, and hoist's notes of what it confirmed when.

    `mark` turns a firing's key into the marker that the helpdesk holds; `fields` the platform's field ids into hoist's names.
    `bound` is how long (milliseconds) a firing may last without being noticed: a poll, a look and the Date header's resolution.
    """

    tickets: Sequence[Ticket]
    saves: Sequence[FoundSave]
    comments: Sequence[FoundComment]
    episodes: Sequence[EpisodeRow]
    rows: Sequence[WaitingRow]
    ruling: Ruling
    mark: Mapping[str, str]
    fields: Mapping[str, str]
    until: Instant
    bound: int


def prove(evidence: Evidence) -> Proof:
    """Compare, one by one."""
    return _Prover(evidence).proof()


class _Prover:
    """One comparison."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.result = Proof()
        self.episodes: dict[str, list[EpisodeRow]] = _grouped(evidence.episodes, lambda e: e.ticket)
        self.rows: dict[str, list[WaitingRow]] = _grouped(evidence.rows, lambda r: r.key.ticket)
        self.saves: dict[str, list[FoundSave]] = _grouped(evidence.saves, lambda s: s.issue)
        self.comments: dict[str, list[FoundComment]] = _grouped(evidence.comments, lambda c: c.issue)
        self.keys = {marker: key for key, marker in evidence.mark.items()}

    def proof(self) -> Proof:
        for ticket in self.evidence.tickets:
            self._ticket(with_own_writes_after_their_reads(ticket))
        return self.result

    def _ticket(self, ticket: Ticket) -> None:
        line = timeline(ticket)
        evaluation = evaluate(line, self.evidence.ruling.rules, self.evidence.until)
        name = ticket.ref.id
        recorded = self.episodes.get(name, [])
        matched = match([r.recorded for r in recorded], evaluation.episodes)
        expected: dict[Instant, list[tuple[WaitingRow, Episode]]] = defaultdict(list)
        for episode, known in zip(evaluation.episodes, matched, strict=True):
            if known is None:
                self._unnoticed(ticket, line, episode)
                continue
            self._check_backlog(ticket, episode, known)
            for row in self.rows.get(name, ()):
                if (row.key.rule, row.key.episode) == (known.rule, known.number):
                    self._expect(ticket, row, episode, expected)
        self._compare_firings(ticket, expected)
        self._compare_values(ticket, evaluation, expected)

    def _expect(
        self, ticket: Ticket, row: WaitingRow, episode: Episode, expected: dict[Instant, list[tuple[WaitingRow, Episode]]]
    ) -> None:
        if row.confirmed_at is None:
            if row.not_before + self.evidence.bound < self.evidence.until:
                self._wrong(ticket, f"{row.key.rule} was decided and never read again to confirm it ({row.state})")
        elif episode.holds_at(row.confirmed_at):
            expected[row.confirmed_at].append((row, episode))

    def _check_backlog(self, ticket: Ticket, episode: Episode, known: Recorded) -> None:
        """What was left alone as backlog must have begun before its rule was activated."""
        backlog = any(e.backlog for e in self.episodes[ticket.ref.id] if (e.rule, e.number) == (known.rule, known.number))
        if backlog and episode.start >= self.evidence.ruling.activated.get(episode.rule, FOREVER):
            self._wrong(ticket, f"{episode.rule} began at {written(episode.start)} and was left alone as if it were older")

    def _unnoticed(self, ticket: Ticket, line: Timeline, episode: Episode) -> None:
        """An episode that hoist never recorded: fine before the rule's activation, or where it was too short to be seen."""
        if episode.start < self.evidence.ruling.activated.get(episode.rule, FOREVER):
            return
        seen = [(a, min(b, line.gone)) for a, b in episode.stretches if a + self.evidence.bound < min(b, self.evidence.until)]
        if seen and not held_by_label(ticket):
            self._wrong(
                ticket, f"{episode.rule} was true from {written(seen[0][0])} to {written(seen[0][1])}, and hoist never noticed"
            )
        elif episode.start < self.evidence.until:
            self.result.brief += 1

    def _compare_firings(self, ticket: Ticket, expected: Mapping[Instant, Sequence[tuple[WaitingRow, Episode]]]) -> None:
        wanted = Counter(self.evidence.mark[str(row.key)] for rows in expected.values() for row, _ in rows)
        found = Counter(marker for comment in self.comments.get(ticket.ref.id, ()) for marker in comment.firings)
        self.result.expected += wanted.total()
        self.result.found += found.total()
        for marker in sorted(wanted.keys() | found.keys(), key=lambda m: self.keys.get(m, m)):
            if wanted[marker] != found[marker]:
                key = self.keys.get(marker, f"unknown marker {marker}")
                self._wrong(ticket, f"{key}: written {found[marker]} times, expected {wanted[marker]}")
        for comment in self.comments.get(ticket.ref.id, ()):
            if comment.public:
                self._wrong(ticket, "a comment by hoist can be read by the requester")

    def _compare_values(
        self, ticket: Ticket, evaluation: Evaluation, expected: Mapping[Instant, Sequence[tuple[WaitingRow, Episode]]]
    ) -> None:
        wanted: list[tuple[Instant, frozenset[tuple[str, object, object]]]] = []
        for at, due in sorted(expected.items()):
            then = _as_of(ticket, evaluation.timeline, at)
            steps = [due_step(row, evaluation, episode, then, at) for row, episode in due]
            changes = merge(then, steps, self.evidence.ruling.rules).changes
            if changes:
                wanted.append((at, frozenset((c.field, c.old, c.new) for c in changes)))
        found = [(save.at, frozenset(self._items(save))) for save in self.saves.get(ticket.ref.id, ())]
        found = [(at, items) for at, items in found if items]
        if wanted != found:
            self._wrong(ticket, f"values written {_shown(found)}, expected {_shown(wanted)}")

    def _items(self, save: FoundSave) -> Iterator[tuple[str, object, object]]:
        for native, old, new in save.items:
            name = self.evidence.fields.get(native)
            if name is not None:
                yield (name, old, new)

    def _wrong(self, ticket: Ticket, said: str) -> None:
        self.result.mismatches.append(f"{ticket.key}: {said}")


def with_own_writes_after_their_reads(ticket: Ticket) -> Ticket:
    """The ticket with the acts of hoist's account marked as hoist's, and stamped just after the read that they rest on."""

    def moved(act: Change | Message) -> Change | Message:
        return replace(act, at=act.at + AFTER_THE_READ, by=Actor(act.by.id, Kind.HOIST))

    own = Kind.OWN_ACCOUNT
    changes = [moved(c) if c.by.kind is own else c for c in ticket.changes]
    messages = [moved(m) if m.by.kind is own else m for m in ticket.messages]
    return replace(
        ticket,
        changes=tuple(sorted((c for c in changes if isinstance(c, Change)), key=lambda c: (c.at, c.sequence))),
        messages=tuple(sorted((m for m in messages if isinstance(m, Message)), key=lambda m: m.at)),
    )


def _as_of(ticket: Ticket, line: Timeline, at: Instant) -> Ticket:
    """The ticket as it stood at an instant, its later history left out."""
    fields = {name: line.column(name).value_at(at) for name in ticket.fields}
    return replace(ticket, fields=fields, changes=tuple(c for c in ticket.changes if c.at <= at))


def _shown(found: Sequence[tuple[Instant, frozenset[tuple[str, object, object]]]]) -> str:
    parts = (
        f"{written(at)} " + ", ".join(f"{name} {old} -> {new}" for name, old, new in sorted(items, key=str))
        for at, items in found
    )
    return "; ".join(parts) or "none"


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found
