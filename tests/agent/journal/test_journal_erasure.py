"""A person who asks for it is gone from the journal for good; what hoist did stays, and can still be verified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from agent.errors import ConfigError
from agent.journal.erasure import NAMED_AT_ONCE, erase, erasure
from agent.journal.sealing import seal
from agent.journal.verification import verify
from agent.store import journal, rule_texts, rulebooks, sources, waiting
from agent.store.database import Database, open_database
from agent.store.journal import ANYBODY, ERASED, Personal
from agent.store.rulebooks import Texts
from agent.store.states import RowState
from agent.store.waiting import Planned
from rules.escalation import FiringKey
from rules.rule_text import Text as RuleText
from rules.world import Directory, Person


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Anna is 5b10 in one helpdesk and 77 in the other, where two people are called Bert."""
    opened = open_database(tmp_path / "hoist.db")
    people = {
        "jira": (Person("5b10", "Anna Bakker", email="zqanna@example.com"), Person("5b11", "Bert")),
        "zendesk": (Person("77", "A. Bakker", email="ZQAnna@example.com"), Person("78", "Bert"), Person("79", "Bert")),
    }
    with opened.transaction() as db:
        for source, known in people.items():
            sources.source_row(db, source)
            sources.set_directory(db, source, Directory({}, {}, people={person.id: person for person in known}))
    yield opened
    opened.close()


def told(database: Database) -> None:
    with database.transaction() as db:
        journal.append(db, "approved", 1, "jira", "7", by=Personal("zqanna@example.com"), why="it is right")
        journal.append(db, "escalated", 2, "jira", "7", fields=[["assignee", Personal("5b10"), Personal("5b11")]])
        journal.append(db, "escalated", 3, "zendesk", "9", fields=[["assignee", Personal("77"), None]])
        journal.append(db, "problem", 4, "jira", said="Anna Bakker may not write there")
        journal.append(db, "held", 5, "jira", "8", because={"jira/8/r/1/0": ["the assignee is anna bakker", "it is old"]})
        journal.append(db, "held", 6, "jira", "8", because={"jira/8/r/1/1": ["the assignee is Joanna Bakkers"]})
        journal.append(db, "noted", 7, "jira", heading="Anna Bakker")
    seal(database, "here", 10)


def test_what_would_go_is_said_first(database: Database) -> None:
    """Dry by default: every id that the helpdesks have for an address counts, and what can't be erased is named."""
    told(database)
    with database.reading() as db:
        found = erasure(db, "zqanna@example.com")
        assert (found.lines, found.values, found.done) == ((1, 2, 3, 4, 5), 5, False)
        assert {"5b10", "77", "Anna Bakker", "zqanna@example.com"} <= set(found.subjects)
        assert found.mentions == (7,), "words of which the chain is made, as an older hoist wrote them"
        assert [line.data.get("by") for line in journal.lines(db, kind="approved")] == ["zqanna@example.com"]


def test_an_id_among_the_letters_of_a_commitment_is_no_mention(database: Database) -> None:
    """Commitments are hexadecimal, as many ids are: four letters of an id stand in one of them now and then."""
    told(database)
    with database.reading() as db:
        made = db.execute(text("SELECT commitment FROM journal_personal")).scalars().first()
        assert made is not None
        within = next(made[at : at + 6] for at in range(1, 58) if not made[at : at + 6].isdigit())
        assert erasure(db, within).mentions == ()


def test_what_is_erased_is_gone(database: Database) -> None:
    """Values read as erased, the rest of the line and the chain stand."""
    told(database)
    found = erase(database, "zqanna@example.com", 20)
    assert (found.lines, found.values, found.done) == ((1, 2, 3, 4, 5), 5, True)
    seal(database, "here", 30)
    with database.reading() as db:
        lines = list(journal.lines(db))
        whole = verify(db)
    assert lines[0].data == {"by": ERASED, "why": "it is right"}
    assert lines[1].data["fields"] == [["assignee", ERASED, "5b11"]]
    assert (whole.findings, whole.erased) == ((), 5)
    assert [lines[3].data, lines[4].data] == [{"said": ERASED}, {"because": {"jira/8/r/1/0": ERASED}}]
    assert lines[5].data == {"because": {"jira/8/r/1/1": ["the assignee is Joanna Bakkers"]}}, "another person's name"


def test_no_byte_of_what_is_erased_stays(database: Database, tmp_path: Path) -> None:
    """Neither the file nor its write-ahead log holds the value any more, while hoist goes on with both."""
    with database.transaction() as db:
        for at in range(50):
            journal.append(db, "approved", at, "jira", by=Personal(f"zqcarla {at}", of="zqcarla@example.com"))
    assert _holds(tmp_path, b"zqcarla")
    erase(database, "zqcarla@example.com", 20)
    assert not _holds(tmp_path, b"zqcarla")


def _holds(folder: Path, words: bytes) -> bool:
    return any(words in path.read_bytes() for path in folder.iterdir())


def test_the_erasure_is_told_without_the_person(database: Database) -> None:
    """The journal says how many values were erased and where, and no word of whose."""
    told(database)
    erase(database, "zqanna@example.com", 20)
    with database.reading() as db:
        (line,) = journal.lines(db, kind="journal-erased")
        beside = db.execute(text("select subject from journal_personal")).scalars().all()
    assert len(line.data["values"]) == 5
    assert not any(word in str(line).casefold() for word in ("anna", "5b10", "bakker"))
    assert [subject for subject in beside if subject != ANYBODY] == ["5b11"]


def test_a_name_of_several_people_is_asked_about(database: Database) -> None:
    """Where a name is that of two people, nobody is erased by it; an id is one person's."""
    told(database)
    with (
        database.reading() as db,
        pytest.raises(ConfigError, match="in zendesk there are 2 people called bert: name one by id, 78, 79"),
    ):
        erasure(db, "bert")
    assert erase(database, "5B11", 20).values == 1


def test_who_is_not_there_is_no_error(database: Database) -> None:
    """Nothing marked as theirs: nothing is erased, and no line tells of it; nobody at all is wrong use."""
    told(database)
    assert erase(database, "carla@example.com", 20).values == 0
    with database.reading() as db:
        assert not list(journal.lines(db, kind="journal-erased"))
        with pytest.raises(ConfigError, match="nobody is named"):
            erasure(db, " ")


def test_many_values_go_at_once(database: Database) -> None:
    """Thousands of values of one person are told in lines of a bearable length, and the journal verifies."""
    with database.transaction() as db:
        for at in range(NAMED_AT_ONCE + 1):
            journal.append(db, "approved", at, "jira", by=Personal("carla"))
    assert erase(database, "carla", 20).values == NAMED_AT_ONCE + 1
    with database.reading() as db:
        assert [len(line.data["values"]) for line in journal.lines(db, kind="journal-erased")] == [NAMED_AT_ONCE, 1]
        found = verify(db)
    assert (found.findings, found.erased) == ((), NAMED_AT_ONCE + 1)


def test_the_reasons_of_a_change_are_erased_as_well(database: Database, tmp_path: Path) -> None:
    """What waits, or was written, because of somebody names them no more; the other reasons stay, and so does the change."""
    key = FiringKey("jira", "7", "nobody-took-it", 1, 0)
    because = ("the assignee is Anna Bakker: yes", "the priority is P1: yes")
    with database.transaction() as db:
        waiting.plan(db, [Planned(key, 1, 1, 1, 0, because, RowState.BACKLOG, "Anna Bakker was asked")])
    assert erase(database, "zqanna@example.com", 20).changes == 1
    with database.reading() as db:
        (row,) = waiting.of_ticket(db, "jira", "7")
        assert erasure(db, "zqanna@example.com").changes == 0
    assert (row.because, row.problem, row.state) == ((ERASED, because[1]), ERASED, RowState.BACKLOG)
    assert b"Anna Bakker: yes" not in b"".join(path.read_bytes() for path in tmp_path.glob("hoist.db*"))


BEFORE: Final = Texts({"rules.yaml": "owner: zqanna@example.com", "organisation.yaml": "format: 1"}, {})
PRESENT: Final = Texts({"rules.yaml": "owner: carla@example.com", "organisation.yaml": "lead: Anna Bakker"}, {})


def test_former_rules_name_the_person_no_more(database: Database, tmp_path: Path) -> None:
    """Texts of former rules go with the name that is in them; those in force are named, for their files are somebody else's."""
    with database.transaction() as db:
        rulebooks.keep(db, "former", BEFORE, 1)
        rulebooks.keep(db, "present", PRESENT, 2)
        sources.new_generation(db, "jira", "present/names/world")
        rule_texts.keep(db, "ladder", RuleText("a-version", '{"tell": "zqanna@example.com"}'), 1)
    with database.reading() as db:
        found = erasure(db, "zqanna@example.com")
    assert (found.texts, found.in_force, found.done) == (2, ("organisation.yaml",), False)
    erase(database, "zqanna@example.com", 20)
    with database.reading() as db:
        with pytest.raises(ValueError, match="a text of the rules former was erased, since it named a person"):
            rulebooks.found(db, "former")
        assert rulebooks.found(db, "present") == PRESENT
        after = erasure(db, "zqanna@example.com")
    assert (after.texts, after.in_force) == (0, ("organisation.yaml",))
    assert not _holds(tmp_path, b"owner: zqanna")
    assert not _holds(tmp_path, b'"tell"')
