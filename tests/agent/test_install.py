"""`hoist install`: a webhook is put into a helpdesk and taken out again, after it was said what would be done."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.jira.sandbox import JiraSandbox
from connectors.servicenow.sandbox import ServiceNowSandbox
from connectors.zendesk.sandbox import Terms, ZendeskSandbox
from tests.agent.command_line import Said, hoist, real_time, small_desk
from tests.connectors.jira.sandbox_caller import Caller as JiraCaller
from tests.connectors.zendesk.sandbox_caller import Caller as ZendeskCaller

URL = "https://hoist.example.com/it"


class Place:
    """A folder with the hoist.yaml of one source."""

    def __init__(self, folder: Path, source: dict[str, object]) -> None:
        self.folder, self.source = folder, source
        self.secret = folder / "hook-secret"
        self.write()

    def write(self, **hooks: object) -> None:
        source = {**self.source, "webhook": {"secret": f"file:{self.secret}"}}
        settings = {"sources": {"desk": source}, "hooks": {"listen": "127.0.0.1:0", "public_url": URL} | hooks}
        (self.folder / "hoist.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def install(self, *options: str, source: str = "desk") -> Said:
        return hoist("install", source, "--config", self.folder / "hoist.yaml", *options)


def keep_in(folder: Path) -> Any:
    def keep(name: str, value: str) -> str:
        (folder / name).write_text(value, encoding="utf-8")
        return f"file:{folder / name}"

    return keep


@contextmanager
def place(folder: Path, sandbox: Any) -> Iterator[Place]:
    with sandbox.serve():
        yield Place(folder, sandbox.hoist_settings(keep_in(folder)))


@pytest.fixture
def zendesk(tmp_path: Path) -> Iterator[tuple[Place, ZendeskCaller]]:
    sandbox = ZendeskSandbox(clock=real_time, history=small_desk(real_time()), terms=Terms())
    with place(tmp_path, sandbox) as made:
        yield made, ZendeskCaller(sandbox)


@pytest.fixture
def jira(tmp_path: Path) -> Iterator[tuple[Place, JiraCaller]]:
    sandbox = JiraSandbox(clock=real_time, history=small_desk(real_time()))
    with place(tmp_path, sandbox) as made:
        yield made, JiraCaller(sandbox)


def test_nothing_is_done_before_somebody_says_so(zendesk: tuple[Place, ZendeskCaller]) -> None:
    """Without --yes it is said what would be done, and the helpdesk is as it was."""
    it, call = zendesk
    said = it.install()
    assert said.code == 0, said.words
    assert "to do: make the webhook 'hoist (desk)'" in said.words
    assert "--yes" in said.words
    assert call("GET", "webhooks")["webhooks"] == []
    assert not it.secret.exists()


def test_zendesk_gets_its_webhook_once_and_hoist_the_secret(zendesk: tuple[Place, ZendeskCaller]) -> None:
    """The webhook is made and its secret kept where hoist.yaml says, for the owner alone; then nothing is left to do."""
    it, call = zendesk
    assert it.install("--yes").code == 0
    (webhook,) = call("GET", "webhooks")["webhooks"]
    assert webhook["endpoint"] == f"{URL}/hooks/desk"
    assert "zen:event-type:ticket.priority_changed" in webhook["subscriptions"]
    secret = call("GET", f"webhooks/{webhook['id']}/signing_secret")["signing_secret"]["secret"]
    assert it.secret.read_text(encoding="utf-8").strip() == secret
    assert it.secret.stat().st_mode & 0o077 == 0
    again = it.install("--yes", "--json")
    assert again.json["steps"] == []
    assert secret not in again.out
    assert len(call("GET", "webhooks")["webhooks"]) == 1


def test_what_somebody_changed_is_set_right_again(zendesk: tuple[Place, ZendeskCaller]) -> None:
    """A webhook that calls elsewhere, or whose secret was reset, is mended rather than doubled."""
    it, call = zendesk
    it.install("--yes")
    (webhook,) = call("GET", "webhooks")["webhooks"]
    call("PATCH", f"webhooks/{webhook['id']}", {"webhook": {"endpoint": "https://elsewhere.example.com"}})
    call("POST", f"webhooks/{webhook['id']}/signing_secret")
    said = it.install("--yes")
    assert "set the endpoint" in said.words
    assert "keep the signing secret" in said.words
    (webhook,) = call("GET", "webhooks")["webhooks"]
    assert webhook["endpoint"] == f"{URL}/hooks/desk"
    assert it.install("--json").json["steps"] == []


def test_it_is_taken_out_again(zendesk: tuple[Place, ZendeskCaller]) -> None:
    """--remove takes out what hoist has put in, and nothing of anybody else's."""
    it, call = zendesk
    other = {"name": "ours", "endpoint": "https://x.example", "http_method": "POST", "request_format": "json"}
    call("POST", "webhooks", {"webhook": other})
    it.install("--yes")
    assert "to do: remove" in it.install("--remove").words
    assert it.install("--remove", "--yes").code == 0
    assert [each["name"] for each in call("GET", "webhooks")["webhooks"]] == ["ours"]
    assert it.install("--remove", "--json").json["steps"] == []


def test_jira_gets_a_webhook_for_its_projects_with_a_secret_of_hoists(jira: tuple[Place, JiraCaller]) -> None:
    """The webhook is signed, tells of the source's projects alone, and is made once; removed, it is gone."""
    it, call = jira
    assert it.install("--yes").code == 0
    (webhook,) = call("GET", "/rest/webhooks/1.0/webhook")
    assert (webhook["url"], webhook["isSigned"]) == (f"{URL}/hooks/desk", True)
    assert "project in (" in webhook["filters"]["issue-related-events-section"]
    assert len(it.secret.read_text(encoding="utf-8").strip()) >= 40
    assert it.install("--json").json["steps"] == []
    it.write(public_url="https://other.example.com")
    assert "set the url" in it.install("--yes").words
    assert it.install("--remove", "--yes").code == 0
    assert call("GET", "/rest/webhooks/1.0/webhook") == []


def test_a_missing_right_is_said(tmp_path: Path) -> None:
    """An account that may not make webhooks is told so in the platform's words, and nothing was done."""
    sandbox = JiraSandbox(clock=real_time, history=small_desk(real_time()), withheld=["ADMINISTER"])
    with place(tmp_path, sandbox) as it:
        said = it.install("--yes")
    assert said.code == 2
    assert "administrator" in said.words
    assert not it.secret.exists()


def test_servicenow_is_told_what_to_paste(tmp_path: Path) -> None:
    """hoist makes a key and prints the business rule; the key itself is never shown."""
    sandbox = ServiceNowSandbox(clock=real_time, history=small_desk(real_time()))
    with place(tmp_path, sandbox) as it:
        said = it.install("--yes")
        assert it.install("--json").json["steps"] == []
    key = it.secret.read_text(encoding="utf-8").strip()
    assert len(b64decode(key)) == 32
    assert f"setEndpoint('{URL}/hooks/desk')" in said.words
    assert f"file:{it.secret}" in said.words.replace(" ", "")  # a long path is broken across lines
    assert key not in said.out + said.err


@pytest.mark.parametrize(
    ("hooks", "webhook", "source", "words"),
    [
        (None, {"secret": "file:x"}, "desk", "needs hooks:"),
        ({"listen": "127.0.0.1:0"}, {"secret": "file:x"}, "desk", "public_url"),
        ({"public_url": URL}, None, "desk", "where webhooks come in"),
        ({"public_url": URL}, {"secret": "env:HOIST_HOOK"}, "desk", "name a file: or keyring:"),
        ({"public_url": URL}, {"secret": "file:x"}, "dsk", "did you mean desk"),
        ({"public_url": "http://hoist.example.com"}, {"secret": "file:x"}, "desk", "expected the https address"),
    ],
)
def test_what_hoist_yaml_lacks_is_said(
    zendesk: tuple[Place, ZendeskCaller], hooks: object, webhook: object, source: str, words: str
) -> None:
    """Whatever hoist.yaml leaves out is named with what to write, and nothing is put anywhere."""
    it, call = zendesk
    found = {
        "sources": {"desk": {**it.source, **({"webhook": webhook} if webhook else {})}},
        **({"hooks": hooks} if hooks else {}),
    }
    (it.folder / "hoist.yaml").write_text(json.dumps(found), encoding="utf-8")
    said = it.install("--yes", source=source)
    assert said.code == 2
    assert words in said.words
    assert call("GET", "webhooks")["webhooks"] == []
