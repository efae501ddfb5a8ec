"""Ten rules over time on every ticket of a recorded history, one ticket at a time, beside a hand-written reference.

    python benchmarks/evaluation.py [--rounds N]

The reference (`intervals.py`, found in the `bench` folder of HOIST_SHARED or of `../shared`) writes each rule as a function by
hand and keeps nothing but the starts; hoist reads the same rules as data and keeps what explanations need. Both take turns, the
starts of all stretches of all ten rules must agree, and the ratio of CPU times is what counts: absolute times are the machine's.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from rules.binding import BoundRules, bind
from rules.calendars import Calendar, calendar
from rules.engine import evaluate
from rules.instants import DAY, HOUR, MINUTE
from rules.protocol.conditions import All, Clock, Condition, Count, Counted, Held, Level, Not, OneOf, Silent, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import CalendarHours, Organisation, PriorityLevel, Team
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import Timeline, timeline
from rules.world import Directory, World

SOURCE: Final = "recorded"
ANNA: Final = Actor("anna", Kind.STAFF)
FIELDS: Final = ("status", "priority", "team", "assignee")

State5 = tuple[str, int, str, str | None, str]
"""The reference's state: status, priority, team, assignee, support line."""
Recorded = tuple[list[int], list[State5]]
"""The reference's timeline: seconds, and the state from each of them on."""


def plain(milliseconds: int) -> Duration:
    return Duration(milliseconds)


def office(milliseconds: int) -> Duration:
    return Duration(milliseconds, calendar="office")


def status(*values: str) -> State:
    return State("status", OneOf(values))


OPEN: Final = status("new", "open")
UNSOLVED: Final = status("new", "open", "pending", "on_hold")
UNOWNED: Final = State("assignee", OneOf((None,)))
BUSINESS_DAY: Final = 8 * HOUR + 30 * MINUTE


def at_least(level: str) -> State:
    return State("priority", Level(at_least=level))


RULES: Final[dict[str, Condition]] = {
    "nobody took it": Held(All((UNOWNED, at_least("P3"), OPEN)), plain(15 * MINUTE)),
    "unowned, office hours": Held(All((UNOWNED, OPEN)), office(4 * HOUR)),
    "clock with pauses, office": All((Clock(OPEN, office(8 * HOUR)), UNSOLVED)),
    "clock with pauses, always, urgent": All((Clock(OPEN, plain(2 * HOUR)), at_least("P2"), UNSOLVED)),
    "reassigned 3 or more within 7 days": All((Count(Counted.REASSIGNED, 3, plain(7 * DAY)), UNSOLVED)),
    "returned twice to a former team": All((Count(Counted.RETURNED, 2), UNSOLVED)),
    "silent for a day": All((Silent(plain(DAY)), OPEN)),
    "silent for 3 business days": All((Silent(office(3 * BUSINESS_DAY)), status("new", "open", "pending"))),
    "waits on a third party": Held(status("on_hold"), office(5 * BUSINESS_DAY)),
    "stuck in the first line": All(
        (
            Held(All((State("team", OneOf(("first-line",))), OPEN)), office(8 * HOUR)),
            Not(Count(Counted.REASSIGNED, 1, plain(DAY))),
        )
    ),
}


def calendars() -> dict[str, Calendar]:
    hours = dict.fromkeys(range(5), ((9 * 60, 17 * 60 + 30),))
    return {"office": calendar(CalendarHours("office", "Europe/Amsterdam", hours, holidays="NL"))}


def bound(recorded: Iterable[Recorded], conditions: dict[str, Condition]) -> BoundRules:
    """The rules in the words of the recorded history: teams by name, priorities 1 to 4."""
    lines = {state[2]: state[4] for _, states in recorded for state in states}
    first = tuple(sorted(team for team, line in lines.items() if line == "L1"))
    priorities = {str(number): f"P{number}" for number in range(1, 5)}
    organisation = Organisation(
        priorities=tuple(PriorityLevel(word, {SOURCE: (native,)}) for native, word in priorities.items()),
        teams={"first-line": Team("first-line", {SOURCE: first})},
    )
    rules = tuple(Rule(name, name, condition, (), order=n) for n, (name, condition) in enumerate(conditions.items()))
    directory = Directory({team: team for team in sorted(lines)}, priorities)
    return bind(Rulebook(organisation, rules, "benchmark"), SOURCE, directory, World(calendars()))


def ticket(number: int, recorded: Recorded) -> Ticket:
    """The recorded history as a connector would hand it in: the first state is creation, every further row a touch by staff."""
    times, states = recorded
    changes: list[Change] = []
    messages: list[Message] = []
    values = _values(states[0])
    for row, (second, state) in enumerate(zip(times[1:], states[1:], strict=True), start=1):
        at, new = second * 1_000, _values(state)
        changed = [
            Change(at, at, row, str(row), name, old, now, ANNA)
            for name, old, now in zip(FIELDS, values, new, strict=True)
            if old != now
        ]
        changes += changed
        if not changed:
            messages.append(Message(at, at, str(row), ANNA, public=False))
        values = new
    return Ticket(
        ref=TicketRef(SOURCE, str(number)),
        key=str(number),
        url="",
        version="",
        created=times[0] * 1_000,
        known=times[-1] * 1_000,
        fields=dict(zip(FIELDS, values, strict=True)),
        changes=tuple(changes),
        messages=tuple(messages),
    )


def _values(state: State5) -> tuple[Value, ...]:
    return state[0], str(state[1]), state[2], state[3]


def judge(timelines: Iterable[Timeline], rules: BoundRules) -> int:
    """Evaluate all; how many episodes there were."""
    return sum(len(evaluate(one, rules, 0).episodes) for one in timelines)


def starts(timelines: Sequence[Timeline], rules: BoundRules) -> dict[str, list[tuple[int, int]]]:
    """Per rule, (number of the ticket, second) of the start of each stretch."""
    found: dict[str, list[tuple[int, int]]] = {rule.id: [] for rule in rules.rules}
    for number, one in enumerate(timelines):
        of_ticket = sorted((e.rule, start) for e in evaluate(one, rules, 0).episodes for start, _ in e.stretches)
        for rule, start in of_ticket:
            found[rule].append((number, start // 1_000))
    return found


def in_turns(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each candidate in each round; they take turns, so that a drift of the machine hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for lap in range(rounds + 1):
        for name, run in candidates.items():
            gc.collect()
            begun = time.process_time()
            run()
            if lap:  # the first round warms up
                seconds[name].append(time.process_time() - begun)
    return seconds


def reference() -> Path | None:
    """The folder of the reference, or None with a loud word."""
    shared = Path(os.environ.get("HOIST_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if (shared / "bench" / "intervals.py").is_file():
        return shared
    print(f"SKIPPED: no reference in {shared / 'bench'}; name its folder in HOIST_SHARED", file=sys.stderr)
    return None


def compare(shared: Path, rounds: int) -> None:
    sys.path.insert(0, str(shared / "bench"))
    by_hand: Any = importlib.import_module("intervals")
    business: Any = importlib.import_module("business_table")
    histories: Any = importlib.import_module("timelines")
    recorded: list[Recorded] = histories.bpic2013(shared / "data" / "bpic2013_incidents.csv.gz")
    table = business.office()
    tickets = [ticket(number, one) for number, one in enumerate(recorded)]
    rules, timelines = bound(recorded, RULES), [timeline(one) for one in tickets]
    ours, theirs = starts(timelines, rules), by_hand.firings(recorded, table)
    for (name, found), expected in zip(ours.items(), theirs, strict=True):
        if found != [divmod(start, by_hand.FOREVER) for start in expected]:
            sys.exit(f"FAILED: hoist and the reference do not agree on {name!r}")
    print(f"{len(recorded)} tickets, {sum(map(len, ours.values()))} equal starts of ten rules")
    counted(recorded, timelines)
    seconds = in_turns(
        {
            "reference": lambda: by_hand.firings(recorded, table),
            "hoist": lambda: judge(timelines, rules),
            "hoist, timelines built as well": lambda: judge(map(timeline, tickets), rules),
        },
        rounds,
    )
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(seconds["reference"], taken, strict=True))
        print(f"{name}: {1e6 * statistics.median(taken) / len(recorded):.1f} us/ticket, speed {ratio:.2f} of the reference")
    growth(histories.synthetic, rounds)


def counted(recorded: Sequence[Recorded], timelines: Sequence[Timeline]) -> None:
    """How many tickets come back to a former team at least twice, and how many of them once more."""
    conditions: dict[str, Condition] = {str(n): Count(Counted.RETURNED, n) for n in (2, 3)}
    twice, again = starts(timelines, bound(recorded, conditions)).values()
    print(f"returned to a former team at least twice: {len(twice)} tickets; a third time: {len(again)}")


def growth(synthetic: Callable[[int, int], list[Recorded]], rounds: int) -> None:
    """What one change costs on tickets with few and with many of them."""
    cases = {}
    for changes in (10, 60, 480):
        recorded = synthetic(24_000 // changes, changes)
        rules = bound(recorded, RULES)
        timelines = [timeline(ticket(number, one)) for number, one in enumerate(recorded)]
        cases[changes] = (timelines, rules)
    seconds = in_turns({str(n): lambda c=case: judge(*c) for n, case in cases.items()}, rounds)  # type: ignore[misc]
    for changes, (timelines, _) in cases.items():
        taken = statistics.median(seconds[str(changes)])
        print(f"{changes} changes per ticket: {1e6 * taken / len(timelines) / changes:.2f} us/change")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    shared = reference()
    if shared is not None:
        compare(shared, rounds)
    print("load average", ", ".join(f"{value:.1f}" for value in os.getloadavg()))


if __name__ == "__main__":
    main()
