"""Protocol files mean the same to every YAML library: what editors, reviewers and other tools see is what hoist sees."""

import json
import re
from io import StringIO
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from ruamel.yaml import YAML
from ruamel.yaml.constructor import BaseConstructor

from rules.language.marked_yaml import Node, read
from rules.language.problems import Report
from rules.rulebook import load, schema
from rules.stories import story_schema
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES
from tests.shared import PROJECT

PAGE = (PROJECT / "docs" / "rules.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
FIRST = BLOCKS[0]
READY = [block for block in BLOCKS if "\nparameters:" in block]
STORIES = re.findall(r"```yaml stories\n(.*?)```", PAGE, flags=re.DOTALL)
PARTS = [block for block in BLOCKS[1:] if block not in READY]
DOCUMENTS = {
    **LIBRARY,
    **{f"docs {number}": block for number, block in enumerate([*BLOCKS, *STORIES])},
    "organisation": ORGANISATION,
    "rules": RULES,
}
VALIDATOR = Draft202012Validator(schema())


def pyyaml_text(text: str) -> Any:
    """PyYAML (YAML 1.1) with every scalar as text."""
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and mappings only


def ruamel_text(text: str) -> Any:
    """ruamel.yaml (YAML 1.2) with every scalar as text."""
    library = YAML(typ="base", pure=True)
    library.Constructor = BaseConstructor
    return library.load(StringIO(text))


def plain(node: Node) -> Any:
    """What hoist's own reader sees, as plain values."""
    return json.loads(json.dumps(node))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_three_readers_see_the_same(name: str) -> None:
    """PyYAML, ruamel.yaml and hoist's own reader find the same keys and texts in every file that is shipped or shown."""
    text, report = DOCUMENTS[name], Report()
    own = read(name, text, report)
    assert own is not None
    assert report.problems == ()
    assert plain(own) == pyyaml_text(text) == ruamel_text(text)


@pytest.mark.parametrize("part", ["", *PARTS], ids=range(len(PARTS) + 1))
@pytest.mark.parametrize("parse", [pyyaml_text, ruamel_text])
def test_a_protocol_means_the_same_through_either_library(part: str, parse: Any) -> None:
    """Read by the one or the other and written anew, it has the version that it had."""
    files = {"organisation.yaml": FIRST, "rules.yaml": part}
    anew = {name: json.dumps(parse(text) or {}, ensure_ascii=False) for name, text in files.items() if text}
    ready = {name: json.dumps(parse(text), ensure_ascii=False) for name, text in LIBRARY.items()}
    assert (
        load(anew, ready).rulebook.version == load({name: text for name, text in files.items() if text}, LIBRARY).rulebook.version
    )


@pytest.mark.parametrize("part", [FIRST, *PARTS, ORGANISATION, RULES], ids=range(len(PARTS) + 3))
def test_typed_as_editors_type_it_a_file_fits_the_schema(part: str) -> None:
    """Editors read YAML 1.2, where 5 is a number and true a truth value: the published schema takes it so, too."""
    typed = YAML(typ="safe", pure=True).load(StringIO(part))
    as_json = json.loads(json.dumps(typed, default=str))
    assert [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(as_json)] == []


@pytest.mark.parametrize("story", STORIES)
def test_a_story_fits_its_schema(story: str) -> None:
    """Typed as editors type it, and with every key that is wrong refused."""
    typed = json.loads(json.dumps(YAML(typ="safe", pure=True).load(StringIO(story)), default=str))
    validator = Draft202012Validator(story_schema())
    assert [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(typed)] == []
    assert not validator.is_valid({"stories": [{"story": "x"}]})


@pytest.mark.parametrize("name", LIBRARY)
def test_the_rules_of_a_ready_protocol_fit_the_schema(name: str) -> None:
    """With its parameters at their defaults, or at what the organisation of these tests has."""
    protocol = pyyaml_text(LIBRARY[name])
    samples = {
        "chain": "network",
        "team": "service-desk",
        "who": "duty-manager",
        "calendar": "office",
        "duration": "15 minutes",
        "number": "2",
        "label": "x",
        "priority": "P1",
        "mode": "watch",
        "truth": "true",
        "text": "x",
    }
    given = {
        each["name"]: each.get("default", samples.get(each["type"].removesuffix(" list"), "open"))
        for each in protocol["parameters"]
    }
    whole = re.sub(r'"\$\{(\w+)\}"', lambda found: json.dumps(given[found[1]]), json.dumps(protocol["rules"]))
    rules = json.loads(re.sub(r"\$\{(\w+)\}", lambda found: str(given[found[1]]), whole))
    assert [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors({"rules": rules})] == []
