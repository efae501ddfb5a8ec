"""Time inside hoist: an instant is a whole number of milliseconds since 1970-01-01T00:00:00Z.

Whole numbers compare and add exactly, which the interval algebra rests on; milliseconds are the finest stamp that any of the
supported platforms gives (Jira; Zendesk and ServiceNow give seconds). Aware datetimes stand at every edge, naive ones nowhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

Instant = int
"""Milliseconds since 1970-01-01T00:00:00Z, on the clock of the ticket's source."""

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

FOREVER: Final[Instant] = 1 << 53
"""The end of whatever has no end; later than any date that a calendar can name."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(moment: datetime) -> Instant:
    """The instant of an aware datetime; what is finer than a millisecond is cut off.

    Raises ValueError for a naive datetime: without a zone it names no instant.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone, so it names no instant")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds // 1_000  # half the time of a division


def moment(at: Instant) -> datetime:
    """The aware datetime (UTC) of an instant. Raises OverflowError for FOREVER, which is no date."""
    return _EPOCH + timedelta(milliseconds=at)


def written(at: Instant) -> str:
    """ISO 8601 in UTC, to the second where the milliseconds are nil: `2012-05-07T06:00:00Z`; `never` for FOREVER."""
    if at >= FOREVER:
        return "never"
    text = moment(at).isoformat(timespec="milliseconds" if at % SECOND else "seconds")
    return text.replace("+00:00", "Z")
