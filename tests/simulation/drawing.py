"""A story from a seed: what goes wrong is drawn at once, so that each part of it can be left out afterwards."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Final

from connectors.sandboxes.history import EventValue
from rules.instants import HOUR, MINUTE, SECOND, Instant, instant, moment
from tests.simulation.desk import PRIORITIES, REQUESTER, RULE_NAMES, STAFF, TEAMS
from tests.simulation.platforms import PLATFORMS
from tests.simulation.platforms.far_side import FarSideClass
from tests.simulation.story import (
    Automation,
    ClockSet,
    Crash,
    Deed,
    Freeze,
    Item,
    Meanwhile,
    Misdelivery,
    Opened,
    Ordered,
    Restore,
    Story,
    Trouble,
    Vanishing,
    Webhook,
    families,
)
from tests.simulation.telling import MISDELIVERIES

MONDAY: Final = instant(moment(0).replace(year=2026, month=3, day=2, hour=8))
CALM: Final = 100 * MINUTE
LEASE_AND_LIFE: Final = 280 * SECOND
"""A request that thaws later than the request life lands when nobody expects it any more, and Jira can't refuse it."""

CACHED: Final = "cached"
"""An answer that was true once, out of the cache of a proxy."""


def drawn(seed: int, hours: float = 6, faults: Collection[str] | None = None, platform: str = "jira") -> Story:
    """The story of a seed on a platform: `faults` names the families (or kinds of trouble) that may occur, all by default."""
    chance = random.Random(f"hoist/{seed}")
    length = int(hours * HOUR)
    wanted = _DEFAULT if faults is None else set(faults)
    items = _Artist(chance, MONDAY, MONDAY + length - CALM, wanted, PLATFORMS[platform]).items()
    told = any(isinstance(item, Webhook) for item in items)
    return Story(
        seed,
        MONDAY,
        length,
        CALM,
        items,
        page_size=chance.choice((2, 5, 50)),
        lag=chance.choice((0, 0, 3 * SECOND, 40 * SECOND)),
        skew=chance.randrange(-20 * MINUTE, 20 * MINUTE) // (5 if told else 1),  # calls count within minutes of hoist's clock
        platform=platform,
    )


_DEFAULT: Final = set(families())


class _Artist:
    """One drawing, from `start` to `end`."""

    def __init__(self, chance: random.Random, start: Instant, end: Instant, faults: set[str], far: FarSideClass) -> None:
        self.chance, self.start, self.end, self.faults, self.far = chance, start, end, faults, far
        self.tickets = [f"T{number}" for number in range(1, chance.randint(6, 10))]

    def items(self) -> tuple[Item, ...]:
        """Everything is drawn, and what was not asked for left out: it moves nothing else."""
        made: list[Item] = [self._opened(ticket) for ticket in self.tickets]
        opened = {item.ticket: item.at for item in made if isinstance(item, Opened)}
        for ticket in self.tickets:
            made += [self._deed(ticket, opened[ticket]) for _ in range(self.chance.choice((0, 0, 1, 2, 3, 5)))]
        for ticket in self.tickets:
            made += self._in_time(ticket, opened[ticket])
        made += self._read_again(random.Random(f"again/{sorted(opened.items())}"), opened)
        made += self._cached(random.Random(f"cached/{sorted(opened.items())}"), opened)
        made += self._orders(random.Random(f"orders/{sorted(opened.items())}"), opened)
        made += self._hooks(random.Random(f"hooks/{sorted(opened.items())}"))
        made += [self._meanwhile() for _ in range(self.chance.randint(2, 8))]
        made += [self._trouble() for _ in range(self.chance.randint(15, 40))]
        made += [Crash(self._at(), self._stop(), self._down()) for _ in range(self.chance.randint(2, 7))]
        made += [self._freeze() for _ in range(self.chance.randint(0, 3))]
        made += [ClockSet(self._at(), self.chance.randrange(-30, 31) * MINUTE) for _ in range(self.chance.randint(0, 2))]
        made += [self._vanishing(opened) for _ in range(self.chance.choice((0, 0, 1, 2)))]
        made += [self._automation() for _ in range(self.chance.choice((0, 1, 2)))]
        if self.chance.random() < 0.3:
            at = self._at()
            made.append(Restore(at, self.chance.randrange(self.start, at), self._down()))
        kept = (item for item in made if self._asked_for(item))
        return tuple(sorted(kept, key=lambda item: item.at))

    def _asked_for(self, item: Item) -> bool:
        asked = isinstance(item, Opened) or item.family in self.faults
        return asked or (isinstance(item, Trouble) and item.kind in self.faults)

    def _at(self) -> Instant:
        return self.chance.randrange(self.start + MINUTE, self.end)

    def _down(self) -> int:
        return self.chance.choice((1, 5, 30, 100, 400, 3_000)) * SECOND

    def _stop(self) -> int:
        return self.chance.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14))

    # --- people ----------------------------------------------------------------------------------------------------------

    def _opened(self, ticket: str) -> Opened:
        values: dict[str, EventValue] = {
            "summary": f"{ticket} does not work",
            "status": "Open",
            "team": self.chance.choice(TEAMS[:2]),
            "priority": self.chance.choice(PRIORITIES),
            "assignee": self.chance.choice((None, None, None, *STAFF)),
        }
        return Opened(self.chance.randrange(self.start + MINUTE, self.start + (self.end - self.start) // 2), ticket, values)

    def _deed(self, ticket: str, opened: Instant) -> Deed:
        at, who = self.chance.randrange(opened, self.end), self.chance.choice(STAFF)
        match self.chance.randrange(4):
            case 0:
                return Deed(at, ticket, who, {}, "I am on it.", self.chance.random() < 0.7)
            case 1:
                return Deed(at, ticket, REQUESTER, {}, "Any news?")
            case _:
                return Deed(at, ticket, who, self._values())

    def _in_time(self, ticket: str, opened: Instant) -> list[Item]:
        """Somebody takes the ticket just before hoist would act, or answers; the helpdesk's replicas may not know it yet."""
        if self.chance.random() < 0.7:
            return []
        due = opened + self.chance.choice((15, 25, 45)) * MINUTE
        if self.chance.random() < 0.5:
            at = due - self.chance.randrange(200, 4_000)
            late = Trouble(due, "old-answer", "read", 4, 0, self.chance.randrange(4, 9))
            return [Deed(at, ticket, "anna", {"assignee": "anna", "status": "In Progress"}), late]
        at = due - self.chance.randrange(5_000, 110_000)
        return [Deed(at, ticket, "bert", {"assignee": "bert"}, "I have it.")]

    def _read_again(self, chance: random.Random, opened: dict[str, Instant]) -> list[Item]:
        """Saves are refused as conflicts, and the read for the last try is answered by a replica that is behind."""
        due = [at + 15 * MINUTE for at in opened.values() if chance.random() < 0.4]
        conflicts = [Trouble(at, "conflict", "edit", 2) for at in due if "conflict" in dict(self.far.TROUBLES)]
        return [*conflicts, *(Trouble(at + 5 * SECOND, "old-answer", "read", 2, 0, chance.choice((5.5, 6, 6.5))) for at in due)]

    def _cached(self, chance: random.Random, opened: dict[str, Instant]) -> list[Item]:
        """A proxy in between that answers out of its cache: for a while, or just when hoist writes or looks for what it wrote."""
        made: list[Item] = []
        for ticket, at in opened.items():
            due, when = at + 15 * MINUTE, chance.random()
            if when < 0.15:
                taken = Deed(due + chance.randrange(5, 18) * SECOND, ticket, "carl", {"assignee": "carl"})
                made += [Trouble(due, "refused", "edit"), taken, Trouble(due + 30 * SECOND, CACHED, "any", 6, 0, 30)]
            elif when < 0.3:
                lost = Trouble(due, "lost-answer", chance.choice(self.far.WRITES))
                made += [lost, Trouble(due + 295 * SECOND, CACHED, "look", 12, 0, 330)]
        for _ in range(chance.choice((0, 0, 1, 2, 3))):
            at, age = chance.randrange(self.start + MINUTE, self.end), chance.choice((15, 45, 130, 400, 900))
            on, lasts = chance.choice(("any", "any", "look", "read")), chance.choice((0, 30, 180, 900)) * SECOND
            made.append(Trouble(at, CACHED, on, chance.choice((1, 2, 4, 8)), lasts, age))
        return made

    def _orders(self, chance: random.Random, opened: dict[str, Instant]) -> list[Item]:
        """What somebody tells hoist on its command line."""
        made: list[Item] = []
        for _ in range(chance.choice((0, 0, 1, 2))):
            at, lasts = chance.randrange(self.start + MINUTE, self.end), chance.choice((2, 10, 30, 60)) * MINUTE
            rule = chance.choice(("", "", *RULE_NAMES))
            made += [Ordered(at, "pause", rule), Ordered(min(at + lasts, self.end), "resume", rule)]
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            ticket = chance.choice(self.tickets)
            made.append(Ordered(chance.randrange(opened[ticket], self.end) + 1, "undo", ticket))
        for _ in range(chance.choice((0, 0, 1, 2))):
            ticket = chance.choice(self.tickets)
            at = chance.randrange(opened[ticket], self.end) + 1
            made.append(Ordered(at, "snooze", ticket, chance.choice((5, 20, 60)) * MINUTE))
        made += [Ordered(chance.randrange(self.start, self.end), "approve") for _ in range(chance.choice((0, 1, 2)))]
        return made

    def _hooks(self, chance: random.Random) -> list[Item]:
        """The platform tells hoist of changes, and not all of it arrives as it should."""
        if chance.random() < 0.5:
            return []
        made: list[Item] = [Webhook(chance.choice((self.start, self.start, chance.randrange(self.start, self.end))))]
        for _ in range(chance.randint(0, 10)):
            at, how = chance.randrange(self.start, self.end), chance.choice(MISDELIVERIES)
            seconds = {"late": (10, 100, 250, 1_200), "repeated": (0, 1, 30, 400), "replayed": (30, 600, 7_200)}.get(how, (0,))
            lasts = chance.choice((0, 0, 60, 900, 3_600)) * SECOND
            made.append(Misdelivery(at, how, chance.choice((1, 1, 2, 5)), lasts, chance.choice(seconds)))
        return made

    def _values(self) -> dict[str, EventValue]:
        match self.chance.randrange(6):
            case 0 | 1:
                return {"assignee": self.chance.choice((None, *STAFF))}
            case 2:
                return {"team": self.chance.choice(TEAMS)}
            case 3:
                return {"priority": self.chance.choice(PRIORITIES)}
            case 4:
                return {"status": self.chance.choice(("Open", "In Progress", "Waiting", "Resolved"))}
            case _:
                return {"status": "In Progress", "assignee": self.chance.choice(STAFF)}

    def _meanwhile(self) -> Meanwhile:
        return Meanwhile(self._at(), self.chance.choice(self.far.MOMENTS), self.chance.choice(STAFF), self._values())

    # --- machines --------------------------------------------------------------------------------------------------------

    def _trouble(self) -> Trouble:
        kind, where = self.chance.choice(self.far.TROUBLES)
        on = self.chance.choice(where)
        seconds = {"late": self.chance.randrange(1, 295), "slow": 3, "old-answer": self.chance.randrange(1, 8)}.get(kind, 0)
        at, times = self._at(), self.chance.choice((1, 1, 1, 2, 4))
        lasts = self.chance.choice((0, 0, 0, 0, 30, 180, 900)) * SECOND
        if kind == "429":
            lasts = min(lasts, 180 * SECOND)  # hoist asks again as soon as it was told to: nothing new happens after a while
        brief = kind in {
            "late",
            "401",
            "429-long",
            "timeout-before",
            "timeout-after",
            "property-dropped",
            "row-missing",
            "expired-token",
        }
        return Trouble(at, kind, on, 1 if brief else times, 0 if brief else lasts, seconds)

    def _freeze(self) -> Freeze:
        at, stop = self._at(), self.chance.choice((3, 3, 4, 4, 5, 6, 7, 9, 10, 11, 12))
        length = self.chance.choice((5, 150, 150, 240, 500)) * SECOND
        return Freeze(at, stop, min(length, LEASE_AND_LIFE) if stop == 6 else length)

    def _vanishing(self, opened: dict[str, Instant]) -> Vanishing:
        ticket = self.chance.choice(self.tickets)
        at, how = self.chance.randrange(opened[ticket] + 1, self.end), self.chance.choice(self.far.VANISHINGS)
        return Vanishing(at, ticket, how, self.chance.choice((1, 10, 40)) * MINUTE if how == "hidden" else 0)

    def _automation(self) -> Automation:
        how, after = self.chance.choice(("revert", "echo")), self.chance.choice((0, 100, 5_000, 60_000))
        return Automation(self._at(), self.chance.choice(self.tickets), how, after, self.chance.randint(1, 4))
