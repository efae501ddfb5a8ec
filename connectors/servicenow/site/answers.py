"""Answers in JSON, and refusals in the platform's own words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NoReturn

from connectors.sandboxes.answer import Answer

JSON: Final = "application/json;charset=UTF-8"


class Refused(Exception):
    """The instance refuses, with its error body."""

    def __init__(self, status: int, message: str, detail: str | None = None) -> None:
        super().__init__(status, message, detail)
        self.status = status
        self.message = message
        self.detail = detail

    def answer(self) -> Answer:
        """The error as the platform words it."""
        headers = {"WWW-Authenticate": 'BASIC realm="Service-now"'} if self.status == 401 else {}
        return answered({"error": {"message": self.message, "detail": self.detail}, "status": "failure"}, self.status, headers)


def refuse(status: int, message: str, detail: str | None = None) -> NoReturn:
    """Raise Refused."""
    raise Refused(status, message, detail)


def answered(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, {"Content-Type": JSON, **(headers or {})}, content)


def no_record() -> NoReturn:
    """Raise the refusal for a record that is not there, or not for this user."""
    refuse(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")


def forbidden(detail: str) -> NoReturn:
    """Raise the refusal of an operation on a record."""
    refuse(403, "Operation Failed", detail)
