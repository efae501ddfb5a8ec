"""Every kind of mistake in a protocol: its file, line and column, what was expected, and the nearest name that would do."""

import pytest

from rules.rulebook import Problem, RulebookError, load
from tests.rules.protocol_texts import LIBRARY, ORGANISATION, RULES, loaded, marked, problems

THE_TEN = [
    # (a part of the good file, what somebody writes instead, the text named, what is said of it, the nearest name)
    ("    when:\n      status", "    when:\n»\tstatus", "status: [new, open]", "a tab in the indentation", ""),
    ('"Without an owner for {held}."', "Careful»: no owner", "- comment: Careful: no owner", "a colon inside a text", ""),
    ("      priority:", "      »prioritty:", "prioritty", "not a key of a condition", "priority"),
    ("escalate: network", "escalate: »netwrok", "netwrok", "there is no such chain", "network"),
    ("mode: watch", "mode: »on", "on", "expected one of draft, watch, live", ""),
    ("mode: watch", "mode: »off", "off", "expected one of draft, watch, live", ""),
    ("      - escalate: network", "      - assign: »network-op", "network-op", "there is no such team", "network-ops"),
    ("for: 15 minutes", "for: »15m", "15m", "expected a duration such as 15 minutes", "15 minutes"),
    ("[P1, P2]", "[P1, »P22]", "P22", "there is no such priority", "P2"),
    ('"Without an owner for {held}."', "»Without {hold}", "{hold}", "nothing that a comment can fill in", "{held}"),
]

VALUES = [
    ("for: 15 minutes", "for: »4 busines hours", "4 busines hours", "expected a duration", "4 business hours"),
    ("for: 15 minutes", "for: »2 business weeks", "2 business weeks", "a business week is not one length", "10 business days"),
    ("for: 15 minutes", "for: »0 minutes", "0 minutes", "no time at all", ""),
    ("for: 15 minutes", "for: »99999 days", "99999 days", "longer than 3650 days", ""),
    ("for: 15 minutes", "for: »9999999999 days", "9999999999 days", "expected a duration", ""),
    ("for: 15 minutes", "for: »[15 minutes]", "[15 minutes]", "expected a duration", ""),
    ("status: [new, open]", "status: »[]", "[]", "an empty list", ""),
    ("status: [new, open]", "status: [new, »opne]", "opne", "expected one of new, open", "open"),
    ("status: [new, open]", "status: »solved", "solved", "expected one of new, open", "resolved"),
    ("status: [new, open]", "status: {»nto: open}", "nto", "not a key of a test of a field", "not"),
    ("assignee: nobody", "assignee: »none", "none", "no person's name", "nobody"),
    ("assignee: nobody", "tier: »duty-manager", "duty-manager", "there is no such team", ""),
    ("assignee: nobody", "tier: {chain: »networks, in: network-ops}", "networks", "there is no such chain", "network"),
    ("assignee: nobody", "requester: {in: »vip-requesters}", "vip-requesters", "there is no such list", ""),
    ("assignee: nobody", "reassigned: »often", "often", "expected a whole number", ""),
    ("assignee: nobody", "reassigned: {»at_leest: 3}", "at_leest", "not a key of a count of events", "at_least"),
    ("assignee: nobody", "reassigned: {at_least: 3, made_by: »persons}", "persons", "expected one of people, anyone", ""),
    (
        "assignee: nobody",
        "reopened: {at_least: 1, »ignore_stays_shorter_than: 1 hour}",
        "ignore_stays_shorter_than",
        "not a key of",
        "",
    ),
    ("assignee: nobody", "silent: {for: 1 hour, who: »staf}", "staf", "expected one of staff, requester", "staff"),
    ("assignee: nobody", "silent: {for: 1 hour, replies_only: »perhaps}", "perhaps", "expected true or false", ""),
    ("assignee: nobody", "due: »pased", "pased", "expected `passed`, or {within: 1 hour}", "passed"),
    ("assignee: nobody", "due: {field: »created, within: 1 hour}", "created", "expected due", "due"),
    ("assignee: nobody", 'subject: {matches: »"(("}', "((", "not a regular expression", ""),
    ("assignee: nobody", "not: {status: {»at_least: open}}", "at_least", "not a key of a test of a field", ""),
    (
        "assignee: nobody",
        "»list: vip-requesters",
        "list",
        "`list` is not available in this version of hoist",
        "",
    ),
    (
        "escalate: network",
        "escalate: {chain: network, »enter: network-ops}",
        "enter",
        "not a key of a move along a chain",
        "enter_at",
    ),
    ("escalate: network", "»escalte: network", "escalte", "not a key of a thing to do", "escalate"),
    ("escalate: network", "»propose_major: true", "propose_major", "not a key of a thing to do", "propose_major_incident"),
    (
        "escalate: network",
        "tell: »duty-manger",
        "duty-manger",
        "expected an e-mail address, `lead of` or `on_call of` a team",
        "duty-manager",
    ),
    ("escalate: network", "tell: »lead of service-desc", "lead of service-desc", "there is no such team", "lead of service-desk"),
    ("escalate: network", "tell: »lead of network-ops", "lead of network-ops", "the team network-ops has no `lead:`", ""),
    ("escalate: network", "page: »on_call of network", "on_call of network", "there is no such team", "on_call of network-ops"),
    ("escalate: network", "label: »needs help", "needs help", "a label is one word", "needs-help"),
    ("escalate: network", "raise_priority: {to: »P0}", "P0", "there is no such priority", ""),
    ("escalate: network", "raise_priority: »{not_above: P1}", "not_above: P1", "expected one of `by` (levels) and `to`", ""),
    ("escalate: network", "comment: »{held}", "held:", "a text that begins with a brace needs quotes", ""),
    ("repeat: {every: 30 minutes, at_most: 3}", "repeat: »3", "3", "expected a repetition, a block with keys", ""),
    ("repeat: {every: 30 minutes, at_most: 3}", "repeat: »{every: 1 hour}", "every: 1 hour", "`at_most` is missing", ""),
    (
        "repeat: {every: 30 minutes, at_most: 3}",
        "existing_tickets: »al",
        "al",
        "expected ignore, all, or at most N per hour",
        "all",
    ),
    ("repeat: {every: 30 minutes, at_most: 3}", "»clock: 4 hours", "clock", "`for` and `clock` exclude each other", ""),
    ("repeat: {every: 30 minutes, at_most: 3}", "»pause_while: {status: pending}", "pause_while", "belongs to `clock:`", ""),
    (
        "repeat: {every: 30 minutes, at_most: 3}",
        "unless: »acknowledged",
        "acknowledged",
        "expected a condition, a block with keys",
        "",
    ),
    (
        "repeat: {every: 30 minutes, at_most: 3}",
        "formerly: »nobody-took-it",
        "nobody-took-it",
        "this id is taken at rules.yaml:2:11",
        "",
    ),
    ("rule: nobody-took-it", "rule: »Nobody took it", "Nobody took it", "an id is up to 64 small letters", "nobody-took-it"),
    ("    for: 15 minutes", "    »fro: 15 minutes", "fro", "not a key of a rule", "for"),
    ("    for: 15 minutes", "    »untill: [{label: x}]", "untill", "not a key of a rule", "until"),
]

FORMS = [
    (
        "      assignee: nobody\n",
        "      assignee: nobody\n      »assignee: anna\n",
        "assignee",
        "written twice in this block",
        "",
    ),
    ("      assignee: nobody\n", "      assignee: nobody\n      »Assignee: anna\n", "Assignee", "the same as `assignee`", ""),
    ("[new, open]", "»*urgent", "*urgent", "needs quotes; YAML's aliases are not part of this language", ""),
    ("[new, open]", "»&x [new, open]", "&x [new, open]", "needs quotes; YAML's anchors are not part of this language", ""),
    ("[new, open]", "»!!set {new}", "!!set {new}", "needs quotes; YAML's tags are not part of this language", ""),
    ("      assignee: nobody\n", "      »assignee\n", "assignee", "a key without its colon", ""),
    ("      - comment:", "     »- comment:", '- comment: "Without an owner for {held}."', "not lined up", ""),
    (
        '"Without an owner for {held}."',
        '»"Without an owner',
        '- comment: "Without an owner',
        "a quote is opened here and never closed",
        "",
    ),
    ('"Without an owner for {held}."', "{held} »without", "- comment: {held} without", "a text that begins with a sign", ""),
    ("      assignee: nobody\n", "      »[]: nobody\n", "[]: nobody", "a key must be one word", ""),
    ("rules:\n", "»rulez:\n", "rulez", "not a key of a file of the protocol", "rules"),
    ("rules:\n", "---\n{}\n»---\nrules:\n", "---", "a second document begins here", ""),
    ("rules:\n", "# »\x07\nrules:\n", "U+0007", "a character that no text file should hold", ""),
]

ORGANISATIONS = [
    ("format: 1", "format: »2", "2", "this version of hoist reads format 1", "1"),
    ("calendar: office", "calendar: »offices", "offices", "there is no such calendar", "office"),
    ("{calendar: office}", "{»calender: office}", "calender", "not a key of a block of defaults", "calendar"),
    ("Europe/Amsterdam", "»Europe/Amsterdm", "Europe/Amsterdm", "did you mean Europe/Amsterdam?", ""),
    ("holidays: NL", "holidays: »nl", "nl", "did you mean NL?", ""),
    ("holidays: NL", "also_closed: [2026-12-24, »24.12.2026]", "24.12.2026", "expected a date such as 2027-01-31", "2026-12-24"),
    ("mon-fri:", "»mon-fry:", "mon-fry", "expected days, such as mon, mon-fri or sat-sun", "mon-fri"),
    ('"09:00-17:30"', "»9-17", "9-17", "expected hours in quotes", ""),
    ("always: {hours: all}", "always: »{time_zone: UTC}", "time_zone: UTC", "`hours` is missing in this calendar", ""),
    ("{hours: all}", '»{hours: {mon: "09:00-12:00, 11:00-13:00"}, time_zone: UTC}', "hours: ...", "runs into the one from", ""),
    ("lead: anna@example.com", "lead: »anna", "anna", "expected an e-mail address", ""),
    ("lead: anna@example.com", "»leed: anna@example.com", "leed", "neither a key of a team nor a source", "lead"),
    (
        "{jira-cloud: Network Engineering}",
        "{»jira-clout: Eng}",
        "jira-clout",
        "neither a key of a team nor a source",
        "jira-cloud",
    ),
    ("duty@example.com", "»duty", "duty", "expected an e-mail address", ""),
    ("- team: service-desk", "- team: »service-dsk", "service-dsk", "there is no such team", "service-desk"),
    (
        "{team: network-eng, acknowledge_within: 2 business hours}",
        "»network-ops",
        "network-ops",
        "stands in this chain already",
        "",
    ),
    ("30 minutes", "»half an hour", "half an hour", "expected a duration", "30 minutes"),
    ("  - {name: P2,", "  - »{name: P1,", "P1", "stands among the priorities already", ""),
    ("duty@example.com", "duty@example.com\n  »duty-manager: x@example.com", "duty-manager", "written twice in this block", ""),
]


def first(good: str, old: str, new: str) -> tuple[str, int, int]:
    assert old in good, f"the good file does not hold {old!r}"
    return marked(good.replace(old, new, 1))


@pytest.mark.parametrize(("old", "new", "text", "expected", "hint"), THE_TEN + VALUES + FORMS)
def test_a_mistake_in_the_rules_is_named_where_it_stands(old: str, new: str, text: str, expected: str, hint: str) -> None:
    """Line, column, text, what was expected and the nearest name are right, and nothing else is said."""
    rules, line, column = first(RULES, old, new)
    (problem,) = problems(rules)
    assert (problem.file, problem.line, problem.column, problem.text) == ("rules.yaml", line, column, text)
    assert expected in problem.expected
    assert problem.hint == hint
    assert str(problem).startswith(f'rules.yaml:{line}:{column}: "{text}": {problem.expected}')


@pytest.mark.parametrize(("old", "new", "text", "expected", "hint"), ORGANISATIONS)
def test_a_mistake_in_the_organisation_is_named_where_it_stands(old: str, new: str, text: str, expected: str, hint: str) -> None:
    """The same holds for people, teams, chains and calendars."""
    organisation, line, column = first(ORGANISATION, old, new)
    problem = problems(organisation=organisation)[0]
    assert (problem.file, problem.line, problem.column, problem.text) == ("organisation.yaml", line, column, text)
    assert expected in problem.expected
    assert problem.hint == hint


def test_all_mistakes_of_all_files_are_said_at_once() -> None:
    """Whoever mends a protocol sees everything that is wrong in it, in the order of the files, other checks included."""
    organisation = ORGANISATION.replace("Europe/Amsterdam", "Mars/Crater").replace("lead: anna@example.com", "lead: anna")
    rules = (
        RULES.replace("escalate: network", "escalate: netwrk").replace("for: 15 minutes", "fro: 15 minutes").replace("P2", "P9")
    )
    more = "rules:\n  - rule: nobody-took-it\n    when: {status: opne}\n    do: [{assign: nobody}]\n"
    with pytest.raises(RulebookError) as caught:
        load({"organisation.yaml": organisation, "rules.yaml": rules, "more.yaml": more}, LIBRARY)
    places = [(problem.file, problem.line) for problem in caught.value.problems]
    assert places == [
        ("more.yaml", 3),
        ("more.yaml", 4),
        ("organisation.yaml", 10),
        ("organisation.yaml", 14),
        ("rules.yaml", 2),
        ("rules.yaml", 8),
        ("rules.yaml", 9),
        ("rules.yaml", 11),
    ]
    assert str(caught.value).count("\n") == 7
    assert {problem.expected for problem in caught.value.problems if problem.line == 2} == {
        "this id is taken at more.yaml:2:11; give this rule an id of its own with `rule:`"
    }


def test_a_file_that_cant_be_read_does_not_make_the_others_wrong() -> None:
    """With organisation.yaml broken, nobody is told that all teams of rules.yaml are unknown."""
    (problem,) = problems(organisation=ORGANISATION.replace("teams:\n", "teams\n"))
    assert problem.file == "organisation.yaml"
    both = problems(RULES.replace("mode: watch", "mode: wach"), ORGANISATION.replace("roles:\n", "roles: [\n"))
    assert [problem.file for problem in both] == ["organisation.yaml", "rules.yaml"]


def test_the_format_must_be_said() -> None:
    """A protocol without `format: 1` is refused, and so is one without any file."""
    (problem,) = problems(organisation=ORGANISATION.replace("format: 1\n", ""))
    assert str(problem).startswith('organisation.yaml:1:1: "organisation.yaml": `format: 1` is missing')
    with pytest.raises(RulebookError, match="`format: 1` is missing"):
        load({})


def test_business_time_needs_a_calendar() -> None:
    """Business hours without a calendar in reach are refused; one on the rule will do."""
    organisation = ORGANISATION.replace("defaults: {calendar: office}\n", "").replace("2 business hours", "2 hours")
    rules, line, column = marked(RULES.replace("15 minutes", "»4 business hours"))
    (problem,) = problems(rules, organisation)
    assert (problem.line, problem.column) == (line, column)
    assert "business time without a calendar" in problem.expected
    assert problems(rules.replace("    for:", "    calendar: office\n    for:"), organisation) == ()


def test_a_calendar_that_never_opens_is_refused() -> None:
    """Nothing would ever become due on it."""
    (problem,) = problems(organisation=ORGANISATION.replace('{mon-fri: "09:00-17:30"}', "{}"))
    assert (problem.line, "never opens" in problem.expected) == (10, True)


def test_a_tier_needs_its_chain_where_several_are_possible() -> None:
    """F17: the service desk is the first line of two chains: which tier is meant must be said."""
    organisation = ORGANISATION + "  security:\n    - service-desk\n"
    rules, line, column = marked(RULES.replace("assignee: nobody", "tier: »service-desk"))
    (problem,) = problems(rules, organisation)
    assert (problem.line, problem.column) == (line, column)
    assert "in more than one chain (network, security)" in problem.expected
    assert problems(rules.replace("tier: service-desk", "tier: {chain: security, in: service-desk}"), organisation) == ()
    (problem,) = problems(rules.replace("tier: service-desk", "tier: {chain: security, in: network-ops}"), organisation)
    assert "network-ops is no tier of the chain security" in problem.expected


def test_a_clock_of_business_days_is_refused_where_it_stands() -> None:
    """A sum of stretches has no time of day that could come round: in a rule, and in a ready protocol that has a clock."""
    rules, line, column = marked(RULES.replace("for: 15 minutes", "clock: »2 business days\n    calendar: office"))
    (problem,) = problems(rules)
    assert (problem.line, problem.column, problem.text) == (line, column, "2 business days")
    assert "not business days; write it in business hours" in problem.expected
    used = "use:\n  - {protocol: stuck-at-tier, with: {chain: network, team: network-ops, after: 2 business days}}\n"
    (problem,) = problems(used)
    assert (problem.file, problem.line, problem.text) == ("rules.yaml", 2, "2 business days")


def test_entering_a_chain_needs_one_of_its_tiers() -> None:
    """A ticket can't enter a chain at a team that is no tier of it."""
    organisation = ORGANISATION + "  security:\n    - service-desk\n"
    (problem,) = problems(RULES.replace("escalate: network", "escalate: {chain: security, enter_at: network-eng}"), organisation)
    assert "network-eng is no tier of the chain security" in problem.expected


def test_a_priority_range_that_nothing_lies_in_is_refused() -> None:
    """At least P1 and at most P2 at once is a slip."""
    (problem,) = problems(RULES.replace("[P1, P2]", "{at_least: P1, at_most: P2}"))
    assert "never true: P1 is more urgent than P2" in problem.expected


def test_a_name_is_defined_once_in_all_files() -> None:
    """A team, a chain or the defaults in a second file are refused with the first place."""
    with pytest.raises(RulebookError) as caught:
        load({"organisation.yaml": ORGANISATION, "x.yaml": "teams:\n  network-ops: {}\ndefaults: {mode: live}\n"})
    assert [str(problem).partition(";")[0] for problem in caught.value.problems] == [
        'x.yaml:2:3: "network-ops": stands among the teams already, at organisation.yaml:15:3',
        'x.yaml:3:11: "mode: live": `defaults` stands in another file already: organisation.yaml:2:11',
    ]


def test_a_rules_file_that_is_a_list_is_refused_in_words() -> None:
    """A forgotten `rules:` above the list is one problem, not a traceback."""
    (problem,) = problems("- rule: x\n")
    assert "a file of the protocol begins with a key, such as `rules:`" in problem.expected


def test_problems_are_values_in_order() -> None:
    """Problems can be sorted, compared and counted."""
    first_problem, second = Problem("a.yaml", 2, 1, "x", "expected y"), Problem("a.yaml", 10, 1, "x", "expected y", "z")
    assert sorted([second, first_problem]) == [first_problem, second]
    assert str(second) == 'a.yaml:10:1: "x": expected y; did you mean "z"?'
    assert loaded().hints == ()
