"""An audit with what is written of it: the report, its data, the list of all steps, and what has changed since an earlier one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.clock import SystemClock
from agent.config import load_settings
from agent.errors import ConfigError
from agent.hindsight.audit import Audited, Options, Row, audit
from agent.hindsight.backtest import Told
from agent.journal.export import csv_row
from agent.plan.forecasting import forecast, local_hour, teams
from agent.report.pseudonyms import Pseudonyms
from agent.report.render import page
from agent.screens import audit as screen
from rules.audit import Entry
from rules.binding import BindingError
from rules.instants import HOUR, written

AHEAD: Final = 8 * HOUR
"""How far the report looks ahead."""
_COLUMNS: Final = ("ticket", "rule", "clause", "due", "outcome", "done", "why", "version")


@dataclass(frozen=True)
class Outputs:
    """Files to write, and the data of an earlier report to compare with; `pseudonyms`: no names in any of it."""

    report: Path | None = None
    rows: Path | None = None
    before: Path | None = None
    pseudonyms: bool = False


def run_audit(options: Options, outputs: Outputs, told: Told, stopped: Callable[[], bool]) -> tuple[Audited, dict[str, Any]]:
    """Audit, and write what is wanted; gives the data as well. Raises ConfigError where a file can't be read or written."""
    before = None if outputs.before is None else _earlier(outputs.before)
    with _rows(outputs.rows) as row:
        found = audit(options, told, stopped, row)
    data = screen.data(found)
    if before is not None:
        data["changed"] = changed(before, data)
    if outputs.report is not None and options.past.log is None:
        data["forecast"] = _to_come(options)
    if outputs.pseudonyms:
        data = Pseudonyms.of(found.rules).laid_over(data)
    if outputs.report is not None:
        _write(outputs.report, page(data))
        _write(outputs.report.with_suffix(".json"), json.dumps(data, ensure_ascii=False, indent=2) + "\n")
    return found, data


def _to_come(options: Options) -> dict[str, Any] | None:
    """The load of the hours to come, by team and hour; None where it can't be told, which an audit is not stopped by."""
    try:
        found = forecast(load_settings(options.past.config), AHEAD, SystemClock().now(), lambda _done, _whole: None)
    except (ConfigError, BindingError):
        return None
    load, hours = found.load(), found.hours()
    busiest = teams(found.expected)[: screen.HEAT]
    return {
        "begins": written(found.begins),
        "ends": written(found.ends),
        "all": len(found.expected),
        "hours": [local_hour(hour, found) for hour in hours],
        "teams": busiest,
        "numbers": [[load.get((team, hour), 0) for hour in hours] for team in busiest],
    }


def changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is otherwise than in an earlier report, a sentence each; shares in percent."""
    said = [f"the earlier report told of {before['since']} to {before['until']}"]
    for name, figure in _FIGURES.items():
        said += _otherwise(name, figure(before), figure(now))
    for outcome, number in now["outcomes"].items():
        said += _otherwise(outcome, before["outcomes"].get(outcome, 0), number)
    for rule, found in now["rules"].items():
        known = before["rules"].get(rule)
        said += [f"{rule} is new"] if known is None else _otherwise(f"{rule}, followed", _followed(known), _followed(found))
    said += [f"{rule} is no longer there" for rule in before["rules"] if rule not in now["rules"]]
    earlier = {tier["tier"]: tier for tier in before["acknowledged"]}
    for tier in now["acknowledged"]:
        if tier["tier"] in earlier:
            said += _otherwise(f"taken by {tier['tier']} in time", _in_time(earlier[tier["tier"]]), _in_time(tier))
    said += _otherwise("the version of the rules", before["rules_version"][:12], now["rules_version"][:12])
    return said


def _followed(rule: dict[str, Any]) -> str:
    return screen.share(rule["followed"], rule["due"])


def _in_time(tier: dict[str, Any]) -> str:
    return screen.share(tier["met"], tier["met"] + tier["missed"])


_FIGURES: Final[Mapping[str, Callable[[dict[str, Any]], object]]] = {
    "steps done in time or rightly held back": lambda told: screen.share(told["followed"], told["steps"]),
    "tickets handed straight back": lambda told: screen.share(told["desk"]["ping_pong"]["tickets"], told["desk"]["tickets"]),
    "reopened after a resolution": lambda told: screen.share(told["desk"]["reopened"], told["desk"]["resolved"]),
    "solved by the first line alone": lambda told: screen.share(told["desk"]["solved_in_front"], told["desk"]["solved"]),
    "findings of whether the protocol still fits": lambda told: len(told["fitness"]),
}
"""What is compared with an earlier report, beside outcomes, rules and tiers."""


def _otherwise(name: str, then: object, now: object) -> list[str]:
    return [] if then == now else [f"{name}: {then} then, {now} now"]


def _earlier(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        changed(found, found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"--before: {path} is no data of an earlier report (the .json beside it): {error}") from error
    return dict(found)


@contextmanager
def _rows(path: Path | None) -> Iterator[Row]:
    if path is None:
        yield lambda _: None
        return
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(csv_row(_COLUMNS))
            yield lambda entry: _row(file.write, entry)
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}") from error


def _row(write: Callable[[str], object], entry: Entry) -> None:
    done = "" if entry.done is None else written(entry.done)
    write(csv_row((entry.ticket, entry.rule, entry.clause, written(entry.due), entry.outcome, done, entry.why, entry.version)))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}") from error
