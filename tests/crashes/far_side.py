"""A helpdesk in a process of its own: `python -m tests.crashes.far_side CLOCKS TICKETS SEED FAULTS`.

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

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.call import Answer
from connectors.jira.site.catalog import TEAM
from connectors.sandboxes.history import Event, History
from connectors.sandboxes.server import Serving
from rules.instants import MINUTE, SECOND, Instant
from tests.crashes.clocks import Ahead, true_time
from tests.desk_history import desk_history
from tests.simulation.helpdesk import written

BETWEEN: Final = 20 * SECOND
"""From the instant at which one ticket is due to that of the next."""
WAIT: Final = 15 * MINUTE
"""After which a ticket without an owner is due."""
TAKEN_EVERY: Final = 5
TAKEN_AFTER: Final = 2 * MINUTE
"""How long after it was due a ticket is taken."""
LOOK_AGAIN: Final = 0.005
PROPERTY: Final = "hoist.operation"


class WatchedSandbox(JiraSandbox):
    """Remembers each write that it accepted, answered or not."""

    effects: list[dict[str, Any]]

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = super().dispatch(method, path, query, headers, body)
        ticket, kind = written(method, path)
        if kind and 200 <= answer.status < 300:
            properties = json.loads(body).get("properties", ())
            marked = next((each["value"]["marker"] for each in properties if each["key"] == PROPERTY), "")
            self.effects.append({"ticket": ticket, "kind": kind, "marker": marked})
        return answer

    def calm(self) -> dict[str, int]:
        """Nothing goes wrong any more; what did until now, and how often."""
        told = {name: self._faults.times(name) for name in self._faults.rates}
        self._faults.rates = dict.fromkeys(self._faults.rates, 0.0)
        return told

    def all_done(self) -> dict[str, Any]:
        """By issue: what hoist's account saved and said, by the site's own record; and every write that was accepted."""
        site = self._site
        own = site.catalog.agent.id
        return {
            "issues": {str(issue.id): _record(issue, own) for issue in site.issues.by_id.values()},
            "names": {name: str(issue.id) for name, issue in site.names.items()},
            "effects": self.effects,
        }


def _record(issue: Any, own: str) -> dict[str, Any]:
    saves = [
        [item.field_id, item.old_shown, item.new_shown] for entry in issue.entries if entry.author == own for item in entry.items
    ]
    comments = [
        {"marker": str(_marker(comment.properties)), "public": comment.public}
        for comment in issue.comments
        if comment.author == own
    ]
    return {"saves": saves, "comments": comments, "team": issue.fields.get(TEAM)}


def _marker(properties: Mapping[str, object]) -> object:
    value = properties.get(PROPERTY)
    return value.get("marker", "") if isinstance(value, Mapping) else ""


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


def main(clocks: str, tickets: str, seed: str, faults: str) -> None:
    """Serve until standard input ends."""
    ahead = Ahead(Path(clocks))
    begin = true_time(ahead)
    sandbox = WatchedSandbox(
        clock=lambda: true_time(ahead), history=history(int(tickets), begin), seed=int(seed), faults=json.loads(faults)
    )
    sandbox.effects = []
    with sandbox.serve() as server:
        _say({"credentials": sandbox.credentials(), "settings": sandbox.source_settings(), "begin": begin})
        for line in sys.stdin:
            match line.strip():
                case "quiet":
                    _quiet(server)
                    _say({})
                case "calm":
                    _say(sandbox.calm())
                case "record":
                    _say(sandbox.all_done())


def _say(found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
