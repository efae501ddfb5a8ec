"""Markers tell hoist's own writes apart, and tell nobody else anything."""

from __future__ import annotations

import pytest

from agent.store.installation import Installation
from agent.write_back.markers import marker

HERE = Installation("here", b"k" * 32)


@pytest.mark.parametrize(
    "other",
    [
        marker(Installation("there", b"k" * 32), "desk", "desk:7/1/fields"),
        marker(Installation("here", b"j" * 32), "desk", "desk:7/1/fields"),
        marker(HERE, "other", "desk:7/1/fields"),
        marker(HERE, "desk", "desk:7/1/comment"),
        marker(HERE, "deskdesk:7", "/1/fields"),
    ],
)
def test_a_marker_names_one_operation_of_one_installation(other: str) -> None:
    """Another installation, key, source or operation has another marker."""
    assert marker(HERE, "desk", "desk:7/1/fields") != other


def test_a_marker_is_the_same_tomorrow_and_says_nothing() -> None:
    """It can be looked for after a restart; 32 hexadecimal digits, no word of the rule or ticket in it."""
    made = marker(HERE, "desk", "desk:7/secret-rule/1/0")
    assert made == marker(Installation("here", b"k" * 32), "desk", "desk:7/secret-rule/1/0")
    assert len(made) == 32
    assert set(made) <= set("0123456789abcdef")


def test_the_key_is_shown_nowhere() -> None:
    """An installation that lands in a log or a traceback shows its identity alone."""
    assert "k" * 8 not in f"{HERE} {HERE!r}"
