"""A rule's dated life: a live rule only watches before its `live_from` and from its `expires` on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from rules.calendars import Calendar
from rules.instants import FOREVER, Instant, instant
from rules.protocol.rule import Mode, Rule


def lifetime(rule: Rule, calendars: Mapping[str, Calendar]) -> tuple[Instant, Instant]:
    """[from, to) in which the rule may write: the dates begin at midnight in the zone of the rule's calendar, else in UTC."""
    return _midnight(rule.live_from, rule, calendars, 0), _midnight(rule.expires, rule, calendars, FOREVER)


def mode_at(rule: Rule, calendars: Mapping[str, Calendar], at: Instant) -> Mode:
    """The rule's mode at an instant."""
    if rule.mode is not Mode.LIVE or not (rule.live_from or rule.expires):
        return rule.mode
    begins, ends = lifetime(rule, calendars)
    return Mode.LIVE if begins <= at < ends else Mode.WATCH


def _midnight(date: str, rule: Rule, calendars: Mapping[str, Calendar], otherwise: Instant) -> Instant:
    if not date:
        return otherwise
    calendar = calendars.get(rule.calendar) if rule.calendar is not None else None
    return instant(datetime.fromisoformat(date).replace(tzinfo=UTC if calendar is None else calendar.zone))
