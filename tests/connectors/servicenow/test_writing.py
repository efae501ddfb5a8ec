"""What hoist writes: marks that nobody can forge or lose, priorities along the instance's own lookup, and a guard before each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Mark
from connectors.errors import Conflict, GiveUp, Unsupported
from connectors.judging import as_it_is
from connectors.servicenow.marking import inert, is_marker_alone, last_mark, markers_in, note_of, operation_of
from connectors.servicenow.priorities import Lookup, Pair, lookup_of
from connectors.servicenow.writing import checked_labels, column_of, guard, update_of
from rules.escalation import FieldChange, Operation, OperationKind
from rules.ticket import UNKNOWN, TicketRef, Value
from tests.connectors.servicenow.rows import DESK, NETWORK, TICKET, cell, incident

REF = TicketRef("snow", TICKET)
MATRIX = {Pair(str(impact), str(urgency)): str(impact + urgency - 1) for impact in (1, 2, 3) for urgency in (1, 2, 3)}
HASH = st.text("0123456789abcdef", min_size=4, max_size=32)


def operation(*changes: tuple[str, Any, Any], **more: Any) -> Operation:
    kind = OperationKind.COMMENT if "comment" in more else OperationKind.FIELDS
    return Operation("k", kind, REF, **({"marker": "5f3a", "changes": tuple(FieldChange(*each) for each in changes)} | more))


class Known:
    """An instance's priorities."""

    def __init__(self, lookup: dict[Pair, str] | None = None) -> None:
        self.made = Lookup(MATRIX if lookup is None else lookup)

    def priorities(self) -> dict[str, str]:
        return {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"}

    def lookup(self) -> Lookup:
        return self.made

    def called(self, field: str, value: Value) -> str:
        return self.priorities().get(str(value)) or as_it_is(field, value)


# --- markers ---------------------------------------------------------------------------------------------------------


@given(HASH, st.lists(HASH, max_size=3), st.one_of(st.just(""), HASH), st.integers(0, 2**45), st.text(max_size=200))
def test_a_marker_comes_back_whatever_the_comment_says(
    marker: str, firings: list[str], installation: str, at: int, text: str
) -> None:  # fmt: skip
    """Each note names its operation, its firings and the hoist that wrote it, beside any text at all."""
    made = operation(
        marker=marker, firing_markers=tuple(firings), installation=installation, installed_at=7, planned_at=at, comment=text
    )
    note = note_of(made)
    assert operation_of(note) == marker
    assert markers_in(note) == {marker, *firings}
    assert last_mark(["", note, "x"]) == (Mark(marker, installation, 7, at) if installation else None)
    assert is_marker_alone(note) is (not text)


@given(st.text(), HASH)
def test_no_text_can_pose_as_a_marker(text: str, forged: str) -> None:
    """A comment that quotes somebody's marker bears hoist's own and no other."""
    made = operation(comment=f"{text} [hoist {forged} t=1]")
    assert operation_of(note_of(made)) == "5f3a"
    assert operation_of(inert(f"{text} [hoist {forged} t=1]")) == ""


@pytest.mark.parametrize("text", ["[code]<b>x</b>[/code]", "[CODE]x[/Code]", "@[0f3c:Anna Visser] look"])
def test_nothing_becomes_markup_or_a_mention(text: str) -> None:
    """What a journal would show as HTML, or take for a mention, is text and stays readable."""
    made = inert(text)
    assert made.replace("\u200b", "") == text
    assert "[code]" not in made.casefold()
    assert "@[" not in made


def test_a_long_comment_keeps_its_marker() -> None:
    """A comment that is longer than a journal entry is cut, and its marker is not."""
    note = note_of(operation(comment="word " * 2_000))
    assert len(note) <= 4_000
    assert operation_of(note) == "5f3a"
    assert "…" in note


# --- priorities ------------------------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(MATRIX, key=str)), st.sampled_from(["1", "2", "3", "4", "5"]))
def test_a_pair_gives_the_priority_and_moves_least(now: Pair, wanted: str) -> None:
    """The pair that is written gives the priority that was asked for, and keeps the impact wherever it can."""
    pair = Lookup(MATRIX).pair_for(wanted, now)
    assert pair is not None
    assert MATRIX[pair] == wanted
    assert pair == now or MATRIX[now] != wanted
    kept = [each for each, priority in MATRIX.items() if priority == wanted and each.impact == now.impact]
    assert not kept or pair.impact == now.impact


def test_a_lookup_of_ones_own() -> None:
    """Rows that are switched off don't count, of two rows for one pair the first does, and values may be any text."""
    rows = [
        {"impact": "high", "urgency": "1", "priority": "1", "active": "true"},
        {"impact": "high", "urgency": "1", "priority": "9"},
        {"impact": "2", "urgency": "1", "priority": "2", "active": "false"},
        {"impact": "", "urgency": "1", "priority": "3"},
    ]
    lookup = lookup_of(rows)
    assert lookup.of == {Pair("high", "1"): "1"}
    assert lookup.pair_for("1", Pair("2", "2")) == Pair("high", "1")
    assert lookup.pair_for("2", Pair("2", "2")) is None


def test_an_update_says_what_changes() -> None:
    """Team and person by sys_id, nothing by an empty text, a priority with what it is computed from."""
    made = operation(("team", DESK, NETWORK), ("assignee", "x", None), ("priority", "3", "1"))
    body = update_of(made, incident(), Known())
    assert body == {
        "assignment_group": NETWORK,
        "assigned_to": "",
        "priority": "1",
        "impact": "1",
        "urgency": "1",
        "work_notes": note_of(made),
    }


def test_a_priority_is_written_alone_where_nothing_is_computed() -> None:
    """Tables whose priority is a plain field, and instances whose lookup may not be read, get the priority alone."""
    made = operation(("priority", "3", "1"))
    for row, known in ((incident(sys_class_name=cell("sc_task")), Known()), (incident(), Known({}))):
        assert update_of(made, row, known).keys() == {"priority", "work_notes"}


def test_what_can_not_be_written() -> None:
    """A priority that the instance has not, and a field that no task has, are refused before anything is sent."""
    with pytest.raises(GiveUp, match="ServiceNow has no priority 9; it has 1 - Critical"):
        update_of(operation(("priority", "3", "9")), incident(), Known())
    with pytest.raises(Unsupported, match="restricted_to"):
        column_of(REF, "restricted_to")
    for label in ("a,b", "a^b", "javascript:x", " "):
        with pytest.raises(Unsupported):
            checked_labels(REF, [label])


# --- guard -----------------------------------------------------------------------------------------------------------


def test_a_row_as_it_was_read_passes() -> None:
    """What is as it was read, or is already what it shall be, is written; a value that was never known is no hindrance."""
    guard(operation(("team", DESK, NETWORK), base="0@2026-11-23 04:00:00"), incident(), as_it_is)
    guard(operation(("team", NETWORK, DESK)), incident(), as_it_is)
    guard(operation(("team", UNKNOWN, NETWORK)), incident(), as_it_is)
    guard(operation(("assignee", None, "x")), incident(), as_it_is)


def test_a_row_that_moved_on_does_not_pass() -> None:
    """Another update since, or another value, and the ticket is read afresh first."""
    with pytest.raises(Conflict, match="update 1, by anna"):
        guard(operation(base="0@2026-11-23 04:00:00"), incident(sys_mod_count="1", sys_updated_by="anna"), as_it_is)
    with pytest.raises(Conflict, match="team is"):
        guard(operation(("team", NETWORK, "f" * 32)), incident(), as_it_is)
