"""A history as it befalls an account: words of a desk become values of a ticket, and each event is an update."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.sandboxes.history import Event, EventValue, History
from connectors.zendesk.site.catalog import LINE, PRIORITIES, SERVICE, STATUS_OF_ROLE, SYSTEM, Catalog, role_of, user_id
from connectors.zendesk.site.saving import By, Said, Saving
from connectors.zendesk.site.state import WEB, Ticket, Value, Via
from rules.instants import Instant

AUTOMATION = Via("rule", "automation", 23_111_000_000_001, "The desk's own automation")


class Replay:
    """Carries a history's events out. `names` gives the ticket's id of each issue that has begun; `edited` hears of updates."""

    def __init__(self, history: History, catalog: Catalog, saving: Saving) -> None:
        self._history = history
        self._catalog = catalog
        self._saving = saving
        self._done = 0
        self._apps = {each.handle for each in history.people.values() if each.account_type == "app"}
        self._categories = {each.name: STATUS_OF_ROLE[role_of(history, each.name)] for each in history.statuses}
        self._closed = {each.name for each in history.statuses if role_of(history, each.name) == "closed"}
        self._last = {event.issue: place for place, event in enumerate(history.events)}
        self._known: dict[tuple[str, EventValue], Mapping[str, Value]] = {}
        self.names: dict[str, int] = {}
        self.edited: Callable[[Instant], None] = lambda _at: None

    def next_at(self) -> Instant | None:
        """When the next event lies; None where there is no more."""
        events = self._history.events
        return events[self._done].at if self._done < len(events) else None

    def step(self) -> None:
        """Let the next event happen."""
        place = self._done
        self._done += 1
        self._happen(self._history.events[place], final=self._last[self._history.events[place].issue] == place)

    def _happen(self, event: Event, *, final: bool) -> None:
        person = user_id(event.author)
        by = By(SYSTEM, AUTOMATION) if event.author in self._apps else By(person, WEB)
        said = Said(person, event.note.text, event.note.public) if event.note else None
        known = self.names.get(event.issue)
        if known is None:
            ticket = self._begin(event, by, person)
            if said:
                self._saving.commit(ticket, {}, by, event.at, said)
            return
        found = self._saving.tickets.find(known)
        if found is None or found.status == "closed":
            return  # somebody has deleted or closed it
        changes = self._values(event.fields, found)
        if final and event.fields.get("status") in self._closed:
            changes["status"] = "closed"
            changes.pop("custom_status_id", None)
        self._saving.commit(found, changes, by, event.at, said)
        self.edited(event.at)

    def _begin(self, event: Event, by: By, person: int) -> Ticket:
        text = event.fields.get("description") or event.fields.get("summary") or event.issue
        requester = self._catalog.users[person]
        values: dict[str, Value] = {"requester_id": person, "submitter_id": person, "organization_id": requester.organization}
        values |= {"type": "incident", **self._values(event.fields, None)}
        ticket = self._saving.create(values, by, event.at, Said(person, str(text), public=True))
        self.names[event.issue] = ticket.id
        return ticket

    def _values(self, fields: Mapping[str, EventValue], ticket: Ticket | None) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, value in fields.items():
            if name == "status":
                values["custom_status_id"] = self._custom_status(str(value), ticket)
            elif name == "labels":
                kept = [tag for tag in ticket.tags if tag in self._catalog.lines] if ticket else []
                values["tags"] = (*kept, *(value or ()))
            else:
                values |= self._fixed(name, value)
        if "team" not in fields and "line" in fields and not self._history.teams:
            values["group_id"] = self._catalog.group_ids.get(str(fields["line"]))
        # An event is absolute: a group does not empty the assignee that it leaves alone, an assignee brings no group.
        if ticket is not None and {"group_id", "assignee_id"} & set(values):
            values = {name: ticket.values.get(name) for name in ("group_id", "assignee_id")} | values
        return values

    def _fixed(self, name: str, value: EventValue) -> Mapping[str, Value]:
        """What a word means for every ticket alike."""
        if (name, value) not in self._known:
            self._known[name, value] = self._value(name, str(value or ""))
        return self._known[name, value]

    def _value(self, name: str, word: str) -> Mapping[str, Value]:
        catalog = self._catalog
        match name:
            case "team":
                return {"group_id": catalog.group_ids.get(word)}
            case "assignee":
                return {"assignee_id": user_id(word) if word else None}
            case "priority":
                known = self._history.priorities
                place = min(known.index(word), 3) if word in known else 2
                return {"priority": PRIORITIES[3 - place]}
            case "line":
                return {str(LINE): catalog.line_tags.get(word)}
            case "component":
                return {str(SERVICE): word or None}
            case "summary":
                return {"subject": word}
        return {}

    def _custom_status(self, status: str, ticket: Ticket | None) -> int:
        """No ticket becomes new again: it is open then."""
        if self._categories[status] == "new" and ticket is not None and ticket.status != "new":
            return self._catalog.defaults["open"]
        return self._catalog.status_ids[status]
