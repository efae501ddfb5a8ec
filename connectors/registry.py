"""Platform names to connector classes, from the entry points of installed packages (group `hoist.connectors`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final, Protocol, cast

from pydantic import BaseModel

from connectors.contract import Connector
from connectors.errors import AskAdmin
from connectors.installing import InstallingModule
from connectors.sandboxes.sandbox import EditionsModule, SandboxClass, SandboxModule
from connectors.webhooks import WebhookModule

GROUP: Final = "hoist.connectors"


class ConnectorClass(Protocol):
    """What an entry point names: called with a source's name and its settings, it gives the connector."""

    Settings: type[BaseModel]

    def __call__(self, source: str, settings: Any, *args: Any, **more: Any) -> Connector: ...


def platforms(found: Iterable[EntryPoint] | None = None) -> list[str]:
    """The names of all installed connectors, in order of the alphabet."""
    return sorted({point.name for point in _points(found)})


def connector_class(platform: str, found: Iterable[EntryPoint] | None = None) -> ConnectorClass:
    """The connector of a platform. `found` replaces the installed entry points.

    Raises AskAdmin where no connector has that name (with the nearest one), or where its code can't be imported.
    """
    points = {point.name: point for point in _points(found)}
    point = points.get(platform)
    if point is None:
        near = get_close_matches(platform, points, n=1)
        hint = f"did you mean {near[0]}?" if near else f"installed are: {', '.join(sorted(points)) or 'none'}"
        raise AskAdmin(f"there is no connector for the platform {platform!r}; {hint}")
    try:
        return cast("ConnectorClass", point.load())
    except (ImportError, AttributeError) as problem:
        raise AskAdmin(f"the connector {platform!r} ({point.value}) can't be loaded: {problem}; install hoist again") from problem


def sandbox(platform: str, found: Iterable[EntryPoint] | None = None) -> SandboxModule:
    """The module of a platform's sandbox: `sandbox`, beside that of its connector.

    Raises AskAdmin where no connector has that name, or its platform has no sandbox.
    """
    found = list(_points(found))
    module = _beside(platform, "sandbox", found)
    if module is None:
        raise AskAdmin(f"the platform {platform!r} has no sandbox; one is there for: {', '.join(sandboxes(found))}")
    return cast("SandboxModule", module)


def sandbox_class(named: str, found: Iterable[EntryPoint] | None = None) -> SandboxClass:
    """The sandbox of a platform, or of one of its editions: `jira`, `jira:data-center`.

    Raises AskAdmin as `sandbox` does, and where the platform has no such edition.
    """
    platform, _, edition = named.partition(":")
    module = sandbox(platform, found)
    if not edition:
        return module.Sandbox
    editions: Sequence[str] = getattr(module, "EDITIONS", ())
    if edition not in editions:
        there = f"there are: {', '.join(f'{platform}:{each}' for each in editions)}" if editions else "it has none"
        raise AskAdmin(f"the platform {platform!r} has no edition {edition!r}; {there}")
    return cast("EditionsModule", module).of_edition(edition)


def webhook(platform: str, found: Iterable[EntryPoint] | None = None) -> WebhookModule:
    """The module of a platform's webhooks: `webhook`, beside that of its connector.

    Raises AskAdmin where no connector has that name, or hoist understands no webhooks of its platform.
    """
    module = _beside(platform, "webhook", found)
    if module is None:
        raise AskAdmin(f"hoist takes no webhooks of the platform {platform!r}: remove webhook: of that source; it is polled")
    return cast("WebhookModule", module)


def installing(platform: str, found: Iterable[EntryPoint] | None = None) -> InstallingModule:
    """The module that puts hoist's webhook into a platform: `installing`, beside that of its connector.

    Raises AskAdmin where no connector has that name, or hoist puts nothing into its platform.
    """
    module = _beside(platform, "installing", found)
    if module is None:
        raise AskAdmin(f"hoist puts nothing into the platform {platform!r}")
    return cast("InstallingModule", module)


def sandboxes(found: Iterable[EntryPoint] | None = None) -> list[str]:
    """The names of all platforms that have a sandbox, in order of the alphabet."""
    return sorted(point.name for point in _points(found) if _named_beside(point, "sandbox") is not None)


def _beside(platform: str, name: str, found: Iterable[EntryPoint] | None) -> ModuleType | None:
    """The module of that name beside a platform's connector. Raises AskAdmin where no connector has that name."""
    found = list(_points(found))
    connector_class(platform, found)
    module = next(_named_beside(point, name) for point in found if point.name == platform)
    return None if module is None else import_module(module)


def _named_beside(point: EntryPoint, name: str) -> str | None:
    package, _, _ = point.module.rpartition(".")
    named = f"{package}.{name}"
    return named if package and find_spec(named) is not None else None


def _points(found: Iterable[EntryPoint] | None) -> Iterable[EntryPoint]:
    return entry_points(group=GROUP) if found is None else found
