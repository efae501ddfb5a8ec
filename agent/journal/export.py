"""The journal for others: JSON Lines with all that the chain is made of, and event logs for process-mining tools.

Everything is given out piece by piece, so that a journal of millions of lines needs no more memory than one of ten.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from sqlalchemy import Connection

from agent.store import sources
from agent.store.journal_events import Chosen, Recorded, recorded, tickets_of
from rules.instants import Instant, moment, written
from rules.world import Directory

HOIST: Final = "hoist"
"""The resource of what no person did."""
_CLOAKED: Final = "confidential-"
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Event:
    """A line as process mining sees it: a case, an activity, an instant, a resource, and what else is known.

    `rules` are the ids of the rules it was for, `moved` what it changed (field -> before, after; by name where one is known). Of
    a confidential rule nothing is known but its opaque id.
    """

    case: str
    activity: str
    at: Instant
    resource: str
    line: int
    source: str
    ticket: str
    key: str
    rules: tuple[str, ...]
    version: str
    moved: Mapping[str, tuple[str, str]]
    teams: Mapping[str, tuple[str, str]]  # from, to -> id, name
    said: str


class _Names:
    """The names that each source has for its ids, read once."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._directories: dict[str, Directory] = {}

    def of(self, source: str, field: str) -> Mapping[str, str]:
        if source not in self._directories:
            self._directories[source] = sources.directory(self._db, source)
        directory = self._directories[source]
        return {"team": directory.teams, "priority": directory.priorities}.get(field, {})


# --- JSON Lines ----------------------------------------------------------------------------------------------------------


def json_lines(db: Connection, chosen: Chosen) -> Iterator[str]:
    """Every line as one JSON object, with all that its hash is made of."""
    names = _Names(db)
    for each in recorded(db, chosen):
        line = each.line
        found = {
            "line": line.line,
            "position": line.position,
            "at": written(line.at),
            "kind": line.kind,
            "source": line.source,
            "ticket": line.ticket,
            "key": each.key,
            "data": line.data,
            "previous": line.previous,
            "hash": line.hash,
            "chained": {"at": line.at, "data": each.chained},
        }
        if each.personal:
            found["personal"] = each.personal
        if known := _known_names(each, names):
            found["names"] = known
        yield json.dumps(found, ensure_ascii=False) + "\n"


def _known_names(each: Recorded, names: _Names) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for field, *values in _moves(each):
        known = names.of(each.line.source, field)
        if shown := {value: known[value] for value in values if value in known}:
            found.setdefault(field, {}).update(shown)
    return found


# --- events --------------------------------------------------------------------------------------------------------------


def _event(each: Recorded, names: _Names) -> Event:
    line = each.line
    moved, teams = {}, {}
    for field, old, new in _moves(each):
        known = names.of(line.source, field)
        moved[field] = known.get(old, old), known.get(new, new)
        if field == "team":
            teams = {way: (of, known.get(of, of)) for way, of in (("from", old), ("to", new)) if of}
    by, said = line.data.get("by"), line.data.get("said") or line.data.get("reason")
    return Event(
        _case(line.source, line.ticket, each.key),
        line.kind,
        line.at,
        by if isinstance(by, str) and by else HOIST,
        line.line,
        line.source,
        line.ticket,
        each.key,
        _rules(each),
        str(line.data.get("rules") or ""),
        moved,
        teams,
        said if isinstance(said, str) else "",
    )


def _case(source: str, ticket: str, key: str) -> str:
    return f"{source}:{key or ticket}"


def _rules(each: Recorded) -> tuple[str, ...]:
    """The rules that a line is about; its data names steps, as source, ticket, rule, episode and step with slashes between."""
    data = each.line.data
    because = data.get("because")
    keys = [*(because if isinstance(because, dict) else ()), data.get("change"), *(data.get("changes") or ())]
    before = f"{each.line.source}/{each.line.ticket}/"
    steps = [key.removeprefix(before).rsplit("/", 2)[0] for key in keys if isinstance(key, str) and key.startswith(before)]
    named = data.get("rule")
    return tuple(dict.fromkeys([*steps, *([named] if isinstance(named, str) else [])]))


def _moves(each: Recorded) -> list[tuple[str, str, str]]:
    """(field, old, new) as the source's ids; none where a confidential rule had a part in it."""
    if any(rule.startswith(_CLOAKED) for rule in _rules(each)):
        return []
    found = each.line.data.get("fields")
    triples = [one for one in found if isinstance(one, list) and len(one) == 3] if isinstance(found, list) else []
    return [(str(field), _plain(old), _plain(new)) for field, old, new in triples]


def _plain(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _events(db: Connection, chosen: Chosen, *, by_ticket: bool = False) -> Iterator[Event]:
    names = _Names(db)
    for each in recorded(db, chosen, by_ticket=by_ticket, of_tickets=True):
        yield _event(each, names)


def _stamp(at: Instant) -> str:
    """To the millisecond and with an offset in digits, which every reader of XML dates and of ISO 8601 takes."""
    return moment(at).isoformat(timespec="milliseconds")


# --- CSV -----------------------------------------------------------------------------------------------------------------

_COLUMNS: Final = ("case_id", "activity", "timestamp", "resource", "line", "source", "ticket", "key", "rules", "version")
_MOVED: Final = ("team", "priority")


def comma_separated(db: Connection, chosen: Chosen) -> Iterator[str]:
    """An event log as CSV: one line per event, those of a ticket only."""
    moved = [f"{field}_{when}" for field in _MOVED for when in ("before", "after")]
    yield csv_row([*_COLUMNS, *moved, "said"])
    for event in _events(db, chosen):
        first: list[str | int] = [
            event.case,
            event.activity,
            _stamp(event.at),
            event.resource,
            event.line,
            event.source,
            event.ticket,
            event.key,
        ]
        moved_values = [value for field in _MOVED for value in event.moved.get(field, ("", ""))]
        yield csv_row([*first, " ".join(event.rules), event.version, *moved_values, event.said])


def csv_row(values: Sequence[str | int]) -> str:
    """What a helpdesk or a person wrote must not become a formula where somebody opens the file as a table."""
    file = io.StringIO()
    safe = [f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value for value in values]
    csv.writer(file).writerow(safe)  # RFC 4180: lines end with CR LF
    return file.getvalue()


# --- XES -----------------------------------------------------------------------------------------------------------------

_XES_HEAD: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
  <extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
  <global scope="trace">
    <string key="concept:name" value="none"/>
  </global>
  <global scope="event">
    <string key="concept:name" value="none"/>
    <date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/>
    <string key="org:resource" value="hoist"/>
    <int key="line" value="0"/>
  </global>
  <classifier name="Activity" keys="concept:name"/>
  <classifier name="Activity and resource" keys="concept:name org:resource"/>
  <string key="concept:name" value="hoist journal"/>
"""


def xes(db: Connection, chosen: Chosen) -> Iterator[str]:
    """An event log as XES (IEEE Std 1849-2016): a trace per ticket, with its events in order."""
    yield _XES_HEAD
    ticket = None
    for event in _events(db, chosen, by_ticket=True):
        if (event.source, event.ticket) != ticket:
            yield "  </trace>\n" if ticket is not None else ""
            ticket = event.source, event.ticket
            yield "  <trace>\n" + _xes_texts(
                4, {"concept:name": event.case, "source": event.source, "ticket": event.ticket, "key": event.key}
            )
        yield _xes_event(event)
    yield "  </trace>\n</log>\n" if ticket is not None else "</log>\n"


def _xes_event(event: Event) -> str:
    moved = {f"{field}:{when}": value for field, two in event.moved.items() for when, value in zip(_WHEN, two, strict=True)}
    texts = {"rules": " ".join(event.rules), "version": event.version, "said": event.said, **moved}
    return (
        "    <event>\n"
        + _xes_texts(6, {"concept:name": event.activity, "org:resource": event.resource})
        + f'      <date key="time:timestamp" value="{_stamp(event.at)}"/>\n'
        + f'      <int key="line" value="{event.line}"/>\n'
        + _xes_texts(6, {key: value for key, value in texts.items() if value})
        + "    </event>\n"
    )


_WHEN: Final = ("before", "after")


def _xes_texts(indent: int, texts: Mapping[str, str]) -> str:
    return "".join(f"{' ' * indent}<string key={_quoted(key)} value={_quoted(value)}/>\n" for key, value in texts.items())


def _quoted(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", text))


# --- OCEL 2.0 ------------------------------------------------------------------------------------------------------------

_EVENT_ATTRIBUTES: Final = {"line": "integer", "resource": "string", "version": "string", "said": "string"}
_OBJECT_ATTRIBUTES: Final = {
    "ticket": {"source": "string", "id": "string", "key": "string"},
    "rule": {},
    "team": {"source": "string", "id": "string", "name": "string"},
}
_EVER: Final = "1970-01-01T00:00:00.000+00:00"


def ocel(db: Connection, chosen: Chosen) -> Iterator[str]:
    """An object-centric event log (OCEL 2.0, JSON): events about tickets, rules, and the teams that tickets moved between."""
    kinds: dict[str, None] = {}
    rules: dict[str, None] = {}
    teams: dict[tuple[str, str], str] = {}
    yield '{"events": ['
    before = "\n"
    for event in _events(db, chosen):
        kinds[event.activity] = None
        rules.update(dict.fromkeys(event.rules))
        teams.update({(event.source, team): name for team, name in event.teams.values()})
        yield before + json.dumps(_ocel_event(event), ensure_ascii=False)
        before = ",\n"
    yield '\n], "objects": ['
    before = "\n"
    for made in _ocel_objects(db, chosen, rules, teams):
        yield before + json.dumps(made, ensure_ascii=False)
        before = ",\n"
    event_types = [{"name": kind, "attributes": _declared(_EVENT_ATTRIBUTES)} for kind in kinds]
    object_types = [{"name": name, "attributes": _declared(known)} for name, known in _OBJECT_ATTRIBUTES.items()]
    yield f'\n], "eventTypes": {json.dumps(event_types)}, "objectTypes": {json.dumps(object_types)}}}\n'


def _ocel_event(event: Event) -> dict[str, Any]:
    related = [{"objectId": f"ticket {event.source}:{event.ticket}", "qualifier": "ticket"}]
    related += [{"objectId": f"rule {rule}", "qualifier": "because of"} for rule in event.rules]
    related += [{"objectId": f"team {event.source}:{team}", "qualifier": way} for way, (team, _) in event.teams.items()]
    values = {"line": event.line, "resource": event.resource, "version": event.version, "said": event.said}
    return {
        "id": f"line {event.line}",
        "type": event.activity,
        "time": _stamp(event.at),
        "attributes": [{"name": name, "value": value} for name, value in values.items() if value != ""],
        "relationships": related,
    }


def _ocel_objects(
    db: Connection, chosen: Chosen, rules: Mapping[str, None], teams: Mapping[tuple[str, str], str]
) -> Iterator[dict[str, Any]]:
    for source, ticket, key in tickets_of(db, chosen):
        yield _ocel_object("ticket", f"ticket {source}:{ticket}", {"source": source, "id": ticket, "key": key})
    for rule in rules:
        yield _ocel_object("rule", f"rule {rule}", {})
    for (source, team), name in teams.items():
        yield _ocel_object("team", f"team {source}:{team}", {"source": source, "id": team, "name": name})


def _ocel_object(kind: str, name: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "attributes": [{"name": key, "time": _EVER, "value": value} for key, value in values.items()],
        "relationships": [],
    }


def _declared(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in attributes.items()]


FORMATS: Final[Mapping[str, Callable[[Connection, Chosen], Iterator[str]]]] = {
    "jsonl": json_lines,
    "csv": comma_separated,
    "xes": xes,
    "ocel": ocel,
}
