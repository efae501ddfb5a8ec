"""Stories of tickets as people write them to test their rules."""

import re
from zoneinfo import ZoneInfo

import pytest

from rules.binding import BindingError
from rules.language.story import WrittenChange, WrittenFiring, WrittenSilence, WrittenStory
from rules.rulebook import Problem, RulebookError, load
from rules.stories import Told, read_stories, tell, zone_of
from rules.ticket import FIELDS, Kind
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES, loaded, marked
from tests.rules.worlds import world_of
from tests.shared import PROJECT

STORY = """\
stories:
  - story: Nobody took it after the hand-over
    ticket: {created: Fri 2026-11-06 16:50, priority: P1, team: service-desk, assignee: nobody}
    changes:
      - {at: 2026-11-06 17:00, by: staff anna, assignee: anna}
      - {at: 2026-11-06 17:30, assignee: nobody, message: public}
    until: 2026-11-06 18:00
    fires:
      - {rule: nobody-took-it, at: 2026-11-06 17:45}
"""


def told(story: str = STORY, rules: str = RULES) -> Told:
    """What comes of the one story."""
    rulebook = loaded(rules).rulebook
    (found,) = tell(read_stories({"a.yaml": story}, rulebook, zone_of(rulebook, None)), rulebook, world_of(rulebook))
    return found


def refused(text: str, rules: str = RULES) -> tuple[Problem, ...]:
    """What is wrong with the stories; none if nothing is."""
    try:
        read_stories({"a.yaml": text}, loaded(rules).rulebook)
    except RulebookError as error:
        return error.problems
    return ()


def test_a_story_that_ends_as_expected_passes() -> None:
    """Times are local ones of the protocol's own calendar, and a story in order has nothing to show."""
    found = told()
    assert (found.failures, found.picture) == ((), ())
    assert [(step.rule, step.steps) for step in found.fired] == [("nobody-took-it", (0,))]


def test_a_story_that_ends_otherwise_shows_its_timeline() -> None:
    """It says when the rule does fire, and shows what happened and where each part of the rule held."""
    found = told(STORY.replace("17:45", "17:05"))
    assert found.failures == ("nobody-took-it was to fire at Fri 2026-11-06 17:05; it fires at Fri 2026-11-06 17:45",)
    picture = "\n".join(found.picture)
    assert "Fri 2026-11-06 16:50  created: status new, priority P1, team service-desk, assignee nobody" in picture
    assert "Fri 2026-11-06 17:00  anna: assignee nobody -> anna" in picture
    assert "Fri 2026-11-06 17:45  nobody-took-it FIRES: the next tier of the chain network gets it" in picture
    assert "nobody-took-it holds from Fri 2026-11-06 17:45 on" in picture
    assert "the assignee is nobody: Fri 2026-11-06 16:50 to Fri 2026-11-06 17:00, from Fri 2026-11-06 17:30 on" in picture


def test_a_rule_that_never_fires_is_told_with_what_stands_in_its_way() -> None:
    """The parts of the rule that do not hold at the expected instant, and no others."""
    (failure,) = told(STORY.replace("priority: P1", "priority: P3")).failures
    assert failure.startswith("nobody-took-it was to fire at Fri 2026-11-06 17:45; it does not fire: then ")
    assert "the priority is P1 or P2" in failure
    assert "assignee" not in failure


def test_a_rule_fires_when_expected_and_at_no_other_time() -> None:
    """A rule that is named fails the story with every further escalation."""
    first = "      - {at: 2026-11-06 17:00, by: staff anna, assignee: anna}\n"
    (failure,) = told(STORY.replace(first, first.replace("17:00", "17:10"))).failures
    assert failure == "nobody-took-it fires at Fri 2026-11-06 17:05, which the story does not expect"


@pytest.mark.parametrize(
    ("expected", "failures"),
    [
        ("does_not_fire: nobody-took-it", 1),
        ("does_not_fire: {rule: nobody-took-it, to: 2026-11-06 17:45}", 0),
        ("does_not_fire: {rule: nobody-took-it, from: 2026-11-06 17:45}", 1),
        ("does_not_fire: [{rule: nobody-took-it, from: 2026-11-06 17:46}]", 0),
        ("nothing_else: true", 1),
        ("fires: 2026-11-06 17:45", 0),
        ("fires: {at: 2026-11-06 17:44}", 1),
    ],
)
def test_what_must_not_fire(expected: str, failures: int) -> None:
    """A rule may be forbidden for good or for a while; all others may be forbidden; and any rule will do where none is named."""
    text = STORY[: STORY.index("    fires:")] + f"    {expected}\n"
    assert len(told(text).failures) == failures


def test_a_step_is_expected_with_what_it_does() -> None:
    """`does` names what the step must do; what it does not do fails the story, in words."""
    does = STORY.replace("at: 2026-11-06 17:45}", "at: 2026-11-06 17:45, does: [{escalate: network}]}")
    assert told(does).failures == ()
    (failure,) = told(does.replace("{escalate: network}", "{escalate: network}, {label: vip}")).failures
    assert "was to do this: the label vip is added" in failure


def test_repetitions_are_steps_that_count_on() -> None:
    """The first reminder of a rule with one step is its step 2; it comes `every` after the first."""
    later = STORY.replace("18:00", "18:20") + "      - {rule: nobody-took-it, at: 2026-11-06 18:15, step: 2}\n"
    assert told(later).failures == ()
    assert (
        "was to fire at Fri 2026-11-06 18:16; it fires at Fri 2026-11-06 18:15"
        in told(later.replace("18:15", "18:16")).failures[0]
    )


def test_a_later_step_that_the_story_does_not_expect_fails_it() -> None:
    """Whoever names a rule says all that it does until the story ends."""
    (failure,) = told(STORY.replace("18:00", "18:20")).failures
    assert failure == "nobody-took-it, reminder 1 of 3 fires at Fri 2026-11-06 18:15, which the story does not expect"


def test_the_hours_of_the_team_count_wherever_a_rule_measures_time() -> None:
    """Held, waited for, repeated and decided on the calendar of the team that has the ticket."""
    organisation = ORGANISATION.replace("  network-ops: {", "  network-ops: {calendar: office, ")
    rules = """\
rules:
  - rule: stands-still
    calendar: calendar of team
    when: {status: open, team: network-ops}
    for: 1 business hour
    do: [{arbiter: {who: duty-manager, within: 2 business hours}}]
    repeat: {every: 4 business hours, at_most: 1}
  - rule: next-morning
    calendar: calendar of team
    when: {status: open, team: network-ops}
    at_next_opening: [{label: morning}]
"""
    story = """\
stories:
  - story: Handed over on Friday evening
    ticket: {created: Fri 2026-11-06 20:00, status: open, team: network-ops}
    nothing_else: true
    fires:
      - {rule: next-morning, at: Mon 2026-11-09 09:00}
      - {rule: stands-still, at: Mon 2026-11-09 10:00}
      - {rule: stands-still, at: Mon 2026-11-09 14:00, step: 2}
"""
    rulebook = loaded(rules, organisation).rulebook
    (found,) = tell(read_stories({"a.yaml": story}, rulebook, zone_of(rulebook, None)), rulebook, world_of(rulebook))
    assert found.failures == ()


def test_a_message_can_be_mere_thanks() -> None:
    """A requester who comes back with thanks alone need not count; the staff's words never are mere thanks."""
    rules = "rules:\n  - {rule: back, when: {came_back: {at_least: 1, ignore_thanks: true}}, do: [{label: back}]}\n"
    back = """\
stories:
  - story: Reopened by a thank-you
    ticket: {created: 2026-11-06 09:00, requester: ruth}
    changes:
      - {at: 2026-11-06 10:00, status: resolved}
      - {at: 2026-11-06 11:00, by: requester, message: public, thanks: true, status: open}
    does_not_fire: back
"""
    assert told(back, rules).failures == ()
    assert len(told(back.replace(", thanks: true", ""), rules).failures) == 1
    for slip in (back.replace("by: requester", "by: staff"), back.replace("message: public, ", "")):
        (problem,) = refused(slip, rules)
        assert (problem.line, problem.expected) == (6, "only a requester's message is mere thanks")


def test_fields_that_a_story_does_not_say_are_empty() -> None:
    """Not unknown: a rule that asks for nothing there holds, and so does its opposite not."""
    empty = "service: nothing"
    rules = f"rules:\n  - {{rule: bare, when: {{{empty}, due: passed}}, do: [{{label: x}}]}}\n"
    rules += f"  - {{rule: plain, when: {{{empty}}}, do: [{{label: x}}]}}\n"
    story = "stories:\n  - story: x\n    ticket: {created: 2026-11-06 10:00}\n    does_not_fire: bare\n"
    story += "    fires: {rule: plain, at: 2026-11-06 10:00}\n"
    assert told(story, rules).failures == ()


def test_changes_of_labels_and_of_several_fields_at_once() -> None:
    """Labels are added and taken away; what one change says is one save by one actor."""
    story = """\
stories:
  - story: x
    ticket: {created: 2026-11-06 10:00, labels: [b]}
    changes:
      - {at: 2026-11-06 11:00, by: automation, add_label: [c, a], remove_label: b, priority: P1}
    nothing_else: true
"""
    ticket = told(story).ticket
    assert ticket.fields["labels"] == ("a", "c")
    assert {change.field: (change.old, change.new) for change in ticket.changes} == {
        "labels": (("b",), ("a", "c")),
        "priority": (None, "P1"),
    }
    assert {(change.save, change.by.kind) for change in ticket.changes} == {("1", Kind.AUTOMATION)}


def test_drafts_can_be_tried() -> None:
    """A rule is tested before it watches."""
    assert told(rules=RULES.replace("mode: watch", "mode: draft")).failures == ()


def test_a_story_of_a_source_that_is_not_there_is_refused() -> None:
    """A misspelt source would leave every team without a name."""
    story = STORY.replace("    ticket:", "    source: jira-clod\n    ticket:")
    with pytest.raises(BindingError, match=r"a\.yaml:2: no team or priority has a name in a source jira-clod"):
        told(story)
    assert told(story.replace("clod", "cloud")).failures == ()


def test_a_story_has_a_zone_of_its_own() -> None:
    """Times are those of the story's zone, whatever the calendars'."""
    text = STORY.replace("    ticket:", "    time_zone: America/New_York\n    ticket:")
    found = told(text)
    assert found.failures == ()
    assert found.story.zone == ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("old", "new", "text", "expected", "hint"),
    [
        ("Fri 2026-11-06 16:50", "»Thu 2026-11-06 16:50", "Thu 2026-11-06 16:50", "2026-11-06 is a Friday", ""),
        ("priority: P1", "priority: »P9", "P9", "there is no such priority", ""),
        ("team: service-desk", "team: »servicedesk", "servicedesk", "there is no such team", "service-desk"),
        ("rule: nobody-took-it", "rule: »nobody-tok-it", "nobody-tok-it", "there is no such rule", "nobody-took-it"),
        ("by: staff anna", "by: »stuff anna", "stuff anna", "expected one of staff, requester", "staff"),
        ("message: public", "message: »hello", "hello", "expected public", "public"),
        ("at: 2026-11-06 17:30", "at: »2026-11-06 16:55", "2026-11-06 16:55", "earlier than what stands before it", ""),
        ("fires:", "»fire:", "fire", "not a key of a story", "fires"),
        ("until: 2026-11-06 18:00", "until: »2026-11-06 17:00", "2026-11-06 17:00", "the story ends before an escalation", ""),
        ("at: 2026-11-06 17:45", "at: »2026-11-05 17:45", "2026-11-05 17:45", "there is no ticket yet", ""),
        ("assignee: nobody, message: public", "»assigne: nobody", "assigne", "not a key of a change", "assignee"),
        (
            "    ticket:",
            "    time_zone: »Mars/Olympus\n    ticket:",
            "Mars/Olympus",
            "is not known; write a name like Europe/Amsterdam",
            "",
        ),
    ],
)
def test_a_mistake_in_a_story_is_told_with_its_place(old: str, new: str, text: str, expected: str, hint: str) -> None:
    """File, line, column, the text, what was expected and the nearest name: as for rules."""
    story, line, column = marked(STORY.replace(old, new, 1))
    problem = next(each for each in refused(story) if each.text == text)
    assert (problem.file, problem.line, problem.column) == ("a.yaml", line, column)
    assert expected in problem.expected
    assert problem.hint == hint


def test_no_rule_is_expected_before_there_is_a_ticket() -> None:
    """However the expectation is written; the minute in which the ticket is created will do."""
    expected = "    fires:\n      - {rule: nobody-took-it, at: 2026-11-06 17:45}\n"
    for fires in ("2026-11-05 17:45", "{at: 2026-11-05 17:45}", "[2026-11-05 17:45]", "[2026-11-06 17:45, 2026-11-05 17:45]"):
        problems = refused(STORY.replace(expected, f"    fires: {fires}\n"))
        assert [(problem.text, problem.expected) for problem in problems] == [
            ("2026-11-05 17:45", "there is no ticket yet: it is created later")
        ]
    late = STORY.replace("created: Fri 2026-11-06 16:50", "created: Fri 2026-11-06 16:50:30")
    assert refused(late.replace(expected, "    fires: 2026-11-06 16:50\n")) == ()


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    """Nobody mends one to be shown the next."""
    files = {"a.yaml": STORY.replace("P1", "P9").replace("anna,", "anna, sttus: new,"), "b.yaml": "stories:\n  - {story: x}\n"}
    with pytest.raises(RulebookError) as caught:
        read_stories(files, loaded().rulebook)
    assert {(problem.file, problem.text) for problem in caught.value.problems} >= {
        ("a.yaml", "P9"),
        ("a.yaml", "sttus"),
        ("b.yaml", "story: x"),
    }


def test_a_story_that_expects_nothing_is_refused() -> None:
    """It would pass whatever the rules do."""
    (problem,) = refused("stories:\n  - {story: x, ticket: {created: 2026-11-06 10:00}}\n")
    assert problem.expected.startswith("this story expects nothing")
    (nothing,) = refused(
        "stories:\n  - {story: x, ticket: {created: 2026-11-06 10:00}, changes: [{at: 2026-11-06 11:00}], nothing_else: true}\n"
    )
    assert nothing.expected.startswith("nothing happens in this change")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "stories:\n", "stories: []\n", "{}\n"])
def test_a_file_without_a_story_is_refused(text: str) -> None:
    """It would pass whatever the rules do, and nobody would notice that the stories are gone."""
    (problem,) = refused(text)
    assert (problem.file, problem.line) == ("a.yaml", 1)
    assert "empty" in problem.expected or "no story" in problem.expected or "missing" in problem.expected


PLAYED = """\
rules:
  - {rule: desk, when: {status: [new, open], assignee: nobody}, for: 15 minutes, do: [{escalate: network}, {raise_priority: 1}],
     repeat: {every: 40 minutes, at_most: 2}}
  - {rule: urgent, when: {priority: P1, status: [new, open]}, for: 10 minutes, do: [{escalate: network}]}
  - {rule: said, when: {priority: P1, status: [new, open]}, for: 20 minutes, do: [{tell: duty-manager}]}
"""
ALONE = """\
stories:
  - story: Nobody reacts but hoist
    ticket: {created: Fri 2026-11-06 16:00, priority: P2, team: service-desk}
    until: Mon 2026-11-09 11:00
    nothing_else: true
    fires:
      - {rule: desk, at: 2026-11-06 16:15}
      - {rule: said, at: 2026-11-06 16:35}
      - {rule: urgent, at: 2026-11-06 16:45}
      - {rule: desk, at: 2026-11-09 10:15, step: 2}
      - {rule: desk, at: 2026-11-09 10:55, step: 3}
"""


def test_what_hoist_writes_is_written_to_the_ticket() -> None:
    """F6: it goes to the next tier and becomes more urgent, as hoist's own change, and other rules see that.

    The team that got it keeps it for its `acknowledge_within` against them: half an hour, then two business hours.
    """
    found = told(ALONE, PLAYED)
    assert found.failures == ()
    moves = [(change.field, change.new, change.by.kind) for change in found.ticket.changes]
    assert moves[:2] == [("team", "network-ops", Kind.HOIST), ("priority", "P1", Kind.HOIST)]
    assert [value for name, value, _ in moves if name == "team"] == ["network-ops", "network-eng"]


def test_a_story_can_leave_hoists_writes_out() -> None:
    """`writes: nothing` leaves the ticket as people make it; a list of rules lets those alone write."""
    nothing = ALONE.replace("    nothing_else", "    writes: nothing\n    nothing_else")
    assert told(nothing, PLAYED).ticket.changes == ()
    assert "said was to fire at Fri 2026-11-06 16:35; it does not fire" in told(nothing, PLAYED).failures[0]
    only = told(nothing.replace("writes: nothing", "writes: [urgent]"), PLAYED)
    assert only.ticket.changes == ()
    assert told(nothing.replace("writes: nothing", "writes: [desk, urgent, said]"), PLAYED).failures == ()
    (problem,) = refused(nothing.replace("writes: nothing", "writes: [all, desk]"), PLAYED)
    assert "stand alone" in problem.expected
    (problem,) = refused(nothing.replace("writes: nothing", "writes: dsk"), PLAYED)
    assert problem.hint == "desk"


def test_a_team_that_just_got_the_ticket_keeps_it() -> None:
    """Whoever expects a move in that time is told what holds it back, and until when."""
    (failure,) = told(ALONE.replace("urgent, at: 2026-11-06 16:45", "urgent, at: 2026-11-06 16:25"), PLAYED).failures
    assert failure == (
        "urgent was to fire at Fri 2026-11-06 16:25; it fires at Fri 2026-11-06 16:45, for until then it is held back because "
        "network-ops has just received the ticket and has time to acknowledge it, until 2026-11-06 16:45 CET"
    )


HELD = PLAYED.split("  - {rule: urgent", maxsplit=1)[0].replace("do: [", "hold_while: {label: freeze}, do: [")
FROZEN = """\
stories:
  - story: Frozen for half an hour
    ticket: {created: Fri 2026-11-06 16:00, priority: P2, team: service-desk, labels: freeze}
    changes:
      - {at: 2026-11-06 16:50, by: staff anna, remove_label: freeze}
    until: Fri 2026-11-06 17:00
    fires: {rule: desk, at: 2026-11-06 16:50, does: [{escalate: network}]}
"""


def test_what_hold_while_holds_back_is_done_when_that_ends() -> None:
    """Not before, and not at all where it is no longer true by then; a story that expects it sooner is told why."""
    assert told(FROZEN, HELD).failures == ()
    (failure,) = told(FROZEN.replace("desk, at: 2026-11-06 16:50", "desk, at: 2026-11-06 16:15"), HELD).failures
    assert failure.endswith("it fires at Fri 2026-11-06 16:50, for until then it is held back while the labels include freeze")
    over = FROZEN.replace("remove_label: freeze}", "remove_label: freeze, assignee: anna}")
    over = over[: over.index("    fires:")] + "    does_not_fire: desk\n"
    assert told(over, HELD).failures == ()


def test_the_label_keeps_hoist_away_in_a_story_too() -> None:
    """As in the helpdesk."""
    held = ALONE[: ALONE.index("    fires:")].replace("P2,", "P2, labels: hoist-hold,")
    assert told(held, PLAYED).failures == ()


def test_a_persons_change_is_made_to_the_ticket_as_hoist_left_it() -> None:
    """What a story tells is what somebody does then: who sends it back sends it back from where hoist had moved it."""
    back = "    changes:\n      - {at: 2026-11-06 16:20, by: staff bob, team: service-desk, assignee: anna}\n    until"
    story = ALONE[: ALONE.index("    nothing_else:")].replace("    until", back)
    story += "    fires: {rule: desk, at: 2026-11-06 16:15}\n"
    found = told(story, PLAYED.split("  - {rule: urgent", maxsplit=1)[0])
    assert found.failures == ()
    assert [(c.old, c.new) for c in found.ticket.changes if c.field == "team"][:2] == [
        ("service-desk", "network-ops"),
        ("network-ops", "service-desk"),
    ]


def test_the_picture_shows_what_hoist_wrote_under_what_fired() -> None:
    """At the same minute, in the order in which it happened, with what was held back."""
    lines = told(ALONE.replace("10:55", "10:54"), PLAYED).picture
    at = next(n for n, line in enumerate(lines) if "desk FIRES" in line)
    assert lines[at + 1] == "Fri 2026-11-06 16:15  hoist: team service-desk -> network-ops, priority P2 -> P1"
    assert any("urgent is held back because network-ops has just received the ticket" in line for line in lines)


def test_the_picture_leaves_out_what_other_rules_would_do() -> None:
    """Where a story tries one rule without the others, a page of their escalations would hide what happened to its own."""
    others = RULES + "".join(f"  - rule: other-{n}\n    when: {{status: new}}\n    do: [{{label: x}}]\n" for n in range(3))
    lines = told(STORY.replace("17:45", "17:05") + "    writes: nobody-took-it\n", others).picture
    assert not any("other-" in line for line in lines)
    assert "3 other rules fire: the story neither names nor writes them" in lines
    named = told(STORY.replace("17:45", "17:05") + "    writes: nobody-took-it\n    does_not_fire: other-1\n", others).picture
    assert any("other-1 FIRES" in line for line in named)
    assert "2 other rules fire: the story neither names nor writes them" in named


def test_the_picture_says_why_a_firing_wrote_something_else() -> None:
    """A ticket at the top of its chain stays, and one outside of it too: what fired sounds otherwise."""
    rules = RULES.replace("escalate: network", "escalate: {chain: network, to: network-ops}")
    top = STORY.replace("team: service-desk", "team: network-eng").replace("17:45", "17:05")
    lines = told(top, rules).picture
    at = next(n for n, line in enumerate(lines) if "nobody-took-it FIRES" in line)
    assert any("hoist notes: " in line for line in lines[at + 1 : at + 3])
    assert not any("team network-eng ->" in line for line in lines)


def test_a_field_that_a_rule_only_sets_is_set_in_a_story() -> None:
    """It is empty until then, like everything that a story does not say."""
    found = told(STORY.replace("17:45", "17:05"), RULES.replace("escalate: network", "set: {native.hot: sure}"))
    assert any("native.hot nothing -> sure" in line for line in found.picture)


PAGE = (PROJECT / "docs" / "rules.md").read_text()


def test_the_story_of_the_documentation_ends_as_it_says() -> None:
    """Beside the page's organisation and its ready protocols."""
    first, *parts = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    (story,) = re.findall(r"```yaml stories\n(.*?)```", PAGE, flags=re.DOTALL)
    uses = next(part for part in parts if part.startswith("use:")).split("  - protocol: bounced")[0]
    rulebook = load({"organisation.yaml": first, "rules.yaml": uses}, LIBRARY).rulebook
    (found,) = tell(read_stories({"a.yaml": story}, rulebook, zone_of(rulebook, None)), rulebook, world_of(rulebook))
    assert found.failures == ()
    assert [step.rule for step in found.fired] == ["nobody-took-it"]


def test_every_key_of_a_story_is_on_the_page() -> None:
    """What can be written is told."""
    keys = {*WrittenStory.keys(), *WrittenChange.keys(), *WrittenFiring.keys(), *WrittenSilence.keys()} - set(FIELDS)
    assert sorted(key for key in keys if f"`{key}`" not in PAGE and f"`{key}:" not in PAGE and f"{key}: " not in PAGE) == []
