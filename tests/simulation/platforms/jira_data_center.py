"""Jira Data Center as the far side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar, Final

from connectors.jira.data_center_sandbox import DataCenterSandbox
from connectors.jira.shifting import WITNESSES
from connectors.jira.site.call import answered
from connectors.sandboxes.answer import Answer
from rules.instants import MINUTE, SECOND, Instant
from tests.simulation.platforms.far_side import Kinds, Purpose
from tests.simulation.platforms.jira import JiraFarSide

_NOT_THERE: Final = frozenset({"429-bare", "unordered", "row-missing", "repeated-token", "expired-token"})
"""It has no page tokens and reads no two issues at once; the order of its rows is what its paging rests on."""
_WAITS: Final = {"429": SECOND, "429-long": 5 * MINUTE}
"""A bucket is full again within minutes."""


class DataCenterFarSide(JiraFarSide):
    """One site of Jira Data Center. Its search index is `lag` milliseconds behind."""

    SANDBOX = DataCenterSandbox
    TROUBLES: ClassVar[Kinds] = tuple(each for each in JiraFarSide.TROUBLES if each[0] not in _NOT_THERE)
    FAULTS: ClassVar[Mapping[str, str]] = {name: fault for name, fault in JiraFarSide.FAULTS.items() if name not in _NOT_THERE}

    def settings(self, page_size: int) -> Mapping[str, object]:
        return {**super().settings(page_size), "url": f"http://127.0.0.1:1{DataCenterSandbox.CONTEXT}"}

    def purpose(self, method: str, path: str, query: str, body: bytes) -> Purpose:
        del query, body
        match method, path.strip("/").split("/")[4:]:
            case "PUT", ["issue", id_]:
                return Purpose("edit", (id_,))
            case "POST", ["issue", id_, "comment"]:
                return Purpose("comment", (id_,))
            case "POST", ["search"]:
                return Purpose("search")
            case "GET", ["issue", id_]:
                return Purpose("read", (id_,))
            case "GET", ["issue", id_, *_]:
                return Purpose("look", (id_,))
            case "GET", ["comment", *_]:
                return Purpose("look")
        return Purpose("about")

    def instead(self, kind: str, now: Instant) -> Answer | None:
        del now
        wait = _WAITS.get(kind)
        return None if wait is None else answered({"message": "Rate limit exceeded."}, 429, {"Retry-After": str(wait // SECOND)})

    def narrowed(self, body: bytes) -> bytes:
        """An administrator may cap the rows of a search, but not at none that is new."""
        return json.dumps(json.loads(body) | {"maxResults": WITNESSES + 1}).encode()
