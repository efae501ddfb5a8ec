"""Entity properties of issues and comments: any JSON under a key, unseen in the changelog, and `updated` stays.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-properties/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from connectors.jira.site.call import Answer, Call, answered, refuse

LONGEST_KEY: Final = 255
LONGEST_VALUE: Final = 32_768


def checked(given: object) -> dict[str, object]:
    """The properties of a request body, [{key, value}], by key. Raises Refused."""
    if given is None:
        return {}
    if not isinstance(given, list):
        refuse(400, "properties must be a list of objects with key and value.")
    found: dict[str, object] = {}
    for each in given:
        if not isinstance(each, Mapping) or not isinstance(each.get("key"), str) or "value" not in each:
            refuse(400, "properties must be a list of objects with key and value.")
        _check(each["key"], each["value"])
        found[each["key"]] = each["value"]
    return found


def _check(key: str, value: object) -> None:
    if not 0 < len(key) <= LONGEST_KEY:
        refuse(400, f"The property key must have between 1 and {LONGEST_KEY} characters.")
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) > LONGEST_VALUE:
        refuse(400, f"The property value cannot be longer than {LONGEST_VALUE} characters.")


def key_list(call: Call, properties: Mapping[str, object], entity: str) -> Answer:
    """The keys of an entity's properties, each with its address."""
    root = f"{call.render.root}/{entity}/properties"
    return answered({"keys": [{"self": f"{root}/{quote(key)}", "key": key} for key in properties]})


def one(call: Call, properties: dict[str, object], key: str) -> Answer:
    """GET, PUT (200 replaced, 201 new) or DELETE of one property."""
    if call.method == "PUT":
        known, value = key in properties, call.payload()
        _check(key, value)
        properties[key] = value
        return answered(None, 200 if known else 201)
    if key not in properties:
        refuse(404, f"The property with key '{key}' does not exist.")
    if call.method == "DELETE":
        del properties[key]
        return answered(None, 204)
    return answered({"key": key, "value": properties[key]})


def keys_of_issue(call: Call, id_or_key: str) -> Answer:
    """GET the property keys of an issue."""
    issue = call.issue(id_or_key)
    return key_list(call, issue.properties, f"issue/{issue.id}")


def of_issue(call: Call, id_or_key: str, key: str) -> Answer:
    """GET, PUT or DELETE a property of an issue."""
    issue = call.issue(id_or_key, "BROWSE_PROJECTS" if call.method == "GET" else "EDIT_ISSUES")
    answer = one(call, issue.properties, key)
    if call.method != "GET":
        # A search shows properties too, so the index must learn of it; `updated` stays where it was.
        call.site.issues.reindex(issue, call.now)
        call.site.issues.tell("issue_property_set" if call.method == "PUT" else "issue_property_deleted", issue, "", call.now)
    return answer
