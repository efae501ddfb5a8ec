from pathlib import Path

import pytest

from agent import clusters
from agent.store import clusters as stored
from agent.store import mirrored
from agent.store.clusters import Cluster
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import Comment as Say
from rules.protocol.conditions import All, Amount, Condition, Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.rule import Mode, Rule
from rules.ticket import UNKNOWN, Value
from tests.agent.desk import ALL_EXISTING, NEVER, OPEN, Desk, rule

MANY = State("related.service", Amount(at_least=3))
LONG_QUEUE = State("queue", Amount(at_least=3))


def tells(condition: Condition) -> Rule:
    """A rule that says so on open tickets."""
    return rule("many", All((OPEN, condition)), actions=(Say("There are many."),), existing=ALL_EXISTING)


def desk(folder: Path, condition: Condition, *others: Rule) -> Desk:
    return Desk(folder, tells(condition), *others)


def number(it: Desk, ticket: str, field: str = "related.service") -> Value:
    """What a rule sees on a ticket now."""
    with it.database.reading() as db:
        found = mirrored.mirrored(db, "desk", [ticket])[ticket].ticket
        (seen,) = clusters.laid_over(db, [found], it.pipeline.ruling.rules)
    return seen.fields.get(field, UNKNOWN)


def events(it: Desk, field: str, name: str) -> list[int]:
    with it.database.reading() as db:
        return [event.number for event in stored.events(db, [Cluster(field, name)])[Cluster(field, name)]]


def test_a_storm_is_noticed_when_the_threshold_is_crossed(tmp_path: Path) -> None:
    """F13: with the fourth ticket of a service each of them has three others: all four are told, and no others."""
    it = desk(tmp_path, MANY)
    it.run(MINUTE)
    storm = [it.ticket(service="Mail") for _ in range(3)]
    other = it.ticket(service="Phone")
    it.run(10 * MINUTE)
    assert [len(it.notes(ticket)) for ticket in (*storm, other)] == [0, 0, 0, 0]
    storm.append(it.ticket(service="mail"))
    it.run(10 * MINUTE)
    assert [len(it.notes(ticket)) for ticket in (*storm, other)] == [1, 1, 1, 1, 0]
    assert number(it, storm[0]) == 3


def test_a_number_is_recorded_only_when_it_crosses_a_threshold(tmp_path: Path) -> None:
    """F13: of ten tickets that come and go, the cluster keeps the crossings alone, up and down."""
    it = desk(tmp_path, MANY)
    it.run(MINUTE)
    storm = []
    for _ in range(10):
        storm.append(it.ticket(service="Mail"))
        it.run(5 * MINUTE)
    assert events(it, "related.service", "mail") == [3]
    for ticket in storm[:8]:
        it.helpdesk.change(ticket, "bert", status="resolved")
        it.run(5 * MINUTE)
    assert events(it, "related.service", "mail") == [3, 2]
    assert number(it, storm[9]) == 2


def test_a_second_storm_tells_again(tmp_path: Path) -> None:
    """Once the number has fallen below the threshold, rising again is a new episode."""
    it = desk(tmp_path, MANY)
    it.run(MINUTE)
    storm = [it.ticket(service="Mail") for _ in range(4)]
    it.run(10 * MINUTE)
    it.helpdesk.change(storm[3], "bert", status="resolved")
    it.run(10 * MINUTE)
    it.ticket(service="Mail")
    it.run(10 * MINUTE)
    assert len(it.notes(storm[0])) == 2


def test_the_queue_of_a_team_is_counted_as_tickets_come_and_go(tmp_path: Path) -> None:
    """A ticket that is handed to a long queue sees it at once; one that left sees another team's."""
    it = desk(tmp_path, LONG_QUEUE)
    it.run(MINUTE)
    queue = [it.ticket(team="ops") for _ in range(2)]
    mine = it.ticket(team="sd")
    it.run(10 * MINUTE)
    assert [len(it.notes(ticket)) for ticket in (*queue, mine)] == [0, 0, 0]
    it.helpdesk.change(mine, "bert", team="ops")
    it.run(10 * MINUTE)
    assert [len(it.notes(ticket)) for ticket in (*queue, mine)] == [1, 1, 1]
    assert number(it, mine, "queue") == 3
    it.helpdesk.change(mine, "bert", team="sd")
    it.run(10 * MINUTE)
    assert number(it, mine, "queue") == 0
    assert events(it, "queue", "ops") == [3, 2]


def test_how_long_a_queue_has_been_long_counts_from_when_it_was_seen(tmp_path: Path) -> None:
    """A number is dated when hoist saw it, so that `for:` counts from there."""
    it = desk(tmp_path, Held(LONG_QUEUE, Duration(HOUR)))
    it.run(MINUTE)
    queue = [it.ticket(team="ops") for _ in range(3)]
    it.run(50 * MINUTE)
    assert it.notes(queue[0]) == []
    it.run(20 * MINUTE)
    assert len(it.notes(queue[0])) == 1


def test_before_everything_was_counted_nothing_is_known(tmp_path: Path) -> None:
    """F4, F13: rules that ask for a number wait until all tickets were counted; "at most" never fires on half a count."""
    it = desk(tmp_path, State("queue", Amount(at_most=1)))
    tickets = [it.ticket(team="ops") for _ in range(3)]
    it.pipeline.poll()
    assert number(it, tickets[0], "queue") is UNKNOWN
    it.run(10 * MINUTE)
    assert number(it, tickets[0], "queue") == 3
    assert it.notes(tickets[0]) == []


def test_what_no_rule_asks_for_is_not_counted(tmp_path: Path) -> None:
    """Without such a rule nothing is counted; one that comes later counts all tickets from then on, as backlog."""
    it = Desk(tmp_path, NEVER)
    storm = [it.ticket(service="Mail") for _ in range(5)]
    it.run(10 * MINUTE)
    assert number(it, storm[0]) is UNKNOWN
    it.rule_by(tells(MANY))
    it.run(10 * MINUTE)
    assert number(it, storm[0]) == 4
    assert len(it.notes(storm[0])) == 1
    it.rule_by(NEVER)
    it.run(10 * MINUTE)
    with it.database.reading() as db:
        assert stored.fields(db) == {}
        assert stored.size(db, Cluster("related.service", "mail")) == 0


def test_a_confidential_ticket_is_counted_nowhere(tmp_path: Path) -> None:
    """The number of related tickets tells nothing about tickets that a confidential rule holds back."""
    secret = rule("secret", State("labels", OneOf(("security",))), mode=Mode.WATCH, confidential=True)
    it = desk(tmp_path, MANY, secret)
    it.run(MINUTE)
    storm = [it.ticket(service="Mail", labels=("security",) if n == 0 else ()) for n in range(4)]
    it.run(10 * MINUTE)
    assert number(it, storm[1]) == 0
    assert it.notes(storm[1]) == []


def test_numbers_outlive_the_process(tmp_path: Path) -> None:
    """After a restart hoist goes on with what it counted, and tells nothing twice."""
    it = desk(tmp_path, MANY)
    it.run(MINUTE)
    storm = [it.ticket(service="Mail") for _ in range(4)]
    it.run(10 * MINUTE)
    it.start()
    it.run(10 * MINUTE)
    assert number(it, storm[0]) == 3
    assert len(it.notes(storm[0])) == 1


@pytest.mark.parametrize("field", ["related.service", "queue"])
def test_done_tickets_count_for_nothing(tmp_path: Path, field: str) -> None:
    """Only open tickets make a storm or a queue."""
    it = desk(tmp_path, State(field, Amount(at_least=2)))
    it.run(MINUTE)
    done = [it.ticket(service="Mail") for _ in range(5)]
    for ticket in done:
        it.helpdesk.change(ticket, "bert", status="closed")
    left = it.ticket(service="Mail")
    it.run(10 * MINUTE)
    assert number(it, left, field) == 0
