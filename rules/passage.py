"""A ticket's way through a desk: which teams had it, how often it came back, where it waited, how it ended.

Every recorded step counts, those of one instant in their order too. Whose team is not known for a while has not moved then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from rules.evidence import Evidence
from rules.instants import Instant
from rules.spread import Spread
from rules.ticket import UNKNOWN, Change, Status, Ticket, Value

WAITS: Final = frozenset({Status.PENDING, Status.ON_HOLD})
_DONE: Final = frozenset({Status.RESOLVED, Status.CLOSED})
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Passage:
    """What one ticket went through.

    `teams` had it in this order, one after another, by the source's ids; to each but the first it came at its instant of
    `moved_at`. `waited` is the time in each native status of waiting, up to the last thing that is known of the ticket.
    `resolved`: somebody resolved it formally, at least once; `reopened`: after that it was anything but resolved or closed.
    """

    teams: tuple[str, ...]
    moved_at: tuple[Instant, ...]
    waited: dict[tuple[Status, str], int]
    resolved: bool
    reopened: bool

    @property
    def moves(self) -> int:
        """How often the team changed."""
        return max(0, len(self.teams) - 1)

    @property
    def returned(self) -> bool:
        """It came to a team that had had it before."""
        return len(set(self.teams)) < len(self.teams)

    def handed_back(self) -> list[tuple[str, str]]:
        """Each time that a team got it back at once (A-B-A): the two of them, by name; one entry for each time."""
        triples = zip(self.teams, self.teams[1:], self.teams[2:], strict=False)
        return [(min(a, b), max(a, b)) for a, b, c in triples if a == c]


def passage(ticket: Ticket, informal: Collection[str] = ()) -> Passage:
    """A ticket's way; `informal` are native statuses that are no formal resolution."""
    steps = [change for change in ticket.changes if change.field in {"team", "status", "native_status"}]
    resolved, reopened = _ending(_states(ticket, steps), informal)
    stays = _stays(ticket, steps)
    teams, starts = tuple(team for team, _ in stays), tuple(at for _, at in stays[1:])
    return Passage(teams, starts, _waits(ticket, steps), resolved, reopened)


def _stays(ticket: Ticket, steps: list[Change]) -> list[tuple[str, Instant]]:
    """(team, from when), one after another."""
    moves = [change for change in steps if change.field == "team"]
    first: Value = moves[0].old if moves else ticket.fields.get("team")
    known = [(value, at) for value, at in [(first, ticket.created), *((m.new, m.at) for m in moves)] if isinstance(value, str)]
    return known[:1] + [later for earlier, later in pairwise(known) if earlier[0] != later[0]]


def _states(ticket: Ticket, steps: list[Change]) -> list[tuple[Instant, str, str]]:
    """(from when, status, native status), one entry for each save that changed either."""
    present = {name: ticket.fields.get(name, UNKNOWN) for name in ("status", "native_status")}
    changes = [change for change in steps if change.field != "team"]
    for name, value in tuple(present.items()):
        present[name] = next((change.old for change in changes if change.field == name), value)
    found = [(ticket.created, str(present["status"]), _native(present["native_status"]))]
    place: tuple[Instant, int, str] | None = None
    for change in changes:
        present[change.field] = change.new
        state = (change.at, str(present["status"]), _native(present["native_status"]))
        if place == (change.at, change.sequence, change.save):
            found[-1] = state
        else:
            found.append(state)
        place = (change.at, change.sequence, change.save)
    return found


def _native(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _waits(ticket: Ticket, steps: list[Change]) -> dict[tuple[Status, str], int]:
    states = _states(ticket, steps)
    last = max(*(change.at for change in ticket.changes[-1:]), *(said.at for said in ticket.messages[-1:]), ticket.created, 0)
    waited: dict[tuple[Status, str], int] = {}
    for (start, status, native), end in zip(states, [*(state[0] for state in states[1:]), last], strict=True):
        if status in WAITS and end > start:
            key = (Status(status), native or status)
            waited[key] = waited.get(key, 0) + end - start
    return waited


def _ending(states: list[tuple[Instant, str, str]], informal: Collection[str]) -> tuple[bool, bool]:
    """(resolved formally at least once, anything but resolved or closed after that)."""
    formal = [status == Status.RESOLVED and native not in informal for _, status, native in states]
    if True not in formal:
        return False, False
    after = zip(states, formal, strict=True)
    since = list(after)[formal.index(True) :]
    return True, any(not done and status != Status.CLOSED for (_, status, _), done in since)


@dataclass
class Passages:
    """Many tickets' ways, counted. Memory grows with pairs of teams, not with tickets."""

    tickets: int = 0
    moved: int = 0
    moved_again: int = 0
    returned: int = 0
    ping_pong: int = 0
    resolved: int = 0
    reopened: int = 0
    moves: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    waits: dict[tuple[Status, str], Spread] = field(default_factory=dict)
    waits_of_team: Counter[str] = field(default_factory=Counter)

    def add(self, ticket: Ticket, informal: Collection[str] = (), key: str = "") -> Passage:
        """Count one ticket; `key` is what it is called as an example."""
        way = passage(ticket, informal)
        self.tickets += 1
        self.moved += way.moves >= 1
        self.moved_again += way.moves >= _SEVERAL
        self.returned += way.returned
        self.resolved += way.resolved
        self.reopened += way.reopened
        for move, at in zip(pairwise(way.teams), way.moved_at, strict=True):
            self.moves.setdefault(move, Evidence()).add(key, at)
        back = way.handed_back()
        self.ping_pong += bool(back)
        for pair in back:
            self.pairs[pair] += 1
            known = self.examples.setdefault(pair, [])
            if len(known) < 3 and key not in known:
                known.append(key)
        for wait, duration in way.waited.items():
            self.waits.setdefault(wait, Spread()).add(duration)
        return way
