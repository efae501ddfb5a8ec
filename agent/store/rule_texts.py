"""The texts of rules whose escalations keep to them, by version, and which of them escalations began under."""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlalchemy import Connection, delete, exists, select, update
from sqlalchemy.dialects.sqlite import insert

from agent.store.tables import episodes, rule_texts
from rules.instants import Instant
from rules.rule_text import Text


def keep(db: Connection, rule: str, text: Text, at: Instant) -> None:
    """Keep the text of a rule; `at`: since when it is in force, on this machine's clock. One that is there stays as it is."""
    row = {"version": text.version, "rule": rule, "data": text.data, "at": at}
    db.execute(insert(rule_texts).values(row).on_conflict_do_nothing())


def forget(db: Connection, present: Collection[str]) -> None:
    """Let go of the texts that are not these present ones, and that no escalation keeps to."""
    kept = exists().where(episodes.c.text == rule_texts.c.version)
    db.execute(delete(rule_texts).where(rule_texts.c.version.not_in(present), ~kept))


def naming(db: Connection, words: re.Pattern[str]) -> list[str]:
    """The versions in whose text one of the words stands."""
    return [version for version, data in db.execute(select(rule_texts.c.version, rule_texts.c.data)) if words.search(data)]


def erase(db: Connection, versions: Collection[str]) -> list[tuple[str, str]]:
    """Remove these texts; gives (source, rule) of escalations that kept to one of them, and go on under the present text."""
    place = episodes.c.text.in_(versions)
    found = [(source, rule) for source, rule in db.execute(select(episodes.c.source, episodes.c.rule).where(place).distinct())]
    db.execute(update(episodes).where(place).values(text=""))
    db.execute(delete(rule_texts).where(rule_texts.c.version.in_(versions)))
    return found


def since(db: Connection, version: str) -> Instant:
    """Since when a text was first in force. Raises NoResultFound for one that was never kept."""
    return int(db.execute(select(rule_texts.c.at).where(rule_texts.c.version == version)).scalar_one())


def began_under(db: Connection, source: str, rules: Collection[str]) -> dict[tuple[str, str], str]:
    """The texts under which escalations of these rules began on a source: (rule, version) -> data."""
    if db.execute(select(rule_texts.c.version).limit(1)).scalar() is None:
        return {}
    place = (episodes.c.source == source, episodes.c.rule.in_(rules), episodes.c.text == rule_texts.c.version)
    found = db.execute(select(episodes.c.rule, rule_texts.c.version, rule_texts.c.data).where(*place).distinct())
    return {(row.rule, row.version): row.data for row in found}


def let_go(db: Connection, source: str, rules: Collection[str]) -> list[str]:
    """Escalations of these rules keep to no text any more; gives the rules of which there were some."""
    if db.execute(select(rule_texts.c.version).limit(1)).scalar() is None:
        return []
    place = (episodes.c.source == source, episodes.c.rule.in_(rules), episodes.c.text != "")
    found = list(db.execute(select(episodes.c.rule).where(*place).distinct()).scalars())
    if found:
        db.execute(update(episodes).where(*place).values(text=""))
    return found
