"""`people_keep`: for how long a field is a person's who took back what hoist had written, said in the organisation."""

from __future__ import annotations

import pytest

from rules.instants import DAY, HOUR
from rules.protocol.organisation import PeopleKeep
from rules.rulebook import schema
from tests.rules.protocol_texts import ORGANISATION, loaded, problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", PeopleKeep(DAY, confidential_rules=False)),
        ("people_keep: 3 hours", PeopleKeep(3 * HOUR)),
        ("people_keep: {for: 2 days}", PeopleKeep(2 * DAY)),
        ("people_keep: {for: 24 hours, confidential_rules: true}", PeopleKeep(DAY, confidential_rules=True)),
    ],
)
def test_it_is_a_length_of_time_and_who_respects_it(text: str, expected: PeopleKeep) -> None:
    """A day unless said otherwise, and confidential rules write all the same unless said otherwise."""
    assert loaded(organisation=f"{ORGANISATION}\n{text}\n").rulebook.organisation.people_keep == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("people_keep: 2 business days", "plain hours or days"),
        ("people_keep: never", "never"),
        ("people_keep: {confidential_rules: true}", "`for` is missing"),
        ("people_keep: {for: 1 day, confidental_rules: true}", "confidential_rules"),
    ],
)
def test_mistakes_are_said_where_they_stand(text: str, said: str) -> None:
    """Business time, a word that is no time, a key that is none: each with what to write instead."""
    assert any(said in str(problem) for problem in problems(organisation=f"{ORGANISATION}\n{text}\n"))


def test_it_changes_what_the_rules_mean() -> None:
    """Another length is another version of the rulebook, so that the journal tells them apart; editors know the key."""
    one, other = (loaded(organisation=f"{ORGANISATION}\npeople_keep: {n} hours\n").rulebook.version for n in (1, 2))
    assert one != other
    assert "people_keep" in schema()["properties"]
