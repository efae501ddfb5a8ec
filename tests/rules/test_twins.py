"""Twins: tickets that another integration keeps in step, of which the leading one alone is escalated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rules.binding import bind
from rules.engine import evaluate
from rules.protocol.organisation import Twins
from rules.protocol.rulebook import Rulebook
from rules.rulebook import schema
from rules.sentences import explained
from rules.stories import bound_for
from rules.ticket import UNKNOWN, Value
from rules.timeline import timeline
from tests.rules.merging import DIRECTORY, NOW, ORGANISATION, SOURCE, WORLD, rule, ticket
from tests.rules.protocol_texts import ORGANISATION as WRITTEN
from tests.rules.protocol_texts import loaded, problems
from tests.rules.worlds import world_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jira-cloud: customfield_10070", Twins("native.customfield_10070")),
        ("jira-cloud: {field: customfield_10070, leading: nothing}", Twins("native.customfield_10070")),
        ("jira-cloud: {field: role, leading: [Nothing, master]}", Twins("native.role", (None, "master"))),
    ],
)
def test_twins_are_declared_once_for_all_rules_of_a_source(text: str, expected: Twins) -> None:
    """F35: the field by its name; what the leading one says there, nothing unless said."""
    book = loaded(organisation=f"{WRITTEN}\ntwins: {{{text}}}\n").rulebook
    assert book.organisation.twins == {"jira-cloud": expected}


def test_mistakes_in_the_declaration_are_said_where_they_stand() -> None:
    """A source that nobody names, a key that is none, a field left out: each with the nearest word."""
    (problem,) = problems(organisation=f"{WRITTEN}\ntwins: {{jira-clud: {{field: x}}}}\n")
    assert "jira-cloud" in str(problem)
    assert problems(organisation=f"{WRITTEN}\ntwins: {{jira-cloud: {{leads: x}}}}\n")
    assert "twins" in schema()["properties"]


@pytest.mark.parametrize(("follows", "holds"), [(None, True), ("SD-1", False), (UNKNOWN, False)])
def test_a_rule_holds_on_the_leading_one_alone(follows: Value, holds: bool) -> None:
    """F35: every rule asks for it, and where the field can't be read nothing holds for sure."""
    organisation = replace(ORGANISATION, twins={SOURCE: Twins("native.follows")})
    book = Rulebook(organisation, (rule("a"), rule("b", confidential=True)), "1")
    rules = bind(book, SOURCE, DIRECTORY, WORLD)
    evaluation = evaluate(timeline(ticket(**{"native.follows": follows})), rules, NOW)
    assert [any(e.holds_at(NOW) for e in evaluation.episodes_of(one.id)) for one in rules.rules] == [holds, holds]
    elsewhere = bind(replace(book, organisation=ORGANISATION), SOURCE, DIRECTORY, WORLD)
    assert elsewhere.rules[0].rule.condition == rule("a").condition, "without twins nothing is asked"


def test_the_rule_in_words_tells_of_twins() -> None:
    """`hoist rules explain` says of which ticket a rule speaks; a rule for other sources says nothing of them."""
    book = loaded(organisation=f"{WRITTEN}\ntwins: {{jira-cloud: customfield_10070}}\n").rulebook
    said = explained(book, bound_for(book, world_of(book)), book.rules[0]).sentences
    assert "Of twins in jira-cloud it acts on the leading one alone, where the field customfield_10070 is nothing." in said
