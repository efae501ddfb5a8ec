"""Answers in JSON, and refusals in the platform's own words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from connectors.sandboxes.answer import Answer

JSON: Final = "application/json; charset=utf-8"


class Refused(Exception):
    """The account refuses, with its error body."""

    def __init__(self, status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}

    def answer(self) -> Answer:
        """The error as the platform words it."""
        return answered(self.body, self.status, self.headers)


def answered(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, {"Content-Type": JSON, **(headers or {})}, content)


def refuse(status: int, error: str, description: str, **more: object) -> NoReturn:
    """Raise Refused."""
    raise Refused(status, {"error": error, "description": description, **more})


def not_found() -> NoReturn:
    """Raise the refusal of a record that is not there."""
    refuse(404, "RecordNotFound", "Not found")


def invalid(details: Mapping[str, Sequence[tuple[str, str]]]) -> NoReturn:
    """Raise 422 for values that no record may have: field -> (description, error code)."""
    told = {name: [{"description": text, "error": code} for text, code in each] for name, each in details.items()}
    refuse(422, "RecordInvalid", "Record validation errors", details=told)


def bad_attribute(message: str) -> NoReturn:
    """Raise 400 for a parameter that can't be read."""
    raise Refused(400, {"error": {"title": "Invalid attribute", "message": message}})
