"""The files of a protocol put together: every section from whichever file it stands in, and the names that it defines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from pydantic import Field

from rules.language.by_parts import read_by_parts
from rules.language.field_tests import NOBODY
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
from rules.language.outside import RoleTarget, WrittenAbsence, WrittenList, WrittenOverride, WrittenWindow, plain_reference
from rules.language.part import Names, Part, Reading, shown
from rules.language.problems import Place, folded
from rules.language.rule import Defaults, Use, WrittenRule
from rules.rota import is_rota

FORMAT: Final = "1"
ORGANISATION: Final = "organisation.yaml"


class File(Part):
    """A file of the protocol. The organisation and the rules may stand in one file or in several."""

    named: ClassVar[str] = "file of the protocol"
    format: Literal["1", 1] | None = Field(None, description="The version of this language; organisation.yaml must say 1")
    defaults: Defaults | None = Field(None, description="What holds for every rule that does not say otherwise")
    priorities: tuple[PriorityRow, ...] | None = Field(None, description="The most urgent first")
    calendars: dict[str, WrittenCalendar] | None = Field(None, description="Business hours, by name")
    teams: dict[str, WrittenTeam] | None = Field(None, description="Teams, by name")
    roles: dict[str, RoleTarget] | None = Field(None, description="Who is told or paged and never gets the ticket, by name")
    chains: dict[str, tuple[WrittenTier, ...]] | None = Field(
        None, description="Chains of command, the first line first, by name"
    )
    lists: dict[str, WrittenList] | None = Field(None, description="Named lists of people or values")
    windows: dict[str, WrittenWindow] | None = Field(None, description="Named stretches of time: maintenances, change freezes")
    absences: tuple[WrittenAbsence, ...] | None = Field(None, description="Who is away, whatever the rotas say")
    overrides: tuple[WrittenOverride, ...] | None = Field(None, description="Who has the duty in place of whom a rota names")
    people: tuple[WrittenPerson, ...] | None = Field(
        None, description="Managers, deputies, hours and teams of people, where the sources do not tell them"
    )
    providers: dict[str, WrittenProvider] | None = Field(None, description="Service providers, by name")
    twins: dict[str, WrittenTwins] | None = Field(
        None, description="Of tickets that another integration keeps in step, how the leading one is told, by source"
    )
    people_keep: WrittenPeopleKeep | None = Field(
        None, description="For how long no rule overrules a person who took back what hoist had written (24 hours)"
    )
    use: tuple[Use, ...] | None = Field(None, description="Ready protocols")
    rules: tuple[WrittenRule, ...] | None = Field(None, description="Own rules")


@dataclass(slots=True)
class Sections:
    """What all files say, not yet read any further."""

    defaults: Node | None = None
    priorities: list[Node] = field(default_factory=list)
    calendars: dict[Text, Node] = field(default_factory=dict)
    teams: dict[Text, Node] = field(default_factory=dict)
    roles: dict[Text, Node] = field(default_factory=dict)
    chains: dict[Text, Node] = field(default_factory=dict)
    lists: dict[Text, Node] = field(default_factory=dict)
    windows: dict[Text, Node] = field(default_factory=dict)
    absences: list[Node] = field(default_factory=list)
    overrides: list[Node] = field(default_factory=list)
    people: list[Node] = field(default_factory=list)
    providers: dict[Text, Node] = field(default_factory=dict)
    twins: dict[Text, Node] = field(default_factory=dict)
    people_keep: Node | None = None
    rules: list[Node] = field(default_factory=list)
    uses: set[int] = field(default_factory=set)  # places in `rules` at which a ready protocol is used
    whole: bool = True


def sections(files: Mapping[str, str], context: Reading, *, whole: bool = True) -> Sections:
    """Every file's sections; organisation.yaml is read first, the others by name. Problems go to the report.

    `whole`: these are all files that there are.
    """
    found = Sections(whole=whole)
    once: dict[str, Place] = {}
    for name in sorted(files, key=lambda file: (file.rpartition("/")[2] != ORGANISATION, file)):
        root, whole = read_by_parts(name, files[name], context.report)
        found.whole = found.whole and whole
        if root is not None and not isinstance(root, Block):
            context.report.problem(root.place, shown(root), "a file of the protocol begins with a key, such as `rules:`")
        if not isinstance(root, Block):
            found.whole = found.whole and root is None and not files[name].strip()
            continue
        if "parameters" in root:
            word = next(key for key in root if key == "parameters")
            context.report.problem(word.place, word, "a ready protocol can't stand among the files; it belongs to the library")
            continue
        for key, node in File.tidy(root, context).items():
            _add(found, key, node, once, context)
    if found.whole:
        _require_format(files, once, context)
    return found


def _add(found: Sections, key: str, node: Node, once: dict[str, Place], context: Reading) -> None:
    if key in {"defaults", "priorities", "people_keep"} and key in once:
        context.report.problem(node.place, shown(node), f"`{key}` stands in another file already: {once[key]}")
        return
    once.setdefault(key, node.place)
    found.whole = found.whole and (not node or key in {"format", "people_keep"} or not isinstance(node, Text))
    if key == "format":
        _check_format(node, context)
    elif key == "defaults":
        found.defaults = node or None
    elif key == "people_keep":
        found.people_keep = node
    elif key == "priorities":
        found.priorities += context.items(node, "priorities")
    elif key in {"absences", "overrides", "people"}:
        getattr(found, key).extend(context.items(node, key))
    elif key in {"rules", "use"}:
        items = context.items(node, "rules" if key == "rules" else "ready protocols")
        if key == "use":
            found.uses |= set(range(len(found.rules), len(found.rules) + len(items)))
        found.rules += items
    else:
        _add_named(getattr(found, key), context.block(node, key), key, context)


def _add_named(known: dict[Text, Node], block: Block, key: str, context: Reading) -> None:
    for name, node in block.items():
        if name in known:
            first = next(other for other in known if other == name)
            context.report.problem(name.place, name, f"stands among the {key} already, at {first.place}")
        elif key == "teams" and name.casefold() == NOBODY:
            context.report.problem(name.place, name, f"no name for a team: `team: {NOBODY}` asks for tickets without one")
        else:
            known[name] = node


def _check_format(node: Node, context: Reading) -> None:
    if node != FORMAT:
        context.report.problem(
            node.place, shown(node), f"this version of hoist reads format {FORMAT}", FORMAT if isinstance(node, Text) else ""
        )


def _require_format(files: Mapping[str, str], once: Mapping[str, Place], context: Reading) -> None:
    if "format" not in once:
        file = next((name for name in files if name.rpartition("/")[2] == ORGANISATION), ORGANISATION)
        context.report.problem(
            Place(file, 1, 1), file, f"`format: {FORMAT}` is missing; write it as the first line of {ORGANISATION}"
        )


def names(found: Sections) -> Names:
    """The names that the sections define, whatever else is wrong in them."""
    rows = [row for row in found.priorities if isinstance(row, Block)]
    return Names(
        priorities=tuple(str(name) for row in rows if isinstance(name := written(row, "name"), Text)),
        sources=frozenset(str(key) for row in rows for key in row if folded(key) != "name"),
        teams={str(name): bool(written(team, "lead")) for name, team in found.teams.items()},
        chains={str(name): tuple(_tiers(chain)) for name, chain in found.chains.items()},
        roles=frozenset(str(name) for name in found.roles),
        calendars={str(name): written(hours, "hours") == "all" for name, hours in found.calendars.items()},
        zones={
            str(name): str(zone) for name, one in found.calendars.items() if isinstance(zone := written(one, "time_zone"), Text)
        },
        lists=frozenset(str(name) for name in found.lists),
        windows=frozenset(str(name) for name in found.windows),
        providers={str(name): str(written(one, "calendar") or "") for name, one in found.providers.items()},
        contacts=frozenset(str(name) for name, one in found.providers.items() if written(one, "contact")),
        rotas=dict(_rotas(found)),
        whole=found.whole,
    )


def _rotas(found: Sections) -> Iterator[tuple[str, str]]:
    """The rota of each role, provider and team that has one."""
    contacts = {name: written(provider, "contact") for name, provider in found.providers.items()}
    for name, target in {**contacts, **found.roles}.items():
        if isinstance(target, Text) and is_rota(target):
            yield str(name), plain_reference(target)
    for name, team in found.teams.items():
        if isinstance(rota := written(team, "on_call"), Text):
            yield str(name), plain_reference(rota)


def written(node: Node, key: str) -> Node | None:
    """What a block says under a key, in whatever spelling."""
    if not isinstance(node, Block):
        return None
    return next((value for name, value in node.items() if folded(name) == key), None)


def _tiers(chain: Node) -> Iterator[str]:
    for tier in chain if isinstance(chain, Items) else ():
        team = tier if isinstance(tier, Text) else written(tier, "team")
        if isinstance(team, Text):
            yield str(team)
