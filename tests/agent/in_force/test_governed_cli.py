"""`hoist status` says which rules are in force, who applied them, and which plans wait or came to nothing."""

from __future__ import annotations

from rules.instants import HOUR
from tests.agent.command_line import RULES, Desk
from tests.agent.plan.planned import LATER, agent, applied, at, let_its_instant_come, looks_around, plan


def test_as_long_as_no_plan_was_applied_the_files_are_named(it: Desk) -> None:
    """The version in force is that which hoist plan compares with."""
    version = it.hoist("status", "--json").json["rules"]["version"]
    assert f"in force {version[:12]}, by the files of the protocol" in it.hoist("status").words
    assert f"Rules {version[:12]} (in force)" in plan(it)[1].words


def test_a_plan_in_force_is_named_with_who_applied_it_and_why(it: Desk) -> None:
    """Until hoist has taken it over status says where it has not."""
    name, _ = plan(it)
    assert it.hoist("apply", name, "--as", "dina", "--why", "agreed on Monday").code == 0
    said = it.hoist("status")
    assert f"by {name}, applied" in said.words
    assert "by dina: agreed on Monday" in said.words
    assert "not yet at jira: hoist run takes it over" in said.words
    assert it.hoist("run", "--once").code == 0
    assert "(in force since" in it.hoist("plan").words
    assert ", applied by dina) -> your files" in it.hoist("plan").words
    found = it.hoist("status", "--json").json["rules"]
    assert (found["plan"]["plan"], found["plan"]["by"], found["not_taken_over_yet"]) == (name, "dina", [])


def test_what_is_checked_is_what_is_in_force(it: Desk) -> None:
    """With a plan in force hoist check tells of its rules, not of files that wait; without one, of the files."""
    assert it.hoist("check", "--json").json["rules"] == {"live": 1}
    name, _ = plan(it)
    assert it.hoist("apply", name).code == 0
    (it.folder / "protocol" / "rules.yaml").write_text(RULES.replace("    when:", "    mode: watch\n    when:"))
    said = it.hoist("check")
    assert f"rules 1 live, by {name}" in said.words
    assert "no rule is live" not in said.words
    assert f"the protocol's files are not in force, {name} is: hoist plan says what they would change" in said.words
    (it.folder / "protocol" / "rules.yaml").write_text("rules: [")
    said = it.hoist("check")
    assert said.code == 0
    assert "have mistakes, which hoist rules lint names" in said.words


def test_a_plan_that_waits_is_named_with_its_instant(it: Desk) -> None:
    """And how to take it back; once other rules are in force, that it waits in vain."""
    name, _ = plan(it)
    assert it.hoist("apply", name, "--at", at(HOUR), "--as", "dina").code == 0
    said = it.hoist("status").words
    assert f"waits {name} comes into force at" in said
    assert f"until then hoist apply {name} --withdraw" in said
    other, _ = plan(it, rules=LATER.replace("label: lifted", "label: raised"))
    assert it.hoist("apply", other).code == 0
    assert f"WAITS IN VAIN {name} comes into force" in it.hoist("status").words
    assert [each["plan"] for each in it.hoist("status", "--json").json["rules"]["waiting"]] == [name]


def test_a_plan_that_was_refused_needs_a_person(it: Desk) -> None:
    """Whoever applied it for tonight learns tomorrow that other rules are in force: exit code 1, until a later one is applied."""
    tonight, _ = plan(it)
    assert it.hoist("apply", tonight, "--at", at(HOUR)).code == 0
    other, _ = plan(it, rules=LATER.replace("label: lifted", "label: raised"))
    with agent(it) as app:
        assert it.hoist("apply", other).code == 0
        looks_around(app)
        let_its_instant_come(it)
        looks_around(app)
    assert [state.value for state in applied(it)] == ["refused", "in force"]
    said = it.hoist("status")
    assert said.code == 1
    assert f"REFUSED {tonight}, applied" in said.words
    assert "are in force by now than those that it changes" in said.words
    third, _ = plan(it, rules=RULES.replace("label: lifted", "label: raised"))
    assert it.hoist("apply", third).code == 0
    assert "REFUSED" not in it.hoist("status").words
