"""`hoist rules lint` beside a hoist.yaml: what its sources can't do is said without asking them; and what it loads for that."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.command_line import ORGANISATION, RULES, Desk, desk, hoist

RESTRICTED = RULES.replace("do:\n", "do:\n      - restrict: network\n")
SAID = "rules.yaml:2, rule nobody-took-it: jira (jira as it is set up here) can't restrict who reads a ticket"
LOOKED_FOR = ("agent.app", "sqlalchemy", "requests", "urllib3")


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk whose protocol lies beside its hoist.yaml, in the present folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOIST_CONFIG", raising=False)
    with desk(tmp_path) as made:
        yield made


def test_what_a_source_can_not_do_is_a_problem_of_the_rule(it: Desk) -> None:
    """By the name of the source, with the line of the rule; exit code 1, as of any other mistake; the helpdesk is not asked."""
    it.write(it.settings() | {"url": "http://127.0.0.1:9"}, rules=RESTRICTED)
    said = hoist("rules", "lint")
    assert said.code == 1
    assert SAID in said.words
    (problem,) = hoist("rules", "lint", "--json").json["problems"]
    assert problem.startswith(SAID)


def test_every_rule_that_asks_for_too_much_is_named(it: Desk) -> None:
    """Every rule that asks for too much is named at once, each at its line."""
    both = RESTRICTED + "  - rule: second\n    when: {status: open}\n    do: [{set: {native.u_hot: true}}]\n"
    it.write(rules=both)
    problems = hoist("rules", "lint", "--json").json["problems"]
    assert [problem.partition(": jira")[0] for problem in problems] == [
        "rules.yaml:2, rule nobody-took-it",
        "rules.yaml:11, rule second",
    ]


def test_a_confidential_rule_goes_by_its_own_id(it: Desk) -> None:
    """Whoever lints a protocol has its files before them."""
    it.write(rules=RESTRICTED.replace("    title", "    confidential: true\n    title").replace("      - label: lifted\n", ""))
    (problem,) = hoist("rules", "lint", "--json").json["problems"]
    assert "rule nobody-took-it: jira" in problem


def test_a_secret_that_is_kept_elsewhere_is_said_and_is_no_fault(it: Desk) -> None:
    """Where rules are written nobody needs the helpdesk's credentials: that part of the answer is left to `hoist check`."""
    it.write(rules=RESTRICTED)
    (it.folder / "token").unlink()
    said = hoist("rules", "lint")
    assert said.code == 0
    assert "whether jira can do what the rules ask for is not known here" in said.words
    assert "hoist check says it" in said.words


def test_rules_are_linted_without_the_agent_the_store_or_an_http_client(tmp_path: Path) -> None:
    """Who saves a rule and lints it waits for the rules to be read, and for nothing that they do not need."""
    protocol = tmp_path / "protocol"
    protocol.mkdir()
    (protocol / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    (protocol / "rules.yaml").write_text(RULES, encoding="utf-8")
    for command in (("lint", "protocol"), ("explain", "protocol"), ("format", "--check", "protocol")):
        program = (
            "import json, sys\nfrom agent.cli import main\n"
            f"try:\n    main(['rules', *{command!r}])\n"
            f"finally:\n    print(json.dumps([name for name in {LOOKED_FOR!r} if name in sys.modules]), file=sys.stderr)"
        )
        ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stderr.splitlines()[-1]) == [], command
