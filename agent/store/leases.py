"""Leases: what one process at a time may do, held for a while, taken over only after its end, and fenced.

Whoever does something under a lease names its fence in the statement that changes state, or takes the lease in the same
transaction: then a holder that slept past its end changes nothing any more.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select, update

from agent.store.tables import leases
from rules.instants import Instant


@dataclass(frozen=True, slots=True)
class Lease:
    """`until` is on this machine's clock. `fence` rises with each taking over, and never for the holder that extends its own."""

    name: str
    holder: str
    fence: int
    until: Instant


_SAME: Final = "holder = excluded.holder AND until > :now"
_TAKE: Final = f"""\
INSERT INTO leases (name, holder, fence, until) VALUES (:name, :holder, 1, :until)
ON CONFLICT (name) DO UPDATE SET
  fence = fence + CASE WHEN {_SAME} THEN 0 ELSE 1 END, holder = excluded.holder, until = excluded.until
WHERE holder = excluded.holder OR until <= :now OR until > :until
RETURNING fence"""  # noqa: S608 - no text from outside is in it

_TOKEN: Final = secrets.token_hex(4)


def this_process() -> str:
    """A name for this process that no other has: in containers, host and number alone come again."""
    return f"{socket.gethostname()}/{os.getpid()}/{_TOKEN}"


def take(db: Connection, name: str, holder: str, now: Instant, length: int) -> Lease | None:
    """Take a lease for `length` milliseconds, or extend one's own; None while another holds it.

    All who take a lease of one name ask for the same length. One that would end later than a lease taken now was taken before
    somebody set the clock back: it is over, or nobody could go on for as long as the clock was wrong.
    """
    values = {"name": name, "holder": holder, "now": now, "until": now + length}
    fence = db.exec_driver_sql(_TAKE, values).scalar()
    return None if fence is None else Lease(name, holder, int(fence), now + length)


def holds(db: Connection, lease: Lease, now: Instant) -> bool:
    """Whether this lease goes on: nobody took it over, and it has not ended."""
    row = found(db, lease.name)
    return row is not None and (row.holder, row.fence) == (lease.holder, lease.fence) and row.until > now


def release(db: Connection, name: str, holder: str) -> None:
    """End one's own lease at once, so that the next need not wait; nothing where another holds it by now."""
    db.execute(update(leases).where(leases.c.name == name, leases.c.holder == holder).values(until=0))


def found(db: Connection, name: str) -> Lease | None:
    """The lease as it stands, held or over; None where nobody ever took it."""
    row = db.execute(select(leases).where(leases.c.name == name)).one_or_none()
    return None if row is None else Lease(row.name, row.holder, row.fence, row.until)
