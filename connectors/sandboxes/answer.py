"""What a stand-in answers to one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a site.

    `lost`: it never leaves, the connection is closed instead. `delay_seconds`: it leaves that late. `cookies` are set by it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    lost: bool = False
    delay_seconds: float = 0.0
    cookies: tuple[str, ...] = ()
