"""`hoist apply`: what Dina saw is what comes into force, or nothing does."""

from __future__ import annotations

import json
from contextlib import closing
from threading import Barrier, Thread

import pytest

from agent.app import App
from agent.config import load_settings
from agent.plan.applying import StalePlanError, apply_plan
from agent.plan.file import read_plan
from agent.store import journal, plans
from agent.store.database import open_database
from agent.store.plans import PlanState
from agent.store.states import RowState
from rules.binding import BindingError
from rules.instants import HOUR, MINUTE
from tests.agent.command_line import FORGOTTEN, ORGANISATION, RULES, Desk, hoist, real_time
from tests.agent.plan.planned import (
    DINA,
    LATER,
    agent,
    applied,
    at,
    let_its_instant_come,
    looks_around,
    plan,
    rows,
    settings,
    site,
)


def test_what_was_planned_is_what_is_done(it: Desk) -> None:
    """An applied plan comes into force when hoist runs, and the ticket that it lists is lifted as shown."""
    name, _ = plan(it)
    said = it.hoist("apply", name, "--why", "two weeks of watching")
    assert (said.code, "Released: 1 change" in said.words) == (0, True)
    assert it.hoist("run", "--once").code == 0
    saves, comments = it.record()
    assert [len(saves), len(comments)] == [1, 1]
    with closing(open_database(it.folder / "hoist.db")) as database, database.reading() as db:
        (line,) = journal.lines(db, kind="plan-applied")
        assert str(line.data["why"]) == "two weeks of watching"
    assert "Nothing differs" in plan(it)[1].words


def test_an_edited_plan_is_refused(it: Desk) -> None:
    """A plan whose file says something else than when it was made is not applied, and nothing comes into force."""
    name, _ = plan(it)
    file = it.folder / f"{name}.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {"now": []}), encoding="utf-8")
    said = it.hoist("apply", name)
    assert (said.code, applied(it)) == (2, [])
    assert "was edited after it was made" in said.err
    assert "there is no plan" in it.hoist("apply", "plan-of-nobody").err
    (it.folder / "other.json").write_text('{"format": 7}', encoding="utf-8")
    assert "no plan that this version of hoist can read" in it.hoist("apply", "other").err


def test_a_plan_for_other_rules_is_refused(it: Desk) -> None:
    """Of two plans for the same rules the second one is refused once the first is in force, and says why."""
    first, _ = plan(it)
    second, _ = plan(it, rules=RULES.replace("label: lifted", "label: raised"))
    assert it.hoist("apply", first).code == 0
    for stale in (first, second):
        said = it.hoist("apply", stale)
        assert said.code == 2
        assert "other rules are in force" in said.err
        assert "Plan anew: hoist plan" in said.err
    assert applied(it) == [PlanState.IN_FORCE]


def test_a_plan_for_another_hoist_yaml_is_refused(it: Desk) -> None:
    """What hoist.yaml says belongs to what a plan rests on; how it is spelt does not."""
    name, _ = plan(it)
    before = it.config.read_text(encoding="utf-8")
    settings(it, limits={"urgent": "5 per hour"})
    assert "hoist.yaml says something else" in it.hoist("apply", name).err
    it.config.write_text(json.dumps(json.loads(before), indent=2), encoding="utf-8")
    assert it.hoist("apply", name).code == 0


def test_a_plan_for_other_lists_is_refused(it: Desk) -> None:
    """Lists and windows are part of what a plan rests on."""
    vip = it.folder / "protocol" / "vip.txt"
    vip.write_text("vera@example.com\n", encoding="utf-8")
    name, said = plan(it, organisation=ORGANISATION + "lists: {vip: {file: vip.txt}}\n")
    assert "~ organisation list vip is new" in said.words
    vip.write_text("wim@example.com\n", encoding="utf-8")
    assert "lists, windows, calendars or files of people are not what they were" in it.hoist("apply", name).err


def test_a_ticket_that_moved_since_stays_held_and_is_named(it: Desk) -> None:
    """A listed ticket whose team is another one by now is not released: it waits for a person, with what moved."""
    name, _ = plan(it)
    field = it.settings()["tier_field"]["field"]
    site(it).saves("nora", FORGOTTEN, **{field: {"value": "Network"}})
    assert it.hoist("run", "--once").code == 0
    said = it.hoist("apply", name)
    assert said.code == 1
    assert f"HELD jira:{FORGOTTEN} nobody-took-it: the team changed meanwhile" in said.words
    assert it.hoist("run", "--once").code == 0
    assert it.untouched()
    ((state, problem),) = rows(it)
    assert (state, "the team changed meanwhile" in problem) == (RowState.BACKLOG, True)


SOON = RULES.replace("15 minutes", "125 minutes")
"""The forgotten ticket is so in five minutes."""


def test_what_came_to_be_so_since_stays_held_and_is_named(it: Desk, moved_on: list[int]) -> None:
    """A ticket that the plan has not seen is not lifted, however the rule reads: it waits for a person's word."""
    name, said = plan(it, rules=SOON)
    assert "already in this state 0 none" in said.words
    assert "next 24 h if nobody acts 1 1 to Network" in said.words
    moved_on[0] = 10 * MINUTE
    found = it.hoist("apply", name)
    assert found.code == 1
    assert f"HELD jira:{FORGOTTEN} nobody-took-it: it has come to be so since the plan was made" in found.words
    assert it.hoist("run", "--once").code == 0
    assert it.untouched()
    ((state, problem),) = rows(it)
    assert (state, "does not list it" in problem) == (RowState.BACKLOG, True)
    approved = hoist("changes", "approve", f"jira:{FORGOTTEN}", "--config", it.config, "--why", "I looked at it")
    assert approved.code == 0, approved.words
    assert it.hoist("run", "--once").code == 0
    assert len(it.record()[1]) == 1


def test_what_begins_after_a_plan_was_applied_needs_nobodys_word(it: Desk, moved_on: list[int]) -> None:
    """Only what was so already is the plan's affair: what comes to be so under the new rules is lifted by them."""
    name, _ = plan(it, rules=SOON)
    assert it.hoist("apply", name).code == 0
    assert it.hoist("run", "--once").code == 0
    assert it.untouched()
    moved_on[0] = 10 * MINUTE
    assert it.hoist("run", "--once").code == 0
    assert len(it.record()[1]) == 1


def test_a_running_hoist_takes_a_plan_over(it: Desk) -> None:
    """Seconds after apply the running agent judges by the plan's rules, without a restart, and lifts what it lists."""
    name, _ = plan(it)
    with agent(it) as app:
        app.turn()
        before = app.pipelines[0].ruling.generation
        assert it.hoist("apply", name).code == 0
        looks_around(app)
        assert app.pipelines[0].ruling.generation > before
        assert [state for state, _ in rows(it)] == [RowState.APPLIED]
    assert len(it.record()[1]) == 1


def test_nothing_is_decided_under_rules_that_are_no_longer_in_force(it: Desk) -> None:
    """Between an apply and its taking over nothing enters the outbox: it is looked at under the plan's rules then."""
    it.write()
    with agent(it) as app:  # has just taken over rules by which the ticket is to be lifted, and looked at none
        with closing(open_database(it.folder / "hoist.db")) as database, database.transaction() as db:
            row = plans.PlanRow(0, "x", PlanState.IN_FORCE, "other", "", 0, 0, "dina", "", {}, {})
            plans.add(db, row)
        app.rules.next_look = real_time() + HOUR
        app.turn()
        assert rows(it) == []
        assert app.pipelines[0].standing() == "other rules have come into force, and are taken over first"
        assert app.pipelines[0].problem == ""
    assert it.untouched()


def test_two_plans_that_are_applied_at_once_are_one(it: Desk) -> None:
    """Of two administrators who apply at the same moment one is refused, and nothing of theirs comes into force."""
    names = [plan(it)[0], plan(it, rules=RULES.replace("label: lifted", "label: raised"))[0]]
    made, start, done = load_settings(it.config, {}), Barrier(2), list[str]()

    def apply(name: str) -> None:
        read = read_plan(name)
        start.wait()
        try:
            apply_plan(made, read, None, DINA, lambda _done, _whole: None)
            done.append("applied")
        except StalePlanError as error:
            done.append(str(error))

    threads = [Thread(target=apply, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said == "applied" for said in done) == [False, True]
    assert applied(it) == [PlanState.IN_FORCE]


def test_a_plan_waits_for_its_instant(it: Desk) -> None:
    """With --at the running agent takes it over then, and not before."""
    name, _ = plan(it)
    with agent(it) as app:
        app.turn()
        said = it.hoist("apply", name, "--at", at(HOUR))
        assert (said.code, "comes into force at" in said.words) == (0, True)
        looks_around(app)
        assert rows(it) == []
        let_its_instant_come(it)
        looks_around(app)
        assert [state for state, _ in rows(it)] == [RowState.APPLIED]
    assert "that is past" in it.hoist("apply", name, "--at", at(-HOUR)).err


def test_a_plan_whose_base_is_gone_when_its_instant_comes_is_refused(it: Desk) -> None:
    """Another plan was applied meanwhile: the one that waited is not taken over, the journal says why, and hoist goes on."""
    tonight, _ = plan(it)
    assert it.hoist("apply", tonight, "--at", at(HOUR)).code == 0
    other, _ = plan(it, rules=LATER.replace("label: lifted", "label: raised"))
    assert it.hoist("apply", other).code == 0
    with agent(it) as app:
        let_its_instant_come(it)
        looks_around(app)
        assert rows(it) == []
    assert applied(it) == [PlanState.REFUSED, PlanState.IN_FORCE]
    with closing(open_database(it.folder / "hoist.db")) as database, database.reading() as db:
        (line,) = journal.lines(db, kind="plan-refused")
        assert "are in force by now than those that it changes" in str(line.data["said"])


def test_a_plan_that_waits_can_be_taken_back(it: Desk) -> None:
    """--withdraw until its instant has come; and a plan waits only once."""
    name, _ = plan(it)
    assert it.hoist("apply", name, "--at", at(HOUR)).code == 0
    assert "was applied already, and waits" in it.hoist("apply", name).err
    assert "Withdrawn" in it.hoist("apply", name, "--withdraw").words
    assert "there is nothing to withdraw" in it.hoist("apply", name, "--withdraw").err
    assert applied(it) == [PlanState.WITHDRAWN]


def test_a_plan_is_taken_back_by_its_name_wherever_its_file_is(it: Desk) -> None:
    """What hoist status says works on any machine that has the store: no file is asked for."""
    name, _ = plan(it, "--out", "tonight.json")
    assert it.hoist("apply", "tonight.json", "--at", at(HOUR)).code == 0
    (it.folder / "tonight.json").unlink()
    assert "Withdrawn" in it.hoist("apply", name, "--withdraw").words
    assert applied(it) == [PlanState.WITHDRAWN]
    assert "does not wait for any instant" in it.hoist("apply", name, "--withdraw").err


def test_after_the_first_plan_changed_files_wait(it: Desk) -> None:
    """Files come into force as they are saved until somebody applies a plan; from then on they wait for the next one."""
    name, _ = plan(it, rules=LATER.replace("label: lifted", "label: raised"))
    assert it.hoist("apply", name).code == 0
    it.write()
    with agent(it) as app:
        looks_around(app)
        it.write(rules=RULES.replace("label: lifted", "label: again"))
        looks_around(app)
    assert it.untouched()
    assert "waits 15 minutes instead of 3 hours" in it.hoist("plan").words


def test_with_activation_files_no_plan_is_applied(it: Desk) -> None:
    """`activation: files`: what the files say is in force, also where a plan was applied before."""
    name, _ = plan(it)
    assert it.hoist("apply", name).code == 0
    settings(it, activation="files")
    assert it.hoist("run", "--once").code == 0
    assert it.untouched(), "the files say three hours"
    name, _ = plan(it)
    said = it.hoist("apply", name)
    assert (said.code, "activation: files" in said.err) == (2, True)


def test_with_activation_apply_changed_files_wait_from_the_start(it: Desk) -> None:
    """`activation: apply`: the rules that are found at first are in force, and from then on plans alone change them."""
    settings(it, activation="apply")
    assert it.hoist("run", "--once").code == 0
    (it.folder / "protocol" / "rules.yaml").write_text(RULES, encoding="utf-8")
    assert it.hoist("run", "--once").code == 0
    assert it.untouched()
    said = it.hoist("plan")
    name = next(word for word in said.words.split() if word.startswith("plan-"))
    assert it.hoist("apply", name).code == 0
    assert it.hoist("run", "--once").code == 0
    assert len(it.record()[1]) == 1
    settings(it, activation="now and then")
    assert "activation: expected files or apply" in it.hoist("status").err


def test_a_plan_that_no_longer_fits_the_helpdesk_is_refused_and_hoist_goes_on(it: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team of the plan was taken away meanwhile: the former rules are in force again, and something is said."""
    name, _ = plan(it, "--offline", organisation=ORGANISATION + "roles: {duty: duty@example.com}\n")
    with agent(it) as app:
        app.turn()
        assert it.hoist("apply", name).code == 0
        with monkeypatch.context() as patched:
            patched.setattr(app.rules, "_bound", refuses_once(app))
            looks_around(app)
        assert app.pipelines[0].standing() == ""
    assert applied(it) == [PlanState.REFUSED]
    assert it.untouched()


def refuses_once(app: App) -> object:
    original, times = app.rules._bound, list[int]()

    def bound(*given: object) -> object:
        times.append(1)
        if len(times) == 1:
            raise BindingError("jira", ("jira has no team 'Network'",))
        return original(*given)  # type: ignore[arg-type]

    return bound
