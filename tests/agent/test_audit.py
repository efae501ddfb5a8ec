"""Whether the protocol was followed, as `hoist audit` says it, ticket by ticket."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agent.audit import Options, audit
from agent.past import Wanted
from agent.report.render import page
from agent.screens.audit import data
from rules.instants import DAY
from tests.agent.command_line import Desk, Said, desk, hoist
from tests.agent.test_backtest import ORGANISATION, RULES, folder
from tests.shared import shared

__all__ = ["folder"]

LOG = """\
id,at,state,team,who,priority
IN-TIME,2026-03-02T08:00:00Z,New,Desk,,high
IN-TIME,2026-03-02T08:20:00Z,New,Network,nora,high
LATE,2026-03-02T08:00:00Z,New,Desk,,high
LATE,2026-03-02T10:00:00Z,Active,Network,nora,high
NEVER,2026-03-02T08:00:00Z,New,Desk,,high
NEVER,2026-03-03T08:00:00Z,Resolved,Desk,rick,high
WRONG,2026-03-02T08:00:00Z,New,Desk,,high
WRONG,2026-03-02T08:30:00Z,New,Other,nora,high
WRONG,2026-03-02T09:30:00Z,New,Other,nora,high
FREE,2026-03-02T08:00:00Z,New,Desk,,<script>alert(1)</script>
FREE,2026-03-02T09:00:00Z,Resolved,Desk,rick,high
"""
ONE_RULE = RULES.split("  - rule: still-new", maxsplit=1)[0].replace(
    "    for: 15", "    unless: [{priority: P2}]\n    protocol: INC-PR-04 section 5.2\n    for: 15"
)


@pytest.fixture
def audited(folder: Path) -> Path:
    (folder / "log.csv").write_text(
        LOG.replace("<script>alert(1)</script>", "low").replace("rick,high\nE", "rick,low\nE"), "utf-8"
    )
    rows = (folder / "log.csv").read_text("utf-8").replace("FREE,2026-03-02T09:00:00Z,Resolved,Desk,rick,high", "")
    (folder / "log.csv").write_text(rows + "FREE,2026-03-02T09:00:00Z,Resolved,Desk,rick,low\n", "utf-8")
    organisation = ORGANISATION.replace("[{name: P1, old: high}]", "[{name: P1, old: high}, {name: P2, old: low}]")
    (folder / "own" / "organisation.yaml").write_text(organisation, encoding="utf-8")
    (folder / "own" / "rules.yaml").write_text(ONE_RULE, encoding="utf-8")
    return folder


def run(*more: str) -> Said:
    return hoist("audit", "--log", "log.csv", "--mapping", "mapping.yaml", "--rules", "own", *more)


def test_each_step_that_was_due_has_an_outcome_with_its_clause(audited: Path) -> None:
    """Done by hand in time, late, never, to another tier, or held back by a named exception: each with the written clause."""
    said = run("--rows", "rows.csv", "--json")
    with (audited / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["ticket"]: row for row in csv.DictReader(file)}
    assert {ticket: row["outcome"] for ticket, row in rows.items()} == {
        "IN-TIME": "done by hand",
        "LATE": "done by hand, late",
        "NEVER": "skipped",
        "WRONG": "moved to another tier",
        "FREE": "held back",
    }
    assert {row["clause"] for row in rows.values()} == {"INC-PR-04 section 5.2"}
    assert "exception: the priority is P2" in rows["FREE"]["why"]
    assert (said.code, said.json["steps"], said.json["followed"]) == (1, 5, 2)


def test_the_sample_is_drawn_by_its_seed(audited: Path) -> None:
    """The same seed draws the same tickets, whoever runs it and whenever."""
    assert audited.exists()
    one, again = (run("--seed", "7", "--json").json["sample"] for _ in range(2))
    assert one == again
    assert len(one) == 5


def test_the_report_is_one_page_without_script_or_network(audited: Path) -> None:
    """Five sentences and five figures first; no script, nothing from elsewhere, every chart inside, the data beside it."""
    run("--report", "report.html")
    text = (audited / "report.html").read_text(encoding="utf-8")
    seen = Seen()
    seen.feed(text)
    assert not seen.tags & {"script", "link", "img", "iframe", "object"}
    assert "svg" in seen.tags
    assert not [value for value in seen.addresses if "//" in value]
    first = text.split("</section>", maxsplit=1)[0]
    assert (first.count("<p>"), first.count("<li>")) == (5, 5)
    assert json.loads((audited / "report.json").read_text(encoding="utf-8"))["steps"] == 5


def test_what_people_wrote_is_never_markup(audited: Path) -> None:
    """A ticket, a team or a reason that looks like HTML is text in the report."""
    rows = (audited / "log.csv").read_text("utf-8").replace("NEVER", "<b>N</b>").replace("Other", "<i>O</i>")
    (audited / "log.csv").write_text(rows, encoding="utf-8")
    run("--report", "report.html")
    text = (audited / "report.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;N&lt;/b&gt;" in text
    assert "<i>O" not in text


def test_a_report_with_pseudonyms_names_nobody(audited: Path) -> None:
    """Teams go by made-up names, the same one throughout; tickets keep their keys."""
    run("--report", "report.html", "--pseudonyms")
    text = (audited / "report.html").read_text(encoding="utf-8")
    assert "Network" not in text
    assert "team 1" in text
    assert "NEVER" in text


def test_what_changed_since_the_last_report_is_said(audited: Path) -> None:
    """An earlier report's data is compared number by number; anything else is refused."""
    run("--report", "before.html")
    rows = (audited / "log.csv").read_text("utf-8").replace("LATE,2026-03-02T10:00", "LATE,2026-03-02T08:25")
    (audited / "log.csv").write_text(rows, encoding="utf-8")
    said = run("--before", "before.json", "--json")
    assert "done by hand, late: 1 then, 0 now" in said.json["changed"]
    assert run("--before", "log.csv").code == 2


def test_hoists_own_steps_are_told_from_its_record(tmp_path: Path) -> None:
    """What hoist wrote counts as done by hoist, under the version of the rules that decided it, with the journal's head."""
    with desk(tmp_path) as it:
        it.hoist("run", "--once")
        said = it.hoist("audit", "--json")
    entries = [entry for entries in said.json["sample"] for entry in entries]
    by_hoist = [entry for entry in entries if entry["outcome"].startswith("done by hoist")]
    assert by_hoist
    assert {entry["version"] for entry in by_hoist} == {said.json["rules_version"]}
    assert said.json["journal_head"]["position"] > 0
    assert isinstance(it, Desk)


def test_the_published_figures_of_the_volvo_log_come_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ping-pong, returns, team changes, waits and reopenings are those that were published on BPIC 2013."""
    monkeypatch.chdir(tmp_path)
    log = shared() / "data" / "bpic2013_incidents.csv.gz"
    found = data(audit(Options(Wanted(log=log)), lambda _done, _whole: None))
    desk_data = found["desk"]
    back = desk_data["ping_pong"]
    assert round(100 * back["tickets"] / desk_data["tickets"], 2) == 15.58
    assert (back["pairs"][0]["teams"], back["pairs"][0]["times"]) == (["D8", "V37 2nd"], 84)
    assert (desk_data["returned"], desk_data["moved"], desk_data["moved_twice"]) == (1258, 3820, 2056)
    assert round(next(wait["days"] for wait in desk_data["waits"] if wait["status"] == "Wait - User")) == 19309
    assert round(100 * desk_data["reopened"] / desk_data["resolved"], 2) == 6.89
    assert round(100 * (1 - desk_data["resolved"] / desk_data["tickets"]), 2) == 25.03
    assert found["late_after"] < DAY
    assert page(found).startswith("<!DOCTYPE html>")


class Seen(HTMLParser):
    """The tags of a page, and whatever it refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "data", "action"}]
