"""The protocol's files on disk: read as texts and handed to the rulebook's loader, which knows no files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from agent.clock import SystemClock
from agent.errors import ConfigError
from agent.outside.facts import Outside
from agent.outside.links import Links
from rules.protocol import Rulebook
from rules.rulebook import Loaded, load
from rules.world import World


def library() -> Mapping[str, str]:
    """The ready protocols that ship with hoist: file name -> text."""
    found = (entry for entry in (files("rules") / "library").iterdir() if entry.name.endswith(".yaml"))
    return {entry.name: entry.read_text(encoding="utf-8") for entry in sorted(found, key=lambda entry: entry.name)}


def texts(place: Path) -> Mapping[str, str]:
    """The *.yaml files of a folder, or one file: name -> text. Raises ConfigError where there are none or one can't be read."""
    if not place.exists():
        raise ConfigError(
            f"there is no {place}: it should hold organisation.yaml and rules.yaml (`protocol:` in hoist.yaml names it)"
        )
    paths = sorted([*place.glob("*.yaml"), *place.glob("*.yml")]) if place.is_dir() else [place]
    if not paths:
        raise ConfigError(f"{place} holds no *.yaml file: write organisation.yaml and rules.yaml there")
    return {path.name: _text(path) for path in paths}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no text in UTF-8: save it as that") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error


def load_protocol(place: Path) -> Loaded:
    """The rulebook of a folder or file. Raises ConfigError, or RulebookError with all problems of all files."""
    return load(texts(place), library())


def stamp(place: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes whenever one of the files does; reads no file. A file that vanishes meanwhile is left out."""
    paths = sorted([*place.glob("*.yaml"), *place.glob("*.yml")]) if place.is_dir() else [place]
    found = []
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(found)


def world_of(rulebook: Rulebook, place: Path | None = None, copies: Path | None = None) -> World:
    """The world today as the protocol tells it, with the files of its folder `place`; of URLs the last good copies, if any.

    Without a place, what stands in files is empty: for tests of rules that bring no files.
    """
    outside = Outside(place, copies, Links(), keep=False, online=False)
    now = SystemClock().now()
    outside.update(rulebook.organisation, now)
    return outside.world(rulebook.organisation, now)
