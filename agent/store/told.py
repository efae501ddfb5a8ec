"""Whether changes and requests are in the states that the journal tells of: an edit of the store by hand is found by that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection


class Untold(NamedTuple):
    """A change or a request that is in another state than its last line of the journal says."""

    what: str
    name: str
    kept: str
    told: str
    line: int


_LAST: Final = """\
SELECT j.line FROM journal j WHERE j.source = {row}.source AND j.ticket = {row}.ticket AND json_valid(j.data)
 AND json_extract(j.data, '$.{key}') = {name} AND json_extract(j.data, '$.state') IS NOT NULL ORDER BY j.line DESC LIMIT 1"""
_NAME: Final = "o.source || '/' || o.ticket || '/' || o.rule || '/' || o.number || '/' || o.step"
_CHANGE: Final = _LAST.format(row="o", key="change", name=f"({_NAME})")
_CHANGES: Final = f"""\
SELECT 'change', name, state, json_extract(t.data, '$.state') AS told, t.line
FROM (SELECT {_NAME} AS name, o.state, ({_CHANGE}) AS line FROM outbox o) f
JOIN journal t ON t.line = f.line WHERE state <> told ORDER BY t.line LIMIT ?"""  # noqa: S608 - no text from outside is in it
_REQUEST: Final = _LAST.format(row="o", key="operation", name="o.key")
_REQUESTS: Final = f"""\
SELECT 'request', name, state, json_extract(t.data, '$.state') AS told, t.line
FROM (SELECT o.key AS name, o.state, ({_REQUEST}) AS line FROM operations o) f
JOIN journal t ON t.line = f.line WHERE state <> told ORDER BY t.line LIMIT ?"""  # noqa: S608 - no text from outside is in it


def untold(db: Connection, limit: int) -> Iterator[Untold]:
    """Those, so many of each at most. What has no line that names its state, as an older hoist left it, is passed over.

    A row that was tried in vain before is claimed again without a line: claimed counts as planned.
    """
    for query in (_CHANGES, _REQUESTS):
        for row in db.exec_driver_sql(query, (limit,)):
            found = Untold(*row)
            if {found.kept, found.told} != {"claimed", "planned"}:
                yield found
