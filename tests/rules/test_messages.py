"""Who is told, by whom they are meant at that instant, and what a sender needs to know: nothing of the ticket's text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rules.escalation import NoticeKind, ProviderRequest
from rules.instants import DAY, HOUR
from rules.merge import merge
from rules.protocol.actions import Arbiter, Assign, AtProvider, Comment, Digest, Escalate, Proposal, Propose, ProviderDeed, Tell
from rules.protocol.durations import CALENDAR_OF_TEAM, Duration
from rules.protocol.organisation import CalendarHours
from rules.recipients import Recipients
from rules.ticket import UNKNOWN, Ticket, Value
from tests.rules.merging import NOW, OFFICE, ORGANISATION, bound, due, merged, rule, said, ticket


def meant(who: str, one: Ticket | None = None, *, team: str | None = "service-desk", at: int = NOW) -> tuple[str, ...] | str:
    """The addresses, or why there are none."""
    found = Recipients(one or ticket(), bound(), team, at).meant(who)
    assert bool(found.addresses) != bool(found.missing)
    return found.addresses or found.missing


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("zoe@example.com", ("zoe@example.com",)),
        ("head-of-it", ("henk@example.com",)),
        ("duty-manager", ("dirk@example.com", "dora@example.com")),
        ("lead of network-ops", ("bob@example.com",)),
        ("lead of current team", ("anna@example.com",)),
        ("on_call of network-eng", ("erik@example.com",)),
        ("on_call of current team", "the organisation names no rota of service-desk"),
        ("lead of databases", "the organisation names no lead of databases"),
        ("on_call of nights", "nobody is on duty"),
        ("nobody-knows", "the rota of nobody-knows could not be read"),
        ("assignee", ("anna@example.com",)),
        ("manager of assignee", ("bert@example.com",)),
        ("manager of requester", "desk does not say who is manager of the requester"),
    ],
)
def test_words_mean_people_at_an_instant(who: str, expected: tuple[str, ...] | str) -> None:
    """A role, an address, whoever leads or is on call, and the people of the ticket; where nobody is meant, it says why."""
    assert meant(who, ticket(requester="zz")) == expected


def test_a_rota_means_other_people_later() -> None:
    """Who is on call is asked for the instant of the escalation, and a rota that ends says so."""
    assert meant("duty-manager", at=NOW + 2 * HOUR) == "nobody is on duty"
    assert meant("duty-manager", at=NOW + 30 * DAY) == "the rota does not reach that far"


def test_people_who_cannot_be_told_are_missed_with_a_reason() -> None:
    """No assignee, an unreadable one, one who has left, one without an address: each is said."""
    assert meant("assignee", ticket(assignee=None)) == "the ticket has no assignee"
    assert meant("assignee", ticket(assignee=UNKNOWN)) == "the ticket's assignee can't be read"
    assert meant("manager of assignee", ticket(assignee="bert")) == "the manager of the assignee has left"
    assert meant("assignee", ticket(assignee="ruth")) == "desk does not say the address of the assignee"
    assert meant("lead of current team", team=None) == "the ticket's team is none of the organisation's"


def test_a_notice_has_what_a_sender_needs() -> None:
    """Kind, recipient, reason and link; the ticket's words are not among them."""
    page = rule("loud", Tell("duty-manager", urgent=True, at_most_per_night=2))
    one = merged(ticket(subject="the pump is down", description="help"), page)
    (notice,) = one.notices
    assert (notice.kind, notice.to) == (NoticeKind.PAGE, "duty-manager")
    assert notice.addresses == ("dirk@example.com", "dora@example.com")
    assert (notice.reason, notice.key, notice.link) == ("Loud: the status is open.", "SD-7", "https://desk.example/7")
    assert (notice.send_at, notice.at_most_per_night) == (NOW, 2)
    assert "pump" not in repr(one)


def test_the_current_team_is_the_one_that_gets_the_ticket() -> None:
    """Whoever leads the team that now has it is told, not whoever led it before."""
    one = merged(ticket(), rule("climb", Escalate("network"), Tell("lead of current team")))
    assert one.notices[0].addresses == ("bob@example.com",)
    assert merged(ticket(), rule("stay", Tell("lead of current team"))).notices[0].addresses == ("anna@example.com",)


def test_a_person_who_is_not_found_is_a_finding() -> None:
    """The notice stays, without an address, and the note says that nobody could be found."""
    one = merged(ticket(), rule("night", Tell("on_call of nights")))
    assert one.notices[0].addresses == ()
    finding = "nobody could be found to tell: on call of nights, because nobody is on duty"
    assert one.findings == (finding,)
    assert f"Note: {finding}." in said(one)
    assert "To be told: on call of nights (nobody)." in said(one)


def test_a_digest_waits_for_the_next_opening() -> None:
    """The list goes out when work begins, at nine; in the middle of the day at once."""
    listed = rule("weekend", Digest("duty-manager", "Weekend hand-over"))
    (notice,) = merged(ticket(), listed).notices
    assert (notice.kind, notice.title, notice.send_at) == (NoticeKind.DIGEST, "Weekend hand-over", NOW + HOUR)
    later = NOW + 3 * HOUR
    assert merged(ticket(), listed, at=later).notices[0].send_at == later
    round_the_clock = merge(ticket(), [due(replace(listed, calendar=None))], bound(listed), NOW)
    assert round_the_clock.notices[0].send_at == NOW


def test_a_reminder_is_a_notice_of_its_own_kind() -> None:
    """A sender can tell somebody who owes an answer from somebody who should know."""
    assert merged(ticket(), rule("r", Tell("head-of-it", reminder=True))).notices[0].kind is NoticeKind.REMINDER


def test_an_arbiter_is_named_with_a_deadline_and_told() -> None:
    """Who decides, and by when, stands in the comment: within a business day, unless the rule says otherwise."""
    words = Comment("Between {teams}. {arbiter} decides who keeps it by {deadline}.")
    one = merged(ticket(), rule("ping-pong", Arbiter("lead of service-desk"), words))
    assert said(one)[1] == "Between (not known). lead of service-desk decides who keeps it by 2026-03-03 08:00 UTC."
    assert one.notices[0].reason == "Ping-pong: you decide which team keeps this ticket, by 2026-03-03 08:00 UTC."
    sooner = Arbiter("on_call of network-eng", Duration(2 * HOUR, calendar="office"))
    one = merged(ticket(), rule("ping-pong", sooner, words))
    assert said(one)[1].endswith("on call of network-eng decides who keeps it by 2026-03-02 11:00 UTC.")
    plain = merged(ticket(), rule("ping-pong", Arbiter("head-of-it", Duration(HOUR)), words))
    assert said(plain)[1].endswith("by 2026-03-02 09:00 UTC.")


def test_a_note_without_a_comment_says_who_decides_what() -> None:
    """To be told is not to be asked: the note of a rule that does nothing else says what is to be decided, and by when."""
    (line,) = [
        line for line in said(merged(ticket(), rule("ping-pong", Arbiter("head-of-it", Duration(HOUR))))) if "decide" in line
    ]
    assert line == "To decide which team keeps this ticket, by 2026-03-02 09:00 UTC: head-of-it (henk@example.com)."
    hidden = replace(rule("ping-pong", Arbiter("head-of-it", Duration(HOUR))), confidential=True)
    assert not any("decide" in line for line in said(merged(ticket(), hidden)))


def test_a_digest_and_an_arbiter_keep_the_hours_of_the_team_that_has_the_ticket() -> None:
    """The nights work office hours here, the desk round the clock; whose hours count is not known where the team is not."""
    words = Comment("Decided by {deadline}.")
    decides = Arbiter("head-of-it", Duration(2 * HOUR, calendar=CALENDAR_OF_TEAM))
    hand_over = replace(rule("hand-over", Digest("duty-manager", ""), decides, words), calendar=CALENDAR_OF_TEAM)
    expected: list[tuple[Value, int, str]] = [
        ("g4", NOW + HOUR, "2026-03-02 11:00 UTC"),
        ("g1", NOW, "2026-03-02 10:00 UTC"),
        (UNKNOWN, NOW, "(not known)"),
    ]
    for team, send_at, deadline in expected:
        one = merged(ticket(team=team), hand_over)
        assert one.notices[0].send_at == send_at
        assert said(one)[1] == f"Decided by {deadline}."
    in_a_day = merged(ticket(team="g4"), replace(rule("day", Arbiter("head-of-it"), words), calendar=CALENDAR_OF_TEAM))
    assert said(in_a_day)[1] == "Decided by 2026-03-03 08:00 UTC."


def test_times_in_a_note_are_those_of_the_team_that_reads_it() -> None:
    """Of the team that gets the ticket, or has it; where its calendar names no zone, the organisation's."""
    words = Comment("So since {since}. {arbiter} decides by {deadline}.")
    since, decides = NOW - 2 * HOUR, Arbiter("head-of-it", Duration(HOUR))
    hours = {"tokyo": replace(OFFICE, name="tokyo", time_zone="Asia/Tokyo"), "always": CalendarHours("always", always=True)}
    kept = {"network-ops": "tokyo", "service-desk": "tokyo", "network-eng": "always"}
    teams = {name: replace(team, calendar=kept.get(name, "")) for name, team in ORGANISATION.teams.items()}
    here = replace(ORGANISATION, time_zone="Europe/Amsterdam", calendars={**ORGANISATION.calendars, **hours}, teams=teams)
    expected: list[tuple[Value, str, str, str]] = [
        ("g1", "network-ops", "15:00 JST", "18:00 JST"),
        ("g2", "network-eng", "07:00 CET", "10:00 CET"),
        ("g2", "csirt", "07:00 CET", "10:00 CET"),
        ("g1", "", "15:00 JST", "18:00 JST"),
        (UNKNOWN, "", "07:00 CET", "10:00 CET"),
    ]
    for team, to, began, ends in expected:
        one = rule("moved", *([Assign(to)] if to else []), decides, words)
        step = replace(due(one), values={"since": since, "team": ""})
        found = merge(ticket(team=team), [step], replace(bound(one), organisation=here), NOW)
        assert said(found)[1] == f"So since 2026-03-02 {began}. head-of-it decides by 2026-03-02 {ends}."
        assert found.notices[0].reason.endswith(f"by 2026-03-02 {ends}.")


def test_what_hoist_does_not_do_itself_is_proposed() -> None:
    """A major incident, a parent, a case at a provider: data for whoever does it, and a line in the note."""
    chase = AtProvider(ProviderDeed.CHASE, "aws", "aws-chase")
    ask = AtProvider(ProviderDeed.ASK_SEVERITY, severity="one higher")
    one = merged(ticket(), rule("many", Propose(Proposal.PARENT), Propose(Proposal.MAJOR_INCIDENT), chase, ask))
    assert one.proposals == (Proposal.PARENT, Proposal.MAJOR_INCIDENT)
    assert one.at_provider == (
        ProviderRequest(ProviderDeed.CHASE, "aws", "aws-chase"),
        ProviderRequest(ProviderDeed.ASK_SEVERITY, severity="one higher"),
    )
    assert said(one)[2:-1] == [
        "Proposed: one parent ticket for the related ones.",
        "Proposed: handling this as a major incident.",
        "To be done at aws: chase the case with the text aws-chase.",
        "To be done at the provider: ask for another severity (one higher).",
    ]


def test_a_comment_is_in_the_language_of_the_team_that_gets_the_ticket() -> None:
    """Operations read Dutch, whatever its region; everybody else reads the first text."""
    words = Comment("Open for {held}.", (("en", "Open for {held}."), ("nl", "Al {held} open.")))
    assert said(merged(ticket(), rule("a", Assign("network-ops"), words)))[1] == "Al 2 hours open."
    assert said(merged(ticket(team="g2"), rule("a", words)))[1] == "Al 2 hours open."
    assert said(merged(ticket(), rule("a", words)))[1] == "Open for 2 hours."
    assert said(merged(ticket(team="g99"), rule("a", words)))[1] == "Open for 2 hours."
