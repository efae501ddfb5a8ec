"""What came of a backtest, as lines for people and as plain data for machines."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.hindsight.backtest import Backtested, Judged
from agent.screens.lines import counted, heading, say
from rules.backtest import NIGHT, Load, OfRule
from rules.instants import written
from rules.own_steps import Own
from rules.phrases import length

BUSIEST: Final = 10
"""Teams and people of whom the load is shown."""
_PARTS: Final = ("day", "night", "weekend")


def show(console: Console, found: Backtested) -> None:
    """What was judged, what each rule found, who would have had how much of it, and how far it can be trusted."""
    heading(console, "Backtest", f"{found.told}; {written(found.question.since)} to {written(found.question.until)}")
    for judged in found.judged:
        _rulebook(console, found, judged)
    if len(found.judged) > 1:
        _side_by_side(console, found.judged)
    for note in found.notes:
        console.print(Text(f"note  {note}", "yellow"), soft_wrap=True)
    for line in fine_print(found):
        console.print(Text(line, "dim"), soft_wrap=True)
    if found.stopped:
        console.print("Stopped before the end: these are the figures of the tickets that were judged by then.")


def _rulebook(console: Console, found: Backtested, judged: Judged) -> None:
    tested = judged.found
    console.print(
        f"rules {judged.rules.version[:12]}: {counted(tested.tickets, 'ticket')} judged, {tested.escalated:,}"
        f" ({_share(tested.escalated, tested.tickets)}) escalated at least once; of {tested.unsure:,}"
        f" ({_share(tested.unsure, tested.tickets)}) something that a rule asks for is unknown",
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for name in ("rule", "first", "moved", "solved", "by hand", "false", "later", "alone", "unknown"):
        table.add_column(name, justify="left" if name == "rule" else "right", no_wrap=True)
    for rule, of_rule in tested.of_rule.items():
        table.add_row(
            rule,
            f"{of_rule.first:,}",
            _earlier(of_rule, Own.HANDED_OVER),
            _earlier(of_rule, Own.SOLVED),
            _of_first(of_rule.by_hand, of_rule),
            _of_first(of_rule.false_alarms, of_rule),
            f"{of_rule.later:,}",
            f"{of_rule.alone:,}",
            _share(of_rule.unknown, tested.tickets) if of_rule.unknown else "",
        )
    console.print(table)
    _load(console, judged)
    if found.what_if:
        console.print(Text("What if: each write is laid over the history until a person changes the same field.", "cyan"))


def _earlier(of_rule: OfRule, what: Own) -> str:
    """Half of those that people moved, or solved, next come by more before it."""
    median = of_rule.gained[what].median if what in of_rule.gained else None
    return "" if median is None else in_short(median)


def in_short(milliseconds: int) -> str:
    """The two largest units of a length of time, in a table: `5h 38m`."""
    words = length(milliseconds).split()
    return " ".join(f"{number}{unit[0]}" for number, unit in zip(words[::2], words[1::2], strict=True))


def _of_first(number: int, of_rule: OfRule) -> str:
    return _share(number, of_rule.first) if number else ""


def _load(console: Console, judged: Judged) -> None:
    by_name: dict[str, Counter[str]] = {}
    for load, number in judged.found.load.items():
        by_name.setdefault(name_of(judged, load), Counter())[load.when] += number
    for name, parts in sorted(by_name.items(), key=lambda each: (-each[1].total(), each[0]))[:BUSIEST]:
        said = ", ".join(f"{parts[part]:,} by {part}" if part != "weekend" else f"{parts[part]:,} at weekends" for part in _PARTS)
        say(console, name, said)
    if len(by_name) > BUSIEST:
        console.print(f"... and {len(by_name) - BUSIEST} more teams and people (--json has all, hour by hour)")


def name_of(judged: Judged, load: Load) -> str:
    """The team as people know it, or who would be told."""
    if load.told:
        return f"told: {load.who}"
    words = {one: name for name, ids in judged.rules.teams.items() for one in ids}
    return words.get(load.who) or judged.rules.directory.teams.get(load.who, load.who)


def _side_by_side(console: Console, judged: tuple[Judged, ...]) -> None:
    one, other = judged
    table = Table(
        "rule", "first", "against", "later", "against", box=None, pad_edge=False, title="Side by side", title_justify="left"
    )
    nothing = OfRule()
    for rule in dict.fromkeys((*one.found.of_rule, *other.found.of_rule)):
        mine, theirs = one.found.of_rule.get(rule, nothing), other.found.of_rule.get(rule, nothing)
        table.add_row(rule, f"{mine.first:,}", f"{theirs.first:,}", f"{mine.later:,}", f"{theirs.later:,}")
    table.add_row("tickets escalated", f"{one.found.escalated:,}", f"{other.found.escalated:,}", "", "")
    console.print(table)


def fine_print(found: Backtested) -> tuple[str, ...]:
    """What the columns mean, and what a backtest can't say."""
    soon, rules = length(found.question.soon), found.judged[0].rules
    first = (
        "first: tickets whose first escalation this would have been, the evidence. later: further ones if nobody had reacted,"
        " never to be added to it. alone: tickets on which the rule fires at all, as if it were the only one."
    )
    gained = (
        "moved, solved: half of the first ones that people handed over (solved) next come so much earlier than that: time gained"
        " to notice, not to solve. by hand: of the first, people had done it by then. false: moved, taken or solved within"
        f" {soon} anyway."
    )
    world = (
        f"Night is {NIGHT[0]}:00 to {NIGHT[1]:02}:00, weekends are Saturday and Sunday, {rules.zone.key}. Calendars, rotas and"
        f" lists are those of now (world {rules.world.version[:12] or 'of these files'}). What lasts for less than the time"
        " between two polls would not have been seen live; limits, pauses and the time a team keeps a ticket are left aside."
    )
    return first, gained, world


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0 %"


# --- for machines --------------------------------------------------------------------------------------------------------


def data(found: Backtested) -> dict[str, Any]:
    """All of it; durations in milliseconds, instants in ISO 8601."""
    return {
        "past": found.told,
        "since": written(found.question.since),
        "until": written(found.question.until),
        "false_alarm_within": found.question.soon,
        "what_if": found.what_if,
        "stopped": found.stopped,
        "notes": list(found.notes),
        "rulebooks": [_rulebook_data(judged) for judged in found.judged],
    }


def _rulebook_data(judged: Judged) -> dict[str, Any]:
    tested = judged.found
    return {
        "version": judged.rules.version,
        "world": judged.rules.world.version,
        "tickets": tested.tickets,
        "escalated": tested.escalated,
        "unsure": tested.unsure,
        "rules": {rule: rule_data(of_rule) for rule, of_rule in tested.of_rule.items()},
        "load": [
            {"who": name_of(judged, load), "told": load.told, "when": load.when, "hour": load.hour, "number": number}
            for load, number in sorted(tested.load.items())
        ],
    }


def rule_data(of_rule: OfRule) -> dict[str, Any]:
    """What one rule found."""
    return {
        "first": of_rule.first,
        "alone": of_rule.alone,
        "if_nobody_had_reacted": of_rule.later,
        "moved": of_rule.moved,
        "already_by_hand": of_rule.by_hand,
        "false_alarms": of_rule.false_alarms,
        "no_step_of_people_followed": of_rule.nothing,
        "unknown_tickets": of_rule.unknown,
        "gained": {
            what.value: {"number": s.count, "median": s.median, "p90": s.percentile(90), "least": s.least, "most": s.most}
            for what, s in of_rule.gained.items()
        },
        "by_month": dict(sorted(of_rule.months.items())),
        "examples": [{"ticket": key, "at": written(at)} for key, at in of_rule.examples],
    }
