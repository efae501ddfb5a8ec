"""The grammar of encoded queries: text in, terms out. What the terms mean is said in `matching`.

`^` joins terms, `^OR` binds to the term before it alone, `^NQ` begins a new group, and the groups are alternatives; `^ORDERBYf`,
`^ORDERBYDESCf` sort, `^GROUPBYf` and a trailing `^EQ` mean nothing to a list. Nothing can be escaped.
https://www.servicenow.com/docs/r/platform-user-interface/r_OpAvailableFiltersQueries.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

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
    """`groups` are alternatives; each is a list of clauses that must all hold, a clause the terms of which one must."""

    groups: tuple[tuple[tuple[Term, ...], ...], ...]
    orders: tuple[Order, ...] = ()


def parsed(text: str) -> Query:
    """The terms of an encoded query, invalid ones among them."""
    groups: list[list[list[Term]]] = [[]]
    orders: list[Order] = []
    for part in text.split("^"):
        if part.startswith("ORDERBYDESC"):
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
    return Query(tuple(tuple(tuple(clause) for clause in group) for group in groups), tuple(orders))


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


def joined(*texts: str) -> str:
    """Texts without alternatives and order as one query; empty ones count nothing."""
    return "^".join(text for text in texts if text)


def plain(pairs: Iterable[tuple[str, str]]) -> Query:
    """`field=value` parameters of an address, which say the same as a query of equalities."""
    return Query((tuple((Term(field, "=", value),) for field, value in pairs),))
