"""`hooks:` and `webhook:` in hoist.yaml: what they say, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.config import Settings, load_settings
from agent.dry_run import dry_settings
from agent.errors import ConfigError
from agent.hooks.settings import CALLS_PER_SECOND
from connectors.secrets import Secret

SOURCE = {
    "platform": "jira",
    "url": "https://example.atlassian.net",
    "username": "hoist@example.com",
    "token": "env:HOIST_JIRA_TOKEN",
    "projects": ["ITSM"],
    "tier_field": {"kind": "component"},
}
HOOK = {"secret": "env:HOIST_HOOK"}


def load(folder: Path, hooks: object, webhook: object = HOOK, source: dict[str, Any] | None = None) -> Settings:
    found = {**(SOURCE if source is None else source), **({} if webhook is None else {"webhook": webhook})}
    (folder / "hoist.yaml").write_text(
        json.dumps({"sources": {"jira": found}} | ({} if hooks is None else {"hooks": hooks})), encoding="utf-8"
    )
    return load_settings(folder / "hoist.yaml", {})


def test_without_hooks_nothing_listens(tmp_path: Path) -> None:
    """A hoist.yaml that says nothing of webhooks opens no port."""
    settings = load(tmp_path, None, None)
    assert settings.hooks is None
    assert settings.sources[0].webhook is None


def test_what_is_said_counts_and_the_rest_is_private(tmp_path: Path) -> None:
    """Unless an address is named hoist listens on this machine only; a prefix and an address lose their last slash."""
    hooks = load(tmp_path, {"path_prefix": "/it/hoist/", "public_url": "https://hoist.example.com/it/hoist/"}).hooks
    assert hooks is not None
    assert (hooks.host, hooks.port, hooks.calls_per_second, hooks.is_private) == ("127.0.0.1", 8080, CALLS_PER_SECOND, True)
    assert hooks.path_prefix == "/it/hoist"
    assert hooks.address_of("jira") == "https://hoist.example.com/it/hoist/hooks/jira"


def test_an_open_address_without_a_certificate_is_not_private(tmp_path: Path) -> None:
    """http on any other address than this machine's own is noticed, IPv6 too."""
    for listen, private in (("0.0.0.0:80", False), ("[::1]:8080", True), ("[::]:8080", False)):
        hooks = load(tmp_path, {"listen": listen}).hooks
        assert hooks is not None
        assert hooks.is_private is private
    (tmp_path / "pair.pem").touch()
    hooks = load(tmp_path, {"listen": "0.0.0.0:443", "certificate": "pair.pem", "key": "pair.pem"}).hooks
    assert hooks is not None
    assert hooks.is_private
    assert hooks.certificate == tmp_path / "pair.pem"


def test_secrets_in_files_are_found_beside_hoist_yaml(tmp_path: Path) -> None:
    """A path is relative to hoist.yaml; a secret and its predecessor count both."""
    webhook = load(tmp_path, {}, {"secret": "file:now", "former_secret": "file:before"}).sources[0].webhook
    assert webhook is not None
    assert webhook.secret == Secret(f"file:{tmp_path / 'now'}")
    (tmp_path / "now").write_text("one", encoding="utf-8")
    (tmp_path / "before").write_text("two", encoding="utf-8")
    assert webhook.secrets() == ["one", "two"]


def test_a_dry_run_opens_no_door(tmp_path: Path) -> None:
    """Beside the hoist that runs, a dry run takes nobody's webhooks."""
    dry = dry_settings(load(tmp_path, {}))
    assert dry.hooks is None
    assert dry.sources[0].webhook is None


@pytest.mark.parametrize(
    ("hooks", "webhook", "words"),
    [
        (None, HOOK, "needs hooks:"),
        ("8080", HOOK, "hooks: expected a block"),
        ({"listen": "8080"}, HOOK, "hooks.listen: expected an address and a port"),
        ({"listen": "127.0.0.1:99999"}, HOOK, "hooks.listen"),
        ({"listen": ["127.0.0.1:80"]}, HOOK, "hooks.listen"),
        ({"path_prefix": "hoist?x"}, HOOK, "hooks.path_prefix: expected a path"),
        ({"public_url": "http://hoist.example.com"}, HOOK, "hooks.public_url: expected the https address"),
        ({"public_url": "https://me:secret@hoist.example.com"}, HOOK, "hooks.public_url"),
        ({"public_url": "https://[hoist"}, HOOK, "hooks.public_url"),
        ({"certificate": "nowhere.pem"}, HOOK, "hooks.certificate: there is no such file"),
        ({"certificate": "hoist.yaml"}, HOOK, "a certificate needs its key"),
        ({"calls_per_second": "0"}, HOOK, "hooks.calls_per_second: expected a number"),
        ({"lissten": "x"}, HOOK, "hooks.lissten is not known; did you mean listen"),
        ({}, {}, "webhook: expected a block with secret"),
        ({}, "a-secret", "webhook: expected a block with secret"),
        ({}, {"secret": "hunter2-hunter2"}, "webhook.secret: a secret is not written into a settings file"),
        ({}, {"secret": "env:X", "sceret": "y"}, "webhook.sceret is not known"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tmp_path: Path, hooks: object, webhook: object, words: str) -> None:
    """Each mistake is named with its place and what was expected; a secret that was written there is not repeated."""
    with pytest.raises(ConfigError) as found:
        load(tmp_path, hooks, webhook)
    assert words in str(found.value)
    assert "hoist.yaml" in str(found.value)
    assert "hunter2" not in str(found.value)


def test_a_platform_without_webhooks_is_said(tmp_path: Path) -> None:
    """A source whose platform tells nothing can have no webhook."""
    with pytest.raises(ConfigError, match="hoist takes no webhooks of the platform 'memory'"):
        load(tmp_path, {}, HOOK, {"platform": "memory"})
