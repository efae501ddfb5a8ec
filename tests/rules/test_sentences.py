"""Rules in English, with a date worked out by the engine itself."""

import re
from dataclasses import replace

import pytest

from rules.engine import evaluate
from rules.language.rule import WrittenRule
from rules.rulebook import load
from rules.sentences import Explained, explained
from rules.stories import bound_for
from rules.timeline import timeline
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES, loaded
from tests.rules.worlds import world_of
from tests.shared import PROJECT


def explanations(rules: str = RULES, organisation: str = ORGANISATION) -> list[Explained]:
    rulebook = loaded(rules, organisation).rulebook
    bound = bound_for(rulebook, world_of(rulebook))
    return [explained(rulebook, bound, rule) for rule in rulebook.rules]


def example(when: str, more: str = "do: [{escalate: network}]") -> str:
    """The worked date of a rule."""
    (found,) = explanations(f"rules:\n  - rule: r\n    when: {when}\n    {more}\n")
    return found.example


def test_a_rule_in_words_with_a_worked_date() -> None:
    """What it looks for, what it does, how often, whether it writes, and when it acts on a simple ticket."""
    (found,) = explanations(RULES.replace("for: 15 minutes", "for: 30 business minutes"))
    assert found.sentences == (
        (
            "When the status is new or open and the priority is P1 or P2 and the assignee is nobody, for 30 business minutes"
            " without a break: the next tier of the chain network gets it; an internal comment says "
            '"Without an owner for {held}."'
        ),
        "This is repeated every 30 minutes, up to 3 times.",
        "Business time is that of office, in Europe/Amsterdam, closed on public holidays of NL.",
        "When it goes live, it leaves tickets alone that are so already.",
        "It only watches.",
    )
    assert found.example == (
        "For example, a P1 ticket that arrives on Friday 15 January 2027 at 16:50 CET without an owner "
        "escalates on Friday at 17:20; "
        "reminder 1 of 3 comes on Friday at 17:50, reminder 2 of 3 comes on Friday at 18:20, "
        "reminder 3 of 3 comes on Friday at 18:50."
    )


def test_the_date_is_the_engines_own() -> None:
    """Over a weekend, on the rule's calendar; the very instant at which the engine lets it fire."""
    rules = RULES.replace("for: 15 minutes", "for: 45 business minutes")
    (found,) = explanations(rules)
    assert found.worked is not None
    assert "escalates on Monday at 09:05;" in found.example
    rulebook = loaded(rules).rulebook
    bound = bound_for(rulebook, world_of(rulebook))
    evaluation = evaluate(timeline(found.worked.ticket), bound, found.worked.ticket.created)
    assert evaluation.episodes[0].start == found.worked.fired[0].at


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("{returned_to_former_team: 2}", "goes to service-desk on Friday at 17:50"),
        ("{reassigned: 3, team: network-ops}", "goes to network-ops on Friday at 19:50, escalates on Friday at 20:20"),
        ("{owner_changed: 1, assignee: nobody}", "gets the assignee nobody"),
        ("{reopened: 2}", "gets the status open on Friday at 20:50, escalates on Friday at 20:50"),
        (
            "{priority_raised: 1, priority: P2}",
            "a P3 ticket that arrives on Friday 15 January 2027 at 16:50 CET, gets the priority P2 on Friday at 17:50",
        ),
        ("{requester_wrote: 2}", "is written to by the requester on Friday at 18:50"),
        ("{unanswered: 30 business minutes}", "arrives on Friday 15 January 2027 at 16:50 CET escalates on Friday at 17:20"),
        ("{silent: 2 business days}", "escalates on Tuesday at 16:50"),
        ("{due: {within: 1 hour}}", "with a due date on Saturday at 17:50 escalates on Saturday at 16:50"),
        ("{not: {status: [new, open]}, for: 1 hour}", "with status pending escalates on Friday at 17:50"),
        ("{any: [{label: vip}, {priority: P1}], for: 5 minutes}", "with labels vip escalates on Friday at 16:55"),
        ("{text: {any_word: [fire]}}", "with subject fire escalates"),
        (
            "{tier: {chain: network, in: network-ops}, for: 10 days}",
            "in network-ops escalates on Monday 25 January 2027 at 16:50",
        ),
    ],
)
def test_examples_of_every_kind(when: str, said: str) -> None:
    """Counts, silence, dates and alternatives have one as well, with what happens to the ticket."""
    assert said in example(when)


def test_where_no_example_can_be_built_that_is_said() -> None:
    """A pattern for which no text can be made up, and a rule that contradicts itself."""
    assert example("{subject: {matches: 'CVE-[0-9]{4}'}}") == (
        "There is no simple example: no text can be made up for the pattern in subject."
    )
    assert example("{all: [{priority: P1}, {priority: P2}]}") == "There is no simple example: no simple ticket makes it act."


LISTS = "lists:\n  vip: [ruth@example.com]\n"
VALUES = {
    "chain": "network",
    "team": "network-ops",
    "who": "duty-manager",
    "calendar": "office",
    "text": "Resolution",
    "priority": "P1",
    "list": "vip",
    "label": "x",
}


@pytest.mark.parametrize("name", LIBRARY)
def test_every_ready_protocol_has_an_example(name: str) -> None:
    """With nothing but what is the organisation's own."""
    needed = re.findall(r"\{name: (\w+), type: ([\w ]+), description", LIBRARY[name])
    said = ", ".join(f"{key}: {VALUES[kind.removesuffix(' list')]}" for key, kind in needed)
    found = explanations(f"use:\n  - {{protocol: {name.removesuffix('.yaml')}, with: {{{said}}}}}\n", ORGANISATION + LISTS)
    assert all(each.worked is not None for each in found), [each.example for each in found]


def test_the_words_are_the_same_each_time() -> None:
    """No clock and no chance: an explanation can stand in a document."""
    assert [replace(each, worked=None) for each in explanations()] == [replace(each, worked=None) for each in explanations()]


LADDER = """\
rules:
  - rule: p1-ladder
    when: {priority: P1, status: [new, open]}
    calendar: always
    steps:
      - {after: 0 minutes, do: [{page: duty-manager}]}
      - {after: 15 minutes, do: [{escalate: network}]}
      - {after: 60 minutes, do: [{tell: anna@example.com}]}
"""


def test_a_ladder_is_told_step_by_step() -> None:
    """Each step with its time and what it does, in the sentences and in the example."""
    (found,) = explanations(LADDER)
    assert found.sentences[1:4] == (
        "At once: duty-manager is paged.",
        "After 15 minutes: the next tier of the chain network gets it.",
        "After 60 minutes: anna@example.com is told.",
    )
    assert found.example == (
        "For example, a P1 ticket that arrives on Friday 15 January 2027 at 16:50 CET escalates on Friday at 16:50; "
        "step 2 of 3 comes on Friday at 17:05, step 3 of 3 comes on Friday at 17:50."
    )


STEPS = "steps: [{{at: {share} percent, do: [{{label: x}}]}}, {{after: {after}, do: [{{label: y}}]}}]"
DO = "do: [{label: x}]"
KEYS = {
    "rule": (DO, None),
    "title": (DO, None),
    "why": (DO, None),
    "protocol": (f"protocol: MIM-01 section 3\n{DO}", "It is MIM-01 section 3 of the written policy."),
    "owner": (f"owner: anna@example.com\n{DO}", "anna@example.com answers for it."),
    "review_by": (f"review_by: 2027-06-30\n{DO}", "It is to be looked at again by 2027-06-30."),
    "mode": (f"mode: draft\n{DO}", "It is a draft: checked only."),
    "live_from": (f"mode: live\nlive_from: 2027-01-01\n{DO}", "Before 2027-01-01 it only watches."),
    "expires": (f"mode: live\nexpires: 2027-02-01\n{DO}", "From 2027-02-01 on it only watches."),
    "applies_to": (f"applies_to: {{sources: jira-cloud}}\n{DO}", "It applies to tickets of jira-cloud only."),
    "confidential": ("confidential: true\nonly_to: network-ops\ndo: [{assign: network-ops}]", "It is confidential:"),
    "only_to": (
        "only_to: [service-desk, network-ops]\ndo: [{escalate: network}]",
        "Its tickets go to service-desk and network-ops",
    ),
    "calendar": (
        f"calendar: office\nfor: 2 business hours\n{DO}",
        "that of office, in Europe/Amsterdam, closed on public holidays",
    ),
    "when": (DO, "When the status is open"),
    "unless": (f"unless: [{{label: planned}}]\n{DO}", "the labels do not include planned"),
    "for": (f"for: 2 hours\n{DO}", ", for 2 hours without a break"),
    "clock": (f"clock: 2 hours\n{DO}", ", for 2 hours in all"),
    "pause_while": (f"clock: 2 hours\npause_while: [{{label: p}}]\n{DO}", "the time left out in which the labels include p"),
    "reset_when": (
        f"clock: 2 hours\nreset_when: [{{label: r}}]\n{DO}",
        "counted anew whenever this begins: the labels include r",
    ),
    "target": (
        f"target: First reply\n{STEPS.format(share=75, after='1 hour')}",
        "75 percent of the target First reply are used up, a ladder begins",
    ),
    "until": (f"until: [{{label: taken}}]\n{DO}", ", until the labels include taken"),
    "hold_while": (f"hold_while: [{{label: freeze}}]\n{DO}", "Nothing is written while the labels include freeze"),
    "again": (f"again: each further one\n{DO}", "each further time anew"),
    "do": (DO, "the label x is added"),
    "steps": (
        f"clock: 4 hours\n{STEPS.format(share=50, after='1 hour')}",
        "After 1 hour, counted from 100 percent of 4 hours on:",
    ),
    "at_next_opening": ("calendar: office\nat_next_opening: [{label: x}]", "At the next opening of office: the label x is added"),
    "repeat": (f"repeat: {{every: 1 hour, at_most: 2}}\n{DO}", "This is repeated every 1 hour, up to 2 times."),
    "keep_informed": (f"keep_informed: {{silence_of: 1 hour, then: {{tell: duty-manager}}}}\n{DO}", "nobody of the staff wrote"),
    "deadline": (f"deadline: {{name: Notice, time: 72 hours, tell: duty-manager}}\n{DO}", "After 72 hours: "),
    "existing_tickets": (f"existing_tickets: at most 20 per hour\n{DO}", "so already, at most 20 per hour."),
    "on_change": (f"on_change: keep\n{DO}", "When it is changed, what is under way goes on under the text under which it began."),
    "formerly": (f"formerly: [old-name]\n{DO}", "It was called old-name before."),
}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_a_rule_is_told(key: str) -> None:
    """Whatever a rule says of itself stands in its sentences; its id, title and reason stand above them."""
    body, said = KEYS[key]
    when = "{status: open, reassigned: 2}" if key == "again" else "{status: open}"
    lines = [f"when: {when}", *body.split("\n")]
    found = explanations("rules:\n  - rule: r\n" + "".join(f"    {line}\n" for line in lines))
    told = " ".join(sentence for each in found for sentence in each.sentences)
    assert said is None or said in told
    assert not re.search(r"\b(\w+) \1\b", told, flags=re.IGNORECASE)


def test_no_key_of_a_rule_is_left_out_of_the_test_above() -> None:
    """A new key is told from its first day on."""
    assert sorted(KEYS) == sorted(WrittenRule.keys())


def test_texts_in_other_languages_and_long_ones_are_told() -> None:
    """The languages are named; a long text ends with a whole word."""
    long = "Nobody has looked at this since it came, so the next team up has it"
    found = explanations(
        f'rules:\n  - rule: r\n    when: {{status: open}}\n    do: [{{comment: {{en: "{long}", nl: Niemand, de: Keiner}}}}]\n'
    )
    assert (
        'an internal comment says "Nobody has looked at this since it came, so the next..." (there is a text in nl and in de too)'
        in found[0].sentences[0]
    )


def test_a_worked_date_names_its_zone_and_the_holidays_in_between() -> None:
    """Whoever checks it by hand knows which days the calendar is closed on."""
    american = ORGANISATION.replace("holidays: NL", "holidays: US")
    (found,) = explanations(RULES.replace("for: 15 minutes", "for: 45 business minutes"), american)
    assert "arrives on Friday 15 January 2027 at 16:50 CET without an owner escalates on Tuesday at 09:05;" in found.example
    assert found.example.endswith("(office is closed on Monday 18 January.)")


PAGE = (PROJECT / "docs" / "rules.md").read_text()
FIRST, *BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
PARTS = [block for block in BLOCKS if "\nparameters:" not in block and re.match(r"rules:|use:", block)]


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_every_example_of_the_documentation_can_be_explained(part: str) -> None:
    """Whoever copies one gets a rule that can be judged and told, not one that is refused once a helpdesk is there."""
    rulebook = load({"organisation.yaml": FIRST, "rules.yaml": part}, LIBRARY).rulebook
    bound = bound_for(rulebook, world_of(rulebook))
    assert all(explained(rulebook, bound, rule).sentences for rule in rulebook.rules)


def test_a_confidential_rule_is_told_with_the_comment_that_it_writes() -> None:
    """It writes one, and never its own words."""
    body = "confidential: true\n    only_to: network-ops\n    do: [{assign: network-ops}, {comment: Stolen laptop}]"
    (found,) = explanations(f"rules:\n  - rule: r\n    when: {{status: open}}\n    {body}\n")
    said = " ".join(found.sentences)
    assert 'an internal comment says "Handled under a confidential procedure."' in said
    assert "Stolen" not in said
