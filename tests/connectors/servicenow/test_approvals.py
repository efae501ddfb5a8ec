"""Who is to approve a change: known where the instance shows approvals, unknown where it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.servicenow.sandbox import Policies
from rules.instants import MINUTE
from tests.connectors.servicenow.beside import Beside

Make = Callable[..., Beside]
TABLE = "sysapproval_approver"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Sets up an instance whose changes are read as well, with a connector beside it."""
    with ExitStack() as open_:
        yield lambda **how: Beside(open_, tmp_path, tables=["incident", "change_request"], **how)


def asked(it: Beside, change: str, person: str) -> str:
    """Somebody is asked to approve; the approval's sys_id."""
    values = {"sysapproval": change, "approver": person, "state": "requested", "source_table": "change_request"}
    return str(it.person("POST", f"table/{TABLE}", values)["result"]["sys_id"])


def a_change(it: Beside) -> str:
    return it.incident("change_request", approval="requested", caller_id="")


def test_those_whose_approval_is_waited_for(make: Make) -> None:
    """Rules can tell exactly those on whom a change hangs, and whoever has answered is left alone."""
    it = make()
    change = a_change(it)
    first = asked(it, change, it.anna)
    asked(it, change, it.chloe)
    it.run()
    found = it.mirror.tickets[change].fields
    assert (found["approval"], found["approver"]) == ("waiting", tuple(sorted([it.anna, it.chloe])))
    it.person("PATCH", f"table/{TABLE}/{first}", {"state": "approved"})
    assert it.read(change).fields["approver"] == (it.chloe,)


def test_an_answer_is_noticed_although_the_change_was_not_touched(make: Make) -> None:
    """An approval that is given does not move the stamp of its change; the next run sees it all the same, and only once."""
    it = make()
    change = a_change(it)
    approval = asked(it, change, it.anna)
    it.clock.pass_(10 * MINUTE)
    it.run()
    it.clock.pass_(10 * MINUTE)
    assert it.run() == []
    it.person("PATCH", f"table/{TABLE}/{approval}", {"state": "rejected"})
    assert it.run() == [change]
    assert it.mirror.tickets[change].fields["approver"] == ()
    assert it.run() == []


def test_where_approvals_are_hidden_nobody_is_taken_for_nobody(make: Make) -> None:
    """An instance that does not show approvals leaves the approver unknown, and everything else is read."""
    it = make(policies=Policies(withheld=(f"read {TABLE}",)))
    change = a_change(it)
    asked(it, change, it.anna)
    it.run()
    found = it.mirror.tickets[change].fields
    assert found["approval"] == "waiting"
    assert "approver" not in found


def test_a_source_of_incidents_alone_asks_for_no_approvals(make: Make) -> None:
    """What nobody approves costs no request, and a rule that asks for approvers of incidents is refused when it is loaded."""
    it = make()
    assert "approver" in it.hoist.capabilities.reads
    incidents = it.connect(tables=["incident"])
    assert "approver" not in incidents.capabilities.reads
    assert "approver" not in it.connect(approvals=False).capabilities.reads
    ticket = it.incident()
    it.site.calls.clear()
    incidents.read([ticket])
    assert not any(TABLE.encode() in body or TABLE in path for _, path, _, body in it.site.calls)
