"""A rule's text as data: what is kept of a rule, so that escalations under way go on under it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rules.protocol.rule import Existing, Mode, OnChange, Rule
from rules.rule_text import UnreadableTextError, text_of, under
from rules.rulebook import RulebookError
from tests.rules.protocol_texts import LIBRARY, RULES, loaded
from tests.shared import PROJECT

LIBRARY_RULES = (PROJECT / "tests" / "rules" / "library" / "rules.yaml").read_text(encoding="utf-8")
LIBRARY_ORGANISATION = (PROJECT / "tests" / "rules" / "library" / "organisation.yaml").read_text(encoding="utf-8")


def keeping(rule: Rule) -> Rule:
    return replace(rule, on_change=OnChange.KEEP)


def test_every_ready_protocol_comes_back_from_its_text() -> None:
    """What is kept of a rule is all that decides when it acts and what it does then."""
    rules = [keeping(rule) for rule in loaded(LIBRARY_RULES, LIBRARY_ORGANISATION).rulebook.rules if not rule.confidential]
    assert len(rules) >= len(LIBRARY) - 2
    for rule in rules:
        text = text_of(rule)
        assert text is not None
        assert under(rule, text.data) == rule
        assert text_of(under(rule, text.data)) == text


def test_switches_are_no_part_of_the_text() -> None:
    """Going live, an owner, another place in the file or another id changes nothing about what is kept."""
    rule = keeping(loaded().rulebook.rules[0])
    switched = replace(rule, mode=Mode.LIVE, owner="anna@example.com", order=7, existing=Existing(None), expires="2027-01-01")
    assert text_of(replace(switched, id="another", formerly=(rule.id,))) == text_of(rule)
    text = text_of(rule)
    assert text is not None
    assert under(replace(switched, steps=()), text.data) == switched


def test_how_a_duration_is_spelt_makes_no_other_text() -> None:
    """`60 minutes` and `1 hour` are one text: nothing has to be kept apart."""
    spelt = [text_of(keeping(loaded(RULES.replace("15 minutes", said)).rulebook.rules[0])) for said in ("60 minutes", "1 hour")]
    assert spelt[0] is not None
    assert spelt[1] is not None
    assert spelt[0].version == spelt[1].version
    assert spelt[0].version != text_of(keeping(loaded().rulebook.rules[0])).version  # type: ignore[union-attr]


@pytest.mark.parametrize("data", ["", "[]", '[{"is": "Rule"}]', '["a", "b", {"is": "Sorcery"}, [], null, null, null, []]'])
def test_a_text_of_another_hoist_is_refused(data: str) -> None:
    """A text that this version can't read is an error that says so, and never a rule that acts otherwise."""
    with pytest.raises(UnreadableTextError, match="can't be read by this version"):
        under(loaded().rulebook.rules[0], data)


def test_on_change_is_read() -> None:
    """`keep` and `move` are the words; unless said, escalations move."""
    said = RULES.replace("mode: watch", "mode: watch\n    on_change: keep")
    assert loaded(said).rulebook.rules[0].on_change is OnChange.KEEP
    assert loaded().rulebook.rules[0].on_change is OnChange.MOVE


def test_a_ready_protocol_is_used_so() -> None:
    """A use says it for the rules of its protocol, since a parameter that changes is a change of the rule."""
    use = "use:\n  - {protocol: went-silent, with: {chain: network, after: 4 hours}, on_change: keep}\n"
    (rule,) = loaded(use).rulebook.rules
    assert rule.on_change is OnChange.KEEP


def test_a_confidential_rule_keeps_no_former_text() -> None:
    """Its text stands in the protocol's files alone; asking for more is refused with the reason."""
    said = "rules:\n  - {rule: leak, confidential: true, on_change: keep, when: {label: leak}, do: {escalate: network}}\n"
    with pytest.raises(RulebookError, match="kept nowhere but in these files"):
        loaded(said)
    assert text_of(replace(keeping(loaded().rulebook.rules[0]), confidential=True)) is None
