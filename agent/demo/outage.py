"""An outage that every helpdesk hears of: few tickets at each of them, many together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Final

from connectors.sandboxes.history import Event, History
from rules.instants import HOUR, MINUTE, Instant

SERVICE: Final = "Telephony"
"""What fails. No made-up desk has other tickets about it."""
AT_EACH: Final = 5
"""Tickets that come to each helpdesk."""
BEGINS: Final = 3 * HOUR + 10 * MINUTE
"""After the demo's start."""
WITHIN: Final = 20 * MINUTE
SOLVED_AFTER: Final = 4 * HOUR
_SAID: Final = ("No line, no tone since a few minutes.", "Customers can't reach us by telephone.", "Calls are cut off at once.")


def with_outage(histories: Mapping[str, History], seed: int, start: Instant, length: int) -> dict[str, History]:
    """The histories of all helpdesks with the tickets of one outage, as far as it lies in their time."""
    return {
        platform: replace(
            history,
            components=(*history.components, SERVICE),
            events=sorted(
                (
                    *history.events,
                    *(event for event in _events(history, Random(f"{seed}/{platform}"), start) if event.at < start + length),
                ),
                key=lambda event: event.at,
            ),
        )
        for platform, history in histories.items()
    }


def _events(history: History, random: Random, start: Instant) -> Iterator[Event]:
    people = history.people.values()
    requesters = [each.handle for each in people if each.account_type == "customer"]
    staff = [each.handle for each in people if each.account_type == "staff" and each.active]
    for number in range(AT_EACH):
        ticket, at = f"OUTAGE{number}", start + BEGINS + random.randrange(WITHIN)
        reported = {"status": history.roles["new"][0], "team": history.teams[0], "line": history.lines[0], "component": SERVICE}
        reported |= {"priority": history.priorities[1], "summary": f"Telephone dead on floor {random.randrange(1, 40)}"}
        yield Event(at, ticket, random.choice(requesters), {**reported, "assignee": None, "description": random.choice(_SAID)})
        solved = {"assignee": random.choice(staff), "status": history.roles["resolved"][0]}
        yield Event(at + SOLVED_AFTER, ticket, str(solved["assignee"]), solved)
