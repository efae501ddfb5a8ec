"""Secrets in files that their owner alone may read, for the hoist.yaml of a sandbox."""

from __future__ import annotations

import os
from pathlib import Path

from connectors.sandboxes.sandbox import Secrets


def in_files(prefix: Path) -> Secrets:
    """Each secret in a file whose path begins so: `.../hoist.yaml.` makes `.../hoist.yaml.token`. Raises OSError."""

    def keep(name: str, secret: str) -> str:
        file = Path(f"{prefix}{name}").resolve()
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
            file.chmod(0o600)  # also where it was there with other rights
            opened.write(secret + "\n")
        return f"file:{file}"

    return keep
