"""What people see who write rules in an editor with a YAML language server and the published schema."""

import re
from collections.abc import Iterator

import pytest

from rules.rulebook import schema
from tests.rules.language_server import Editor, editor
from tests.rules.protocol_texts import ORGANISATION, RULES
from tests.shared import PROJECT

PAGE = (PROJECT / "docs" / "rules.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
PARTS = [block for block in BLOCKS if "\nparameters:" not in block]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One editor for all tests of this module: a server takes a second to start."""
    with editor(tmp_path_factory.mktemp("desk"), schema()) as found:
        yield found


@pytest.mark.parametrize("number", range(len(PARTS) + 2))
def test_an_editor_underlines_nothing_in_a_file_that_is_right(number: int, opened: Editor) -> None:
    """Every example of the documentation: a false error teaches people to look away."""
    assert opened.opened(f"right-{number}.yaml", [*PARTS, ORGANISATION, RULES][number]) == []


def test_an_editor_underlines_what_is_wrong_where_it_stands(opened: Editor) -> None:
    """A misspelt key and a duration that is none, each on its line."""
    wrong = RULES.replace("assignee: nobody", "assigne: nobody").replace("for: 15 minutes", "for: 15min")
    found = opened.opened("wrong.yaml", wrong)
    assert any(said.startswith("7: ") and "assigne" in said for said in found), found
    assert any(said.startswith("9: ") for said in found), found


@pytest.mark.parametrize(
    ("name", "text", "offered"),
    [
        ("sections", "\n", ("rules", "use", "teams")),
        ("keys", "rules:\n  - rule: x\n    \n", ("when", "do", "title", "mode")),
        ("conditions", "rules:\n  - rule: x\n    when:\n      \n", ("status", "priority", "unanswered", "reassigned")),
        ("modes", "rules:\n  - rule: x\n    mode: \n", ("draft", "watch", "live")),
        ("deeds", "rules:\n  - rule: x\n    do:\n      - \n", ("escalate", "comment", "tell")),
    ],
)
def test_an_editor_offers_what_can_be_written(name: str, text: str, offered: tuple[str, ...], opened: Editor) -> None:
    """Keys of each block and words of each list, and nothing that this version refuses."""
    opened.opened(f"{name}.yaml", text)
    lines = text.split("\n")
    found = opened.offered(f"{name}.yaml", len(lines) - 1, len(lines[-2]) + 1)
    assert set(offered) <= set(found), found
