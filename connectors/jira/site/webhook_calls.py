"""Calls on an administrator's webhooks, below /rest/webhooks/1.0: made, listed, changed, removed.

https://developer.atlassian.com/cloud/jira/platform/webhooks/#registering-a-webhook-using-the-jira-rest-api--other-integrations-
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from connectors.jira.site.call import Answer, Call, answered, page, refuse, section
from connectors.jira.site.render import stamp
from connectors.jira.site.webhooks import EVENTS, Webhook
from rules.instants import DAY

LIFE: Final = 30 * DAY
"""Of an app's webhook."""
MOST: Final = 5
OF_APPS: Final = frozenset({each for each in EVENTS if each.startswith(("jira:issue_", "comment_", "issue_property_"))})
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def listed(call: Call) -> Answer:
    """GET webhook."""
    _administrator(call)
    return answered([_shown(call, each) for each in call.site.webhooks.by_id.values() if each.ends is None])


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


# --- an app's webhooks: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-webhooks/ -------------------


def of_app(call: Call) -> Answer:
    """GET webhook: those of the app that calls."""
    _app(call)
    found = [_shown_to_app(each) for each in _of_apps(call)]
    return answered(page(found, call.number("startAt", 0), call.number("maxResults", 100)))


def registered(call: Call) -> Answer:
    """POST webhook: five at most, without a secret, for thirty days; each is made, or not made for its own reasons."""
    caller, given = _app(call), call.mapping("url", "webhooks")
    results: list[dict[str, object]] = []
    for wanted in given.get("webhooks") or []:
        if wrong := _wrong_for_app(call, wanted, str(given.get("url", ""))):
            results.append({"errors": [wrong]})
            continue
        filters = {"issue-related-events-section": wanted["jqlFilter"]}
        made = call.site.webhooks.add({**wanted, "url": given["url"], "filters": filters}, "", call.now, caller)
        made.ends = call.now + LIFE
        results.append({"createdWebhookId": made.id})
    return answered({"webhookRegistrationResult": results})


def _wrong_for_app(call: Call, wanted: Any, url: str) -> str:
    if not isinstance(wanted, dict) or not wanted.get("jqlFilter") or not isinstance(wanted.get("events"), list):
        return "A webhook has events and a jqlFilter."
    if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOOPBACK:
        return "The URL must be an https address."
    if unknown := set(map(str, wanted["events"])) - OF_APPS:
        return f"Unknown events: {', '.join(sorted(unknown))}."
    if len(_of_apps(call)) >= MOST:
        return f"At most {MOST} webhooks can be registered for an app, a user and a site."
    return call.site.webhooks.check(str(wanted["jqlFilter"]), call.user().id, call.now)


def unregistered(call: Call) -> Answer:
    """DELETE webhook: by their ids; those that are not the app's are left as they are."""
    _app(call)
    for number in _ids(call):
        call.site.webhooks.by_id.pop(number)
    return answered(None, 202)


def refreshed(call: Call) -> Answer:
    """PUT webhook/refresh: they live for thirty days from now on."""
    _app(call)
    ends = call.now + LIFE
    for number in _ids(call):
        call.site.webhooks.by_id[number].ends = ends
    return answered({"expirationDate": ends})


def _ids(call: Call) -> list[int]:
    asked = call.mapping("webhookIds").get("webhookIds")
    own = {each.id for each in _of_apps(call)}
    return [each for each in asked if each in own] if isinstance(asked, list) else refuse(400, "webhookIds must be a list.")


def _of_apps(call: Call) -> list[Webhook]:
    return [each for each in call.site.webhooks.by_id.values() if each.ends is not None]


def _app(call: Call) -> str:
    if not call.app:
        refuse(403, "The caller isn't an app.")
    return call.user().id


def _shown_to_app(webhook: Webhook) -> dict[str, object]:
    given = webhook.given
    shown = {"id": webhook.id, "jqlFilter": given["jqlFilter"], "events": given["events"], "url": given["url"]}
    return {**shown, "expirationDate": webhook.ends}
