"""Event logs as tickets: what stands in a log, in hoist's words, and nothing that it fills from the future."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest

from connectors.event_logs.tickets import EventLog
from rules.instants import HOUR, written
from rules.ticket import UNKNOWN, Kind

MAPPING = """\
columns: {issue: number, at: changed, status: state, team: group, assignee: person, created: opened, due: promised}
statuses: {New: new, Active: open, Awaiting User Info: pending, Resolved: resolved, Closed: closed, Note: same}
time_format: "%d/%m/%Y %H:%M"
time_zone: Europe/Amsterdam
unknown: ["?"]
"""
HEADER = "number,changed,state,group,person,opened,promised,closed_at\n"
ROWS = [
    "INC1,29/2/2016 08:20,New,?,,29/2/2016 08:00,3/3/2016 12:00,2/3/2016 12:00\n",
    "INC2,29/2/2016 08:30,New,Desk,,29/2/2016 08:30,3/3/2016 12:00,29/2/2016 09:30\n",
    "INC1,29/2/2016 09:00,Active,Network,nora,29/2/2016 08:00,3/3/2016 12:00,2/3/2016 12:00\n",
    "INC1,29/2/2016 09:10,Note,Network,nora,29/2/2016 08:00,3/3/2016 12:00,2/3/2016 12:00\n",
    "INC2,29/2/2016 09:30,Closed,Desk,rick,29/2/2016 08:30,3/3/2016 12:00,29/2/2016 09:30\n",
    "INC1,2/3/2016 12:00,Resolved,Network,nora,29/2/2016 08:00,3/3/2016 12:00,2/3/2016 12:00\n",
]


def log(folder: Path, mapping: str = MAPPING, rows: list[str] | None = None, trusted: tuple[str, ...] = ()) -> EventLog:
    (folder / "log.csv").write_text(HEADER + "".join(ROWS if rows is None else rows), encoding="utf-8")
    (folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    return EventLog(folder / "log.csv", folder / "mapping.yaml", trusted=trusted)


def test_rows_that_lie_anywhere_in_the_file_become_one_timeline(tmp_path: Path) -> None:
    """Rows of an issue may lie apart; each difference to the row before is a change by the row's author, the rest a touch."""
    with closing(log(tmp_path)) as read:
        one, two = read.tickets()
    assert (one.key, two.key, written(one.created)) == ("INC1", "INC2", "2016-02-29T07:00:00Z")
    assert [(c.field, c.old, c.new) for c in one.changes if c.field != "native_status"] == [
        ("status", "new", "open"),
        ("team", UNKNOWN, "Network"),
        ("assignee", None, "nora"),
        ("status", "open", "resolved"),
    ]
    assert {change.by.kind for change in one.changes} == {Kind.STAFF}
    assert [written(said.at) for said in one.messages] == ["2016-02-29T08:10:00Z"]
    assert one.complete_from is not None
    assert one.complete_from - one.created == HOUR // 3


@pytest.mark.parametrize("name", ["due", "native.closed_at"])
def test_a_closing_date_on_the_first_row_is_left_out(name: str, tmp_path: Path) -> None:
    """Whatever it is called in the mapping, a date that an issue reaches only at its end is unknown, and a warning says so."""
    mapping = MAPPING.replace("due: promised", f"{name}: closed_at")
    with closing(log(tmp_path, mapping)) as read:
        assert [leak.field for leak in read.leaks] == [name]
        assert all(ticket.fields[name] is UNKNOWN for ticket in read.tickets())


def test_a_promise_that_is_kept_apart_from_the_end_is_used(tmp_path: Path) -> None:
    """A due date in the future of its row is no leak: that is what due dates are for."""
    with closing(log(tmp_path)) as read:
        assert read.leaks == ()
        assert written(int(str(next(iter(read.tickets())).fields["due"]))) == "2016-03-03T11:00:00Z"


def test_what_never_changes_may_be_the_last_value(tmp_path: Path) -> None:
    """A team that is the same on all rows of every issue is left out, unless the mapping or the user vouches for it."""
    rows = [f"INC{n},{day}/3/2016 08:00,{state},Desk,,,,\n" for n in range(30) for day, state in ((1, "New"), (2, "Active"))]
    with closing(log(tmp_path, rows=rows)) as read:
        assert [leak.field for leak in read.leaks] == ["team", "assignee"]
    with closing(log(tmp_path, rows=rows, trusted=("team", "assignee"))) as read:
        assert read.leaks == ()
    with closing(log(tmp_path, MAPPING + "known_from_start: [group, person]\n", rows)) as read:
        assert read.leaks == ()


def test_a_name_that_says_final_is_a_leak(tmp_path: Path) -> None:
    """A column called after the end that never changes within an issue is left out in small logs too."""
    text = "id,at,state,finalPriority\n" + "".join(f"A,2026-03-0{day}T08:00:00Z,New,P1\n" for day in (1, 2))
    (tmp_path / "log.csv").write_text(text, encoding="utf-8")
    columns = "columns: {issue: id, at: at, status: state, priority: finalPriority}\nstatuses: {New: new}\n"
    (tmp_path / "mapping.yaml").write_text(columns, encoding="utf-8")
    with closing(EventLog(tmp_path / "log.csv", tmp_path / "mapping.yaml")) as read:
        assert "says by its name" in str(read.leaks[0])


def test_xes_is_read_like_a_table(tmp_path: Path) -> None:
    """Attributes of events go by their keys, those of the trace with case: before; packed or not."""

    def event(at: str, state: str, team: str) -> str:
        return (
            f'<event><date key="time:timestamp" value="{at}"/><string key="concept:name" value="{state}"/>'
            f'<string key="org:group" value="{team}"/></event>'
        )

    xes = (
        '<?xml version="1.0"?><log xmlns="http://www.xes-standard.org/"><trace><string key="concept:name" value="1-2"/>'
        + event("2026-03-01T08:00:00.000+01:00", "New", "Desk")
        + event("2026-03-01T09:00:00.000+01:00", "Active", "Network")
        + "</trace></log>"
    )
    (tmp_path / "log.xes.gz").write_bytes(gzip.compress(xes.encode()))
    columns = 'columns: {issue: "case:concept:name", at: "time:timestamp", status: "concept:name", team: "org:group"}\n'
    (tmp_path / "mapping.yaml").write_text(columns + "statuses: {New: new, '*': same, Active: open}\n", encoding="utf-8")
    with closing(EventLog(tmp_path / "log.xes.gz", tmp_path / "mapping.yaml")) as read:
        (ticket,) = read.tickets()
    assert (ticket.key, ticket.fields["team"], written(ticket.created)) == ("1-2", "Network", "2026-03-01T07:00:00Z")


def test_what_an_event_does_not_tell_stays_as_it_was(tmp_path: Path) -> None:
    """An event of XES without a team leaves the ticket where it is; so does an empty cell of a column that the mapping names."""
    told = [(7, "New", '<string key="org:group" value="Desk"/>'), (8, "Active", ""), (9, "Closed", "")]
    dates = [f'<date key="time:timestamp" value="2026-03-01T0{hour}:00:00Z"/>' for hour, _, _ in told]
    words = [f'<string key="concept:name" value="{state}"/>{team}' for _, state, team in told]
    events = "".join(f"<event>{date}{word}</event>" for date, word in zip(dates, words, strict=True))
    xes = f'<log><trace><string key="concept:name" value="1"/>{events}</trace></log>'
    (tmp_path / "log.xes").write_text(xes, encoding="utf-8")
    statuses = "statuses: {New: new, Active: open, Closed: closed}\n"
    columns = 'columns: {issue: "case:concept:name", at: "time:timestamp", status: "concept:name", team: "org:group"}\n'
    (tmp_path / "mapping.yaml").write_text(columns + statuses, encoding="utf-8")
    with closing(EventLog(tmp_path / "log.xes", tmp_path / "mapping.yaml")) as read:
        (ticket,) = read.tickets()
    assert [change.new for change in ticket.changes if change.field == "team"] == []
    assert ticket.fields["team"] == "Desk"
    rows = [*ROWS[1:2], "INC2,29/2/2016 09:30,Closed,,rick,29/2/2016 08:30,3/3/2016 12:00,\n"]
    for mapping, team in ((MAPPING, None), (f"{MAPPING}kept_if_empty: [group]\n", "Desk")):
        with closing(log(tmp_path, mapping, rows)) as read:
            (ticket,) = read.tickets()
        assert ticket.fields["team"] == team


def test_a_german_export_is_read_as_the_page_says(tmp_path: Path) -> None:
    """Semicolons, Latin-1, the day first, local time in the hour that comes twice, rows unsorted, twice, and without a team."""
    rows = [
        "V2;26.10.2025 03:30:00;Gelöst;Zürich;Jörg;5.11.2025",
        "V1;20.10.2025 07:00:00;Neu;;;29.10.2025",
        "V1;20.10.2025 09:00:00;Gelöst;Büro Süd;Jörg;29.10.2025",
        "V2;25.10.2025 23:00:00;Neu;;;5.11.2025",
        "V1;20.10.2025 07:00:00;Neu;;;29.10.2025",
    ]
    (tmp_path / "log.csv").write_text("\n".join(["Vorgang;Geändert;Zustand;Gruppe;Wer;Abschluss", *rows]), encoding="latin-1")
    (tmp_path / "mapping.yaml").write_text(
        "columns: {issue: Vorgang, at: Geändert, status: Zustand, team: Gruppe, assignee: Wer, native.abschluss: Abschluss}\n"
        "statuses: {Neu: new, Gelöst: resolved}\n"
        'delimiter: ";"\nencoding: latin-1\ntime_zone: Europe/Zurich\ntime_format: "%d.%m.%Y %H:%M:%S"\n',
        encoding="utf-8",
    )
    with closing(EventLog(tmp_path / "log.csv", tmp_path / "mapping.yaml")) as read:
        one, two = read.tickets()
        assert [leak.field for leak in read.leaks] == ["native.abschluss"], "a date without a time of day is a date"
    assert (one.fields["team"], one.fields["assignee"], one.messages) == ("Büro Süd", "Jörg", ())
    assert [change.old for change in one.changes if change.field == "team"] == [None]
    assert two.known - two.created == int(5.5 * HOUR), "an hour more than the clocks on the wall show"


@pytest.mark.parametrize(
    ("change", "row", "said"),
    [
        (("state", "nothing"), "", "there is no column nothing"),
        (("Active: open, ", ""), "", "line 4: the mapping gives no status for 'Active'"),
        (('time_format: "%d/%m/%Y %H:%M"\n', ""), "", "names no instant: it is no date in ISO 8601"),
        (("new, Active", "asleep, Active"), "", "status New has the category asleep"),
        (("team: group", "crew: group"), "", "columns has crew"),
        (("unknown", "unkown"), "", "unknown unkown"),
        (("Europe/Amsterdam", "Europe/Nowhere"), "", "Europe/Nowhere"),
        (("", ""), "INC9,1\n", "2 columns instead of 8"),
    ],
)
def test_what_can_not_be_read_is_said_with_its_place(change: tuple[str, str], row: str, said: str, tmp_path: Path) -> None:
    """A mapping or a row that can't be read is named, with the line and what would do."""
    with pytest.raises(ValueError, match=r"mapping\.yaml|log\.csv") as refused:
        log(tmp_path, MAPPING.replace(*change) if change[0] else MAPPING, [*ROWS, row])
    assert said in str(refused.value)
