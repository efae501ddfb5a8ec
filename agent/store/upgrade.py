"""Bringing the tables of an older hoist up to date, by the migrations in `migrations/versions`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def to_head(db: Connection) -> None:
    """Run the migrations that the database has not seen."""
    command.upgrade(configuration(db), "head")


def revisions(db: Connection) -> frozenset[str]:
    """All revisions that this hoist knows."""
    scripts = ScriptDirectory.from_config(configuration(db))
    return frozenset(script.revision for script in scripts.walk_revisions())


def configuration(connection: Connection) -> Config:
    """The alembic configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
