"""Ten rules over the whole recorded log, read from the mirror, beside the bare evaluation of the same tickets.

    python -m benchmarks.backtest [--rounds N]

The log is that of `benchmarks.library`, the rules are the ten ready ones that judge a log where nobody brings their own. Bare
evaluation builds each timeline and judges it, with the tickets in memory. Both take turns in one process; CPU time counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from agent.collector import spare_the_collector
from agent.hindsight.past import Wanted, opened
from agent.hindsight.past_mirror import mirrored_tickets
from agent.store import mirrored
from agent.store.database import open_database
from agent.store.mirrored import Kept
from benchmarks.evaluation import in_turns
from benchmarks.library import log
from benchmarks.measured import machine
from rules.backtest import Backtest, Question, judge
from rules.binding import BoundRules
from rules.engine import evaluate
from rules.instants import HOUR
from rules.ticket import Ticket
from rules.timeline import timeline


def bare(tickets: list[Ticket], rules: BoundRules) -> int:
    """How many episodes there are."""
    return sum(len(evaluate(timeline(ticket), rules, 0).episodes) for ticket in tickets)


def counts(found: Backtest) -> dict[str, tuple[int, int, int]]:
    """By rule: first firings, later ones, tickets."""
    return {rule: (each.first, each.later, each.alone) for rule, each in found.of_rule.items()}


def compare(path: Path, rounds: int) -> None:
    with opened(Wanted(log=path)) as past, tempfile.TemporaryDirectory() as folder:
        tickets, rules = list(past.tickets()), past.rules
        question = Question(past.first, past.until, HOUR)
        with closing(open_database(Path(folder) / "hoist.db")) as store:
            with store.transaction() as db:
                mirrored.keep(db, [Kept(ticket, 0, 0, 0) for ticket in tickets])

            def from_the_mirror() -> Iterator[Ticket]:
                return mirrored_tickets(store, rules, frozenset())

            if counts(judge(from_the_mirror(), rules, question)) != counts(judge(tickets, rules, question)):
                raise SystemExit("FAILED: the mirror and the log do not give the same")
            seconds = in_turns(
                {
                    "bare evaluation": lambda: bare(tickets, rules),
                    "tickets read from the mirror": lambda: sum(1 for _ in from_the_mirror()),
                    "backtest, in memory": lambda: judge(tickets, rules, question),
                    "backtest, from the mirror": lambda: judge(from_the_mirror(), rules, question),
                },
                rounds,
            )
    for name, taken in seconds.items():
        ratio = statistics.median(b / a for a, b in zip(seconds["bare evaluation"], taken, strict=True))
        print(f"{name}: {statistics.median(taken):.3f} s of CPU for {len(tickets)} tickets, {ratio:.2f} of the bare evaluation")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    path = log()
    spare_the_collector()  # as the command does
    if path is not None:
        compare(path, rounds)
    print(machine())


if __name__ == "__main__":
    main()
