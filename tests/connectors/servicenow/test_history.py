"""Audit rows as saves: whatever order they come in, a ticket's past is told as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.servicenow.history import saves
from tests.connectors.servicenow.rows import audit

VALUES = st.sampled_from(["", "a", "b", "c", "d"])


@st.composite
def pasts(draw: st.DrawFn) -> list[tuple[int, str, dict[str, tuple[str, str]]]]:
    """Saves as they were made: second, who, and the moves of some columns."""
    now = {"team": draw(VALUES), "state": draw(VALUES)}
    made = []
    second = 0
    for _ in range(draw(st.integers(0, 12))):
        second += draw(st.integers(0, 2))
        columns = draw(st.sets(st.sampled_from(sorted(now)), min_size=1))
        moves = {column: (now[column], new) for column in sorted(columns) if (new := draw(VALUES)) != now[column]}
        if moves:
            made.append((second, draw(st.sampled_from(["anna", "bram"])), moves))
            now |= {column: new for column, (_, new) in moves.items()}
    return made


@given(pasts(), st.randoms())
def test_numbered_updates_are_told_exactly(past: list[tuple[int, str, dict[str, tuple[str, str]]]], chance: object) -> None:
    """Where the audit numbers its updates, every save is told as it was made, however the rows are shuffled."""
    rows = [
        {**audit(second, column, old, new, user, number), "sys_id": f"{number}{column}"}
        for number, (second, user, moves) in enumerate(past)
        for column, (old, new) in moves.items()
    ]
    chance.shuffle(rows)  # type: ignore[attr-defined]
    assert [(save.user, save.moves) for save in saves(rows)] == [(user, moves) for _, user, moves in past]


@given(pasts(), st.randoms())
def test_without_numbers_nothing_is_lost(past: list[tuple[int, str, dict[str, tuple[str, str]]]], chance: object) -> None:
    """Without numbers every change of value is still told once, in the order of seconds, whatever else of the order is lost."""
    rows = []
    for number, (second, user, moves) in enumerate(past):
        for column, (old, new) in moves.items():
            rows.append({**audit(second, column, old, new, user), "sys_id": f"{number}{column}"})
    chance.shuffle(rows)  # type: ignore[attr-defined]
    found = saves(rows)
    told = sorted((save.at, save.user, column, *move) for save in found for column, move in save.moves.items())
    assert [(user, column, old, new) for _, user, column, old, new in told] == [
        (user, column, old, new)
        for _, user, column, old, new in sorted(
            (second, user, column, old, new) for second, user, moves in past for column, (old, new) in moves.items()
        )
    ]
    assert [save.at for save in found] == sorted(save.at for save in found)
    assert len({save.id for save in found}) == len(found)


def test_a_column_that_moves_through_one_second() -> None:
    """Values that a person runs through within a second follow each other, and end where they ended."""
    rows = [audit(5, "state", "2", "3"), audit(5, "state", "1", "2"), audit(5, "state", "3", "6")]
    assert [save.moves["state"] for save in saves(rows)] == [("1", "2"), ("2", "3"), ("3", "6")]
