"""The six lines of a plan, counted from the tickets that it touches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent.plan.clocks import Jump, RunningTarget
from agent.plan.consequences import Firing, Found, Told, Touched
from agent.plan.planning import Base, Planned
from agent.plan.summary import summary
from agent.store.rulebooks import Texts
from rules.comparison import Comparison
from rules.escalation import NoticeKind
from rules.instants import HOUR, MINUTE, instant, moment
from rules.protocol.organisation import Organisation
from rules.protocol.rulebook import Rulebook
from rules.world import Directory

MIDNIGHT = instant(moment(0).replace(year=2026, month=3, day=2))
TEAMS = {"ops": "Operations", "eng": "Engineering"}
PLAIN = Touched("desk", "1", "T-1", "", MIDNIGHT, (), (("team", "sd", "ops"),), (), None, (), (), 0)


def paged(hour: int) -> Touched:
    return replace(PLAIN, told=(Told(NoticeKind.PAGE, "duty", ("bob@example.com",), MIDNIGHT + hour * HOUR),))


def planned(*later: Touched, platform: str = "zendesk", **found: Any) -> Planned:
    """A plan that touches these tickets within a day; the organisation is in Amsterdam, and Operations are three people."""
    directory = Directory(TEAMS, {}, members={"ops": frozenset({"a", "b", "c"})})
    made = Found(later=list(later), **found)
    book = Rulebook(Organisation(time_zone="Europe/Amsterdam"), (), "2")
    return Planned(
        Base("1", "", ""),
        "2",
        Texts({}, {}),
        book,
        Comparison(),
        {"desk": directory},
        {"desk": platform},
        {"desk": MIDNIGHT},
        MIDNIGHT,
        {},
        made,
    )


def test_load_is_told_beside_an_average_day() -> None:
    """Two tickets for a team that seven reach in a week are twice its day; of a team that none reaches nothing is compared."""
    found = planned(PLAIN, PLAIN, replace(PLAIN, changes=(("team", "ops", "eng"),)))
    found.found.arrivals["desk", "ops"] = 7
    assert [(team.name, team.number, team.share) for team in summary(found).teams] == [
        ("Operations", 2, 2.0),
        ("Engineering", 1, None),
    ]


def test_pages_at_night_are_counted_where_people_live() -> None:
    """Half past ten at night in Amsterdam is night, though it is not yet ten in UTC; seven in the morning is day."""
    (person,) = summary(planned(paged(20), paged(21), paged(5), paged(6), paged(12))).paged
    assert (person.name, person.number, person.at_night) == ("bob@example.com", 5, 2)
    assert person.hours == (6, 7, 13, 21, 22)


def test_nobody_is_paged_before_the_turn_of_a_ticket_comes() -> None:
    """Three tickets at one an hour, planned at eight in the evening: the third one pages at ten, which is night."""
    firing = Firing("r", 0, 0, 1, (), 1)
    writes = [replace(paged(19), at=MIDNIGHT + 19 * HOUR, key=key, firings=(firing,)) for key in ("T-1", "T-2", "T-3")]
    (person,) = summary(planned(now=writes)).paged
    assert (person.hours, person.at_night) == ((20, 21, 22), 1)


def test_mails_of_helpdesks_are_counted_at_the_least() -> None:
    """A group that gets a ticket is mailed person by person in Zendesk; Jira mails once for the fields, once for the note."""
    note = replace(PLAIN, note="Moved.")
    assert [mails.number for mails in summary(planned(PLAIN, note)).mails] == [3 + 3 + 1]
    assert [mails.number for mails in summary(planned(PLAIN, note, platform="jira")).mails] == [1 + 2]
    assert summary(planned(PLAIN, platform="memory")).mails == ()


def test_clocks_that_a_new_priority_sets_anew_are_named() -> None:
    """Each ticket once, whatever is written to it; of confidential ones nothing is named."""
    raised = replace(PLAIN, changes=(("priority", "p2", "p1"),), targets=(RunningTarget("Time to resolution", 300),))
    hidden = replace(raised, key="T-2", confidential=True)
    found = summary(planned(raised, replace(raised, at=MIDNIGHT + MINUTE), hidden))
    assert (found.clocks, found.hidden) == ((Jump("desk", "T-1", "Time to resolution", None),), 1)


def test_a_clock_is_missed_at_once_where_it_has_run_for_longer_than_the_priority_allows() -> None:
    """Most targets of the new priority last four hours; one that has run for five is missed, one of three is not."""
    early, late = (
        replace(PLAIN, key=key, changes=(("priority", "p2", "p1"),), targets=(RunningTarget("Time to resolution", minutes),))
        for key, minutes in (("T-1", 180), ("T-2", 300))
    )
    found = planned(early, late)
    found.found.lengths.update({("desk", "Time to resolution", "p1", 240): 5, ("desk", "Time to resolution", "p1", 600): 1})
    assert [(jump.key, jump.missed) for jump in summary(found).clocks] == [("T-2", True), ("T-1", False)]


def test_what_is_not_possible_is_counted_by_its_reason() -> None:
    """A tier that was passed over a hundred times is one line."""
    found = summary(planned(*[replace(PLAIN, findings=("eng has no team in this source",))] * 3))
    assert found.findings == (("eng has no team in this source", 3),)
