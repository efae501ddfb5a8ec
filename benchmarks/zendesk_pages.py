"""Made-up tickets, written as the answers that a Zendesk account gives for them, and a site that hands these out.

`tickets` are pages of the incremental export, a thousand tickets with the people and organizations that they name; one in twelve
is not closed, and has its `audits`, a page for each. With `news` none is closed, and once they are read `changed` exports all of
them anew, while `events` tells what happened meanwhile: three audits for each, a thousand to a page, which ends with a whole
second that the next page begins with. Contents are invented, the same for the same seed; each row has all the keys that the
reference names.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from rules.instants import SECOND, moment

PAGE: Final = 1_000
NOT_CLOSED: Final = 12
"""One ticket in so many: Zendesk closes what was solved 28 days ago at the latest, and an account is older than a year."""
SAVES: Final = 3
SHAPES: Final = ("tickets", "audits", "changed", "events")
HOST: Final = "https://example.zendesk.com"
FIRST: Final = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
GROUPS: Final = {
    9_000_000_000_001: "Service Desk",
    9_000_000_000_002: "Network Operations",
    9_000_000_000_003: "Network Engineering",
}
AGENTS: Final = 200
PRIORITIES: Final = ("urgent", "high", "normal", "low")
_OWN: Final = 8_000_000_000_000
_AGENT: Final = 8_100_000_000_000
_CUSTOMER: Final = 8_200_000_000_000
_ORGANIZATION: Final = 7_000_000_000_000
_FIELD: Final = 6_000_000_000_000
_FORM: Final = 5_000_000_000_001
_BRAND: Final = 5_000_000_000_002
_STATUSES: Final = {"new": 1, "open": 2, "pending": 3, "hold": 4, "solved": 5, "closed": 5}
_SENTENCE: Final = "the printer on floor three cannot reach mail server after update user sees error and waits for network team"
_WORDS: Final = tuple(_SENTENCE.split(" "))

_EMPTY: Final = ("collaborator_ids", "follower_ids", "email_cc_ids", "sharing_agreement_ids", "followup_ids")

Shown = dict[str, Any]


def write(folder: Path, tickets: int, *, news: bool = False, seed: int = 1) -> dict[str, int]:
    """Write the pages of that many tickets unless they are there; gives the bytes of each shape."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    if not done.exists():
        made = _Made(folder, tickets, seed, news=news)
        made.write()
        done.touch()
    return {shape: sum(file.stat().st_size for file in folder.glob(f"{shape}-*.json")) for shape in SHAPES}


class _Made:
    """All pages of an account."""

    def __init__(self, folder: Path, tickets: int, seed: int, *, news: bool) -> None:
        self._folder, self._number, self._news = folder, tickets, news
        self._rng = random.Random(seed)

    def write(self) -> None:
        changed: list[_Ticket] = []
        for start in range(0, self._number, PAGE):
            tickets = [self._ticket(number) for number in range(start, min(start + PAGE, self._number))]
            end = start + PAGE >= self._number
            self._page("tickets", start // PAGE, tickets, "n0" if end else f"t{start // PAGE + 1}", end=end)
            for ticket in tickets:
                if ticket.row["status"] != "closed":
                    self._put(f"audits-{ticket.id}", {"audits": ticket.audits, "meta": {"has_more": False}})
            if self._news:
                changed += tickets
        if self._news:
            self._write_news(changed)
        else:
            self._page("changed", 0, [], "n0", end=True)

    def _ticket(self, number: int) -> _Ticket:
        begun = FIRST + number * 60
        ticket = _Ticket(self._rng, number + 1, begun, self._number)
        for k in range(SAVES):
            ticket.save(begun + 900 * (k + 1))
        if not self._news and number % NOT_CLOSED:
            ticket.close(begun + 3_600)
        ticket.show()
        return ticket

    def _write_news(self, tickets: Sequence[_Ticket]) -> None:
        """Somebody works through all of them: three saves each within some minutes, one ticket after the other."""
        begun = FIRST + (self._number + 1_440) * 60
        for place, ticket in enumerate(tickets):
            ticket.audits = []
            for k in range(SAVES):
                ticket.save(begun + place + k * 40)
            ticket.show()
        pages = range(0, self._number, PAGE)
        for start in pages:
            end = start + PAGE >= self._number
            page = start // PAGE
            self._page("changed", page, tickets[start : start + PAGE], f"n{page + 1}", end=end)
        self._page("changed", len(pages), [], f"n{len(pages)}", end=True)
        self._write_events(
            sorted((audit for ticket in tickets for audit in ticket.audits), key=lambda audit: audit["created_at"])
        )

    def _write_events(self, audits: Sequence[Shown]) -> None:
        """Pages that end with a whole second, which the next one begins with once more."""
        stamps = [_second(audit["created_at"]) for audit in audits]
        index, start, since, page = {}, 0, 0, 0
        while True:
            end = bisect_right(stamps, stamps[min(start + PAGE, len(stamps)) - 1])
            stop = stamps[end - 1]
            following = f"{HOST}/api/v2/incremental/ticket_events.json?start_time={stop}&include=comment_events"
            shown = {"ticket_events": [_event(each) for each in audits[start:end]], "count": end - start, "end_time": stop}
            self._put(f"events-{page}", shown | {"end_of_stream": end == len(stamps), "next_page": following})
            index[since] = page
            if end == len(stamps):
                break
            start, since, page = bisect_left(stamps, stop), stop, page + 1
        (self._folder / "starts").write_text(json.dumps(index), encoding="utf-8")

    def _page(self, shape: str, number: int, tickets: Sequence[_Ticket], cursor: str, *, end: bool) -> None:
        rows = [ticket.row for ticket in tickets]
        people = dict.fromkeys(id_ for row in rows for id_ in (row["requester_id"], row["assignee_id"]) if id_ is not None)
        organizations = dict.fromkeys(row["organization_id"] for row in rows)
        again = f"{HOST}/api/v2/incremental/tickets/cursor.json?cursor={cursor}&per_page={PAGE}"
        shown: Shown = {"tickets": rows, "after_cursor": cursor, "after_url": again, "before_cursor": None, "before_url": None}
        shown |= {"end_of_stream": end, "users": [_user(id_) for id_ in people]}
        self._put(f"{shape}-{number}", shown | {"organizations": [_organization(id_) for id_ in organizations]})

    def _put(self, name: str, shown: Shown) -> None:
        (self._folder / f"{name}.json").write_text(json.dumps(shown, separators=(",", ":")), encoding="utf-8")


class _Ticket:
    """One ticket: its row as it stands, and the audits that led there."""

    def __init__(self, rng: random.Random, id_: int, begun: int, customers: int) -> None:
        self._rng, self.id, self._begun = rng, id_, begun
        self.updated, self._count = begun, 0
        self._customer = _CUSTOMER + rng.randrange(customers)
        self._subject, self._description = self._words(8), self._words(60)
        self._now: Shown = {
            "status": "new",
            "priority": rng.choice(PRIORITIES),
            "group_id": min(GROUPS),
            "assignee_id": None,
            "tags": ["network"],
        }
        self.row: Shown = {}
        self.audits: list[Shown] = []
        first = [self._told("Create", field_name=name, value=_told_as(value)) for name, value in self._now.items()]
        self._audit(begun, self._customer, [self._said(self._customer, public=True), *first])

    def save(self, second: int) -> None:
        """Somebody works on it: one to three fields, and often a word."""
        rng, now = self._rng, self._now
        moves: Shown = {}
        if now["assignee_id"] is None or rng.random() < 0.4:
            moves["assignee_id"] = _AGENT + rng.randrange(AGENTS)
        if rng.random() < 0.4:
            moves["group_id"] = rng.choice(sorted(GROUPS))
        if rng.random() < 0.5 or not moves:
            moves["status"] = rng.choice(("open", "pending", "hold"))
        agent = _AGENT + rng.randrange(AGENTS)
        events = [self._moved(name, value) for name, value in moves.items() if now[name] != value]
        if rng.random() < 0.5 or not events:
            events.append(self._said(agent, public=rng.random() < 0.5))
        self._audit(second, agent, events)

    def close(self, second: int) -> None:
        """An automation of the account closes it."""
        self._audit(second, -1, [self._moved("status", "closed")])

    def _moved(self, name: str, value: Any) -> Shown:
        old, self._now[name] = self._now[name], value
        return self._told("Change", field_name=name, value=_told_as(value), previous_value=_told_as(old))

    def _said(self, author: int, *, public: bool) -> Shown:
        text = self._words(30)
        html = f'<div class="zd-comment" dir="auto"><p>{text}</p></div>'
        told = {"author_id": author, "body": text, "html_body": html, "plain_body": text, "public": public}
        return self._told("Comment", **told, attachments=[], audit_id=self._id(0))

    def _told(self, kind: str, **facts: Any) -> Shown:
        self._count += 1
        return {"id": self._id(self._count), "type": kind, **facts}

    def _id(self, number: int) -> int:
        return 10_000_000_000_000 + self.id * 1_000 + number

    def _audit(self, second: int, author: int, events: list[Shown]) -> None:
        self._count += 1
        self.updated = second
        system = {"client": "Mozilla/5.0 (X11; Linux x86_64)", "ip_address": "192.0.2.1", "location": "Utrecht, UT, Netherlands"}
        self.audits.append({
            "id": self._id(self._count),
            "ticket_id": self.id,
            "created_at": _stamp(second),
            "author_id": author,
            "metadata": {"system": {**system, "latitude": 52.1, "longitude": 5.1}, "custom": {}},
            "events": events,
            "via": _via("rule" if author == -1 else "web"),
        })  # fmt: skip

    def show(self) -> None:
        """Its row, as it stands now."""
        now = self._now
        customs: list[Shown] = [{"id": _FIELD + number, "value": None} for number in range(12)]
        customs[0]["value"], customs[1]["value"] = "vpn", "no"
        due = {"breach_at": _stamp(self._begun + 8 * 3_600), "stage": "active", "metric": "first_reply_time", "hours": 8}
        work = {"breach_at": None, "stage": "paused", "metric": "requester_wait_time", "hours": 20}
        self.row = {
            "url": f"{HOST}/api/v2/tickets/{self.id}.json",
            "id": self.id,
            "external_id": None,
            "via": _via("email"),
            "created_at": _stamp(self._begun),
            "updated_at": _stamp(self.updated),
            "generated_timestamp": self.updated,
            "type": "incident",
            "subject": self._subject,
            "raw_subject": self._subject,
            "description": self._description,
            **now,
            "recipient": "support@example.com",
            "requester_id": self._customer,
            "submitter_id": self._customer,
            "organization_id": _ORGANIZATION + self._customer % 400,
            **{name: [] for name in _EMPTY},
            "forum_topic_id": None,
            "problem_id": None,
            "has_incidents": False,
            "is_public": True,
            "due_at": None,
            "custom_fields": customs,
            "fields": customs,
            "satisfaction_rating": {"score": "unoffered"},
            "custom_status_id": _STATUSES[now["status"]],
            "encoded_id": f"{self.id:06X}-0000",
            "ticket_form_id": _FORM,
            "brand_id": _BRAND,
            "allow_channelback": False,
            "allow_attachments": True,
            "from_messaging_channel": False,
            "slas": {"policy_metrics": [due, work]},
        }

    def _words(self, number: int) -> str:
        return " ".join(self._rng.choices(_WORDS, k=number))


def _told_as(value: Any) -> Any:
    """An audit's values are texts, or a list of them."""
    return value if value is None or isinstance(value, list) else str(value)


def _event(audit: Shown) -> Shown:
    """An audit as the stream of ticket events tells it: the new value stands under the field's own name."""
    children = []
    for event in audit["events"]:
        child = {"id": event["id"], "via": "Web form", "via_reference_id": None, "event_type": event["type"]}
        if event["type"] == "Comment":
            child |= {"comment_present": True, "comment_public": event["public"]}
            child |= {name: value for name, value in event.items() if name not in {"id", "type"}}
        else:
            child |= {event["field_name"]: event["value"], "previous_value": event.get("previous_value")}
        children.append(child)
    return {
        "id": audit["id"],
        "ticket_id": audit["ticket_id"],
        "timestamp": _second(audit["created_at"]),
        "created_at": audit["created_at"],
        "updater_id": audit["author_id"],
        "via": "Web form",
        "system": audit["metadata"]["system"],
        "event_type": "Audit",
        "child_events": children,
    }


def _user(id_: int) -> Shown:
    agent = id_ < _CUSTOMER
    empty = ("phone", "photo", "shared_phone_number", "custom_role_id", "external_id", "two_factor_auth_enabled", "signature")
    return {
        "id": id_,
        "url": f"{HOST}/api/v2/users/{id_}.json",
        "name": f"{'Agent' if agent else 'Customer'} {id_}",
        "email": f"user.{id_}@example.com",
        "role": ("admin" if id_ == _OWN else "agent") if agent else "end-user",
        "role_type": 0 if agent else None,
        "created_at": _stamp(FIRST),
        "updated_at": _stamp(FIRST),
        "time_zone": "Amsterdam",
        "iana_time_zone": "Europe/Amsterdam",
        "locale_id": 1,
        "locale": "en-US",
        "organization_id": None if agent else _ORGANIZATION + id_ % 400,
        "verified": True,
        "active": True,
        "suspended": False,
        "shared": False,
        "tags": [],
        "last_login_at": _stamp(FIRST),
        "ticket_restriction": None if agent else "requested",
        "user_fields": {},
        **dict.fromkeys(empty),
    }


def _organization(id_: int) -> Shown:
    dates = {"created_at": _stamp(FIRST), "updated_at": _stamp(FIRST)}
    lists: Shown = {"tags": [], "domain_names": [], "organization_fields": {}}
    url = f"{HOST}/api/v2/organizations/{id_}.json"
    return {
        "url": url,
        "id": id_,
        "name": f"Customer {id_}",
        "shared_tickets": False,
        "details": "",
        "notes": "",
        **dates,
        **lists,
    }


def _via(channel: str) -> Shown:
    return {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}}


def _stamp(second: int) -> str:
    return moment(second * SECOND).strftime("%Y-%m-%dT%H:%M:%SZ")


def _second(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp())


# --- the site --------------------------------------------------------------------------------------------------------

_FACTS: Final[dict[str, list[Shown]]] = {
    "groups": [{"id": id_, "name": name, "deleted": False} for id_, name in GROUPS.items()],
    "assignable": [
        {"id": number, "user_id": _AGENT + number, "group_id": group, "default": False}
        for number in range(AGENTS)
        for group in GROUPS
    ],
    "custom_statuses": [
        {"id": id_, "status_category": name, "agent_label": name.title(), "active": True, "default": True}
        for name, id_ in _STATUSES.items()
        if name != "closed"
    ],
    "brands": [{"id": _BRAND, "name": "Example"}],
    "ticket_forms": [{"id": _FORM, "name": "Default"}],
    "ticket_fields": [],
}
_LISTS: Final = {"assignable": "group_memberships"}


def page_of(_method: bytes, target: str, _body: bytes, folder: Path) -> str | None:
    """The file that a request asks for; None where it asks for something else."""
    address = urlsplit(target)
    path, query = address.path.removesuffix(".json"), _query(address.query)
    if path.endswith("/audits"):
        return f"audits-{path.split('/')[-2]}.json"
    if path.endswith("/tickets/cursor"):
        cursor = query.get("cursor", "t0")
        return f"{'tickets' if cursor.startswith('t') else 'changed'}-{cursor[1:]}.json"
    if path.endswith("/ticket_events"):
        return f"events-{_starts(folder).get(query['start_time'], 0)}.json"
    return None


def headers_of(_target: str, _folder: Path) -> Mapping[str, str]:
    """What stands beside a page."""
    return {"ratelimit-limit": "700", "ratelimit-remaining": "699", "ratelimit-reset": "60"}


def content(target: str, _folder: Path) -> bytes:
    """What is answered to whoever signs in and looks around."""
    address = urlsplit(target)
    name, query = address.path.removesuffix(".json").rpartition("/")[2], _query(address.query)
    if name == "me":
        return json.dumps({"user": _user(_OWN)}).encode()
    if name == "show_many":
        made = _user if "/users/" in address.path else _organization
        kind = "users" if "/users/" in address.path else "organizations"
        return json.dumps({kind: [made(int(id_)) for id_ in query["ids"].split(",")]}).encode()
    if name == "users":
        agents = range(_AGENT, _AGENT + AGENTS) if query.get("role") == "agent" else [_OWN]
        return _list("users", [_user(id_) for id_ in agents])
    return _list(_LISTS.get(name, name), _FACTS.get(name, []))


def _list(name: str, rows: list[Shown]) -> bytes:
    return json.dumps({name: rows, "meta": {"has_more": False}}).encode()


def _query(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


_KNOWN: Final[dict[Path, dict[str, int]]] = {}


def _starts(folder: Path) -> dict[str, int]:
    """The page that begins at each second, by its text."""
    if folder not in _KNOWN:
        _KNOWN[folder] = json.loads((folder / "starts").read_text(encoding="utf-8"))
    return _KNOWN[folder]
