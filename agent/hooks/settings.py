"""`hooks:` in hoist.yaml, and `webhook:` of a source."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

from agent.rooted import rooted_secret
from connectors.secrets import Secret
from rules.language.marked_yaml import Block, Node, Text
from rules.language.problems import nearest

CALLS_PER_SECOND: Final = 3_000
PORT: Final = 8080
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LISTEN: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})", re.ASCII)
_PREFIX: Final = re.compile(r"(/[\w.~-]+)*/?", re.ASCII)
_KEYS: Final = ("listen", "path_prefix", "public_url", "certificate", "key", "calls_per_second")
_OF_SOURCE: Final = ("secret", "former_secret")

Complain = Callable[[Node, str], None]
"""Says what is wrong at a place."""


@dataclass(frozen=True, slots=True)
class HooksSettings:
    """Where webhooks are taken. `path_prefix` is what arrives before `/hooks/...`: empty, or with a slash in front only.

    `public_url` is the address that leads to the prefix from outside. `certificate` and `key`: PEM files, none for http.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    path_prefix: str = ""
    public_url: str = ""
    certificate: Path | None = None
    key: Path | None = None
    calls_per_second: int = CALLS_PER_SECOND  # of each source

    @property
    def is_private(self) -> bool:
        """Whether nobody outside this machine can read along."""
        return self.host in LOOPBACK or self.certificate is not None

    def address_of(self, source: str) -> str:
        """The address that a source's platform has to call; empty where `public_url` is not set."""
        return f"{self.public_url}/hooks/{source}" if self.public_url else ""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """A source's webhook: where its secret is kept, and the one that it had before, while that still counts."""

    secret: Secret
    former_secret: Secret | None = None

    def secrets(self) -> list[str]:
        """What they are now. Raises AskAdmin where one is missing."""
        return [each.reveal() for each in (self.secret, self.former_secret) if each is not None]


def read_hooks(node: Node | None, folder: Path, complain: Complain) -> HooksSettings | None:
    """The block `hooks:`; None where there is none. Paths are relative to `folder`."""
    if node is None:
        return None
    if not isinstance(node, Block):
        complain(node, "hooks: expected a block with listen, such as 127.0.0.1:8080")
        return None
    found = HooksSettings()
    for key, entry in node.items():
        text = str(entry) if isinstance(entry, Text) else ""
        try:
            found = _with(found, str(key), text, folder)
        except ValueError as error:
            complain(entry, f"hooks.{key}: {error}")
        except KeyError:
            near = nearest(str(key), _KEYS)
            complain(entry, f"hooks.{key} is not known; {f'did you mean {near}?' if near else 'there are ' + ', '.join(_KEYS)}")
    if (found.certificate is None) != (found.key is None):
        complain(node, "hooks: a certificate needs its key, and a key its certificate")
    return found


def read_webhook(node: Node | None, folder: Path, complain: Complain) -> WebhookSettings | None:
    """The block `webhook:` of a source; None where there is none."""
    if node is None:
        return None
    block = cast("Mapping[str, Node]", node) if isinstance(node, Block) else {}
    for key in block:
        if key not in _OF_SOURCE:
            complain(block[key], f"webhook.{key} is not known; there are {', '.join(_OF_SOURCE)}")
    if "secret" not in block:
        complain(node, "webhook: expected a block with secret: and where it is kept, such as {secret: env:HOIST_HOOK_SECRET}")
        return None
    found: dict[str, Secret] = {}
    for key in _OF_SOURCE:
        if key in block:
            try:
                found[key] = rooted_secret(Secret(str(block[key])), folder)
            except ValueError as error:
                complain(block[key], f"webhook.{key}: {error}")
    return WebhookSettings(**found) if "secret" in found else None


def _with(found: HooksSettings, key: str, text: str, folder: Path) -> HooksSettings:
    """The settings with one more of them. Raises ValueError with a sentence, KeyError for a key that is not known."""
    match key:
        case "listen":
            place = _LISTEN.fullmatch(text)
            if place is None or int(place[2]) > 65_535:
                raise ValueError("expected an address and a port, such as 127.0.0.1:8080")
            return replace(found, host=place[1].strip("[]"), port=int(place[2]))
        case "path_prefix":
            if not _PREFIX.fullmatch(text):
                raise ValueError("expected a path, such as /hoist")
            return replace(found, path_prefix=text.rstrip("/"))
        case "public_url":
            return replace(found, public_url=_public(text))
        case "certificate" | "key":
            path = (folder / text).resolve()
            if not text or not path.is_file():
                raise ValueError("there is no such file")
            return replace(found, certificate=path) if key == "certificate" else replace(found, key=path)
        case "calls_per_second":
            if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
                raise ValueError("expected a number from 1 to 999999")
            return replace(found, calls_per_second=int(text))
    raise KeyError(key)


def _public(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    secure = host is not None and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
    if not secure or parts.query or parts.fragment or parts.username:
        raise ValueError("expected the https address under which the helpdesk reaches hoist, such as https://hoist.example.com")
    return text.rstrip("/")
