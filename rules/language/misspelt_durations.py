"""Times as people write them elsewhere (`1.5 hours`, `1h 30m`, `90 seconds`, `PT4H`), and what to write for them here."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from rules.language.problems import nearest

AN_EXAMPLE: Final = "a duration such as 15 minutes, 4 business hours or 2 business days"

_NUMBER: Final = r"(?P<number>[0-9]{1,6}(?:[.,][0-9]{1,3})?|half an?|an?|one)\s*-?"
_UNIT: Final = r"(?P<unit>[a-z]{1,8})\.?"
_PART: Final = re.compile(_NUMBER + _UNIT)
_OF_BUSINESS: Final = re.compile(_NUMBER + r"(?P<business>[a-z]{3,10})[\s-]+" + _UNIT)
_BETWEEN: Final = re.compile(r"[\s,]*(?:\band\b|\+)?[\s,]*")
_BEFORE: Final = re.compile(r"[<>=\u2264\u2265]+\s*|(?:for|after|within|more than|at least|longer than|over)\s+")
_ISO: Final = re.compile(r"p(?=[0-9t])(?:[0-9]{1,6}[wdhms]|t)+")
_UNITS: Final = (
    # seconds of each, and the words for it; a month and a year are no one length, and meant as these
    (Fraction(1), ("s", "sec", "secs", "second", "seconds")),
    (Fraction(60), ("m", "min", "mins", "minute", "minutes")),
    (Fraction(3600), ("h", "hr", "hrs", "hour", "hours")),
    (Fraction(86_400), ("d", "day", "days")),
    (Fraction(7 * 86_400), ("w", "wk", "wks", "week", "weeks")),
    (Fraction(30 * 86_400), ("month", "months")),
    (Fraction(365 * 86_400), ("y", "year", "years")),
)
_WRITTEN: Final = {60: "minute", 3600: "hour", 86_400: "day", 7 * 86_400: "week"}
_SECONDS: Final = {word: seconds for seconds, words in _UNITS for word in words}
_LONG_WORDS: Final = tuple(word for word in _SECONDS if len(word) > 3)
_BUSINESS: Final = ("business", "working", "work", "office")


def unreadable(word: str) -> tuple[str, str]:
    """What was expected in place of a text that is no duration, and the duration that was probably meant, else ""."""
    text = _BEFORE.sub("", word.strip().casefold(), count=1)
    if _ISO.fullmatch(text):
        text = text.replace("p", "").replace("t", "")
    if re.fullmatch("[0-9]{1,6}", text):
        return f"expected {AN_EXAMPLE}, with its unit", f"{text} minutes" if text != "1" else "1 minute"
    parts = list(_parts(text))
    if not parts:
        return f"expected {AN_EXAMPLE}", ""
    shortest, longest = min(unit for _, unit, _ in parts), max(unit for _, unit, _ in parts)
    business = any(of_business for _, _, of_business in parts)
    said = f"expected {AN_EXAMPLE}"
    if shortest < 60:
        said += ", in whole minutes"
    elif longest > 7 * 86_400:
        said += "; a month or a year is not one length"
    elif len(parts) > 1 or any(number.denominator > 1 for number, _, _ in parts):
        said += ", of one whole number and one unit"
    return said, _repaired(parts, business=business)


def _parts(text: str) -> list[tuple[Fraction, int, bool]]:
    """Number, seconds of the unit, and whether it is business time, of each part; nothing where some of it is none."""
    found: list[tuple[Fraction, int, bool]] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part and not _unit(part["unit"]):
            part = _OF_BUSINESS.match(text, at)
        unit = part and _unit(part["unit"])
        business = part.groupdict().get("business") if part else None
        if not part or not unit or (business and not nearest(business, _BUSINESS)):
            return []
        found.append((_number(part["number"]), unit, bool(business)))
        between = _BETWEEN.match(text, part.end())
        at = between.end() if between else part.end()
    return found


def _number(text: str) -> Fraction:
    if text.startswith("half"):
        return Fraction(1, 2)
    return Fraction(text.replace(",", ".")) if text[0].isdigit() else Fraction(1)


def _unit(word: str) -> int:
    known = _SECONDS.get(word) or _SECONDS.get(nearest(word, _LONG_WORDS) if len(word) > 3 else "")
    return int(known or 0)


def _repaired(parts: list[tuple[Fraction, int, bool]], *, business: bool) -> str:
    """The same time in the language's words; "" where it has none: a part of a business day has no length."""
    if len(parts) == 1 and parts[0][0].denominator == 1 and parts[0][1] in _WRITTEN:
        number, unit, _ = parts[0]
        return _said(int(number), _WRITTEN[unit], business=business)
    if business and any(unit >= 86_400 for _, unit, _ in parts):
        return ""
    seconds = sum((number * unit for number, unit, _ in parts), Fraction(0))
    minutes = -(-seconds.numerator // (seconds.denominator * 60))
    if minutes % 1440 == 0 and not business:
        return _said(minutes // 1440, "day", business=business)
    return _said(minutes // 60, "hour", business=business) if minutes % 60 == 0 else _said(minutes, "minute", business=business)


def _said(number: int, unit: str, *, business: bool) -> str:
    if not 0 < number < 1_000_000:
        return ""
    return f"{number} {'business ' if business else ''}{unit}{'' if number == 1 else 's'}"
