"""Secrets are named in settings, never written there: the value is fetched from where the reference points."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import keyring
import keyring.errors
from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from connectors.errors import AskAdmin

_FORMS: Final = "env:NAME, file:/path/of/the/file or keyring:service/name"


def named_in(settings: BaseModel, under: str = "") -> str:
    """The settings that hold a secret, below a name where one is given, each with where it is kept: `token (env:HOIST_TOKEN)`."""
    held = [(name, value) for name, value in settings if isinstance(value, Secret)]
    return ", ".join(f"{under}{name} ({secret.kind}:{secret.place})" for name, secret in held)


class _Masked:
    """What a settings file held; its repr is what pydantic shows beside an error."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "(not shown)"


class Secret:
    """A reference to a secret: `env:NAME`, `file:/path` or `keyring:service/name`.

    Neither repr nor str tells more than the reference; `reveal` fetches the value. Raises ValueError for any other text, without
    repeating it: it may be the secret itself.
    """

    __slots__ = ("kind", "place")

    def __init__(self, reference: str) -> None:
        kind, colon, place = reference.partition(":")
        if not colon or kind not in {"env", "file", "keyring"} or not place.strip():
            raise ValueError(f"a secret is not written into a settings file; say where it is kept: {_FORMS}")
        if kind == "keyring" and not all(part.strip() for part in place.partition("/")):
            raise ValueError("a secret of the keyring is named by service and name: keyring:service/name")
        self.kind = kind
        self.place = place.strip()

    def __repr__(self) -> str:
        return f"Secret({self.kind}:{self.place})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.kind, self.place) == (other.kind, other.place)

    def __hash__(self) -> int:
        return hash((self.kind, self.place))

    def reveal(self) -> str:
        """The value, fetched now. Raises AskAdmin where there is none, or an empty one."""
        match self.kind:
            case "env":
                value = os.environ.get(self.place, "")
                cure = f"set the environment variable {self.place} for the account that runs hoist"
            case "file":
                value = _of_file(Path(self.place))
                cure = f"write the secret into {self.place}"
            case _:
                value = _of_keyring(self.place)
                cure = f"store it with: keyring set {self.place.replace('/', ' ', 1)}"
        if not value:
            raise AskAdmin(f"the secret {self.kind}:{self.place} is empty or missing: {cure}")
        return value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        parse = core_schema.no_info_plain_validator_function(_parsed)
        # Two steps, so that the error of the second shows the masked form as its input and never the text itself.
        return core_schema.chain_schema(
            [core_schema.no_info_plain_validator_function(_masked), parse],
            serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: f"{secret.kind}:{secret.place}"),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": "^(env|file|keyring):.+",
            "description": f"Where the secret is kept: {_FORMS}",
            "examples": ["env:HOIST_JIRA_TOKEN", "file:/run/secrets/jira-token", "keyring:hoist/jira-cloud"],
        }


def _masked(text: object) -> object:
    return text if isinstance(text, Secret) else _Masked(text)


def _parsed(masked: object) -> Secret:
    if isinstance(masked, Secret):
        return masked
    text = masked.text if isinstance(masked, _Masked) else masked
    if not isinstance(text, str):
        raise PydanticCustomError("secret_reference", "a secret is named by text: {forms}", {"forms": _FORMS})
    try:
        return Secret(text)
    except ValueError as problem:
        reason = str(problem)
    raise PydanticCustomError("secret_reference", "{reason}", {"reason": reason})


def _of_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        reason = "is not there: write the secret into it, or correct its path in hoist.yaml"
    except (OSError, UnicodeDecodeError) as problem:
        reason = f"can't be read ({type(problem).__name__}): make it readable for the account that runs hoist"
    raise AskAdmin(f"the secret's file {path} {reason}")


def _of_keyring(place: str) -> str:
    service, _, name = place.partition("/")
    try:
        return keyring.get_password(service, name) or ""
    except keyring.errors.KeyringError as problem:
        kind = type(problem).__name__
    raise AskAdmin(f"the keyring can't be asked for {place} ({kind}): unlock it, or use env: or file: instead")
