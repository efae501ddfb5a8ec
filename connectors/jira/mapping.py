"""Jira's issue, changelog and comments as a ticket. Pure: the same answers give the same ticket."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from operator import itemgetter
from typing import Final

from connectors.jira import adf, service_desk, tier_values
from connectors.jira.service_desk import Beside
from connectors.jira.tier_values import TierKind
from connectors.jira.wire import Author, Comment, Entry, Fields, Issue, Item, Named, StatusRef
from rules.instants import DAY, SECOND, Instant, instant
from rules.thanks import only_thanks
from rules.ticket import NATIVE, UNKNOWN, Actor, Change, Kind, Message, Status, Ticket, TicketRef, Value

DESCRIPTION_LIMIT: Final = 8_000
TEXT_LIMIT: Final = 255
ARCHIVED: Final = "archived"
"""Where a ticket's native values say since when it is archived: no search finds it, and nobody can write it."""
_SETTLED: Final = 2 * SECOND

_CATEGORIES: Final[Mapping[str, Status]] = {"new": Status.NEW, "indeterminate": Status.OPEN, "done": Status.RESOLVED}

# The names that Jira and Jira Service Management ship with in English; https://support.atlassian.com/jira-service-management-cloud
_WELL_KNOWN: Final[Mapping[str, Status]] = {
    "reopened": Status.OPEN,
    "waiting for customer": Status.PENDING,
    "waiting on customer": Status.PENDING,
    "awaiting customer": Status.PENDING,
    "pending": Status.PENDING,
    "pending customer": Status.PENDING,
    "waiting for reporter": Status.PENDING,
    "waiting for third party": Status.ON_HOLD,
    "waiting for third-party": Status.ON_HOLD,
    "waiting for vendor": Status.ON_HOLD,
    "waiting for supplier": Status.ON_HOLD,
    "pending vendor": Status.ON_HOLD,
    "on hold": Status.ON_HOLD,
    "closed": Status.CLOSED,
    "canceled": Status.CLOSED,
    "cancelled": Status.CLOSED,
    "declined": Status.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Site:
    """What a site's issues are read with.

    `statuses` maps status ids to their meaning, `by_name` the administrator's names (lower case) to theirs. `teams` are the
    directory's teams in its order; for components the first of an issue's components in that order is its team.
    `stamp_resolution`: milliseconds to which a search tells when an issue was updated.
    """

    source: str
    url: str
    own_account: str
    tier_kind: TierKind
    tier_field: str
    statuses: Mapping[str, Status]
    by_name: Mapping[str, Status] = field(default_factory=dict)
    teams: Mapping[str, str] = field(default_factory=dict)
    automation: frozenset[str] = frozenset()
    beside: Beside = field(default_factory=Beside)
    stamp_resolution: int = 1


def meaning(name: str, category: str, by_name: Mapping[str, Status]) -> Status:
    """Which of the six a status is: by the administrator's names, by the names Jira ships with, by its category.

    A category that Jira does not know itself (`undefined`) means open: such a ticket is watched rather than forgotten.
    """
    folded = name.casefold()
    return by_name.get(folded) or _WELL_KNOWN.get(folded) or _CATEGORIES.get(category, Status.OPEN)


def status_meanings(statuses: Sequence[StatusRef], by_name: Mapping[str, Status]) -> dict[str, Status]:
    """The meaning of each status id of a site."""
    return {each["id"]: _of_category(each, by_name) for each in statuses}


def row_version(updated: Instant) -> str:
    """The version of an issue as a search row shows it: its `updated`, in milliseconds."""
    return str(updated)


def version(updated: Instant, known: Instant) -> str:
    """The version of an issue read at `known`: equal to the row's only once nothing more can happen under that stamp.

    `updated` has a resolution of a millisecond and the Date header of a second, and Jira's nodes have a clock each. An issue read
    within two seconds of its stamp might be saved once more under the same stamp, so it gets a version that no row ever shows:
    the next run sees it as changed and reads it once more.
    """
    return str(updated) if known - updated >= _SETTLED else f"{updated}~{known}"


Move = tuple[str, Value, Value]
"""A field of the model, its old and its new value."""
Save = tuple[Instant, int, Entry]
"""A changelog entry with its instant and its number."""
_when: Final = itemgetter(0, 1)
_spoken: Final = itemgetter("created", "id")
_PEOPLE: Final = frozenset((Kind.STAFF, Kind.REQUESTER))
_NOBODY: Final = Actor("", Kind.AUTOMATION)


class Mapper:
    """Makes tickets of issues that were read together.

    `known` is the server time of the earliest answer they are made of. Equal actors of one batch are mapped once, and so are
    equal changelog items, but for those that hold ids alone: these differ, and to map them costs less than to look them up.
    """

    def __init__(self, site: Site, known: Instant) -> None:
        self._site = site
        self._known = known
        self._actors: dict[tuple[str, str, bool], Actor] = {}
        self._moves: dict[tuple[str | None, ...], Sequence[Move]] = {}
        self.unknown_statuses: set[str] = set()  # ids met in histories that the site's statuses do not explain

    def ticket(self, issue: Issue, entries: Sequence[Entry], comments: Sequence[Comment]) -> Ticket:
        """The ticket of an issue with its whole changelog and all of its comments."""
        site, fields, known = self._site, issue["fields"], self._known
        values = _values(site, fields)
        if site.beside.ids:
            values |= service_desk.values(fields, site.beside)
        requester = values["requester"]
        updated = fields["updated"]
        saves = sorted([(entry["created"], entry["id"], entry) for entry in entries], key=_when)
        while saves and saves[-1][0] > updated and self._is_later_than_the_fields(saves[-1][2], values):
            saves.pop()
        created = fields["created"]
        messages, values["last_comment"] = self._messages(comments, requester)
        return Ticket(
            ref=TicketRef(site.source, issue["id"]),
            key=issue["key"],
            url=f"{site.url}/browse/{issue['key']}",
            version=version(updated - updated % site.stamp_resolution, known),
            created=created,
            known=known,
            fields=values,
            changes=self._changes(saves, requester, fields.get("components") or ()),
            messages=messages,
            complete_from=created,
            native=_native(fields),
        )

    def _changes(self, saves: Sequence[Save], requester: Value, components: Sequence[Named]) -> tuple[Change, ...]:
        known = self._known
        steps: Mapping[int, Sequence[Move]] | None = None
        found: list[Change] = []
        for at, number, entry in saves:
            by, save, items = self._actor(entry.get("author"), requester), str(number), entry.get("items", ())
            touched = False
            for item in items:
                moves = self._moves_of(item)
                if moves is _WITH_NEIGHBOURS:
                    steps = _component_steps(self._site, saves, components) if steps is None else steps
                    moves = steps[number] if item is _first_of_components(items) else ()
                for name, old, new in moves:
                    found.append(Change(at, known, number, save, name, old, new, by))
                    touched = True
            if items and not touched:
                found.append(Change(at, known, number, save, *_other(items[0]), by))
        return tuple(found)

    def _messages(self, comments: Sequence[Comment], requester: Value) -> tuple[tuple[Message, ...], str | None]:
        """The messages in order, and what a person wrote last."""
        if not comments:
            return (), None
        known, messages = self._known, []
        last: Comment | None = None
        words: str | None = None
        for each in sorted(comments, key=_spoken) if len(comments) > 1 else comments:
            by, thanks, text = self._actor(each.get("author"), requester), False, None
            if by.kind is Kind.REQUESTER:
                text = adf.plain(each.get("body"), DESCRIPTION_LIMIT)
                thanks = only_thanks(text)
            if by.kind in _PEOPLE:
                last, words = each, text
            messages.append(Message(each["created"], known, str(each["id"]), by, is_public(each), thanks))
        if last is not None and words is None:
            words = adf.plain(last.get("body"), DESCRIPTION_LIMIT)
        return tuple(messages), words

    def _actor(self, user: Author | None, requester: Value) -> Actor:
        """Who acted. Nobody named means Jira itself; a staff member who reported the issue speaks as its requester."""
        if user is None:
            return _NOBODY
        id_ = user.get("account_id", "")
        key = (id_, user.get("account_type", ""), id_ == requester)
        known = self._actors.get(key)
        if known is None:
            known = self._actors[key] = Actor(id_, self._kind(*key))
        return known

    def _kind(self, id_: str, type_: str, is_requester: bool) -> Kind:  # noqa: FBT001 - part of the key
        if id_ == self._site.own_account:
            return Kind.OWN_ACCOUNT
        if type_ == "app" or id_ in self._site.automation:
            return Kind.AUTOMATION
        return Kind.REQUESTER if type_ == "customer" or is_requester else Kind.STAFF

    def _is_later_than_the_fields(self, entry: Entry, values: Mapping[str, Value]) -> bool:
        """Whether a save was made between the read of the fields and that of the changelog: they still show its old value.

        A stamp alone does not tell: Jira stamps the issue and its changelog entry one after the other.
        """
        for item in entry.get("items", ()):
            for name, old, new in self._moves_of(item):
                if old != new and values.get(name) in {old, new}:
                    return values.get(name) == old
        return False

    def _moves_of(self, item: Item) -> Sequence[Move]:
        """The field moves of one item; components need their neighbours and are not among them."""
        name = item_name(item)
        if of_ids := _IDS.get(name):
            return ((of_ids, item.get("old") or None, item.get("new") or None),)
        key = (name, item.get("old"), item.get("new"), item.get("old_text"), item.get("new_text"))
        known = self._moves.get(key)
        if known is None:
            known = self._moves[key] = moves(self._site, name, item)
            if name == "status":
                given = {item.get("old") or "", item.get("new") or ""}
                self.unknown_statuses |= given - self._site.statuses.keys() - {""}
        return known


READ: Final = frozenset((
    "status", "native_status", "priority", "team", "assignee", "labels", "requester", "type", "project", "service", "subject",
    "description", "due", "last_comment",
))  # fmt: skip
"""The fields of a ticket that come of an issue."""


def _values(site: Site, fields: Fields) -> dict[str, Value]:
    priority, assignee, reporter = fields.get("priority"), fields.get("assignee"), fields.get("reporter")
    components = {each["id"]: each["name"] for each in fields.get("components") or ()}
    status, description, due = fields["status"], fields.get("description"), fields.get("duedate")
    return {
        "status": site.statuses.get(status["id"]) or _of_category(status, site.by_name),
        "native_status": status["id"],
        "priority": priority["id"] if priority else None,
        "team": tier_values.held(site.tier_kind, site.teams, fields.get("tier"), components, status["id"]),
        "assignee": assignee.get("account_id") if assignee else None,
        "labels": tuple(sorted(fields.get("labels") or ())),
        "requester": reporter.get("account_id") if reporter else None,
        "type": fields["issuetype"]["name"],
        "project": fields["project"]["key"],
        "service": _service(components),
        "subject": fields.get("summary"),
        "description": None if description is None else adf.plain(description, DESCRIPTION_LIMIT),
        "due": None if due is None else _end_of_day(due),
    }


def _of_category(status: StatusRef, by_name: Mapping[str, Status]) -> Status:
    category = status.get("category")
    return meaning(status["name"], category["key"] if category else "", by_name)


def _native(fields: Fields) -> dict[str, str]:
    shown = {"status": fields["status"]["name"], "type": fields["issuetype"]["name"]}
    if priority := fields.get("priority"):
        shown["priority"] = priority["name"]
    if assignee := fields.get("assignee"):
        shown["assignee"] = assignee.get("name", "")
    if reporter := fields.get("reporter"):
        shown["requester"] = reporter.get("name", "")
    if archived := fields.get("archiveddate"):
        shown[ARCHIVED] = archived
    tier = fields.get("tier")
    if isinstance(tier, dict):
        shown["team"] = str(tier.get("value") or tier.get("name") or tier.get("title") or "")
    return shown


def _service(components: Mapping[str, str]) -> str | None:
    """The first component in order of the alphabet: the order of an issue's own list is not kept in its history."""
    return min(components.values()) if components else None


def _end_of_day(day: date) -> Instant:
    """A due date names a day: it has passed when that day has ended in UTC, whatever zone the reader lives in."""
    return instant(datetime.combine(day, time(), UTC)) + DAY


def is_public(comment: Comment) -> bool:
    """Whether the requester can read a comment; outside Jira Service Management whatever no role or group is named for."""
    public = comment.get("public")
    return comment.get("visibility") is None if public is None else public


# --- changelog items -------------------------------------------------------------------------------------------------


def item_name(item: Item) -> str:
    """The id of the field that an item is about; old entries have its English name only."""
    return item.get("field_id") or item.get("field", "").casefold()


def moves(site: Site, name: str, item: Item) -> Sequence[Move]:
    """What one item means for the fields of the model; nothing for a field that the model has not."""
    if site.tier_field and name == site.tier_field:
        old, new = (item.get("old") or "", item.get("old_text") or ""), (item.get("new") or "", item.get("new_text") or "")
        return (("team", *tier_values.told(site.tier_kind, site.teams, old, new)),)
    if name in _COMPONENTS:
        return _WITH_NEIGHBOURS
    if name in site.beside.facts or name in site.beside.native:
        return _beside_moves(site.beside, name, item)
    map_ = _ITEMS.get(name)
    return map_(site, item) if map_ else ()


def _beside_moves(beside: Beside, id_: str, item: Item) -> Sequence[Move]:
    """Histories name values as people see them. Of approvals, and of lists of anything else, they don't tell what it was."""
    old, new = item.get("old_text") or None, item.get("new_text") or None
    if id_ in beside.several:
        return ()
    if name := beside.native.get(id_):
        return ((f"{NATIVE}{name}", old, new),)
    match beside.facts[id_]:
        case "request_type":
            return (("request_type", old, new),)
        case "organisation":
            first = (service_desk.first_of(filter(None, (text or "").split(", "))) for text in (old, new))
            return (("organisation", *first),)  # type: ignore[return-value]  # two texts
        case _:
            return ()


def _by_text(name: str, limit: int = TEXT_LIMIT) -> Callable[[Site, Item], Sequence[Move]]:
    def moves(_: Site, item: Item) -> Sequence[Move]:
        old, new = item.get("old_text"), item.get("new_text")
        return ((name, old[:limit] if old else None, new[:limit] if new else None),)

    return moves


def _status_moves(site: Site, item: Item) -> Sequence[Move]:
    old = _status_of(site, item.get("old"), item.get("old_text"))
    new = _status_of(site, item.get("new"), item.get("new_text"))
    native: Move = ("native_status", item.get("old"), item.get("new"))
    found: list[Move] = [native] if old == new else [("status", old, new), native]
    if site.tier_kind == "status":
        before, after = (team if team in site.teams else None for team in (item.get("old"), item.get("new")))
        found += [("team", before, after)] if before != after else []
    return found


def _status_of(site: Site, id_: str | None, name: str | None) -> Value:
    """The meaning of a status of the past: one that the site no longer has is known by its name, or not at all."""
    folded = (name or "").casefold()
    return site.statuses.get(id_ or "") or site.by_name.get(folded) or _WELL_KNOWN.get(folded) or UNKNOWN


def _label_moves(_: Site, item: Item) -> Sequence[Move]:
    return (("labels", tuple(sorted((item.get("old_text") or "").split())), tuple(sorted((item.get("new_text") or "").split()))),)


def _due_moves(_: Site, item: Item) -> Sequence[Move]:
    return (("due", _day(item.get("old")), _day(item.get("new"))),)


def _day(text: str | None) -> Value:
    if not text:
        return None
    try:
        return _end_of_day(date.fromisoformat(text[:10]))
    except ValueError:
        return UNKNOWN


def _key_moves(_: Site, item: Item) -> Sequence[Move]:
    """A move to another project is read from the key: the project's own item names ids, the ticket keys."""
    old, new = (item.get("old_text") or "").rpartition("-")[0], (item.get("new_text") or "").rpartition("-")[0]
    return (("project", old or UNKNOWN, new or UNKNOWN),)


_ITEMS: Final[Mapping[str, Callable[[Site, Item], Sequence[Move]]]] = {
    "status": _status_moves,
    "labels": _label_moves,
    "issuetype": _by_text("type"),
    "summary": _by_text("subject"),
    "description": _by_text("description", DESCRIPTION_LIMIT),
    "duedate": _due_moves,
    "key": _key_moves,
}
_IDS: Final[Mapping[str, str]] = {"priority": "priority", "assignee": "assignee", "reporter": "requester"}
"""Items whose ids are the values of a field of the model."""
_COMPONENTS: Final = frozenset({"components", "component"})
_WITH_NEIGHBOURS: Final[Sequence[Move]] = []
"""Stands for the moves of a components item: each adds or takes one, so only the walk over all of them knows the first."""


def _first_of_components(items: Sequence[Item]) -> Item:
    return next(item for item in items if item_name(item) in _COMPONENTS)


def _component_steps(site: Site, saves: Sequence[Save], components: Sequence[Named]) -> dict[int, list[Move]]:
    """Per save that touched components its moves, found by walking back from the present components."""
    steps: dict[int, list[Move]] = {}
    after = {each["id"]: each["name"] for each in components}
    for _, number, entry in reversed(saves):
        items = [item for item in entry.get("items", ()) if item_name(item) in _COMPONENTS]
        if items:
            gone = {old: item.get("old_text") or "" for item in items if (old := item.get("old"))}
            come = {item.get("new") for item in items}
            before = {id_: name for id_, name in after.items() if id_ not in come} | gone
            steps[number] = _component_moves(site, before, after)
            after = before
    return steps


def _component_moves(site: Site, before: Mapping[str, str], after: Mapping[str, str]) -> list[Move]:
    found: list[Move] = [("service", _service(before), _service(after))]
    if site.tier_kind == "component":
        held = (tier_values.held(site.tier_kind, site.teams, None, each, "") for each in (before, after))
        found.append(("team", *held))  # type: ignore[arg-type]  # two teams
    return [move for move in found if move[1] != move[2]]


def _other(item: Item) -> Move:
    """A save that touched no field of the model still is a touch: it is kept under the field's own id."""
    old, new = (item.get("old") or item.get("old_text")), (item.get("new") or item.get("new_text"))
    return item_name(item) or "other", old[:TEXT_LIMIT] if old else None, new[:TEXT_LIMIT] if new else None
