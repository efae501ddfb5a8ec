"""Stories of a service desk: Anna answers the phone, Bert runs the network, Ruth waits for her ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from rules.binding import BoundRules, bind
from rules.calendars import ALWAYS, calendar
from rules.engine import Episode, Evaluation, evaluate
from rules.instants import FOREVER, HOUR, MINUTE, SECOND, Instant, instant
from rules.protocol.conditions import All, Clock, Condition, Count, Counted, Held, Not, OneOf, Silent, State, Unanswered
from rules.protocol.durations import Duration
from rules.protocol.organisation import CalendarHours, Chain, Organisation, Team, Tier
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook
from rules.ticket import UNKNOWN, Actor, Change, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, World

SOURCE = "desk"
ANNA = Actor("anna", Kind.STAFF)
BERT = Actor("bert", Kind.STAFF)
RUTH = Actor("ruth", Kind.REQUESTER)
HOIST = Actor("hoist", Kind.HOIST)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
CALENDARS = {
    "always": ALWAYS,
    "office": calendar(CalendarHours("office", "Europe/Amsterdam", dict.fromkeys(range(5), ((9 * 60, 17 * 60 + 30),)))),
}
ORGANISATION = Organisation(
    teams={name: Team(name, {SOURCE: (name,)}) for name in ("desk", "network", "vendor")},
    chains={"network": Chain("network", (Tier("desk"), Tier("network")))},
)
OPEN = State("status", OneOf(("new", "open")))
UNOWNED = State("assignee", OneOf((None,)))


def at(day: int, hour: int, minute: int = 0) -> Instant:
    """A local time of November 2026 in Amsterdam; the 2nd is a Monday."""
    return instant(datetime(2026, 11, day, hour, minute, tzinfo=AMSTERDAM))


def rules(**conditions: Condition) -> BoundRules:
    book = Rulebook(ORGANISATION, tuple(Rule(name, name, condition, ()) for name, condition in conditions.items()), "1")
    directory = Directory({name: name for name in ORGANISATION.teams}, {})
    return bind(book, SOURCE, directory, World(CALENDARS))


Told = tuple[Instant, Actor, Mapping[str, Value]]


def ticket(created: Instant, first: Mapping[str, Value], *told: Told, messages: tuple[Message, ...] = ()) -> Ticket:
    """A ticket as it was told: what it began with, and each save since."""
    fields = dict(first)
    changes = []
    for save, (when, by, news) in enumerate(told):
        for field, new in news.items():
            changes.append(Change(when, when, save, str(save), field, fields[field], new, by))
            fields[field] = new
    known = max([created, *(when for when, _, _ in told)]) + SECOND
    return Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", created, known, fields, tuple(changes), messages)


def judged(one: Ticket, **conditions: Condition) -> Evaluation:
    return evaluate(timeline(one), rules(**conditions), one.created)


def fired(one: Ticket, condition: Condition) -> list[Instant]:
    return [episode.start for episode in judged(one, rule=condition).episodes]


def test_a_full_clock_fires_once_however_often_the_ticket_waits_in_between() -> None:
    """F1: waiting for the requester and coming back is not being late a second time."""
    clock = All((Clock(OPEN, Duration(8 * HOUR, calendar="office")), OPEN))
    one = ticket(
        at(2, 9),
        {"status": "open"},
        (at(3, 9), ANNA, {"status": "pending"}),
        (at(3, 11), RUTH, {"status": "open"}),
        (at(4, 9), ANNA, {"status": "pending"}),
        (at(4, 11), RUTH, {"status": "open"}),
    )
    stretches = ((at(2, 17), at(3, 9)), (at(3, 11), at(4, 9)), (at(4, 11), FOREVER))
    assert judged(one, rule=clock).episodes == (Episode("rule", at(2, 9), stretches),)


def test_a_ticket_that_came_back_twice_is_one_episode_for_good() -> None:
    """F1: the second return fires; a third one changes nothing unless a rule counts to three."""
    moves = [(at(2, 10 + n), ANNA, {"team": "network" if n % 2 == 0 else "desk"}) for n in range(6)]
    one = ticket(at(2, 9), {"team": "desk"}, *moves)  # back at 11, 12, 13, 14 and 15 o'clock
    assert judged(one, rule=Count(Counted.RETURNED, 2)).episodes == (Episode("rule", at(2, 12), ((at(2, 12), FOREVER),)),)
    assert fired(one, Count(Counted.RETURNED, 4)) == [at(2, 14)]


def test_resolved_and_reopened_within_one_second_sets_the_clock_to_nought() -> None:
    """F11: a state that had no length was there all the same."""
    resolved = State("status", OneOf(("resolved",)))
    clock = Clock(OPEN, Duration(4 * HOUR), reset=resolved)
    reopened = at(2, 12)
    one = ticket(at(2, 9), {"status": "open"}, (reopened, ANNA, {"status": "resolved"}), (reopened, RUTH, {"status": "open"}))
    assert judged(one, rule=clock).episodes == (Episode("rule", reopened, ((at(2, 16), FOREVER),)),)
    assert fired(one, Count(Counted.REOPENED, 1)) == [reopened]


def test_what_one_save_changes_is_changed_at_once() -> None:
    """F11: handing on and taking a ticket in one save never leaves it without an owner in between."""
    one = ticket(
        at(2, 9),
        {"status": "resolved", "assignee": "anna"},
        (at(2, 10), ANNA, {"status": "open", "assignee": None}),
        (at(2, 10), BERT, {"assignee": "bert"}),
    )
    both = All((OPEN, UNOWNED))
    assert fired(one, Clock(OPEN, Duration(HOUR), reset=both)) == [at(2, 11)]
    assert fired(one, Clock(OPEN, Duration(HOUR), reset=All((State("status", OneOf(("resolved",))), UNOWNED)))) == [at(2, 11)]
    assert fired(one, both) == []


def test_a_budget_spent_at_closing_is_due_at_closing() -> None:
    """F11: from Friday five o'clock, thirty business minutes are over at half past five, not on Monday morning."""
    one = ticket(at(6, 17), {"status": "open"})
    half_an_hour = Duration(30 * MINUTE, calendar="office")
    assert fired(one, Held(OPEN, half_an_hour)) == [at(6, 17, 30)]
    assert fired(one, Clock(OPEN, half_an_hour)) == [at(6, 17, 30)]
    assert fired(one, Held(OPEN, Duration(31 * MINUTE, calendar="office"))) == [at(9, 9, 1)]


def test_a_clock_that_fills_as_the_ticket_begins_to_wait_is_full() -> None:
    """F11: the instant that ends the last running stretch still belongs to the sum."""
    one = ticket(at(2, 9), {"status": "open"}, (at(2, 11), ANNA, {"status": "pending"}), (at(2, 15), RUTH, {"status": "open"}))
    for calendar_name in (None, "always", "office"):
        assert fired(one, Clock(OPEN, Duration(2 * HOUR, calendar=calendar_name))) == [at(2, 11)]
        assert fired(one, Clock(OPEN, Duration(3 * HOUR, calendar=calendar_name))) == [at(2, 16)]


def test_a_clock_that_may_have_been_reset_counts_from_when_it_no_longer_may() -> None:
    """Until the past is known, time on the clock is not certain to be there."""
    fields = {"status": "open"}
    cut = Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", at(2, 9), at(3, 9), fields, complete_from=at(2, 12))
    clock = Clock(Not(UNOWNED), Duration(2 * HOUR), reset=State("status", OneOf(("resolved",))))
    owned = Ticket(cut.ref, cut.key, "", "", cut.created, cut.known, {**fields, "assignee": "anna"}, complete_from=at(2, 12))
    evaluation = judged(owned, rule=clock)
    assert (evaluation.surely("rule"), evaluation.may("rule")) == ([at(2, 14), FOREVER], [at(2, 11), FOREVER])
    assert judged(cut, rule=clock).surely("rule") == []


def test_a_reset_that_may_hide_within_an_instant_is_reckoned_with() -> None:
    """F11: a step is missing between two of one second: perhaps the ticket was resolved there, so only time since is certain."""
    open_, told = at(2, 9), at(2, 12)
    changes = (
        Change(told, told, 1, "1", "status", "open", "pending", ANNA),
        Change(told, told, 2, "2", "status", "on_hold", "open", ANNA),
    )
    one = Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", open_, at(2, 13), {"status": "open"}, changes)
    evaluation = judged(one, rule=Clock(OPEN, Duration(4 * HOUR), reset=State("status", OneOf(("resolved",)))))
    assert (evaluation.surely("rule"), evaluation.may("rule")) == ([at(2, 16), FOREVER], [at(2, 13), FOREVER])


def test_a_weekend_holds_no_business_time() -> None:
    """F11: what began and ended between closing and opening never lasted at all."""
    one = ticket(at(7, 10), {"status": "open"}, (at(8, 20), ANNA, {"status": "resolved"}))
    assert fired(one, Held(OPEN, Duration(MINUTE, calendar="office"))) == []


def test_history_that_is_missing_is_neither_true_nor_false() -> None:
    """F4: before the known past begins, `not assigned to nobody` is as unknown as `assigned to nobody`."""
    cut = Ticket(
        TicketRef(SOURCE, "7"), "SD-7", "", "", at(2, 9), at(3, 9), {"assignee": "anna"}, complete_from=at(2, 15)
    )  # fmt: skip
    evaluation = judged(cut, owned=Not(UNOWNED), unowned=UNOWNED)
    assert evaluation.surely("owned") == [at(2, 15), FOREVER]
    assert evaluation.may("owned") == [at(2, 9), FOREVER]
    assert evaluation.surely("unowned") == []
    assert evaluation.may("unowned") == [at(2, 9), at(2, 15)]
    absent = judged(Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", at(2, 9), at(3, 9), {}), rule=Not(UNOWNED))
    assert (absent.surely("rule"), absent.may("rule")) == ([], [at(2, 9), FOREVER])


def test_no_reply_is_not_believed_before_the_replies_were_read() -> None:
    """F4: a ticket whose messages are not there yet is not silent, and not unanswered either."""
    four_hours = Duration(4 * HOUR)
    cut = Ticket(TicketRef(SOURCE, "7"), "SD-7", "", "", at(2, 9), at(3, 9), {"status": "open"}, complete_from=at(3, 9))
    evaluation = judged(cut, silent=Silent(four_hours), unanswered=Unanswered(four_hours))
    assert evaluation.surely("silent") == [at(3, 13), FOREVER]
    assert evaluation.surely("unanswered") == []
    assert evaluation.may("unanswered") == [at(2, 13), FOREVER]


def test_a_value_that_changed_unseen_is_dated_to_when_it_was_seen() -> None:
    """F12: nobody's record tells when the owner went; hoist does not guess an earlier instant than its own read."""
    one = Ticket(
        TicketRef(SOURCE, "7"), "SD-7", "", "", at(2, 9), at(2, 15), {"assignee": None},
        (Change(at(2, 10), at(2, 10), 1, "1", "assignee", None, "anna", ANNA),),
    )  # fmt: skip
    evaluation = judged(one, rule=Held(UNOWNED, Duration(2 * HOUR)))
    assert evaluation.surely("rule") == [at(2, 17), FOREVER]
    assert evaluation.may("rule") == [at(2, 11), FOREVER]


def test_putting_back_what_hoist_did_is_no_bounce() -> None:
    """F7: a person who undoes an escalation is not counted as passing the ticket around."""
    start = {"team": "desk"}
    override = ticket(at(2, 9), start, (at(2, 10), HOIST, {"team": "network"}), (at(2, 11), ANNA, {"team": "desk"}))
    for counted in (Counted.REASSIGNED, Counted.RETURNED):
        assert fired(override, Count(counted, 1)) == []
    by_hand = ticket(at(2, 9), start, (at(2, 10), BERT, {"team": "network"}), (at(2, 11), ANNA, {"team": "desk"}))
    assert fired(by_hand, Count(Counted.RETURNED, 1)) == [at(2, 11)]
    assert fired(override, Count(Counted.REASSIGNED, 1, by_anyone=True)) == [at(2, 10)]


def test_an_automation_that_puts_back_what_hoist_did_is_an_event_of_its_own() -> None:
    """F7: only a person overrides; a trigger that works against hoist is counted where a rule counts anyone."""
    trigger = Actor("trigger", Kind.AUTOMATION)
    one = ticket(at(2, 9), {"team": "desk"}, (at(2, 10), HOIST, {"team": "network"}), (at(2, 11), trigger, {"team": "desk"}))
    assert fired(one, Count(Counted.RETURNED, 1, by_anyone=True)) == [at(2, 11)]
    assert fired(one, Count(Counted.RETURNED, 1)) == []


def test_hoists_own_moves_are_states_but_no_events() -> None:
    """F7: time with the present team counts from any hand-over; a bounce takes people."""
    one = ticket(at(2, 9), {"team": "desk"}, (at(2, 10), HOIST, {"team": "network"}))
    assert fired(one, Held(State("team", OneOf(("network",))), Duration(HOUR))) == [at(2, 11)]
    assert fired(one, Count(Counted.REASSIGNED, 1)) == []


def test_a_short_stop_on_the_way_is_no_bounce() -> None:
    """A ticket that only touched a team for five minutes went straight from the first to the third."""
    one = ticket(
        at(2, 9),
        {"team": "desk"},
        (at(2, 10), ANNA, {"team": "network"}),
        (at(2, 10, 5), BERT, {"team": "vendor"}),
        (at(2, 12), BERT, {"team": "network"}),
        (at(2, 12, 5), ANNA, {"team": "vendor"}),
    )
    minutes = Duration(10 * MINUTE)
    assert fired(one, Count(Counted.REASSIGNED, 1, ignore_stays_shorter_than=minutes)) == [at(2, 10, 15)]
    assert fired(one, Count(Counted.REASSIGNED, 2, ignore_stays_shorter_than=minutes)) == []
    assert fired(one, Count(Counted.RETURNED, 1, ignore_stays_shorter_than=minutes)) == []


def test_an_answered_ticket_is_not_unanswered_because_the_requester_is_silent() -> None:
    """F31: staff answered at ten; that Ruth says nothing since is silence of hers, not a debt of the desk's."""
    replies = (Message(at(2, 10), at(2, 10), "1", ANNA, public=True),)
    one = ticket(at(2, 9), {"status": "open"}, messages=replies)
    four_hours = Duration(4 * HOUR)
    assert fired(one, Unanswered(four_hours)) == []
    assert fired(one, Silent(four_hours, (Kind.STAFF,), replies_only=True)) == [at(2, 14)]
    assert fired(one, Unanswered(four_hours, waiting_for=Kind.REQUESTER)) == [at(2, 14)]


def test_an_internal_note_is_no_answer() -> None:
    """F31: what the requester can't read does not answer; touching the ticket does where a rule says so."""
    note = (Message(at(2, 10), at(2, 10), "1", ANNA, public=False),)
    one = ticket(at(2, 9), {"status": "open"}, messages=note)
    assert fired(one, Unanswered(Duration(4 * HOUR))) == [at(2, 13)]
    assert fired(one, Unanswered(Duration(4 * HOUR), touch_answers=True)) == []


def test_business_days_end_at_the_same_local_time() -> None:
    """Two business days from Thursday ten o'clock end on Monday at ten."""
    one = ticket(at(5, 10), {"status": "open"})
    assert fired(one, Held(OPEN, Duration(business_days=2, calendar="office"))) == [at(9, 10)]
    assert fired(one, Silent(Duration(business_days=2, calendar="office"))) == [at(9, 10)]


def test_nothing_holds_of_a_ticket_that_was_never_there() -> None:
    """A ticket that is gone the instant it was created has no episodes, and evaluating it is no error."""
    base = ticket(at(2, 9), {"status": "open"}, (at(2, 10), ANNA, {"status": "resolved"}))
    gone = Ticket(base.ref, base.key, "", "", base.created, base.known, base.fields, base.changes, gone=base.created)
    evaluation = judged(gone, state=OPEN, clock=Clock(OPEN, Duration(0)), silent=Silent(Duration(0)), never=Not(OPEN))
    assert (evaluation.episodes, evaluation.next_look) == ((), FOREVER)


def test_the_next_look_is_when_a_rule_could_fire_next() -> None:
    """F14: between two looks nothing can fire as long as the ticket stays as it is."""
    one = ticket(at(2, 9), {"status": "open", "assignee": None})
    bound = rules(soon=Held(UNOWNED, Duration(15 * MINUTE)), later=Held(OPEN, Duration(8 * HOUR)))
    assert evaluate(timeline(one), bound, at(2, 9)).next_look == at(2, 9, 15)
    assert evaluate(timeline(one), bound, at(2, 9, 15)).next_look == at(2, 17)
    assert evaluate(timeline(one), bound, at(2, 17)).next_look == FOREVER


def test_a_field_that_the_source_says_it_does_not_know_is_unknown() -> None:
    """F4: an unreadable field decides nothing."""
    one = ticket(at(2, 9), {"status": UNKNOWN})
    evaluation = judged(one, rule=Held(OPEN, Duration(HOUR)))
    assert (evaluation.surely("rule"), evaluation.may("rule")) == ([], [at(2, 10), FOREVER])
