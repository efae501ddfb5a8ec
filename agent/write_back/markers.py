"""Markers: what an operation leaves in the source beside its effect, so that a lost answer can be told from a lost request.

A marker is a keyed hash of installation, source and key. It tells a reader nothing, can't be made by somebody who writes into a
ticket, and differs in a copy of the store that was given an identity of its own.
"""

from __future__ import annotations

import hashlib
import hmac

from agent.store.installation import Installation


def marker(installation: Installation, source: str, key: str) -> str:
    """The marker of an operation or a firing: 32 hexadecimal digits."""
    message = f"{installation.identity}\x1f{source}\x1f{key}".encode()
    return hmac.new(installation.key, message, hashlib.sha256).hexdigest()[:32]
