"""Calls on webhooks, their secrets, and what they were told.

https://developer.zendesk.com/api-reference/webhooks/webhooks-api/webhooks/
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site.answers import Refused, answered
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.moments import stamp
from connectors.zendesk.site.paging import listed
from connectors.zendesk.site.webhooks import CONDITIONAL, Webhook

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
FORMATS: Final = ("json", "xml", "form_encoded")


def listing(call: Call) -> Answer:
    """GET webhooks, by filter[name_contains] and filter[status]."""
    word, status = call.query.get("filter[name_contains]", ""), call.query.get("filter[status]")
    rows = [each for each in call.account.webhooks.by_id.values() if word in str(each.given.get("name", ""))]
    rows = [each for each in rows if status is None or each.shown()["status"] == status]
    return answered(listed(call, "webhooks", "webhooks", rows, Webhook.shown))


def show(call: Call, word: str) -> Answer:
    """GET webhooks/{id}."""
    return answered({"webhook": _found(call, word).shown()})


def create(call: Call) -> Answer:
    """POST webhooks."""
    call.must_be_admin()
    given = call.sent("webhook")
    _check(given)
    found = call.account.webhooks.add(given, call.now, call.caller.user.id)
    return answered({"webhook": found.shown()}, 201)


def update(call: Call, word: str) -> Answer:
    """PUT (whole) and PATCH (in part) of webhooks/{id}."""
    call.must_be_admin()
    webhook, sent = _found(call, word), call.sent("webhook")
    given = {**webhook.given, **sent} if call.method == "PATCH" else sent
    given.setdefault("subscriptions", list(webhook.subscriptions))
    if (CONDITIONAL in given["subscriptions"]) != (CONDITIONAL in webhook.subscriptions):
        _invalid("subscriptions", "A webhook can't change between triggers and event subscriptions")
    _check(given)
    webhook.given = given
    return Answer(204)


def remove(call: Call, word: str) -> Answer:
    """DELETE webhooks/{id}; one that a trigger uses stays."""
    call.must_be_admin()
    webhook = _found(call, word)
    used = [
        rule.title for rule in call.account.rules.by_id.values() for action in rule.actions
        if action.get("field") == "notification_webhook" and webhook.id in str(action.get("value"))
    ]  # fmt: skip
    if used:
        _invalid("base", f"The webhook is in use by {', '.join(used)}", "WebhookInUse")
    del call.account.webhooks.by_id[webhook.id]
    return Answer(204)


def signing_secret(call: Call, word: str) -> Answer:
    """GET webhooks/{id}/signing_secret; POST gives it another one."""
    call.must_be_admin()
    webhook = _found(call, word)
    if call.method == "POST":
        call.account.webhooks.reset(webhook)
    shown = {"secret": webhook.secret, "algorithm": "SHA256"}
    return answered({"signing_secret": shown}, 201 if call.method == "POST" else 200)


def invocations(call: Call, word: str) -> Answer:
    """GET webhooks/{id}/invocations, the latest first."""
    webhook = _found(call, word)
    rows = [each for each in reversed(call.account.webhooks.invocations) if each.webhook is webhook]
    return answered(listed(call, call.path, "invocations", rows, lambda each: each.shown()))


def attempts(call: Call, word: str, number: str) -> Answer:
    """GET webhooks/{id}/invocations/{id}/attempts."""
    webhook = _found(call, word)
    found = next((each for each in call.account.webhooks.invocations if each.webhook is webhook and each.id == number), None)
    rows = list(found.attempts if found is not None else _missing())

    def shown(each: Any) -> dict[str, object]:
        code = {"status": each.status, "status_code": each.answered}
        return {"id": each.id, "invocation_id": number, **code, "completed_at": stamp(each.at)}

    return answered(listed(call, call.path, "attempts", rows, shown))


def _found(call: Call, word: str) -> Webhook:
    found = call.account.webhooks.by_id.get(word)
    return found if found is not None else _missing()


def _missing() -> Any:
    raise Refused(404, {"errors": [{"code": "WebhookNotFound", "title": "Not found", "detail": "There is no such webhook"}]})


def _invalid(field: str, text: str, code: str = "InvalidValue") -> None:
    raise Refused(400, {"errors": [{"code": code, "title": field, "detail": text}]})


def _may_be_called(endpoint: str) -> bool:
    """Whether an endpoint is https, or a program on this machine."""
    try:
        address = urlsplit(endpoint)
    except ValueError:
        return False
    return bool(address.hostname) and (address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK))


def _check(given: dict[str, Any]) -> None:
    for name in ("name", "endpoint", "http_method", "request_format"):
        if not given.get(name):
            _invalid(name, f"{name} is required")
    if given["http_method"] not in METHODS:
        _invalid("http_method", f"{given['http_method']} is none of {', '.join(METHODS)}")
    if given["request_format"] not in FORMATS:
        _invalid("request_format", f"{given['request_format']} is none of {', '.join(FORMATS)}")
    if not _may_be_called(str(given["endpoint"])):
        _invalid("endpoint", "The endpoint must be an https address")
    subscriptions = given.setdefault("subscriptions", [CONDITIONAL])
    if not isinstance(subscriptions, list) or (CONDITIONAL in subscriptions and len(subscriptions) > 1):
        _invalid("subscriptions", "A webhook is connected to triggers or subscribed to events, not both")
    strange = [each for each in subscriptions if each != CONDITIONAL and not str(each).startswith("zen:event-type:")]
    if strange:
        _invalid("subscriptions", f"{', '.join(map(str, strange))} is no event type")
    if CONDITIONAL not in subscriptions and (given["http_method"], given["request_format"]) != ("POST", "json"):
        _invalid("http_method", "Events are told by POST as JSON")
