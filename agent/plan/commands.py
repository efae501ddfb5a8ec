"""What `hoist plan`, `hoist apply` and `hoist forecast` do."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.clock import SystemClock
from agent.config import length_of_time, load_settings
from agent.errors import ConfigError
from agent.plan.applying import Applied, apply_plan, withdraw_plan
from agent.plan.file import SUFFIX, name, plan_data, read_plan, save
from agent.plan.forecast_calendar import calendar
from agent.plan.forecasting import Forecast, forecast
from agent.plan.planning import Planned, Planning, Progress, changed_texts
from agent.plan.summary import Summary, summary
from agent.who import Who
from rules.binding import BindingError
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class MadePlan:
    """A plan with its consequences; `problems` are what keeps the changed rules from coming into force: then none was saved."""

    plan: Planned | None
    summary: Summary | None
    data: Mapping[str, Any]
    file: Path | None
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return name(str(self.data.get("hash", "")))


def make_plan(config: Path | None, protocol: Path | None, out: Path | None, progress: Progress, *, offline: bool) -> MadePlan:
    """Compare the protocol's files with the rules in force, and save what they would change as a file.

    Writes nothing else, in no helpdesk and not in the store. Raises ConfigError, StoreError; RulebookError with all problems of
    the files.
    """
    settings = load_settings(config)
    planning = Planning(settings, changed_texts(protocol or settings.protocol), offline=offline)
    if problems := planning.impossible():
        return MadePlan(None, None, {}, None, tuple(problems))
    try:
        plan = planning.planned(progress)
    except BindingError as error:
        return MadePlan(None, None, {}, None, tuple(f"{error.source}: {problem}" for problem in error.problems))
    data = plan_data(plan)
    if plan.comparison.none:
        return MadePlan(plan, summary(plan), data, None)
    file = out or Path(f"{name(data['hash'])}{SUFFIX}")
    save(data, file)
    return MadePlan(plan, summary(plan), data, file)


def apply_named(config: Path | None, plan: str, at: Instant | None, who: Who, progress: Progress) -> Applied:
    """Bring a plan into force by its name or file. Raises ConfigError, StalePlanError."""
    return apply_plan(load_settings(config), read_plan(plan), at, who, progress)


def make_forecast(config: Path | None, length: str, team: str | None, progress: Progress) -> Forecast:
    """What escalates within a length of time like 8h, of one team where named. Raises ConfigError."""
    settings = load_settings(config)
    try:
        horizon = length_of_time(length)
    except ValueError as error:
        raise ConfigError(f"--for: {error}") from None
    found = forecast(settings, horizon, SystemClock().now(), progress)
    return found if team is None else found.of_team(team)


def withdraw_named(config: Path | None, plan: str, who: Who) -> None:
    """Take back a plan that waits for its instant. Raises ConfigError where it does not wait."""
    withdraw_plan(load_settings(config), plan, who)


def write_calendar(found: Forecast, team: str | None, to: Path) -> None:
    """A forecast as a calendar, to a file; `-` is standard output. Raises ConfigError where it can't be written."""
    feed = calendar(found, f"hoist: {team or 'escalations to come'}")
    if str(to) == "-":
        sys.stdout.write(feed.decode("utf-8"))
        return
    try:
        to.write_bytes(feed)
    except OSError as error:
        raise ConfigError(f"--ical: {to} can't be written: {error.strerror}") from error
