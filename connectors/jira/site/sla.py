"""A service level as Jira Service Management shows it inside an issue: computed when it is read, and never moving `updated`.

Shape: https://developer.atlassian.com/cloud/jira/service-desk/rest/api-group-request/ (request SLA). One target, time to
resolution, round the clock; it pauses while the issue waits, ends when it is done, and begins anew when it is taken up again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from connectors.jira.site.catalog import GOALS
from connectors.jira.site.state import Issue
from rules.instants import MINUTE, Instant, moment


@dataclass(frozen=True, slots=True)
class Terms:
    """What the target goes by: priorities the most urgent first, statuses that are done, and those in which the clock rests."""

    scheme: Sequence[str]
    done: Collection[str]
    paused: Collection[str]
    goals: Sequence[int] = GOALS

    def goal(self, issue: Issue) -> int:
        """Milliseconds that the issue's present priority allows."""
        priority = str(issue.fields.get("priority"))
        place = self.scheme.index(priority) if priority in self.scheme else len(self.goals)
        return self.goals[min(place, len(self.goals) - 1)]


class State(NamedTuple):
    """A clock as JQL sees it; `elapsed` and `remaining` in milliseconds."""

    running: bool
    paused: bool
    completed: bool
    breached: bool
    ever_breached: bool
    elapsed: int
    remaining: int


@dataclass(slots=True)
class _Cycle:
    start: Instant
    elapsed: int = 0
    running_since: Instant | None = None
    stop: Instant | None = None
    breach: Instant | None = None


def shown(issue: Issue, terms: Terms, now: Instant) -> dict[str, object]:
    """The value of the field; no `ongoingCycle` once the issue is done."""
    goal = terms.goal(issue)
    cycles = _cycles(issue, terms, goal)
    answer: dict[str, object] = {
        "id": "1",
        "name": "Time to resolution",
        "slaDisplayFormat": "NEW_SLA_FORMAT",
        "completedCycles": [_completed(each, goal) for each in cycles if each.stop is not None],
    }
    if cycles and cycles[-1].stop is None:
        answer["ongoingCycle"] = _ongoing(cycles[-1], goal, now)
    return answer


def state(issue: Issue, terms: Terms, now: Instant) -> State | None:
    """What JQL can ask of the clock; None before it first began."""
    goal = terms.goal(issue)
    cycles = _cycles(issue, terms, goal)
    if not cycles:
        return None
    last = cycles[-1]
    running = last.running_since is not None
    elapsed = last.elapsed + (now - last.running_since if last.running_since is not None else 0)
    missed = [(each.elapsed if each is not last else elapsed) >= goal for each in cycles]
    return State(
        running, last.stop is None and not running, last.stop is not None, missed[-1], any(missed), elapsed, goal - elapsed
    )


def _cycles(issue: Issue, terms: Terms, goal: int) -> list[_Cycle]:
    cycles: list[_Cycle] = []
    for at, status in _statuses(issue):
        open_ = cycles[-1] if cycles and cycles[-1].stop is None else None
        if open_ and open_.running_since is not None:
            before, open_.elapsed = open_.elapsed, open_.elapsed + at - open_.running_since
            if before < goal <= open_.elapsed:
                open_.breach = open_.running_since + goal - before
            open_.running_since = None
        if status in terms.done:
            if open_:
                open_.stop = at
            continue
        if open_ is None:
            open_ = _Cycle(at)
            cycles.append(open_)
        if status not in terms.paused:
            open_.running_since = at
    return cycles


def _statuses(issue: Issue) -> Iterator[tuple[Instant, str]]:
    """Every status with the instant from which on it held."""
    moves = [(entry.at, item) for entry in issue.entries for item in entry.items if item.field_id == "status"]
    yield issue.created, str(moves[0][1].old if moves else issue.fields["status"])
    for at, item in moves:
        yield at, str(item.new)


def _completed(cycle: _Cycle, goal: int) -> dict[str, object]:
    answer = {"startTime": time(cycle.start), "stopTime": time(cycle.stop or 0), **_durations(goal, cycle.elapsed)}
    return answer | ({"breachTime": time(cycle.breach)} if cycle.breach else {})


def _ongoing(cycle: _Cycle, goal: int, now: Instant) -> dict[str, object]:
    """The cycle under way; `breachTime` is missing while it is paused before its breach."""
    paused = cycle.running_since is None
    elapsed = cycle.elapsed + (now - cycle.running_since if cycle.running_since is not None else 0)
    breach = cycle.breach
    if breach is None and cycle.running_since is not None:
        breach = cycle.running_since + goal - cycle.elapsed
    answer = {"startTime": time(cycle.start), **_durations(goal, elapsed), "paused": paused, "withinCalendarHours": True}
    return answer | ({"breachTime": time(breach)} if breach else {})


def _durations(goal: int, elapsed: int) -> dict[str, object]:
    return {
        "breached": elapsed >= goal,
        "goalDuration": _duration(goal),
        "elapsedTime": _duration(elapsed),
        "remainingTime": _duration(goal - elapsed),
    }


def _duration(milliseconds: int) -> dict[str, object]:
    minutes = abs(milliseconds) // MINUTE
    return {"millis": milliseconds, "friendly": f"{'-' if milliseconds < 0 else ''}{minutes // 60}h {minutes % 60}m"}


def time(at: Instant) -> dict[str, object]:
    """An instant as Jira Service Management writes it."""
    text = moment(at).isoformat(timespec="milliseconds")
    return {
        "iso8601": text[:19] + "+0000",
        "jira": text[:23] + "+0000",
        "friendly": f"{moment(at):%d/%b/%y %I:%M %p}",
        "epochMillis": at,
    }
