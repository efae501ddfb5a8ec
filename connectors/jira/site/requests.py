"""The fields that have shapes of their own: request type, organisations, participants, approvals, and the team that holds it.

Shapes: https://developer.atlassian.com/cloud/jira/service-desk/rest/api-group-request/. A team is shown as an object, and set by
its plain id: https://developer.atlassian.com/platform/teams/components/team-field-in-jira-rest-api/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from connectors.jira.site.catalog import COMPANIES, REQUEST_TYPES, TEAM, Field, Value

if TYPE_CHECKING:
    from connectors.jira.site.render import Render

KINDS: Final = frozenset({"request_type", "companies", "people", "approvals", "team", "group", "cascade"})


def shown(render: Render, field: Field, stored: Value) -> object:
    """The value as JSON; what was never set is null, and so is a list of organisations without any."""
    if stored is None:
        return None
    match field.kind:
        case "request_type":
            return _request_type(render, str(stored))
        case "companies":
            return [_company(render, each) for each in _several(stored)]
        case "people":
            return [render.user(each) for each in _several(stored)]
        case "approvals":
            return [_approval(render, int(place), each) for place, each in enumerate(_several(stored), start=1)]
        case "team":
            name = render.catalog.teams[str(stored)]
            return {
                "id": stored,
                "name": name,
                "title": name,
                "avatarUrl": "",
                "isVisible": True,
                "isVerified": False,
                "isShared": True,
            }
        case "group":
            return {
                "name": render.catalog.groups[str(stored)],
                "groupId": stored,
                "self": f"{render.root}/group?groupId={stored}",
            }
        case _:
            return _cascade(render, str(stored))


def _several(stored: Value) -> tuple[str, ...]:
    return stored if isinstance(stored, tuple) else ()


def _request_type(render: Render, id_: str) -> dict[str, object]:
    type_ = {"id": id_, "name": REQUEST_TYPES[id_], "description": "", "issueTypeId": "10010", "serviceDeskId": "1"}
    links = {"self": f"{render.base}/rest/servicedeskapi/servicedesk/1/requesttype/{id_}"}
    return {"_links": {"web": f"{render.base}/servicedesk/customer/portal/1"}, "requestType": {**type_, "_links": links}}


def _company(render: Render, id_: str) -> dict[str, object]:
    return {"id": id_, "name": COMPANIES[id_], "_links": {"self": f"{render.base}/rest/servicedeskapi/organization/{id_}"}}


def _approval(render: Render, number: int, stored: str) -> dict[str, object]:
    """Stored as `account=decision account=decision`: one refusal declines it, and all have to approve."""
    answers = dict(each.split("=") for each in stored.split())
    said = set(answers.values())
    decision = "declined" if "declined" in said else "pending" if "pending" in said else "approved"
    asked = [{"approver": render.user(account), "approverDecision": each} for account, each in answers.items()]
    return {
        "id": str(number),
        "name": "Waiting for approval",
        "finalDecision": decision,
        "canAnswerApproval": False,
        "approvers": asked,
        "_links": {"self": f"{render.base}/rest/servicedeskapi/request/1/approval/{number}"},
    }


def _cascade(render: Render, stored: str) -> dict[str, object]:
    parent, _, child = stored.partition("/")
    whole: dict[str, object] = {
        "id": parent,
        "value": render.catalog.lines[parent],
        "self": f"{render.root}/customFieldOption/{parent}",
    }
    if child:
        whole["child"] = render.option(TEAM, child)
    return whole


def given(kind: str, catalog: Any, sent: object) -> str:
    """A value as it is stored; empty for one that the site does not know."""
    match kind:
        case "team":
            return sent if isinstance(sent, str) and sent in catalog.teams else ""
        case "group":
            return _group(catalog.groups, sent)
    if not isinstance(sent, Mapping):
        return ""
    parent, child = str(sent.get("id", "")), sent.get("child")
    of = str(child.get("id", "")) if isinstance(child, Mapping) else ""
    if parent not in catalog.lines or (of and of not in catalog.options[TEAM]):
        return ""
    return f"{parent}/{of}" if of else parent


def _group(groups: Mapping[str, str], sent: object) -> str:
    if not isinstance(sent, Mapping):
        return ""
    by_name = {name: id_ for id_, name in groups.items()}
    id_ = str(sent.get("groupId", "")) or by_name.get(str(sent.get("name")), "")
    return id_ if id_ in groups else ""
