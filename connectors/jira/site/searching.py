"""search/jql: bounded queries, opaque page tokens, ids alone by default.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/. A token stands for the place of the last
row in the order asked for, so an issue that moves forward while a client pages is met again, and none is passed over.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from connectors.jira.site.call import Answer, Call, answered, number, refuse
from connectors.jira.site.catalog import FIELDS
from connectors.jira.site.jql import BadQuery, Query, parse
from connectors.jira.site.matching import Asker, Place, floor, matcher, ordering
from connectors.jira.site.render import chosen
from connectors.jira.site.search_index import SearchIndex
from connectors.jira.site.state import Issue
from rules.instants import DAY, Instant

TOKEN_LIFE: Final = 7 * DAY
PAGE: Final = 50
MOST_IDS: Final = 5_000
MOST_ROWS: Final = 100  # with many fields; the contract names no figure
MOST_LIGHT_ROWS: Final = 1_000  # with a few: "fewer items where a large number of fields is requested"
FEW: Final = 3
LATEST: Final = 1 << 60
KEYS: Final = frozenset({"id", "key", "issuekey"})
ALLOWED: Final = (
    "expand", "fields", "fieldsByKeys", "jql", "maxResults", "nextPageToken", "properties", "reconcileIssues", "failFast",
)  # fmt: skip


class _Token(NamedTuple):
    query: tuple[str, str]
    place: Place
    issued: Instant


class Tokens:
    """The page tokens given out. They live seven days, and are good for the query and the caller that they were given to."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}/tokens")
        self._given: dict[str, _Token] = {}

    def give(self, query: tuple[str, str], place: Place, now: Instant) -> str:
        """A new token for the page after this place."""
        while self._given and next(iter(self._given.values())).issued < now - TOKEN_LIFE:
            del self._given[next(iter(self._given))]
        token = f"Ch{self._random.getrandbits(160):040x}"
        self._given[token] = _Token(query, place, now)
        return token

    def place(self, token: str, query: tuple[str, str], now: Instant) -> Place:
        """Where the page of a token begins. Raises Refused for a foreign or expired one."""
        known = self._given.get(token)
        if known is None or known.query != query or known.issued < now - TOKEN_LIFE:
            refuse(400, "The provided next page token is invalid or expired.")
        return known.place


@dataclass(frozen=True, slots=True)
class _Asked:
    jql: str
    fields: Sequence[str]
    properties: Sequence[str]
    most: int
    token: str
    expand: Sequence[str]
    reconcile: Sequence[int]


def by_get(call: Call) -> Answer:
    """GET search/jql; unknown parameters (an old startAt) are ignored."""
    reconcile = [number(each, "reconcileIssues") for each in call.listed("reconcileIssues")]
    asked = _Asked(
        call.text("jql"), call.listed("fields"), call.listed("properties"), call.number("maxResults", PAGE),
        call.text("nextPageToken"), call.listed("expand"), reconcile,
    )  # fmt: skip
    return _search(call, asked)


def by_post(call: Call) -> Answer:
    """POST search/jql; a key that the contract does not have (startAt) is refused."""
    given = call.mapping(*ALLOWED)
    for name in ("fields", "properties", "reconcileIssues"):
        if not isinstance(given.get(name, []), list):
            refuse(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    if not isinstance(given.get("expand", ""), str):
        refuse(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    asked = _Asked(
        str(given.get("jql") or ""), _words(given, "fields"), _words(given, "properties"),
        number(given.get("maxResults", PAGE), "maxResults"), str(given.get("nextPageToken") or ""),
        str(given.get("expand", "")).split(","), [number(each, "reconcileIssues") for each in given.get("reconcileIssues", ())],
    )  # fmt: skip
    return _search(call, asked)


def count(call: Call) -> Answer:
    """POST search/approximate-count."""
    query = _parsed(str(call.mapping("jql").get("jql") or ""))
    index = call.site.searchable(call.now)
    if not call.may("BROWSE_PROJECTS"):
        return answered({"count": 0})
    try:
        test = matcher(query.where, _asker(call))
    except BadQuery as error:
        refuse(400, str(error))
    return answered({"count": sum(1 for row in index.rows.values() if test(row))})


def removed(_: Call) -> Answer:
    """The search of before: gone (https://developer.atlassian.com/changelog/#CHANGE-2046)."""
    refuse(410, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")


def _words(given: dict[str, Any], name: str) -> list[str]:
    return [part.strip() for each in given.get(name, ()) for part in str(each).split(",")]


def _parsed(jql: str) -> Query:
    try:
        query = parse(jql)
    except BadQuery as error:
        refuse(400, str(error))
    if query.where is None:
        refuse(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
    return query


def _asker(call: Call) -> Asker:
    return call.site.asker(call.user().id, call.now)


def _search(call: Call, asked: _Asked) -> Answer:
    if len(asked.properties) > 5:
        refuse(400, "At most 5 properties can be asked for.")
    if len(asked.reconcile) > 50:
        refuse(400, "At most 50 issues can be reconciled.")
    query = _parsed(asked.jql)
    if not call.may("BROWSE_PROJECTS"):
        return answered({"issues": [], "isLast": True})
    asker = _asker(call)
    faults, tokens = call.site.faults, call.site.tokens
    if asked.token and faults.strikes("expired-token"):
        refuse(400, "The provided next page token is invalid or expired.")
    identity = (asked.jql, asker.account)
    place = tokens.place(asked.token, identity, call.now) if asked.token else None
    index = call.site.searchable(call.now)
    try:
        walk = _walk(index, query, asker, place, _reconciled(call, index, asked.reconcile))
    except BadQuery as error:
        refuse(400, str(error))
    size = _size(asked)
    rows = list(islice(walk, size + 1))
    names = chosen([name for name in asked.fields if name not in {"id", "key"}], ())
    shown = [_shown(call, row, asked, names) for _, row in rows[:size]]
    answer: dict[str, object] = {"issues": shown, "isLast": len(rows) <= size}
    if len(rows) > size:
        repeated = asked.token and faults.strikes("repeated-token")
        answer["nextPageToken"] = asked.token if repeated else tokens.give(identity, rows[size - 1][0], call.now)
    return answered(answer)


def _size(asked: _Asked) -> int:
    asked_for = set(asked.fields) - {"id", "key"}
    every = any(name.startswith("*") for name in asked_for)
    few = len(asked_for) <= FEW and not (every or asked.properties or any(asked.expand))
    most = MOST_IDS if not asked_for else MOST_LIGHT_ROWS if few else MOST_ROWS
    return max(1, min(asked.most, most))


def _shown(call: Call, row: Issue, asked: _Asked, names: Sequence[str]) -> dict[str, object]:
    shown = call.render.issue(row, names, asked.properties, searched=True)
    if "key" in asked.fields:
        shown["key"] = row.key
    if "changelog" in asked.expand:
        shown["changelog"] = call.render.changelog(row, SEARCH_ENTRIES)
    return shown


SEARCH_ENTRIES: Final = 40
"""How many changelog entries `expand=changelog` shows per issue, the newest first."""


def _reconciled(call: Call, index: SearchIndex, ids: Sequence[int]) -> dict[int, Issue | None]:
    """The issues that the caller wants to see as they are, not as the index has them."""
    return {id_: call.site.issues.by_id.get(id_) for id_ in ids} if index.lag else {}


def _walk(
    index: SearchIndex, query: Query, asker: Asker, after: Place | None, reconciled: dict[int, Issue | None]
) -> Iterator[tuple[Place, Issue]]:
    """The matching rows later than a place, each with its own place."""
    test = matcher(query.where, asker)
    descending = None if reconciled else _along_updated(query)
    if descending is None:
        place = ordering(query.order, asker.catalog)
        rows = [row for id_, row in index.rows.items() if id_ not in reconciled]
        rows += [row for row in reconciled.values() if row]
        found = ((place(row), row) for row in rows if test(row))
        return iter(sorted(each for each in found if after is None or after < each[0]))
    if descending:
        steps = index.descending((after[0], after[1]) if after else (LATEST, 0))
    else:
        start = (floor(query.where, asker), -1)
        steps = index.ascending(max(start, (after[0], after[1])) if after else start)
    return (((row.updated, row.id), row) for row in steps if test(row))


def _along_updated(query: Query) -> bool | None:
    """Whether the order is the index's own (False), its reverse (True), or neither (None)."""
    if not query.order or query.order[0][0] not in FIELDS["updated"].clauses:
        return None
    descending = query.order[0][1]
    rest = query.order[1:]
    return descending if all(name in KEYS and down == descending for name, down in rest) else None
