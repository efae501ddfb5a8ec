"""A confidential ticket on a running desk: whatever hoist writes, keeps, shows or logs, its secret stays in its chain."""

from __future__ import annotations

import io
import logging
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from agent.screens import plain
from agent.screens import why as why_screen
from agent.status import status
from agent.store import journal
from agent.why import why
from connectors.errors import GiveUp
from connectors.memory_helpdesk import ACCOUNT, Save
from rules.confidential import COMMENT, cloaked_id
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import Action, AddLabel, Assign, Escalate, Proposal, Propose, RaisePriority, Restrict, Tell
from rules.protocol.actions import Comment as Say
from rules.protocol.conditions import AnyOf, AnyWord, Matches, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain, Tier
from rules.protocol.rule import Mode, Rule, Step
from rules.ticket import RESTRICTED_TO
from tests.agent.desk import ALL_EXISTING, ORGANISATION, POLL, SOURCE, again, rule
from tests.agent.desk import Desk as OpenDesk

SECRETS = ("zqid", "zqtitle", "zqchain", "zqlabel", "zqsubject", "zqdescription", "zqwhy", "zqowner", "zqclause", "zqtext")
BREACH = AnyOf(
    (State("labels", OneOf(("zqlabel",))), State("subject", AnyWord(("zqsubject",))), State("description", Matches("zqdesc")))
)


class Desk(OpenDesk):
    organisation = replace(ORGANISATION, chains={**ORGANISATION.chains, "zqchain": Chain("zqchain", (Tier("sd"), Tier("eng")))})


def breach(*actions: Action, **more: object) -> Rule:
    made = Rule("zqid", "zqtitle", BREACH, (Step(actions),), Mode.LIVE, "zqwhy", owner="zqowner", protocol="zqclause")
    return replace(made, confidential=True, existing=ALL_EXISTING, **more)  # type: ignore[arg-type]


def put_out(desk: Desk, ticket: str) -> str:
    """Everything that leaves hoist or is shown by it."""
    stored = desk.helpdesk.ticket(ticket)
    assert stored is not None
    saves = [(save.marker, save.firing_markers, _moves(save)) for save in stored.saves if save.by == ACCOUNT]
    native = saves, [said for said in stored.comments if said.by == ACCOUNT]
    screen = Console(file=io.StringIO(), width=200)
    now = desk.clock.now()
    found, bound = status(desk.database, now, {SOURCE: POLL}), desk.pipeline.ruling.rules
    plain.status(screen, found, now, bound.zone)
    for asked in (None, "zqid"):
        answer = why(desk.database, bound, ticket, now, asked)
        why_screen.answer(screen, answer, at_length=True)
    with desk.database.reading() as db:
        lines = [asdict(line) for line in journal.lines(db)]
    operations = [(row.operation, row.problem) for row in desk.operations(ticket)]
    rows = [(row.key, row.because, row.problem) for row in desk.rows(ticket)]
    file = screen.file
    assert isinstance(file, io.StringIO)
    data = plain.status_data(found), why_screen.answer_data(answer)
    return repr((native, file.getvalue(), data, lines, operations, rows))


def _moves(save: Save) -> list[object]:
    """What hoist's save moved: of labels those that it added, since the others are people's own."""
    return [
        set(item.new or ()) - set(item.old or ()) if item.field == "labels" else item  # type: ignore[arg-type]
        for item in save.items
    ]


def leaks(text: str) -> list[str]:
    return [word for word in SECRETS if word in text]


DEEDS: st.SearchStrategy[Action] = st.sampled_from(
    (
        Restrict("eng"),
        Escalate("zqchain"),
        Assign("ops"),
        RaisePriority(to="P1"),
        Say("zqtext {title} {rule} {chain}"),
        Tell("zoe@example.com", urgent=True),
        Tell("on_call of eng"),
        Propose(Proposal.MAJOR_INCIDENT),
    )
)
OTHERS: st.SearchStrategy[Action] = st.sampled_from(
    (Escalate("line"), Assign("ops"), AddLabel("late"), Tell("duty@example.com"), Say("{key} waits for {held}."))
)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(DEEDS, min_size=1, max_size=4),
    st.lists(OTHERS, min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from(("", "write", "gone")),
)
def test_no_output_tells_of_a_confidential_ticket(
    deeds: list[Action],
    others: list[Action],
    live: bool,
    trouble: str,
) -> None:
    """Note, notice, marker, journal, status, why and log, with other rules beside it and with a helpdesk that refuses."""
    logged = io.StringIO()
    handler, logger = logging.StreamHandler(logged), logging.getLogger()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        with TemporaryDirectory() as folder:
            mode = Mode.LIVE if live else Mode.WATCH
            ladder = (Step(tuple(deeds)), Step(tuple(reversed(deeds)), after=Duration(20 * MINUTE), said="after 20 minutes"))
            secret = replace(breach(mode=mode, repeat=again(10, 2)), steps=ladder)
            desk = Desk(Path(folder), rule("plain", actions=tuple(others)), secret)
            ticket = desk.helpdesk.create(
                "ruth", team="sd", priority="p3", subject="zqsubject", description="zqdescription", labels=("zqlabel",)
            )
            if trouble == "write":
                desk.helpdesk.fail_next(GiveUp("the helpdesk refuses"), on="write")
            desk.run(HOUR)
            shown, key = put_out(desk, ticket), desk.installation.key
            desk.database.close()
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
    assert cloaked_id("zqid", key) in shown, "there is something to be seen of it"
    # people's own words stay where they wrote them: in the helpdesk and in the mirror of it
    assert leaks(shown + logged.getvalue()) == []


def test_the_opaque_id_cannot_be_guessed(tmp_path: Path) -> None:
    """Two installations with the same rule call it by different ids: who knows the protocol can't look for it elsewhere."""
    ids = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        desk = Desk(tmp_path / name, breach(Say("zqtext")))
        ids += [one.id for one in desk.pipeline.ruling.rules.rules]
        desk.restart()
        assert [one.id for one in desk.pipeline.ruling.rules.rules] == ids[-1:], "after a restart it is the same one"
    assert ids[0] != ids[1]
    assert not {cloaked_id("zqid", b"")} & set(ids)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, breach(Restrict("eng"), Escalate("zqchain"), Say("zqtext")))


def test_who_can_read_it_is_narrowed_before_anything_else_is_written(desk: Desk) -> None:
    """The restriction is a request of its own, and the move and the note come after it."""
    ticket = desk.helpdesk.create("ruth", team="sd", subject="zqsubject")
    desk.run(10 * MINUTE)
    stored = desk.helpdesk.ticket(ticket)
    assert stored is not None
    kinds = [row.operation.kind.value for row in desk.operations(ticket)]
    assert kinds == ["restriction", "fields", "comment"]
    assert [item.field for save in stored.saves for item in save.items] == [RESTRICTED_TO, "team"]
    assert (stored.fields[RESTRICTED_TO], stored.fields["team"]) == ("eng", "eng")
    assert stored.comments[0].text.startswith(COMMENT)


def test_where_it_cannot_be_narrowed_nothing_else_is_written(desk: Desk) -> None:
    """A refused restriction parks the whole: the ticket is not moved, and nobody's note points at it."""
    ticket = desk.helpdesk.create("ruth", team="sd", subject="zqsubject")
    desk.helpdesk.fail_next(GiveUp("no right to restrict"), on="write")
    desk.run(10 * MINUTE)
    stored = desk.helpdesk.ticket(ticket)
    assert stored is not None
    assert (stored.saves, stored.comments) == ([], [])
    assert [row.state.value for row in desk.rows(ticket)] == ["parked"]
