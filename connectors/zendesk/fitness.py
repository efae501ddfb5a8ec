"""What an administrator must mend before hoist works on an account: role, scopes, configured fields, plan."""

from __future__ import annotations

from connectors.zendesk import wire
from connectors.zendesk.client import ZendeskClient
from connectors.zendesk.facts import AccountFacts
from connectors.zendesk.settings import ZendeskSettings


class Fitness:
    """Looks, and writes nothing."""

    def __init__(self, client: ZendeskClient, facts: AccountFacts, settings: ZendeskSettings) -> None:
        self._client, self._facts, self._settings = client, facts, settings

    def problems(self) -> list[str]:
        """Sentences, each with its effect and its cure. Raises TryLater.

        What a token without the scope to read can't see is not told as if hoist's user lacked a right.
        """
        unseen = "read" in self._client.lacking_scope.split()
        seen = [] if unseen else [*self._of_fields(), *self._of_groups()]
        return [*self._of_role(), *self._of_scope(), *seen]

    def _of_role(self) -> list[str]:
        own = self._facts.own
        if own.role == "admin":
            return []
        return [
            (
                f"{self._client.source}: {own.name or own.email} is an agent and no administrator: Zendesk exports tickets to "
                f"administrators alone; give hoist's user that role"
            )
        ]

    def _of_scope(self) -> list[str]:
        lacking = self._client.lacking_scope
        if not lacking:
            return []
        return [
            (
                f"{self._client.source}: the token lacks the scope {lacking}: Zendesk takes a mistyped one without a word, and "
                f"gives a token that may do nothing; correct `scope`, or the scopes of the OAuth client"
            )
        ]

    def _of_fields(self) -> list[str]:
        wanted = {str(number): name for name, number in self._settings.fields.items()}
        if self._settings.service_field is not None:
            wanted[str(self._settings.service_field)] = "service_field"
        if not wanted:
            return []
        rows = self._client.all_if_allowed("ticket_fields", "ticket_fields")
        if rows is None:
            return [f"{self._client.source}: hoist's user may not read the ticket fields, so `fields` can't be used; grant it"]
        there = {wire.text(row, "id") for row in rows if row.get("active") is not False}
        return [
            f"{self._client.source}: there is no active ticket field {number}, which the settings call {name}; correct its number"
            for number, name in wanted.items()
            if number not in there
        ]

    def _of_groups(self) -> list[str]:
        if self._client.all_if_allowed("group_memberships/assignable", "group_memberships") is not None:
            return []
        return [
            (
                f"{self._client.source}: hoist's user may not see who is in which group: it can't tell whom a ticket may be "
                f"assigned to; give it the role of an administrator"
            )
        ]
