import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.instants import HOUR, written
from tests.agent.command_line import FORGOTTEN, ORGANISATION, RULES, SOLVED, TAKEN, Desk, Said, desk, hoist, real_time

REPEATED = RULES + "    repeat: {every: 30 minutes, at_most: 2}\n"
WAITS = """\
rules:
  - rule: takes-long
    when: {status: [new, open]}
    for: 3 hours
    do: [{comment: "Open for {held}."}]
"""


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def why(it: Desk, key: str, *more: str) -> Said:
    return hoist("why", f"jira:{key}", "--config", it.config, *more)


def test_why_it_escalated_is_told_with_what_was_done(it: Desk) -> None:
    """For a ticket that was escalated: each part of the condition, when and what was written, and that nothing follows."""
    it.hoist("run", "--once")
    said = why(it, FORGOTTEN)
    assert said.code == 0
    for sentence in (
        "IT-1: No mail since noon",
        "nobody-took-it: holds",
        "because the assignee is nobody: yes, since",
        "team Service Desk -> Network, label lifted, an internal comment",
        "next nothing more while this lasts",
    ):
        assert sentence in said.words
    assert re.search(r"the escalation due since [0-9: -]+ UTC was written at [0-9: -]+ UTC: team", said.words)


def test_why_it_did_not_escalate_names_what_is_missing(it: Desk) -> None:
    """For a ticket that was not escalated: the part that is not so, since when, and what would have to change."""
    it.hoist("run", "--once")
    taken, solved = why(it, TAKEN), why(it, SOLVED)
    assert "nobody-took-it: does not hold" in taken.words
    assert "the assignee is nobody: no, since" in taken.words
    assert "the status is new or open: no, since" in solved.words
    assert "next nothing, unless the ticket changes" in solved.words


def test_what_comes_next_has_an_instant(it: Desk) -> None:
    """A rule that is not true yet tells when it will be if nothing changes."""
    it.write(rules=WAITS)
    it.hoist("run", "--once")
    said = why(it, FORGOTTEN, "--json")
    [rule] = said.json["rules"]
    assert rule["holds"] is False
    assert re.fullmatch(r"it escalates at .* UTC if nothing changes until then", rule["next"])
    assert rule["next_at"] > said.json["at"]


def test_the_next_reminder_is_announced(it: Desk) -> None:
    """While a rule with `repeat` holds, its next reminder is told with number and instant."""
    it.write(rules=REPEATED)
    it.hoist("run", "--once")
    [rule] = why(it, FORGOTTEN, "--json").json["rules"]
    assert re.fullmatch(r"reminder 1 of 2 at .* UTC if it is still so", rule["next"])


KEPT = (
    RULES.replace("  - rule: nobody-took-it\n", "  - rule: nobody-took-it\n    on_change: keep\n")
    + "    repeat: {every: 2 hours, at_most: 3}\n"
)


def test_an_escalation_under_a_former_text_is_told_by_that(it: Desk) -> None:
    """Where a rule keeps what is under way to its former text, what comes next is what that says, and `why` says so."""
    it.write(rules=KEPT)
    it.hoist("run", "--once")
    it.write(rules=KEPT.replace("{every: 2 hours, at_most: 3}", "{every: 5 hours, at_most: 1}"))
    it.hoist("run", "--once")
    [rule] = why(it, FORGOTTEN, "--json").json["rules"]
    assert re.fullmatch(
        r"reminder 1 of 3 at .* UTC if it is still so; it keeps to the rule's former text \(on_change: keep\)", rule["next"]
    )


def test_backlog_is_told_as_left_alone(it: Desk) -> None:
    """F5: what was so before the rule went live is said to be left alone, and why."""
    it.write(organisation=ORGANISATION.replace("existing_tickets: all", "existing_tickets: ignore"))
    it.hoist("run", "--once")
    assert it.untouched()
    assert "it was so before the rule went live (existing_tickets)" in why(it, FORGOTTEN).words


def test_a_rule_that_watches_says_so(it: Desk) -> None:
    """For a rule in watch: what it would have done, and that nothing was written."""
    it.write(organisation=ORGANISATION.replace("mode: live", "mode: watch"))
    it.hoist("run", "--once")
    assert it.untouched()
    said = why(it, FORGOTTEN)
    assert "nobody-took-it: holds (it only watches)" in said.words
    assert "was noted and not written: the rule only watched" in said.words


MANY = (
    RULES
    + WAITS.removeprefix("rules:\n").replace("takes-long", "takes-days").replace("3 hours", "3 days")
    + """\
  - rule: about-printers
    when: {subject: {any_word: printer}, status: [new, open]}
    do: [{comment: "A printer."}]
  - rule: takes-long
    when: {status: [new, open]}
    until: [{label: taken-over}]
    clock: 3 hours
    pause_while: {status: pending}
    do: [{comment: "Open for {held}."}]
"""
)


def test_what_matters_most_comes_first(it: Desk) -> None:
    """Among many rules: what happens next, what holds, what comes by instant, and a line for each of the others."""
    it.write(rules=MANY)
    it.hoist("run", "--once")
    said = why(it, FORGOTTEN)
    lines = [line.strip() for line in said.out.splitlines()]
    assert lines[2].startswith("next      takes-long: it escalates at")
    order = [lines.index(title) for title in ("hold, or did something (1)", "come next (2)", "far from it (1)")]
    assert order == sorted(order)
    assert [line.split()[0] for line in lines[order[1] + 1 : order[1] + 3]] == ["takes-long", "takes-days"]
    assert lines[order[2] + 1].startswith('about-printers  "the subject has the words')
    assert "the subject has the words 'printer': no, since" not in said.words
    assert "the subject has the words 'printer': no, since" in why(it, FORGOTTEN, "--all").words
    plain = why(it, FORGOTTEN, "--json").json
    assert [rule["rule"] for rule in plain["rules"]][:3] == ["nobody-took-it", "takes-long", "takes-days"]
    assert plain["next"] == "takes-long"


def test_what_would_end_it_is_no_want(it: Desk) -> None:
    """What stops a clock or ends an escalation is told as such, and is not asked for."""
    it.write(rules=MANY)
    it.hoist("run", "--once")
    [rule] = why(it, FORGOTTEN, "--rule", "takes-long", "--json").json["rules"]
    assert rule["wanting"] == [want for want in rule["wanting"] if "3 hours are on the clock" in want]
    assert rule["ends"] == [
        "its clock would stand while the status is pending",
        "it would end for good when the labels include taken-over",
    ]
    assert "but it would end for good when the labels include taken-over" in why(it, FORGOTTEN, "--rule", "takes-long").words


def test_an_earlier_instant_can_be_asked_about(it: Desk) -> None:
    """--at asks about the past: then it did not hold yet, and nothing done later is shown."""
    it.hoist("run", "--once")
    said = why(it, FORGOTTEN, "--at", written(real_time() - 2 * HOUR + 60_000))
    assert "nobody-took-it: does not hold" in said.words
    assert "was written" not in said.words
    assert "next it escalates at" in said.words
    before = why(it, FORGOTTEN, "--at", "2020-01-01T00:00:00Z")
    assert "the ticket was not there yet" in before.words
    assert "because" not in before.words
    assert "next nothing to say before the ticket was created, at" in before.words
    assert "it escalates" not in before.words


def test_keys_may_be_written_in_any_case(it: Desk) -> None:
    """A key in small letters names the same ticket."""
    it.hoist("run", "--once")
    assert "IT-1: No mail since noon" in why(it, FORGOTTEN.lower()).words


@pytest.mark.parametrize(
    ("named", "rule", "sentence"),
    [
        ("jira:IT-99", None, "jira:IT-99 is not mirrored: check the key"),
        ("IT-1", None, "'IT-1' names no ticket: write SOURCE:KEY, like jira:IT-1"),
        ("jira:", None, "names no ticket: write SOURCE:KEY"),
        ("jra:IT-1", None, "hoist.yaml has no source 'jra'; did you mean jira:IT-1?"),
        ("jira:IT-1", "nobody-tok-it", "there is no rule nobody-tok-it (drafts are left out); did you mean nobody-took-it?"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest_name(it: Desk, named: str, rule: str | None, sentence: str) -> None:
    """An unknown ticket, source or rule is answered with a sentence and exit code 2."""
    it.hoist("run", "--once")
    said = hoist("why", named, "--config", it.config, *(["--rule", rule] if rule else []))
    assert said.code == 2
    assert sentence in said.err


def test_one_rule_can_be_asked_for(it: Desk) -> None:
    """--rule leaves the others out."""
    it.write(rules=RULES + WAITS.removeprefix("rules:\n"))
    it.hoist("run", "--once")
    assert [rule["rule"] for rule in why(it, FORGOTTEN, "--json").json["rules"]] == ["nobody-took-it", "takes-long"]
    assert [rule["rule"] for rule in why(it, FORGOTTEN, "--rule", "takes-long", "--json").json["rules"]] == ["takes-long"]


def test_a_ticket_outside_the_chain_is_told_so(it: Desk) -> None:
    """Where a rule would move tickets along a chain and this one's team is not in it, nobody has to find out by waiting."""
    said = "the ticket's team stands outside the chain it: no rule moves it along that"
    it.hoist("run", "--once")
    assert said not in why(it, FORGOTTEN).words
    it.write(organisation=ORGANISATION.replace("it: [desk, network]", "it: [network]"))
    it.hoist("run", "--once")
    assert said not in why(it, FORGOTTEN).words, "it was moved into the chain"
    assert said in why(it, TAKEN).words
    assert said not in why(it, SOLVED).words, "what is solved goes nowhere"


def test_times_are_those_of_the_organisation(it: Desk) -> None:
    """Pauses, snoozes and status say when in the zone in which people read all else; machines get UTC."""
    it.write(organisation=ORGANISATION.replace("always: {hours: all}", "always: {hours: all, time_zone: Asia/Kolkata}"))
    it.hoist("run", "--once")
    snoozed = it.hoist("snooze", f"jira:{FORGOTTEN}", "--why", "Nora is at it")
    paused = it.hoist("pause", "--all", "--for", "2h", "--why", "the network is rebuilt")
    for said in (snoozed, paused, it.hoist("status"), why(it, FORGOTTEN)):
        assert " IST (UTC+5:30)" in said.words or " UTC+5:30" in said.words, said.words
    status = it.hoist("status").words
    for title in ("PAUSED", "snoozed"):
        line = status.partition(title)[2][:160]
        assert re.search(r"until [0-9: -]+ (IST|UTC\+5:30)", line), line
    (source,) = it.hoist("status", "--json").json["sources"]
    assert re.search(r"until [0-9T:.-]+Z", source["pauses"][0])
