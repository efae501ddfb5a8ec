import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.outside.facts import Outside
from agent.outside.links import Links
from agent.outside.overview import overview
from rules.instants import DAY, HOUR, MINUTE, Instant, instant, moment
from rules.protocol.organisation import Organisation
from rules.rulebook import load
from tests.agent.outside.calendars import AROUND_THE_CLOCK, event, ics
from tests.agent.outside.https_server import HttpsServer, Said

NOW = instant(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))
TEAM = "teams:\n  ops: {on_call: rotas/ops.ics}\n"
NIGHT = event(":20261123T080000Z", ":20261123T200000Z", "ATTENDEE:mailto:bob@example.com", "PRIORITY:1", uid="2")


def organisation(text: str) -> Organisation:
    return load({"organisation.yaml": f"format: 1\n{text}"}).rulebook.organisation


class Place:
    """A protocol's folder, and hoist's reading of what it names."""

    def __init__(self, folder: Path, text: str, links: Links | None = None, *, keep: bool = True, online: bool = True) -> None:
        self.folder, self.copies = folder / "protocol", folder / "hoist-copies"
        self.folder.mkdir(exist_ok=True)
        self.organisation = organisation(text)
        self.outside = Outside(self.folder, self.copies, links or Links(), keep=keep, online=online)

    def write(self, name: str, data: bytes | str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    def update(self, at: Instant = NOW, *, wait: bool = True) -> None:
        self.outside.update(self.organisation, at, wait=wait)

    def on_duty(self, at: Instant = NOW) -> tuple[str, ...]:
        (rota,) = self.outside.world(self.organisation, at).rotas.values()
        return rota.on_duty(at)


def test_a_rota_says_who_is_on_duty(tmp_path: Path) -> None:
    """A second event with a higher priority stands in for the first as long as it lasts."""
    place = Place(tmp_path, TEAM)
    place.write("rotas/ops.ics", ics(AROUND_THE_CLOCK, NIGHT))
    place.update()
    assert [place.on_duty(NOW + hours * HOUR) for hours in (-2, 0, 11)] == [
        ("anna@example.com",),
        ("bob@example.com",),
        ("anna@example.com",),
    ]


def test_absences_and_overrides_of_the_protocol_count_against_the_calendar(tmp_path: Path) -> None:
    """Bob is away, so the shift below his counts again; at noon Carl has it by override."""
    place = Place(
        tmp_path,
        TEAM + "absences: [{who: BOB@example.com, from: 2026-11-23, to: 2026-11-23}]\n"
        "overrides: [{rota: ops, who: carl@example.com, from: 2026-11-23 12:00, to: 2026-11-23 13:00}]\n",
    )
    place.write("rotas/ops.ics", ics(AROUND_THE_CLOCK, NIGHT))
    place.update()
    assert [place.on_duty(NOW + hours * HOUR) for hours in (0, 3, 4)] == [
        ("anna@example.com",),
        ("carl@example.com",),
        ("anna@example.com",),
    ]


def test_lists_and_windows_are_what_their_files_say(tmp_path: Path) -> None:
    """From files and in place; entries in small letters, stretches in order."""
    place = Place(
        tmp_path,
        "lists: {vip: [CEO@example.com], trial: {file: trial.csv}}\n"
        "windows:\n  freeze: [{from: 2026-11-25, to: 2026-11-25}, {from: 2026-11-23, to: 2026-11-24}]\n"
        "  patching: {file: patching.csv}\n  provider: {file: provider.ics}\n",
    )
    place.write("trial.csv", "email\nA@x.nl\n")
    place.write("patching.csv", "from,to\n2026-11-23 09:00,2026-11-23 10:00\n")
    place.write("provider.ics", ics(event(":20261123T090000Z", ":20261123T100000Z")))
    place.update()
    world = place.outside.world(place.organisation, NOW)
    assert world.lists == {"vip": {"ceo@example.com"}, "trial": {"a@x.nl"}}
    assert world.windows == {
        "freeze": [NOW - 9 * HOUR, NOW + 63 * HOUR],
        "patching": [NOW, NOW + HOUR],
        "provider": [NOW, NOW + HOUR],
    }


def test_past_its_until_a_list_is_empty_and_a_window_never_on(tmp_path: Path) -> None:
    """From the beginning of that day on, in the zone of the organisation."""
    text = "lists: {vip: {entries: [a], until: 2026-11-24}}\n"
    text += "windows: {w: {times: [{from: 2026-11-20, to: 2026-11-30}], until: 2026-11-24}}\n"
    place = Place(tmp_path, text)
    place.update()
    midnight = NOW + 15 * HOUR
    before, after = (place.outside.world(place.organisation, at) for at in (midnight - 1, midnight))
    assert before.lists["vip"] == {"a"}
    assert not after.lists["vip"]
    assert before.windows["w"][1] == midnight
    assert before.version != after.version
    assert place.outside.state(place.organisation, midnight - 1) != place.outside.state(place.organisation, midnight)


def test_a_rota_that_changes_makes_no_look_stale(tmp_path: Path) -> None:
    """The world's version tells what conditions look at: lists and windows, not who is on duty; the new rota is there at once."""
    place = Place(tmp_path, TEAM + "lists: {vip: {file: vip.txt}}\n")
    place.write("rotas/ops.ics", ics(AROUND_THE_CLOCK))
    place.write("vip.txt", "a\n")
    place.update()
    first, state = place.outside.world(place.organisation, NOW), place.outside.state(place.organisation, NOW)
    place.write("rotas/ops.ics", ics(AROUND_THE_CLOCK, NIGHT))
    place.update()
    second = place.outside.world(place.organisation, NOW)
    assert second.version == first.version
    assert place.outside.state(place.organisation, NOW) != state
    assert place.on_duty() == ("bob@example.com",)
    place.write("vip.txt", "a\nbb\n")
    place.update()
    assert place.outside.world(place.organisation, NOW).version != first.version


def test_the_version_stands_still_while_nothing_changes(tmp_path: Path) -> None:
    """A recurring window is laid out for whole years, so that time alone makes no look stale but at New Year."""
    place = Place(tmp_path, "windows: {w: {file: w.ics}}\n")
    place.write("w.ics", ics(event(":20250101T000000Z", ":20250101T010000Z", "RRULE:FREQ=DAILY")))
    versions = []
    for at in (NOW, NOW + DAY, NOW + 60 * DAY):
        place.update(at)
        versions.append(place.outside.world(place.organisation, at).version)
    assert versions[0] == versions[1]
    assert versions[1] != versions[2]
    windows = place.outside.world(place.organisation, NOW + 60 * DAY).windows["w"]
    assert moment(windows[-1]).year == 2028


@pytest.mark.parametrize("spoilt", [b"<html>Sign in</html>", b"", None])
def test_the_last_good_copy_goes_on_working(tmp_path: Path, spoilt: bytes | None) -> None:
    """A rota that is spoilt or gone is said, the last good one counts, also for a process that starts afterwards."""
    place = Place(tmp_path, TEAM)
    place.write("rotas/ops.ics", ics(AROUND_THE_CLOCK))
    place.update()
    assert place.outside.troubles(NOW) == []
    if spoilt is None:
        (place.folder / "rotas/ops.ics").unlink()
    else:
        place.write("rotas/ops.ics", spoilt)
    for now_reading in (place, Place(tmp_path, TEAM), Place(tmp_path, TEAM, keep=False)):
        now_reading.update(NOW + HOUR)
        assert now_reading.on_duty(NOW + HOUR) == ("anna@example.com",)
        (said,) = now_reading.outside.troubles(NOW + HOUR)
        assert said.startswith("the rota rotas/ops.ics ")
        assert said.endswith("what it said at 2026-11-23 09:00 UTC goes on counting")
    place.write("rotas/ops.ics", ics(AROUND_THE_CLOCK, NIGHT))
    place.update(NOW + 2 * HOUR)
    assert place.outside.troubles(NOW + 2 * HOUR) == []
    assert place.on_duty(NOW + 2 * HOUR) == ("bob@example.com",)


def test_what_was_never_read_is_empty_and_said(tmp_path: Path) -> None:
    """A file that is not there yet stops nothing: nobody is found by the rota, the list is empty."""
    place = Place(tmp_path, TEAM + "lists: {vip: {file: vip.txt}}\nwindows: {w: {file: w.csv}}\n")
    place.update()
    world = place.outside.world(place.organisation, NOW)
    assert (world.lists, world.windows) == ({"vip": frozenset()}, {"w": []})
    assert world.rotas["rotas/ops.ics"].turn(NOW) is None  # not known, which is not the same as nobody
    said = sorted(place.outside.troubles(NOW))
    assert [text.rpartition("; ")[2] for text in said] == [
        "until then it is empty",
        "until then nobody is found by it",
        "until then it is never on",
    ]


def test_each_change_is_told_once(tmp_path: Path) -> None:
    """What a file said before and after is kept as hashes; reading the same again is no news."""
    place = Place(tmp_path, "lists: {vip: {file: vip.txt}}\n")
    place.write("vip.txt", "a\n")
    place.update()
    (first,) = place.outside.changes()
    assert (first.before, str(first)) == ("", "the list vip.txt was read: 1 entry")
    place.update()
    assert place.outside.changes() == []
    place.write("vip.txt", "a\nbb\n")
    place.update()
    (second,) = place.outside.changes()
    assert (second.before, second.number) == (first.after, 2)
    assert str(second) == "the list vip.txt has changed: 2 entries"


def test_a_check_leaves_no_copies(tmp_path: Path) -> None:
    """Without `keep` nothing is written anywhere."""
    place = Place(tmp_path, "lists: {vip: {file: vip.txt}}\n", keep=False)
    place.write("vip.txt", "a\n")
    place.update()
    assert not place.copies.exists()


def test_copies_that_can_not_be_kept_are_said(tmp_path: Path) -> None:
    """The list counts all the same."""
    place = Place(tmp_path, "lists: {vip: {file: vip.txt}}\n")
    place.copies.write_text("in the way", encoding="utf-8")
    place.write("vip.txt", "a\n")
    place.update()
    assert place.outside.world(place.organisation, NOW).lists == {"vip": {"a"}}
    assert "no copy of it can be kept" in place.outside.troubles(NOW)[0]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpsServer]:
    with HttpsServer(tmp_path).running() as running:
        yield running


def linked(folder: Path, server: HttpsServer, **how: bool) -> Place:
    links = Links(15 * MINUTE, frozenset({"localhost"}), server.ca_file)
    return Place(folder, f"teams:\n  ops: {{on_call: '{server.url('/key-123/ops.ics')}'}}\n", links, **how)


def test_a_rota_behind_a_url_is_asked_for_every_so_often(tmp_path: Path, server: HttpsServer) -> None:
    """Each quarter of an hour; when the server fails the last answer goes on, and after a day it is called stale."""
    server.pages["/key-123/ops.ics"] = Said(body=ics(AROUND_THE_CLOCK))
    place = linked(tmp_path, server)
    place.update()
    place.update(NOW + 14 * MINUTE)
    assert len(server.asked) == 1
    server.pages.clear()
    place.update(NOW + 15 * MINUTE)
    assert len(server.asked) == 2
    assert place.on_duty(NOW + HOUR) == ("anna@example.com",)
    (said,) = place.outside.troubles(NOW + HOUR)
    assert "was answered with 404" in said
    assert "key-123" not in said
    offline = linked(tmp_path, server, online=False)
    offline.update(NOW + 2 * DAY)
    assert offline.on_duty(NOW + HOUR) == ("anna@example.com",)
    assert "was not read for more than a day" in offline.outside.troubles(NOW + 2 * DAY)[0]
    assert len(server.asked) == 2


def test_a_running_agent_never_waits_for_a_url(tmp_path: Path, server: HttpsServer) -> None:
    """The answer is taken up by a later turn."""
    server.pages["/key-123/ops.ics"] = Said(body=ics(AROUND_THE_CLOCK))
    place = linked(tmp_path, server)
    place.update(wait=False)
    place.update(wait=True)
    assert len(server.asked) == 1
    assert place.on_duty() == ("anna@example.com",)


def test_copies_hold_no_name_of_a_url(tmp_path: Path, server: HttpsServer) -> None:
    """Who may list the folder learns no private address, and nobody else reads it."""
    server.pages["/key-123/ops.ics"] = Said(body=ics(AROUND_THE_CLOCK))
    place = linked(tmp_path, server)
    place.update()
    (copy,) = place.copies.iterdir()
    assert "key" not in copy.name
    if os.name == "posix":
        assert copy.stat().st_mode & 0o077 == 0


def test_the_overview_shows_who_is_on_duty_and_the_gaps(tmp_path: Path) -> None:
    """On duty now, who is next, and each gap of the next 14 days as a finding; an event that names nobody is one as well."""
    place = Place(
        tmp_path,
        TEAM + "roles: {duty: rotas/ops.ics}\nlists: {vip: {file: vip.txt, owner: anna}}\n"
        "windows: {w: [{from: 2026-11-23, to: 2026-11-23}]}\n",
    )
    early = event(":20261123T080000Z", ":20261123T100000Z", "ATTENDEE:mailto:anna@example.com")
    rest = event(":20261124T080000Z", ":20270101T000000Z", "ATTENDEE:mailto:bob@example.com", uid="3")
    lost = event(":20261123T120000Z", ":20261123T130000Z", "SUMMARY:Carl", uid="4")
    place.write("rotas/ops.ics", ics(early, rest, lost))
    place.write("vip.txt", "# nobody yet\n")
    place.update()
    found = overview(place.outside, place.organisation, NOW)
    (rota,) = found.rotas
    assert rota.used_by == ("team ops", "role duty")
    assert (rota.on_duty, rota.until) == (("anna@example.com",), NOW + HOUR)
    assert (rota.next, rota.next_from) == (("bob@example.com",), NOW + 23 * HOUR)
    assert rota.gaps == ((NOW + HOUR, NOW + 23 * HOUR),)
    (window,) = found.windows
    assert window.on
    assert window.stretch == (NOW - 9 * HOUR, NOW + 15 * HOUR)
    assert [said[:40] for said in found.findings] == [
        "the rota rotas/ops.ics has an event from",
        "the list vip is empty: nobody is found o",
        "the rota rotas/ops.ics (team ops, role d",
    ]


def test_times_of_what_can_not_be_read_are_those_of_its_people(tmp_path: Path) -> None:
    """In the zone of the organisation, with its abbreviation, as on every other screen."""
    text = f"defaults: {{time_zone: Europe/Amsterdam}}\n{TEAM}"
    place = Place(tmp_path, text)
    place.write("rotas/ops.ics", ics(AROUND_THE_CLOCK))
    place.update()
    place.write("rotas/ops.ics", b"")
    place.update(NOW + HOUR)
    assert "what it said at 2026-11-23 10:00 CET goes on counting" in place.outside.troubles(NOW + HOUR)[0]
