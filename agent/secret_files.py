"""Secrets that hoist keeps itself: in files that their owner alone may read, and in the system's keyring."""

from __future__ import annotations

import os
from pathlib import Path

import keyring
import keyring.errors

from connectors.errors import AskAdmin
from connectors.sandboxes.sandbox import Secrets
from connectors.secrets import Secret


def in_files(prefix: Path) -> Secrets:
    """Each secret in a file whose path begins so: `.../hoist.yaml.` makes `.../hoist.yaml.token`. Raises OSError."""

    def keep(name: str, secret: str) -> str:
        file = Path(f"{prefix}{name}").resolve()
        _write(file, secret)
        return f"file:{file}"

    return keep


def may_keep(secret: Secret) -> None:
    """Raises AskAdmin where hoist can't put a secret in the place that hoist.yaml names for it."""
    if secret.kind == "env":
        place = f"{secret.kind}:{secret.place}"
        raise AskAdmin(
            f"hoist can't keep a secret in {place}: name a file: or keyring: in hoist.yaml instead, and it is put there"
        )


def keep_at(secret: Secret, value: str) -> None:
    """Put a secret in the place that hoist.yaml names for it. Raises AskAdmin where that can't be."""
    may_keep(secret)
    try:
        if secret.kind == "file":
            _write(Path(secret.place), value)
        else:
            service, _, name = secret.place.partition("/")
            keyring.set_password(service, name, value)
    except (OSError, keyring.errors.KeyringError) as problem:
        place, why = f"{secret.kind}:{secret.place}", type(problem).__name__
        raise AskAdmin(f"the secret can't be kept in {place} ({why}): make that writable, then try again") from None


def _write(file: Path, secret: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
        file.chmod(0o600)  # also where it was there with other rights
        opened.write(secret + "\n")
