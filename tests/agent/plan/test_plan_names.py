"""Names in a plan stay what they were when it was made: people rename teams, and no ticket goes elsewhere for it."""

from __future__ import annotations

import pytest

from agent.store.plans import PlanState
from tests.agent.command_line import ORGANISATION, Desk
from tests.agent.plan.planned import agent, applied, looks_around, plan, site


def id_of(it: Desk, name: str) -> str:
    return next(id_ for id_, known in site(it).teams.items() if known == name)


def went_to(it: Desk) -> list[str | None]:
    """The ids of the teams to which hoist has moved tickets."""
    return [new for save in it.record()[0] for field, _, new in save.items if field == "team"]


def test_a_team_that_is_renamed_after_it_was_planned_is_the_same_team(it: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A plan holds though one of its teams has another name by now: the ticket goes where it was shown to go, also later on."""
    network = id_of(it, "Network")
    name, _ = plan(it)
    site(it).teams[network] = "Lines"
    assert it.hoist("apply", name).code == 0
    assert it.hoist("run", "--once").code == 0
    assert went_to(it) == [network]
    assert "jira: the team that the rules name 'Network' is called 'Lines' there by now" in caplog.text
    assert it.hoist("forecast").code == 0
    assert it.hoist("run", "--once").code == 0


def test_a_team_that_takes_the_name_of_another_gets_none_of_its_tickets(it: Desk) -> None:
    """Two teams swap their names after a plan was made: tickets go to the team that was shown."""
    network, desk = id_of(it, "Network"), id_of(it, "Service Desk")
    name, _ = plan(it)
    site(it).teams[network], site(it).teams[desk] = "Service Desk", "Network"
    with agent(it) as app:
        app.turn()
        assert it.hoist("apply", name).code == 0
        looks_around(app)
    assert went_to(it) == [network]


def test_a_team_that_is_gone_when_a_plan_comes_into_force_keeps_it_from_that(it: Desk) -> None:
    """Its name may be another team's by then: the plan is refused, the former rules stay, and nothing is written."""
    network = id_of(it, "Network")
    name, _ = plan(it)
    with agent(it) as app:
        app.turn()
        assert it.hoist("apply", name).code == 0
        del site(it).teams[network]
        site(it).teams["29999"] = "Network"
        app.rules.directories["jira"] = app.pipelines[0].connector.directory()
        looks_around(app)
    assert applied(it) == [PlanState.REFUSED]
    assert it.untouched()


def test_a_team_made_while_hoist_runs_can_be_planned_and_applied(it: Desk) -> None:
    """A plan knows the names of now, not those of when hoist began; so do apply, and the running hoist that takes it over."""
    with agent(it) as app:
        app.turn()
        site(it).teams["29999"] = "Lines"
        name, said = plan(it, "--tickets", organisation=ORGANISATION.replace("jira: Network", "jira: Lines"))
        assert "team Service Desk -> Lines" in said.words
        assert it.hoist("apply", name).code == 0
        looks_around(app)
    assert went_to(it) == ["29999"]


def test_an_organisation_that_follows_a_new_name_can_be_planned(it: Desk) -> None:
    """A team was renamed, and the changed files say so: the rules in force still go by its former name."""
    site(it).teams[id_of(it, "Network")] = "Lines"
    name, said = plan(it, organisation=ORGANISATION.replace("jira: Network", "jira: Lines"))
    assert said.code == 0
    assert "already in this state 1 1 acted on at once" in said.words
    assert it.hoist("apply", name).code == 0
    assert it.hoist("run", "--once").code == 0
    assert len(it.record()[0]) == 1
