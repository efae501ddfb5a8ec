"""What rules would have done on past tickets, counted: evidence, and apart from it what rests on nobody having reacted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from rules.binding import BoundRules
from rules.concealed_key import shown_key
from rules.engine import Evaluation, evaluate
from rules.firings import Fired, firings
from rules.instants import FOREVER, Instant, moment
from rules.ladder import joined
from rules.own_steps import Own, OwnSteps, meant
from rules.protocol.actions import Tell
from rules.spread import Spread
from rules.ticket import Ticket
from rules.timeline import timeline

When = Literal["day", "night", "weekend"]

NIGHT: Final = (22, 7)
"""The local hours from which to which it is night; Saturday and Sunday are weekend, at night too."""
SHOWN: Final = 5
"""Tickets that are named as examples of what a rule found."""


class Question(NamedTuple):
    """What is asked of the past: firings in [since, until); `soon`: how many milliseconds after one make it a false alarm."""

    since: Instant
    until: Instant
    soon: int


class Load(NamedTuple):
    """To whom something would have come: a team (the source's id) or somebody told, and when, by the local clock."""

    who: str
    told: bool
    when: When
    hour: int


@dataclass
class OfRule:
    """What one rule would have done.

    `first`: tickets of which its firing is the first of all rules (with others at the same instant, perhaps): the evidence, and
    all that follows but for `alone`, `later` and `unknown` is about these. `gained` is the time until people's own next step, by
    what it was, and `nothing` how often there was none. `moved` of them it would have given to another team; `by_hand`: it was
    done already; `false_alarms`: people moved or solved the ticket soon after it anyway. `alone`: tickets on which it fires at
    all, as if it were the only rule. `later`: firings after the ticket's first, if nobody had reacted. `unknown`: tickets of
    which it can't be said whether it held.
    """

    first: int = 0
    alone: int = 0
    later: int = 0
    moved: int = 0
    by_hand: int = 0
    false_alarms: int = 0
    nothing: int = 0
    unknown: int = 0
    gained: dict[Own, Spread] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, Instant]] = field(default_factory=list)

    def join(self, other: OfRule) -> None:
        """Count what the other counted."""
        for name in ("first", "alone", "later", "moved", "by_hand", "false_alarms", "nothing", "unknown"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for what, spread in other.gained.items():
            self.gained.setdefault(what, Spread()).join(spread)
        self.months.update(other.months)
        self.examples = (self.examples + other.examples)[:SHOWN]


@dataclass
class Backtest:
    """What was counted over many tickets; memory grows with rules, teams and months, not with tickets.

    `tickets` were judged, `escalated` of them at least once; of `unsure` ones some rule can't be said to have held or not.
    """

    tickets: int = 0
    escalated: int = 0
    unsure: int = 0
    of_rule: dict[str, OfRule] = field(default_factory=dict)
    load: Counter[Load] = field(default_factory=Counter)

    def join(self, other: Backtest) -> None:
        """Count what the other counted."""
        self.tickets += other.tickets
        self.escalated += other.escalated
        self.unsure += other.unsure
        for rule, found in other.of_rule.items():
            self.of_rule.setdefault(rule, OfRule()).join(found)
        self.load.update(other.load)

    @property
    def firings(self) -> int:
        """Those of the evidence, one for each rule and ticket."""
        return sum(found.first for found in self.of_rule.values())


def judge(tickets: Iterable[Ticket], rules: BoundRules, asked: Question) -> Backtest:
    """Judge tickets by rules, with at each instant only what had happened by then."""
    found = Backtest(of_rule={rule.id: OfRule() for rule in rules.rules})
    for ticket in tickets:
        evaluation = evaluate(timeline(ticket), rules, FOREVER)
        found.tickets += 1
        _count_unknown(found, evaluation, asked)
        if evaluation.episodes and (fired := firings(evaluation, asked.since, asked.until)):
            _count(found, ticket, evaluation, fired, asked)
    return found


def first_of(fired: Sequence[Fired]) -> list[Fired]:
    """The evidence among a ticket's firings: those of its first instant."""
    return [each for each in fired if each.at == fired[0].at]


def _count(found: Backtest, ticket: Ticket, evaluation: Evaluation, fired: Sequence[Fired], asked: Question) -> None:
    found.escalated += 1
    own, zone = OwnSteps(ticket), evaluation.rules.zone
    for rule in {each.rule for each in fired}:
        found.of_rule[rule].alone += 1
    first = first_of(fired)
    for each in first:
        _count_first(found, ticket, evaluation, each, own, asked.soon, zone)
    for each in fired[len(first) :]:
        found.of_rule[each.rule].later += 1


def _count_first(
    found: Backtest, ticket: Ticket, evaluation: Evaluation, fired: Fired, own: OwnSteps, soon: int, zone: ZoneInfo
) -> None:
    of_rule, at = found.of_rule[fired.rule], fired.at
    of_rule.first += 1
    local = moment(at).astimezone(zone)
    of_rule.months[f"{local.year}-{local.month:02}"] += 1
    if len(of_rule.examples) < SHOWN:
        of_rule.examples.append((shown_key(ticket, evaluation), at))
    what = meant(fired, evaluation)
    of_rule.moved += what.moves
    of_rule.by_hand += what.by_hand
    of_rule.false_alarms += own.soon(at, soon)
    step = own.after(at)
    if step.what is Own.NOTHING:
        of_rule.nothing += 1
    else:
        of_rule.gained.setdefault(step.what, Spread()).add(step.at - at)
    when, hour = when_is(local.weekday(), local.hour), local.hour
    if what.moves:
        found.load[Load(str(what.team), told=False, when=when, hour=hour)] += 1
    for action in joined(evaluation.bound(fired.rule).rule, fired.steps):
        if isinstance(action, Tell):
            found.load[Load(action.who, told=True, when=when, hour=hour)] += 1


def when_is(weekday: int, hour: int) -> When:
    """Which part of the week a local hour belongs to; Monday is 0."""
    if weekday >= 5:
        return "weekend"
    return "night" if hour >= NIGHT[0] or hour < NIGHT[1] else "day"


def _count_unknown(found: Backtest, evaluation: Evaluation, asked: Question) -> None:
    unsure = False
    for rule in evaluation.rules.rules:
        surely, may, _ = evaluation.found(rule.number)
        if may is not surely and may != surely and may[-1] > asked.since and may[0] < asked.until:
            found.of_rule[rule.id].unknown += 1
            unsure = True
    found.unsure += unsure
