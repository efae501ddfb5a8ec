"""Stories of tickets: told, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.errors import ConfigError
from agent.in_force.protocol_files import copies_beside, load_protocol, protocol_place, texts, world_of
from rules.binding import BindingError
from rules.language.problems import RulebookError
from rules.protocol.rulebook import Rulebook
from rules.stories import Told, read_stories, tell, zone_of
from rules.world import World

TESTS: Final = "tests"
"""The folder of the protocol that holds its stories."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of stories; `problems` are those of the files, which leave nothing to test."""

    told: tuple[Told, ...] = ()
    problems: tuple[str, ...] = ()
    written: Path | None = None  # a story that was written from a ticket

    @property
    def failed(self) -> int:
        """How many stories ended otherwise than expected."""
        return sum(1 for each in self.told if each.failures)


def tell_stories(paths: Sequence[Path], protocol: Path | None, config: Path | None) -> Tested:
    """Tell the stories of files and folders, by default those in `tests/` of the protocol.

    Raises ConfigError where there are none, RulebookError where the protocol itself has problems.
    """
    place = protocol_place(protocol or _beside(paths), config)
    rulebook = load_protocol(place).rulebook
    files = dict(_stories(paths or [tests_of(place)]))
    if not files:
        raise ConfigError(
            f"there is no story in {tests_of(place)} yet; docs/rules.md shows one, and --from SOURCE:KEY writes one"
        )
    return tested(files, rulebook, world_of(rulebook, place, copies_beside(config)))


def tested(files: Mapping[str, str], rulebook: Rulebook, world: World) -> Tested:
    """What comes of the stories of files: name -> text."""
    try:
        stories = read_stories(files, rulebook, zone_of(rulebook, None))
        return Tested(tell(stories, rulebook, world))
    except RulebookError as error:
        return Tested(problems=tuple(str(problem) for problem in error.problems))
    except BindingError as error:
        return Tested(problems=error.problems)


def tests_of(place: Path) -> Path:
    """Where a protocol's stories lie."""
    return (place if place.is_dir() else place.parent) / TESTS


def _beside(paths: Sequence[Path]) -> Path | None:
    """The protocol in whose `tests/` the first path lies; None where it lies elsewhere."""
    first = paths[0].resolve() if paths else None
    folder = next((each for each in (first, *first.parents) if each.name == TESTS), None) if first is not None else None
    return folder.parent if folder is not None and (folder.parent / "organisation.yaml").exists() else None


def _stories(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        if path.is_dir():
            found = sorted(each for each in (*path.rglob("*.yaml"), *path.rglob("*.yml")) if not each.name.startswith("."))
            yield from ((str(each), _read(each)) for each in found)
        elif path.exists():
            yield str(path), _read(path)
        elif path.name != TESTS:
            raise ConfigError(f"there is no {path}: name a file of stories or a folder of them")


def _read(path: Path) -> str:
    return texts(path)[path.name]
