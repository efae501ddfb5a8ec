"""An older client (pysnow), which needs an environment of its own, takes the sandbox for a ServiceNow instance as well."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from connectors.servicenow.sandbox import ServiceNowSandbox
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, desk
from tests.shared import PROJECT

STORY = Path(__file__).with_name("pysnow_story.py")
HOW = "uv venv .pysnow && uv pip install --python .pysnow --require-hashes -r requirements/pysnow.txt, or set PYSNOW_PYTHON"


def interpreter() -> str:
    """A Python that has pysnow; skips where there is none."""
    named = os.environ.get("PYSNOW_PYTHON") or str(PROJECT / ".pysnow" / "bin" / "python")
    if not Path(named).exists():
        pytest.skip(f"no pysnow: {HOW}; the ServiceNow sandbox was NOT tried with it")
    return named


def test_an_older_client_reads_and_writes() -> None:
    """It reads pages, streams, creates, updates by a partial PUT, and deletes."""
    python = interpreter()
    sandbox = ServiceNowSandbox(clock=lambda: START, history=desk(TAKEN, HANDED))
    with sandbox.serve() as server:
        known = sandbox.credentials()
        command = [python, str(STORY), urlsplit(server.url).netloc, known["username"], known["password"]]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "page": 2,
        "streamed": ["INC0010001", "INC0010002", "INC0010003"],
        "made": ["INC0010004", "1"],
        "found": ["Made by pysnow"],
        "updated": "3",
        "deleted": "record deleted",
        "left": 0,
    }
