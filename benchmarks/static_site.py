"""A site of ready-made pages: the least work per answer that Python can do, in a process of its own.

    python -m benchmarks.static_site FOLDER PLATFORM

serves the pages that `benchmarks.jira_pages` (or `servicenow_pages`, `zendesk_pages`) wrote to FOLDER on a free port of the
loopback, prints that port, and ends with its standard input. It looks at no more of a request than tells which page is meant.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final

from benchmarks import servicenow_pages, zendesk_pages
from benchmarks.jira_pages import FIRST_ID, HISTORIES, PAGE, TIER
from benchmarks.organisation import PRIORITIES, STATUSES, TEAMS

_OTHERS: Final = {"servicenow": servicenow_pages, "zendesk": zendesk_pages}
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TOKEN: Final = re.compile(rb'nextPageToken(?:=|": ?")t(\d+)')
_FIRST_ISSUE: Final = re.compile(rb'"issueIdsOrKeys": ?\["(\d+)"')


def _values(names: dict[str, str], word: str) -> list[dict[str, str]]:
    return [{"id": id_, word: name} for id_, name in names.items()]


ANSWERS: Final[dict[str, Any]] = {
    "/serverInfo": {
        "baseUrl": "https://example.atlassian.net",
        "deploymentType": "Cloud",
        "version": "1001.0.0",
        "versionNumbers": [1001, 0, 0],
    },
    "/myself": {"accountId": "hoist", "displayName": "hoist", "emailAddress": "hoist@example.com"},
    "/mypermissions": {
        "permissions": {
            key: {"havePermission": True}
            for key in ("BROWSE_PROJECTS", "EDIT_ISSUES", "ASSIGN_ISSUES", "ADD_COMMENTS", "SERVICEDESK_AGENT")
        }
    },
    "/project/ITSM": {"id": "10000", "key": "ITSM", "projectTypeKey": "service_desk"},
    "/status": [{"id": id_, "name": name, "statusCategory": {"key": key}} for id_, (name, key) in STATUSES.items()],
    "/field": [
        {
            "id": TIER,
            "name": "Tier",
            "schema": {"type": "option", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:select"},
        }
    ],
    f"/field/{TIER}/context": {"values": [{"id": "1", "name": "Default"}], "isLast": True},
    f"/field/{TIER}/context/1/option": {"values": _values(TEAMS, "value"), "isLast": True},
    "/priorityscheme": {"values": [{"id": "1", "isDefault": True}], "isLast": True},
    "/priorityscheme/1/priorities": {"values": _values(PRIORITIES, "name"), "isLast": True},
}


def _page_of(method: bytes, path: str, head: bytes, body: bytes) -> str | None:
    """The file that a request asks for."""
    if path.endswith("/search/jql"):
        found = _TOKEN.search(body or head.partition(b"\r\n")[0])
        return f"{'search' if method == b'GET' else 'rows'}-{int(found[1]) if found else 0}.json"
    first = _FIRST_ISSUE.search(body)
    if first is None:
        return None
    shape, size = ("issues", PAGE) if path.endswith("/issue/bulkfetch") else ("changelogs", HISTORIES)
    return f"{shape}-{(int(first[1]) - FIRST_ID) // size}.json"


def _serve(connection: socket.socket, folder: Path) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    with connection, suppress(ConnectionError):
        while True:
            while b"\r\n\r\n" not in waiting:
                arrived = connection.recv(65_536)
                if not arrived:
                    return
                waiting += arrived
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            while length and len(waiting) < int(length[1]):
                waiting += connection.recv(65_536)
            body, waiting = (waiting[: int(length[1])], waiting[int(length[1]) :]) if length else (b"", waiting)
            _answer(connection, folder, head, body)


def _answer(connection: socket.socket, folder: Path, head: bytes, body: bytes) -> None:
    method, target, _ = head.split(b" ", 2)
    path = target.decode().partition("?")[0]
    if (pages := _OTHERS.get(sys.argv[2])) is not None:
        _answer_as(pages, connection, folder, (method, target.decode(), body))
        return
    name = _page_of(method, path, head, body)
    if name is None:
        found = ANSWERS.get(re.sub(r"^/rest/api/[^/]+", "", path))
        content = json.dumps({"errorMessages": [f"no such page: {path}"]} if found is None else found).encode()
        connection.sendall(_head(404 if found is None else 200, len(content)) + content)
        return
    _send(connection, folder / name)


def _answer_as(pages: ModuleType, connection: socket.socket, folder: Path, asked: tuple[bytes, str, bytes]) -> None:
    target = asked[1]
    name = pages.page_of(*asked, folder)
    if name is None:
        content = pages.content(target, folder)
        connection.sendall(_head(200, len(content)) + content)
        return
    _send(connection, folder / name, pages.headers_of(target, folder))


def _send(connection: socket.socket, path: Path, headers: Mapping[str, str] = MappingProxyType({})) -> None:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        connection.sendall(_head(200, size, headers))
        connection.sendfile(file)


def _head(status: int, length: int, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    lines = (
        f"HTTP/1.1 {status} OK",
        f"Date: {formatdate(usegmt=True)}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def main() -> None:
    folder = Path(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)

        def accept() -> None:
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=_serve, args=(connection, folder), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
