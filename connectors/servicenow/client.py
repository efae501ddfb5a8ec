"""ServiceNow's REST API: rows of tables, one by one, by pages or several queries in one request, and updates of a row.

Queries are made of table and column names that were checked, sys_ids, numbers and stamps, and nothing else: the platform's query
language knows no way to quote. Columns are always named, since what may not be read is left out in silence.
"""

from __future__ import annotations

import copy
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from connectors.answers import Answer
from connectors.budget import Urgency
from connectors.errors import AskAdmin, ConnectorError, Gone, Limited, OutcomeUnknown, TryLater
from connectors.http import Http, Limits, Refused, Surroundings
from connectors.servicenow import wire
from connectors.servicenow.auth import Token, link_of, signed_in
from connectors.servicenow.limits import is_cut_short, limit_of, unusable
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.wire import Row
from rules.instants import SECOND, Instant

_TABLE: Final = "/api/now/table"
_BATCH: Final = "/api/now/v1/batch"  # the Batch API exists with its version only
MOST_PARTS: Final = 80
"""Parts of one batch: the instance answers them one after the other and stops after 30 seconds."""
ROWS: Final = 10_000
"""The platform's own default and most instances' largest page."""
_NOT_FOR_US: Final = frozenset({400, 403, 404})
"""Answers to a question about a table that hoist's account may not ask, or that the instance does not know."""
_SLOW_SECONDS: Final = 65.0
"""The instance ends a transaction of the Table API after 60 seconds."""

T = TypeVar("T")


class CutShort(TryLater):
    """The instance stopped in the middle of its answer: a smaller question may be answered whole."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question for rows of a table. With `labels` cells have what people see beside the value.

    Without `counted` the instance need not count what it finds, which takes it longer than a page of a large table. `of` names
    the column that each row must hold one of these values in: a condition on a column that the account may not read is dropped
    in silence, and the whole table answers.
    """

    table: str
    where: str
    columns: tuple[str, ...]
    limit: int = ROWS
    offset: int = 0
    labels: bool = False
    counted: bool = True
    of: tuple[str, frozenset[str]] | None = None

    @property
    def url(self) -> str:
        """Path and query. Commas are left as they are: quoted, lists of ids would be longer."""
        return f"{_TABLE}/{self.table}?{'&'.join(f'{name}={_quoted(value)}' for name, value in self.parameters.items())}"

    @property
    def parameters(self) -> dict[str, str]:
        """What the Table API calls sysparm_..."""
        return {
            "sysparm_query": self.where,
            "sysparm_fields": ",".join(self.columns),
            "sysparm_display_value": "all" if self.labels else "false",
            "sysparm_exclude_reference_link": "true",
            "sysparm_limit": str(self.limit),
            **({"sysparm_offset": str(self.offset)} if self.offset else {}),
            **({} if self.counted else {"sysparm_no_count": "true"}),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that a question found, as far as row rules let them pass.

    `more`: whether others follow, visible or not; None where the instance does not say. `hidden`: there are rows, and none of
    them is shown.
    """

    rows: Sequence[Row]
    more: bool | None
    server_time: Instant
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One write of several: `path` names a table, or a row of it."""

    method: str
    path: str
    values: Mapping[str, str]
    columns: tuple[str, ...] = ("sys_id",)

    @property
    def url(self) -> str:
        """Path and query."""
        return f"{_TABLE}/{self.path}?{urlencode(_told(self.columns), safe=',')}"

    @property
    def body(self) -> str:
        """As the Batch API takes it."""
        return b64encode(encoded(self.values)).decode()


class ServiceNowClient:
    """The calls of one instance. Every one raises what `Http.read` or `Http.write` raises, and CutShort where it reads."""

    def __init__(
        self, source: str, settings: ServiceNowSettings, surroundings: Surroundings | None = None, *, dry_run: bool = False
    ) -> None:
        around = surroundings or Surroundings()
        self._auth = signed_in(source, settings, around)
        self._http = Http(
            source,
            settings.url,
            self._auth,
            words=wire.own_words,
            limits=Limits(
                concurrent=settings.parallel_requests,
                requests_per_second=settings.requests_per_second,
                read_seconds=_SLOW_SECONDS,
                said_in=limit_of,
                unusable=unusable,
            ),
            surroundings=around,
            reads_by_post=frozenset({_BATCH}),
            link=link_of(settings),
            dry_run=dry_run,
        )
        self.source = source
        self.ahead = self._http.ahead
        self._batches = _Switch(on=settings.batch)

    def at(self, urgency: Urgency) -> ServiceNowClient:
        """The same client for reads that are so urgent."""
        other = copy.copy(self)
        other._http = self._http.at(urgency)  # noqa: SLF001 - its own
        return other

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()
        if isinstance(self._auth, Token):
            self._auth.close()

    # --- reads ----------------------------------------------------------------------------------------------------------

    def find(self, query: Query) -> Found:
        """One page of rows.

        https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
        """
        return self._found(query, self._http.read("GET", query.url))

    def page(self, query: Query) -> Found:
        """One page of rows, of which it is known whether others follow.

        A page that is not full is not the last one for that: row rules take rows off it. The link to the next page tells, unless
        the instance leaves it out where nothing is counted; then it is asked once more, to count.
        """
        found = self.find(query)
        if len(found.rows) >= query.limit:
            return replace(found, more=found.more is not False or not query.counted)
        if not query.counted and not found.more:
            found = self.find(replace(query, counted=True))
        return replace(found, more=bool(found.rows)) if found.more is None else found

    def find_all(self, query: Query) -> list[Row]:
        """The rows of all pages of a question whose answer is not long; none where they are all hidden."""
        return self._to_the_end(query, self.find(query)) or []

    def find_if_allowed(self, query: Query) -> list[Row] | None:
        """The same; None where the account may not read the table or any row of it, or there is none of that name."""
        return self._alone(query, frozenset({query.table}), [])

    def several(self, queries: Sequence[Query], optional: frozenset[str] = frozenset()) -> tuple[list[list[Row] | None], Instant]:
        """The rows of several questions, in their order and answered one after the other; and the server time of the earliest.

        None where there are rows and all of them are hidden; of the tables that are `optional` also where they may not be read.
        """
        found: dict[int, list[Row] | None] = {}
        times: list[Instant] = []
        for start in range(0, len(queries), MOST_PARTS):
            numbers = list(range(start, min(start + MOST_PARTS, len(queries))))
            unasked = numbers
            while self._batches.on and len(unasked) > 1:
                served, refused = self._batch({number: queries[number] for number in unasked}, times)
                found |= served
                unasked = [number for number in unasked if number not in served and number not in refused]
                if not served:
                    break
            for number in numbers:
                if number not in found:
                    found[number] = self._alone(queries[number], optional, times)
        return [found[number] for number in range(len(queries))], min(times, default=0)

    def _alone(self, query: Query, optional: frozenset[str], times: list[Instant]) -> list[Row] | None:
        answer = self._http.read("GET", query.url, accept=_NOT_FOR_US if query.table in optional else frozenset())
        times.append(answer.server_time)
        if answer.status in _NOT_FOR_US:
            return None
        return self._to_the_end(query, self._found(query, answer))

    def _batch(self, queries: Mapping[int, Query], times: list[Instant]) -> tuple[dict[int, list[Row] | None], set[int]]:
        """What a batch answers, and the parts that it refuses: of these a request of its own tells why.

        Parts that it did not come to are in neither.
        """
        body = {
            "batch_request_id": "1",
            "rest_requests": [
                {
                    "id": str(number),
                    "method": "GET",
                    "url": query.url,
                    "headers": [{"name": "Accept", "value": "application/json"}],
                }
                for number, query in queries.items()
            ],
        }
        answer = self._http.read("POST", _BATCH, body=encoded(body), accept=_NOT_FOR_US | {405, 500})
        if answer.status != 200:
            self._batches.on = answer.status == 500
            return {}, set()
        parts = self._parsed(answer, wire.batch)
        # The Date is that of the end; the parts were read while the batch ran.
        seconds = int(sum(part.get("execution_time", 0.0) for part in parts)) // SECOND
        times.append(answer.server_time - seconds * SECOND)
        found: dict[int, list[Row] | None] = {}
        refused: set[int] = set()
        for part in parts:
            number = int(part["id"]) if part["id"].isdecimal() else -1
            if part.get("status_code") == 200 and number in queries:
                headers = {header.get("name", ""): header.get("value", "") for header in part.get("headers", ())}
                one = Answer(200, part.get("body", b""), answer.server_time, headers)
                found[number] = self._to_the_end(queries[number], self._found(queries[number], one))
            else:
                refused.add(number)
        return found, refused

    def _to_the_end(self, query: Query, found: Found) -> list[Row] | None:
        if found.hidden and not found.more:
            return None
        rows = list(found.rows)
        while found.more or (found.more is None and len(found.rows) >= query.limit):
            query = replace(query, offset=query.offset + query.limit)
            found = self.find(query)
            rows += found.rows
        return rows or (None if found.hidden else [])

    def _found(self, query: Query, answer: Answer) -> Found:
        rows = self._parsed(answer, wire.rows)
        if query.of is not None and not query.of[1].issuperset(wire.texts(rows, query.of[0])):
            raise AskAdmin(
                f"{self.source}: the instance ignores a condition on {query.table}.{query.of[0]}: hoist's account may not read "
                f"that column; grant it read access"
            )
        given = {name.casefold(): value for name, value in answer.headers.items()}
        total = given.get("x-total-count", "")
        hidden = not rows and total.isdecimal() and int(total) > 0
        return Found(rows, _more(query, given), answer.server_time, hidden)

    # --- writes ---------------------------------------------------------------------------------------------------------

    def update(self, table: str, id_: str, body: Mapping[str, str], columns: Sequence[str]) -> tuple[Row, Instant]:
        """Change columns of one row; the row as it is afterwards, as far as `columns` name it.

        A 404 is a row that is gone or hidden. Raises OutcomeUnknown where the answer can't be read.
        """
        path = f"{_TABLE}/{table}/{id_}"
        answer = self._http.write("PATCH", path, subject=id_, query=_told(columns), body=encoded(body))
        return self._written(id_, answer, wire.row), answer.server_time

    def write_together(self, ticket: str, parts: Sequence[Part]) -> tuple[list[wire.Served | None], Instant]:
        """Several writes of one ticket in one request, in their order; None for one that was not begun. They are no transaction.

        Raises TryLater where nothing was begun, OutcomeUnknown where the answer can't be read.
        """
        headers = [{"name": "Content-Type", "value": "application/json"}, {"name": "Accept", "value": "application/json"}]
        asked = [
            {"id": str(number), "method": part.method, "url": part.url, "headers": headers, "body": part.body}
            for number, part in enumerate(parts)
        ]
        answer = self._http.write("POST", _BATCH, subject=ticket, body=encoded({"batch_request_id": "1", "rest_requests": asked}))
        served = {part["id"]: part for part in self._written(ticket, answer, wire.batch)}
        if not served:
            raise TryLater(f"{self.source}:{ticket}: the instance ran out of time before it began; hoist tries again", 30.0)
        return [served.get(str(number)) for number in range(len(parts))], answer.server_time

    @property
    def writes_together(self) -> bool:
        """Whether several writes can leave as one request."""
        return self._batches.on

    def send(self, ticket: str, part: Part) -> None:
        """One of several writes alone."""
        self._http.write(
            part.method, f"{_TABLE}/{part.path}", subject=ticket, query=_told(part.columns), body=encoded(part.values)
        )

    def delete(self, table: str, ticket: str, id_: str) -> None:
        """Delete a row that belongs to a ticket."""
        self._http.write("DELETE", f"{_TABLE}/{table}/{id_}", subject=ticket, body=b"{}")

    # --- answers --------------------------------------------------------------------------------------------------------

    def _parsed(self, answer: Answer, parse: Callable[[bytes], T]) -> T:
        try:
            return parse(answer.body)
        except wire.Unreadable as problem:
            said = str(problem)
        if is_cut_short(answer.body):
            raise CutShort(
                f"{self.source}: the instance stopped in the middle of an answer (its time was up); hoist asks for less", 5.0
            )
        raise CutShort(f"{self.source}: the answer is not what the Table API gives ({said}); hoist tries again", 30.0)

    def _written(self, id_: str, answer: Answer, parse: Callable[[bytes], T]) -> T:
        try:
            return parse(answer.body)
        except wire.Unreadable as problem:
            said = str(problem)
        raise OutcomeUnknown(
            f"{self.source}:{id_}: the answer to the change can't be read ({said}); it may or may not have been made, hoist looks"
        )


class _Switch:
    """Whether the Batch API is used; shared by the copies of a client."""

    def __init__(self, *, on: bool) -> None:
        self.on = on


def _told(columns: Sequence[str]) -> dict[str, str]:
    return {"sysparm_fields": ",".join(columns), "sysparm_exclude_reference_link": "true"}


def refusal(source: str, ticket: str, part: wire.Served) -> ConnectorError:
    """What a part of several writes that was not carried out means for the ticket."""
    status = part.get("status_code", 0)
    words = " ".join(wire.own_words(part.get("body", b"")).split())[:500] or "it gave no reason"
    said = f"{source}:{ticket}: {status}: {words.rstrip('.')}"
    if status == 404:
        return Gone(f"{said}; it was deleted, or hoist's account may not see it")
    if status == 429:
        return Limited(f"{said}; hoist waits", 30.0)
    if status >= 500 or status in {0, 202, 408}:
        return OutcomeUnknown(f"{said}; the change may or may not have been made, hoist looks before it does anything else")
    return Refused(said, status)


def _quoted(text: str) -> str:
    """As `quote`, which goes through a text letter by letter unless all of it is safe: lists of ids are, but for the carets."""
    return "%5E".join(quote(part, safe=",=:@") for part in text.split("^"))


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _more(query: Query, given: Mapping[str, str]) -> bool | None:
    """Whether rows follow: by the link to the next page, else by the count of all, which row rules have not lessened.

    Of the link nothing but its being there is taken: its host may be another one than hoist calls.
    """
    if 'rel="next"' in given.get("link", ""):
        return True
    total = given.get("x-total-count", "")
    if total.isdecimal():
        return int(total) > query.offset + query.limit
    return False if "link" in given else None
