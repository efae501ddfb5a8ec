"""What can't be read, and how a file or URL is named in front of people."""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlsplit

from rules.references import named_in_source

LARGEST: Final = 2 * 1024 * 1024
"""Bytes of a file or an answer; several thousand events fit."""


class Unreadable(Exception):
    """A file or URL can't be read, or is not what it should be; the message is a clause that reads after its name."""


def is_url(reference: str) -> bool:
    """Whether a reference is a URL, or names what a helpdesk keeps, and is not a file of the protocol's folder."""
    return "://" in reference


def shown(reference: str) -> str:
    """A reference as people may see it. The path of a calendar's URL is often its only secret: of it a hash alone is shown."""
    if not is_url(reference):
        return reference
    if (kept := named_in_source(reference)) is not None:
        return f"{kept[1]} of {kept[0]}"
    return f"https://{urlsplit(reference).hostname}/... ({hashlib.sha256(reference.encode()).hexdigest()[:6]})"
