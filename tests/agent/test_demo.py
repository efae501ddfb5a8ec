import csv
import io
import json
import re
import signal
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from agent.demo.evidence import Evidence
from agent.demo.figures import figures
from agent.demo.organisation import Place, dressed, protocol
from agent.demo.outage import AT_EACH
from agent.demo.story import Names, eventful, told
from agent.demo.together import OUTAGE, wrong_numbers
from agent.in_force.protocol_files import library
from agent.store.clusters import Event as ClusterEvent
from connectors.sandboxes.history import Event, History, Person, Status
from connectors.sandboxes.record import FoundComment
from rules.instants import DAY, HOUR, MINUTE, Instant, instant, moment
from rules.rulebook import load
from rules.ticket import Actor, Change, Kind, Message, Ticket, TicketRef
from rules.world import Directory
from rules.world import Person as KnownPerson
from tests.agent.command_line import HOIST, Said, hoist

SOURCE = "jira-cloud"
MONDAY = instant(moment(0).replace(year=2026, month=3, day=2, hour=6))

OWN_RULES = """\
rules:
  - rule: nobody-at-first-line
    when: {status: [new, open], assignee: nobody, tier: {chain: it-support, in: first-line}, priority: {at_least: P4}}
    for: 10 minutes
    calendar: always
    do:
      - escalate: it-support
      - comment: "Nobody for {held}. Moved to {team}."
  - rule: silence
    when: {status: [new, open], silent: 2 business hours}
    calendar: office
    do: [{label: silent}]
    repeat: {every: 1 hour, at_most: 1}
"""


def demo(*arguments: str | Path) -> Said:
    """A demo of an hour at one small desk, unless the arguments say otherwise."""
    return hoist("demo", "--platform", "jira", "--for", "1h", "--tickets", "30", *arguments)


# --- what comes out ------------------------------------------------------------------------------------------------------


def test_the_demo_shows_escalations_and_checks_them(tmp_path: Path) -> None:
    """A demo ends with a table, one ticket's story, and the sentence that everything agrees; the exit code is 0."""
    said = hoist("demo", "--platform", "jira", "--for", "6h", "--tickets", "100", "--json", tmp_path / "out.json")
    assert said.code == 0
    assert re.search(r"Checked: (\d+) escalations in the helpdesk's own record, \1 expected", said.words)
    assert "hoist, internal note:" in said.out
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert found["mirrored"] >= 100
    assert found["looks"] >= found["mirrored"]
    assert sum(found["firings"].values()) == found["written"] == found["expected"] == found["found"] > 0
    assert (found["superseded"], found["failed"], found["mismatches"]) == (0, 0, [])
    assert len(found["escalations"]) <= found["written"]
    assert all(each["firings"] and not each["public"] for each in found["escalations"])
    assert found["history"]["cases"] == found["mirrored"]


@pytest.mark.parametrize("platform", ["servicenow", "zendesk", "jira:data-center"])
def test_every_platform_plays_the_demo(tmp_path: Path, platform: str) -> None:
    """One helpdesk alone: its own record agrees with one evaluation of its history."""
    out = tmp_path / "out.json"
    said = hoist("demo", "--platform", platform, "--for", "4h", "--tickets", "80", "--json", out)
    assert said.code == 0, said.out
    summary = json.loads(out.read_text())
    assert summary["found"] == summary["expected"] > 0
    assert "outage" not in summary["firings"]


def test_a_demo_without_options_is_of_all_platforms(tmp_path: Path) -> None:
    """Three helpdesks under one set of rules, and an outage that none of them sees alone: all of it is in the checked summary."""
    out = tmp_path / "out.json"
    said = hoist("demo", "--for", "4h", "--tickets", "15", "--json", out)
    assert said.code == 0, said.out
    summary = json.loads(out.read_text())
    desks = summary["sources"]
    assert desks.keys() == {"jira-cloud", "snow-prod", "zendesk-eu"}
    assert {source: desk["firings"]["outage"] for source, desk in desks.items()} == dict.fromkeys(desks, AT_EACH)
    assert summary["mismatches"] == []
    assert summary["found"] == summary["expected"] >= 3 * AT_EACH
    assert summary["written"] == sum(desk["written"] for desk in desks.values())


@pytest.mark.parametrize(("number", "wrong"), [(2, 0), (1, 1), (3, 1)])
def test_a_number_that_was_counted_wrongly_is_found(number: int, wrong: int) -> None:
    """Of three open tickets at two helpdesks two are others; whoever recorded one more or one fewer is told."""
    tickets = [about(OUTAGE.name, place, "open") for place in range(3)] + [
        about(OUTAGE.name, 3, "resolved"),
        about("vpn", 4, "open"),
    ]
    desks = [cast("Evidence", SimpleNamespace(tickets=part, bound=MINUTE, kept_back=0)) for part in (tickets[:2], tickets[2:])]
    assert len(list(wrong_numbers(desks, OUTAGE, [ClusterEvent(MONDAY, number)]))) == wrong


def about(service: str, number: int, status: str) -> Ticket:
    fields = {"service": service, "status": status}
    ref, created = TicketRef("any", str(number)), MONDAY - HOUR
    return Ticket(ref=ref, key=str(number), url="", version="1", created=created, known=MONDAY, fields=fields)


def test_the_same_demo_is_the_same_everywhere(tmp_path: Path) -> None:
    """The same options give the same summary to the last figure, whatever the machine is doing; another seed another one."""
    texts = []
    for number, seed in enumerate((5, 5, 6)):
        file = tmp_path / f"{number}.json"
        assert (
            hoist("demo", "--platform", "jira", "--for", "3h", "--tickets", "60", "--seed", str(seed), "--json", file).code == 0
        )
        texts.append(file.read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_rules_of_ones_own_use_the_names_of_the_demo(tmp_path: Path) -> None:
    """Own rules may name its teams, chain, priorities and calendars, run live, and are checked like the shipped ones."""
    (tmp_path / "mine.yaml").write_text(OWN_RULES, encoding="utf-8")
    out = tmp_path / "out.json"
    said = hoist(
        "demo", "--platform", "jira", "--for", "4h", "--tickets", "200", "--rules", tmp_path / "mine.yaml", "--json", out
    )
    assert said.code == 0, said.out + said.err
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["firings"].keys() == {"nobody-at-first-line", "silence"}
    assert found["expected"] > 0
    assert f"The rules are those of {tmp_path / 'mine.yaml'}, every one live. They bring no organisation" in said.words
    assert "teams first-line, second-line, third-line, chain it-support" in said.words


def test_what_was_kept_can_be_asked_about(tmp_path: Path) -> None:
    """With --store the demo's store and settings stay, and hoist why answers from them, in the modes that the demo ran."""
    (tmp_path / "mine.yaml").write_text(OWN_RULES.replace("    do:", "    mode: watch\n    do:"), encoding="utf-8")
    kept = tmp_path / "kept"
    said = demo("--for", "4h", "--tickets", "80", "--rules", tmp_path / "mine.yaml", "--store", kept)
    assert f"hoist why --config {kept}/hoist.yaml jira-cloud:KEY" in said.out
    story = re.search(r"^(IT-\d+): ", said.out, re.MULTILINE)
    assert story is not None
    answer = hoist("why", "--config", kept / "hoist.yaml", f"jira-cloud:{story[1]}", "--json")
    assert answer.code == 0
    assert {rule["mode"] for rule in answer.json["rules"]} == {"live"}
    assert any("was written at" in done for rule in answer.json["rules"] for done in rule["done"])


# --- options that do not work --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--for", "soon"], "--for: 'soon' is no length of time; write it like"),
        (["--for", "0h"], "--for: '0h' is no length of time"),
        (["--platform", "remedy"], "--platform: there is no connector for the platform 'remedy'"),
        (["--platform", "jira:server"], "has no edition 'server'; there are: jira:cloud, jira:data-center"),
        (["--platform", "zendesk:suite"], "--platform: the platform 'zendesk' has no edition 'suite'; it has none"),
        (["--platform", "memory"], "--platform: the platform 'memory' has no sandbox"),
        (["--for", "9999d"], "--for: 9999d is too long for a demo; 1000 days at most"),
        (["--at", "0001-01-01T00:00:00Z"], "--at: choose an instant between 1990"),
        (["--at", "9999-12-31T23:59:59Z"], "--at: choose an instant between 1990"),
        (["--at", "2026-03-02T06:00:00.250Z"], "--at: 2026-03-02T06:00:00.250Z is no whole second"),
        (["--history", "{tmp}/none.csv"], "none.csv can't be read"),
        (["--history", "{tmp}/log.csv"], "these columns are not known: a, b"),
        (["--history", "{tmp}/log.csv", "--mapping", "{tmp}/none.yaml"], "none.yaml can't be read"),
        (["--mapping", "{tmp}/none.yaml"], "--mapping says what the columns of a log mean; name the log with --history"),
        (["--rules", "{tmp}/none.yaml"], "there is no"),
        (["--rules", "{tmp}/empty"], "holds no *.yaml file"),
        (["--rules", "{tmp}/wrong.yaml"], '"third-lin": there is no such team'),
        (["--rules", "{tmp}/wrong.yaml"], 'did you mean "third-line"?'),
        (["--json", "{tmp}/no/such/folder.json"], "--json: {tmp}/no/such/folder.json can't be written"),
        (["--store", "{tmp}/log.csv"], "--store: {tmp}/log.csv can't be made"),
        (["--store", "{tmp}"], "--store: {tmp} is not empty; name a new folder"),
    ],
)
def test_options_that_make_no_sense_are_said_at_once(arguments: Sequence[str], sentence: str, tmp_path: Path) -> None:
    """A wrong option is answered with a sentence and exit code 2, before anything is played."""
    (tmp_path / "log.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    wrong = "rules:\n  - {when: {team: third-lin}, rule: x, do: [{label: x}]}\n"
    (tmp_path / "wrong.yaml").write_text(wrong, encoding="utf-8")
    said = demo(*(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert said.code == 2
    assert sentence.replace("{tmp}", str(tmp_path)) in said.words
    assert "Traceback" not in said.err


def test_rules_for_another_helpdesk_are_refused(tmp_path: Path) -> None:
    """Rules that bring an organisation of their own must fit the demo's helpdesk."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "o.yaml").write_text(
        "format: 1\nteams: {desk: {jira-cloud: Helpdesk}}\nchains: {it: [desk]}\n"
        "rules:\n  - {rule: x, when: {status: open}, do: [{escalate: it}]}\n",
        encoding="utf-8",
    )
    said = demo("--rules", tmp_path / "rules")
    assert said.code == 2
    assert "jira-cloud has no team 'Helpdesk'" in said.words


def test_a_demo_that_was_killed_harms_no_later_one(tmp_path: Path) -> None:
    """After kill -9 in the middle, the folder that was kept is refused with a sentence, and another demo runs."""
    kept = tmp_path / "kept"
    command = [*HOIST, "demo", "--platform", "jira", "--tickets", "30", "--store", str(kept)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        assert "A sandbox Jira at" in child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=30)
    assert (kept / "hoist.db").exists()
    assert "is not empty; name a new folder" in demo("--store", kept).err
    assert demo("--store", tmp_path / "another").code == 0


# --- logs of other desks -------------------------------------------------------------------------------------------------


def a_log(folder: Path, columns: Sequence[str]) -> tuple[Path, Path]:
    """An event log with these columns beside case, time and status, and its mapping."""
    rows = []
    for case in range(12):
        at = MONDAY + case * 20 * MINUTE
        rows.append((at, f"C{case}", "waiting", "Helpdesk", "urgent", ""))
        if case % 3 == 0:
            rows.append((at + HOUR, f"C{case}", "working", "Backoffice", "urgent", "bob"))
        if case % 4 == 0:
            rows.append((at + 3 * HOUR, f"C{case}", "done", "Backoffice", "normal", "bob"))
    text = io.StringIO()
    known = ["team", "priority", "assignee"]
    writer = csv.writer(text)
    writer.writerow(["when", "case", "state", *columns])
    for at, case_id, state, *more in sorted(rows):
        values = dict(zip(known, more, strict=True))
        writer.writerow([moment(at).isoformat(), case_id, state, *(values[column] for column in columns)])
    (folder / "log.csv").write_text(text.getvalue(), encoding="utf-8")
    mapping = {
        "columns": {"issue": "case", "at": "when", "status": "state", **{column: column for column in columns}},
        "statuses": {"waiting": "new", "working": "indeterminate", "done": "done"},
    }
    (folder / "mapping.json").write_text(json.dumps(mapping), encoding="utf-8")
    return folder / "log.csv", folder / "mapping.json"


@pytest.mark.parametrize("columns", [[], ["team"], ["priority"], ["assignee"], ["team", "priority", "assignee"]])
def test_a_log_may_lack_teams_lines_and_priorities(columns: Sequence[str], tmp_path: Path) -> None:
    """Whatever a log leaves out, the demo's organisation fits it, its rules load, and the check agrees."""
    log, mapping = a_log(tmp_path, columns)
    said = hoist("demo", "--history", log, "--mapping", mapping, "--for", "5h", "--json", tmp_path / "out.json")
    assert said.code == 0, said.out + said.err
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (found["mirrored"], found["mismatches"]) == (12, [])
    assert found["expected"] > 0


def test_an_instant_outside_the_log_is_refused_with_its_bounds(tmp_path: Path) -> None:
    """--at beyond a log's ends is answered with where the log begins and ends."""
    log, mapping = a_log(tmp_path, [])
    said = hoist("demo", "--history", log, "--mapping", mapping, "--at", "2025-01-01T00:00:00Z")
    assert said.code == 2
    assert "the log goes from 2026-03-02T06:00:00Z to 2026-03-02T11:40:00Z; choose an instant in it" in said.words


@pytest.mark.parametrize("priorities", [(), ("Only",), ("A", "B"), tuple(f"Level {n}" for n in range(1, 9))])
@pytest.mark.parametrize("teams", [(), ("Second line",), ('Quoted "Team": #1', "- dash", "é")])
def test_the_organisation_of_the_demo_always_loads(priorities: Sequence[str], teams: Sequence[str]) -> None:
    """For any teams and priorities of a log, and for none, the demo's files are a rulebook without a mistake."""
    events = [Event(MONDAY, "1", "ann", {"status": "new", "team": team, "line": "L2"}) for team in teams]
    people = {"ann": Person("ann", "Ann")}
    statuses = (Status("new", "new"),)
    log = History("LOG", "Log", people, statuses, priorities, teams, (), (), {}, events or [Event(MONDAY, "1", "ann", {})])
    history = dressed(log)
    loaded = load(protocol([Place(SOURCE, history, history.priorities)], None), library())
    assert [rule.id for rule in loaded.rulebook.rules] == ["nobody-took-it", "unanswered", "bounced", "stuck-at-tier"]
    organisation = loaded.rulebook.organisation
    assert list(organisation.teams) == ["first-line", "second-line", "third-line"]
    assert all(team.sources[SOURCE] for team in organisation.teams.values())
    assert [tier.team for tier in organisation.chains["it-support"].tiers] == list(organisation.teams)


# --- figures -------------------------------------------------------------------------------------------------------------


def ticket(number: int, teams: Sequence[str], by: str = "") -> Ticket:
    """A ticket that went through these teams, an hour in each; `by` holds s for each move by staff, h for hoist's."""
    moves = []
    for place, (old, new) in enumerate(pairwise(teams), start=1):
        kind = Kind.OWN_ACCOUNT if by[place - 1 : place] == "h" else Kind.STAFF
        at = MONDAY + place * HOUR
        moves.append(Change(at, at, place, f"{number}-{place}", "team", old, new, Actor("ann", kind)))
    ref = TicketRef(SOURCE, str(number))
    fields = {"team": teams[-1], "subject": "Printer", "requester": "rick"}
    return Ticket(ref, f"IT-{number}", "http://x", "1", MONDAY, MONDAY + DAY, fields, tuple(moves))


def test_figures_count_moves_and_returns_over_whole_lives() -> None:
    """A return is a move to a team that had the ticket before; every further one counts."""
    found = figures([ticket(1, "ABABA"), ticket(2, "ABC"), ticket(3, "A"), ticket(4, "ABA")])
    assert found["cases"] == 4
    assert found["changes"] == found["team_changes"] == 8
    assert found["tickets_with_team_changes"] == 3
    assert found["returns_to_former_team"] == 4
    assert (found["tickets_returned"], found["tickets_returned_twice"]) == (2, 1)


def test_figures_leave_out_what_hoist_did() -> None:
    """A ticket that hoist lifted and a person put elsewhere counts as the person's one move; put back, as none."""
    lifted, put_back = ticket(1, "ABC", "hs"), ticket(2, "ABA", "hs")
    found = figures([lifted, put_back])
    assert (found["team_changes"], found["returns_to_former_team"]) == (1, 0)
    assert found["changes"] == 2


# --- the story -----------------------------------------------------------------------------------------------------------

NAMES = Names(
    Directory(
        {"A": "Service Desk", "B": "Identity and Access Management"}, {}, {}, {"ann": KnownPerson("ann", "Ann Marie de Groot")}
    ),
    {"rick": "Rick van den Requester"},
)


def story(width: int, subject: Ticket, comments: Sequence[FoundComment]) -> list[str]:
    out = io.StringIO()
    told(Console(file=out, width=width, color_system=None), subject, comments, NAMES, ZoneInfo("Europe/Amsterdam"))
    return out.getvalue().splitlines()


def comment(at: Instant, text: str, *, public: bool = False) -> FoundComment:
    return FoundComment("1", at, ("0" * 32,), public, text)


@pytest.mark.parametrize("width", [80, 120])
def test_a_story_fits_its_terminal(width: int) -> None:
    """Lines end before the edge, continued ones begin under the text, and no name is broken in two."""
    text = "Stuck at one tier\nIn work at first-line for two days and three hours without an end, which is far too long for it."
    lines = story(width, ticket(1, "ABABABA", "hshshs"), [comment(MONDAY + HOUR, text)])
    assert max(map(len, lines)) <= width
    assert all(re.match(r"\w{3} \d\d \w{3} \d\d:\d\d  \S| {18}\S", line) for line in lines[2:])
    joined = "\n".join(lines)
    for name in ("Service Desk", "Identity and Access Management", "Ann Marie de Groot", "Rick van den Requester"):
        assert name in joined
        assert len(re.findall(r"\s+".join(name.split()), joined)) == joined.count(name)
    assert "hoist, internal note: Stuck at one tier" in joined


def test_a_story_names_people_and_tells_internal_from_public() -> None:
    """Accounts are shown by name; what the requester can read is told from what they can't."""
    said = Message(MONDAY + MINUTE, MONDAY, "1", Actor("ann", Kind.STAFF), public=True)
    noted = Message(MONDAY + 2 * MINUTE, MONDAY, "2", Actor("ann", Kind.STAFF), public=False)
    asked = Message(MONDAY + 3 * MINUTE, MONDAY, "3", Actor("rick", Kind.REQUESTER), public=True)
    made = ticket(1, "AB", "h")
    made = Ticket(made.ref, made.key, made.url, "1", made.created, made.known, made.fields, made.changes, (said, noted, asked))
    text = "\n".join(story(120, made, [comment(MONDAY + HOUR, "Leaked", public=True)]))
    for sentence in (
        "created by Rick van den Requester",
        "Ann Marie de Groot answered",
        "Ann Marie de Groot left an internal note",
        "Rick van den Requester (the requester) wrote",
        "hoist: team Service Desk -> Identity and Access Management",
        "hoist, TO THE REQUESTER: Leaked",
    ):
        assert sentence in text


def test_a_long_story_keeps_its_beginning_and_its_end() -> None:
    """Of a ticket with many changes the middle is left out, and how much of it is said."""
    lines = story(120, ticket(1, "AB" * 40), [])
    assert len(lines) == 32
    assert sum("more ..." in line for line in lines) == 1
    assert lines[2].endswith("created by Rick van den Requester")


def test_the_story_is_that_of_the_most_eventful_ticket() -> None:
    """The ticket that hoist wrote to most is told; where it wrote to none, none is."""
    tickets = [ticket(1, "ABA"), ticket(2, "AB")]
    assert eventful(tickets, []) is None
    chosen = eventful(tickets, [comment(MONDAY, "once")])
    assert chosen is tickets[0]
