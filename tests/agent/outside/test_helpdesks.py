"""Schedules and rotas that a helpdesk keeps, in the world of a rulebook."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from agent.outside.facts import Outside
from agent.outside.links import Links
from agent.outside.overview import overview
from connectors.contract import Connector, Duty, Timetable
from connectors.errors import AskAdmin, ConnectorError
from connectors.memory import MemoryConnector
from rules.instants import HOUR, MINUTE, Instant, instant
from rules.protocol.organisation import Organisation
from rules.rulebook import load

NOW = instant(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
TEXT = """\
format: 1
priorities: [{name: P1, snow: 1 - Critical}]
calendars:
  office: {time_zone: Europe/Amsterdam, hours: {mon-fri: "09:00-17:00"}, schedule: source://snow/8-5 weekdays}
teams:
  ops: {snow: Operations, on_call: source://snow/Ops on call}
"""
WEEK = dict.fromkeys(range(5), ((8 * 60, 17 * 60),))


class Keeping(MemoryConnector):
    """A source that keeps one schedule and one rota, unless `refusal` says why not."""

    refusal: ConnectorError | None = None
    week: Mapping[int, tuple[tuple[int, int], ...]] = WEEK

    def timetable(self, name: str) -> Timetable:
        if self.refusal is not None:
            raise self.refusal
        assert name == "8-5 weekdays"
        return Timetable("", self.week, {date(2026, 11, 24): ()})

    def duties(self, name: str, zone: str, start: Instant, end: Instant) -> tuple[Duty, ...]:
        if self.refusal is not None:
            raise self.refusal
        assert (name, zone) == ("Ops on call", "Europe/Amsterdam")
        assert start < NOW < end
        return (
            Duty(NOW - HOUR, NOW + HOUR, ("bob@example.com",), 20, "Primary: Bob"),
            Duty(NOW - HOUR, NOW + 3 * HOUR, ("anna@example.com",), 19, "Backup: Anna"),
            Duty(NOW + 4 * HOUR, NOW + 5 * HOUR, (), 19, "Backup: Eva"),
        )


def organisation(text: str = TEXT) -> Organisation:
    return load({"organisation.yaml": text}).rulebook.organisation


class Place:
    """hoist beside a source that keeps schedules."""

    def __init__(self, folder: Path, connector: Connector, text: str = TEXT, *, online: bool = True) -> None:
        self.organisation = organisation(text)
        helpdesks = {"snow": connector}
        self.outside = Outside(folder, folder / "copies", Links(), helpdesks, online=online)

    def update(self, at: Instant = NOW) -> None:
        self.outside.update(self.organisation, at, wait=True)

    def due(self, at: Instant = NOW) -> str:
        """When two business hours from four o'clock on Monday afternoon are over, in the office's zone."""
        office = self.outside.world(self.organisation, at).calendars["office"]
        monday = instant(datetime(2026, 11, 23, 15, 0, tzinfo=UTC))
        return f"{datetime.fromtimestamp(office.add(monday, 2 * HOUR) / 1000, office.zone):%a %H:%M}"

    def on_duty(self, at: Instant) -> tuple[str, ...]:
        (rota,) = self.outside.world(self.organisation, at).rotas.values()
        return rota.on_duty(at)


@pytest.fixture
def keeping() -> Keeping:
    return Keeping("snow")


def test_a_schedule_takes_the_place_of_written_hours(tmp_path: Path, keeping: Keeping) -> None:
    """Its week and its dates count; until it was read, and where no helpdesk is asked, the hours of the protocol do."""
    asked, alone = Place(tmp_path, keeping), Place(tmp_path / "alone", keeping, online=False)
    asked.update()
    alone.update()
    assert (asked.due(), alone.due()) == ("Wed 09:00", "Tue 10:00")
    assert alone.outside.troubles(NOW) == []
    worlds = [each.outside.world(each.organisation, NOW).version for each in (asked, alone)]
    assert worlds[0] != worlds[1]


def test_a_rota_of_a_helpdesk_says_who_has_the_duty(tmp_path: Path, keeping: Keeping) -> None:
    """The higher rank counts while it lasts; somebody without an address is a finding by name."""
    place = Place(tmp_path, keeping)
    place.update()
    assert [place.on_duty(NOW + hours * HOUR) for hours in (0, 2)] == [("bob@example.com",), ("anna@example.com",)]
    found = overview(place.outside, place.organisation, NOW)
    assert any("the rota Ops on call of snow has an event" in said and "Backup: Eva" in said for said in found.findings)
    (rota,) = found.rotas
    assert rota.rota == "Ops on call of snow"
    (schedule,) = found.schedules
    assert (schedule.calendar, schedule.schedule, schedule.read, schedule.open) == ("office", "8-5 weekdays of snow", True, True)


def test_what_can_no_longer_be_read_goes_on_as_it_was(tmp_path: Path, keeping: Keeping) -> None:
    """The last good copy counts, in a new process too, and the refusal is told in the source's own words."""
    before = Place(tmp_path, keeping)
    before.update()
    keeping.refusal = AskAdmin("snow: hoist's account lacks read access to cmn_schedule_span; grant it")
    after = Place(tmp_path, keeping)
    after.update(NOW + 20 * MINUTE)
    assert after.due() == before.due() == "Wed 09:00"
    assert after.on_duty(NOW) == ("bob@example.com",)
    troubles = after.outside.troubles(NOW + 20 * MINUTE)
    assert len(troubles) == 2
    assert all("lacks read access to cmn_schedule_span" in said and "goes on counting" in said for said in troubles)


def test_what_could_never_be_read_is_said(tmp_path: Path, keeping: Keeping) -> None:
    """The hours of the protocol count then, and of the rota nobody is known."""
    keeping.refusal = AskAdmin("snow: hoist's account lacks read access to cmn_schedule; grant it")
    place = Place(tmp_path, keeping)
    place.update()
    schedule, rota = sorted(place.outside.troubles(NOW), reverse=True)
    assert schedule.startswith(
        "the schedule 8-5 weekdays of snow can't be read: snow: hoist's account lacks read access to cmn_sch"
    )
    assert schedule.endswith("until then the hours of the protocol count")
    assert "the rota Ops on call of snow can't be read" in rota
    assert place.due() == "Tue 10:00"


def test_a_changed_schedule_is_taken_over(tmp_path: Path, keeping: Keeping) -> None:
    """A quarter of an hour later the new hours count, and what changed is told with its name."""
    place = Place(tmp_path, keeping)
    place.update()
    state = place.outside.state(place.organisation, NOW)
    place.outside.changes()
    keeping.week = dict.fromkeys(range(7), ((0, 24 * 60),))
    place.update(NOW + 16 * MINUTE)
    assert place.outside.state(place.organisation, NOW) != state
    assert place.due() == "Mon 18:00"
    assert [str(each) for each in place.outside.changes()] == ["the schedule 8-5 weekdays of snow has changed: 8 entries"]


@pytest.mark.parametrize(
    ("week", "said"),
    [
        ({}, "never opens"),
        ({0: ((0, 600), (500, 700))}, "runs into"),
        ({9: ((0, 600),)}, "there is no weekday 9"),
    ],
)
def test_hours_that_can_not_be_are_refused(
    tmp_path: Path, keeping: Keeping, week: dict[int, tuple[tuple[int, int], ...]], said: str
) -> None:
    """A schedule that makes no calendar is not taken over, whatever the source says."""
    keeping.week = week
    place = Place(tmp_path, keeping)
    place.update()
    assert any(said in trouble for trouble in place.outside.troubles(NOW))
    assert place.due() == "Tue 10:00"


@pytest.mark.parametrize(("name", "said"), [("memory", "reads no schedules and rotas"), ("other", "is no source of hoist.yaml")])
def test_a_source_that_keeps_none_is_said(tmp_path: Path, name: str, said: str) -> None:
    """Platforms of which hoist reads no schedules, and sources that are not there."""
    connector = MemoryConnector("snow")
    text = TEXT if name == "memory" else TEXT.replace("snow", "other")
    place = Place(tmp_path, connector, text)
    place.update()
    assert all(said in trouble for trouble in place.outside.troubles(NOW))
    assert len(place.outside.troubles(NOW)) == 2
