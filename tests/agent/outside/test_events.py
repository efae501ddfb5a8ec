from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.outside.events import Occurrence, calendar_events
from agent.outside.unreadable import Unreadable
from rules.instants import DAY, HOUR, Instant, instant, moment
from tests.agent.outside.calendars import event, ics

ZONE = "Europe/Amsterdam"
YEAR = instant(moment(0).replace(year=2026))
NEXT = instant(moment(0).replace(year=2027))


def at(month: int, day: int, hour: int = 0) -> Instant:
    return instant(moment(0).replace(year=2026, month=month, day=day, hour=hour))


def read(*events: str, head: str = "") -> list[Occurrence]:
    return calendar_events(ics(*events, head=head), ZONE, YEAR, NEXT)


def who(*lines: str) -> tuple[str, ...]:
    (found,) = read(event(":20261123T090000Z", ":20261123T100000Z", *lines))
    return found.who


def test_a_shift_with_a_zone_is_at_its_instants() -> None:
    """Nine o'clock in Amsterdam is eight in UTC in winter and seven in summer, whatever the machine's zone."""
    weekly = event(
        ";TZID=Europe/Amsterdam:20260323T090000", ";TZID=Europe/Amsterdam:20260323T170000", "RRULE:FREQ=WEEKLY;COUNT=2"
    )
    assert [(o.start, o.end) for o in read(weekly)] == [(at(3, 23, 8), at(3, 23, 16)), (at(3, 30, 7), at(3, 30, 15))]


def test_times_without_a_zone_are_those_of_the_calendar_else_of_the_organisation() -> None:
    """A whole-day event ends with the last of its days."""
    floating = event(":20260105T090000", ":20260105T100000")
    whole_day = event(";VALUE=DATE:20260105", ";VALUE=DATE:20260107")
    assert [(o.start, o.end) for o in read(floating)] == [(at(1, 5, 8), at(1, 5, 9))]
    assert [(o.start, o.end) for o in read(whole_day)] == [(at(1, 4, 23), at(1, 6, 23))]
    lisbon = "X-WR-TIMEZONE:Europe/Lisbon\r\n"
    assert [(o.start, o.end) for o in read(floating, head=lisbon)] == [(at(1, 5, 9), at(1, 5, 10))]


def test_a_moved_and_a_cancelled_occurrence_count_as_they_are() -> None:
    """Of a daily shift one was moved by two hours, one is an exception, and one was cancelled."""
    found = read(
        event(":20260105T090000Z", ":20260105T100000Z", "RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20260106T090000Z"),
        event(":20260107T110000Z", ":20260107T120000Z", "RECURRENCE-ID:20260107T090000Z"),
        event(":20260108T090000Z", ":20260108T100000Z", "RECURRENCE-ID:20260108T090000Z", "STATUS:CANCELLED"),
    )
    assert [o.start for o in found] == [at(1, 5, 9), at(1, 7, 11)]


def test_what_reaches_over_the_edge_is_cut_off() -> None:
    """Only what lies within the years asked for is given."""
    (found,) = read(event(":20251231T000000Z", ":20260102T000000Z"))
    assert (found.start, found.end) == (YEAR, YEAR + DAY)
    assert read(event(":20240101T000000Z", ":20240102T000000Z")) == []


def test_the_duty_is_the_attendees_else_the_organisers_else_an_address_in_the_text() -> None:
    """Whoever declined is left out; addresses are compared in small letters."""
    organiser = "ORGANIZER;CN=Olga:MAILTO:Olga@example.com"
    assert who("ATTENDEE;CN=Anna:mailto:Anna@Example.com", organiser) == ("anna@example.com",)
    assert who("ATTENDEE:mailto:anna@example.com", "ATTENDEE:mailto:bob@example.com") == ("anna@example.com", "bob@example.com")
    assert who("ATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.com", organiser) == ("olga@example.com",)
    assert who("SUMMARY:Night duty: Anna <anna@example.com>", "DESCRIPTION:ask bob@example.com") == ("anna@example.com",)
    assert who("SUMMARY:Night duty", "DESCRIPTION:Call\\nbob@example.com.") == ("bob@example.com",)
    assert who("SUMMARY:Anna") == ()


def test_the_address_of_a_calendar_is_nobody() -> None:
    """Google writes the calendar itself as the organiser of its events."""
    calendar = "ORGANIZER;CN=On call:mailto:abc123@group.calendar.google.com"
    assert who(calendar, "SUMMARY:anna@example.com") == ("anna@example.com",)


def test_a_higher_priority_has_the_higher_rank() -> None:
    """1 is the highest of iCalendar's priorities, 9 the lowest, 0 none."""
    ranks = [read(event(":20261123T090000Z", ":20261123T100000Z", f"PRIORITY:{n}"))[0].rank for n in (0, 9, 1)]
    assert ranks == [0, 1, 9]


def test_a_known_windows_zone_is_understood() -> None:
    """Outlook names zones by words of its own."""
    zone = ";TZID=W. Europe Standard Time"
    (found,) = read(event(f"{zone}:20260105T090000", f"{zone}:20260105T100000"))
    assert found.start == at(1, 5, 8)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no calendar that can be read"),
        (b"<html><body>Sign in</body></html>", "no calendar that can be read"),
        (b"\xff\xfe\x00", "no calendar that can be read"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "no calendar that can be read"),
        (b"BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n", "BEGIN:VCALENDAR"),
        (ics(event(":soon", ":20261123T100000Z", "SUMMARY:Night")), 'DTSTART that can\'t be read: "Night"'),
        (ics(event(":20261123T090000Z", ":20261123T100000Z", "RRULE:FREQ=NEVER")), "RRULE that can't be read"),
        (ics("BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Night\r\nEND:VEVENT\r\n"), 'without a beginning (DTSTART): "Night"'),
        (ics(event(";TZID=Mars/Base:20261123T090000", ";TZID=Mars/Base:20261123T100000")), "not known, Mars/Base"),
        (ics(event(":20260101T000000Z", ":20260101T000001Z", "RRULE:FREQ=SECONDLY")), "several times a day"),
        (ics(event(":20261123T100000Z", ":20261123T090000Z", "SUMMARY:Night")), 'ends before it begins: "Night", line 4'),
        (ics(event(";VALUE=DATE:20261124", ";VALUE=DATE:20261123")), "ends before it begins"),
        (ics(event(":20260101T000000Z", ":20260101T000001Z", "RRULE:FREQ=DAILY;INTERVAL=0")), "INTERVAL of nothing"),
        (ics(event(":20260101T000000Z", ":20260101T000001Z", "RRULE:COUNT=9;FREQ=MIN\r\n UTELY")), "several times a day"),
        (
            ics(event(":19700101T000000Z", ":19700101T000001Z", f"RRULE:FREQ=DAILY;BYMINUTE={','.join(map(str, range(60)))}")),
            "recur more than 200000 times",
        ),
    ],
)
def test_what_is_no_calendar_is_refused_with_the_reason(data: bytes, said: str) -> None:
    """A login page, a file cut off, a senseless time or an endless recurrence: a sentence each, at once."""
    with pytest.raises(Unreadable) as raised:
        calendar_events(data, ZONE, YEAR, NEXT)
    assert said in str(raised.value)


def test_what_a_calendar_says_can_not_move_a_terminals_cursor() -> None:
    """Control signs of a foreign file end up neither on a screen nor in a log."""
    with pytest.raises(Unreadable) as refused:
        read(event(":20260101T000000Z", ":20260101T000001Z", "SUMMARY:An\x1b]0;na\x07", "RRULE:FREQ=DAILY;INTERVAL=0"))
    assert str(refused.value).isprintable()


def test_a_year_of_a_big_team_is_read_at_once() -> None:
    """Twenty people with a daily shift for two years."""
    daily = [event(":20250105T090000Z", ":20250105T170000Z", "RRULE:FREQ=DAILY", uid=str(n)) for n in range(20)]
    assert len(read(*daily)) == 20 * 365
    assert all(o.end - o.start == 8 * HOUR for o in read(*daily[:1]))


MESSY = ics(
    event(
        ";TZID=Europe/Amsterdam:20260323T090000",
        ";TZID=Europe/Amsterdam:20260323T170000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;UNTIL=20260801T000000Z",
        "EXDATE:20260330T090000",
        "ATTENDEE;CN=A;PARTSTAT=ACCEPTED:mailto:a@example.com",
        "PRIORITY:3",
    ),
    event(";VALUE=DATE:20260105", ";VALUE=DATE:20260107", "RDATE;VALUE=PERIOD:20260201T000000Z/PT1H", uid="2"),
    head="X-WR-TIMEZONE:Europe/Lisbon\r\n",
)
PIECES = [b"", b"0", b":", b";", b"=", b"\r\n", b"99999999", b"DAILY", b"YEARLY", b"COUNT=100000", b"INTERVAL=0", b"P1D", b"\xff"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(MESSY)), st.integers(0, 8), st.sampled_from(PIECES)), min_size=1, max_size=4))
def test_no_calendar_stops_hoist(edits: list[tuple[int, int, bytes]]) -> None:
    """Whatever is cut out of a calendar or put into it: its events are read, or the reason is a sentence."""
    data = MESSY
    for place, length, piece in edits:
        data = data[:place] + piece + data[place + length :]
    found: list[Occurrence] = []
    with suppress(Unreadable):
        found = calendar_events(data, ZONE, YEAR, NEXT)
    assert all(YEAR <= o.start < o.end <= NEXT for o in found)
