"""Thousands of escalations due at once on a Zendesk account that takes a hundred updates a minute, people's edits among them.

    python -m benchmarks.zendesk_updates [--due 2000] [--people 30 50 90]

hoist runs with the settings it has by default beside the sandbox with the limits of an Enterprise plan, on one stepped clock: a
minute takes as long as the work in it. Meanwhile people edit other tickets, so many a minute. Counted is what the account itself
took and refused; the figures are the same on every machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from agent.app import App
from agent.clock import SteppedClock
from agent.config import load_settings
from agent.demo.organisation import Place, dressed, organisation
from agent.secret_files import in_files
from agent.store.database import open_database
from benchmarks.measured import table
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.history import Event, History
from connectors.sandboxes.made_up import made_up
from connectors.zendesk.sandbox import PLANS, Terms, ZendeskSandbox
from rules.instants import DAY, HOUR, MINUTE, SECOND, Instant, instant, moment

START: Final = instant(moment(0).replace(year=2026, month=3, day=2, hour=9))
PLAN: Final = PLANS["enterprise"]
OTHERS: Final = 300
"""Tickets that people work on."""
RULES: Final = """\
rules:
  - rule: nobody-took-it
    title: Without an owner
    owner: anna@example.com
    mode: live
    existing_tickets: all
    when: {status: [new, open], assignee: nobody, priority: [P1, P2, P3, P4]}
    for: 15 minutes
    calendar: always
    do:
      - escalate: it-support
      - comment: Without an owner for {held}. Moved to {team}.
"""


class Account(ZendeskSandbox):
    """An account that remembers when it took an update of hoist's, and how many it refused."""

    def __init__(self, clock: SteppedClock, history: History) -> None:
        super().__init__(clock=clock.now, history=history, terms=Terms(plan=PLAN))
        self._hand = clock
        self.taken: list[Instant] = []
        self.refused = 0
        self.asked = 0

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        self.asked += 1
        if method == "PUT" and answer.status == 200:
            self.taken.append(self._hand.now())
        self.refused += answer.status == 429
        return answer


@dataclass(frozen=True)
class Found:
    """What the account saw until the last escalation was written."""

    people: int  # their edits a minute
    taken: Sequence[Instant]
    edits: Sequence[Instant]
    refused: int
    asked: int

    def line(self) -> dict[str, str]:
        """The row of the table."""
        minutes = (self.taken[-1] - self.taken[0]) / MINUTE
        edits = [at for at in self.edits if self.taken[0] <= at <= self.taken[-1]]
        return {
            "people's edits a minute": f"{self.people}",
            "minutes": f"{minutes:.0f}",
            "hoist's updates a minute": f"{len(self.taken) / minutes:.1f}",
            "at most in any minute": f"{most(self.taken)}",
            "all, at most in any minute": f"{most(sorted([*self.taken, *edits]))}",
            "refused": f"{self.refused}",
            "requests for an escalation": f"{self.asked / len(self.taken):.1f}",
        }


def most(instants: Sequence[Instant]) -> int:
    """How many of them, in order, lie within one minute at most."""
    return max(place + 1 - bisect_left(instants, at - MINUTE + 1) for place, at in enumerate(instants))


def history(due: int, people: int) -> History:
    """So many tickets without an owner, and others that people edit for a day, so many times a minute."""
    desk = dressed(made_up(0, 1, START, DAY))
    agents = [each.handle for each in desk.people.values() if each.account_type == "staff" and each.active]
    customer = next(each.handle for each in desk.people.values() if each.account_type == "customer")
    made = {
        "status": desk.roles["new"][0],
        "team": desk.teams[0],
        "line": "L1",
        "priority": desk.priorities[0],
        "component": None,
    }
    events = []
    for number in range(due + OTHERS):
        owner = None if number < due else agents[number % len(agents)]
        told = {"assignee": owner, "summary": f"Ticket {number}", "description": "It does not work."}
        events.append(Event(START - 2 * HOUR + number, f"T{number}", customer, made | told))
    for number in range(people * DAY // (8 * MINUTE)):
        ticket = f"T{due + number % OTHERS}"
        events.append(Event(START + number * MINUTE // people, ticket, agents[0], {"summary": f"Edit {number}"}))
    return replace(desk, events=sorted(events, key=lambda event: event.at))


@contextmanager
def running(site: Account, clock: SteppedClock) -> Iterator[App]:
    """hoist beside an account, as it runs by default."""
    with tempfile.TemporaryDirectory() as name, site.serve():
        folder = Path(name)
        settings = site.hoist_settings(in_files(Path(f"{folder / site.SOURCE}.")))
        files = {
            "protocol/organisation.yaml": organisation([Place(site.SOURCE, site.history, site.priorities)]),
            "protocol/rules.yaml": RULES,
            "hoist.yaml": json.dumps({"protocol": "protocol", "sources": {site.SOURCE: {**settings, "limits": "none"}}}),
        }
        (folder / "protocol").mkdir()
        for path, text in files.items():
            (folder / path).write_text(text, encoding="utf-8")
        own = load_settings(folder / "hoist.yaml", {})
        with closing(open_database(own.store)) as database, closing(App(own, database, clock)) as app:
            app.start()
            yield app


def measured(due: int, people: int) -> Found:
    """Run until everything that is due was written."""
    clock = SteppedClock(START)
    told = history(due, people)
    site = Account(clock, told)
    with running(site, clock) as app:
        while len(site.taken) < due:
            app.turn()
            clock.jump(max(-(-app.next_due() // SECOND) * SECOND, clock.now() + SECOND))
            assert clock.now() < START + DAY, f"{len(site.taken)} of {due} were written within a day"
    edits = [event.at for event in told.events if event.at >= START]
    return Found(people, site.taken, edits, site.refused, site.asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--due", type=int, default=2_000)
    parser.add_argument("--people", type=int, nargs="*", default=[30, 50, 90])
    options = parser.parse_args()
    lines = [measured(options.due, people).line() for people in options.people]
    print(table(list(lines[0]), lines))


if __name__ == "__main__":
    main()
