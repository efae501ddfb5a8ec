"""What is written when several rules are due on one ticket: one owner, one priority, one comment, and who lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.chains import standing
from rules.escalation import FieldChange, NoticeKind, Overruled
from rules.instants import HOUR
from rules.merge import HOLD_HINT, DueStep, merge
from rules.protocol.actions import Action, AddLabel, Assign, Comment, Escalate, RaisePriority, Restrict, SetField, Tell
from rules.protocol.rule import Rule, Step
from rules.ticket import RESTRICTED_TO, UNKNOWN, Actor, Change, Kind, Value
from tests.rules.merging import NOW, ORGANISATION, VALUES, bound, due, key, merged, rule, said, ticket, written

# --- owner -------------------------------------------------------------------------------------------------------------


def test_the_first_rule_of_the_file_wins_the_team() -> None:
    """F8: two rules want two teams: the ticket gets one, the loser is named with the rule before it, in the comment too."""
    first = rule("climb", Escalate("network"), order=1)
    second = rule("data", Assign("databases"), order=2)
    rules = bound(first, second)
    one = merge(ticket(), [due(second), due(first)], rules, NOW)
    assert written(one) == {"team": "g2", "assignee": None}
    assert one.overruled == (Overruled(key("data"), "team", "climb"),)
    assert "Note: Data asked for the team databases, and Climb goes before it." in said(one)
    assert one.firings == (key("climb"), key("data"))


def test_rules_that_want_the_same_team_overrule_nobody() -> None:
    """Agreement has no loser."""
    one = merged(ticket(), rule("climb", Escalate("network"), order=1), rule("ops", Assign("network-ops"), order=2))
    assert (written(one)["team"], one.overruled) == ("g2", ())


def test_the_person_of_the_former_team_goes_with_it() -> None:
    """A team that receives a ticket gets it without an owner; where nobody owned it there is nothing to clear."""
    climb = rule("climb", Escalate("network"))
    assert merged(ticket(), climb).changes == (FieldChange("team", "g1", "g2"), FieldChange("assignee", "anna", None))
    assert merged(ticket(assignee=None), climb).changes == (FieldChange("team", "g1", "g2"),)
    assert merged(ticket(assignee=UNKNOWN), climb).changes == (FieldChange("team", "g1", "g2"),)


def test_a_ticket_that_stays_keeps_its_person() -> None:
    """Only a hand-over clears the owner; a raised priority does not."""
    assert written(merged(ticket(), rule("raise", RaisePriority(by=1)))) == {"priority": "2"}
    assert merged(ticket(team="g9"), rule("data", Assign("databases"))).changes == ()


def test_a_team_that_cannot_be_read_is_not_changed() -> None:
    """Where a ticket stands must be known before it is moved; the comment says that it was not."""
    for action in (Escalate("network", enter_at="network-ops"), Assign("databases")):
        one = merged(ticket(team=UNKNOWN), rule("climb", action))
        assert one.changes == ()
        assert one.findings == ("the ticket's team can't be read, so it was not moved",)


def test_a_team_without_a_name_in_this_source_is_passed_over_with_a_finding() -> None:
    """F17: the tier that lives elsewhere is skipped, and the comment says so, once, however many rules climb."""
    one = merged(ticket(team="g2"), rule("a", Escalate("network"), order=1), rule("b", Escalate("network"), order=2))
    assert written(one)["team"] == "g3"
    assert one.findings == ("vendor was passed over: it has no team in this source",)
    assert said(one).count("Note: vendor was passed over: it has no team in this source.") == 1


def test_at_the_top_the_comment_says_so_and_the_ticket_stays() -> None:
    """F6: the last tier has no next: it is told again, and nothing is moved."""
    one = merged(ticket(team="g3"), rule("climb", Escalate("network")))
    assert one.changes == ()
    assert one.findings == ("the chain network ends here: there is no higher tier that can receive",)
    assert merged(ticket(team="g3"), rule("on", Escalate("vendor"))).findings == (
        "vendor was passed over: it has no team in this source",
        "the chain vendor ends here: there is no higher tier that can receive",
    )


def test_a_tier_may_be_named() -> None:
    """A rule that names a tier goes straight there, over those in between, and never down to it."""
    named = rule("straight", Escalate("network", to="network-eng"))
    assert written(merged(ticket(), named))["team"] == "g3"
    one = merged(ticket(team="g3"), named)
    assert (one.changes, one.findings) == ((), ("the ticket stands at network-eng or above it, so it was not moved",))


def resolved_by_operations(*later: Change) -> tuple[Change, ...]:
    by = Actor("bert", Kind.STAFF)
    return (
        Change(10, 10, 0, "s1", "team", "g1", "g2", by),
        Change(20, 20, 0, "s2", "status", "open", "resolved", by),
        Change(30, 30, 0, "s3", "status", "resolved", "open", by),
        Change(30, 30, 1, "s3", "team", "g2", "g1", by),
        *later,
    )


def test_what_came_back_goes_above_the_team_that_had_resolved_it() -> None:
    """Operations resolved it, it came back to the desk: engineering is next, not operations once more."""
    climb = rule("came-back", Escalate("network", from_last_resolving_team=True))
    assert written(merged(ticket(*resolved_by_operations()), climb))["team"] == "g3"
    one = merged(ticket(), climb)
    assert written(one)["team"] == "g2"
    assert one.findings == ("nobody is known to have resolved it before, so the next tier is that of its present team",)


def test_nobody_on_duty_is_passed_over_where_a_rota_says_so() -> None:
    """F17: the night team is asleep at eight, so the ticket goes on to engineering; at ten its own office hours have begun."""
    climb = rule("climb", Escalate("watch"))
    early = merged(ticket(), climb)
    assert written(early)["team"] == "g3"
    assert early.findings == ("nights was passed over: nobody is on duty there",)
    assert written(merged(ticket(), climb, at=NOW + 2 * HOUR))["team"] == "g4"


def test_the_top_of_a_chain_is_told_again_and_once() -> None:
    """F6: where nobody is higher, whoever is on call at the top hears of it; a repetition says nothing more."""
    climb = rule("climb", Escalate("network"))
    one = merged(ticket(team="g3"), climb)
    assert [(notice.to, notice.addresses) for notice in one.notices] == [("on_call of network-eng", ("erik@example.com",))]
    again = merge(ticket(team="g3"), [due(climb, 1)], bound(climb), NOW)
    assert (again.notices, again.findings) == ((), ())


def test_a_rule_moves_its_tickets_only_to_the_teams_it_may() -> None:
    """`only_to` bounds every move of the rule; a tier that is left out is passed over, and that is said."""
    climb = rule("climb", Escalate("network"), only_to=("network-eng",))
    one = merged(ticket(), climb)
    assert written(one)["team"] == "g3"
    assert one.findings[0] == "network-ops was passed over: the tickets of this rule may not go there"
    assert merged(ticket(), rule("give", Assign("databases"), only_to=("csirt",))).changes == ()


# --- fields of the source's own, and who can read -----------------------------------------------------------------------


def test_a_field_of_the_source_is_set_to_a_value_once() -> None:
    """From and to are absolute; what has the value already, or can't be read, is left alone."""
    hot = rule("hot", SetField("native.u_hot", "true"))
    assert merged(ticket(**{"native.u_hot": None}), hot).changes == (FieldChange("native.u_hot", None, "true"),)
    assert merged(ticket(**{"native.u_hot": "true"}), hot).changes == ()
    assert merged(ticket(), hot).findings == ("native.u_hot can't be read, so it was not set",)


def test_the_first_rule_sets_the_field() -> None:
    """Two rules want two values: the first in the file has its way, and the other one is named."""
    rules = (rule("a", SetField("native.x", "1"), order=1), rule("b", SetField("native.x", "2"), order=2))
    one = merged(ticket(**{"native.x": "0"}), *rules)
    assert written(one) == {"native.x": "1"}
    assert one.overruled == (Overruled(key("b"), "native.x", "a"),)


def test_a_restriction_is_a_change_of_its_own() -> None:
    """Who can read the ticket is not among the other fields, since it is written before them; once it is so, nothing is."""
    hide = rule("hide", Restrict("csirt"), Assign("csirt"))
    one = merged(ticket(**{RESTRICTED_TO: None}), hide)
    assert one.restriction == FieldChange(RESTRICTED_TO, None, "g7")
    assert written(one) == {"team": "g7", "assignee": None}
    assert merged(ticket(**{RESTRICTED_TO: "g7"}), hide).restriction is None


# --- steps of a ladder --------------------------------------------------------------------------------------------------


def test_missed_steps_move_a_ticket_one_tier() -> None:
    """What collapsed into one step tells everybody who should know by now, and moves the ticket once."""
    ladder = rule("ladder", Escalate("network"), Tell("head-of-it"))
    all_of_it = (*ladder.actions, Escalate("network"), Tell("duty-manager"))
    one = merge(ticket(), [DueStep(key("ladder", 1), ladder, (), "", VALUES, all_of_it)], bound(ladder), NOW)
    assert written(one)["team"] == "g2"
    assert one.overruled == ()
    assert [notice.to for notice in one.notices] == ["head-of-it", "duty-manager"]


def test_only_a_repetition_is_called_a_reminder() -> None:
    """The second step of a ladder is no reminder; the first repetition of its last step is."""
    ladder = replace(rule("ladder", AddLabel("x")), steps=(Step((AddLabel("x"),)), Step((AddLabel("y"),))))
    titles = [said(merge(ticket(), [due(ladder, step)], bound(ladder), NOW))[0] for step in range(3)]
    assert titles == ["Ladder", "Ladder", "Ladder (reminder 1)"]


# --- priority ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("present", "action", "expected"),
    [
        ("5", RaisePriority(by=1), "3"),  # the source has no P4: a step is one of its own levels
        ("5", RaisePriority(by=2), "2"),
        ("5", RaisePriority(by=9), "2"),
        ("3", RaisePriority(to="P2"), "2"),
        ("3", RaisePriority(to="P1"), "2"),  # no P1 here: the next lower one that there is
        ("5", RaisePriority(to="P4"), None),  # no P4 here, and the next lower one it has already
        ("5", RaisePriority(by=2, not_above="P3"), "3"),
        ("5", RaisePriority(to="P2", not_above="P3"), "3"),
        ("5", RaisePriority(by=1, not_above="P1"), "3"),
        ("2", RaisePriority(by=1), None),
        ("2b", RaisePriority(by=1), None),
        ("2", RaisePriority(to="P3"), None),
        ("2", RaisePriority(by=1, not_above="P3"), None),  # above it already: never lowered
    ],
)
def test_a_priority_is_raised_by_the_levels_that_the_source_has(
    present: str, action: RaisePriority, expected: str | None
) -> None:
    """F32: what the source has no level for is no step; where none is left nothing changes, and that is said."""
    one = merged(ticket(priority=present), rule("raise", action))
    assert written(one).get("priority") == expected
    assert bool(one.findings) == (expected is None)


@pytest.mark.parametrize("present", ["77", None, UNKNOWN])
def test_a_priority_that_nobody_named_is_left_alone(present: Value) -> None:
    """The organisation did not say how urgent it is, so it can't be raised; the comment says so."""
    one = merged(ticket(priority=present), rule("raise", RaisePriority(by=1)))
    assert one.changes == ()
    assert one.findings == ("the ticket's priority is none of the organisation's, so it was not raised",)


def test_the_highest_priority_wins_and_is_never_a_sum() -> None:
    """F8: one step and one step are one step; two steps beat one, whichever rule comes first, and the loser is named."""
    low, same, high = (rule(name, RaisePriority(by=n), order=i) for i, (name, n) in enumerate({"a": 1, "b": 1, "c": 2}.items()))
    assert written(merged(ticket(priority="5"), low, same)) == {"priority": "3"}
    assert merged(ticket(priority="5"), low, same).overruled == ()
    one = merged(ticket(priority="5"), low, same, high)
    assert written(one) == {"priority": "2"}
    assert one.overruled == (Overruled(key("a"), "priority", "c"), Overruled(key("b"), "priority", "c"))
    assert "Note: A asked for the priority P3, and C goes before it." in said(one)


def test_what_an_escalation_says_is_absolute() -> None:
    """F6: from and to are values, not steps: deciding again on the ticket as written asks for nothing twice."""
    climb = rule("climb", Escalate("network"), RaisePriority(to="P2"), Assign("network-ops"))
    before = ticket()
    one = merged(before, climb)
    assert [(c.field, c.old, c.new) for c in one.changes] == [
        ("team", "g1", "g2"),
        ("assignee", "anna", None),
        ("priority", "3", "2"),
    ]
    after = ticket(**{change.field: change.new for change in one.changes})
    again = merged(after, rule("set", RaisePriority(to="P2"), Assign("network-ops")))
    assert again.changes == ()


# --- labels, notices ---------------------------------------------------------------------------------------------------


def test_labels_unite_less_those_that_are_there() -> None:
    """F8: each label once, in order; one that the ticket has is not added again."""
    a, b = rule("a", AddLabel("stuck"), AddLabel("vip")), rule("b", AddLabel("escalated"), AddLabel("stuck"))
    assert merged(ticket(), a, b).add_labels == ("escalated", "stuck")
    assert merged(ticket(labels=UNKNOWN), a).add_labels == ("stuck", "vip")


def test_who_is_told_is_told_once() -> None:
    """Two rules of one title tell one person once; the comment names who is told."""
    one = merged(ticket(), rule("a", Tell("duty-manager"), Tell("duty-manager")), rule("b", Tell("duty-manager", urgent=True)))
    assert [(notice.kind, notice.to) for notice in one.notices] == [
        (NoticeKind.TELL, "duty-manager"),
        (NoticeKind.PAGE, "duty-manager"),
    ]
    assert "To be told: duty-manager (dirk@example.com, dora@example.com, until 09:00 UTC)." in said(one)


# --- comment -----------------------------------------------------------------------------------------------------------


def test_comments_are_joined_in_the_order_of_the_file() -> None:
    """F8: one comment: each rule under its title, a reminder with its number, the way to keep hoist away as the last line."""
    first = rule("first", Escalate("network"), Comment("Open for {held}. Moved to {team}."), order=1)
    second = rule("second", RaisePriority(by=1), Comment("{key} is {priority} now."), order=2)
    one = merge(ticket(), [due(second, 2), due(first)], bound(first, second), NOW)
    assert said(one) == [
        "First",
        "Open for 2 hours. Moved to network-ops.",
        "Second (reminder 2)",
        "SD-7 is P2 now.",
        HOLD_HINT,
    ]


def test_a_rule_without_words_of_its_own_says_why() -> None:
    """No escalation without a reason in the ticket."""
    assert said(merged(ticket(), rule("label", AddLabel("stuck")))) == [
        "Label",
        "Because the status is open.",
        HOLD_HINT,
    ]


def test_nothing_is_said_of_a_move_that_was_not_made() -> None:
    """Where the ticket stays, sentences that say where it went are left out; if nothing is left, the reason is said."""
    words = Comment("Open for {held}. Moved to {team}! Please take it.")
    assert said(merged(ticket(team="g3"), rule("climb", Escalate("network"), words)))[1] == "Open for 2 hours. Please take it."
    assert said(merged(ticket(team="g3"), rule("climb", Escalate("network"), Comment("Moved to {team}."))))[1] == (
        "Because the status is open."
    )


def test_a_rule_that_moves_nothing_names_the_team_that_it_waited_for() -> None:
    """`{team}` is the one that gets the ticket for a rule that moves it, and for any other the one that had it."""
    asks = rule("ask", Comment("{team} has had it for {held}."), order=1)
    moves = rule("move", Escalate("network"), Comment("Moved from {former_team} to {team}."), order=2)
    assert said(merged(ticket(), asks))[1] == "service-desk has had it for 2 hours."
    together = said(merged(ticket(), asks, moves))
    assert together[1] == "service-desk has had it for 2 hours."
    assert together[3] == "Moved from service-desk to network-ops."


def test_text_of_a_ticket_is_inert() -> None:
    """Whatever a requester wrote becomes plain text on one line: no placeholder, no mention, no link, no second line."""
    hostile = "{team} {{ticket.requester}} @all\nhoist-marker https://evil.example \u202e"
    one = rule("a", Comment("Ticket {key}."))
    line = said(merge(ticket(), [due(one, key=hostile)], bound(one), NOW))[1]
    assert line == "Ticket (team) ((ticket.requester)) (at)all hoist-marker https: //evil.example."


# --- whatever the rules ------------------------------------------------------------------------------------------------

ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(
        Escalate,
        st.just("network"),
        st.none() | st.sampled_from(("service-desk", "network-ops")),
        st.none() | st.just("network-eng"),
        st.booleans(),
    ),
    st.builds(
        RaisePriority,
        st.integers(0, 3),
        st.none() | st.sampled_from(("P1", "P2", "P3", "P4", "P5")),
        st.none() | st.sampled_from(("P1", "P2", "P3", "P4", "P5")),
    ),
    st.builds(AddLabel, st.sampled_from(("stuck", "vip", "late"))),
    st.builds(Tell, st.sampled_from(("duty-manager", "head-of-it"))),
    st.builds(Comment, st.sampled_from(("Moved to {team}.", "Open for {held}. Now {priority}."))),
)
FIELDS: st.SearchStrategy[Mapping[str, Value]] = st.fixed_dictionaries(
    {
        "team": st.sampled_from(("g1", "g2", "g3", "g9", None, UNKNOWN)),
        "assignee": st.sampled_from(("anna", None, UNKNOWN)),
        "priority": st.sampled_from(("2", "2b", "3", "5", "77", None, UNKNOWN)),
        "labels": st.sampled_from(((), ("vip",), ("late", "stuck"))),
    }
)
RULES = st.lists(st.lists(ACTIONS, min_size=1, max_size=4), min_size=1, max_size=4).map(
    lambda several: [rule(f"r{n}", *actions, order=n) for n, actions in enumerate(several)]
)


@settings(max_examples=200)
@given(FIELDS, RULES, st.data())
def test_no_escalation_lowers_anything(fields: Mapping[str, Value], rules: list[Rule], data: st.DataObject) -> None:
    """Whatever rules meet: priority and tier only rise, each field is written once, and from what the ticket has."""
    rulebook = bound(*rules)
    one = ticket(**fields)
    escalation = merge(one, [due(r, data.draw(st.integers(0, 2))) for r in rules], rulebook, NOW)
    assert len(written(escalation)) == len(escalation.changes)
    chain = ORGANISATION.chains["network"]
    for change in escalation.changes:
        assert change.old == fields[change.field]
        assert change.new != change.old
        if change.field == "priority":
            assert rulebook.urgency[change.new] < rulebook.urgency[change.old]
        if change.field == "team":
            before, after = (standing(chain, rulebook.teams, team) for team in (change.old, change.new))
            assert after is not None
            assert before is None or after > before
    assert not set(escalation.add_labels) & set(one.fields["labels"] or ())  # type: ignore[arg-type]
    assert said(escalation)[-1] == HOLD_HINT
    assert {lost.field for lost in escalation.overruled} <= written(escalation).keys()


@settings(max_examples=200)
@given(FIELDS, RULES, st.data())
def test_the_order_of_being_handed_in_is_no_matter(fields: Mapping[str, Value], rules: list[Rule], data: st.DataObject) -> None:
    """F8: the file decides what comes first, not the instant at which a step became due."""
    rulebook = bound(*rules)
    steps = [due(r, data.draw(st.integers(0, 2))) for r in rules]
    shuffled = data.draw(st.permutations(steps))
    assert merge(ticket(**fields), shuffled, rulebook, NOW) == merge(ticket(**fields), steps, rulebook, NOW)
