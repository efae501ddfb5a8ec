"""The account's own triggers and automations: conditions over a ticket, and what they set.

https://support.zendesk.com/hc/en-us/articles/4408893545882 (trigger conditions and actions)
Triggers run in order within an update; one that changes something starts the others again, each acts once. Automations run once
an hour, on at most a thousand tickets each.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.zendesk.site.catalog import PRIORITIES, SYSTEM, TYPES, Catalog
from connectors.zendesk.site.moments import stamp
from connectors.zendesk.site.saving import By, Saving, Update, told
from connectors.zendesk.site.state import Ticket, Tickets, Value, Via
from rules.instants import HOUR, Instant

STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed")
MOST_AN_HOUR: Final = 1_000
MOST_BYTES: Final = 65_536
OPERATORS: Final = ("is", "is_not", "less_than", "greater_than", "changed", "not_changed", "value", "value_previous", "not_value",
                    "includes", "not_includes", "present", "not_present")  # fmt: skip
FIELDS: Final = ("status", "custom_status_id", "priority", "type", "group_id", "assignee_id", "requester_id", "organization_id",
                 "current_tags", "update_type", "comment_is_public", "current_user_id", "via_id")  # fmt: skip
HOURS: Final = {"NEW": "new", "OPEN": "open", "PENDING": "pending", "HOLD": "hold", "SOLVED": "solved", "CLOSED": "closed"}
SETS: Final = ("status", "custom_status_id", "priority", "type", "group_id", "assignee_id")
TAGS: Final = ("current_tags", "set_tags", "remove_tags")
TELLS: Final = ("notification_webhook", "notification_user", "notification_group")

Notify = Callable[[Update, str, object], None]


@dataclass(slots=True)
class Rule:
    """A trigger or automation as it was given; `conditions` has `all` and `any`."""

    id: int
    kind: str  # trigger, automation
    title: str
    conditions: Mapping[str, Sequence[Mapping[str, Any]]]
    actions: Sequence[Mapping[str, Any]]
    position: int
    at: Instant
    active: bool = True

    @property
    def via(self) -> Via:
        return Via("rule", self.kind, self.id, self.title)

    def shown(self, base: str) -> dict[str, object]:
        """As the API tells it."""
        return {
            "url": f"{base}/api/v2/{self.kind}s/{self.id}.json",
            "id": self.id,
            "title": self.title,
            "raw_title": self.title,
            "active": self.active,
            "default": False,
            "position": self.position,
            "conditions": {"all": list(self.conditions.get("all", ())), "any": list(self.conditions.get("any", ()))},
            "actions": list(self.actions),
            "created_at": stamp(self.at),
            "updated_at": stamp(self.at),
        }


class Rules:
    """All rules of an account; `notify` sends what a trigger tells a webhook."""

    def __init__(self, catalog: Catalog, tickets: Tickets, saving: Saving, made: Instant) -> None:
        self._catalog = catalog
        self._tickets = tickets
        self._saving = saving
        self._made = made
        self._ids = itertools.count(23_211_000_000_001)
        self.by_id: dict[int, Rule] = {}
        self.notify: Notify | None = None

    def add(self, kind: str, given: Mapping[str, Any], at: Instant) -> Rule:
        """A new rule."""
        id_ = next(self._ids)
        position = int(given.get("position") or len(self.by_id) + 1)
        active = given.get("active", True) is not False
        conditions, actions = given.get("conditions") or {}, given.get("actions") or ()
        found = Rule(id_, kind, str(given["title"]), conditions, actions, position, at, active)
        self.by_id[id_] = found
        return found

    def of(self, kind: str) -> list[Rule]:
        """The rules of a kind, in their order."""
        return sorted((rule for rule in self.by_id.values() if rule.kind == kind), key=lambda rule: (rule.position, rule.id))

    @property
    def automations_wait(self) -> bool:
        """Whether there is an automation that time may make act."""
        return any(rule.active and rule.kind == "automation" for rule in self.by_id.values())

    # --- triggers --------------------------------------------------------------------------------------------------------

    def triggered(self, update: Update) -> None:
        """Let the triggers act on an update, as part of it."""
        if update.was("status") == "closed" or not self.by_id:
            return
        waiting = [rule for rule in self.of("trigger") if rule.active]
        while (rule := next((each for each in waiting if self._meets(each, update)), None)) is not None:
            waiting.remove(rule)
            self._act(rule, update)

    def _act(self, rule: Rule, update: Update) -> None:
        changes = self._changes(rule, update.ticket)
        update.set(self._saving.settled(update.ticket, changes, SYSTEM, commented=False), rule.via)
        for action in rule.actions:
            if action.get("field") == "notification_webhook" and self.notify is not None:
                id_, body = (*_several(action.get("value")), "")[:2]
                self.notify(update, str(id_), body)

    # --- automations -----------------------------------------------------------------------------------------------------

    def hourly(self, now: Instant) -> None:
        """One run of every automation."""
        for rule in self.of("automation"):
            if rule.active:
                matching = (each for each in self._tickets if each.status != "closed" and self._due(rule, each, now))
                for ticket in list(itertools.islice(matching, MOST_AN_HOUR)):
                    self._saving.commit(ticket, self._changes(rule, ticket), By(SYSTEM, rule.via), now)

    def _due(self, rule: Rule, ticket: Ticket, now: Instant) -> bool:
        return self._meets(rule, Update(ticket, By(SYSTEM, rule.via), now, None, new=False))

    # --- both ------------------------------------------------------------------------------------------------------------

    def _changes(self, rule: Rule, ticket: Ticket) -> dict[str, Value]:
        changes: dict[str, Value] = {}
        for action in rule.actions:
            name, value = str(action.get("field")), action.get("value")
            if name in SETS:
                changes[name] = _stored(name, value)
            elif name in TAGS:
                tags = changes.get("tags", ticket.values["tags"])
                changes["tags"] = _tagged(name, tags if isinstance(tags, tuple) else (), str(value).split())
        return changes

    def _meets(self, rule: Rule, update: Update) -> bool:
        every, some = rule.conditions.get("all") or (), rule.conditions.get("any") or ()
        return all(self._holds(each, update) for each in every) and (not some or any(self._holds(each, update) for each in some))

    def _holds(self, condition: Mapping[str, Any], update: Update) -> bool:
        name, operator, wanted = str(condition.get("field")), str(condition.get("operator")), condition.get("value")
        if name in HOURS:
            return self._hours(HOURS[name], operator, float(str(wanted)), update)
        match name:
            case "update_type":
                return (str(wanted) == "Create") == update.new
            case "comment_is_public":
                said = update.said
                return said is not None and (str(wanted) == "not_relevant" or (str(wanted) == "true") == said.public)
            case "current_user_id":
                return (str(update.by.author) == str(wanted)) == (operator == "is")
            case "current_tags":
                found = bool(set(str(wanted).split()) & set(update.ticket.tags))
                return found == (operator in {"includes", "is"})
        return _compares(operator, str(wanted), _word(update.ticket.values.get(name)), _word(update.was(name)))

    @staticmethod
    def _hours(status: str, operator: str, wanted: float, update: Update) -> bool:
        since, current = update.ticket.statuses[-1]
        passed = (update.at - since) // HOUR
        return current == status and (passed > wanted if operator == "greater_than" else passed == wanted)


def faults_of(kind: str, given: Mapping[str, Any], catalog: Catalog) -> Iterator[tuple[str, str]]:
    """(field, what is wrong) of a rule that somebody wants to make."""
    if not given.get("title"):
        yield "title", "cannot be blank"
    if given.get("position") is not None and not _is_number(given["position"]):
        yield "position", "is not a number"
    conditions = given.get("conditions")
    sides = [conditions.get(side) or [] for side in ("all", "any")] if isinstance(conditions, dict) else []
    if not any(sides) or not all(map(_are_objects, sides)):
        yield "conditions", "must have at least one condition"
    else:
        yield from (("conditions", text) for side in sides for each in side for text in _wrong_condition(kind, each))
    actions = given.get("actions")
    if not actions or not _are_objects(actions):
        yield "actions", "must have at least one action"
    else:
        yield from (("actions", text) for each in actions for text in _wrong_action(each, catalog))


def _wrong_condition(kind: str, given: Mapping[str, Any]) -> Iterator[str]:
    name, operator = given.get("field"), given.get("operator")
    if kind == "automation" and name in HOURS:
        if not _is_number(given.get("value")):
            yield f"{given.get('value')} is not a number of hours"
    elif name not in FIELDS:
        yield f"Condition {name} is not known"
    if operator not in OPERATORS and name not in {"update_type", "comment_is_public"}:
        yield f"Operator {operator} is not known"


def _wrong_action(given: Mapping[str, Any], catalog: Catalog) -> Iterator[str]:
    name, value = given.get("field"), str(given.get("value") or "")
    known: Mapping[str, Collection[str]] = {
        "status": STATUSES,
        "priority": PRIORITIES,
        "type": TYPES,
        "custom_status_id": {str(id_) for id_ in catalog.statuses},
        "group_id": {"", *(str(id_) for id_ in catalog.groups)},
        "assignee_id": {"", *(str(id_) for id_ in catalog.users if catalog.assignable(id_))},
    }
    if name not in (*SETS, *TAGS, *TELLS):
        yield f"Action {name} is not known"
    elif name in known and value not in known[name]:
        yield f"{value} is no value of {name}"


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _is_number(value: object) -> bool:
    return str(value).isascii() and str(value).isdigit()


def _compares(operator: str, wanted: str, now: str, before: str) -> bool:
    moved, order = now != before, {word: place for place, word in enumerate((*PRIORITIES, *STATUSES))}
    above = order.get(now, -1) - order.get(wanted, -1)
    return {
        "is": now == wanted,
        "is_not": now != wanted,
        "changed": moved,
        "not_changed": not moved,
        "value": moved and now == wanted,  # changed to
        "not_value": moved and now != wanted,
        "value_previous": moved and before == wanted,  # changed from
        "present": now != "",
        "not_present": now == "",
        "less_than": above < 0,
        "greater_than": above > 0,
    }.get(operator, False)


def _word(value: Value) -> str:
    return str(told(value) or "")


def _stored(name: str, value: object) -> Value:
    if value in {None, ""}:
        return None
    return int(str(value)) if name.endswith("_id") else str(value)


def _tagged(action: str, tags: tuple[str, ...], given: Sequence[str]) -> tuple[str, ...]:
    if action == "set_tags":
        return tuple(given)
    if action == "remove_tags":
        return tuple(tag for tag in tags if tag not in given)
    return (*tags, *(tag for tag in given if tag not in tags))


def _several(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
