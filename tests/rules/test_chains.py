"""Where a ticket stands in the chain of command, and who gets it next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.chains import NO_TEAM_HERE, Next, PassedOver, TeamIds, next_tier, standing
from rules.protocol.actions import Escalate
from rules.protocol.organisation import Chain, Tier
from rules.ticket import UNKNOWN, Value

NETWORK = Chain("network", (Tier("service-desk"), Tier("network-ops"), Tier("network-eng"), Tier("management")))
TEAMS: TeamIds = {
    "service-desk": ("g1", "g1-nights"),
    "network-ops": ("g2",),
    "network-eng": ("g3",),
    "management": ("g4",),
    "databases": ("g9",),
}


def climb(chain: Chain, teams: TeamIds, *present: Value, **how: str | None) -> Next:
    return next_tier(chain, teams, present, Escalate(chain.name, **how))  # type: ignore[arg-type]


def no_team(*teams: str) -> tuple[PassedOver, ...]:
    return tuple(PassedOver(team, NO_TEAM_HERE) for team in teams)


def test_the_next_tier_is_one_up() -> None:
    """The first line's ticket goes to the second, whichever of its names the first line has it under."""
    assert climb(NETWORK, TEAMS, "g1") == Next("network-ops", "g2")
    assert climb(NETWORK, TEAMS, "g1-nights") == Next("network-ops", "g2")
    assert climb(NETWORK, TEAMS, "g3") == Next("management", "g4")


def test_a_team_with_several_names_receives_under_the_first() -> None:
    """The other names belong to the team; tickets go to the one that receives."""
    chain = Chain("back", (Tier("databases"), Tier("service-desk")))
    assert climb(chain, TEAMS, "g9").team_id == "g1"


def test_the_top_has_no_next() -> None:
    """F6, F17: from the last tier nothing goes on, and the reason is said."""
    found = climb(NETWORK, TEAMS, "g4")
    assert (found.team, found.passed_over) == (None, ())
    assert found.finding == "the chain network ends here: there is no higher tier that can receive"


@pytest.mark.parametrize("present", ["g9", None, "unheard-of", UNKNOWN])
def test_a_ticket_outside_the_chain_stays_unless_told_where_to_enter(present: Value) -> None:
    """F17: after nothing comes no first line: a database ticket is not handed down to the service desk."""
    stays = climb(NETWORK, TEAMS, present)
    assert stays == Next(None, None, (), "the ticket's team is not in the chain network, so it was not moved")
    assert climb(NETWORK, TEAMS, present, enter_at="network-ops") == Next("network-ops", "g2")


def test_entering_is_for_tickets_outside_alone() -> None:
    """A ticket that stands above the door is not sent back through it."""
    assert climb(NETWORK, TEAMS, "g3", enter_at="service-desk") == Next("management", "g4")
    assert climb(NETWORK, TEAMS, "g4", enter_at="service-desk").team is None


def test_of_several_places_the_highest_counts() -> None:
    """F17: one native group for two tiers, or a team that stands twice: the ticket is past both."""
    shared = dict(TEAMS) | {"network-eng": ("g2", "g3")}
    assert standing(NETWORK, shared, "g2") == 2
    assert climb(NETWORK, shared, "g2") == Next("management", "g4")
    twice = Chain("round", (Tier("service-desk"), Tier("network-ops"), Tier("service-desk"), Tier("network-eng")))
    assert climb(twice, TEAMS, "g1") == Next("network-eng", "g3")


def test_a_tier_that_cannot_receive_is_passed_over() -> None:
    """F17: a tier without a team in this source is skipped and named, whether it is empty there or not heard of."""
    teams = {"service-desk": ("g1",), "network-ops": (), "management": ("g4",)}
    assert climb(NETWORK, teams, "g1") == Next("management", "g4", no_team("network-ops", "network-eng"))
    assert climb(NETWORK, {"service-desk": ("g1",)}, "g1").passed_over == no_team("network-ops", "network-eng", "management")
    assert climb(NETWORK, teams, "g9", enter_at="network-ops") == Next("management", "g4", no_team("network-ops", "network-eng"))


IDS = st.sampled_from(("g1", "g2", "g3", "g4", "g5"))
WORDS = ("a", "b", "c", "d", "e")


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    st.fixed_dictionaries(dict.fromkeys(WORDS, st.lists(IDS, max_size=2, unique=True).map(tuple))),
    IDS,
    st.data(),
)
def test_escalation_never_goes_down(
    chain: list[str], teams: dict[str, tuple[str, ...]], present: str, data: st.DataObject
) -> None:
    """F17: in any chain with any teams, the next tier stands higher than the present one, and no able receiver is left out."""
    made = Chain("any", tuple(Tier(team) for team in chain))
    enter_at = data.draw(st.none() | st.sampled_from(chain))
    before, found = standing(made, teams, present), climb(made, teams, present, enter_at=enter_at)
    assert all(not teams[team] for team, _ in found.passed_over)
    if found.team is None:
        assert found.finding
        return
    assert found.team_id == teams[found.team][0]
    after = standing(made, teams, found.team_id)
    assert after is not None
    if before is None:
        assert enter_at is not None
        assert after >= chain.index(enter_at)
    else:
        assert after > before
        assert all(not teams[team] for team in chain[before + 1 : chain.index(found.team, before + 1)])
