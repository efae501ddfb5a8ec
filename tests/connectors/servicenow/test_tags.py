"""Tags beside an update: rows of their own, which the instance may refuse or lose by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.sandboxes.answer import Answer
from connectors.servicenow.sandbox import Policies
from connectors.servicenow.tags import is_left
from rules.escalation import Operation
from tests.connectors.servicenow.beside import Beside

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Beside]:
    """An instance with two tags for all to see, and a connector beside it."""
    with ExitStack() as open_:
        beside = Beside(open_, tmp_path)
        for name in ("lifted", "urgent-call"):
            beside.person("POST", "table/label", {"name": name, "global": "true", "viewable_by": "everyone"}, "admin")
        yield beside


def raised(it: Beside, ticket: str, *labels: str) -> Operation:
    return it.fields(ticket, ("team", it.desk, it.network), add_labels=labels)


def tags_of(it: Beside, ticket: str) -> list[str]:
    return [row["label.name"] for row in it.rows("label_entry", f"table_key={ticket}", sysparm_fields="label.name")]


def answering(it: Beside, method: str, table: str, answer: Answer, *, times: int = 1) -> list[Answer]:
    """Answer the first calls of hoist's on a table in this way, without doing anything; the answers that are left."""
    left = [answer] * times
    it.site.instead = lambda how, path: left.pop() if how == method and table in path and left else None
    return left


def part(status: int) -> Answer:
    """What a part of a batch is answered whose time had not come."""
    return Answer(status, JSON, b"" if status == 202 else b'{"error":{"message":"busy"}}')


def test_a_tag_that_the_batch_did_not_come_to_follows(tmp_path: Path) -> None:
    """A batch that ran out of time after the update leaves no tag behind: it follows alone, and nothing is parked."""
    with ExitStack() as open_:
        it = Beside(open_, tmp_path, faults={"batch-unserviced": 1.0})
        it.person("POST", "table/label", {"name": "lifted", "global": "true", "viewable_by": "everyone"}, "admin")
        ticket = it.incident()
        operation = raised(it, ticket, "lifted")
        it.hoist.write(operation)
        found = it.hoist.verify(operation)
        assert (found.found, found.problems) == (True, ())
        assert tags_of(it, ticket) == ["lifted"]


@pytest.mark.parametrize(("status", "left"), [(201, False), (204, False), (403, False), (202, True), (429, True), (503, True)])
def test_which_parts_of_a_batch_are_sent_again(status: int, left: bool) -> None:
    """A tag whose part of a batch was dropped, put off or failed is sent again; one put on, or refused for good, is not."""
    assert is_left({"id": "1", "status_code": status}) is left


@pytest.mark.parametrize("status", [429, 500, 202])
def test_a_tag_that_was_refused_for_the_moment_is_sent_again(it: Beside, status: int) -> None:
    """An instance that had no time for one of two tags gets it once more, and neither twice."""
    ticket = it.incident()
    operation = raised(it, ticket, "lifted", "urgent-call")
    hoist = it.connect(batch="no")
    unused = answering(it, "POST", "label_entry", part(status))
    hoist.write(operation)
    assert not unused
    found = hoist.verify(operation)
    assert (found.found, found.problems) == (True, ())
    assert sorted(tags_of(it, ticket)) == ["lifted", "urgent-call"]


def test_a_tag_whose_answer_was_lost_is_not_put_on_twice(it: Beside) -> None:
    """The tag was put on, and the answer says that it failed: hoist looks before it sends it again."""
    ticket = it.incident()
    operation = raised(it, ticket, "lifted")
    label = it.rows("label", "name=lifted")[0]["sys_id"]

    def instead(method: str, path: str) -> Answer | None:
        if method != "POST" or "label_entry" not in path:
            return None
        it.site.instead = None
        it.person("POST", "table/label_entry", {"label": label, "table": "incident", "table_key": ticket}, "admin")
        return part(500)

    it.site.instead = instead
    it.connect(batch="no").write(operation)
    assert it.hoist.verify(operation).problems == ()
    assert tags_of(it, ticket) == ["lifted"]


def test_tags_are_not_sent_again_unseen(it: Beside) -> None:
    """Where nobody can tell for a moment which tags are there, hoist waits with the one in doubt, and puts none on twice."""
    ticket = it.incident()
    operation = raised(it, ticket, "lifted", "urgent-call")
    seen: list[str] = []

    def instead(method: str, path: str) -> Answer | None:
        if "label_entry" in path:
            seen.append(method)
            return (
                part(500)
                if seen.count("POST") == 1 and method == "POST"
                else Answer(403, JSON, b"{}")
                if len(seen) == 4
                else None
            )
        return None

    it.site.instead = instead
    it.connect(batch="no").write(operation)
    it.site.instead = None
    assert seen[:4] == ["GET", "POST", "POST", "GET"]
    assert sorted(tags_of(it, ticket)) == ["lifted", "urgent-call"]


def test_a_tag_for_which_there_is_never_time_is_named(it: Beside) -> None:
    """An instance that never has time for a tag does not keep hoist for ever: the update stands, and the tag is named."""
    ticket = it.incident()
    operation = raised(it, ticket, "lifted")
    answering(it, "POST", "label_entry", part(500), times=99)
    it.connect(batch="no").write(operation)
    found = it.hoist.verify(operation)
    assert found.found is True
    assert "the tag lifted is not on the ticket" in found.problems[0]


def test_a_tag_that_may_not_be_put_on_is_named(tmp_path: Path) -> None:
    """Where hoist may not tag, the ticket is moved all the same, and what is missing is said."""
    with ExitStack() as open_:
        it = Beside(open_, tmp_path, policies=Policies(withheld=("write label_entry", "create label_entry")))
        it.person("POST", "table/label", {"name": "lifted", "global": "true", "viewable_by": "everyone"}, "admin")
        ticket = it.incident()
        operation = raised(it, ticket, "lifted")
        it.hoist.write(operation)
        found = it.hoist.verify(operation)
        assert it.read(ticket).fields["team"] == it.network
    assert found.found is True
    assert "the tag lifted is not on the ticket" in found.problems[0]
