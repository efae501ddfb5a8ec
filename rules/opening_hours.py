"""Opening hours as written, checked: the weekly pattern, public holidays and their corrections."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from rules.protocol.organisation import CalendarHours

if TYPE_CHECKING:
    from holidays import HolidayBase

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_ABBREVIATED: Final = 5
"""Characters of the longest abbreviations of time zones."""
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Shift = tuple[int, int]
"""Start and end as minutes since the midnight that its day begins with; the end is past 1440 if it lies on the next day."""


@dataclass(frozen=True, slots=True)
class Week:
    """When shifts start: a pattern per weekday (0 = Monday), public holidays, and dates that differ from both.

    `dates` have shifts of their own, whatever else is said of the day.
    """

    hours: Mapping[int, tuple[Shift, ...]]
    holidays: str | None
    also_closed: frozenset[date]
    open_anyway: frozenset[date]
    dates: Mapping[date, tuple[Shift, ...]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """The pattern leaves no gap."""
        return sum(end - start for shifts in self.hours.values() for start, end in shifts) == _WEEK

    @property
    def turn(self) -> int:
        """The minute of the day at which one working day ends and the next begins."""
        shifts = [shift for of_day in (*self.hours.values(), *self.dates.values()) for shift in of_day]
        latest_end = max(end - _DAY for _, end in shifts)
        return max(0, min(latest_end, *(start for start, _ in shifts)))

    def shifts(self, day: date, holidays: Collection[date]) -> tuple[Shift, ...]:
        """The shifts that start on a date, in order."""
        if day in self.dates:
            return self.dates[day]
        if day in self.also_closed or (day in holidays and day not in self.open_anyway):
            return ()
        return self.hours.get(day.weekday(), ())


def week(hours: CalendarHours) -> Week:
    """The checked pattern of a calendar. Raises ValueError with a sentence that begins with the calendar's name."""
    pattern = dict.fromkeys(range(7), ((0, _DAY),)) if hours.always else _pattern(hours)
    _refuse_overlaps(hours.name, pattern)
    if hours.holidays is not None:
        _refuse_unknown_country(hours.name, hours.holidays)
    also_closed = _dates(hours.name, "also_closed", hours.also_closed)
    open_anyway = _dates(hours.name, "open_anyway", hours.open_anyway)
    for day in sorted(also_closed & open_anyway):
        raise ValueError(f"calendar {hours.name}: {day} stands in also_closed and in open_anyway; take it out of one of them")
    for day in sorted(open_anyway):
        if not pattern.get(day.weekday()):
            name = _NAMES[day.weekday()]
            raise ValueError(
                f"calendar {hours.name}: open_anyway has {day}, a {name}, but there are no hours on a {name} to open with; "
                f"give that weekday hours or take the date out",
            )
    dates = {_date(hours.name, "dates", text): tuple(sorted(map(_whole, shifts))) for text, shifts in hours.dates.items()}
    return Week(pattern, hours.holidays, also_closed, open_anyway, dates)


def time_zone(hours: CalendarHours) -> ZoneInfo:
    """The zone of a calendar. Raises ValueError with a sentence if the zone data has no such name."""
    try:
        return ZoneInfo(hours.time_zone)
    except (KeyError, ValueError, OSError) as error:  # not there, not a name, a folder of zones
        # Of what is short the nearest is another abbreviation (CEST: EST), which is a zone without summer time elsewhere.
        places = (name for name in available_timezones() if "/" in name)
        nearest = get_close_matches(hours.time_zone, places, 1) if len(hours.time_zone) > _ABBREVIATED else []
        hint = f"did you mean {nearest[0]}?" if nearest else "write a name like Europe/Amsterdam or UTC"
        raise ValueError(f"calendar {hours.name}: the time zone {hours.time_zone!r} is not known; {hint}") from error


def public_holidays(opening: Week, first: int, last: int) -> frozenset[date]:
    """Public holidays of the years from first to last, those moved to another day included."""
    return frozenset(_country(opening.holidays, range(first, last + 1))) if opening.holidays else frozenset()


def _pattern(hours: CalendarHours) -> dict[int, tuple[Shift, ...]]:
    pattern = {}
    for day, shifts in hours.hours.items():
        if day not in range(7):
            raise ValueError(f"calendar {hours.name}: there is no weekday {day}; 0 is Monday, 6 is Sunday")
        for start, end in shifts:
            if not (0 <= start < _DAY and 0 <= end <= _DAY):
                raise ValueError(
                    f"calendar {hours.name}: {_NAMES[day]} has a shift from minute {start} to {end}; "
                    f"a shift starts between 00:00 and 23:59 and ends at 24:00 at the latest, or on the next day",
                )
        if shifts:
            pattern[day] = tuple(sorted(map(_whole, shifts)))
    if not pattern:
        raise ValueError(f"calendar {hours.name} never opens: nothing would ever be due on it; give at least one weekday hours")
    return pattern


def _whole(shift: Shift) -> Shift:
    """A shift as written with its end past midnight where it lies on the next day."""
    start, end = shift
    return start, end if end > start else end + _DAY


def _refuse_overlaps(name: str, pattern: Mapping[int, tuple[Shift, ...]]) -> None:
    shifts = sorted((day * _DAY + start, day * _DAY + end) for day, of_day in pattern.items() for start, end in of_day)
    first = shifts[0]
    for one, other in pairwise([*shifts, (first[0] + _WEEK, first[1] + _WEEK)]):
        if other[0] < one[1]:
            raise ValueError(
                f"calendar {name}: the shift from {_clock(one[0])} to {_clock(one[1])} runs into the one from "
                f"{_clock(other[0])} to {_clock(other[1])}; end the first where the second starts",
            )


def _clock(minute: int) -> str:
    return f"{_NAMES[minute // _DAY % 7]} {minute % _DAY // 60:02}:{minute % 60:02}"


def _dates(name: str, key: str, texts: tuple[str, ...]) -> frozenset[date]:
    return frozenset(_date(name, key, text) for text in texts)


def _date(name: str, key: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # Python reads 20251224 and 2025-W52-3 as well, people don't
        raise ValueError(f"calendar {name}: {text!r} in {key} is no date; write it as 2025-12-24")
    return day


def _refuse_unknown_country(name: str, code: str) -> None:
    try:
        _country(code, range(0))
    except NotImplementedError as error:
        raise ValueError(f"calendar {name}: no public holidays are known for {code!r}; {error}") from error


def _country(code: str, years: range) -> HolidayBase:
    """The library's holidays of a country code with an optional part of the country: NL, DE-BY.

    https://holidays.readthedocs.io/en/latest/#available-countries
    Raises NotImplementedError with a hint where the library does not know the code.
    """
    # Imported at its first use: the library loads every country at once, a tenth of a second that most commands don't need.
    from holidays import country_holidays  # noqa: PLC0415
    from holidays.registry import EntityLoader  # noqa: PLC0415

    country, _, part = code.partition("-")
    countries = set(EntityLoader.get_country_codes())
    if country not in countries:
        known = country.upper() in countries
        raise NotImplementedError(
            f"did you mean {country.upper()}?" if known else "write the code of a country, as in NL or DE-BY"
        )
    try:
        return country_holidays(country, subdiv=part or None, years=years, expand=False)
    except NotImplementedError as error:
        parts = country_holidays(country, years=years, expand=False).subdivisions
        raise NotImplementedError(f"the parts of {country} that are known: {', '.join(parts) or 'none'}") from error
