"""What an instance tells of saved tasks where an administrator has put hoist's business rule and scheduled script into it.

The rule writes a row in the transaction of the save, the script posts it, signed, until it is taken.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.sandboxes.deliveries import Outgoing
from connectors.sandboxes.faults import Faults
from connectors.servicenow.site.store import Row
from rules.instants import SECOND, Instant

TRIES: Final = 10
PAUSE_SECONDS: Final = 0.2
"""Between two tries; the script itself runs each minute."""
WRONG_KEY: Final = b"not the key of this instance, but as long"


def patience(_status: int, _retry_after: str, tried: int) -> float | None:
    """Seconds until the next try; None where there is none."""
    return PAUSE_SECONDS if tried < TRIES else None


@dataclass(frozen=True)
class Announcing:
    """Tells `url` of saves in these tables, signed with `key` (Base64). `deliver` sends on its way; `seed` fixes events' ids."""

    url: str
    key: str
    tables: Collection[str]
    deliver: Callable[[Outgoing], None]
    faults: Faults
    seed: int = 0

    def saved(self, table: str, row: Row) -> None:
        """A record was saved."""
        if table not in self.tables or self.faults.strikes("webhook-lost"):
            return
        count = row.get("sys_mod_count", "0")
        told = {"table": table, "sys_id": row["sys_id"], "sys_mod_count": int(count)}
        body = json.dumps(told, separators=(",", ":")).encode()
        event = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.seed} {table} {row['sys_id']} {count}"))
        key = WRONG_KEY if self.faults.strikes("webhook-bad-signature") else base64.b64decode(self.key)

        def headers(at: Instant, _tries: int) -> Mapping[str, str]:
            stamp = str(at // SECOND)
            made = hmac.new(key, f"{stamp}.{event}.".encode() + body, hashlib.sha256).digest()
            signed = {"X-Hoist-Event": event, "X-Hoist-Timestamp": stamp, "X-Hoist-Signature": base64.b64encode(made).decode()}
            return {"Content-Type": "application/json", **signed}

        again, late = self.faults.strikes("webhook-twice"), self.faults.strikes("webhook-late")
        self.deliver(Outgoing("POST", self.url, body, headers, again=again, late=late))
