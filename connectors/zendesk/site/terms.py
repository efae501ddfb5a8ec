"""How an account is set up, and the other ways in which it may behave where the platform's documentation leaves that open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

VARIANTS: Final[Mapping[str, str]] = {
    "archived-not-exported": "tickets closed for 120 days are missing from the incremental export",
    "foreign-assignee-refused": "a group alone is refused where the assignee is no member, instead of clearing the assignee",
    "additional-tags-ignored": "additional_tags and remove_tags count in update_many alone, as documented",
    "null-cursor": "an export that has nothing new answers null instead of the cursor that was sent",
    "events-with-metadata": "the stream of ticket events tells metadata.custom",
    "lone-agent-assigned": "a ticket that comes to a group of one agent is assigned to that agent",
    "anonymous-me": "a wrong credential gets an anonymous user from /users/me instead of 401",
    "error-objects": "403 tells its error as an object with title and message",
    "closed-locked": "not even an admin changes tags, subject and priority of a closed ticket",
    "shared-locked": "priority, group and assignee of a ticket that another account shares can't be changed",
    "title-case": "webhooks tell status and priority as Open and High instead of OPEN and HIGH",
    "retries-keep-signature": "a delivery that is tried again has the time stamp and signature of the first try",
    "text-429": "429 has a text instead of JSON",
    "oauth-200": "the token endpoint answers 200 instead of 201",
    "service-required": "a ticket can't be solved while its field for the affected service is empty",
    "search-lags": "the search index is two minutes behind",
}


class Plan(NamedTuple):
    """Calls a minute of an account: all of them, updates of tickets, incremental exports."""

    calls: int
    updates: int = 100
    exports: int = 10


PLANS: Final[Mapping[str, Plan]] = {
    "team": Plan(200),
    "growth": Plan(400),
    "professional": Plan(400),
    "enterprise": Plan(700),
    "enterprise-plus": Plan(2_500),
    "high-volume": Plan(2_500, updates=300, exports=30),
}
"""https://developer.zendesk.com/api-reference/introduction/rate-limits/"""


@dataclass(frozen=True)
class Terms:
    """How an account is set up. `plan` is None for an account without limits."""

    subdomain: str = "hoistsandbox"
    plan: Plan | None = None
    variants: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if unknown := sorted(self.variants - set(VARIANTS)):
            raise ValueError(f"there is no variant {', '.join(unknown)}; variants are {', '.join(VARIANTS)}")
