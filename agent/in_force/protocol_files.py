"""The protocol's files on disk: read as texts and handed to the rulebook's loader, which knows no files."""

from __future__ import annotations

import io
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from agent.clock import SystemClock
from agent.config import Settings, load_settings
from agent.errors import ConfigError
from agent.outside.facts import Outside
from agent.outside.links import Links
from rules.language.marked_yaml import LONGEST_FILE
from rules.language.problems import Place, Problem, problem
from rules.protocol.rulebook import Rulebook
from rules.rulebook import Loaded, load
from rules.world import World

LARGEST: Final = 4 * LONGEST_FILE
"""Bytes, at four to a character."""


def protocol_place(place: Path | None, config: Path | None) -> Path:
    """The protocol that is meant: the named one, that of hoist.yaml, or ./protocol. Raises ConfigError where there is none."""
    if place is not None:
        return place
    try:
        return load_settings(config).protocol
    except ConfigError:
        if config is not None or not Path("protocol").exists():
            raise
        return Path("protocol")


def settings_beside(config: Path | None) -> Settings | None:
    """What hoist.yaml says, for work on rules, which needs none; None where there is none to be had."""
    try:
        return load_settings(config)
    except ConfigError:
        return None


def copies_beside(config: Path | None) -> Path | None:
    """Where the last good copies lie of what stands behind URLs; None where no hoist.yaml says so."""
    settings = settings_beside(config)
    return None if settings is None else settings.copies


def library() -> Mapping[str, str]:
    """The ready protocols that ship with hoist: file name -> text."""
    found = (entry for entry in (files("rules") / "library").iterdir() if entry.name.endswith(".yaml"))
    return {entry.name: entry.read_text(encoding="utf-8") for entry in sorted(found, key=lambda entry: entry.name)}


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a protocol: name -> text; and why others can't be read, with their places."""

    texts: Mapping[str, str]
    unread: tuple[Problem, ...] = ()


def files_of(place: Path) -> Files:
    """The *.yaml files of a folder, or one file. Hidden ones (editors' locks, a Mac's `._rules.yaml`) are none of the protocol's.

    Raises ConfigError where there are none.
    """
    if not place.exists():
        raise ConfigError(
            f"there is no {place}: it should hold organisation.yaml and rules.yaml (`protocol:` in hoist.yaml names it)"
        )
    found: dict[str, str] = {}
    unread: list[Problem] = []
    for path in _paths(place):
        read = _read(path)
        if isinstance(read, Problem):
            unread.append(read)
        else:
            found[path.name] = read
    if not found and not unread:
        raise ConfigError(f"{place} holds no *.yaml file: write organisation.yaml and rules.yaml there")
    return Files(found, tuple(unread))


def texts(place: Path) -> Mapping[str, str]:
    """The *.yaml files of a folder, or one file: name -> text. Raises ConfigError where there are none or some can't be read."""
    found = files_of(place)
    if found.unread:
        raise ConfigError(*map(str, found.unread))
    return found.texts


def _paths(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    return sorted(path for path in (*place.glob("*.yaml"), *place.glob("*.yml")) if not path.name.startswith("."))


def _read(path: Path) -> str | Problem:
    """The file's text, or why there is none."""
    start = Place(path.name, 1, 1)
    try:
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            return problem(start, path.name, "a folder and no file: move its files up into the protocol's folder, or rename it")
        if not stat.S_ISREG(kind.st_mode):  # reading a pipe would wait for ever
            return problem(start, path.name, "no regular file but a pipe or a device: put a file in its place")
        if kind.st_size > LARGEST:
            return problem(start, path.name, f"larger than {LARGEST} bytes; divide it into several files")
        data = path.read_bytes()
    except OSError as error:
        return problem(start, path.name, f"can't be read: {error.strerror}")
    try:
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
    except UnicodeDecodeError:
        return _no_text(path.name, data)


def _no_text(name: str, data: bytes) -> Problem:
    """Where the first byte stands that is no UTF-8."""
    good = data[: _good(data)].decode("utf-8")
    line = good.splitlines()[-1] if good and not good.endswith(("\n", "\r")) else ""
    place = Place(name, good.count("\n") + 1, len(line) + 1)
    shown = data.decode("utf-8", errors="replace").splitlines()[place.line - 1 : place.line]
    return problem(place, "".join(shown), "no text in UTF-8 from here on: save the file as that")


def _good(data: bytes) -> int:
    """How many bytes are UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return len(data)


def load_protocol(place: Path) -> Loaded:
    """The rulebook of a folder or file. Raises ConfigError, or RulebookError with all problems of all files."""
    found = files_of(place)
    return load(found.texts, library(), found.unread)


def stamp(place: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes whenever one of the files does; reads no file. A file that vanishes meanwhile is left out."""
    found = []
    for path in _paths(place):
        with suppress(OSError):
            status = path.stat()
            found.append((path.name, status.st_mtime_ns, status.st_size))
    return tuple(found)


def outside_of(rulebook: Rulebook, place: Path | None, copies: Path | None) -> Outside:
    """What stands outside of the protocol, its files read now; of URLs the last good copies, if any."""
    outside = Outside(place, copies, Links(), keep=False, online=False)
    outside.update(rulebook.organisation, SystemClock().now())
    return outside


def world_of(rulebook: Rulebook, place: Path | None = None, copies: Path | None = None) -> World:
    """The world today as the protocol tells it, with the files of its folder `place`; of URLs the last good copies, if any.

    Without a place, what stands in files is empty: for tests of rules that bring no files.
    """
    return outside_of(rulebook, place, copies).world(rulebook.organisation, SystemClock().now())
