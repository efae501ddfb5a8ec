"""What each ready protocol costs on every ticket of a recorded log, one ticket at a time, beside the same one written by hand.

    python -m benchmarks.protocols [--rounds N]

The protocols and the log are those of `benchmarks.library`, the functions by hand those of `benchmarks.by_hand`: from the rows of
a ticket to the stretches in which the protocol holds, which must be hoist's for every ticket. hoist keeps what reasons are made
from. All take turns in one process, and the ratio of CPU times is what counts: each protocol alone, and all of them together,
where what several ask for is judged once. The last column is the ratio to a tenth of the time that the reference of
`benchmarks.evaluation` takes for its ten rules, most of which look at less than these do.
"""

from __future__ import annotations

import argparse
import importlib
import operator
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from agent.demo.organisation import CHAIN
from benchmarks.by_hand import Rows, Stretches, protocols, rows_of
from benchmarks.evaluation import in_turns, judge, reference
from benchmarks.library import LOG, rules_of, tickets_of
from benchmarks.measured import machine, table
from connectors.sandboxes.event_log import load as load_log
from rules.binding import BoundRule, BoundRules
from rules.engine import evaluate
from rules.stories import empty_fields
from rules.ticket import Value
from rules.timeline import Timeline, timeline

TOGETHER, FROM_TICKETS, TEN_RULES = "all together", "all together, timelines built as well", "ten other rules by hand"


def compare(shared: Path, rounds: int) -> None:
    history = load_log(shared / LOG)
    rules = rules_of(history)
    empty = empty_fields(rules)
    tickets = [replace(ticket, fields=empty | dict(ticket.fields)) for ticket in tickets_of(history)]
    timelines, rows = [timeline(ticket) for ticket in tickets], [rows_of(ticket) for ticket in tickets]
    by_hand = functions(rules)
    for rule in rules.rules:
        agree(timelines, rows, rules, rule, by_hand[rule.id])
    candidates: dict[str, Callable[[], object]] = {TEN_RULES: ten_rules(shared)}
    for rule in rules.rules:
        candidates[of_hand(rule.id)] = partial(_hits, rows, by_hand[rule.id])
        candidates[rule.id] = partial(_episodes, timelines, rules, (rule,))
    candidates[TOGETHER] = lambda: judge(timelines, rules)
    candidates[FROM_TICKETS] = lambda: judge(map(timeline, tickets), rules)
    seconds = in_turns(candidates, rounds)
    for name in (TOGETHER, FROM_TICKETS):
        seconds[name] = [taken / len(rules.rules) for taken in seconds[name]]
        of_each = zip(*(seconds[of_hand(rule.id)] for rule in rules.rules), strict=True)
        seconds[of_hand(name)] = [sum(taken) / len(rules.rules) for taken in of_each]
    print(f"{len(tickets)} tickets, {len(rules.rules)} protocols, equal stretches")
    names = [*(rule.id for rule in rules.rules), TOGETHER, FROM_TICKETS]
    found = [_row(name, seconds, len(tickets)) for name in names]
    print(table(list(found[0]), found))


def of_hand(name: str) -> str:
    return f"{name} by hand"


def functions(rules: BoundRules) -> dict[str, Callable[[Rows], Stretches]]:
    """The functions by hand, given what the log's teams and priorities are called."""
    tiers = enumerate(rules.organisation.chains[CHAIN].tiers, start=1)
    lines: dict[Value, int] = {team: line for line, tier in tiers for team in rules.teams[tier.team]}
    return protocols(lines, frozenset(rules.levels[0].ids), rules.calendars["office"])


def agree(
    timelines: Sequence[Timeline], rows: Sequence[Rows], rules: BoundRules, rule: BoundRule, by_hand: Callable[[Rows], Stretches]
) -> None:
    """Ends the program where hoist and the function by hand find other stretches."""
    for one, of_ticket in zip(timelines, rows, strict=True):
        episodes = evaluate(one, rules, 0, (rule,)).episodes
        ours = [edge for stretch in sorted(s for episode in episodes for s in episode.stretches) for edge in stretch]
        if ours != by_hand(of_ticket):
            sys.exit(f"FAILED: hoist and the function by hand do not agree on {rule.id!r}")


def ten_rules(shared: Path) -> Callable[[], object]:
    """The reference's ten rules."""
    sys.path.insert(0, str(shared / "bench"))
    reference_rules: Any = importlib.import_module("intervals")
    recorded: Any = importlib.import_module("timelines").bpic2013(shared / LOG)
    office: Any = importlib.import_module("business_table").office()
    return lambda: reference_rules.firings(recorded, office)


def _hits(rows: Sequence[Rows], by_hand: Callable[[Rows], Stretches]) -> int:
    return sum(len(by_hand(of_ticket)) for of_ticket in rows)


def _episodes(timelines: Sequence[Timeline], rules: BoundRules, among: Sequence[BoundRule]) -> int:
    return sum(len(evaluate(one, rules, 0, among).episodes) for one in timelines)


def _row(name: str, seconds: dict[str, list[float]], tickets: int) -> dict[str, object]:
    """Of several rounds the median of the ratios: whoever takes turns has the same luck."""
    taken, by_hand, ten = seconds[name], seconds[of_hand(name)], seconds[TEN_RULES]
    return {
        "one rule": name,
        "us a ticket": f"{1e6 * min(taken) / tickets:.1f}",
        "by hand": f"{1e6 * min(by_hand) / tickets:.1f}",
        "speed": f"{statistics.median(map(operator.truediv, by_hand, taken)):.2f}",
        "to one of ten others": f"{statistics.median(map(operator.truediv, ten, taken)) / 10:.2f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    shared = reference()
    if shared is not None:
        compare(shared, rounds)
    print(machine())


if __name__ == "__main__":
    main()
