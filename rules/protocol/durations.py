"""Lengths of time, in plain or business time, and the calendars that a ticket itself gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: milliseconds on a calendar, or whole business days (the same local time n working days later).

    `calendar` names a calendar; None means plain time, round the clock. One of CALENDARS_OF_THE_TICKET means the calendar that
    the ticket itself gives at each moment: that of the team that held it then, of its tier's team, of its requester.
    """

    milliseconds: int = 0
    business_days: int = 0
    calendar: str | None = None
    text: str = field(default="", compare=False)  # as written, for sentences

    def __str__(self) -> str:
        return self.text or f"{self.milliseconds} ms"


CALENDAR_OF_TEAM: Final = "calendar of team"
CALENDAR_OF_TIER: Final = "calendar of tier"
CALENDAR_OF_REQUESTER: Final = "calendar of requester"
CALENDAR_OF_APPROVER: Final = "calendar of approver"
CALENDARS_OF_THE_TICKET: Final = frozenset({CALENDAR_OF_TEAM, CALENDAR_OF_TIER, CALENDAR_OF_REQUESTER, CALENDAR_OF_APPROVER})
