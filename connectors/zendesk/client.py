"""Zendesk's REST API: the incremental exports, tickets with their audits, the lists beside them, and updates of a ticket.

Addresses in answers are never followed, since they may name another host: the cursor is taken out of them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from connectors.answers import LONG_WAIT, Answer, Limit
from connectors.budget import Urgency
from connectors.errors import Limited, OutcomeUnknown, TicketBusy, TryLater
from connectors.http import Http, Limits, Surroundings
from connectors.oauth import ClientToken
from connectors.secrets import named_in
from connectors.sessions import Link
from connectors.zendesk import wire
from connectors.zendesk.auth import signed_in
from connectors.zendesk.limits import Updates, exports, limit_of
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.wire import Row
from rules.instants import Instant

AT_ONCE: Final = 100
"""Ids in one request, and rows of a page of a list: https://developer.zendesk.com/api-reference/introduction/pagination/"""
_NOT_FOR_US: Final = frozenset({403, 404})
_MOST_PAGES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Export:
    """A page of an incremental export. `cursor` is where the next one goes on, empty where the platform says nothing."""

    whole: Row
    rows: Sequence[Row]
    cursor: str
    ended: bool
    server_time: Instant


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list; `cursor` of the next one, None after the last."""

    whole: Row
    rows: Sequence[Row]
    cursor: str | None
    server_time: Instant


class ShareUsedUp(Limited):
    """hoist's own share of a limit is used up; nothing was asked."""


class ZendeskClient:
    """The calls of one account. Every one raises what `Http.read` or `Http.write` raises."""

    def __init__(
        self, source: str, settings: ZendeskSettings, surroundings: Surroundings | None = None, *, dry_run: bool = False
    ) -> None:
        around = surroundings or Surroundings()
        self._auth = signed_in(source, settings, around)
        self._updates = Updates(settings.updates_per_minute, around.monotonic)
        self._http = Http(
            source,
            settings.url,
            self._auth,
            words=wire.own_words,
            limits=Limits(
                concurrent=settings.parallel_requests,
                requests_per_second=settings.requests_per_second,
                said_in=self._limit_of,
            ),
            surroundings=around,
            link=Link(settings.ca_file, credential=named_in(settings.auth, "auth.")),
            dry_run=dry_run,
        )
        self.source = source
        self.ahead = self._http.ahead
        self._sleep = around.sleep
        self._exports = exports(settings.exports_per_minute, around.monotonic)

    def at(self, urgency: Urgency) -> ZendeskClient:
        """The same client for reads that are so urgent."""
        other = copy.copy(self)
        other._http = self._http.at(urgency)  # noqa: SLF001 - its own
        return other

    def _limit_of(self, answer: Answer) -> Limit | None:
        self._updates.heard(answer)
        return limit_of(answer)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()
        if isinstance(self._auth, ClientToken):
            self._auth.close()

    @property
    def lacking_scope(self) -> str:
        """Scopes that the token was to have and has not, and verbs that none of its scopes allows; empty before it was fetched.

        A mistyped scope may come back as it was asked for: it allows nothing.
        """
        if not isinstance(self._auth, ClientToken) or not (given := self._auth.given):
            return ""
        verbs = {scope.rpartition(":")[2] for scope in given}
        return " ".join(sorted({*self._auth.lacks.split(), *({"read", "write"} - verbs)}))

    # --- incremental exports ------------------------------------------------------------------------------------------------

    def tickets_since(self, start: int | None, cursor: str, size: int, include: str) -> Export:
        """A page of changed tickets, from a cursor, or on the very first call from a time in seconds since 1970.

        Every parameter is sent each time: a cursor does not remember what was to be loaded beside the tickets. Raises
        ShareUsedUp.
        https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
        """
        where = {"cursor": cursor} if cursor else {"start_time": str(start or 0)}
        beside = {"include": include} if include else {}
        whole, time = self._export("/api/v2/incremental/tickets/cursor", where | {"per_page": str(size)} | beside)
        return Export(whole, self._rows(whole, "tickets"), wire.text(whole, "after_cursor"), _ended(whole), time)

    def events_since(self, start: int) -> Export:
        """A page of ticket events from a second on; `cursor` is the second at which the next one begins.

        https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
        """
        query = {"start_time": str(start), "include": "comment_events"}
        whole, time = self._export("/api/v2/incremental/ticket_events", query)
        following = wire.text(whole, "end_time")
        if not following:
            following = "".join(parse_qs(urlsplit(wire.text(whole, "next_page")).query).get("start_time", [""])[:1])
        return Export(whole, self._rows(whole, "ticket_events"), following if following.isdecimal() else "", _ended(whole), time)

    def _export(self, path: str, query: Mapping[str, str]) -> tuple[Row, Instant]:
        seconds = self._exports.take()
        if 0 < seconds <= LONG_WAIT:
            self._sleep(seconds)
            seconds = self._exports.take()
        if seconds > 0:
            raise ShareUsedUp(f"{self.source}: hoist's share of the incremental exports is used up; hoist waits", seconds)
        return self._get(path, query)

    # --- tickets ------------------------------------------------------------------------------------------------------------

    def tickets(self, ids: Sequence[str], include: str) -> tuple[Row, list[Row], Instant]:
        """Up to a hundred tickets by id, whatever their state; those that are gone or hidden are missing.

        https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#show-multiple-tickets
        """
        query = {"ids": ",".join(ids)} | ({"include": include} if include else {})
        whole, time = self._get("/api/v2/tickets/show_many", query)
        return whole, self._rows(whole, "tickets"), time

    def ticket(self, id_: str, include: str) -> tuple[Row, list[Row], Instant] | None:
        """One ticket as a list of it; None where it is gone or hidden.

        https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#show-ticket
        """
        query = {"include": include} if include else {}
        answer = self._http.read("GET", f"/api/v2/tickets/{id_}", subject=id_, query=query, accept=_NOT_FOR_US)
        if answer.status in _NOT_FOR_US:
            return None
        whole = self._parsed(answer)
        return whole, [self._row(whole, "ticket")], answer.server_time

    def audits(self, ticket: str) -> tuple[list[Row], Instant]:
        """All audits of a ticket, the oldest first, and the server time of the earliest answer.

        https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/#list-audits-for-a-ticket
        """
        pages = list(self._pages(f"/api/v2/tickets/{ticket}/audits", "audits", subject=ticket))
        return [row for page in pages for row in page.rows], min(page.server_time for page in pages)

    # --- what is beside tickets ---------------------------------------------------------------------------------------------

    def me(self) -> tuple[Row, Instant]:
        """The user that the credential acts as; an account may answer a wrong one with an anonymous user."""
        whole, time = self._get("/api/v2/users/me", {})
        return self._row(whole, "user"), time

    def users(self, ids: Sequence[str]) -> list[Row]:
        """Up to a hundred users by id."""
        whole, _ = self._get("/api/v2/users/show_many", {"ids": ",".join(ids)})
        return self._rows(whole, "users")

    def organizations(self, ids: Sequence[str]) -> list[Row]:
        """Up to a hundred organizations by id."""
        whole, _ = self._get("/api/v2/organizations/show_many", {"ids": ",".join(ids)})
        return self._rows(whole, "organizations")

    def all_of(self, path: str, name: str, query: Mapping[str, str] | None = None) -> list[Row]:
        """The rows of a whole list under /api/v2."""
        return [row for page in self._pages(f"/api/v2/{path}", name, query) for row in page.rows]

    def all_if_allowed(self, path: str, name: str) -> list[Row] | None:
        """The same; None where the account's plan or hoist's role does not have it."""
        answer = self._http.read("GET", f"/api/v2/{path}", query={"page[size]": str(AT_ONCE)}, accept=_NOT_FOR_US)
        if answer.status in _NOT_FOR_US:
            return None
        first = self._listed(answer, name)
        rest = self.all_of(path, name, {"page[after]": first.cursor}) if first.cursor is not None else []
        return [*first.rows, *rest]

    # --- writes -------------------------------------------------------------------------------------------------------------

    def update(self, ticket: str, values: Mapping[str, Any]) -> tuple[Row, Row, Instant]:
        """Change a ticket, in one audit; gives the ticket as it is then, and the audit, empty where nothing changed.

        Raises TicketBusy and ShareUsedUp where hoist's share is used up, OutcomeUnknown where the answer can't be read.
        https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#update-ticket
        """
        self._take_turn(ticket)
        body = json.dumps({"ticket": values}, ensure_ascii=False).encode()
        answer = self._http.write("PUT", f"/api/v2/tickets/{ticket}", subject=ticket, body=body)
        try:
            whole = wire.body_of(answer.body)
            return wire.row(whole, "ticket"), whole.get("audit") or {}, answer.server_time
        except wire.Unreadable as problem:
            said = str(problem)
        raise OutcomeUnknown(
            f"{self.source}:{ticket}: the answer to the change can't be read ({said}); it may be made or not, hoist looks"
        )

    # --- webhooks -----------------------------------------------------------------------------------------------------------

    def signing_secret(self, webhook: str) -> str:
        """https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/#show-webhook-signing-secret."""
        whole, _ = self._get(f"/api/v2/webhooks/{webhook}/signing_secret", {})
        return wire.text(self._row(whole, "signing_secret"), "secret")

    def make_webhook(self, values: Mapping[str, Any]) -> str:
        """The new one's id. Raises OutcomeUnknown where the answer does not name one."""
        answer = self._http.write("POST", "/api/v2/webhooks", subject="", body=json.dumps({"webhook": values}).encode())
        try:
            return wire.text(wire.row(wire.body_of(answer.body), "webhook"), "id")
        except wire.Unreadable as problem:
            said = str(problem)
        raise OutcomeUnknown(f"{self.source}: the answer to the new webhook can't be read ({said}); look again")

    def change_webhook(self, webhook: str, values: Mapping[str, Any]) -> None:
        """Some of its values."""
        self._http.write("PATCH", f"/api/v2/webhooks/{webhook}", subject="", body=json.dumps({"webhook": values}).encode())

    def remove_webhook(self, webhook: str) -> None:
        """It calls nobody any more."""
        self._http.write("DELETE", f"/api/v2/webhooks/{webhook}", subject="", body=b"")

    def _take_turn(self, ticket: str) -> None:
        seconds, alone = self._updates.take(ticket)
        if seconds > 0 and alone:
            raise TicketBusy(
                f"{self.source}:{ticket}: hoist has changed it {Updates.PER_TICKET} times within ten minutes, which looks like a "
                f"loop with another program; hoist waits",
                seconds,
            )
        if seconds > 0:
            raise ShareUsedUp(
                f"{self.source}: hoist's share of the updates that Zendesk takes in a minute is used up, the rest is for people; "
                f"hoist waits",
                seconds,
            )

    # --- answers ------------------------------------------------------------------------------------------------------------

    def _pages(self, path: str, name: str, query: Mapping[str, str] | None = None, *, subject: str = "") -> Iterator[Listed]:
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = self._page(path, name, cursor, query, subject)
            yield page
            if page.cursor is None or page.cursor == cursor:
                return
            cursor = page.cursor

    def _page(
        self, path: str, name: str, cursor: str | None, query: Mapping[str, str] | None = None, subject: str = ""
    ) -> Listed:
        asked = {**(query or {}), "page[size]": str(AT_ONCE)} | ({} if cursor is None else {"page[after]": cursor})
        return self._listed(self._http.read("GET", path, subject=subject, query=asked), name)

    def _listed(self, answer: Answer, name: str) -> Listed:
        """Without `meta` the platform has answered without pages, and this is all."""
        whole = self._parsed(answer)
        meta = whole.get("meta")
        more = isinstance(meta, dict) and meta.get("has_more") is True
        cursor = wire.text(meta, "after_cursor") if more and isinstance(meta, dict) else ""
        return Listed(whole, self._rows(whole, name), cursor or None, answer.server_time)

    def _get(self, path: str, query: Mapping[str, str]) -> tuple[Row, Instant]:
        answer = self._http.read("GET", path, query=query)
        return self._parsed(answer), answer.server_time

    def _parsed(self, answer: Answer) -> Row:
        try:
            return wire.body_of(answer.body)
        except wire.Unreadable as problem:
            said = str(problem)
        raise self._odd(said)

    def _rows(self, whole: Row, name: str) -> list[Row]:
        try:
            return wire.rows(whole, name)
        except wire.Unreadable as problem:
            said = str(problem)
        raise self._odd(said)

    def _row(self, whole: Row, name: str) -> Row:
        try:
            return wire.row(whole, name)
        except wire.Unreadable as problem:
            said = str(problem)
        raise self._odd(said)

    def _odd(self, said: str) -> TryLater:
        return TryLater(f"{self.source}: the answer is not what Zendesk gives ({said}); hoist tries again", 30.0)


def _ended(whole: Row) -> bool:
    return whole.get("end_of_stream") is not False
