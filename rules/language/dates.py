"""Dates in a protocol's files, and those that people write in another order."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Final

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from rules.language.part import reading

_DATE: Final = {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "patternErrorMessage": "expected a date such as 2027-01-31",
}
_OTHER_DATE: Final = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", re.ASCII)


def _date(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "a date such as 2027-01-31")
    try:
        if re.fullmatch(_DATE["pattern"], word):
            return date.fromisoformat(word).isoformat()
    except ValueError:
        pass  # a day that no calendar has
    raise reading(info).refused(word, "expected a date such as 2027-01-31", _meant_date(word))


def _meant_date(text: str) -> str:
    """A date as others write it, in the one form; "" where it may be two days, or none."""
    found = _OTHER_DATE.fullmatch(text.strip())
    if not found:
        return ""
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    orders = [(second, first)] if found[2] == "." else [(second, first), (first, second)]
    days = set()
    for month, day in orders:
        with suppress(ValueError):
            days.add(date(year, month, day).isoformat())
    return days.pop() if len(days) == 1 else ""


Dated = Annotated[str, PlainValidator(_date), WithJsonSchema(_DATE)]
