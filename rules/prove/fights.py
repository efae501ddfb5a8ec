"""Rules that undo each other for ever: a ticket goes round among teams or values although nobody but hoist touches it.

The solver proposes rounds, the shortest first, from what each rule needs at the instant at which it fires; the engine then runs
from there, and only a round that it goes again and again is told. Priorities are only ever raised and labels only added, so every
round goes over teams, or over fields that rules set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from rules.binding import BoundRule
from rules.instants import DAY, HOUR, MINUTE, Instant, moment
from rules.phrases import length
from rules.protocol.actions import AddLabel, RaisePriority
from rules.protocol.rule import Mode, Rule
from rules.prove.facts import OTHER, Facts
from rules.prove.look import Look
from rules.prove.moves import Move, begins_anew, moves_of, raised
from rules.prove.proofs import Example, Kind, Proof, Question
from rules.prove.replay import Written, standing_of, ticket_of, written
from rules.prove.setting import Setting
from rules.prove.solver import Formula
from rules.prove.wording import at_local, described, lines, listed, shown
from rules.ticket import Ticket, Value
from rules.worked_examples import NotBuilt, worked_example

LONGEST_ROUND = 6
"""Firings of a round that is looked for."""

_STEPS_TOLD = 8
_TOLD = ("priority", "status", "team", "assignee", "labels")
_DOUBT = "by what they look at they can, and on the tickets that were tried they did not"
_PROPOSALS = 24
_WRITES = 60


@dataclass(frozen=True, slots=True)
class _Mover:
    rule: Rule
    moves: tuple[Move, ...]
    sources: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class _Sought:
    """A round of so many firings, as formulas: what is so of it, which rule fires at each place, the ticket at the beginning."""

    formulas: tuple[Formula, ...]
    chosen: tuple[Formula, ...]
    start: Facts


@dataclass(frozen=True, slots=True)
class _Proposal:
    """Rules in the order in which they may go round, and a ticket at the beginning."""

    rules: tuple[str, ...]
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class _Round:
    """A round that the engine went: what was written in it, and before it, on which ticket."""

    ticket: Ticket
    before: tuple[Written, ...]
    once: tuple[Written, ...]
    once_more: tuple[Written, ...]

    @property
    def again(self) -> Instant:
        """When it begins anew."""
        return self.once_more[0].at

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for step in self.once for rule in step.rules))


def fights(setting: Setting) -> Iterator[Proof]:
    """Each round of rules that undo each other; else that there is none, or what was not found out."""
    search = _Search(setting)
    found: list[Proof] = list(search.rounds())
    yield from found
    doubtful = [names for names in search.doubtful if not any(set(names) <= done for done in search.confirmed)]
    for names, sentence in doubts({frozenset(names) for names in doubtful}):
        yield Proof(Question.FIGHT, Kind.UNDECIDED, names, sentence)
    if search.given_up:
        sentence = f"whether rules undo each other is not known for all: {search.given_up}"
        yield Proof(Question.FIGHT, Kind.UNDECIDED, "rules", sentence)
    elif not found and not doubtful:
        yield Proof(Question.FIGHT, Kind.PROVED, "rules", "no rules undo each other for ever")


def doubts(rounds: set[frozenset[str]]) -> Iterator[tuple[str, str]]:
    """A line for each round that was not confirmed; those that all go over one rule, such as a confidential one, share theirs."""
    left = set(rounds)
    while left:
        often = Counter(rule for names in left for rule in names)
        hub = min(often, key=lambda rule: (-often[rule], rule))
        over = {names for names in left if hub in names}
        left -= over
        if len(over) == 1:
            yield ", ".join(sorted(next(iter(over)))), f"it is not known whether they undo each other: {_DOUBT}"
        else:
            others = listed(sorted(set().union(*over) - {hub}))
            sentence = f"it is not known whether it and others undo each other ({others}; {len(over)} ways round): {_DOUBT}"
            yield hub, sentence


class _Search:
    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        teams = setting.words.values["team"]
        self.movers: list[_Mover] = []
        for rule in setting.rules:
            moves = moves_of(rule, setting.bound, teams)
            if moves:
                self.movers.append(_Mover(rule, moves, setting.source_of(rule)))
        looked_at = setting.words.values.keys()  # what no rule looks at makes none begin anew
        self.fields = frozenset(move.field for mover in self.movers for move in mover.moves) & looked_at
        self.movers = [mover for mover in self.movers if begins_anew(mover.rule.condition, self.fields | {"assignee"})]
        self.confirmed: list[set[str]] = []
        self.doubtful: list[tuple[str, ...]] = []
        self.given_up = ""

    def rounds(self) -> Iterator[Proof]:
        """The rounds that the engine confirms."""
        standings = prod(len({m.after for mover in self.movers for m in mover.moves if m.field == f}) or 1 for f in self.fields)
        longest = min(LONGEST_ROUND, standings)
        proposed = 0
        for firings in range(2, longest + 1):
            refused: list[tuple[str, ...]] = []
            sought = self._sought(firings)
            while (proposal := self._proposed(sought, refused)) is not None:
                refused.append(proposal.rules)
                proposed += 1
                found = self._replayed(proposal)
                if found is not None and not any(set(found.rules) <= done for done in self.confirmed):
                    self.confirmed.append(set(found.rules))
                    yield self._told(found)
                elif found is None:
                    self.doubtful.append(proposal.rules)
                if proposed >= _PROPOSALS:
                    self.given_up = f"after {_PROPOSALS} rounds that rules might go, no more were looked at"
                    return
            if self.given_up:
                return
        if standings > longest and self._edges_close():
            self.given_up = f"rounds of more than {LONGEST_ROUND} firings were not looked for"

    def _edges_close(self) -> bool:
        """Whether the moves of some field lead round at all, whatever else they look at."""
        for field in self.fields:
            leads: dict[Value, set[Value]] = {}
            for mover in self.movers:
                for move in mover.moves:
                    if move.field == field:
                        known = self.setting.words.values.get(field, ())
                        for before in known if move.before is None else move.before:
                            leads.setdefault(before, set()).add(move.after)
            if _has_round(leads):
                return True
        return False

    # --- proposals ---------------------------------------------------------------------------------------------------------

    def _sought(self, firings: int) -> _Sought:
        solver = self.setting.solver
        whole = Facts(solver, self.setting.words, "round")
        apart = self.fields | ({"assignee"} & self.setting.words.values.keys())
        looks = []
        for n in range(firings):
            facts = Facts(solver, self.setting.words, f"firing {n}", whole, apart)
            looks.append(self.setting.look(f"firing {n}", facts))
        chosen = [solver.number(f"rule {n}") for n in range(firings)]
        asked: list[Formula] = []
        for n, look in enumerate(looks):
            after = looks[(n + 1) % firings]
            asked.append(
                solver.any_of(
                    solver.all_of([chosen[n] == k, look.holds(mover.rule.condition), *self._goes(mover, look, after)])
                    for k, mover in enumerate(self.movers)
                )
            )
            asked += [
                solver.any_of(earlier.facts.field(field) != look.facts.field(field) for field in sorted(self.fields))
                for earlier in looks[:n]
            ]
        asked += self._one_source(chosen)
        constraints = [rule for look in looks for rule in look.constraints()]
        return _Sought((*asked, *constraints, *whole.constraints()), tuple(chosen), looks[0].facts)

    def _proposed(self, sought: _Sought, refused: Sequence[tuple[str, ...]]) -> _Proposal | None:
        solver, chosen = self.setting.solver, sought.chosen
        others: list[Formula] = []
        places = {mover.rule.id: k for k, mover in enumerate(self.movers)}
        for names in [*refused, *(tuple(done) for done in self.confirmed)]:
            numbers = [places[name] for name in names if name in places]
            exact = names in refused
            others.append(self._not_again(chosen, numbers, exact=exact))
        answer = solver.ask([*sought.formulas, *others])
        if answer.possible is None:
            self.given_up = f"rounds of {len(chosen)} firings take too long to look for"
        if not answer.possible:
            return None
        names = tuple(self.movers[solver.number_in(answer.model, each)].rule.id for each in chosen)
        return _Proposal(names, sought.start.values_in(answer.model))

    def _goes(self, mover: _Mover, look: Look, after: Look) -> Iterator[Formula]:
        """What a firing of the rule leaves behind."""
        solver, facts, later = self.setting.solver, look.facts, after.facts
        known = self.setting.words.values
        changes: list[Formula] = []
        for field in sorted(self.fields):
            same = facts.field(field) == later.field(field)
            moved = [
                solver.all_of(
                    [
                        facts.among(field, known[field] if move.before is None else move.before),
                        later.has(field, move.after if move.after in known[field] else OTHER),
                    ]
                )
                for move in mover.moves
                if move.field == field
            ]
            yield solver.any_of([same, *moved])
            changes += [solver.all_of([each, solver.no(same)]) for each in moved]
        yield solver.any_of(changes)
        if "assignee" in known:
            stays = facts.field("team") == later.field("team")
            kept = facts.field("assignee") == later.field("assignee")
            yield solver.any_of([solver.all_of([stays, kept]), solver.all_of([solver.no(stays), later.has("assignee", None)])])
        if len(mover.rule.steps) == 1:
            yield from self._stands_still(mover.rule, facts)

    def _stands_still(self, rule: Rule, facts: Facts) -> Iterator[Formula]:
        """What goes one way only has gone as far as it can before a round closes."""
        for action in rule.actions:
            match action:
                case RaisePriority():
                    values = self.setting.words.values["priority"]
                    yield facts.among("priority", [value for value in values if not raised(action, value, self.setting.bound)])
                case AddLabel(label) if label in self.setting.words.labels:
                    yield facts.label(label)
                case _:
                    pass

    def _one_source(self, chosen: Sequence[Formula]) -> Iterator[Formula]:
        """Rules of different sources never meet."""
        sources = sorted({source for mover in self.movers for source in mover.sources or ()})
        if sources:
            solver, here = self.setting.solver, self.setting.solver.number("source")
            for k, mover in enumerate(self.movers):
                if mover.sources is not None:
                    fits = solver.any_of(here == sources.index(source) for source in sorted(mover.sources))
                    yield from (solver.implies(each == k, fits) for each in chosen)

    def _not_again(self, chosen: Sequence[Formula], rules: Sequence[int], *, exact: bool) -> Formula:
        """Not these rules in this order, wherever the round begins; or (`exact` False) not these rules alone."""
        solver = self.setting.solver
        if not exact:
            return solver.any_of(solver.all_of(each != k for k in rules) for each in chosen)
        turned = [[*rules[n:], *rules[:n]] for n in range(len(rules))]
        return solver.all_of(
            solver.any_of(each != k for each, k in zip(chosen, turn, strict=True)) for turn in turned if len(turn) == len(chosen)
        )

    # --- replays -----------------------------------------------------------------------------------------------------------

    def _replayed(self, proposal: _Proposal) -> _Round | None:
        everything = self._together(proposal.rules)
        live = [rule for rule in everything if rule.rule.mode is Mode.LIVE]
        for ticket in self._tickets(proposal):
            for among in (everything, *([live] if live and len(live) < len(everything) else [])):
                found = _round(
                    ticket, list(written(self.setting.bound, ticket, among, most=_WRITES, confidential=self.setting.confidential))
                )
                if found is not None:
                    return found
        return None

    def _together(self, names: Sequence[str]) -> list[BoundRule]:
        """All rules that apply where these do."""
        sources = [mover.sources for mover in self.movers if mover.rule.id in names and mover.sources is not None]
        where = frozenset.intersection(*sources) if sources else None
        rules = [self.setting.bound.rule(rule.id) for rule in self.setting.rules]
        if where is None:
            return [rule for rule in rules if self.setting.source_of(rule.rule) is None or rule.id in names]
        source = min(where)
        return [rule for rule in rules if (of := self.setting.source_of(rule.rule)) is None or source in of]

    def _tickets(self, proposal: _Proposal) -> Iterator[Ticket]:
        """The ticket as it was proposed, arriving at several instants; and tickets on which each of the rules fires."""
        bound = self.setting.bound
        for arrival in _arrivals(self.setting):
            yield ticket_of(bound, proposal.values, arrival)
        for name in dict.fromkeys(proposal.rules):
            try:
                yield worked_example(bound, name, self.setting.zone()).ticket
            except NotBuilt:
                continue

    def _told(self, found: _Round) -> Proof:
        names = found.rules
        fields = sorted({change.field for step in found.once for change in step.escalation.changes} & self.fields)
        takes = found.again - found.once[0].at
        said = "undoes itself" if len(names) == 1 else "undo each other"
        steps = listed([f"{who} by {by}" for who, by in _legs(found, fields)])
        sentence = f"{said} for ever: the ticket goes {steps}, and so on, though nobody but hoist touches it"
        sentence += f"; the first round takes {length(round(takes / MINUTE) * MINUTE)}"
        place = next((mover.rule.place for mover in self.movers if mover.rule.id == names[0]), "")
        told = described({field: value for field, value in found.ticket.fields.items() if field in _TOLD and value})
        shown_steps = (*found.before, *found.once, *found.once_more)[:_STEPS_TOLD]
        zone = self.setting.zone()
        first = f"{at_local(found.ticket.created, zone)}  it arrives: {told}"
        story = Example(found.ticket, (first, *lines(found.ticket, {}, shown_steps, zone, fields)[1:]))
        return Proof(Question.FIGHT, Kind.FOUND, ", ".join(names), sentence, story, place)


def _legs(found: _Round, fields: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each move of the round: `to network-ops`, and the rules that make it."""
    for step in found.once:
        moved = [change for change in step.escalation.changes if change.field in fields]
        names = ["" if change.field == "team" else f"{change.field.removeprefix('native.')} " for change in moved]
        if moved:
            goes = " and ".join(f"to {name}{shown(change.new)}" for name, change in zip(names, moved, strict=True))
            yield goes, " with ".join(step.rules)


def _arrivals(setting: Setting) -> Iterator[Instant]:
    """A Monday morning, a Friday evening, a Saturday, of the first year looked at."""
    start = setting.years.start
    monday = start + (7 - moment(start).weekday()) % 7 * DAY
    yield from (monday + 10 * HOUR, monday + 4 * DAY + 18 * HOUR, monday + 5 * DAY + 12 * HOUR)


def _round(ticket: Ticket, steps: list[Written]) -> _Round | None:
    """The shortest round that the last writes went at least three times over."""
    for size in range(1, len(steps) // 3 + 1):
        last = steps[-3 * size :]
        keys = [(step.rules, standing_of(step.fields)) for step in last]
        goes = any(step.escalation.changes for step in last[:size])
        if goes and keys[:size] == keys[size : 2 * size] == keys[2 * size :]:
            return _first(ticket, steps, size)
    return None


def _first(ticket: Ticket, steps: list[Written], size: int) -> _Round:
    """The first time that the round is gone."""
    keys = [(step.rules, standing_of(step.fields)) for step in steps]
    start = len(keys) - size
    while start > 0 and keys[start - 1] == keys[start - 1 + size]:
        start -= 1
    return _Round(ticket, tuple(steps[:start]), tuple(steps[start : start + size]), tuple(steps[start + size :]))


def _has_round(leads: dict[Value, set[Value]]) -> bool:
    """Whether some value leads back to itself: values that lead nowhere are taken away until none is left, or no more go."""
    left = {before: set(after) - {before} for before, after in leads.items()}
    while left:
        ends = {before for before, after in left.items() if not after & left.keys()}
        if not ends:
            return True
        left = {before: after for before, after in left.items() if before not in ends}
    return False
