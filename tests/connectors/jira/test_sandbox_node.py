"""A client that is no Python (jira.js) takes the sandbox for Jira Cloud, where Node and it are there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from connectors.jira.sandbox import JiraSandbox
from connectors.jira.site.catalog import TEAM, account_id
from tests.connectors.sandbox_desk import CHASED, HANDED, TAKEN, Clock, desk
from tests.shared import PROJECT

NODE_MODULES = PROJECT / ".node" / "node_modules"
SCRIPT = """
const {Version3Client} = require("jira.js");
const [host, email, apiToken, anna, team] = process.argv.slice(2);
const client = new Version3Client({host, authentication: {basic: {email, apiToken}}});
(async () => {
  const me = await client.myself.getCurrentUser();
  const search = client.issueSearch;
  const asked = {jql: "project = IT ORDER BY created ASC", maxResults: 2, fields: ["summary"]};
  const first = await search.searchForIssuesUsingJqlEnhancedSearchPost(asked);
  const second = await search.searchForIssuesUsingJqlEnhancedSearchPost({...asked, nextPageToken: first.nextPageToken});
  await client.issues.editIssue({issueIdOrKey: "IT-2", fields: {priority: {id: "1"}, [team]: {id: "20001"}},
                                 update: {labels: [{add: "by-node"}]}});
  await client.issues.assignIssue({issueIdOrKey: "IT-2", accountId: anna});
  const {transitions} = await client.issues.getTransitions({issueIdOrKey: "IT-2"});
  const {id} = transitions.find(each => each.name === "In Progress");
  await client.issues.doTransition({issueIdOrKey: "IT-2", transition: {id}});
  await client.issueComments.addComment({issueIdOrKey: "IT-2", comment: "By Node"});
  await client.issueProperties.setIssueProperty({issueIdOrKey: "IT-2", propertyKey: "hoist.state", propertyValue: {step: 1}});
  const issue = await client.issues.getIssue({issueIdOrKey: "IT-2", properties: ["hoist.state"]});
  const history = await client.issues.getChangeLogs({issueIdOrKey: "IT-2"});
  const refused = await client.issues.getIssue({issueIdOrKey: "IT-99"}).then(() => "there", error => error.status);
  console.log(JSON.stringify({
    me: me.accountId, pages: [first, second].map(page => page.issues.length), last: second.isLast ?? null,
    priority: issue.fields.priority.name, team: issue.fields[team].value, labels: issue.fields.labels,
    assignee: issue.fields.assignee.accountId, status: issue.fields.status.name, property: issue.properties,
    said: issue.fields.comment.comments[0].body.content[0].content[0].text, saves: history.total, refused,
  }));
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_a_client_that_is_no_python(tmp_path: Path) -> None:
    """jira.js searches over pages, edits, assigns, moves along the workflow, comments in documents and is refused."""
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "jira.js").is_dir():
        pytest.skip("THE SANDBOX IS NOT COMPARED WITH jira.js: npm install --prefix .node jira.js")
    sandbox = JiraSandbox(clock=Clock(), history=desk(TAKEN, HANDED, CHASED))
    script = tmp_path / "client.js"
    script.write_text(SCRIPT, encoding="utf-8")
    with sandbox.serve():
        known = sandbox.credentials()
        ran = subprocess.run(
            [node, str(script), known["url"], known["username"], known["token"], account_id("anna"), TEAM],
            env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        me = sandbox._site.catalog.agent.id
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["me"], told["pages"], told["last"]) == (me, [2, 1], True)
    assert (told["priority"], told["team"], told["labels"]) == ("Highest", "Network Operations", ["by-node"])
    assert (told["assignee"], told["status"], told["said"]) == (account_id("anna"), "In Progress", "By Node")
    assert (told["property"], told["saves"], told["refused"]) == ({"hoist.state": {"step": 1}}, 3, 404)
