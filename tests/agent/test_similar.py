from itertools import pairwise
from pathlib import Path

from sqlalchemy import text

from agent import clusters, similar
from agent.store import clusters as stored
from agent.store import mirrored
from agent.store import similar as stored_similar
from rules.instants import MINUTE
from rules.protocol.actions import AddLabel, Proposal, Propose
from rules.protocol.actions import Comment as Say
from rules.protocol.conditions import All, Amount, Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.rule import Mode, Rule
from rules.similar_words import hashes
from rules.ticket import UNKNOWN, TicketRef, Value
from tests.agent.desk import ALL_EXISTING, NEVER, OPEN, SOURCE, Desk, rule

ALIKE = (
    "VPN drops every hour when working from home",
    "Working from home: VPN drops every hour",
    "Re: my vpn DROPS every hour when I am working from home!",
    "VPN connection drops every hour, working from home",
    "Hello, VPN drops every hour when working from home. Please help",
    "(2nd mail) the vpn at home drops every hour while I am working",
)


def proposes(at_least: int = 4, **more: object) -> Rule:
    """With so many others that say the same, one parent is proposed."""
    asked = All((OPEN, Held(State("related.words", Amount(at_least)), Duration())))
    actions = (Propose(Proposal.PARENT), AddLabel("alike"), Say("Others say the same."))
    return rule("alike", asked, actions=actions, existing=ALL_EXISTING, **more)


def desk(folder: Path, *rules: Rule) -> Desk:
    it = Desk(folder, *rules)
    it.run(MINUTE)
    return it


def number(it: Desk, ticket: str) -> Value:
    with it.database.reading() as db:
        found = mirrored.mirrored(db, SOURCE, [ticket])[ticket].ticket
        (seen,) = clusters.laid_over(db, [found], it.pipeline.ruling.rules)
    return seen.fields.get("related.words", UNKNOWN)


def events(it: Desk, ticket: str) -> list[int]:
    with it.database.reading() as db:
        cluster = similar.cluster_of(TicketRef(SOURCE, ticket))
        return [event.number for event in stored.events(db, [cluster])[cluster]]


def hashed(it: Desk) -> set[str]:
    """The tickets of which hashes are kept."""
    with it.database.reading() as db:
        return set(db.execute(text("select distinct ticket from similar_words")).scalars())


def test_the_fifth_ticket_that_says_the_same_is_the_signal(tmp_path: Path) -> None:
    """Five people report one failure in their own words: with the fifth each gets one proposal, and others none."""
    it = desk(tmp_path, proposes())
    other = it.ticket(subject="New laptop for a colleague in finance")
    storm: list[str] = []
    for subject in ALIKE[:5]:
        assert [len(it.notes(ticket)) for ticket in storm] == [0] * len(storm)
        storm.append(it.ticket(subject=subject))
        it.run(10 * MINUTE)
    assert [len(it.notes(ticket)) for ticket in (*storm, other)] == [1, 1, 1, 1, 1, 0]
    storm.append(it.ticket(subject=ALIKE[5]))
    it.run(30 * MINUTE)
    assert [len(it.notes(ticket)) for ticket in storm] == [1] * 6
    assert "one parent" in it.notes(storm[0])[0].text
    assert it.stored(storm[0]).fields["labels"] == ("alike",)
    assert it.team(storm[0]) == "sd"
    assert [number(it, ticket) for ticket in (*storm, other)] == [4] * 6 + [0]


def test_a_storm_costs_an_event_a_ticket(tmp_path: Path) -> None:
    """Of thirty tickets each keeps its own crossing, whether they come one by one or all at once."""
    it = desk(tmp_path, proposes())
    storm = [it.ticket(subject=ALIKE[0]) for _ in range(3)]
    it.run(10 * MINUTE)
    storm += [it.ticket(subject=ALIKE[0]) for _ in range(24)]
    it.run(10 * MINUTE)
    for _ in range(3):
        storm.append(it.ticket(subject=ALIKE[0]))
        it.run(5 * MINUTE)
    assert [events(it, ticket) for ticket in storm] == [[4]] * 30
    for ticket in storm[:26]:
        it.helpdesk.change(ticket, "bert", status="resolved")
        it.run(5 * MINUTE)
    assert [events(it, ticket) for ticket in storm[26:]] == [[4, 3]] * 4


def test_numbers_are_those_of_counting_everything_anew(tmp_path: Path) -> None:
    """As tickets come, change their subject and go, each open one has the side of the threshold that a full count gives it."""
    it = desk(tmp_path, proposes(2), rule("more", State("related.words", Amount(5)), mode=Mode.WATCH))
    said = [*ALIKE, "Printer on floor two prints blank pages", "Blank pages from the printer on floor two"]
    made = [it.ticket(subject=said[n % len(said)]) for n in range(14)]
    for turn, (one, other) in enumerate(pairwise(made)):
        it.helpdesk.change(one, "bert", subject=said[turn * 5 % len(said)])
        if turn % 3 == 0:
            it.helpdesk.change(other, "bert", status="resolved" if turn % 2 else "open")
        it.run(6 * MINUTE)
        with it.database.reading() as db:
            open_ones = stored_similar.of_tickets(db, SOURCE, made)
            counted = {name: stored_similar.others(db, TicketRef(SOURCE, name), 99) for name in open_ones}
        plain = {a: sum(bool(open_ones[a] & open_ones[b]) for b in open_ones if b != a) for a in open_ones}
        assert counted == plain
        sides = {name: (n >= 2) + (n >= 5) for name, n in plain.items()}
        seen = {name: number(it, name) for name in open_ones}
        assert {name: (n >= 2) + (n >= 5) for name, n in seen.items() if isinstance(n, int)} == sides


def test_a_second_storm_proposes_again(tmp_path: Path) -> None:
    """Once too few are left, and then enough again, that is a new reason to propose."""
    it = desk(tmp_path, proposes(2))
    storm = [it.ticket(subject=subject) for subject in ALIKE[:3]]
    it.run(10 * MINUTE)
    it.helpdesk.change(storm[2], "bert", status="closed")
    it.run(10 * MINUTE)
    it.ticket(subject=ALIKE[3])
    it.run(10 * MINUTE)
    assert len(it.notes(storm[0])) == 2
    assert len(it.notes(storm[2])) == 1


def test_the_description_helps_and_a_mere_word_does_not(tmp_path: Path) -> None:
    """A short subject is known by its description; tickets that are called "Help" and say no more have nothing in common."""
    it = desk(tmp_path, proposes(2))
    told = [it.ticket(subject="Help", description=f"{subject}.\nThanks, Ruth") for subject in ALIKE[:3]]
    mute = [it.ticket(subject="Request") for _ in range(4)]
    it.run(10 * MINUTE)
    assert [number(it, ticket) for ticket in (*told, *mute)] == [2, 2, 2, 0, 0, 0, 0]


def test_a_confidential_ticket_is_like_no_other(tmp_path: Path) -> None:
    """Nothing of a ticket that a confidential rule holds back is kept, and it counts for none."""
    secret = rule("secret", State("labels", OneOf(("security",))), mode=Mode.WATCH, confidential=True)
    it = desk(tmp_path, proposes(2), secret)
    storm = [it.ticket(subject=ALIKE[n], labels=("security",) if n == 0 else ()) for n in range(3)]
    it.run(10 * MINUTE)
    assert hashed(it) == set(storm[1:])
    assert [len(it.notes(ticket)) for ticket in storm] == [0, 0, 0]
    it.helpdesk.change(storm[1], "anna", labels=("security",))
    it.run(10 * MINUTE)
    assert hashed(it) == {storm[2]}


def test_nothing_of_a_text_is_kept_for_it(tmp_path: Path) -> None:
    """Beside the mirrored ticket there are hashes alone, and none of tickets that are done."""
    it = desk(tmp_path, proposes(2))
    ticket = it.ticket(subject=ALIKE[0])
    it.run(10 * MINUTE)
    with it.database.reading() as db:
        rows = db.execute(text("select * from similar_words")).all()
    assert rows
    assert {tuple(map(type, row)) for row in rows} == {(str, str, int)}
    assert {(row.source, row.ticket) for row in rows} == {(SOURCE, ticket)}
    it.helpdesk.change(ticket, "bert", status="resolved")
    it.run(10 * MINUTE)
    assert hashed(it) == set()


def test_what_no_rule_asks_for_is_not_hashed(tmp_path: Path) -> None:
    """Without such a rule nothing is kept; one that comes later counts what is open, and all goes when the rule goes."""
    it = desk(tmp_path, NEVER)
    storm = [it.ticket(subject=subject) for subject in ALIKE[:5]]
    it.run(10 * MINUTE)
    assert hashed(it) == set()
    assert number(it, storm[0]) is UNKNOWN
    it.rule_by(proposes())
    it.run(10 * MINUTE)
    assert hashed(it) == set(storm)
    assert [len(it.notes(ticket)) for ticket in storm] == [1] * 5
    it.rule_by(NEVER)
    it.run(10 * MINUTE)
    assert hashed(it) == set()
    assert events(it, storm[0]) == []


def test_tickets_of_all_sources_are_counted_together(tmp_path: Path) -> None:
    """One failure is reported in two helpdesks; a ticket of the same id elsewhere is another ticket."""
    it = desk(tmp_path, NEVER)
    with it.database.transaction() as db:
        for source in ("here", "there"):
            found = similar.count(db, source, {name: hashes(ALIKE[0], "", b"key") for name in ("1", "2")}, 9)
        assert found == {TicketRef(source, name): 3 for source in ("here", "there") for name in ("1", "2")}
        found = similar.count(db, "here", {"1": None}, 9)
        assert found == {TicketRef("here", "2"): 2, TicketRef("there", "1"): 2, TicketRef("there", "2"): 2}


def test_a_higher_threshold_counts_further(tmp_path: Path) -> None:
    """A rule that asks for more others than before sees their number at once."""
    it = desk(tmp_path, proposes(2))
    storm = [it.ticket(subject=ALIKE[0]) for _ in range(7)]
    it.run(10 * MINUTE)
    assert number(it, storm[0]) == 2
    it.rule_by(proposes(2), rule("more", State("related.words", Amount(5)), mode=Mode.WATCH))
    it.run(10 * MINUTE)
    assert [number(it, ticket) for ticket in storm] == [5] * 7


def test_numbers_outlive_the_process(tmp_path: Path) -> None:
    """After a restart hoist goes on with what it counted, and proposes nothing twice."""
    it = desk(tmp_path, proposes(2))
    storm = [it.ticket(subject=subject) for subject in ALIKE[:3]]
    it.run(10 * MINUTE)
    it.start()
    it.run(10 * MINUTE)
    assert [number(it, ticket) for ticket in storm] == [2, 2, 2]
    assert [len(it.notes(ticket)) for ticket in storm] == [1, 1, 1]
