"""Twenty rules on present values over many tickets, one ticket at a time, beside hand-written functions and rule engines.

    python -m benchmarks.states [--tickets N] [--rounds N]

The rules and tickets, the functions and the engines stand in the `bench` folder of HOIST_SHARED or of `../shared`
(`rule_peers.py`): one Python function per rule as a person would write it, one for all rules at once, and the rule engines that
are installed. hoist reads the same rules as data. Everybody's hits must be the same.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.evaluation import in_turns, reference
from benchmarks.measured import machine
from rules.binding import BoundRule, bind
from rules.instants import MINUTE
from rules.present import Present
from rules.protocol.conditions import All, AnyOf, AnyWord, Condition, Due, Held, Level, Not, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Organisation, PriorityLevel, Team
from rules.protocol.rule import Mode, Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import Ticket, TicketRef, Value
from rules.world import Directory, World

SOURCE: Final = "synthetic"
NAMES: Final = {
    "status": "status",
    "priority": "priority",
    "group": "team",
    "assignee": "assignee",
    "kind": "type",
    "tags": "labels",
    "subject": "subject",
    "due": "due",
}
"""hoist's names of the fields; the others are the source's own."""
DATES: Final = {"updated", "staff_reply", "due"}
HIGHEST: Final = 40
"""No number of the tickets is greater (related tickets)."""


def field(name: str) -> str:
    return NAMES.get(name, f"native.{name}")


def numbers(name: str, accepted: Sequence[int]) -> Condition:
    return State(field(name), OneOf(tuple(map(str, accepted))))


def condition(written: tuple[Any, ...]) -> Condition:  # noqa: C901, PLR0911, PLR0912 - a table of a dozen forms
    """A condition of the neutral form as hoist's data."""
    kind, name, *rest = written
    match kind:
        case "any":
            return AnyOf(tuple(condition(part) for part in name))
        case "in":
            return State(field(name), OneOf(tuple(map(str, rest[0]))))
        case "not in":
            return Not(State(field(name), OneOf(tuple(map(str, rest[0])))))
        case "eq" | "has":
            return State(field(name), OneOf((str(rest[0]),)))
        case "le" if name == "priority":
            return State("priority", Level(at_least=str(rest[0])))
        case "ge" if name == "priority":
            return State("priority", Level(at_most=str(rest[0])))
        case "le":
            return numbers(name, range(rest[0] + 1))
        case "ge":
            return numbers(name, range(rest[0], HIGHEST + 1))
        case "null":
            return State(field(name), OneOf((None,)))
        case "not null":
            return Not(State(field(name), OneOf((None,))))
        case "text":
            return State(field(name), AnyWord((rest[0],)))
        case "age" if name == "created":
            return Held(All(()), Duration(rest[0] * MINUTE))
        case "age":
            return Due(field(name), Duration(), passed_for=Duration(rest[0] * MINUTE))
        case "until":
            return Due(field(name), Duration(rest[0] * MINUTE))
    raise ValueError(kind)


def present(rules: dict[str, list[tuple[Any, ...]]], groups: Sequence[str]) -> Present[BoundRule]:
    """The rules bound to a source in whose ids they are written already."""
    levels = {str(n): str(n) for n in range(1, 6)}
    organisation = Organisation(
        priorities=tuple(PriorityLevel(word, {SOURCE: (word,)}) for word in levels),
        teams={name: Team(name, {SOURCE: (name,)}) for name in groups},
    )
    made = tuple(
        Rule(f"rule-{n}", name, All(tuple(map(condition, conditions))), (), mode=Mode.LIVE)
        for n, (name, conditions) in enumerate(rules.items())
    )
    directory = Directory({name: name for name in groups}, levels)
    return bind(Rulebook(organisation, made, "benchmark"), SOURCE, directory, World()).present


def ticket(given: dict[str, Any], now: int) -> Ticket:
    """A ticket of the neutral form as a connector would hand it in."""
    fields: dict[str, Value] = {}
    for name, value in given.items():
        if name in {"id", "created"}:
            continue
        if name in DATES:
            fields[field(name)] = None if value is None else value * 1_000
        elif isinstance(value, list):
            fields[field(name)] = tuple(sorted(value))
        else:
            fields[field(name)] = None if value is None else str(value)
    number = str(given["id"])
    return Ticket(TicketRef(SOURCE, number), number, "", "", given["created"] * 1_000, now, fields)


def engines(peers: Any, tickets: list[dict[str, Any]]) -> dict[str, Callable[[], list[int]]]:
    """The fastest rule engines, as far as they are installed."""
    found: dict[str, Callable[[], list[int]]] = {}
    for name, module in (("datalogic", "datalogic_py"), ("zen_expressions", "zen")):
        make = getattr(peers, name, None)
        try:
            importlib.import_module(module)
        except ImportError:
            print(f"SKIPPED: the rule engine {module} is not installed", file=sys.stderr)
        else:
            if make is not None:
                found[module] = make(tickets)
    return found


def compare(shared: Path, number: int, rounds: int) -> None:
    sys.path.insert(0, str(shared / "bench"))
    given: Any = importlib.import_module("tickets")
    peers: Any = importlib.import_module("rule_peers")
    now = given.NOW * 1_000
    plain = given.synthetic_tickets(number)
    tickets = [ticket(one, now) for one in plain]
    rules = present(given.RULES, given.GROUPS)
    bits = {f"rule-{n}": 1 << n for n in range(len(given.RULES))}
    candidates: dict[str, Callable[[], object]] = {
        "hand-written, a function per rule": peers.python_functions(plain),
        "hand-written, one function for all": peers.python_fused(plain),
        "hoist": lambda: [rules.holding(one, now) for one in tickets],
        **engines(peers, plain),
    }
    expected = candidates["hand-written, a function per rule"]()
    ours = [sum(bits[rule.id] for rule in rules.holding(one, now)) for one in tickets]
    if ours != expected:
        sys.exit("FAILED: hoist and the hand-written functions do not agree")
    print(f"{len(tickets)} tickets, {sum(mask.bit_count() for mask in ours)} equal hits of {len(bits)} rules")
    seconds = in_turns(candidates, rounds)
    first = seconds["hand-written, a function per rule"]
    for name, taken in seconds.items():
        ratio = sorted(a / b for a, b in zip(first, taken, strict=True))[rounds // 2]
        print(f"{name}: {number / min(taken) / 1e3:.0f} k tickets/s at best, {ratio:.2f} of hand-written functions")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    shared = reference()
    if shared is not None:
        compare(shared, arguments.tickets, arguments.rounds)
    print(machine())


if __name__ == "__main__":
    main()
