"""A CSV file of people: who manages whom, who is in which team."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.outside.staff import people
from agent.outside.unreadable import Unreadable
from rules.protocol.organisation import Employee
from tests.agent.outside.test_facts import NOW, Place

PROTOCOL = """\
calendars: {office: {time_zone: Europe/Amsterdam, hours: {mon-fri: "09:00-17:00"}}}
teams: {ops: {}, eng: {}}
people:
  - {who: carla@example.com, manager: henk@example.com}
  - {file: staff.csv}
"""
STAFF = """\
Who;Manager;Calendar;Teams
anna@example.com;henk@example.com;office;ops, eng
# those who came lately
bob@example.com;anna@example.com;;ops

"""


def test_a_spreadsheet_of_people_is_read() -> None:
    """Columns by their headings, in any order, divided by semicolons or commas; what is left empty is not said."""
    assert people(STAFF.encode()) == (
        Employee("anna@example.com", "henk@example.com", calendar="office", teams=("ops", "eng")),
        Employee("bob@example.com", "anna@example.com", teams=("ops",)),
    )
    assert people(b"deputy,e-mail\nbob@example.com,anna@example.com\n") == (
        Employee("anna@example.com", deputy="bob@example.com"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("anna@example.com,henk@example.com\nbob@example.com,x\n", "has no column `who`"),
        ("who,manger\nanna@example.com,henk@example.com\n", "did you mean manager?"),
        ("who,manager\nanna@example.com,h@example.com\n,henk@example.com\n", "has a line 3 that names nobody"),
    ],
)
def test_a_file_that_says_something_else_is_refused(text: str, said: str) -> None:
    """A wrong heading or an empty name is a trouble with its line, and never half a directory."""
    with pytest.raises(Unreadable, match=said.replace("?", r"\?")):
        people(text.encode())


def test_people_of_a_file_stand_in_the_world(tmp_path: Path) -> None:
    """What the file says is known, a change of it is seen, and a team that nobody else names is left out and told."""
    place = Place(tmp_path, PROTOCOL)
    place.write("staff.csv", STAFF)
    place.update()
    first = place.outside.world(place.organisation, NOW)
    assert [each.who for each in first.people] == ["anna@example.com", "bob@example.com"]
    assert place.outside.strange_words(place.organisation) == []
    place.write("staff.csv", STAFF.replace("ops, eng", "ops, engineering"))
    place.update()
    second = place.outside.world(place.organisation, NOW)
    assert second.people[0].teams == ("ops",)
    assert second.version != first.version
    assert place.outside.strange_words(place.organisation) == [
        "the people staff.csv names the team engineering of anna@example.com, which the organisation does not"
    ]


def test_a_file_of_people_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Without the file nothing is known of its people, and that is said with what to do."""
    place = Place(tmp_path, PROTOCOL)
    place.update()
    assert place.outside.world(place.organisation, NOW).people == ()
    (said,) = place.outside.troubles(NOW)
    assert said == (
        "the people staff.csv can't be read (No such file or directory): put the file there, or take it out of the protocol; "
        "until then nothing is known by it"
    )
