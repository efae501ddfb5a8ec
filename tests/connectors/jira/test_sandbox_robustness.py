"""Whatever is sent to the sandbox, it answers; and it knows nothing of hoist's own Jira client."""

from __future__ import annotations

import ast
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.routes import ROUTES
from tests.connectors.jira.sandbox_caller import HANDED, START, TAKEN, Caller, desk
from tests.shared import PROJECT

NAMES = """fields update properties jql key value id add set labels comment priority assignee body accountId transition ids
    issueIdsOrKeys components summary project issuetype customfield_10050 description object url title visibility maxResults name
    type version content text globalId expand nextPageToken reconcileIssues fieldIds duedate"""
VALUES = "IT IT-1 10001 10010 20001 3 doc paragraph updated>-9999999w project=IT ORDER"
WORDS = st.sampled_from([*NAMES.split(), *VALUES.split(), ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 20_000) | WORDS | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
BODIES = JSON | st.dictionaries(WORDS, JSON, max_size=4) | st.fixed_dictionaries({"fields": st.dictionaries(WORDS, JSON)})
WRITES = [(method, path) for method, path, _ in ROUTES if method in {"POST", "PUT"}]


@settings(max_examples=300)
@given(st.sampled_from(WRITES), BODIES, st.sampled_from([2, 3]), st.data())
def test_no_body_breaks_the_sandbox(route: tuple[str, str], body: Any, version: int, data: st.DataObject) -> None:
    """Any JSON sent anywhere is taken or refused in so many words."""
    method, path = route
    while "{}" in path:
        path = path.replace("{}", data.draw(st.sampled_from(["IT-1", "10002", "50001", "x"])), 1)
    call = Caller(JiraSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)), version=version)
    answer = call(method, path, body)
    assert call.last.status < 500
    assert call.last.status < 400 or answer
    assert call.status("GET", "issue/IT-1") in {200, 404}


@settings(max_examples=200)
@given(
    st.sampled_from(ROUTES), st.dictionaries(WORDS | st.sampled_from(["startAt", "fields", "expand", "query"]), WORDS, max_size=3)
)
def test_no_query_breaks_the_sandbox(route: tuple[str, str, object], query: dict[str, str]) -> None:
    """Any query sent anywhere is taken or refused, also from a caller without a credential."""
    method, path, _ = route
    for anonymous in (False, True):
        call = Caller(JiraSandbox(clock=lambda: START, history=desk(TAKEN, HANDED)), anonymous=anonymous)
        assert call.status(method, path.replace("{}", "IT-1"), {}, query) < 500


def test_the_sandbox_knows_nothing_of_hoists_client() -> None:
    """The sandbox shares no code with the client that it is there to judge."""
    folder = PROJECT / "connectors" / "jira"
    files = [*(folder / "site").glob("*.py"), *folder.glob("*sandbox.py"), *folder.glob("*record.py")]
    imported = {name for file in files for name in _imports(ast.parse(file.read_text(encoding="utf-8")))}
    own = {name for name in imported if name.split(".")[0] in {"agent", "connectors", "rules"}}
    assert len(files) > 20
    # The record is an auditor's reading of the site, which uses none of the connector's code either.
    shared = ("connectors.jira.site", "connectors.sandboxes", "connectors.event_logs")
    its = {f"connectors.jira.{file.stem}" for file in files}
    assert {name for name in own - its if not name.startswith(shared)} == {"rules.instants"}


def _imports(tree: ast.Module) -> set[str]:
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return found | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
