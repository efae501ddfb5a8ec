"""Conditions on attention, targets, stays, hours, ends and counts, told as stories of single tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from rules.binding import bind
from rules.calendars import calendar
from rules.conditions.of_ticket import InTurn
from rules.conditions.times import AHEAD
from rules.conditions.tree import thresholds
from rules.engine import Evaluation, evaluate
from rules.instants import DAY, FOREVER, HOUR, MINUTE, Instant, instant
from rules.intervals import contains
from rules.protocol.conditions import (
    Acknowledged,
    All,
    Amount,
    AnyOf,
    Clock,
    Condition,
    Count,
    Counted,
    Ever,
    FirstReply,
    Held,
    Hours,
    InWindow,
    Not,
    OneOf,
    Silent,
    State,
    Target,
    Unchanged,
    Until,
)
from rules.protocol.durations import CALENDAR_OF_TEAM, CALENDAR_OF_TIER, Duration
from rules.protocol.organisation import CalendarHours, Chain, Organisation, Team, Tier
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, World

SOURCE: Final = "desk"
ANNA: Final = Actor("anna", Kind.STAFF)
BERT: Final = Actor("bert", Kind.STAFF)
RUTH: Final = Actor("ruth", Kind.REQUESTER)
HOIST: Final = Actor("hoist", Kind.HOIST)
PLATFORM: Final = Actor("platform", Kind.AUTOMATION)

MONDAY: Final = instant(datetime(2026, 11, 2, tzinfo=UTC))
OFFICE: Final = CalendarHours("office", "UTC", dict.fromkeys(range(5), ((9 * 60, 17 * 60),)))
NIGHT: Final = CalendarHours("night", "UTC", dict.fromkeys(range(7), ((22 * 60, 6 * 60),)))
WORLD: Final = World(
    {"office": calendar(OFFICE), "night": calendar(NIGHT), "always": calendar(CalendarHours("always", always=True))},
    windows={"repairs": [MONDAY + 12 * HOUR, MONDAY + 14 * HOUR]},
)
ORGANISATION: Final = Organisation(
    teams={
        "desk": Team("desk", {SOURCE: ("A",)}, calendar="office"),
        "ops": Team("ops", {SOURCE: ("B",)}, calendar="night"),
        "others": Team("others", {SOURCE: ("C",)}, calendar="night"),
    },
    chains={"line": Chain("line", (Tier("desk"), Tier("ops")))},
    calendar="office",
)
OPEN: Final = State("status", OneOf(("open",)))
UNOWNED: Final = State("assignee", OneOf((None,)))

Done = tuple[Instant, str, Value, Actor]
"""When, which field, its new value, by whom. Changes of one instant are one save."""


def at(hours: float, day: int = 0) -> Instant:
    """So many hours after Monday's midnight, or that of a day so many days later."""
    return MONDAY + day * DAY + int(hours * HOUR)


def minutes(number: int) -> Duration:
    return Duration(number * MINUTE)


def ticket(
    *done: Done, messages: tuple[tuple[Instant, Actor, bool], ...] = (), created: Instant = MONDAY, **first: Value
) -> Ticket:
    """A ticket with these first values; `a__b` stands for the field `a.b`."""
    fields: dict[str, Value] = {"status": "open", "team": "A", "assignee": None, "requester": "ruth"}
    fields |= {name.replace("__", "."): value for name, value in first.items()}
    changes = []
    for number, (when, field, value, by) in enumerate(done):
        changes.append(Change(when, when, number, str(when), field, fields.get(field), value, by))
        fields[field] = value
    written = tuple(Message(when, when, str(n), by, public) for n, (when, by, public) in enumerate(messages))
    known = max([created, *(change.at for change in changes), *(message.at for message in written)])
    return Ticket(TicketRef(SOURCE, "1"), "SD-1", "", "", created, known, fields, tuple(changes), written)


def judged(one: Ticket, condition: Condition, members: Mapping[str, frozenset[str]] | None = None) -> Evaluation:
    directory = Directory({"A": "Desk", "B": "Ops", "C": "Others"}, {}, members=members)
    rule = Rule("rule", "It waits", condition, ())
    return evaluate(timeline(one), bind(Rulebook(ORGANISATION, (rule,), "1"), SOURCE, directory, WORLD), one.known)


def starts(one: Ticket, condition: Condition) -> list[Instant]:
    """When each episode fires."""
    return [episode.start for episode in judged(one, condition).episodes]


def surely(one: Ticket, condition: Condition, members: Mapping[str, frozenset[str]] | None = None) -> list[Instant]:
    return judged(one, condition, members).surely("rule")


# --- F7: hoist does not feed itself ------------------------------------------------------------------------------------


MISSED: Final = Target("reply")
NEAR: Final = Target("reply", Duration(HOUR))


def test_a_target_that_hoists_own_write_moved_into_the_past_begins_nothing() -> None:
    """F7: hoist raises the priority, the platform moves the target into the past: nobody is told that it was missed."""
    raised = (at(13), "priority", "2", HOIST)
    moved = ticket(raised, (at(13), "target.reply", at(12), PLATFORM), target__reply=at(14), priority="3")
    assert surely(moved, MISSED) == [at(14), FOREVER], "what was promised before still holds"
    later = ticket(raised, (at(13) + MINUTE, "target.reply", at(12), PLATFORM), target__reply=at(14), priority="3")
    assert surely(later, MISSED) == [at(14), FOREVER], "the platform took a minute"
    begun = ticket(raised, (at(13), "target.reply", at(12), PLATFORM), target__reply=None, priority="3")
    assert surely(begun, MISSED) == [], "there was no promise, and the one that hoist brought was broken by then"


def test_a_target_counts_again_once_a_person_or_the_platform_has_moved_it() -> None:
    """F7: after hoist's write a person changes the ticket and its target moves: that is nobody's echo."""
    one = ticket(
        (at(13), "priority", "2", HOIST),
        (at(13), "target.reply", at(12), PLATFORM),
        (at(13.5), "priority", "1", ANNA),
        (at(13.5), "target.reply", at(11), PLATFORM),
        target__reply=at(14),
        priority="3",
    )
    assert surely(one, MISSED) == [at(13.5), FOREVER]


def test_a_target_has_one_episode_however_often_its_platform_moves_it() -> None:
    """F1: a pause and a new priority move a target within its cycle; it is told once that it is near."""
    moves = [(at(10 + n), "target.reply", None if n % 2 else at(12 + n), ANNA) for n in range(1, 5)]
    again = (at(16), "target.reply.start", at(15), ANNA), (at(16), "target.reply", at(16.5), ANNA)
    one = ticket(*moves, *again, created=at(9), target__reply=at(10.5), target__reply__start=at(9))
    assert [episode.anchor for episode in judged(one, NEAR).episodes] == [at(9), at(15)]


def test_a_share_of_a_target_is_counted_from_the_start_of_its_cycle() -> None:
    """Three quarters of four hours are used up after three; on office hours the night in between does not count."""
    plain = ticket(target__reply=at(14), target__reply__start=at(10), created=at(10))
    assert surely(plain, Target("reply", percent=75)) == [at(13), FOREVER]
    over_night = ticket(target__reply=at(11, 1), target__reply__start=at(15), created=at(15))
    assert surely(over_night, Target("reply", percent=50, calendar="office")) == [at(17), FOREVER]


def test_time_with_the_present_team_counts_from_hoists_hand_over_as_well() -> None:
    """F7: states are facts whoever made them; the team that hoist gave the ticket has it since then."""
    one = ticket((at(10), "team", "B", HOIST))
    assert surely(one, Unchanged("team", minutes(30))) == [at(0.5), at(10), at(10.5), FOREVER]


def test_a_bounce_that_undoes_hoist_is_not_handed_back() -> None:
    """F7: a person puts back what hoist did: that is an override, while giving it back to the team that gave it is a bounce."""
    back = Count(Counted.HANDED_BACK, 1)
    assert starts(ticket((at(1), "team", "B", HOIST), (at(2), "team", "A", ANNA)), back) == []
    assert starts(ticket((at(1), "team", "B", BERT), (at(2), "team", "A", ANNA)), back) == [at(2)]
    assert starts(ticket((at(1), "team", "B", BERT), (at(2), "team", "C", ANNA), (at(3), "team", "A", ANNA)), back) == []


# --- attention ---------------------------------------------------------------------------------------------------------

MEMBERS: Final = {"A": frozenset({"anna"}), "B": frozenset({"bert"})}


def test_only_the_team_that_has_the_ticket_acknowledges_it() -> None:
    """A touch by somebody of the former team, or by hoist, is no acknowledgement; an internal note by the new one is."""
    one = ticket(
        (at(1), "team", "B", ANNA),
        (at(2), "labels", ("x",), ANNA),
        (at(3), "labels", ("x", "y"), HOIST),
        messages=((at(4), BERT, False),),
    )
    assert surely(one, Acknowledged(), MEMBERS) == [at(4), FOREVER]
    assert contains(surely(one, Not(Acknowledged()), MEMBERS), at(3.5))


def test_hoist_never_acknowledges_whoever_is_in_the_team() -> None:
    """F7: what hoist wrote is no touch, where nobody knows the teams, and where its account is one of the team's as well."""
    one = ticket((at(1), "team", "B", ANNA), (at(2), "labels", ("x",), HOIST), messages=((at(3), HOIST, True),))
    assert surely(one, Acknowledged()) == []
    assert surely(one, Acknowledged(), {**MEMBERS, "B": frozenset({"bert", "hoist"})}) == []
    assert surely(one, FirstReply()) == []


def test_a_new_hand_over_asks_for_a_new_acknowledgement() -> None:
    """What the former team did says nothing of the present one."""
    one = ticket((at(2), "team", "B", ANNA), messages=((at(1), ANNA, False), (at(3), BERT, True)))
    assert surely(one, Acknowledged(), MEMBERS) == [at(1), at(2), at(3), FOREVER]


def test_without_knowledge_of_the_teams_anybody_acknowledges_but_who_handed_it_over() -> None:
    """The dispatcher's next note is no sign of the new team, unless the dispatcher takes the ticket."""
    dispatched = ticket((at(1), "team", "B", ANNA), (at(2), "labels", ("x",), ANNA), (at(3), "labels", (), BERT))
    assert surely(dispatched, Acknowledged()) == [at(3), FOREVER]
    taken = ticket((at(1), "team", "B", ANNA), (at(2), "assignee", "anna", ANNA))
    assert surely(taken, Acknowledged()) == [at(2), FOREVER]


def test_a_team_of_which_nobody_is_known_may_have_acknowledged() -> None:
    """Where the source leaves a team out, a touch is neither an acknowledgement for sure nor surely none, be it the hand-over."""
    one = ticket((at(1), "team", "C", ANNA), (at(2), "labels", ("x",), BERT))
    assert surely(one, Acknowledged(), MEMBERS) == []
    assert surely(one, Not(Acknowledged()), MEMBERS) == [MONDAY, at(1)]


def test_an_acknowledgement_can_expire() -> None:
    """Who took the ticket and then let it lie has taken it no longer."""
    one = ticket(messages=((at(1), ANNA, False), (at(1.5), ANNA, False)))
    assert surely(one, Acknowledged(Duration(HOUR)), MEMBERS) == [at(1), at(2.5)]


def test_a_first_reply_is_one_that_the_requester_can_read() -> None:
    """An internal note is no reply; the first public message is, and stays it."""
    one = ticket(messages=((at(1), ANNA, False), (at(2), PLATFORM, True), (at(3), ANNA, True)))
    assert surely(one, FirstReply()) == [at(3), FOREVER]


# --- hours and windows ---------------------------------------------------------------------------------------------------


def test_hours_of_the_day_begin_no_episode_of_their_own() -> None:
    """F14: a ticket that has been without an owner for an hour is acted on once, not each morning anew."""
    condition = All((Held(All((OPEN, UNOWNED)), Duration(HOUR)), Hours("office")))
    found = judged(ticket(created=at(20)), condition).episodes
    assert [(one.anchor, one.start) for one in found] == [(at(20), at(9, 1))]


def test_an_exception_that_flickers_begins_no_episode() -> None:
    """F1: nobody owns it for an hour, and a label that keeps the rule away comes and goes: one episode, from one anchor."""
    labels = [(at(2 + n), "labels", () if n % 2 else ("frozen",), ANNA) for n in range(4)]
    condition = All((Held(UNOWNED, Duration(HOUR)), Not(State("labels", OneOf(("frozen",))))))
    found = judged(ticket(*labels, labels=()), condition).episodes
    assert [(one.anchor, one.stretches) for one in found] == [(MONDAY, ((at(1), at(2)), (at(3), at(4)), (at(5), FOREVER)))]


def test_hours_further_ahead_than_they_are_told_may_hold() -> None:
    """Beyond more than a year nothing is sure of the hours, open or closed."""
    far = MONDAY + AHEAD + 10 * DAY + 12 * HOUR
    for condition in (Hours("office"), Hours("office", outside=True)):
        evaluation = judged(ticket(), condition)
        assert evaluation.truth(condition, far) is None
        assert evaluation.truth(condition, at(12)) is not None


def test_times_of_day_on_some_days_follow_the_zone() -> None:
    """From ten at night to six, Friday's shift ends on Saturday morning, in Amsterdam's time."""
    shift = Hours(days=(4,), start=22 * 60, end=6 * 60, time_zone="Europe/Amsterdam")
    assert surely(ticket(), shift)[:2] == [at(21, 4), at(5, 5)]


def test_a_window_breaks_what_must_last() -> None:
    """Time inside a window that a rule excepts does not count."""
    condition = Held(All((OPEN, Not(InWindow("repairs")))), Duration(3 * HOUR))
    assert starts(ticket(created=at(11)), condition) == [at(17)]


# --- ends ----------------------------------------------------------------------------------------------------------------


def test_what_ended_an_episode_ends_it_for_good() -> None:
    """F1: once somebody took over, the gate may close and open: nothing more comes of that episode, only of the next one."""
    label = State("labels", OneOf(("taken",)))
    condition = Until(All((Silent(Duration(HOUR)), OPEN)), label)
    first = [(at(2), "labels", ("taken",), PLATFORM), (at(3), "labels", (), PLATFORM)]
    flicker = [(at(4), "status", "pending", PLATFORM), (at(5), "status", "open", PLATFORM)]
    one = ticket(*first, *flicker, (at(6), "labels", ("seen",), ANNA), labels=())
    assert surely(one, condition) == [at(1), at(2), at(7), FOREVER]


def test_what_was_once_so_is_never_over() -> None:
    """A statutory clock goes on when the ticket is resolved; a ticket has one, whenever it turns out to have begun."""
    condition = Held(Ever(State("labels", OneOf(("breach",)))), Duration(72 * HOUR))
    one = ticket(
        (at(1), "labels", ("breach",), ANNA), (at(2), "labels", (), ANNA), (at(3), "status", "resolved", ANNA), labels=()
    )
    assert [(e.anchor, e.start, e.end) for e in judged(one, condition).episodes] == [(at(0), at(73), FOREVER)]


# --- F11, F17: events see every step ---------------------------------------------------------------------------------------


def test_a_stop_of_no_length_stops_a_clock() -> None:
    """F11: resolved and opened again within one instant: the clock stands, for it was resolved."""
    resolved = State("status", OneOf(("resolved",)))
    saves = [
        Change(at(1), at(1), n, str(n), "status", *move, ANNA)
        for n, move in enumerate((("open", "resolved"), ("resolved", "open")))
    ]
    whole = ticket()
    one = Ticket(whole.ref, "SD-1", "", "", MONDAY, at(1), whole.fields, tuple(saves))
    assert surely(one, Clock(OPEN, Duration(2 * HOUR), stop=resolved)) == []
    assert surely(one, Clock(OPEN, Duration(2 * HOUR), reset=OPEN, stop=resolved)) == [at(3), FOREVER]


def test_a_teams_own_clock_begins_with_each_hand_over() -> None:
    """The team that has it is measured, not the ticket; to nobody and back is no hand-over."""
    one = ticket(
        (at(1), "team", "B", ANNA), (at(2), "team", None, ANNA), (at(2.5), "team", "B", ANNA), (at(5), "team", "C", HOIST)
    )
    found = judged(one, Clock(OPEN, Duration(2 * HOUR), of_team=True)).episodes
    assert [(episode.anchor, episode.start, episode.end) for episode in found] == [
        (at(1), at(3), at(5)),
        (at(5), at(7), FOREVER),
    ]


def test_down_to_the_first_line_counts_from_higher_tiers_alone() -> None:
    """F17: from operations to the desk is down; from a team outside the chain it is not."""
    condition = Count(Counted.BACK_TO_FIRST_LINE, 1, chain="line")
    assert starts(ticket((at(1), "team", "A", ANNA), team="B"), condition) == [at(1)]
    assert starts(ticket((at(1), "team", "A", ANNA), team="C"), condition) == []


def test_each_further_event_begins_anew_where_a_rule_asks_for_it() -> None:
    """F1: the third and fourth bounce are told as well; without `again` the second alone is."""
    moves = [(at(hour), "team", "AB"[hour % 2], ANNA) for hour in range(1, 6)]
    assert starts(ticket(*moves), Count(Counted.RETURNED, 2)) == [at(3)]
    assert starts(ticket(*moves), Count(Counted.RETURNED, 2, again=True)) == [at(3), at(4), at(5)]


# --- thanks ----------------------------------------------------------------------------------------------------------------


def thanked(*, thanks: bool, later: float = 0) -> Ticket:
    """Resolved at one, written to by Ruth at two, and opened again by that, so much later."""
    back = [(at(1), "status", "resolved", ANNA), (at(2 + later), "status", "open", PLATFORM)]
    whole = ticket(*back, messages=((at(0.5), ANNA, True), (at(2), RUTH, True), (at(3), RUTH, True)))
    return replace(whole, messages=tuple(replace(m, thanks=thanks) if m.at == at(2) else m for m in whole.messages))


@pytest.mark.parametrize("event", [Counted.REOPENED, Counted.CAME_BACK])
def test_what_only_a_thank_you_opened_again_did_not_come_back(event: Counted) -> None:
    """Thanks for the solution count where a rule does not leave them out; a question counts in any case."""
    for ignored in (True, False):
        condition = Count(event, 1, by_anyone=True, ignore_thanks=ignored)
        assert starts(thanked(thanks=False), condition) == [at(2)]
        assert starts(thanked(thanks=True), condition) == ([] if ignored else [at(2)])
    late = Count(event, 1, by_anyone=True, ignore_thanks=True)
    assert starts(thanked(thanks=True, later=0.5), late) == [at(2.5)], "half an hour later it was not the message"


@pytest.mark.parametrize("event", [Counted.REQUESTER_WROTE, Counted.REQUESTER_CHASED])
def test_a_thank_you_is_no_chasing(event: Counted) -> None:
    """Answered, thanked, and asked again: the thanks are no message to which the question is a second one."""
    first = at(2) if event is Counted.REQUESTER_WROTE else at(3)
    assert starts(thanked(thanks=False), Count(event, 1)) == [first]
    assert starts(thanked(thanks=True), Count(event, 1)) == [first]
    ignoring = Count(event, 1, ignore_thanks=True)
    assert starts(thanked(thanks=False), ignoring) == [first]
    assert starts(thanked(thanks=True), ignoring) == ([at(3)] if event is Counted.REQUESTER_WROTE else [])


# --- F33: whose hours count ------------------------------------------------------------------------------------------------


def test_each_stretch_counts_on_the_hours_of_the_team_that_had_the_ticket_then() -> None:
    """F33: handed over at four in the afternoon after two hours of the day shift, the third hour is the night shift's."""
    one = ticket((at(16), "team", "B", ANNA), created=at(14))
    assert starts(one, Held(OPEN, Duration(3 * HOUR, calendar=CALENDAR_OF_TEAM))) == [at(23)]


def test_a_team_that_is_no_tier_has_the_usual_hours_on_the_calendar_of_the_tier() -> None:
    """F33: the calendar of the tier is that of a chain's team; any other works on the calendar of `defaults`."""
    assert starts(ticket(team="C", created=at(10)), Held(OPEN, Duration(HOUR, calendar=CALENDAR_OF_TIER))) == [at(11)]
    assert starts(ticket(team="C", created=at(10)), Held(OPEN, Duration(HOUR, calendar=CALENDAR_OF_TEAM))) == [at(23)]


def test_where_nobody_knows_who_had_the_ticket_the_hours_are_not_known_either() -> None:
    """F4, F33: a rule does not fire on hours that may not have been worked, and says that it may hold."""
    whole = ticket(created=at(10))
    fields = {name: value for name, value in whole.fields.items() if name != "team"}
    condition = Held(OPEN, Duration(HOUR, calendar=CALENDAR_OF_TEAM))
    evaluation = judged(Ticket(whole.ref, "SD-1", "", "", at(10), at(10), fields), condition)
    assert evaluation.surely("rule") == []
    assert evaluation.may("rule") == [at(11), FOREVER]


def test_calendars_that_take_turns_count_as_one_where_they_are_alike() -> None:
    """Cut into turns of the same calendar at any instant, its hours and days come out the same."""
    office = WORLD.calendars["office"]
    cut = InTurn([0, at(13), at(3, 2)], [office, office, office])
    for hour in range(0, 100, 7):
        assert cut.between(at(0), at(hour)) == office.between(at(0), at(hour))
        assert cut.open_intervals(at(hour), at(120)) == office.open_intervals(at(hour), at(120))
        for days in range(4):
            duration = Duration(90 * MINUTE, days)
            assert cut.after(at(hour), duration) == office.after(at(hour), duration)
        assert cut.next_opening(at(hour)) == office.next_opening(at(hour))
        assert cut.next_closing(at(hour)) == office.next_closing(at(hour))
        assert cut.is_open(at(hour)) is office.is_open(at(hour))


def test_each_calendar_is_open_in_its_own_turn() -> None:
    """F33: the office until one, the nights from then on: in the afternoon nobody is there, late in the evening somebody is."""
    turns = InTurn([0, at(13)], [WORLD.calendars["office"], WORLD.calendars["night"]])
    assert [turns.is_open(at(hour)) for hour in (10, 14, 23)] == [True, False, True]
    assert turns.next_opening(at(14)) == at(22)
    assert turns.next_closing(at(11)) == at(13)


def test_a_business_day_counts_on_the_hours_of_who_had_the_ticket_when_it_began() -> None:
    """F33: Friday noon with the desk, handed to a team of every night on Saturday: Monday noon, then one night shift on."""
    turns = InTurn([0, at(12, 5)], [WORLD.calendars["office"], WORLD.calendars["night"]])
    assert turns.add_days(at(12, 4), 1) == at(12, 7)
    assert turns.add_days(at(12, 4), 2) == WORLD.calendars["night"].add_days(at(12, 7), 1)


# --- numbers ---------------------------------------------------------------------------------------------------------------


def test_a_rule_names_the_numbers_at_which_it_must_look_again() -> None:
    """F13: between the thresholds of all its parts a number may change without a ticket being looked at."""
    condition = AnyOf((Held(State("related.service", Amount(5)), Duration()), State("queue", Amount(at_most=40))))
    assert thresholds(condition) == {"related.service": frozenset({5}), "queue": frozenset({41})}


def test_related_tickets_are_a_build_up_and_a_queue_is_a_gate() -> None:
    """F1, F13: the instant at which there were so many is what an episode grew from; a queue only lets it through."""
    one = ticket((at(1), "related.service", 5, PLATFORM), (at(2), "queue", 41, PLATFORM), related__service=1, queue=3)
    condition = All((Held(State("related.service", Amount(5)), Duration()), State("queue", Amount(41))))
    assert [(episode.anchor, episode.start) for episode in judged(one, condition).episodes] == [(at(1), at(2))]
