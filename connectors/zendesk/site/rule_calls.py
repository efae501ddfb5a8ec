"""Calls on triggers and automations.

https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/
"""

from __future__ import annotations

import json
from typing import Any, Final

from connectors.sandboxes.answer import Answer
from connectors.zendesk.site.answers import answered, invalid, not_found
from connectors.zendesk.site.call import Call
from connectors.zendesk.site.native_rules import MOST_BYTES, Rule, faults_of
from connectors.zendesk.site.paging import listed

MOST: Final = {"trigger": 7_000, "automation": 500}


def listing(call: Call) -> Answer:
    """GET triggers, automations, and the active ones of each."""
    kind = _kind(call)
    rows = [each for each in call.account.rules.of(kind) if each.active or not call.path.endswith("active")]
    return answered(listed(call, call.path, f"{kind}s", rows, lambda each: each.shown(call.base)))


def show(call: Call, word: str) -> Answer:
    """GET triggers/{id}."""
    return _told(call, _found(call, word))


def create(call: Call) -> Answer:
    """POST triggers."""
    call.must_be_admin()
    kind = _kind(call)
    given = _whole(call.sent(kind))
    _check(call, kind, given)
    if len(call.account.rules.of(kind)) >= MOST[kind]:
        invalid({"base": [(f"An account has at most {MOST[kind]} of these", "TooManyRules")]})
    return _told(call, call.account.rules.add(kind, given, call.now), 201)


def update(call: Call, word: str) -> Answer:
    """PUT triggers/{id}."""
    call.must_be_admin()
    rule = _found(call, word)
    there = {"title": rule.title, "conditions": rule.conditions, "actions": rule.actions, "active": rule.active}
    given = {**there, "position": rule.position, **_whole(call.sent(rule.kind))}
    _check(call, rule.kind, given)
    rule.title, rule.conditions, rule.actions = str(given["title"]), given["conditions"], given["actions"]
    rule.position, rule.active = int(given["position"]), given["active"] is not False
    return _told(call, rule)


def remove(call: Call, word: str) -> Answer:
    """DELETE triggers/{id}."""
    call.must_be_admin()
    del call.account.rules.by_id[_found(call, word).id]
    return Answer(204)


def _kind(call: Call) -> str:
    return "automation" if call.path.startswith("automations") else "trigger"


def _found(call: Call, word: str) -> Rule:
    found = call.account.rules.by_id.get(int(word)) if word.isdigit() else None
    return found if found is not None and found.kind == _kind(call) else not_found()


def _whole(given: dict[str, Any]) -> dict[str, Any]:
    """Conditions may stand in the rule itself, as older clients write them."""
    if "all" in given or "any" in given:
        return {**given, "conditions": {"all": given.get("all") or [], "any": given.get("any") or []}}
    return given


def _check(call: Call, kind: str, given: dict[str, Any]) -> None:
    wrong: dict[str, list[tuple[str, str]]] = {}
    for name, text in faults_of(kind, given, call.catalog):
        wrong.setdefault(name, []).append((f"{name.capitalize()}: {text}", "InvalidValue"))
    if len(json.dumps(given).encode()) >= MOST_BYTES:
        wrong["base"] = [("The rule is too large", "ValueTooLong")]
    if wrong:
        invalid(wrong)


def _told(call: Call, rule: Rule, status: int = 200) -> Answer:
    return answered({rule.kind: rule.shown(call.base)}, status)
