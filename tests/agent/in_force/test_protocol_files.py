"""What lies in a protocol's folder beside files of the protocol, and files that can't be read."""

import os
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.in_force.protocol_files import load_protocol, stamp, texts
from rules.rulebook import Problem, RulebookError
from tests.rules.protocol_texts import ORGANISATION, RULES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A protocol in good shape."""
    (tmp_path / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def problems(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(RulebookError) as refused:
        load_protocol(folder)
    return refused.value.problems


@pytest.mark.parametrize("name", [".#rules.yaml", "._rules.yaml", ".rules.yaml", ".rules.yml"])
def test_hidden_files_are_none_of_the_protocols(folder: Path, name: str) -> None:
    """An editor's lock, of which Emacs makes a link that leads nowhere, or what a Mac leaves beside a file."""
    before = stamp(folder)
    (folder / name).write_bytes(b"\x00\x05\x16\x07")
    (folder / ".#organisation.yaml").symlink_to("anna@laptop.4711")
    assert load_protocol(folder).rulebook.rules
    assert stamp(folder) == before


def test_a_folder_with_the_name_of_a_file_is_named(folder: Path) -> None:
    """With what is to be done about it; the other files' mistakes are told beside it."""
    (folder / "sub.yaml").mkdir()
    (folder / "rules.yaml").write_text(RULES.replace("when:", "whenn:"), encoding="utf-8")
    said = [str(problem) for problem in problems(folder)]
    assert any("sub.yaml:1:1" in each and "a folder and no file: move its files up" in each for each in said)
    assert any('did you mean "when"?' in each for each in said)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    """Reading it would hang until somebody writes to it."""
    os.mkfifo(folder / "later.yaml")
    (problem,) = problems(folder)
    assert (problem.file, problem.expected) == (
        "later.yaml",
        "no regular file but a pipe or a device: put a file in its place",
    )
    with pytest.raises(ConfigError, match="no regular file"):
        texts(folder / "later.yaml")


def test_a_file_in_another_encoding_hides_no_other_mistake(folder: Path) -> None:
    """Line and column of its first foreign byte are told, the other files are read, and no name of it is called unknown."""
    (folder / "more.yaml").write_bytes("teams:\n  café: {jira-cloud: Café}\n".encode("latin-1"))
    rules = RULES.replace("[P1, P2]", "P9").replace("network\n", "netwrok\n") + "  - {rulle: x}\n"
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    found = problems(folder)
    foreign = next(problem for problem in found if problem.file == "more.yaml")
    assert (foreign.line, foreign.column) == (2, 6)
    assert "save the file as that" in foreign.expected
    assert "rulle" in {problem.text for problem in found}
    assert not any("there is no such" in problem.expected for problem in found)


def test_a_file_that_is_no_rule_file_by_its_size_is_not_read(folder: Path) -> None:
    """A log or an image under the name of a rule file costs no memory."""
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(10 * 1024 * 1024 * 1024)
    (problem,) = problems(folder)
    assert "larger than" in problem.expected
