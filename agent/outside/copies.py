"""The last good copy of each file and URL, kept beside the store, so that a source that is gone stops nothing."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class Copy:
    """The bytes as they were last read without fault, and when that was."""

    data: bytes
    loaded: Instant


class Copies:
    """A folder with a file for each name, made when there is something to keep; without `keep` nothing is ever written."""

    def __init__(self, folder: Path | None, *, keep: bool) -> None:
        self._folder, self._keep = folder, keep and folder is not None

    def last(self, name: str) -> Copy | None:
        """The copy of this name; None where there is none that can be read."""
        path = self._path(name)
        if path is None:
            return None
        try:
            return Copy(path.read_bytes(), int(path.stat().st_mtime * 1000))
        except OSError:
            return None

    def keep(self, name: str, copy: Copy) -> None:
        """Replace the copy, or nothing: half a file is never left behind. Raises OSError."""
        path = self._path(name)
        if path is None or not self._keep:
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(copy.data)
                file.flush()
                os.fsync(file.fileno())
            self._stamp(Path(made), copy.loaded)
            Path(made).replace(path)
        except OSError:
            Path(made).unlink(missing_ok=True)
            raise

    def seen(self, name: str, loaded: Instant) -> None:
        """The source still says what the copy says."""
        path = self._path(name)
        if path is not None and self._keep:
            with suppress(OSError):
                self._stamp(path, loaded)

    def _path(self, name: str) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / hashlib.sha256(name.encode()).hexdigest()[:32]

    @staticmethod
    def _stamp(path: Path, loaded: Instant) -> None:
        os.utime(path, (loaded / 1000, loaded / 1000))
