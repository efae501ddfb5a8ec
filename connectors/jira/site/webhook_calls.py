"""Calls on an administrator's webhooks, below /rest/webhooks/1.0: made, listed, changed, removed.

https://developer.atlassian.com/cloud/jira/platform/webhooks/#registering-a-webhook-using-the-jira-rest-api--other-integrations-
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from connectors.jira.site.call import Answer, Call, answered, refuse, section
from connectors.jira.site.render import stamp
from connectors.jira.site.webhooks import EVENTS, Webhook

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def listed(call: Call) -> Answer:
    """GET webhook."""
    _administrator(call)
    return answered([_shown(call, each) for each in call.site.webhooks.by_id.values()])


def made(call: Call) -> Answer:
    """POST webhook."""
    caller, given = _administrator(call), call.mapping()
    secret = str(given.pop("secret", "") or "")
    _check(call, given)
    found = call.site.webhooks.add(given, secret, call.now, caller)
    return answered(_shown(call, found), 201)


def read(call: Call, number: str) -> Answer:
    """GET webhook/{id}."""
    _administrator(call)
    return answered(_shown(call, _found(call, number)))


def changed(call: Call, number: str) -> Answer:
    """PUT webhook/{id}: what is not sent stays, the secret too."""
    _administrator(call)
    webhook, sent = _found(call, number), call.mapping()
    if "secret" in sent:
        webhook.secret = str(sent.pop("secret") or "")
    given = {**webhook.given, **sent}
    _check(call, given)
    webhook.given = given
    return answered(_shown(call, webhook))


def removed(call: Call, number: str) -> Answer:
    """DELETE webhook/{id}."""
    _administrator(call)
    del call.site.webhooks.by_id[_found(call, number).id]
    return answered(None, 204)


def _administrator(call: Call) -> str:
    caller = call.user()
    if not call.may("ADMINISTER"):
        refuse(403, "Only Jira administrators can manage webhooks.")
    return caller.id


def _found(call: Call, number: str) -> Webhook:
    found = call.site.webhooks.by_id.get(int(number)) if number.isdecimal() else None
    return found or refuse(404, "The webhook does not exist.")


def _check(call: Call, given: dict[str, Any]) -> None:
    if not given.get("name"):
        refuse(400, "The name of the webhook is empty.")
    address = urlsplit(str(given.get("url", "")))
    if not address.hostname or not (address.scheme == "https" or address.hostname in LOOPBACK):
        refuse(400, "The webhook's URL must be an https address.")
    events = given.setdefault("events", [])
    if not isinstance(events, list) or not set(map(str, events)) <= set(EVENTS):
        refuse(400, f"Unknown events; there are {', '.join(EVENTS)}.")
    jql = section(given, "filters").get("issue-related-events-section", "")
    if jql and (problem := call.site.webhooks.check(str(jql), call.user().id, call.now)):
        refuse(400, problem)


def _shown(call: Call, webhook: Webhook) -> dict[str, object]:
    root = call.render.root.partition("/rest/")[0]
    return {
        **webhook.given,
        "enabled": webhook.given.get("enabled", True),
        "isSigned": bool(webhook.secret),
        "lastUpdated": webhook.at,
        "lastUpdatedUser": webhook.by,
        "lastUpdatedDisplayName": stamp(webhook.at),
        "self": f"{root}/rest/webhooks/1.0/webhook/{webhook.id}",
    }
