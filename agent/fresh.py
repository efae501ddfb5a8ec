"""The read that a write rests on: asked for right before it, and made right before it as well.

Whether a request was sent ten seconds ago this machine knows by itself. When its answer was made the platform alone knows: a
proxy in between may give out one of long ago, which shows its own old Date.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent.clock import SourceClock
from agent.outbox import READ_AGE_LIMIT
from connectors.contract import Connector, Reading
from connectors.errors import TryLater
from rules.instants import SECOND

ASKED_AGAIN_AFTER = 60.0
"""Seconds that a source rests whose answers are old."""


def fresh(connector: Connector, ids: Sequence[str], source: str, clock: SourceClock) -> Reading:
    """Tickets read afresh; once more where the answer is too old to back a write, judged by the source's own clock.

    Raises TryLater where the second one is too old as well, and what the connector raises.
    """
    for _ in range(2):
        reading = connector.read(ids)
        age = clock.now() - reading.server_time
        if age <= READ_AGE_LIMIT * SECOND:
            return reading
    said = f"{source}: its answer to a read is {age // SECOND:,} s old, and nothing is written on that; hoist asks again"
    raise TryLater(
        f"{said}. If that goes on: let the proxy in between pass hoist's requests on, and cache none", ASKED_AGAIN_AFTER
    )
