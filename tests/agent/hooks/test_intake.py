"""What has to be true of a call before hoist believes it, and what is kept of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from agent.clock import SteppedClock
from agent.hooks.intake import Answer, Believed, Intake
from agent.hooks.outcomes import Outcome
from agent.store.database import open_database
from agent.store.tables import deliveries
from connectors.zendesk.webhook import Webhook
from rules.instants import DAY, MINUTE, SECOND
from tests.agent.hooks.calls import NOW, Desk, event, signed


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with closing(open_database(tmp_path / "hoist.db")) as database:
        yield Desk(database)


def test_a_call_leaves_a_hint_and_wakes_the_pipeline(it: Desk) -> None:
    """A verified call is kept as the id of a ticket, and whoever reads tickets is told at once."""
    assert it.take(event()) is Outcome.ACCEPTED
    assert [(hint.ticket, hint.at) for hint in it.waiting()] == [("42", NOW)]
    assert it.announced == 1


def test_a_call_counts_once(it: Desk) -> None:
    """A delivery that is tried again counts once, and so does one event that two webhooks tell of."""
    assert it.take(event()) is Outcome.ACCEPTED
    assert it.take(event()) is Outcome.DUPLICATE
    assert it.take(event(), signed(event(), "i2")) is Outcome.DUPLICATE
    assert it.take(event(2), signed(event(2), "i3")) is Outcome.ACCEPTED
    assert [hint.number for hint in it.waiting()] == [2]


def test_a_call_counts_once_also_within_one_batch_and_after_a_restart(it: Desk, tmp_path: Path) -> None:
    """Repeats that arrive together are told apart, and a hoist that was started anew knows what came before."""
    call = it.intake.judged(it.intake.doors["zen"], signed(event()), event())
    assert isinstance(call, Believed)
    assert [answer.outcome for answer in it.intake.keep([call, call])] == [Outcome.ACCEPTED, Outcome.DUPLICATE]
    it.database.close()
    with closing(open_database(tmp_path / "hoist.db")) as database:
        assert Desk(database).take(event()) is Outcome.DUPLICATE


@pytest.mark.parametrize("ago", [5 * MINUTE + SECOND, -5 * MINUTE - SECOND])
def test_a_call_of_another_time_does_not_count(it: Desk, ago: int) -> None:
    """A call that was recorded and is sent again later does not count, nor one from the future."""
    assert it.take(event(), signed(event(), at=NOW - ago)) is Outcome.STALE
    assert it.waiting() == []


def test_what_is_forgotten_could_not_come_again(it: Desk) -> None:
    """Deliveries are forgotten after a week, so that the store does not grow for ever, and not before."""
    it.take(event())
    for later, known in ((6 * DAY, True), (8 * DAY, False)):
        it.clock.jump(NOW + later)
        it.take(event(2), signed(event(2), f"later {later}", it.clock.now()))
        with it.database.reading() as db:
            assert (NOW in db.execute(select(deliveries.c.at)).scalars().all()) is known


def test_of_a_storm_for_one_ticket_one_row_is_left(it: Desk) -> None:
    """Ten thousand hints of one ticket are one row to read."""
    door = it.intake.doors["zen"]
    calls = [it.intake.judged(door, signed(event(n), f"i{n}"), event(n)) for n in range(10_000)]
    it.intake.keep([call for call in calls if isinstance(call, Believed)])
    assert [(hint.ticket, hint.number) for hint in it.waiting()] == [("42", 10_000)]


def test_a_storm_with_duplicates_and_strangers_counts_each_event_once(it: Desk) -> None:
    """Of two thousand calls, a fifth of them repeated and a tenth with bad signatures, each event counts exactly once."""
    chance = random.Random(6)
    calls = [(signed(event(n, n % 50 + 1), f"i{n}"), event(n, n % 50 + 1)) for n in range(2_000)]
    calls += chance.sample(calls, 400)
    calls += [(signed(event(n), f"s{n}", secret="a guess"), event(n)) for n in range(200)]
    chance.shuffle(calls)
    judged = [it.intake.judged(it.intake.doors["zen"], *call) for call in calls]
    it.intake.keep([call for call in judged if isinstance(call, Believed)])
    assert it.counted() == {"accepted": 2_000, "duplicate": 400, "bad_signature": 200}
    assert sum(hint.number for hint in it.waiting()) == 2_000


def test_events_of_other_things_are_none_of_its_business(it: Desk) -> None:
    """An event that is not about a ticket is taken, so that the platform does not try again, and leaves nothing to read."""
    body = event(kind="user.role_changed")
    assert it.take(body) is Outcome.OTHER
    assert it.waiting() == []


def test_what_the_store_does_not_take_is_asked_for_again(it: Desk, tmp_path: Path) -> None:
    """Where a call can't be kept the answer is the one after which the platform delivers again, and that delivery counts."""
    (tmp_path / "hoist.db").rename(tmp_path / "elsewhere")
    assert it.intake.take("zen", signed(event()), event()) == Answer(Outcome.NOT_STORED, 409)
    (tmp_path / "elsewhere").rename(tmp_path / "hoist.db")
    assert it.take(event()) is Outcome.ACCEPTED


def test_a_refusal_is_said_but_not_each_time(it: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A thousand calls with a wrong secret are one line in ten minutes, which says what to compare, and no byte of theirs."""
    for _ in range(1_000):
        it.take(event(), signed(event(ticket=4_711), secret="a guess"))
    (line,) = caplog.messages
    assert "zen: a call on its webhook was not taken" in line
    assert "compare the webhook's secret" in line
    assert "4711" not in line


SIGNED = signed(event())
MUTATED = st.dictionaries(st.sampled_from([*SIGNED, "x-other"]), st.text(st.characters(max_codepoint=255), max_size=300))
BODIES = st.one_of(
    st.binary(max_size=2_000),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=50)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=20), inner, max_size=4)),
        max_leaves=20,
    ).map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(["id", "type", "subject", "ticket_id", "detail"]),
        st.one_of(st.integers(), st.text(max_size=40), st.none(), st.just("zen:ticket:7"), st.just("zen:event-type:ticket.x")),
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MUTATED, BODIES, st.sets(st.sampled_from([*SIGNED])))
def test_whatever_comes_nothing_unverified_is_kept(it: Desk, changed: dict[str, str], body: bytes, missing: set[str]) -> None:
    """Any headers with any body: an answer below 500, a reason that is counted, and nothing in the store."""
    headers = {name: value for name, value in (SIGNED | changed).items() if name not in missing}
    before = sum(it.counted().values())
    answer = it.intake.take("zen", headers, body)
    assert 400 <= answer.status < 500
    assert sum(it.counted().values()) == before + 1
    assert it.waiting() == []


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BODIES)
def test_a_signed_body_of_any_shape_is_taken_or_refused(it: Desk, body: bytes) -> None:
    """Whatever the platform itself signs, however odd, is answered, and only ids of tickets are ever kept."""
    assert it.intake.take("zen", signed(body), body).status in {204, 400}
    assert all(hint.ticket.isdigit() for hint in it.waiting())


def test_the_largest_body_is_the_platforms(it: Desk) -> None:
    """A body beyond what the platform ever sends is not even hashed."""
    body = b"x" * (Webhook.largest + 1)
    assert it.take(body) is Outcome.TOO_LARGE


def test_a_door_that_nobody_has_is_no_door(it: Desk) -> None:
    """A source without a webhook takes nothing."""
    with pytest.raises(KeyError):
        Intake(it.database, SteppedClock(NOW), [], it.intake.tally).take("zen", {}, b"")
