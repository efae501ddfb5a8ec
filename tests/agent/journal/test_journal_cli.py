"""`hoist journal` as a person at a terminal uses it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.config import load_settings
from agent.errors import ConfigError
from agent.store import journal
from agent.store.database import open_database
from agent.store.journal import Personal
from rules.instants import DAY
from tests.agent.command_line import FORGOTTEN, SOLVED, Desk, Said, desk, hoist


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on which hoist did its work; no test changes anything there."""
    with desk(tmp_path_factory.mktemp("desk")) as made:
        made.hoist("run", "--once")
        yield made


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        made.hoist("run", "--once")
        yield made


def asked(it: Desk, command: str, *arguments: str) -> Said:
    return hoist("journal", command, "--config", it.config, *arguments)


def told(it: Desk) -> None:
    """Somebody approved something; nobody sealed it yet."""
    with closing(open_database(it.folder / "hoist.db")) as store, store.transaction() as db:
        journal.append(db, "approved", 1, "jira", by=Personal("anna@example.com"))


def tampered(it: Desk, statement: str) -> None:
    with closing(sqlite3.connect(it.folder / "hoist.db")) as db:
        db.execute(statement)
        db.commit()


def with_settings(it: Desk, written: dict[str, object]) -> None:
    it.config.write_text(json.dumps({"sources": {"jira": it.settings()}, "journal": written}), encoding="utf-8")


# --- head, verify ----------------------------------------------------------------------------------------------------------


def test_a_run_leaves_a_sealed_journal(whole: Desk) -> None:
    """After hoist run everything is sealed; verify, head and status name one and the same head."""
    said, found = asked(whole, "verify"), asked(whole, "verify", "--json")
    assert (said.code, found.code, found.json["whole"], found.json["not_sealed_yet"]) == (0, 0, True, 0)
    assert f"The journal is whole: {found.json['lines']} lines" in said.words
    assert asked(whole, "head").out.splitlines()[0] == found.json["head"]
    assert asked(whole, "head", "--json").json["head"] == found.json["head"]
    status = whole.hoist("status")
    assert found.json["head"] in status.words
    assert whole.hoist("status", "--json").json["journal"]["head"] == found.json["head"]


def test_a_head_that_was_kept_is_compared(it: Desk) -> None:
    """The head of before goes on being good after more lines; that of another journal does not, and the code is 1."""
    before = asked(it, "head").out.splitlines()[0]
    told(it)
    after = asked(it, "head").out.splitlines()[0]
    assert after != before
    good = asked(it, "verify", "--head", before)
    assert (good.code, "It is the one that the given head was taken from." in good.words) == (0, True)
    other = asked(it, "verify", "--head", before[:-1] + ("0" if before[-1] != "0" else "1"))
    assert other.code == 1
    assert "the chain has another hash than the head that was given" in other.words
    wrong = asked(it, "verify", "--head", "12")
    assert (wrong.code, wrong.out) == (2, "")
    assert "write it as hoist journal head shows it" in wrong.err


@pytest.mark.parametrize(
    ("tampering", "line", "said"),
    [
        ("update journal set data = '{}' where line = 2", 2, "it was changed after it was sealed"),
        ("delete from journal where line = 1", 2, "line 1 is missing before it"),
        ("update journal set at = 0", 1, "it was changed after it was sealed"),
    ],
)
def test_a_changed_journal_is_noticed(tampering: str, line: int, said: str, it: Desk) -> None:
    """A line that was changed or taken out behind hoist's back is named with what to do, and the code is 1."""
    tampered(it, tampering)
    shown, found = asked(it, "verify"), asked(it, "verify", "--json")
    assert (shown.code, found.code, found.json["whole"]) == (1, 1, False)
    assert found.json["findings"][0]["line"] == line
    assert f"line {line}: {said}" in shown.words
    assert "from a backup" in shown.words or "with a backup" in shown.words


def test_a_key_signs_the_head(it: Desk) -> None:
    """With a key in hoist.yaml heads are signed; another key is found out, and taken over by --sign-anew."""
    for number in (1, 2):
        (it.folder / f"key{number}").write_text(str(number) * 64)
    with_settings(it, {"signing_key": f"file:{it.folder / 'key1'}"})
    assert it.hoist("run", "--once").code == 0
    given = asked(it, "head").out.splitlines()[0]
    assert len(given.split(":")) == 3
    found = asked(it, "verify", "--head", given)
    assert (found.code, "signed by the key of hoist.yaml" in found.words) == (0, True)
    with_settings(it, {"signing_key": f"file:{it.folder / 'key2'}"})
    assert asked(it, "verify").code == 1
    assert asked(it, "head", "--sign-anew").code == 0
    assert asked(it, "verify").code == 0
    assert "1" * 64 not in asked(it, "export").out


def test_without_a_key_there_is_nothing_to_sign(whole: Desk) -> None:
    """--sign-anew without a key says where a key is named."""
    said = asked(whole, "head", "--sign-anew")
    assert (said.code, said.out) == (2, "")
    assert "journal: {signing_key: file:/path/of/the/key}" in said.err


def test_a_key_that_is_not_there_stops_a_run(it: Desk) -> None:
    """hoist run says that the key is missing before it does anything; no word of a key is ever shown."""
    with_settings(it, {"signing_key": "env:HOIST_NO_SUCH_KEY"})
    said = it.hoist("run", "--once")
    assert (said.code, said.out) == (2, "")
    assert "set the environment variable HOIST_NO_SUCH_KEY" in said.err


# --- export ----------------------------------------------------------------------------------------------------------------


def test_the_export_is_the_journal(whole: Desk) -> None:
    """As many lines as were counted, each following from the one before, the last one's hash being the head's."""
    found = asked(whole, "verify", "--json").json
    lines = [json.loads(line) for line in asked(whole, "export").out.splitlines()]
    assert [line["line"] for line in lines] == list(range(1, found["lines"] + 1))
    assert found["head"] == f"{lines[-1]['position']}:{lines[-1]['hash']}"
    assert [line["previous"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    assert {line["key"] for line in lines} == {"", FORGOTTEN}


def test_the_journal_of_one_ticket_is_exported(whole: Desk) -> None:
    """--ticket leaves all other tickets' lines out; a ticket without any gives none, and one that is not there is wrong use."""
    lines = [json.loads(line) for line in asked(whole, "export", "--ticket", f"jira:{FORGOTTEN}").out.splitlines()]
    assert {line["key"] for line in lines} == {FORGOTTEN}
    assert asked(whole, "export", "--ticket", f"jira:{SOLVED}").out == ""
    missing = asked(whole, "export", "--ticket", "jira:IT-99")
    assert (missing.code, missing.out) == (2, "")
    assert "jira:IT-99 is not mirrored" in missing.err


@pytest.mark.parametrize(("form", "begins"), [("csv", "case_id,activity"), ("xes", "<?xml"), ("ocel", '{"events"')])
def test_event_logs_are_exported(form: str, begins: str, whole: Desk) -> None:
    """Each format names the ticket by its key, and its teams by their names."""
    said = asked(whole, "export", "--format", form, "--source", "jira", "--since", "2020-01-01T00:00:00Z")
    assert said.code == 0
    assert said.out.startswith(begins)
    assert FORGOTTEN in said.out
    assert "Service Desk" in said.out
    later = asked(whole, "export", "--format", form, "--since", "2199-01-01T00:00:00Z")
    assert FORGOTTEN not in later.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "pdf"], "'pdf' is no format of an export; there are jsonl, csv, xes, ocel"),
        (["--source", "jra"], "has no source 'jra'; did you mean jira?"),
        (["--since", "yesterday"], "is no instant with its zone"),
        (["--source", "other", "--ticket", "jira:IT-1"], "jira:IT-1 is no ticket of other"),
    ],
)
def test_wrong_words_of_an_export_are_said(arguments: list[str], said: str, whole: Desk) -> None:
    """What is no format, source or instant is wrong use."""
    answer = asked(whole, "export", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.words


def test_a_line_that_is_no_json_any_more_stops_the_export(it: Desk) -> None:
    """An export of a garbled journal ends with a sentence that names hoist journal verify."""
    tampered(it, "update journal set data = 'garbled' where line = 1")
    said = asked(it, "export")
    assert (said.code, said.out) == (2, "")
    assert "hoist journal verify names it" in said.err


# --- erase, keep -----------------------------------------------------------------------------------------------------------


def test_a_person_is_erased_after_it_was_shown(it: Desk) -> None:
    """Dry first; with --yes the value is gone, the erasure is sealed, and the journal verifies."""
    told(it)
    dry = asked(it, "erase", "anna@example.com")
    assert dry.code == 0
    assert "To be erased: 1 value in 1 line" in dry.words
    assert "the same with --yes" in dry.words
    assert "anna@example.com" in asked(it, "export").out
    done = asked(it, "erase", "anna@example.com", "--yes", "--json")
    assert (done.json["done"], done.json["values"]) == (True, 1)
    assert "anna@" not in asked(it, "export").out
    found = asked(it, "verify", "--json")
    assert (found.code, found.json["erased"], found.json["not_sealed_yet"]) == (0, 1, 0)
    assert "No value in the journal is marked as theirs." in asked(it, "erase", "anna@example.com").words


def test_what_is_older_than_keep_goes(it: Desk) -> None:
    """hoist run removes what is older than journal.keep; verify says from where lines are kept and finds nothing wrong."""
    told(it)
    with closing(open_database(it.folder / "hoist.db")) as store, store.transaction() as db:
        db.exec_driver_sql("UPDATE journal SET at = 1 WHERE line <= 2")
        db.exec_driver_sql("UPDATE journal SET position = NULL, previous = NULL, hash = NULL")
        db.exec_driver_sql("DELETE FROM journal_heads")
    with_settings(it, {"keep": "400 days"})
    assert it.hoist("run", "--once").code == 0
    found = asked(it, "verify", "--json")
    assert (found.json["whole"], found.json["first"]) == (True, 3)
    assert "Lines up to 2 were removed for their age." in asked(it, "verify").words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{keep: often}", "journal.keep: 'often' is no length of time"),
        ("{kep: 400 days}", "kep is not known; did you mean keep?"),
        ("{signing_key: zq-the-key-itself}", "journal.signing_key: a secret is not written into a settings file"),
        ("yes", "expected a block: journal: with keep or signing_key"),
    ],
)
def test_wrong_settings_of_the_journal_are_listed(written: str, said: str, tmp_path: Path) -> None:
    """Each mistake is named with its place; what may be a key is not repeated."""
    file = tmp_path / "hoist.yaml"
    file.write_text(f"sources: {{desk: {{platform: memory}}}}\njournal: {written}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as found:
        load_settings(file, {})
    assert re.search(r"hoist\.yaml:2:\d+", str(found.value))
    assert said in str(found.value)
    assert "zq" not in str(found.value)


@pytest.mark.parametrize(("written", "keep"), [("{keep: 400 days}", 400 * DAY), ("{keep: none}", None), ("{}", None)])
def test_how_long_lines_are_kept_is_a_setting(written: str, keep: int | None, tmp_path: Path) -> None:
    """For a length of time, or for ever."""
    file = tmp_path / "hoist.yaml"
    file.write_text(f"sources: {{desk: {{platform: memory}}}}\njournal: {written}\n", encoding="utf-8")
    assert load_settings(file, {}).journal.keep == keep
