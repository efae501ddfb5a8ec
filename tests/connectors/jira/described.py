"""Jira's published description of its API (OpenAPI 3.0) as a judge of requests and answers.

Not a test itself: `test_contract` and the connectors made for other tests use it.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

from tests.shared import shared

FILE: Final = "contracts/jira/jira-cloud-platform-v3.json"

EXCEPTIONS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    # Atlassian's own example of this answer has `expand`, which its schema refuses.
    ("POST", "/rest/api/3/issue/bulkfetch"): ("expand",),
    # Its own example gives `created` as a number of seconds where its schema says text. An empty old or new value
    # is null, as in the platform's webhooks, which the schema does not foresee.
    ("POST", "/rest/api/3/changelog/bulkfetch"): ("created", "from", "fromString", "to", "toString"),
    # As above.
    ("GET", "/rest/api/3/issue/{issueIdOrKey}/changelog"): ("from", "fromString", "to", "toString"),
    # Its own example has `isDefault`, which its schema calls write-only. Projects carry `style` and `isPrivate` in every other
    # answer of Jira's; the schema of this one leaves them out.
    ("GET", "/rest/api/3/priorityscheme"): ("isDefault", "isPrivate", "style"),
    # Its own example carries `defaultLocale`, which its schema refuses.
    ("GET", "/rest/api/3/serverInfo"): ("defaultLocale",),
}
"""Where answers may differ from the description, by operation: the properties whose complaints are passed over."""


class Operation(NamedTuple):
    template: str
    method: str
    about: Mapping[str, Any]


class Description:
    """The operations of the description, found by method and path; loaded once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components = document["components"]
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]+\\\}|\{[^}]+\}", "[^/]+", template) + "$"), template, item)
            for template, item in sorted(document["paths"].items(), key=lambda each: each[0].count("{"))
        ]

    def operation(self, method: str, path: str) -> Operation:
        """Raises LookupError for a call that Jira does not have. Version 2 has the same operations as version 3."""
        path = path.replace("/rest/api/2/", "/rest/api/3/")
        for pattern, template, item in self._paths:
            if pattern.match(path) and method.lower() in item:
                return Operation(template, method, item[method.lower()])
        raise LookupError(f"Jira has no {method} {path}")

    def refusals_of_request(self, method: str, url: str, body: bytes | str | None) -> list[str]:
        """What is wrong with a request, as sentences."""
        parts = urlsplit(url)
        try:
            operation = self.operation(method, parts.path)
        except LookupError as problem:
            return [str(problem)]
        known = {each["name"]: each["schema"] for each in operation.about.get("parameters", ()) if each["in"] == "query"}
        found = [f"{method} {parts.path} knows no parameter {name}" for name, _ in parse_qsl(parts.query) if name not in known]
        for name, text in parse_qsl(parts.query):
            if name in known:
                found += self._complaints(OAS30WriteValidator, known[name], _typed(known[name], text), ())
        asked = operation.about.get("requestBody")
        if body and not asked:
            return [*found, f"{method} {parts.path} takes no body"]
        if asked and body:
            schema = asked["content"]["application/json"]["schema"]
            found += self._complaints(OAS30WriteValidator, schema, json.loads(body), ())
        elif asked:
            found.append(f"{method} {parts.path} needs a body")
        return found

    def refusals_of_answer(self, method: str, url: str, status: int, body: bytes) -> list[str]:
        """What is wrong with an answer, as sentences; what `EXCEPTIONS` names is passed over."""
        operation = self.operation(method, urlsplit(url).path)
        told = operation.about["responses"].get(str(status))
        if told is None:
            return [f"{method} {operation.template} never answers {status}"] if status < 300 else []
        schema = told.get("content", {}).get("application/json", {}).get("schema")
        if not schema or not body:
            return []
        passed = EXCEPTIONS.get((method, operation.template), ())
        return self._complaints(OAS30ReadValidator, schema, json.loads(body), passed)

    def _complaints(self, validator: Any, schema: Mapping[str, Any], value: object, passed: tuple[str, ...]) -> list[str]:
        judge = validator({"allOf": [schema], "components": self._components})
        errors = [_deepest(each) for each in judge.iter_errors(value)]
        return [f"{each.json_path}: {each.message[:300]}" for each in errors if not _is_passed(each, passed)]


def _typed(schema: Mapping[str, Any], text: str) -> object:
    match schema.get("type"):
        case "integer":
            return int(text) if re.fullmatch(r"-?\d+", text) else text
        case "boolean":
            return {"true": True, "false": False}.get(text, text)
        case "array":
            return [_typed(schema["items"], text)]
    return text


def _deepest(error: Any) -> Any:
    while error.context:
        error = error.context[0]
    return error


def _is_passed(error: Any, passed: tuple[str, ...]) -> bool:
    last = next((str(part) for part in reversed(error.absolute_path) if isinstance(part, str)), "")
    unexpected = re.findall(r"'(\w+)'", error.message) if error.validator == "additionalProperties" else []
    return last in passed or (bool(unexpected) and set(unexpected) <= set(passed))


@cache
def description() -> Description:
    """Jira Cloud's platform description; skips the test where the outside material is missing."""
    return Description(json.loads((shared() / FILE).read_bytes()))


def description_if_there() -> Description | None:
    """The same for tests that have promises of their own to check: None where the outside material is missing."""
    try:
        return description()
    except pytest.skip.Exception:
        return None
