"""The made-up desk whose tickets the sandbox serves in end-to-end tests."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.sandboxes.history import Event, History, Person, Status


def desk_history(events: Sequence[Event]) -> History:
    """Events on a desk of two lines, with a requester and somebody who works there."""
    return History(
        project="IT",
        project_name="IT",
        people={"rick": Person("rick", "Rick Requester", "customer"), "nora": Person("nora", "Nora First-Line")},
        statuses=(Status("Open", "new"), Status("In Progress", "indeterminate"), Status("Resolved", "done")),
        priorities=("Highest", "High"),
        teams=("Service Desk", "Network"),
        lines=("L1", "L2"),
        components=("Mail",),
        roles={"new": ["Open"], "open": ["In Progress"], "resolved": ["Resolved"]},
        events=sorted(events, key=lambda event: event.at),
    )
