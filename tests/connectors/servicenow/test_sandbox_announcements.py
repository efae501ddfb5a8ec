"""Saves that the sandbox's instance announces, as hoist's business rule does: signed, tried again, understood by hoist."""

from __future__ import annotations

from base64 import b64encode

from connectors.sandboxes.server import serving
from connectors.servicenow.sandbox import ServiceNowSandbox
from connectors.servicenow.webhook import Webhook
from connectors.webhooks import NotVerified
from tests.connectors.jira.test_sandbox_webhooks import Receiver
from tests.connectors.sandbox_desk import HANDED, START, TAKEN, Clock, desk
from tests.connectors.servicenow.sandbox_caller import Caller

KEY = b64encode(b"k" * 32).decode()


def test_each_save_is_announced_until_it_is_taken() -> None:
    """A save is told by table and sys_id, without any text, and again until it is taken, signed anew each time."""
    receiver, sandbox = Receiver([503, 500]), ServiceNowSandbox(clock=Clock(), history=desk(TAKEN, HANDED))
    with serving(receiver.take, 0) as server, sandbox.serve():
        sandbox.announce_to(f"{server.url}/hook", KEY)
        id_ = sandbox.issue_id("T1")
        Caller(sandbox)("PATCH", f"table/incident/{id_}", {"short_description": "Other"})
        assert sandbox.settle()
    assert len(receiver.got) == 3
    verifier = Webhook((KEY,), ("incident",))
    told = [verifier.verify(headers, body) for headers, body in receiver.got]
    assert {each.tickets for each in told} == {(id_,)}
    assert len({each.names for each in told}) == 1
    assert all(abs(each.at - START) < 1_000 for each in told)
    assert all(b"Other" not in body for _, body in receiver.got)


def test_what_is_signed_by_others_is_told_apart() -> None:
    """Announcements that come twice are known by their event, those under another key are believed by nobody."""
    faults = {"webhook-twice": 0.5, "webhook-bad-signature": 0.3}
    receiver, sandbox = Receiver(), ServiceNowSandbox(clock=Clock(), history=desk(TAKEN, HANDED), faults=faults)
    with serving(receiver.take, 0) as server, sandbox.serve():
        sandbox.announce_to(f"{server.url}/hook", KEY)
        for number in range(10):
            Caller(sandbox)("PATCH", f"table/incident/{sandbox.issue_id('T1')}", {"short_description": f"Other {number}"})
        assert sandbox.settle()
    names, refused = [], 0
    for headers, body in receiver.got:
        try:
            names.append(Webhook((KEY,), ("incident",)).verify(headers, body).names)
        except NotVerified:
            refused += 1
    assert 0 < refused < len(receiver.got)
    assert len(set(names)) < len(names)
