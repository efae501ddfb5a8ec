"""hoist.yaml and a first protocol for a sandbox that listens, so that hoist can be tried beside it command by command."""

from __future__ import annotations

import json
from pathlib import Path

from agent.demo.organisation import CHAIN, Place, organisation
from agent.errors import ConfigError
from agent.secret_files import in_files
from connectors.sandboxes.sandbox import Sandbox

FIRST_LINE = "# Written by hoist sandbox, anew each time that it starts.\n"
"""Only a file that begins so is ever replaced."""
RULES = f"""\
use:
  - protocol: nobody-took-it
    with: {{after: 30 business minutes, chain: {CHAIN}}}
  - protocol: unanswered
    with: {{after: 8 business hours, chain: {CHAIN}}}
"""


def write_hoist_yaml(file: Path, sandbox: Sandbox) -> None:
    """Write `file`, the secrets beside it, and `protocol/` where there is none; its rules watch, older tickets too.

    Raises ConfigError where the file is somebody's own, or can't be written.
    """
    try:
        if file.exists() and not file.read_bytes().startswith(b"# Written by hoist sandbox"):
            raise ConfigError(f"--hoist-yaml: {file} is there already and was not written by a sandbox; name another file")
        file.write_text(FIRST_LINE + _settings(file, sandbox), encoding="utf-8")
        protocol = file.parent / "protocol"
        if not protocol.exists():
            protocol.mkdir()
            place = Place(sandbox.SOURCE, sandbox.history, sandbox.priorities)
            (protocol / "organisation.yaml").write_text(
                organisation([place], "mode: watch, existing_tickets: all"), encoding="utf-8"
            )
            (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--hoist-yaml: {error.filename or file} can't be written: {error.strerror}") from error


def _settings(file: Path, sandbox: Sandbox) -> str:
    source = sandbox.hoist_settings(in_files(Path(f"{file}.")))
    found = {"store": "hoist.db", "protocol": "protocol", "sources": {sandbox.SOURCE: source}}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"  # JSON is YAML too, and needs no quoting rules
