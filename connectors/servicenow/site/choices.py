"""The choice lists of the base system. An organisation may rename, add and retire any of them.

Values and labels as public clients of the platform list them (ansible servicenow.itsm), the rest from the product documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_HIGH_TO_LOW: Final = {"1": "1 - High", "2": "2 - Medium", "3": "3 - Low"}

CHOICES: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("task", "impact"): _HIGH_TO_LOW,
    ("task", "urgency"): _HIGH_TO_LOW,
    ("task", "priority"): {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"},
    ("task", "escalation"): {"0": "Normal", "1": "Moderate", "2": "High", "3": "Overdue"},
    ("task", "contact_type"): {"email": "Email", "phone": "Phone", "self-service": "Self-service", "walk-in": "Walk-in"},
    ("incident", "state"): {
        "1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled",
    },
    ("incident", "incident_state"): {
        "1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled",
    },
    ("incident", "hold_reason"): {
        "1": "Awaiting Caller", "5": "Awaiting Change", "3": "Awaiting Problem", "4": "Awaiting Vendor",
    },
    ("incident", "severity"): _HIGH_TO_LOW,
    ("incident", "close_code"): {
        name: name
        for name in (
            "Duplicate", "Known error", "Resolved by caller", "Resolved by change", "Resolved by problem", "Solution provided",
            "Workaround provided", "User error",
        )
    },
    ("problem", "state"): {
        "101": "New", "102": "Assess", "103": "Root Cause Analysis", "104": "Fix in Progress", "106": "Resolved", "107": "Closed",
    },
    ("change_request", "state"): {
        "-5": "New", "-4": "Assess", "-3": "Authorize", "-2": "Scheduled", "-1": "Implement", "0": "Review", "3": "Closed",
        "4": "Canceled",
    },
    ("sc_task", "state"): {
        "-5": "Pending", "1": "Open", "2": "Work in Progress", "3": "Closed Complete", "4": "Closed Incomplete",
        "5": "Closed Skipped",
    },
    ("task_sla", "stage"): {
        "in_progress": "In progress", "paused": "Paused", "completed": "Completed", "cancelled": "Cancelled",
    },
    ("contract_sla", "type"): {"SLA": "SLA", "OLA": "OLA", "Underpinning contract": "Underpinning contract"},
}  # fmt: skip
"""By table and element: value to label, in the order of the list."""

FIRST_STATE: Final[Mapping[str, str]] = {"problem": "101", "change_request": "-5"}
"""The state of a new record where it is not that of a task."""

MATRIX: Final[Mapping[tuple[str, str], str]] = {
    ("1", "1"): "1", ("1", "2"): "2", ("1", "3"): "3",
    ("2", "1"): "2", ("2", "2"): "3", ("2", "3"): "4",
    ("3", "1"): "3", ("3", "2"): "4", ("3", "3"): "5",
}  # fmt: skip
"""Impact and urgency to priority, as dl_u_priority has it in the base system."""
