"""A plan in six lines: what is so already, what is done within a day, who is told, and what the helpdesks do because of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from agent.plan.clocks import Jump, jumps, usual
from agent.plan.consequences import ARRIVED_WITHIN, Touched
from agent.plan.limits import HeldRun, Queue, held_runs, queues
from agent.plan.planning import Planned
from agent.plan.turns import Waits, turns
from rules.escalation import NoticeKind
from rules.instants import DAY, Instant, moment
from rules.ticket import Value

NIGHT: Final = (22, 7)
"""From this hour to that one people sleep."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What comes to a team or person: `share` of what reaches a team on an average day of the last week, where that is known."""

    name: str
    number: int
    share: float | None = None
    at_night: int = 0
    hours: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Mails:
    """Mails that a source's own notifications send at least because of hoist, if they are as the platform ships them."""

    source: str
    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The consequences of a plan, counted. Tickets are counted once for each source and rule."""

    left_alone: int
    released: int
    queued: int
    soon: int
    dropped: int
    noted: int
    held: int
    teams: tuple[Loaded, ...]
    paged: tuple[Loaded, ...]
    told: tuple[Loaded, ...]
    mails: tuple[Mails, ...]
    clocks: tuple[Jump, ...]  # the platforms' targets that are set anew by another priority
    findings: tuple[tuple[str, int], ...]
    queues: tuple[Queue, ...]
    runs: tuple[HeldRun, ...]
    hidden: int  # writes of confidential rules, which are counted and told nowhere


def summary(plan: Planned) -> Summary:
    """The plan's consequences within its horizon."""
    found, zone = plan.found, ZoneInfo(plan.rulebook.organisation.time_zone)
    writes = [*found.now, *found.later]
    shown = [each for each in _in_turn(writes) if not each.confidential]
    findings = Counter(said for each in shown for said in each.findings)
    return Summary(
        found.left.total(),
        sum(each.rate is None for each in found.now),
        sum(each.rate is not None for each in found.now),
        len(found.later),
        len(found.dropped),
        found.watched.total(),
        found.held.total(),
        tuple(_teams(plan, shown)),
        tuple(_people(shown, {NoticeKind.PAGE}, zone)),
        tuple(_people(shown, set(NoticeKind) - {NoticeKind.PAGE}, zone)),
        tuple(_mails(plan, writes)),
        tuple(_jumps(plan, shown)),
        tuple(findings.most_common()),
        tuple(queues(writes)),
        tuple(_runs(plan, writes)),
        len(writes) - len(shown),
    )


def _in_turn(writes: Sequence[Touched]) -> Iterator[Touched]:
    """What waits for its turn at the instant of that: people are not paged before."""
    for each, at in zip(writes, turns([_waits(each) for each in writes]), strict=True):
        if at is None or at == each.at:
            yield each
        else:
            later = at - each.at
            yield replace(each, at=at, told=tuple(replace(told, at=told.at + later) for told in each.told))


def _waits(each: Touched) -> list[Waits]:
    if not all(firing.rate for firing in each.firings):
        return []
    return [Waits(each.source, f.rule, f.rate, each.urgency, f.due, each.at) for f in each.firings if f.rate]


def _jumps(plan: Planned, writes: Sequence[Touched]) -> Iterator[Jump]:
    """Each target once, however often its ticket is raised; those that are missed at once come first."""
    found, known = dict[tuple[str, str, str], Jump](), usual(plan.found.lengths)
    for each in (each for each in writes if each.targets):
        priority = next((str(new) for field, _, new in each.changes if field == "priority"), "")
        for jump in jumps(known, each.source, each.key, priority, each.targets):
            found.setdefault((jump.source, jump.key, jump.target), jump)
    yield from sorted(found.values(), key=lambda jump: not jump.missed)


def _runs(plan: Planned, writes: Sequence[Touched]) -> Iterator[HeldRun]:
    for source, limits in plan.limits.items():
        yield from held_runs(source, [each for each in writes if each.source == source], limits)


def _teams(plan: Planned, writes: Sequence[Touched]) -> Iterator[Loaded]:
    """How many tickets come to each team, beside those that reach it on an average day."""
    coming: Counter[tuple[str, Value]] = Counter(
        (each.source, new) for each in writes for field, _, new in each.changes if field == "team"
    )
    days = ARRIVED_WITHIN / DAY
    for (source, team), number in coming.most_common():
        arrived = plan.found.arrivals[source, str(team)]
        name = plan.names[source].teams.get(str(team), str(team))
        yield Loaded(f"{name} ({source})" if len(plan.names) > 1 else name, number, number * days / arrived if arrived else None)


def _people(writes: Sequence[Touched], kinds: set[NoticeKind], zone: ZoneInfo) -> Iterator[Loaded]:
    at: dict[str, list[Instant]] = {}
    for each in writes:
        for told in each.told:
            if told.kind in kinds:
                for person in told.addresses or (told.to,):
                    at.setdefault(person, []).append(told.at)
    for person, instants in sorted(at.items(), key=lambda item: (-len(item[1]), item[0])):
        hours = [moment(instant).astimezone(zone).hour for instant in instants]
        yield Loaded(person, len(instants), None, sum(is_night(hour) for hour in hours), tuple(sorted(hours)))


def is_night(hour: int) -> bool:
    """Whether people sleep in this hour of their day."""
    return hour >= NIGHT[0] or hour < NIGHT[1]


# --- mails that helpdesks send by themselves -------------------------------------------------------------------------------

_SHIPPED: Final[Mapping[str, tuple[bool, bool, str]]] = {
    # (one for each change of fields, one for each internal note), and the notifications that the platform ships switched on
    "jira": (True, True, "issue assigned, updated or commented, of the default notification scheme"),
    "servicenow": (False, False, "Incident assigned to my group"),
    "zendesk": (False, True, "the standard triggers Notify group of assignment and Notify assignee of comment update"),
}
_TO_THE_GROUP: Final = frozenset({"servicenow", "zendesk"})
"""A new team is told: each of its members gets a mail."""


def _mails(plan: Planned, writes: Sequence[Touched]) -> Iterator[Mails]:
    for source, platform in plan.platforms.items():
        shipped = _SHIPPED.get(platform)
        own = [each for each in writes if each.source == source]
        if shipped is None or not own:
            continue
        of_fields, of_notes, why = shipped
        number = sum(of_fields for each in own if each.changes or each.labels)
        number += sum(of_notes for each in own if each.note is not None)
        if platform in _TO_THE_GROUP:
            members = plan.names[source].members or {}
            teams = [str(new) for each in own for field, _, new in each.changes if field == "team"]
            number += sum(max(1, len(members.get(team, ()))) for team in teams)
        yield Mails(source, number, why)
