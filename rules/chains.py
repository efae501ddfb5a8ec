"""Chains of command: where a ticket stands in one, and who is next.

There is no hidden level: a ticket stands where its team is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.protocol import Chain
from rules.ticket import Value

TeamIds = Mapping[str, tuple[str, ...]]
"""Team name -> the source's ids of it, the receiving one first; teams that the source does not have are missing or empty."""


@dataclass(frozen=True, slots=True)
class Next:
    """The tier to move to. `team` is None where the ticket stays; then `finding` says why, as a sentence.

    `passed_over` are the tiers in between that can't receive in this source.
    """

    team: str | None
    team_id: str | None
    passed_over: tuple[str, ...] = ()
    finding: str = ""


def standing(chain: Chain, teams: TeamIds, present: Value) -> int | None:
    """The place (0 is the first line) of the ticket's team in the chain; the highest where several match, None outside."""
    places = [n for n, tier in enumerate(chain.tiers) if present in teams.get(tier.team, ())]
    return max(places, default=None)


def next_tier(chain: Chain, teams: TeamIds, present: Value, enter_at: str | None = None) -> Next:
    """The next tier up that can receive; never a lower one.

    A ticket outside the chain enters at `enter_at`, or stays where that is None.
    """
    place = standing(chain, teams, present)
    if place is None:
        if enter_at is None:
            return Next(None, None, finding=f"the ticket's team is not in the chain {chain.name}, so it was not moved")
        first = next(n for n, tier in enumerate(chain.tiers) if tier.team == enter_at)
    else:
        first = place + 1
    passed_over: list[str] = []
    for tier in chain.tiers[first:]:
        ids = teams.get(tier.team, ())
        if ids:
            return Next(tier.team, ids[0], tuple(passed_over))
        passed_over.append(tier.team)
    return Next(None, None, tuple(passed_over), f"the chain {chain.name} ends here: there is no higher tier that can receive")
