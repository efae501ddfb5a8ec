"""What Jira Service Management adds to an issue: the clocks of its SLAs, its request type, organisations and approvals. Pure.

All of it comes in custom fields that each site numbers in its own way: they are found by their type. An SLA is read as its field
shows it, with the issue: https://developer.atlassian.com/cloud/jira/service-desk/rest/api-group-request/#api-rest-servicedeskapi-request-issueidorkey-sla-get
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NotRequired

from typing_extensions import TypedDict

from connectors.site_settings import nearest
from rules.ticket import NATIVE, TARGET, UNKNOWN, Value

if TYPE_CHECKING:
    from connectors.jira.settings import JiraSettings
    from connectors.jira.wire import FieldInfo

CLOCK: Final = "com.atlassian.servicedesk:sd-sla-field"
TYPES: Final[Mapping[str, str]] = {
    "request_type": "com.atlassian.servicedesk:vp-origin",
    "organisation": "com.atlassian.servicedesk:sd-customer-organizations",
    "approval": "com.atlassian.servicedesk:sd-approvals",
}
"""The custom type of the field that holds each fact."""
FACTS: Final[Mapping[str, frozenset[str]]] = {
    "request_type": frozenset({"request_type"}),
    "organisation": frozenset({"organisation"}),
    "approval": frozenset({"approval", "approver"}),
}
"""The fields of a ticket that each fact fills."""
_DECISIONS: Final = {"pending": "waiting", "approved": "approved", "declined": "declined"}


class _Moment(TypedDict):
    epochMillis: int


class _Cycle(TypedDict, total=False):
    startTime: _Moment | None
    breachTime: _Moment | None
    paused: bool


class Clock(TypedDict):
    """An SLA. Where hoist's account is no agent, or no calendar is set, an error message stands in its place."""

    ongoingCycle: NotRequired[_Cycle | None]
    errorMessage: NotRequired[str]


class _Type(TypedDict):
    name: str


class RequestType(TypedDict):
    requestType: NotRequired[_Type | None]


class Organisation(TypedDict):
    name: str


class _Account(TypedDict, total=False):
    accountId: str


class _Approver(TypedDict, total=False):
    approver: _Account
    approverDecision: str


class Approval(TypedDict, total=False):
    finalDecision: str
    approvers: list[_Approver]


SHAPES: Final[Mapping[str, Any]] = {
    "request_type": RequestType | None,
    "organisation": list[Organisation] | None,
    "approval": list[Approval] | None,
}


@dataclass(frozen=True, slots=True)
class Beside:
    """The custom fields of one site that are read beside those that every issue has, by their ids.

    `clocks` have the names of the targets, of which two fields may share one; `facts` what each field is; `native` the names that
    rules see behind `native.`, and `several` those fields among them that hold a list.
    """

    clocks: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    native: Mapping[str, str] = field(default_factory=dict)
    several: frozenset[str] = frozenset()

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(dict.fromkeys((*self.clocks, *self.facts, *self.native)))

    def shape(self, id_: str) -> Any:
        """How the value of a field is parsed."""
        if id_ in self.clocks:
            return Clock | None
        return SHAPES.get(self.facts.get(id_, ""), Any)


def reads_of(settings: JiraSettings) -> frozenset[str]:
    """The fields of tickets that the settings ask for beside those that every issue fills."""
    found = frozenset().union(*(FACTS[fact] for fact in settings.request_facts))
    return found | ({TARGET} if settings.targets else set()) | ({NATIVE} if settings.fields else set())


def asks(settings: JiraSettings) -> bool:
    """Whether the settings ask for anything of this kind."""
    return bool(settings.targets or settings.request_facts or settings.fields)


def beside_of(settings: JiraSettings, fields: Sequence[FieldInfo]) -> Beside:
    """What the settings ask for, among the fields of a site."""
    wanted = {TYPES[fact]: fact for fact in settings.request_facts}
    names = set(settings.targets)
    native = {id_: name for name, id_ in settings.fields.items()}
    return Beside(
        clocks={each.id: each.name for each in fields if each.shape.custom == CLOCK and each.name in names},
        facts={each.id: wanted[each.shape.custom] for each in fields if each.shape.custom in wanted},
        native=native,
        several=frozenset(each.id for each in fields if each.id in native and each.shape.type == "array"),
    )


def problems(source: str, settings: JiraSettings, fields: Sequence[FieldInfo]) -> list[str]:
    """What the settings ask for and the site has not, as sentences."""
    beside, ids = beside_of(settings, fields), {each.id for each in fields}
    clocks = {each.name.casefold(): each.name for each in fields if each.shape.custom == CLOCK}
    found = [
        f"{source}: `targets` names {name!r}, and the site has no SLA of that name: it is never read; {nearest(name, clocks)}"
        for name in settings.targets
        if name not in beside.clocks.values()
    ]
    found += [
        f"{source}: `request_facts` names {fact}, and the site has no field of that kind: it is never read; take it out"
        for fact in settings.request_facts
        if fact not in beside.facts.values()
    ]
    return found + [
        f"{source}: `fields` names {id_} as {name}, and there is no such field, or hoist's account may not see it; correct it"
        for name, id_ in settings.fields.items()
        if id_ not in ids
    ]


def values(fields: Mapping[str, Any], beside: Beside) -> dict[str, Value]:
    """What a ticket has of them; a field that is missing from the issue is one that does not apply to it."""
    found: dict[str, Value] = {}
    for id_, name in beside.clocks.items():
        _add_clock(found, f"{TARGET}{name}", fields.get(id_))
    for id_, fact in beside.facts.items():
        found |= _FACTS[fact](fields.get(id_))
    for id_, name in beside.native.items():
        found[f"{NATIVE}{name}"] = native(fields.get(id_))
    return found


def dues(fields: Mapping[str, Any], clocks: Iterable[str]) -> tuple[Value, ...]:
    """When each clock is due, which moves while `updated` stays."""
    return tuple(_due(fields.get(id_))[0] for id_ in clocks)


def _add_clock(found: dict[str, Value], name: str, clock: Clock | None) -> None:
    """Of several clocks of one name the one that is due first."""
    due, start = _due(clock)
    before = found.get(name)
    if before is None or (isinstance(before, int) and isinstance(due, int) and due < before):
        found[name], found[f"{name}.start"] = due, start


def _due(clock: Clock | None) -> tuple[Value, Value]:
    """When a clock that runs is due, the past included, and when its cycle began; nothing while it is paused, met or not there.

    Jira leaves out when a clock that rests outside of its calendar's hours is due: then that is not known.
    """
    cycle = clock.get("ongoingCycle") if clock else None
    if clock and "errorMessage" in clock:
        return UNKNOWN, UNKNOWN
    if cycle is None or cycle.get("paused"):
        return None, None
    due, start = cycle.get("breachTime"), cycle.get("startTime")
    return UNKNOWN if due is None else due["epochMillis"], UNKNOWN if start is None else start["epochMillis"]


def _request_type(given: RequestType | None) -> dict[str, Value]:
    of = given.get("requestType") if given else None
    return {"request_type": of["name"] if of else None}


def _organisation(given: Sequence[Organisation] | None) -> dict[str, Value]:
    return {"organisation": first_of(each["name"] for each in given or ())}


def _approval(given: Sequence[Approval] | None) -> dict[str, Value]:
    """Waiting as long as one of its approvals is; else what was said last."""
    decisions = [each.get("finalDecision", "") for each in given or ()]
    waiting = [each for each in given or () if each.get("finalDecision") == "pending"]
    asked = [each for approval in waiting for each in approval.get("approvers", ())]
    pending = {each.get("approver", {}).get("accountId", "") for each in asked if each.get("approverDecision") == "pending"}
    said: Value = "waiting" if waiting else None
    if decisions and not waiting:
        said = _DECISIONS.get(decisions[-1], UNKNOWN)
    return {"approval": said, "approver": tuple(sorted(pending - {""}))}


_FACTS: Final[Mapping[str, Callable[[Any], dict[str, Value]]]] = {
    "request_type": _request_type,
    "organisation": _organisation,
    "approval": _approval,
}


def first_of(names: Iterable[str]) -> str | None:
    """The first in order of the alphabet: the order of an issue's own list is not kept in its history."""
    return min(names, default=None)


def native(given: Any) -> Value:
    """Any custom field's value as text: choices by what they show, people by their account, several in order."""
    match given:
        case None:
            return None
        case bool():
            return "true" if given else "false"
        case float() if given.is_integer():
            return str(int(given))
        case str() | int() | float():
            return str(given)
        case list():
            each = [native(one) for one in given]
            return tuple(sorted(one for one in each if isinstance(one, str)))
        case {"value": parent, "child": {"value": child}}:
            return f"{parent} / {child}"
        case {"accountId": text} | {"value": text} | {"name": text} | {"title": text}:
            return str(text)
    return UNKNOWN
