"""Made-up incidents, written as the answers that a ServiceNow instance gives for them, and a site that hands these out.

`rows` holds five hundred incidents with values and labels, `facts` what the Batch API answers for the same five hundred: audit
rows, journal, service levels and tags, forty incidents to a part. Whoever asks the tables of these by themselves gets the same
rows, those of up to 250 incidents at once, which fit an address of ten thousand characters. Whoever pages by offset and whoever
pages by key gets the same rows. Sizes follow the Table API's reference; the contents are invented, the same for the same seed.
"""

from __future__ import annotations

import json
import random
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.organisation import PRIORITIES
from rules.instants import SECOND, moment

PAGE: Final = 500
PART: Final = 40
ALONE: Final = 250
SHAPES: Final = ("rows", "facts")
TABLES: Final = {"sys_audit": "audit", "sys_journal_field": "journal", "task_sla": "levels", "label_entry": "tags"}
"""Where what belongs to an incident lies, and what it is here."""
USERS: Final = 500
GROUPS: Final = ("Service Desk", "Network Operations", "Network Engineering")
STATES: Final = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed"}
_FIRST: Final = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
_SENTENCE: Final = "the printer on floor three cannot reach mail server after update user sees error and waits for network team"
_WORDS: Final = tuple(_SENTENCE.split(" "))
_BEHIND: Final = re.compile(r"sys_id>([0-9a-f]{32})")
_NAMES: Final = re.compile(r"user_nameIN([^^]*)")
_FIRST_ID: Final = re.compile(rb"documentkeyIN([0-9a-f]{32})")
_FIRST_OF_TABLE: Final = re.compile(r"(?:documentkey|element_id|task|table_key)IN([0-9a-f]{32})")


def write(folder: Path, tickets: int, seed: int = 1) -> dict[str, int]:
    """Write the pages of that many incidents unless they are there; gives the bytes of each shape."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    if not done.exists():
        rng = random.Random(seed)
        for start in range(0, tickets, PAGE):
            page = [_Incident(rng, number) for number in range(start, min(start + PAGE, tickets))]
            rows = json.dumps({"result": [each.row for each in page]}, separators=(",", ":"))
            (folder / f"rows-{start // PAGE}.json").write_text(rows, encoding="utf-8")
            (folder / f"facts-{start // PAGE}.json").write_text(_batch(page), encoding="utf-8")
            for behind, (table, kind) in product(range(0, len(page), ALONE), TABLES.items()):
                rows_alone = [row for each in page[behind : behind + ALONE] for row in getattr(each, kind)]
                _write_alone(folder / f"{table}-{(start + behind) // ALONE}.json", rows_alone)
        (folder / f"rows-{-(-tickets // PAGE)}.json").write_text('{"result":[]}', encoding="utf-8")
        done.touch()
    (folder / "tickets").write_text(str(tickets), encoding="utf-8")
    return {shape: sum(file.stat().st_size for file in folder.glob(f"{shape}-*.json")) for shape in SHAPES}


def _write_alone(path: Path, rows: list[dict[str, Any]]) -> None:
    """The rows of one table, and beside them how many they are."""
    path.write_text(json.dumps({"result": rows}, separators=(",", ":")), encoding="utf-8")
    path.with_suffix(".count").write_text(str(len(rows)), encoding="utf-8")


def _batch(page: list[_Incident]) -> str:
    served = [
        {
            "id": str(number),
            "status_code": 200,
            "status_text": "OK",
            "body": b64encode(json.dumps({"result": rows}, separators=(",", ":")).encode()).decode(),
            "headers": [{"name": "X-Total-Count", "value": str(len(rows))}],
            "execution_time": 12,
        }
        for number, rows in enumerate(_parts(page))
    ]
    return json.dumps({"batch_request_id": "1", "serviced_requests": served, "unserviced_requests": []}, separators=(",", ":"))


def _parts(page: list[_Incident]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(page), PART):
        some = page[start : start + PART]
        for kind in TABLES.values():
            yield [row for each in some for row in getattr(each, kind)]


class _Incident:
    """One incident: its row, and what belongs to it."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self._rng = rng
        self.id = f"{number:032x}"
        self._created = _FIRST + number * 60
        now = {"state": "1", "assignment_group": _id("d", 0), "assigned_to": ""}
        self.audit = list(self._history(number, now))
        self.row = self._row(number, now)
        stamp = _stamp(self._created + 1_800)
        text = {"element": rng.choice(("comments", "work_notes")), "value": self._words(20), "sys_created_on": stamp}
        note = {"sys_id": _id("f", number), "element_id": self.id, **text, "sys_created_by": _user(rng.randrange(USERS))}
        self.journal = [note] if number % 2 else []
        self.levels = [self._level(number)]
        self.tags: list[dict[str, Any]] = []

    def _history(self, number: int, now: dict[str, str]) -> Iterator[dict[str, str]]:
        """Four saves that lead from a new incident to where it stands now."""
        rng = self._rng
        for k in range(4):
            moves = {}
            if k == 0 or rng.random() < 0.4:
                moves["assigned_to"] = rng.choice(("", _id("a", rng.randrange(USERS))))
            if k == 1 or rng.random() < 0.3:
                moves["assignment_group"] = _id("d", rng.randrange(len(GROUPS)))
            if k == 3 or not moves:
                moves["state"] = rng.choice(sorted(STATES))
            user = _user(rng.randrange(USERS))
            for place, (column, new) in enumerate(moves.items()):
                yield {
                    "sys_id": _id("e", number * 100 + k * 10 + place),
                    "documentkey": self.id,
                    "fieldname": column,
                    "oldvalue": now[column],
                    "newvalue": new,
                    "user": user,
                    "sys_created_on": _stamp(self._created + 900 * (k + 1)),
                    "record_checkpoint": str(k + 1),
                }
                now[column] = new

    def _row(self, number: int, now: dict[str, str]) -> dict[str, Any]:
        rng = self._rng
        priority, owner, caller = rng.choice(sorted(PRIORITIES)), now["assigned_to"], rng.randrange(5_000)
        plain = {
            "sys_id": self.id,
            "number": f"INC{number:07}",
            "sys_created_on": _stamp(self._created),
            "sys_updated_on": _stamp(self._created + 3_600),
            "sys_mod_count": "4",
            "sys_updated_by": _user(rng.randrange(USERS)),
            "active": "true",
            "short_description": self._words(8),
            "description": self._words(60),
            "hold_reason": "",
            "on_hold": "",
            "due_date": "",
            "company": "",
            "business_service": "",
            "approval": "not requested",
        }
        shown = {
            "sys_class_name": ("incident", "Incident"),
            "state": (now["state"], STATES[now["state"]]),
            "priority": (priority, f"{priority} - {PRIORITIES[priority]}"),
            "impact": ("2", "2 - Medium"),
            "urgency": ("2", "2 - Medium"),
            "category": ("inquiry", "Inquiry / Help"),
            "assignment_group": (now["assignment_group"], GROUPS[int(now["assignment_group"][1:], 16)]),
            "assigned_to": (owner, owner and f"User {int(owner[1:], 16)}"),
            "caller_id": (_id("c", caller), f"Customer {caller}"),
            "cmdb_ci": (_id("9", caller % 40), f"Server {caller % 40}"),
        }
        cells = {name: (value, value) for name, value in plain.items()} | shown
        return {name: {"value": value, "display_value": label} for name, (value, label) in cells.items()}

    def _level(self, number: int) -> dict[str, Any]:
        plain = {
            "sys_id": _id("8", number),
            "task": self.id,
            "stage": "in_progress",
            "start_time": _stamp(self._created),
            "end_time": "",
            "planned_end_time": _stamp(self._created + 8 * 3_600),
            "pause_time": "",
            "pause_duration": "",
            "sys_updated_on": _stamp(self._created + 3_600),
        }
        cells = {name: {"value": value, "display_value": value} for name, value in plain.items()}
        return cells | {"sla": {"value": _id("7", 3), "display_value": "Priority 3 resolution"}}

    def _words(self, number: int) -> str:
        return " ".join(self._rng.choices(_WORDS, k=number))


def _id(kind: str, number: int) -> str:
    return f"{kind}{number:031x}"


def _user(number: int) -> str:
    return f"user.{number}"


def _stamp(second: int) -> str:
    return moment(second * SECOND).strftime("%Y-%m-%d %H:%M:%S")


# --- the site --------------------------------------------------------------------------------------------------------

_OWN: Final = {"sys_id": _id("b", 1), "user_name": "hoist.integration", "name": "hoist", "active": "true"}
_PROBES: Final[dict[str, list[dict[str, str]]]] = {
    "sys_properties": [{"name": "instance_name", "value": "benchmark"}],
    "sys_choice": [
        *({"name": "incident", "element": "state", "value": value, "label": label} for value, label in STATES.items()),
        *({"name": "task", "element": "priority", "value": key, "label": label} for key, label in PRIORITIES.items()),
    ],
    "sys_user_group": [
        {"sys_id": _id("d", number), "name": name, "active": "true", "manager": ""} for number, name in enumerate(GROUPS)
    ],
    "label": [{"sys_id": _id("6", 1), "name": "ping-pong", "active": "true", "global": "true", "viewable_by": "everyone"}],
    "dl_u_priority": [{"impact": "1", "urgency": "1", "priority": "1", "active": "true"}],
}


def page_of(method: bytes, target: str, body: bytes, _folder: Path) -> str | None:
    """The file that a request asks for; None where it asks for something else."""
    if method == b"POST":
        found = _FIRST_ID.search(body)
        return f"facts-{int(found[1], 16) // PAGE}.json" if found else None
    address = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    table = address.path.rpartition("/")[2]
    if table in TABLES and (first := _FIRST_OF_TABLE.search(query.get("sysparm_query", ""))):
        return f"{table}-{int(first[1], 16) // ALONE}.json"
    if table != "incident" or int(query.get("sysparm_limit", "0")) < PAGE:
        return None
    return f"rows-{-(-_first(query) // PAGE)}.json"


def headers_of(target: str, folder: Path) -> dict[str, str]:
    """What stands beside a page: how many rows there are from where it was asked for, if they are to be counted."""
    address = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    if "sysparm_no_count" in query:
        return {}
    table = address.path.rpartition("/")[2]
    if table in TABLES and (first := _FIRST_OF_TABLE.search(query.get("sysparm_query", ""))):
        return {"X-Total-Count": (folder / f"{table}-{int(first[1], 16) // ALONE}.count").read_text(encoding="utf-8")}
    passed = _first(query) if "sysparm_offset" not in query else 0
    return {"X-Total-Count": str(int((folder / "tickets").read_text(encoding="utf-8")) - passed)}


def _first(query: dict[str, str]) -> int:
    """The number of the first incident that is asked for, by key or by offset."""
    behind = _BEHIND.search(query.get("sysparm_query", ""))
    return int(behind[1], 16) + 1 if behind else int(query.get("sysparm_offset", "0"))


def content(target: str, folder: Path) -> bytes:
    """What is answered to whoever signs in and looks around."""
    address = urlsplit(target)
    table, query = address.path.rpartition("/")[2], unquote(address.query)
    rows = _PROBES.get(table, [])
    if table == "incident":
        rows = json.loads((folder / "rows-0.json").read_bytes())["result"][:1]
    elif table == "sys_user":
        names = _NAMES.search(query)
        asked = names[1].partition("&")[0].split(",") if names else []
        made = [{"sys_id": _id("a", int(name[5:])), "user_name": name, "name": name, "active": "true"} for name in asked]
        rows = made or [_OWN]
    elif table in {"sys_audit", "sys_journal_field"}:
        columns = dict(parse_qs(address.query))["sysparm_fields"][0].split(",")
        rows = [dict.fromkeys(columns, "x")]
    return json.dumps({"result": rows}).encode()
