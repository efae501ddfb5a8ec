"""What hoist says in a comment is text and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.jira.wiki import inert

_ENTITIES = {"&amp;": "&", "&#92;": "\\", "&#58;": ":", "&#46;": "."}


def shown(markup: str) -> str:
    """What a reader sees of quoted markup: entities as their characters, backslashes not at all."""
    return re.sub(r"&(?:amp|#\d\d);|\\(.)", lambda found: found[1] or _ENTITIES[found[0]], markup, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("Without an owner for 20 minutes.", "Without an owner for 20 minutes."),
        ("label hoist-hold, snake_case", "label hoist-hold, snake_case"),
        ("[~anna] {color:red}now{color}", r"\[\~anna\] \{color:red\}now\{color\}"),
        ("*bold* -gone- _it_", r"\*bold\* \-gone\- \_it\_"),
        ("https://evil.example", "https&#58;//evil.example"),
        ("h1. Title\nbq. Quote", "h1&#46; Title\nbq&#46; Quote"),
        ("C:\\temp & more", "C:&#92;temp &amp; more"),
        ("!image.png! #1 ||a|", r"\!image.png\! \#1 \|\|a\|"),
    ],
)
def test_markup_is_quoted(text: str, markup: str) -> None:
    """Mentions, macros, links, headings, images and emphasis lose their meaning; ordinary words stay as they are."""
    assert inert(text) == markup


@given(st.text(max_size=200))
def test_a_reader_sees_what_was_written(text: str) -> None:
    """Quoting takes nothing away and adds nothing that a reader would see."""
    assert shown(inert(text)) == text.strip()


@given(st.text(alphabet=st.sampled_from("[]{}|!~^*a \\"), max_size=80))
def test_no_brace_or_bracket_is_left_to_act(text: str) -> None:
    """Not one character that begins a macro, a link or a mention is left unquoted."""
    assert not re.search(r"(?<!\\)[\[\]{}|!~^*]", inert(text))


def test_a_long_text_is_cut() -> None:
    """A comment is never longer than Jira takes, and a cut leaves no half quote."""
    cut = inert("[" * 40_000)
    assert len(cut) <= 32_000
    assert cut.endswith("[…")
