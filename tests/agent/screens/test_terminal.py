"""Texts of strangers on the screen."""

import io
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from agent.screens.lines import heading, say
from agent.screens.terminal import LogLines, Terminal, printable
from connectors.sandboxes.history import History
from rules.instants import Instant
from tests.agent import command_line
from tests.agent.command_line import small_desk

HOSTILE = "Mail \x1b[2J\x1b]0;owned\x07 down\x9b1m \u202ella si"


def printed(*lines: str) -> str:
    console = Terminal(file=io.StringIO(), width=200, force_terminal=False)
    for line in lines:
        heading(console, line, line)
        say(console, line, line)
        console.print(Text(line, "red"), soft_wrap=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@given(st.text(max_size=60))
def test_whatever_a_ticket_says_no_sign_reaches_the_terminal_that_it_would_obey(text: str) -> None:
    """Escape sequences in either form, backspaces, and signs that turn a line round are shown as their codes, or left out."""
    shown = printed(text)
    assert not {sign for sign in shown if sign not in "\n\t"} & {
        *map(chr, range(32)),
        *map(chr, range(127, 160)),
        *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    }


@pytest.mark.parametrize("text", ["Zażółć gęślą jaźń", "پرینتر نمی‌خواند", "VPN 👩‍💻 down", "a\u00a0b", "印刷できません"])
def test_letters_of_every_script_stay_as_they_are(text: str) -> None:
    """Accents, joined letters and emoji, and spaces that do not break a line are no commands."""
    assert printable(text) == text


def test_hoists_own_colours_stay() -> None:
    """On a terminal a problem is still red."""
    console = Terminal(file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False)
    console.print(Text("No \x1b[32mproblem", "red"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "\x1b[31mNo U+001B[32mproblem\x1b[0m\n"


def test_a_subject_that_would_clear_the_screen_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hoist why` shows the ticket's subject with the code of each such sign, but for the bell, which is left out."""
    monkeypatch.setattr(command_line, "small_desk", hostile_desk)
    with command_line.desk(tmp_path) as it:
        it.hoist("run", "--once")
        said = command_line.hoist("why", "jira:IT-1", "--config", it.config)
    assert "IT-1: Mail U+001B[2JU+001B]0;owned downU+009B1m U+202Ella si" in said.out
    assert said.out.replace("\n", "").isprintable()


def hostile_desk(now: Instant) -> History:
    """The small desk, whose first ticket was written by somebody hostile."""
    history = small_desk(now)
    first, *others = history.events
    return replace(history, events=[first._replace(fields={**first.fields, "summary": HOSTILE}), *others])


def test_a_line_of_the_log_is_made_printable() -> None:
    """What a helpdesk answered can't move the terminal by way of the log either."""
    record = logging.LogRecord("hoist", logging.WARNING, "", 0, "answered %s", ("\x1b[2J",), None)
    assert LogLines("%(message)s").format(record) == "answered U+001B[2J"
