"""What a call asks of a ticket, checked: stored values and a comment, or the platform's refusals by field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.zendesk.site.answers import bad_attribute, invalid, refuse
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.catalog import AGREEMENT, CATEGORIES, LINE, PRIORITIES, SERVICE, TYPES
from connectors.zendesk.site.moments import read, stamp
from connectors.zendesk.site.saving import Said
from connectors.zendesk.site.state import Ticket, Value

LONGEST_COMMENT: Final = 65_535
LONGEST_TAG: Final = 255
MOST_AT_ONCE: Final = 100
STATUSES: Final = (*CATEGORIES, "closed")
OF_CLOSED: Final = frozenset({"tags", "subject", "priority"})
"""What an admin may still change on a closed ticket."""
IGNORED: Final = frozenset({
    "id", "url", "comment", "safe_update", "updated_stamp", "metadata", "additional_tags", "remove_tags", "description",
    "collaborator_ids", "additional_collaborators", "email_ccs", "followers", "via_followup_source_id", "brand_id",
    "ticket_form_id", "created_at", "updated_at", "requester", "raw_subject", "fields", "recipient", "via", "is_public",
    "has_incidents", "satisfaction_rating", "follower_ids", "email_cc_ids", "followup_ids",
    "allow_channelback", "allow_attachments", "from_messaging_channel", "encoded_id", "generated_timestamp", "forum_topic_id",
    "support_type",
})  # fmt: skip
"""What a client may send back as it was read, without effect here."""

Details = dict[str, list[tuple[str, str]]]


@dataclass(slots=True)
class Asked:
    """An update that was read: what it sets, says and remembers; `wrong` is what the account refuses."""

    changes: dict[str, Value] = field(default_factory=dict)
    said: Said | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    wrong: Details = field(default_factory=dict)

    def refuse(self, name: str, text: str, code: str = "InvalidValue") -> None:
        """Note that a field can't have this value."""
        self.wrong.setdefault(name, []).append((f"{name.removesuffix('_id').replace('_', ' ').capitalize()}: {text}", code))


def asked(call: Call, ticket: Ticket | None, given: Mapping[str, Any], *, many: bool = False) -> Asked:
    """What `given` asks of a ticket, None for a new one. Raises Refused."""
    found = Asked()
    for name, value in given.items():
        reader = READERS.get(name)
        if reader is not None:
            reader(call, found, name, value)
        elif name not in IGNORED:
            call.warnings.append(f"Removed restricted keys [{name!r}] from parameters according to allowlist")
    _tags(call, ticket, given, found, many=many)
    comment = given.get("comment")
    if ticket is None and not comment:
        comment = given.get("description")
    if isinstance(comment, (dict, str)):
        found.said = _said(call, comment, found)
    metadata = given.get("metadata")
    found.metadata = metadata if isinstance(metadata, dict) else {}
    if ticket is not None:
        _check_closed(call, ticket, found)
        _check_shared(call, ticket, found)
    _check_own(call, ticket, found)
    _check_status(call, ticket, found)
    if found.wrong:
        invalid(found.wrong)
    return found


def check_stamp(ticket: Ticket, given: Mapping[str, Any]) -> None:
    """The guard of a safe update: whether the ticket is still as old as the caller believes. Raises Refused."""
    wanted = given.get("safe_update")
    if wanted not in (True, "true"):
        return
    try:
        believed = stamp(read(str(given["updated_stamp"])))
    except KeyError:
        bad_attribute("updated_stamp is required for safe_update")
    except ValueError:
        bad_attribute("updated_stamp is not a date")
    if believed != stamp(ticket.updated):
        refuse(409, "UpdateConflict", "Safe Update prevented the ticket from being updated because it has changed.")


# --- fields ------------------------------------------------------------------------------------------------------------


def _priority(call: Call, found: Asked, name: str, value: object) -> None:
    del call
    if value not in PRIORITIES:
        found.refuse(name, f"{value} is not a valid priority" if value else "cannot be blank", "InvalidValue")
        return
    found.changes[name] = str(value)


def _status(call: Call, found: Asked, name: str, value: object) -> None:
    del call
    if value not in STATUSES:
        found.refuse(name, f"{value} is not a valid status")
        return
    found.changes[name] = str(value)


def _custom_status(call: Call, found: Asked, name: str, value: object) -> None:
    number = _id(value)
    if number not in call.catalog.statuses:
        found.refuse(name, "is invalid")
        return
    found.changes[name] = number


def _type(call: Call, found: Asked, name: str, value: object) -> None:
    del call
    if value is not None and value not in TYPES:
        found.refuse(name, f"{value} is not a valid type")
        return
    found.changes[name] = value if value is None else str(value)


def _text(call: Call, found: Asked, name: str, value: object) -> None:
    del call
    found.changes[name] = None if value is None else str(value)


def _group(call: Call, found: Asked, name: str, value: object) -> None:
    number = _id(value)
    if number is not None and number not in call.catalog.groups:
        found.refuse("group", "is invalid")
        return
    found.changes[name] = number


def _assignee(call: Call, found: Asked, name: str, value: object) -> None:
    number = _id(value)
    if number is not None and not call.catalog.assignable(number):
        found.refuse("assignee", "is not an agent who can be assigned tickets")
        return
    found.changes[name] = number


def _user(call: Call, found: Asked, name: str, value: object) -> None:
    number = _id(value)
    if number not in call.catalog.users:
        found.refuse(name, "is invalid")
        return
    found.changes[name] = number


def _problem(call: Call, found: Asked, name: str, value: object) -> None:
    number = _id(value)
    if number is not None:
        problem = call.account.tickets.find(number)
        if problem is None or problem.values.get("type") != "problem":
            found.refuse("problem", "is not a problem")
            return
    found.changes[name] = number


def _custom_fields(call: Call, found: Asked, name: str, value: object) -> None:
    if not isinstance(value, list):
        bad_attribute(f"{name} must be an array")
    for each in value:
        id_ = _id(each.get("id")) if isinstance(each, dict) else None
        chosen = each.get("value") if isinstance(each, dict) else None
        if id_ == LINE and str(chosen or "") not in {"", *call.catalog.lines}:
            found.refuse("base", f"{chosen} is not a valid option of the field")
        elif id_ in {LINE, SERVICE}:
            found.changes[str(id_)] = str(chosen) if chosen else None


def _shared(call: Call, found: Asked, name: str, value: object) -> None:
    """The agreements under which another account has the ticket too; it is told of comments and status from then on."""
    del call
    wanted = [str(each) for each in value] if isinstance(value, list) else [""]
    if any(each != str(AGREEMENT) for each in wanted):
        found.refuse(name, "there is no such sharing agreement")
        return
    found.changes[name] = tuple(wanted) or None


def _tag_list(call: Call, found: Asked, name: str, value: object) -> None:
    del call
    found.changes[name] = tags_of(value)


READERS: Final[Mapping[str, Callable[[Call, Asked, str, Any], None]]] = {
    "priority": _priority,
    "status": _status,
    "custom_status_id": _custom_status,
    "type": _type,
    "subject": _text,
    "external_id": _text,
    "due_at": _text,
    "group_id": _group,
    "assignee_id": _assignee,
    "requester_id": _user,
    "submitter_id": _user,
    "problem_id": _problem,
    "custom_fields": _custom_fields,
    "tags": _tag_list,
    "sharing_agreement_ids": _shared,
}


def tags_of(value: object) -> tuple[str, ...]:
    """Tags of a list or a text with spaces or commas between them. Raises Refused."""
    if not isinstance(value, (list, str)):
        bad_attribute("tags must be an array")
    words = value.split() if isinstance(value, str) else [str(each) for each in value]
    cleaned = (re.sub(r"\s+", "_", part.strip().lower()) for word in words for part in word.split(","))
    found = tuple(dict.fromkeys(filter(None, cleaned)))
    if any(len(each) > LONGEST_TAG for each in found):
        invalid({"tags": [(f"Tags: a tag is longer than {LONGEST_TAG} characters", "InvalidValue")]})
    return found


def _tags(call: Call, ticket: Ticket | None, given: Mapping[str, Any], found: Asked, *, many: bool) -> None:
    """Tags that come and go, on top of those that are there."""
    if not {"additional_tags", "remove_tags"} & set(given):
        return
    if not many and call.account.varies("additional-tags-ignored"):
        call.warnings.append("Removed restricted keys [additional_tags] from parameters according to allowlist")
        return
    there = found.changes.get("tags", ticket.tags if ticket else ())
    tags = there if isinstance(there, tuple) else ()
    gone = tags_of(given.get("remove_tags") or [])
    come = tags_of(given.get("additional_tags") or [])
    kept = tuple(tag for tag in tags if tag not in gone)
    found.changes["tags"] = (*kept, *(tag for tag in come if tag not in kept))


def _said(call: Call, given: Mapping[str, Any] | str, found: Asked) -> Said | None:
    told = {"body": given} if isinstance(given, str) else given
    html = told.get("html_body")
    body = str(told.get("body") or (re.sub(r"<[^>]+>", "", html) if isinstance(html, str) else "") or "")
    if not body.strip():
        return None
    if len(body.encode()) > LONGEST_COMMENT:
        found.refuse("comment", "is too long", "ValueTooLong")
        return None
    author = _id(told.get("author_id")) or call.caller.user.id
    if author not in call.catalog.users:
        found.refuse("comment", "the author is invalid")
        return None
    public = told.get("public")
    return Said(author, body, public if isinstance(public, bool) else None)


# --- what fits together ------------------------------------------------------------------------------------------------


def _check_closed(call: Call, ticket: Ticket, found: Asked) -> None:
    if ticket.status != "closed":
        return
    locked = call.account.varies("closed-locked") or call.caller.user.role != "admin" or ticket.archived(call.now)
    moved = {name for name, value in found.changes.items() if value != ticket.values.get(name)}
    if found.said is not None or (moved if locked else moved - OF_CLOSED):
        found.refuse("status", "closed prevents ticket update")


def _check_shared(call: Call, ticket: Ticket, found: Asked) -> None:
    if not ticket.values.get("sharing_agreement_ids") or not call.account.varies("shared-locked"):
        return
    for name in ("priority", "group_id", "assignee_id"):
        if found.changes.get(name, ticket.values.get(name)) != ticket.values.get(name):
            found.refuse(name, "can't be changed on a ticket that is shared with another account")


def _check_own(call: Call, ticket: Ticket | None, found: Asked) -> None:
    changes, catalog = found.changes, call.catalog
    group = changes.get("group_id", ticket.values.get("group_id") if ticket else None)
    owner = changes.get("assignee_id")
    if "group_id" in changes and isinstance(group, int):
        refused = isinstance(owner, int) and owner not in catalog.members[group]
        if ticket is not None and "assignee_id" not in changes and call.account.varies("foreign-assignee-refused"):
            kept = ticket.number("assignee_id")
            refused = kept is not None and kept not in catalog.members[group]
        if refused:
            found.refuse("assignee", "is not a member of the group")


def _check_status(call: Call, ticket: Ticket | None, found: Asked) -> None:
    """Solving needs an assignee; nothing becomes new again."""
    named = call.catalog.statuses.get(number) if isinstance(number := found.changes.get("custom_status_id"), int) else None
    status = named.category if named else found.changes.get("status")
    owner = found.changes.get("assignee_id", ticket.values.get("assignee_id") if ticket else None)
    if status == "solved" and owner is None:
        found.refuse("assignee", "is required when solving a ticket", "BlankValue")
    service = found.changes.get(str(SERVICE), ticket.values.get(str(SERVICE)) if ticket else None)
    if status == "solved" and not service and call.account.varies("service-required"):
        found.wrong["base"] = [("Affected service: is required when solving a ticket", "BlankValue")]
    if status == "new" and ticket is not None and ticket.status != "new":
        found.refuse("status", "a ticket can't become new again")


def _id(value: object) -> int | None:
    """The number of an id; None for null and for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value)
    return int(text) if text.isdigit() else None


def several(given: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The tickets of a batch. Raises Refused."""
    rows = given.get("tickets")
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        refuse(400, "ParameterMissing", "Parameter tickets is required")
    if len(rows) > MOST_AT_ONCE:
        refuse(400, "TooManyValues", "Too many values", max_count=MOST_AT_ONCE)
    return rows
