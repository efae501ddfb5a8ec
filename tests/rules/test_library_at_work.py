"""The ready protocols at work: stories of tickets, what they write, and the page that describes them."""

from __future__ import annotations

import re
from datetime import date

import pytest
import yaml

from rules.conditions.tree import walk
from rules.lint import findings
from rules.note import HOLD_HINT
from rules.protocol.conditions import OneOf, State
from rules.rulebook import load
from rules.stories import tell
from tests.rules.library_notes import FOLDER, PROTOCOLS, STORIES, notes, rulebook, stories, world
from tests.rules.protocol_texts import LIBRARY
from tests.shared import PROJECT

PAGE = (PROJECT / "docs" / "library.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
ORGANISATION = (FOLDER / "organisation.yaml").read_text(encoding="utf-8")
NO_MESSAGE = "this version of hoist sends no message"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_fires_when_its_stories_say_so_and_at_no_other_time(protocol: str) -> None:
    """Every step of every ready protocol is seen in a story, and there is a story in which it must hold back."""
    told = tell(stories(protocol), rulebook(), world())
    assert [(each.story.place, each.failures, each.picture) for each in told if each.failures] == []
    fired = {(step.rule, number) for each in told for step in each.fired for number in step.steps}
    rules = [rule for rule in rulebook().rules if rule.place == _place(protocol)]
    assert {(rule.id, number) for rule in rules for number in range(len(rule.steps))} <= fired
    assert any(each.story.forbidden or len(each.story.fires) < _steps(protocol) for each in told)


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if "type: priority list" in LIBRARY[f"{name}.yaml"]])
def test_each_can_be_kept_to_some_priorities(protocol: str) -> None:
    """With `priority: P3` no other ticket is looked at, by any of its rules."""
    (written,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[protocol], flags=re.DOTALL)
    use = yaml.safe_load(written)["use"][0]
    use["with"] = {**use.get("with", {}), "priority": "P3"}
    rules = load({"organisation.yaml": ORGANISATION, "rules.yaml": yaml.safe_dump({"use": [use]})}, LIBRARY).rulebook.rules
    assert all(State("priority", OneOf(("P3",))) in walk(rule.condition) for rule in rules)


def _place(protocol: str) -> str:
    return next(rule.place for rule in rulebook().rules if rule.id == protocol)


def _steps(protocol: str) -> int:
    return sum(len(rule.steps) for rule in rulebook().rules if rule.place == _place(protocol))


def test_no_story_belongs_to_no_protocol() -> None:
    """The files of stories are named after the protocols that they test."""
    assert sorted(STORIES) == sorted(LIBRARY)


def test_all_of_them_together_leave_nothing_to_mend() -> None:
    """Side by side over one organisation they are in order, but for the word that nobody gets a message."""
    found = findings(rulebook(), date(2026, 11, 2))
    assert [str(finding) for finding in found if NO_MESSAGE not in finding.sentence] == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_page_tells_every_parameter_as_it_is(protocol: str) -> None:
    """Name, type, value and meaning of each parameter, and the protocol's title and reason, are those of the library's file."""
    written = yaml.load(LIBRARY[f"{protocol}.yaml"], Loader=yaml.BaseLoader)  # noqa: S506 - text only
    section = SECTIONS[protocol]
    assert f"**{written['title']}.** {written['why']}" in " ".join(section.split("\n\n")[0].split())
    expected = [(p["name"], p["type"], _value(p), p["description"]) for p in written["parameters"]]
    assert re.findall(r"^\| `(\S+)` \| (.*?) \| (.*?) \| (.*) \|$", section, flags=re.MULTILINE) == expected


def _value(parameter: dict[str, str | list[str]]) -> str:
    if "default" not in parameter:
        return "may be left out" if parameter.get("optional") == "true" else "**needed**"
    default = parameter["default"]
    return default if isinstance(default, str) else ", ".join(default)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_example_of_the_page_can_be_copied(protocol: str) -> None:
    """Each example loads without a hint beside the organisation, and says only what the tests of all of them say."""
    (use,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[protocol], flags=re.DOTALL)
    found = load({"organisation.yaml": ORGANISATION, "rules.yaml": use}, LIBRARY)
    assert found.hints == ()
    known = {rule.id: rule for rule in rulebook().rules}
    assert [rule.condition for rule in found.rulebook.rules] == [known[rule.id].condition for rule in found.rulebook.rules]
    assert [rule.steps for rule in found.rulebook.rules] == [known[rule.id].steps for rule in found.rulebook.rules]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_page_shows_the_notes_that_are_written(protocol: str) -> None:
    """What stands under a protocol is what a service-desk agent reads in the ticket, word for word."""
    found = [(name, note.removesuffix(f"\n{HOLD_HINT}")) for name, note in notes(protocol)]
    shown = "\n\n".join(f"[{name}]\n{note}" if len(found) > 1 else note for name, note in found)
    assert re.findall(r"```text\n(.*?)\n```", SECTIONS[protocol], flags=re.DOTALL) == [shown]
    assert not re.search(r"not known|[{}$]", shown)


def test_the_page_lists_the_library_and_nothing_else() -> None:
    """Every protocol has its section, and stands in the table at the top."""
    assert sorted(SECTIONS) == sorted(PROTOCOLS)
    assert sorted(re.findall(r"\[`(\S+)`\]\(#\1\)", PAGE)) == sorted(PROTOCOLS)
