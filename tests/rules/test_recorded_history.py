"""The engine on a recorded history of 7,554 incidents, where it is at hand: figures that were found by other means."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import groupby

from rules.binding import bind
from rules.engine import Evaluation, evaluate
from rules.instants import HOUR, instant
from rules.protocol.conditions import All, Clock, Condition, Count, Counted, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Organisation
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef
from rules.timeline import Timeline, timeline
from rules.world import Directory, World
from tests.shared import shared

STAFF = Actor("staff", Kind.STAFF)
OPEN = State("native_status", OneOf(("Awaiting Assignment", "Assigned", "In Progress")))


@cache
def histories() -> tuple[Timeline, ...]:
    path = shared() / "data" / "bpic2013_incidents.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return tuple(timeline(_ticket(case, list(events))) for case, events in groupby(rows, key=lambda row: row["case_id"]))


def _ticket(case: str, rows: list[dict[str, str]]) -> Ticket:
    columns = {"native_status": "sub_status", "team": "support_team"}
    changes = []
    for n in range(1, len(rows)):
        at = _at(rows[n])
        for field, column in columns.items():
            old, new = rows[n - 1][column], rows[n][column]
            if old != new:
                changes.append(Change(at, at, n, str(n), field, old, new, STAFF))
    present = {field: rows[-1][column] for field, column in columns.items()}
    return Ticket(TicketRef("volvo", case), case, "", "", _at(rows[0]), _at(rows[-1]), present, tuple(changes))


def _at(row: dict[str, str]) -> int:
    return instant(datetime.fromisoformat(row["changed_at"]))


def evaluations(*conditions: Condition) -> Iterator[Evaluation]:
    rules = tuple(Rule(str(n), "", condition, ()) for n, condition in enumerate(conditions))
    bound = bind(Rulebook(Organisation(), rules, "1"), "volvo", Directory({}, {}), World())
    return (evaluate(history, bound, 0) for history in histories())


def test_eight_hours_on_the_clock_fire_once_per_ticket() -> None:
    """F1: waiting states come and go, up to 23 times on one ticket, yet each of the 2,656 late ones escalates once.

    One more ticket was left open when the record ends: its clock is full eight hours after its last row.
    """
    late = All((Clock(OPEN, Duration(8 * HOUR)), OPEN))
    found = [evaluation.episodes for evaluation in evaluations(late)]
    assert max(map(len, found)) == 1
    assert max(len(episode.stretches) for episodes in found for episode in episodes) == 23
    last_rows = [
        max((step.at for steps in history.steps.values() for step in steps), default=history.created) for history in histories()
    ]
    recorded = [last for episodes, last in zip(found, last_rows, strict=True) for episode in episodes if episode.start < last]
    assert (len(recorded), sum(map(len, found))) == (2_656, 2_657)


def test_tickets_that_return_to_a_former_team_are_all_found() -> None:
    """F1: 670 tickets come back at least twice, 411 of them once more."""
    twice = thrice = 0
    for evaluation in evaluations(Count(Counted.RETURNED, 2), Count(Counted.RETURNED, 3)):
        twice += len(evaluation.episodes_of("0"))
        thrice += len(evaluation.episodes_of("1"))
    assert (twice, thrice) == (670, 411)
