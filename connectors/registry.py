"""Platform names to connector classes, from the entry points of installed packages (group `hoist.connectors`)."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Protocol, cast

from pydantic import BaseModel

from connectors.contract import Connector
from connectors.errors import AskAdmin

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


def _points(found: Iterable[EntryPoint] | None) -> Iterable[EntryPoint]:
    return entry_points(group=GROUP) if found is None else found
