"""Tickets, audits, comments and people as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from connectors.zendesk.site.catalog import (
    BRAND,
    FORM,
    LINE,
    SERVICE,
    SYSTEM,
    Catalog,
    CustomStatus,
    Group,
    Membership,
    User,
)
from connectors.zendesk.site.moments import stamp, stamped
from connectors.zendesk.site.state import Audit, AuditEvent, Comment, Ticket, Via
from rules.instants import Instant

Shown = dict[str, Any]
DATES: Final = (
    "assignee_updated_at", "requester_updated_at", "status_updated_at", "initially_assigned_at", "assigned_at", "solved_at",
    "latest_comment_added_at",
)  # fmt: skip
"""What the sideload `dates` has of a metric set."""
CHANNELS: Final = {"web": "Web form", "api": "Web service", "rule": "Rule", "email": "Mail"}


def ticket(found: Ticket, base: str, *, exported: bool = False) -> Shown:
    """A ticket; rows of the exports know their place in the stream."""
    values = found.values
    shared = values.get("sharing_agreement_ids")
    custom = [{"id": id_, "value": values.get(str(id_))} for id_ in (LINE, SERVICE)]
    status = "deleted" if found.deleted is not None else found.status
    shown = {
        "url": f"{base}/api/v2/tickets/{found.id}.json",
        "id": found.id,
        "external_id": values.get("external_id"),
        "via": via(found.via) if found.followup_of is None else followup(found.followup_of),
        "created_at": stamp(found.created),
        "updated_at": stamp(found.updated),
        "type": values.get("type"),
        "subject": values.get("subject"),
        "raw_subject": values.get("subject"),
        "description": found.comments[0].body if found.comments else "SCRUBBED",
        "priority": values.get("priority"),
        "status": status,
        "recipient": None,
        "requester_id": values.get("requester_id"),
        "submitter_id": values.get("submitter_id"),
        "assignee_id": values.get("assignee_id"),
        "organization_id": values.get("organization_id"),
        "group_id": values.get("group_id"),
        "collaborator_ids": [],
        "follower_ids": [],
        "email_cc_ids": [],
        "forum_topic_id": None,
        "problem_id": values.get("problem_id"),
        "has_incidents": bool(found.incidents),
        "is_public": any(comment.public for comment in found.comments),
        "due_at": values.get("due_at"),
        "tags": list(found.tags),
        "custom_fields": custom,
        "satisfaction_rating": {"score": "unoffered"},
        "sharing_agreement_ids": [int(each) for each in shared] if isinstance(shared, tuple) else [],
        "custom_status_id": values.get("custom_status_id"),
        "encoded_id": f"{found.id:06X}-0000",
        "fields": custom,
        "followup_ids": list(found.followups),
        "ticket_form_id": FORM,
        "brand_id": BRAND,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
        "support_type": "agent",
    }
    return shown | ({"generated_timestamp": found.generated} if exported else {})


def via(found: Via) -> Shown:
    """How something came about."""
    if found.rule is None:
        return {"channel": found.channel, "source": {"from": {}, "to": {}, "rel": found.rel}}
    source = {"id": found.rule, "title": found.title, "deleted": False, "revision_id": 1}
    return {"channel": found.channel, "source": {"from": source, "to": {}, "rel": found.rel}}


def followup(source: int) -> Shown:
    """How a ticket came about that goes on with a closed one."""
    return {"channel": "api", "source": {"from": {"ticket_id": source, "channel": "api"}, "to": {}, "rel": "follow_up"}}


def audit(found: Audit) -> Shown:
    """An audit with its events."""
    return {
        "id": found.id,
        "ticket_id": found.ticket,
        "created_at": stamp(found.at),
        "author_id": found.author,
        "metadata": {"system": {"client": "hoist sandbox", "ip_address": "127.0.0.1"}, "custom": dict(found.custom)},
        "events": [event(each) for each in found.events],
        "via": via(found.via),
    }


def event(found: AuditEvent) -> Shown:
    """One event of an audit."""
    shown: Shown = {"id": found.id, "type": found.kind}
    said = found.facts.get("comment")
    if isinstance(said, Comment):
        return shown | _said(said)
    shown |= found.facts
    return shown | ({"via": via(found.via)} if found.via else {})


def comment(found: Comment) -> Shown:
    """A comment as the list of a ticket's comments has it."""
    told = {"id": found.id, "type": "Comment", **_said(found), "created_at": stamp(found.at), "via": via(found.via)}
    return told | {"metadata": {"system": {}, "custom": {}}}


def _said(found: Comment) -> Shown:
    html = "".join(f"<p>{escape(part, quote=False)}</p>" for part in found.body.split("\n\n"))
    return {
        "author_id": found.author,
        "body": found.body,
        "html_body": f'<div class="zd-comment" dir="auto">{html}</div>',
        "plain_body": found.body,
        "public": found.public,
        "attachments": [],
        "audit_id": found.audit,
    }


def child(found: AuditEvent, channel: str, *, said: bool) -> Shown:
    """One event in the stream of ticket events: the new value stands under the field's own name."""
    shown: Shown = {"id": found.id, "via": channel, "via_reference_id": found.via.rule if found.via else None}
    told = found.facts.get("comment")
    if isinstance(told, Comment):
        shown |= {"comment_present": True, "comment_public": told.public}
        shown |= _said(told) if said else {}
    elif found.kind in {"Create", "Change"}:
        name, value = str(found.facts["field_name"]), found.facts["value"]
        shown[name] = value
        if "previous_value" in found.facts:
            shown["previous_value"] = found.facts["previous_value"]
        if name == "tags":
            had = found.facts.get("previous_value") or []
            shown["added_tags"] = [tag for tag in value or () if tag not in had]
            shown["removed_tags"] = [tag for tag in had if tag not in (value or ())]
    else:
        shown |= found.facts
    return shown | {"event_type": found.kind}


def ticket_event(found: Audit, *, said: bool, metadata: bool) -> Shown:
    """An audit in the stream of ticket events."""
    channel = CHANNELS.get(found.via.channel, found.via.channel)
    shown = {
        "id": found.id,
        "ticket_id": found.ticket,
        "timestamp": found.at // 1000,
        "created_at": stamp(found.at),
        "updater_id": found.author,
        "via": channel,
        "system": {"client": "hoist sandbox", "location": "", "latitude": None, "longitude": None},
        "event_type": "Audit",
        "child_events": [child(each, "Rule" if each.via else channel, said=said) for each in found.events],
    }
    return shown | ({"metadata": {"custom": dict(found.custom)}} if metadata else {})


def user(found: User, base: str, made: Instant) -> Shown:
    """A user; the account's own rules act as one that nobody lists."""
    agent = found.role != "end-user"
    return {
        "id": found.id,
        "url": f"{base}/api/v2/users/{found.id}.json",
        "name": found.name,
        "email": found.email or None,
        "created_at": stamp(made),
        "updated_at": stamp(found.at or made),
        "time_zone": "Amsterdam",
        "iana_time_zone": "Europe/Amsterdam",
        "phone": None,
        "shared_phone_number": None,
        "photo": None,
        "locale_id": 1,
        "locale": "en-US",
        "organization_id": found.organization,
        "role": found.role,
        "role_type": (4 if found.role == "admin" else 0) if agent else None,
        "custom_role_id": None,
        "verified": True,
        "external_id": None,
        "tags": [],
        "alias": "",
        "active": found.active,
        "shared": False,
        "shared_agent": False,
        "last_login_at": stamp(made),
        "two_factor_auth_enabled": None,
        "signature": "",
        "details": "",
        "notes": "",
        "moderator": agent,
        "ticket_restriction": None if agent else "requested",
        "only_private_comments": False,
        "restricted_agent": not agent,
        "suspended": not found.active,
        "default_group_id": found.default_group,
        "report_csv": False,
        "user_fields": {},
    }


def group(found: Group, base: str, made: Instant) -> Shown:
    """A group."""
    return {
        "url": f"{base}/api/v2/groups/{found.id}.json",
        "id": found.id,
        "is_public": True,
        "name": found.name,
        "description": "",
        "default": False,
        "deleted": False,
        "created_at": stamp(made),
        "updated_at": stamp(made),
    }


def membership(found: Membership, base: str, made: Instant) -> Shown:
    """Who belongs to which group."""
    return {
        "url": f"{base}/api/v2/group_memberships/{found.id}.json",
        "id": found.id,
        "user_id": found.user,
        "group_id": found.group,
        "default": found.default,
        "created_at": stamp(made),
        "updated_at": stamp(made),
    }


def custom_status(found: CustomStatus, made: Instant) -> Shown:
    """A custom status."""
    label = found.label
    names = {"agent_label": label, "end_user_label": label, "raw_agent_label": label, "raw_end_user_label": label}
    texts = dict.fromkeys(("description", "end_user_description", "raw_description", "raw_end_user_description"), "")
    facts = {"status_category": found.category, "active": True, "default": found.default}
    return {"id": found.id, **names, **texts, **facts, "created_at": stamp(made), "updated_at": stamp(made)}


def organization(id_: int, name: str, base: str, made: Instant) -> Shown:
    """An organization."""
    url = f"{base}/api/v2/organizations/{id_}.json"
    dates = {"created_at": stamp(made), "updated_at": stamp(made)}
    plain: Shown = {"external_id": None, "details": "", "notes": "", "group_id": None, "tags": [], "domain_names": []}
    return {"url": url, "id": id_, "name": name, "shared_tickets": False, "shared_comments": False, **dates, **plain,
            "organization_fields": {}}  # fmt: skip


def people(catalog: Catalog, tickets: Sequence[Ticket], base: str) -> list[Shown]:
    """Everybody whom tickets name, as a sideload."""
    names = ("requester_id", "submitter_id", "assignee_id")
    ids = dict.fromkeys(id_ for each in tickets for name in names if (id_ := each.number(name)) is not None and id_ != SYSTEM)
    return [user(catalog.users[id_], base, catalog.made) for id_ in ids if id_ in catalog.users]


def metric_set(found: Ticket, catalog: Catalog, base: str) -> Shown:
    """The counters and instants of a ticket."""
    changes = [(each.at, event_) for each in found.audits for event_ in each.events if event_.kind in {"Create", "Change"}]

    def of(name: str) -> list[Instant]:
        return [at for at, each in changes if each.facts["field_name"] == name and each.facts["value"] is not None]

    owned, grouped = of("assignee_id"), of("group_id")
    replies = [each for each in found.comments if each.public and catalog.is_agent(each.author)]
    asked = [each for each in found.comments if not catalog.is_agent(each.author)]
    solved = [at for at, status in found.statuses if status in {"solved", "closed"}]
    pairs = zip(found.statuses, found.statuses[1:], strict=False)
    reopens = sum(before == "solved" and after not in {"solved", "closed"} for (_, before), (_, after) in pairs)
    first = (replies[0].at - found.created) // 60_000 if replies else None
    done = (solved[0] - found.created) // 60_000 if solved else None
    last = (solved[-1] - found.created) // 60_000 if solved else None
    return {
        "url": f"{base}/api/v2/ticket_metrics/{found.id + 10_000_000}.json",
        "id": found.id + 10_000_000,
        "ticket_id": found.id,
        "created_at": stamp(found.created),
        "updated_at": stamp(found.updated),
        "group_stations": len(grouped),
        "assignee_stations": len(owned),
        "reopens": reopens,
        "replies": len(replies),
        "assignee_updated_at": stamped(owned[-1] if owned else None),
        "requester_updated_at": stamped(asked[-1].at if asked else found.created),
        "status_updated_at": stamped(found.statuses[-1][0]),
        "custom_status_updated_at": stamped(found.statuses[-1][0]),
        "initially_assigned_at": stamped(owned[0] if owned else None),
        "assigned_at": stamped(owned[-1] if owned else None),
        "solved_at": stamped(solved[-1] if solved else None),
        "latest_comment_added_at": stamped(found.comments[-1].at if found.comments else None),
        "reply_time_in_minutes": {"calendar": first, "business": first},
        "first_resolution_time_in_minutes": {"calendar": done, "business": done},
        "full_resolution_time_in_minutes": {"calendar": last, "business": last},
        "agent_wait_time_in_minutes": {"calendar": None, "business": None},
        "requester_wait_time_in_minutes": {"calendar": None, "business": None},
        "on_hold_time_in_minutes": {"calendar": 0, "business": 0},
    }
