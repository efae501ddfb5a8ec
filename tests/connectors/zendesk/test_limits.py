"""Zendesk's limits: hoist takes its share, hears what answers say, and keeps still for as long as it is told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.answers import Answer, Limit, Reach
from connectors.zendesk.limits import Share, Updates, limit_of


def answer(status: int, **headers: str) -> Answer:
    return Answer(status, b"{}", 0, {name.replace("_", "-"): value for name, value in headers.items()})


def test_what_answers_say_of_limits() -> None:
    """The account's limit closes the source, a wait that nobody names is that request's, a ticket's holds that one alone."""
    assert limit_of(answer(200)) is None
    used_up = Limit(Reach.SOURCE, 45.0, "Zendesk's limit of requests is used up")
    assert limit_of(answer(429, Retry_After="45", X_Rate_Limit="700", X_Rate_Limit_Remaining="0")) == used_up
    assert limit_of(answer(429, Retry_After="45")) == Limit(Reach.KIND, 45.0)
    assert limit_of(answer(429, Retry_After="3")) == Limit(Reach.PACE, 3.0)
    assert limit_of(answer(429)) == Limit(Reach.PACE, None)
    told = {"zendesk_ratelimit_per_ticket_updates": "total=30; remaining=0; resets=468"}
    assert limit_of(answer(429, **told)) == Limit(Reach.TICKET, 468.0)
    older = {"Zendesk_Rate_Limit_tickets_update": "total=100; remaining=0; resets=30", "Retry_After": "30"}
    assert limit_of(answer(429, **older)) == Limit(Reach.KIND, 30.0)


def test_the_limit_of_an_endpoint_stops_nothing_else() -> None:
    """Where the exports of a minute are used up by all programs together, hoist goes on writing."""
    told = {"zendesk_ratelimit_incremental_exports": "total=10; remaining=0; resets=40", "X_Rate_Limit_Remaining": "600"}
    assert limit_of(answer(429, Retry_After="40", X_Rate_Limit="700", **told)) is None
    told["X_Rate_Limit_Remaining"] = "0"
    assert limit_of(answer(429, Retry_After="40", X_Rate_Limit="700", **told)) is not None


def test_backfill_leaves_the_last_fifth_to_others() -> None:
    """Once four fifths of the plan's requests are used, a first mirror and a census wait for the next minute."""
    assert limit_of(answer(200, X_Rate_Limit="700", X_Rate_Limit_Remaining="400")) is None
    near = limit_of(answer(200, X_Rate_Limit="700", X_Rate_Limit_Remaining="100", ratelimit_reset="12"))
    assert near == Limit(Reach.BACKFILL, 12.0)
    assert limit_of(answer(200, X_Rate_Limit="often", X_Rate_Limit_Remaining="-1")) is None


@given(st.integers(1, 50), st.lists(st.floats(0, 5), min_size=1, max_size=300))
def test_a_share_is_never_exceeded(most: int, gaps: list[float]) -> None:
    """However requests come, no minute sees more of them than the share."""
    now, taken = [0.0], []
    share = Share(most, 60.0, lambda: now[0])
    for gap in gaps:
        now[0] += gap
        if share.take() == 0.0:
            taken.append(now[0])
    for start in taken:
        assert sum(start <= at < start + 60.0 for at in taken) <= most


@given(st.floats(0, 1e6))
def test_a_wait_is_as_long_as_it_has_to_be(begin: float) -> None:
    """Whoever waits as long as told gets a place."""
    now = [begin]
    share = Share(2, 60.0, lambda: now[0])
    assert share.take() == share.take() == 0.0
    now[0] += share.take() + 1e-6
    assert share.take() == 0.0


def test_a_ticket_has_a_share_of_its_own() -> None:
    """The eleventh change of a ticket within ten minutes waits, for itself alone, and takes nothing from the others' share."""
    now = [0.0]
    updates = Updates(40, lambda: now[0])
    for _ in range(Updates.PER_TICKET):
        assert updates.take("1") == (0.0, False)
    seconds, alone = updates.take("1")
    assert (seconds, alone) == (600.0, True)
    for number in range(40 - Updates.PER_TICKET):
        assert updates.take(f"other {number}") == (0.0, False)
    assert updates.take("one too many") == (60.0, False)
    now[0] = 61.0
    assert updates.take("one too many") == (0.0, False)


def test_the_last_fifth_of_the_updates_is_for_people() -> None:
    """Once people and programs have used eighty of the hundred updates of a minute, hoist waits until there is room again."""
    now = [0.0]
    updates = Updates(40, lambda: now[0])
    updates.heard(answer(200, zendesk_ratelimit_tickets_update="total=100; remaining=20; resets=25"))
    assert updates.take("1") == (0.0, False)
    updates.heard(answer(200, zendesk_rate_limit_tickets_update="total=100; remaining=19; resets=25"))
    assert updates.take("2") == (25.0, False)
    now[0] = 25.0
    assert updates.take("2") == (0.0, False)
    updates.heard(answer(200, zendesk_ratelimit_per_ticket_updates="total=30; remaining=0; resets=400"))
    updates.heard(answer(200, zendesk_ratelimit_tickets_update="soon"))
    assert updates.take("3") == (0.0, False)


def test_two_thousand_at_once_keep_to_the_share() -> None:
    """With two thousand escalations due at once no minute sees more than forty updates, and each of them gets its turn."""
    now, sent, waiting = [0.0], list[float](), [str(number) for number in range(2_000)]
    updates = Updates(40, lambda: now[0])
    while waiting:
        seconds, _ = updates.take(waiting[0])
        if seconds == 0.0:
            sent.append(now[0])
            waiting.pop(0)
        else:
            now[0] += seconds
    assert max(sum(start <= at < start + 60.0 for at in sent) for start in sorted(set(sent))) == 40
    assert now[0] <= 2_000 / 40 * 60.0
