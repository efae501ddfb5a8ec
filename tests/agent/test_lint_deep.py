"""`hoist rules lint --deep` at a terminal."""

import sys
from pathlib import Path

import pytest

from rules.prove import prove
from rules.rulebook import load
from tests.agent.command_line import Said, hoist
from tests.rules.worlds import world_of

ORGANISATION = """\
format: 1
defaults: {mode: live, calendar: office}
priorities:
  - {name: P1, jira: Highest}
  - {name: P2, jira: High}
calendars:
  always: {hours: all}
  office: {time_zone: Europe/Amsterdam, hours: {mon-fri: "09:00-17:30"}, holidays: NL}
teams:
  desk: {jira: Service Desk, lead: anna@example.com}
  network: {jira: Network}
"""
EVERYTHING = """\
rules:
  - rule: nobody-acts
    title: Nobody acts
    when: {status: [new, open]}
    for: 15 minutes
    do: [{raise_priority: {by: 1}}, {digest: {to: lead of desk, title: Late}}]
"""
SOME = EVERYTHING.replace("open]}", "open], assignee: nobody}")
NEVER = """\
  - rule: never
    title: Never
    when: {status: open, not: {status: [new, open]}}
    do: [{assign: network}]
"""
ROUND = """\
rules:
  - rule: there
    title: There
    when: {team: desk}
    for: 15 minutes
    do: [{assign: network}]
  - rule: back
    title: Back
    when: {team: network}
    for: 1 hour
    do: [{assign: desk}]
"""


@pytest.fixture
def protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A protocol in ./protocol, and no hoist.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOIST_CONFIG", raising=False)
    folder = tmp_path / "protocol"
    folder.mkdir()
    (folder / "organisation.yaml").write_text(ORGANISATION, encoding="utf-8")
    return folder


def linted(protocol: Path, rules: str, *options: str) -> Said:
    """What it says of these rules."""
    (protocol / "rules.yaml").write_text(rules, encoding="utf-8")
    return hoist("rules", "lint", "--deep", *options)


def test_what_is_proved_is_said_and_ends_in_0(protocol: Path) -> None:
    """Each urgent priority is covered, with the time, and no rules undo each other; nothing goes to standard error."""
    said = linted(protocol, EVERYTHING)
    assert (said.code, said.err) == (0, "")
    assert "proved priority: P1, status: [new, open]: every ticket" in said.words
    assert "is escalated within 15 minutes if nobody acts" in said.words
    assert "proved rules: no rules undo each other for ever" in said.words
    assert "can fire" not in said.words
    assert "1 rule, nothing to find fault with" in said.words


def test_a_forgotten_ticket_is_shown_with_its_story(protocol: Path) -> None:
    """A sentence, the story's dated lines below it, exit code 1."""
    said = linted(protocol, SOME, "--covered", "priority: P1, status: new")
    assert said.code == 1
    sentence, arrives = said.out.splitlines()[:2]
    assert sentence.startswith("priority: P1, status: new: a P1 ticket")
    assert "somebody as assignee" in sentence
    assert sentence.endswith("is escalated by no rule if nobody acts")
    assert "  it arrives: a P1 ticket" in arrives
    assert arrives.startswith("    ")
    assert "1 thing to mend or to look at" in said.words


def test_a_rule_that_never_fires_is_named_with_its_place_after_the_plain_findings(protocol: Path) -> None:
    """File and line first, as of every mistake; what plain lint finds stands above it."""
    said = linted(protocol, "# a comment\n" + EVERYTHING.replace("title: Nobody acts", "title: Room #5") + NEVER)
    assert said.code == 1
    cut, never = said.out.splitlines()[:2]
    assert "the text ends before" in cut
    assert never.startswith("rules.yaml:8: never: can never fire: these are never so together: the status is open;")


def test_rules_that_undo_each_other_are_shown_going_round(protocol: Path) -> None:
    """Each instant of the round is a line."""
    said = linted(protocol, ROUND)
    assert said.code == 1
    lines = [line.strip() for line in said.out.splitlines() if line.startswith("    ")]
    assert any(line.endswith("there: team desk -> network") for line in lines)
    assert any(line.endswith("back: team network -> desk") for line in lines)


def test_several_kinds_of_tickets_are_asked_for_with_one_time(protocol: Path) -> None:
    """Each `--covered` gets its answer, all with the same `--within`; without one, it is asked of the usual kinds."""
    asked = ("--covered", "priority: P1", "--covered", "team: network, status: new")
    found = linted(protocol, EVERYTHING, *asked, "--within", "10 minutes", "--json").json["proofs"]
    covered = [proof for proof in found if proof["question"] == "covered"]
    assert {proof["subject"] for proof in covered} == {"priority: P1", "team: network, status: new"}
    assert all("within 10 minutes" in proof["sentence"] for proof in covered)
    usual = linted(protocol, EVERYTHING, "--within", "10 minutes", "--json").json["proofs"]
    kinds = {proof["subject"]: proof["kind"] for proof in usual if proof["question"] == "covered"}
    assert kinds == {"priority: P1, status: [new, open]": "found", "priority: P2, status: [new, open]": "found"}
    enough = linted(protocol, EVERYTHING, "--within", "15 minutes")
    assert enough.code == 0


def test_machines_get_every_answer(protocol: Path) -> None:
    """That each rule can fire is among them, and a story with the ticket's fields."""
    said = linted(protocol, SOME + NEVER, "--json")
    assert said.code == 1
    proofs = said.json["proofs"]
    assert {(proof["subject"], proof["kind"]) for proof in proofs if proof["question"] == "never fires"} == {
        ("nobody-acts", "proved"),
        ("never", "found"),
    }
    story = next(proof["story"] for proof in proofs if proof["question"] == "covered")
    assert story["fields"]["priority"] == "P1"
    assert story["arrives"].endswith("Z")
    assert len(story["lines"]) == 1
    (protocol / "rules.yaml").write_text(EVERYTHING, encoding="utf-8")
    assert hoist("rules", "lint", "--json").json["proofs"] is None


def test_what_is_undecided_is_said_and_is_no_fault(protocol: Path) -> None:
    """A question that can't be asked is answered so, in words; the exit code stays 0."""
    said = linted(protocol, EVERYTHING, "--covered", "silent: 2 hours")
    assert said.code == 0
    assert "undecided silent: 2 hours: is not known to be covered: only what fields say" in said.words


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--covered", "priority: P7"), '--covered: "P7": there is no such priority; there are: P1, P2'),
        (("--covered", "team: netwrk"), 'did you mean "network"?'),
        (("--covered", "priority: P1", "--within", "soon"), '--within: "soon": expected a duration such as 15 minutes'),
        (("--within", "soon"), '--within: "soon": expected a duration such as 15 minutes'),
    ],
)
def test_a_question_with_a_wrong_word_is_refused_in_words(options: tuple[str, ...], sentence: str, protocol: Path) -> None:
    """Wrong use ends in 2, and says which option is meant."""
    said = linted(protocol, EVERYTHING, *options)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.words


def test_the_options_belong_to_deep(protocol: Path) -> None:
    """Without `--deep` nobody asks them, and they are not ignored in silence."""
    (protocol / "rules.yaml").write_text(EVERYTHING, encoding="utf-8")
    said = hoist("rules", "lint", "--covered", "priority: P1")
    assert said.code == 2
    assert "--covered and --within belong to --deep" in said.words


def test_a_protocol_with_mistakes_is_not_thought_about(protocol: Path) -> None:
    """The mistakes are what is told, as without `--deep`."""
    said = linted(protocol, EVERYTHING.replace("status: [new, open]", "status: [nwe, open]"), "--json")
    assert said.code == 1
    assert said.json["problems"]
    assert said.json["proofs"] is None


def test_without_the_solver_it_says_how_to_install_it(protocol: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named; plain lint needs none."""
    monkeypatch.setitem(sys.modules, "z3", None)
    said = linted(protocol, EVERYTHING)
    assert (said.code, said.out) == (2, "")
    assert said.err == '--deep needs a solver, which is installed with: pip install "hoist[deep]"\n'
    assert hoist("rules", "lint").code == 0


def test_a_confidential_rule_goes_by_its_own_id(protocol: Path) -> None:
    """Whoever lints the rules has their files; a name made up for others would help nobody."""
    secret = NEVER.replace("title: Never", "title: Never\n    confidential: true")
    said = linted(protocol, EVERYTHING + secret)
    assert "never: can never fire" in said.words


def test_whoever_waits_hears_what_is_being_looked_at() -> None:
    """Every part of the work is named before it begins."""
    heard: list[str] = []
    rulebook = load({"organisation.yaml": ORGANISATION, "rules.yaml": EVERYTHING}, {}).rulebook
    prove(rulebook, world_of(rulebook), first_year=2026, progress=heard.append)
    begun = ["which of 1 rules can fire", "which rules undo each other", "which tickets nobody escalates"]
    assert [said for said in heard if said in begun] == begun
