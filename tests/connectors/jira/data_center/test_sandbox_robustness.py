"""The sandbox of Data Center takes or refuses whatever is sent, and never breaks."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jira.data_center_sandbox import DataCenterSandbox
from connectors.jira.site.data_center_calls import ROUTES
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, desk

WORDS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=8)
NAMES = st.sampled_from(["jql", "startAt", "maxResults", "fields", "expand", "update", "assignee", "name", "properties", "body"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.sampled_from(ROUTES), JSON, st.dictionaries(NAMES | st.sampled_from(["key", "username", "project"]), WORDS, max_size=3))
def test_no_call_breaks_the_sandbox(route: tuple[str, str, object], body: Any, query: dict[str, str]) -> None:
    """Any body and query sent anywhere is taken or refused in JSON, also from a caller without a credential."""
    method, path, _ = route
    for token in ("", "nonsense", None):
        sandbox = DataCenterSandbox(clock=lambda: START, history=desk(TAKEN, HANDED))
        signed = sandbox.credentials()["token"] if token is None else token
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {signed}"}
        sent = json.dumps(body).encode() if method in {"POST", "PUT"} else b""
        address = "/jira/rest/api/2/" + path.replace("{}", "IT-1")
        answer = sandbox.dispatch(method, address, urlencode(query), headers, sent)
        assert answer.status < 500
        assert not answer.body or json.loads(answer.body) is not None
