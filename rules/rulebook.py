"""The protocol's files as a rulebook: everything that is wrong in them is said at once, and what is right becomes plain values.

The language is described in docs/rules.md; its models are in `rules.language`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from rules.language.files import File, Sections, names, sections, written
from rules.language.further import FURTHER
from rules.language.hours import WrittenCalendar
from rules.language.marked_yaml import Block, Items, Node, Text
from rules.language.organisation import (
    PriorityRow,
    WrittenPeopleKeep,
    WrittenPerson,
    WrittenProvider,
    WrittenTeam,
    WrittenTier,
    WrittenTwins,
)
from rules.language.outside import RoleTarget, WrittenAbsence, WrittenList, WrittenOverride, WrittenWindow
from rules.language.part import Names, Reading, marked, read_part, shown
from rules.language.problems import Place, Problem, Report, RulebookError, TooMany, folded, nearest
from rules.language.ready import Library
from rules.language.rule import Defaults, Use, WrittenRule
from rules.language.schema import AsWritten
from rules.protocol.organisation import CalendarHours, Chain, Organisation, PeopleKeep, PriorityLevel, Tier, Twins
from rules.protocol.rule import Rule
from rules.protocol.rulebook import Rulebook

__all__ = ["Loaded", "Problem", "RulebookError", "load", "schema"]

T = TypeVar("T")

_DEFAULTS: Final = TypeAdapter(Defaults)
_PRIORITY: Final = TypeAdapter(PriorityRow)
_CALENDAR: Final = TypeAdapter(WrittenCalendar)
_TEAM: Final = TypeAdapter(WrittenTeam)
_ROLE: Final[TypeAdapter[str]] = TypeAdapter(RoleTarget)
_TIER: Final = TypeAdapter(WrittenTier)
_LIST: Final = TypeAdapter(WrittenList)
_WINDOW: Final = TypeAdapter(WrittenWindow)
_TWINS: Final = TypeAdapter(WrittenTwins)
_PERSON: Final = TypeAdapter(WrittenPerson)
_PROVIDER: Final = TypeAdapter(WrittenProvider)
_PEOPLE_KEEP: Final = TypeAdapter(WrittenPeopleKeep)
_ABSENCE: Final = TypeAdapter(WrittenAbsence)
_OVERRIDE: Final = TypeAdapter(WrittenOverride)
_RULE: Final = TypeAdapter(WrittenRule)
_USE: Final = TypeAdapter(Use)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rulebook that can be used, what in its files is better written otherwise, and the texts from which it was read."""

    rulebook: Rulebook
    hints: tuple[Problem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    library: Mapping[str, str] = field(default_factory=dict)


def load(files: Mapping[str, str], library: Mapping[str, str] = MappingProxyType({}), unread: Sequence[Problem] = ()) -> Loaded:
    """Read a protocol: names of files with their texts; `library` holds the files of ready protocols.

    `unread` says why further files have no text; what they define is not missed.

    Raises RulebookError with every problem of every file, and nothing else, whatever the texts are.
    """
    report = Report()
    rulebook = Rulebook(Organisation(), (), "")
    with suppress(TooMany):
        for each in unread:
            report.note(each)
        rulebook = _rulebook(files, library, report, whole=not unread)
    if report.problems:
        raise RulebookError(report.problems)
    return Loaded(rulebook, report.hints, files, library)


def schema() -> dict[str, Any]:
    """The JSON Schema of a protocol's file, with which editors complete and check it as it is typed."""
    title = "A file of a hoist protocol"
    written_schema = File.model_json_schema(by_alias=True, schema_generator=AsWritten)
    return {"$schema": AsWritten.schema_dialect, **written_schema, "title": title}


def _rulebook(files: Mapping[str, str], library: Mapping[str, str], report: Report, *, whole: bool) -> Rulebook:
    context = Reading(report, Names())
    found = sections(files, context, whole=whole)
    context.names = names(found)
    ready = Library(library, context)
    defaults = _defaults(found, context)
    context.calendar, context.time_zone = defaults.calendar, defaults.time_zone
    organisation = _organisation(found, defaults.calendar, context)
    rules = _rules(found, ready, defaults, context)
    return Rulebook(organisation, rules, version((organisation, rules)))


def _defaults(found: Sections, context: Reading) -> Defaults:
    written_defaults = read_part(_DEFAULTS, found.defaults, context) if found.defaults is not None else None
    if written_defaults is not None:
        return written_defaults
    # Wrong defaults are one problem; that durations then lack a calendar is none of the author's making.
    calendar = written(found.defaults, "calendar") if found.defaults is not None else None
    return Defaults.model_construct(calendar=shown(calendar) if calendar is not None else None, time_zone=None)


def _organisation(found: Sections, calendar: str | None, context: Reading) -> Organisation:
    teams = {name: part.value(name) for name, part in _named(found.teams, _TEAM, context)}
    calendars = {name: part.value(name) for name, part in _named(found.calendars, _CALENDAR, context)}
    roles = dict(_named(found.roles, _ROLE, context))
    chains = {str(name): Chain(str(name), _tiers(name, node, context)) for name, node in found.chains.items()}
    zone = context.time_zone or _time_zone(calendars, calendar)
    people = list(_read(found.people, _PERSON, context))
    return Organisation(
        _priorities(found, context),
        teams,
        chains,
        roles,
        calendars,
        lists={name: part.value(name, zone) for name, part in _named(found.lists, _LIST, context)},
        windows={name: part.value(name, zone) for name, part in _named(found.windows, _WINDOW, context)},
        absences=tuple(part.value(zone) for part in _read(found.absences, _ABSENCE, context)),
        twins=_twins(found, context),
        overrides=tuple(part.value(zone) for part in _read(found.overrides, _OVERRIDE, context)),
        people=tuple(employee for part in people if (employee := part.value()) is not None),
        people_files=tuple(dict.fromkeys(part.file for part in people if part.file is not None)),
        providers={name: part.value(name) for name, part in _named(found.providers, _PROVIDER, context)},
        people_keep=_people_keep(found, context),
        time_zone=zone,
        calendar=calendar if calendar in calendars else None,
        places=dict(reversed(list(_places(found)))),
    )


def _places(found: Sections) -> Iterator[tuple[str, str]]:
    """File and line of everything that the organisation names; a source comes with each row of the priorities."""
    kinds = (("team", found.teams), ("chain", found.chains), ("calendar", found.calendars), ("role", found.roles))
    for kind, named in (*kinds, ("list", found.lists), ("window", found.windows), ("provider", found.providers)):
        yield from ((f"{kind} {name}", _line(name.place)) for name in named)
    for row in found.priorities:
        if isinstance(name := written(row, "name"), Text):
            yield f"priority {name}", _line(name.place)
        for source in [key for key in row if folded(key) != "name"] if isinstance(row, Block) else ():
            yield f"source {source}", _line(source.place)


def _line(place: Place) -> str:
    return f"{place.file}:{place.line}"


def _twins(found: Sections, context: Reading) -> dict[str, Twins]:
    for source in found.twins:
        if context.names.whole and source not in context.names.sources:
            context.report.problem(
                source.place, source, "no source that the priorities name", nearest(source, context.names.sources)
            )
    return {source: part.value() for source, part in _named(found.twins, _TWINS, context)}


def _people_keep(found: Sections, context: Reading) -> PeopleKeep:
    part = read_part(_PEOPLE_KEEP, found.people_keep, context) if found.people_keep is not None else None
    return PeopleKeep() if part is None else part.value()


def _time_zone(calendars: Mapping[str, CalendarHours], usual: str | None) -> str:
    """The organisation's where it says none: that of its usual calendar, else the one that all calendars share, else UTC."""
    own = calendars.get(usual or "")
    if own is not None and own.names_zone:
        return own.time_zone
    zones = {hours.time_zone for hours in calendars.values() if hours.names_zone}
    return zones.pop() if len(zones) == 1 else "UTC"


def _named(nodes: Mapping[Text, Node], adapter: TypeAdapter[T], context: Reading) -> Iterator[tuple[str, T]]:
    for name, node in nodes.items():
        part = read_part(adapter, node, context)
        if part is not None:
            yield str(name), part


def _read(nodes: Iterable[Node], adapter: TypeAdapter[T], context: Reading) -> Iterator[T]:
    for node in nodes:
        part = read_part(adapter, node, context)
        if part is not None:
            yield part


def _priorities(found: Sections, context: Reading) -> tuple[PriorityLevel, ...]:
    levels: dict[str, PriorityLevel] = {}
    for node in found.priorities:
        part = read_part(_PRIORITY, node, context)
        if part is not None and part.name in levels:
            context.report.problem(node.place, part.name, "stands among the priorities already")
        elif part is not None:
            levels[part.name] = part.value()
    return tuple(levels.values())


def _tiers(name: Text, node: Node, context: Reading) -> tuple[Tier, ...]:
    tiers: dict[str, Tier] = {}
    items = context.items(node, "teams")
    if not items and not node:
        context.report.problem(name.place, name, "a chain without tiers; expected a list of teams, the first line first")
    for item in items:
        part = read_part(_TIER, item, context)
        if part is not None and part.team in tiers:
            context.report.problem(item.place, part.team, "stands in this chain already; a team has one tier in a chain")
        elif part is not None:
            tiers[part.team] = part.value()
    return tuple(tiers.values())


def _rules(found: Sections, ready: Library, defaults: Defaults, context: Reading) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    taken: dict[str, Place] = {}
    for block in _blocks(found, ready, context):
        business = context.business
        part = read_part(_RULE, block, context)
        _take_ids(block, taken, context)
        if part is None or not isinstance(block, Block):
            continue
        if part.calendar and context.business == business and not context.names.calendars.get(part.calendar):
            calendar = marked(written(block, "calendar"))
            context.report.hint(
                calendar.place,
                part.calendar,
                "counts nothing: every duration of this rule is plain time; write `30 business minutes`",
            )
        rules += part.values(defaults, len(rules), _line(block.place))
    return tuple(rules)


def _blocks(found: Sections, ready: Library, context: Reading) -> Iterator[Node]:
    """Rules in the order written, those of ready protocols in their place."""
    for number, node in enumerate(found.rules):
        if number not in found.uses:
            yield node
        elif (use := read_part(_USE, node, context)) is not None and isinstance(node, Block):
            yield from ready.rules(use, node, context)


def _take_ids(block: Node, taken: dict[str, Place], context: Reading) -> None:
    """An id names one rule for ever, so that what was written for it is never written again for another."""
    formerly = written(block, "formerly") or Items(block.place)
    own = written(block, "rule")
    named = [own, *(formerly if isinstance(formerly, Items) else [formerly])]
    if isinstance(own, Text):
        named += [Text(f"{own}-{suffix}", own.place) for key, suffix in FURTHER.items() if written(block, key) is not None]
    for word in named:
        if isinstance(word, Text) and word and word in taken:
            context.report.problem(
                word.place, word, f"this id is taken at {taken[word]}; give this rule an id of its own with `rule:`"
            )
        elif isinstance(word, Text):
            taken[str(word)] = word.place


def version(meaning: object) -> str:
    """A SHA-256 of what frozen values mean: not of places, nor of how a duration was spelt, nor of the order of names."""
    text = json.dumps(_canonical(meaning), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: object) -> Any:
    if is_dataclass(value):
        meant = {
            field.name: _canonical(getattr(value, field.name))
            for field in fields(value)
            if field.compare and field.name != "place"
        }
        return [type(value).__name__, meant]
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    return value.value if isinstance(value, Enum) else value
