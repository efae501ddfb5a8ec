"""The in-memory source passes the conformance suite, and its helpdesk misbehaves as it is told to."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Overwritten
from connectors.errors import ConnectorError, GiveUp, OutcomeUnknown, TryLater
from connectors.memory import MemoryConnector, MemoryHelpdesk, MemorySettings
from connectors.memory_helpdesk import ACCOUNT, RequestKind, StoredTicket
from connectors.registry import GROUP, connector_class
from connectors.testing import ConnectorConformance, FarComment, FarTicket, Mirror, Stage
from rules.escalation import FieldChange, Operation, OperationKind
from rules.instants import MINUTE, SECOND, Instant
from rules.ticket import Kind, TicketRef, Value

MONDAY = 1_772_438_400_000  # 2026-03-02T08:00:00Z


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now: Instant = MONDAY

    def __call__(self) -> Instant:
        return self.now


def helpdesk(clock: Callable[[], Instant]) -> MemoryHelpdesk:
    """A helpdesk with three teams and three priorities, and no ticket."""
    return MemoryHelpdesk(
        clock,
        teams={"sd": "Service Desk", "ops": "Operations", "eng": "Engineering"},
        priorities={"p1": "Urgent", "p2": "High", "p3": "Normal"},
    )


def connector(desk: MemoryHelpdesk, page_size: int = 3, overlap_seconds: int = 60) -> MemoryConnector:
    """A connector that reads small pages."""
    return MemoryConnector("memory", MemorySettings(page_size=page_size, overlap_seconds=overlap_seconds), helpdesk=desk)


def to_team(ticket: str, old: str | None, new: str, marker: str = "m1") -> Operation:
    """A move from one team to another."""
    ref = TicketRef("memory", ticket)
    return Operation(f"{ref}/{marker}", OperationKind.FIELDS, ref, marker, changes=(FieldChange("team", old, new),))


class MemoryStage(Stage):
    """A connector to a helpdesk whose clock stands still."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.desk = helpdesk(self.clock)
        self.desk.enrol("anna", "Anna, first line")
        self.connector = connector(self.desk)
        self.page_size = 3
        self.teams = ("sd", "ops", "eng")
        self.priorities = ("p1", "p3")
        self.staff, self.requester = "anna", "rita"
        self.refusal = "does not exist"

    def now(self) -> Instant:
        return self.clock.now

    def advance(self, milliseconds: int) -> None:
        self.clock.now += milliseconds

    def reconnect(self) -> MemoryConnector:
        return connector(self.desk)

    def create(self, *, team: str, priority: str) -> str:
        return self.desk.create("rita", team=team, priority=priority)

    def change(self, ticket: str, **values: str) -> None:
        self.desk.change(ticket, "anna", **values)

    def say(self, ticket: str, by: str, text: str, *, public: bool) -> None:
        self.desk.say(ticket, by, public, text)

    def delete(self, ticket: str) -> None:
        self.desk.delete(ticket)

    def far(self, ticket: str) -> FarTicket:
        stored = self.stored(ticket)
        team, priority, assignee = (stored.fields[name] for name in ("team", "priority", "assignee"))
        assert not isinstance(team, int | tuple)
        labels = stored.fields["labels"]
        return FarTicket(
            team=None if team is None else str(team),
            priority=None if priority is None else str(priority),
            assignee=None if assignee is None else str(assignee),
            labels=labels if isinstance(labels, tuple) else (),
            comments=tuple(FarComment(comment.by, comment.public, comment.text) for comment in stored.comments),
            saves=len(stored.saves),
        )

    def stored(self, ticket: str) -> StoredTicket:
        stored = self.desk.ticket(ticket)
        assert stored is not None
        return stored

    def detail_reads(self) -> int:
        return self.count("read")

    def writes(self) -> int:
        return self.count("write")

    def count(self, kind: RequestKind) -> int:
        return sum(request.kind == kind for request in self.desk.requests)

    def lag_search(self, milliseconds: int) -> None:
        self.desk.search_lag = milliseconds

    def before_next_write(self, act: Callable[[], None]) -> None:
        self.desk.between_read_and_write(act)

    def lose_next_answer(self) -> None:
        self.desk.fail_next(OutcomeUnknown("the answer was lost"), after_effect=True, on="write")

    def throttle_next_write(self, seconds: int) -> None:
        self.desk.fail_next(TryLater("too many requests", seconds), on="write")

    def refuse_credential(self) -> None:
        self.desk.refuses = "the token has expired; make a new one"


class TestConformance(ConnectorConformance):
    @pytest.fixture
    def stage(self) -> Stage:
        return MemoryStage()


@pytest.fixture
def clock() -> Clock:
    """The clock of the helpdesk."""
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> MemoryHelpdesk:
    """A helpdesk on that clock."""
    return helpdesk(clock)


def test_is_found_by_its_name() -> None:
    """A source may name the platform `memory`, and then works without any setting."""
    made = connector_class("memory", [EntryPoint("memory", "connectors.memory:MemoryConnector", GROUP)])
    source = made("demo", made.Settings())
    assert source.identify().account == ACCOUNT
    assert len(source.directory().teams) == 3


def test_a_ticket_that_can_not_be_mapped_is_put_aside(desk: MemoryHelpdesk) -> None:
    """One bad ticket does not stop the page it is on."""
    bad, good = desk.create("rita"), desk.create("rita")
    desk.unreadable[bad] = "its priority is no text"
    (page,) = Mirror().run(connector(desk))
    assert [(put_aside.id, put_aside.reason) for put_aside in page.quarantined] == [(bad, "its priority is no text")]
    assert [ticket.ref.id for ticket in page.tickets] == [good]


def test_an_administrator_is_told_what_to_mend(desk: MemoryHelpdesk) -> None:
    """What is wrong with the helpdesk's set-up is said in sentences."""
    desk.troubles.append("hoist may not edit tickets; give it the role Agent.")
    assert connector(desk).problems() == ("hoist may not edit tickets; give it the role Agent.",)


@pytest.mark.parametrize("pages", [2, 4, 99])
def test_a_row_behind_the_place_already_read_is_not_lost(desk: MemoryHelpdesk, clock: Clock, pages: int) -> None:
    """A ticket that the index shows late, when hoist has read past its place for an hour, comes with the next run.

    So it does if the run was stopped before, and if it came to its end.
    """
    desk.search_lag = 30 * SECOND
    late = desk.create("rita")
    desk.search_lag = 0
    for _ in range(8):
        desk.create("rita")
    mirror, source = Mirror(), connector(desk)
    for number, page in enumerate(islice(source.changed(None, mirror), pages)):
        mirror.keep(page)
        clock.now += 20 * MINUTE
        for _ in range(3 if number < 4 else 0):
            desk.create("rita")
    assert late not in mirror.tickets
    mirror.run(source)
    assert late in mirror.tickets


def test_a_deleted_ticket_leaves_the_search(desk: MemoryHelpdesk, clock: Clock) -> None:
    """A search that lags still shows a deleted ticket, which is then read and not found; later it costs no read."""
    desk.search_lag = 20 * SECOND
    gone = desk.create("rita")
    clock.now += 30 * SECOND
    desk.delete(gone)
    mirror, source = Mirror(), connector(desk)
    for reads in (1, 0):
        before = sum(request.kind == "read" for request in desk.requests)
        mirror.run(source)
        assert sum(request.kind == "read" for request in desk.requests) == before + reads
        clock.now += 20 * SECOND
    assert mirror.tickets == {}


def test_late_history_is_known_late(desk: MemoryHelpdesk, clock: Clock) -> None:
    """Where the record lags behind the fields, a change is not known before it shows, and moves the version when it does."""
    desk.history_lag = 30 * SECOND
    source, mirror = connector(desk), Mirror()
    ticket = desk.create("rita", team="sd")
    desk.change(ticket, "anna", team="ops")
    desk.say(ticket, "anna", public=True)
    mirror.run(source)
    first = mirror.tickets[ticket]
    assert (first.fields["team"], first.changes, first.messages) == ("ops", (), ())
    clock.now += 30 * SECOND
    mirror.run(source)
    later = mirror.tickets[ticket]
    assert [(change.at, change.known) for change in later.changes] == [(MONDAY, MONDAY + 30 * SECOND)]
    assert [(message.at, message.known) for message in later.messages] == [(MONDAY, MONDAY + 30 * SECOND)]
    assert later.version != first.version


def test_what_the_platform_does_inside_our_save_is_shown(desk: MemoryHelpdesk) -> None:
    """Automation that acts within hoist's own save appears in the same save, under hoist's account, and a lost value is named."""
    ticket = desk.create("rita", team="sd", priority="p3")
    desk.automation = lambda _, values: {"team": "eng", "priority": "p2"} if "team" in values else {}
    source = connector(desk)
    operation = to_team(ticket, "sd", "ops")
    source.write(operation)
    (read,) = source.read([ticket]).tickets
    assert {(change.field, change.new, change.by.kind) for change in read.changes} == {
        ("team", "eng", Kind.OWN_ACCOUNT),
        ("priority", "p2", Kind.OWN_ACCOUNT),
    }
    assert len({change.save for change in read.changes}) == 1
    assert source.verify(operation).problems == (f"memory:{ticket}: team was to become 'ops' and became 'eng'.",)


def test_a_write_can_land_long_after_its_answer_was_lost(desk: MemoryHelpdesk, clock: Clock) -> None:
    """A request that waits in the platform's queue takes effect later, and is not found before."""
    ticket = desk.create("rita", team="sd")
    source = connector(desk)
    operation = to_team(ticket, "sd", "ops")
    desk.land_next_write_after(50 * SECOND)
    with pytest.raises(OutcomeUnknown):
        source.write(operation)
    clock.now += 49 * SECOND
    assert source.verify(operation).found is False
    clock.now += 11 * SECOND
    assert (source.verify(operation).found, source.verify(operation).at) == (True, MONDAY + 50 * SECOND)
    assert source.read([ticket]).tickets[0].fields["team"] == "ops"


def test_a_late_write_to_a_team_that_is_gone_has_no_effect(desk: MemoryHelpdesk, clock: Clock) -> None:
    """What can't be done any more when it lands is not done."""
    ticket = desk.create("rita", team="sd")
    source = connector(desk)
    desk.land_next_write_after(SECOND)
    with pytest.raises(OutcomeUnknown):
        source.write(to_team(ticket, "sd", "ops"))
    del desk.teams["ops"]
    clock.now += MINUTE
    assert source.verify(to_team(ticket, "sd", "ops")).found is False


def test_a_second_try_tells_of_the_person_in_between(desk: MemoryHelpdesk) -> None:
    """Where one operation landed twice with a person's change in between, that person's value is named."""
    ticket = desk.create("rita", team="sd")
    source, operation = connector(desk), to_team(ticket, "sd", "ops")
    source.write(operation)
    desk.change(ticket, "anna", team="eng")
    source.write(operation)
    assert source.verify(operation).overwritten == (Overwritten("team", "eng", "ops"),)


def test_an_inactive_person_is_not_assigned(desk: MemoryHelpdesk) -> None:
    """A person who left can't get a ticket; the directory says that they are inactive."""
    ticket = desk.create("rita")
    desk.enrol("bob", "Bob", active=False)
    source = connector(desk)
    ref = TicketRef("memory", ticket)
    operation = Operation("k", OperationKind.FIELDS, ref, "m", changes=(FieldChange("assignee", None, "bob"),))
    with pytest.raises(GiveUp, match="'bob'"):
        source.write(operation)
    assert not source.directory().people["bob"].active


def test_directory_moves_with_the_teams(desk: MemoryHelpdesk) -> None:
    """A team that is added or renamed moves the directory's version; reading it again does not."""
    source = connector(desk)
    first = source.directory().version
    assert source.directory().version == first
    desk.teams["ops"] = "Operations and Cloud"
    assert source.directory().version != first


def test_automation_accounts_are_no_people(desk: MemoryHelpdesk) -> None:
    """What a robot of the platform did is not counted as a person's act."""
    desk.enrol("robot", kind=Kind.AUTOMATION)
    ticket = desk.create("rita", team="sd")
    desk.change(ticket, "robot", team="ops")
    (read,) = connector(desk).read([ticket]).tickets
    assert [change.by.kind for change in read.changes] == [Kind.AUTOMATION]


def test_the_clock_never_goes_back(desk: MemoryHelpdesk, clock: Clock) -> None:
    """A clock that is set back does not reorder the record."""
    ticket = desk.create("rita", team="sd")
    clock.now -= MINUTE
    desk.change(ticket, "anna", team="ops")
    (read,) = connector(desk).read([ticket]).tickets
    assert [change.at for change in read.changes] == [MONDAY]


def test_a_person_can_act_from_another_thread_during_a_write(desk: MemoryHelpdesk) -> None:
    """The person at the worst moment may be a thread of its own."""
    ticket = desk.create("rita", team="sd")

    def act() -> None:
        person = threading.Thread(target=desk.change, args=(ticket, "anna"), kwargs={"team": "eng"})
        person.start()
        person.join(timeout=10)

    desk.between_read_and_write(act)
    source, operation = connector(desk), to_team(ticket, "sd", "ops")
    source.write(operation)
    assert source.verify(operation).overwritten == (Overwritten("team", "eng", "ops"),)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"team": "nobody"}, "team 'nobody' does not exist"),
        ({"priority": "p9"}, "priority 'p9' does not exist"),
        ({"colour": "red"}, "keeps no field colour"),
        ({"status": "stuck"}, "stuck"),
    ],
)
def test_people_can_not_save_nonsense(desk: MemoryHelpdesk, fields: Mapping[str, Value], words: str) -> None:
    """A script that fills the helpdesk hears of a misspelt field or value at once."""
    ticket = desk.create("rita")
    with pytest.raises(ValueError, match=words):
        desk.change(ticket, "anna", **fields)
    with pytest.raises(KeyError, match="no ticket 77"):
        desk.change("77", "anna", team="ops")


@pytest.mark.parametrize("kind", ["identify", "directory", "search", "read", "verify"])
def test_any_request_can_be_made_to_fail_once(desk: MemoryHelpdesk, kind: RequestKind) -> None:
    """A failure is raised by the request it is meant for, once, and the same request works afterwards."""
    ticket = desk.create("rita", team="sd")
    source = connector(desk)
    requests: dict[RequestKind, Callable[[], object]] = {
        "identify": source.identify,
        "directory": source.directory,
        "search": lambda: Mirror().run(source),
        "read": lambda: source.read([ticket]),
        "verify": lambda: source.verify(to_team(ticket, "sd", "ops")),
    }
    failure: ConnectorError = TryLater("it restarts", 5)
    desk.fail_next(failure, on=kind)
    with pytest.raises(TryLater) as raised:
        requests[kind]()
    assert raised.value is failure
    requests[kind]()


ACTS = st.lists(
    st.tuples(st.sampled_from(["create", "change", "say", "delete", "wait", "lag", "page", "crash"]), st.integers(0, 9)),
    max_size=60,
)


@settings(max_examples=150)
@given(acts=ACTS, page_size=st.integers(1, 4))
def test_the_mirror_ends_equal_to_the_helpdesk(acts: list[tuple[str, int]], page_size: int) -> None:
    """Whatever people do while pages are read, crashes and a lagging search included, hoist ends with what the helpdesk has."""
    clock = Clock()
    desk = helpdesk(clock)
    source, mirror = connector(desk, page_size, overlap_seconds=20), Mirror()
    pages = source.changed(None, mirror)
    alive: list[str] = []
    for act, number in acts:
        match act:
            case "create":
                alive.append(desk.create("rita", team="sd"))
            case "wait":
                clock.now += number * 700
            case "lag":
                desk.search_lag = number * 2 * SECOND
            case "page":
                if (page := next(pages, None)) is None:
                    pages = source.changed(mirror.cursor, mirror)
                else:
                    mirror.keep(page)
            case "crash":
                pages = source.changed(mirror.cursor, mirror)
            case _ if alive:
                act_on(desk, act, alive, number)
    clock.now += 20 * SECOND
    mirror.run(source)
    assert {id_: ticket for id_, ticket in without_known(mirror).items() if id_ in alive} == without_known(
        everything(source, alive)
    )


def act_on(desk: MemoryHelpdesk, act: str, alive: list[str], number: int) -> None:
    """A person does something to one of the tickets."""
    ticket = alive[number % len(alive)]
    if act == "change":
        desk.change(ticket, "anna", team=("sd", "ops", "eng")[number % 3])
    elif act == "say":
        desk.say(ticket, "anna", public=number % 2 == 0)
    else:
        desk.delete(ticket)
        alive.remove(ticket)


def everything(source: MemoryConnector, ids: Collection[str]) -> Mirror:
    """A mirror of what the helpdesk has now."""
    mirror = Mirror()
    mirror.tickets = {ticket.ref.id: ticket for ticket in source.read(list(ids)).tickets}
    return mirror


def without_known(mirror: Mirror) -> dict[str, object]:
    """Tickets by id, without the times at which they were read."""
    return {
        id_: replace(
            ticket,
            known=0,
            changes=tuple(replace(change, known=0) for change in ticket.changes),
            messages=tuple(replace(message, known=0) for message in ticket.messages),
        )
        for id_, ticket in mirror.tickets.items()
    }


def setting(ticket: str, kind: OperationKind, *changes: FieldChange) -> Operation:
    """An operation that changes these fields."""
    ref = TicketRef("memory", ticket)
    return Operation(f"{ref}/{kind}", kind, ref, "m7", changes=changes)


def test_a_field_of_its_own_is_set_where_it_is_there(desk: MemoryHelpdesk) -> None:
    """What people fill in hoist can set, and the record shows it; a field that is not there is refused for good."""
    own: dict[str, Value] = {"native.u_hot": None}
    ticket, source = desk.create("rita", key="", **own), connector(desk)
    hot = setting(ticket, OperationKind.FIELDS, FieldChange("native.u_hot", None, "true"))
    source.write(hot)
    assert source.verify(hot).found
    assert source.read([ticket]).tickets[0].fields["native.u_hot"] == "true"
    with pytest.raises(GiveUp, match=r"no field native\.u_cold"):
        source.write(setting(ticket, OperationKind.FIELDS, FieldChange("native.u_cold", None, "true")))


def test_who_can_read_a_ticket_is_restricted_to_a_team(desk: MemoryHelpdesk) -> None:
    """The restriction shows in the ticket and in the record, and a person's own one that it replaced is named."""
    ticket, source = desk.create("rita"), connector(desk)
    hide = setting(ticket, OperationKind.RESTRICTION, FieldChange("restricted_to", None, "eng"))
    desk.between_read_and_write(lambda: desk.change(ticket, "anna", restricted_to="ops"))
    source.write(hide)
    assert source.read([ticket]).tickets[0].fields["restricted_to"] == "eng"
    assert source.verify(hide).overwritten == (Overwritten("restricted_to", "ops", "eng"),)
    with pytest.raises(GiveUp, match="does not exist"):
        source.write(setting(ticket, OperationKind.RESTRICTION, FieldChange("restricted_to", "eng", "strangers")))


def test_who_manages_whom_stands_in_the_directory(desk: MemoryHelpdesk) -> None:
    """People with an address and a manager can be told of a ticket; a later enrolment may take both away."""
    desk.enrol("anna", email="anna@example.com", manager="bob")
    read = connector(desk).directory()
    assert (read.people["anna"].email, read.managers) == ("anna@example.com", {"anna": "bob"})
    desk.enrol("anna")
    assert connector(desk).directory().managers == {}
    assert connector(desk).directory().version != read.version


def test_who_belongs_to_which_team_stands_in_the_directory(desk: MemoryHelpdesk) -> None:
    """A ticket is taken by somebody of its team; of a team that tells nobody who is in it that is not known."""
    assert connector(desk).directory().members is None
    desk.enrol("anna", teams=("sd",))
    desk.enrol("bert", teams=("sd", "ops"))
    before = connector(desk).directory()
    assert before.members == {"sd": frozenset({"anna", "bert"}), "ops": frozenset({"bert"})}
    desk.enrol("bert", teams=("ops",))
    after = connector(desk).directory()
    assert after.members == {"sd": frozenset({"anna"}), "ops": frozenset({"bert"})}
    assert before.version != after.version
    with pytest.raises(ValueError, match="no team printing"):
        desk.enrol("anna", teams=("printing",))


def test_a_message_of_the_requester_can_be_mere_thanks(desk: MemoryHelpdesk) -> None:
    """Nobody is escalated to for a thank-you, and what the staff writes is never taken for one."""
    ticket = desk.create("ruth", team="sd")
    for by, text in (("ruth", "Thank you!"), ("anna", "Thank you!"), ("ruth", "Thanks, but it is broken again."), ("ruth", "")):
        desk.say(ticket, by, True, text)
    assert [message.thanks for message in connector(desk).read([ticket]).tickets[0].messages] == [True, False, False, False]
