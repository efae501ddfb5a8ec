"""Regular expressions of a protocol: none that a requester's text could hold up is accepted."""

import pytest

from rules.conditions.states import TEXT_LIMIT
from rules.language.patterns import WORK_LIMIT, UnsafePattern, work_of
from tests.rules.protocol_texts import RULES, marked, problems

NESTED = "repeat once: `a+`, not `(a+)+`"
CHOICE = "let its alternatives begin with different characters"
WORK = "let each repeat end where the next part begins"

BAD = [
    ("(a+)+$", NESTED),
    ("(a*)*", NESTED),
    (r"(\w+\s?)*$", NESTED),
    ("(?=(a+)+$)", NESTED),
    ("(?>a+)+b", NESTED),
    ("(a|a)*b", CHOICE),
    ("(|a)+b", CHOICE),
    ("(a|aa)+$", CHOICE),
    ("(a|b|ab)*c", CHOICE),
    ("(a?a)*b", CHOICE),
    ("(a{1,2})+$", CHOICE),
    ("(.*a){20}", WORK),
    ("(a{1,10}){1,10}b", WORK),
    ("a?" * 30 + "a" * 30, WORK),
    ("(a|a)" * 40 + "b", WORK),
    ("x*x*x*y", WORK),
    (".*.*x", WORK),
    (r".*.*\d+-", WORK),
    (".*a.*b", WORK),
    (r"\s+.*\s+$", WORK),
    ("(a{9999}){9999}x", WORK),
    (r"(a)\1", "a back-reference"),
    ("(a)?(?(1)b|c)", "a back-reference"),
    ("(?i:a)b", "write them once at its beginning"),
]

GOOD = [
    ("VPN.*down", 1),
    (r"^\[ALERT\]", 0),
    ("(error|fail(ed|ure))", 0),
    (r"INC\d{7}", 0),
    ("CVE-[0-9]{4}", 0),
    ("(?i)urgent|asap", 0),
    (".*down.*", 2),
    (r"\d+\.\d+\.\d+\.\d+", 4),
    (r"(?:\d{1,3}\.){3}\d{1,3}", 0),
    (r"[^@\s]+@[^@\s]+\.com", 2),
    (r"\bVPN\b.*\bdown\b", 1),
    ("(foo|bar)+", 1),
    ("colou?r", 0),
    (r"^Re:\s*\[.+\]", 2),
    (r"(?<!\w)P[12](?!\w)", 0),
    ("^.*a.*b", 2),
    (r"crash.*1\.2\.[0-9]+", 1),
    (r"order.*(#\d+)", 1),
    ("", 0),
]


@pytest.mark.parametrize(("pattern", "instead"), BAD)
def test_a_pattern_that_a_text_could_hold_up_is_refused_where_it_stands(pattern: str, instead: str) -> None:
    """The place is named, and so is what to write instead."""
    rules, line, column = marked(RULES.replace("assignee: nobody", f"text: {{matches: »'{pattern}'}}"))
    (problem,) = problems(rules)
    assert (problem.line, problem.column) == (line, column)
    assert instead in problem.expected


@pytest.mark.parametrize(("pattern", "repeats"), GOOD)
def test_what_people_write_is_accepted(pattern: str, repeats: int) -> None:
    """Ordinary patterns are taken; their work grows with the text by no more than their few repeats explain."""
    assert work_of(pattern) <= min(WORK_LIMIT, 500 * TEXT_LIMIT ** (1 + min(repeats, 1)) * max(repeats, 1))
    if pattern:
        assert problems(RULES.replace("assignee: nobody", f"subject: {{matches: '{pattern}'}}")) == ()


@pytest.mark.parametrize("part", ["a*", ".*", r"\w+", "[a-z]{0,50}", ".+?"])
def test_at_most_one_free_repeat_before_the_end(part: str) -> None:
    """Of wide repeats that can match the same text one may stand before a word, and never three, wherever a pattern begins."""
    assert work_of(f"{part}x") <= WORK_LIMIT
    with pytest.raises(UnsafePattern):
        work_of(part * 3 + "x")
