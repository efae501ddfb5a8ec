"""The grammar of encoded queries: text in, terms out. What the terms mean is said in `matching`.

`^` joins terms, `^OR` binds to the term before it alone, `^NQ` begins a new group, and the groups are alternatives; `^ORDERBYf`,
`^ORDERBYDESCf` sort, `^GROUPBYf` and a trailing `^EQ` mean nothing to a list. Nothing can be escaped. Parts about other
tables: see `related`.
https://www.servicenow.com/docs/r/platform-user-interface/r_OpAvailableFiltersQueries.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from connectors.servicenow.site.related import Related, taken

OPERATORS: Final = (
    "NOT LIKE", "NOTLIKE", "NOT IN", "NOTIN", "NOTON", "NSAMEAS", "SAMEAS", "STARTSWITH", "ENDSWITH", "ISNOTEMPTY", "ISEMPTY",
    "EMPTYSTRING", "ANYTHING", "BETWEEN", "RELATIVEGT", "RELATIVEGE", "RELATIVELT", "RELATIVELE", "RELATIVEEE", "DYNAMIC",
    "CONTAINS", "LIKE", "IN", "ON", "!=", ">=", "<=", "=", ">", "<",
)  # fmt: skip
"""The longer of two that begin alike comes first."""

_SAME: Final = {"NOT LIKE": "NOTLIKE", "NOT IN": "NOTIN", "CONTAINS": "LIKE"}
_FIELD: Final = re.compile(r"[a-z0-9_.]+")


class Term(NamedTuple):
    """One condition. `operator` is empty where the text is none: no field, or no operator that exists."""

    field: str
    operator: str
    value: str


class Order(NamedTuple):
    field: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """`groups` are alternatives; each is a list of clauses that must all hold, a clause the terms of which one must.

    `related` are questions about other tables, which hold for all groups; None for one that makes no sense.
    """

    groups: tuple[tuple[tuple[Term, ...], ...], ...]
    orders: tuple[Order, ...] = ()
    related: tuple[Related | None, ...] = ()


def parsed(text: str) -> Query:
    """The terms of an encoded query, invalid ones among them."""
    groups: list[list[list[Term]]] = [[]]
    orders: list[Order] = []
    related: list[Related | None] = []
    parts, at = text.split("^"), 0
    while at < len(parts):
        part, at = parts[at], at + 1
        if part.startswith(("RLQUERY", "JOIN")):
            found, at = taken(parts, at - 1)
            related.append(found)
        elif part.startswith("ORDERBYDESC"):
            orders.append(Order(part[11:], descending=True))
        elif part.startswith("ORDERBY"):
            orders.append(Order(part[7:], descending=False))
        elif part.startswith("NQ"):
            groups.append([])
            _add(groups[-1], part[2:], either=False)
        elif part.startswith("OR"):
            _add(groups[-1], part[2:], either=True)
        elif part != "EQ" and not part.startswith("GROUPBY"):
            _add(groups[-1], part, either=False)
    return Query(tuple(tuple(tuple(clause) for clause in group) for group in groups), tuple(orders), tuple(related))


def _add(group: list[list[Term]], text: str, *, either: bool) -> None:
    if not text:
        return
    if either and group:
        group[-1].append(term(text))
    else:
        group.append([term(text)])


def term(text: str) -> Term:
    """One condition in the order field, operator, value."""
    named = _FIELD.match(text)
    field = named.group() if named else ""
    rest = text[len(field) :]
    operator = next((each for each in OPERATORS if rest.startswith(each)), "")
    if not field or not operator:
        return Term(field or text, "", "")
    return Term(field, _SAME.get(operator, operator), rest[len(operator) :])


def plain(pairs: Iterable[tuple[str, str]]) -> Query:
    """`field=value` parameters of an address, which say the same as a query of equalities."""
    return Query((tuple((Term(field, "=", value),) for field, value in pairs),))
