"""hoist.yaml and the environment, parsed into one frozen settings object; every mistake is listed, with its place."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from pydantic import BaseModel, ValidationError

from agent.errors import ConfigError
from agent.guards.limit_settings import read_limits
from agent.hooks.settings import HooksSettings, WebhookSettings, read_hooks, read_webhook
from agent.outside.links import Links
from agent.rooted import rooted, rooted_secret
from agent.setting_mistakes import mistakes
from agent.settings import HeartbeatSettings, JournalSettings, Limits, Policy
from connectors.errors import AskAdmin
from connectors.registry import connector_class, webhook
from connectors.secrets import Secret
from rules.instants import DAY, HOUR, MINUTE, SECOND
from rules.language.marked_yaml import Block, Items, Node, Text, read
from rules.language.problems import Place, Report, nearest

DEFAULT_FILE: Final = Path("hoist.yaml")
POLL_EVERY: Final = MINUTE
SKEW_LIMIT: Final = 5 * MINUTE
WRITES_AT_ONCE: Final = 8
CENSUS_EVERY: Final = DAY
MOST_WRITES_AT_ONCE: Final = 64

_UNITS: Final = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY}
_LENGTH: Final = re.compile(r"(\d{1,6}) ?(s|m|h|d|second|minute|hour|day)s?")
_SHORT: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day"}
_TOP_KEYS: Final = (
    *("store", "protocol", "activation", "sources", "links", "journal", "after_outage", "heartbeat", "limits", "hooks"),
)
_JOURNAL_KEYS: Final = ("keep", "signing_key")
_HEARTBEAT_KEYS: Final = ("file", "url", "every")
_CATCH_UP: Final = re.compile(r"catch_up younger than ([^,]+?)(, the rest as one digest)?")
_LINK_KEYS: Final = ("read_every", "private_hosts", "ca_file")
_SOURCE_KEYS: Final = (
    "platform",
    "poll_every",
    "skew_limit",
    "writes_at_once",
    "census_every",
    "retired_installations",
    "limits",
    "webhook",
)


class Activation(StrEnum):
    """What brings changed rules into force."""

    FIRST_APPLY = "first apply"  # the files as they are saved, until the first plan is applied
    FILES = "files"
    APPLY = "apply"  # plans alone; what the files say at the very first start is taken as it is


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One helpdesk instance. `poll_every` and `skew_limit` in milliseconds; `settings` is what its connector takes."""

    name: str
    platform: str
    poll_every: int
    skew_limit: int
    settings: BaseModel
    writes_at_once: int = WRITES_AT_ONCE
    census_every: int = CENSUS_EVERY  # milliseconds
    retired_installations: frozenset[str] = frozenset()  # other hoists that wrote here and are gone for good
    limits: Limits | None = None  # none: nothing is held for approval
    webhook: WebhookSettings | None = None  # none: the source is polled, and nothing else


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the administrator decides. Paths are absolute."""

    store: Path
    protocol: Path
    sources: tuple[SourceSettings, ...]
    links: Links = field(default_factory=Links)
    journal: JournalSettings = field(default_factory=JournalSettings)
    after_outage: Policy = field(default_factory=Policy)
    heartbeat: HeartbeatSettings = field(default_factory=HeartbeatSettings)
    hooks: HooksSettings | None = None
    activation: Activation = Activation.FIRST_APPLY
    fingerprint: str = ""  # of what the file says, however it is spelt

    @property
    def copies(self) -> Path:
        """The folder beside the store in which the last good copies of rotas, lists and windows are kept."""
        return self.store.with_name(f"{self.store.stem}-copies")


def length_of_time(text: str) -> int:
    """Milliseconds of `60 seconds`, `2d`, `36 hours`. Raises ValueError with a sentence."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        too_short = "" if found is None else " longer than nothing"
        raise ValueError(f"{text!r} is no length of time{too_short}; write it like 60 seconds, 30m, 12 hours or 2d")
    return int(found[1]) * _UNITS[_SHORT.get(found[2], found[2])]


def load_settings(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the file (default: $HOIST_CONFIG, else hoist.yaml here); HOIST_STORE and HOIST_PROTOCOL override its paths.

    Raises ConfigError with all problems.
    """
    file = path if path is not None else Path(environment.get("HOIST_CONFIG", str(DEFAULT_FILE)))
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        said = f"there is no {file}: name the file with --config, or try hoist demo, which needs none"
        raise ConfigError(said) from None
    except IsADirectoryError:
        raise ConfigError(f"{file} is a folder: name the file hoist.yaml in it with --config") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is no text in UTF-8: save it as that") from None
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from error
    report = Report()
    root = read(file.name, text, report)
    if report.problems:
        raise ConfigError(*(str(problem) for problem in report.problems))
    return _Reader(file, environment).settings(root)


class _Reader:
    """One reading of one file."""

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self.file, self.environment = file, environment
        self.problems: list[str] = []

    def settings(self, root: Node | None) -> Settings:
        if not isinstance(root, Block) or not root:
            raise ConfigError(f"{self._at(root)} this is no hoist.yaml: it needs sources:, with one entry per helpdesk")
        block = root
        self._known_keys(block, _TOP_KEYS)
        sources = self._block(_entry(block, "sources"), root, "sources: with one entry per helpdesk")
        limits = self._limits(_entry(block, "limits"), Limits())
        found = [self._source(name, entry, limits) for name, entry in sources.items()]
        store = self._path(block, "store", "HOIST_STORE", "hoist.db")
        protocol = self._path(block, "protocol", "HOIST_PROTOCOL", "protocol")
        links = self._links(_entry(block, "links"))
        journal = self._journal(_entry(block, "journal"))
        after_outage = self._after_outage(_entry(block, "after_outage"))
        heartbeat = self._heartbeat(_entry(block, "heartbeat"))
        activation = self._activation(_entry(block, "activation"))
        hooks = read_hooks(_entry(block, "hooks"), self.file.parent, self._complain)
        if hooks is None and any(source is not None and source.webhook is not None for source in found):
            self.problems.append(f"{self.file.name}: webhook: of a source needs hooks: with listen, such as 127.0.0.1:8080")
        if not sources and not self.problems:
            self.problems.append(f"{self.file.name}: sources: is empty; hoist needs one helpdesk at least")
        if self.problems:
            raise ConfigError(*self.problems)
        whole = tuple(source for source in found if source is not None)
        said = json.dumps(_plain(root), sort_keys=True, ensure_ascii=False)
        fingerprint = sha256(said.encode()).hexdigest()
        return Settings(store, protocol, whole, links, journal, after_outage, heartbeat, hooks, activation, fingerprint)

    def _links(self, node: Node | None) -> Links:
        """How URLs that the protocol names are read."""
        if node is None:
            return Links()
        block = self._block(node, node, "links: with read_every, private_hosts or ca_file")
        self._known_keys(block, _LINK_KEYS)
        hosts, authority = _entry(block, "private_hosts"), _entry(block, "ca_file")
        named = hosts if isinstance(hosts, Items) else [hosts] if hosts is not None else []
        if not all(isinstance(host, Text) and re.fullmatch(r"[\w.:-]+", host) for host in named):
            self.problems.append(f"{self._at(hosts)} links.private_hosts: expected names of hosts, such as [rota.example.com]")
        ca_file = self.file.parent / authority if isinstance(authority, Text) else None
        if authority is not None and (ca_file is None or not ca_file.is_file()):
            self.problems.append(f"{self._at(authority)} links.ca_file: there is no such file")
        every = self._length(Text("links", node.place), block, "read_every", Links().read_every)
        return Links(every, frozenset(str(host).casefold() for host in named), ca_file)

    def _journal(self, node: Node | None) -> JournalSettings:
        """How long lines are kept, and where the key is that signs the journal's head."""
        if node is None:
            return JournalSettings()
        block = self._block(node, node, "journal: with keep or signing_key")
        self._known_keys(block, _JOURNAL_KEYS)
        kept, named, signing_key = _entry(block, "keep"), _entry(block, "signing_key"), None
        keep = None if kept is None or kept == "none" else self._length(Text("journal", node.place), block, "keep", 0)
        try:
            signing_key = rooted_secret(Secret(str(named)), self.file.parent) if named is not None else None
        except ValueError as error:
            self.problems.append(f"{self._at(named)} journal.signing_key: {error}")
        return JournalSettings(keep, signing_key)

    def _after_outage(self, node: Node | None) -> Policy:
        """What is done about firings that fell due while hoist did not run."""
        if node is None:
            return Policy()
        found = _CATCH_UP.fullmatch(str(node)) if isinstance(node, Text) else None
        try:
            if node == "all":
                return Policy(None)
            if node == "report only":
                return Policy(0)
            if found is not None:
                return Policy(length_of_time(found[1]))
            said = "expected all, report only, or: catch_up younger than 1 hour, the rest as one digest"
        except ValueError as error:
            said = str(error)
        self.problems.append(f"{self._at(node)} after_outage: {said}")
        return Policy()

    def _activation(self, node: Node | None) -> Activation:
        """What brings changed rules into force."""
        if node is not None and str(node) not in {"files", "apply"}:
            self.problems.append(f"{self._at(node)} activation: expected files or apply")
            return Activation.FIRST_APPLY
        return Activation.FIRST_APPLY if node is None else Activation(str(node))

    def _heartbeat(self, node: Node | None) -> HeartbeatSettings:
        """Where signs of life go."""
        if node is None:
            return HeartbeatSettings()
        block = self._block(node, node, "heartbeat: with file, url or every")
        self._known_keys(block, _HEARTBEAT_KEYS)
        every = self._length(Text("heartbeat", node.place), block, "every", MINUTE)
        file, url = _entry(block, "file"), _entry(block, "url")
        if file is None and url is None:
            self.problems.append(f"{self._at(node)} heartbeat: needs a file, a url, or both")
        path = self.file.parent / str(file) if isinstance(file, Text) else None
        return HeartbeatSettings(path.resolve() if path else None, self._heartbeat_url(url), every)

    def _heartbeat_url(self, node: Node | None) -> str:
        """A URL, or the reference to one that is a secret as a whole."""
        if node is None:
            return ""
        try:
            url = (
                str(node)
                if str(node).startswith(("https://", "http://"))
                else rooted_secret(Secret(str(node)), self.file.parent).reveal()
            )
        except (ValueError, AskAdmin) as error:
            self.problems.append(f"{self._at(node)} heartbeat.url: expected a URL, or where it is kept: {error}")
            return ""
        if not url.startswith(("https://", "http://")):
            self.problems.append(f"{self._at(node)} heartbeat.url: this leads to no URL; it looks like https://example.com/ping")
        return url

    def _limits(self, node: Node | None, default: Limits | None) -> Limits | None:
        """How much is written unasked."""
        return read_limits(node, default, length_of_time, self._complain)

    def _complain(self, node: Node, said: str) -> None:
        self.problems.append(f"{self._at(node)} {said}")

    def _source(self, name: Text, entry: Node, default: Limits | None) -> SourceSettings | None:
        if not isinstance(entry, Block):
            self.problems.append(f"{self._at(entry)} {name}: expected a block of keys and values, with platform and more")
            return None
        platform = _entry(entry, "platform")
        if not isinstance(platform, Text):
            self.problems.append(f"{self._at(name)} {name}.platform is missing: the name of the helpdesk's platform, like jira")
            return None
        poll_every = self._length(name, entry, "poll_every", POLL_EVERY)
        skew_limit = self._length(name, entry, "skew_limit", SKEW_LIMIT)
        census_every = self._length(name, entry, "census_every", CENSUS_EVERY)
        at_once = self._number(name, entry, "writes_at_once", WRITES_AT_ONCE, MOST_WRITES_AT_ONCE)
        retired = self._retired(name, _entry(entry, "retired_installations"))
        limits = self._limits(_entry(entry, "limits"), default)
        try:
            model = connector_class(str(platform)).Settings
        except AskAdmin as error:
            self.problems.append(f"{self._at(platform)} {name}: {error}")
            return None
        hook = self._webhook(name, entry, str(platform))
        written = {str(key): _plain(value) for key, value in entry.items() if key not in _SOURCE_KEYS}
        if "concurrent_requests" in model.model_fields:
            at_once = self._places(name, entry, at_once)
            written.setdefault("concurrent_requests", at_once + 1)
        try:
            settings = rooted(model.model_validate(written), self.file.parent)
        except ValidationError as error:
            self.problems += mistakes(error, name, entry, model, _SOURCE_KEYS)
            return None
        return SourceSettings(
            str(name), str(platform), poll_every, skew_limit, settings, at_once, census_every, retired, limits, hook
        )

    def _webhook(self, name: Text, entry: Block, platform: str) -> WebhookSettings | None:
        """Whether the source's platform calls hoist, and where the secret is by which it is known."""
        node = _entry(entry, "webhook")
        found = read_webhook(node, self.file.parent, lambda at, said: self._complain(at, f"{name}.{said}"))
        try:
            if found is not None:
                webhook(platform)
        except AskAdmin as error:
            self.problems.append(f"{self._at(node)} {name}.webhook: {error}")
        return found

    def _retired(self, name: Text, node: Node | None) -> frozenset[str]:
        """The installations of other hoists that are gone for good."""
        named = node if isinstance(node, Items) else [] if node is None else [node]
        found = frozenset(str(each) for each in named if isinstance(each, Text) and re.fullmatch("[0-9a-f]{16}", each))
        if len(found) == len(named):
            return found
        said = "expected installations as hoist's message names them, such as [5f0c2a9be41d7730]"
        self.problems.append(f"{self._at(node)} {name}.retired_installations: {said}")
        return frozenset()

    def _length(self, name: Text, entry: Block, key: str, default: int) -> int:
        node = _entry(entry, key)
        if node is None:
            return default
        try:
            return length_of_time(str(node))
        except ValueError as error:
            self.problems.append(f"{self._at(node)} {name}.{key}: {error}")
            return default

    def _number(self, name: Text, entry: Block, key: str, default: int, largest: int) -> int:
        node = _entry(entry, key)
        if node is None:
            return default
        if isinstance(node, Text) and re.fullmatch(r"[1-9][0-9]{0,3}", node) and int(node) <= largest:
            return int(node)
        self.problems.append(f"{self._at(node)} {name}.{key}: expected a number from 1 to {largest}")
        return default

    def _places(self, name: Text, entry: Block, at_once: int) -> int:
        """How many writes at once a source's concurrent requests leave room for, beside the one that reads."""
        node = _entry(entry, "concurrent_requests")
        if not isinstance(node, Text) or not re.fullmatch(r"[1-9][0-9]{0,3}", node) or int(node) > at_once:
            return at_once
        if _entry(entry, "writes_at_once") is not None:
            said = f"{at_once} writes_at_once and one request that reads need {at_once + 1} of them"
            self.problems.append(f"{self._at(node)} {name}.concurrent_requests: {said}")
        return max(1, int(node) - 1)

    def _path(self, block: Block, key: str, variable: str, default: str) -> Path:
        node = _entry(block, key)
        if node is not None and not isinstance(node, Text):
            self.problems.append(f"{self._at(node)} {key}: expected a path")
        written = self.environment.get(variable, str(node) if isinstance(node, Text) else default)
        return (self.file.parent / written).resolve()

    def _known_keys(self, block: Block, known: tuple[str, ...]) -> None:
        for key in block:
            if key not in known:
                near = nearest(key, known)
                hint = f"; did you mean {near}?" if near else f"; there are {', '.join(known)}"
                self.problems.append(f"{self._at(key)} {key} is not known{hint}")

    def _block(self, node: Node | None, near: Node | None, expected: str) -> Block:
        if isinstance(node, Block):
            return node
        self.problems.append(f"{self._at(node if node is not None else near)} expected a block: {expected}")
        return Block(Place(self.file.name, 1, 1))

    def _at(self, node: Node | None) -> str:
        return f"{node.place}:" if node is not None else f"{self.file.name}:"


def _entry(block: Block, key: str) -> Node | None:
    return cast("Mapping[str, Node]", block).get(key)


def _plain(node: Node) -> Any:
    """A node as the plain value that pydantic reads."""
    if isinstance(node, Block):
        return {str(key): _plain(value) for key, value in node.items()}
    return [_plain(value) for value in node] if isinstance(node, Items) else str(node)
