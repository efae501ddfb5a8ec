"""docs/rules.md, read as hoist would read it: every example loads, and the page leaves nothing out."""

import re

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from rules.language.actions import Deed
from rules.language.conditions import When
from rules.language.further import FURTHER
from rules.language.ready import TYPES
from rules.language.rule import WrittenRule
from rules.placeholders import PLACEHOLDERS
from rules.rulebook import load, schema
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES
from tests.shared import PROJECT

PAGE = (PROJECT / "docs" / "rules.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
FIRST = BLOCKS[0]
READY = [block for block in BLOCKS if "\nparameters:" in block]
PARTS = [block for block in BLOCKS[1:] if block not in READY]
VALIDATOR = Draft202012Validator(schema())


@pytest.mark.parametrize("part", ["", *PARTS], ids=range(len(PARTS) + 1))
def test_every_example_loads_without_a_hint(part: str) -> None:
    """Whoever copies an example beside the page's organisation gets a rulebook, and in the one form."""
    loaded = load({"organisation.yaml": FIRST, "rules.yaml": part}, LIBRARY)
    assert loaded.hints == ()
    written = [rule for rule in loaded.rulebook.rules if not rule.id.endswith(tuple(FURTHER.values()))]
    assert len(written) == len(re.findall(r"^  - (?:rule|protocol): ", part, flags=re.MULTILINE))


@pytest.mark.parametrize("part", [FIRST, *PARTS, ORGANISATION, RULES])
def test_editors_accept_every_example(part: str) -> None:
    """The JSON Schema that editors complete from says the same as the loader."""
    assert [error.message for error in VALIDATOR.iter_errors(yaml.load(part, Loader=yaml.BaseLoader))] == []  # noqa: S506 - text only


@pytest.mark.parametrize(
    "wrong", ["rulez: []", "rules: [{rule: x, wen: {}}]", "rules: [{rule: X y, when: {status: open}, do: []}]"]
)
def test_editors_see_what_is_wrong(wrong: str) -> None:
    """Unknown keys and words are marked as they are typed."""
    Draft202012Validator.check_schema(schema())
    assert not VALIDATOR.is_valid(yaml.safe_load(wrong))


def test_the_schema_explains_itself() -> None:
    """Every key of a rule and of a condition is described, and what comes later is told with what to write instead."""
    definitions = schema()["$defs"]
    for name in ("WrittenRule", "When", "Deed"):
        properties = definitions[name]["properties"]
        assert [key for key, value in properties.items() if not ("description" in value or "errorMessage" in value)] == []
    assert "hoist never writes a status" in definitions["Deed"]["properties"]["status"]["errorMessage"]


def test_the_ready_protocol_of_the_page_can_be_used() -> None:
    """The example of a protocol for the library works as one."""
    (text,) = READY
    use = "use: [{protocol: promised-and-forgotten, with: {chain: network}}]"
    (rule,) = load({"organisation.yaml": FIRST, "rules.yaml": use}, {"own.yaml": text}).rulebook.rules
    assert rule.id == "promised-and-forgotten"


def test_the_page_leaves_nothing_out() -> None:
    """Every key, condition, action, placeholder, parameter type, ready protocol and refused key is on the page."""
    words = {
        *WrittenRule.keys(),
        *When.keys(),
        *Deed.keys(),
        *("{" + name + "}" for name in PLACEHOLDERS),
        *TYPES,
        *(name.removesuffix(".yaml") for name in LIBRARY),
    }
    assert sorted(word for word in words if f"`{word}`" not in PAGE) == []
