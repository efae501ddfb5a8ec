"""A stateful stand-in of Jira Data Center on loopback: the sandbox's site below a context path, in the other dialect."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from connectors.jira.data_center_record import DataCenterRecord
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.call import Call, answered
from connectors.jira.site.data_center import NOT_THERE, Bucket, DataCenterSite
from connectors.jira.site.data_center_calls import ROUTES
from connectors.jira.site.faults import FAULTS as CLOUD_FAULTS
from connectors.jira.site.gateway import token_of
from connectors.jira.site.routes import Handler, along, found, tree
from connectors.sandboxes.answer import Answer
from connectors.sandboxes.sandbox import Secrets
from rules.instants import Instant

_CALLS: Final = tree(ROUTES)


class DataCenterSandbox(JiraSandbox):
    """One site of Jira Data Center 10.3.

    Beyond what a Cloud site takes, `off_screen` are fields that the edit screen lacks, and `requests_per_minute` is the rate
    limit, 0 for none.
    """

    SITE = DataCenterSite
    FAULTS = MappingProxyType({name: said for name, said in CLOUD_FAULTS.items() if name not in NOT_THERE})
    CONTEXT = "/jira"
    PLATFORM_NAME = "Jira Data Center"
    SOURCE = "jira-dc"

    def __init__(self, *, off_screen: Collection[str] = (), requests_per_minute: int = 0, **more: Any) -> None:
        super().__init__(**more)
        self._site.base += self.CONTEXT
        self._site.off_screen = frozenset(off_screen)
        self._bucket = self._limits = Bucket(self._faults, requests_per_minute)

    def credentials(self, person: str = "") -> dict[str, str]:
        catalog = self._site.catalog
        user = catalog.users[catalog.account(person)] if person else catalog.agent
        return {"platform": "jira", "edition": "data-center", "url": self.url, "token": token_of(user, self._seed)}

    def _patience(self, status: int, retry_after: str, tried: int) -> float | None:
        """Nobody says that a call is tried again."""
        del status, retry_after, tried
        return None

    def told(self) -> dict[str, str]:
        return self.credentials()

    def hoist_settings(self, secrets: Secrets) -> dict[str, object]:
        given = self.credentials()
        return {**given, "token": secrets("token", given["token"]), **self.source_settings()}

    def record(self) -> DataCenterRecord:
        given = self.credentials()
        return DataCenterRecord(given["url"], given["token"], self.history.project, {"Assignment group": "team"})

    def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now: Instant) -> Answer:
        answer = self._below_context(method, path, query, headers, body, now)
        return replace(answer, headers={**self._bucket.headers(), **answer.headers})

    def _below_context(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, now: Instant) -> Answer:
        if instead := self._limits.before(now):
            return instead
        signed = headers.get("authorization", "")
        token = signed[7:] if signed[:7].lower() == "bearer " else ""
        users = self._site.catalog.users.values()
        caller = next((each for each in users if each.active and token == token_of(each, self._seed)), None)
        given = parse_qs(query) if query else {}
        call = Call(self._site, method, 2, caller, now, given, body, self._site.render(2, now))
        match [unquote(word) for word in path.strip("/").split("/")]:
            case ["jira", "rest", "api", "2" | "latest", *words] if words:
                answer = self._routed(call, words, headers, "api")
            case ["jira", "rest", "webhooks", "1.0", *words] if words:
                answer = self._routed(call, words, headers, "webhooks")
            case ["jira", "rest", "servicedeskapi", *words] if words:
                answer = self._routed(call, words, headers, "servicedeskapi")
            case _:
                answer = answered({"message": f"null for uri: {path}", "status-code": 404}, 404)
        return replace(answer, headers={"X-AUSERNAME": caller.login if caller else "anonymous", **answer.headers})

    def _handlers(self, words: Sequence[str], api: str) -> tuple[dict[str, Handler], list[str]]:
        return along(_CALLS, words) if api == "api" else found(words, api)
