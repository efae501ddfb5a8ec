"""What an organisation has put in the way: access rules, rules before a query, rules that abort a save, mandatory fields.

Conditions are encoded queries on the record. Each of these is found on real instances; none is visible to a client beforehand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Abort(NamedTuple):
    """A business rule before insert or update: a record that would fulfil `when` is not saved."""

    table: str
    name: str
    when: str


class Mandatory(NamedTuple):
    """A data policy: a record that would fulfil `when` needs a value in these fields."""

    table: str
    fields: tuple[str, ...]
    when: str


BASE_POLICIES: Final = (
    Mandatory("incident", ("close_code", "close_notes"), "state=6"),
    Mandatory("incident", ("close_code", "close_notes"), "state=7"),
)
"""The data policies of the base system that a ticket connector meets."""

VARIANTS: Final[Mapping[str, str]] = {
    "assigned-outside-rejected": "an assignee who is not in the group aborts the save, instead of being cleared",
    "assigned-outside-kept": "an assignee who is not in the group stays",
    "denied-tables-look-empty": "a table without read access answers an empty list, instead of 403",
    "denied-writes-refused": "a write of a field without write access answers 403, instead of dropping it silently",
    "group-change-keeps-assignee": "an assignee from the former group stays when the group changes",
    "incident-state-drives": "incident_state drives state, not the reverse",
    "links-to-another-host": "Link headers name the host of a property, which is not the one that was called",
    "literal-dates-in-session-zone": "literal date-times in a query are read in the session's zone, not in UTC",
    "negative-previous": "rel=prev of a first page has sysparm_offset=-1, as on old releases",
    "no-lockout": "wrong passwords lock nobody out",
    "no-next-without-count": "Link has no rel=next where sysparm_no_count is true",
    "person-changes-count-as-reassignment": "reassignment_count counts changes of assigned_to as well",
    "priority-write-holds": "a priority that is written alone is kept",
    "put-replaces": "PUT empties the writable fields that it does not name",
    "silent-updates-unaudited": "updates without business rules leave no audit rows",
    "strict-headers": "a call without Accept, and a DELETE without Content-Type, are refused",
    "suppress-auto-sys-field": "sysparm_suppress_auto_sys_field is honoured",
    "unknown-choices-kept": "a choice that does not exist is stored, as with glide.rest.choice.allow_non_existing_value",
}
"""What the documentation leaves open, or instances set up differently: by name, how an instance may behave instead."""


@dataclass(frozen=True)
class Policies:
    """`hidden` and `query_rules` are encoded queries by table, on the service account alone.

    Rows that fulfil the one are withheld by access rules; the other is added to each query by a rule before it. `withheld` are
    rights of the service account that are missing: `read sys_audit`, `read incident.work_notes`, `write incident.impact`,
    `write incident`, `delete incident`, `rest` for all of REST.
    """

    withheld: Collection[str] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    query_rules: Mapping[str, str] = field(default_factory=dict)
    aborts: Sequence[Abort] = ()
    mandatory: Sequence[Mandatory] = BASE_POLICIES
    variants: Collection[str] = ()

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.variants) - set(VARIANTS)):
            raise ValueError(f"there is no variant {', '.join(unknown)}; variants are {', '.join(VARIANTS)}")
