"""On-call rotas that an instance keeps: who is on duty when, by e-mail address.

A rota (cmn_rota) has rosters, of which the one with the lowest order comes first. A roster has members, each of whom has the
duty by a rotation schedule of their own while the schedule of the rota is open. Entries for a person (roster_schedule_span) put
somebody in for once, or take somebody out. Where a table or a column is hidden or missing hoist says so, and tells of nobody.
https://www.servicenow.com/docs/bundle/zurich-it-service-management/page/product/on-call-scheduling/concept/c_OnCallScheduling.html
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from connectors.contract import Duty
from connectors.errors import GiveUp
from connectors.servicenow import spans, wire
from connectors.servicenow.schedules import Open, Schedules, in_utc
from connectors.servicenow.spans import NotUnderstood, Stretch, both, joined, less
from connectors.servicenow.wire import Row
from rules.instants import Instant, instant, moment

_ROTA: Final = ("sys_id", "name", "schedule", "active")
_ROSTER: Final = ("sys_id", "name", "rota", "order", "active")
_MEMBER: Final = (
    "sys_id", "roster", "member", "from", "to", "rotation_schedule", "member.name", "member.email", "member.active",
)  # fmt: skip
_ONCE: Final = ("user", "user.name", "user.email", "roster")
_FIRST_RANK: Final = 20
_FOR_ONCE: Final = 50
"""An entry for once counts above every roster."""
_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one person has of one roster, in UTC."""

    user: str
    name: str
    email: str
    rank: int
    of: str
    stretches: Sequence[Stretch]


class Rotas:
    """Asks afresh each time, a handful of requests."""

    def __init__(self, schedules: Schedules) -> None:
        self._schedules = schedules

    def duties(self, source: str, name: str, zone: str, start: Instant, end: Instant) -> tuple[Duty, ...]:
        """Who is on duty by a rota within [start, end). Raises GiveUp, AskAdmin and TryLater."""
        rota = self._schedules.one("cmn_rota", name, _ROTA)
        first, last = moment(start).date() - _DAY, moment(end).date() + _DAY
        try:
            turns = list(self._turns(rota, zone, first, last))
        except NotUnderstood as why:
            raise GiveUp(f"{source}: the rota {name} is not used, since {why}; use a file or a URL") from None
        if not turns:
            raise GiveUp(f"{source}: the rota {name} has no member that hoist's account may read; name another one")
        found = [
            Duty(max(instant(begins), start), min(instant(ends), end), (each.email,) if each.email else (), each.rank, each.of)
            for each in turns
            for begins, ends in each.stretches
        ]
        return tuple(sorted((each for each in found if each.start < each.end), key=lambda each: (each.start, each.end, each.who)))

    def _turns(self, rota: Row, zone: str, first: date, last: date) -> Iterator[_Turn]:
        rosters = sorted(self._active_rosters(rota), key=lambda row: (_order(row), wire.text(row, "name")))
        ranks = {wire.text(row, "sys_id"): max(_FIRST_RANK - place, 1) for place, row in enumerate(rosters)}
        called = {wire.text(row, "sys_id"): wire.text(row, "name") or wire.text(rota, "name") for row in rosters}
        rows = self._schedules.rows("cmn_rota_member", "roster", list(ranks), _MEMBER)
        members = [row for row in rows if wire.text(row, "member") and wire.text(row, "member.active") != "false"]
        rotations = set(filter(None, (wire.text(row, "rotation_schedule") for row in members)))
        hours = self._hours(rota, zone, first, last)
        zone = hours.zone
        laid = self._schedules.open(sorted(rotations), zone, first, last)
        own = [self._turn(row, members, laid, zone, ranks, called) for row in members]
        people = dict.fromkeys(wire.text(row, "member") for row in members)
        for_once, away = self._exceptions(people, rotations, list(ranks), zone, first, last)
        for turn in own:
            yield replace(turn, stretches=less(both(turn.stretches, hours.stretches), away.get(turn.user, [])))
        for row, stretches in for_once:
            roster = wire.text(row, "roster")
            yield _Turn(
                *_who(row, "user"), ranks[roster] + _FOR_ONCE, f"{called[roster]}: {wire.text(row, 'user.name')}", stretches
            )

    def _hours(self, rota: Row, zone: str, first: date, last: date) -> Open:
        """When the rota is on at all. Raises NotUnderstood."""
        schedule = wire.text(rota, "schedule")
        if not schedule:
            return Open(zone, [_EVER])
        found = self._schedules.open([schedule], zone, first, last).get(schedule)
        if found is None:
            raise NotUnderstood("its schedule is hidden from hoist's account")
        return found

    def _active_rosters(self, rota: Row) -> list[Row]:
        rows = self._schedules.rows("cmn_rota_roster", "rota", [wire.text(rota, "sys_id")], _ROSTER)
        return [row for row in rows if wire.text(row, "active") != "false"]

    def _turn(
        self,
        row: Row,
        members: Sequence[Row],
        laid: Mapping[str, Open],
        zone: str,
        ranks: Mapping[str, int],
        called: Mapping[str, str],
    ) -> _Turn:
        """When a member is on duty but for the hours of the rota. Raises NotUnderstood."""
        roster, rotation = wire.text(row, "roster"), wire.text(row, "rotation_schedule")
        if not rotation and sum(1 for other in members if wire.text(other, "roster") == roster) > 1:
            raise NotUnderstood(
                f"nobody tells when it is the turn of {wire.text(row, 'member.name')} (rotation_schedule is empty)"
            )
        if rotation and rotation not in laid:
            raise NotUnderstood(f"the rotation of {wire.text(row, 'member.name')} is hidden from hoist's account")
        while_member = [in_utc(_from_to(row), zone)]
        stretches = both(laid[rotation].stretches, while_member) if rotation else while_member
        return _Turn(*_who(row, "member"), ranks[roster], f"{called[roster]}: {wire.text(row, 'member.name')}", stretches)

    def _exceptions(
        self, people: Iterable[str], rotations: Container[str], rosters: Sequence[str], zone: str, first: date, last: date
    ) -> tuple[list[tuple[Row, list[Stretch]]], dict[str, list[Stretch]]]:
        """Who stands in for once, with when; and when each of these people is away, by sys_id."""
        columns = (*spans.COLUMNS, *spans.RECURRENCE, *_ONCE)
        needed = (*spans.COLUMNS, *_ONCE)
        rows = self._schedules.rows("roster_schedule_span", "roster", rosters, columns, needed=needed)
        rows += self._schedules.rows("roster_schedule_span", "user", list(people), columns, needed=needed)
        for_once: list[tuple[Row, list[Stretch]]] = []
        away: dict[str, list[Stretch]] = {}
        for row in {wire.text(each, "sys_id"): each for each in rows if wire.text(each, "schedule") not in rotations}.values():
            span = spans.span_of(row, zone)
            stretches = joined(in_utc(each, zone) for each in span.stretches(first, last))
            user, roster = wire.text(row, "user"), wire.text(row, "roster")
            if span.off and (not roster or roster in rosters):
                away[user] = joined([*away.get(user, ()), *stretches])
            elif not span.off and user and roster in rosters:
                for_once.append((row, stretches))
        return for_once, away


def _who(row: Row, column: str) -> tuple[str, str, str]:
    return wire.text(row, column), wire.text(row, f"{column}.name"), wire.text(row, f"{column}.email").casefold()


def _order(row: Row) -> int:
    order = wire.text(row, "order")
    return int(order) if order.isdecimal() else 1_000_000


def _from_to(row: Row) -> Stretch:
    """The days on which somebody is a member, in local time."""
    first, last = spans.day(wire.text(row, "from")), spans.day(wire.text(row, "to"))
    start = datetime.combine(first, datetime.min.time()) if first else _EVER[0].replace(tzinfo=None)
    end = datetime.combine(last, datetime.min.time()) + _DAY if last else _EVER[1].replace(tzinfo=None)
    return start, end
