"""Job statuses: work on many tickets that is queued, done a little later, and told row by row.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/job_statuses/
A job moves on with time, and with each look at it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.zendesk.site.answers import not_found, refuse
from rules.instants import DAY, SECOND, Instant

MOST: Final = 30
"""Jobs of an account that are queued or under way."""
STEP: Final = SECOND
KEPT: Final = DAY

Row = dict[str, Any]


@dataclass(slots=True)
class Job:
    """One job; `work` gives its rows once it is carried out."""

    id: str
    kind: str
    total: int
    begun: Instant
    work: Callable[[], Sequence[Row]]
    status: str = "queued"
    results: Sequence[Row] | None = None

    def shown(self, base: str) -> Row:
        """As the API tells it."""
        done = self.results is not None
        return {
            "id": self.id,
            "job_type": self.kind,
            "url": f"{base}/api/v2/job_statuses/{self.id}.json",
            "total": self.total,
            "progress": self.total if done else None,
            "status": self.status,
            "message": f"Completed at {self.begun // SECOND}" if done else None,
            "results": self.results,
        }


class Jobs:
    """All jobs of the last day."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0
        self._jobs: dict[str, Job] = {}

    def queue(self, kind: str, total: int, now: Instant, work: Callable[[], Sequence[Row]]) -> Job:
        """A new job. Raises Refused where too many are under way."""
        if sum(job.status != "completed" for job in self._jobs.values()) >= MOST:
            refuse(429, "TooManyJobs", f"You have reached the limit of {MOST} concurrent jobs. Try again later.")
        self._made += 1
        digest = hashlib.sha256(f"{self._seed}/job/{self._made}".encode()).hexdigest()
        job = Job(f"V3-{digest[:32]}", kind, total, now, work)
        self._jobs[job.id] = job
        return job

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def find(self, id_: str) -> Job:
        """A job. Raises Refused."""
        return self._jobs.get(id_) or not_found()

    def catch_up(self, now: Instant) -> None:
        """Let jobs go on that time has come for; forget old ones."""
        for job in [each for each in self._jobs.values() if each.begun + KEPT <= now]:
            del self._jobs[job.id]
        for job in self._jobs.values():
            if job.status == "queued" and job.begun + STEP <= now:
                self.go_on(job)
            if job.status == "working" and job.begun + 2 * STEP <= now:
                self.go_on(job)

    @staticmethod
    def go_on(job: Job) -> None:
        """One step: queued, working, completed."""
        if job.status == "queued":
            job.status = "working"
        elif job.status == "working":
            job.results = list(job.work())
            job.status = "completed"
