"""What must hold at the end: at the far side by its own record, and in hoist's store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

from agent.journal.verification import verify
from agent.store import hints, journal
from agent.store.episodes import EpisodeRow
from agent.store.states import OperationState, RowState
from rules.engine import Episode, Evaluation
from rules.identity import match
from rules.instants import MINUTE, SECOND, Instant
from rules.ladder import ahead
from rules.protocol.rule import Mode
from tests.simulation.auditing import WRITTEN
from tests.simulation.desk import SOURCE, WATCHED
from tests.simulation.helpdesk import Effect
from tests.simulation.platforms.far_side import Save
from tests.simulation.playing import Played
from tests.simulation.sight import Firing, Sight
from tests.simulation.story import clock_time

HEARD: Final = SECOND
"""After how long hoist has heard of a pause: what it had handed to the network by then is on its way."""
BOUND: Final = 8 * MINUTE
"""After how long an escalation that stays true must be written where nothing goes wrong: polls, looks, other writes."""
PUT_BACK: Final = 10 * MINUTE
SPACING: Final[Mapping[tuple[str, int], int]] = {
    ("nobody-took-it", 1): 30 * MINUTE,
    ("nobody-took-it", 2): 30 * MINUTE,
    ("unanswered", 1): 40 * MINUTE,
    ("urgent-ladder", 1): 15 * MINUTE,
    ("urgent-ladder", 2): 20 * MINUTE,
}
"""By rule and step: how long after the step before it comes at the earliest."""
_MANY: Final = 1_000
_OWNERS: Final = frozenset({"team", "assignee"})
"""Who sets the one has to say on some platforms what becomes of the other."""
_ENDED: Final = frozenset({RowState.PARKED, RowState.OVERRULED, RowState.UNDONE})


def judge(played: Played) -> list[str]:
    """Every promise that was broken, as a sentence; none where all is well."""
    judges = _Judges(played)
    broken = [
        *played.wrong,
        *judges.strangers(),
        *judges.twice(),
        *judges.untrue(),
        *judges.hurried(),
        *judges.leaps(),
        *judges.scattered(),
        *judges.trampled(),
        *judges.disobeyed(),
        *judges.taken_too_far(),
        *judges.lost(),
        *judges.unsettled(),
        *judges.unread(),
        *judges.disagreement(),
        *judges.unrecorded(),
        *judges.chain(),
    ]
    return list(dict.fromkeys(broken))


class _Judges(Sight):
    """One run, looked at from all sides."""

    # --- nothing twice, nothing untrue -----------------------------------------------------------------------------------

    def strangers(self) -> Iterator[str]:
        """Nothing is written by a rule that only watches, without a firing, or where the requester reads it."""
        for effect in self.effects:
            unknown = [each for each in effect.firings if each not in self.keys]
            if unknown or not effect.marker:
                yield self.said(effect.ticket, effect.at, f"an {effect.kind} names no firing of hoist's")
            if effect.comment is not None and effect.comment.public:
                yield self.said(effect.ticket, effect.at, "the requester can read hoist's comment")
        for firing in self.firings:
            if self.rules.rule(firing.key.rule).rule.mode is not Mode.LIVE:
                yield self.said(firing.key.ticket, firing.first.at, f"{firing.key.rule} only watches, and wrote")
        for ticket in self.played.helpdesk.names:
            if WATCHED in self.played.helpdesk.far.labels(ticket):
                yield self.said(ticket, self.end, "it bears a label that only a watching rule sets")

    def twice(self) -> Iterator[str]:
        """Each firing has one save and one comment at most, and no firing's episode gets a step twice."""
        for firing in self.firings:
            saves = [effect for effect in firing.effects if effect.save is not None]
            notes = [effect for effect in firing.effects if effect.comment is not None]
            for what, effects in (("saves", saves), ("comments", notes)):
                if len(effects) > 1:
                    yield self.said(firing.key.ticket, effects[1].at, f"{len(effects)} {what} for {firing.key}")
        steps: dict[tuple[str, Episode, int], list[Firing]] = defaultdict(list)
        for firing in self.firings:
            episode = self.episode_of(firing)
            if episode is not None:
                steps[firing.key.ticket, episode, firing.key.step].append(firing)
        for (ticket, episode, step), found in steps.items():
            if len(found) > 1:
                keys = ", ".join(str(firing.key) for firing in found)
                yield self.said(ticket, found[1].first.at, f"step {step} of {episode.rule} was taken {len(found)} times: {keys}")

    def untrue(self) -> Iterator[str]:
        """Each firing was true within the ten seconds before its first request left, by what could be read then.

        Where a platform shows saves only after they were stamped, what was over before it began may have looked true.
        """
        for firing in self.firings:
            unfounded = firing.key.ticket in self.evaluations and self.episode_of(firing) is None
            if unfounded and not self.looked_true(firing):
                sent = firing.first.sent
                yield self.said(firing.key.ticket, sent, f"{firing.key} was written though it was not true")
        superseded = {row.key for row in self.rows if row.state is RowState.SUPERSEDED}
        for firing in self.firings:
            if firing.key in superseded and not self.forgotten(firing.first):
                yield self.said(firing.key.ticket, firing.first.at, f"{firing.key} was written and is superseded")

    def hurried(self) -> Iterator[str]:
        """No step follows the one before it sooner than the rule has it."""
        by_episode: dict[tuple[str, Episode], list[Firing]] = defaultdict(list)
        for firing in self.firings:
            episode = self.episode_of(firing)
            if episode is not None:
                by_episode[firing.key.ticket, episode].append(firing)
        for (ticket, episode), found in by_episode.items():
            found.sort(key=lambda firing: firing.first.at)
            for before, after in pairwise(found):
                least = SPACING.get((episode.rule, after.key.step), 0) - 2 * SECOND
                gap = after.first.at - before.first.at
                if gap < least:
                    yield self.said(ticket, after.first.at, f"{after.key} followed {before.key} after {gap / MINUTE:.1f} minutes")

    def scattered(self) -> Iterator[str]:
        """A firing stands for all steps that were due when it was confirmed: those that were missed go with it.

        What falls due in the very instant that the confirming read is dated by can only be confirmed by a later one.
        """
        for ticket, evaluation in self.evaluations.items():
            recorded = [row for row in self.recorded if row.ticket == ticket]
            matched = match([row.recorded for row in recorded], evaluation.episodes)
            for episode, known in zip(evaluation.episodes, matched, strict=True):
                row = next((r for r in recorded if known and (r.rule, r.number) == (known.rule, known.number)), None)
                for place, fired in enumerate(row.written if row else ()):
                    before = row.written[:place] if row else ()
                    last = before[-1].applied_at if before else None
                    taken = [each.steps for each in before]
                    due = ahead(evaluation, episode, taken, last, fired.confirmed - 1).due
                    if episode.holds_at(fired.confirmed) and due is not None and set(due.steps) - set(fired.steps):
                        yield self.said(ticket, fired.confirmed, f"{episode.rule}: {due.steps} were due, {fired.steps} taken")

    def leaps(self) -> Iterator[str]:
        """No save moves a ticket by more than one tier, or raises it by more than one level."""
        teams, levels = self.played.helpdesk.far.teams, self.played.helpdesk.far.priorities
        for effect in self.effects:
            if not effect.firings:
                continue
            before, after = effect.before, effect.after
            for field, ladder, up in (("team", teams, 1), ("priority", levels, -1)):
                if field in after and ladder.index(after[field]) - ladder.index(before[field]) != up:
                    yield self.said(effect.ticket, effect.at, f"{field} was moved from {before[field]} to {after[field]}")
        yield from self._climbed(teams, levels)

    def _climbed(self, teams: Sequence[str], levels: Sequence[str]) -> Iterator[str]:
        """Nor do several saves for one firing."""
        for firing in self.firings:
            for field, ladder in (("team", teams), ("priority", levels)):
                values = [effect.after[field] for effect in firing.effects if field in effect.after]
                if len({ladder.index(value) for value in values}) > 1:
                    yield self.said(firing.key.ticket, firing.effects[-1].at, f"{firing.key} set {field} to {values}")

    # --- people ----------------------------------------------------------------------------------------------------------

    def trampled(self) -> Iterator[str]:
        """A value that was not the one that had been read is put back, unless somebody has changed it since.

        Where a platform's answers stand in the way of that (a look before the write that a cache keeps answering), a person is
        asked, with that reason. A store that was put back to before the write, before anything could be put back, never learns
        which value had been read.
        """
        for effect in self.effects:
            told = (effect.firings or effect in self.undos) and not self._forgotten_soon(effect)
            if effect.save is None or effect.at > self.end - PUT_BACK or effect.ticket not in self.tickets or not told:
                continue
            for field, old, _ in effect.save.items:
                replaced = field in effect.before and old != effect.before[field]
                if replaced and not self._put_back(effect, effect.save, field, old) and not self._asked_about(effect):
                    yield self.said(effect.ticket, effect.at, f"{field} {old} was overwritten and not put back")

    def _forgotten_soon(self, effect: Effect) -> bool:
        return any(back <= effect.sent < at < effect.at + PUT_BACK for at, back in self.played.restored)

    def _put_back(self, effect: Effect, save: Save, field: str, theirs: str | None) -> bool:
        saves = self.played.helpdesk.saves[effect.ticket]
        later = saves[[each.id for each in saves].index(save.id) + 1 :]
        changed = [(each.by, new) for each in later for name, _, new in each.items if name == field]
        return bool(changed) and (changed[0][1] == theirs or changed[0][0] != self.played.helpdesk.far.agent)

    def _asked_about(self, effect: Effect) -> bool:
        """Whether a person is asked to look, since theirs could not be put back."""
        keys = {self.keys[firing] for firing in effect.firings}
        return any(
            row.key in keys and row.state is RowState.PARKED and "could not be put back" in row.problem for row in self.rows
        )

    # --- orders ----------------------------------------------------------------------------------------------------------

    def disobeyed(self) -> Iterator[str]:
        """Nothing leaves in a pause, and nothing is begun on a ticket that somebody said to leave alone."""
        for firing in self.firings:
            for rest in self.played.rests:
                key = firing.key
                if rest.rule not in ("", key.rule) or rest.ticket not in ("", key.ticket):
                    continue
                first = rest.since + (HEARD if rest.kind == "pause" else self.read_age)
                effects = firing.effects if rest.kind == "pause" else firing.effects[:1]
                for effect in effects:
                    if first < effect.sent < rest.until:
                        yield self.said(key.ticket, effect.sent, f"{key} was written in a {rest.kind}")

    def taken_too_far(self) -> Iterator[str]:
        """What is taken back is hoist's own value, which nobody has changed since, as far as a read could show."""
        agent = self.played.helpdesk.far.agent
        for effect in self.undos:
            for field, value in effect.after.items():
                moves = [
                    (save, old)
                    for save in self.played.helpdesk.saves[effect.ticket]
                    for name, old, _ in save.items
                    if name == field and save.at < effect.sent - (0 if save.by == agent else self.read_age)
                ]
                if not moves or moves[-1][0].by != agent or moves[-1][0].id in self.played.helpdesk.echoes:
                    yield self.said(
                        effect.ticket, effect.at, f"{field} was set to {value}, though it was not hoist's to take back"
                    )
                elif value not in {old for save, old in moves if save.by == agent}:
                    yield self.said(effect.ticket, effect.at, f"{field} was set to {value}, which it was not before hoist wrote")

    # --- nothing lost ----------------------------------------------------------------------------------------------------

    def lost(self) -> Iterator[str]:
        """What stayed true beyond its bound was written, or is in a state that has a name."""
        restored = max((at for at, _ in self.played.restored), default=0)
        for ticket, evaluation in self.evaluations.items():
            if ticket in self.played.helpdesk.vanished:
                continue
            recorded = [row for row in self.recorded if row.ticket == ticket]
            matched = match([row.recorded for row in recorded], evaluation.episodes)
            for episode, known in zip(evaluation.episodes, matched, strict=True):
                rule = self.rules.rule(episode.rule).rule
                if rule.mode is not Mode.LIVE or episode.start < restored:
                    continue
                row = next((r for r in recorded if known and (r.rule, r.number) == (known.rule, known.number)), None)
                yield from self._lost(ticket, evaluation, episode, row)

    def _lost(self, ticket: str, evaluation: Evaluation, episode: Episode, row: EpisodeRow | None) -> Iterator[str]:
        taken = [fired.steps for fired in row.written] if row else []
        last = row.written[-1].applied_at if row and row.written else None
        now = min(episode.end, self.end) - 1
        due = ahead(evaluation, episode, taken, last, now).due
        if due is None or (row is not None and self._named_state(row, episode)):
            return
        deadline = self._deadline(due.since, ticket)
        if any(a <= due.since and b > deadline for a, b in episode.stretches) and deadline < self.end:
            said = (
                f"{episode.rule} step {due.step} was true from {clock_time(due.since)}, and not written by {clock_time(deadline)}"
            )
            yield self.said(ticket, due.since, said)

    @cached_property
    def _once_left(self) -> set[str]:
        """The episodes of which a change was once left to a person, or held back with a reason; its step may be another now."""
        with self.played.database.reading() as db:
            kinds = RowState.BACKLOG, RowState.HELD
            return {_of_episode(line.data["change"]) for kind in kinds for line in journal.lines(db, kind=kind)}

    def _named_state(self, row: EpisodeRow, episode: Episode) -> bool:
        """Somebody must look, was first or took it back, or it fell due while hoist rested and is left to a person.

        What nobody had said a word about by the time that it was over was left to them for as long as it held.
        """
        place = (row.ticket, row.rule, row.number)
        own = [row for row in self.rows if (row.key.ticket, row.key.rule, row.key.episode) == place]
        down = [each.at for each in self.played.struck if each.kind in {"crash", "restore"}]
        down += [rest.since for rest in self.played.rests if rest.kind == "pause"]
        left = any(row.state is RowState.BACKLOG and row.problem and any(at <= self.end for at in down) for row in own)
        held = any(row.state is RowState.HELD and row.problem for row in own)  # a limit, said with its reason
        over = any(
            row.state is RowState.SUPERSEDED
            and _of_episode(row.key) in self._once_left
            and not episode.holds_at(row.settled_at or 0)
            for row in own
        )
        return left or held or over or any(row.state in _ENDED for row in own)

    def _deadline(self, due: Instant, ticket: str) -> Instant:
        """The bound, put off by whatever went wrong meanwhile, and by what somebody said."""
        deadline = due + BOUND
        rests = [(each.since, min(each.until, self.end)) for each in self.played.rests if each.ticket in ("", ticket)]
        for at, until in sorted([*rests, *((each.at, each.until) for each in self.played.struck)]):
            if until > due and at <= deadline:
                deadline = max(deadline, until + BOUND)
        return deadline

    def unsettled(self) -> Iterator[str]:
        """When all has been calm for long enough, nothing is left half done."""
        for row in self.rows:
            half = row.state in {RowState.CLAIMED, RowState.SENT, RowState.UNKNOWN, RowState.PLANNED}
            if half and self._deadline(max(row.instant, row.planned_at, row.not_before), row.key.ticket) < self.end:
                yield self.said(row.key.ticket, row.instant, f"{row.key} is still {row.state}: {row.problem}")

    def unread(self) -> Iterator[str]:
        """When all has been calm for long enough, every ticket of which a webhook told has been read."""
        with self.played.database.reading() as db:
            for hint in hints.waiting(db, SOURCE, _MANY):
                if self._deadline(hint.at, hint.ticket) < self.end:
                    yield self.said(hint.ticket, hint.at, "a webhook told of it, and it was not read")

    # --- agreement -------------------------------------------------------------------------------------------------------

    def disagreement(self) -> Iterator[str]:
        """What the store says was done is there, what is there the store and the journal know."""
        took = {effect.marker for effect in self.effects}
        for each in self.operations:
            done, there = each.state is OperationState.APPLIED, each.operation.marker in took
            if done and not there:
                yield self.said(each.operation.ticket.id, self.end, f"{each.operation.key} counts as applied and is not there")
            if there and each.state in {OperationState.PLANNED, OperationState.DROPPED}:
                yield self.said(each.operation.ticket.id, self.end, f"{each.operation.key} is there and counts as {each.state}")
        known = {each.operation.marker: each.operation for each in self.operations}
        for effect in self.effects:
            if effect.marker in known and effect.kind == "edit":
                decided = {change.field: change.new for change in known[effect.marker].changes}
                beside = _OWNERS - decided.keys() if _OWNERS & decided.keys() else frozenset()
                if {name: value for name, value in effect.values.items() if name not in beside} != decided:
                    yield self.said(effect.ticket, effect.at, f"{effect.values} was written, {decided} decided")
        with self.played.database.reading() as db:
            journaled = {str(line.data.get("marker")) for line in journal.lines(db)}
        for effect in self.effects:
            if self.forgotten(effect):
                continue
            for where, markers in (("store", known.keys()), ("journal", journaled)):
                if effect.marker not in markers:
                    yield self.said(effect.ticket, effect.at, f"the {where} knows nothing of an {effect.kind}")

    def unrecorded(self) -> Iterator[str]:
        """The platform's own record, read through its API, shows each thing that hoist's account did, and nothing else."""
        audited = self.played.audited
        for ticket, saves in self.played.helpdesk.own_saves():
            made = Counter(item for save in saves for item in save.items if item[0] in WRITTEN)
            if made != audited.items.get(ticket, made):
                yield self.said(ticket, self.end, f"{dict(made)} was set, the record shows {dict(audited.items[ticket])}")
        for ticket, shown in audited.comments.items():
            effects = [effect for effect in self.effects if effect.ticket == ticket and effect.comment is not None]
            said = Counter((effect.firings, effect.comment.public) for effect in effects if effect.comment is not None)
            if said != shown:
                yield self.said(ticket, self.end, f"{sum(said.values())} comments were made, the record shows {dict(shown)}")

    def chain(self) -> Iterator[str]:
        """The journal's chain is whole."""
        with self.played.database.reading() as db:
            for finding in verify(db).findings:
                yield f"the journal: {finding}"


def _of_episode(change: object) -> str:
    """The key of a change without its step."""
    return str(change).rpartition("/")[0]
