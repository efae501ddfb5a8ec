"""What is peculiar to Data Center reaches nobody: the same tickets, the same writes, and sentences that say what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.answers import Answer, Limit, Reach
from connectors.errors import AskAdmin, GiveUp, TryLater
from connectors.http import Surroundings
from connectors.jira.connector import JiraConnector
from connectors.jira.data_center import DataCenterClient
from connectors.jira.data_center_sandbox import DataCenterSandbox
from connectors.jira.data_center_wire import issue_and_history
from connectors.jira.jql_dates import date_text, zone_named
from connectors.jira.mapping import is_public
from connectors.jira.sandbox import JiraSandbox
from connectors.jira.settings import JiraSettings
from connectors.jira.site.catalog import PARTICIPANTS, TEAM
from connectors.jira.site.data_center import user_key
from connectors.jira.wire import ServerInfo
from connectors.testing import Mirror
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import DAY, HOUR, MINUTE, Instant, instant
from rules.ticket import Kind, TicketRef
from tests.connectors.jira.data_center.calling import call
from tests.connectors.sandbox_desk import CHASED, HANDED, TAKEN, Clock, desk

NAMES = (
    "id",
    "key",
    "name",
    "fields",
    "changelog",
    "histories",
    "items",
    "author",
    "comment",
    "comments",
    "reporter",
    "displayName",
)


class Desk:
    """A site on loopback and hoist connected to it."""

    def __init__(self, open_: ExitStack, folder: Path, **more: Any) -> None:
        self.clock = Clock()
        self.site = DataCenterSandbox(clock=self.clock, history=desk(TAKEN, HANDED, CHASED), **more)
        self.open, self.folder = open_, folder
        open_.enter_context(self.site.serve())

    def settings(self, **more: object) -> JiraSettings:
        given = self.site.credentials()
        file = self.folder / "token"
        file.write_text(given["token"])
        wanted = {"edition": "data-center", "url": given["url"], "token": f"file:{file}", **self.site.source_settings(), **more}
        return JiraSettings.model_validate(wanted)

    def connector(self, **more: object) -> JiraConnector:
        made = JiraConnector("jira-dc", self.settings(**more), Surroundings(sleep=lambda _: None))
        self.open.callback(made.close)
        return made

    def say(self, person: str, ticket: str, text: str, **more: object) -> None:
        call(self.site, person, "POST", f"/jira/rest/api/2/issue/{ticket}/comment", {"body": text, **more})


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as open_:
        yield open_


@pytest.fixture
def there(opened: ExitStack, tmp_path: Path) -> Desk:
    return Desk(opened, tmp_path)


def edit(ticket: str, *changes: FieldChange, at: Instant = 0) -> Operation:
    return Operation("k", OperationKind.FIELDS, TicketRef("jira-dc", ticket), "5f3a", (), changes, planned_at=at)


# --- which site it is ---------------------------------------------------------------------------------------------------


def test_hoist_signs_in_below_a_context_path(there: Desk) -> None:
    """A site below a path of its host is a site like any other, and links for people lead below that path."""
    identity = there.connector().identify()
    assert identity.account == user_key("hoist")
    assert identity.instance == there.site.url
    assert identity.instance.endswith("/jira")
    (ticket,) = there.connector().read([there.site.issue_id("T1")]).tickets
    assert ticket.url == f"{there.site.url}/browse/IT-1"


def test_a_site_of_the_other_edition_says_so(there: Desk, opened: ExitStack) -> None:
    """Whoever names the wrong edition is told which one it is, in both directions, and not that the credential is wrong."""
    cloud = JiraSandbox(clock=there.clock, history=desk())
    opened.enter_context(cloud.serve())
    with pytest.raises(AskAdmin, match="this is Jira Cloud, not Data Center: leave `edition`"):
        there.connector(url=cloud.url).identify()
    with pytest.raises(AskAdmin, match="this is Jira Server, not Jira Cloud: set `edition: data-center`"):
        there.connector(edition="cloud", username="hoist@example.com").identify()


@pytest.mark.parametrize(("numbers", "fits"), [([8, 20, 1], False), ([9, 11, 9], False), ([9, 12, 0], True), ([11, 0, 0], True)])
def test_versions_that_are_too_old_are_refused(there: Desk, numbers: list[int], fits: bool) -> None:
    """A site of before 9.12 is told so at sign-in, with its version."""
    version = ".".join(map(str, numbers))
    wire = {"baseUrl": "https://a", "deploymentType": "Server", "version": version, "versionNumbers": numbers}
    said = there.connector()._client.unfit(_server(wire))
    assert (said == "") is fits
    assert fits or version in said


def _server(told: dict[str, Any]) -> Any:
    return ServerInfo.model_validate(told)


def test_settings_take_the_token_alone(there: Desk) -> None:
    """A personal access token tells whose it is: an account beside it is refused rather than passed over."""
    with pytest.raises(ValueError, match="personal access token"):
        there.settings(username="anna")


def test_the_token_is_never_shown(there: Desk) -> None:
    """No message and no representation carries the token, also where Jira repeats it."""
    client = there.connector()._client
    assert there.site.credentials()["token"] not in repr(client.auth)
    assert client.auth.hidden == (there.site.credentials()["token"],)


# --- reading ------------------------------------------------------------------------------------------------------------


def test_histories_name_people_by_key_and_fields_by_id(there: Desk) -> None:
    """Though Data Center names fields by their names alone, the history of the team is the ticket's, with ids."""
    (ticket,) = there.connector().read([there.site.issue_id("T1")]).tickets
    moves = {change.field: (change.old, change.new) for change in ticket.changes}
    options = there.site._site.catalog.options[TEAM]
    named = {name: id_ for id_, name in options.items()}
    assert moves["team"] == (named["Service Desk"], named["Network Operations"])
    assert moves["assignee"] == (user_key("anna"), None)
    assert {change.by.id for change in ticket.changes} == {user_key("anna")}


def test_a_custom_field_of_the_name_of_jiras_own_is_another_one(there: Desk) -> None:
    """A field that somebody named Status or Priority does not change the ticket's status or priority."""
    item = {"field": "priority", "fieldtype": "custom", "from": "1", "to": "2"}
    row = {"id": "1", "fields": {}, "changelog": {"histories": [{"items": [item]}]}}
    (entry,) = issue_and_history(row, {}, lambda _: "atlassian")
    assert entry["items"][0]["fieldId"] == "priority (custom)"


def test_public_is_what_the_service_desk_says(there: Desk) -> None:
    """Comments do not tell themselves who can read them: the service desk does."""
    ticket = there.site.issue_id("T2")
    there.say("anna", ticket, "For colleagues", properties=[{"key": "sd.public.comment", "value": {"internal": True}}])
    there.say("anna", ticket, "For everybody")
    (read,) = there.connector().read([ticket]).tickets
    assert [message.public for message in read.messages] == [False, True]


def test_without_the_service_desk_the_comments_property_tells(there: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An issue that is no customer's request is not known to the service desk, and its notes are told apart nevertheless."""
    ticket = there.site.issue_id("T2")
    there.say("anna", ticket, "For colleagues", properties=[{"key": "sd.public.comment", "value": {"internal": True}}])
    there.say("anna", ticket, "For everybody")
    hoist = there.connector()
    monkeypatch.setattr(DataCenterClient, "_of_request", lambda _self, _issue: None)
    (read,) = hoist.read([ticket]).tickets
    assert [message.public for message in read.messages] == [False, True]


def test_a_customer_who_is_not_the_reporter_is_no_staff(there: Desk) -> None:
    """Somebody without any licence who speaks on another's ticket is a requester, as in Cloud."""
    made = {"project": {"key": "IT"}, "issuetype": {"id": "10010"}, "summary": "New", "reporter": {"name": "anna"}}
    ticket = call(there.site, "anna", "POST", "/jira/rest/api/2/issue", {"fields": made})["id"]
    there.say("chloe", ticket, "The same here.")
    there.say("bram", ticket, "Looking.")
    (read,) = there.connector().read([ticket]).tickets
    assert [message.by.kind for message in read.messages] == [Kind.REQUESTER, Kind.STAFF]


def test_a_restricted_comment_is_not_public(there: Desk) -> None:
    """Where no service desk says otherwise, a comment for a role or a group alone is none that the requester reads."""
    assert not is_public({"id": 1, "created": 0, "visibility": {"type": "role", "value": "Agents"}})


@pytest.mark.parametrize(
    ("at", "zone", "text"),
    [
        ("2026-11-23T04:00:59Z", "Europe/Amsterdam", "2026-11-23 05:00"),
        ("2026-11-23T04:00:59Z", "Asia/Kolkata", "2026-11-23 09:30"),
        ("2026-10-25T00:30:00Z", "Europe/Amsterdam", "2026-10-25 01:30"),  # 02:30 comes twice that night
        ("2026-10-25T01:30:00Z", "Europe/Amsterdam", "2026-10-25 01:30"),
        ("2026-03-29T01:00:00Z", "Europe/Amsterdam", "2026-03-29 03:00"),
        ("2026-11-23T04:00:59Z", "Nowhere/Land", "2026-11-22 04:00"),
    ],
)
def test_dates_of_queries_are_never_later_than_meant(at: str, zone: str, text: str) -> None:
    """Jira reads dates in the account's zone by the minute: what is asked for is that minute, or one that is surely earlier."""
    assert date_text(instant(datetime.fromisoformat(at)), zone_named(zone)) == text


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "UTC"])
def test_nothing_is_lost_in_any_zone(opened: ExitStack, tmp_path: Path, zone: str) -> None:
    """Whatever zone hoist's account lives in, the next run shows what changed since the last one."""
    there = Desk(opened, tmp_path, time_zone=zone)
    hoist, mirror = there.connector(), Mirror()
    mirror.run(hoist)
    there.clock.pass_(DAY)
    mirror.run(hoist)
    there.clock.pass_(MINUTE)
    call(there.site, "anna", "PUT", "/jira/rest/api/2/issue/IT-2", {"fields": {"priority": {"id": "1"}}})
    there.clock.pass_(HOUR)
    pages = mirror.run(hoist)
    assert [ticket.key for page in pages for ticket in page.tickets] == ["IT-2"]


def test_requests_of_a_service_project_are_read_as_in_cloud(there: Desk) -> None:
    """SLAs are targets, and of participants and approvers hoist knows the keys."""
    there.clock.pass_(5 * MINUTE)
    anna, bram, id_ = user_key("anna"), user_key("bram"), there.site.issue_id("T1")
    asked = {"targets": ["Time to resolution"], "request_facts": ["approval"], "fields": {"participants": PARTICIPANTS}}
    hoist = there.connector(**asked)
    assert hoist.problems() == []
    there.site.ask(id_, request_type="26", companies=("1",), people=(anna, bram), approvals=(f"{anna}=approved {bram}=pending",))
    (ticket,) = hoist.read([id_]).tickets
    assert isinstance(ticket.fields["target.Time to resolution"], int)
    assert ticket.fields["native.participants"] == tuple(sorted((anna, bram)))
    assert ticket.fields["approver"] == (bram,)
    mirror = Mirror()
    assert mirror.run(hoist)[-1].complete


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=4),
    max_leaves=25,
)


@given(JSON)
def test_whatever_jira_answers_is_taken_or_left(row: Any) -> None:
    """Nonsense in the place of an issue never stops hoist: it is left as it is, for the ticket alone to be set aside."""
    entries = issue_and_history(row, {"Assignment group": TEAM}, lambda _: "atlassian")
    assert isinstance(entries, list)
    json.dumps([row, entries])


def test_an_issue_that_makes_no_sense_costs_no_other(there: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One ticket whose answer is not what it should be is set aside under its id with the reason; the others arrive."""
    bad, good = there.site.issue_id("T1"), there.site.issue_id("T2")
    render = type(there.site._site.render(2, 0))
    shown = render.issue

    def spoilt(self: Any, issue: Any, *rest: Any, **more: Any) -> Any:
        return {"id": [], "fields": 7} if str(issue.id) == bad else shown(self, issue, *rest, **more)

    monkeypatch.setattr(render, "issue", spoilt)
    reading = there.connector().read([bad, good])
    assert [ticket.ref.id for ticket in reading.tickets] == [good]
    assert [each.id for each in reading.quarantined] == [bad]


# --- writing ------------------------------------------------------------------------------------------------------------


def test_people_are_assigned_by_their_present_name(there: Desk) -> None:
    """The key that hoist knows becomes the name that Data Center takes."""
    hoist, ticket = there.connector(), there.site.issue_id("T2")
    operation = edit(ticket, FieldChange("assignee", None, user_key("femke")))
    hoist.write(operation)
    (read,) = hoist.read([ticket]).tickets
    assert read.fields["assignee"] == user_key("femke")
    assert hoist.verify(operation).found is True
    with pytest.raises(GiveUp, match="knows nobody of the key JIRAUSER1"):
        hoist.write(edit(ticket, FieldChange("assignee", None, "JIRAUSER1")))


def test_a_field_that_is_on_no_screen_is_refused_in_jiras_words(opened: ExitStack, tmp_path: Path) -> None:
    """What a screen refuses is given up with Jira's sentence, nothing of the edit is written, and `check` has said so before."""
    there = Desk(opened, tmp_path, off_screen=["priority"])
    hoist, ticket = there.connector(), there.site.issue_id("T2")
    (problem,) = hoist.problems()
    assert "the edit screen of project IT lacks priority" in problem
    before = hoist.read([ticket]).tickets[0].fields
    with pytest.raises(GiveUp, match=r"priority: Field 'priority' cannot be set\. It is not on the appropriate screen"):
        hoist.write(edit(ticket, FieldChange("priority", "3", "1"), FieldChange("team", "20000", "20001")))
    assert hoist.read([ticket]).tickets[0].fields == before


def test_a_comment_is_wiki_text_that_does_nothing(there: Desk) -> None:
    """What hoist says mentions nobody and runs no macro."""
    hoist, ticket = there.connector(), there.site.issue_id("T2")
    said = "[~anna] {color}"
    hoist.write(Operation("k", OperationKind.COMMENT, TicketRef("jira-dc", ticket), "5f3a", comment=said, planned_at=0))
    (comment,) = call(there.site, "anna", "GET", f"/jira/rest/api/2/issue/{ticket}/comment")["comments"]
    assert comment["body"] == r"\[\~anna\] \{color\}"


def test_without_rights_the_choices_come_of_an_issue(opened: ExitStack, tmp_path: Path) -> None:
    """An account that administers nothing still knows the teams and priorities, from what an issue may be given."""
    there = Desk(opened, tmp_path, withheld=["ADMINISTER", "ADMINISTER_PROJECTS"])
    directory = there.connector().directory()
    assert list(directory.teams.values()) == ["Service Desk", "Network Operations"]
    assert list(directory.priorities.values()) == ["Highest", "High", "Medium", "Low"]
    assert directory.people[user_key("anna")].email == "anna@example.com"


# --- limits -------------------------------------------------------------------------------------------------------------


def test_the_bucket_of_the_account_is_heeded(there: Desk) -> None:
    """An empty bucket stops hoist for as long as Jira says; one that is nearly empty is left to what is urgent."""
    limit_of = there.connector()._client.limit_of
    said = {"X-RateLimit-Limit": "100", "X-RateLimit-Interval-Seconds": "60", "Retry-After": "0"}
    assert limit_of(Answer(200, b"", 0, said | {"X-RateLimit-Remaining": "50"})) is None
    assert limit_of(Answer(200, b"", 0, said | {"X-RateLimit-Remaining": "19"})) == Limit(Reach.BACKFILL, 60)
    assert limit_of(Answer(200, b"", 0)) is None
    for seconds, reach in ((3, Reach.PACE), (40, Reach.SOURCE)):
        found = limit_of(Answer(429, b"", 0, said | {"Retry-After": str(seconds)}))
        assert found is not None
        assert (found.reach, found.seconds) == (reach, seconds)


def test_a_used_up_limit_is_waited_for(opened: ExitStack, tmp_path: Path) -> None:
    """Where the account's requests are used up hoist waits, and goes on when there are some again."""
    there = Desk(opened, tmp_path, requests_per_minute=12)
    hoist = there.connector()
    for _ in range(12):
        call(there.site, "hoist", "GET", "/jira/rest/api/2/myself")
    with pytest.raises(TryLater):
        hoist.identify()
    there.clock.pass_(MINUTE)
    assert there.connector().identify().account == user_key("hoist")
