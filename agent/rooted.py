"""Paths in a source's settings, also of files with secrets, are relative to hoist.yaml, not to where hoist is started."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from connectors.secrets import Secret

Rooted = TypeVar("Rooted", bound=BaseModel)


def rooted(settings: Rooted, folder: Path) -> Rooted:
    """The same settings with each path absolute, at any depth; `folder` is that of hoist.yaml."""
    found = {name: _rooted(getattr(settings, name), folder) for name in type(settings).model_fields}
    return settings.model_copy(update={name: value for name, value in found.items() if value is not getattr(settings, name)})


def rooted_secret(secret: Secret, folder: Path) -> Secret:
    """The same reference, absolute where it names a file."""
    return Secret(f"file:{(folder / secret.place).resolve()}") if secret.kind == "file" else secret


def _rooted(value: object, folder: Path) -> object:
    match value:
        case BaseModel():
            return rooted(value, folder)
        case Path():
            return (folder / value).resolve()
        case Secret():
            return rooted_secret(value, folder)
        case _:
            return value
