"""What is foreseen is what comes: a forecast is compared with what hoist then does on the very same desk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from agent.plan.playing_forward import future
from agent.plan.prospective import Stored, from_now_on, in_force
from agent.store import mirrored
from rules.binding import bind
from rules.instants import HOUR, MINUTE
from rules.protocol.actions import AddLabel, Assign, Escalate, RaisePriority
from rules.protocol.conditions import All, Clock, Held, OneOf, State
from rules.protocol.durations import Duration
from rules.protocol.organisation import Chain, Tier
from rules.protocol.rule import Existing, Rule
from rules.protocol.rulebook import Rulebook
from tests.agent.desk import ALL_EXISTING, OPEN, ORGANISATION, SOURCE, TEAMS, UNOWNED, Desk, again, rule
from tests.agent.test_ladders import ladder

Wrote = list[tuple[int, str, tuple[tuple[str, object], ...]]]


class Acknowledging(Desk):
    """Operations have half an hour to acknowledge what they get: a gate that holds other rules back."""

    organisation = replace(
        ORGANISATION,
        chains={"line": Chain("line", tuple(Tier(key, Duration(30 * MINUTE) if key == "ops" else None) for key in TEAMS))},
    )


IN_OPS = State("team", OneOf(("ops",)))
RULES: dict[str, Rule] = {
    "owner": rule(),
    "again": rule("again", repeat=again(40, 3)),
    "ladder": ladder(),
    "clock": rule("clock", Clock(OPEN, Duration(70 * MINUTE)), actions=(RaisePriority(1), AddLabel("old"))),
    "in ops": rule("in-ops", Held(All((OPEN, IN_OPS)), Duration(50 * MINUTE)), actions=(Escalate("line"),)),
    "to eng": rule("to-eng", All((OPEN, State("priority", OneOf(("P1",))))), actions=(Assign("eng"),)),
    "raised": rule("raised", Held(UNOWNED, Duration(25 * MINUTE)), actions=(RaisePriority(1),), existing=ALL_EXISTING),
}


def foreseen(desk: Desk, names: list[str], milliseconds: int) -> Wrote:
    """What is foreseen, to the minute: when, on which ticket, the fields to what."""
    now = desk.pipeline.source_clock.now()
    found: Wrote = []
    with desk.database.reading() as db:
        prospect = in_force(db, desk.pipeline.ruling.rules, now)
        stored = Stored(db, SOURCE, names)
        for name, known in mirrored.mirrored(db, SOURCE, names).items():
            present, past = stored.up_to_date(known.ticket), stored.past(name, prospect)
            for write in future(present, past, prospect.ruling, now, now + milliseconds).writes:
                fields = tuple(sorted((change.field, change.new) for change in write.escalation.changes))
                found.append((write.at // MINUTE, name, fields))
    return sorted((minute, name, fields) for minute, name, fields in found if fields)


def done(desk: Desk, names: list[str], since: int) -> Wrote:
    """What hoist did after an instant, by the helpdesk's own record."""
    found = [
        (save.at // MINUTE, name, tuple(sorted((item.field, item.new) for item in save.items if item.field != "labels")))
        for name in names
        for save in desk.saves(name)
        if save.at > since
    ]
    return sorted((minute, name, fields) for minute, name, fields in found if fields)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_what_is_foreseen_is_what_comes(tmp_path_factory: pytest.TempPathFactory, data: DataObject) -> None:
    """Whatever the rules and whenever it is asked: for five hours in which nobody acts, hoist does what was foreseen, then."""
    rules = data.draw(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=4, unique=True))
    desk = Acknowledging(tmp_path_factory.mktemp("desk"), *(RULES[name] for name in rules))
    drawn = st.tuples(st.sampled_from(["p1", "p2", "p3"]), st.sampled_from(sorted(TEAMS)), st.integers(0, 90))
    names: list[str] = []
    for priority, team, minutes in data.draw(st.lists(drawn, min_size=1, max_size=3)):
        names.append(desk.ticket(priority=priority, team=team))
        desk.run(minutes * MINUTE)
    desk.run(data.draw(st.integers(6, 100)) * MINUTE)  # every ticket was read
    asked = desk.clock.now()
    expected = foreseen(desk, names, 5 * HOUR)
    desk.run(5 * HOUR)
    assert done(desk, names, asked) == [each for each in expected if each[0] <= desk.clock.now() // MINUTE]
    desk.database.close()


def test_a_rule_that_goes_live_is_foreseen_as_it_will_act(tmp_path: Path) -> None:
    """Rules that are not in force yet are judged as if they were: what is so already waits for its turn, or is left alone."""
    for limit, writes, resting in ((None, 1, 0), (5, 1, 0), (0, 0, 1)):
        folder = tmp_path / str(limit)
        folder.mkdir()
        desk = Desk(folder, rule("other", State("labels", OneOf(("none",)))))
        name = desk.ticket()
        desk.run(HOUR)
        now = desk.pipeline.source_clock.now()
        book = Rulebook(desk.organisation, (rule(existing=Existing(limit)),), "new")
        with desk.database.reading() as db:
            coming = from_now_on(db, bind(book, SOURCE, desk.connector.directory(), desk.world, desk.installation.key), now)
            ticket = mirrored.mirrored(db, SOURCE, [name])[name].ticket
            found = future(ticket, coming.past([], [], {}), coming.ruling, now, now + HOUR)
        assert (len(found.writes), len(found.resting)) == (writes, resting)
        assert [cause.queued for write in found.writes for cause in write.causes] == [limit == 5] * writes
