"""Which version of a row can be read when, whoever saves it and however long the transaction takes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.servicenow.site.moments import stored
from connectors.servicenow.site.store import Row, Store
from connectors.servicenow.site.tables import tables

TABLES = tables()
SAVES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 5),  # seconds since the save before
        st.one_of(st.none(), st.integers(0, 12)),  # seconds until it is committed; at once for None
        st.booleans(),  # a deletion, where there is something to delete
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(SAVES, st.integers(0, 5))
def test_a_row_is_seen_as_its_last_committed_save_left_it(
    saves: list[tuple[str, int, int | None, bool]], pause: int
) -> None:  # fmt: skip
    """At any instant each row is what the last transaction that is committed by then made of it, by every way to read it."""
    store, now = Store(TABLES, 0), 0
    commits: dict[str, list[tuple[int, Row | None]]] = {"a": [], "b": [], "c": []}
    for number, (sys_id, wait, takes, deletes) in enumerate(saves):
        now += wait * 1_000
        held_by_others = max((until for until, _ in commits[sys_id]), default=0)
        if takes is None:
            commits[sys_id] = [(min(until, now), row) for until, row in commits[sys_id]]
        until = now if takes is None else max(now + takes * 1_000, held_by_others)
        row = {"sys_id": sys_id, "sys_updated_on": stored(now), "number": f"INC{number}"}
        if deletes and store.latest("incident", sys_id):
            store.remove("incident", sys_id, None if takes is None else until)
            commits[sys_id].append((until, None))
        else:
            store.put("incident", row, None if takes is None else now + takes * 1_000)
            commits[sys_id].append((until, row))
        _agrees(store, commits, now)
    _agrees(store, commits, now + pause * 1_000)
    _agrees(store, commits, now + 60_000)


def _agrees(store: Store, commits: dict[str, list[tuple[int, Row | None]]], now: int) -> None:
    expected = {}
    for sys_id, versions in commits.items():
        seen = [row for until, row in versions if until <= now]
        if seen and seen[-1]:
            expected[sys_id] = seen[-1]
        assert store.get("incident", sys_id, now) == expected.get(sys_id)
    assert {row["sys_id"]: row for row in store.every("incident", now)} == expected
    low, high = stored(0), stored(now)
    among = [row for row in store.stamped("incident", low, high, now) if low <= row["sys_updated_on"] <= high]
    assert among == sorted(expected.values(), key=lambda row: (row["sys_updated_on"], row["sys_id"]))
    for row in expected.values():
        having = store.having("incident", "number", [row["number"]], now)
        assert having is not None
        assert row in list(having)
