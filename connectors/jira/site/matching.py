"""Which issues a JQL query means, and in which order.

Text dates are read in the calling user's profile time zone, to the minute; numbers are milliseconds since 1970 and exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.jira.site import sla
from connectors.jira.site.catalog import FIELDS, ISSUE_TYPE, RESOLUTION, Catalog, Field, Value
from connectors.jira.site.jql import All, AnyOf, BadQuery, Clause, Node, Not, Operand
from connectors.jira.site.state import Issue, prose
from rules.instants import DAY, HOUR, MINUTE, Instant, instant

Test = Callable[[Issue], bool]

_RELATIVE: Final = re.compile(r"^([+-]?)(\d+)([wdhm])$")
_UNITS: Final = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE}
_DATES: Final = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
FIRST_INSTANT: Final = -62_135_510_400_000  # 0001-01-02, so that every zone can name it
LAST_INSTANT: Final = 253_370_764_800_000  # 9999-01-01
_CLOCKS: Final[dict[str, Callable[[sla.State], bool]]] = {
    "running": lambda state: state.running,
    "paused": lambda state: state.paused,
    "completed": lambda state: state.completed,
    "breached": lambda state: state.breached,
    "everbreached": lambda state: state.ever_breached,
}
_NEGATED: Final = {"!=": "=", "not in": "in", "!~": "~", "is not": "is"}
_BY_CLAUSE: Final = {clause.lower(): each for each in FIELDS.values() for clause in (*each.clauses, each.id)}


@dataclass(frozen=True)
class Asker:
    """What a query means depends on who asks, and when."""

    catalog: Catalog
    account: str
    zone: ZoneInfo
    now: Instant
    find: Callable[[str], Issue | None]
    exact: bool = True

    def date(self, operand: Operand) -> Instant:
        """The instant that a date operand names. Raises BadQuery."""
        found = self._date(operand)
        if not FIRST_INSTANT <= found <= LAST_INSTANT:
            raise BadQuery(f"Date value '{operand.text}' is invalid: it lies outside the years 1 to 9998.")
        return found

    def _date(self, operand: Operand) -> Instant:
        text = operand.text
        if operand.function and text == "now":
            return self.now
        if self.exact and text.lstrip("-").isdigit() and not operand.quoted:
            return int(text)
        if found := _RELATIVE.match(text):
            sign, number, unit = found.groups()
            moved = self.now + (-1 if sign == "-" else 1) * int(number) * _UNITS[unit]
            return moved - moved % MINUTE
        for form in _DATES:
            try:
                return instant(datetime.strptime(text, form).replace(tzinfo=self.zone))
            except ValueError:
                continue
        raise BadQuery(
            f"Date value '{text}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', "
            "'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
        )


def matcher(node: Node | None, asker: Asker) -> Test:
    """The test that an issue must pass. Raises BadQuery for unknown fields and values."""
    match node:
        case None:
            return lambda _: True
        case All(parts):
            every = [matcher(part, asker) for part in parts]
            return lambda issue: all(test(issue) for test in every)
        case AnyOf(parts):
            several = [matcher(part, asker) for part in parts]
            return lambda issue: any(test(issue) for test in several)
        case Not(part):
            inner = matcher(part, asker)
            return lambda issue: not inner(issue)
        case Clause():
            return _clause(node, asker)


def floor(node: Node | None, asker: Asker) -> Instant:
    """An instant before which no match was updated: where a walk along `updated` may begin."""
    match node:
        case All(parts):
            return max(floor(part, asker) for part in parts)
        case Clause(field, operator, values) if operator in {">", ">=", "="} and field.lower() in FIELDS["updated"].clauses:
            return asker.date(values[0])
        case _:
            return 0


def _clause(clause: Clause, asker: Asker) -> Test:
    name = clause.field.lower()
    if clause.operator in _NEGATED:
        positive = Clause(clause.field, _NEGATED[clause.operator], clause.values)
        wanted, filled = _clause(positive, asker), _filled(name)
        # `assignee != x` leaves out issues whose assignee is empty, as Jira does.
        return lambda issue: not wanted(issue) and (clause.operator == "is not" or filled(issue))
    if name in {"key", "issuekey", "id", "issue"}:
        return _by_key(clause, asker)
    if name == "statuscategory":
        return _by_category(clause, asker)
    if name == "text":
        return _by_text(clause, lambda issue: " ".join([_texts(issue), *(prose(each.body) for each in issue.comments)]))
    field = _BY_CLAUSE.get(name)
    if field is None:
        raise BadQuery(f"Field '{clause.field}' does not exist or you do not have permission to view it.")
    if field.kind == "sla":
        return _by_clock(clause, asker)
    if field.kind in {"instant", "date"}:
        return _by_date(field, clause, asker)
    if clause.operator == "~":
        return _by_text(clause, lambda issue: prose(issue.value(field.id)))
    return _by_value(field, clause, asker)


def _filled(name: str) -> Test:
    field = _BY_CLAUSE.get(name)
    if field is None or field.kind in {"project", "issuetype", "status"}:
        return lambda _: True
    return lambda issue: bool(issue.value(field.id))


def _texts(issue: Issue) -> str:
    return f"{prose(issue.value('summary'))} {prose(issue.value('description'))}"


def _by_text(clause: Clause, text: Callable[[Issue], str]) -> Test:
    if clause.operator != "~":
        raise BadQuery(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
    words = [word.rstrip("*") for word in clause.values[0].text.lower().strip('"').split()]

    def contains(issue: Issue) -> bool:
        lowered = text(issue).lower()
        return all(word in lowered for word in words)

    return contains


def _by_key(clause: Clause, asker: Asker) -> Test:
    if clause.operator in {"=", "in"}:
        wanted = {issue.id for issue in (asker.find(value.text) for value in clause.values) if issue}
        return lambda issue: issue.id in wanted
    compare, bound = _COMPARE.get(clause.operator), asker.find(clause.values[0].text)
    if compare is None or bound is None:
        raise BadQuery(f"An issue with key '{clause.values[0].text}' does not exist for field '{clause.field}'.")
    return lambda issue: compare(issue.id, bound.id)


def _by_category(clause: Clause, asker: Asker) -> Test:
    names = {"new": "new", "to do": "new", "2": "new", "done": "done", "3": "done"}
    names |= {"indeterminate": "indeterminate", "in progress": "indeterminate", "4": "indeterminate"}
    if unknown := [value.text for value in clause.values if value.text.lower() not in names]:
        raise BadQuery(f"The value '{unknown[0]}' does not exist for the field 'statusCategory'.")
    wanted = {names[value.text.lower()] for value in clause.values}
    statuses = {id_ for id_, status in asker.catalog.statuses.items() if status.category in wanted}
    return lambda issue: issue.fields["status"] in statuses


def _by_clock(clause: Clause, asker: Asker) -> Test:
    """Functions of SLAs: https://support.atlassian.com/jira-service-management-cloud/docs/advanced-search-reference-jql-functions/."""
    value, catalog = clause.values[0], asker.catalog
    terms = sla.Terms(catalog.scheme, catalog.done, catalog.paused, catalog.goals)
    if value.function and value.text in _CLOCKS and clause.operator == "=":
        of = _CLOCKS[value.text]
        return lambda issue: (state := sla.state(issue, terms, asker.now)) is not None and of(state)
    compare, span = _COMPARE.get(clause.operator), _RELATIVE.match("".join(value.arguments))
    if value.text not in {"remaining", "elapsed"} or clause.operator not in {"<", "<=", ">", ">="} or not (compare and span):
        raise BadQuery(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field with '{value.text}'.")
    bound = int(span[2]) * _UNITS[span[3]]

    def within(issue: Issue) -> bool:
        state = sla.state(issue, terms, asker.now)
        if state is None or state.completed:  # these functions see clocks alone that have not stopped
            return False
        return compare(state.remaining if value.text == "remaining" else state.elapsed, bound)

    return within


def _by_date(field: Field, clause: Clause, asker: Asker) -> Test:
    read = field.id
    if clause.operator == "is":
        return lambda issue: issue.value(read) is None
    compare = _COMPARE.get(clause.operator)
    if compare is None:
        raise BadQuery(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
    bound: Any = asker.date(clause.values[0])
    if field.kind == "date":
        bound = datetime.fromtimestamp(bound / 1000, asker.zone).date().isoformat()

    def within(issue: Issue) -> bool:
        value = issue.value(read)
        return value is not None and compare(value, bound)

    return within


def _by_value(field: Field, clause: Clause, asker: Asker) -> Test:
    if clause.operator not in {"=", "in", "is"}:
        raise BadQuery(f"The operator '{clause.operator}' is not supported by the '{clause.field}' field.")
    wanted = {None if value.empty else _value(field, value, asker) for value in clause.values}
    read = field.id
    match field.kind:
        case "project":
            return lambda issue: issue.project.id in wanted
        case "issuetype":
            return lambda _: ISSUE_TYPE[0] in wanted
        case "labels" | "components":

            def holds(issue: Issue) -> bool:
                values: Any = issue.fields.get(read) or (None,)
                return not wanted.isdisjoint(values)

            return holds
        case _:
            return lambda issue: issue.value(read) in wanted


def _value(field: Field, operand: Operand, asker: Asker) -> str:
    """The stored id or word that an operand names."""
    catalog, text = asker.catalog, operand.text
    match field.kind:
        case "project":
            found = catalog.project(text)
            known = found.id if found else next((each.id for each in catalog.projects if each.name.lower() == text.lower()), None)
        case "status":
            status = catalog.status_named(text)
            known = status.id if status else None
        case "priority":
            known = _named(catalog.priorities, text)
        case "components":
            known = _named(catalog.components, text)
        case "option":
            known = _named(catalog.options[field.id], text)
        case "resolution":
            known = RESOLUTION[0] if text.lower() in {RESOLUTION[0], RESOLUTION[1].lower()} else ""
        case "issuetype":
            known = ISSUE_TYPE[0] if text.lower() in {ISSUE_TYPE[0], ISSUE_TYPE[1].lower()} else None
        case "user":
            known = asker.account if operand.function and text == "currentuser" else _account(catalog, text)
        case "labels":
            known = text
        case _:
            raise BadQuery(f"The operator '=' is not supported by the '{field.name}' field.")
    if known is None:
        raise BadQuery(f"The value '{text}' does not exist for the field '{field.name}'.")
    return known


def _named(names: dict[str, str], text: str) -> str | None:
    if text in names:
        return text
    return next((id_ for id_, name in names.items() if name.lower() == text.lower()), None)


def _account(catalog: Catalog, text: str) -> str:
    if text in catalog.users:
        return text
    return next((id_ for id_, user in catalog.users.items() if text.lower() in {user.name.lower(), user.email, user.login}), text)


# --- order ---------------------------------------------------------------------------------------------------------


class _Descending:
    """Turns the order of what it holds."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __lt__(self, other: _Descending) -> bool:
        return bool(other.held < self.held)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.held == other.held

    __hash__ = None  # type: ignore[assignment]


Place = tuple[Any, ...]
"""Where an issue stands in an order; ends with its id, so that no two are equal."""


def ordering(order: Sequence[tuple[str, bool]], catalog: Catalog) -> Callable[[Issue], Place]:
    """The place of an issue in this order; without one, the newest issue comes first. Raises BadQuery."""
    readers = [(_reader(name, catalog), descending) for name, descending in order or [("id", True)]]

    def place(issue: Issue) -> Place:
        values = ((read(issue), descending) for read, descending in readers)
        return (*(_Descending(value) if descending else value for value, descending in values), issue.id)

    return place


def _reader(name: str, catalog: Catalog) -> Callable[[Issue], Any]:
    if name in {"key", "issuekey", "id", "issue"}:
        return lambda issue: issue.id
    field = _BY_CLAUSE.get(name)
    if field is None or field.kind in {"comment", "labels", "components", "sla"}:
        raise BadQuery(f"Not able to sort using field '{name}'.")
    read = field.id
    match field.kind:
        case "priority":
            # Most urgent last, as Jira sorts ascending: the list order of the scheme counts, not the id.
            rank = {id_: -place for place, id_ in enumerate(catalog.scheme)}
            return lambda issue: rank.get(str(issue.fields.get("priority")), 1)
        case "instant":
            return lambda issue: issue.value(read) or 0
        case "project":
            return lambda issue: issue.project.key
        case "issuetype":
            return lambda _: ""
        case _:
            return lambda issue: (_shown(catalog, field, issue.value(read))).lower()


def _shown(catalog: Catalog, field: Field, value: Value) -> str:
    return prose(value) if field.kind in {"text", "body"} else catalog.shown(field, value) or ""
