"""Escalation matrices as they come out of a spreadsheet."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.language.problems import nearest
from rules.matrix import matrix_rules
from rules.protocol.actions import Escalate, Tell
from rules.protocol.conditions import OneOf, State
from rules.protocol.rule import Rule
from rules.rulebook import Problem, RulebookError, load
from tests.rules.protocol_texts import LIBRARY, MARK, ORGANISATION, RULES, loaded

LONG = """\
Priority,After (min),Who
P1,0,page duty-manager
,15,network-ops
P1,60,duty-manager & lead of service-desk
Priority 2,4 business hours,anna@example.com
"""


def made(text: str, chain: str | None = None, taken: tuple[str, ...] = ()) -> str:
    return matrix_rules(text, "m.csv", loaded().rulebook.organisation, taken, chain)


def refused(text: str, chain: str | None = None) -> tuple[Problem, ...]:
    with pytest.raises(RulebookError) as caught:
        made(text, chain)
    return caught.value.problems


def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules of a matrix, as the protocol reads them."""
    return load({"organisation.yaml": ORGANISATION, "rules.yaml": RULES, "matrix.yaml": made(text)}, LIBRARY).rulebook.rules[:-1]


def steps(text: str) -> dict[str, list[tuple[str, list[str]]]]:
    """The steps of each rule of a matrix: when, and what, as they are written."""
    return {
        rule["rule"]: [
            (step["after"], [f"{verb}: {value}" for deed in step["do"] for verb, value in deed.items()]) for step in rule["steps"]
        ]
        for rule in yaml.safe_load(made(text))["rules"]
    }


def test_a_row_for_each_step() -> None:
    """Priorities in any of their names, merged cells, teams along their chain, several people in one cell."""
    assert steps(LONG) == {
        "matrix-p1": [
            ("0 minutes", ["page: duty-manager"]),
            ("15 minutes", ["escalate: {'chain': 'network', 'to': 'network-ops'}"]),
            ("60 minutes", ["tell: duty-manager", "tell: lead of service-desk"]),
        ],
        "matrix-p2": [("4 business hours", ["tell: anna@example.com"])],
    }


def test_a_column_for_each_time() -> None:
    """Times stand in the first row, whoever acts in the cells; empty cells and dashes say nobody."""
    text = "Prio;15 min;1h;2 business days\nHighest;Duty Manager;network-eng;-\n2;;duty manager (page);lead of service-desk\n"
    assert steps(text) == {
        "matrix-p1": [
            ("15 minutes", ["tell: duty-manager"]),
            ("1 hour", ["escalate: {'chain': 'network', 'to': 'network-eng'}"]),
        ],
        "matrix-p2": [("1 hour", ["page: duty-manager"]), ("2 business days", ["tell: lead of service-desk"])],
    }


def test_a_column_for_each_role() -> None:
    """Roles and teams stand in the first row, times in the cells."""
    assert steps("Priority\tDuty manager\tNetwork Ops\nP1\tat once\t30\nP2\t1.5 h\t2h\nP3\tn/a\t\n") == {
        "matrix-p1": [
            ("0 minutes", ["tell: duty-manager"]),
            ("30 minutes", ["escalate: {'chain': 'network', 'to': 'network-ops'}"]),
        ],
        "matrix-p2": [
            ("90 minutes", ["tell: duty-manager"]),
            ("2 hours", ["escalate: {'chain': 'network', 'to': 'network-ops'}"]),
        ],
    }


@pytest.mark.parametrize(
    "text", [LONG, "Prio;15 min;1h\nP1;Duty Manager;network-eng\n", "Severity,Duty manager\n1,20\n3,1 day\n"]
)
def test_the_rules_load(text: str) -> None:
    """What comes out is read without a problem or a hint, beside the rules that are there."""
    loaded_files = load({"organisation.yaml": ORGANISATION, "rules.yaml": RULES, "matrix.yaml": made(text)}, LIBRARY)
    assert loaded_files.hints == ()
    assert State("priority", OneOf(("P1",))) in getattr(loaded_files.rulebook.rules[0].condition, "parts", ())


def test_the_rules_do_what_the_matrix_says() -> None:
    """Each step has its time and its people."""
    first = rules_of(LONG)[0]
    assert [str(step.after) if step.after else "" for step in first.steps] in (
        ["0 minutes", "15 minutes", "60 minutes"],
        ["", "15 minutes", "60 minutes"],
    )
    assert first.actions == (
        Tell("duty-manager", urgent=True),
        Escalate("network", to="network-ops"),
        Tell("duty-manager"),
        Tell("lead of service-desk"),
    )


def test_ids_that_are_taken_are_left_alone() -> None:
    """A rule keeps its id for ever, so a new one never gets it."""
    assert "rule: matrix-p1-2\n" in made(LONG, taken=("matrix-p1",))


@pytest.mark.parametrize(
    ("text", "word", "expected", "hint"),
    [
        (
            "Priority,After,Who\n»P7,15,duty-manager\n",
            "P7",
            "there is no such priority; there are: P1, P2, P3",
            nearest("P7", ("P1", "P2", "P3")),
        ),
        ("Priority,After,Who\nP1,»soon,duty-manager\n", "soon", "expected a time such as 15", ""),
        ("Priority,After,Who\nP1,15,»duty-manger\n", "duty-manger", "neither a role nor a team", "duty-manager"),
        ("Priority,After,Who\n»,15,duty-manager\n", "", "no priority stands here", ""),
        ("Priority,15 min\nP1,»nobdy\n", "nobdy", "neither a role nor a team", ""),
        ("Priority,»Foo\nP1,15\n", "Foo", "neither times nor people", ""),
        ("»Priority,After,Who\n", "Priority", "no row follows it", ""),
        ("", "m.csv", "holds no step", ""),
    ],
)
def test_every_problem_has_its_row_and_column(text: str, word: str, expected: str, hint: str) -> None:
    """As a person finds it in the sheet: row, then number of the column."""
    rows = text.split("\n")
    row = next((n for n, line in enumerate(rows) if MARK in line), 0)
    column = rows[row].split(MARK)[0].count(",") + 1
    found = [problem for problem in refused(text.replace(MARK, "")) if problem.text == word]
    assert [(problem.line, problem.column) for problem in found] == [(row + 1, column)]
    assert expected in found[0].expected
    assert found[0].hint == hint


def test_all_problems_come_at_once() -> None:
    """Whoever mends the sheet mends all of it."""
    assert len(refused("Priority,After,Who\nP7,15,duty-manger\nP1,soon,duty-manager\nP1,5,nobdy\n")) == 4


def test_a_team_outside_the_chain_is_refused() -> None:
    """`--chain` says along which chain teams get the ticket; one that is no tier of it can't."""
    assert "there is no such chain" in refused(LONG, "netwrok")[0].expected
    organisation = loaded(organisation=ORGANISATION + "  desk: [service-desk]\n").rulebook.organisation
    with pytest.raises(RulebookError, match="in several chains; say which with --chain: network, desk"):
        matrix_rules("Priority,After,Who\nP1,5,service-desk\n", "m.csv", organisation)
    with pytest.raises(RulebookError, match="no tier of the chain desk; the team is in: network"):
        matrix_rules("Priority,After,Who\nP1,5,network-ops\n", "m.csv", organisation, chain="desk")


CELLS = st.sampled_from(
    ["P1", "P2", "priority", "after", "who", "15", "1h", "duty-manager", "network-ops", '"', "", "\x00", "page", "9" * 30]
)


@given(
    st.text(max_size=300) | st.lists(st.lists(CELLS | st.text(max_size=8), max_size=5).map(",".join), max_size=6).map("\n".join)
)
@settings(max_examples=150)
def test_any_table_is_taken_or_refused(text: str) -> None:
    """Whatever the file holds: rules that can be read, or problems with places."""
    problems: tuple[Problem, ...] = ()
    rules = ""
    try:
        rules = made(text)
    except RulebookError as error:
        problems = error.problems
    assert bool(rules) is not bool(problems)
    assert not rules or yaml.safe_load(rules)["rules"]
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


@pytest.mark.parametrize(
    "table",
    [
        "Impact \\ Urgency,High,Medium,Low\nHigh,P1,P2,P3\nLow,P2,P3,P3\n",
        "Impact,Urgency,Priority\nHigh,High,P1\nHigh,Low,P2\n",
        ",High urgency,Low urgency\nHigh impact,1,2\nLow impact,2,3\n",
        "Auswirkung;hoch;niedrig\nhoch;P1;P2\nniedrig;P2;P3\n",
    ],
)
def test_a_table_of_impact_and_urgency_is_called_what_it_is(table: str) -> None:
    """It tells how urgent a ticket is and nothing of who is to know: one message says so, and which columns are wanted."""
    (problem,) = refused(table)
    assert "priority by impact and urgency, not who is to know when" in problem.expected
    assert "wanted are the columns Priority, After and Who" in problem.expected


@pytest.mark.parametrize(
    "header", ["Prioriteit,Na,Wie", "Priorität;Nach;Wer", "Priorité\tDélai\tQui", "Priority,Response,Resolution"]
)
def test_columns_in_other_words_are_answered_with_those_that_are_wanted(header: str) -> None:
    """One message at the first of them, and none for each cell below."""
    mark = next(mark for mark in ",;\t" if mark in header)
    rows = f"{header}\nP1,15 min,network-ops\nP2,1 h,duty-manager\n".replace(",", mark)
    (problem,) = refused(rows)
    assert (problem.line, problem.column) == (1, 2)
    assert "wanted are the columns Priority, After and Who" in problem.expected


def test_every_bad_cell_of_a_row_is_told() -> None:
    """A priority, a time and a name that nobody knows are three problems."""
    assert [problem.text for problem in refused("Priority,After,Who\nP9,soon,nobdy\n")] == ["P9", "soon", "nobdy"]
