"""The program as it is started, and a helpdesk that calls it: what happens there is acted on at once."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from connectors.zendesk.webhook import TEST_SECRET
from tests.agent.command_line import HOIST
from tests.agent.hooks.stage import Desk, desk

LONG = 60
"""Seconds after which something never comes."""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def test_a_change_is_acted_on_without_waiting_for_a_poll(it: Desk) -> None:
    """A ticket that becomes urgent is escalated at once, though hoist polls twice a day only."""
    with it.running() as (hoist, url):
        hoist.wait_until_it_logs("hoist runs")
        it.call_at(f"{url}/hooks/zen")
        ticket = it.ticket()
        it.make_urgent(ticket)
        assert it.sandbox.written.acquire(timeout=LONG)
        assert it.lifted(ticket)
        metrics = requests.get(f"{url}/metrics", timeout=LONG).text
        assert 'hoist_webhook_calls_total{outcome="accepted",source="zen"}' in metrics
        assert requests.get(f"{url}/healthz", timeout=LONG).json() == {"healthy": True, "troubles": []}


def test_what_was_answered_survives_a_kill(it: Desk) -> None:
    """hoist is killed (SIGKILL) right after it has answered; started anew, it acts on what it was told."""
    with it.running() as (hoist, url):
        hoist.wait_until_it_logs("hoist runs")
        ticket = it.ticket()
        it.sandbox.holds_reads.set()  # what it was told is answered, and can't be read yet
        it.call_at(f"{url}/hooks/zen")
        it.make_urgent(ticket)
        assert it.sandbox.settle(LONG)
        hoist.process.kill()
        hoist.process.wait()
    it.sandbox.holds_reads.clear()
    assert not it.lifted(ticket)
    with it.running():
        assert it.sandbox.written.acquire(timeout=LONG)
    assert it.lifted(ticket)


def test_strangers_and_repeats_change_nothing(tmp_path: Path) -> None:
    """A storm with deliveries that come twice, late or under another secret: one escalation, and each call is counted."""
    with desk(tmp_path, webhook_twice=0.4, webhook_late=0.3, webhook_bad_signature=0.2) as it, it.running() as (hoist, url):
        hoist.wait_until_it_logs("hoist runs")
        it.call_at(f"{url}/hooks/zen")
        ticket = it.ticket()
        it.make_urgent(ticket)
        for number in range(20):
            it.ask("PUT", f"tickets/{ticket}", {"ticket": {"comment": {"body": f"Any news? {number}", "public": False}}})
        assert it.sandbox.written.acquire(timeout=LONG)
        assert it.sandbox.settle(LONG)
        metrics = requests.get(f"{url}/metrics", timeout=LONG).text
    for outcome in ("accepted", "duplicate", "bad_signature"):
        assert f'hoist_webhook_calls_total{{outcome="{outcome}",source="zen"}}' in metrics
    marked = [each for each in it.ask("GET", f"tickets/{ticket}/audits")["audits"] if each["metadata"]["custom"].get("hoist")]
    assert len(marked) == 1


def test_a_secret_that_is_missing_is_said_before_anything_runs(it: Desk) -> None:
    """Without its secret a webhook could believe nobody: hoist says where it is to be, and how to get it."""
    (it.folder / "hook-secret").unlink()
    for said, code in ((it.hoist("run", "--once"), 2), (it.hoist("check"), 1)):
        assert said.code == code
        assert "zen: webhook: the secret's file" in said.words
        assert "hoist install zen" in said.words


def test_the_secret_that_zendesk_publishes_opens_no_door(it: Desk) -> None:
    """The secret for tests, which everybody knows, is refused when hoist starts."""
    it.keep("hook-secret", TEST_SECRET)
    said = it.hoist("run", "--once")
    assert said.code == 2
    assert "anybody can sign with it" in said.words


def test_an_address_in_use_is_said(it: Desk) -> None:
    """A port that somebody else has is named, and hoist does not run half."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        it.hooks = {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}
        it.write()
        with subprocess.Popen([*HOIST, "run", "--config", str(it.config)], stderr=subprocess.PIPE, text=True) as process:
            _, said = process.communicate(timeout=LONG)
    assert process.returncode == 2
    assert "hooks.listen" in said
    assert "Traceback" not in said
