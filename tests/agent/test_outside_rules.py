"""Files that rules need, as `hoist rules lint` and `hoist check` see them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.command_line import ORGANISATION, Desk, desk, hoist

RULES = """\
rules:
  - rule: vips
    title: A VIP waits
    when: {status: [new, open], priority: P1, requester: {in: vip-requesters}}
    unless: [{window: freeze}]
    do: [{escalate: it}, {tell: duty}]
"""
OUTSIDE = f"""{ORGANISATION}\
roles: {{duty: rotas/duty.ics}}
lists:
  vip-requesters: {{file: vip.csv, owner: anna@example.com, until: 2099-01-01}}
windows:
  freeze: {{file: freeze.csv, owner: anna@example.com, until: 2099-01-01}}
"""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        made.write(organisation=OUTSIDE, rules=RULES)
        protocol = made.folder / "protocol"
        (protocol / "vip.csv").write_text("email\nceo@example.com\n", encoding="utf-8")
        (protocol / "freeze.csv").write_text("# ours\nfrom,to\n2026-12-24,2027-01-02\n", encoding="utf-8")
        (protocol / "rotas").mkdir()
        events = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20200101T000000Z\r\nDURATION:P1D\r\nRRULE:FREQ=DAILY\r\n"
        events += "ATTENDEE:mailto:anna@example.com\r\nEND:VEVENT\r\n"
        calendar = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n"
        (protocol / "rotas" / "duty.ics").write_text(calendar, encoding="utf-8")
        yield made


def lint(it: Desk) -> list[str]:
    found: list[str] = hoist("rules", "lint", it.folder / "protocol", "--config", it.config, "--json").json["findings"]
    return [said for said in found if "sends no message" not in said]


def test_files_that_can_be_read_are_no_finding(it: Desk) -> None:
    """Neither for lint nor for check."""
    assert lint(it) == []
    assert it.hoist("check").code == 0


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (
            "freeze.csv",
            "# ours\nfrom,to\n2026-12-24,2026-12-23\n",
            "the window freeze.csv has a line 3 that is no stretch of time",
        ),
        ("vip.csv", "\n", "the list vip-requesters is empty: nobody is found on it"),
        ("vip.csv", None, "the list vip.csv can't be read"),
        ("rotas/duty.ics", "BEGIN:VCALENDAR\r\n", "the rota rotas/duty.ics is no calendar that can be read"),
        ("rotas/duty.ics", None, "the rota rotas/duty.ics can't be read"),
    ],
)
def test_lint_reads_the_files_that_the_organisation_names(it: Desk, file: str, text: str | None, said: str) -> None:
    """What is wrong in one is a finding, with its line, and the rule that needs it; no helpdesk is asked."""
    path = it.folder / "protocol" / file
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    (found,) = lint(it)
    assert found.startswith(said)
    assert "is empty: nobody" in said or found.endswith("The rule that needs it: vips")
    assert hoist("rules", "lint", it.folder / "protocol").code == 1


@pytest.mark.parametrize("file", ["vip.csv", "freeze.csv", "rotas/duty.ics"])
def test_check_fails_where_a_rule_needs_what_could_never_be_read(it: Desk, file: str) -> None:
    """A rule that looks at a list that is not there does nothing without a word: that is no mere look."""
    (it.folder / "protocol" / file).unlink()
    said = it.hoist("check")
    assert said.code == 1
    assert f"{file} can't be read" in said.words
    assert "The rule that needs it: vips" in said.words
    found = it.hoist("check", "--json").json
    assert sum(file in problem for problem in found["problems"]) == 1
    assert not any(file in finding for finding in found["findings"])


def test_check_only_mentions_a_file_that_no_rule_needs(it: Desk) -> None:
    """It is worth a look, and keeps nothing from working."""
    organisation = OUTSIDE.replace("lists:\n", "lists:\n  spare: {file: spare.csv}\n")
    (it.folder / "protocol" / "organisation.yaml").write_text(organisation, encoding="utf-8")
    said = it.hoist("check")
    assert said.code == 0
    assert "the list spare.csv can't be read" in said.words


def test_a_source_that_hoist_yaml_does_not_name_is_found(it: Desk) -> None:
    """Both by lint, where there is a hoist.yaml, and by check; with the nearest name and the line."""
    organisation = OUTSIDE.replace("{name: P1, jira: Highest}", "{name: P1, jira: Highest, jirra: Highest}")
    (it.folder / "protocol" / "organisation.yaml").write_text(organisation, encoding="utf-8")
    sentence = 'organisation.yaml:4: jirra: is no source of hoist.yaml, which names jira; did you mean "jira"?'
    assert sentence in lint(it)
    assert sentence in it.hoist("check").words
