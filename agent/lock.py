"""One agent per store on this machine: a second `hoist run` is told so instead of quietly racing the first."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import StoreError


@contextmanager
def only_one(store: Path) -> Iterator[None]:
    """Hold the lock of a store; the system frees it when the process ends, however it ends.

    Raises StoreError where another process holds it. (Writes would be safe all the same: they rest on leases in the store.)
    """
    path = store.resolve().with_name(store.resolve().name + ".lock")  # a link to it is the same store
    try:
        file = path.open("w")
    except OSError as error:
        raise StoreError(f"the lock {path} can't be made: {error.strerror}; the folder of the store must be writable") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"another hoist is running on {store}: stop that one first, or give this one a store of its own"
            ) from None
        except OSError as error:
            raise StoreError(
                f"the lock {path} can't be taken: {error.strerror}; keep the store on a disk of this machine"
            ) from error
        yield
