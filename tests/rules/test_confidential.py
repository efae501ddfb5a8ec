"""A confidential rule: its tickets go to its own chain at once, and nobody outside of that reads what it is about."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.binding import bind
from rules.confidential import COMMENT, cloaked, cloaked_id
from rules.engine import evaluate
from rules.escalation import Overruled
from rules.explain import because, in_short, reasons, values_of
from rules.merge import HOLD_HINT, DueStep, merge
from rules.protocol.actions import Action, Arbiter, Assign, Comment, Escalate, Proposal, Propose, RaisePriority, Restrict, Tell
from rules.protocol.conditions import All, AnyOf, AnyWord, Condition, Matches, Not, OneOf, State
from rules.protocol.organisation import Chain, Tier
from rules.protocol.rule import Mode, Rule, Step
from rules.protocol.rulebook import Rulebook
from rules.ticket import RESTRICTED_TO
from rules.timeline import timeline
from tests.rules.merging import (
    DIRECTORY,
    NOW,
    OPEN,
    ORGANISATION,
    SOURCE,
    WORLD,
    bound,
    due,
    merged,
    rule,
    said,
    ticket,
    written,
)

# --- its own chain comes first -------------------------------------------------------------------------------------------


def test_a_confidential_rule_goes_before_all_others() -> None:
    """F8: where its rule and an earlier one want two teams, the ticket goes to its own, and the note says that it is kept."""
    first = rule("first", Assign("databases"), order=1)
    breach = rule("breach", Escalate("breach"), order=2, confidential=True)
    one = merged(ticket(), first, breach)
    assert written(one)["team"] == "g7"
    assert one.findings == ("a confidential procedure keeps this ticket, so it was not moved",)
    urgent = rule("urgent", RaisePriority(to="P3"), order=1)
    raised = merged(ticket(priority="5"), urgent, rule("breach", RaisePriority(to="P2"), confidential=True, order=2))
    assert raised.overruled == (Overruled(due(urgent).key, "priority", cloaked_id("breach", b"")),)
    assert "Note: Urgent asked for the priority P3, and Confidential procedure goes before it." in said(raised)


def test_others_do_not_take_a_ticket_out_of_its_chain() -> None:
    """While a confidential rule holds, no other rule moves the ticket to a team that is not in its chain."""
    breach = cloaked(rule("breach", Escalate("breach"), confidential=True), b"")
    give, climb = rule("give", Assign("databases")), rule("climb", Escalate("network"))
    for other in (give, climb):
        one = merge(ticket(), [due(other)], bound(other), NOW, [breach])
        assert one.changes == ()
        assert any("a confidential procedure keeps this ticket" in finding for finding in one.findings)
    watching = replace(breach, mode=Mode.WATCH)
    assert written(merge(ticket(), [due(give)], bound(give), NOW, [watching]))["team"] == "g9"


def test_the_teams_of_its_chain_are_those_it_names_unless_it_says_otherwise() -> None:
    """Without `only_to` the chain that it climbs is its own; with it, only those teams are."""
    assert written(merged(ticket(), rule("a", Escalate("breach"), confidential=True)))["team"] == "g7"
    bounded = rule("a", Escalate("breach"), confidential=True, only_to=("databases",))
    one = merged(ticket(), bounded)
    assert one.changes == ()
    assert one.findings == (
        "a tier was passed over: the tickets of this rule may not go there",
        "the chain of the confidential procedure ends here: there is no higher tier that can receive",
        "nobody of the chain could be told that it has ended",
    )


def test_its_note_says_one_sentence() -> None:
    """Whatever its author wrote: the note tells that a procedure applies, and nothing of which."""
    breach = rule("breach", Restrict("csirt"), Comment("A {title} via {chain}."), Tell("head-of-it"), confidential=True)
    one = merged(ticket(**{RESTRICTED_TO: None}), breach)
    assert said(one) == [COMMENT, HOLD_HINT]
    assert one.notices[0].addresses == ("henk@example.com",)
    assert one.notices[0].reason == COMMENT


def test_what_runs_never_hears_its_name() -> None:
    """Bound to a source, the rule has an opaque id; the same written id has the same one, so a firing is known again."""
    rules = bound(rule("breach", Escalate("breach"), confidential=True), rule("open"))
    assert list(rules.by_id) == [cloaked_id("breach", b""), "open"]
    assert cloaked_id("breach", b"") == cloaked_id("breach", b"") != cloaked_id("breach-2", b"")
    assert rules.rules[0].rule.formerly == ("breach",), "what was recorded openly goes on under the opaque id"
    assert (rules.runs_as("breach"), rules.runs_as("open"), rules.runs_as("no-such")) == (
        next(iter(rules.by_id)),
        "open",
        "no-such",
    )


@given(st.text(max_size=12), st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_its_id_is_of_the_installation(name: str, key: bytes, other: bytes) -> None:
    """Who does not have the installation's key can't tell which rule an opaque id stands for, guess as they may."""
    assert cloaked_id(name, key) == cloaked_id(name, key)
    assert (cloaked_id(name, key) == cloaked_id(name, other)) == (key.ljust(64, b"\0") == other.ljust(64, b"\0"))


# --- nothing is put out ---------------------------------------------------------------------------------------------------

SECRETS = ("zqid", "zqtitle", "zqchain", "zqlabel", "zqsubject", "zqdescription", "zqwhy", "zqowner", "zqclause", "zqtext")
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.sampled_from(
        (
            State("labels", OneOf(("zqlabel",))),
            State("subject", AnyWord(("zqsubject",))),
            State("description", Matches("zqdescr[a-z]+")),
            State("tier", OneOf(("service-desk",)), "zqchain"),
            Not(State("labels", OneOf(("zqlabel-checked",)))),
            OPEN,
        )
    ),
    lambda part: (
        st.lists(part, min_size=1, max_size=3).map(lambda parts: All(tuple(parts)))
        | st.lists(part, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
    ),
    max_leaves=5,
)
ACTIONS: st.SearchStrategy[Action] = st.sampled_from(
    (
        Escalate("zqchain"),
        Escalate("zqchain", to="csirt"),
        Escalate("zqchain", from_last_resolving_team=True),
        Assign("csirt"),
        Assign("databases"),
        Restrict("csirt"),
        RaisePriority(to="P2"),
        RaisePriority(by=1, not_above="P5"),
        Comment("zqtext {title} {rule} {chain} {count} {key}", (("nl", "zqtext {title}"),)),
        Tell("head-of-it"),
        Tell("on_call of nights", urgent=True),
        Arbiter("lead of current team"),
        Propose(Proposal.MAJOR_INCIDENT),
    )
)
STEPS = st.lists(st.lists(ACTIONS, min_size=1, max_size=4).map(lambda done: Step(tuple(done))), min_size=1, max_size=3)
OTHERS = st.lists(
    st.sampled_from(
        (Assign("databases"), Escalate("network"), RaisePriority(by=2), Tell("duty-manager"), Comment("Held {held}."))
    ),
    max_size=3,
)
WHOLE = replace(
    ORGANISATION,
    chains={**ORGANISATION.chains, "zqchain": Chain("zqchain", (Tier("service-desk"), Tier("vendor"), Tier("csirt")))},
)


@settings(max_examples=300)
@given(CONDITIONS, STEPS, OTHERS, st.integers(0, 4), st.sampled_from(("g1", "g7", "g9", None)))
def test_nothing_that_is_decided_tells_of_it(
    condition: Condition, steps: list[Step], others: list[Action], step: int, team: str | None
) -> None:
    """Whatever a confidential rule asks for and does, beside whatever other rules: no output has a word of rule or ticket."""
    secret = Rule("zqid", "zqtitle", condition, tuple(steps), Mode.LIVE, "zqwhy", owner="zqowner", protocol="zqclause")
    secret = replace(secret, confidential=True, order=1, calendar="office")
    plain = rule("plain", *others, order=0)
    rules = bind(Rulebook(WHOLE, (plain, secret), "1"), SOURCE, DIRECTORY, WORLD)
    texts = {"subject": "zqsubject", "description": "zqdescription of it", "labels": ("zqlabel",), RESTRICTED_TO: None}
    one = ticket(team=team, **texts)
    evaluation = evaluate(timeline(one), rules, NOW)
    name = rules.rules[1].id
    put_out: list[object] = [because(evaluation, name, NOW), in_short(evaluation, name), str(reasons(evaluation, name, NOW))]
    due_steps = [due(plain)]
    for episode in evaluation.episodes_of(name):
        values = values_of(evaluation, episode, NOW, one)
        told = because(evaluation, name, NOW)
        key = replace(due(plain).key, rule=name, step=step)
        bound_rule = rules.rule(name).rule
        due_steps.append(DueStep(key, bound_rule, told, in_short(evaluation, name), values, bound_rule.actions))
        put_out += [key, values]
    escalation = merge(one, due_steps, rules, NOW, [rules.rule(name).rule for name in (d.rule.id for d in due_steps)])
    put_out.append(escalation)
    shown = repr(put_out)
    assert not [secret_word for secret_word in SECRETS if secret_word in shown]


def test_the_property_would_notice_a_leak() -> None:
    """An open rule's note does say its title and its chain: the words that are looked for are there to be found."""
    openly = rule("zqid", Comment("zqtext {title}"))
    assert all(word in repr(merged(ticket(), openly)).casefold() for word in ("zqid", "zqtext"))
