"""hoist.yaml and a first protocol for a sandbox that listens, so that hoist can be tried beside it command by command."""

from __future__ import annotations

import json
import os
from pathlib import Path

from agent.demo.organisation import CHAIN, SOURCE, organisation
from agent.errors import ConfigError
from connectors.jira.sandbox import JiraSandbox

FIRST_LINE = "# Written by hoist sandbox jira, anew each time that it starts.\n"
"""Only a file that begins so is ever replaced."""
RULES = f"""\
use:
  - protocol: nobody-took-it
    with: {{after: 30 business minutes, chain: {CHAIN}}}
  - protocol: unanswered
    with: {{after: 8 business hours, chain: {CHAIN}}}
"""


def write_hoist_yaml(file: Path, sandbox: JiraSandbox) -> None:
    """Write `file`, the token beside it, and `protocol/` where there is none; its rules watch, older tickets too.

    Raises ConfigError where the file is somebody's own, or can't be written.
    """
    try:
        if file.exists() and not file.read_bytes().startswith(FIRST_LINE.encode()):
            raise ConfigError(f"--hoist-yaml: {file} is there already and was not written by a sandbox; name another file")
        token = Path(f"{file.resolve()}.token")
        _write_secret(token, sandbox.credentials()["token"])
        file.write_text(FIRST_LINE + _settings(sandbox, token), encoding="utf-8")
        protocol = file.parent / "protocol"
        if not protocol.exists():
            protocol.mkdir()
            fitting = organisation(sandbox.history, "mode: watch, existing_tickets: all")
            (protocol / "organisation.yaml").write_text(fitting, encoding="utf-8")
            (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--hoist-yaml: {error.filename or file} can't be written: {error.strerror}") from error


def _settings(sandbox: JiraSandbox, token: Path) -> str:
    signed_in = {key: value for key, value in sandbox.credentials().items() if key != "token"}
    source = {**signed_in, "token": f"file:{token}", **sandbox.source_settings()}
    found = {"store": "hoist.db", "protocol": "protocol", "sources": {SOURCE: source}}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"  # JSON is YAML too, and needs no quoting rules


def _write_secret(file: Path, secret: str) -> None:
    """Its owner alone may read it, also where the file was there with other rights."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
        file.chmod(0o600)
        opened.write(secret + "\n")
