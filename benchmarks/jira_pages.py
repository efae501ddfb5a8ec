"""Made-up Jira issues, written as the pages that different clients ask for: the same issues in every shape.

`search` holds a hundred issues with their changelogs, as a client sees them that searches with `expand=changelog`. `rows`,
`issues` and `changelogs` are the answers that hoist asks for in its place: a thousand ids with their stamps, a hundred issues by
id, the changelogs of five hundred by id. Sizes and nesting follow Jira's reference; the contents are invented, the same for the
same seed.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.organisation import PRIORITIES, STATUSES, TEAMS
from rules.instants import SECOND, moment

PAGE: Final = 100
ROWS: Final = 1_000
HISTORIES: Final = 500
FIRST_ID: Final = 10_000
SHAPES: Final = ("search", "rows", "issues", "changelogs")
TIER: Final = "customfield_10050"
_PREFIX: Final = "5b"
_API: Final = "https://example.atlassian.net/rest/api/3"
_FIRST: Final = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
_SENTENCE: Final = "the printer on floor three cannot reach mail server after update user sees error and waits for network team"
_WORDS: Final = tuple(_SENTENCE.split(" "))


def write(folder: Path, tickets: int, seed: int = 1) -> dict[str, int]:
    """Write the pages of that many tickets unless they are there; gives the bytes of each shape."""
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    if not done.exists():
        rng = random.Random(seed)
        rows: list[str] = []
        histories: list[str] = []
        for start in range(0, tickets, PAGE):
            page = [_Issue(rng, n) for n in range(start, min(start + PAGE, tickets))]
            _write_page(folder, start // PAGE, page, last=start + PAGE >= tickets)
            rows += [issue.row for issue in page]
            histories += [issue.changelog for issue in page]
        for start in range(0, tickets, HISTORIES):
            text = f'{{"issueChangeLogs":[{",".join(histories[start : start + HISTORIES])}]}}'
            (folder / f"changelogs-{start // HISTORIES}.json").write_text(text, encoding="utf-8")
        for start in range(0, tickets, ROWS):
            text = _search_page(rows[start : start + ROWS], start // ROWS, last=start + ROWS >= tickets)
            (folder / f"rows-{start // ROWS}.json").write_text(text, encoding="utf-8")
        done.touch()
    return {shape: sum(file.stat().st_size for file in folder.glob(f"{shape}-*.json")) for shape in SHAPES}


def _write_page(folder: Path, number: int, page: list[_Issue], *, last: bool) -> None:
    bodies = {
        "search": _search_page([issue.with_changelog for issue in page], number, last=last),
        "issues": f'{{"expand":"schema,names","issues":[{",".join(issue.alone for issue in page)}],"issueErrors":[]}}',
    }
    for shape, text in bodies.items():
        (folder / f"{shape}-{number}.json").write_text(text, encoding="utf-8")


def _search_page(issues: list[str], number: int, *, last: bool) -> str:
    onward = '"isLast":true' if last else f'"isLast":false,"nextPageToken":"t{number + 1}"'
    return f'{{"issues":[{",".join(issues)}],{onward}}}'


class _Issue:
    """One issue in its shapes, as JSON texts."""

    def __init__(self, rng: random.Random, number: int) -> None:
        self._rng = rng
        self._created = _FIRST + number * 60
        id_ = str(FIRST_ID + number)
        head = {"expand": "renderedFields,names,schema", "id": id_, "self": f"{_API}/issue/{id_}", "key": f"ITSM-{number + 1}"}
        saves, now = self._history(number)
        fields = self._fields(now, number, self._created + 900 * len(saves))
        histories = _text(saves)
        self.alone = _text({**head, "fields": fields})
        whole = f'"changelog":{{"startAt":0,"maxResults":{len(saves)},"total":{len(saves)},"histories":{histories}}}'
        self.with_changelog = f"{self.alone[:-1]},{whole}}}"
        self.changelog = f'{{"issueId":"{id_}","changeHistories":{histories}}}'
        self.row = _text({"id": id_, "fields": {"updated": fields["updated"]}})

    def _history(self, number: int) -> tuple[list[dict[str, Any]], dict[str, str | None]]:
        """Four saves that lead from a new issue to where it stands now, and that state: status, team, assignee."""
        rng = self._rng
        status, team = "1", "20001"
        owner: str | None = None
        saves = []
        for k in range(4):
            items = []
            if k == 0 or rng.random() < 0.4:
                before = owner
                owner = rng.choice((None, _account(rng.randrange(500))))
                items.append(_item("assignee", before, owner, before and "Somebody", owner and "Somebody"))
            if k == 1 or rng.random() < 0.3:
                before_team, team = team, rng.choice(sorted(TEAMS))
                items.append(_item(TIER, before_team, team, TEAMS[before_team], TEAMS[team]))
            if k == 3 or not items:
                before_status, status = status, rng.choice(sorted(STATUSES))
                items.append(_item("status", before_status, status, STATUSES[before_status][0], STATUSES[status][0]))
            stamp = _stamp(self._created + 900 * (k + 1))
            saves.append({"id": str(number * 10 + k), "author": _user(rng.randrange(500)), "created": stamp, "items": items})
        return saves, {"status": status, "team": team, "assignee": owner}

    def _fields(self, now: dict[str, str | None], number: int, updated: int) -> dict[str, Any]:
        rng = self._rng
        status, team = str(now["status"]), str(now["team"])
        name, category = STATUSES[status]
        priority = rng.choice(sorted(PRIORITIES))
        reporter = _user(rng.randrange(500, 5_500), "customer")
        paragraph = {"type": "paragraph", "content": [{"type": "text", "text": self._words(60)}]}
        return {
            "summary": self._words(8),
            "created": _stamp(self._created),
            "updated": _stamp(updated),
            "labels": rng.sample(_WORDS, 3),
            "issuetype": {"self": f"{_API}/issuetype/10001", "id": "10001", "name": "Incident", "subtask": False},
            "project": {"self": f"{_API}/project/10000", "id": "10000", "key": "ITSM", "projectTypeKey": "service_desk"},
            "priority": {"self": f"{_API}/priority/{priority}", "name": PRIORITIES[priority], "id": priority},
            "status": {
                "self": f"{_API}/status/{status}",
                "name": name,
                "id": status,
                "statusCategory": {"self": f"{_API}/statuscategory/4", "id": 4, "key": category, "colorName": "yellow"},
            },
            "assignee": now["assignee"] and _user_of(now["assignee"]),
            "reporter": reporter,
            TIER: {"self": f"{_API}/customFieldOption/{team}", "value": TEAMS[team], "id": team},
            "duedate": None,
            "description": {"type": "doc", "version": 1, "content": [paragraph]},
            "resolution": None,
            "components": [],
            "comment": self._comments(number, reporter),
            **{f"customfield_{10_100 + k}": rng.choice((None, self._words(2))) for k in range(15)},
        }

    def _comments(self, number: int, reporter: dict[str, Any]) -> dict[str, Any]:
        """One comment on every other issue, half of them by who reported it."""
        rng = self._rng
        comments = []
        if number % 2:
            body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [_plain(self._words(20))]}]}
            author = rng.choice((reporter, _user(rng.randrange(500))))
            stamp = _stamp(self._created + 1_800)
            stamps = {"created": stamp, "updated": stamp}
            comments = [{"id": str(500_000 + number), "author": author, "body": body, "jsdPublic": True, **stamps}]
        return {"comments": comments, "maxResults": len(comments), "total": len(comments), "startAt": 0}

    def _words(self, number: int) -> str:
        return " ".join(self._rng.choices(_WORDS, k=number))


def _user(number: int, kind: str = "atlassian") -> dict[str, Any]:
    id_ = _account(number)
    return {
        "self": f"{_API}/user?accountId={id_}",
        "accountId": id_,
        "emailAddress": f"u{number}@example.com",
        "avatarUrls": {size: f"https://avatars.example.com/{id_}/{size}" for size in ("48x48", "24x24", "16x16", "32x32")},
        "displayName": f"User {number}",
        "active": True,
        "timeZone": "Europe/Amsterdam",
        "accountType": kind,
    }


def _user_of(account: str) -> dict[str, Any]:
    return _user(int(account.removeprefix(_PREFIX), 16))


def _account(number: int) -> str:
    return f"{_PREFIX}{number:022x}"


def _item(field: str, old: str | None, new: str | None, old_text: str | None, new_text: str | None) -> dict[str, Any]:
    kind = "custom" if field == TIER else "jira"
    words = {"from": old, "fromString": old_text, "to": new, "toString": new_text}
    return {"field": "Tier" if field == TIER else field, "fieldtype": kind, "fieldId": field, **words}


def _plain(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _stamp(second: int) -> str:
    return moment(second * SECOND).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
