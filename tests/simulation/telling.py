"""What the platform tells hoist of changes, on its way: signed by the sandbox, and delivered as badly as the story has it."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from connectors.sandboxes.deliveries import Outgoing
from rules.instants import FOREVER, SECOND, Instant
from tests.simulation.platforms.far_side import FarSide
from tests.simulation.story import Misdelivery, Story, Webhook, clock_time

MISDELIVERIES: Final = ("lost", "repeated", "late", "forged", "replayed")
UNDER_WAY: Final = (20, 4_000)
"""Milliseconds that a delivery takes: what happened first need not arrive first."""
_TIMES: Final = 3
"""How often what is repeated comes once more."""

Knock = Callable[[Mapping[str, str], bytes], int]
"""Bring hoist a call; the status that it answers, 0 where nobody does."""
Later = Callable[[Instant, Callable[[], None]], None]


class Telling:
    """All deliveries of a story. `secret` is what they are signed with, empty where the platform tells nothing."""

    def __init__(self, story: Story, now: Callable[[], Instant], far: FarSide, later: Later) -> None:
        self._now, self._far, self._later = now, far, later
        self._chance = random.Random(f"telling/{story.seed}")
        self._from = min((item.at for item in story.items if isinstance(item, Webhook)), default=FOREVER)
        self._bad = {item: item.times for item in story.items if isinstance(item, Misdelivery)}
        self._arrivals: list[Instant] = []
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []  # promises that were seen broken on the way
        self.knock: Knock = lambda _headers, _body: 0
        self.log: Callable[[str], None] = lambda _: None
        self.secret = far.tell(self._told) if self._from < FOREVER else ""

    def next_arrival(self) -> Instant:
        """When something comes to hoist's door next; FOREVER where nothing is under way."""
        return min(self._arrivals, default=FOREVER)

    # --- one delivery ----------------------------------------------------------------------------------------------------

    def _told(self, outgoing: Outgoing) -> None:
        """The platform sends something on its way."""
        if self._now() < self._from:
            return
        on_its_way = self._chance.randint(*UNDER_WAY)
        bad = self._met()
        if bad is None:
            self._send(outgoing, on_its_way)
            return
        self.counts[f"webhook-{bad.how}"] += 1
        self.log(f"told, and {bad.how}")
        wait = bad.seconds * SECOND
        match bad.how:
            case "repeated":
                for place in range(_TIMES + 1):
                    self._send(outgoing, on_its_way + place * wait)
            case "late":
                self._send(outgoing, on_its_way + wait)
            case "forged":
                self._send(outgoing, on_its_way)
                self._arrive_in(on_its_way, partial(self._forged, outgoing))
            case "replayed":
                recorded = dict(outgoing.headers(self._now(), 0))
                self._send(outgoing, on_its_way)
                self._arrive_in(on_its_way + wait, partial(self._knocked, recorded, outgoing.body))

    def _met(self) -> Misdelivery | None:
        now = self._now()
        for bad, left in self._bad.items():
            if left <= 0 or bad.at > now or (bad.lasts and bad.at + bad.lasts < now):
                continue
            if not bad.lasts:
                self._bad[bad] = left - 1
            return bad
        return None

    def _send(self, outgoing: Outgoing, wait: int) -> None:
        self._arrive_in(wait, partial(self._carry, outgoing, Counter()))

    def _arrive_in(self, milliseconds: int, arrive: Callable[[], object]) -> None:
        at = self._now() + milliseconds
        self._arrivals.append(at)

        def arrived() -> None:
            self._arrivals.remove(at)
            arrive()

        self._later(at, arrived)

    def _carry(self, outgoing: Outgoing, tried: Counter[int]) -> None:
        """One try of the platform, and whether there is another."""
        status = self._knocked(outgoing.headers(self._now(), tried.total()), outgoing.body)
        tried[status] += 1
        outgoing.heard(status, self._now())
        if not 200 <= status < 300 and (wait := self._far.tells_again(status, tried[status])) is not None:
            self._arrive_in(wait, partial(self._carry, outgoing, tried))

    def _forged(self, outgoing: Outgoing) -> None:
        """A stranger who saw a call: its headers, and another body."""
        if 200 <= self._knocked(outgoing.headers(self._now(), 0), outgoing.body + b" ") < 300:
            self.wrong.append(f"a stranger's call was believed at {clock_time(self._now())}")

    def _knocked(self, headers: Mapping[str, str], body: bytes) -> int:
        status = self.knock({name.lower(): value for name, value in headers.items()}, body)
        self.log(f"told {hashlib.sha256(body).hexdigest()[:8]} {status}")
        return status
