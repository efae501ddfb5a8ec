"""Where and when a rule applies: sources, projects, types, organisations; dates; and whether it begins again."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Annotated, ClassVar, Final

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from rules.language.part import Part, reading
from rules.language.problems import listed, nearest
from rules.language.words import OneOrMany, Words
from rules.protocol import Condition, OneOf, State

_DATE: Final = {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "patternErrorMessage": "expected a date such as 2027-01-31",
}
_OTHER_DATE: Final = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_EACH_FURTHER_ONE: Final = "each further one"


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


def _again(node: object, info: ValidationInfo) -> bool:
    word = reading(info).text(node, _EACH_FURTHER_ONE)
    if " ".join(word.casefold().split()) != _EACH_FURTHER_ONE:
        raise reading(info).refused(word, f"expected `{_EACH_FURTHER_ONE}`", nearest(word, (_EACH_FURTHER_ONE,)))
    return True


def _source(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "the name of a source")
    known = reading(info).names.sources
    if known and word not in known and reading(info).names.whole:
        raise reading(info).refused(word, f"there is no such source; there are: {listed(sorted(known))}", nearest(word, known))
    return str(word)


Dated = Annotated[str, PlainValidator(_date), WithJsonSchema(_DATE)]
AgainWord = Annotated[bool, PlainValidator(_again), WithJsonSchema({"const": _EACH_FURTHER_ONE})]
SourceName = Annotated[str, PlainValidator(_source, json_schema_input_type=str)]


class Scope(Part):
    """Where a rule applies."""

    named: ClassVar[str] = "scope"
    sources: OneOrMany[SourceName] | None = Field(None, description="Only in these sources")
    projects: OneOrMany[Words] | None = Field(None, description="Only tickets of these projects, tables or brands")
    types: OneOrMany[Words] | None = Field(None, description="Only tickets of these types", examples=["change"])
    organisations: OneOrMany[Words] | None = Field(None, description="Only tickets of these customers or companies")

    def conditions(self) -> list[Condition]:
        """What a ticket must be; the sources left out."""
        asked = {"project": self.projects, "type": self.types, "organisation": self.organisations}
        return [State(name, OneOf(values)) for name, values in asked.items() if values]
