"""Ctrl-C while a plan or a forecast is made: it ends at once, and leaves nothing."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from agent.plan import forecasting, planning
from tests.agent.command_line import Desk, Said
from tests.agent.plan.planned import plan


@pytest.mark.parametrize("command", ["plan", "forecast", "apply"])
def test_ctrl_c_ends_it_and_leaves_nothing(it: Desk, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """No plan is saved, nothing comes into force, no traceback is shown, and the exit code is that of an interrupted program."""
    name, _ = plan(it)
    known = {path.name for path in it.folder.iterdir()}
    for module in (planning, forecasting):
        monkeypatch.setattr(module, "judge", interrupted_judge(module))
    said: Said = plan(it, "--out", "other.json")[1] if command == "plan" else it.hoist(command, *[name] * (command == "apply"))
    assert said.code == 130
    assert said.out == ""
    assert "Traceback" not in said.err
    assert {path.name for path in it.folder.iterdir()} - known <= {"hoist.db-shm", "hoist.db-wal"}
    assert "by the files of the protocol" in it.hoist("status").words


def interrupted_judge(module: Any) -> Any:
    original = module.judge

    def judge(*given: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return original(*given)

    return judge
