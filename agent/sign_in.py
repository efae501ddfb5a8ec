"""Signing in to a source: who hoist is there, which names the source has, and what must be mended before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from agent.clock import Clock, SystemClock, skew_problem
from agent.config import SourceSettings
from connectors.ahead import in_a_thread, when_asked
from connectors.budget import Supply
from connectors.contract import Capabilities, Connector, Identity
from connectors.errors import ConnectorError, Limited, TryLater
from connectors.http import Surroundings
from connectors.registry import connector_class
from rules.instants import SECOND
from rules.phrases import length
from rules.world import Directory


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A source as it answered; `problems` are sentences. Identity and directory are None as far as it did not come to them.

    `rests`: seconds after which it may be asked again, where it only asked hoist to wait, its quota of requests being used up.
    """

    source: SourceSettings
    connector: Connector | None = None
    identity: Identity | None = None
    directory: Directory | None = None
    skew: int = 0  # milliseconds by which its clock is ahead of this machine's
    problems: tuple[str, ...] = ()
    rests: float = 0.0

    @property
    def capabilities(self) -> Capabilities | None:
        return self.connector.capabilities if self.connector is not None else None


def sign_in(
    source: SourceSettings, clock: Clock, known_instance: str = "", supply: Supply | None = None, *, dry_run: bool = False
) -> SignedIn:
    """Sign in and read the directory; nothing is written.

    `known_instance` is the instance that the store was filled from, empty where it has seen none. `supply` is the budget that is
    shared with others; None where this process asks alone. With `dry_run` the connector sends no write.
    """
    connector = identity = directory = None
    skew, rests = 0, 0.0
    problems: list[str] = []
    try:
        ahead = in_a_thread if isinstance(clock, SystemClock) else when_asked
        surroundings = Surroundings(
            sleep=clock.sleep,
            monotonic=clock.monotonic,
            wall=lambda: clock.now() / SECOND,
            ahead=ahead,
            supply=supply,
            dry_run=dry_run,
        )
        connector = connector_class(source.platform)(source.name, source.settings, surroundings)
        identity = connector.identify()
        skew = identity.server_time - clock.now()
        problems += [*connector.problems(), *_clock_problems(source, skew), *_other_instance(source, identity, known_instance)]
        if not problems:  # names read without the right to read them would only add noise
            directory = connector.directory()
    except TryLater as error:
        problems.append(_without_another_try(error))
        rests = error.seconds if isinstance(error, Limited) else 0.0
    except ConnectorError as error:
        problems.append(str(error))
    named = tuple(problem if problem.startswith(source.name) else f"{source.name}: {problem}" for problem in problems)
    return SignedIn(source, connector, identity, directory, skew, named, rests)


def _without_another_try(error: TryLater) -> str:
    """Nobody tries again while hoist has not started."""
    said = str(error)
    if isinstance(error, Limited):
        return f"{said.removesuffix('; hoist waits')}; start hoist again in {length(ceil(error.seconds) * SECOND)}"
    return f"{said.removesuffix('; hoist tries again')}; check its address and the network, then try again"


def _clock_problems(source: SourceSettings, skew: int) -> list[str]:
    problem = skew_problem(skew, source.skew_limit)
    return [problem] if problem else []


def _other_instance(source: SourceSettings, identity: Identity, known: str) -> list[str]:
    if known in ("", identity.instance):
        return []
    return [
        (
            f"this is {identity.instance}, but the store was filled from {known}: give the other instance a source name of its"
            f" own, or name a new store (`store:` in hoist.yaml); {source.name} is not read until then"
        )
    ]
