"""The journal in the hands of others: an auditor with a few lines of Python, and tools that mine processes."""

from __future__ import annotations

import csv
import io
import json
import re
import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.journal.erasure import erase
from agent.journal.export import comma_separated, json_lines, ocel, xes
from agent.journal.sealing import seal
from agent.store import journal, journal_events, mirrored, sources
from agent.store.database import Database, open_database
from agent.store.journal import ANYBODY, Personal
from agent.store.journal_events import Chosen
from agent.store.mirrored import Kept
from rules.instants import instant
from rules.ticket import Ticket, TicketRef
from rules.world import Directory

XES = "{http://www.xes-standard.org/}"
TEAMS = {"10": "Service Desk", "20": "Network"}
DOCS = Path(__file__).parents[3] / "docs" / "journal.md"


def told(database: Database) -> None:
    """Two tickets of one source, one of another, a confidential rule, a person's word, lines of no ticket; two are fresh."""
    with database.transaction() as db:
        for source, ticket, key in (("jira", "7", "SD-7"), ("jira", "8", "SD-8"), ("desk", "7", "desk-7")):
            sources.source_row(db, source)
            sources.set_directory(db, source, Directory(TEAMS, {"1": "High"}))
            mirrored.keep(db, [Kept(Ticket(TicketRef(source, ticket), key, "", "1", 0, 0, {}), 0, 0, 0)])
        because = {"jira/7/nobody-took-it/1/0": ["it waited"], "jira/7/late/2/1": ["it is late"]}
        fields = [["team", "10", "20"], ["priority", None, "1"]]
        journal.append(db, "rules", 1_000, "jira", version="r1", modes={"nobody-took-it": "live"})
        journal.append(db, "escalated", 2_000, "jira", "7", because=because, fields=fields, rules="r1", revision=3)
        journal.append(
            db, "escalated", 2_500, "jira", "8", because={"jira/8/confidential-ab12/1/0": []}, fields=fields, rules="r1"
        )
        journal.append(db, "fields-applied", 3_000, "jira", "7", said="", marker="m")
        journal.append(db, "approved", 4_000, "desk", "7", by=Personal("anna@example.com"), reason='=1+1 & "<so>" \x00')
    seal(database, "here", 5_000)
    with database.transaction() as db:
        journal.append(db, "superseded", 6_000, "jira", "7", change="jira/7/late/2/1", reason="no longer true")
        journal.append(db, "problem", 7_000, "jira", said="the helpdesk rests")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = open_database(tmp_path_factory.mktemp("journal") / "hoist.db")
    told(opened)
    yield opened
    opened.close()


def lines_of(database: Database, chosen: Chosen = Chosen()) -> list[dict[str, Any]]:  # noqa: B008 - it is frozen
    with database.reading() as db:
        return [json.loads(line) for line in json_lines(db, chosen)]


# --- JSON Lines ----------------------------------------------------------------------------------------------------------


def test_json_lines_hold_all_of_it(database: Database) -> None:
    """Every line, sealed or not, with the ticket's key beside its id, names beside ids, and personal values as long as kept."""
    found = lines_of(database)
    assert [line["line"] for line in found] == list(range(1, 8))
    assert [line["position"] for line in found] == [1, 2, 3, 4, 5, None, None]
    assert [line["key"] for line in found] == ["", "SD-7", "SD-8", "SD-7", "desk-7", "SD-7", ""]
    assert found[1]["names"] == {"team": TEAMS, "priority": {"1": "High"}}
    assert found[1]["data"]["revision"] == 3
    assert found[4]["data"]["by"] == "anna@example.com"


def test_a_confidential_rule_stays_opaque(database: Database) -> None:
    """Where a confidential rule moved a ticket, no format names a team."""
    assert "names" not in lines_of(database)[2]
    with database.reading() as db:
        for form in (comma_separated, xes, ocel):
            assert "Network" not in "".join(form(db, Chosen(ticket="8")))


def auditor() -> str:
    """The program that the documentation gives to an auditor."""
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def audited(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    exec(auditor(), {"__name__": "__main__"})  # noqa: S102 - it is what the documentation says
    return capsys.readouterr().out


def test_an_auditor_checks_an_export_without_hoist(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The few lines of Python in the documentation find the chain of an export whole, and give the same head as hoist."""
    with database.reading() as db:
        text, head = "".join(json_lines(db, Chosen())), journal.head(db)
    assert audited(text, monkeypatch, capsys).split() == ["whole,", "head", str(head)]


@pytest.mark.parametrize(
    ("old", "new"),
    [('"escalated"', '"escalatad"'), ("anna@", "hanna@"), ("2500", "2501"), ("it waited", "it waitad"), ("SD-", "XX-"), ("", "")],
)
def test_an_auditor_finds_what_was_changed_in_an_export(
    database: Database, old: str, new: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word of a sealed line that was changed, or a line left out, is named. A ticket's key is not part of the chain."""
    with database.reading() as db:
        pieces = list(json_lines(db, Chosen()))
    text = "".join(piece.replace(old, new) for piece in pieces) if old else "".join(pieces[:2] + pieces[3:])
    said = audited(text, monkeypatch, capsys)
    assert ("whole" in said) == (old == "SD-")


def test_an_erased_value_is_erased_in_exports(tmp_path: Path) -> None:
    """What was erased is in no later export, and the commitment stays."""
    opened = open_database(tmp_path / "hoist.db")
    told(opened)
    erase(opened, "anna@example.com", 9_000)
    line = lines_of(opened)[4]
    assert line["data"]["by"] == "(erased)"
    assert [subject for _, subject, _ in line["personal"].values()] == [ANYBODY], "what is put in words names her nowhere"
    assert "anna" not in json.dumps(lines_of(opened))
    opened.close()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Chosen(source="desk"), [5]),
        (Chosen("jira", "7"), [2, 4, 6]),
        (Chosen(since=2_500, until=4_000), [3, 4]),
        (Chosen(source="jira", since=6_000), [6, 7]),
        (Chosen(until=0), []),
    ],
)
def test_what_is_wanted_is_chosen(database: Database, chosen: Chosen, expected: list[int]) -> None:
    """By source, by ticket, from an instant on and before another: each format gives the same lines."""
    assert [line["line"] for line in lines_of(database, chosen)] == expected
    of_tickets = [line for line in expected if line not in (1, 7)]
    with database.reading() as db:
        rows = list(csv.DictReader(io.StringIO("".join(comma_separated(db, chosen)))))
        log = ET.fromstring("".join(xes(db, chosen)).encode())  # noqa: S314
        events = json.loads("".join(ocel(db, chosen)))["events"]
    assert [int(row["line"]) for row in rows] == of_tickets
    assert sorted(int(number.attrib["value"]) for number in log.iter(f"{XES}int") if number in _lines(log)) == of_tickets
    assert [event["id"] for event in events] == [f"line {line}" for line in of_tickets]


def _lines(log: ET.Element) -> list[ET.Element]:
    return [number for event in log.iter(f"{XES}event") for number in event.findall(f"{XES}int")]


# --- event logs ------------------------------------------------------------------------------------------------------------


def test_csv_has_case_activity_timestamp_and_resource(database: Database) -> None:
    """Ids and keys, names of teams, who did it; what could be a formula in a table is none."""
    with database.reading() as db:
        rows = list(csv.DictReader(io.StringIO("".join(comma_separated(db, Chosen())))))
    first, said = rows[0], rows[3]
    assert (first["case_id"], first["activity"], first["timestamp"]) == (
        "jira:SD-7",
        "escalated",
        "1970-01-01T00:00:02.000+00:00",
    )
    assert (first["ticket"], first["key"], first["rules"]) == ("7", "SD-7", "late nobody-took-it")
    assert (first["team_before"], first["team_after"], first["priority_before"], first["priority_after"]) == (
        *TEAMS.values(),
        "",
        "High",
    )
    assert [row["resource"] for row in rows] == ["hoist", "hoist", "hoist", "anna@example.com", "hoist"]
    assert said["said"].startswith("'=1+1")


def test_xes_is_shaped_as_the_standard_says(database: Database) -> None:
    """IEEE 1849: extensions, globals, classifiers, then traces; each event has what the globals promise, in order of time."""
    with database.reading() as db:
        log = ET.fromstring("".join(xes(db, Chosen())).encode())  # noqa: S314
    order = [part.tag.removeprefix(XES) for part in log]
    ranks = ["extension", "global", "classifier", "string", "trace"]
    assert order == sorted(order, key=ranks.index)
    assert log.attrib == {"xes.version": "1849.2016", "xes.features": ""}
    prefixes = {part.attrib["prefix"] for part in log.findall(f"{XES}extension")}
    promised = {part.attrib["scope"]: {each.attrib["key"] for each in part} for part in log.findall(f"{XES}global")}
    traces = log.findall(f"{XES}trace")
    assert [_texts(trace)["concept:name"] for trace in traces] == ["desk:desk-7", "jira:SD-7", "jira:SD-8"]
    for trace in traces:
        assert promised["trace"] <= set(_texts(trace))
        events = trace.findall(f"{XES}event")
        stamps = [instant_of(event) for event in events]
        assert stamps == sorted(stamps)
        for event in events:
            keys = [each.attrib["key"] for each in event]
            assert promised["event"] <= set(keys)
            assert len(keys) == len(set(keys)), "keys are unique within an event"
            standard = [key for key in keys if key.split(":")[0] in {"concept", "time", "org"}]
            assert {key.split(":")[0] for key in standard} <= prefixes


def _texts(part: ET.Element) -> dict[str, str]:
    return {each.attrib["key"]: each.attrib["value"] for each in part.findall(f"{XES}string")}


def instant_of(event: ET.Element) -> int:
    (date,) = event.findall(f"{XES}date")
    return instant(datetime.fromisoformat(date.attrib["value"]))


def test_ocel_is_whole_in_itself(database: Database) -> None:
    """OCEL 2.0: every object and type that an event names is there, with the attributes that its type declares."""
    with database.reading() as db:
        log = json.loads("".join(ocel(db, Chosen())))
    assert set(log) == {"eventTypes", "objectTypes", "events", "objects"}
    declared = {kind["name"]: {each["name"] for each in kind["attributes"]} for kind in log["eventTypes"] + log["objectTypes"]}
    objects = {each["id"]: each for each in log["objects"]}
    assert len(objects) == len(log["objects"])
    for each in log["events"] + log["objects"]:
        assert {attribute["name"] for attribute in each["attributes"]} <= declared[each["type"]]
        assert {related["objectId"] for related in each["relationships"]} <= set(objects)
    first = log["events"][0]
    assert {(related["qualifier"], related["objectId"]) for related in first["relationships"]} == {
        ("ticket", "ticket jira:7"),
        ("because of", "rule nobody-took-it"),
        ("because of", "rule late"),
        ("from", "team jira:10"),
        ("to", "team jira:20"),
    }
    assert {value["name"]: value["value"] for value in objects["team jira:20"]["attributes"]}["name"] == "Network"


@given(st.text(), st.text(min_size=1))
def test_any_words_survive_as_events(database: Database, said: str, by: str) -> None:
    """Whatever a platform said and whoever did it: each file can be read, and holds the same words as far as the format can."""
    chosen = Chosen(since=10**6)
    with database.engine.connect() as db:
        db.exec_driver_sql("BEGIN IMMEDIATE")
        journal.append(db, "commented", 10**6, "desk", "7", by=by, said=said)
        (line,) = journal.lines(db, kind="commented")
        (row,) = csv.DictReader(io.StringIO("".join(comma_separated(db, chosen)), newline=""))
        log = ET.fromstring("".join(xes(db, chosen)).encode())  # noqa: S314
        (event,) = json.loads("".join(ocel(db, chosen)))["events"]
        db.exec_driver_sql("ROLLBACK")
    assert row["said"].removeprefix("'") == line.data["said"].removeprefix("'")
    shown = _texts(next(log.iter(f"{XES}event")))
    xml = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", line.data["said"])
    assert shown.get("said", "") == xml
    assert {value["name"]: value["value"] for value in event["attributes"]}.get("said", "") == line.data["said"]


def test_an_empty_journal_gives_empty_files(tmp_path: Path) -> None:
    """Nothing to tell is told in the right form."""
    opened = open_database(tmp_path / "hoist.db")
    with opened.reading() as db:
        assert list(json_lines(db, Chosen())) == []
        assert len("".join(comma_separated(db, Chosen())).splitlines()) == 1
        assert not ET.fromstring("".join(xes(db, Chosen())).encode()).findall(f"{XES}trace")  # noqa: S314
        assert json.loads("".join(ocel(db, Chosen())))["events"] == []
    opened.close()


def test_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times as many lines take no more memory to export, in any format."""
    monkeypatch.setattr(journal_events, "AT_ONCE", 50)
    opened = open_database(tmp_path / "hoist.db")
    peaks: dict[str, list[int]] = {}
    for number in (100, 900):
        with opened.transaction() as db:
            for at in range(number):
                journal.append(db, "said", at, "desk", str(at % 50), said="x" * 200)
        for form in (json_lines, comma_separated, xes, ocel):
            with opened.reading() as db:
                tracemalloc.start()
                for _ in form(db, Chosen()):
                    pass
                peaks.setdefault(form.__name__, []).append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
    opened.close()
    assert all(after < 2 * before for before, after in peaks.values()), peaks
