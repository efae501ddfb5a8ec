"""An audit with what is written of it: the report, its data, the list of all steps, and what has changed since an earlier one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.audit import Audited, Options, Row, audit
from agent.backtest import Told
from agent.errors import ConfigError
from agent.journal_export import csv_row
from agent.report.pseudonyms import Pseudonyms
from agent.report.render import page
from agent.screens import audit as screen
from rules.audit import Entry
from rules.instants import written

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
    if outputs.pseudonyms:
        data = Pseudonyms.of(found.rules).laid_over(data)
    if outputs.report is not None:
        _write(outputs.report, page(data))
        _write(outputs.report.with_suffix(".json"), json.dumps(data, ensure_ascii=False, indent=2) + "\n")
    return found, data


def changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What is otherwise than in an earlier report, a sentence each; shares in percent."""
    said = [f"the earlier report told of {before['since']} to {before['until']}"]
    for name, part, whole in (("steps done in time or rightly held back", "followed", "steps"),):
        said += _otherwise(name, screen.share(before[part], before[whole]), screen.share(now[part], now[whole]))
    for outcome, number in now["outcomes"].items():
        said += _otherwise(outcome, before["outcomes"].get(outcome, 0), number)
    pairs = [screen.share(told["desk"]["ping_pong"]["tickets"], told["desk"]["tickets"]) for told in (before, now)]
    said += _otherwise("tickets handed straight back", *pairs)
    said += [f"{rule} is new" for rule in now["rules"] if rule not in before["rules"]]
    said += [f"{rule} is no longer there" for rule in before["rules"] if rule not in now["rules"]]
    said += _otherwise("the version of the rules", before["rules_version"][:12], now["rules_version"][:12])
    return said


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
