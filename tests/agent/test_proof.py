"""The check of the demo is checked itself: whatever is tampered with must be found, and named by its ticket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from rich.console import Console

from agent.demo.command import MADE_UP_START, play
from agent.demo.evidence import Evidence, gathered
from agent.demo.organisation import dressed
from agent.demo.proof import prove
from agent.demo.stage import Stage, set_up
from agent.store.episodes import EpisodeRow
from agent.store.states import RowState
from agent.store.waiting import WaitingRow
from connectors.jira.sandbox import made_up
from connectors.sandboxes.record import FoundComment, FoundSave
from rules.escalation import FiringKey
from rules.instants import HOUR, MINUTE, SECOND

RULES = """\
rules:
  - rule: nobody
    when: {status: [new, open], assignee: nobody}
    for: 20 minutes
    do:
      - escalate: it-support
      - label: lifted
      - comment: "Without an owner for {held}. Moved to {team}."
    repeat: {every: 30 minutes, at_most: 2}
  - rule: second-line-has-it
    when: {status: [new, open], team: second-line}
    for: 15 minutes
    do:
      - raise_priority: 1
"""


@contextmanager
def played(folder: Path, tickets: int, length: int) -> Iterator[Stage]:
    """A demo that was played to its end."""
    (folder / "rules.yaml").write_text(RULES, encoding="utf-8")
    history = dressed(made_up(tickets, 3, MADE_UP_START, length))
    with set_up(folder, {"jira": history}, MADE_UP_START, folder / "rules.yaml") as stage:
        stage.app.start()
        play(stage, MADE_UP_START, MADE_UP_START + length, Console(quiet=True))
        yield stage


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """What a demo of some hours left behind; each test tampers with a copy."""
    with played(tmp_path_factory.mktemp("demo"), tickets=150, length=6 * HOUR) as stage:
        return seen(stage)


def seen(stage: Stage) -> Evidence:
    """What the check looks at, of the only helpdesk."""
    ((pipeline, sandbox),) = stage.desks()
    return gathered(stage, pipeline, sandbox)[0]


def key_of(evidence: Evidence, ticket: str) -> str:
    return next(t.key for t in evidence.tickets if t.ref.id == ticket)


def only_about(evidence: Evidence, ticket: str, sentence: str) -> None:
    """The check names this ticket, with this sentence among what it says, and no other ticket."""
    found = prove(evidence).mismatches
    assert found, "nothing was noticed"
    assert all(mismatch.startswith(f"{key_of(evidence, ticket)}: ") for mismatch in found), found
    assert any(sentence in mismatch for mismatch in found), found


def with_a_move(evidence: Evidence) -> FoundSave:
    """The first save by hoist that gave a ticket to another team."""
    return next(save for save in evidence.saves if any(item[0] == "team" for item in save.items))


def comments_without(evidence: Evidence, comment: FoundComment, *instead: FoundComment) -> Evidence:
    return replace(evidence, comments=[c for c in evidence.comments if c is not comment] + list(instead))


def saves_without(evidence: Evidence, save: FoundSave, *instead: FoundSave) -> Evidence:
    saves = [s for s in evidence.saves if s is not save]
    return replace(evidence, saves=sorted([*saves, *instead], key=lambda s: s.at))


def row_of(evidence: Evidence, comment: FoundComment) -> WaitingRow:
    return next(row for row in evidence.rows if evidence.mark[str(row.key)] in comment.firings)


def test_an_honest_demo_agrees_one_by_one(honest: Evidence) -> None:
    """Without tampering there is no mismatch; and there was something to compare: moves, labels, priorities, reminders."""
    proof = prove(honest)
    assert proof.mismatches == []
    assert proof.found == proof.expected > 10
    written = {item[0] for save in honest.saves for item in save.items}
    assert {"team", "labels", "priority"} <= written
    assert {row.key.step for row in honest.rows if row.state is RowState.APPLIED} == {0, 1, 2}
    assert any(row.backlog for row in honest.episodes)


def test_a_lost_comment_is_noticed(honest: Evidence) -> None:
    """An escalation whose comment is not in the helpdesk is named."""
    comment = honest.comments[3]
    only_about(comments_without(honest, comment), comment.issue, "written 0 times, expected 1")


def test_a_comment_written_twice_is_noticed(honest: Evidence) -> None:
    """The same escalation noted twice is named."""
    comment = honest.comments[3]
    only_about(comments_without(honest, comment, comment, comment), comment.issue, "written 2 times, expected 1")


def test_a_comment_that_the_requester_can_read_is_noticed(honest: Evidence) -> None:
    """hoist's comments are internal; one that is not is named."""
    comment = honest.comments[0]
    found = comments_without(honest, comment, replace(comment, public=True))
    only_about(found, comment.issue, "can be read by the requester")


@pytest.mark.parametrize("text", ["", "Something else", "Without an owner for 3 hours. Moved to second-line."])
def test_other_words_are_noticed(honest: Evidence, text: str) -> None:
    """A comment must say what its firings say."""
    comment = honest.comments[0]
    only_about(comments_without(honest, comment, replace(comment, text=text)), comment.issue, "says")


def test_a_comment_at_another_time_is_noticed(honest: Evidence) -> None:
    """A comment is written at the read that confirmed it, not an hour later."""
    comment = honest.comments[0]
    only_about(comments_without(honest, comment, replace(comment, at=comment.at + HOUR)), comment.issue, "says")


def test_a_comment_on_another_ticket_is_noticed(honest: Evidence) -> None:
    """An escalation noted on the wrong ticket is named for both."""
    comment = honest.comments[0]
    other = next(t.ref.id for t in honest.tickets if t.ref.id not in {c.issue for c in honest.comments})
    found = prove(comments_without(honest, comment, replace(comment, issue=other))).mismatches
    assert {mismatch.split(":")[0] for mismatch in found} == {key_of(honest, comment.issue), key_of(honest, other)}


def test_an_escalation_that_should_not_be_is_noticed(honest: Evidence) -> None:
    """A comment by hoist's account that no rule asked for is named, with a marker or without one."""
    quiet = next(t.ref.id for t in honest.tickets if t.ref.id not in {c.issue for c in honest.comments})
    at = honest.until - MINUTE
    for firings, sentence in ((("f" * 32,), "unknown marker"), ((), "names no firing")):
        stranger = FoundComment(quiet, at, firings, public=False, text="Moved.")
        only_about(replace(honest, comments=[*honest.comments, stranger]), quiet, sentence)


def test_a_write_without_an_escalation_is_noticed(honest: Evidence) -> None:
    """A ticket that hoist's account moved without a rule is named, whatever field it was."""
    quiet = next(t.ref.id for t in honest.tickets if t.ref.id not in {c.issue for c in honest.comments})
    for item in ((with_a_move(honest).items[0]), ("status", "1", "5"), ("labels", "", "stray")):
        stray = FoundSave(quiet, honest.until - MINUTE, (item,))
        only_about(saves_without(honest, stray, stray), quiet, "expected none")


def test_a_wrong_value_is_noticed(honest: Evidence) -> None:
    """Another team than the next tier's is named."""
    save = with_a_move(honest)
    wrong = tuple((name, old, "99999" if name == "team" else new) for name, old, new in save.items)
    only_about(saves_without(honest, save, replace(save, items=wrong)), save.issue, "values written")


def test_a_wrong_former_value_is_noticed(honest: Evidence) -> None:
    """A write over a value that was not the one read (a person's, between read and write) is named."""
    save = with_a_move(honest)
    wrong = tuple((name, "99999" if name == "team" else old, new) for name, old, new in save.items)
    only_about(saves_without(honest, save, replace(save, items=wrong)), save.issue, "values written")


def test_a_missing_write_is_noticed(honest: Evidence) -> None:
    """A note without the move that it speaks of is named."""
    save = with_a_move(honest)
    only_about(saves_without(honest, save), save.issue, "values written")


@pytest.mark.parametrize("labels", [None, "", "lifted extra", "other"])
def test_wrong_labels_are_noticed(honest: Evidence, labels: str | None) -> None:
    """A label that was not added, or another one, is named."""
    save = next(s for s in honest.saves if any(name == "labels" for name, _, _ in s.items))
    items = [item for item in save.items if item[0] != "labels"]
    changed = replace(save, items=(*items, *([("labels", "", labels)] if labels is not None else [])))
    only_about(saves_without(honest, save, changed), save.issue, "values written")


def test_a_label_taken_away_is_noticed(honest: Evidence) -> None:
    """hoist only adds labels; a save that removes somebody's is named."""
    save = next(s for s in honest.saves if any(name == "labels" for name, _, _ in s.items))
    items = tuple((name, "theirs", new) if name == "labels" else (name, old, new) for name, old, new in save.items)
    only_about(saves_without(honest, save, replace(save, items=items)), save.issue, "values written")


def test_an_escalation_that_was_never_decided_is_noticed(honest: Evidence) -> None:
    """Where hoist noted that a rule became true and decided nothing, the ticket is named."""
    comment = next(c for c in honest.comments if len(c.firings) == 1 and row_of(honest, c).key.step == 0)
    row = row_of(honest, comment)
    found = replace(comments_without(honest, comment), rows=[r for r in honest.rows if r is not row])
    only_about(found, comment.issue, "nothing was decided about writing it")


def test_an_escalation_that_nobody_noticed_is_noticed(honest: Evidence) -> None:
    """Where hoist has no trace at all of a rule that was true, the ticket is named."""
    issue = acted_upon(honest).ticket
    found = replace(
        honest,
        comments=[c for c in honest.comments if c.issue != issue],
        rows=[r for r in honest.rows if r.key.ticket != issue],
        episodes=[e for e in honest.episodes if e.ticket != issue],
    )
    only_about(found, issue, "hoist never noticed")


def acted_upon(evidence: Evidence) -> EpisodeRow:
    """An episode that was escalated."""
    return next(e for e in evidence.episodes if e.rule == "nobody" and not e.backlog and e.last.applied_at is not None)


def test_a_reminder_that_was_never_decided_is_noticed(honest: Evidence) -> None:
    """Where a rule with `repeat` stays true and the next reminder is missing, the ticket is named."""
    comment = next(c for c in honest.comments if len(c.firings) == 1 and row_of(honest, c).key.step == 2)
    key = row_of(honest, comment).key
    found = replace(
        comments_without(honest, comment),
        rows=[r for r in honest.rows if r.key != key],
        episodes=[
            replace(e, firings=e.firings[:-1]) if (e.ticket, e.rule, e.number) == (key.ticket, key.rule, key.episode) else e
            for e in honest.episodes
        ],
        saves=[s for s in honest.saves if (s.issue, s.at) != (comment.issue, comment.at)],
    )
    only_about(found, comment.issue, "nobody: reminder 2 of 2 was due at")


def test_older_tickets_that_were_acted_upon_are_noticed(honest: Evidence) -> None:
    """A ticket that was in that state before the rule went live is left alone; writing to it is named."""
    row = next(e for e in honest.episodes if e.backlog and e.rule == "nobody")
    at = honest.ruling.activated["nobody"] + 10 * SECOND
    key = FiringKey("jira-cloud", row.ticket, row.rule, row.number, 0)
    waiting = WaitingRow(9999, key, RowState.APPLIED, at, at, at, 0, 1, at, at, None, 0, (), "")
    mark = "e" * 32
    comment = FoundComment(row.ticket, at, (mark,), public=False, text="Moved.")
    written = replace(
        honest,
        comments=[*honest.comments, comment],
        rows=[*honest.rows, waiting],
        mark={**honest.mark, str(key): mark},
    )
    only_about(written, row.ticket, "written 1 times, expected 0")
    acted = replace(written, episodes=[replace(e, backlog=False) if e is row else e for e in honest.episodes])
    only_about(acted, row.ticket, "before the rule went live, and was acted upon")


def test_new_tickets_taken_for_old_ones_are_noticed(honest: Evidence) -> None:
    """A ticket that got into that state after the rule went live is not to be left alone."""
    row = acted_upon(honest)
    found = replace(
        honest,
        episodes=[replace(e, backlog=True) if e is row else e for e in honest.episodes],
        rows=[r for r in honest.rows if r.key.ticket != row.ticket],
        comments=[c for c in honest.comments if c.issue != row.ticket],
    )
    only_about(found, row.ticket, "was left alone as if it were older")


def test_an_escalation_that_was_dropped_though_it_was_true_is_noticed(honest: Evidence) -> None:
    """Claiming that it was no longer true does not help where the history shows that it was."""
    comment = next(c for c in honest.comments if len(c.firings) == 1 and row_of(honest, c).key.step == 0)
    row = row_of(honest, comment)
    found = replace(
        comments_without(honest, comment),
        rows=[replace(r, state=RowState.SUPERSEDED) if r is row else r for r in honest.rows],
    )
    only_about(found, comment.issue, "written 0 times, expected 1")


def test_an_escalation_that_was_never_confirmed_is_noticed(honest: Evidence) -> None:
    """A decision that waits for ever, never read again, is named."""
    comment = next(c for c in honest.comments if len(c.firings) == 1 and row_of(honest, c).key.step == 0)
    row = row_of(honest, comment)
    stuck = replace(row, state=RowState.PLANNED, confirmed_at=None)
    found = replace(comments_without(honest, comment), rows=[stuck if r is row else r for r in honest.rows])
    only_about(found, comment.issue, "was decided and never read again")


def test_what_was_only_watched_need_not_be_confirmed(honest: Evidence) -> None:
    """A rule that writes on some days only has noted its steps on the others, and no fresh read was made for them."""
    row = next(row for row in honest.rows if row.state is RowState.APPLIED)
    noted = replace(row, key=replace(row.key, step=99), state=RowState.WATCHED, confirmed_at=None, escalation=None)
    assert prove(replace(honest, rows=[*honest.rows, noted])).mismatches == []


def test_tampering_in_the_helpdesk_itself_is_noticed(tmp_path: Path) -> None:
    """A comment that is written into the sandbox under hoist's account, behind hoist's back, is found by the record."""
    with played(tmp_path, tickets=10, length=HOUR) as stage:
        evidence = seen(stage)
        assert prove(evidence).mismatches == []
        issue = evidence.tickets[0]
        body = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hi"}]}]}
        credentials = stage.sandboxes["jira-cloud"].credentials()
        answer = requests.post(
            f"{credentials['url']}/rest/api/3/issue/{issue.ref.id}/comment",
            json={"body": body},
            auth=(credentials["username"], credentials["token"]),
            timeout=10,
        )
        assert answer.status_code == 201
        only_about(seen(stage), issue.ref.id, "names no firing")
