"""Whether the protocol was followed, as `hoist audit` says it, ticket by ticket."""

from __future__ import annotations

import csv
import json
import signal
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from agent.hindsight.audit import Options, audit
from agent.hindsight.past import Wanted
from agent.report.render import page
from agent.screens.audit import data
from agent.store import censuses
from agent.store.database import open_database
from rules.engine import evaluate
from rules.instants import DAY
from tests.agent.command_line import RULES as RULES_OF_THE_DESK
from tests.agent.command_line import Desk, Said, desk, hoist, real_time
from tests.agent.hindsight.test_backtest import ORGANISATION, RULES, folder
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


def test_the_report_shows_the_load_that_is_to_come(tmp_path: Path) -> None:
    """Of a mirror: what escalates within eight hours if nobody acts but hoist, by team and hour; a log has no such hours."""
    with desk(tmp_path) as it:
        later = RULES_OF_THE_DESK.replace("for: 15 minutes", "for: 5 hours")
        (it.folder / "protocol" / "rules.yaml").write_text(later, encoding="utf-8")
        it.hoist("run", "--once")
        it.hoist("audit", "--report", tmp_path / "report.html")
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["forecast"]
    assert (told["all"], told["teams"], sum(map(sum, told["numbers"]))) == (1, ["network"], 1)
    assert len(told["hours"]) in {8, 9}
    assert "What is to come" in text
    assert 'aria-label="Escalations to come, by team and hour"' in text


def test_long_and_hostile_names_stay_in_their_place(audited: Path) -> None:
    """A name of a hundred characters is cut in a chart and whole in its tooltip; one that closes a tag is text there as well."""
    name = "Operations & <b>Support</b></title></svg><script>alert(1)</script> " + "of the northern region " * 4
    rows = (audited / "log.csv").read_text("utf-8").replace("Other", name.strip())
    (audited / "log.csv").write_text(rows, encoding="utf-8")
    run("--report", "report.html")
    text = (audited / "report.html").read_text(encoding="utf-8")
    seen = Seen()
    seen.feed(text)
    assert "script" not in seen.tags
    assert "<script" not in text
    assert "Operations &amp; &lt;b&gt;Support..." in text
    assert f"<title>{escape(name.strip())}</title>" in text


# --- the span, the population, the end ---------------------------------------------------------------------------------------


def test_a_month_is_one_of_the_organisations_own_time_zone(audited: Path) -> None:
    """What is due half an hour before midnight in London belongs to the next month in Amsterdam."""
    place = audited / "own" / "organisation.yaml"
    place.write_text(place.read_text("utf-8").replace("time_zone: UTC", "time_zone: Europe/Amsterdam"), encoding="utf-8")
    rows = (audited / "log.csv").read_text("utf-8").replace("IN-TIME,2026-03-02T08:00:00Z", "IN-TIME,2026-02-28T23:15:00Z")
    (audited / "log.csv").write_text(rows, encoding="utf-8")
    march = run("--month", "2026-03", "--json").json
    assert (march["since"], march["until"]) == ("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z")
    assert {entry["ticket"] for entries in march["sample"] for entry in entries} == {"IN-TIME", "LATE", "NEVER", "WRONG", "FREE"}
    assert run("--month", "2026-02", "--json").json["steps"] == 0


@pytest.mark.parametrize("asked", [("2026-13",), ("march",), ("2026-03", "--since", "90d")])
def test_a_month_that_is_none_is_refused(audited: Path, asked: tuple[str, ...]) -> None:
    """No month, or a month and another span beside it: exit code 2 with what would do."""
    assert audited.exists()
    said = run("--month", *asked)
    assert said.code == 2
    assert "--month" in said.err


def test_the_sample_is_of_25_tickets_and_does_not_hang_on_the_order(audited: Path) -> None:
    """Of many tickets the seed draws 25, the same ones wherever they stand in the log; another seed draws others."""
    head = "id,at,state,team,who,priority\n"
    begun, ended = "2026-03-02T08:{0:02}:00Z,New,Desk,,high", "2026-03-03T08:00:00Z,Resolved,Desk,rick,high"
    pairs = [f"T{n},{begun.format(n)}\nT{n},{ended}\n" for n in range(60)]
    drawn = {}
    for name, order in (("forward", pairs), ("backward", pairs[::-1])):
        (audited / "log.csv").write_text(head + "".join(order), encoding="utf-8")
        sample = run("--json", "--seed", "3").json["sample"]
        assert all(entry["due"] and entry["outcome"] for entries in sample for entry in entries)
        drawn[name] = [entries[0]["ticket"] for entries in sample]
    assert drawn["forward"] == drawn["backward"]
    assert len(set(drawn["forward"])) == 25
    assert drawn["forward"] != [entries[0]["ticket"] for entries in run("--json", "--seed", "4").json["sample"]]


def test_the_population_stands_beside_the_helpdesks_own_count(tmp_path: Path) -> None:
    """How many tickets were read, and how many the helpdesk listed at the last census; a ticket that vanished is told."""
    with desk(tmp_path) as it:
        it.hoist("run", "--once")
        before = it.hoist("audit", "--json").json["population"]
        reconciled = [_counted(it, listed) for listed in (3, 5, 2)]
        it.hoist("audit", "--report", tmp_path / "report.html")
    assert (before["read"], before["counted_by_the_source"]) == (3, None)
    assert [each["not_accounted_for"] for each in reconciled] == [0, 2, -1]
    assert reconciled[0]["read_and_there_then"] == 3
    assert "-1 not accounted for" in (tmp_path / "report.html").read_text(encoding="utf-8")


def _counted(it: Desk, listed: int) -> dict[str, Any]:
    """What the audit says after a census of so many tickets."""
    store = open_database(it.folder / "hoist.db")
    now = real_time()
    with store.transaction() as db:
        census = censuses.begin(db, "jira", now)
        censuses.add(db, census, listed=listed)
        censuses.finish(db, census, now)
    store.close()
    found: dict[str, Any] = it.hoist("audit", "--json").json["population"]["counted_by_the_source"]
    return found


def test_an_audit_that_is_stopped_says_so_and_leaves_what_it_found(audited: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: the figures of the tickets that were read by then, the files are whole, and exit code 130."""

    def interrupted(*given: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return evaluate(*given)

    monkeypatch.setattr("agent.hindsight.audit.AT_ONCE", 1)
    monkeypatch.setattr("agent.hindsight.audit.evaluate", interrupted)
    said = run("--json", "--report", "report.html", "--rows", "rows.csv")
    assert (said.code, said.json["stopped"], said.json["population"]["read"]) == (130, True, 1)
    assert "Stopped before the end" in (audited / "report.html").read_text(encoding="utf-8")
    assert (audited / "rows.csv").read_text(encoding="utf-8").count("\n") == 1 + said.json["steps"]


class Seen(HTMLParser):
    """The tags of a page, and whatever it refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "data", "action"}]
