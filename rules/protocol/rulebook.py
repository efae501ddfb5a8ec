"""Organisation and rules together, as one set of files says them."""

from __future__ import annotations

from dataclasses import dataclass

from rules.protocol.organisation import Organisation
from rules.protocol.rule import Rule


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Organisation and rules of one set of files; `version` is a hash of what they mean."""

    organisation: Organisation
    rules: tuple[Rule, ...]
    version: str
