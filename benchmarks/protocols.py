"""What each ready protocol costs on every ticket of a recorded log, one ticket at a time, beside a rule written by hand.

    python -m benchmarks.protocols [--rounds N]

The protocols and the log are those of `benchmarks.library`, the rules by hand those of `benchmarks.evaluation`: ten of them, so
that a tenth of their time is one rule's. hoist keeps what reasons are made from. All take turns in one process, and the ratio of
CPU times is what counts: each protocol alone, and all of them together, where what several ask for is judged once.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.evaluation import in_turns, judge, reference
from benchmarks.library import LOG, rules_of, tickets_of
from benchmarks.measured import machine, table
from connectors.sandboxes.event_log import load as load_log
from rules.engine import evaluate
from rules.stories import empty_fields
from rules.timeline import timeline

BY_HAND, TOGETHER, FROM_TICKETS = "by hand", "all together", "all together, timelines built as well"


def compare(shared: Path, rounds: int) -> None:
    sys.path.insert(0, str(shared / "bench"))
    by_hand: Any = importlib.import_module("intervals")
    recorded: Any = importlib.import_module("timelines").bpic2013(shared / LOG)
    office: Any = importlib.import_module("business_table").office()
    history = load_log(shared / LOG)
    rules = rules_of(history)
    empty = empty_fields(rules)
    tickets = [replace(ticket, fields=empty | dict(ticket.fields)) for ticket in tickets_of(history)]
    timelines = [timeline(ticket) for ticket in tickets]
    candidates: dict[str, Callable[[], object]] = {BY_HAND: lambda: by_hand.firings(recorded, office)}
    for rule in rules.rules:
        candidates[rule.id] = partial(_episodes, timelines, rules, (rule,))
    candidates[TOGETHER] = lambda: judge(timelines, rules)
    candidates[FROM_TICKETS] = lambda: judge(map(timeline, tickets), rules)
    seconds = in_turns(candidates, rounds)
    seconds[BY_HAND] = [taken / len(by_hand.rules(office)) for taken in seconds[BY_HAND]]
    for name in (TOGETHER, FROM_TICKETS):
        seconds[name] = [taken / len(rules.rules) for taken in seconds[name]]
    rows = [_row(name, taken, seconds[BY_HAND], len(tickets)) for name, taken in seconds.items()]
    print(f"{len(tickets)} tickets, {len(rules.rules)} protocols")
    print(table(list(rows[0]), rows))


def _episodes(timelines: Sequence[Any], rules: Any, among: Sequence[Any]) -> int:
    return sum(len(evaluate(one, rules, 0, among).episodes) for one in timelines)


def _row(name: str, taken: Sequence[float], by_hand: Sequence[float], tickets: int) -> dict[str, object]:
    """Of several rounds the median of the ratios: whoever takes turns has the same luck."""
    ratio = statistics.median(a / b for a, b in zip(by_hand, taken, strict=True))
    return {"one rule": name, "us a ticket": f"{1e6 * statistics.median(taken) / tickets:.1f}", "speed": f"{ratio:.2f}"}


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
