"""A plan as a file: JSON with a hash of its own content, so that what is applied is what was looked at, word by word."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.errors import ConfigError
from agent.in_force.governing import plain_value, read_value
from agent.plan.consequences import Firing, Told, Touched
from agent.plan.kept_names import KeptNames, read_names, resolved
from agent.plan.planning import Base, Planned
from agent.plan.release import Precondition
from agent.store.rulebooks import Texts
from rules.confidential import CONCEALED
from rules.instants import instant, written

FORMAT: Final = 1
SUFFIX: Final = ".json"


def name(plan: str) -> str:
    """What people call a plan of this hash: `plan-7f3a9c21`."""
    return f"plan-{plan[:8]}"


def hash_of(data: Mapping[str, Any]) -> str:
    """The SHA-256 of a plan's content, the hash itself left out."""
    content = {key: value for key, value in data.items() if key != "hash"}
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def save(data: Mapping[str, Any], path: Path) -> None:
    """Write a plan; it names tickets and what is done on them, so its owner alone may read it. Raises ConfigError."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
            file.write("\n")
    except OSError as error:
        raise ConfigError(f"the plan can't be written to {path}: {error.strerror}; name another file with --out") from error


def plan_data(plan: Planned) -> dict[str, Any]:
    """A plan as plain data, its hash included. What confidential rules would do is left out of it."""
    found = plan.found
    base = {"rules": plan.base.rules, "world": plan.base.world, "config": plan.base.config}
    data: dict[str, Any] = {
        "format": FORMAT,
        "made_at": written(plan.made_at),
        "as_of": {source: written(at) for source, at in plan.now.items()},
        "base": base,
        "rules": plan.version,
        "differences": [{"sign": d.sign.value, "rule": d.rule, "said": list(d.said)} for d in plan.comparison.rules],
        "organisation": list(plan.comparison.organisation),
        "names": {
            source: {"version": each.version} | resolved(plan.rulebook.organisation, source, each).data()
            for source, each in plan.names.items()
        },
        "changed": {source: sorted(ids) for source, ids in plan.changed.items()},
        "judged": found.tickets,
        "now": [_touched(each) for each in found.now],
        "within_24_hours": [_touched(each) for each in found.later],
        "no_longer": [_touched(each) for each in found.dropped],
        "left_alone": [
            {"source": source, "rule": rule, "tickets": number, "keys": found.left_alone.get((source, rule), [])}
            for (source, rule), number in sorted(found.left.items())
        ],
        "noted_only": _counted(found.watched),
        "held_back": _counted(found.held),
        "notes": list(plan.notes),
        "texts": {"files": dict(plan.texts.files), "library": dict(plan.texts.library)},
    }
    return data | {"hash": hash_of(data)}


def _counted(found: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"source": source, "rule": rule, "tickets": number} for (source, rule), number in sorted(found.items())]


def _touched(each: Touched) -> dict[str, Any]:
    hidden = each.confidential
    return {
        "source": each.source,
        "ticket": each.id,
        "key": each.key,
        "url": each.url,
        "at": written(each.at),
        "per_hour": each.rate,
        "firings": [_firing(firing, hidden=hidden) for firing in each.firings],
        "fields": [
            {"field": field, "from": plain_value(old), "to": CONCEALED if hidden else plain_value(new)}
            for field, old, new in each.changes
        ],
        "labels": [] if hidden else list(each.labels),
        "note": None if hidden else each.note,
        "tells": [] if hidden else [_told(told) for told in each.told],
        "findings": [] if hidden else list(each.findings),
        "clocks": [{"target": target.name, "has_run_minutes": target.minutes} for target in each.targets if not hidden],
    }


def _firing(firing: Firing, *, hidden: bool) -> dict[str, Any]:
    because = [] if hidden else list(firing.because)
    times = {"anchor": written(firing.anchor), "due": written(firing.due)}
    return {"rule": firing.rule, "step": firing.step, **times, "because": because}


def _told(told: Told) -> dict[str, Any]:
    return {"kind": told.kind.value, "to": told.to, "addresses": list(told.addresses), "at": written(told.at)}


# --- reading one back -----------------------------------------------------------------------------------------------------


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _ReadBase(_Part):
    rules: str
    world: str
    config: str


class _ReadField(_Part):
    field: str
    old: Any = Field(alias="from")


class _ReadFiring(_Part):
    rule: str
    anchor: str
    step: int


class _ReadTouched(_Part):
    source: str
    ticket: str
    key: str
    firings: list[_ReadFiring]
    fields: list[_ReadField]


class _ReadNames(_Part):
    teams: dict[str, str]
    priorities: dict[str, str]


class _ReadTexts(_Part):
    files: dict[str, str]
    library: dict[str, str]


class ReadPlan(_Part):
    """A plan's file, as far as it is needed to apply it."""

    format: int
    hash: str
    made_at: str
    base: _ReadBase
    rules: str
    changed: dict[str, list[str]]
    names: dict[str, _ReadNames]
    now: list[_ReadTouched]
    texts: _ReadTexts

    @property
    def name(self) -> str:
        return name(self.hash)

    @property
    def rests_on(self) -> Base:
        return Base(self.base.rules, self.base.world, self.base.config)

    @property
    def protocol(self) -> Texts:
        return Texts(self.texts.files, self.texts.library)

    def kept_names(self) -> dict[str, KeptNames]:
        """What its rules call teams and priorities, by source."""
        return {source: read_names(each.model_dump()) for source, each in self.names.items()}

    def listed(self) -> dict[tuple[str, str, str], tuple[str, Precondition]]:
        """What it releases: (source, ticket's id, rule) -> the ticket's key, and what was seen of it."""
        return {
            (each.source, each.ticket, firing.rule): (
                each.key,
                Precondition(_instant(firing.anchor), {change.field: read_value(change.old) for change in each.fields}),
            )
            for each in self.now
            for firing in each.firings
        }

    def release(self) -> dict[str, Any]:
        """What is kept of it in the store, by source: the rules that it changed, what it releases of them, and its names."""
        names = self.kept_names()
        body: dict[str, Any] = {
            source: {"rules": rules, "listed": [], "names": names.get(source, KeptNames()).data()}
            for source, rules in self.changed.items()
        }
        for (source, ticket, rule), (_, precondition) in self.listed().items():
            values = {field: plain_value(value) for field, value in precondition.values.items()}
            listed = {"ticket": ticket, "rule": rule, "anchor": precondition.anchor, "from": values}
            body[source]["listed"].append(listed)
        return body


def read_plan(named: str) -> ReadPlan:
    """A plan by its file, or by its name where the file lies here. Raises ConfigError where it is not as it was made."""
    path = _path(named)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no plan {path}: hoist plan makes one, and says how it is called") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the plan {path} can't be read: {error}") from error
    except ValueError:
        raise ConfigError(f"{path} is no plan of hoist's: it is no JSON") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ConfigError(
            f"{path} is no plan that this version of hoist can read (format {FORMAT}): make it anew with hoist plan"
        )
    if hash_of(data) != data.get("hash"):
        raise ConfigError(f"{path} was edited after it was made: its hash is of another content; make it anew with hoist plan")
    try:
        return ReadPlan.model_validate(data)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, each["loc"][:2])) for each in error.errors(include_input=False)}))
        raise ConfigError(f"{path} is no plan of hoist's: {places} is not as hoist plan writes it") from error


def is_file(named: str) -> bool:
    """Whether a plan of this name lies here, or its file was named."""
    return _path(named).exists()


def _path(named: str) -> Path:
    return Path(named) if Path(named).exists() or named.endswith(SUFFIX) else Path(f"{named}{SUFFIX}")


def _instant(text: str) -> int:
    return instant(datetime.fromisoformat(text))
