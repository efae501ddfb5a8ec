"""An independent client (zenpy) takes the sandbox for a Zendesk account, over real https; so does node-zendesk, where Node is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.sandboxes.made_up import made_up
from connectors.zendesk.sandbox import PLANS, Plan, Terms, ZendeskSandbox
from rules.instants import DAY, MINUTE
from tests.connectors.sandbox_desk import START, Clock, desk
from tests.shared import PROJECT

zenpy = pytest.importorskip("zenpy", reason="THE SANDBOX IS NOT COMPARED WITH AN INDEPENDENT CLIENT: zenpy is not installed")
objects: Any = pytest.importorskip("zenpy.lib.api_objects", reason="zenpy is not installed")
errors: Any = pytest.importorskip("zenpy.lib.exception", reason="zenpy is not installed")

NODE_MODULES = PROJECT / ".node" / "node_modules"


def client_of(sandbox: ZendeskSandbox, **more: object) -> Any:
    known = sandbox.credentials()
    session = requests.Session()
    session.verify = known["ca_file"]
    session.trust_env = False
    port = known["url"].rpartition(":")[2]
    given = {"email": known["username"], "token": known["token"], **more}
    return zenpy.Zenpy(domain=f"1:{port}", subdomain="127.0.0", session=session, disable_cache=True, **given)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def sandbox(clock: Clock) -> Iterator[ZendeskSandbox]:
    sandbox = ZendeskSandbox(clock=clock, history=made_up(120, 1, START, DAY))
    with sandbox.serve(tls=True):
        yield sandbox


@pytest.fixture(scope="module")
def client(sandbox: ZendeskSandbox) -> Any:
    return client_of(sandbox)


def an_open_one(client: Any) -> Any:
    return next(ticket for ticket in client.search("status<solved", type="ticket"))


def test_connects(client: Any, sandbox: ZendeskSandbox) -> None:
    """A client learns who it is, with an API token and with an access token."""
    assert client.users.me().id == sandbox.user_id()
    access = {"oauth_token": sandbox.granted()[0], "email": None, "token": None}
    assert client_of(sandbox, **access).users.me().id == sandbox.user_id()


def test_follows_the_cursor_export(client: Any) -> None:
    """Its generator yields every ticket once, and keeps the last cursor."""
    found = client.tickets.incremental(start_time=0, paginate_by_time=False, per_page=50)
    assert sorted(ticket.id for ticket in found) == list(range(1, 121))
    assert found.after_cursor


def test_follows_the_events(client: Any) -> None:
    """Events come with the comments inside them."""
    events = list(client.tickets.events(start_time=0, include=["comment_events"]))
    assert {event.ticket_id for event in events} == set(range(1, 121))


def test_lists_and_reads(client: Any) -> None:
    """Tickets, comments, audits, metrics, groups, users and custom statuses are read as what they are."""
    ticket = client.tickets(id=1)
    assert ticket.requester.name
    assert ticket.group.name
    assert [audit.ticket_id for audit in client.tickets.audits(ticket=1)].count(1) >= 1
    assert next(iter(client.tickets.comments(ticket=1))).public
    assert client.tickets.metrics(1).ticket_id == 1
    assert len(list(client.groups())) == 8
    assert len({user.id for user in client.users(role="agent")}) == 39


def test_searches(client: Any) -> None:
    """What search finds is what was asked for; the export of a search pages by cursor."""
    found = list(client.search("status:closed", type="ticket"))
    assert found
    assert {ticket.status for ticket in found} == {"closed"}


def test_updates_comments_and_reads_the_audit(client: Any, sandbox: ZendeskSandbox) -> None:
    """A changed field and an internal comment are one audit."""
    ticket = an_open_one(client)
    ticket.priority = "urgent" if ticket.priority != "urgent" else "high"
    ticket.comment = objects.Comment(body="By a client", public=False)
    answer = client.tickets.update(ticket)
    assert answer.ticket.priority == ticket.priority
    assert answer.audit.author_id == sandbox.user_id()
    assert not list(client.tickets.comments(ticket=ticket.id))[-1].public


def test_a_safe_update_of_an_older_ticket_fails(client: Any, clock: Clock) -> None:
    """The client sees the conflict as an error."""
    ticket = an_open_one(client)
    clock.pass_(MINUTE)
    other = client.tickets(id=ticket.id)
    other.subject = "Changed meanwhile"
    client.tickets.update(other)
    ticket.subject = "Too late"
    ticket.safe_update, ticket.updated_stamp = True, ticket.updated_at
    with pytest.raises(errors.APIException, match="UpdateConflict"):
        client.tickets.update(ticket)


def test_updates_many_as_a_job(client: Any) -> None:
    """The client follows the job to its end."""
    tickets = [client.tickets(id=ticket.id) for ticket in list(client.search("status<solved", type="ticket"))[:3]]
    for ticket in tickets:
        ticket.tags = [*ticket.tags, "by-a-job"]
    job = client.tickets.update(tickets)
    while job.status != "completed":
        job = client.job_status(id=job.id)
    assert all(row.success for row in job.results)
    assert "by-a-job" in client.tickets(id=tickets[0].id).tags


def test_tags_have_verbs_of_their_own(client: Any) -> None:
    """Add, replace and remove."""
    id_ = an_open_one(client).id
    client.tickets.add_tags(id_, ["one", "two"])
    assert {"one", "two"} <= set(client.tickets(id=id_).tags)
    client.tickets.delete_tags(id_, ["one"])
    assert "one" not in client.tickets(id=id_).tags
    client.tickets.set_tags(id_, ["three"])
    assert client.tickets(id=id_).tags == ["three"]


def test_creates_and_deletes(client: Any) -> None:
    """A new ticket is there until it is deleted."""
    made = client.tickets.create(objects.Ticket(subject="New", description="By a client"))
    assert client.tickets(id=made.ticket.id).subject == "New"
    client.tickets.delete(made.ticket)
    with pytest.raises(errors.RecordNotFoundException):
        client.tickets(id=made.ticket.id)


def test_waits_where_a_limit_is_used_up() -> None:
    """A 429 makes the client wait as long as it is told, and go on."""
    clock = Clock()
    terms = Terms(plan=Plan(5))
    assert terms.plan != PLANS["enterprise"]
    sandbox = ZendeskSandbox(clock=clock, history=made_up(3, 1, START, DAY), terms=terms)
    with sandbox.serve(tls=True):
        client = client_of(sandbox)
        clock_of_waits: list[float] = []

        def waited(seconds: float) -> None:
            clock_of_waits.append(seconds)
            clock.pass_(round(seconds * 1_000) + 1_000)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("zenpy.lib.api.sleep", waited)
            assert {client.users.me().id for _ in range(7)} == {sandbox.user_id()}
        assert sum(clock_of_waits) >= 60


SCRIPT = """
const zendesk = require("node-zendesk");
const [url, username, token] = process.argv.slice(2);
const client = zendesk.createClient({username, token, subdomain: "x", endpointUri: url + "/api/v2"});
(async () => {
  const {result: me} = await client.users.me();
  const exported = (await client.tickets.incremental("0")).flat(9).map(each => each.id);
  const comment = {body: "By Node", public: false};
  const {result: ticket} = await client.tickets.update(1, {ticket: {tags: ["by-node"], comment}});
  const {result: found} = await client.search.query("type:ticket tags:by-node");
  await client.tickets.addTags(1, {tags: ["more"]});
  const {result: after} = await client.tickets.show(1);
  const stale = {safe_update: true, updated_stamp: "2020-01-01T00:00:00Z", subject: "Too late"};
  const refused = await client.tickets.update(1, {ticket: stale}).then(() => "taken", error => error.message);
  const {result: many} = await client.tickets.updateMany([2, 3], {ticket: {additional_tags: ["by-a-job"]}});
  let job = (many.job_status ?? many);
  for (let look = 0; look < 9 && job.status !== "completed"; look++) {
    const {result} = await client.jobstatuses.show(job.id);
    job = result.job_status ?? result;
  }
  const audits = await client.ticketaudits.list(1);
  console.log(JSON.stringify({
    me: me.id, tags: ticket.tags, found: found.map(each => each.id), after: after.tags, refused,
    rows: job.results.map(each => each.success), audits: audits.length, exported: exported.length,
  }));
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_a_client_that_is_no_python(tmp_path: Path) -> None:
    """node-zendesk reads, exports, updates one and many, is refused and searches, where Node and it are there."""
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "node-zendesk").is_dir():
        pytest.skip("THE SANDBOX IS NOT COMPARED WITH node-zendesk: npm install --prefix .node node-zendesk")
    sandbox = ZendeskSandbox(clock=Clock(), history=desk())
    script = tmp_path / "client.js"
    script.write_text(SCRIPT, encoding="utf-8")
    with sandbox.serve():
        known = sandbox.credentials()
        ran = subprocess.run(
            [node, str(script), known["url"], known["username"], known["token"]],
            env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["me"], told["tags"], told["found"]) == (sandbox.user_id(), ["by-node"], [1])
    assert told["after"] == ["by-node", "more"]
    assert "(409)" in told["refused"]
    assert told["rows"] == [True, True]
    assert (told["audits"], told["exported"]) == (3, 3)
