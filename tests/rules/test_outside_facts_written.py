"""Lists, windows, rotas, absences and overrides as they are written in organisation.yaml."""

import pytest

from rules.protocol.organisation import Absence, NamedList, NamedWindow, Override
from rules.rulebook import RulebookError
from tests.rules.protocol_texts import ORGANISATION, loaded

ZONE = "Europe/Amsterdam"


def organisation(text: str) -> str:
    return ORGANISATION.replace("  network-ops: {", "  network-ops: {on_call: rotas/ops.ics, ") + text


def refused(text: str) -> str:
    """The one problem of an organisation with these lines."""
    with pytest.raises(RulebookError) as raised:
        loaded(organisation=organisation(text))
    (problem,) = raised.value.problems
    return str(problem)


def test_lists_are_written_in_place_or_name_a_file() -> None:
    """A plain list of entries is the short form; `until` is a day in the zone of the usual calendar."""
    lists = loaded(
        organisation=organisation(
            "lists:\n  vip: [ceo@example.com, Vera Vip]\n"
            "  trial: {file: lists/trial.csv, owner: anna@example.com, until: 2027-03-31, calendar: office}\n"
        )
    ).rulebook.organisation.lists
    assert lists == {
        "vip": NamedList("vip", ("ceo@example.com", "Vera Vip"), time_zone=ZONE),
        "trial": NamedList("trial", (), "lists/trial.csv", "anna@example.com", "2027-03-31", "office", ZONE),
    }


def test_windows_are_written_in_place_or_name_a_file_or_a_url() -> None:
    """Their times are local ones of their own zone, else of the usual calendar."""
    windows = loaded(
        organisation=organisation(
            "windows:\n  freeze: [{from: 2026-12-18, to: 2027-01-03}]\n"
            "  patching:\n    times: [{from: 2026-12-01 22:00, to: 2026-12-02 02:00}]\n    time_zone: UTC\n"
            "  provider: {file: 'https://status.example.com/feed', owner: anna, until: 2027-01-01}\n"
        )
    ).rulebook.organisation.windows
    assert windows == {
        "freeze": NamedWindow("freeze", (("2026-12-18", "2027-01-03"),), ZONE),
        "patching": NamedWindow("patching", (("2026-12-01 22:00", "2026-12-02 02:00"),), "UTC"),
        "provider": NamedWindow("provider", (), ZONE, "https://status.example.com/feed", "anna", "2027-01-01"),
    }


def test_teams_have_a_rota_a_calendar_and_a_language() -> None:
    """One way of writing a file's name is as good as another; all of them mean the same rota."""
    text = ORGANISATION.replace(
        "  network-ops: {", "  network-ops: {on_call: ./rotas//ops.ics, calendar: office, language: nl, "
    ).replace("duty@example.com", "rotas/ops.ics")
    found = loaded(organisation=text).rulebook.organisation
    team = found.teams["network-ops"]
    assert (team.on_call, team.calendar, team.language) == ("rotas/ops.ics", "office", "nl")
    assert found.roles["duty-manager"] == "rotas/ops.ics"
    assert found.time_zone == ZONE


def test_absences_and_overrides_are_in_order_and_name_who() -> None:
    """An override goes by the team or role whose rota it is; addresses are compared in small letters."""
    found = loaded(
        organisation=organisation(
            "absences:\n  - {who: Anna@example.com, from: 2026-12-24, to: 2027-01-02}\n"
            "overrides:\n  - {rota: network-ops, who: Bob@example.com, from: 2026-12-24 18:00, to: 2026-12-25, time_zone: UTC}\n"
        )
    ).rulebook.organisation
    assert found.absences == (Absence("anna@example.com", "2026-12-24", "2027-01-02", ZONE),)
    assert found.overrides == (Override("rotas/ops.ics", ("bob@example.com",), "2026-12-24 18:00", "2026-12-25", "UTC"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("windows: {w: {file: 'http://example.com/a.ics'}}\n", "expected an https URL: what decides who gets tickets"),
        ("windows: {w: {file: 'https://me:pass@example.com/a'}}\n", "without a user, a password or spaces"),
        ("windows: {w: {file: ../a.ics}}\n", "relative to that folder and within it"),
        ("windows: {w: {file: /etc/a.ics}}\n", "relative to that folder and within it"),
        ("windows: {w: {file: a.pdf}}\n", ".ics or .csv file of the protocol's folder"),
        ("lists: {l: {file: 'https://example.com/a.csv'}}\n", "a URL is not read here"),
        ("lists: {l: {owner: anna}}\n", "expected `entries` or `file`"),
        ("lists: {l: {entries: [a], file: a.csv}}\n", "exclude each other"),
        ("lists: {l: {entries: [a], until: soon}}\n", "expected a date such as 2027-01-31"),
        ("lists: {l: {entries: [a], calendar: ofice}}\n", 'did you mean "office"?'),
        ("windows: {w: [{from: 2026-12-24, to: 2026-12-23}]}\n", "2026-12-23 is not after 2026-12-24"),
        ("windows: {w: [{from: christmas, to: 2026-12-26}]}\n", "expected a date such as 2026-12-24"),
        ("absences: [{who: anna, from: 2026-12-24, to: 2026-12-26}]\n", "expected an e-mail address"),
        ("overrides: [{rota: network-op, who: a@b.nl, from: 2026-12-24, to: 2026-12-26}]\n", 'did you mean "network-ops"?'),
        ("overrides: [{rota: service-desk, who: a@b.nl, from: 2026-12-24, to: 2026-12-26}]\n", "that has a rota: network-ops"),
    ],
)
def test_a_slip_is_named_where_it_stands(text: str, said: str) -> None:
    """One problem each, with what was expected; no password is repeated."""
    problem = refused(text)
    assert said in problem
    assert "pass" not in problem.replace("password", "")


def test_a_role_that_is_neither_a_person_nor_a_rota_is_refused() -> None:
    """The sentence names both forms."""
    with pytest.raises(RulebookError, match=r"or a rota: an \.ics file or an https URL"):
        loaded(organisation=ORGANISATION.replace("duty@example.com", "the duty manager"))


def test_a_calendar_and_a_rota_may_be_kept_by_a_helpdesk() -> None:
    """A reference names the source and what it is called there; hours stand beside it until it is read."""
    text = organisation("").replace("rotas/ops.ics", "source://jira-cloud/Ops on call")
    text = text.replace("    holidays: NL\n", "    schedule: source://jira-cloud/8-5 weekdays, all days\n")
    text = text.replace("duty@example.com", "source://jira-cloud/Duty")
    found = loaded(organisation=text).rulebook.organisation
    assert found.teams["network-ops"].on_call == "source://jira-cloud/Ops on call"
    assert found.roles["duty-manager"] == "source://jira-cloud/Duty"
    assert found.calendars["office"].schedule == "source://jira-cloud/8-5 weekdays, all days"
    assert found.calendars["office"].hours


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "source://jira-clod/Ops on call",
            'no source that the priorities name: jira-clod; did you mean "source://jira-cloud/Ops on call"?',
        ),
        ("source://jira-cloud", "expected a helpdesk's own, by the names of source and schedule or rota"),
        ("source:///Ops", "expected a helpdesk's own"),
    ],
)
def test_a_reference_to_a_helpdesk_names_a_source_and_something_in_it(written: str, said: str) -> None:
    """What is misspelt is told with its line before anything asks a helpdesk."""
    with pytest.raises(RulebookError) as raised:
        loaded(organisation=organisation("").replace("rotas/ops.ics", written))
    (problem,) = raised.value.problems
    assert said in str(problem)
