"""What the project promises about itself: where it may be installed, what it rests on, what it never does."""

import ast
import re
import shutil
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_socket import SocketConnectBlockedError

from rules.protocol.rule import Mode
from rules.rulebook import load
from tests.shared import PROJECT

LOCKS = sorted((PROJECT / "requirements").glob("*.txt"))
NOWHERE = "192.0.2.1"  # kept for documentation, never routed (RFC 5737)

ORGANISATION = """\
format: 1
priorities:
  - {name: P1, jira-cloud: Highest}
  - {name: P2, jira-cloud: High}
calendars:
  always: {hours: all}
teams:
  service-desk: {jira-cloud: Service Desk}
  network-ops: {jira-cloud: Network Operations}
chains:
  network:
    - team: service-desk
    - {team: network-ops, acknowledge_within: 30 minutes}
"""

# A path under one of these stands on one person's machine only. The brackets keep the pattern from finding itself.
MACHINE_PATH = re.compile(r"(?<![\w./:@})-])/(?:[h]ome|[r]oot|[t]mp|[w]ork|[U]sers)/\w")


def project() -> dict[str, Any]:
    """The parsed pyproject.toml."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def name(requirement: str) -> str:
    """The normalised name in a requirement: `PyYAML>=6` gives `pyyaml`."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def locked(lock: Path) -> dict[str, str]:
    """Name and version of everything that a lock pins."""
    pinned = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name(found): version for found, version in pinned}


def reasons() -> set[str]:
    """The packages that the page on dependencies gives a reason for: table rows `| name | reason | considered |`."""
    rows = (PROJECT / "docs/decisions/0001-dependencies.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")]
    return {name(first) for first, reason, *_ in cells if len(reason.split()) >= 4}


def own_files() -> Iterator[Path]:
    """Every file that belongs to the project, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("THE PROJECT'S FILES WERE NOT READ: this is no git repository, so what belongs to it is not known")
    for entry in listed.stdout.decode().split("\0"):
        path = PROJECT / entry
        if entry and path.is_file():
            yield path


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_host(lock: Path) -> None:
    """Whoever installs hoist does it from their own registry: no lock says where a package comes from."""
    assert "://" not in lock.read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_pins_every_package_by_hash(lock: Path) -> None:
    """A package that was swapped at its registry is refused at installation."""
    stanzas = re.split(r"^(?=[\w.-]+(?:\[[^]]*\])?==)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert stanzas
    assert [stanza.splitlines()[0] for stanza in stanzas if "--hash=sha256:" not in stanza] == []


def test_the_locks_hold_what_the_project_asks_for() -> None:
    """Nothing is installed unlocked, and what runs in production is what was tested."""
    runtime, development = (locked(PROJECT / "requirements" / f"{kind}.txt") for kind in ("runtime", "development"))
    table = project()["project"]
    assert {name(wanted) for wanted in table["dependencies"]} <= runtime.keys()
    for wanted in table["optional-dependencies"].values():
        assert {name(extra) for extra in wanted} <= development.keys()
    assert runtime.items() <= development.items()


def test_every_dependency_has_its_reason() -> None:
    """Whoever has to approve hoist finds for each package why it is there."""
    table = project()["project"]
    wanted = [*table["dependencies"], *(extra for group in table["optional-dependencies"].values() for extra in group)]
    assert {name(dependency) for dependency in wanted} - reasons() == set()


def test_hoist_installs_three_packages_and_no_other() -> None:
    """hoist claims the names agent, connectors and rules, which `hoist check` compares with other distributions."""
    found = project()["tool"]["setuptools"]["packages"]["find"]
    assert set(found) == {"include"}
    assert {entry.removesuffix(".*") for entry in found["include"]} == {"agent", "connectors", "rules"}


def test_no_file_holds_the_path_of_a_machine() -> None:
    """hoist works wherever it is cloned to."""
    found = []
    for path in own_files():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [f"{path.relative_to(PROJECT)}:{number}" for number, line in enumerate(lines, 1) if MACHINE_PATH.search(line)]
    assert found == []


def test_the_readme_begins_with_the_two_commands() -> None:
    """A newcomer sees how to try hoist, what it writes and what it never writes without scrolling."""
    first_screen = "\n".join((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()[:45])
    for promise in ("make demo", "make test", "What it writes: assignment, priority, internal notes, labels.", "Never:"):
        assert promise in first_screen


def test_the_rule_in_the_readme_loads() -> None:
    """A newcomer who copies the README's rule into a protocol gets a rule, and not a list of problems."""
    (example,) = re.findall(r"```yaml\n(.*?)```", (PROJECT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    loaded = load({"organisation.yaml": ORGANISATION, "rules.yaml": example})
    assert loaded.hints == ()
    assert [(rule.id, rule.mode) for rule in loaded.rulebook.rules] == [("nobody-took-it", Mode.WATCH)]


def test_the_guide_names_files_that_are_there() -> None:
    """Whoever adds a platform, a condition or an action finds every file that the guide sends them to."""
    guide = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = [path for path in re.findall(r"`((?:agent|connectors|docs|rules|tests)/[^`\s]*)`", guide) if "NAME" not in path]
    assert named
    assert [path for path in named if not any(PROJECT.glob(path.rstrip("/")))] == []


def test_the_changelog_tells_of_this_version() -> None:
    """Whoever upgrades can read what changed."""
    assert f"## {project()['project']['version']}" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_rules_read_no_clock_and_open_no_file() -> None:
    """What fires depends on the ticket and the protocol alone; imports are held by the contracts, calls are looked at here."""
    found = []
    for path in (PROJECT / "rules").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case (
                    ast.Call(func=ast.Name(id="open" | "print" | "input" as call))
                    | ast.Call(func=ast.Attribute(attr="now" | "utcnow" | "today" as call))
                ):
                    found.append(f"{path.relative_to(PROJECT)}:{node.lineno}: {call}")
    assert found == []


def test_every_test_states_its_promise() -> None:
    """Whoever sees a test fail reads first what hoist no longer keeps."""
    tests = [
        (path, node)
        for path in (PROJECT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    silent = [f"{path.relative_to(PROJECT)}:{test.lineno}: {test.name}" for path, test in tests if not ast.get_docstring(test)]
    assert tests
    assert silent == []


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_no_test_can_reach_a_helpdesk() -> None:
    """Running hoist's tests never writes to a real system: a connection beyond loopback is refused before it is tried."""
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection((NOWHERE, 443))


def test_bootstrap_without_a_python_says_what_to_install(tmp_path: Path) -> None:
    """On a machine without a fitting Python, set-up ends with one sentence that names what is missing."""
    shutil.copy(PROJECT / "bootstrap", tmp_path)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    shutil.copytree(PROJECT / "requirements", tmp_path / "requirements")
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("cat", "cksum", "dirname", "head", "rm"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    ended = subprocess.run(
        ["/bin/sh", str(tmp_path / "bootstrap")], env={"PATH": str(tools)}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "needs Python 3.11 or newer" in ended.stderr
    assert not (tmp_path / ".venv").exists()
