"""Secrets are named, fetched, and never told."""

import traceback
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from pydantic import BaseModel, TypeAdapter, ValidationError

from connectors.errors import AskAdmin
from connectors.secrets import Secret

LITERAL = "ATATT3xFfGF0-a-real-token"


class Settings(BaseModel):
    token: Secret


class Drawer(KeyringBackend):
    """A keyring with one entry."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return "from-keyring" if (service, username) == ("hoist", "jira/cloud") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """env:NAME is the value of that variable, at the time it is asked for."""
    secret = Secret("env:HOIST_TOKEN")
    with pytest.raises(AskAdmin, match="set the environment variable HOIST_TOKEN"):
        secret.reveal()
    monkeypatch.setenv("HOIST_TOKEN", "one")
    assert secret.reveal() == "one"


def test_from_a_file(tmp_path: Path) -> None:
    """file:/path is the file's content without the line end that editors add."""
    path = tmp_path / "token"
    with pytest.raises(AskAdmin, match="is not there: write the secret into it"):
        Secret(f"file:{path}").reveal()
    with pytest.raises(AskAdmin, match="can't be read"):
        Secret(f"file:{tmp_path}").reveal()
    path.write_text("two\n")
    assert Secret(f"file:{path}").reveal() == "two"
    path.write_text("\n")
    with pytest.raises(AskAdmin, match="empty"):
        Secret(f"file:{path}").reveal()


def test_from_the_keyring() -> None:
    """keyring:service/name is the entry of the system's keyring; a locked one is said to be locked."""
    with pytest.raises(AskAdmin, match="unlock it"):
        Secret("keyring:hoist/jira/cloud").reveal()
    before = keyring.get_keyring()
    keyring.set_keyring(Drawer())  # type: ignore[no-untyped-call]
    try:
        assert Secret("keyring:hoist/jira/cloud").reveal() == "from-keyring"
        with pytest.raises(AskAdmin, match="keyring set hoist nothing"):
            Secret("keyring:hoist/nothing").reveal()
    finally:
        keyring.set_keyring(before)


@pytest.mark.parametrize("text", [LITERAL, "", "env:", "vault:x", "keyring:service", "keyring:/name", f"token:{LITERAL}", 7])
def test_a_literal_is_refused_without_being_repeated(text: object) -> None:
    """A secret written into a settings file is refused, and the error doesn't print it."""
    with pytest.raises(ValidationError, match="secret") as caught:
        Settings.model_validate({"token": text})
    said = str(caught.value) + repr(caught.value.errors()) + "".join(traceback.format_exception(caught.value))
    assert LITERAL not in said
    assert len(caught.value.errors()) == 1


@given(st.sampled_from(["env", "file", "keyring"]), st.from_regex(r"[a-z][a-z/]{0,8}x/y", fullmatch=True))
def test_references_survive_writing_and_reading(kind: str, place: str) -> None:
    """Settings that are written out and read back name the same secret, and show the reference alone."""
    settings = Settings.model_validate({"token": f"{kind}:{place}"})
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert repr(settings.token) == f"Secret({kind}:{place})"
    assert len({settings.token, Secret(f"{kind}:{place}")}) == 1


def test_editors_are_told_the_forms() -> None:
    """The JSON Schema of settings describes references, so that editors complete them."""
    assert TypeAdapter(Secret).json_schema()["pattern"] == "^(env|file|keyring):.+"
