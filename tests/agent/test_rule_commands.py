"""`hoist rules` at a terminal: test, explain, format, matrix, lint."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.instants import MINUTE, moment
from tests.agent.command_line import FORGOTTEN, ORGANISATION, RULES, TAKEN, Desk, desk, hoist

COMMANDS = ("lint", "test", "explain", "format", "matrix", "schema")
STORY = """\
stories:
  - story: Nobody took it
    ticket: {created: 2026-11-06 16:50, priority: P1, team: desk}
    fires:
      - {rule: nobody-took-it, at: 2026-11-06 17:05}
"""


@pytest.fixture
def protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A protocol in ./protocol, and no hoist.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOIST_CONFIG", raising=False)
    folder = tmp_path / "protocol"
    (folder / "tests").mkdir(parents=True)
    (folder / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        made.hoist("run", "--once")
        yield made


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    """`--help` says what it does and shows how it is called."""
    said = hoist("rules", command, "--help")
    assert said.code == 0
    assert f"hoist rules {command}" in said.words.split("Example", 1)[1]


# --- test ----------------------------------------------------------------------------------------------------------------


def test_stories_in_order_are_told(protocol: Path) -> None:
    """Without arguments those in protocol/tests; all as expected ends in 0."""
    (protocol / "tests" / "a.yaml").write_text(STORY, encoding="utf-8")
    said = hoist("rules", "test")
    assert said.code == 0
    assert "ok protocol/tests/a.yaml:2 Nobody took it" in said.words
    assert "1 story, all as expected" in said.words


def test_a_story_that_fails_shows_why(protocol: Path) -> None:
    """The timeline with what the rules did, and where each part of the rule held; exit code 1."""
    file = protocol / "tests" / "a.yaml"
    file.write_text(STORY.replace("17:05", "17:00"), encoding="utf-8")
    said = hoist("rules", "test", file)
    assert said.code == 1
    assert "FAILED" in said.words
    assert "nobody-took-it was to fire at Fri 2026-11-06 17:00; it fires at Fri 2026-11-06 17:05" in said.words
    assert "nobody-took-it holds from Fri 2026-11-06 17:05 on" in said.words
    found = hoist("rules", "test", file.parent, "--json").json
    assert found["failed"] == 1
    assert found["stories"][0]["fired"] == [{"rule": "nobody-took-it", "at": "2026-11-06T17:05:00Z", "steps": [1]}]


def test_stories_that_can_not_be_read_are_told_with_their_places(protocol: Path) -> None:
    """All problems at once, as of rules; exit code 1, nothing tested."""
    (protocol / "tests" / "a.yaml").write_text(STORY.replace("P1", "P7").replace("team: desk", "team: dsk"), encoding="utf-8")
    said = hoist("rules", "test")
    assert said.code == 1
    assert 'a.yaml:3:51: "P7": there is no such priority' in said.words
    assert 'did you mean "desk"?' in said.words
    assert "nothing was tested" in said.words


def test_without_a_story_it_says_how_to_get_one(protocol: Path) -> None:
    """No story is wrong use, not success."""
    said = hoist("rules", "test")
    assert (said.code, said.out) == (2, "")
    assert "--from SOURCE:KEY writes one" in said.err
    assert hoist("rules", "test", protocol / "nowhere.yaml").code == 2
    assert hoist("rules", "test", "--from", "jira:IT-1").code == 2
    assert hoist("rules", "test", "--rule", "nobody-took-it").code == 2


def test_a_story_is_written_from_a_real_ticket(it: Desk) -> None:
    """It stands beside the protocol, in the organisation's words, and is told at once: here it passes."""
    answer = it.hoist("why", f"jira:{FORGOTTEN}", "--json").json
    assert answer["rules"][0]["rule"] == "nobody-took-it"
    created = re.search(r"since (\d{4}-\d\d-\d\d \d\d:\d\d)", answer["rules"][0]["because"][-1])
    assert created is not None
    due = moment(0).strptime(f"{created[1]}+0000", "%Y-%m-%d %H:%M%z").timestamp() * 1000 + 15 * MINUTE
    at = moment(int(due)).strftime("%Y-%m-%d %H:%M")
    options = ("--config", it.config, "--from", f"jira:{FORGOTTEN}", "--should-fire", at, "--rule", "nobody-took-it")
    said = hoist("rules", "test", *options)
    file = it.folder / "protocol" / "tests" / "jira-it-1.yaml"
    text = file.read_text(encoding="utf-8")
    assert "priority: P2" in text
    assert "team: desk" in text
    assert 'story: "IT-1: No mail since noon"' in text
    assert f"Wrote {file}" in said.words
    assert "rule: nobody-took-it" in text
    assert (said.code, "1 story, all as expected" in said.words) == (0, True)
    again = hoist("rules", "test", *options)
    assert again.code == 2
    assert "is there already: --out names another file" in again.err


LADDER = """\
rules:
  - rule: nobody-took-it
    when: {status: [new, open], assignee: nobody}
    steps:
      - {after: 15 minutes, do: [{label: late}]}
      - {after: 45 minutes, do: [{label: later}]}
    repeat: {every: 10 minutes, at_most: 3}
"""


@pytest.mark.parametrize("rule", [["--rule", "nobody-took-it"], []])
def test_a_story_takes_the_step_that_fires_then(it: Desk, rule: list[str]) -> None:
    """Where a later step or a repetition is due at the instant, the story expects that one, and those before it."""
    it.write(rules=LADDER)
    answer = it.hoist("why", f"jira:{FORGOTTEN}", "--json").json
    since = re.search(r"since (\d{4}-\d\d-\d\d \d\d:\d\d)", answer["rules"][0]["because"][-1])
    assert since is not None
    created = int(moment(0).strptime(f"{since[1]}+0000", "%Y-%m-%d %H:%M%z").timestamp() * 1000)
    at = moment(created + 55 * MINUTE).strftime("%Y-%m-%d %H:%M")
    said = hoist("rules", "test", "--config", it.config, "--from", f"jira:{FORGOTTEN}", "--should-fire", at, *rule)
    text = (it.folder / "protocol" / "tests" / "jira-it-1.yaml").read_text(encoding="utf-8")
    assert re.findall(r"- \{rule: nobody-took-it, at: [^,}]+(?:, step: (\d))?\}", text) == ["", "2", "3"]
    assert (said.code, "1 story, all as expected" in said.words) == (0, True)


def test_a_story_of_a_ticket_that_should_have_escalated_fails_until_the_rule_is_mended(it: Desk) -> None:
    """The ticket that was taken did not escalate; the story says what stood in the way."""
    out = it.folder / "taken.yaml"
    options = ("--config", it.config, "--from", f"jira:{TAKEN}", "--should-fire", "2030-01-01 12:00", "--out", out)
    said = hoist("rules", "test", *options)
    assert said.code == 1
    assert out.exists()
    assert "no rule fires at Tue 2030-01-01 12:00" in said.words


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--should-fire", "at noon", "expected a date and time such as 2026-11-06 16:50"),
        ("--should-fire", "1999-01-01 12:00", "no rule fires before there is a ticket: jira:IT-1 was created at"),
        ("--rule", "nobody-tok-it", "did you mean nobody-took-it?"),
        ("--from", "jira:IT-99", "is not mirrored"),
        ("--from", "jra:IT-1", "did you mean jira:IT-1?"),
    ],
)
def test_a_story_of_nothing_is_refused(option: str, value: str, sentence: str, it: Desk) -> None:
    """A wrong instant, rule, ticket or source is wrong use, told in words; no file is written."""
    chosen = {"--from": "jira:IT-1", "--should-fire": "2030-01-01 12:00", "--rule": "nobody-took-it"} | {option: value}
    said = hoist("rules", "test", "--config", it.config, *(word for pair in chosen.items() for word in pair))
    assert said.code == 2
    assert sentence in said.words
    assert not (it.folder / "protocol" / "tests").exists()


# --- explain -------------------------------------------------------------------------------------------------------------


def test_rules_are_explained_with_a_date(protocol: Path) -> None:
    """A file beside its organisation, or the whole protocol."""
    for arguments in ([], [protocol], [protocol / "rules.yaml"]):
        said = hoist("rules", "explain", *arguments)
        assert said.code == 0
        assert "arrives on Friday 15 January 2027 at 16:50 UTC without an owner escalates on Friday at 17:05." in said.words
    (found,) = hoist("rules", "explain", protocol, "--json").json
    assert (found["rule"], found["escalates"]) == ("nobody-took-it", ["2027-01-15T17:05:00Z"])
    assert hoist("rules", "explain", protocol / "organisation.yaml").words.startswith("0 rules")


# --- format --------------------------------------------------------------------------------------------------------------


def test_files_are_formatted_and_checked(protocol: Path) -> None:
    """`--check` writes nothing and ends in 1; a run writes, ends in 0, and leaves nothing to do."""
    file = protocol / "rules.yaml"
    untidy = RULES.replace("title:", "Title:") + "# the end\n"
    file.write_text(untidy, encoding="utf-8")
    checked = hoist("rules", "format", "--check")
    assert checked.code == 1
    assert '3:5 "Title" -> title' in checked.words
    assert file.read_text(encoding="utf-8") == untidy
    assert hoist("rules", "format", "--json").json[0]["changes"][0]["written"] == "title"
    assert file.read_text(encoding="utf-8") == RULES + "# the end\n"
    again = hoist("rules", "format", "--check")
    assert again.code == 0
    assert "Everything is in the one form" in again.words


def test_a_file_that_is_wrong_is_not_formatted(protocol: Path) -> None:
    """It is left as it is, with the problems told."""
    file = protocol / "rules.yaml"
    file.write_text(RULES.replace("title:", "Titel:"), encoding="utf-8")
    said = hoist("rules", "format")
    assert said.code == 2
    assert 'did you mean "title"?' in said.err
    assert "Titel" in file.read_text(encoding="utf-8")


# --- matrix --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_matrix_becomes_rules_that_load(protocol: Path, encoding: str) -> None:
    """What is printed can stand beside the other files, however the sheet was saved."""
    sheet = protocol.parent / "matrix.csv"
    sheet.write_bytes("Priorität,After,Who\nP1,15,network\nP2,1 hour,eva@example.com\n".encode(encoding))
    said = hoist("rules", "matrix", sheet)
    assert said.code == 0
    (protocol / "matrix.yaml").write_text(said.out, encoding="utf-8")
    linted = hoist("rules", "lint", "--json").json
    assert (linted["rules"], linted["problems"]) == (3, [])
    assert "escalate: {chain: it, to: network}" in said.out


def test_a_matrix_with_mistakes_names_their_cells(protocol: Path) -> None:
    """Row and column of each, nothing on standard output, exit code 1."""
    sheet = protocol.parent / "matrix.csv"
    sheet.write_text("Priority,After,Who\nP9,15,netwrk\n", encoding="utf-8")
    said = hoist("rules", "matrix", sheet)
    assert (said.code, said.out) == (1, "")
    assert 'matrix.csv:2:1: "P9": there is no such priority' in said.words
    assert 'matrix.csv:2:3: "netwrk"' in said.words
    assert len(hoist("rules", "matrix", sheet, "--json").json["problems"]) == 2
    assert hoist("rules", "matrix", protocol / "nowhere.csv").code == 2


# --- lint and why --------------------------------------------------------------------------------------------------------


def test_lint_takes_a_cut_text_for_something_to_look_at(protocol: Path) -> None:
    """A hint is about spelling; a text that lost its end is not what was meant."""
    (protocol / "rules.yaml").write_text(RULES.replace("title: Nobody took it", "title: Room #5 was cut"), encoding="utf-8")
    said = hoist("rules", "lint")
    assert said.code == 1
    assert 'rules.yaml:3:12: "Room": the text ends before "#5 was cut"' in said.words


def test_lint_finds_what_no_source_could_be_given(protocol: Path) -> None:
    """A rule that can be read and not judged is named at once, and not only when a helpdesk is there."""
    impossible = RULES.replace("    for: 15 minutes\n", "    clock: 2 business days\n    calendar: office\n")
    office = "  office: {time_zone: Europe/Amsterdam, hours: {mon-fri: '09:00-17:00'}}\nteams:\n"
    (protocol / "organisation.yaml").write_text(ORGANISATION.replace("teams:\n", office), encoding="utf-8")
    (protocol / "rules.yaml").write_text(impossible, encoding="utf-8")
    said = hoist("rules", "lint")
    assert said.code == 1
    assert "a clock sums up hours, not business days" in said.words


def test_why_shows_one_rule_part_by_part(it: Desk) -> None:
    """With `--rule` each part of the condition stands below what it is a part of, for a rule that does not hold too."""
    said = it.hoist("why", f"jira:{TAKEN}", "--rule", "nobody-took-it")
    assert said.code == 0
    assert "- for 15 minutes" in said.words
    depths = {line.strip()[2:24]: line.index("-") for line in said.out.splitlines() if line.strip().startswith("- ")}
    assert (depths["for 15 minutes (the sta"[:22]], depths["the assignee is nobody"]) == (2, 6)
    assert 'wanting "the assignee is nobody" is not so' in said.words
    found = it.hoist("why", f"jira:{TAKEN}", "--rule", "nobody-took-it", "--json").json["rules"][0]
    assert found["tree"]["holds"] is False
    assert [part["holds"] for part in found["tree"]["parts"][0]["parts"]] == [True, False]
    assert found["wanting"] == ['"the assignee is nobody" is not so']
    whole = it.hoist("why", f"jira:{TAKEN}", "--json").json["rules"][0]
    assert whole["tree"] is None


def test_json_is_one_document(protocol: Path) -> None:
    """Every command that answers says so to machines as well."""
    (protocol / "tests" / "a.yaml").write_text(STORY, encoding="utf-8")
    sheet = protocol / "m.csv"
    sheet.write_text("Priority,After,Who\nP1,15,network\n", encoding="utf-8")
    for arguments in (["lint"], ["test"], ["explain"], ["format"], ["matrix", sheet]):
        json.loads(hoist("rules", *arguments, "--json").out)
