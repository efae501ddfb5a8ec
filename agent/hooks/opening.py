"""From settings to an open door: the verifiers of all sources that have a webhook, and what serves them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agent.clock import Clock
from agent.config import SourceSettings
from agent.errors import ConfigError
from agent.hooks.intake import Door, Intake
from agent.hooks.outcomes import Tally
from agent.hooks.settings import HooksSettings
from agent.pipeline import Pipeline
from agent.store import stalled
from agent.store.database import Database
from connectors import registry
from connectors.errors import AskAdmin
from connectors.webhooks import Verifier

if TYPE_CHECKING:
    from agent.hooks.serving import Serving

log = logging.getLogger("hoist")

BACKLOG: Final = 512
"""Connections that the system holds until they are taken."""


def verifiers(sources: Sequence[SourceSettings]) -> tuple[dict[str, Verifier], list[str]]:
    """By source; and a sentence for each secret that is missing, or none."""
    found: dict[str, Verifier] = {}
    problems: list[str] = []
    for source in sources:
        if source.webhook is None:
            continue
        try:
            secrets = source.webhook.secrets()
            found[source.name] = registry.webhook(source.platform).verifier(source.settings, secrets)
        except AskAdmin as error:
            problems.append(f"{source.name}: webhook: {error}; or let hoist install {source.name} make webhook and secret")
        except ValueError as error:
            problems.append(f"{source.name}: webhook: {error}")
    return found, problems


def intake(found: Mapping[str, Verifier], database: Database, clock: Clock, pipelines: Sequence[Pipeline]) -> Intake:
    """What takes the calls for these pipelines."""
    doors = [
        Door(each.source, found[each.source], each.source_clock.now, each.hinted.announce)
        for each in pipelines
        if each.source in found
    ]
    return Intake(database, clock, doors, Tally())


def listening(settings: HooksSettings) -> socket.socket:
    """The socket on which webhooks will come. Raises ConfigError where the address is not to be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        said = f"hooks.listen: {settings.host}:{settings.port} can't be listened on ({error.strerror or error})"
        raise ConfigError(f"{said}: stop what listens there, or name another address in hoist.yaml") from error
    return listener


def serving(
    settings: HooksSettings,
    listener: socket.socket,
    taking: Intake,
    database: Database,
    clock: Clock,
    pipelines: Sequence[Pipeline],
) -> Serving:
    """Serve webhooks, health and metrics until it is stopped."""
    # what serves is needed by nobody who only polls, and takes a third as long to load as all of hoist
    from agent.hooks.serving import Serving  # noqa: PLC0415
    from agent.hooks.site import Site  # noqa: PLC0415
    from agent.metrics import metrics  # noqa: PLC0415

    def troubles() -> list[str]:
        with database.reading() as db:
            return list(stalled.kept(db))

    site = Site(
        taking,
        clock,
        troubles=troubles,
        metrics=lambda: metrics(database, clock, pipelines, taking.tally),
        path_prefix=settings.path_prefix,
        calls_per_second=settings.calls_per_second,
    )
    made = Serving(site, settings, listener)
    made.start()
    for source in taking.doors:
        log.info("%s: webhooks are taken at %s/hooks/%s", source, made.url, source)
    if not taking.doors:
        log.info("health and metrics are told at %s", made.url)
    if not settings.is_private:
        log.warning("hooks.listen: %s speaks http to more than this machine: put a proxy with TLS before it", made.url)
    return made
