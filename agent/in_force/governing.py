"""Which rules are in force: those of the plan that was applied last, or those of the files where no plan governs.

`activation:` in hoist.yaml says so. By default changed files come into force as they are saved until somebody applies a plan:
from then on the rules change by plans alone, and changed files wait for the next one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from agent.config import Activation, Settings
from agent.errors import StoreError
from agent.in_force.protocol_files import load_protocol
from agent.plan.kept_names import KeptNames, by_kept_names, read_names
from agent.plan.release import Precondition, Release
from agent.store import plans, rulebooks
from agent.store.plans import PlanRow
from rules.instants import Instant
from rules.rulebook import Loaded, load
from rules.ticket import UNKNOWN, Value
from rules.world import Directory

_UNKNOWN: Final = {"unknown": True}


def governing(db: Connection, activation: Activation) -> PlanRow | None:
    """The plan by whose rules hoist judges; None where the files say which they are."""
    return None if activation is Activation.FILES else plans.in_force(db)


def rules_of(db: Connection, row: PlanRow) -> Loaded:
    """The rules of an applied plan. Raises StoreError where their texts are lost, RulebookError where they can't be read."""
    try:
        texts = rulebooks.found(db, row.version)
    except ValueError as error:
        raise StoreError(f"{row.name}: {error}; apply a plan anew, or set `activation: files` in hoist.yaml") from error
    if texts is None:
        raise StoreError(f"the texts of {row.name} are lost: apply a plan anew, or set `activation: files` in hoist.yaml")
    return load(texts.files, texts.library)


def rules_in_force(settings: Settings, db: Connection) -> Loaded:
    """The rules by which `hoist run` judges. Raises ConfigError, StoreError, or RulebookError with all problems of all files."""
    row = governing(db, settings.activation)
    return load_protocol(settings.protocol) if row is None else rules_of(db, row)


class InForce(NamedTuple):
    """A plan that governs, and its rules."""

    plan: PlanRow
    loaded: Loaded


def plan_in_force(settings: Settings, db: Connection) -> InForce | None:
    """None where the files govern. Raises as `rules_of` does."""
    row = governing(db, settings.activation)
    return None if row is None else InForce(row, rules_of(db, row))


# --- what a plan releases --------------------------------------------------------------------------------------------------


def release(row: PlanRow, source: str, since: Instant) -> Release | None:
    """What an applied plan lets be written on a source; None where it changed nothing there."""
    own: Mapping[str, Any] | None = row.body.get(source)
    if own is None:
        return None
    listed = {
        (each["ticket"], each["rule"]): Precondition(
            each["anchor"], {name: read_value(value) for name, value in each["from"].items()}
        )
        for each in own["listed"]
    }
    return Release(row.name, since, frozenset(own["rules"]), listed)


def kept_names(row: PlanRow, source: str) -> KeptNames:
    """What the rules of an applied plan call teams and priorities of a source."""
    return read_names((row.body.get(source) or {}).get("names") or {})


def names_by(row: PlanRow | None, source: str, directory: Directory) -> Directory:
    """The names of a source by which rules are resolved: those of the plan that brought them, if one did."""
    return directory if row is None else by_kept_names(directory, kept_names(row, source))


def plain_value(value: Value) -> Any:
    """A field's value as JSON has it."""
    return dict(_UNKNOWN) if value is UNKNOWN else list(value) if isinstance(value, tuple) else value


def read_value(found: Any) -> Value:
    """The value that `plain_value` made plain."""
    if found == _UNKNOWN:
        return UNKNOWN
    value: Value = tuple(found) if isinstance(found, list) else found
    return value
