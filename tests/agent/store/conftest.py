from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.database import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty store in a real file."""
    opened = open_database(tmp_path / "hoist.db")
    yield opened
    opened.close()
