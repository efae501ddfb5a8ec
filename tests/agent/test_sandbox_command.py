"""`hoist sandbox PLATFORM`: a helpdesk beside which hoist works as it is."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

from tests.agent.command_line import HOIST, hoist


def test_the_servicenow_sandbox_writes_a_hoist_yaml_that_works(tmp_path: Path) -> None:
    """Over https with its throw-away certificate check, run and status work as they are; its owner alone reads the secret."""
    config = tmp_path / "hoist.yaml"
    command = [*HOIST, "sandbox", "servicenow", "--tickets", "20", "--hoist-yaml", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            assert sandbox.stdout is not None
            known = json.loads(sandbox.stdout.readline())
            secret = config.with_name("hoist.yaml.client_secret")
            assert secret.stat().st_mode & 0o777 == 0o600
            assert known["client_secret"] in secret.read_text(encoding="utf-8")
            assert known["client_secret"] not in config.read_text(encoding="utf-8")
            assert hoist("check", "--config", config).code == 0
            run = hoist("run", "--once", "--config", config)
            assert (run.code, "20 reads of tickets" in run.words, "0 writes" in run.words) == (0, True, True)
            assert hoist("status", "--config", config).code == 0
        finally:
            sandbox.terminate()
    assert sandbox.returncode == 0
    assert not Path(known["ca_file"]).exists()


def test_the_zendesk_sandbox_tells_how_to_sign_in(tmp_path: Path) -> None:
    """One line of JSON has the address and every credential; hoist works with the hoist.yaml that it writes."""
    config = tmp_path / "hoist.yaml"
    command = [*HOIST, "sandbox", "zendesk", "--tickets", "12", "--hoist-yaml", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            assert sandbox.stdout is not None
            known = json.loads(sandbox.stdout.readline())
            assert known["platform"] == "zendesk"
            assert {"url", "username", "token", "client_id", "client_secret", "refresh_token"} <= set(known)
            assert known["client_secret"] not in config.read_text(encoding="utf-8")
            assert hoist("check", "--config", config).code == 0
            run = hoist("run", "--once", "--config", config)
            assert (run.code, "12 reads of tickets" in run.words, "0 writes" in run.words) == (0, True, True)
        finally:
            sandbox.terminate()
    assert sandbox.returncode == 0


def test_the_jira_sandbox_plays_data_center(tmp_path: Path) -> None:
    """With the edition named, the line has a personal access token; hoist works with the hoist.yaml that it writes."""
    config = tmp_path / "hoist.yaml"
    command = [*HOIST, "sandbox", "jira", "--edition", "data-center", "--tickets", "12", "--hoist-yaml", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            assert sandbox.stdout is not None
            known = json.loads(sandbox.stdout.readline())
            assert (known["platform"], known["edition"]) == ("jira", "data-center")
            assert known["url"].endswith("/jira")
            assert known["token"] not in config.read_text(encoding="utf-8")
            assert hoist("check", "--config", config).code == 0
            run = hoist("run", "--once", "--config", config)
            assert (run.code, "12 reads of tickets" in run.words, "0 writes" in run.words) == (0, True, True)
        finally:
            sandbox.terminate()
    assert sandbox.returncode == 0


def test_a_platform_without_a_sandbox_is_refused_by_name() -> None:
    """Without a platform, the ones that have a sandbox are listed; one that has none is named."""
    assert "servicenow" in hoist("sandbox").words
    said = hoist("sandbox", "nosuch")
    assert said.code == 2
    assert "nosuch" in said.words


def test_a_port_that_is_in_use_is_said_in_a_sentence() -> None:
    """Starting a second sandbox on the same port is wrong use, and no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = hoist("sandbox", "jira", "--tickets", "1", "--port", taken.getsockname()[1])
    assert said.code == 2
    assert "the port is in use" in said.words
    assert "Traceback" not in said.words
