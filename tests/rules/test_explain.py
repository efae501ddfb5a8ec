"""Why a ticket was escalated, or was not, in sentences."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest

from rules.binding import bind
from rules.engine import Evaluation, evaluate
from rules.explain import PLACEHOLDERS, because, fill, in_short, inert, reasons, unknown_placeholders, values_of
from rules.instants import DAY, FOREVER, HOUR, MINUTE, SECOND, Instant, instant, moment
from rules.phrases import length, phrase, stamp
from rules.protocol.actions import Escalate
from rules.protocol.conditions import (
    All,
    AnyOf,
    AnyWord,
    Clock,
    Condition,
    Count,
    Counted,
    Due,
    Held,
    Level,
    Matches,
    Not,
    OneOf,
    Silent,
    State,
    Unanswered,
)
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain as ChainOfTiers
from rules.protocol.organisation import Organisation, PriorityLevel, Team, Tier
from rules.protocol.rule import Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.ticket import Actor, Change, Kind, Ticket, TicketRef
from rules.timeline import timeline
from rules.world import Directory, World

T0: Instant = 1_352_102_400_000  # 2012-11-05 08:00 UTC, a Monday
ANNA = Actor("anna", Kind.STAFF)
OPEN = State("status", OneOf(("new", "open")))
UNOWNED = State("assignee", OneOf((None,)))
QUARTER = Duration(15 * MINUTE, text="15 minutes")


def story(condition: Condition, *, gone: Instant | None = None) -> tuple[Evaluation, Ticket]:
    """Opened at eight without an owner; Anna takes it at nine, hands it to the network team at ten."""
    changes = (
        Change(T0 + HOUR, T0 + HOUR, 1, "1", "assignee", None, "anna", ANNA),
        Change(T0 + 2 * HOUR, T0 + 2 * HOUR, 2, "2", "team", "g1", "g2", ANNA),
    )
    fields = {"status": "open", "assignee": "anna", "team": "g2", "priority": "1"}
    one = Ticket(TicketRef("desk", "7"), "SD-7", "", "", T0, T0 + 3 * HOUR, fields, changes, gone=gone)
    organisation = Organisation(
        priorities=(PriorityLevel("P1", {"desk": ("1",)}),),
        teams={"service-desk": Team("service-desk", {"desk": ("g1",)}), "network-ops": Team("network-ops", {"desk": ("g2",)})},
        chains={"network": ChainOfTiers("network", (Tier("service-desk"), Tier("network-ops")))},
    )
    rule = Rule("took-long", "Nobody took it", condition, (Step((Escalate("network"),)),))
    directory = Directory({"g1": "Service Desk", "g2": "NET-OPS"}, {"1": "Critical"})
    bound = bind(Rulebook(organisation, (rule,), "1"), "desk", directory, World())
    return evaluate(timeline(one), bound, T0), one


def test_each_part_of_a_firing_is_a_sentence() -> None:
    """Who reads the comment sees what was asked for, that it was so, and since when."""
    evaluation, _ = story(All((Held(UNOWNED, QUARTER), OPEN)))
    assert because(evaluation, "took-long", T0 + 30 * MINUTE) == (
        "for 15 minutes the assignee is nobody: yes, since 2012-11-05 08:15 UTC, until 2012-11-05 09:00 UTC if nothing changes",
        "the assignee is nobody: yes, since 2012-11-05 08:00 UTC, until 2012-11-05 09:00 UTC if nothing changes",
        "the status is new or open: yes, since 2012-11-05 08:00 UTC",
    )


def test_the_absence_of_a_firing_is_told_as_well() -> None:
    """Why nothing happened is the part that did not hold, and until when it will not."""
    evaluation, _ = story(All((Held(UNOWNED, QUARTER), OPEN)))
    assert because(evaluation, "took-long", T0 + 10 * MINUTE)[0] == (
        "for 15 minutes the assignee is nobody: no, since 2012-11-05 08:00 UTC, until 2012-11-05 08:15 UTC if nothing changes"
    )
    tree = reasons(evaluation, "took-long", T0 + 2 * HOUR)
    assert (tree.holds, [part.holds for part in tree.parts]) == (False, [False, True])
    assert tree.parts[0].until == FOREVER


def test_a_note_in_the_ticket_says_in_short_what_the_rule_asks_for() -> None:
    """Colleagues read one line, without the rule's exceptions and without its parts one by one."""
    exception = Not(State("labels", OneOf(("parked",))))
    evaluation, _ = story(All((OPEN, Held(UNOWNED, QUARTER), exception)))
    assert in_short(evaluation, "took-long") == "the status is new or open; for 15 minutes the assignee is nobody"
    assert in_short(story(exception)[0], "took-long") == "the labels do not include parked"
    nested = story(All((All((OPEN, UNOWNED)), Held(UNOWNED, QUARTER))))[0]
    assert in_short(nested, "took-long") == (
        "the status is new or open and the assignee is nobody; for 15 minutes the assignee is nobody"
    )


def test_what_is_not_known_is_named() -> None:
    """A rule that waits for a fact says which one is missing."""
    evaluation, _ = story(All((State("service", OneOf(("mail",))), OPEN)))
    tree = reasons(evaluation, "took-long", T0)
    assert tree.holds is None
    assert because(evaluation, "took-long", T0)[0] == (
        "the service is mail: not known (no record of the service then), since 2012-11-05 08:00 UTC"
    )


def test_a_ticket_that_is_gone_is_explained_too() -> None:
    """After the end of a ticket's life nothing holds, and asking why is no error."""
    evaluation, _ = story(All((OPEN, Not(UNOWNED))), gone=T0 + 2 * HOUR)
    assert reasons(evaluation, "took-long", T0 + 3 * HOUR).holds is False
    assert reasons(evaluation, "took-long", T0 + HOUR).until == T0 + 2 * HOUR


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (State("tier", OneOf(("2",)), "network"), "the tier in chain network is 2"),
        (State("labels", OneOf(("vip", None))), "the labels include vip or nothing"),
        (State("priority", Level("P2", "P1")), "the priority is at least P2 and at most P1"),
        (State("subject", AnyWord(("mail",))), "the subject has the words 'mail'"),
        (State("subject", Matches("^a")), "the subject matches '^a'"),
        (
            AnyOf((OPEN, All((OPEN, UNOWNED)))),
            "the status is new or open or (the status is new or open and the assignee is nobody)",
        ),
        (Not(OPEN), "the status is neither new nor open"),
        (
            Clock(OPEN, QUARTER, UNOWNED, Not(OPEN)),
            (
                "15 minutes are on the clock that runs while the status is new or open, stands while the assignee is nobody, "
                "and begins anew when the status is neither new nor open"
            ),
        ),
        (
            Count(Counted.REASSIGNED, 3, QUARTER, ignore_stays_shorter_than=QUARTER),
            "it was moved to another team at least 3 times within 15 minutes, stays shorter than 15 minutes left out",
        ),
        (Count(Counted.REOPENED, 1), "it was reopened at least once"),
        (Silent(QUARTER), "for 15 minutes nobody of the staff and the requester touched the ticket"),
        (Silent(QUARTER, (Kind.STAFF,), replies_only=True), "for 15 minutes nobody of the staff wrote"),
        (Unanswered(QUARTER), "the staff has not answered for 15 minutes"),
        (
            Unanswered(QUARTER, Kind.REQUESTER, touch_answers=True),
            "the requester has not answered or touched the ticket for 15 minutes",
        ),
        (Due("due", QUARTER), "the instant in due is at most 15 minutes ahead or past"),
        (Due("due", Duration(0)), "the instant in due is past"),
    ],
)
def test_every_condition_has_words(condition: Condition, words: str) -> None:
    """No condition is shown as code."""
    assert phrase(condition) == words


def test_placeholders_stand_for_what_happened() -> None:
    """A comment can say how long, since when, how often and where the ticket is."""
    evaluation, one = story(Held(OPEN, QUARTER))
    values = values_of(evaluation, evaluation.episodes[0], T0 + 2 * HOUR + 5 * MINUTE, one)
    assert values == {
        "held": "2 hours 5 minutes",
        "since": T0,
        "team": "network-ops",
        "former_team": "network-ops",
        "teams": "service-desk and network-ops",
        "key": "SD-7",
        "rule": "took-long",
        "title": "Nobody took it",
        "priority": "P1",
        "chain": "network",
    }
    evaluation, one = story(Count(Counted.REASSIGNED, 1, Duration(HOUR)))
    episode = evaluation.episodes[0]
    assert values_of(evaluation, episode, T0 + 2 * HOUR, one)["count"] == "1"
    assert values_of(evaluation, episode, T0 + 3 * HOUR, one)["count"] == "0"
    by_actions = {"arbiter", "deadline", "provider", "case"}
    assert {"count", *by_actions, *values} == set(PLACEHOLDERS)


def test_text_is_filled_in_once_and_inert() -> None:
    """What a requester wrote can't become a placeholder, a mention or a link."""
    text = "{key} held {held} by {team}; {other} {{key}}"
    values = {"key": "{held}", "held": "1 hour", "team": "@all\nhttps://x.example\x1b[0m"}
    assert fill(text, values) == "(held) held 1 hour by (at)all https: //x.example[0m; {other} {(held)}"
    assert fill("{count}", {}) == "(not known)"
    assert inert("x" * 500) == "x" * 199 + "…"
    assert unknown_placeholders(text) == ("other",)


def test_lengths_and_instants_read_well() -> None:
    """Two units are enough for a length, and above two minutes seconds are not worth a word; what has no date is never."""
    lengths = (0, SECOND, 90 * MINUTE, DAY, 2 * DAY + 3 * HOUR + MINUTE, DAY + MINUTE)
    assert [length(one) for one in lengths] == ["0 seconds", "1 second", "1 hour 30 minutes", "1 day", "2 days 3 hours", "1 day"]
    lengths = (119 * SECOND, 2 * MINUTE, 121 * SECOND, 30 * MINUTE + SECOND, HOUR + 59 * SECOND, 2 * HOUR - SECOND)
    said = ["1 minute 59 seconds", "2 minutes", "2 minutes", "30 minutes", "1 hour", "1 hour 59 minutes"]
    assert [length(one) for one in lengths] == said
    zones = {zone: ZoneInfo(zone) for zone in ("UTC", "Pacific/Kiritimati")}
    assert [stamp(at, zones["UTC"]) for at in (T0, T0 + SECOND)] == ["2012-11-05 08:00 UTC", "2012-11-05 08:00:01 UTC"]
    assert {stamp(at, zone) for at in (FOREVER, 1 << 52, 253_402_300_799_000) for zone in zones.values()} == {"never"}


@pytest.mark.parametrize(
    ("zone", "utc", "said"),
    [
        ("Europe/Amsterdam", "2012-05-07T06:00", "2012-05-07 08:00 CEST"),
        ("Europe/Amsterdam", "2012-10-28T00:30", "2012-10-28 02:30 CEST"),
        ("Europe/Amsterdam", "2012-10-28T01:30", "2012-10-28 02:30 CET"),
        ("America/New_York", "2026-01-01T04:59", "2025-12-31 23:59 EST"),
        ("America/Los_Angeles", "2026-01-01T08:00", "2026-01-01 00:00 PST (UTC-8)"),
        ("Asia/Kolkata", "2026-01-01T08:00", "2026-01-01 13:30 IST (UTC+5:30)"),
        ("America/Sao_Paulo", "2026-01-01T08:00", "2026-01-01 05:00 UTC-3"),
        ("Europe/Moscow", "2014-10-25T21:30", "2014-10-26 01:30 MSK (UTC+4)"),
        ("Europe/Moscow", "2014-10-25T22:30", "2014-10-26 01:30 MSK (UTC+3)"),
    ],
)
def test_an_instant_is_told_in_the_zone_of_its_reader(zone: str, utc: str, said: str) -> None:
    """With what tells an hour that the clocks show twice apart, and the offset where the abbreviation is not enough."""
    assert stamp(instant(datetime.fromisoformat(f"{utc}Z")), ZoneInfo(zone)) == said


def test_what_follows_a_time_means_the_same_all_over_the_world() -> None:
    """Whoever reads `08:00 CET` anywhere reads one instant: no other zone has used the word for another offset since 1990."""
    first, last = (instant(datetime(year, 1, 1, tzinfo=UTC)) for year in (1990, 2030))
    meant: dict[str, set[object]] = {}
    for zone in map(ZoneInfo, sorted(available_timezones() - {"Factory"})):
        for at in range(first, last, 91 * DAY):
            word = stamp(at, zone).split(" ", 2)[2]
            meant.setdefault(word, set()).add(moment(at).astimezone(zone).utcoffset())
    assert {word: offsets for word, offsets in meant.items() if len(offsets) > 1} == {}
