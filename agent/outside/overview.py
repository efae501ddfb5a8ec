"""What the protocol's lists, windows and rotas say now, and what is worth a look in them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from agent.outside.facts import Outside, users_of
from agent.outside.unreadable import shown
from rules.instants import DAY, FOREVER, Instant
from rules.intervals import contains
from rules.local_times import beginning
from rules.phrases import stamp
from rules.protocol.organisation import CalendarHours, NamedList, NamedWindow, Organisation
from rules.rota import Rota
from rules.world import World

AHEAD = 14 * DAY
"""How far ahead gaps of a rota are looked for."""

_SHOWN = 3
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class ShownList:
    """A list: how many entries it has now, where they stand, until when."""

    name: str
    entries: int
    file: str
    owner: str
    until: str


@dataclass(frozen=True, slots=True)
class ShownWindow:
    """A window: whether it is on, and its present or next stretch [from, to), None where none is known."""

    name: str
    on: bool
    stretch: tuple[Instant, Instant] | None
    file: str
    owner: str
    until: str


@dataclass(frozen=True, slots=True)
class ShownRota:
    """A rota: who is on duty now and until when, who is next and from when, and gaps of the next 14 days.

    `until` is None where the rota was never read, so that nothing is known; `next_from` where nobody is known to follow.
    """

    rota: str
    used_by: tuple[str, ...]
    on_duty: tuple[str, ...]
    until: Instant | None
    next: tuple[str, ...]
    next_from: Instant | None
    gaps: tuple[tuple[Instant, Instant], ...]


@dataclass(frozen=True, slots=True)
class ShownSchedule:
    """A calendar whose hours a helpdesk keeps: whether it is open, and until when, None where that never changes.

    `read` is False where the hours that the protocol writes count, since the schedule was never read.
    """

    calendar: str
    schedule: str
    read: bool
    time_zone: str
    open: bool
    until: Instant | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it. `findings` are sentences, one for whatever is worth a look. `zone` is that in which people read times."""

    schedules: tuple[ShownSchedule, ...] = ()
    lists: tuple[ShownList, ...] = ()
    windows: tuple[ShownWindow, ...] = ()
    rotas: tuple[ShownRota, ...] = ()
    findings: tuple[str, ...] = ()
    zone: ZoneInfo = _UTC


def overview(outside: Outside, organisation: Organisation, now: Instant) -> Overview:
    """Of what `outside` read last."""
    world, zone = outside.world(organisation, now), ZoneInfo(organisation.time_zone)
    rotas = tuple(_rota(world.rotas[name], users, now) for name, users in users_of(organisation).items() if name in world.rotas)
    findings = [*faults(outside, organisation, now)]
    findings += [said for rota in rotas if (said := _gaps(rota, zone))]
    unread = {wanted.reference for wanted in outside.unread()}
    return Overview(
        tuple(_schedule(each, world, unread, now) for each in organisation.calendars.values() if each.schedule),
        tuple(_list(each, world) for each in organisation.lists.values()),
        tuple(_window(each, world, now) for each in organisation.windows.values()),
        rotas,
        tuple(findings),
        zone,
    )


def faults(outside: Outside, organisation: Organisation, now: Instant) -> tuple[str, ...]:
    """What is wrong in files and URLs as they were read last, a sentence each; gaps of rotas are none."""
    world, zone = outside.world(organisation, now), ZoneInfo(organisation.time_zone)
    strange = outside.strange_words(organisation)
    return (*outside.troubles(now), *strange, *outside.nameless(now, zone), *_empty(outside, organisation, world, now))


def _list(each: NamedList, world: World) -> ShownList:
    return ShownList(each.name, len(world.lists[each.name]), each.file, each.owner, each.until)


def _window(each: NamedWindow, world: World, now: Instant) -> ShownWindow:
    stretches = world.windows[each.name]
    place = next((n for n in range(0, len(stretches), 2) if stretches[n + 1] > now), None)
    found = None if place is None else (stretches[place], stretches[place + 1])
    return ShownWindow(each.name, contains(stretches, now), found, shown(each.file), each.owner, each.until)


def _schedule(each: CalendarHours, world: World, unread: Container[str], now: Instant) -> ShownSchedule:
    hours = world.calendars[each.name]
    until = hours.next_closing(now) if hours.is_open(now) else hours.next_opening(now)
    return ShownSchedule(
        each.name,
        shown(each.schedule),
        each.schedule not in unread,
        hours.zone.key,
        hours.is_open(now),
        until if until < FOREVER else None,
    )


def _rota(rota: Rota, users: list[str], now: Instant) -> ShownRota:
    turn, following = rota.turn(now), rota.next_turn(now)
    gaps = rota.gaps(now, now + AHEAD)
    return ShownRota(
        shown(rota.name),
        tuple(users),
        rota.on_duty(now),
        turn.end if turn is not None else None,
        following.who if following is not None else (),
        following.start if following is not None else None,
        tuple(zip(gaps[::2], gaps[1::2], strict=True)),
    )


def _gaps(rota: ShownRota, zone: ZoneInfo) -> str:
    if not rota.gaps or rota.until is None:
        return ""
    told = ", ".join(f"from {stamp(start, zone)} to {stamp(end, zone)}" for start, end in rota.gaps[:_SHOWN])
    more = f" and {len(rota.gaps) - _SHOWN} more times" if len(rota.gaps) > _SHOWN else ""
    return f"the rota {rota.rota} ({', '.join(rota.used_by)}): within the next 14 days nobody is on duty {told}{more}"


def _empty(outside: Outside, organisation: Organisation, world: World, now: Instant) -> Iterator[str]:
    """Lists on which nobody is found, though they were read and have not ended."""
    unread = {wanted.reference for wanted in outside.unread()}
    for each in organisation.lists.values():
        if each.file in unread:
            continue
        ended = bool(each.until) and now >= beginning(each.until, each.time_zone)
        if not ended and not world.lists[each.name]:
            yield f"the list {each.name} is empty: nobody is found on it" + (
                f"; {each.owner} answers for it" if each.owner else ""
            )
