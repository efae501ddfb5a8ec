"""What the organisation says of people and providers: managers, deputies, members of teams, hours, contacts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from agent.in_force.protocol_files import world_of
from rules.binding import BoundRules, bind
from rules.engine import evaluate
from rules.instants import DAY, HOUR, MINUTE, Instant
from rules.protocol.actions import Tell
from rules.protocol.organisation import Employee
from rules.protocol.rulebook import Rulebook
from rules.recipients import Recipients
from rules.stories import read_stories, tell
from rules.ticket import UNKNOWN, Actor, Kind, Message, Ticket, TicketRef, Value
from rules.timeline import timeline
from rules.world import Directory, Person
from tests.rules.protocol_texts import ORGANISATION, loaded, problems

MONDAY: Final = 1_772_438_400_000  # 2026-03-02T08:00:00Z, 09:00 in Amsterdam
SOURCE: Final = "jira-cloud"
PEOPLE: Final = """\
people:
  - {who: anna@example.com, manager: henk@example.com, deputy: Bert Bos, calendar: always, teams: service-desk}
  - {who: p-4, manager: anna@example.com, teams: [service-desk, network-ops]}
providers:
  aws: {contact: tam@example.com, calendar: always}
  azure:
"""
DIRECTORY: Final = Directory(
    {"t-1": "Service Desk", "t-2": "Network Operations", "t-3": "Network Night", "t-4": "Network Engineering"},
    {"1": "Highest", "2": "High", "3": "Medium", "4": "Low"},
    people={
        "p-1": Person("p-1", "Anna Ank", email="Anna@Example.com"),
        "p-2": Person("p-2", "Bert Bos", email="bert@example.com"),
        "p-4": Person("p-4", "Dora Dee"),
    },
)
WAITS: Final = """\
rules:
  - rule: approval-waits
    when: {approval: waiting}
    calendar: calendar of approver
    steps:
      - {after: 1 business day, do: [{remind: approver}]}
      - {after: 2 business days, do: [{remind: the approver's deputy}, {tell: manager of approver}]}
"""


def book(rules: str = WAITS, people: str = PEOPLE) -> Rulebook:
    return loaded(rules, ORGANISATION + people).rulebook


def bound(rulebook: Rulebook, directory: Directory = DIRECTORY) -> BoundRules:
    return bind(rulebook, SOURCE, directory, world_of(rulebook))


def ticket(**fields: Value) -> Ticket:
    base: dict[str, Value] = {"status": "open", "team": "t-1", "assignee": None, "approval": None, "approver": None}
    return Ticket(TicketRef(SOURCE, "1"), "SD-1", "", "1", MONDAY, MONDAY + DAY, {**base, **fields})


def meant(rules: BoundRules, who: str, **fields: Value) -> tuple[str, ...] | str:
    found = Recipients(ticket(**fields), rules, "service-desk", MONDAY).meant(who)
    return found.addresses or found.missing


def test_a_manager_is_whom_the_organisation_names() -> None:
    """By whatever name the source knows the person; a manager whom the source does not know is told by the address."""
    rules = bound(book())
    assert meant(rules, "manager of assignee", assignee="p-1") == ("henk@example.com",)
    assert meant(rules, "manager of assignee", assignee="p-4") == ("Anna@Example.com",)
    assert meant(rules, "deputy of assignee", assignee="p-1") == ("bert@example.com",)
    assert meant(rules, "manager of assignee", assignee="p-2") == "jira-cloud does not say who is manager of the assignee"
    assert meant(rules, "manager of assignee", assignee=UNKNOWN) == "the ticket's assignee can't be read"


def test_what_the_organisation_says_goes_before_the_source() -> None:
    """A manager of the source's own directory counts for those of whom the organisation says nothing."""
    rules = bound(book(), replace(DIRECTORY, managers={"p-1": "p-2", "p-2": "p-1"}))
    assert meant(rules, "manager of assignee", assignee="p-1") == ("henk@example.com",)
    assert meant(rules, "manager of assignee", assignee="p-2") == ("Anna@Example.com",)


def test_all_approvers_are_reminded() -> None:
    """Of several people who may approve, all are told, and all their managers; whoever can't be found is passed over."""
    rules = bound(book())
    assert meant(rules, "approver", approver=("p-1", "p-2")) == ("Anna@Example.com", "bert@example.com")
    assert meant(rules, "manager of approver", approver=("p-1", "p-2", "p-4")) == ("henk@example.com", "Anna@Example.com")
    assert meant(rules, "approver") == "the ticket has no approver"


def test_an_approver_is_given_business_days_of_their_own() -> None:
    """`calendar of approver` counts on the hours that the organisation names for that person, else on the usual ones."""
    rules = bound(book())
    (rule,) = rules.rules
    assert rule.rule.steps[0].after is not None

    def first(approver: str) -> Instant:
        one = ticket(approval="waiting", approver=(approver,))
        calendar = evaluate(timeline(one), rules, MONDAY).rules.program.calendar("calendar of approver", timeline(one))
        return calendar.add(MONDAY, 10 * HOUR)

    assert first("p-1") == MONDAY + 10 * HOUR
    assert first("p-2") == MONDAY + DAY + 90 * MINUTE


def test_members_of_a_team_are_those_that_the_organisation_names() -> None:
    """With members named, a touch by somebody else acknowledges nothing; of other teams it stays unknown who is in them."""
    rules = bound(book("rules:\n  - {rule: r, when: {acknowledged: true}, do: [{label: x}]}\n"))
    assert rules.directory.members == {
        "t-1": frozenset({"p-1", "p-4"}),
        "t-2": frozenset({"p-4"}),
        "t-3": frozenset({"p-4"}),
    }

    def acknowledged(by: str) -> bool:
        said = Message(MONDAY + HOUR, MONDAY + HOUR, "m", Actor(by, Kind.STAFF), public=False)
        found = evaluate(timeline(replace(ticket(), messages=(said,))), rules, MONDAY)
        return bool(found.episodes)

    assert acknowledged("p-1")
    assert not acknowledged("p-2")


def test_a_provider_has_a_contact_and_hours() -> None:
    """`contact of aws` is told, `calendar of aws` counts."""
    rule = "{rule: r, when: {status: on_hold}, for: 4 business hours, calendar: calendar of aws, do: [{tell: contact of aws}]}"
    rulebook = book(f"rules:\n  - {rule}\n")
    assert meant(bound(rulebook), "contact of aws") == ("tam@example.com",)
    assert rulebook.rules[0].calendar == "always"
    (held,) = [part for part in [rulebook.rules[0].condition] if hasattr(part, "duration")]
    assert held.duration.calendar == "always"


def test_where_there_is_one_provider_it_need_not_be_named() -> None:
    """`account contact of provider` is that of the only one; of two, the rule has to say which."""
    rule = "rules:\n  - {rule: r, when: {status: on_hold}, do: [{tell: account contact of provider}]}\n"
    (step,) = loaded(rule, ORGANISATION + "providers: {aws: {contact: tam@example.com}}\n").rulebook.rules[0].steps
    assert [action.who for action in step.actions if isinstance(action, Tell)] == ["contact of aws"]


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("tell: contact of asw", 'did you mean "contact of aws"?'),
        ("tell: account contact of provider", 'did you mean "contact of aws"?'),
        ("tell: contact of azure", "the provider azure has no `contact:`"),
        ("open_case: {provider: asure, template: t}", 'did you mean "azure"?'),
    ],
)
def test_a_provider_that_nobody_named_is_refused(deed: str, said: str) -> None:
    """A slip in a provider's name is found when rules are loaded, with the nearest one."""
    (found,) = problems(f"rules:\n  - {{rule: r, when: {{status: open}}, do: [{{{deed}}}]}}\n", ORGANISATION + PEOPLE)
    assert said in str(found)


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("people:\n  - {who: anna@example.com}\n", "nothing is said of this person"),
        ("people:\n  - {manager: anna@example.com}\n", "expected one of `who` (a person) and `file`"),
        ("people:\n  - {file: staff.csv, manager: anna@example.com}\n", "a `file` stands alone"),
        ("people:\n  - {file: ../staff.csv}\n", "relative to that folder and within it"),
        ("people:\n  - {who: anna@example.com, teams: service-dsk}\n", 'did you mean "service-desk"?'),
    ],
)
def test_what_is_wrong_about_people_is_named(people: str, said: str) -> None:
    """A row of `people` that says nothing, or too much, is refused where it stands."""
    (found,) = problems(organisation=ORGANISATION + people)
    assert said in str(found)


STORY: Final = """\
stories:
  - story: A case at AWS
    ticket: {created: Mon 2026-03-02 09:00, team: service-desk, status: on_hold, provider_case: {aws: theirs}}
    changes:
      - {at: Mon 2026-03-02 12:00, by: automation, provider_case: {aws: ours}}
      - {at: Mon 2026-03-02 17:00, provider_case: {aws: nothing}}
    fires:
      - {rule: they-owe-us, at: Mon 2026-03-02 11:00}
      - {rule: we-owe-them, at: Mon 2026-03-02 13:00}
      - {rule: any-case, at: Mon 2026-03-02 09:00}
    nothing_else: true
"""


def test_whose_turn_it_is_at_a_provider_is_a_condition() -> None:
    """`provider_case` tells whether a case is open there, and who waits for whom; a story can say so."""
    rules = """\
rules:
  - rule: they-owe-us
    when: {provider_case: {provider: aws, turn: theirs}}
    for: 2 hours
    do: [{chase_provider: {provider: aws, template: t}}]
  - {rule: we-owe-them, when: {provider_case: {provider: aws, turn: ours}}, for: 1 hour, do: [{tell: duty-manager}]}
  - {rule: any-case, when: {provider_case: aws}, do: [{label: at-aws}]}
"""
    rulebook = book(rules)
    (told,) = tell(read_stories({"s.yaml": STORY}, rulebook), rulebook, world_of(rulebook))
    assert told.failures == ()


def test_nobody_named_changes_nothing() -> None:
    """Without `people` the directory is the source's own."""
    assert bound(book(people=""), DIRECTORY).directory is DIRECTORY
    assert Employee("a").teams == ()
