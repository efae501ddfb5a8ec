"""`hoist plan` as Dina uses it at a terminal: what would be done is shown, and nothing is."""

from __future__ import annotations

import json
from hashlib import sha256

from tests.agent.command_line import FORGOTTEN, ORGANISATION, RULES, Desk
from tests.agent.plan.planned import IGNORE, plan, site


def test_a_plan_says_what_differs_and_what_it_brings_about(it: Desk) -> None:
    """One line per rule, six lines of consequences, what to do next; with --tickets each field and the reasons."""
    name, said = plan(it, "--tickets")
    assert said.code == 0
    assert "~ nobody-took-it waits 15 minutes instead of 3 hours" in said.words
    for line in ("already in this state 1 1 acted on at once", "next 24 h", "people paged 0 none", "mails sent by helpdesks 2"):
        assert line in said.words
    assert f"jira:{FORGOTTEN} at once" in said.words
    assert "team Service Desk -> Network" in said.words
    assert "because the assignee is nobody: yes, since" in said.words
    assert f"Then: hoist apply {name}" in said.words
    assert said.words.endswith("Nothing was written.")


def test_a_plan_writes_nothing_anywhere(it: Desk) -> None:
    """The store stays as it was, byte by byte, no request could change anything: the plan's file is all that is made."""
    names = [name for name in ("hoist.db", "hoist.db-wal") if (it.folder / name).exists()]
    before = {name: sha256((it.folder / name).read_bytes()).hexdigest() for name in names}
    known = {path.name for path in it.folder.iterdir()}
    site(it).seen.clear()
    name, _ = plan(it)
    assert before == {each: sha256((it.folder / each).read_bytes()).hexdigest() for each in before}
    assert {path.name for path in it.folder.iterdir()} - known - {"hoist.db-shm", "hoist.db-wal"} == {"draft", f"{name}.json"}
    assert (it.folder / f"{name}.json").stat().st_mode & 0o077 == 0
    assert site(it).seen, "it asks for names and rights"
    assert site(it).unsafe == []


def test_the_same_rules_need_no_plan(it: Desk) -> None:
    """Where nothing differs no file is made."""
    said = it.hoist("plan")
    assert (said.code, "Nothing differs. Nothing was written." in said.words) == (0, True)
    assert not list(it.folder.glob("plan-*.json"))


def test_existing_tickets_that_are_left_alone_are_counted_and_named(it: Desk) -> None:
    """With existing_tickets: ignore a ticket that is so already is told of, and nothing is released."""
    name, said = plan(it, "--tickets", organisation=IGNORE)
    assert "already in this state 1 1 left alone (existing_tickets: ignore)" in said.words
    assert f"left alone nobody-took-it (jira): {FORGOTTEN}" in said.words
    found = it.hoist("apply", name)
    assert (found.code, "Released: 0 changes" in found.words) == (0, True)
    assert it.hoist("run", "--once").code == 0
    assert it.untouched()


def test_a_plan_for_machines_names_every_ticket(it: Desk) -> None:
    """--json has the fields from and to, the anchor that apply compares, and the consequences as numbers."""
    found = plan(it, "--json")[1].json
    (touched,) = found["now"]
    assert (touched["key"], touched["fields"][0]["field"]) == (FORGOTTEN, "team")
    assert touched["firings"][0]["rule"] == "nobody-took-it"
    assert found["consequences"]["acted_on_at_once"] == 1
    said = ["waits 15 minutes instead of 3 hours"]
    assert found["differences"] == [{"sign": "~", "rule": "nobody-took-it", "said": said}]
    assert "texts" not in found


def test_rules_that_ask_for_what_a_helpdesk_has_not_make_no_plan(it: Desk) -> None:
    """What a source can't do is said with exit code 1, and no file is made."""
    _, said = plan(it, organisation=ORGANISATION.replace("jira: Network", "jira: Netwerk"))
    assert said.code == 1
    assert "NOT POSSIBLE jira: " in said.words
    assert "did you mean 'Network'" in said.words
    assert not list(it.folder.glob("plan-*.json"))


def test_a_helpdesk_that_is_not_asked_keeps_nobody_from_planning(it: Desk) -> None:
    """--offline asks nobody: names are those that were read last, and the plan says so."""
    site(it).seen.clear()
    _, said = plan(it, "--offline")
    assert (said.code, site(it).seen) == (0, [])
    assert "LOOK jira: names as they were read last" in said.words


def test_what_a_rule_did_while_it_watched_stands_in_its_line(it: Desk) -> None:
    """A rule that goes live is shown with how often it noted something while it watched."""
    it.write(rules=RULES.replace("for: 15 minutes", "for: 15 minutes\n    mode: watch"))
    assert it.hoist("run", "--once").code == 0
    _, said = plan(it)
    assert "^ nobody-took-it watch -> live; watched 1 day: 1 time on 1 ticket" in said.words


SECRET = """\
rules:
  - rule: security
    title: Security report
    confidential: true
    mode: live
    when: {status: [new, open], assignee: nobody}
    for: 15 minutes
    do: [{escalate: it}, {comment: "Somebody broke in"}]
"""


def test_what_confidential_rules_would_do_is_told_nowhere(it: Desk) -> None:
    """Neither a plan nor its file nor a forecast says what such a rule asks for, or where its tickets would go."""
    name, said = plan(it, "--tickets", rules=SECRET)
    file = json.loads((it.folder / f"{name}.json").read_text(encoding="utf-8"))
    del file["texts"]
    assert "confidential: what differs is told nowhere" in said.words
    assert "Somebody broke in" not in said.words + json.dumps(file)
    assert "confidential what it would do is told nowhere" in said.words
    (touched,) = file["now"]
    assert {field["to"] for field in touched["fields"]} == {"(confidential)"}
    assert (touched["note"], touched["tells"], touched["firings"][0]["because"]) == (None, [], [])
    assert it.hoist("apply", name).code == 0
    forecast = it.hoist("forecast", "--json")
    assert [each["team"] for each in forecast.json["escalations"]] == ["(confidential)"]
