"""Cases at service providers, by the number that a desk keeps in a column and by what a task waits for."""

from __future__ import annotations

from connectors.servicenow.cases import Provider
from connectors.servicenow.settings import ServiceNowSettings
from connectors.servicenow.states import States
from rules.ticket import UNKNOWN, Ticket
from tests.connectors.servicenow.rows import audit, cell, incident, instance, ticket

AWS = Provider("aws", "correlation_id", "AWS Support")
ISP = Provider("isp", "u_isp_case")
HOLDS = States(hold_labels={"1": "Awaiting Caller", "3": "Awaiting Problem", "4": "Awaiting Vendor"})


def seen(*saves: dict[str, str], **columns: object) -> Ticket:
    plain = {"correlation_id": "4711", "correlation_display": "AWS Support", "u_isp_case": "", "on_hold": "", **columns}
    whole = {name: value for name, value in plain.items() if value is not None}
    return ticket(incident(**whole), of=instance(providers=(AWS, ISP), states=HOLDS), audit=saves)


def turns(found: Ticket) -> list[tuple[object, object]]:
    return [(change.old, change.new) for change in found.changes if change.field == "case.aws"]


def test_a_case_is_the_providers_while_the_task_waits_for_the_vendor() -> None:
    """On hold for the vendor it is theirs, taken up again it is ours, and a task that is over has none."""
    assert seen(state=cell("3", "On Hold"), hold_reason=cell("4", "Awaiting Vendor")).fields["case.aws"] == "theirs"
    assert seen(state=cell("3", "On Hold"), hold_reason=cell("3", "Awaiting Problem")).fields["case.aws"] == "ours"
    assert seen(state=cell("2", "In Progress")).fields["case.aws"] == "ours"
    assert seen(state=cell("6", "Resolved")).fields["case.aws"] is None


def test_the_number_says_whose_case_it_is() -> None:
    """One column can serve several providers; a number of another one, or none, is no case."""
    assert seen(correlation_display="azure support").fields["case.aws"] is None
    assert seen(correlation_display="aws support ").fields["case.aws"] == "ours"
    assert seen(correlation_id=" ").fields["case.aws"] is None
    assert seen(u_isp_case="77").fields["case.isp"] == "ours"


def test_a_hidden_number_is_unknown() -> None:
    """Where hoist may not read the column nobody takes it for no case."""
    found = seen(correlation_display=None)
    assert "case.aws" not in found.fields
    assert found.fields["case.isp"] is None


def test_whose_turn_it_was() -> None:
    """The past is known as well, so that a rule can say how long a provider has had it."""
    found = seen(
        audit(60, "correlation_id", "", "4711", checkpoint=1),
        audit(60, "correlation_display", "", "AWS Support", checkpoint=1),
        audit(120, "state", "2", "3", checkpoint=2),
        audit(120, "hold_reason", "", "4", checkpoint=2),
        audit(180, "state", "3", "2", checkpoint=3),
        audit(180, "hold_reason", "4", "", checkpoint=3),
        state=cell("2", "In Progress"),
    )
    assert turns(found) == [(None, "ours"), ("ours", "theirs"), ("theirs", "ours")]
    assert [change.at for change in found.changes] == sorted(change.at for change in found.changes)
    waited = next(change for change in found.changes if change.new == "theirs")
    assert {each.save for each in found.changes if each.at == waited.at} == {waited.save}


def test_a_state_of_the_past_that_nobody_knows_leaves_the_turn_unknown() -> None:
    """A state that was deleted since tells nothing about who had the case."""
    found = seen(audit(60, "state", "42", "2", checkpoint=1), state=cell("2", "In Progress"))
    assert turns(found) == [(UNKNOWN, "ours")]


def test_providers_are_named_as_the_protocol_names_them() -> None:
    """A line in the settings says where the numbers stand; correlation_id is where most desks keep them."""
    settings = ServiceNowSettings.model_validate(
        {
            "url": "https://example.service-now.com",
            "username": "hoist.integration",
            "auth": {"kind": "basic", "password": "env:X"},
            "cases": {"aws": {"display": "AWS Support"}, "isp": {"column": "u_isp_case"}},
        }
    )
    assert settings.providers == (AWS, ISP)
