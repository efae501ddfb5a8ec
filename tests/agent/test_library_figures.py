"""The figures that docs/library.md publishes of a recorded log, where it is at hand."""

import pytest
import yaml

from agent.in_force.protocol_files import library
from benchmarks.library import LOG, UNSEEN, USES, report
from connectors.sandboxes.event_log import load
from tests.shared import PROJECT, shared


def test_every_protocol_is_shown_or_the_log_can_not_show_it() -> None:
    """None is left out of the table in silence."""
    unseen = [name for names in UNSEEN.values() for name in names]
    names = [yaml.safe_load(text)["protocol"] for text in library().values()]
    assert sorted([*USES, *unseen]) == sorted(names)


def test_the_figures_are_those_that_the_command_prints() -> None:
    """Whoever runs `python -m benchmarks.library` gets the table of the page."""
    path = shared() / LOG
    if not path.is_file():
        pytest.skip(f"NOT COMPARED WITH OUTSIDE MATERIAL: there is no {path}")
    assert report(load(path)) in (PROJECT / "docs" / "library.md").read_text(encoding="utf-8")
