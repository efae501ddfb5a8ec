"""A YAML language server as editors run it, and the little of its protocol that these tests need.

It is `yaml-language-server` from npm, found by YAML_LANGUAGE_SERVER, in `.node/` of the project or on the PATH.
The protocol: https://microsoft.github.io/language-server-protocol/
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.shared import PROJECT

NAME = "yaml-language-server"
HOW = f"no {NAME}: npm install --prefix .node {NAME}, or set YAML_LANGUAGE_SERVER; editors' completion was NOT tested"


def command() -> str:
    """The server's program; skips the test, loudly, where there is none."""
    own = PROJECT / ".node" / "node_modules" / ".bin" / NAME
    found = os.environ.get("YAML_LANGUAGE_SERVER") or (str(own) if own.exists() else shutil.which(NAME))
    if not found or not shutil.which("node"):
        pytest.skip(HOW)
    return found


class Editor:
    """An editor that has one folder open, with the schema set for its YAML files."""

    def __init__(self, reads: IO[bytes], writes: IO[bytes], folder: Path, schema: Path) -> None:
        self._reads, self._writes, self._folder = reads, writes, folder
        self._number = 0
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self._settings = {
            "schemas": {schema.as_uri(): "*.yaml"},
            "validate": True,
            "completion": True,
            "hover": True,
            "schemaStore": {"enable": False},  # it would ask the network
        }

    def start(self) -> None:
        """Introduce the editor to the server."""
        root = self._folder.as_uri()
        capabilities = {"workspace": {"configuration": True}, "textDocument": {"completion": {"completionItem": {}}}}
        self.ask("initialize", {"processId": None, "rootUri": root, "capabilities": capabilities, "workspaceFolders": None})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"yaml": self._settings}}})

    def opened(self, name: str, text: str) -> list[str]:
        """What the editor underlines in a file with this text: `line: message`, lines from 1."""
        uri = (self._folder / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while uri not in self._diagnostics:
            self._take(self._receive())
        return [f"{each['range']['start']['line'] + 1}: {each['message']}" for each in self._diagnostics[uri]]

    def offered(self, name: str, line: int, column: int) -> list[str]:
        """What the editor offers at a place (from 1) of an opened file."""
        position = {"line": line - 1, "character": column - 1}
        found = self.ask(
            "textDocument/completion", {"textDocument": {"uri": (self._folder / name).as_uri()}, "position": position}
        )
        return [item["label"] for item in (found or {}).get("items", [])]

    def ask(self, method: str, params: Any) -> Any:
        """A request and its answer."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            asked = [item.get("section") for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": [self._settings if section == "yaml" else {} for section in asked]})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._writes.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._writes.flush()

    def _receive(self) -> dict[str, Any]:
        length = 0
        while line := self._reads.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the language server has ended"
        found: dict[str, Any] = json.loads(self._reads.read(length))
        return found


@contextmanager
def editor(folder: Path, schema: dict[str, Any]) -> Iterator[Editor]:
    """An editor with a server of its own, which is stopped at the end."""
    program = command()
    published = folder / "hoist-rules.schema.json"
    published.write_text(json.dumps(schema), encoding="utf-8")
    with subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            opened = Editor(process.stdout, process.stdin, folder, published)
            opened.start()
            yield opened
        finally:
            process.kill()
