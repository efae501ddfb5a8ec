"""Calls about the account itself: statuses, ticket fields, SLA policies, settings, tokens.

https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site import render, service_levels
from connectors.zendesk.site.answers import answered, not_found
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.catalog import AGREEMENT, BRAND, CATEGORIES, FORM, LINE, PRIORITIES, SERVICE, TYPES
from connectors.zendesk.site.moments import stamp
from connectors.zendesk.site.paging import listed

SYSTEM_FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "subject": ("Subject", ()),
    "description": ("Description", ()),
    "status": ("Status", CATEGORIES),
    "tickettype": ("Type", TYPES),
    "priority": ("Priority", PRIORITIES),
    "group": ("Group", ()),
    "assignee": ("Assignee", ()),
}


def custom_statuses(call: Call) -> Answer:
    """GET custom_statuses, by status_categories, active, default."""
    wanted = call.names("status_categories") or CATEGORIES
    default = call.query.get("default")
    rows = [each for each in call.catalog.statuses.values() if each.category in wanted]
    rows = [each for each in rows if default is None or each.default == (default == "true")]
    if call.query.get("active") == "false":
        rows = []
    return answered({"custom_statuses": [render.custom_status(each, call.catalog.made) for each in rows]})


def custom_status(call: Call, word: str) -> Answer:
    """GET custom_statuses/{id}."""
    found = call.catalog.statuses.get(int(word)) if word.isdigit() else None
    return answered({"custom_status": render.custom_status(found, call.catalog.made)}) if found else not_found()


def ticket_fields(call: Call) -> Answer:
    """GET ticket_fields."""
    return answered(listed(call, "ticket_fields", "ticket_fields", _fields(call), lambda each: each))


def ticket_field(call: Call, word: str) -> Answer:
    """GET ticket_fields/{id}."""
    found = next((each for each in _fields(call) if str(each["id"]) == word), None)
    return answered({"ticket_field": found}) if found else not_found()


def ticket_forms(call: Call) -> Answer:
    """GET ticket_forms: the one of a new account."""
    ids = [each["id"] for each in _fields(call)]
    dates = {"created_at": stamp(call.catalog.made), "updated_at": stamp(call.catalog.made)}
    names = dict.fromkeys(("name", "raw_name", "display_name", "raw_display_name"), "Default Ticket Form")
    flags = {"active": True, "default": True, "end_user_visible": True, "in_all_brands": True}
    form = {"id": FORM, "url": f"{call.base}/api/v2/ticket_forms/{FORM}.json", **names, **flags, "position": 1, **dates}
    form |= {"ticket_field_ids": ids, "restricted_brand_ids": [], "agent_conditions": [], "end_user_conditions": []}
    return answered({"ticket_forms": [form], "count": 1, "next_page": None, "previous_page": None})


def policies(call: Call) -> Answer:
    """GET slas/policies."""
    call.must_be_admin()
    rows = [service_levels.policy(call.base, call.catalog.made)]
    return answered({"sla_policies": rows, "count": 1, "next_page": None, "previous_page": None})


def no_group_policies(call: Call) -> Answer:
    """GET group_slas/policies: this account has none."""
    call.must_be_admin()
    return answered({"group_sla_policies": [], "count": 0, "next_page": None, "previous_page": None})


def settings(_call: Call) -> Answer:
    """GET account/settings, in small."""
    features = {
        "on_hold_status": True,
        "ticket_forms": True,
        "user_tagging": True,
        "ticket_tagging": True,
        "business_hours": True,
    }
    tickets = {"comments_public_by_default": True, "tagging": True, "custom_statuses_enabled": True}
    found = {"active_features": features, "tickets": tickets, "api": {"api_token_access": "true"}}
    return answered({"settings": found})


def schedules(call: Call) -> Answer:
    """GET business_hours/schedules: office hours, in minutes of the week from Sunday midnight."""
    intervals = [{"start_time": day * 1440 + 480, "end_time": day * 1440 + 1020} for day in range(1, 6)]
    facts = {"id": 38_011_000_000_001, "name": "Office hours", "time_zone": "Amsterdam", "intervals": intervals}
    dates = {"created_at": stamp(call.catalog.made), "updated_at": stamp(call.catalog.made)}
    return answered({"schedules": [{**facts, **dates}]})


def brands(call: Call) -> Answer:
    """GET brands: the one of a new account."""
    address = {"subdomain": call.account.terms.subdomain, "host_mapping": None, "brand_url": call.base, "has_help_center": False}
    flags = {"active": True, "default": True, "help_center_state": "disabled", "is_deleted": False, "logo": None}
    dates = {"created_at": stamp(call.catalog.made), "updated_at": stamp(call.catalog.made)}
    known = {"id": BRAND, "url": f"{call.base}/api/v2/brands/{BRAND}.json", "name": call.account.history.project_name}
    found = {**known, **address, **flags, **dates, "signature_template": "{{agent.signature}}", "ticket_form_ids": [FORM]}
    return answered(listed(call, "brands", "brands", [found], lambda each: each))


def sharing_agreements(call: Call) -> Answer:
    """GET sharing_agreements: one, by which a partner's account gets tickets."""
    dates = {"created_at": stamp(call.catalog.made), "updated_at": stamp(call.catalog.made)}
    known = {"id": AGREEMENT, "name": "Partner", "type": "outbound", "status": "accepted", "partner_name": None}
    return answered({"sharing_agreements": [{**known, "remote_subdomain": "partner", **dates}]})


def current_token(call: Call) -> Answer:
    """GET oauth/tokens/current."""
    found = call.door.current(call.caller.token, call.base)
    return answered({"token": found}) if found else not_found()


def _fields(call: Call) -> list[dict[str, Any]]:
    rows = [
        _field(call, LINE + 1_000 + place, kind, title, [{"name": each.title(), "value": each} for each in options])
        for place, (kind, (title, options)) in enumerate(SYSTEM_FIELDS.items())
    ]
    required = call.account.varies("service-required")
    rows += [_field(call, LINE, "tagger", "Support line", None), _field(call, SERVICE, "text", "Affected service", None)]
    choices = [
        {"id": LINE + 2_000 + place, "name": name, "raw_name": name, "value": tag, "default": False}
        for place, (tag, name) in enumerate(call.catalog.lines.items())
    ]
    rows[-2]["custom_field_options"] = choices
    rows[-1]["required"] = required
    return rows


def _field(call: Call, id_: int, kind: str, title: str, options: list[dict[str, str]] | None) -> dict[str, Any]:
    own = kind in {"tagger", "text"}
    titles = dict.fromkeys(("title", "raw_title", "title_in_portal", "raw_title_in_portal"), title)
    flags = {"active": True, "required": False, "collapsed_for_agents": False, "visible_in_portal": True, "removable": own,
             "editable_in_portal": True, "required_in_portal": False}  # fmt: skip
    texts = {"description": "", "raw_description": "", "agent_description": None, "regexp_for_validation": None, "tag": None}
    dates = {"created_at": stamp(call.catalog.made), "updated_at": stamp(call.catalog.made)}
    found: dict[str, Any] = {"url": f"{call.base}/api/v2/ticket_fields/{id_}.json", "id": id_, "type": kind, "position": 1}
    found |= {**titles, **flags, **texts, **dates}
    return found | ({"system_field_options": options} if options else {})
