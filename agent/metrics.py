"""hoist in Prometheus' words: read from the store and from what runs, each time that somebody asks.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.clock import Clock
from agent.hinted import silence
from agent.hooks.outcomes import Tally
from agent.pipeline import Pipeline
from agent.status import SourceStatus, status
from agent.store import hints
from agent.store.database import Database
from rules.instants import SECOND

_GAUGES: Final = {
    "hoist_source_lag_seconds": "Time since the source was last read; without a value before the first time.",
    "hoist_source_problem": "1 while the source stands still for a reason that hoist status tells.",
    "hoist_tickets": "Tickets in the mirror.",
    "hoist_tickets_quarantined": "Tickets that can't be read.",
    "hoist_budget_requests_per_second": "Requests that hoist may make at the most.",
    "hoist_webhook_hints_waiting": "Tickets of which a webhook told, and that are not read yet.",
    "hoist_webhook_heard_timestamp_seconds": "When the webhook was heard last.",
    "hoist_webhook_silent": "1 where polling finds changes of which no webhook has told for half an hour.",
}
_COUNTERS: Final = {
    "hoist_polls": "Runs over what has changed.",
    "hoist_looks": "Times that a ticket was judged by the rules.",
    "hoist_firings": "Times that rules held and something was planned.",
    "hoist_write_requests": "Writes that were sent.",
}


class _Metrics(Collector):
    def __init__(self, database: Database, clock: Clock, pipelines: Sequence[Pipeline], tally: Tally) -> None:
        self._database, self._clock, self._pipelines, self._tally = database, clock, pipelines, tally

    def collect(self) -> Iterable[Metric]:
        yield from self._of_sources()
        yield from self._of_pipelines()
        calls = CounterMetricFamily(
            "hoist_webhook_calls", "Calls on webhooks, by what became of them.", labels=("source", "outcome")
        )
        for (source, outcome), number in sorted(self._tally.all().items()):
            calls.add_metric((source, outcome.value), number)
        yield calls

    def _of_sources(self) -> Iterable[Metric]:
        now = self._clock.now()
        gauges = {name: GaugeMetricFamily(name, said, labels=("source",)) for name, said in _GAUGES.items()}
        changes = GaugeMetricFamily("hoist_changes", "Steps of escalations, by state.", labels=("source", "state"))
        found = status(self._database, now, {each.source: each.poll_every for each in self._pipelines})
        with self._database.reading() as db:
            heard = {each.row.source: hints.how(db, each.row.source) for each in found.sources}
            waiting = {each.row.source: hints.count(db, each.row.source) for each in found.sources}
        for each in found.sources:
            source = each.row.source
            values = _values(each) | {
                "hoist_webhook_hints_waiting": waiting[source],
                "hoist_webhook_heard_timestamp_seconds": heard[source].heard_at / SECOND or None,
                "hoist_webhook_silent": int(bool(silence(heard[source], now))),
            }
            for name, value in values.items():
                if value is not None:
                    gauges[name].add_metric((source,), value)
            for state, number in each.changes.items():
                changes.add_metric((source, state.value), number)
        yield from gauges.values()
        yield changes
        yield GaugeMetricFamily("hoist_stages_stalled", "Stages that get no further though there is work.", len(found.stalled))

    def _of_pipelines(self) -> Iterable[Metric]:
        counters = {name: CounterMetricFamily(name, said, labels=("source",)) for name, said in _COUNTERS.items()}
        for each in self._pipelines:
            counts = each.counts
            done = (counts.polls, counts.looks, sum(list(counts.firings.values())), counts.requests_for_writes)
            for counter, number in zip(counters.values(), done, strict=True):
                counter.add_metric((each.source,), number)
        yield from counters.values()


def _values(found: SourceStatus) -> dict[str, float | None]:
    return {
        "hoist_source_lag_seconds": found.lag_seconds,
        "hoist_source_problem": int(bool(found.row.problem)),
        "hoist_tickets": found.tickets,
        "hoist_tickets_quarantined": len(found.quarantined),
        "hoist_budget_requests_per_second": None if found.budget is None else found.budget.rate,
    }


def metrics(database: Database, clock: Clock, pipelines: Sequence[Pipeline], tally: Tally) -> bytes:
    """All metrics in Prometheus' text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(database, clock, pipelines, tally))
    return generate_latest(registry)
