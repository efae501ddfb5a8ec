"""Files that follow the grammar nearly everywhere: each is read or cleanly refused within a second, and so is work on it."""

import json
from collections.abc import Callable
from random import Random
from time import process_time
from typing import Any, TypeVar

import pytest

from rules.binding import BindingError
from rules.formatting import formatted
from rules.language.story import StoryFile
from rules.lint import findings
from rules.rulebook import Loaded, RulebookError, load, schema
from rules.sentences import explained
from rules.stories import Story, bound_for, read_stories, tell
from tests.rules.grammar_fuzzer import Grammar
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES, loaded
from tests.rules.worlds import world_of

T = TypeVar("T")

LIMIT_SECONDS = 1.0
SCHEMA = schema()
STORIES = StoryFile.model_json_schema(by_alias=True)
RULEBOOK = loaded(RULES).rulebook


MORE = ("", "", ", for: 15 minutes", ", clock: 4 business hours", ", repeat: {every: 1 hour, at_most: 2}", ", until: {label: x}")


def bounded(work: Callable[[], T]) -> T | None:
    """What comes of some work, None where it is refused; anything else that is raised fails the test, and so does a long wait."""
    begun = process_time()
    try:
        return work()
    except (RulebookError, BindingError):
        return None
    finally:
        assert process_time() - begun < LIMIT_SECONDS


def work_on(found: Loaded) -> None:
    """Everything that the commands do with a protocol that was read."""
    rulebook = found.rulebook
    bounded(lambda: findings(rulebook))
    bound = bounded(lambda: bound_for(rulebook, world_of(rulebook)))
    if bound is not None:
        for rule in rulebook.rules:
            assert explained(rulebook, bound, rule).sentences


@pytest.mark.parametrize("seed", range(100))
def test_a_file_of_the_grammar_is_read_or_refused(seed: int) -> None:
    """Alone, and as rules beside a good organisation; whoever mends it is told where."""
    rng = Random(seed)
    text = Grammar(SCHEMA, rng, odd=rng.choice((6, 15, 60))).text()
    for files in ({"organisation.yaml": text}, {"organisation.yaml": ORGANISATION, "rules.yaml": text}):
        found = bounded(lambda files=files: load(files, LIBRARY))  # type: ignore[misc]
        if found is not None:
            work_on(found)
            bounded(lambda files=files: formatted(files, LIBRARY))  # type: ignore[misc]


def a_rule(seed: int) -> str:
    """A file of one rule: some condition, something done, and whatever else a rule can say."""
    rng = Random(seed)

    def part(name: str) -> str:
        return Grammar({**SCHEMA["$defs"][name], "$defs": SCHEMA["$defs"]}, rng, odd=100_000).text()

    more = rng.choice(MORE)
    return f"rules: [{{rule: some, when: {part('When')}, do: [{part('Deed')}]{more}}}]"


def read_or_none(text: str) -> Loaded | None:
    return bounded(lambda: load({"organisation.yaml": ORGANISATION, "rules.yaml": text}, LIBRARY))


@pytest.mark.parametrize("seed", range(200))
def test_one_rule_of_the_grammar_is_read_or_refused(seed: int) -> None:
    """Whatever can be read can be bound, explained and looked through as well."""
    found = read_or_none(a_rule(seed))
    if found is not None:
        work_on(found)


def test_enough_of_those_rules_can_be_read() -> None:
    """Else the test above would show little."""
    assert sum(read_or_none(a_rule(seed)) is not None for seed in range(60)) >= 12


def a_story(seed: int) -> str:
    """A file of one story, in which anything happens in the order of time."""
    rng = Random(seed)

    def part(name: str) -> dict[str, Any]:
        found = json.loads(Grammar({**STORIES["$defs"][name], "$defs": STORIES["$defs"]}, rng, odd=100_000).text())
        return found if isinstance(found, dict) else {}

    ticket = part("WrittenTicket") | {"created": "2026-11-06 09:00"}
    changes = [part("WrittenChange") | {"at": f"2026-11-06 {10 + number}:00"} for number in range(rng.randrange(4))]
    story = {"story": "x", "ticket": ticket, "changes": changes, "nothing_else": True}
    return json.dumps({"stories": [story]}, ensure_ascii=False)


def read_story_or_none(text: str) -> tuple[Story, ...] | None:
    return bounded(lambda: read_stories({"a.yaml": text}, RULEBOOK))


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("whole", [True, False])
def test_a_story_of_the_grammar_is_told_or_refused(seed: int, whole: bool) -> None:
    """A file of the grammar of stories, and one story in which anything happens."""
    rng = Random(seed)
    text = Grammar(STORIES, rng, odd=rng.choice((6, 20, 200))).text() if whole else a_story(seed)
    stories = read_story_or_none(text)
    if stories:
        bounded(lambda: tell(stories, RULEBOOK, world_of(RULEBOOK)))


def test_enough_of_those_stories_can_be_told() -> None:
    """Else the test above would show little."""
    assert sum(bool(read_story_or_none(a_story(seed))) for seed in range(60)) >= 12
