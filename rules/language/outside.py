"""Facts from outside as people write them: lists, windows, rotas, absences and overrides.

A file is named relative to the protocol's folder; reading it is not done here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import Field, PlainValidator, ValidationInfo

from rules.language.dates import Dated
from rules.language.hours import TimeZone
from rules.language.marked_yaml import Block, Node, Text
from rules.language.part import Part, Reading, key_of, marked, reading
from rules.language.problems import listed, nearest
from rules.language.sources import AN_EXAMPLE as SOURCE_EXAMPLE
from rules.language.sources import of_source
from rules.language.words import CalendarName, Email, OneOrMany, Words, email
from rules.local_times import AN_EXAMPLE, beginning, end, stretch
from rules.protocol.organisation import Absence, NamedList, NamedWindow, Override
from rules.rota import is_rota

ROTA_FILES: Final = (".ics",)
WINDOW_FILES: Final = (".ics", ".csv")
LIST_FILES: Final = (".csv", ".txt")
PEOPLE_FILES: Final = (".csv",)

_URL: Final = re.compile(r"https://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?#]\S*)?", re.ASCII | re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?", re.ASCII)


def plain_reference(word: str) -> str:
    """The one form of a file's name, so that all that name it mean the same."""
    return word if "://" in word else "/".join(part for part in word.replace("\\", "/").split("/") if part not in {"", "."})


def _reference(node: object, context: Reading, kinds: tuple[str, ...], what: str, *, urls: bool = True) -> str:
    """A file below the protocol's folder or, with `urls`, an https URL."""
    named = f"{' or '.join(kinds)} file of the protocol's folder"
    expected = f"the {what}: the name of a {named}" + (", or an https URL" if urls else "")
    word = context.text(node, expected)
    if "://" in word and not urls:
        raise context.refused(word, f"expected {expected}; a URL is not read here")
    if "://" in word:
        return _url(word, context)
    parts = word.replace("\\", "/").split("/")
    if parts[0] == "" or ":" in parts[0] or ".." in parts:
        raise context.refused(word, f"expected {expected}, relative to that folder and within it")
    if not word.casefold().endswith(kinds):
        raise context.refused(word, f"expected {expected}")
    return plain_reference(word)


def _url(word: Text, context: Reading) -> str:
    if not word.casefold().startswith("https://"):
        raise context.refused(word, "expected an https URL: what decides who gets tickets must not be changed on its way")
    if _URL.fullmatch(word):
        return str(word)
    # what is wrong with it may be that a password stands in it
    host = re.split("[/?#]", word[8:])[0].rpartition("@")[2]
    raise context.refused(Text(f"https://{host}/...", word.place), "expected an https URL without a user, a password or spaces")


def _rota(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, f"a rota: an .ics file, an https URL, or {SOURCE_EXAMPLE}")
    if word.startswith("source:"):
        return of_source(word, reading(info))
    return _reference(word, reading(info), ROTA_FILES, "rota")


def _window_file(node: object, info: ValidationInfo) -> str:
    return _reference(node, reading(info), WINDOW_FILES, "windows")


def _list_file(node: object, info: ValidationInfo) -> str:
    return _reference(node, reading(info), LIST_FILES, "list", urls=False)


def _people_file(node: object, info: ValidationInfo) -> str:
    return _reference(node, reading(info), PEOPLE_FILES, "people", urls=False)


def _role(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "an e-mail address, or a rota: an .ics file or an https URL")
    if is_rota(word):
        return _rota(word, info)
    if "@" not in word:
        raise reading(info).refused(
            word, "expected an e-mail address, such as anna@example.com, or a rota: an .ics file or an https URL"
        )
    return email(word, info)


def _language(node: object, info: ValidationInfo) -> str:
    word = reading(info).text(node, "the code of a language, such as nl or pt-BR")
    if not _LANGUAGE.fullmatch(word):
        raise reading(info).refused(word, "expected the code of a language, such as nl or pt-BR")
    return str(word)


def _from(node: object, info: ValidationInfo) -> str:
    return _time(node, info, first=True)


def _to(node: object, info: ValidationInfo) -> str:
    return _time(node, info, first=False)


def _time(node: object, info: ValidationInfo, *, first: bool) -> str:
    word = reading(info).text(node, AN_EXAMPLE)
    try:
        (beginning if first else end)(word, "UTC")
    except ValueError as error:
        raise reading(info).refused(word, f"expected {AN_EXAMPLE}") from error
    return str(word)


RotaReference = Annotated[str, PlainValidator(_rota, json_schema_input_type=str)]
WindowFile = Annotated[str, PlainValidator(_window_file, json_schema_input_type=str)]
ListFile = Annotated[str, PlainValidator(_list_file, json_schema_input_type=str)]
PeopleFile = Annotated[str, PlainValidator(_people_file, json_schema_input_type=str)]
RoleTarget = Annotated[str, PlainValidator(_role, json_schema_input_type=str)]
Language = Annotated[str, PlainValidator(_language, json_schema_input_type=str)]
From = Annotated[str, PlainValidator(_from, json_schema_input_type=str)]
To = Annotated[str, PlainValidator(_to, json_schema_input_type=str)]


class WrittenList(Part):
    """A named list: its entries, or the file in which they stand."""

    short: ClassVar[str] = "entries"
    named: ClassVar[str] = "list"
    entries: OneOrMany[Words] | None = Field(None, description="People by e-mail address, name or id; or values of a field")
    file: ListFile | None = Field(None, description="A text file, an entry a line, or a CSV file, its first column")
    owner: Words | None = Field(None, description="Who answers for the list")
    until: Dated | None = Field(None, description="From this day on the list is empty", examples=["2027-03-31"])
    calendar: CalendarName | None = Field(None, description="The business hours of the people on it")

    def check(self, node: Node, context: Reading) -> None:
        _one_of_two(self.entries, self.file, node, context, ("entries", "file"))

    def value(self, name: str, zone: str) -> NamedList:
        """The list as the core sees it; `zone` is that of its `until`."""
        return NamedList(
            name, self.entries or (), self.file or "", self.owner or "", self.until or "", self.calendar or "", time_zone=zone
        )


class Stretch(Part):
    """From when to when."""

    named: ClassVar[str] = "stretch of time"
    from_: From = Field(alias="from", description="A date or a local time", examples=["2026-12-24 18:00"])
    to: To = Field(description="A date, which is then part of it, or a local time", examples=["2026-12-27 08:00"])

    def check(self, node: Node, context: Reading) -> None:
        _in_order(self.from_, self.to, "UTC", node, context)


class WrittenWindow(Part):
    """Named stretches of time, such as maintenances or a change freeze."""

    short: ClassVar[str] = "times"
    named: ClassVar[str] = "window"
    times: OneOrMany[Stretch] | None = Field(None, description="From when to when")
    file: WindowFile | None = Field(None, description="An .ics or .csv file, or an https URL of a calendar")
    time_zone: TimeZone | None = Field(None, description="The zone of its times; the organisation's unless said")
    owner: Words | None = Field(None, description="Who answers for the window")
    until: Dated | None = Field(None, description="From this day on the window is never on", examples=["2027-03-31"])

    def check(self, node: Node, context: Reading) -> None:
        _one_of_two(self.times, self.file, node, context, ("times", "file"))

    def value(self, name: str, zone: str) -> NamedWindow:
        """The window as the core sees it; `zone` holds where it names none."""
        stretches = tuple((each.from_, each.to) for each in self.times or ())
        return NamedWindow(name, stretches, self.time_zone or zone, self.file or "", self.owner or "", self.until or "")


class WrittenAbsence(Part):
    """Somebody is away, whatever the rotas say."""

    named: ClassVar[str] = "absence"
    who: Email = Field(description="An e-mail address", examples=["anna@example.com"])
    from_: From = Field(alias="from", description="A date or a local time", examples=["2026-12-24"])
    to: To = Field(description="A date, which is the last day of it, or a local time", examples=["2027-01-02"])
    time_zone: TimeZone | None = Field(None, description="The organisation's unless said")

    def check(self, node: Node, context: Reading) -> None:
        _in_order(self.from_, self.to, self.time_zone or "UTC", node, context)

    def value(self, zone: str) -> Absence:
        """The absence as the core sees it; `zone` holds where it names none."""
        return Absence(self.who.casefold(), self.from_, self.to, self.time_zone or zone)


def _rota_of(node: object, info: ValidationInfo) -> str:
    """The rota of a team or a role, or one that one of them has."""
    context = reading(info)
    word = context.text(node, "a team or a role that has a rota, or the rota's file")
    rotas: Mapping[str, str] = context.names.rotas
    named = rotas.get(word, plain_reference(word))
    if named not in rotas.values() and context.names.whole:
        raise context.refused(word, f"expected a team or a role that has a rota: {listed(rotas)}", nearest(word, rotas))
    return named


class WrittenOverride(Part):
    """Somebody else has the duty for once."""

    named: ClassVar[str] = "override"
    rota: Annotated[str, PlainValidator(_rota_of, json_schema_input_type=str)] = Field(
        description="The team or role whose rota it is", examples=["network-eng"]
    )
    who: OneOrMany[Email] = Field(description="E-mail addresses of those who have the duty")
    from_: From = Field(alias="from", description="A date or a local time", examples=["2026-12-24 18:00"])
    to: To = Field(description="A date, which is the last day of it, or a local time", examples=["2026-12-25 08:00"])
    time_zone: TimeZone | None = Field(None, description="The organisation's unless said")

    def check(self, node: Node, context: Reading) -> None:
        _in_order(self.from_, self.to, self.time_zone or "UTC", node, context)

    def value(self, zone: str) -> Override:
        """The override as the core sees it; `zone` holds where it names none."""
        who = tuple(name.casefold() for name in self.who)
        return Override(self.rota, who, self.from_, self.to, self.time_zone or zone)


def _one_of_two(one: object, other: object, node: Node, context: Reading, keys: tuple[str, str]) -> None:
    if one is None and other is None:
        raise context.refused(node, f"expected `{keys[0]}` or `{keys[1]}`")
    if one is not None and other is not None:
        raise context.refused(marked(key_of(node, keys[1])), f"`{keys[0]}` and `{keys[1]}` exclude each other")


def _in_order(begins: str, ends: str, zone: str, node: Node, context: Reading) -> None:
    """An end before its beginning is a slip; with an offset in one of the two alone, what is meant can't be compared."""
    try:
        stretch(begins, ends, zone)
    except ValueError as error:
        place = next((value for key, value in node.items() if key == "to"), node) if isinstance(node, Block) else node
        raise context.refused(place, str(error)) from error
