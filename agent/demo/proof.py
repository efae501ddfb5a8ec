"""The check of the demo: what the helpdesk's own record shows against what one pure evaluation of its final history asks for.

The final history holds the log's events and hoist's writes. It is read afresh, evaluated once, and gives the episodes that there
were. Each of them must have been written if it was still true at the read that confirmed it, and nothing else may have been; no
step twice; with exactly the values, labels and words that the merge of its firings gives.

Of hoist's own notes the check takes no more than when it read what, and how many tickets it counted together, which
`agent.demo.together` compares with all histories: whatever they claim about episodes is compared as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeVar

from agent.demo.evidence import Evidence
from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from agent.write_back.confirming import due_step
from connectors.sandboxes.record import FoundComment, FoundSave
from rules.engine import Episode, Evaluation, evaluate
from rules.escalation import Escalation
from rules.gates import held_by_label
from rules.identity import match
from rules.instants import FOREVER, Instant, written
from rules.ladder import Steps, ahead, step_name
from rules.merge import merge
from rules.protocol.rule import Mode
from rules.ticket import Actor, Kind, Ticket
from rules.timeline import Timeline, timeline

T = TypeVar("T")
Item = tuple[str, object, object]

AFTER_THE_READ = 1
"""Milliseconds by which hoist's own writes are moved: on a stepped clock they bear the stamp of the read that they followed."""


@dataclass(slots=True)
class Proof:
    """What the check found. `expected` and `found` count escalated firings; `brief` those too short to be confirmed."""

    mismatches: list[str] = field(default_factory=list)
    expected: int = 0
    found: int = 0
    brief: int = 0


class Due(NamedTuple):
    """A firing that must have been written: hoist's row of it, and its episode as recorded and as evaluated here."""

    row: WaitingRow
    recorded: EpisodeRow
    episode: Episode

    @property
    def steps(self) -> Steps:
        """The steps of the ladder that it stands for."""
        return next(fired.steps for fired in self.recorded.firings if fired.steps[-1] == self.row.key.step)


_AT_REST: Final = frozenset({RowState.HELD, RowState.WATCHED})
"""What nobody has to confirm: it is held back, or was only noted."""

Expected = Mapping[Instant, Sequence[Due]]
"""By the instant of the read that confirmed them: the firings of one escalation."""


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
        for ticket in self.evidence.numbered:
            self._ticket(with_own_writes_after_their_reads(ticket))
        self._strangers()
        return self.result

    def _ticket(self, ticket: Ticket) -> None:
        line = timeline(ticket)
        evaluation = evaluate(line, self.evidence.ruling.rules, self.evidence.until)
        recorded = self.episodes.get(ticket.ref.id, [])
        matched = match([r.recorded for r in recorded], evaluation.episodes)
        expected: dict[Instant, list[Due]] = defaultdict(list)
        for episode, known in zip(evaluation.episodes, matched, strict=True):
            if known is None:
                self._unnoticed(ticket, line, evaluation, episode)
                continue
            row = next(r for r in recorded if (r.rule, r.number) == (known.rule, known.number))
            for due in self._steps(ticket, row, evaluation, episode):
                if due.row.confirmed_at is not None:
                    expected[due.row.confirmed_at].append(due)
        self._compare_firings(ticket, expected)
        self._compare_escalations(ticket, line, expected)

    # --- what must have been written -----------------------------------------------------------------------------------

    def _steps(self, ticket: Ticket, row: EpisodeRow, evaluation: Evaluation, episode: Episode) -> Iterator[Due]:
        """The firings of a recorded episode that were true when they were confirmed."""
        of_ticket = self.rows.get(ticket.ref.id, ())
        waiting = [r for r in of_ticket if (r.key.rule, r.key.episode) == (row.rule, row.number)]
        if self._left_alone(ticket, row, episode):
            return
        missing = {fired.steps[-1] for fired in row.firings} - {r.key.step for r in waiting}
        if missing and self.evidence.ruling.rule(episode.rule).mode is Mode.LIVE:
            self._wrong(ticket, f"{episode.rule} began at {written(episode.start)}, and nothing was decided about writing it")
        for each in waiting:
            if each.confirmed_at is None:
                if each.state not in _AT_REST and each.not_before + self.evidence.bound < self.evidence.until:
                    self._wrong(ticket, f"{each.key.rule} was decided and never read again to confirm it ({each.state})")
            elif episode.holds_at(each.confirmed_at):
                yield Due(each, row, episode)
        self._further(ticket, row, evaluation, episode, waiting)

    def _left_alone(self, ticket: Ticket, row: EpisodeRow, episode: Episode) -> bool:
        """What began before its rule was activated is backlog, and nothing else is."""
        older = episode.start < self.evidence.ruling.activated.get(episode.rule, FOREVER)
        ignored = older and self.evidence.ruling.rule(episode.rule).existing.limit == 0
        if row.backlog and not older:
            self._wrong(ticket, f"{episode.rule} began at {written(episode.start)} and was left alone as if it were older")
        if ignored and not row.backlog:
            self._wrong(
                ticket, f"{episode.rule} began at {written(episode.start)}, before the rule went live, and was acted upon"
            )
        return ignored or row.backlog

    def _further(
        self, ticket: Ticket, row: EpisodeRow, evaluation: Evaluation, episode: Episode, waiting: Sequence[WaitingRow]
    ) -> None:
        """A further step or reminder that became due while the rule still held must have been decided."""
        last = next((r for r in waiting if r.state is RowState.APPLIED and r.key.step == row.last.steps[-1]), None)
        if last is None or last.settled_at is None:
            return
        due = ahead(evaluation, episode, [fired.steps for fired in row.firings], last.settled_at, self.evidence.until).due
        if due is not None and any(self._stood(ticket, a, b, due.since) for a, b in episode.stretches):
            name = step_name(evaluation.bound(episode.rule).rule, due.step)
            self._wrong(ticket, f"{episode.rule}: {name} was due at {written(due.since)} and was never decided")

    def _stood(self, ticket: Ticket, start: Instant, end: Instant, since: Instant) -> bool:
        """Whether a stretch lasted long enough, from an instant on, to be seen: in one piece in which nothing was kept back."""
        acts = [*(change.at for change in ticket.changes), *(said.at for said in ticket.messages)]
        bound, kept_back = self.evidence.bound, self.evidence.kept_back
        return shows(max(start, since), min(end, self.evidence.until), acts, bound=bound, kept_back=kept_back)

    def _unnoticed(self, ticket: Ticket, line: Timeline, evaluation: Evaluation, episode: Episode) -> None:
        """An episode that hoist never recorded: fine before the rule's activation, or where it was too short to be seen."""
        if episode.start < self.evidence.ruling.activated.get(episode.rule, FOREVER):
            return
        due = ahead(evaluation, episode, (), None, self.evidence.until).due
        if due is None:
            return
        seen = [(max(a, due.since), min(b, line.gone)) for a, b in episode.stretches if self._stood(ticket, a, b, due.since)]
        if seen and held_by_label(ticket, self.evidence.until) is None:
            self._wrong(
                ticket, f"{episode.rule} was true from {written(seen[0][0])} to {written(seen[0][1])}, and hoist never noticed"
            )
        elif episode.start < self.evidence.until:
            self.result.brief += 1

    # --- what was written ----------------------------------------------------------------------------------------------

    def _compare_firings(self, ticket: Ticket, expected: Expected) -> None:
        """Each expected firing is named by one comment, and no comment names anything else."""
        wanted = Counter(self.evidence.mark[str(row.key)] for due in expected.values() for row, *_ in due)
        found = Counter(marker for comment in self.comments.get(ticket.ref.id, ()) for marker in comment.firings)
        self.result.expected += wanted.total()
        self.result.found += found.total()
        for marker in sorted(wanted.keys() | found.keys(), key=lambda m: self.keys.get(m, m)):
            if wanted[marker] != found[marker]:
                key = self.keys.get(marker, f"unknown marker {marker}")
                self._wrong(ticket, f"{key}: written {found[marker]} times, expected {wanted[marker]}")
        for comment in self.comments.get(ticket.ref.id, ()):
            if comment.public:
                self._wrong(ticket, f"the comment by hoist at {written(comment.at)} can be read by the requester")
            if not comment.firings:
                self._wrong(ticket, f"the comment by hoist at {written(comment.at)} names no firing")

    def _compare_escalations(self, ticket: Ticket, line: Timeline, expected: Expected) -> None:
        """The saves and the words of each escalation are those that the merge of its firings gives."""
        merged = {at: self._merged(as_read(ticket, line, at), at, due) for at, due in sorted(expected.items())}
        wanted = [(at, items) for at, escalation in merged.items() if (items := _wanted_items(escalation))]
        found = [(save.at, items) for save in self.saves.get(ticket.ref.id, ()) if (items := self._found_items(save))]
        if wanted != found:
            self._wrong(ticket, f"values written {_shown(found)}, expected {_shown(wanted)}")
        words = {self._marks(due): (at, _words(merged[at].comment or "")) for at, due in expected.items()}
        for comment in self.comments.get(ticket.ref.id, ()):
            at, said = words.get(frozenset(comment.firings), (comment.at, None))
            if said is None:
                if len(comment.firings) > 1 or len(words) != len(self.comments[ticket.ref.id]):
                    continue  # said already: its firings are not those of one expected escalation
                self._wrong(ticket, f"the comment at {written(comment.at)} names firings that were not one escalation")
            elif (comment.at, _words(comment.text)) != (at, said):
                self._wrong(
                    ticket, f"the comment at {written(comment.at)} says {comment.text!r}, expected {said!r} at {written(at)}"
                )

    def _merged(self, then: Ticket, at: Instant, due: Sequence[Due]) -> Escalation:
        """The escalation that somebody who read the ticket at an instant has to make of these firings."""
        evaluation = evaluate(timeline(then), self.evidence.ruling.rules, at)
        steps = []
        for each in due:
            row = each.row
            episode = next((e for e in evaluation.episodes_of(row.key.rule) if e.holds_at(at)), None)
            if episode is None:
                self._wrong(then, f"{row.key.rule} was written at {written(at)}, and was not true by what could be known then")
            else:
                step = due_step(row, each.steps, evaluation, episode, then, at)
                steps.append(replace(step, previous=each.recorded.confirmed_before(each.steps[0])))
        holding = [evaluation.bound(e.rule).rule for e in evaluation.episodes if e.holds_at(at)]
        return merge(then, steps, self.evidence.ruling.rules, at, holding)

    def _marks(self, due: Sequence[Due]) -> frozenset[str]:
        return frozenset(self.evidence.mark[str(row.key)] for row, *_ in due)

    def _found_items(self, save: FoundSave) -> frozenset[Item]:
        """A field that hoist has no name for stands under the platform's: it should not have been written at all."""
        items: set[Item] = set()
        for name, old, new in save.items:
            if name == "labels":
                before, after = set((old or "").split()), set((new or "").split())
                items |= {("label", None, label) for label in after - before}
                items |= {("label", label, None) for label in before - after}
            else:
                items.add((name, old, new))
        return frozenset(items)

    def _strangers(self) -> None:
        """What hoist wrote on tickets that are not there, or not hoist's to read."""
        known = {ticket.ref.id for ticket in self.evidence.tickets}
        for issue in dict.fromkeys((*self.saves, *self.comments)):
            if issue not in known:
                self.result.mismatches.append(f"{issue}: hoist wrote to a ticket that it can't read")

    def _wrong(self, ticket: Ticket, said: str) -> None:
        self.result.mismatches.append(f"{ticket.key}: {said}")


def shows(start: Instant, end: Instant, acts: Iterable[Instant], *, bound: int, kept_back: int) -> bool:
    """Whether a stretch shows for longer than `bound` in one piece, of a ticket that after each act does not for `kept_back`."""
    for at in sorted(acts) if kept_back else ():
        if start < at + kept_back and start + bound >= min(at, end):
            start = at + kept_back
    return start + bound < end


def with_own_writes_after_their_reads(ticket: Ticket) -> Ticket:
    """The ticket with the acts of hoist's account marked as hoist's, and stamped just after the read that they rest on."""
    changes = [replace(c, at=c.at + AFTER_THE_READ, by=_hoist(c.by)) if _own(c.by) else c for c in ticket.changes]
    messages = [replace(m, at=m.at + AFTER_THE_READ, by=_hoist(m.by)) if _own(m.by) else m for m in ticket.messages]
    changes.sort(key=lambda c: (c.at, c.sequence))
    messages.sort(key=lambda m: m.at)
    return replace(ticket, changes=tuple(changes), messages=tuple(messages))


def _own(by: Actor) -> bool:
    return by.kind is Kind.OWN_ACCOUNT


def _hoist(by: Actor) -> Actor:
    return Actor(by.id, Kind.HOIST)


def as_read(ticket: Ticket, line: Timeline, at: Instant) -> Ticket:
    """The ticket as a read at an instant showed it: later history left out, hoist's own writes back at their stamps."""
    changes = (replace(c, at=c.at - _shift(c.by)) for c in ticket.changes if c.at <= at)
    messages = (replace(m, at=m.at - _shift(m.by)) for m in ticket.messages if m.at <= at)
    fields = {name: line.column(name).value_at(at) for name in ticket.fields}
    return replace(ticket, fields=fields, changes=tuple(changes), messages=tuple(messages), known=at)


def _shift(by: Actor) -> int:
    return AFTER_THE_READ if by.kind is Kind.HOIST else 0


def _wanted_items(escalation: Escalation) -> frozenset[Item]:
    items: set[Item] = {(change.field, change.old, change.new) for change in escalation.changes}
    return frozenset(items | {("label", None, label) for label in escalation.add_labels})


def _words(text: str) -> str:
    """The text without its layout, which is the platform's."""
    return " ".join(text.split())


def _shown(found: Sequence[tuple[Instant, frozenset[Item]]]) -> str:
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
