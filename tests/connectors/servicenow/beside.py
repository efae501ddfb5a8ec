"""An instance on loopback and a connector beside it, for tests of what they do together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.http import Surroundings
from connectors.sandboxes.answer import Answer
from connectors.servicenow.connector import ServiceNowConnector
from connectors.servicenow.sandbox import Policies, ServiceNowSandbox, Terms
from connectors.servicenow.settings import ServiceNowSettings
from connectors.testing_stage import Mirror
from rules.escalation import FieldChange, Operation, OperationKind
from rules.ticket import Ticket, TicketRef
from tests.connectors.sandbox_desk import Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller


class Watched(ServiceNowSandbox):
    """An instance that remembers what hoist asked, and answers a call otherwise where `instead` says so."""

    calls: list[tuple[str, str, str, bytes]]
    instead: Callable[[str, str], Answer | None] | None = None

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As the instance does."""
        hoist = {name.lower(): value for name, value in headers.items()}.get("user-agent") == "hoist"
        if hoist:
            self.calls.append((method, path, query, body))
            given = self.instead(method, path) if self.instead is not None else None
            if given is not None:
                date = super().dispatch("GET", "/", "", {}, b"").headers["Date"]
                return replace(given, headers={"Date": date, **given.headers})
            return super().dispatch(method, path, query, headers, body)
        rates, self._faults.rates = self._faults.rates, {}  # nothing goes wrong for people but what concerns their saves
        self._faults.rates = {name: rate for name, rate in rates.items() if name == "delayed-commit"}
        try:
            return super().dispatch(method, path, query, headers, body)
        finally:
            self._faults.rates = rates


class Beside:
    """Instance, connector and a mirror. `policies`, `variants` and the like say how the instance is set up."""

    def __init__(
        self,
        open_: ExitStack,
        folder: Path,
        *,
        policies: Policies | None = None,
        terms: Terms | None = None,
        faults: Mapping[str, float] | None = None,
        **settings: object,
    ) -> None:
        self.clock = Clock()
        history = replace(desk(), teams=("Service Desk", "Network Operations", "Network Engineering"), events=())
        made = terms or Terms()
        made = replace(made, policies=policies) if policies else made
        self.site = Watched(clock=self.clock, history=history, faults=faults or {}, terms=made)
        self.site.calls = []
        open_.enter_context(self.site.serve())
        self.open, self.folder = open_, folder
        known = self.site.credentials()
        self.secret("secret", known["client_secret"])
        self.written: dict[str, Any] = {
            "url": known["url"],
            "username": known["username"],
            "auth": {"kind": "client_credentials", "client_id": known["client_id"], "client_secret": f"file:{folder / 'secret'}"},
            "requests_per_second": 100_000,
            **self.site.source_settings(),
            **settings,
        }
        self.desk, self.network, self.engineers = (
            self.site.group_id(name) for name in ("Service Desk", "Network Operations", "Network Engineering")
        )
        self.anna, self.chloe = self.site.user_id("anna"), self.site.user_id("chloe")
        self.mirror = Mirror()
        self.hoist = self.connect()

    def secret(self, name: str, text: str) -> str:
        """A secret in a file, as settings refer to it."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return f"file:{self.folder / name}"

    def connect(self, **settings: object) -> ServiceNowConnector:
        """A connector with these settings instead of the usual ones."""
        model = ServiceNowSettings.model_validate(self.written | settings)
        connector = ServiceNowConnector("snow", model, Surroundings(sleep=lambda _: None))
        self.open.callback(connector.close)
        return connector

    def person(self, method: str, path: str, body: object = None, handle: str = "anna", **query: str) -> Any:
        """What the instance answers a person; fails where it refuses."""
        caller = Caller(self.site, handle)
        answer = caller(method, path, body, **query)
        assert caller.last.status < 300, caller.last
        return answer

    def rows(self, table: str, query: str, **more: str) -> list[dict[str, Any]]:
        """The rows of a table, as the administrator sees them."""
        return list(self.person("GET", f"table/{table}", None, "admin", sysparm_query=query, **more)["result"])

    def incident(self, table: str = "incident", **values: str) -> str:
        """Anna registers a ticket; its sys_id."""
        fields = {
            "short_description": "VPN drops",
            "caller_id": self.chloe,
            "assignment_group": self.desk,
            "impact": "2",
            "urgency": "2",
        }
        return str(self.person("POST", f"table/{table}", fields | values)["result"]["sys_id"])

    def change(self, ticket: str, *, table: str = "incident", **values: str) -> None:
        """Anna saves a ticket."""
        self.person("PATCH", f"table/{table}/{ticket}", values)

    def run(self) -> list[str]:
        """The sys_ids of the tickets that a run hands out."""
        return [ticket.ref.id for page in self.mirror.run(self.hoist) for ticket in page.tickets]

    def read(self, ticket: str) -> Ticket:
        """The ticket, read afresh."""
        (found,) = self.hoist.read([ticket]).tickets
        return found

    def fields(self, ticket: str, *changes: tuple[str, str | None, str | None], **more: Any) -> Operation:
        """An operation that moves fields: name, old, new."""
        ref, moves = TicketRef("snow", ticket), tuple(FieldChange(*change) for change in changes)
        return Operation("k1", OperationKind.FIELDS, ref, "5f3a9c", ("5f3a9cf",), moves, planned_at=self.clock.at, **more)

    def comment(self, ticket: str, text: str = "Without an owner.") -> Operation:
        """An operation that comments."""
        return Operation("k2", OperationKind.COMMENT, TicketRef("snow", ticket), "77aa", comment=text, planned_at=self.clock.at)
