"""A helpdesk in a process of its own: `python -m tests.crashes.far_side CLOCKS PLATFORM TICKETS SEED FAULTS`.

One ticket after the other is due for an escalation; every fifth is taken by somebody some time later. Prints one JSON line once
it listens, and answers each line on its standard input with one: `quiet` once no request is under way and no connection open;
`calm` with how often what went wrong, which it does no more; `record` with everything that hoist's account did.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from agent.secret_files import in_files
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.history import Event, History
from connectors.sandboxes.server import Serving
from rules.instants import MINUTE, SECOND, Instant
from tests.crashes.clocks import Ahead, true_time
from tests.desk_history import desk_history
from tests.simulation.platforms import PLATFORMS
from tests.simulation.platforms.far_side import FarSide

BETWEEN: Final = 20 * SECOND
"""From the instant at which one ticket is due to that of the next."""
WAIT: Final = 15 * MINUTE
"""After which a ticket without an owner is due."""
TAKEN_EVERY: Final = 5
TAKEN_AFTER: Final = 2 * MINUTE
"""How long after it was due a ticket is taken."""
LOOK_AGAIN: Final = 0.005
LABEL: Final = "lifted"


class Watched:
    """A site that remembers each write that took effect, answered or not."""

    def __init__(self, far: FarSide, tickets: int) -> None:
        self.far, self.effects = far, list[dict[str, str]]()
        self._tickets, self._dispatch = tickets, far.sandbox.dispatch

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one call as the sandbox does."""
        purpose = self.far.purpose(method, path, query, body)
        id_ = purpose.ids[0] if purpose.kind in self.far.WRITES else ""
        before = self.far.traces(id_) if id_ else 0
        answer = self._dispatch(method, path, query, headers, body)
        took = id_ and (self.far.traces(id_) > before or (self.far.LEAVES_A_MARK and 200 <= answer.status < 300))
        if took:
            self.effects.append({"ticket": id_, "kind": purpose.kind, "marker": self.far.marked(body).marker})
        return answer

    def calm(self) -> dict[str, int]:
        """Nothing goes wrong any more; what did until now, and how often."""
        faults = self.far.faults
        told = {name: faults.times(name) for name in faults.rates}
        faults.rates = dict.fromkeys(faults.rates, 0.0)
        return told

    def all_done(self) -> dict[str, Any]:
        """By ticket: what hoist's account saved and said, by the site's own record; and every write that took effect."""
        names = {name: id_ for number in range(self._tickets) if (id_ := self.far.id_of(name := f"t{number}"))}
        return {"tickets": {name: self._record(id_) for name, id_ in names.items()}, "effects": self.effects}

    def _record(self, id_: str) -> dict[str, Any]:
        own = [save for save in self.far.saves(id_) if save.by == self.far.agent]
        return {
            "id": id_,
            "saves": [item for save in own for item in save.items],
            "public": [said.public for said in self.far.comments(id_)],
        }


def history(tickets: int, begin: Instant) -> History:
    """Tickets without an owner, the first of them due at `begin`."""
    events = []
    new = dict(status="Open", team="Service Desk", line="L1", priority="High", assignee=None, component="Mail", description="")
    for number in range(tickets):
        due = begin + number * BETWEEN
        events.append(Event(due - WAIT, f"t{number}", "rick", {**new, "summary": f"No mail ({number})"}, None))
        if number % TAKEN_EVERY == TAKEN_EVERY - 1:
            events.append(Event(due + TAKEN_AFTER, f"t{number}", "nora", {"assignee": "nora"}, None))
    return desk_history(events)


def _quiet(server: Serving) -> None:
    """Returns once every connection was closed, and what came over it was dealt with."""
    looking = threading.Event()
    ended = time.monotonic() + 60
    while server._open:
        assert time.monotonic() < ended, "a connection stays open though hoist is dead"
        looking.wait(LOOK_AGAIN)


def main(clocks: str, platform: str, tickets: str, seed: str, faults: str) -> None:
    """Serve until standard input ends."""
    ahead = Ahead(Path(clocks))
    begin = true_time(ahead)
    far = PLATFORMS[platform](lambda: true_time(ahead), history(int(tickets), begin), int(seed), 0)
    far.faults.rates = json.loads(faults)
    far.sandbox.make_labels([LABEL])
    watched = Watched(far, int(tickets))
    with patch.object(far.sandbox, "dispatch", watched.dispatch), far.sandbox.serve() as server:
        settings = far.sandbox.hoist_settings(in_files(Path(clocks).with_name("secret.")))
        _say({"settings": settings, "priorities": far.sandbox.priorities, "teams": far.teams, "writes": far.WRITES})
        for line in sys.stdin:
            match line.strip():
                case "quiet":
                    _quiet(server)
                    _say({})
                case "calm":
                    _say(watched.calm())
                case "record":
                    _say(watched.all_done())


def _say(found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
