"""Queries over other tables: how many records there refer to a record here.

`RLQUERYtable.field,>2^conditions^ENDRLQUERY` counts the rows of a related list; `JOINtable.field=other.field!conditions` asks for
one at least. Both are what GlideRecord's addRLQuery and addJoinQuery become when they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_LIST: Final = re.compile(r"RLQUERY(\w+)\.(\w+),([<>!]?=?)(\d+)(?:,m2m)?")
_JOIN: Final = re.compile(r"JOIN\w+\.(\w+)=(\w+)\.(\w+)!(.*)")
_ENDS: Final = ("ORDERBY", "GROUPBY", "NQ", "JOIN", "RLQUERY")


class Related(NamedTuple):
    """Records of `table` that fulfil `conditions` and whose `field` is this record's `own`: as many as the comparison says."""

    table: str
    field: str
    own: str
    comparison: str
    number: int
    conditions: str

    def enough(self, count: int) -> bool:
        """Whether so many are as many as are asked for."""
        match self.comparison:
            case ">":
                return count > self.number
            case ">=":
                return count >= self.number
            case "<":
                return count < self.number
            case "<=":
                return count <= self.number
            case "!=":
                return count != self.number
        return count == self.number


def taken(parts: Sequence[str], start: int) -> tuple[Related | None, int]:
    """The question that begins at this part, None where it makes no sense, and the part after it."""
    if parts[start].startswith("RLQUERY"):
        end = next((at for at in range(start, len(parts)) if parts[at] == "ENDRLQUERY"), len(parts))
        found = _LIST.fullmatch(parts[start])
        conditions = "^".join(parts[start + 1 : end])
        if found is None:
            return None, end + 1
        table, field, comparison, number = found.groups()
        return Related(table, field, "sys_id", comparison or "=", int(number), conditions), end + 1
    end = next((at for at in range(start + 1, len(parts)) if parts[at].startswith(_ENDS)), len(parts))
    joined = _JOIN.fullmatch("^".join(parts[start:end]))
    if joined is None:
        return None, end
    own, table, field, conditions = joined.groups()
    return Related(table, field, own, ">", 0, conditions), end
