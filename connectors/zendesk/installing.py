"""hoist's webhook in a Zendesk account: subscribed to what happens to tickets, so that no business rule is needed.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
Zendesk makes the secret; it is fetched once the webhook is there. The client has to be an administrator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.installing import Plan, Step, Wish
from connectors.zendesk.client import ZendeskClient
from connectors.zendesk.settings import ZendeskSettings
from connectors.zendesk.webhook import TICKET_EVENT

EVENTS: Final = (
    "agent_assignment_changed",
    "comment_added",
    "created",
    "custom_field_changed",
    "custom_status_changed",
    "group_assignment_changed",
    "priority_changed",
    "status_changed",
    "subject_changed",
    "tags_changed",
    "type_changed",
)


class ZendeskInstaller:
    """The webhook of one account."""

    def __init__(self, source: str, settings: ZendeskSettings) -> None:
        self._client = ZendeskClient(source, settings)

    def close(self) -> None:
        self._client.close()

    def install(self, wish: Wish) -> Plan:
        wanted = _wanted(wish)
        there = self._found(wish.name)
        if there is None:
            return Plan(
                [
                    Step(
                        f"make the webhook {wish.name!r}, which calls {wish.url} when a ticket changes",
                        lambda: self._made(wanted),
                    )
                ]
            )
        id_ = str(there["id"])
        steps = []
        if differing := [name for name, value in wanted.items() if _plain(there.get(name)) != _plain(value)]:
            said = f"set the {', '.join(sorted(differing))} of the webhook {wish.name!r}, which calls {wish.url}"
            steps.append(Step(said, lambda: self._changed(id_, wanted)))
        if (secret := self._client.signing_secret(id_)) != wish.secret:
            steps.append(Step(f"keep the signing secret of the webhook {wish.name!r}", lambda: secret))
        return Plan(steps)

    def remove(self, wish: Wish) -> Plan:
        there = self._found(wish.name)
        if there is None:
            return Plan()
        return Plan(
            [Step(f"remove the webhook {wish.name!r}, which calls {there.get('endpoint')}", lambda: self._removed(there))]
        )

    def _found(self, name: str) -> Mapping[str, Any] | None:
        return next((row for row in self._client.all_of("webhooks", "webhooks") if row.get("name") == name), None)

    def _made(self, wanted: Mapping[str, Any]) -> str:
        return self._client.signing_secret(self._client.make_webhook(wanted))

    def _changed(self, id_: str, wanted: Mapping[str, Any]) -> str:
        self._client.change_webhook(id_, wanted)
        return ""

    def _removed(self, there: Mapping[str, Any]) -> str:
        self._client.remove_webhook(str(there["id"]))
        return ""


def installer(source: str, settings: ZendeskSettings) -> ZendeskInstaller:
    """For one account."""
    return ZendeskInstaller(source, settings)


def _wanted(wish: Wish) -> dict[str, Any]:
    return {
        "name": wish.name,
        "endpoint": wish.url,
        "http_method": "POST",
        "request_format": "json",
        "status": "active",
        "subscriptions": [TICKET_EVENT + event for event in EVENTS],
    }


def _plain(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, list) else value
