"""What an edit asks for, checked: the `fields` and `update` of a request become stored values, or texts by field.

Cloud checks no screens, Data Center does; a field that the issue type does not have or that no edit may set is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from connectors.jira.site import adf, requests
from connectors.jira.site.call import Call, Refused, section
from connectors.jira.site.catalog import FIELDS, Catalog, Field, Value
from connectors.jira.site.state import Issue

LONGEST_TEXT: Final = 32_767
LONGEST_SUMMARY: Final = 255
LONGEST_LABEL: Final = 255

OFF_SCREEN: Final = "Field '{0}' cannot be set. It is not on the appropriate screen, or unknown."
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class Wrong(Exception):
    """A value that the field can't take; the text is Jira's."""


def changes(call: Call, issue: Issue | None, given: Mapping[str, Any]) -> dict[str, Value]:
    """The stored values that `fields` and `update` set; `comment` in `update` is left to others.

    `issue` is None for one that is about to be made. Raises Refused with a text for every wrong field.
    """
    fields, update = section(given, "fields"), section(given, "update")
    wrong: dict[str, str] = {}
    found: dict[str, Value] = {}
    for name in set(fields) & set(update):
        wrong[name] = f"Field '{name}' cannot be set in both 'fields' and 'update'."
    for name, value in fields.items():
        _try(wrong, found, name, partial(_read, call, given=value))
    for name, operations in update.items():
        if name != "comment":
            before = issue.value(name) if issue and name in FIELDS else None
            _try(wrong, found, name, partial(_apply, call, before=before, operations=operations))
    wrong |= {name: OFF_SCREEN.format(name) for name in found if name in call.site.off_screen and issue is not None}
    if wrong:
        raise Refused(400, **wrong)
    return found


def _try(wrong: dict[str, str], found: dict[str, Value], name: str, read: Callable[[Field], Value]) -> None:
    field = FIELDS.get(name)
    if field is None or not field.writable:
        wrong[name] = OFF_SCREEN.format(name)
        return
    try:
        found[name] = read(field)
    except Wrong as error:
        wrong[name] = str(error)


def _apply(call: Call, field: Field, before: Value, operations: object) -> Value:
    """Operations in order; several fields (labels, components) know add and remove, the others set alone."""
    if not isinstance(operations, list) or not all(isinstance(each, dict) and len(each) == 1 for each in operations):
        raise Wrong("data was not an array of operations")
    value = before
    for operation in operations:
        ((verb, given),) = operation.items()
        if verb == "set":
            value = _read(call, field, given)
        elif verb in {"add", "remove"} and field.kind in {"labels", "components"}:
            each = _read(call, field, [given])
            current = value if isinstance(value, tuple) else ()
            named = each if isinstance(each, tuple) else ()
            kept = tuple(one for one in current if one not in named)
            value = kept if verb == "remove" else (*current, *(one for one in named if one not in current))
        else:
            raise Wrong(f"Operation '{verb}' is not supported for the field '{field.id}'.")
    return value


def _read(call: Call, field: Field, given: object) -> Value:
    """One value as JSON, as it is stored. Raises Wrong."""
    catalog = call.site.catalog
    match field.kind:
        case "text":
            return _summary(given)
        case "body":
            return body(call.version, given)
        case "priority":
            return _priority(catalog, given)
        case "user":
            return account(catalog, given, assigned=field.id == "assignee")
        case "labels":
            return _labels(given)
        case "components":
            return _components(catalog, given)
        case "date":
            if given is not None and not (isinstance(given, str) and _DAY.fullmatch(given)):
                raise Wrong("Error parsing date string: the format is yyyy-MM-dd.")
            return given
        case "team" | "group" | "cascade":
            return _holder(catalog, field, given)
        case _:
            return _option(catalog, field, given)


def _summary(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise Wrong("You must specify a summary of the issue.")
    if len(given) > LONGEST_SUMMARY or "\n" in given:
        raise Wrong(f"Summary must be one line of at most {LONGEST_SUMMARY} characters.")
    return given


def body(version: int, given: object) -> Value:
    """A text of version 2 or a document of version 3. Raises Wrong."""
    if given is None:
        return None
    if version == 2:
        if not isinstance(given, str):
            raise Wrong("Operation value must be a string")
        text = given
    else:
        if not isinstance(given, Mapping) or not adf.valid(given):
            raise Wrong("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
        text = adf.plain(given)
    if len(text) > LONGEST_TEXT:
        raise Wrong(f"The entered text is too long. It exceeds the allowed limit of {LONGEST_TEXT:,} characters.")
    return given


def _named(given: object, names: Mapping[str, str], word: str) -> str | None:
    """The id that {id} or {<word>} names; None where there is none."""
    if not isinstance(given, dict):
        return None
    if "id" in given:
        return str(given["id"]) if str(given["id"]) in names else None
    return next((id_ for id_, name in names.items() if name == given.get(word)), None)


def _priority(catalog: Catalog, given: object) -> str:
    found = _named(given, catalog.priorities, "name")
    if found is None:
        raise Wrong("The priority selected is invalid.")
    if found not in catalog.scheme:
        raise Wrong(f"The priority '{catalog.priorities[found]}' is not in the project's priority scheme.")
    return found


def account(catalog: Catalog, given: object, *, assigned: bool) -> str | None:
    """The account that an object names; nobody for null and for the project's default, "-1". Raises Wrong."""
    if given is None:
        return None
    if not isinstance(given, dict) or not set(catalog.PERSON) & set(given):
        raise Wrong(f"expected an object with the {catalog.PERSON[0]} of a user")
    named = catalog.meant(given)
    if named is None or named == "-1":
        return None
    found = catalog.user_named(named)
    if found is None:
        raise Wrong(f"Specify a valid value for {'assignee' if assigned else 'the user'}: the account does not exist.")
    if assigned and not catalog.assignable(found.id):
        raise Wrong(f"User '{named}' cannot be assigned issues.")
    return found.id


def _labels(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise Wrong("data was not an array of strings")
    for each in given:
        if not each or re.search(r"\s", each):
            raise Wrong(f"The label '{each}' contains spaces which is invalid.")
        if len(each) > LONGEST_LABEL:
            raise Wrong(f"The label '{each}' exceeds {LONGEST_LABEL} characters.")
    return tuple(dict.fromkeys(given))


def _components(catalog: Catalog, given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise Wrong("data was not an array")
    found = [_named(each, catalog.components, "name") for each in given]
    if None in found:
        raise Wrong(f"Component {given[found.index(None)]} is not valid")
    return tuple(dict.fromkeys(filter(None, found)))


def _holder(catalog: Catalog, field: Field, given: object) -> str | None:
    if given is None:
        return None
    if not (found := requests.given(field.kind, catalog, given)):
        raise Wrong(f"Specify a valid value for {field.name}")
    return found


def _option(catalog: Catalog, field: Field, given: object) -> str | None:
    if given is None:
        return None
    found = _named(given, catalog.options[field.id], "value")
    if found is None:
        raise Wrong(f"Specify a valid 'id' or 'value' for {field.name}")
    return found
